"""Nights with a door that is closed and opened, and jobs of which one may fail: what the check of `03b.quiet_backup` sees."""

from __future__ import annotations

import time
from collections.abc import Callable

from course.exercises.mistakes import Parts
from course.exercises.stage import Stage

_A_JOB = 0.02
"""Seconds that a job takes at least. A busy machine may make any job take longer, the last one too."""

_ROUNDED = _A_JOB / 2
"""Who leaves out a job leaves out `_A_JOB`; who rounds to hundredths adds or leaves out a quarter of it at most."""


class DiskFullError(Exception):
    """What a job in the check fails with."""


class Night:
    """Jobs that note whether the door was closed while they ran, and what opened and closed it."""

    def __init__(self, *failures: type[BaseException] | None) -> None:
        self.pauses = self.resumes = 0
        self.closed = False
        self.first_began = self.last_ended = 0.0
        self.ran: list[int] = []
        self.with_the_door_open: list[int] = []
        self.jobs = [self._job(number, failure) for number, failure in enumerate(failures, start=1)]

    def pause(self) -> None:
        """Close the door."""
        self.pauses += 1
        self.closed = True

    def resume(self) -> None:
        """Open the door."""
        self.resumes += 1
        self.closed = False

    def _job(self, number: int, failure: type[BaseException] | None) -> Callable[[], None]:
        def job() -> None:
            self.first_began = self.first_began or time.perf_counter()
            self.ran.append(number)
            closed_at_first = self.closed
            time.sleep(_A_JOB)
            if not (closed_at_first and self.closed):
                self.with_the_door_open.append(number)
            self.last_ended = time.perf_counter()
            if failure:
                raise failure("No space left on device")

        return job

    def door(self) -> dict[str, object]:
        """What happened to the door. Jobs run at the same time begin in any order."""
        return {
            "paused": _times(self.pauses),
            "resumed": _times(self.resumes),
            "in_the_end": "closed" if self.closed else "open",
            "jobs_with_the_door_open": sorted(self.with_the_door_open),
        }


def _times(count: int) -> str:
    return ("never", "once")[count] if count < 2 else "more than once"


def went_well(quiet_backup: Callable, stage: Stage) -> Parts:
    """What an answer does when every step goes well."""
    night = Night(None, None, None)
    began = time.perf_counter()
    returned = quiet_backup(night.pause, night.resume, list(night.jobs))
    took = time.perf_counter() - began
    return Parts(**night.door(), jobs_that_ran=sorted(night.ran), returned=_as_seconds(returned, night, took))


def _as_seconds(returned: object, night: Night, took: float) -> str:
    if isinstance(returned, bool) or not isinstance(returned, int | float):
        return "nothing" if returned is None else f"{type(returned).__name__}, no seconds"
    if any(abs(returned - clock()) < took + 1 for clock in (time.time, time.perf_counter, time.monotonic)):
        return "a moment"
    if returned > took + _ROUNDED:
        return "more than the whole call took"
    if isinstance(returned, int):
        return "whole seconds"
    if returned < 0:
        return "less than nothing"
    jobs_took = night.last_ended - night.first_began
    return "the seconds" if returned >= jobs_took - _ROUNDED else "less than the door was closed"


def failed(failure: type[BaseException], place: int) -> Callable[[Callable, Stage], str]:
    """How to observe a night on which one job fails. The function may run the jobs after it, or leave them."""

    def observe(quiet_backup: Callable, stage: Stage) -> str:
        failures: list[type[BaseException] | None] = [None, None, None]
        failures[place] = failure
        night = Night(*failures)
        try:
            quiet_backup(night.pause, night.resume, list(night.jobs))
            told = "nothing"
        except BaseException as error:
            if not _comes_from(error, failure):
                raise
            told = "the error"
        door = ", ".join(f"{name.replace('_', ' ')}: {what}" for name, what in night.door().items())
        return f"the caller is told: {told}, {door}"

    return observe


def _comes_from(error: BaseException, failure: type[BaseException]) -> bool:
    """Whether an error was raised because of this failure, or holds it in a group."""
    if isinstance(error, failure):
        return True
    if isinstance(error, BaseExceptionGroup):
        return any(_comes_from(part, failure) for part in error.exceptions)
    below = error.__cause__ or error.__context__
    return below is not None and _comes_from(below, failure)
