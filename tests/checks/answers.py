"""Gives an exercise an answer and has it checked, as a learner's notebook would. What answers there are is not told here.

Wrong answers stand in the checks themselves, as mistakes. `test_lesson_NN.py` has tables, each keyed by check id:

    RIGHT   right answers that are not the solution: a name and the code
    NEEDS   the lesson's own servers without which the check cannot be made; most checks have none

and `names(stack)`: what the cells above the exercises have made. `test_every_check.py` runs all of it. Checks that judge what the
learner's stores hold have states in place of answers: `test_every_state.py`.
"""

from __future__ import annotations

import importlib
import itertools
import linecache
import re
import textwrap
import time
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from course import manifest
from course.exercises.check import Exercise, Result
from course.pipeline import regions
from course.pipeline.layout import Layout
from course.pipeline.source import read
from course.stack import Stack

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Task:
    """An exercise as the source has it: what the learner names, its cell blank, its cell solved, and the cell that checks."""

    name: str
    blank: str
    solved: str
    check: str

    @property
    def is_function(self) -> bool:
        return f"def {self.name}(" in self.blank


def written_checks() -> list[str]:
    """The ids of all checks of written lessons that judge an answer, as the manifest lists them."""
    return [id for id in _all_checks() if not exercise(id).states]


def state_checks() -> list[str]:
    """The ids of those that judge what the learner's stores hold."""
    return [id for id in _all_checks() if exercise(id).states]


def _all_checks() -> list[str]:
    return [id for lesson in manifest.lessons() if lesson.written for id in lesson.checks]


def judges(lesson: str) -> ModuleType:
    """The module of this lesson's checks, which the notebook calls `check`."""
    return importlib.import_module(f"course.checks.lesson_{lesson}")


def tables(lesson: str) -> ModuleType:
    """The test module of this lesson's checks."""
    return importlib.import_module(f"tests.checks.test_lesson_{lesson}")


def lesson_of(id: str) -> str:
    """The id of the lesson that a check belongs to."""
    return manifest.parts(id)[0]


def exercise(id: str) -> Exercise:
    """The check itself."""
    lesson, name = manifest.parts(id)
    return getattr(judges(lesson), name)


@cache
def tasks(lesson: str) -> dict[str, Task]:
    """The exercises of a lesson's source, by check id: a cell with a solution, and the first cell after it that checks."""
    layout = Layout.of_this_course()
    path = layout.source(manifest.lesson(lesson))
    found: dict[str, Task] = {}
    last = None
    for cell in read(path, layout.name(path)):
        if cell.kind == "code" and "BEGIN SOLUTION" in cell.text:
            last = cell
        called = re.match(r"check\.(\w+)\((\w+)", cell.text) if cell.kind == "code" else None
        if called and last:
            blank, solved = regions.blank(last.text, "code"), regions.solved(last.text, "code")
            found[f"{lesson}.{called[1]}"] = Task(called[2], blank, solved, cell.text)
    return found


def task(id: str) -> Task:
    """The exercise that this check is of."""
    return tasks(lesson_of(id))[id]


def checked(id: str, code: str, stack: Stack) -> Result:
    """What the check says after the blank cell was run, and then this code in its place."""
    return _run(id, stack, task(id).blank, textwrap.dedent(code))


def checked_from_source(id: str, stack: Stack) -> Result:
    """What the check says to the solved cell of the source."""
    return _run(id, stack, task(id).solved)


def seconds_to_answer(id: str, stack: Stack) -> tuple[float, Result]:
    """How long the check takes to say what it says to the solved cell of the source, and what that is."""
    space = _ready(id, stack, task(id).solved)
    began = time.perf_counter()
    result = eval(_compiled(task(id).check, "eval"), space)
    return time.perf_counter() - began, result


def _run(id: str, stack: Stack, *cells: str) -> Result:
    """Run the cells one after the other, then the one that checks. A server that is down is started before."""
    return eval(_compiled(task(id).check, "eval"), _ready(id, stack, *cells))


def _ready(id: str, stack: Stack, *cells: str) -> dict[str, object]:
    """The names that the check's cell finds after these cells. A server that is down is started before."""
    for server in stack.servers:
        server.start()
    space = {"check": judges(lesson_of(id)), **tables(lesson_of(id)).names(stack)}
    for source in cells:
        exec(_compiled(source, "exec"), space)
    return space


def _compiled(source: str, mode: str):
    """Compile a cell under such a name as a kernel gives it, so that its lines can be shown."""
    filename = f"/tmp/ipykernel_4242/answer{next(_numbers)}.py"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    return compile(source, filename, mode)
