"""Where the learner stopped, and what comes next. The course map and `make lab` say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from course import manifest
from course.manifest import Lesson
from course.progress import store
from course.progress.store import CheckRecord


@dataclass(frozen=True)
class Stop:
    """The lesson in which something was done last.

    Attributes:
        lesson: that lesson.
        passed: how many of its checks have passed.
        open: the id of its first check that has not passed, or `""`.
        after: the lesson to go on with when nothing is open, or None at the end of the course.
        day: the day of the last check, hint or solution there, or `""`.
    """

    lesson: Lesson
    passed: int
    open: str
    after: Lesson | None
    day: str

    @property
    def go_on(self) -> Lesson:
        """The lesson to open."""
        return self.lesson if self.open or self.after is None else self.after

    def __str__(self) -> str:
        day = f" on {date.fromisoformat(self.day):%d %B %Y}".replace(" 0", " ") if self.day else ""
        if self.open:
            return (
                f"You stopped in {_named(self.lesson)}{day}: {self.passed} of {len(self.lesson.checks)} checks passed. "
                f"The next one there is `check.{manifest.parts(self.open)[1]}`."
            )
        after = f"Go on with {_named(self.after)}." if self.after else "That was the last lesson."
        return f"You stopped after {_named(self.lesson)}{day}: every check passed. {after}"


def stop() -> Stop | None:
    """Where the learner stopped; None if nothing was done yet."""
    records = store.checks()
    lesson = _lesson_of(store.last_used()) or _furthest({*records, *store.predictions()})
    if lesson is None:
        return None
    passed = [id for id in lesson.checks if records.get(id, CheckRecord()).outcome == "passed"]
    open = next((id for id in lesson.checks if id not in passed), "")
    return Stop(lesson, len(passed), open, _after(lesson), _day(lesson, records))


def _named(lesson: Lesson) -> str:
    return f"lesson {lesson.id} ({lesson.title})"


def _lesson_of(id: str) -> Lesson | None:
    """The lesson that a check or a prediction is in now, also under an old id; None if the course has it no more."""
    prefix = manifest.old_ids().get(id, id).partition(".")[0]
    return next((lesson for lesson in manifest.lessons() if lesson.id == prefix and lesson.written), None)


def _furthest(ids: set[str]) -> Lesson | None:
    """The last lesson of the course's order in which any of these is: for files that do not tell which was used last."""
    begun = {lesson.id for id in ids if (lesson := _lesson_of(id))}
    return next((lesson for lesson in reversed(manifest.lessons()) if lesson.id in begun), None)


def _after(lesson: Lesson) -> Lesson | None:
    """The next lesson of the row of plain numbers."""
    later = manifest.lessons()[manifest.lessons().index(lesson) + 1 :]
    return next((one for one in later if one.written and not one.goes_deeper), None)


def _day(lesson: Lesson, records: Mapping[str, CheckRecord]) -> str:
    return max((record.used for id, record in records.items() if _lesson_of(id) == lesson), default="")
