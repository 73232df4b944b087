"""Timetables, `docs/teaching/timetables.md`: made from `timetables.toml` and the minutes of the lessons, so that they add up.

Which lessons a course of a length holds is written in `timetables.toml`; how long each takes, the build has counted.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from course.files import write_whole
from course.manifest import Lesson
from course.pipeline.layout import BuildError, Layout
from course.teaching.note import Part, as_text, parts
from course.teaching.outline import in_class

LEAST_TALK = 5
"""A day that leaves less than so many minutes to talk holds too much."""

_PAUSE = re.compile(r"(break|lunch) (\d+)")
_FIX = "Correct it in course/teaching/timetables.toml, and run `python -m course.build --notes`."


@dataclass(frozen=True)
class Slot:
    """A row of a timetable: when it begins and how long it takes, in minutes after midnight, and what it is.

    `what` is a lesson, or `"break"`, `"lunch"` or `"talk"`.
    """

    begins: int
    minutes: int
    what: Lesson | str

    @property
    def clock(self) -> str:
        """From when to when, as in `09:00–09:24`."""
        return f"{_clock(self.begins)}–{_clock(self.begins + self.minutes)}"


@dataclass(frozen=True)
class Timetable:
    """A course of some length: its name, what it tells, what a day of it is called, and the slots of each day."""

    name: str
    about: str
    day: str
    days: tuple[tuple[Slot, ...], ...]


def timetables(layout: Layout) -> list[Timetable]:
    """Every timetable, with the minutes that the build has counted; none where a course has no `timetables.toml`.

    Raises:
        BuildError: a day holds too much, names no lesson that is written, or has not one place to talk.
    """
    if not layout.timetables_source.is_file():
        return []
    takes = json.loads(layout.minutes.read_text(encoding="utf-8"))
    told = tomllib.loads(layout.timetables_source.read_text(encoding="utf-8"))["timetable"]
    return [_timetable(layout, takes, entry) for entry in told]


def write(layout: Layout) -> list[str]:
    """Write the made parts of the page; the text between them stays. Returns what was written.

    Raises:
        BuildError: see `timetables`, or a text of the page has no place any more.
    """
    if not (known := timetables(layout)):
        return []
    stored = _stored(layout)
    page = _page(layout, known, stored)
    if page == stored:
        return []
    write_whole(layout.timetables, page)
    return [f"{layout.name(layout.timetables)}: written."]


def problems(layout: Layout) -> list[str]:
    """What is stale in the page, or wrong in what it is made from."""
    try:
        known = timetables(layout)
        stale = bool(known) and _page(layout, known, _stored(layout)) != _stored(layout)
    except BuildError as error:
        return [str(error)]
    name = layout.name(layout.timetables)
    return [f"{name}: it is not what timetables and minutes give. Run `python -m course.build --notes`."] if stale else []


def _stored(layout: Layout) -> str:
    return layout.timetables.read_text(encoding="utf-8") if layout.timetables.is_file() else ""


def _timetable(layout: Layout, takes: Mapping[str, int], entry: dict) -> Timetable:
    day = entry.get("day", "day")
    begins, ends = _minute(entry["begins"]), _minute(entry["ends"])
    days = []
    for number, plan in enumerate(entry["days"], start=1):
        place = f"timetables.toml, {entry['name']!r}, {day} {number}"
        days.append(tuple(_slots(layout, takes, plan, begins, ends, place)))
    return Timetable(entry["name"], entry["about"], day, tuple(days))


def _slots(layout: Layout, takes: Mapping[str, int], plan: Sequence[str], begins: int, ends: int, place: str) -> Iterator[Slot]:
    if plan.count("talk") != 1:
        raise BuildError(f'{place}: it has {plan.count("talk")} times "talk", and needs one, for what is left. {_FIX}')
    items = [_item(layout, takes, entry, place) for entry in plan]
    talk = ends - begins - sum(minutes for _, minutes in items)
    if talk < LEAST_TALK:
        raise BuildError(
            f"{place}: from {_clock(begins)} to {_clock(ends)} it leaves {talk} minutes to talk, and needs {LEAST_TALK}. "
            f"Take a lesson out, or end later. {_FIX}"
        )
    for what, minutes in items:
        yield Slot(begins, talk if what == "talk" else minutes, what)
        begins += talk if what == "talk" else minutes


def _item(layout: Layout, takes: Mapping[str, int], entry: str, place: str) -> tuple[Lesson | str, int]:
    """What an entry of a plan is, and how many minutes it takes; those of a talk come later."""
    if entry == "talk":
        return entry, 0
    if pause := _PAUSE.fullmatch(entry):
        return pause[1], int(pause[2])
    for lesson in layout.lessons:
        if lesson.id == entry and lesson.id in takes:
            return lesson, in_class(takes[lesson.id])
    raise BuildError(f"{place}: {entry!r} is no lesson that is written, no break and no lunch. {_FIX}")


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _page(layout: Layout, known: Sequence[Timetable], stored: str) -> str:
    """The page as it should be, with what the stored one has written below its parts."""
    written = {part.key: part.written for part in parts(stored, layout.name(layout.timetables)) if part.written}
    made = [_head(known), *(Part(table.name, _section(layout, table)) for table in known)]
    if homeless := sorted(set(written) - {part.key for part in made}):
        raise BuildError(
            f"{layout.name(layout.timetables)}: a text stands under `<!-- MADE: {homeless[0]} -->`, and there is no such "
            "timetable. The page was not changed. Move the text, or delete it, and run `python -m course.build --notes`."
        )
    return as_text([Part(part.key, part.made, written.get(part.key, "")) for part in made])


def _head(known: Sequence[Timetable]) -> Part:
    lines = [
        "# Timetables",
        "",
        "*What stands between two marks is made by `python -m course.build`: write below it.*",
        "",
        "| course | lessons | minutes of lessons | breaks | talk |",
        "|---|---|---|---|---|",
        *map(_summary, known),
    ]
    return Part("timetables", "\n".join(lines))


def _summary(table: Timetable) -> str:
    slots = [slot for day in table.days for slot in day]
    lessons = [slot for slot in slots if isinstance(slot.what, Lesson)]
    minutes = [sum(slot.minutes for slot in slots if slot.what in kind) for kind in (("break", "lunch"), ("talk",))]
    anchor = table.name.lower().replace(" ", "-")
    counts = [len(lessons), sum(slot.minutes for slot in lessons), *minutes]
    return " | ".join([f"| [{table.name}](#{anchor})", *map(str, counts)]) + " |"


def _section(layout: Layout, table: Timetable) -> str:
    lines = [f"## {table.name}", "", table.about]
    for number, day in enumerate(table.days, start=1):
        title = [f"### {table.day.capitalize()} {number}", ""] if len(table.days) > 1 else []
        lines += ["", *title, "| clock | minutes | |", "|---|---|---|", *(_row(layout, slot) for slot in day)]
    return "\n".join(lines)


def _row(layout: Layout, slot: Slot) -> str:
    return f"| {slot.clock} | {slot.minutes} | {_told(layout, slot.what)} |"


def _told(layout: Layout, what: Lesson | str) -> str:
    if not isinstance(what, Lesson):
        return f"*{what}*"
    target = f"{what.id}.md" if layout.note(what).is_file() else f"../../lessons/{what.stem}.ipynb"
    return f"[{what.id} · {what.title}]({target})"
