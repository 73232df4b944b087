"""The exercises of lesson 03b: the lock that stops writers and no reader, and a backup that opens the door again."""

from __future__ import annotations

import sqlite3
import time  # noqa: F401  the answers use it
from collections.abc import Callable
from contextlib import closing

from course.checks.door import DiskFullError, failed, went_well
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Trial
from course.exercises.stage import Stage

_ELSEWHERE = ("LOCK TABLE", "FOR UPDATE", "SHARED", "BEGIN ISOLATION")
"""What stands in statements that have a sentence of their own."""


def _statement(name: str, says: str, statement: str) -> Mistake:
    return Mistake(name, says, old='"BEGIN IMMEDIATE"', new=repr(statement))


@exercise(
    "03b.write_lock",
    hints=[
        "SQLite has three: `BEGIN DEFERRED`, `BEGIN IMMEDIATE`, `BEGIN EXCLUSIVE`. A bare `BEGIN` is the first.",
        "DEFERRED locks nothing until the first statement after it. EXCLUSIVE keeps readers out as well.",
    ],
    mistakes=[
        _statement(
            "deferred",
            "Nothing is locked yet. A bare `BEGIN` is deferred, as a savepoint is: the first statement after it takes the "
            "lock. Which one locks at once?",
            "BEGIN",
        ),
        _statement(
            "exclusive",
            "Nobody may write, and nobody may read either: no search is answered while you copy. Which one lets readers go on?",
            "BEGIN EXCLUSIVE",
        ),
        _statement(
            "a question",
            "A question outside a transaction locks while it is answered, and no longer. Begin a transaction.",
            "SELECT count(*) FROM embeddings",
        ),
        _statement(
            "a pragma",
            "`locking_mode` says how long a lock is kept once it was taken. Nothing has taken one yet: begin a transaction.",
            "PRAGMA locking_mode = EXCLUSIVE",
        ),
        _statement(
            "PostgreSQL's lock",
            "`LOCK TABLE` is PostgreSQL's. SQLite has no locks on tables that you could name: its lock is on the whole file, and "
            "comes with the way in which you begin a transaction.",
            "LOCK TABLE embeddings IN EXCLUSIVE MODE",
        ),
        _statement(
            "for update",
            "`FOR UPDATE` is PostgreSQL's, and locks rows. SQLite's lock is on the whole file.",
            "SELECT * FROM embeddings FOR UPDATE",
        ),
        _statement(
            "shared",
            "SQLite has no `BEGIN SHARED`. Its page names DEFERRED, IMMEDIATE and EXCLUSIVE.",
            "BEGIN SHARED",
        ),
        _statement(
            "isolation level",
            "Isolation levels in `BEGIN` are PostgreSQL's. SQLite's page names DEFERRED, IMMEDIATE and EXCLUSIVE.",
            "BEGIN ISOLATION LEVEL SERIALIZABLE",
        ),
        _statement(
            "another syntax",
            "Its page names three ways to begin a transaction: `BEGIN DEFERRED`, `BEGIN IMMEDIATE`, `BEGIN EXCLUSIVE`.",
            "IMMEDIATE",
        ),
        _statement(
            "two statements",
            "Those are several statements, and Python's `execute` takes one. One is enough.",
            "BEGIN IMMEDIATE; SELECT count(*) FROM embeddings",
        ),
        _statement(
            "changes something",
            "A change outside a transaction ends at once, and its lock with it. It has also changed the store. Begin a "
            "transaction, and change nothing.",
            "DELETE FROM embeddings WHERE id = (SELECT max(id) FROM embeddings)",
        ),
        _statement(
            "no transaction",
            "That began no transaction: it has ended, and its lock with it. Begin one, and change nothing.",
            "UPDATE embeddings SET id = id",
        ),
        _statement(
            "ends a transaction",
            "There is no transaction yet that could be ended. Begin one.",
            "COMMIT",
        ),
    ],
)
def write_lock(write_lock: str, trial: Trial) -> str:
    """Judge the statement by what others may do on the same file meanwhile."""
    with closing(sqlite3.connect(":memory:")) as anywhere:
        said = _answered(anywhere, write_lock)
    if "syntax error" in said and not any(word in write_lock.upper() for word in _ELSEWHERE):
        raise trial.says("another syntax", f"SQLite cannot read this statement: {said}.")
    trial.compare(write_lock, _locked, "Executed on a SQLite file in which others read and write: {found}.")
    return "Writers wait, readers go on, and the file stands still while you copy it."


