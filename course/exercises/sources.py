"""Finds the solution of an exercise where it stands: in the lesson's source, `solutions/NN_name.md`, and nowhere else."""

import re
import textwrap
from functools import cache

from course import manifest
from course.errors import CourseError
from course.home import ROOT
from course.pipeline import regions

_CODE_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OPTIONS = re.compile(r"\A(---\n.*?\n---\n|(:[^\n]*\n)+)?\n*", re.DOTALL)


def solution_of(check: str) -> str:
    """The solved cell of the exercise that is judged by this check, such as `"04.orphans"`: the last one before the check.

    Raises:
        CourseError: the source is missing, or has no such exercise.
    """
    lesson, name = manifest.parts(check)
    solved = _solved(lesson).get(name)
    if solved is None:
        raise CourseError(
            f"The source of lesson {lesson} has no solution before `check.{name}(…)`. Nothing was judged, and your work is "
            "untouched. Get the course's own files back: `git checkout -- solutions`."
        )
    return solved


@cache
def _solved(lesson: str) -> dict[str, str]:
    """Every solved cell of a lesson, by the name of its check."""
    path = ROOT / "solutions" / f"{manifest.lesson(lesson).stem}.md"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CourseError(
            f"{path} cannot be read: {error.strerror}. The checks compare with it. Your work is untouched. "
            "Get the course's own files back: `git checkout -- solutions`."
        ) from error
    found: dict[str, str] = {}
    last = ""
    for block in _CODE_CELL.findall(text):
        code = _OPTIONS.sub("", block, count=1).rstrip("\n")
        if "BEGIN SOLUTION" in code:
            last = textwrap.dedent(regions.solved(code, "code"))
        called = re.match(r"check\.(\w+)\(", code)
        if called and last:
            found.setdefault(called[1], last)
    return found
