"""Where the course keeps what it makes: servers' data, caches, progress. Everything lies under one git-ignored directory."""

import os
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
    except OSError as error:
        raise _unusable(path, error.strerror) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise _unusable(path, "it is not writable")
    return path


def _unusable(path: Path, reason: str | None) -> CourseError:
    return CourseError(
        f"The course cannot keep its files in {path}: {reason}. Nothing was changed. "
        "Set COURSE_HOME to a directory that you may write to, then restart the kernel."
    )
