"""The exercise of lesson 10: an import that commits all of its notes, or none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing  # noqa: F401  for the solution's code
from typing import Any

import psycopg
from pgvector.psycopg import register_vector  # noqa: F401  for the solution's code

from course.checks.notes import REFUSED, TABLES, numbers, stored, vector, writer  # noqa: F401
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import ODD, Stage


def _note(id: int, user: int, embedding: Any = None) -> tuple:
    return id, user, f"{ODD} {id}", f"Content of {id}: {ODD}", vector(id % 100) if embedding is None else embedding


UNSENDABLE = object()
"""What stands in a vector's place, and psycopg cannot send: PostgreSQL never hears of it."""

FOUR = [_note(2011, 1001), _note(2012, 1002), _note(2013, 1999), _note(2014, 1003)]
"""The third one's user does not exist."""


def _four(import_notes: Callable, stage: Stage) -> Parts:
    """Four notes, one of them of a user who does not exist."""
    stage.database(TABLES)
    try:
        returned = import_notes(stage.url, list(FOUR))
    except psycopg.errors.ForeignKeyViolation as error:
        return Parts(your_import_stops_with=f"ForeignKeyViolation in {error.diag.table_name}")
    return Parts(
        rows_that_another_session_sees=numbers(stage.rows("SELECT id FROM notes ORDER BY id")),
        vectors_that_another_session_sees=numbers(stage.rows("SELECT note_id FROM note_vectors ORDER BY note_id")),
        what_is_stored=stored(stage),
        what_you_return=returned,
    )


def _failing(notes: list[tuple], why: str) -> Callable[[Callable, Stage], Parts]:
    """How to observe an import that PostgreSQL refuses a part of."""

    def observe(import_notes: Callable, stage: Stage) -> Parts:
        stage.database(TABLES)
        told = False
        try:
            import_notes(stage.url, list(notes))
        except (psycopg.Error, ValueError):  # a vector that NumPy refuses never reaches PostgreSQL
            told = True
        rows = numbers(stage.rows("SELECT id FROM notes WHERE id > 2002 ORDER BY id"))
        vectors = numbers(stage.rows("SELECT note_id FROM note_vectors WHERE note_id > 2002 ORDER BY note_id"))
        old = numbers(stage.rows("SELECT id FROM notes WHERE title = 'Old' ORDER BY id"))
        return Parts(
            **{f"{why}, the new rows": rows, f"{why}, the new vectors": vectors, f"{why}, the old notes": old},
            **{f"{why}, the caller gets the error": told},
        )

    return observe


def _of_nobody(import_notes: Callable, stage: Stage) -> Parts:
    """An import in which no note is left to store."""
    stage.database(TABLES)
    return Parts(returned_when_no_user_exists=import_notes(stage.url, [_note(2031, 1999)]))


LOOP = """for *note, vector in known:
            connection.execute(writer.ROW, note)
            connection.execute(writer.VECTOR, [note[0], vector])
        connection.commit()"""


def _answer(body: str, autocommit: str = "") -> str:
    """The lesson's function with another body after its SELECT; `body` is indented as in the function."""
    return f"""
def import_notes(url, notes):
    with closing(psycopg.connect(url{autocommit})) as connection:
        register_vector(connection)
        users = {{id for (id,) in connection.execute("SELECT id FROM users")}}
        known = [note for note in notes if note[1] in users]
        {body.strip()}
    return len(known)
"""


AUTOCOMMIT = ", autocommit=True"


