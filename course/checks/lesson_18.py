"""The exercises of lesson 18: one chooses between a primary and a replica that is late, the other keeps a promise per commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from course.checks.pair import late_pair
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import ODD, Stage
from course.servers.rows import only

_QUERY = '"SELECT %s::pg_lsn IS NULL OR pg_last_wal_replay_lsn() >= %s::pg_lsn"'
_THERE = "there = replica.execute(query, [written, written]).fetchone()[0]"
_LONG_AGO, _FAR_AHEAD = "0/900000", "FFFF/0"
"""Positions: the first is a smaller number than the replica's, and a larger text; nobody has written up to the second yet."""


def _choices(reader: Callable, stage: Stage) -> Any:
    """Which of the two connections a function returns for each of five users."""
    pair = late_pair()
    positions = {
        "received_and_not_replayed": pair.received,
        "replayed_exactly_up_to_there": pair.replayed,
        f"replayed_long_after_{_LONG_AGO}": _LONG_AGO,
        f"nowhere_near_{_FAR_AHEAD}": _FAR_AHEAD,
        "a_user_who_has_written_nothing": None,
    }
    return Parts({name: _chosen(reader, written) for name, written in positions.items()})


def _unanswered(reader: Callable, stage: Stage) -> Any:
    """Which one it returns where the replica does not answer: to somebody who has written, and to somebody who has not."""
    return Parts(
        a_replica_that_does_not_answer=_chosen(reader, late_pair().replayed, reached=False),
        a_replica_that_does_not_answer_a_user_who_has_written_nothing=_chosen(reader, None, reached=False),
    )


def _chosen(reader: Callable, written: str | None, *, reached: bool = True) -> Any:
    """What a function returns, in words; the replica may not answer."""
    pair = late_pair()
    with pair.primary.connect() as primary, pair.replica.connect() as replica:
        if not reached:
            with pair.replica.connect() as other:  # the connection is lost, and whoever holds it learns so by asking
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [replica.info.backend_pid])
        try:
            returned = reader(primary, replica, written)
        except psycopg.errors.ObjectNotInPrerequisiteState:
            return "an error: a replica does not answer that function"
        except psycopg.OperationalError:
            return "an error: the replica does not answer"
        if _is_open(primary) or _is_open(replica):
            return "a connection with a transaction left open"
        which = {id(primary): "the primary", id(replica): "the replica"}
        return which.get(id(returned), returned if isinstance(returned, bool | str | None) else type(returned).__name__)


def _is_open(connection: psycopg.Connection) -> bool:
    return not connection.closed and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE


