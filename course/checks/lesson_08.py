"""The exercise of lesson 08: one query that names the ids which two tables of checksums do not agree on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Trial
from course.exercises.stage import Stage

SUMS = """
    CREATE TABLE vectors (document_id bigint PRIMARY KEY, embedding vector(3) NOT NULL);
    INSERT INTO vectors SELECT id, ARRAY[id, 1, 2]::real[]::vector FROM generate_series(1101, 1130) AS id;
    UPDATE vectors SET embedding = '[7, 7, 7]' WHERE document_id IN (1113, 1114);
    CREATE VIEW new_sums AS SELECT document_id, md5(substring(vector_send(embedding) FROM 5)) FROM vectors;
    CREATE TABLE old_sums (document_id bigint PRIMARY KEY, md5 text);
    INSERT INTO old_sums SELECT * FROM new_sums;
"""
"""Thirty vectors that are the same on both sides; two of them are equal to each other, as those of two equal texts are."""

PLANTED = """
    UPDATE vectors SET embedding = '[1105, 1, 2.0000002]' WHERE document_id = 1105;
    UPDATE vectors SET embedding = ARRAY[2221 - document_id, 1, 2]::real[]::vector WHERE document_id IN (1110, 1111);
    DELETE FROM vectors WHERE document_id = 1120;
    DELETE FROM old_sums WHERE document_id = 1125;
"""
"""One is changed by a bit, two stand under each other's id, one is only in ChromaDB and one only in PostgreSQL."""

_FROM = "FROM old_sums FULL JOIN new_sums USING (document_id)"
_WHERE = "old_sums.md5 IS DISTINCT FROM new_sums.md5"


def _query(sql: str) -> str:
    """An answer whose query is this one."""
    return f"""
def differences(postgres):
    return {{id for (id,) in postgres.execute('''{sql}''')}}
"""


