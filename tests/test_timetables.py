"""The timetables for teachers: made from the lessons' minutes, and every clock time in them adds up."""

import json
import re
import shutil
from pathlib import Path

import pytest

from course import manifest
from course.build import main
from course.home import ROOT
from course.pipeline.layout import BuildError, Layout
from course.teaching import timetables
from course.teaching.outline import in_class
from course.teaching.timetables import Slot, Timetable

COURSE = Layout.of_this_course()
NAMES = ["90 minutes", "Half a day", "One day", "Two days", "A term of weekly hours", "Going further in half a day"]
MOST_WITHOUT_A_BREAK = 95

_ROW = re.compile(r"^\| (\d\d):(\d\d)–(\d\d):(\d\d) \| (\d+) \| (?:\[(\S+) · |\*(\w+)\*)", re.MULTILINE)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A course with two lessons in one timetable."""
    (tmp_path / "course/teaching").mkdir(parents=True)
    (tmp_path / "docs/teaching").mkdir(parents=True)
    layout = Layout(tmp_path, tuple(map(manifest.lesson, ("00", "04"))), manifest.sections())
    layout.minutes.write_text(json.dumps({"00": 16, "04": 18}), encoding="utf-8")
    plan(layout, '["00", "break 5", "04", "talk"]')
    return layout


def plan(layout: Layout, day: str, ends: str = "11:15") -> None:
    text = f'[[timetable]]\nname = "Short"\nabout = "Two lessons."\nbegins = "10:00"\nends = "{ends}"\ndays = [{day}]\n'
    layout.timetables_source.write_text(text, encoding="utf-8")


def days() -> list[tuple[Timetable, tuple[Slot, ...]]]:
    return [(table, day) for table in timetables.timetables(COURSE) for day in table.days]


def test_there_is_a_timetable_for_each_length_that_is_asked_for() -> None:
    assert [table.name for table in timetables.timetables(COURSE)] == NAMES


def test_every_clock_time_of_the_page_adds_up_and_every_lesson_has_its_minutes_in_class() -> None:
    page = COURSE.timetables.read_text(encoding="utf-8")
    tables = [found for part in re.split(r"^#+ ", page, flags=re.MULTILINE) if (found := _ROW.findall(part))]
    assert len(tables) == len(days())
    for rows in tables:
        clock = int(rows[0][0]) * 60 + int(rows[0][1])
        for from_hour, from_minute, to_hour, to_minute, minutes, lesson, _ in rows:
            assert int(from_hour) * 60 + int(from_minute) == clock
            clock += int(minutes)
            assert int(to_hour) * 60 + int(to_minute) == clock
            assert not lesson or int(minutes) == in_class(manifest.minutes()[lesson])


def test_a_timetable_is_as_long_as_its_name_says() -> None:
    takes = {(table.name, sum(slot.minutes for slot in day)) for table, day in days()}
    assert {("90 minutes", 90), ("A term of weekly hours", 90)} < takes
    assert all(minutes <= 4 * 60 for name, minutes in takes if "half a day" in name.lower())
    assert all(minutes <= 8 * 60 for _, minutes in takes)


def test_nobody_sits_longer_than_a_long_lesson_hour_without_a_break() -> None:
    for _, day in days():
        stretch = 0
        for slot in day:
            stretch = 0 if slot.what in ("break", "lunch") else stretch + slot.minutes * (slot.what != "talk")
            assert stretch <= MOST_WITHOUT_A_BREAK


def test_the_term_and_going_further_have_every_lesson_once_and_no_timetable_has_one_twice() -> None:
    ids = {
        table.name: [slot.what.id for day in table.days for slot in day if isinstance(slot.what, manifest.Lesson)]
        for table in timetables.timetables(COURSE)
    }
    assert all(len(some) == len(set(some)) for some in ids.values())
    both = ids["A term of weekly hours"] + ids["Going further in half a day"]
    assert sorted(both) == sorted(one.id for one in manifest.lessons() if one.written)


def test_new_minutes_make_the_page_stale_and_the_build_makes_it_anew_around_the_text(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    assert timetables.write(layout) == ["docs/teaching/timetables.md: written."]
    page = layout.timetables
    assert "| 10:24–10:29 | 5 | *break* |" in page.read_text(encoding="utf-8")
    page.write_text(page.read_text(encoding="utf-8") + "\nMine.\n", encoding="utf-8")
    assert timetables.problems(layout) == []
    layout.minutes.write_text(json.dumps({"00": 20, "04": 18}), encoding="utf-8")
    [problem] = timetables.problems(layout)
    assert problem.startswith("docs/teaching/timetables.md: it is not what timetables and minutes give.")
    assert main(["--notes"], with_sources(layout)) == 0
    assert capsys.readouterr().out == "docs/teaching/timetables.md: written.\n"
    assert "| 10:30–10:35 | 5 | *break* |" in page.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8").endswith("<!-- END MADE -->\n\nMine.\n")


def with_sources(layout: Layout) -> Layout:
    """The same; the command wants the sources of its lessons to be there."""
    layout.solutions_folder.mkdir()
    for lesson in layout.lessons:
        shutil.copy(ROOT / "solutions" / f"{lesson.stem}.md", layout.source(lesson))
    return layout


def test_the_command_that_checks_the_course_tells_a_stale_timetable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], layout: Layout
) -> None:
    for name in ("lint.complaints", "problems", "notes.problems"):
        monkeypatch.setattr(f"course.build.{name}", lambda *_, **__: [])
    assert main(["--check"], with_sources(layout)) == 1
    assert "docs/teaching/timetables.md: it is not what" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("day", "ends", "told"),
    [
        ('["00", "04", "talk"]', "10:55", "day 1: from 10:00 to 10:55 it leaves 4 minutes to talk, and needs 5."),
        ('["00", "04"]', "11:15", 'day 1: it has 0 times "talk"'),
        ('["00", "05", "talk"]', "11:15", "day 1: '05' is no lesson that is written, no break and no lunch."),
        ('["00", "break", "talk"]', "11:15", "day 1: 'break' is no lesson"),
    ],
)
def test_a_plan_that_cannot_be_kept_is_told_and_nothing_is_written(layout: Layout, day: str, ends: str, told: str) -> None:
    plan(layout, day, ends)
    with pytest.raises(BuildError, match=re.escape(told)):
        timetables.write(layout)
    assert [told in problem for problem in timetables.problems(layout)] == [True]
    assert not layout.timetables.exists()


def test_a_text_of_a_timetable_that_is_gone_is_not_lost(layout: Layout) -> None:
    timetables.write(layout)
    layout.timetables.write_text(layout.timetables.read_text(encoding="utf-8") + "\nMine.\n", encoding="utf-8")
    source = layout.timetables_source
    source.write_text(source.read_text(encoding="utf-8").replace("Short", "Long"), encoding="utf-8")
    with pytest.raises(BuildError, match="a text stands under `<!-- MADE: Short -->`"):
        timetables.write(layout)
    assert "Mine." in layout.timetables.read_text(encoding="utf-8")
