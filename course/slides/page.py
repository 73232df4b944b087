"""Decks as files: an HTML page for each lesson, the handout to print, a page that lists them, and reveal.js beside them."""

import re
import shutil
from collections.abc import Sequence
from html import escape
from importlib.metadata import distribution
from pathlib import Path
from string import Template

from course.files import write_whole
from course.manifest import Lesson
from course.pipeline.layout import Layout
from course.slides.deck import Slide, slides
from course.slides.text import html
from course.waiting import waiting

_HERE = Path(__file__).parent
_REVEAL = "reveal.js"
_NEEDED = ("dist/reset.css", "dist/reveal.css", "dist/reveal.js", "dist/theme/white.css", "plugin/notes/notes.js", "LICENSE")


def write(layout: Layout, lessons: Sequence[Lesson], folder: Path) -> list[Path]:
    """Write the decks of these lessons, the handout, the list of them, and reveal.js. Returns the decks.

    Raises:
        BuildError: see `course.slides.deck.slides`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_reveal(folder / _REVEAL)
    decks = []
    for lesson in waiting(lessons, "making slides"):
        decks.append(folder / f"{lesson.id}.html")
        write_whole(decks[-1], deck_page(lesson, slides(layout, lesson)))
    handout = (layout.teaching_folder / "handout.md").read_text(encoding="utf-8")
    write_whole(folder / "handout.html", _filled("handout.html", title="The handout", body=html(handout)))
    write_whole(folder / "index.html", _filled("index.html", items="".join(map(_item, lessons))))
    return decks


def deck_page(lesson: Lesson, deck: Sequence[Slide]) -> str:
    """A deck as a page."""
    return _filled(
        "deck.html", title=escape(f"{lesson.id} · {lesson.title}"), reveal=_REVEAL, slides="\n".join(map(_section, deck))
    )


def _section(slide: Slide) -> str:
    level = "h1" if slide.kind == "title" else "h2"
    notes = f'<aside class="notes">{html(slide.notes)}</aside>' if slide.notes else ""
    return (
        f'<section class="{slide.kind} {_size(slide.body)}">\n<{level}>{slide.title}</{level}>\n{slide.body}\n{notes}</section>'
    )


def _size(body: str) -> str:
    """How large the text is: what is long is smaller, so that each slide is one page."""
    length = len(re.sub(r"<table.*?</table>|<[^>]+>", "", body, flags=re.DOTALL))
    columns = [len(re.sub(r"<[^>]+>", " ", row)) for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)]
    if columns:
        return "wide small" if max(columns) > 110 or len(columns) > 9 else "small"
    return "smaller" if length > 750 else "small" if length > 450 else "large"


def _item(lesson: Lesson) -> str:
    return f'<li><a href="{lesson.id}.html">{lesson.id} · {escape(lesson.title)}</a></li>\n'


def _filled(template: str, **values: str) -> str:
    return Template((_HERE / template).read_text(encoding="utf-8")).substitute(values)


def _write_reveal(folder: Path) -> None:
    """Copy what a deck takes of reveal.js out of the wheel that carries it."""
    wheel = Path(str(distribution("sphinx-revealjs").locate_file("sphinx_revealjs/_static/revealjs")))
    for name in _NEEDED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wheel / name, folder / name)
    shutil.copytree(wheel / "dist/theme/fonts", folder / "dist/theme/fonts", dirs_exist_ok=True)
