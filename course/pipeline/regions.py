"""The marks around a solution inside a cell, and what stands there instead in the lesson.

    # BEGIN SOLUTION
    # STUB: ordered = ...  # YOUR CODE HERE        (optional, any number of lines; without it, a stub by default)
    ordered = sorted(rows)
    # END SOLUTION

In a `%%sql` cell the marks begin with `--`, in Markdown they stand in `<!-- … -->`. A mark has its line to itself.
`solved` drops the marks and keeps the solution; `blank` keeps the stub, at the indentation of the opening mark.
Which cells there are and where is `source`'s matter.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["code", "markdown"]


class RegionError(ValueError):
    """A mark is out of place. `line` counts from 0 within the cell."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Syntax:
    """How a comment looks in a cell, and its stub by default."""

    start: str
    end: str
    stub: str

    def mark(self, words: str) -> str:
        """These words as a comment."""
        return " ".join(part for part in (self.start, words, self.end) if part)

    def stub_in(self, line: str) -> str | None:
        """What a STUB line says, or None when the line is another one."""
        match = re.fullmatch(rf"\s*{re.escape(self.start)} STUB:( (?P<stub>.*?))?\s*{re.escape(self.end)}\s*", line)
        return match and (match["stub"] or "")


PYTHON = Syntax("#", "", "...  # YOUR CODE HERE")
SQL = Syntax("--", "", "-- YOUR SQL HERE")
MARKDOWN = Syntax("<!--", "-->", "*Write your answer here.*")


@dataclass(frozen=True)
class Region:
    """What stands between two marks: the solution, and the lines that take its place."""

    indent: str
    stub: tuple[str, ...]
    solution: tuple[str, ...]


def solved(text: str, kind: Kind) -> str:
    """The cell with its solutions and without marks.

    Raises:
        RegionError: a mark is out of place.
    """
    lines: list[str] = []
    for part in _parts(text, kind):
        lines += part.solution if isinstance(part, Region) else [part]
    return "\n".join(lines)


def blank(text: str, kind: Kind) -> str:
    """The cell with stubs where the solutions were.

    Raises:
        RegionError: a mark is out of place.
    """
    lines: list[str] = []
    for part in _parts(text, kind):
        lines += [(part.indent + line).rstrip() for line in part.stub] if isinstance(part, Region) else [part]
    return "\n".join(lines)


def kept(text: str, kind: Kind) -> list[int]:
    """The lines of a cell, from 0, that `solved` keeps.

    Raises:
        RegionError: a mark is out of place.
    """
    _parts(text, kind)
    syntax = syntax_of(text, kind)
    marks = {syntax.mark("BEGIN SOLUTION"), syntax.mark("END SOLUTION")}
    lines = enumerate(text.split("\n"))
    return [number for number, line in lines if line.strip() not in marks and syntax.stub_in(line) is None]


def syntax_of(text: str, kind: Kind) -> Syntax:
    """Which comments a cell has."""
    if kind == "markdown":
        return MARKDOWN
    return SQL if text.startswith("%%sql") else PYTHON


def _see_that_it_is_no_mark(number: int, line: str, begin: str, end: str) -> None:
    if "BEGIN SOLUTION" in line or "END SOLUTION" in line:
        raise RegionError(number, f"a mark of a solution must be the whole line, and here it is `{begin}` or `{end}`.")


def _parts(text: str, kind: Kind) -> list[str | Region]:
    syntax = syntax_of(text, kind)
    begin, end = syntax.mark("BEGIN SOLUTION"), syntax.mark("END SOLUTION")
    parts: list[str | Region] = []
    opened: int | None = None
    indent = ""
    stub: list[str] = []
    solution: list[str] = []
    for number, line in enumerate(text.split("\n")):
        if line.strip() == begin:
            if opened is not None:
                raise RegionError(number, f"`{begin}` inside another solution.")
            opened, indent, stub, solution = number, line[: len(line) - len(line.lstrip())], [], []
        elif line.strip() == end:
            if opened is None:
                raise RegionError(number, f"`{end}` without a `{begin}` before it.")
            if not any(map(str.strip, solution)):
                raise RegionError(opened, "a solution without a line of its own.")
            parts.append(Region(indent, tuple(stub) or (syntax.stub,), tuple(solution)))
            opened = None
        elif (shown := syntax.stub_in(line)) is not None:
            if opened is None or solution:
                raise RegionError(number, f"`{syntax.mark('STUB: …')}` may only follow `{begin}` directly.")
            stub.append(shown)
        else:
            _see_that_it_is_no_mark(number, line, begin, end)
            (parts if opened is None else solution).append(line)
    if opened is not None:
        raise RegionError(opened, f"`{begin}` without a `{end}` after it in the same cell.")
    return parts
