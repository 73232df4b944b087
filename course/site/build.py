"""Lays out the pages of the site, lets Sphinx write them, and puts the decks of slides beside them.

What a page holds stands in `notebooks.py`, and what a deck holds in `course/slides/`.
"""

import json
import re
import shutil
from pathlib import Path

import nbformat
from sphinx.cmd.build import build_main

from course.errors import CourseError
from course.manifest import Lesson
from course.pipeline import readme
from course.pipeline.layout import Layout
from course.site import ways
from course.site.notebooks import page
from course.site.pictures import Pictures
from course.slides import page as decks
from course.waiting import waiting

LOOK = ("conf.py", "_static/course.css", "_static/course.js", "_static/favicon.svg")
"""Files of `docs/site/` that are taken as they are."""


class SiteError(CourseError):
    """The site could not be built. The message says what to do."""


def build(layout: Layout, folder: Path, repository: str = "") -> Path:
    """Write the site.

    Args:
        layout: whose lessons, glossary and teaching pages they are.
        folder: where; what a former build left there is replaced, its pictures kept.
        repository: owner and name on GitHub, for the buttons that try the course; "" where there is none.

    Returns:
        The folder with the pages.

    Raises:
        SiteError: Sphinx found something wrong. It has said what.
        BuildError: see `course.slides.deck.slides`.
    """
    source, pages = folder / "source", folder / "html"
    for part in ("lessons", "docs"):
        shutil.rmtree(source / part, ignore_errors=True)
    shutil.rmtree(pages, ignore_errors=True)
    _lay_out(layout, source, repository)
    print("Sphinx writes the pages …", flush=True)
    if build_main(["-q", "-W", "--keep-going", "-b", "html", "-d", str(folder / "doctrees"), str(source), str(pages)]):
        raise SiteError(f"The site was not built: Sphinx says why above. What it read is in {source}. Correct its source.")
    decks.write(layout, _written(layout), pages / "slides")
    return pages


def _written(layout: Layout) -> list[Lesson]:
    return [lesson for lesson in layout.lessons if lesson.written]


def _lay_out(layout: Layout, source: Path, repository: str) -> None:
    look = layout.root / "docs" / "site"
    pictures = Pictures(source)
    for name in LOOK:
        shutil.copy(look / name, source / name)
    teaching = _teaching(layout, source)
    minutes = json.loads(layout.minutes.read_text(encoding="utf-8"))
    index = readme.with_map(layout, (look / "index.md").read_text(encoding="utf-8"), minutes)
    buttons = ways.buttons(repository, "lessons/00_start_here.ipynb", "try.md")
    index = index.replace("TRY", buttons.replace('"try.md', '"try.html')) + "\n\n".join(["", *_menus(layout, teaching)])
    (source / "index.md").write_text(index, encoding="utf-8")
    (source / "try.md").write_text((look / "try.md").read_text(encoding="utf-8"), encoding="utf-8")
    glossary = re.sub(r'<a id="[^"]*"></a>', "", layout.glossary.read_text(encoding="utf-8"))
    (source / "docs" / "glossary.md").write_text(glossary.replace("(../README.md", "(../index.md"), encoding="utf-8")
    (source / "lessons").mkdir()
    for lesson in waiting(_written(layout), "laying out the lessons"):
        solution, blank = (nbformat.read(path(lesson), 4) for path in (layout.solution, layout.lesson))
        row = ways.buttons(repository, layout.name(layout.lesson(lesson)), "../try.html")
        nbformat.write(page(solution, blank, pictures, row), source / "lessons" / f"{lesson.stem}.ipynb")


def _teaching(layout: Layout, source: Path) -> list[str]:
    """Take the teaching notes, where there are some. Returns their names."""
    notes = sorted((layout.root / "docs" / "teaching").glob("*.md"))
    pictures = Pictures(source, depth=2)
    (source / "docs" / "teaching").mkdir(parents=True)
    for note in notes:
        text = (
            note.read_text(encoding="utf-8")
            .replace("](../../README.md", "](../../index.md")
            .replace("](../../solutions/", "](../../lessons/")
            .replace("](../../solutions)", "](../../index.md)")
        )
        text = _with_slides(pictures.diagrams(text), {lesson.id for lesson in _written(layout)}, note.stem)
        (source / "docs" / "teaching" / note.name).write_text(text, encoding="utf-8")
    return [f"docs/teaching/{note.stem}" for note in notes]


def _with_slides(text: str, lessons: set[str], name: str) -> str:
    """A page for teachers with the way to its slides below the title: the lesson's, or the list of all."""
    if name not in lessons | {"README"}:
        return text
    deck, says = (f"{name}.html", "the slides of this lesson") if name in lessons else ("index.html", "the slides of all lessons")
    button = f'<p class="try">For the room: <a href="../../slides/{deck}">{says}</a></p>'
    return re.sub(r"^# .*$", lambda title: f"{title[0]}\n\n{button}", text, count=1, flags=re.MULTILINE)


def _menus(layout: Layout, teaching: list[str]) -> list[str]:
    menus = []
    for section in layout.sections:
        stems = [f"lessons/{lesson.stem}" for lesson in layout.lessons if lesson.section == section.id and lesson.written]
        menus.append(_menu(f"{section.id}. {section.title}", stems))
    return [*menus, _menu("More", ["try", "docs/glossary"]), _menu("For teachers", teaching)]


def _menu(caption: str, pages: list[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"]) if pages else ""
