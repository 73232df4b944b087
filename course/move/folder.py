"""A sound copy of a Chroma folder. What is copied here may be opened by any release; the folder itself stays as it was.

ChromaDB writes through SQLite, so whoever holds SQLite's write lock lets everybody wait who would write. Another process holds
it: closing a file of the database in this one would end the lock. What lies beside the SQLite file is not locked by it, so the
copy counts only if no file has changed meanwhile.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from course.home import home
from course.move.errors import RefusedError

DATABASE = "chroma.sqlite3"

_HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], uri=True, isolation_level=None, timeout=30)
try:
    database.execute("BEGIN IMMEDIATE")
    print("locked", flush=True)
except sqlite3.Error as error:
    print(error, flush=True)
sys.stdin.read()
"""
_TRIES = 3


def workplace(folder: Path) -> Path:
    """Where the copy of this folder is kept while it is moved: always the same place, so that killed moves leave one at most."""
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return home() / "stacks" / f"move-{name}"


def copy(folder: Path, to: Path) -> None:
    """Copy a Chroma folder as it is at one moment. Whoever would write there waits meanwhile.

    Raises:
        RefusedError: it is no Chroma folder, it changes all the time, the copy is damaged, or there is no space for it.
    """
    if not (folder / DATABASE).is_file():
        raise RefusedError(
            f"{folder} is no folder of ChromaDB: it has no {DATABASE}. Nothing was changed. Give the folder that your "
            "PersistentClient or your server writes to, or a server's address such as http://127.0.0.1:8000."
        )
    try:
        _see_to_space(folder, to)
        for _ in range(_TRIES):
            shutil.rmtree(to, ignore_errors=True)
            with _locked(folder / DATABASE):
                before = _state(folder)
                shutil.copytree(folder, to)
                if _state(folder) == before:
                    break
        else:
            raise RefusedError(
                f"Somebody writes to {folder} all the time, so no copy of it is sound. Nothing was changed. Stop the program "
                "that writes there, or give its server's address in place of the folder; then give the command again."
            )
    except OSError as error:
        raise RefusedError(
            f"{folder} could not be copied to {to}: {error.strerror or error}. The folder is as it was, and PostgreSQL was not "
            "touched. COURSE_HOME says where copies are kept."
        ) from error
    _see_that_it_is_sound(folder, to)


def _see_to_space(folder: Path, to: Path) -> None:
    wanted = sum(size for size, _ in _state(folder).values())
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    free = shutil.disk_usage(to.parent).free
    if wanted > free:
        raise RefusedError(
            f"A copy of {folder} takes {wanted // 1024**2} MB, and {free // 1024**2} MB are free in {to.parent}. Nothing was "
            "changed. Free some space, or set COURSE_HOME to a directory on a larger disk."
        )


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    """Each file's size and time of change."""
    files = {path.relative_to(folder).as_posix(): path.stat() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: (seen.st_size, seen.st_mtime_ns) for name, seen in files.items()}


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    """Hold SQLite's write lock. Where the file cannot be written to, or is damaged, there is none, and the
    looks at the files before and after, and at the copy, tell."""
    program = [sys.executable, "-c", _HOLD, f"{database.resolve().as_uri()}?mode=rw"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        said = holder.stdout.readline().strip()
        try:
            if "is locked" in said:
                raise RefusedError(
                    f"The lock of {database} could not be had: {said}. Nothing was changed. Stop the program that writes there, "
                    "then give the command again."
                )
            yield
        finally:
            holder.stdin.close()


def _see_that_it_is_sound(folder: Path, to: Path) -> None:
    try:
        with closing(sqlite3.connect(to / DATABASE)) as database:
            said = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        raise RefusedError(
            f"{folder} is damaged: SQLite says of its copy: {said}. Nothing was changed. Restore the folder from a backup, and "
            "move that one."
        )
