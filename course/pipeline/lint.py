"""ruff on the code of the sources, as their solutions have it: what it finds is told as `solutions/NN_name.md:line`.

The settings are those of pyproject.toml and solutions/.ruff.toml; a course without the latter is not looked at. Made
notebooks are formatted by nobody: their source is.
"""

import difflib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import v4

from course.manifest import Lesson
from course.pipeline import regions
from course.pipeline.layout import BuildError, Layout
from course.pipeline.source import Cell, read


@dataclass(frozen=True)
class _Code:
    """The code cells of a source, and for each the lines of its solution with the line of the source that each comes from."""

    name: str
    source: Path
    lines: list[list[str]]
    places: list[list[int]]
    notebook: Path

    def place(self, cell: int, line: int) -> str:
        """Where a line (from 0) of a cell's solution stands in the source."""
        return f"{self.name}:{self.places[cell][line]}"


def complaints(layout: Layout, lessons: Sequence[Lesson]) -> list[str]:
    """What ruff finds in the sources of these lessons, and how it would write what is not formatted.

    Raises:
        BuildError: a source cannot be read, or ruff itself fails.
    """
    with _notebooks(layout, lessons) as codes:
        if not codes:
            return []
        told = [*_checked(codes)]
        return told or [_told(code, cell, change) for code, cell, change in _changes(codes)]


def format_sources(layout: Layout, lessons: Sequence[Lesson]) -> list[str]:
    """Rewrite these lessons' sources as ruff formats their code. Returns the names of those that changed.

    Raises:
        BuildError: a cell is not Python, or a change would move a mark of a solution; nothing was rewritten.
    """
    with _notebooks(layout, lessons) as codes:
        wrong = [line for line in _checked(codes) if "invalid-syntax" in line] if codes else []
        changes = [] if wrong else list(_changes(codes))
        wrong += [_told(*change) for change in changes if not _keeps_marks(*change)]
        if wrong:
            raise BuildError("\n".join([*wrong, "Nothing was formatted. Correct this by hand, then format again."]))
        for code in codes:
            text = code.source.read_text(encoding="utf-8").split("\n")
            for _, cell, (first, last, new) in reversed([change for change in changes if change[0] is code]):
                places = code.places[cell]
                begin = places[first] - 1 if first < len(places) else places[-1]
                text[begin : begin + last - first] = new
            code.source.write_text("\n".join(text), encoding="utf-8")
    return list(dict.fromkeys(code.name for code, _, _ in changes))


_Change = tuple[int, int, list[str]]
"""The first line of a cell's solution, the one after the last, and the lines that should stand there."""


@contextmanager
def _notebooks(layout: Layout, lessons: Sequence[Lesson]) -> Iterator[list[_Code]]:
    """The code of these lessons, written as notebooks into a folder that has the settings."""
    settings = layout.solutions_folder / ".ruff.toml"
    with tempfile.TemporaryDirectory(prefix="ruff-") as folder:
        beside = Path(folder) / layout.solutions_folder.name
        beside.mkdir()
        if settings.is_file():
            shutil.copy(layout.root / "pyproject.toml", folder)
            shutil.copy(settings, beside)
        yield [_code(layout, lesson, beside) for lesson in lessons] if settings.is_file() else []


def _code(layout: Layout, lesson: Lesson, folder: Path) -> _Code:
    name = layout.name(layout.source(lesson))
    cells = [cell for cell in read(layout.source(lesson), name) if cell.kind == "code"]
    lines, places = [], []
    for cell in cells:
        kept = _kept(cell, name)
        lines.append([cell.text.split("\n")[number] for number in kept])
        places.append([cell.line + number for number in kept])
    notebook = folder / f"{lesson.stem}.ipynb"
    new = v4.new_notebook(cells=[v4.new_code_cell("\n".join(text)) for text in lines])
    new.metadata = nbformat.from_dict({"language_info": {"name": "python"}})
    notebook.write_text(v4.writes(new), encoding="utf-8")
    return _Code(name, layout.source(lesson), lines, places, notebook)


def _kept(cell: Cell, name: str) -> list[int]:
    try:
        return regions.kept(cell.text, cell.kind)
    except regions.RegionError as error:
        raise BuildError(f"{name}:{cell.line + error.line}: {error} Nothing was changed. Correct it there.") from error


def _checked(codes: Sequence[_Code]) -> Iterator[str]:
    by_notebook = {code.notebook.name: code for code in codes}
    for found in json.loads(_ruff("check", "--output-format=json", *(str(code.notebook) for code in codes))):
        code = by_notebook[Path(found["filename"]).name]
        place = code.place(found["cell"] - 1, found["location"]["row"] - 1)
        yield f"{place}: {found['code'] or 'invalid-syntax'} {found['message']}"


def _changes(codes: Sequence[_Code]) -> Iterator[tuple[_Code, int, _Change]]:
    """Where the formatter would write something else. The notebooks are formatted."""
    if codes:
        _ruff("format", "--quiet", *(str(code.notebook) for code in codes))
    for code in codes:
        formatted = v4.reads(code.notebook.read_text(encoding="utf-8"))
        for number, (cell, lines) in enumerate(zip(formatted.cells, code.lines, strict=True)):
            new = cell.source.split("\n")
            for tag, first, last, begin, end in difflib.SequenceMatcher(None, lines, new, autojunk=False).get_opcodes():
                if tag != "equal":
                    yield code, number, (first, last, new[begin:end])


def _keeps_marks(code: _Code, cell: int, change: _Change) -> bool:
    first, last, _ = change
    places = code.places[cell][first:last]
    return not places or places[-1] - places[0] == last - first - 1


def _told(code: _Code, cell: int, change: _Change) -> str:
    first, last, new = change
    diff = [*(f"    - {line}" for line in code.lines[cell][first:last]), *(f"    + {line}" for line in new)]
    place = code.place(cell, min(first, len(code.lines[cell]) - 1))
    return "\n".join([f"{place}: it is not formatted; `make format` writes it so:", *diff])


def _ruff(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "ruff", *arguments, "--no-cache"], capture_output=True, text=True)
    if done.returncode > 1:
        raise BuildError(f"ruff could not look at the sources:\n{done.stderr}Nothing was changed.")
    return done.stdout
