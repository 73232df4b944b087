"""How long people wait for the course: a part of `make bench`. `python -m tests.waits 04 13` asks of these lessons alone.

A learner waits for `import course`, for a lesson's first cell, and for a check's answer. CI waits for the notebooks: our way of
running them, with all that it looks at, is timed beside nbmake, in turn. What it is aimed at stands beside each figure; nothing
is judged, for a busy machine takes longer.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import nbformat
import numpy as np
from jupyter_client.manager import start_new_kernel
from nbformat import NotebookNode

from course import dataset, manifest
from course.errors import CourseError
from course.home import ROOT
from course.manifest import Lesson
from course.pipeline.kernel_home import KernelHome, short_folder
from course.pipeline.layout import Layout
from course.stack import Stack
from course.waiting import waiting
from tests.bench import machine
from tests.checks.answers import seconds_to_answer, written_checks
from tests.kernels import run_cell, until
from tests.one_lesson import NBVAL
from tests.prepared import prepare

IMPORTS = 15
TIMED = "import time; began = time.perf_counter(); import course; print(time.perf_counter() - began)"
RUNNERS = ("01", "02b", "04", "06", "09", "10b", "12", "17")
"""The lessons that both runners run: from every part of the course, those that wait and those that compute."""
SLOWEST = 10
NBMAKE = [sys.executable, "-m", "pytest", "-q", "--nbmake", "-p", "no:schemathesis"]

Told = tuple[str, float]
"""What was waited for, and how many seconds."""


def imports() -> list[float]:
    """The seconds of `import course`, each in a Python of its own."""
    return [
        float(subprocess.run([sys.executable, "-c", TIMED], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout)
        for _ in range(IMPORTS)
    ]


def first_cells(lessons: Sequence[Lesson]) -> Iterator[Told]:
    """Each lesson's seconds from the start of the kernel to the end of its first cell, in a home where it ran once before."""
    layout = Layout.of_this_course()
    for lesson in waiting(lessons, "first cells"):
        path = layout.lesson(lesson)
        first = next(cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
        with _a_home() as home:
            _seconds_to(first, home, path.parent)
            yield lesson.id, _seconds_to(first, home, path.parent)


@contextmanager
def _a_home() -> Iterator[KernelHome]:
    """A home where no lesson has run. It goes when its servers have ended, for they still write as they stop."""
    home = KernelHome()
    try:
        prepare(home.path / "home")
        yield home
    finally:
        left = home.close()
    assert not left, left


def _seconds_to(cell: NotebookNode, home: KernelHome, folder: Path) -> float:
    began = time.perf_counter()
    environment = home.environment()
    manager, client = start_new_kernel(kernel_name="python3", env=environment, cwd=str(folder), stderr=subprocess.DEVNULL)
    try:
        run_cell(client, cell)
        return time.perf_counter() - began
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        until(lambda: not home.processes(), "its servers to end")


def answers(lessons: Sequence[Lesson]) -> Iterator[Told]:
    """Each check's seconds for its answer to the solution of the source, which it must run to its end."""
    asked = {id for lesson in lessons for id in lesson.checks} & set(written_checks())
    with (
        tempfile.TemporaryDirectory(prefix="course-", dir=short_folder()) as home,
        patch.dict(os.environ, COURSE_HOME=home),
        Stack.start("00", embedded=True) as stack,
    ):
        dataset.load(stack)
        for id in waiting(sorted(asked), "checks' answers"):
            seconds, result = seconds_to_answer(id, stack)
            assert result.passed, result
            yield id, seconds


def runners(lessons: Sequence[Lesson]) -> Iterator[tuple[str, float, float]]:
    """The seconds of our gate and of nbmake for one half of the lessons, and for the other. They begin by turns.

    A half runs in one process, as all lessons do in CI: what our gate imports once, it imports for all of them.
    """
    layout = Layout.of_this_course()
    halves = [half for half in (lessons[::2], lessons[1::2]) if half]
    for number, half in enumerate(waiting(halves, "our gate and nbmake")):
        notebooks = [layout.name(layout.lesson(lesson)) for lesson in half]
        commands = {"ours": [*NBVAL, "--nbval-lax", *notebooks], "theirs": [*NBMAKE, *notebooks]}
        first, second = sorted(commands, reverse=number % 2 == 1)
        taken = {name: _seconds_of(commands[name]) for name in (first, second)}
        yield " ".join(lesson.id for lesson in half), taken["ours"], taken["theirs"]


def _seconds_of(command: Sequence[str]) -> float:
    with _a_home() as home:
        began = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, env=home.environment(), stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - began
        if done.returncode:
            sys.exit(f"{done.stdout}\n{' '.join(command)} ended with {done.returncode}; what it printed stands above.")
        return seconds


def told(what: str, taken: Iterable[Told], aim: str) -> str:
    """The median, the ninth of ten and the slowest of what was waited for."""
    slowest = sorted(taken, key=lambda one: one[1], reverse=True)
    seconds = [one[1] for one in slowest]
    head = f"{what}: p50 {statistics.median(seconds):.2f} s, p90 {np.percentile(seconds, 90):.2f} s, at most {seconds[0]:.2f} s"
    return f"{head} (aim: {aim})\n    " + " · ".join(f"{name} {one:.2f}" for name, one in slowest[:SLOWEST])


def main(*ids: str) -> None:
    """Measure and print, for the lessons with these ids or for all of them."""
    try:
        lessons = [manifest.lesson(id) for id in ids] or [lesson for lesson in manifest.lessons() if lesson.written]
    except CourseError as error:
        raise SystemExit(str(error)) from error
    print(machine())
    print(f"import course: p50 {statistics.median(imports()):.3f} s (aim: 0.15 s)", flush=True)
    print(told("a kernel's start and a lesson's first cell", first_cells(lessons), "at most 6 s"), flush=True)
    print(told("a check's answer", answers(lessons), "p90 within 1 s"), flush=True)
    both = list(runners([lesson for lesson in lessons if ids or lesson.id in RUNNERS]))
    ratio = sum(ours for _, ours, _ in both) / sum(theirs for _, _, theirs in both)
    print(f"notebooks, our gate / nbmake: {ratio:.2f} × (aim: at most 1.1 ×)")
    print("    " + " · ".join(f"{name} {ours:.1f} / {theirs:.1f} s" for name, ours, theirs in both))


if __name__ == "__main__":
    main(*sys.argv[1:])
