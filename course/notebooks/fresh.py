"""A lesson as it came: its notebook, and the blank cell of each exercise, made from the source; and where these stand in a
learner's notebook. Nothing is written here.
"""

from __future__ import annotations

import re
from functools import cache

import nbformat
from nbformat import NotebookNode

from course import manifest
from course.errors import CourseError
from course.manifest import Lesson
from course.notebooks.changes import work_of
from course.pipeline.layout import BuildError, Layout
from course.pipeline.notebook import make
from course.pipeline.source import read


@cache
def fresh_notebook(lesson: Lesson) -> NotebookNode:
    """The lesson's notebook as a learner gets it. Copy what you change.

    Raises:
        CourseError: the lesson is still to come, or its source is missing or damaged.
    """
    if not lesson.written:
        raise CourseError(f"Lesson {lesson.id} is still to come, so there is nothing to reset.")
    layout = Layout.of_this_course()
    try:
        return make(layout, lesson).lesson
    except (OSError, UnicodeDecodeError, BuildError) as error:
        raise CourseError(
            f"{layout.name(layout.source(lesson))}, which lesson {lesson.id} is made from, cannot be read ({error}). Nothing was "
            "changed. Get the course's own files back: `git checkout -- solutions`."
        ) from error


def blank(check: str) -> NotebookNode:
    """The cell of the exercise that is judged by this check, such as `"04.orphans"`, as a learner gets it."""
    lesson = manifest.lesson(manifest.parts(check)[0])
    id = exercises(lesson)[check]
    return next(cell for cell in fresh_notebook(lesson).cells if cell.id == id)


@cache
def exercises(lesson: Lesson) -> dict[str, str]:
    """The id of each exercise's cell, by the check that judges it: the last cell with a solution before the check is called."""
    fresh_notebook(lesson)  # says in words what is wrong with the source
    layout = Layout.of_this_course()
    found: dict[str, str] = {}
    last = ""
    for cell in read(layout.source(lesson), layout.name(layout.source(lesson))):
        last = cell.id if "BEGIN SOLUTION" in cell.text else last
        if last and (called := re.match(r"check\.(\w+)\(", cell.text)):
            found.setdefault(f"{lesson.id}.{called[1]}", last)
    return found


def cell_of(new: NotebookNode, notebook: NotebookNode, lesson: Lesson) -> NotebookNode | None:
    """A lesson's cell in a learner's notebook: the one with its id. It may have another text.

    The exercise may also stand in a cell of the learner's own: one that begins with the same line.
    """
    found = next((cell for cell in notebook.cells if cell.get("id") == new.id), None)
    if found is None and new.id in exercises(lesson).values():
        ids = {cell.id for cell in fresh_notebook(lesson).cells}
        own = (cell for cell in notebook.cells if cell.cell_type == "code" and cell.get("id") not in ids)
        found = next((cell for cell in own if _first_line(cell) == _first_line(new)), None)
    return found


def as_notebook(content: bytes) -> NotebookNode | None:
    """A notebook file's content, or None where it is none."""
    if work_of(content) is None:
        return None
    try:
        return nbformat.reads(content.decode("utf-8-sig"), as_version=4)
    except (ValueError, TypeError, KeyError, AttributeError, nbformat.ValidationError):
        return None


def _first_line(cell: NotebookNode) -> str:
    return cell.source.partition("\n")[0]
