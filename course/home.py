"""Where the course keeps what it makes: servers' data, caches, progress. Everything lies under one git-ignored directory."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

from course.errors import CourseError

ROOT = Path(__file__).resolve().parents[1]
"""The checkout: the directory that holds README.md, data/ and lessons/."""

DATA = ROOT / "data"


def home() -> Path:
    """The course's own directory: `COURSE_HOME`, by default `.course/` in the checkout. Made (mode 0700) if missing.

    Raises:
        CourseError: the directory cannot be made or written to.
    """
    path = Path(os.environ.get("COURSE_HOME") or ROOT / ".course").expanduser().resolve()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise CourseError(
            f"The course cannot keep its files in {path}: {error.strerror}. Nothing was changed. "
            "Set COURSE_HOME to a directory that you may write to, then restart the kernel."
        ) from error
    return path


_LITTLE = 200 * 1024**2
"""Less free space than this is told when something could not be written: PostgreSQL's files alone take 40 MB."""


def if_full(directory: Path, error: OSError | None = None) -> str:
    """A sentence, with a space behind it, where the disk has little space left or the error says so; else nothing."""
    free = shutil.disk_usage(directory).free
    said_so = error is not None and ({error.errno} & {errno.ENOSPC, errno.EDQUOT} or "No space left" in str(error))
    return f"Free some space first: {free // 1024**2} MB are left on the disk. " if said_so or free < _LITTLE else ""
