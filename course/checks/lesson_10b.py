"""The exercises of lesson 10b: a form that is taken once, and jobs that are leased. Others work beside the learner's function."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg

from course.checks import forms
from course.checks.notes import VECTOR, numbers  # noqa: F401  the solution's code needs VECTOR
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import Stage


@exercise(
    "10b.submit",
    hints=[
        "Between your SELECT and your INSERT another session may insert. `ON CONFLICT (submission) DO NOTHING` has no such gap.",
        "`… DO NOTHING RETURNING id` returns no row when the form is there already. Then a SELECT finds the id.",
        "`with postgres.transaction():` around row and vector. If the vector is refused, the row goes too.",
    ],
    may={"postgres"},
    mistakes=forms.MISTAKES,
)
def submit(submit: Callable, trial: Trial) -> str:
    """Judge a form, the same again, another one, one whose vector is refused, and one that another session is about to store."""
    trial.compare(submit, forms.once)
    trial.compare(submit, forms.again)
    trial.compare(submit, forms.another)
    trial.compare(submit, forms.refused)
    trial.compare(submit, forms.rival("COMMIT"))
    trial.compare(submit, forms.rival("ROLLBACK"))
    return "The second session waits for the first, and is told what became of it. An unlucky moment is no longer a special case."


JOBS = """
    CREATE TABLE jobs (document_id bigint PRIMARY KEY, taken_until timestamptz);
    INSERT INTO jobs VALUES (1204), (1202), (1203);
