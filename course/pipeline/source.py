"""Reads a lesson's source, a MyST notebook, into cells that know their line and have an id of their own.

What becomes of a cell in the solution and in the lesson stands in `notebook`.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jupytext.myst import MystMetadataParsingError, myst_to_notebook
from nbformat import NotebookNode, ValidationError

from course.pipeline.layout import BuildError
from course.pipeline.regions import Kind


@dataclass(frozen=True)
class Cell:
    """A cell as it stands in the source, marks included. `line` is the file's line of its first line, from 1."""

    kind: Kind
    text: str
    metadata: dict
    id: str
    line: int

    @property
    def tags(self) -> list[str]:
        """The cell's tags."""
        return list(self.metadata.get("tags", []))


def read(path: Path, name: str) -> list[Cell]:
    """The cells of a source, in order.

    Args:
        path: the file.
        name: how messages call it.

    Raises:
        BuildError: it cannot be read, holds a raw or an empty cell, or begins with a title, which the manifest gives.
    """
    text = path.read_text(encoding="utf-8")
    try:
        notebook = _notebook(text)
    except (MystMetadataParsingError, ValidationError, ValueError) as error:
        raise BuildError(f"{name}: it is not a MyST notebook: {error}\nNothing was changed. Correct it there.") from error
    lines = text.splitlines()
    cells: list[Cell] = []
    seen: Counter[str] = Counter()
    for found, start in zip(notebook.cells, notebook.metadata["source_map"], strict=True):
        line = _line(lines, start, found.source)
        if found.cell_type == "raw" or not found.source.strip():
            kind = "a raw" if found.cell_type == "raw" else "an empty"
            raise BuildError(f"{name}:{line}: {kind} cell has no place in a lesson. Nothing was changed. Remove it.")
        content = f"{found.cell_type}\n{found.source}"
        cells.append(Cell(found.cell_type, found.source, dict(found.metadata), _id(content, seen[content]), line))
        seen[content] += 1
    if cells and cells[0].text.startswith("# ") and cells[0].kind == "markdown":
        raise BuildError(
            f"{name}:{cells[0].line}: the title is made from course/manifest.toml. Nothing was changed. "
            "Begin the source with its first section, `## …`."
        )
    return cells


@cache
def _notebook(text: str) -> NotebookNode:
    """What a source's text holds. A build asks for each text several times; what is given is only read."""
    return myst_to_notebook(text, add_source_map=True)


def _id(content: str, twins_before: int) -> str:
    """A hash of the content, so that inserting a cell changes no other's id. Equal cells are told apart by their order."""
    return hashlib.sha256(f"{content}\n{twins_before}".encode()).hexdigest()[:12]


def _line(lines: list[str], start: int, source: str) -> int:
    """The line of a cell's first line: `start` (from 0) is where its block begins, with blank lines and options before it."""
    first = source.split("\n")[0]
    return next((number for number in range(start, len(lines)) if lines[number].endswith(first) and lines[number]), start) + 1
