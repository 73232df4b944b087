"""What the learner has done is kept: atomically, by several notebooks at once, and through a damaged file."""

import json
import multiprocessing
from datetime import date
from pathlib import Path
from unittest.mock import Mock

import pytest

from course import files, manifest, progress
from course.errors import CourseError
from course.progress import store

CHECK, OTHER = manifest.lesson("00").checks[0], manifest.lesson("01").checks[0]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    return tmp_path


def test_nothing_was_done_at_first(home: Path) -> None:
    assert progress.record(CHECK) == progress.CheckRecord()
    assert progress.checks() == {}
    assert not (home / "progress.json").exists()


def test_the_best_outcome_stays_and_attempts_are_counted() -> None:
    for outcome in ("not attempted", "not yet", "passed", "not yet", "could not check"):
        progress.record_outcome(CHECK, outcome)
    assert progress.record(CHECK) == progress.CheckRecord(outcome="passed", attempts=3)


def test_hints_and_solutions_are_noted() -> None:
    progress.record_hint(CHECK, 2)
    progress.record_hint(CHECK, 1)
    progress.record_solution(CHECK)
    assert progress.record(CHECK) == progress.CheckRecord(hints=2, solution_seen=True)


@pytest.mark.parametrize("id", ["00.nothing_like_it", "99.orphans", "", "00"])
def test_only_checks_of_the_manifest_are_kept(home: Path, id: str) -> None:
    with pytest.raises(CourseError, match="There is no check"):
        progress.record_outcome(id, "passed")
    assert not (home / "progress.json").exists()


@pytest.mark.parametrize("id", ["99.guess", "00", "00.", "guess", "00.Guess", "00.a b", CHECK, 5])
def test_a_prediction_needs_a_lessons_id_and_a_free_name(id: str) -> None:
    with pytest.raises(CourseError):
        progress.lock_prediction(id, "a", ("a", "b"))


def test_the_first_prediction_counts_unless_the_question_has_changed() -> None:
    assert progress.prediction("00.guess") is None
    assert progress.lock_prediction("00.guess", "a", ("a", "b")) == "a"
    assert progress.lock_prediction("00.guess", "b", ("a", "b")) == "a"
    assert progress.lock_prediction("00.guess", "c", ("c", "d")) == "c"
    assert progress.prediction("00.guess") == "c"


def test_reset_forgets_one_lesson_and_undo_brings_it_back() -> None:
    progress.record_outcome(CHECK, "passed")
    progress.record_outcome(OTHER, "not yet")
    progress.lock_prediction("00.guess", "a", ("a", "b"))
    assert "1 checks and 1 predictions" in progress.reset("00").text
    assert progress.record(CHECK) == progress.CheckRecord()
    assert progress.prediction("00.guess") is None
    assert progress.record(OTHER).outcome == "not yet"
    progress.undo_reset()
    assert progress.record(CHECK) == progress.CheckRecord("passed", 1)
    assert progress.prediction("00.guess") == "a"
    assert progress.undo_reset().word == "nothing to undo"


def test_undo_keeps_what_was_done_since_the_reset() -> None:
    progress.record_outcome(CHECK, "not yet")
    progress.reset("00")
    progress.record_outcome(CHECK, "passed")
    progress.record_solution(CHECK)
    progress.undo_reset()
    assert progress.record(CHECK) == progress.CheckRecord("passed", 2, 0, True)


def test_two_resets_are_undone_one_after_the_other_and_an_empty_one_is_none() -> None:
    progress.record_outcome(CHECK, "passed")
    progress.record_outcome(OTHER, "passed")
    progress.reset("00")
    progress.reset("01")
    assert progress.reset("01").word == "nothing to reset"
    progress.undo_reset()
    assert set(progress.checks()) == {OTHER}
    progress.undo_reset()
    assert set(progress.checks()) == {CHECK, OTHER}


def test_reset_of_an_unknown_lesson_changes_nothing() -> None:
    progress.record_outcome(CHECK, "passed")
    with pytest.raises(CourseError, match="no lesson"):
        progress.reset("0")
    assert progress.record(CHECK).outcome == "passed"


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xff\xfe\x00",
        b'{"checks": {"00',
        b"[]",
        b'{"checks": []}',
        b'{"checks": {"00.a": {"attempts": "many"}}}',
        b'{"checks": {"00.a": {"outcome": "perfect"}}}',
        b"[" * 200_000,
        b'{"predictions": {"00.a": 5}}',
        b'{"undo": [5]}',
        b'{"last": 5}',
        b'{"checks": {"00.a": {"used": "yesterday"}}}',
    ],
)
def test_a_damaged_file_is_put_aside_whole_and_said(home: Path, damage: bytes) -> None:
    path = home / "progress.json"
    path.write_bytes(damage)
    with pytest.warns(UserWarning, match=r"could not be understood.*progress\.damaged-1\.json"):
        progress.record_outcome(CHECK, "passed")
    assert (home / "progress.damaged-1.json").read_bytes() == damage
    assert progress.record(CHECK).outcome == "passed"


