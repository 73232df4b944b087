"""A primary and a replica that is late, for a check about where to read. Nothing moves in them once they are made.

The replica has received more of the log than it has replayed: its replay is paused.
"""

from __future__ import annotations

import atexit
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg

from course.exercises.bench import spare_postgres
from course.home import home
from course.servers.postgres import PostgresServer, binary
from course.servers.rows import only
from course.waiting import until


@dataclass(frozen=True)
class Pair:
    """The two servers, and two positions of the log: what the replica has replayed, and what it has received besides."""

    primary: PostgresServer
    replica: PostgresServer
    replayed: str
    received: str


_kept: dict[Path, Pair] = {}


def late_pair() -> Pair:
    """The pair of this kernel, made at the first call. It ends with the kernel."""
    found = _kept.get(home())
    if found is None or "running" not in {found.primary.state} & {found.replica.state}:
        until_the_end = ExitStack()
        atexit.register(until_the_end.close)
        found = _kept[home()] = _made(until_the_end)
    return found


def _made(until_the_end: ExitStack) -> Pair:
    primary, replica = (until_the_end.enter_context(spare_postgres()) for _ in range(2))
    primary.settings = {"autovacuum": "off", "fsync": "off"}
    replica.settings = {"fsync": "off"}
    primary.start()
    how = ("--write-recovery-conf", "--checkpoint=fast", "--no-sync")
    command = [binary("pg_basebackup"), f"--dbname={primary.url}", f"--pgdata={replica.directory}", *how]
    subprocess.run(command, check=True, capture_output=True)
    replica.start()
    with primary.connect() as writes, replica.connect() as reads:
        replayed = _position_after_a_commit(writes)
        until(lambda: only(reads.execute("SELECT pg_last_wal_replay_lsn() >= %s", [replayed])))
        reads.execute("SELECT pg_wal_replay_pause()")
        until(lambda: only(reads.execute("SELECT pg_get_wal_replay_pause_state() = 'paused'")))
        replayed = only(reads.execute("SELECT pg_last_wal_replay_lsn()::text"))
        received = _position_after_a_commit(writes)
        until(lambda: only(reads.execute("SELECT pg_last_wal_receive_lsn() >= %s", [received])))
    return Pair(primary, replica, replayed, received)


def _position_after_a_commit(writes: psycopg.Connection) -> str:
    writes.execute("SELECT pg_logical_emit_message(true, 'check', 'something to commit')")
    return only(writes.execute("SELECT pg_current_wal_lsn()::text"))
