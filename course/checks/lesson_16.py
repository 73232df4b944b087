"""The exercise of lesson 16: the search is switched to a version that is whole, and to no other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

from course.checks.notes import numbers
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import ODD, Stage

VERSIONS = """
    CREATE TABLE documents (id bigint PRIMARY KEY, title text, content text);
    CREATE VIEW text_2 AS
        SELECT id AS document_id, text, md5(text) AS hash FROM documents, concat_ws(chr(10), title, content) AS text;
    CREATE TABLE vectors_2 (
        document_id bigint PRIMARY KEY REFERENCES documents ON DELETE CASCADE, embedding vector(3) NOT NULL, hash text NOT NULL);
    CREATE TABLE backfill (document_id bigint PRIMARY KEY REFERENCES documents ON DELETE CASCADE);
    CREATE TABLE models (version int PRIMARY KEY);
    INSERT INTO models VALUES (1), (2);
    CREATE TABLE search (version int NOT NULL REFERENCES models);
    INSERT INTO search VALUES (1);
    CREATE SEQUENCE switched;  -- others see that it was used before the switch is committed
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM nextval('switched') WHERE NEW.version = 2;
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER INSERT OR UPDATE ON search FOR EACH ROW EXECUTE FUNCTION note();
"""
DOCUMENT = "INSERT INTO documents VALUES (%s, %s, %s)"
FILL = "INSERT INTO vectors_2 SELECT document_id, '[1,2,3]', hash FROM text_2"
STALE = "UPDATE documents SET title = coalesce(title, '') || ' (new)' WHERE id = 1203"
MISSING = "DELETE FROM vectors_2 WHERE document_id = 1204"
TWINS = f"""
    UPDATE documents SET content = 'The same.' WHERE id > 1202;
    {FILL} ON CONFLICT (document_id) DO UPDATE SET hash = excluded.hash;
    {MISSING}