def test_a_second_damaged_file_does_not_replace_the_first(home: Path) -> None:
    for text in ("one", "two"):
        (home / "progress.json").write_text(text)
        with pytest.warns(UserWarning, match="could not be understood"):
            progress.checks()
    assert [(home / f"progress.damaged-{n}.json").read_text() for n in (1, 2)] == ["one", "two"]


def test_entries_of_a_lesson_that_has_gone_are_kept(home: Path) -> None:
    old = {"checks": {"77.old": {"outcome": "passed"}}, "predictions": {}, "later": 1}
    (home / "progress.json").write_text(json.dumps(old))
    progress.record_outcome(CHECK, "passed")
    kept = json.loads((home / "progress.json").read_text())
    assert kept["checks"]["77.old"]["outcome"] == "passed"
    assert kept["later"] == 1


def test_a_failed_write_leaves_the_old_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress.record_outcome(CHECK, "passed")
    before = (home / "progress.json").read_bytes()

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full_disk)
    with pytest.raises(CourseError, match="No space left on device"):
        progress.record_outcome(CHECK, "not yet")
    assert (home / "progress.json").read_bytes() == before


def test_two_notebooks_at_once_lose_nothing() -> None:
    context = multiprocessing.get_context("fork")
    together = [context.Process(target=_try_often, args=(check,)) for check in (CHECK, CHECK, OTHER)]
    for one in together:
        one.start()
    for one in together:
        one.join()
    assert [one.exitcode for one in together] == [0, 0, 0]
    assert progress.record(CHECK).attempts == 60
    assert progress.record(OTHER).attempts == 30


def _try_often(check: str) -> None:
    for _ in range(30):
        progress.record_outcome(check, "not yet")


def test_what_a_newer_course_has_written_is_left_alone(home: Path) -> None:
    path = home / "progress.json"
    newer = b'{"checks": {"00.a": {"outcome": "passed", "colour": "red"}}}'
    path.write_bytes(newer)
    with pytest.raises(CourseError, match=r"written by a newer course.*`make update`"):
        progress.record_outcome(CHECK, "passed")
    assert path.read_bytes() == newer
    assert not list(home.glob("progress.damaged*"))


def on(day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "date", Mock(wraps=date, today=lambda: date.fromisoformat(day)))


def test_the_days_of_the_first_pass_and_of_the_last_use_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for day, outcome in (
        ("2026-03-14", "not yet"),
        ("2026-03-15", "passed"),
        ("2026-03-16", "passed"),
        ("2026-03-17", "not yet"),
    ):
        on(day, monkeypatch)
        progress.record_outcome(CHECK, outcome)
    assert (progress.record(CHECK).passed_on, progress.record(CHECK).used) == ("2026-03-15", "2026-03-17")
    progress.reset("00")
    on("2026-03-18", monkeypatch)
    progress.record_outcome(CHECK, "passed")
    progress.undo_reset()
    assert (progress.record(CHECK).passed_on, progress.record(CHECK).used) == ("2026-03-15", "2026-03-18")


def test_what_was_used_last_is_known_until_its_lesson_is_reset() -> None:
    assert progress.last_used() == ""
    progress.record_hint(CHECK, 1)
    assert progress.last_used() == CHECK
    progress.lock_prediction("01.guess", "a", ("a", "b"))
    assert progress.last_used() == "01.guess"
    progress.reset("00")
    assert progress.last_used() == "01.guess"
    progress.reset("01")
    assert progress.last_used() == ""


def test_a_file_from_before_there_were_days_is_read_and_goes_on(home: Path) -> None:
    old = {
        "checks": {CHECK: {"outcome": "passed", "attempts": 2, "hints": 1, "solution_seen": False}},
        "predictions": {},
        "undo": [],
    }
    (home / "progress.json").write_text(json.dumps(old))
    assert progress.record(CHECK) == progress.CheckRecord("passed", 2, 1)
    assert progress.record(CHECK).passed_on == ""
    progress.record_outcome(CHECK, "not yet")
    assert progress.record(CHECK) == progress.CheckRecord("passed", 3, 1)
    assert progress.predictions() == {}
