"""What a lesson holds, for those who teach it: sections and their minutes, predictions, exercises and their mistakes, questions.

Read from the manifest, the source, the executed solution and the checks. How a note shows it stands in `made`.
"""

import importlib
import math
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import nbformat

from course.manifest import Lesson, parts
from course.pipeline import glossary, minutes
from course.pipeline.layout import BuildError, Layout
from course.pipeline.notebook import SOLUTION_ONLY
from course.pipeline.predictions import Asked, asked
from course.pipeline.source import Cell, read

MOST_MISTAKES = 5
IN_CLASS = 1.5
"""A class takes so much longer than somebody alone."""

_CLOSING = ("💡", "🔑", "❓")
_HEADING = re.compile(r"^(#{2,3}) (.+)$", re.MULTILINE)
_EXERCISE = re.compile(r"^### (?P<title>Your turn \d+ of \d+ · .+?) \((?P<kind>.+)\)$", re.MULTILINE)
_CHECK = re.compile(r"^check\.(\w+)\(", re.MULTILINE)
_TERM = re.compile(r"glossary\.md#([\w-]+)\)")
_LINK = re.compile(r"\]\((?!https?:|#)([^)\s]+)\)")


@dataclass(frozen=True)
class Section:
    """A section of a notebook: its title, the titles of its steps, and how long it takes by the model."""

    title: str
    steps: tuple[str, ...]
    seconds: float

    @property
    def name(self) -> str:
        """The title without its sign: `The problem`."""
        return re.sub(r"^\W+", "", self.title)

    @property
    def is_shown(self) -> bool:
        """Whether the class sees something there: neither a section that has exercises alone, nor the end of the notebook."""
        return self.title != "Your turn" and not self.title.startswith(_CLOSING)


@dataclass(frozen=True)
class Exercise:
    """An exercise: the id of its check, its title, how it is done, and what its check says of the first mistakes it knows."""

    id: str
    title: str
    kind: str
    says: tuple[str, ...]


@dataclass(frozen=True)
class Outline:
    """All of it. `minutes` and the sections' seconds are those of somebody alone; texts link from `docs/teaching/`."""

    lesson: Lesson
    minutes: int
    needs: tuple[str, ...]
    sections: tuple[Section, ...]
    predictions: tuple[Asked, ...]
    exercises: tuple[Exercise, ...]
    questions: tuple[str, ...]
    terms: tuple[glossary.Term, ...]


def outline(layout: Layout, lesson: Lesson) -> Outline:
    """What a lesson holds.

    Raises:
        BuildError: its source cannot be read, or its solution is not built.
    """
    cells = [cell for cell in read(layout.source(lesson), layout.name(layout.source(lesson))) if SOLUTION_ONLY not in cell.tags]
    texts = [cell.text for cell in cells if cell.kind == "markdown"]
    found = set(_TERM.findall("\n".join(texts)))
    return Outline(
        lesson=lesson,
        minutes=minutes.measure(cells).minutes,
        needs=tuple(map(_from_here, lesson.need)),
        sections=tuple(_sections(cells)),
        predictions=tuple(_predictions(layout, lesson)),
        exercises=tuple(_exercises(lesson, cells)),
        questions=tuple(_questions(texts)),
        terms=tuple(term for term in glossary.terms(layout) if term.anchor in found),
    )


def in_class(minutes: int) -> int:
    """How long a class takes, in whole minutes, for what somebody alone does in so many."""
    return math.ceil(minutes * IN_CLASS)


def shared_out(total: int, weights: Sequence[float]) -> list[int]:
    """A whole number in whole parts that add up to it, by weight: whoever lost most to rounding gets one more."""
    exact = [total * weight / (sum(weights) or 1) for weight in weights]
    whole = [math.floor(part) for part in exact]
    by_loss = sorted(range(len(exact)), key=lambda place: whole[place] - exact[place])
    for place in by_loss[: total - sum(whole)]:
        whole[place] += 1
    return whole


def _sections(cells: Sequence[Cell]) -> Iterator[Section]:
    title, held = "", list[Cell]()
    for cell in _cut(cells):
        heading = _HEADING.match(cell.text) if cell.kind == "markdown" else None
        if heading and heading[1] == "##":
            if held:
                yield _section(title, held)
            title, held = heading[2], []
        held.append(cell)
    yield _section(title, held)


def _section(title: str, cells: list[Cell]) -> Section:
    texts = "\n".join(cell.text for cell in cells if cell.kind == "markdown")
    steps = tuple(re.sub(r" \(.*\)$", "", step) for level, step in _HEADING.findall(texts) if level == "###")
    return Section(title, steps, minutes.measure(cells).seconds)


def _cut(cells: Sequence[Cell]) -> Iterator[Cell]:
    """The cells, with prose cut in two where a section begins."""
    for cell in cells:
        texts = re.split(r"^(?=## )", cell.text, flags=re.MULTILINE) if cell.kind == "markdown" else [cell.text]
        yield from (replace(cell, text=text) for text in texts if text.strip())


def _predictions(layout: Layout, lesson: Lesson) -> list[Asked]:
    path = layout.solution(lesson)
    if not path.is_file():
        raise BuildError(
            f"{layout.name(path)} is missing, and a note tells what happened there. Run `python -m course.build {lesson.id}`."
        )
    return asked(nbformat.read(path, as_version=4))


def _exercises(lesson: Lesson, cells: Sequence[Cell]) -> Iterator[Exercise]:
    title, kind, told = "", "", set[str]()
    for cell in cells:
        if cell.kind == "markdown":
            for heading in _EXERCISE.finditer(cell.text):
                title, kind = heading["title"], heading["kind"]
            continue
        for name in _CHECK.findall(cell.text):
            id = f"{lesson.id}.{name}"
            if id in lesson.checks and id not in told:
                told.add(id)
                yield Exercise(id, title, kind, _says(id))


def _says(id: str) -> tuple[str, ...]:
    """What the check says of the first wrong answers that it knows."""
    lesson, name = parts(id)
    check = getattr(importlib.import_module(f"course.checks.lesson_{lesson}"), name)
    known = [mistake.says for mistake in check.mistakes] + [state.says for state in check.states if state.attempted]
    told = dict.fromkeys(" ".join(re.sub(r"\{\w*\}", "…", says).split()) for says in known)  # two may be told alike
    return tuple(told)[:MOST_MISTAKES]


def _questions(texts: Sequence[str]) -> Iterator[str]:
    section = "\n".join(texts).partition("## ❓ Questions to consider")[2]
    for item in re.split(r"^\d+\. ", section, flags=re.MULTILINE)[1:]:
        yield _from_here(" ".join(item.split()))


def _from_here(text: str) -> str:
    """A text of a lesson with its links as they are in docs/teaching."""
    return _LINK.sub(lambda link: f"]({posixpath.relpath(posixpath.join('lessons', link[1]), 'docs/teaching')})", text)
