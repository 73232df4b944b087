"""A server that recovers with a learner's settings, from a base backup and an archive that have two mistakes in them.

What the settings should be stands in `lesson_11.py`; what a recovery that failed means, here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.errors import OperationalError

from course.errors import ServerError
from course.exercises.check import NotYet
from course.servers.postgres import USER, PostgresServer, binary
from course.servers.rows import only

if TYPE_CHECKING:
    from course.stack import Stack

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
    mistakes: dict[str, list[int]]


@contextmanager
def spare(lab: Stack) -> Iterator[PostgresServer]:
    """A server that nobody else uses. It is stopped at the end."""
    stack = lab.beside("spare")
    try:
        assert isinstance(stack.postgres, PostgresServer)  # those beside a stack are ours
        yield stack.postgres
    finally:
        stack.stop()


def tell(lab: Stack, server: PostgresServer) -> Story:
    """The story, told once for each stack: its files are kept beside the stack's own. The folder's name has a space."""
    place = lab.directory / f"mistakes on {server.version}"
    told = place / "mistakes.json"
    if not told.exists():
        shutil.rmtree(place, ignore_errors=True)
        (place / "archive").mkdir(parents=True)
        mistakes = _told(server, place)
        told.write_text(json.dumps(mistakes), encoding="utf-8")
    return Story(place / "base", place / "archive", json.loads(told.read_text(encoding="utf-8")))


def _told(server: PostgresServer, place: Path) -> dict[str, list[int]]:
    server.stop()
    server.settings = {"archive_mode": "on", "archive_command": f'cp "%p" "{place}/archive/%f"'}
    server.start()
    mistakes = {}
    with server.connect() as postgres, server.connect() as other:
        postgres.execute("CREATE TABLE notes AS SELECT 0 AS id")
        _base_backup(server, place / "base")
        for number in (1, 3):
            other.execute("INSERT INTO notes VALUES (%s)", [number])
            with postgres.transaction():
                xid = only(postgres.execute("SELECT pg_current_xact_id()::text"))
                other.execute("INSERT INTO notes VALUES (%s)", [number + 1])  # a higher number, and an earlier commit
                mistakes[xid] = [id for (id,) in postgres.execute("DELETE FROM notes RETURNING id")]
        other.execute("INSERT INTO notes VALUES (5)")
        postgres.execute("SELECT pg_switch_wal()")
    server.stop()  # it archives what is complete before it ends
    return mistakes


def _base_backup(server: PostgresServer, target: Path) -> None:
    host, _, port = server.address.partition(":")
    login = {"PGHOST": host, "PGPORT": port, "PGUSER": USER, "PGPASSWORD": server.password}
    command = [binary("pg_basebackup"), "--wal-method=none", "--checkpoint=fast", f"--pgdata={target}"]
    subprocess.run(command, env=os.environ | login, check=True, capture_output=True)


def notes_after(server: PostgresServer, story: Story, settings: Mapping[str, object]) -> set[int]:
    """The ids of the notes that a server has which recovered with these settings.

    Raises:
        NotYet: it did not come so far; the message says what the settings lack.
    """
    server.stop()
    shutil.rmtree(server.directory)
    shutil.copytree(story.base, server.directory)
    (server.directory / "recovery.signal").touch()
    server.settings = dict(settings)
    logged = server.log.stat().st_size
    try:
        server.start()
        return _notes_of(server)
    except (ServerError, OperationalError) as error:
        server.stop()  # it is on its way, and its last words come late
        raise NotYet(_why_it_ended(server.log.read_bytes()[logged:].decode(errors="replace"))) from error


def _notes_of(server: PostgresServer) -> set[int]:
    deadline = time.monotonic() + RECOVERY_SECONDS
    with server.connect() as postgres:
        while only(postgres.execute("SELECT pg_is_in_recovery()")):
            if only(postgres.execute("SELECT pg_get_wal_replay_pause_state()")) == "paused":
                raise NotYet(
                    "The server has arrived and waits there, read-only: `recovery_target_action` is `pause` unless you say "
                    "otherwise. Let it `promote`."
                )
            if time.monotonic() > deadline:
                raise NotYet(f"The server is still recovering after {RECOVERY_SECONDS} seconds. Look at `restore_command`.")
            time.sleep(0.02)
        return {id for (id,) in postgres.execute("SELECT id FROM notes")}


_ENDINGS = {
    r"must specify \"restore_command\"": "There is no `restore_command`: the server does not know how to fetch a segment.",
    r"multiple recovery targets": "You name more than one target. The server takes one: the transaction's number.",
    r"unrecognized configuration parameter \"([^\"]+)\"": "PostgreSQL knows no setting `{0}`. Look at the spelling.",
    r"invalid value for parameter \"([^\"]+)\"": "The value of `{0}` is none that PostgreSQL takes.",
    r"could not locate required checkpoint": "`restore_command` brought no segment. It copies from `archive/%f` to `%p`. "
    "The folder's name has a space in this check, so it needs quotes.",
    r"recovery ended before configured recovery target": "The server replayed the whole log and did not meet your target. "
    "The task gives a transaction's number, for `recovery_target_xid`.",
}


def _why_it_ended(log: str) -> str:
    """What the server's log of this start means."""
    for pattern, meaning in _ENDINGS.items():
        found = re.search(pattern, log)
        if found:
            return meaning.format(*found.groups())
    if "FATAL" in log:
        return f"The server did not start: {re.findall('FATAL: +(.*)', log)[-1]}."
    return (
        "The server arrived, and shut down: without `hot_standby` nobody could have told a paused one to go on. "
        "`recovery_target_action` should be `promote`."
    )