@exercise(
    "18.reader",
    hints=[
        "Ask the replica: `SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn`, with `[written]` after it.",
        "`written` may be `None`: then the replica will do. In SQL, `NULL` compared with anything is NULL.",
        "A connection that is lost raises `psycopg.OperationalError`. Then return the primary's.",
    ],
    mistakes=[
        Mistake(
            "always the replica",
            "You take the replica however far it is: you do not ask it, or do not look at its answer. The user has just saved "
            "something that it does not show yet.",
            old="return replica if there else primary",
            new="return replica",
        ),
        Mistake(
            "always the primary",
            "The replica has everything that this user has written, and it is left idle: then nobody needed a replica.",
            old="return replica if there else primary",
            new="return primary",
        ),
        Mistake(
            "the other one",
            "It is the other way round: the replica has replayed this position if its own is the same or a later one.",
            old="return replica if there else primary",
            new="return primary if there else replica",
        ),
        Mistake(
            "received and not replayed",
            "The replica has received this position, and has not replayed it: a report holds it back. What is received only, "
            "nobody sees. Ask `pg_last_wal_replay_lsn()`.",
            old="pg_last_wal_replay_lsn",
            new="pg_last_wal_receive_lsn",
        ),
        Mistake(
            "later than it",
            "The replica has replayed exactly up to this position, and so it has the write that ends there. `>=` and not `>`.",
            old=">= %s",
            new="> %s",
        ),
        Mistake(
            "not asked where nothing was written",
            "This user has written nothing, and you return the replica unasked. It does not answer now: ask it in any case.",
            old="try:",
            new="try:\n        if written is None:\n            return replica",
        ),
        Mistake(
            "compared as text",
            f"You compare positions as texts. `{_LONG_AGO}` is an earlier position than the replica's, and as a text it is "
            "larger. Let PostgreSQL compare: it knows the type `pg_lsn`.",
            old=f"query = {_QUERY}\n        {_THERE}",
            new="at = replica.execute('SELECT pg_last_wal_replay_lsn()').fetchone()[0]\n"
            "        there = written is None or at >= written",
        ),
        Mistake(
            "nothing written yet",
            "This user has written nothing, `written` is `None`, and any server will do. In SQL a comparison with NULL is NULL, "
            "and so your function takes the primary.",
            old="%s::pg_lsn IS NULL OR pg_last_wal_replay_lsn() >= %s::pg_lsn",
            new="%s::pg_lsn IS NOT NULL AND pg_last_wal_replay_lsn() >= %s::pg_lsn",
        ),
        Mistake(
            "where a primary writes",
            "Your function goes by where a primary writes. On the primary itself that is further than this user waits for, since "
            "others have written too; a replica answers `pg_current_wal_lsn()` with an error. How far the replica has "
            "replayed is `pg_last_wal_replay_lsn()`, and that is compared with `written`.",
            old=_THERE,
            new="now = primary.execute('SELECT pg_current_wal_lsn()').fetchone()[0]\n"
            "        there = replica.execute(query, [written, now]).fetchone()[0]",
        ),
        Mistake(
            "a function of primaries",
            "`pg_current_wal_lsn()` is where a primary writes, and a replica answers it with an error. How far that one has "
            "replayed is `pg_last_wal_replay_lsn()`.",
            code="""
            def reader(primary, replica, written):
                there = replica.execute("SELECT pg_current_wal_lsn() >= %s", [written]).fetchone()[0]
                return replica if there else primary
            """,
        ),
        Mistake(
            "fails with the replica",
            "The replica does not answer, and neither does your function. `psycopg.OperationalError` is what it raises then: the "
            "primary is still there.",
            old="except psycopg.OperationalError:",
            new="except psycopg.ProgrammingError:",
        ),
        Mistake(
            "the replica all the same",
            "The replica does not answer, and your function returns its connection. The primary's was asked for.",
            old="there = False",
            new="there = True",
        ),
        Mistake(
            "whether and not where",
            "You return whether the replica is far enough. The connection to read on was asked for.",
            old="return replica if there else primary",
            new="return there",
        ),
        Mistake(
            "a name and not a connection",
            "You return a word. The connection itself was asked for.",
            old="return replica if there else primary",
            new="return 'replica' if there else 'primary'",
        ),
        Mistake(
            "returns nothing",
            "Your function returns nothing. Is a `return` missing?",
            old="return replica if there else primary",
            new="replica if there else primary",
        ),
    ],
    seconds=10,
)
def reader(reader: Callable, trial: Trial) -> str:
    """Judge which connection is chosen for each of six users, by a replica whose replay is paused."""
    trial.compare(reader, _choices)
    trial.compare(reader, _unanswered)
    return "The position travels in the user's session or a cookie: a few bytes, and no server has to know them."


_NOTES = """
    CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY (START WITH 1001) PRIMARY KEY, title text NOT NULL);
    DROP TABLE IF EXISTS bench.kept;
    CREATE TABLE bench.kept (level text);
    CREATE OR REPLACE FUNCTION bench.keep() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO bench.kept VALUES (current_setting('synchronous_commit'));
            RETURN NULL;
        END $$;
    CREATE CONSTRAINT TRIGGER kept AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION bench.keep();
"""
"""What a commit waits for is decided at its end. There the trigger notes it."""

_LEVELS = '{"seen": "remote_apply", "safe": "on", "cheap": "local"}'
_SET = """connection.execute("SELECT set_config('synchronous_commit', %s, true)", [level])"""
_INSIDE = f"""with connection.transaction():
        {_SET}"""


def _saved(promise: str) -> Callable[[Callable, Stage], Any]:
    """How to observe what a function returns, what is committed, and what its commit has waited for."""

    def observe(save_with: Callable, stage: Stage) -> Any:
        level = "off" if promise == "safe" else "remote_write"  # none that a promise or a mistake asks for
        connection = stage.database(_NOTES)
        connection.execute(f"SET synchronous_commit = {level}")
        stage.own.execute("INSERT INTO notes OVERRIDING SYSTEM VALUE VALUES (7, %s), (5000, 'Of a colleague')", [ODD])
        stage.own.execute("TRUNCATE bench.kept")
        returned = save_with(connection, ODD, promise)
        rows = stage.rows("SELECT id, title FROM notes WHERE id NOT IN (7, 5000) ORDER BY id")
        commits = [level for (level,) in stage.rows("SELECT level FROM bench.kept")]
        after = only(connection.execute("SHOW synchronous_commit"))
        return Parts(notes=rows, levels_of_commits=commits, setting_afterwards=after, returned=returned)

    return observe