"""


def _four_calls(take_job: Callable, stage: Stage) -> Parts:
    """Three free jobs, and four calls."""
    postgres = stage.database(JOBS, options="-c timezone=Pacific/Chatham")
    given: list[object] = []

    class Noting(postgres.cursor_factory):  # type: ignore[name-defined]
        """A cursor that notes the values which are bound."""

        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            given.extend(params.values() if isinstance(params, dict) else params or [])
            return super().execute(query, params, **options)

    postgres.cursor_factory = Noting
    taken = [take_job(postgres) for _ in range(4)]
    left = "SELECT document_id, extract(epoch FROM taken_until - clock_timestamp()) FROM jobs ORDER BY 1"
    rows = stage.rows(left)
    return Parts(
        four_calls_for_three_jobs=["a time" if isinstance(one, datetime) else one for one in taken],
        jobs_in_the_table=numbers(rows),
        taken_for=["about a minute" if seconds and 30 < seconds < 61 else _whole(seconds) for _, seconds in rows],
        by_the_clock_of="the program" if any(isinstance(value, datetime) for value in given) else "PostgreSQL",
    )


def _whole(seconds: Any) -> str:
    return "no time" if seconds is None else f"{float(seconds):.0f} seconds"


def _leased(setup: str, what: str) -> Callable[[Callable, Stage], Parts]:
    """How to observe two calls when leases are as this piece of SQL makes them: those that others have run for 30 seconds."""

    def observe(take_job: Callable, stage: Stage) -> Parts:
        postgres = stage.database(JOBS)
        stage.own.execute(setup)
        taken = [take_job(postgres), take_job(postgres)]
        fresh = "SELECT document_id FROM jobs WHERE taken_until > clock_timestamp() + interval '40 s' ORDER BY 1"
        return Parts(**{f"{what}, and two calls take": taken, f"{what}; leased for a minute then": numbers(stage.rows(fresh))})

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
    got = "the same job" if [mine] == numbers(theirs) else "another job" if theirs else "no job"
    return Parts(another_worker_who_comes_between_two_statements_gets=got)


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
            "locks more than it takes",
            "You lock every free job and take one of them: a colleague who comes meanwhile finds none. `LIMIT 1` belongs in the "
            "statement that locks.",
            code=f"""
            def take_job(postgres):
                with postgres.transaction():
                    rows = postgres.execute(
                        "SELECT document_id FROM jobs WHERE {FREE} ORDER BY document_id {LOCKED}"
                    ).fetchall()
                    if not rows:
                        return None
                    lease = "UPDATE jobs SET taken_until = now() + interval '1 minute' WHERE document_id = %s"
                    postgres.execute(lease, rows[0])
                    return rows[0][0]
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
            "That is not the job with the lowest `document_id`. Without an `ORDER BY`, or by another column, it is any of them: "
            "`ORDER BY document_id`.",
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
            "a minute after the last lease",
            "A lease that ended yesterday and gets one more minute has ended yesterday. The minute begins now, not where the "
            "last lease ended.",
            old="now() + interval",
            new="coalesce(taken_until, now()) + interval",
        ),
        Mistake(
            "the program's clock",
            "The session has another time zone than your program, and a time without a zone is read in it: the lease is hours "
            "off. `now()` is PostgreSQL's own clock, the same for every worker.",
            code=f"""
            from datetime import datetime, timedelta

            def take_job(postgres):
                row = postgres.execute(
                    '''UPDATE jobs SET taken_until = %s WHERE document_id = (
                        SELECT document_id FROM jobs WHERE {FREE} ORDER BY document_id LIMIT 1 {LOCKED})
                    RETURNING document_id''',
                    [datetime.now() + timedelta(minutes=1)],
                ).fetchone()
                return row[0] if row else None
            """,
        ),
        Mistake(
            "the program's clock, with its zone",
            "The time comes from your program. Each worker's machine has a clock of its own, and one that is late "
            "takes jobs that others still have. `now()` is PostgreSQL's clock, the same for every worker.",
            code=f"""
            from datetime import UTC, datetime, timedelta

            def take_job(postgres):
                row = postgres.execute(
                    '''UPDATE jobs SET taken_until = %s WHERE document_id = (
                        SELECT document_id FROM jobs WHERE {FREE} ORDER BY document_id LIMIT 1 {LOCKED})
                    RETURNING document_id''',
                    [datetime.now(UTC) + timedelta(minutes=1)],
                ).fetchone()
                return row[0] if row else None
            """,
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
            "0 for none",
            "No job is free: return `None`. 0 is a number, as each job's id is.",
            old="else None",
            new="else 0",
        ),
        Mistake(
            "the lease returned",
            "You return `taken_until`. Which job was taken? Return its `document_id`.",
            old="RETURNING document_id",
            new="RETURNING taken_until",
        ),
        Mistake(
            "takes all, returns one",
            "Your call takes all free jobs, and returns one of them. The others are leased to nobody: `LIMIT 1`.",
            code=f"""
            def take_job(postgres):
                row = postgres.execute('''
                    UPDATE jobs SET taken_until = now() + interval '1 minute'
                    WHERE document_id IN (SELECT document_id FROM jobs WHERE {FREE} ORDER BY document_id {LOCKED})
                    RETURNING document_id''').fetchone()
                return row[0] if row else None
            """,
        ),
        Mistake(
            "only the lowest of all",
            "You look at the lowest job of the table, and if that is taken, at none. The lowest of those that are free: the "
            "condition stands in the `WHERE`.",
            code=f"""
            def take_job(postgres):
                with postgres.transaction():
                    row = postgres.execute(
                        "SELECT document_id, {FREE} FROM jobs ORDER BY document_id LIMIT 1 {LOCKED}"
                    ).fetchone()
                    if not row or not row[1]:
                        return None
                    lease = "UPDATE jobs SET taken_until = now() + interval '1 minute' WHERE document_id = %s"
                    postgres.execute(lease, [row[0]])
                    return row[0]
            """,
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
    out = "UPDATE jobs SET taken_until = now() + CASE document_id WHEN 1203 THEN interval '-1 day' ELSE interval '30 s' END"
    mixed = "UPDATE jobs SET taken_until = now() + CASE document_id WHEN 1203 THEN interval '30 s' ELSE NULL END"
    old = "UPDATE jobs SET taken_until = now() - interval '1 day' WHERE document_id = 1204"
    trial.compare(take_job, _four_calls)
    trial.compare(take_job, _leased(mixed, "another worker has 1203"))
    trial.compare(take_job, _leased(out, "the lease of 1203 has run out, the others run"))
    trial.compare(take_job, _leased(old, "the lease of 1204 has run out, the others are free"))
    trial.compare(take_job, _colleague)
    trial.compare(take_job, _between)
    return "No lock is held while the worker embeds. If it dies, its lease runs out, and the next worker takes the job."
