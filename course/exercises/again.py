"""Makes an exercise blank again from inside its notebook: `check.orphans.reset()`, and `check.orphans.undo_reset()`.

A kernel cannot write into an open notebook's file: the browser would write over it, and what was not saved yet would be lost.
It can ask the browser for a new text of the cell that runs. So **the cell in which the learner runs it becomes the blank**: the
exercise's own cell, or a new one at the place of a cell that was deleted. Another cell of the lesson's is left alone.

How a notebook's file is reset stands in `course/reset.py`.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from course import manifest
from course.exercises.note import Note
from course.notebooks import kept
from course.notebooks.fresh import as_notebook, blank, cell_of, fresh_notebook


@dataclass(frozen=True)
class Running:
    """The cell that runs now: its shell, its id, and its text without the call itself."""

    shell: Any
    id: str
    text: str


def reset(check: str) -> Note:
    """Turn the cell that runs this into the blank of an exercise. What the learner had written is kept."""
    return _become(check, blank(check).source, "reset", "blank")


def undo_reset(check: str) -> Note:
    """Turn the cell that runs this into what the learner had written last."""
    back = kept.newest(check, ".py")
    if back is None:
        return Note(
            "○", "nothing to undo", "Nothing of this exercise was ever replaced. Nothing was changed.", "", "quiet", check
        )
    return _become(check, back.read_text(encoding="utf-8"), "undone", f"as you had it, from `{kept.shown(back)}`")


def _become(check: str, text: str, word: str, how: str) -> Note:
    running = _running(manifest.parts(check)[1])
    if running is None:
        said = f"Only a cell of a notebook can change itself. In a terminal, write `python -m course.reset {check}`."
        return Note("!", "not here", f"{said} Nothing was changed.", "", "bad", check)
    own = blank(check).id
    if running.id in {cell.id for cell in _fresh(check).cells} - {own}:
        said = (
            "The cell that runs this turns into the exercise, and this one belongs to the lesson. Nothing was changed. Write it "
            "into the exercise's own cell, in place of what is there, or into a new cell, and run that one."
        )
        return Note("→", "not here", said, "", "next", check)
    where = None
    for written in _written(check, running):
        if written != text:
            where = kept.keep(check, ".py", written.encode())
    running.shell.set_next_input(text, replace=True)
    return Note("↺", word, _said(check, how, where, in_place=running.id == own), source=check)


def _said(check: str, how: str, where: Path | None, *, in_place: bool) -> str:
    said = [f"This cell is the exercise again, {how}."]
    if where:
        name = manifest.parts(check)[1]
        said.append(f"What you had written is kept in `{kept.shown(where)}`; `check.{name}.undo_reset()` brings it back.")
    if not in_place:
        said.append("Its earlier cell, if it is there, is untouched: delete the one that you no longer want.")
    return " ".join([*said, "Your progress stays."])


def _fresh(check: str) -> NotebookNode:
    return fresh_notebook(manifest.lesson(manifest.parts(check)[0]))


def _running(name: str) -> Running | None:
    """The cell that runs now, or None outside of a notebook."""
    shell = get_ipython()
    if shell is None or not hasattr(shell, "get_parent"):
        return None
    parent = shell.get_parent()
    code = parent.get("content", {}).get("code", "")
    return Running(shell, parent.get("metadata", {}).get("cellId", ""), _without_call(code, name))


def _without_call(code: str, name: str) -> str:
    """A cell's text without the lines that do nothing but call this."""
    call = re.compile(rf"\s*\w+\.{name}\.(undo_)?reset\(\)\s*;?\s*(#.*)?")
    return "\n".join(line for line in code.split("\n") if not call.fullmatch(line)).strip("\n")


def _written(check: str, running: Running) -> Iterator[str]:
    """The texts of the exercise that the learner may want back, the newest last: in the file, run before, in this cell."""
    name = manifest.parts(check)[1]
    nothing = {"", blank(check).source}
    for text in (_in_the_file(check), _run_last(check, running), running.text):
        mine = _without_call(text, name)
        if mine.strip() and mine not in nothing:
            yield mine


def _in_the_file(check: str) -> str:
    """The exercise's cell as the notebook that runs was saved last; `""` where that cannot be told."""
    path = Path(os.environ.get("JPY_SESSION_NAME", ""))
    notebook = as_notebook(path.read_bytes()) if path.is_file() else None
    cell = notebook and cell_of(blank(check), notebook, manifest.lesson(manifest.parts(check)[0]))
    return cell.source if cell else ""


def _run_last(check: str, running: Running) -> str:
    """The cell that last gave a value to a name of the exercise's, if it is no cell of the lesson's; else `""`."""
    lessons = {cell.source for cell in _fresh(check).cells}
    names = _names(blank(check).source)
    ran = running.shell.user_ns.get("In", [])[:-1]
    return next((text for text in reversed(ran) if text not in lessons and _names(text) & names), "")


def _names(code: str) -> set[str]:
    """What a cell defines at its top: functions, classes and variables. Of a text that is not Python, nothing."""
    try:
        tree = ast.parse(TransformerManager().transform_cell(code))
    except SyntaxError:
        return set()
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    assigned = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    return defined | {target.id for target in assigned if isinstance(target, ast.Name)}
