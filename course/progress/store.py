"""Keeps what the learner has done: `.course/progress.json`, keyed by check id. Written by the checks and the predictions.

How it is shown stands in `show/map.py` and beside this module.
"""

import fcntl
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

from course import manifest
from course.errors import CourseError
from course.exercises.note import Note
from course.files import put_aside, write_whole
from course.home import home

_RANK = ("", "not attempted", "not yet", "passed")


@dataclass(frozen=True)
class CheckRecord:
    """What is known of one check. Two records are equal if the same was done, on whatever day.

    Attributes:
        outcome: the best so far: `""`, `"not attempted"`, `"not yet"` or `"passed"`.
        attempts: how often it judged something, passed or not yet.
        hints: how many different hints were read.
        solution_seen: whether the solution was shown.
        used: the day of the last attempt, hint or solution, such as `"2026-03-14"`; `""` in files of an older course.
        passed_on: the day on which it first passed, or `""`.
    """

    outcome: str = ""
    attempts: int = 0
    hints: int = 0
    solution_seen: bool = False
    used: str = field(default="", compare=False)
    passed_on: str = field(default="", compare=False)


def valid_check(id: str) -> str:
    """The id itself, if the manifest has a check of this name.

    Raises:
        CourseError: it has not.
    """
    known = [check for lesson in manifest.lessons() for check in lesson.checks]
    if id not in known:
        raise CourseError(f"There is no check {id!r}. Add it to course/manifest.toml, or use one of: {', '.join(known)}.")
    return id


def valid_prediction(id: str) -> str:
    """The id itself, if it begins with a lesson's id and names no check, such as `"00.after_kill"`.

    Raises:
        CourseError: it does not.
    """
    if id in manifest.lesson(manifest.parts(id)[0]).checks:
        raise CourseError(f"{id!r} is the id of a check already. Give the prediction another name.")
    return id


def record(id: str) -> CheckRecord:
    """What is known of this check."""
    return checks().get(valid_check(id), CheckRecord())


def checks() -> dict[str, CheckRecord]:
    """What is known of every check that was ever used, by id."""
    with _state() as state:
        return {id: CheckRecord(**record) for id, record in state["checks"].items()}


def record_outcome(id: str, outcome: str) -> None:
    """Note what a check said. The best outcome so far is kept; *could not check* says nothing about the learner's work."""
    if outcome == "could not check":
        return
    with _check(id) as kept:
        kept["attempts"] += outcome in ("not yet", "passed")
        kept["outcome"] = max(kept["outcome"], outcome, key=_RANK.index)
        if outcome == "passed":
            kept["passed_on"] = kept["passed_on"] or kept["used"]


def record_hint(id: str, number: int) -> None:
    """Note that hint 1, 2, … was read."""
    with _check(id) as kept:
        kept["hints"] = max(kept["hints"], number)


def record_solution(id: str) -> None:
    """Note that the solution was shown."""
    with _check(id) as kept:
        kept["solution_seen"] = True


def predictions() -> dict[str, str]:
    """Every prediction that is locked in: its id, and the option."""
    with _state() as state:
        return state["predictions"]


def last_used() -> str:
    """The id of the check or the prediction that was used last; `""` if none was, or if an older course noted it."""
    with _state() as state:
        return state["last"]


def prediction(id: str) -> str | None:
    """The option that was locked in, or None."""
    with _state() as state:
        return state["predictions"].get(valid_prediction(id))


def lock_prediction(id: str, choice: str, options: tuple[str, ...]) -> str:
    """Lock a prediction in and return the one that counts: an earlier one of the same options stays."""
    valid_prediction(id)
    with _state(write=True) as state:
        earlier = state["predictions"].get(id)
        if earlier not in options:
            state["predictions"][id] = choice
        state["last"] = id
        return state["predictions"][id]


def reset(lesson: str) -> Note:
    """Forget what was done in one lesson: its checks and its predictions. `undo_reset()` brings it back.

    Args:
        lesson: the lesson's id, such as `"04"`.
    """
    manifest.lesson(lesson)
    with _state(write=True) as state:
        taken = {
            part: {id: state[part].pop(id) for id in list(state[part]) if id.startswith(f"{lesson}.")}
            for part in ("checks", "predictions")
        }
        if any(taken.values()):
            state["undo"].append(taken)
        if state["last"].startswith(f"{lesson}."):
            state["last"] = ""
    if not any(taken.values()):
        return Note("○", "nothing to reset", f"Nothing was done in lesson {lesson} yet. Nothing was changed.", kind="quiet")
    counts = f"{len(taken['checks'])} checks and {len(taken['predictions'])} predictions"
    return Note("↺", "reset", f"Lesson {lesson} is fresh: {counts} were put away. `progress.undo_reset()` brings them back.")


