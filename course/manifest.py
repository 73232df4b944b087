"""Reads manifest.toml: the one list of lessons there is."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from course.errors import CourseError


@dataclass(frozen=True)
class Section:
    """A part of the course: a letter and a title."""

    id: str
    title: str


@dataclass(frozen=True)
class Lesson:
    """One lesson. `written` is false for a lesson whose place is kept but whose notebook is still to come."""

    id: str
    name: str
    title: str
    section: str
    minutes: int
    summary: str
    do: str = ""
    learn: tuple[str, ...] = ()
    need: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    written: bool = False

    @property
    def stem(self) -> str:
        """The file name without its ending, such as `01_build_three_databases`."""
        return f"{self.id}_{self.name}"


@cache
def sections() -> tuple[Section, ...]:
    """The sections, in order."""
    return tuple(Section(**entry) for entry in _read()["section"])


@cache
def lessons() -> tuple[Lesson, ...]:
    """Every lesson, written or to come, in order."""
    return tuple(_lesson(entry) for entry in _read()["lesson"])


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


def _lesson(entry: dict) -> Lesson:
    return Lesson(**{key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()})


def _read() -> dict:
    return tomllib.loads(files("course").joinpath("manifest.toml").read_text(encoding="utf-8"))
