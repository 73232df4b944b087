"""`python -m course.clean`: removes what the servers keep and what tools cache. Needs nothing but Python itself, unless
external servers were used: what this COURSE_HOME has there is dropped through their clients.

The learner's notebooks, progress and environment stay. No server is stopped: while one runs, nothing is removed.
"""

import fcntl
import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

from course.errors import CourseError, DirectoryInUseError
from course.home import ROOT, home

OURS = ("stacks", "templates", "cache", "password")
"""What the course makes anew when it is missing. `progress.json` is not among it: what a learner did cannot be made anew."""

CACHES = (".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis")


def clean(directory: Path, root: Path = ROOT) -> list[str]:
    """Remove the servers' data under `directory`, what it has on external servers, and the caches under `root`.

    Returns:
        What was dropped on external servers, or why it could not be: a sentence on each.

    Raises:
        DirectoryInUseError: servers run there; nothing was removed.
        CourseError: something could not be removed.
    """
    with ExitStack() as locks:
        for lock in sorted((directory / "stacks").glob("*/lock")):
            _hold(lock, locks)
        said = _drop_on_external_servers(directory)
        caches = [root / name for name in CACHES]
        for folder in ("course", "tests"):
            caches += (root / folder).rglob("__pycache__")
        caches += root.glob(".coverage*")
        for path in [*(directory / name for name in OURS), *caches]:
            _remove(path)
    return said


def _drop_on_external_servers(directory: Path) -> list[str]:
    if not (directory / "external").exists():
        return []
    try:
        from course.servers import leftovers
    except ImportError as error:
        return [f"What is yours on external servers stays: {error}. Run `make lab` to install it, then `make clean` again."]
    return leftovers.drop(directory)


def _hold(lock: Path, locks: ExitStack) -> None:
    """Lock a stack's directory, as a notebook would, so that none can start its servers there meanwhile."""
    if not lock.is_file():
        return  # whatever it is, nobody holds it, and it goes with the rest
    file = locks.enter_context(lock.open("r+"))
    for orphans_ended in (False, True):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if orphans_ended or not _ended_orphans(lock.parent):
                raise DirectoryInUseError(
                    f"The servers of lesson {lock.parent.name} run in {lock.parent}. Nothing was removed. "
                    "Shut that notebook's kernel down in JupyterLab, then run `make clean` again."
                ) from None


def _ended_orphans(directory: Path) -> bool:
    """End servers whose notebook and supervisor were killed, if there are any: whoever has the lock open is ours."""
    try:
        from course.servers import holders
    except ImportError:
        return False  # without the environment no process can be looked at
    orphans = holders.orphans(directory, but_not=os.getpid())
    holders.end(orphans)
    return bool(orphans)


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif os.path.lexists(path):
            path.unlink()
    except OSError as error:
        raise CourseError(
            f"{error.filename or path} could not be removed: {error.strerror}. Your notebooks and progress are as they were. "
            "Remove it by hand, as the user who made it, then run `make clean` again."
        ) from error


def main() -> int:
    """The command. Returns its exit status: 0, or 1 with the reason on stderr."""
    try:
        directory = home()
        for sentence in clean(directory):
            print(sentence)
        if not any(directory.iterdir()):
            os.rmdir(directory)
            print(f"Removed {directory} and the caches.")
        else:
            print(f"Removed the servers' data and the caches. Still in {directory}: {', '.join(sorted(os.listdir(directory)))}.")
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