def _locked(statement: str, stage: Stage) -> str:
    """What the statement does, and what others may do on the same file after it."""
    file = stage.folder / "chroma.sqlite3"
    with (
        closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as ours,
        closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as others,
    ):
        ours.execute("CREATE TABLE embeddings (id INTEGER PRIMARY KEY)")
        ours.execute("INSERT INTO embeddings VALUES (1001), (1002), (1003)")
        seen = {"yours": _answered(ours, statement)}
        seen["then"] = "a transaction" if ours.in_transaction else "no transaction"
        seen["another reads"] = _answered(others, "SELECT count(*) FROM embeddings")
        seen["another writes"] = _answered(others, "INSERT INTO embeddings VALUES (1004)")
        seen["entries"] = ours.execute("SELECT count(*) FROM embeddings").fetchone()[0]
        return ", ".join(f"{name}: {what}" for name, what in seen.items())


def _answered(database: sqlite3.Connection, statement: str) -> str:
    try:
        row = database.execute(statement).fetchone()
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        return str(error)
    if row is None:
        return "ok"
    return row[0] if isinstance(row[0], str) else "an answer"


_LOOP = "for job in jobs:\n            job()"
_TIMED = f"""pause()
    began = time.perf_counter()
    try:
        {_LOOP}"""