"""
ONE_LEFT = "DELETE FROM vectors_2 WHERE document_id <> 1202"
NONE_FITS = f"{ONE_LEFT}; UPDATE documents SET content = content || '!'"
UNTITLED = (
    "UPDATE documents SET title = NULL; UPDATE vectors_2 v SET hash = t.hash FROM text_2 t WHERE t.document_id = v.document_id"
)


def _prepared(stage: Stage, but: str) -> psycopg.Connection:
    """Four documents whose vectors fit, and then a piece of SQL."""
    postgres = stage.database(VERSIONS)
    for id in (1201, 1202, 1203, 1204):
        stage.own.execute(DOCUMENT, [id, ODD, f"Note {id}"])
    stage.own.execute(FILL)
    stage.own.execute(but)
    return postgres


def _where(*states: tuple[str, str]) -> Callable[[Callable, Stage], Parts]:
    """How to observe a call in each of these states, one after the other: a piece of SQL that makes it, and what it is."""

    def observe(switch: Callable, stage: Stage) -> Parts:
        postgres = _prepared(stage, "SELECT")
        seen = Parts()
        for but, what in states:
            stage.own.execute("UPDATE search SET version = 1")
            stage.own.execute(but)
            seen[f"{what}, you return"] = switch(postgres)
            seen[f"{what}; the version in use then"] = numbers(stage.rows("SELECT version FROM search"))
        return seen

    return observe


AGAIN = "DELETE FROM documents WHERE id = 1205; UPDATE search SET version = 1; ALTER SEQUENCE switched RESTART"


def _between(switch: Callable, stage: Stage) -> Parts:
    """Somebody who comes after the first query, or the second, or the third."""
    postgres = _prepared(stage, "SET lock_timeout = '300ms'")
    unseen, rows = [0], {1}
    for moment in (1, 2, 3):
        stage.own.execute(AGAIN)
        before, found = _visited(switch, postgres, stage, moment)
        unseen.append(int(before and (2,) in stage.rows("SELECT version FROM search")))
        rows |= found
    return Parts(
        documents_without_a_vector_at_the_moment_of_the_switch_when_another_session_adds_one_between_your_queries=max(unseen),
        rows_in_search_that_a_reader_finds_meanwhile=sorted(rows),
    )


def _visited(switch: Callable, postgres: psycopg.Connection, stage: Stage, moment: int) -> tuple[bool, set[int]]:
    """Whether a document without a vector came after this query and before the switch; how many rows a reader found."""
    queries: list[Any] = []
    before: list[bool] = []
    rows: set[int] = set()
    plain = postgres.cursor_factory

    class Followed(plain):  # type: ignore[misc, valid-type]
        """A cursor after one of whose queries both come."""

        def execute(self, query: Any, *given: Any, **options: Any) -> Any:
            done = super().execute(query, *given, **options)
            queries.extend([query] if "SELECT" in str(query).upper() else [])
            if len(queries) == moment and not before:
                with suppress(psycopg.errors.LockNotAvailable):  # the tables are locked, and nobody comes between
                    before.append(False)
                    rows.add(len(stage.rows("SELECT version FROM search")))
                    stage.own.execute(DOCUMENT, [1205, "Late", "It came between."])
                    before[0] = stage.rows("SELECT is_called FROM switched") == [(False,)]
            return done

    postgres.cursor_factory = Followed
    try:
        switch(postgres)
    finally:
        postgres.cursor_factory = plain
    return any(before), rows


DISTINCT = "v.hash IS DISTINCT FROM t.hash"
WHOLE = f"NOT EXISTS (SELECT FROM text_2 t LEFT JOIN vectors_2 v USING (document_id) WHERE {DISTINCT})"
AFTERWARDS = 'postgres.execute("SELECT version FROM search").fetchone()[0] == 2'


@exercise(
    "16.switch",
    hints=[
        "Which documents are not done? The lesson's condition finds them. Switch where there is none: `NOT EXISTS (…)`.",
        "`UPDATE search SET version = 2 WHERE NOT EXISTS (SELECT FROM text_2 t LEFT JOIN vectors_2 v …)` "
        "looks and switches at once.",
        "The hashes are compared by `IS DISTINCT FROM`, which is also true where the vector is missing. Then "
        "ask `search` for what "
        "you return.",
    ],
    may={"postgres"},
    mistakes=[
        Mistake(
            "the queue decides",
            "You ask the queue. It says what was put into it: a job may be left of what is done, and what nobody put into it is "
            "not there. Compare `vectors_2` with `text_2`.",
            code=f"""
            def switch(postgres):
                postgres.execute("UPDATE search SET version = 2 WHERE NOT EXISTS (SELECT FROM backfill)")
                return {AFTERWARDS}
            """,
        ),
        Mistake(
            "always",
            "You switch whatever is there. First it has to be true that every document has a vector of its text: `WHERE NOT "
            "EXISTS (…)`.",
            code=f"""
            def switch(postgres):
                postgres.execute("UPDATE search SET version = 2")
                return {AFTERWARDS}
            """,
        ),
        Mistake(
            "the other way round",
            "You switch when a document is not done, and stay when all are. `NOT EXISTS`.",
            old="NOT EXISTS",
            new="EXISTS",
        ),
        Mistake(
            "some are enough",
            "You switch as soon as one document is done. Every one has to be: that none is left which is not.",
            code=f"""
            def switch(postgres):
                postgres.execute('''UPDATE search SET version = 2 WHERE EXISTS (
                    SELECT FROM text_2 t LEFT JOIN vectors_2 v USING (document_id) WHERE v.hash = t.hash)''')
                return {AFTERWARDS}
            """,
        ),
        Mistake(
            "any vector will do",
            "A document was changed after its vector was made, and you switch. Every document has a vector, and this one's is of "
            "another text: compare the hashes.",
            old=f"WHERE {DISTINCT}",
            new="WHERE v.document_id IS NULL",
        ),
        Mistake(
            "missing ones unseen",
            "A document has no vector, and you switch. Where the LEFT JOIN finds none, its hash is NULL, and "
            "NULL is neither equal "
            "to anything nor different by `<>`; a plain JOIN leaves the document out. `IS DISTINCT FROM` sees it.",
            old="IS DISTINCT FROM",
            new="<>",
        ),
        Mistake(
            "hashes without their documents",
            "Two documents say the same, so they have the same hash. One has no vector, and the other's stands for it in your "
            "comparison: compare each document with its own vector.",
            code=f"""
            def switch(postgres):
                postgres.execute('''UPDATE search SET version = 2 WHERE NOT EXISTS (
                    SELECT hash FROM text_2 EXCEPT SELECT hash FROM vectors_2)''')
                return {AFTERWARDS}
            """,
        ),
        Mistake(
            "the hash of the content",
            "Version 2 reads the title too, so the hash of the content alone is no vector's. `text_2` has the right one.",
            code=f"""
            def switch(postgres):
                postgres.execute('''UPDATE search SET version = 2 WHERE NOT EXISTS (
                    SELECT FROM documents d LEFT JOIN vectors_2 v ON v.document_id = d.id
                    WHERE v.hash IS DISTINCT FROM md5(d.content))''')
                return {AFTERWARDS}
            """,
        ),
        Mistake(
            "goes back",
            "Version 2 was searched already, and you put the search back to 1, because a document is not done. Where it is not "
            "whole, nothing is to be changed.",
            code=f"""
            def switch(postgres):
                postgres.execute("UPDATE search SET version = CASE WHEN {WHOLE} THEN 2 ELSE 1 END")
                return {AFTERWARDS}
            """,
        ),
        Mistake(
            "whether it has switched",
            "Version 2 is searched, and you say that it is not: you return whether your statement has changed a "
            "row. Ask `search` "
            "afterwards.",
            code=f"""
            def switch(postgres):
                return postgres.execute("UPDATE search SET version = 2 WHERE {WHOLE}").rowcount == 1
            """,
        ),
        Mistake(
            "another row",
            "Now `search` has two rows, and a reader takes whichever comes first. Change the row that is there: `UPDATE`.",
            code=f"""
            def switch(postgres):
                postgres.execute("INSERT INTO search SELECT 2 WHERE {WHOLE}")
                return bool(postgres.execute("SELECT FROM search WHERE version = 2").fetchone())
            """,
        ),
        Mistake(
            "looks, then switches",
            "You look in one statement and switch in another. Between the two another session has added a document without a "
            "vector, and no search finds it now. A transaction around both keeps nobody out, nor does a lock on "
            "`search`. One statement, `UPDATE … WHERE NOT EXISTS (…)`, has no between.",
            code=f"""
            def switch(postgres):
                with postgres.transaction():
                    if postgres.execute("SELECT {WHOLE}").fetchone()[0]:
                        postgres.execute("UPDATE search SET version = 2")
                return {AFTERWARDS}
            """,
        ),
        Mistake(
            "delete and insert",
            "Between your DELETE and your INSERT `search` is empty, and a reader who comes then has no version. "
            "`UPDATE` changes the "
            "row at once.",
            code=f"""
            def switch(postgres):
                deleted = postgres.execute("DELETE FROM search WHERE {WHOLE}").rowcount
                if deleted:
                    postgres.execute("INSERT INTO search VALUES (2)")
                return {AFTERWARDS}
            """,
        ),
        Mistake(
            "empties search",
            "It is not whole, and `search` has no row any more. Where it is not whole, nothing is to be changed.",
            code=f"""
            def switch(postgres):
                postgres.execute("DELETE FROM search")
                postgres.execute("INSERT INTO search SELECT 2 WHERE {WHOLE}")
                return bool(postgres.execute("SELECT FROM search WHERE version = 2").fetchone())
            """,
        ),
        Mistake(
            "an error for no",
            "It is not whole, and you raise an error. A script at night wants an answer: return `False`.",
            code=f"""
            def switch(postgres):
                if not postgres.execute("UPDATE search SET version = 2 WHERE {WHOLE}").rowcount:
                    raise RuntimeError("not whole")
                return True
            """,
        ),
        Mistake(
            "the version",
            "That is the version. Asked for is whether it is 2: `True` or `False`.",
            old="fetchone()[0] == 2",
            new="fetchone()[0]",
        ),
        Mistake("returns nothing", "You return nothing. Say whether version 2 is searched now.", old="    return ", new="    "),
        Mistake(
            "always True",
            "You return `True` although version 1 is still searched. Ask `search` what is so.",
            old=AFTERWARDS,
            new="True",
        ),
        Mistake(
            "one document is looked at",
            "You look at the first document only. Every one has to be done.",
            old="SELECT FROM text_2 t",
            new="SELECT FROM (SELECT * FROM text_2 ORDER BY document_id LIMIT 1) t",
        ),
        Mistake(
            "version 1 after all",
            "Everything is done, and version 1 is still searched: `SET version = 2`.",
            old="SET version = 2",
            new="SET version = 1",
        ),
    ],
)
def switch(switch: Callable, trial: Trial) -> str:
    """Judge whole and incomplete states, a search that has been switched before, and others at work."""
    trial.compare(
        switch,
        _where(
            ("SELECT", "Every document has its vector"),
            ("INSERT INTO backfill VALUES (1202)", "A job is left of a document that is done"),
            (UNTITLED, "No document has a title, and all have their vectors"),
            (STALE, "One document has got a title after its vector was made"),
            (MISSING, "Another one has no vector"),
            (ONE_LEFT, "Only one document has a vector"),
            (NONE_FITS, "No document has a vector of its text"),
        ),
    )
    trial.compare(switch, _where((STALE, "A title was changed after the vector was made")))
    trial.compare(switch, _where((TWINS, "Two documents say the same, and one of them has no vector")))
    already = "UPDATE search SET version = 2"
    trial.compare(
        switch,
        _where(
            (already, "Version 2 is searched already"),
            (f"{already}; {MISSING}", "Version 2 is searched already, and a document has come without a vector"),
        ),
    )
    trial.compare(switch, _between)
    return "It can run every night until it says yes. A note that an old process has added makes it say no, and that is right."
