"""The exercises of lesson 10b: a form that is taken once, and jobs that are leased. Others work beside the learner's function."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from course.checks.notes import REFUSED, TABLES, VECTOR, numbers, stored, vector
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import ODD, Stage

NEW = "SELECT id FROM notes WHERE id > 2002 ORDER BY id"
FORM = f"Kettle, {ODD}"


def _once(submit: Callable, stage: Stage) -> Parts:
    """One form."""
    postgres, form = stage.database(TABLES), uuid.uuid4()
    id = submit(postgres, form, 1002, FORM, ODD, vector(1))
    return Parts(
        what_is_stored=stored(stage)[2:],
        forms_with_its_submission=len(stage.rows("SELECT FROM notes WHERE submission = %s", [form])),
        what_you_return=_called(id, numbers(stage.rows(NEW))),
    )


def _again(submit: Callable, stage: Stage) -> Parts:
    """The same form a second time, with another text and vector."""
    postgres, form = stage.database(TABLES), uuid.uuid4()
    first = submit(postgres, form, 1002, FORM, ODD, vector(1))
    try:
        second = submit(postgres, form, 1002, "Kettle, again", "It still leaks.", vector(2))
    except psycopg.errors.UniqueViolation as error:
        return Parts(the_second_time=f"UniqueViolation in {error.diag.table_name}")
    return Parts(
        stored_when_the_form_comes_again=stored(stage)[2:],
        returned_the_second_time="the first id" if second == first else second,
    )


def _another(submit: Callable, stage: Stage) -> Parts:
    """Two forms that say the same."""
    postgres = stage.database(TABLES)
    ids = [submit(postgres, uuid.uuid4(), 1002, FORM, ODD, vector(1)) for _ in range(2)]
    return Parts(notes_from_two_forms_with_the_same_text=len(stage.rows(NEW)), ids_of_theirs=len(set(map(str, ids))))


def _refused(submit: Callable, stage: Stage) -> Parts:
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


def _rival(end: str) -> Callable[[Callable, Stage], Parts]:
    """How to observe a form that another session has inserted, and commits or rolls back while the learner's waits."""

    def observe(submit: Callable, stage: Stage) -> Parts:
        postgres, form = stage.database(TABLES), uuid.uuid4()
        when = f"Another session has stored the form, and {'commits' if end == 'COMMIT' else 'rolls back'} meanwhile. "
        theirs = "INSERT INTO notes (id, submission, user_id, title, content) VALUES (2999, %s, 1005, 'Theirs', 'Faster.')"
        stage.own.execute("BEGIN")
        stage.own.execute(theirs, [form])
        stage.own.execute(VECTOR, [2999, vector(9)])
        try:
            with _ended_when_waited_for(stage, end):
                answer = submit(postgres, form, 1005, "Mine", "Slower.", vector(1))
        except (psycopg.errors.IntegrityError, psycopg.errors.OperationalError, psycopg.errors.InternalError) as error:
            return Parts(**{f"{when}Yours": type(error).__name__})
        there = stage.rows("SELECT id FROM notes WHERE submission = %s", [form])
        return Parts(**{
            f"{when}Then there are": [title for _, title, *_ in stored(stage)[2:]],
            f"{when}Vectors": len(stage.rows("SELECT FROM note_vectors WHERE note_id > 2002")),
            f"{when}You return": _called(answer, numbers(there)),
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


ON_CONFLICT = "ON CONFLICT (submission) DO NOTHING RETURNING id"
FOUND = "return postgres.execute(find, [submission]).fetchone()[0]"
SAVED = "postgres.execute(VECTOR, [new[0], vector])"


def _looks_first(begin: str = "with postgres.transaction():", before: str = "pass") -> str:
    """An answer that looks, and then inserts."""
    return f"""
def submit(postgres, submission, user_id, title, content, vector):
    {before}
    {begin}
        found = postgres.execute("SELECT id FROM notes WHERE submission = %s", [submission]).fetchone()
        if found:
            return found[0]
        row = "INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s) RETURNING id"
        id = postgres.execute(row, [submission, user_id, title, content]).fetchone()[0]
        postgres.execute(VECTOR, [id, vector])
        return id
"""


@exercise(
    "10b.submit",
    hints=[
        "Between your SELECT and your INSERT another session may insert. `ON CONFLICT (submission) DO NOTHING` has no such gap.",
        "`… DO NOTHING RETURNING id` returns no row when the form is there already. Then a SELECT finds the id.",
        "`with postgres.transaction():` around row and vector. If the vector is refused, the row goes too.",
    ],
    may={"postgres"},
    mistakes=[
        Mistake(
            "one commit, and it still looks first",
            "You looked, found nothing, and the other one committed before you inserted: PostgreSQL refused the second row. A "
            "transaction does not close that gap. `INSERT … ON CONFLICT (submission) DO NOTHING` looks and writes in one.",
            code=_looks_first(),
        ),
        Mistake(
            "two commits",
            "The vector was refused, and its row is there: two commits. When the form comes again, that row is found and nothing "
            "added: a note that never gets a vector. One `with postgres.transaction():` around both.",
            code=_looks_first(begin="if True:"),
        ),
        Mistake(
            "insert only",
            "The form was there, and PostgreSQL refused it: the constraint did its work, and your function stops. It should "
            "return the first id.",
            old=ON_CONFLICT,
            new="RETURNING id",
        ),
        Mistake(
            "RETURNING taken for granted",
            "`ON CONFLICT … DO NOTHING RETURNING id` returns no row when the form is there: `fetchone()` gives None.",
            old=f"""        if new is None:  # somebody was faster
            {FOUND}
""",
            new="",
        ),
        Mistake(
            "nothing the second time",
            "The form came again, and you return nothing. The caller wants the first note's id: a SELECT by `submission` has it.",
            old=FOUND,
            new="return None",
        ),
        Mistake(
            "the vector once more",
            "The form came again, and you add its vector a second time: `note_vectors` has it already. When the INSERT returned "
            "no row, there is nothing left to write.",
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
            "rows only",
            "The row is there, and its vector is not: no search finds it. Add `VECTOR` in the same transaction.",
            old=SAVED,
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
                         {ON_CONFLICT}'''
                try:
                    with postgres.transaction():
                        new = postgres.execute(row, [submission, user_id, title, content]).fetchone()
                        if new is None:
                            {FOUND}
                        {SAVED}
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
                        {FOUND}
                    {SAVED}
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
                         {ON_CONFLICT}'''
                with postgres.transaction():
                    found = postgres.execute(find, [submission]).fetchone()
                    if found:
                        return found[0]
                    new = postgres.execute(row, [submission, user_id, title, content]).fetchone()
                    {SAVED}
                    return new[0]
            """,
        ),
        Mistake(
            "SERIALIZABLE, set on the connection",
            "SERIALIZABLE keeps one row only if the loser tries again. `ON CONFLICT` asks for no other level.",
            code=_looks_first(before="postgres.isolation_level = psycopg.IsolationLevel.SERIALIZABLE"),
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
    ],
)
def submit(submit: Callable, trial: Trial) -> str:
    """Judge a form, the same again, another one, one whose vector is refused, and one that another session is about to store."""
    trial.compare(submit, _once)
    trial.compare(submit, _again)
    trial.compare(submit, _another)
    trial.compare(submit, _refused)
    trial.compare(submit, _rival("COMMIT"))
    trial.compare(submit, _rival("ROLLBACK"))
    return "The second session waits for the first, and is told what became of it. An unlucky moment is no longer a special case."


JOBS = """
    CREATE TABLE jobs (document_id bigint PRIMARY KEY, taken_until timestamptz);
    INSERT INTO jobs VALUES (1204), (1202), (1203);
"""


def _four_calls(take_job: Callable, stage: Stage) -> Parts:
    """Three free jobs, and four calls."""
    postgres = stage.database(JOBS)
    taken = [take_job(postgres) for _ in range(4)]
    left = "SELECT document_id, extract(epoch FROM taken_until - clock_timestamp()) FROM jobs ORDER BY 1"
    rows = stage.rows(left)
    return Parts(
        four_calls_for_three_jobs=taken,
        jobs_in_the_table=numbers(rows),
        taken_for=["about a minute" if seconds and 30 < seconds < 61 else _whole(seconds) for _, seconds in rows],
    )


def _whole(seconds: Any) -> str:
    return "no time" if seconds is None else f"{float(seconds):.0f} seconds"


def _leased(setup: str, what: str) -> Callable[[Callable, Stage], Parts]:
    """How to observe two calls when leases are as this piece of SQL makes them."""

    def observe(take_job: Callable, stage: Stage) -> Parts:
        postgres = stage.database(JOBS)
        stage.own.execute(setup)
        return Parts(**{what: [take_job(postgres), take_job(postgres)]})

    return observe


def _colleague(take_job: Callable, stage: Stage) -> Parts:
    """A job whose row another session has locked, and then all of them."""
    stage.database(JOBS)
    postgres = stage.connect(options="-c lock_timeout=500ms")
    found = []
    for held in ("document_id = 1202", "true"):
        stage.own.execute("BEGIN")
        stage.own.execute(f"SELECT FROM jobs WHERE {held} FOR UPDATE")
        try:
            found.append(take_job(postgres))
        except psycopg.errors.LockNotAvailable as error:
            found.append("an error" if "obtain" in str(error) else "waits")
        finally:
            stage.own.execute("ROLLBACK")
    return Parts(while_another_session_has_1202_locked_and_then_all_three=found)


def _between(take_job: Callable, stage: Stage) -> Parts:
    """A colleague who takes a job right after the first statement of the learner's function."""
    postgres = stage.database(JOBS)
    theirs: list[tuple] = []
    take = """UPDATE jobs SET taken_until = now() + interval '1 minute' WHERE document_id = (
                  SELECT document_id FROM jobs WHERE taken_until IS NULL ORDER BY document_id LIMIT 1 FOR UPDATE SKIP LOCKED)
              RETURNING document_id"""
    plain = postgres.cursor_factory

    class Followed(plain):  # type: ignore[misc, valid-type]
        """A cursor after whose first statement the colleague comes."""

        def execute(self, *given: Any, **options: Any) -> Any:
            done = super().execute(*given, **options)
            if not theirs:
                theirs.extend(stage.rows(take))
            return done

    postgres.cursor_factory = Followed
    try:
        mine = take_job(postgres)
    except psycopg.errors.LockNotAvailable:  # the colleague's, when the whole table is locked
        mine = None
    finally:
        postgres.cursor_factory = plain
    return Parts(another_worker_who_comes_meanwhile_gets_the_same_job=[mine] == numbers(theirs))


FREE = "taken_until IS NULL OR taken_until < now()"
LOCKED = "FOR UPDATE SKIP LOCKED"


@exercise(
    "10b.take_job",
    hints=[
        "`UPDATE jobs SET taken_until = … WHERE document_id = (SELECT …) RETURNING document_id`, and in the parentheses the job.",
        f"A job is free if `{FREE}`. `ORDER BY document_id LIMIT 1` takes the lowest.",
        f"`{LOCKED}` at the end of the inner SELECT locks that row, and passes over those that others have locked.",
    ],
    may={"postgres"},
    mistakes=[
        Mistake(
            "no lock in the subquery",
            "Another session has job 1202 locked, and your worker waits for it, though 1203 is free. `FOR UPDATE SKIP LOCKED` "
            "at the end of the SELECT passes it over.",
            old=f"\n            {LOCKED}",
            new="",
        ),
        Mistake(
            "NOWAIT",
            "Another session has job 1202 locked, and yours stops with an error. `SKIP LOCKED` in place of `NOWAIT` takes the "
            "next.",
            old="SKIP LOCKED",
            new="NOWAIT",
        ),
        Mistake(
            "takes all of them",
            "Your call takes all free jobs, and returns one. The others are leased to nobody. Lock and take one: `LIMIT 1`.",
            code=f"""
            def take_job(postgres):
                row = postgres.execute('''
                    UPDATE jobs SET taken_until = now() + interval '1 minute'
                    WHERE document_id IN (
                        SELECT document_id FROM jobs WHERE {FREE} ORDER BY document_id {LOCKED})
                    RETURNING document_id''').fetchall()
                return min(row)[0] if row else None
            """,
        ),
        Mistake(
            "two statements, two commits",
            "You look in one statement and take in another, and in autocommit mode the lock ends with the first. A colleague "
            "came between, and both of you have the same job. One statement, or one transaction around both.",
            code=f"""
            def take_job(postgres):
                row = postgres.execute(
                    "SELECT document_id FROM jobs WHERE {FREE} ORDER BY document_id LIMIT 1 {LOCKED}"
                ).fetchone()
                if row is None:
                    return None
                postgres.execute("UPDATE jobs SET taken_until = now() + interval '1 minute' WHERE document_id = %s", row)
                return row[0]
            """,
        ),
        Mistake(
            "the lease is not written",
            "Each call returns the same job: you look, and take nothing. Set `taken_until`, so that others see that it is taken.",
            code=f"""
            def take_job(postgres):
                row = postgres.execute(
                    "SELECT document_id FROM jobs WHERE {FREE} ORDER BY document_id LIMIT 1 {LOCKED}"
                ).fetchone()
                return row[0] if row else None
            """,
        ),
        Mistake(
            "the job is removed",
            "The job is gone from the table. If this worker dies, nobody ever embeds its document: it stays until the vector is "
            "stored.",
            old="UPDATE jobs SET taken_until = now() + interval '1 minute'",
            new="DELETE FROM jobs",
        ),
        Mistake(
            "leases that never end",
            "A lease has run out, and nobody takes that job again: its worker may be dead. Free is also what `taken_until` has "
            "passed.",
            old=FREE,
            new="taken_until IS NULL",
        ),
        Mistake(
            "only leases that have ended",
            "A job that was never taken has no `taken_until`: it is NULL, and a comparison with NULL is never true. Ask for "
            "`IS NULL` as well.",
            old=FREE,
            new="taken_until < now()",
        ),
        Mistake(
            "leases ignored",
            "You take a job that another worker has: its `taken_until` has not passed. Free is what is NULL, or less than "
            "`now()`.",
            old=f"WHERE {FREE}",
            new="",
        ),
        Mistake(
            "the highest first",
            "That is the job with the highest `document_id`. The lowest comes first: `ORDER BY document_id`.",
            old="ORDER BY document_id",
            new="ORDER BY document_id DESC",
        ),
        Mistake(
            "no order",
            "Without an `ORDER BY` PostgreSQL gives the rows in any order. The lowest `document_id` comes first.",
            old="ORDER BY document_id",
            new="",
        ),
        Mistake(
            "ordered by the lease",
            "You order by `taken_until`, and NULL comes last there. Asked for is the lowest `document_id` of all that are free.",
            old="ORDER BY document_id",
            new="ORDER BY taken_until, document_id",
        ),
        Mistake(
            "an hour",
            "A dead worker's job waits that long. The task says one minute.",
            old="1 minute",
            new="1 hour",
        ),
        Mistake(
            "a second",
            "So short a lease ends while its worker still embeds. The task says one minute.",
            old="1 minute",
            new="1 second",
        ),
        Mistake(
            "no minute",
            "`taken_until` is now, and so has passed in a moment: the next call takes the same job. One minute from now.",
            old="now() + interval '1 minute'",
            new="now()",
        ),
        Mistake(
            "a minute ago",
            "`taken_until` lies in the past, so the job is free at once. One minute from now: `+ interval '1 minute'`.",
            old="now() + interval",
            new="now() - interval",
        ),
        Mistake(
            "the row",
            "That is a row with the id in it. Take the number out, and return `None` where there is no row.",
            old="row[0] if row else None",
            new="row",
        ),
        Mistake(
            "True and False",
            "That says whether a job was taken. Which one? Return its `document_id`.",
            old="row[0] if row else None",
            new="row is not None",
        ),
        Mistake(
            "no free job forgotten",
            "No job is free, so there is no row, and `fetchone()` gives None. Return `None` then.",
            old="row[0] if row else None",
            new="row[0]",
        ),
        Mistake(
            "False for none",
            "No job is free: return `None`. A worker asks `is None`, since every number is a job.",
            old="else None",
            new="else False",
        ),
        Mistake(
            "no return",
            "The jobs are taken, and your function returns nothing: nobody knows which. Return the `document_id`.",
            old="return row[0] if row else None",
            new="pass",
        ),
        Mistake(
            "the lease is rolled back",
            "Your function opens a transaction and leaves it, so nothing is committed: others see no lease, and the lock stays. "
            "In autocommit mode one statement is a transaction; `with postgres.transaction():` ends one.",
            old="    row = postgres",
            new='    postgres.execute("BEGIN")\n    row = postgres',
        ),
    ],
)
def take_job(take_job: Callable, trial: Trial) -> str:
    """Judge four calls for three jobs; leases that run and have run out; locked rows; and a colleague who comes between."""
    out = "UPDATE jobs SET taken_until = now() + CASE document_id WHEN 1203 THEN interval '-1 second' ELSE interval '30 s' END"
    mixed = "UPDATE jobs SET taken_until = now() + CASE document_id WHEN 1203 THEN interval '30 s' ELSE NULL END"
    old = "UPDATE jobs SET taken_until = now() - interval '1 day' WHERE document_id = 1204"
    trial.compare(take_job, _four_calls)
    trial.compare(take_job, _leased(mixed, "another worker has 1203, and two calls take"))
    trial.compare(take_job, _leased(out, "the lease of 1203 has run out, the others run, and two calls take"))
    trial.compare(take_job, _leased(old, "the lease of 1204 has run out, the others are free, and two calls take"))
    trial.compare(take_job, _colleague)
    trial.compare(take_job, _between)
    return "No lock is held while the worker embeds. If it dies, its lease runs out, and the next worker takes the job."