@exercise(
    "10.import_notes",
    hints=[
        "`connection.execute(writer.ROW, [id, user_id, title, content])`, and then `writer.VECTOR` with `[id, vector]`.",
        "The SELECT has begun a transaction already. What you write is a part of it, until somebody commits. Closing does not.",
        "`connection.commit()`, once, after the last note. If one fails before, nothing has been committed.",
    ],
    may={"postgres"},
    mistakes=[
        Mistake(
            "never committed",
            "Your function ended without an error, and nothing was committed. The SELECT began a transaction, so a "
            "`transaction()` block after it is only a savepoint, and closing the connection rolls back. Commit, or connect with "
            "`autocommit=True`.",
            old="connection.commit()",
            new="pass",
        ),
        Mistake(
            "autocommit and no transaction",
            "Each statement was committed by itself, so the row of a refused vector is there alone. In autocommit mode, put one "
            "`with connection.transaction():` around all of them.",
            old="psycopg.connect(url)",
            new="psycopg.connect(url, autocommit=True)",
        ),
        Mistake(
            "note by note",
            "Each note has its vector, and yet you commit note by note: the first two are there. All or none means one "
            "transaction around the whole loop.",
            old="        connection.commit()",
            new="            connection.commit()",
        ),
        Mistake(
            "rows first, in a commit of their own",
            "You commit all rows, and the vectors after them: two commits, with a moment between. One commit for both.",
            old=LOOP,
            new="""for *note, vector in known:
            connection.execute(writer.ROW, note)
        connection.commit()
        for *note, vector in known:
            connection.execute(writer.VECTOR, [note[0], vector])
        connection.commit()""",
        ),
        Mistake(
            "the bad one left out",
            "You left out the one that failed, and kept the others. The task says all or none, and the caller gets the error.",
            code=_answer(
                """
        for *note, vector in known:
            try:
                with connection.transaction():
                    connection.execute(writer.ROW, note)
                    connection.execute(writer.VECTOR, [note[0], vector])
            except psycopg.Error:
                pass""",
                AUTOCOMMIT,
            ),
        ),
        Mistake(
            "stops at the bad one",
            "What came before the one that failed is stored, and nobody is told of the rest. All or none, and let the error "
            "through to the caller.",
            code=_answer(
                """
        try:
            for *note, vector in known:
                with connection.transaction():
                    connection.execute(writer.ROW, note)
                    connection.execute(writer.VECTOR, [note[0], vector])
        except psycopg.Error:
            pass""",
                AUTOCOMMIT,
            ),
        ),
        Mistake(
            "rolls back and goes on",
            "After the one that failed you roll back, go on with the next, and commit what comes then. All or none: let the "
            "error through, and the connection rolls back as it closes.",
            code=_answer(
                """
        for *note, vector in known:
            try:
                connection.execute(writer.ROW, note)
                connection.execute(writer.VECTOR, [note[0], vector])
            except psycopg.Error:
                connection.rollback()
        connection.commit()"""
            ),
        ),
        Mistake(
            "the error swallowed",
            "Nothing is stored, which is right, and your function ends as if all were well. Let the error through to the caller.",
            code=_answer(
                """
        try:
            with connection.transaction():
                for *note, vector in known:
                    connection.execute(writer.ROW, note)
                    connection.execute(writer.VECTOR, [note[0], vector])
        except psycopg.Error:
            return 0""",
                AUTOCOMMIT,
            ),
        ),
        Mistake(
            "everybody's",
            "One of the notes belongs to user 1999, who does not exist. Leave it out: go through `known`.",
            old="in known:",
            new="in notes:",
        ),
        Mistake(
            "vectors before rows",
            "A vector came before its row, or under another id than its row's, and the foreign key refused it. `writer.ROW` "
            "first, then `writer.VECTOR`, with the id of the note: `note[0]`.",
            old="""connection.execute(writer.ROW, note)
            connection.execute(writer.VECTOR, [note[0], vector])""",
            new="""connection.execute(writer.VECTOR, [note[0], vector])
            connection.execute(writer.ROW, note)""",
        ),
        Mistake(
            "rows only",
            "The rows are there, and their vectors are not: no search finds them. Each note takes `writer.VECTOR` as well.",
            old="\n            connection.execute(writer.VECTOR, [note[0], vector])",
            new="",
        ),
        Mistake(
            "empties the tables first",
            "Notes that were there before are gone. An import adds.",
            old="for *note, vector in known:",
            new='connection.execute("DELETE FROM notes")\n        for *note, vector in known:',
        ),
        Mistake(
            "the last only",
            "Of several notes you store the last one. Is the loop's body indented, both statements of it?",
            old="in known:",
            new="in known[-1:]:",
        ),
        Mistake(
            "the first only",
            "Of several notes you store the first one. Does a `return` or a `break` stand inside the loop?",
            old="        connection.commit()",
            new="            connection.commit()\n            break",
        ),
        Mistake(
            "one vector for all",
            "Every note has the same vector. Each brings its own, as its last part.",
            old="[note[0], vector]",
            new="[note[0], known[0][4]]",
        ),
        Mistake(
            "title for content",
            "Title and content are not what the notes have. `writer.ROW` takes id, user, title and content, in this order.",
            old="(writer.ROW, note)",
            new="(writer.ROW, [note[0], note[1], note[3], note[2]])",
        ),
        Mistake(
            "pasted into the text",
            "One title has an apostrophe, and it ends the text inside your SQL. Bind the values: a `%s` for each in the "
            "statement, and the values in a list after it. `writer.ROW` has the placeholders already.",
            old="connection.execute(writer.ROW, note)",
            new="connection.execute(f\"INSERT INTO notes VALUES ({note[0]}, {note[1]}, '{note[2]}', '{note[3]}')\")",
        ),
        Mistake(
            "escaped by hand",
            "A title is not what the note has: you wrote it into the SQL and doubled some of its signs, and one too many or too "
            "few. Bind the values, and nothing has to be escaped.",
            old="connection.execute(writer.ROW, note)",
            new="""texts = [text.replace("'", "''").replace("%", "%%") for text in note[2:]]
            connection.execute(f"INSERT INTO notes VALUES ({note[0]}, {note[1]}, '{texts[0]}', '{texts[1]}')")""",
        ),
        Mistake(
            "known used up",
            "Your loop takes the notes out of `known`, and at the end none is left to count. Go through it with `for`.",
            old="for *note, vector in known:",
            new="while known:\n            *note, vector = known.pop()",
        ),
        Mistake(
            "committed whatever happens",
            "A note could not even be sent, and you commit all the same: PostgreSQL knew of no error, and stored what came "
            "before it. Commit after the loop, where only a run without errors arrives.",
            code=_answer("""
        try:
            for *note, vector in known:
                connection.execute(writer.ROW, note)
                connection.execute(writer.VECTOR, [note[0], vector])
        finally:
            connection.commit()"""),
        ),
        Mistake(
            "all counted",
            "You count the notes that were given. Asked for are those that you stored.",
            old="return len(known)",
            new="return len(notes)",
        ),
        Mistake(
            "the table counted",
            "You count what is in the table, and two notes were there before. Asked for are those that you stored.",
            old="connection.commit()",
            new='connection.commit()\n        return connection.execute("SELECT count(*) FROM notes").fetchone()[0]',
        ),
        Mistake(
            "rows and vectors counted",
            "Each note is one, with its row and its vector. You count both. Return how many notes were stored.",
            old="return len(known)",
            new="return 2 * len(known)",
        ),
        Mistake(
            "ids of its own",
            "The notes have ids that were given, and yours stores them under others: nobody finds them again. `writer.ROW` takes "
            "the id first.",
            old="""connection.execute(writer.ROW, note)
            connection.execute(writer.VECTOR, [note[0], vector])""",
            new="""row = "INSERT INTO notes (user_id, title, content) VALUES (%s, %s, %s) RETURNING id"
            (id,) = connection.execute(row, note[1:]).fetchone()
            connection.execute(writer.VECTOR, [id, vector])""",
        ),
        Mistake(
            "the whole note for the row",
            "`writer.ROW` takes four values, and a note has five parts: the vector goes into `writer.VECTOR`. "
            "`for *note, vector in known` takes them apart.",
            old="(writer.ROW, note)",
            new="(writer.ROW, [*note, vector])",
        ),
        Mistake(
            "no answer",
            "Your function stores them and returns nothing. Return how many notes were stored: `return len(known)`.",
            old="return len(known)",
            new="return",
        ),
        Mistake(
            "which, not how many",
            "Those are the notes themselves. Return how many there were, a number.",
            old="return len(known)",
            new="return known",
        ),
        Mistake(
            "a note that is there is passed over",
            "One of the ids was taken, and your import passes over that note and keeps the rest. The task says all or none: "
            "leave out the `ON CONFLICT`, and let the error through.",
            old="""(writer.ROW, note)
            connection.execute(writer.VECTOR, [note[0], vector])""",
            new="""(writer.ROW + " ON CONFLICT DO NOTHING", note)
            connection.execute(writer.VECTOR + " ON CONFLICT DO NOTHING", [note[0], vector])""",
        ),
        Mistake(
            "a note that is there is overwritten",
            "One of the ids was taken, and your import writes over the note that was there. It was not asked to: let the error "
            "through.",
            old="""(writer.ROW, note)
            connection.execute(writer.VECTOR, [note[0], vector])""",
            new="""(writer.ROW + " ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title", note)
            connection.execute(writer.VECTOR + " ON CONFLICT (note_id) DO UPDATE SET embedding = EXCLUDED.embedding",
                               [note[0], vector])""",
        ),
        Mistake(
            "None for none",
            "No note was left to store. How many is that? Return the number, `0`.",
            old="return len(known)",
            new="return len(known) or None",
        ),
    ],
)
def import_notes(import_notes: Callable, trial: Trial) -> str:
    """Judge what another session sees; then imports of which a part is refused; then one with nothing to store."""
    refused = [_note(2021, 1004), _note(2022, 1004), _note(2023, 1004, REFUSED), _note(2024, 1004)]
    odd = [_note(2021, 1004), _note(2022, 1004), _note(2023, 1004, UNSENDABLE), _note(2024, 1004)]
    taken = [_note(2021, 1004), _note(2002, 1004), _note(2023, 1004)]
    trial.compare(import_notes, _four)
    trial.compare(import_notes, _failing(refused, "When the third of four vectors is refused"))
    trial.compare(import_notes, _failing(taken, "When the second of three ids is taken"))
    trial.compare(import_notes, _failing(odd, "When the third of four vectors cannot be sent"))
    trial.compare(import_notes, _of_nobody)
    return "Killed at any moment, it leaves all or nothing. The commit does that, wherever it stands in the code."
