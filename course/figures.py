"""The figures that a learner's own machine has measured: `.course/figures.json`, by lesson and name. Lesson 14 reads them.

A notebook keeps one with `stack.keep(kept_of_5=1.4)`; its name is then `"02.kept_of_5"`. What the learner has done stands in
`progress.py`. A lesson goes on whatever becomes of this file: what is wrong with it is said as a warning.
"""

from __future__ import annotations

import fcntl
import json
import numbers
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from course.errors import CourseError, InputError
from course.files import put_aside, write_whole
from course.home import home

VERSION = 1
"""Of the file's form. A course that does not know a file's version leaves it as it is."""


@dataclass(frozen=True)
class Figure:
    """One figure that was measured here.

    Attributes:
        value: a number or a text, or a list or dict of such.
        on: the day on which it was measured, such as `"2026-11-27"`.
    """

    value: Any
    on: str


def keep(lesson: str, figures: Mapping[str, object]) -> None:
    """Keep figures of a lesson. One that was kept before under the same name is replaced, the others stay.

    Raises:
        InputError: a figure is neither a number nor a text, nor a list or dict of such.
    """
    today = date.today().isoformat()
    new = {f"{lesson}.{name}": {"value": _plain(name, value), "on": today} for name, value in figures.items()}
    with _told(), _locked() as path:
        write_whole(path, json.dumps({"version": VERSION, "figures": {**_load(path), **new}}, indent=1, sort_keys=True))


def kept() -> dict[str, Figure]:
    """Every figure that was kept, by its name. Nothing, if the file cannot be read; a warning says why."""
    found: dict[str, Figure] = {}
    with _told(), _locked() as path:
        found = {name: Figure(**figure) for name, figure in _load(path).items()}
    return found


def _plain(name: str, value: object) -> object:
    """The value as JSON has it: NumPy's numbers as Python's, tuples as lists."""
    if isinstance(value, Mapping):
        return {str(key): _plain(name, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if isinstance(value, str | bool):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real) and float("-inf") < float(value) < float("inf"):
        return float(value)
    raise InputError(f"The figure {name!r} is {value!r}, which is no number and no text. None was kept. Measure it again.")


@contextmanager
def _told() -> Iterator[None]:
    """Say what is wrong with the file, and go on: a lesson does not end for a figure."""
    try:
        yield
    except (CourseError, OSError) as error:
        said = error if isinstance(error, CourseError) else f"{error.strerror or error}. See that the disk has space."
        warnings.warn(
            f"The figures that lesson 14 reads could not be used: {said} The lesson goes on, nothing that was kept is lost, "
            "and what lesson 14 lacks it measures itself.",
            stacklevel=4,
        )


@contextmanager
def _locked() -> Iterator[Path]:
    """The file, under a lock that other notebooks respect."""
    path = home() / "figures.json"
    with open(path.with_suffix(".lock"), "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path


def _load(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        state = json.loads(content)
        version, figures = state["version"], state["figures"]
        if type(version) is int and version > VERSION:
            raise CourseError(f"{path} was written by a newer course than this one, and was left as it is. Run `make update`.")
        if version != VERSION or not all(_is_ours(figure) for figure in figures.values()):
            raise ValueError("it has another form")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        aside = put_aside(path)
        warnings.warn(
            f"The figures in {path} could not be understood ({type(error).__name__}: {error}). The file was kept as {aside}, and "
            "a new one begins: each lesson that you run again puts its figures into it.",
            stacklevel=5,
        )
        return {}
    return figures


def _is_ours(figure: Mapping[str, object]) -> bool:
    return figure.keys() == {"value", "on"} and isinstance(figure["on"], str)
