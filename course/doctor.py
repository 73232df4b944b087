"""Is this machine ready for class? `python -m course.doctor` looks, and says what to do about what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil

from course.errors import CourseError
from course.exercises.note import inline
from course.home import home

FREE_DISK = 2 * 1024**3
FREE_MEMORY = 1 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: its name, whether it is fine, and what was seen or what to do."""

    name: str
    fine: bool
    text: str


class Report(list[Finding]):
    """All findings, shown as a table."""

    @property
    def healthy(self) -> bool:
        """True if nothing stands in the way of the course."""
        return all(finding.fine for finding in self)

    def __repr__(self) -> str:
        lines = [f"{_sign(finding)} {finding.name:<12} {finding.text}" for finding in self]
        return "\n".join([*lines, self._verdict()])

    def _repr_html_(self) -> str:
        cell = "style='text-align:left;vertical-align:top'"
        rows = "".join(
            f"<tr><td {cell}>{_sign(finding)}</td><td {cell}>{finding.name}</td><td {cell}>{inline(finding.text)}</td></tr>"
            for finding in self
        )
        return f"<table>{rows}</table><p><strong>{self._verdict()}</strong></p>"

    def _verdict(self) -> str:
        return "This machine is ready." if self.healthy else "Something stands in the way: see the lines marked ✗."


def examine(*, start_servers: bool = False) -> Report:
    """Look at everything the course needs.

    Args:
        start_servers: also start three servers, ask each one, and stop them.
    """
    looks = [_environment, _python, _system, _memory, _disk, _programs, _other_users, _embedding, _external] + (
        [_servers] if start_servers else []
    )
    return Report(finding for look in looks for finding in _carefully(look))


def _carefully(look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(look())
    except (CourseError, ImportError) as error:
        return [Finding(look.__name__.strip("_"), False, f"{error}")]
    except Exception as error:  # noqa: BLE001  whatever this machine is like, the other lines are shown as well
        what = f"{type(error).__name__}: {error}"
        return [Finding(look.__name__.strip("_"), False, f"This could not be looked at ({what}). The other lines hold.")]


def _environment() -> Iterator[Finding]:
    from course.servers.environment import set_aside

    changed = set_aside()
    if changed:
        yield Finding("environment", True, f"{changed}. The lessons' servers run on this machine and need none of it.")


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    fine = sys.version_info >= (3, 11)
    yield Finding(
        "Python", fine, version if fine else f"{version} is too old. Install Python 3.11 or newer, then run `make lab` again."
    )


def _system() -> Iterator[Finding]:
    fine = platform.system() in ("Linux", "Darwin")
    seen = f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores"
    yield Finding("system", fine, seen if fine else f"{seen}: the servers' wheels exist for Linux and macOS. On Windows use WSL.")


def _memory() -> Iterator[Finding]:
    free = psutil.virtual_memory().available
    fine = free >= FREE_MEMORY
    yield Finding(
        "memory", fine, _gigabytes(free) + (" free" if fine else " free is little. Close other programs: 1 GB is enough.")
    )


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(home()).free
    fine = free >= FREE_DISK
    advice = "" if fine else " is little. Free some space, or set COURSE_HOME to another disk: 2 GB is enough."
    yield Finding("disk", fine, f"{_gigabytes(free)} free in {home()}{advice}")


def _programs() -> Iterator[Finding]:
    from course.servers import chroma, postgres, redis

    servers = (postgres.PostgresServer, chroma.ChromaServer, redis.RedisServer)
    for kind in servers:
        try:
            yield Finding(kind.name, True, kind.installed_version())
        except CourseError as error:
            yield Finding(kind.name, False, str(error))


def _other_users() -> Iterator[Finding]:
    yield Finding(
        "other users",
        True,
        "Redis and PostgreSQL ask for a password. ChromaDB asks nobody who they are: while a lesson runs, everybody who is "
        "logged in to this machine can read and change what it keeps there. Put nothing private into it.",
    )


def _embedding() -> Iterator[Finding]:
    from course.embedding import embed

    yield Finding("embedding", True, f"all-MiniLM-L6-v2 answers with {embed('ready').shape[0]} numbers")


def _external() -> Iterator[Finding]:
    from course.servers import addresses, names

    if not any(os.environ.get(addresses.variable(kind)) for kind in addresses.NAMES):
        return
    from course.servers.trial import trial

    for kind, name in addresses.NAMES.items():
        try:
            seen = trial(kind)
        except CourseError as error:
            yield Finding(name, False, str(error))
        else:
            if seen:
                yield Finding(name, True, seen)
    yield Finding("yours", True, f"What is called lumen_…_{names.home_id(home())} on shared servers; `make clean` drops it.")


def _servers() -> Iterator[Finding]:
    from course.stack import Stack

    with Stack.start("00", embedded=True) as stack:
        for server in stack.servers:
            yield Finding(server.name, server.state == "running", f"{server.state} at {server.address}")


def _sign(finding: Finding) -> str:
    return "✓" if finding.fine else "✗"


def _gigabytes(size: int) -> str:
    return f"{size / 1024**3:.1f} GB"


if __name__ == "__main__":
    report = examine(start_servers=True)
    print(report)
    sys.exit(not report.healthy)
