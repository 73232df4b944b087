"""Keeps a learner's text that is about to be replaced, under a name and the time, in `.course/kept/`.

    04.orphans.2026-03-14-150926.py            the text of one exercise
    04_orphan_vectors.2026-03-14-150926.ipynb  a whole notebook
    04.orphans.2026-03-14-150926-2.py          a second one in the same second

Nothing there is ever written over or removed. What replaces a text stands in `reset.py` and in `exercises/again.py`.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from course.errors import CourseError
from course.home import home


def keep(name: str, suffix: str, content: bytes) -> Path:
    """Keep a text. If the newest of this name is the same text already, that one will do.

    Args:
        name: whose text it is: a check's id, such as `"04.orphans"`, or a notebook's file name without its ending.
        suffix: `".py"` or `".ipynb"`.
        content: the text.

    Raises:
        CourseError: it could not be kept; then nothing may be replaced.
    """
    try:
        last = newest(name, suffix)
        if last is not None and last.read_bytes() == content:
            return last
        folder = home() / "kept"
        folder.mkdir(exist_ok=True)
        return _written(folder, f"{name}.{datetime.now():%Y-%m-%d-%H%M%S}", suffix, content)
    except OSError as error:
        raise CourseError(
            f"What you have written could not be kept in {home() / 'kept'}: {error.strerror}. So nothing was replaced. "
            "See that the disk has space and that the folder is yours, then try again."
        ) from error


def newest(name: str, suffix: str) -> Path | None:
    """The text of this name that was kept last, or None."""
    pattern = re.compile(rf"{re.escape(name)}\.(\d{{4}}-\d\d-\d\d-\d{{6}})(?:-(\d+))?{re.escape(suffix)}")
    matches = [(pattern.fullmatch(path.name), path) for path in (home() / "kept").glob("*")]
    found = [(match[1], int(match[2] or 1), path) for match, path in matches if match]
    return max(found)[2] if found else None


def shown(path: Path) -> str:
    """A kept file's path as messages name it: from the course's own directory on."""
    return path.relative_to(home().parent).as_posix()


def _written(folder: Path, stem: str, suffix: str, content: bytes) -> Path:
    number = 1
    while True:
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}{suffix}"
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            number += 1
        else:
            return path
