"""A form that may be sent twice, for lesson 10b: how it is observed what becomes of it, and the mistakes that are made with it.

The exercise and its judge stand in `lesson_10b`.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from course.checks.notes import REFUSED, TABLES, VECTOR, numbers, stored, vector
from course.exercises.mistakes import Mistake, Parts
from course.exercises.stage import ODD, Stage

NEW = "SELECT id FROM notes WHERE id > 2002 ORDER BY id"
FORM = f"Kettle, {ODD}"


def once(submit: Callable, stage: Stage) -> Parts:
    """One form."""
    postgres, form = stage.database(TABLES), uuid.uuid4()
    id = submit(postgres, form, 1002, FORM, ODD, vector(1))
    return Parts(
        what_is_stored=stored(stage)[2:],
        forms_with_its_submission=len(stage.rows("SELECT FROM notes WHERE submission = %s", [form])),
        what_you_return=_called(id, numbers(stage.rows(NEW))),
    )


def again(submit: Callable, stage: Stage) -> Parts:
    """The same form a second time, with another text and vector, and after somebody else's."""
    postgres, form = stage.database(TABLES), uuid.uuid4()
    first = submit(postgres, form, 1002, FORM, ODD, vector(1))
    submit(postgres, uuid.uuid4(), 1003, "Another form", ODD, vector(3))
    try:
        second = submit(postgres, form, 1002, "Kettle, again", "It still leaks.", vector(2))
    except psycopg.errors.UniqueViolation as error:
        return Parts(the_second_time=f"UniqueViolation in {error.diag.table_name}")
    return Parts(
        stored_when_the_form_comes_again=stored(stage)[2:],
        returned_the_second_time="the first id" if second == first else second,
    )


def another(submit: Callable, stage: Stage) -> Parts:
    """Two forms that say the same."""
    postgres = stage.database(TABLES)
    ids = [submit(postgres, uuid.uuid4(), 1002, FORM, ODD, vector(1)) for _ in range(2)]
    return Parts(notes_from_two_forms_with_the_same_text=len(stage.rows(NEW)), ids_of_theirs=len(set(map(str, ids))))


def refused(submit: Callable, stage: Stage) -> Parts:
    """A vector that PostgreSQL refuses, and then the same form with a good one."""
    postgres, form, told = stage.database(TABLES), uuid.uuid4(), False
    try:
        submit(postgres, form, 1003, FORM, ODD, REFUSED)
    except psycopg.Error:
        told = True
    rows = len(stage.rows(NEW))
    id = submit(postgres, form, 1003, FORM, ODD, vector(3))
    return Parts(
        rows_after_a_refused_vector=rows,
        the_caller_is_told_of_it=told,
        stored_when_it_comes_again_with_a_good_one=stored(stage)[2:],
        returned_then=_called(id, numbers(stage.rows(NEW))),
    )


def rival(end: str) -> Callable[[Callable, Stage], Parts]:
    """How to observe a form that another session has inserted, and commits or rolls back while the learner's waits."""

    def observe(submit: Callable, stage: Stage) -> Parts:
        postgres, form = stage.database(TABLES), uuid.uuid4()
        when = f"when another session has the form, and {'commits' if end == 'COMMIT' else 'rolls back'} meanwhile,"
        theirs = "INSERT INTO notes (id, submission, user_id, title, content) VALUES (2999, %s, 1005, 'Theirs', 'Faster.')"
        stage.own.execute("BEGIN")
        stage.own.execute(theirs, [form])
        stage.own.execute(VECTOR, [2999, vector(9)])
        try:
            with _ended_when_waited_for(stage, end):
                answer = submit(postgres, form, 1005, "Mine", "Slower.", vector(1))
        except (psycopg.errors.IntegrityError, psycopg.errors.OperationalError, psycopg.errors.InternalError) as error:
            return Parts(**{f"{when} yours stops with": type(error).__name__})
        there = stage.rows("SELECT id FROM notes WHERE submission = %s", [form])
        return Parts(**{
            f"{when} the notes of it": [title for _, title, *_ in stored(stage)[2:]],
            f"{when} the vectors of it": len(stage.rows("SELECT FROM note_vectors WHERE note_id > 2002")),
            f"{when} what you return": _called(answer, numbers(there)),
        })  # fmt: skip

    return observe


