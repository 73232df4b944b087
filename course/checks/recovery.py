"""A server that recovers with a learner's settings, from a base backup and an archive that have two mistakes in them.

What the settings should be, and what a recovery that failed means, stands in `lesson_11.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from psycopg.errors import OperationalError

from course.errors import ServerError
from course.exercises.bench import spare_postgres
from course.servers.postgres import USER, PostgresServer, binary
from course.servers.rows import only
from course.waiting import until

RECOVERY_SECONDS = 30
"""How long a recovery of this little may take."""


@dataclass(frozen=True)
class Story:
    """A base backup and an archive that have two mistakes in them.

    Attributes:
        mistakes: the number of each transaction that deleted everything, to the notes that were there just before.
    """

    base: Path
    archive: Path
    mistakes: Mapping[str, frozenset[int]]

    def copied(self, folder: Path) -> Story:
        """The same, with an archive of its own in this folder: whatever is done to it harms nobody. Its name has a space."""
        return replace(self, archive=shutil.copytree(self.archive, folder / "the archive"))


@dataclass(frozen=True)
class Ending:
    """How a recovery ended.

    Attributes:
        notes: the ids of the notes that the server has; None if it did not come so far.
        paused: it has arrived, and waits there.
        log: what it wrote.
    """

    notes: frozenset[int] | None
    paused: bool
    log: str


@cache
def told() -> Story:
    """The story, told once in a kernel and kept in a temporary folder that goes with it."""
    place = Path(_keep().name).resolve()
    (place / "archive").mkdir()
    with spare_postgres() as server:
        server.settings = {"archive_mode": "on", "archive_command": f'cp "%p" "{place}/archive/%f"'}
        server.start()
        mistakes = _told(server, place / "base")
        server.stop()  # it archives what is complete before it ends
    return Story(place / "base", place / "archive", mistakes)


@cache
def _keep() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="check-")


def _told(server: PostgresServer, base: Path) -> dict[str, frozenset[int]]:
    mistakes = {}
    with server.connect() as postgres, server.connect() as other:
        postgres.execute("CREATE TABLE notes AS SELECT 0 AS id")
        _base_backup(server, base)
        for number in (1, 3):
            other.execute("INSERT INTO notes VALUES (%s)", [number])
            with postgres.transaction():
                xid = only(postgres.execute("SELECT pg_current_xact_id()::text"))
                other.execute("INSERT INTO notes VALUES (%s)", [number + 1])  # a higher number, and an earlier commit
                mistakes[xid] = frozenset(id for (id,) in postgres.execute("DELETE FROM notes RETURNING id"))
        other.execute("INSERT INTO notes VALUES (5)")
        postgres.execute("SELECT pg_switch_wal()")
    return mistakes


def _base_backup(server: PostgresServer, target: Path) -> None:
    host, _, port = server.address.partition(":")
    login = {"PGHOST": host, "PGPORT": port, "PGUSER": USER, "PGPASSWORD": server.password}
    command = [binary("pg_basebackup"), "--wal-method=none", "--checkpoint=fast", f"--pgdata={target}"]
    subprocess.run(command, env=os.environ | login, check=True, capture_output=True)


def recovered(server: PostgresServer, story: Story, settings: Mapping[str, object]) -> Ending:
    """Recover this server from the story, with these settings."""
    server.stop()
    shutil.rmtree(server.directory, ignore_errors=True)
    shutil.copytree(story.base, server.directory)
    (server.directory / "recovery.signal").touch()
    server.settings = dict(settings)
    logged = server.log.stat().st_size if server.log.exists() else 0
    notes, paused = None, False
    try:
        server.start()
        notes, paused = _notes_of(server)
    except (ServerError, OperationalError):
        server.stop()  # it is on its way, and its last words come late
    return Ending(notes, paused, server.log.read_bytes()[logged:].decode(errors="replace"))


def _notes_of(server: PostgresServer) -> tuple[frozenset[int], bool]:
    """The notes of a server that has arrived, and whether it waits there."""
    with server.connect() as postgres:

        def paused() -> bool:
            return only(postgres.execute("SELECT pg_is_in_recovery() AND pg_get_wal_replay_pause_state() = 'paused'"))

        until(lambda: paused() or not only(postgres.execute("SELECT pg_is_in_recovery()")), seconds=RECOVERY_SECONDS)
        return frozenset(id for (id,) in postgres.execute("SELECT id FROM notes")), paused()
