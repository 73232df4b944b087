"""After a break: the course map and `make lab` say where the learner stopped, and what comes next."""

import json
from datetime import date
from pathlib import Path

import pytest

from course import lab, manifest, progress, show
from course.progress import resume

FIRST, SECOND = manifest.lesson("00"), manifest.lesson("01")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    return tmp_path


def pass_all(lesson: manifest.Lesson) -> None:
    for id in lesson.checks:
        progress.record_outcome(id, "passed")


def test_at_first_nothing_is_said_and_lesson_00_opens() -> None:
    assert resume.stop() is None
    assert lab.where_to_begin() == ("00_start_here", "")
    assert "You stopped" not in repr(show.course_map())


def test_a_lesson_that_is_not_done_is_named_with_its_next_check_and_opens() -> None:
    pass_all(FIRST)
    lesson = manifest.lesson("01b")
    first, second = lesson.checks
    progress.record_outcome(first, "passed")
    progress.record_outcome(second, "not yet")
    stopped = resume.stop()
    assert stopped is not None
    assert stopped.day == date.today().isoformat()
    assert (stopped.lesson, stopped.open, stopped.go_on) == (lesson, second, lesson)
    assert f"You stopped in lesson 01b ({lesson.title}) on " in str(stopped)
    assert "1 of 2 checks passed" in str(stopped)
    assert f"`check.{manifest.parts(second)[1]}`" in str(stopped)
    stem, said = lab.where_to_begin()
    assert stem == lesson.stem
    assert str(stopped) in said


def test_after_a_lesson_that_is_done_the_next_plain_number_opens() -> None:
    pass_all(SECOND)
    stopped = resume.stop()
    assert stopped is not None
    assert stopped.go_on == manifest.lesson("02"), "01b goes deeper, and is for who wants more"
    assert "You stopped after lesson 01" in str(stopped)
    assert "Go on with lesson 02" in str(stopped)


def test_at_the_end_of_the_course_it_says_so() -> None:
    last = next(lesson for lesson in reversed(manifest.lessons()) if lesson.written)
    pass_all(last)
    stopped = resume.stop()
    assert stopped is not None
    assert stopped.go_on == last
    assert "That was the last lesson." in str(stopped)


def test_going_back_to_an_earlier_lesson_counts_and_so_does_a_prediction() -> None:
    progress.record_outcome(manifest.lesson("05").checks[0], "not yet")
    progress.lock_prediction("01.guess", "a", ("a", "b"))
    stopped = resume.stop()
    assert stopped is not None
    assert stopped.lesson == SECOND


def test_an_older_file_without_days_tells_the_furthest_lesson(home: Path) -> None:
    old = {"checks": {SECOND.checks[0]: {"outcome": "passed"}}, "predictions": {"02.guess": "a", "77.gone": "b"}, "undo": []}
    (home / "progress.json").write_text(json.dumps(old))
    stopped = resume.stop()
    assert stopped is not None
    assert (stopped.lesson.id, stopped.day) == ("02", "")
    assert f"({stopped.lesson.title}): " in str(stopped)


def test_a_lesson_that_was_reset_is_not_where_one_stopped() -> None:
    pass_all(FIRST)
    progress.record_outcome(SECOND.checks[0], "not yet")
    progress.reset("01")
    stopped = resume.stop()
    assert stopped is not None
    assert stopped.lesson == FIRST


def test_the_course_map_says_it_in_both_its_forms_with_a_link() -> None:
    progress.record_outcome(SECOND.checks[0], "not yet")
    shown = show.course_map()
    assert repr(shown).startswith("You stopped in lesson 01")
    html = shown._repr_mimebundle_()["text/html"]
    assert "You stopped in lesson 01" in html
    assert f'<a href="{SECOND.stem}.ipynb">Open lesson 01</a>' in html


def test_a_damaged_progress_file_is_told_and_keeps_nobody_from_working(home: Path) -> None:
    (home / "progress.json").write_text("garbage")
    stem, said = lab.where_to_begin()
    assert stem == "00_start_here"
    assert "could not be understood" in said
    assert "progress.damaged-1.json" in said


def test_what_a_newer_course_has_written_is_told_too(home: Path) -> None:
    (home / "progress.json").write_text('{"checks": {"00.a": {"outcome": "passed", "colour": "red"}}}')
    stem, said = lab.where_to_begin()
    assert stem == "00_start_here"
    assert "newer course" in said


def test_the_notebook_to_open_is_one_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress.record_outcome(SECOND.checks[0], "not yet")
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    assert lab.where_to_begin() == ("00_start_here", "")
