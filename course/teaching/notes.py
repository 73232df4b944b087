"""Writes the notes for teachers and their index, and proves that each is what its lesson gives and that no text is missing."""

import re
from collections.abc import Iterator, Sequence

from course.files import write_whole
from course.manifest import Lesson
from course.pipeline.layout import BuildError, Layout
from course.teaching.made import GLANCE, frame
from course.teaching.note import Part, as_text, parts
from course.teaching.outline import Outline, in_class, outline

BEGIN, END = "<!-- MADE: index -->", "<!-- END MADE -->"
_INDEX = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)


def with_notes(layout: Layout, lessons: Sequence[Lesson]) -> list[Lesson]:
    """Those of these lessons that have a note."""
    return [lesson for lesson in lessons if layout.note(lesson).is_file()]


def write(layout: Layout, lessons: Sequence[Lesson]) -> list[str]:
    """Write the made parts of these lessons' notes, and the index; the text between them stays. A missing note is begun.

    Returns:
        For each note that changed, its name and what is still to be written in it.

    Raises:
        BuildError: a note has a text for something that its lesson no longer has, or its marks are not in order.
    """
    said = []
    for lesson in lessons:
        path = layout.note(lesson)
        stored = path.read_text(encoding="utf-8") if path.is_file() else ""
        found = _joined(layout, outline(layout, lesson), stored)
        if as_text(found) != stored:
            write_whole(path, as_text(found))
            said.append(f"{layout.name(path)}: written. {_to_write(found)}".rstrip())
    _write_index(layout)
    return said


def problems(layout: Layout, lessons: Sequence[Lesson], *, folders: bool = True) -> list[str]:
    """What is stale or missing in the notes of these lessons.

    With `folders`, for which `lessons` are all that are written, also a note of no lesson, and a stale index.
    """
    found: list[str] = []
    outlines: list[Outline] = []
    noted = with_notes(layout, lessons)
    for lesson in noted:
        try:
            outlines.append(outline(layout, lesson))
            found += _problems(layout, outlines[-1])
        except BuildError as error:
            found.append(str(error))
    if folders:
        found += _strays(layout)
    if folders and len(outlines) == len(noted):
        found += _stale_index(layout, outlines)
    return found


def _problems(layout: Layout, outline: Outline) -> Iterator[str]:
    path = layout.note(outline.lesson)
    name, stored = layout.name(path), path.read_text(encoding="utf-8")
    expected = _joined(layout, outline, stored)
    if as_text(expected) != stored:
        yield f"{name}: its made parts are not what the lesson gives. Run `python -m course.build --notes {outline.lesson.id}`."
    for part in _empty(expected):
        yield f"{name}: nothing is written under `<!-- MADE: {part.key} -->`. Write it below the end of that part."


def _joined(layout: Layout, outline: Outline, stored: str) -> list[Part]:
    """The note as its lesson gives it, with what the stored one has written."""
    name = layout.name(layout.note(outline.lesson))
    written = {part.key: part.written for part in parts(stored, name) if part.written}
    made = frame(outline)
    homeless = [key for key in written if key not in {part.key for part in made if part.key != GLANCE}]
    if homeless:
        raise BuildError(
            f"{name}: a text stands under `<!-- MADE: {homeless[0]} -->`, and the lesson has no place for it. The note was not "
            f"changed. Move the text, or delete it, and run `python -m course.build --notes {outline.lesson.id}`."
        )
    return [Part(part.key, part.made, written.get(part.key, "")) for part in made]


def _empty(found: Sequence[Part]) -> list[Part]:
    return [part for part in found if part.is_empty and part.key != GLANCE]


def _to_write(found: Sequence[Part]) -> str:
    empty = ", ".join(part.key for part in _empty(found))
    return f"Still to write: {empty}." if empty else ""


def _strays(layout: Layout) -> Iterator[str]:
    ids = {lesson.id for lesson in layout.lessons if lesson.written}
    for path in sorted(layout.teaching_folder.glob("*.md")):
        if re.fullmatch(r"\d\d[a-z]?", path.stem) and path.stem not in ids:
            yield f"{layout.name(path)}: course/manifest.toml has no written lesson {path.stem}. Rename the note, or remove it."


def _stale_index(layout: Layout, outlines: Sequence[Outline]) -> Iterator[str]:
    text = layout.teaching_readme.read_text(encoding="utf-8") if layout.teaching_readme.is_file() else ""
    if text != _with_index(text, outlines):
        yield f"{layout.name(layout.teaching_readme)}: its index is not that of the notes. Run `python -m course.build --notes`."


def _write_index(layout: Layout) -> None:
    """Write the table of all notes between its marks in docs/teaching/README.md, if that is there."""
    if layout.teaching_readme.is_file():
        text = layout.teaching_readme.read_text(encoding="utf-8")
        written = [lesson for lesson in layout.lessons if lesson.written]
        write_whole(
            layout.teaching_readme, _with_index(text, [outline(layout, lesson) for lesson in with_notes(layout, written)])
        )


def _with_index(text: str, outlines: Sequence[Outline]) -> str:
    rows = ["| lesson | minutes in class | predictions | exercises | questions |", "|---|---|---|---|---|", *map(_row, outlines)]
    return _INDEX.sub(lambda _: "\n".join([BEGIN, *rows, END]), text)


def _row(outline: Outline) -> str:
    counts = map(len, (outline.predictions, outline.exercises, outline.questions))
    name = f"[{outline.lesson.id} · {outline.lesson.title}]({outline.lesson.id}.md)"
    return " | ".join([f"| {name}", str(in_class(outline.minutes)), *map(str, counts)]) + " |"
