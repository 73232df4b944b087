"""Reads manifest.toml, the one list of lessons there is, and takes ids apart.

An id is a lesson's, "04" or "04b", or begins with one: "04b.close_account". `parts` is the only place that knows how.
"""

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from course.errors import CourseError

_ID = re.compile(r"(\d\d[a-z]?)\.([a-z][a-z0-9_]*)")


@dataclass(frozen=True)
class Section:
    """A part of the course: a letter and a title."""

    id: str
    title: str


@dataclass(frozen=True)
class Lesson:
    """One lesson. `written` is false for a lesson whose place is kept but whose notebook is still to come.

    `limit` is the most minutes that it may take. `was` is the lesson that its checks stood in once, under the same names.
    """

    id: str
    name: str
    title: str
    section: str
    summary: str
    do: str = ""
    learn: tuple[str, ...] = ()
    need: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    written: bool = False
    limit: int = 20
    was: str = ""

    @property
    def stem(self) -> str:
        """The file name without its ending, such as `01_build_three_databases`."""
        return f"{self.id}_{self.name}"

    @property
    def goes_deeper(self) -> bool:
        """Whether its id has a letter: a notebook for those who want more than the row of plain numbers."""
        return not self.id.isdigit()


@cache
def sections() -> tuple[Section, ...]:
    """The sections, in order."""
    return tuple(Section(**entry) for entry in _read()["section"])


@cache
def lessons() -> tuple[Lesson, ...]:
    """Every lesson, written or to come, in order."""
    return tuple(read_lesson(entry) for entry in _read()["lesson"])


def lesson(id: str) -> Lesson:
    """The lesson with this id, such as `"01"`.

    Raises:
        CourseError: there is no such lesson.
    """
    for entry in lessons():
        if entry.id == id:
            return entry
    known = ", ".join(entry.id for entry in lessons())
    raise CourseError(f"There is no lesson {id!r}. Use one of: {known}.")


def parts(id: str) -> tuple[str, str]:
    """The lesson and the name in the id of a check or a prediction: `"04b.close_account"` is of lesson `"04b"`.

    Raises:
        CourseError: it is no such id.
    """
    found = _ID.fullmatch(id) if isinstance(id, str) else None
    if not found:
        raise CourseError(f"An id is a lesson's id, a dot and a name, such as '00.after_kill'. Change {id!r}.")
    return found[1], found[2]


@cache
def old_ids() -> dict[str, str]:
    """The ids that checks had before they moved, each with the id it has now. An old id that is a check's again is none."""
    now = {id for lesson in lessons() for id in lesson.checks}
    moved = {f"{lesson.was}.{parts(id)[1]}": id for lesson in lessons() if lesson.was for id in lesson.checks}
    return {old: new for old, new in moved.items() if old not in now}


@cache
def minutes() -> dict[str, int]:
    """How long each written lesson takes, by id, as the build has computed it."""
    return json.loads(files("course").joinpath("minutes.json").read_text(encoding="utf-8"))


def read_lesson(entry: dict) -> Lesson:
    """A lesson, as the manifest's table `[[lesson]]` describes it."""
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Lesson(**fields)


def _read() -> dict:
    return tomllib.loads(files("course").joinpath("manifest.toml").read_text(encoding="utf-8"))