def _called(id: Any, there: list[int]) -> Any:
    """An id, as what it is: sequences leave gaps, so its number says nothing."""
    if isinstance(id, uuid.UUID):
        return "the submission"
    return "the id that is there" if type(id) is int and [id] == there else id


@contextmanager
def _ended_when_waited_for(stage: Stage, end: str) -> Iterator[None]:
    """End the own session's transaction as soon as another one waits for it, or when the block ends."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set() and not stage.rows("SELECT FROM pg_locks WHERE NOT granted"):
            time.sleep(0.005)
        stage.own.execute(end)

    thread = threading.Thread(target=work, name="rival")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


_ON_CONFLICT = "ON CONFLICT (submission) DO NOTHING RETURNING id"
_FOUND = "return postgres.execute(find, [submission]).fetchone()[0]"
_BEGUN = """    postgres.execute("BEGIN")
    if True:"""
_SAVED = "postgres.execute(VECTOR, [new[0], vector])"


def _looks_first(begin: str = "with postgres.transaction():") -> str:
    """An answer that looks, and then inserts."""
    return f"""
def submit(postgres, submission, user_id, title, content, vector):
    {begin}
        found = postgres.execute("SELECT id FROM notes WHERE submission = %s", [submission]).fetchone()
        if found:
            return found[0]
        row = "INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s) RETURNING id"
        id = postgres.execute(row, [submission, user_id, title, content]).fetchone()[0]
        postgres.execute(VECTOR, [id, vector])
        return id
