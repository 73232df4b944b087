"""What a built course asked and what happened: read from executed notebooks, whatever their outputs look like besides."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

_QUESTION = re.compile(r"^Predict\. (.+)$", re.MULTILINE)
_OPTION = re.compile(r"^\s*\([ x]\) [a-z]  (.+)$", re.MULTILINE)
_HAPPENED = re.compile("What happened: ")


@dataclass(frozen=True)
class Asked:
    """A prediction as a notebook has it.

    Attributes:
        id: its id, such as `"04.left"`.
        question: the question.
        options: what can be chosen, in the order shown.
        right: the option that the reveal names, or None.
        because: the sentence of the reveal that says why.
    """

    id: str
    question: str
    options: tuple[str, ...]
    right: str | None
    because: str

    @property
    def place(self) -> int:
        """Where the right option stands, from 0."""
        return self.options.index(self.right) if self.right is not None else -1


def asked(notebook: NotebookNode) -> list[Asked]:
    """Every prediction of an executed notebook, in the order in which they are asked. A cell may have several."""
    questions, happened = {}, {}
    for cell in notebook.cells:
        if cell.cell_type != "code" or not re.search(r"\bpredict\(|\.reveal\(", cell.source):
            continue
        asks, tells = _texts(cell, _OPTION), _texts(cell, _HAPPENED)
        for node in ast.walk(ast.parse(TransformerManager().transform_cell(cell.source))):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="predict"), args=[id, *_])):
                    questions[name] = (ast.literal_eval(id), next(asks, ""))
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="reveal")):
                    happened[name] = next(tells, "")
    return [_asked(id, shown, happened.get(name, "")) for name, (id, shown) in questions.items()]


def _asked(id: str, shown: str, told: str) -> Asked:
    options = tuple(_OPTION.findall(shown))
    question = _QUESTION.search(shown)
    return Asked(id, question[1] if question else "", options, _right(options, told), told.partition("\n")[2].strip())


def _right(options: tuple[str, ...], text: str) -> str | None:
    """The option that follows "What happened:"; the longest, where one option begins another."""
    named = [option for option in options if f"What happened: {option}." in text]
    return max(named, key=len, default=None)


def _texts(cell: NotebookNode, wanted: re.Pattern[str]) -> Iterator[str]:
    """The texts of a cell's outputs in which this is found."""
    texts = (output.get("data", {}).get("text/plain", output.get("text", "")) for output in cell.get("outputs", []))
    return filter(wanted.search, texts)
