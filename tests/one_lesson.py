"""All gates of one lesson: `python -m tests.one_lesson 04b`, or `make test LESSON=04b`. Says which passed, and what is missing.

The notebooks run beside the tests of the checks. What each gate proves stands in CONTRIBUTING.md.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from course.errors import CourseError
from course.manifest import Lesson, lesson
from course.pipeline.layout import Layout

PYTEST = [sys.executable, "-m", "pytest", "-p", "tests.fast_start", "-q"]
EVERY = ["tests/checks/test_every_check.py", "tests/checks/test_every_state.py"]
NBVAL = [*PYTEST, "-p", "tests.nbval_gate", "-p", "no:schemathesis", "--nbval-current-env"]
NBVAL += ["--nbval-cell-timeout=120", "--nbval-sanitize-with=tests/nbval_sanitize.cfg"]


@dataclass(frozen=True)
class Gate:
    """What a lesson must pass: a name, and a command."""

    name: str
    command: list[str]


def missing(layout: Layout, lesson: Lesson) -> Iterator[str]:
    """A sentence for each part that a lesson has not: of its head, a source, its checks, their tests."""
    for part in ("do", "learn", "need", "checks"):
        if not getattr(lesson, part):
            yield f"course/manifest.toml: lesson {lesson.id} has no `{part}`."
    files = {"source": layout.source(lesson)}
    if lesson.checks:
        files["checks"] = layout.root / "course" / "checks" / f"lesson_{lesson.id}.py"
        files["tests"] = layout.root / "tests" / "checks" / f"test_lesson_{lesson.id}.py"
    for what, path in files.items():
        if not path.is_file():
            yield f"{layout.name(path)} is missing: the {what} of lesson {lesson.id}."


def gates(layout: Layout, lesson: Lesson) -> list[Gate]:
    """The gates, in the order in which they are told."""
    checks, tests = f"course/checks/lesson_{lesson.id}.py", f"tests/checks/test_lesson_{lesson.id}.py"
    ruff = [sys.executable, "-m", "ruff"]
    own = [f"[{lesson.id}.", f"[{lesson.id}]", f"test_lesson_{lesson.id}.py"]
    return [
        Gate("ruff on its checks and tests", [*ruff, "check", checks, tests]),
        Gate("their format", [*ruff, "format", "--check", checks, tests]),
        Gate("course.build --check", [sys.executable, "-m", "course.build", "--check", lesson.id]),
        Gate("its checks", [*PYTEST, *EVERY, tests, "-k", " or ".join(own)]),
        Gate("nbval, its solution", [*NBVAL, "--nbval", layout.name(layout.solution(lesson))]),
        Gate("nbval-lax, its lesson", [*NBVAL, "--nbval-lax", layout.name(layout.lesson(lesson))]),
    ]


def passes(gate: Gate) -> bool:
    """Run a gate. What it wrote is shown if it fails."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as report:
        passed = subprocess.run(gate.command, stdout=report, stderr=subprocess.STDOUT).returncode == 0
        report.seek(0)
        said = "" if passed else f"{report.read().decode(errors='replace')}\n"
    print(f"{said}{'✓' if passed else '✗'} {gate.name}: {time.monotonic() - began:.0f} s", flush=True)
    return passed


def main(*ids: str) -> int:
    """Run the gates of the lesson with this id. Returns 1 if one failed, or a part is missing."""
    began, layout = time.monotonic(), Layout.of_this_course()
    try:
        if len(ids) != 1:
            raise CourseError(
                f"These gates are one lesson's, and you gave {len(ids)}. No gate was run. Give one: make test LESSON=04b"
            )
        [id] = ids
        chosen = lesson(id)
    except CourseError as error:
        print(error)
        return 1
    lacks = list(missing(layout, chosen))
    if lacks:
        print("\n".join([*lacks, "No gate was run."]))
        return 1
    every = gates(layout, chosen)
    fast, (checks, *notebooks) = every[:3], every[3:]
    passed = [passes(gate) for gate in fast]
    if not all(passed):
        print("The gates that run the lesson were left out.")
        return 1
    with ThreadPoolExecutor() as pool:
        beside = pool.submit(passes, checks)
        passed = [passes(gate) for gate in notebooks]
        passed.append(beside.result())
    print(f"{'All' if all(passed) else 'Not all'} gates of lesson {id} passed, in {time.monotonic() - began:.0f} s.")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
