"""The list of lessons: ids with and without a letter, in the course's order, and checks that moved with their lesson."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from course import manifest, progress
from course.errors import CourseError
from course.manifest import Lesson


@pytest.fixture
def split(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A course whose lesson 01 was split: `cached` moved to 01b, `in_order` stayed, and 01b has one of the same name."""
    lessons = (
        Lesson("01", "first", "First", "A", "s", checks=("01.in_order",), written=True),
        Lesson("01b", "deeper", "Deeper", "A", "s", checks=("01b.cached", "01b.in_order"), written=True, was="01"),
        Lesson("02", "second", "Second", "B", "s", checks=("02.cached",), written=True),
    )
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setattr(manifest, "lessons", lambda: lessons)
    manifest.old_ids.cache_clear()
    yield
    manifest.old_ids.cache_clear()


def keep(tmp_path: Path, text: str) -> None:
    (tmp_path / "progress.json").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("id", "parts"),
    [("04.orphans", ("04", "orphans")), ("04b.close_account", ("04b", "close_account")), ("13.a2", ("13", "a2"))],
)
def test_an_id_is_a_lesson_and_a_name(id: str, parts: tuple[str, str]) -> None:
    assert manifest.parts(id) == parts


@pytest.mark.parametrize("id", ["04", "04b", "04.", "4.orphans", "04B.orphans", "04bc.orphans", "04.Orphans", "04.a.b", "", None])
def test_what_is_no_id_is_refused(id: Any) -> None:
    with pytest.raises(CourseError, match="An id is a lesson's id, a dot and a name"):
        manifest.parts(id)


def test_the_lessons_stand_in_the_courses_order_and_each_has_an_id_and_a_file_name_of_its_own() -> None:
    ids = [lesson.id for lesson in manifest.lessons()]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"\d\d[a-z]?", id) for id in ids)
    assert all(lesson.goes_deeper == (len(lesson.id) == 3) for lesson in manifest.lessons())
    assert all(manifest.lesson(id).stem.startswith(f"{id}_") for id in ids)


def test_a_notebook_with_a_letter_comes_after_its_number_and_its_checks_are_its_own() -> None:
    ids = [lesson.id for lesson in manifest.lessons()]
    for lesson in manifest.lessons():
        assert not lesson.goes_deeper or lesson.id[:-1] in ids[: ids.index(lesson.id)]
        assert {manifest.parts(check)[0] for check in lesson.checks} <= {lesson.id}
        assert not lesson.was or lesson.was in ids


def test_numbers_of_lessons_go_on_to_work() -> None:
    old = {"00": "start_here", "01": "build_three_databases", "04": "orphan_vectors", "09": "joins_work", "13": "the_rebuilt_app"}
    assert {id: manifest.lesson(id).name for id in old} == old


@pytest.mark.usefixtures("split")
def test_a_check_that_moved_keeps_what_was_done_under_its_old_id(tmp_path: Path) -> None:
    keep(tmp_path, '{"checks": {"01.cached": {"outcome": "passed", "attempts": 2}, "01.in_order": {"outcome": "not yet"}}}')
    assert progress.record("01b.cached") == progress.CheckRecord("passed", 2)
    assert progress.record("01.in_order").outcome == "not yet"
    assert progress.record("01b.in_order") == progress.CheckRecord(), "another check of the same name"
    assert progress.record("02.cached") == progress.CheckRecord()
    progress.record_outcome("01b.cached", "not yet")
    assert progress.record("01b.cached") == progress.CheckRecord("passed", 3)
    assert set(progress.checks()) == {"01b.cached", "01.in_order"}


@pytest.mark.usefixtures("split")
def test_a_reset_of_a_lesson_leaves_the_one_that_goes_deeper_alone(tmp_path: Path) -> None:
    keep(tmp_path, '{"checks": {"01.cached": {"outcome": "passed"}, "01.in_order": {"outcome": "passed"}}}')
    progress.lock_prediction("01b.guess", "a", ("a", "b"))
    progress.reset("01")
    assert set(progress.checks()) == {"01b.cached"}
    assert progress.prediction("01b.guess") == "a"
    progress.reset("01b")
    assert progress.checks() == {}
    assert progress.prediction("01b.guess") is None


@pytest.mark.usefixtures("split")
def test_a_reset_from_before_the_split_brings_checks_back_under_their_new_ids(tmp_path: Path) -> None:
    keep(tmp_path, '{"undo": [{"checks": {"01.cached": {"outcome": "passed"}}, "predictions": {}}]}')
    progress.undo_reset()
    assert progress.record("01b.cached").outcome == "passed"