def undo_reset() -> Note:
    """Bring back what the last `reset` put away. What was done since then is kept too: the better outcome counts."""
    with _state(write=True) as state:
        if not state["undo"]:
            return Note("○", "nothing to undo", "There was no reset, or it is undone already. Nothing was changed.", kind="quiet")
        taken = state["undo"].pop()
        for id, old in taken["checks"].items():
            state["checks"][id] = _together(old, state["checks"].get(id))
        state["predictions"] |= taken["predictions"]
    return Note("↺", "undone", f"{len(taken['checks'])} checks and {len(taken['predictions'])} predictions are back.")


def _together(one: dict[str, Any], other: dict[str, Any] | None) -> dict[str, Any]:
    """What is known of one check by two records: the better outcome counts."""
    other = other or asdict(CheckRecord())
    return {
        "outcome": max(one["outcome"], other["outcome"], key=_RANK.index),
        "attempts": one["attempts"] + other["attempts"],
        "hints": max(one["hints"], other["hints"]),
        "solution_seen": one["solution_seen"] or other["solution_seen"],
        "used": max(one["used"], other["used"]),
        "passed_on": min(filter(None, (one["passed_on"], other["passed_on"])), default=""),
    }


@contextmanager
def _check(id: str) -> Iterator[dict[str, Any]]:
    valid_check(id)
    with _state(write=True) as state:
        kept = state["checks"].setdefault(id, asdict(CheckRecord()))
        kept["used"] = date.today().isoformat()
        state["last"] = id
        yield kept


@contextmanager
def _state(*, write: bool = False) -> Iterator[dict[str, Any]]:
    """The file's content, under a lock that other notebooks respect; written back as a whole when `write`."""
    path = home() / "progress.json"
    try:
        with open(path.with_suffix(".lock"), "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = _load(path)
            yield state
            if write:
                _store(path, state)
    except OSError as error:
        raise CourseError(
            f"Your progress in {path} could not be read or saved: {error.strerror}. Your notebook and the servers are "
            "untouched. See that the disk has space and that the file is yours, then run the cell again."
        ) from error


def _store(path: Path, state: dict[str, Any]) -> None:
    write_whole(path, json.dumps(state, indent=1, ensure_ascii=False, sort_keys=True))


def _load(path: Path) -> dict[str, Any]:
    empty: dict[str, Any] = {"checks": {}, "predictions": {}, "undo": [], "last": ""}
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return empty
    try:
        state = empty | json.loads(text)
        if _is_newer(state):
            raise CourseError(
                f"Your progress in {path} was written by a newer course than this one. It was left as it is. Run `make update`, "
                "restart the kernel, then run the cell again."
            )
        _see_that_all_is_ours(state)
        _bring_up_to_date(state)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        _move_aside(path, error)
        return empty
    return state


def _is_newer(state: dict[str, Any]) -> bool:
    """Whether a field is there that this course does not know, in a file that is sound otherwise."""
    known = {field.name for field in fields(CheckRecord)}
    records = [record for part in (state, *state["undo"]) for record in part["checks"].values()]
    return any(record.keys() - known for record in records)


def see_that_it_is_ours(record: CheckRecord) -> None:
    """Raise a ValueError or a TypeError unless a record that was read from a file holds what this module writes."""
    _RANK.index(record.outcome)
    if not all(type(value) is type(getattr(CheckRecord, name)) for name, value in vars(record).items()):
        raise TypeError("a field has the wrong type")
    for day in filter(None, (record.used, record.passed_on)):
        date.fromisoformat(day)


def _see_that_all_is_ours(state: dict[str, Any]) -> None:
    """Raise unless every part has the shape that this module writes."""
    if not isinstance(state["last"], str):
        raise TypeError("what was used last is not a text")
    for part in (state, *state["undo"]):
        for record in part["checks"].values():
            known = CheckRecord(**record)
            see_that_it_is_ours(known)
            record.update(vars(known))
        if not all(isinstance(choice, str) for choice in part["predictions"].values()):
            raise TypeError("a prediction is not a text")


def _bring_up_to_date(state: dict[str, Any]) -> None:
    """Give what was kept under a check's old id to the id that it has now."""
    for part in (state, *state["undo"]):
        for old, new in manifest.old_ids().items():
            if old in part["checks"]:
                part["checks"][new] = _together(part["checks"].pop(old), part["checks"].get(new))


def _move_aside(path: Path, why: Exception) -> None:
    aside = put_aside(path)
    warnings.warn(
        f"Your progress file could not be understood ({type(why).__name__}: {why}). It was kept as {aside}, and a new one "
        f"begins. Your notebooks are untouched. If you can repair it, move it back to {path}.",
        stacklevel=2,
    )
