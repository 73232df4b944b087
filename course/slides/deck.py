"""What the slides of a lesson are: its sections, diagrams, predictions, tables, exercises, insight and questions.

Taken from the executed solution; what is said to each comes from the lesson's note for teachers, if there is one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import nbformat
from nbformat import NotebookNode

from course.manifest import Lesson
from course.pipeline.layout import Layout
from course.pipeline.predictions import Asked
from course.show.charts import MIME as CHART
from course.slides import pictures
from course.slides.text import diagrams, html, inline, without_diagrams
from course.teaching.note import Note, read
from course.teaching.outline import Outline, in_class, outline

_HEADING = re.compile(r"^(#{2,3}) (.+)$", re.MULTILINE)
_TURN = re.compile(r"(Your turn \d+ of \d+ · .+?) \((.+)\)$")
_ASKS = re.compile(r"\bpredict\(\s*\"([\w.]+)\"")
_SIGN = re.compile("^[💡🔑❓🎯🔍] ")
_FAIR, _LIST = "🔍 Being fair", re.compile(r"^- ", re.MULTILINE)
_LETTERS = "abcdefghij"
_NO_NOTE = Note("", {}, {}, {}, {}, "")


@dataclass(frozen=True)
class Slide:
    """A slide: its kind, its title and body as HTML, and what its speaker reads, as Markdown."""

    kind: str
    title: str
    body: str
    notes: str = ""


def slides(layout: Layout, lesson: Lesson) -> list[Slide]:
    """The slides of a lesson.

    Raises:
        BuildError: its solution is not built, or the marks of its note are not in order.
    """
    held = outline(layout, lesson)
    note = read(layout.note(lesson)) if layout.note(lesson).is_file() else _NO_NOTE
    notebook = nbformat.read(layout.solution(lesson), as_version=4)
    return [_title(held, note), *_Walk(held, note).through(notebook.cells[1:-1])]  # without head and navigation


class _Walk:
    """Goes through the cells of a notebook, and knows under which heading it is and what was said last."""

    def __init__(self, held: Outline, note: Note) -> None:
        self._held = held
        self._note = note
        self._asked = {asked.id: asked for asked in held.predictions}
        self._heading = ""
        self._is_new = False
        self._said = ""

    def through(self, cells: Sequence[NotebookNode]) -> Iterator[Slide]:
        for number, cell in enumerate(cells):
            if cell.cell_type == "markdown":
                yield from self._prose(cell.source)
                continue
            for id in _ASKS.findall(cell.source):
                yield from _prediction(self._asked[id], self._note.predictions.get(id, ""))
            after = cells[number + 1] if number + 1 < len(cells) else None
            then = _paragraphs(after.source)[0] if after and after.cell_type == "markdown" and _paragraphs(after.source) else ""
            for output in cell.get("outputs", []):
                yield from self._output(output.get("data", {}), then)

    def _prose(self, source: str) -> Iterator[Slide]:
        begun = 0
        for heading in [*_HEADING.finditer(source), None]:
            text = source[begun : heading.start() if heading else None].strip()
            if begun or text:
                yield from self._text(text)
            if heading:
                begun = heading.end()
                self._heading, self._is_new, self._said = heading[2], True, ""

    def _section(self, title: str, text: str) -> Iterator[Slide]:
        """The slide with which a section begins: its steps, or what it says where it has none."""
        for section in self._held.sections:
            if section.title == title and section.is_shown:
                steps = [step for step in section.steps if not _is_turn(step)] or ([] if text else section.steps)
                body = f"<ul>{''.join(f'<li>{inline(step)}</li>' for step in steps)}</ul>" if steps else html(text)
                if body:
                    yield Slide("section", _named(title), body, self._note.sees.get(section.name, ""))

    def _text(self, text: str) -> Iterator[Slide]:
        title, plain = self._heading, without_diagrams(text)
        turn = _TURN.match(title)
        first = list(self._first(title, plain, turn)) if self._is_new else []
        yield from first
        if title.startswith(_FAIR) and not self._is_new and _LIST.search(plain):
            yield Slide("fair", _named(title), html(plain))
        self._is_new = self._is_new and not first and not plain  # a section may begin with a cell of code
        self._said = (_paragraphs(plain) or [self._said])[-1]
        for source in diagrams(text):
            yield Slide("diagram", self._short, f"{self._lead}{pictures.diagram(source)}")

    def _first(self, title: str, plain: str, turn: re.Match[str] | None) -> Iterator[Slide]:
        """The slide of a heading and of the text below it."""
        if turn:
            ids = [exercise.id for exercise in self._held.exercises if exercise.title == turn[1]]
            said = "\n\n".join(self._note.exercises.get(id, "") for id in ids)
            yield Slide("exercise", inline(turn[1]), f'<p class="quiet">{inline(turn[2])}</p>{html(plain)}', said)
        elif title.startswith("🎯"):
            yield Slide("problem", _named(title), html(plain), self._note.sees.get("The problem", ""))
        elif title.startswith("💡"):
            yield Slide("insight", _named(title), html(plain))
        elif title.startswith("🔑"):
            yield Slide("takeaways", _named(title), html(plain))
        elif title.startswith("❓"):
            answers = "\n\n".join(f"**{number}.** {answer}" for number, answer in self._note.questions.items())
            yield Slide("questions", _named(title), html(plain), answers)
        else:
            yield from self._section(title, plain)

    @property
    def _short(self) -> str:
        """The heading as a title, without what an exercise's says of itself."""
        turn = _TURN.match(self._heading)
        return _named(turn[1] if turn else self._heading)

    @property
    def _lead(self) -> str:
        """What was said last, as a paragraph above a picture or a table."""
        return f"<p>{inline(' '.join(self._said.split()))}</p>" if self._said else ""

    def _output(self, data: Mapping[str, Any], then: str) -> Iterator[Slide]:
        words = data.get("text/plain", "")
        if "<table" in data.get("text/html", ""):
            yield Slide("table", self._short, f"{self._lead}{data['text/html']}", then)
        elif CHART in data:
            yield Slide("chart", self._short, f"{self._lead}{pictures.chart(data[CHART], words)}", then)
        for source in diagrams(data.get("text/markdown", "")):
            yield Slide("diagram", self._short, f"{self._lead}{pictures.diagram(source, words)}", then)