"""


MISTAKES = [
    Mistake(
        "one commit, and it still looks first",
        "You looked, found nothing, and the other one committed before you inserted: PostgreSQL refused the second row. A "
        "transaction does not close that gap, nor does a lock that the other one does not ask for. "
        "`INSERT … ON CONFLICT (submission) DO NOTHING` looks and writes in one.",
        code=_looks_first(),
    ),
    Mistake(
        "two commits",
        "The vector was refused, and its row is there: two commits. When the form comes again, that row is found and nothing "
        "added: a note that never gets a vector. One `with postgres.transaction():` around both.",
        code=_looks_first(begin="if True:"),
    ),
    Mistake(
        "never committed",
        "Your function begins a transaction and leaves it open, so nothing of it is committed, and its locks stay. "
        "`with postgres.transaction():` ends it in any case.",
        old="    with postgres.transaction():",
        new=_BEGUN,
    ),
    Mistake(
        "two transactions",
        "The vector was refused, and its row was committed before: until the form comes again, nobody finds that note. Both "
        "belong in one block.",
        code=f"""
        def submit(postgres, submission, user_id, title, content, vector):
            find = "SELECT id FROM notes WHERE submission = %s"
            row = '''INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s)
                     {_ON_CONFLICT}'''
            with postgres.transaction():
                postgres.execute(row, [submission, user_id, title, content])
            with postgres.transaction():
                id = postgres.execute(find, [submission]).fetchone()[0]
                postgres.execute(VECTOR + " ON CONFLICT DO NOTHING", [id, vector])
                return id
        """,
    ),
    Mistake(
        "pasted into the text",
        "The title has an apostrophe, and it ends the text inside your SQL. Bind the values: a `%s` for each in the statement, "
        "and the values in a list after it.",
        code=f"""
        def submit(postgres, submission, user_id, title, content, vector):
            row = "INSERT INTO notes (submission, user_id, title, content) VALUES "
            row += f"('{{submission}}', {{user_id}}, '{{title}}', '{{content}}') {_ON_CONFLICT}"
            with postgres.transaction():
                new = postgres.execute(row).fetchone()
                postgres.execute(VECTOR, [new[0], vector])
                return new[0]
        """,
    ),
    Mistake(
        "insert only",
        "The form was there, and PostgreSQL refused it: the constraint did its work, and your function stops. It should "
        "return the first id.",
        old=_ON_CONFLICT,
        new="RETURNING id",
    ),
    Mistake(
        "RETURNING taken for granted",
        "`ON CONFLICT … DO NOTHING RETURNING id` returns no row when the form is there: `fetchone()` gives None.",
        old="if new is None:",
        new="if False:",
    ),
    Mistake(
        "nothing the second time",
        "The form came again, and you return nothing. The caller wants the first note's id: a SELECT by `submission` has it.",
        old=_FOUND,
        new="return None",
    ),
    Mistake(
        "the newest note",
        "Another form came between, and you return the newest note's id. Ask by `submission`: it is what this form is known by.",
        old=_FOUND,
        new='return postgres.execute("SELECT max(id) FROM notes").fetchone()[0]',
    ),
    Mistake(
        "the vector once more",
        "The form came again, and you add its vector a second time: `note_vectors` has it already. `DO NOTHING` returns no row "
        "then, and there is nothing left to write; `DO UPDATE` always returns one.",
        code="""
        def submit(postgres, submission, user_id, title, content, vector):
            row = '''INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s)
                     ON CONFLICT (submission) DO UPDATE SET submission = EXCLUDED.submission RETURNING id'''
            with postgres.transaction():
                id = postgres.execute(row, [submission, user_id, title, content]).fetchone()[0]
                postgres.execute(VECTOR, [id, vector])
                return id
        """,
    ),
    Mistake(
        "the last one wins",
        "The form came again with another text, and yours overwrites the first one. The first text wins: nothing changes.",
        code="""
        def submit(postgres, submission, user_id, title, content, vector):
            row = '''INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s)
                     ON CONFLICT (submission) DO UPDATE SET title = EXCLUDED.title, content = EXCLUDED.content RETURNING id'''
            with postgres.transaction():
                id = postgres.execute(row, [submission, user_id, title, content]).fetchone()[0]
                postgres.execute(VECTOR + " ON CONFLICT DO NOTHING", [id, vector])
                return id
        """,
    ),
    Mistake(
        "text and vector overwritten",
        "The form came again, and both its text and its vector are the second ones. The first wins, in both tables.",
        code="""
        def submit(postgres, submission, user_id, title, content, vector):
            row = '''INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s)
                     ON CONFLICT (submission) DO UPDATE SET title = EXCLUDED.title, content = EXCLUDED.content RETURNING id'''
            with postgres.transaction():
                id = postgres.execute(row, [submission, user_id, title, content]).fetchone()[0]
                saved = VECTOR + " ON CONFLICT (note_id) DO UPDATE SET embedding = EXCLUDED.embedding"
                postgres.execute(saved, [id, vector])
                return id
        """,
    ),
    Mistake(
        "the title overwritten",
        "The form came again, and yours overwrites the first title. `DO UPDATE` with a column that stays as it is would do; "
        "this one does not.",
        code="""
        def submit(postgres, submission, user_id, title, content, vector):
            row = '''INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s)
                     ON CONFLICT (submission) DO UPDATE SET title = EXCLUDED.title RETURNING id'''
            with postgres.transaction():
                id = postgres.execute(row, [submission, user_id, title, content]).fetchone()[0]
                postgres.execute(VECTOR + " ON CONFLICT DO NOTHING", [id, vector])
                return id
        """,
    ),
    Mistake(
        "the last vector wins",
        "The text is the first one still, and its vector is the second one's: a note whose vector says something else.",
        code="""
        def submit(postgres, submission, user_id, title, content, vector):
            row = '''INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s)
                     ON CONFLICT (submission) DO UPDATE SET submission = EXCLUDED.submission RETURNING id'''
            with postgres.transaction():
                id = postgres.execute(row, [submission, user_id, title, content]).fetchone()[0]
                saved = VECTOR + " ON CONFLICT (note_id) DO UPDATE SET embedding = EXCLUDED.embedding"
                postgres.execute(saved, [id, vector])
                return id
        """,
    ),
    Mistake(
        "compares the text",
        "Another form with the same text is another note. Compare the submission's id, and nothing else.",
        old="    with postgres.transaction():",
        new="""    same = postgres.execute("SELECT id FROM notes WHERE content = %s", [content]).fetchone()
    if same:
        return same[0]
    with postgres.transaction():""",
    ),
    Mistake(
        "the submission is not stored",
        "The note is there, and its `submission` is not: nobody can tell that the form came. `notes` has a column for it.",
        old="[submission, user_id, title, content]",
        new="[None, user_id, title, content]",
    ),
    Mistake(
        "the user's id for the vector",
        "The foreign key refuses the vector: there is no note of this id. You give it the user's id, or another one. "
        "`RETURNING id` gives the note's.",
        old="[new[0], vector]",
        new="[user_id, vector]",
    ),
    Mistake(
        "title for content",
        "Title and content are not what the form has: the values come in the order of their placeholders.",
        old="[submission, user_id, title, content]",
        new="[submission, user_id, content, title]",
    ),
    Mistake(
        "every error for the same",
        "The vector was refused, and you took that for a form that is there already. Catch `UniqueViolation` alone, and let "
        "other errors through.",
        code="""
        def submit(postgres, submission, user_id, title, content, vector):
            row = "INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s) RETURNING id"
            try:
                with postgres.transaction():
                    id = postgres.execute(row, [submission, user_id, title, content]).fetchone()[0]
                    postgres.execute(VECTOR, [id, vector])
                    return id
            except Exception:
                return postgres.execute("SELECT id FROM notes WHERE submission = %s", [submission]).fetchone()[0]
        """,
    ),
    Mistake(
        "rows only",
        "The row is there, and its vector is not: no search finds it. Add `VECTOR` in the same transaction.",
        old=_SAVED,
        new="pass",
    ),
    Mistake(
        "no return",
        "The form is stored, and you return nothing. Return the note's id, the first time too.",
        old="return new[0]",
        new="return",
    ),
    Mistake(
        "the row, not the id",
        "That is a row with the id in it. Take the number out: `new[0]`.",
        old="return new[0]",
        new="return new",
    ),
    Mistake(
        "the submission returned",
        "That is the form's own id. The caller wants the note's.",
        old="return new[0]",
        new="return submission",
    ),
    Mistake(
        "the error swallowed",
        "The vector was refused, and your function ended as if all were well. Let the error through: the browser can send it "
        "again.",
        code=f"""
        def submit(postgres, submission, user_id, title, content, vector):
            find = "SELECT id FROM notes WHERE submission = %s"
            row = '''INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s)
                     {_ON_CONFLICT}'''
            try:
                with postgres.transaction():
                    new = postgres.execute(row, [submission, user_id, title, content]).fetchone()
                    if new is None:
                        {_FOUND}
                    {_SAVED}
                    return new[0]
            except psycopg.Error:
                return -1
        """,
    ),
    Mistake(
        "caught inside the transaction",
        "You catch the `UniqueViolation` inside the transaction, which takes nothing but a rollback then. Catch it outside, "
        "or use `ON CONFLICT`.",
        code=f"""
        def submit(postgres, submission, user_id, title, content, vector):
            find = "SELECT id FROM notes WHERE submission = %s"
            row = '''INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s) RETURNING id'''
            with postgres.transaction():
                try:
                    new = postgres.execute(row, [submission, user_id, title, content]).fetchone()
                except psycopg.errors.UniqueViolation:
                    {_FOUND}
                {_SAVED}
                return new[0]
        """,
    ),
    Mistake(
        "looks first, and finds nothing the second time",
        "Another session was faster: `DO NOTHING` returned no row, and yours found none where it expected one. Look again "
        "after it.",
        code=f"""
        def submit(postgres, submission, user_id, title, content, vector):
            find = "SELECT id FROM notes WHERE submission = %s"
            row = '''INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s)
                     {_ON_CONFLICT}'''
            with postgres.transaction():
                found = postgres.execute(find, [submission]).fetchone()
                if found:
                    return found[0]
                new = postgres.execute(row, [submission, user_id, title, content]).fetchone()
                {_SAVED}
                return new[0]
        """,
    ),
    Mistake(
        "SERIALIZABLE, and no second try",
        "The isolation level refused yours, and said so: at REPEATABLE READ and SERIALIZABLE the loser has to try again, and "
        "yours does not. `ON CONFLICT` needs neither.",
        old="with postgres.transaction():",
        new='with postgres.transaction():\n        postgres.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")',
    ),
    Mistake(
        "replaces it",
        "The form came again, and you delete the first note to write it anew: another id, and the second text. The first "
        "one wins.",
        old="    with postgres.transaction():",
        new="""    postgres.execute("DELETE FROM notes WHERE submission = %s", [submission])
    with postgres.transaction():""",
    ),
]