@exercise(
    "18.save_with",
    hints=[
        "Three levels: `remote_apply`, `on` and `local`. Which one waits until the replica shows it?",
        "`SET LOCAL` takes no placeholder; `SELECT set_config('synchronous_commit', %s, true)` is the same with one.",
        "It has to be inside the transaction: `with connection.transaction():`, then the setting, then the `INSERT`.",
    ],
    mistakes=[
        Mistake(
            "stays for the connection",
            "Your setting outlives the transaction, and whoever uses this connection next finds it. `SET LOCAL`, or "
            "`set_config(…, true)`, ends with the transaction.",
            old="%s, true)",
            new="%s, false)",
        ),
        Mistake(
            "reset to the server's",
            "`RESET` goes back to what the server has, and this connection had a setting of its own. `SET LOCAL`, or "
            "`set_config(…, true)`, ends with the transaction and leaves it as it was.",
            code=f"""
            def save_with(connection, title, promise):
                level = {_LEVELS}[promise]
                connection.execute("SELECT set_config('synchronous_commit', %s, false)", [level])
                insert = "INSERT INTO notes (title) VALUES (%s) RETURNING id"
                id = connection.execute(insert, [title]).fetchone()[0]
                connection.execute("RESET synchronous_commit")
                return id
            """,
        ),
        Mistake(
            "the largest id",
            "The note is right, and the id is a colleague's: the largest may be anybody's. The statement that inserts tells its "
            "own: `RETURNING id`.",
            old="return connection.execute(insert, [title]).fetchone()[0]",
            new="""connection.execute(insert, [title])
        return connection.execute('SELECT max(id) FROM notes').fetchone()[0]""",
        ),
        Mistake(
            "the first of this title",
            "The note is right, and the id is an older note's of the same title. The statement that inserts tells its own: "
            "`RETURNING id`.",
            old="return connection.execute(insert, [title]).fetchone()[0]",
            new="""connection.execute(insert, [title])
        return connection.execute('SELECT id FROM notes WHERE title = %s ORDER BY id', [title]).fetchone()[0]""",
        ),
        Mistake(
            "local to nothing",
            "The commit of the `INSERT` went by what the connection has. If you set anything, it was in another transaction: "
            "in autocommit mode each statement is one of its own, and a local setting ends with it. Both belong into one `with "
            "connection.transaction():`.",
            old=_INSIDE,
            new=f"{_SET}\n    with connection.transaction():",
        ),
        Mistake(
            "seen is not safe",
            "`on` waits until the replica's disk has it, and the replica may show it later. `seen` is `remote_apply`.",
            old='"seen": "remote_apply"',
            new='"seen": "on"',
        ),
        Mistake(
            "more than was promised",
            "`safe` needs the replica's disk, which is `on`. `remote_apply` waits for its replay too, and one report on the "
            "replica can hold that back.",
            old='"safe": "on"',
            new='"safe": "remote_apply"',
        ),
        Mistake(
            "received and not on its disk",
            "`remote_write` waits until the replica has handed it to its operating system, and not until it is on its disk. If "
            "both machines lose power, it is gone. `on` waits for the disk.",
            old='"safe": "on"',
            new='"safe": "remote_write"',
        ),
        Mistake(
            "safe on one disk",
            "`local` waits for the primary's own disk and for no replica. A note that is `safe` has to survive the primary.",
            old='"safe": "on"',
            new='"safe": "local"',
        ),
        Mistake(
            "not even the own disk",
            "With `off` a commit waits for no disk, the primary's own neither: a crash takes the last ones along. `cheap` was to "
            "survive that. `local` waits for the own disk and for no replica.",
            old='"cheap": "local"',
            new='"cheap": "off"',
        ),
        Mistake(
            "waits all the same",
            "`cheap` was to wait for no replica, and `on` waits for its disk.",
            old='"cheap": "local"',
            new='"cheap": "on"',
        ),
        Mistake(
            "the wrong way round",
            "`seen` and `cheap` are the wrong way round: `local` waits for no replica.",
            old=_LEVELS,
            new='{"seen": "local", "safe": "on", "cheap": "remote_apply"}',
        ),
        Mistake(
            "committed by nobody",
            "The note is not committed: your transaction is rolled back, or still open. The end of a `with "
            "connection.transaction():` commits.",
            old="with connection.transaction():",
            new="with connection.transaction(force_rollback=True):",
        ),
        Mistake(
            "the title in the statement",
            "Your function writes the title into the text of the SQL, and this one has an apostrophe and a % in it. A "
            "placeholder in the text, and the title in a list after it.",
            old='VALUES (%s) RETURNING id"\n        return connection.execute(insert, [title])',
            new="""VALUES (\'" + title + "\') RETURNING id"\n        return connection.execute(insert)""",
        ),
        Mistake(
            "twice",
            "The note is there more than once.",
            old="return connection",
            new="connection.execute(insert, [title])\n        return connection",
        ),
        Mistake(
            "a row and not an id",
            "The note is right. You return a row, which is a tuple: take the id out of it.",
            old=".fetchone()[0]",
            new=".fetchone()",
        ),
        Mistake(
            "returns nothing",
            "The note is right, and you return nothing. Its id was asked for: `RETURNING id`.",
            old="return connection",
            new="connection",
        ),
    ],
)
def save_with(save_with: Callable, trial: Trial) -> str:
    """Judge each promise by the setting that is in force when its transaction commits."""
    for promise in ("cheap", "safe", "seen"):
        trial.compare(save_with, _saved(promise), f"The promise is `{promise}`.")
    return "A session in Lumen chooses per note, and on a server without a replica all three are quick."
