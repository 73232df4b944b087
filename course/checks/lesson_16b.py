"""The exercise of lesson 16b: documents that are claimed from a queue, while others claim too."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

from course.checks.notes import numbers
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import Stage

QUEUE = """
    CREATE TABLE backfill (document_id bigint PRIMARY KEY);
    INSERT INTO backfill VALUES (10001), (1202), (1204), (1201), (1205), (1203);
"""


def _ids(value: Any) -> Any:
    """A list of ids in their order; anything else as it is."""
    whole = isinstance(value, list) and all(type(item) is int for item in value)
    return sorted(value) if whole else value


def _worker(claim: Callable, stage: Stage, then: Callable[[], object] = lambda: None) -> Callable:
    """What claims in a transaction, does something else before the commit, and is watched as a whole."""
    learners = claim.__wrapped__  # type: ignore[attr-defined]  # watched by itself, it would have to leave no transaction open

    def worker(postgres: psycopg.Connection, n: int) -> Any:
        with postgres.transaction():
            claimed = learners(postgres, n)
            then()
        return _ids(claimed)

    return stage.watched(worker)


def _one_worker(claim: Callable, stage: Stage) -> Parts:
    """Two documents, then all that are left, then none."""
    postgres = stage.database(QUEUE)
    worker = _worker(claim, stage)
    two = worker(postgres, 2)
    left = numbers(stage.rows("SELECT document_id FROM backfill ORDER BY 1"))
    others, none = worker(postgres, 1000), worker(postgres, 1000)
    return Parts(two_of_six=two, left_in_the_queue=left, all_that_are_left=others, then=none)


class _Died(Exception):
    """What ends the worker's transaction."""


def _killed(claim: Callable, stage: Stage) -> Parts:
    """A worker that dies before its commit, and what a colleague could take meanwhile."""
    postgres = stage.database(QUEUE)
    free: list[Any] = []

    def dies() -> None:
        free.extend(numbers(stage.rows("SELECT document_id FROM backfill ORDER BY 1 FOR UPDATE SKIP LOCKED")))
        raise _Died

    with suppress(_Died):
        _worker(claim, stage, dies)(postgres, 2)
    back = numbers(stage.rows("SELECT document_id FROM backfill ORDER BY 1"))
    return Parts(what_a_colleague_can_take_meanwhile=free, in_the_queue_after_the_worker_died=back)


def _beside(held: str, strength: str = "UPDATE") -> Callable[[Callable, Stage], Parts]:
    """How to observe a claim of three while another session has these documents locked."""

    def observe(claim: Callable, stage: Stage) -> Parts:
        stage.database(QUEUE)
        postgres = stage.connect(options="-c lock_timeout=500ms")
        stage.own.execute("BEGIN")
        stage.own.execute(f"SELECT FROM backfill WHERE {held} FOR {strength}")
        try:
            found = _worker(claim, stage)(postgres, 3)
        except psycopg.errors.LockNotAvailable as error:
            found = "an error" if "obtain" in str(error) else "waits"
        finally:
            stage.own.execute("ROLLBACK")
        return Parts(**{f"a claim of three while another session has {held} locked for {strength}": found})

    return observe


SKIP = "FOR UPDATE SKIP LOCKED"
LOWEST = f"SELECT document_id FROM backfill ORDER BY document_id LIMIT %s {SKIP}"
TAKE = f"DELETE FROM backfill WHERE document_id IN ({LOWEST}) RETURNING document_id"