def _title(held: Outline, note: Note) -> Slide:
    lesson = held.lesson
    body = f'<p>{inline(lesson.summary)}</p><p class="quiet">Lesson {lesson.id} · {in_class(held.minutes)} minutes in class</p>'
    parts = {"When you are late": note.late, "On the day": note.on_the_day}
    said = "\n\n".join(f"**{title}**\n\n{text}" for title, text in parts.items() if text)
    return Slide("title", escape(lesson.title), body, said)


def _prediction(asked: Asked, note: str) -> Iterator[Slide]:
    """The question, and then what happened."""
    lettered = list(zip(_LETTERS, asked.options, strict=False))
    options = "".join(f"<li>{letter}) {inline(option)}</li>" for letter, option in lettered)
    yield Slide("prediction", "Predict", f'<p>{inline(asked.question)}</p><ul class="options">{options}</ul>')
    shown = "".join(
        f"<li><strong>✓ {letter}) {inline(option)}</strong></li>"
        if option == asked.right
        else f"<li>{letter}) {inline(option)}</li>"
        for letter, option in lettered
    )
    body = f'<p>{inline(asked.question)}</p><ul class="options happened">{shown}</ul><p>{inline(asked.because)}</p>'
    yield Slide("reveal", "What happened", body, note)


def _named(heading: str) -> str:
    """A heading as a title, without its sign: not every machine that shows slides has a font for it."""
    return inline(_SIGN.sub("", heading))


def _is_turn(step: str) -> bool:
    return step.startswith("Your turn ")


def _paragraphs(text: str) -> list[str]:
    """The paragraphs of a text that are prose: no heading, list, quotation or picture."""
    found = (part.strip() for part in re.split(r"\n\s*\n", without_diagrams(text)))
    return [part for part in found if part and not re.match(r"#|[-*>|] |\d+\. |\|", part)]
