"""Proves, without running anything, that the built notebooks are what their sources say and that no file is too many.

Whether the stored outputs still come out is for nbval to say.
"""

import fnmatch
import json
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode, v4

from course.manifest import Lesson
from course.pipeline import glossary, minutes
from course.pipeline.layout import BuildError, Layout
from course.pipeline.notebook import as_text, make
from course.pipeline.readme import with_map

_LEARNERS_OWN = ("*.mine*.ipynb", ".ipynb_checkpoints")
"""What a learner may have beside the lessons; git ignores it too."""


def problems(layout: Layout, lessons: list[Lesson], *, folders: bool = True) -> list[str]:
    """What is not fresh or over a limit.

    For each lesson the first difference and every limit; with `folders`, for which `lessons` are all that are written, also every
    file that is too many and what is made from all lessons together.
    """
    found = [*_strays(layout)] if folders else []
    takes: dict[str, int] = {}
    for lesson in lessons:
        try:
            notebooks = make(layout, lesson)
        except BuildError as error:
            found.append(str(error))
            continue
        takes[lesson.id] = notebooks.figures.minutes
        found += minutes.over_the_limits(lesson, notebooks.figures, layout.name(layout.source(lesson)))
        solution, blank = layout.solution(lesson), layout.lesson(lesson)
        _let_python_differ(solution, notebooks.solution)
        _let_python_differ(blank, notebooks.lesson)
        difference = (
            _difference(solution, notebooks.solution)
            or _run_incompletely(solution)
            or _difference(blank, notebooks.lesson)
            or _not_blank(blank, notebooks.lesson)
        )
        if difference:
            path, what = difference
            found.append(f"{layout.name(path)}: {what}. Run `python -m course.build {lesson.id}`.")
    if folders and len(takes) == len(lessons):
        found += _of_all_lessons(layout, takes)
    return found


Difference = tuple[Path, str]


def _strays(layout: Layout) -> Iterator[str]:
    written = [lesson for lesson in layout.lessons if lesson.written]
    expected = {path for lesson in written for path in (layout.source(lesson), layout.solution(lesson), layout.lesson(lesson))}
    for folder in (layout.solutions_folder, layout.lessons_folder):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            own = folder == layout.lessons_folder and any(fnmatch.fnmatch(path.name, pattern) for pattern in _LEARNERS_OWN)
            if path not in expected and not own and path.name not in (".ipynb_checkpoints", ".ruff.toml"):
                yield (
                    f"{layout.name(path)}: no written lesson of course/manifest.toml has this file. "
                    "Remove it, or set `written = true` for its lesson."
                )


def _of_all_lessons(layout: Layout, takes: dict[str, int]) -> Iterator[str]:
    stored = layout.minutes.read_text(encoding="utf-8") if layout.minutes.is_file() else ""
    if stored != minutes_as_text(takes):
        yield f"{layout.name(layout.minutes)}: it is not what the sources give. Run `python -m course.build`."
    text = layout.readme.read_text(encoding="utf-8") if layout.readme.is_file() else ""
    if text != with_map(layout, text, takes):
        yield "README.md: its course map is not what course/manifest.toml gives. Run `python -m course.build`."
    known = glossary.terms(layout)
    page = layout.glossary.read_text(encoding="utf-8") if layout.glossary.is_file() else ""
    if known and page != glossary.page(known):
        yield "docs/glossary.md: it is not what course/glossary.toml gives. Run `python -m course.build`."


def minutes_as_text(takes: dict[str, int]) -> str:
    """The file of minutes as the build writes it."""
    return json.dumps(takes, indent=1, sort_keys=True) + "\n"


def _let_python_differ(path: Path, expected: NotebookNode) -> None:
    """Expect the version of Python that the stored notebook names: whoever opens and saves it brings their own."""
    try:
        version = json.loads(path.read_text(encoding="utf-8"))["metadata"]["language_info"]["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # told by the comparison itself
    if isinstance(version, str):
        expected.metadata.language_info.version = version


def _difference(path: Path, expected: NotebookNode) -> Difference | None:
    """Where a stored notebook first departs from the expected one, outputs aside."""
    if not path.is_file():
        return path, "it is missing"
    try:
        stored = v4.reads(path.read_text(encoding="utf-8"))
        ids = [cell["id"] for cell in stored.cells]
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        return path, f"it is not a notebook with cell ids ({error!r})"
    twins = sorted({id for id in ids if ids.count(id) > 1})
    if twins:
        return path, f"the cell id {twins[0]!r} is there more than once"
    for number, (cell, wanted) in enumerate(zip(stored.cells, expected.cells, strict=False), start=1):
        for part in ("cell_type", "source", "id", "metadata"):
            if cell.get(part) != wanted[part]:
                return path, f"cell {number} ({cell['id']}): its {part.replace('_', ' ')} is not what the source gives"
    if len(stored.cells) != len(expected.cells):
        return path, f"it has {len(stored.cells)} cells, and the source gives {len(expected.cells)}"
    if (stored.metadata, stored.nbformat, stored.nbformat_minor) != (
        expected.metadata,
        expected.nbformat,
        expected.nbformat_minor,
    ):
        return path, "the notebook's metadata are not the build's"
    return None


def _run_incompletely(path: Path) -> Difference | None:
    """The first code cell that was not run, or not in its turn. nbval would compare nothing there."""
    stored = v4.reads(path.read_text(encoding="utf-8"))
    for turn, cell in enumerate((cell for cell in stored.cells if cell.cell_type == "code"), start=1):
        if cell.get("execution_count") != turn:
            return path, f"code cell {turn} ({cell['id']}) has the execution count {cell.get('execution_count')}, not {turn}"
    return None


def _not_blank(path: Path, expected: NotebookNode) -> Difference | None:
    """What a lesson has besides the expected cells: an output, an execution count, or another layout of the file."""
    stored = v4.reads(path.read_text(encoding="utf-8"))
    for number, cell in enumerate(stored.cells, start=1):
        if cell.get("outputs") or cell.get("execution_count") is not None:
            return path, f"cell {number} ({cell['id']}) has an output or an execution count, and a lesson has none"
    if path.read_bytes() != as_text(expected).encode():
        return path, "its cells are right, but the file is not written as the build writes it"
    return None