@exercise(
    "16b.claim",
    hints=[
        "A row is locked in the SELECT that chooses it: what stands at its end?",
        "`FOR UPDATE` locks the rows, and `SKIP LOCKED` passes over those that others have locked.",
        "`… ORDER BY document_id LIMIT %s FOR UPDATE SKIP LOCKED)` inside the parentheses; nothing else changes.",
    ],
    may={"postgres"},
    mistakes=[
        Mistake(
            "gives up",
            "Another session has some of them locked, and you return none, though others are free. Neither an error nor the end "
            "of your patience says which are: `FOR UPDATE SKIP LOCKED` passes over those that are locked.",
            code=f"""
            def claim(postgres, n):
                try:
                    with postgres.transaction():
                        return [id for (id,) in postgres.execute('''{TAKE.replace("SKIP LOCKED", "NOWAIT")}''', [n])]
                except Exception:
                    return []
            """,
        ),
        Mistake(
            "the lowest n, locked or not",
            "You choose the lowest `n` first, and then leave out those that others have locked: too few are left. `LIMIT` counts "
            "what is free if it stands in the SELECT with `FOR UPDATE SKIP LOCKED`.",
            code="""
            def claim(postgres, n):
                rows = postgres.execute(
                    '''DELETE FROM backfill WHERE document_id IN (
                           SELECT document_id FROM backfill WHERE document_id IN (
                               SELECT document_id FROM backfill ORDER BY document_id LIMIT %s)
                           FOR UPDATE SKIP LOCKED)
                       RETURNING document_id''', [n])
                return [id for (id,) in rows]
            """,
        ),
        Mistake(
            "waits",
            "Another session has some of them locked, and yours waits for it, though others are free. `FOR "
            "UPDATE SKIP LOCKED` at "
            "the end of the inner SELECT passes over them.",
            old=SKIP,
            new="",
        ),
        Mistake(
            "NOWAIT",
            "`NOWAIT` stops with an error at the first row that is locked. `SKIP LOCKED` takes the next one.",
            old="SKIP LOCKED",
            new="NOWAIT",
        ),
        Mistake(
            "FOR SHARE",
            "`FOR SHARE` lets another session lock the same row as well, and then each waits for the other to delete it. "
            "`FOR UPDATE` is for one alone.",
            old="FOR UPDATE",
            new="FOR SHARE",
        ),
        Mistake(
            "only looks",
            "The documents stay in the queue: you look, and take nothing. `DELETE … RETURNING` does both.",
            code="""
            def claim(postgres, n):
                rows = postgres.execute(
                    "SELECT document_id FROM backfill ORDER BY document_id LIMIT %s FOR UPDATE SKIP LOCKED", [n])
                return [id for (id,) in rows]
            """,
        ),
        Mistake(
            "locks more than it takes",
            "You lock the whole queue to take two of it, and a colleague finds none. `LIMIT` belongs in the "
            "statement that locks.",
            code="""
            def claim(postgres, n):
                rows = postgres.execute(
                    "SELECT document_id FROM backfill ORDER BY document_id FOR UPDATE SKIP LOCKED").fetchmany(n)
                ids = [id for (id,) in rows]
                postgres.execute("DELETE FROM backfill WHERE document_id = ANY(%s)", [ids])
                return ids
            """,
        ),
        Mistake(
            "locks the table",
            "You lock the whole table, and a colleague finds nothing free until you commit. Lock the rows that "
            "you take, no other.",
            code="""
            def claim(postgres, n):
                postgres.execute("LOCK TABLE backfill IN ACCESS EXCLUSIVE MODE NOWAIT")
                rows = postgres.execute('''
                    DELETE FROM backfill WHERE document_id IN (
                        SELECT document_id FROM backfill ORDER BY document_id LIMIT %s)
                    RETURNING document_id''', [n])
                return [id for (id,) in rows]
            """,
        ),
        Mistake(
            "empties the queue",
            "Your call removes all of the queue and returns some of it. What nobody got is lost: `LIMIT` belongs in the inner "
            "SELECT.",
            code="""
            def claim(postgres, n):
                rows = postgres.execute('''
                    DELETE FROM backfill WHERE document_id IN (
                        SELECT document_id FROM backfill ORDER BY document_id FOR UPDATE SKIP LOCKED)
                    RETURNING document_id''')
                return sorted(id for (id,) in rows)[:n]
            """,
        ),
        Mistake(
            "no limit",
            "You take all that are there. It is `n` that are asked for: `LIMIT %s`.",
            code="""
            def claim(postgres, n):
                rows = postgres.execute('''
                    DELETE FROM backfill WHERE document_id IN (
                        SELECT document_id FROM backfill ORDER BY document_id FOR UPDATE SKIP LOCKED)
                    RETURNING document_id''')
                return [id for (id,) in rows]
            """,
        ),
        Mistake(
            "one, whatever n is",
            "You take one, and `n` says how many. Bind it: `LIMIT %s`, and `[n]` after the statement.",
            code="""
            def claim(postgres, n):
                rows = postgres.execute('''
                    DELETE FROM backfill WHERE document_id IN (
                        SELECT document_id FROM backfill ORDER BY document_id LIMIT 1 FOR UPDATE SKIP LOCKED)
                    RETURNING document_id''')
                return [id for (id,) in rows]
            """,
        ),
        Mistake(
            "one at a time",
            "You take `n` off the queue and return fewer: the others are gone, and nobody does them. "
            "`fetchall()`, not `fetchone()`.",
            old="[id for (id,) in rows]",
            new="[id for (id,) in [rows.fetchone()] if id]",
        ),
        Mistake(
            "the highest first",
            "Those are the highest. The lowest come first: `ORDER BY document_id`.",
            old="ORDER BY document_id",
            new="ORDER BY document_id DESC",
        ),
        Mistake(
            "ordered as text",
            "Ordered as text, 10001 comes before 1201. The ids are numbers: `ORDER BY document_id`, without a cast.",
            old="ORDER BY document_id",
            new="ORDER BY document_id::text",
        ),
        Mistake(
            "no order",
            "Without an `ORDER BY`, `LIMIT` takes any of them, and not the lowest.",
            old="ORDER BY document_id ",
            new="",
        ),
        Mistake(
            "passes over by OFFSET",
            "`OFFSET` passes over the first that are there, locked or not. The lock says what is free: `SKIP LOCKED`.",
            old="LIMIT %s",
            new="LIMIT %s OFFSET 1",
        ),
        Mistake(
            "commits",
            "You commit inside the worker's transaction. If the worker dies while it embeds, these documents are gone from the "
            "queue: the commit is the worker's, after the vectors are written.",
            code=f"""
            def claim(postgres, n):
                ids = [id for (id,) in postgres.execute('''{TAKE}''', [n])]
                postgres.commit()
                return ids
            """,
        ),
        Mistake(
            "COMMIT in SQL",
            "You commit, and then the worker dies: its documents are in no queue and have no vector. The commit is the worker's.",
            code=f"""
            def claim(postgres, n):
                ids = [id for (id,) in postgres.execute('''{TAKE}''', [n])]
                postgres.execute("COMMIT")
                postgres.execute("BEGIN")
                return ids
            """,
        ),
        Mistake(
            "rows",
            "Those are rows with an id in each. Take the numbers out: `[id for (id,) in rows]`.",
            old="[id for (id,) in rows]",
            new="rows.fetchall()",
        ),
        Mistake("how many", "That is how many. Which ones? Return their ids.", old="[id for (id,) in rows]", new="rows.rowcount"),
        Mistake(
            "as text",
            "The ids are text in your list. They are numbers in the table: keep them so.",
            old="[id for",
            new="[str(id) for",
        ),
        Mistake("returns nothing", "You take them, and do not say which: `return` their ids.", old="    return [", new="    ["),
    ],
)
def claim(claim: Callable, trial: Trial) -> str:
    """Judge one worker, one that dies, and one beside a session that has some, or all, of the queue locked."""
    trial.compare(claim, _one_worker)
    trial.compare(claim, _killed)
    trial.compare(claim, _beside("document_id IN (1201, 1203)"))
    trial.compare(claim, _beside("document_id > 0"))
    trial.compare(claim, _beside("document_id = 1202", "SHARE"))
    return "Now ten workers are ten times as fast as one, until the model or the processor is the limit. None waits for another."