@exercise(
    "08.differences",
    hints=[
        "A `JOIN` leaves out what only one side has, a `LEFT JOIN` what only the right side has. Which join keeps both?",
        "`old_sums FULL JOIN new_sums USING (document_id)` gives one row an id. Where a side lacks it, its `md5` is NULL.",
        "A comparison with NULL is neither true nor false. `a IS DISTINCT FROM b` is true if one of the two is NULL.",
    ],
    mistakes=[
        Mistake(
            "an inner join, or <>",
            "Ids that only one side has are missing. A `JOIN` leaves them out; so does `<>` after a `FULL JOIN`, because a "
            "comparison with NULL is never true.",
            old="FULL JOIN",
            new="JOIN",
        ),
        Mistake(
            "from the old side",
            "1125 is missing: only PostgreSQL has it. You look from `old_sums`, and see nothing that it lacks. Look from both.",
            old="FULL JOIN",
            new="LEFT JOIN",
        ),
        Mistake(
            "from the new side",
            "1120 is missing: only ChromaDB has it, it was never copied. You look from `new_sums` alone. Look from both sides.",
            old="FULL JOIN",
            new="RIGHT JOIN",
        ),
        Mistake(
            "what is missing only",
            "You see which ids are missing on either side, and not which vectors differ. Compare the checksums as well.",
            old=_WHERE,
            new="old_sums.md5 IS NULL OR new_sums.md5 IS NULL",
        ),
        Mistake(
            "one side and its missing ones",
            "You see the one that was never copied, and nothing else. What differs, and what does only PostgreSQL have?",
            code=_query("SELECT document_id FROM old_sums WHERE document_id NOT IN (SELECT document_id FROM new_sums)"),
        ),
        Mistake(
            "the other side and its missing ones",
            "You see the one that only PostgreSQL has, and nothing else. What differs, and what was never copied?",
            code=_query("SELECT document_id FROM new_sums WHERE document_id NOT IN (SELECT document_id FROM old_sums)"),
        ),
        Mistake(
            "the same ones",
            "Those are the ids that are the same. Asked for are the others.",
            old="IS DISTINCT FROM",
            new="=",
        ),
        Mistake(
            "no condition",
            "You name every id, and most are the same. Which condition do only those fulfil that differ?",
            old=f"WHERE {_WHERE}",
            new="",
        ),
        Mistake(
            "each with all others",
            "You compare each checksum with those of all other ids. Join on `document_id`, so that each meets its own.",
            old=f"document_id {_FROM}\n        WHERE {_WHERE}",
            new="old_sums.document_id FROM old_sums JOIN new_sums ON old_sums.md5 <> new_sums.md5",
        ),
        Mistake(
            "the id of one side",
            "There is a `None` among yours: after a `FULL JOIN`, the side that lacks the id has NULL there. The column of a "
            "`USING` is never NULL, and neither is `coalesce(old_sums.document_id, new_sums.document_id)`.",
            old="SELECT document_id",
            new="SELECT old_sums.document_id",
        ),
        Mistake(
            "the id of the new side",
            "There is a `None` among yours, for the one that `new_sums` lacks. Without a table's name before it, the column of "
            "`USING` has the id in any case.",
            old="SELECT document_id",
            new="SELECT new_sums.document_id",
        ),
        Mistake(
            "joined by the checksum",
            "1113 and 1114 have the same vector, as equal texts have, and you call them different. Join on the id: a checksum "
            "may stand for several.",
            code="""
            def differences(postgres):
                query = '''
                    SELECT coalesce(old_sums.document_id, new_sums.document_id) FROM old_sums FULL JOIN new_sums USING (md5)
                    WHERE old_sums.document_id IS DISTINCT FROM new_sums.document_id
                '''
                return {id for (id,) in postgres.execute(query)}
            """,
        ),
        Mistake(
            "the checksums alone",
            "1110 and 1111 stand under each other's id, and you do not see it: each checksum is somewhere on both sides. Compare "
            "it under its id.",
            code=_query("""
                SELECT document_id FROM old_sums WHERE md5 NOT IN (SELECT md5 FROM new_sums)
                UNION SELECT document_id FROM new_sums WHERE md5 NOT IN (SELECT md5 FROM old_sums)
            """),
        ),
        Mistake(
            "the checksums alone, from one side",
            "You ask whether a checksum is anywhere on the other side. That of 1110 is, under another id: compare it under its "
            "own, and from both sides.",
            code=_query("SELECT document_id FROM old_sums WHERE md5 NOT IN (SELECT md5 FROM new_sums)"),
        ),
        Mistake(
            "how many",
            "That is one number in a set: how many there are. Which ones?",
            old="SELECT document_id",
            new="SELECT count(*)",
        ),
        Mistake(
            "two columns",
            "Your query gives several columns, and the line below it takes one: the id.",
            old="SELECT document_id",
            new="SELECT document_id, new_sums.md5",
        ),
        Mistake(
            "the checksums",
            "Those are checksums. Which documents are they of? Select the ids.",
            old="SELECT document_id",
            new="SELECT coalesce(old_sums.md5, new_sums.md5)",
        ),
        Mistake(
            "as texts",
            "Those are texts. Leave the ids the numbers that they are: `1105`, not `'1105'`.",
            old="SELECT document_id",
            new="SELECT document_id::text",
        ),
        Mistake(
            "the cursor",
            "That is a cursor: the answer that PostgreSQL is still to be asked for, row by row. Take the id out of each row.",
            old="{id for (id,) in postgres.execute(query)}",
            new="postgres.execute(query)",
        ),
        Mistake(
            "a list",
            "Those are the ones. Return them as a set, as the line that was given does.",
            old="{id for (id,) in postgres.execute(query)}",
            new="[id for (id,) in postgres.execute(query)]",
        ),
        Mistake(
            "rows",
            "Yours holds rows. Take the id out of each: `for (id,) in …`.",
            old="{id for (id,) in postgres.execute(query)}",
            new="set(postgres.execute(query).fetchall())",
        ),
        Mistake(
            "a list of rows",
            "That is a list of rows. Take the id out of each, into a set, as the line that was given does.",
            old="{id for (id,) in postgres.execute(query)}",
            new="postgres.execute(query).fetchall()",
        ),
        Mistake(
            "no return",
            "Your function finds them and keeps them for itself: `return` is missing.",
            old="return {",
            new="{",
        ),
        Mistake(
            "yes or no",
            "That says whether some differ. Which ones? Return the set of ids.",
            old="return {id for (id,) in postgres.execute(query)}",
            new="return bool(postgres.execute(query).fetchall())",
        ),
        Mistake(
            "None for none",
            "Where both sides are the same, the answer should be the empty set, `set()`.",
            old="return {id for (id,) in postgres.execute(query)}",
            new="return {id for (id,) in postgres.execute(query)} or None",
        ),
        Mistake(
            "as many, so the same",
            "As many rows on both sides does not mean the same rows. Compare the checksums, id by id.",
            code="""
            def differences(postgres):
                (old,) = postgres.execute("SELECT count(*) FROM old_sums").fetchone()
                (new,) = postgres.execute("SELECT count(*) FROM new_sums").fetchone()
                return set() if old == new else {id for (id,) in postgres.execute("SELECT document_id FROM old_sums")}
            """,
        ),
        Mistake(
            "nothing to compare with",
            "Nothing was copied yet, so every id differs. A subquery or a join that finds no row on the other side must not "
            "hide those of this one.",
            code=_query(f"SELECT document_id {_FROM} WHERE {_WHERE} AND EXISTS (SELECT FROM new_sums)"),
        ),
    ],
)
def differences(differences: Callable, trial: Trial) -> str:
    """Judge a state with five ids that differ, each in a way of its own, one with none, and one in which all do."""

    def observe(setup: str) -> Callable[[Callable, Stage], Any]:
        def called(differences: Callable, stage: Stage) -> Any:
            found = differences(stage.database(SUMS + setup))
            return "a cursor" if isinstance(found, psycopg.Cursor) else found

        return called

    planted = "One vector is changed, two are swapped, and each side has one that the other lacks: 1105, 1110, 1111, 1120, 1125."
    trial.compare(differences, observe(PLANTED), f"{planted} You return {{found}}.")
    trial.compare(differences, observe(""), "Both sides are the same. You return {found}.")
    trial.compare(differences, observe("DELETE FROM vectors"), "Nothing was copied yet. You return {found}.")
    return "Five were planted: one changed by a single bit, two swapped, one on each side alone. You named all of them."
