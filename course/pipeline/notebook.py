"""Makes the two notebooks of a lesson from its source: the solution, not yet executed, and the lesson.

Both open with the head and end with the navigation. In the solution a learner reads plain code: the marks around what was
to be found are gone. In the lesson the stub stands there, and cells tagged `solution-only` are left out.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode, v4

from course.manifest import Lesson
from course.pipeline import frame, regions
from course.pipeline.glossary import see_that_terms_are_linked
from course.pipeline.layout import BuildError, Layout
from course.pipeline.source import Cell, read

SOLUTION_ONLY = "solution-only"
"""The tag of a cell that the lesson leaves out."""

_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclass(frozen=True)
class Notebooks:
    """A lesson's two notebooks, and for each cell of the solution its place in the source, such as `solutions/01_x.md:12`."""

    solution: NotebookNode
    lesson: NotebookNode
    places: tuple[str, ...]


def make(layout: Layout, lesson: Lesson) -> Notebooks:
    """Both notebooks of a lesson, without outputs.

    Raises:
        BuildError: the source cannot be read, a mark is out of place, a derived cell is not Python, a term of the
            glossary is not linked as it should, or the checks called are not the manifest's.
    """
    name = layout.name(layout.source(lesson))
    cells = read(layout.source(lesson), name)
    see_that_terms_are_linked(layout, [cell for cell in cells if SOLUTION_ONLY not in cell.tags], name)
    first = v4.new_markdown_cell(frame.head(layout, lesson), id="head")
    last = v4.new_markdown_cell(frame.navigation(layout, lesson), id="navigation")
    solutions = [_cell(cell, _rewritten(cell, regions.solved, name)) for cell in cells]
    kept = [cell for cell in cells if SOLUTION_ONLY not in cell.tags]
    blanks = [_cell(cell, _rewritten(cell, regions.blank, name)) for cell in kept]
    _see_that_checks_agree(lesson, name, kept, blanks)
    places = ("course/manifest.toml", *(f"{name}:{cell.line}" for cell in cells), "course/manifest.toml")
    return Notebooks(_notebook([first, *solutions, last]), _notebook([first, *blanks, last]), places)


def as_text(notebook: NotebookNode) -> str:
    """The notebook as its file holds it."""
    return v4.writes(notebook) + "\n"


def _notebook(cells: list[NotebookNode]) -> NotebookNode:
    return v4.new_notebook(cells=cells, metadata=nbformat.from_dict(_METADATA))


def _cell(cell: Cell, text: str) -> NotebookNode:
    new = v4.new_code_cell if cell.kind == "code" else v4.new_markdown_cell
    return new(text, metadata=nbformat.from_dict(cell.metadata), id=cell.id)


def _rewritten(cell: Cell, rewrite: Callable[[str, regions.Kind], str], name: str) -> str:
    try:
        return rewrite(cell.text, cell.kind)
    except regions.RegionError as error:
        raise BuildError(f"{name}:{cell.line + error.line}: {error} Nothing was changed. Correct it there.") from error


def _see_that_checks_agree(lesson: Lesson, name: str, cells: list[Cell], blanks: list[NotebookNode]) -> None:
    called: dict[str, int] = {}
    for cell, made in zip(cells, blanks, strict=True):
        if cell.kind == "code":
            for check in _checks_called(_parsed(made.source, f"{name}:{cell.line}")):
                called.setdefault(f"{lesson.id}.{check}", cell.line)
    for id in sorted(set(lesson.checks) - set(called)):
        raise BuildError(
            f"{name}: it never calls `check.{id.split('.')[1]}(…)`, though course/manifest.toml lists the check {id!r}. "
            "Nothing was changed. Call it in a cell of the lesson, or take it off the list."
        )
    for id in sorted(set(called) - set(lesson.checks)):
        raise BuildError(
            f"{name}:{called[id]}: the check {id!r} is not in course/manifest.toml. Nothing was changed. "
            "Add it to the `checks` of its lesson."
        )


def _parsed(text: str, place: str) -> ast.Module:
    """The syntax tree of a cell, magics and top-level await allowed."""
    try:
        python = TransformerManager().transform_cell(text)
        tree = ast.parse(python)
        compile(tree, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        raise BuildError(
            f"{place}: once its solution is blank, this cell is not Python: {error.msg} (its line {error.lineno}):\n\n"
            f"{excerpt(text)}\n\nNothing was changed. Give it a stub of its own: a line `# STUB: …` after `# BEGIN SOLUTION`."
        ) from error
    return tree


def _checks_called(tree: ast.Module) -> list[str]:
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        function.attr
        for function in functions
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "check"
    ]


def excerpt(text: str, most: int = 12) -> str:
    """The first lines of a cell, indented, for a message."""
    lines = text.split("\n")
    return re.sub("^", "    ", "\n".join(lines[:most] + ["…"] * (len(lines) > most)), flags=re.MULTILINE)
