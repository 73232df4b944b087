"""The tests' files lie in memory, where there is plenty of it.

Tests make a million small files, and delete them again: each start of PostgreSQL copies a thousand. On a disk that is a good part
of what they take.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
"""Where Linux has a file system in memory."""

ENOUGH = 8e9
"""Bytes that must be free there, and twice as many in the machine. All gates together have put 4 GB there at most."""


@contextmanager
def temporary_files() -> Iterator[Path | None]:
    """Let all that is started in here keep its temporary files in memory, in a folder that goes at the end.

    Without enough memory, or with `TMPDIR` set, it changes nothing and gives None. What a run that was killed has left goes too.
    """
    for left in MEMORY.glob("gates-*"):
        pid = left.name.removeprefix("gates-")
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    if "TMPDIR" in os.environ or not _plenty():
        yield None
        return
    folder = MEMORY / f"gates-{os.getpid()}"  # short: Unix sockets lie in it
    folder.mkdir()
    folder.chmod(0o1777)  # as /tmp: some tests become other users
    os.environ["TMPDIR"] = str(folder)
    try:
        yield folder
    finally:
        del os.environ["TMPDIR"]
        shutil.rmtree(folder, ignore_errors=True)


def _plenty() -> bool:
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(MEMORY).free > ENOUGH and psutil.virtual_memory().available > 2 * ENOUGH
