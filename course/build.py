"""`python -m course.build [NN …] [--check | --format | --notes]`: from solutions/*.md to executed solutions and blank lessons.

    solutions/NN_name.md      written by hand (MyST notebook)
    solutions/NN_name.ipynb   made from it, executed, with outputs
    lessons/NN_name.ipynb     made from it: no outputs, exercises blank
    course/minutes.json       how long each lesson takes, made from the sources
    README.md                 its course map, made from the manifest and the minutes
    docs/glossary.md          made from course/glossary.toml
    docs/teaching/NN.md       notes for teachers: parts made from all these and the checks, and text between them
    docs/teaching/timetables.md   made from course/teaching/timetables.toml and the minutes

It prints what it counted in each lesson, and builds none that is over a limit of `course.pipeline.minutes`.
ruff looks at the code of the sources first; `--format` rewrites them as it formats their code, and builds nothing.
A build makes the notes that are there anew. `--notes` does that alone; with ids, it begins those that are not there yet.

This module is the command. What each step does stands in `course.pipeline`.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from course.errors import CourseError
from course.files import write_whole
from course.manifest import Lesson
from course.pipeline import glossary, lint, minutes
from course.pipeline.execute import CELL_SECONDS, execute
from course.pipeline.freshness import minutes_as_text, problems
from course.pipeline.kernel_home import SECONDS_TO_END
from course.pipeline.layout import BuildError, Layout
from course.pipeline.notebook import as_text, make
from course.pipeline.readme import with_map
from course.teaching import notes, timetables


def build(layout: Layout, lesson: Lesson, *, cell_seconds: float = CELL_SECONDS, seconds_to_end: float = SECONDS_TO_END) -> None:
    """Execute a lesson's solution and write both its notebooks, each in one step and only when all went well.

    Raises:
        BuildError: see `course.pipeline.notebook.make` and `course.pipeline.execute.execute`.
    """
    begin = time.monotonic()
    notebooks = make(layout, lesson)
    layout.lessons_folder.mkdir(exist_ok=True)
    progress = _Progress(lesson.stem)
    try:
        execute(
            notebooks.solution,
            notebooks.places,
            root=layout.root,
            folder=layout.lessons_folder,
            on_cell=progress.cell,
            cell_seconds=cell_seconds,
            seconds_to_end=seconds_to_end,
        )
    finally:
        progress.clear()
    texts = {layout.solution(lesson): as_text(notebooks.solution), layout.lesson(lesson): as_text(notebooks.lesson)}
    for path, text in texts.items():
        write_whole(path, text)
    print(f"{lesson.stem}: {progress.count} cells in {time.monotonic() - begin:.1f} s", flush=True)


def main(arguments: Sequence[str] | None = None, layout: Layout | None = None) -> int:
    """The command. Returns its exit status: 0 if all is built, or fresh with `--check`; else 1, with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python -m course.build", description="Build the notebooks from solutions/*.md.")
    parser.add_argument("ids", nargs="*", metavar="NN", help="ids of lessons, such as 01; without, every written lesson")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--check", action="store_true", help="build nothing; prove that the built notebooks are fresh")
    only.add_argument("--format", action="store_true", help="build nothing; format the code of the sources")
    only.add_argument("--notes", action="store_true", help="build nothing; make the notes for teachers, with NN also new ones")
    options = parser.parse_args(arguments)
    layout = layout or Layout.of_this_course()
    try:
        lessons = layout.chosen(options.ids)
        if options.format:
            print(
                "\n".join(f"{name} is formatted anew; build it." for name in lint.format_sources(layout, lessons))
                or "All is formatted."
            )
            return 0
        if options.check:
            return _check(layout, lessons, folders=not options.ids)
        if options.notes:
            _write_notes(layout, lessons if options.ids else notes.with_notes(layout, lessons))
            return 0
        complaints = lint.complaints(layout, lessons)
        if complaints:
            raise BuildError("\n".join([*complaints, "Nothing was built. Correct it there."]))
        takes = _measured(layout, lessons)
        for lesson in lessons:
            build(layout, lesson)
        _write_minutes(layout, takes)
        _write_notes(layout, notes.with_notes(layout, lessons))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _measured(layout: Layout, lessons: list[Lesson]) -> dict[str, int]:
    """How many minutes each written lesson takes, by id. Prints what was counted in those that are to be built.

    Raises:
        BuildError: one of those is over a limit, or a source cannot be read.
    """
    every = {lesson.id: make(layout, lesson).figures for lesson in layout.chosen(())}
    counted = [(lesson, every.get(lesson.id) or make(layout, lesson).figures) for lesson in lessons]
    print(minutes.table(counted), flush=True)
    too_much = [
        problem
        for lesson, figures in counted
        for problem in minutes.over_the_limits(lesson, figures, layout.name(layout.source(lesson)))
    ]
    if too_much:
        raise BuildError("\n".join([*too_much, "Nothing was built."]))
    return {id: figures.minutes for id, figures in every.items()}


def _write_minutes(layout: Layout, takes: dict[str, int]) -> None:
    """Write the minutes, the README's course map and the glossary, for all written lessons at once: right after any build."""
    layout.minutes.parent.mkdir(exist_ok=True)
    write_whole(layout.minutes, minutes_as_text(takes))
    if layout.readme.is_file():
        write_whole(layout.readme, with_map(layout, layout.readme.read_text(encoding="utf-8"), takes))
    if known := glossary.terms(layout):
        layout.glossary.parent.mkdir(exist_ok=True)
        write_whole(layout.glossary, glossary.page(known))


def _write_notes(layout: Layout, lessons: list[Lesson]) -> None:
    """Write the notes of these lessons, their index and the timetables. Prints what is still to be written in what changed."""
    for said in [*notes.write(layout, lessons), *timetables.write(layout)]:
        print(said)


def _check(layout: Layout, lessons: list[Lesson], *, folders: bool) -> int:
    found = [
        *lint.complaints(layout, lessons),
        *problems(layout, lessons, folders=folders),
        *notes.problems(layout, lessons, folders=folders),
        *(timetables.problems(layout) if folders else []),
    ]
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(f"Fresh: {', '.join(lesson.id for lesson in lessons)}")
    return 1 if found else 0


class _Progress:
    """One line on a terminal, written over at each cell. Elsewhere, in a log, only the start."""

    def __init__(self, name: str) -> None:
        self.count = 0
        self._name = name
        self._begin = time.monotonic()
        self._terminal = sys.stdout.isatty()
        if not self._terminal:
            print(f"{name} …", flush=True)

    def cell(self, number: int, count: int) -> None:
        self.count = count
        if self._terminal:
            print(f"\r{self._name}: cell {number} of {count}, {time.monotonic() - self._begin:.0f} s\x1b[K", end="", flush=True)

    def clear(self) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