@exercise(
    "03b.quiet_backup",
    hints=[
        "What must happen on every way out of a block belongs into `finally`.",
        "`pause()` comes before the `try`, the loop over the jobs into it, `resume()` into the `finally`. "
        "Do not `return` in a `finally`: it swallows the error.",
    ],
    mistakes=[
        Mistake(
            "never pauses",
            "Nobody was stopped: `pause` was not called. Call it, with brackets, before the first job.",
            old="    pause()\n",
            new="",
        ),
        Mistake(
            "forgets the brackets",
            "Neither `pause` nor `resume` was called, only named. Call them with brackets: `pause()`.",
            code="""
            def quiet_backup(pause, resume, jobs):
                pause
                began = time.perf_counter()
                for job in jobs:
                    job()
                resume
                return time.perf_counter() - began
            """,
        ),
        Mistake(
            "never resumes",
            "The jobs ended well, and the users are still locked out: `resume()` was not called, or only where a job fails. A "
            "`finally` runs on every way out.",
            old="resume()",
            new="pass",
        ),
        Mistake(
            "the jobs are not called",
            "No job ran. Each element of `jobs` is a function: call it.",
            old="            job()",
            new="            job",
        ),
        Mistake(
            "the first job only",
            "There are 3 jobs, and only the first ran. Go through all of them; a `return` inside the loop ends it there.",
            old="in jobs:",
            new="in jobs[:1]:",
        ),
        Mistake(
            "each job twice",
            "Each job ran twice. Once is enough.",
            old="in jobs:",
            new="in jobs * 2:",
        ),
        Mistake(
            "a pause for each job",
            "You pause for each job, and let the users in between. Then each backup has a moment of its own again. Pause once, "
            "for all of them.",
            code="""
            def quiet_backup(pause, resume, jobs):
                began = time.perf_counter()
                for job in jobs:
                    pause()
                    try:
                        job()
                    finally:
                        resume()
                return time.perf_counter() - began
            """,
        ),
        Mistake(
            "a pause for each, resumed once",
            "You pause for each job anew. The door is closed already: pause once, before the first.",
            old=f"pause()\n    began = time.perf_counter()\n    try:\n        {_LOOP}",
            new="began = time.perf_counter()\n    try:\n        for job in jobs:\n            pause()\n            job()",
        ),
        Mistake(
            "resumes after the jobs, and again",
            "All went well, and you resume twice: after the jobs, and in the `finally`, which runs then too. Once is enough.",
            old="    finally:",
            new="        resume()\n    finally:",
        ),
        Mistake(
            "the two swapped",
            "You resume before the jobs and pause after them: the jobs ran with the door open, and it stays closed.",
            old="pause()\n    began",
            new="pause, resume = resume, pause\n    pause()\n    began",
        ),
        Mistake(
            "resumes for each job",
            "You resume after the first job, and the others run with the door open. Resume once, after the last.",
            old=_TIMED,
            new=f"{_TIMED}\n            resume()",
        ),
        Mistake(
            "jobs first",
            "The jobs ran before or after the pause, with the door open. They must run between `pause()` and `resume()`, so that "
            "nobody writes meanwhile.",
            code="""
            def quiet_backup(pause, resume, jobs):
                for job in jobs:
                    job()
                pause()
                began = time.perf_counter()
                resume()
                return time.perf_counter() - began
            """,
        ),
        Mistake(
            "milliseconds",
            "You return more than the whole call took. Return seconds, of this call.",
            old="return time.perf_counter() - began",
            new="return (time.perf_counter() - began) * 1000",
        ),
        Mistake(
            "whole seconds",
            "You return a whole number of seconds, and these jobs take far less than one. Leave the fraction.",
            old="return time.perf_counter() - began",
            new="return int(time.perf_counter() - began)",
        ),
        Mistake(
            "the moment",
            "You return a moment, not a duration. Subtract the moment at which the pause began.",
            old="return time.perf_counter() - began",
            new="return time.time()",
        ),
        Mistake(
            "the wrong way round",
            "You return less than nothing: the later moment minus the earlier one is the duration.",
            old="time.perf_counter() - began",
            new="began - time.perf_counter()",
        ),
        Mistake(
            "no return",
            "The door is open again, and your function returns nothing: how long was it closed?",
            old="    return time.perf_counter() - began",
            new="",
        ),
        Mistake(
            "the last job's time",
            "That is shorter than the door was closed. Take the time right after `pause()`, and again when all jobs have ended.",
            old="            job()",
            new="            began = time.perf_counter()\n            job()",
        ),
        Mistake(
            "no finally",
            "A job failed, and `resume` was not called: the users stay locked out until somebody notices. `finally` runs on "
            "every way out.",
            code="""
            def quiet_backup(pause, resume, jobs):
                pause()
                began = time.perf_counter()
                for job in jobs:
                    job()
                resume()
                return time.perf_counter() - began
            """,
        ),
        Mistake(
            "swallows the error",
            "A job failed, and your function ended as if all were well. A failed backup that nobody hears of is the worst kind. "
            "Let the error through: no `except` that ends it, and no `return` in `finally`, which swallows it.",
            old="    finally:\n        resume()\n",
            new="    except Exception as error:\n        print(error)\n    finally:\n        resume()\n",
        ),
        Mistake(
            "swallows, and resumes twice",
            "A job failed. Your function resumed twice, and ended as if all were well: the `except` ends the error, and goes on "
            "to the second `resume()`. A `finally` does it once, and lets the error through.",
            old="    finally:\n        resume()\n",
            new="    except Exception:\n        resume()\n    resume()\n",
        ),
        Mistake(
            "resumes, and resumes again",
            "A job failed, and you resume twice. Once, in the `finally`, is enough.",
            old="    finally:",
            new="    except Exception:\n        resume()\n        raise\n    finally:",
        ),
        Mistake(
            "goes on with the door open",
            "After a job that failed, the others ran with the door open. Resume once, after the last job.",
            code="""
            def quiet_backup(pause, resume, jobs):
                pause()
                began = time.perf_counter()
                failed = None
                for job in jobs:
                    try:
                        job()
                    except Exception as error:
                        failed = error
                        resume()
                if failed:
                    raise failed
                resume()
                return time.perf_counter() - began
            """,
        ),
        Mistake(
            "except Exception",
            "The backup was interrupted, as by the stop button, and the users stay locked out: `except Exception` does not see "
            "an interrupt. `finally` does.",
            old="    finally:\n        resume()\n",
            new="    except Exception:\n        resume()\n        raise\n    resume()\n",
        ),
        Mistake(
            "swallows an interrupt",
            "The backup was interrupted, as by the stop button, and your function went on as if nothing were. Let an interrupt "
            "through, as any other error.",
            old="    finally:",
            new="    except KeyboardInterrupt:\n        print('interrupted')\n    finally:",
        ),
    ],
)
def quiet_backup(quiet_backup: Callable, trial: Trial) -> str:
    """Judge what happens to the door: with jobs that end well, with one that fails, and with one that is interrupted."""
    trial.compare(quiet_backup, went_well)
    for place, which in enumerate(("first", "second", "last")):
        trial.compare(quiet_backup, failed(DiskFullError, place), f"The {which} of three jobs fails with an error: {{found}}.")
    trial.compare(quiet_backup, failed(KeyboardInterrupt, 1), "The second of three jobs is interrupted: {found}.")
    return "One moment for all three, and the door opens again on every way out. The price stays: nobody could write meanwhile."
