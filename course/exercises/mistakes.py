"""Wrong answers that learners give. Each stands once: how it departs from the solution, and what is said about it.

A judge observes what an answer does. Where the learner's does not do what the solution does, the first mistake that does the same
is theirs, and its sentence is said. So the code that recognizes a mistake and the code that proves it recognized are one:
`tests/checks/test_every_check.py` gives each to its check and expects its own sentence.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from course.errors import CourseError
from course.exercises.deadline import TimeUp
from course.exercises.kinds import misfit
from course.exercises.likeness import alike
from course.exercises.manners import Manner
from course.exercises.stage import AskedTooOften, Stage

Observe = Callable[[Any, Stage], Any]
Same = Callable[[Any, Any], bool]


class NotYet(CourseError):
    """Raised by a judge: the work is not right yet. The message says what to look at next.

    Attributes:
        detail: lines of code shown below it, or `""`.
    """

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


@dataclass(frozen=True)
class Mistake:
    """One way to be wrong.

    Attributes:
        name: what the mistake is, in a few words; no two of an exercise have the same.
        says: the sentences that name it and what to look at next.
        old, new: in the solution, `new` stands in place of `old`.
        code: the whole answer, where it departs too far for that.
    """

    name: str
    says: str
    old: str = ""
    new: str = ""
    code: str = ""

    def answer(self, solution: str) -> str:
        """The wrong answer's code.

        Raises:
            CourseError: the solution does not hold `old`.
        """
        if self.code:
            return textwrap.dedent(self.code).strip("\n")
        if not self.old or self.old not in solution:
            raise CourseError(
                f"The mistake {self.name!r} replaces {self.old!r}, and the solution has no such text. Correct it there."
            )
        return solution.replace(self.old, self.new)


@dataclass(frozen=True)
class Seen:
    """What an answer did: the value that was observed, or the error that ended it, and what it did besides."""

    value: Any
    raised: BaseException | None
    manners: tuple[Manner, ...]


Remembered = dict[tuple[int, str, str], Seen]
"""What the solution and mistakes have done in cases: by the case's number, what is said about it, and the code."""


@dataclass(frozen=True)
class _Case:
    """One case of an exercise: how it is observed and compared, and what is right there once that is known."""

    number: int
    about: str
    observe: Observe
    same: Same
    uses: Mapping[str, Any]
    right: Seen | None = None


class Parts(dict):
    """An observation of several parts, each under a name that a learner understands: `Parts(returned=…, rows=…)`."""


class Trial:
    """Compares what a learner's answer does with what the solution does. A judge gets it as its parameter `trial`.

    Args:
        solution: the code that is right.
        name: what the answer is called in that code.
        mistakes: looked through in this order.
        uses: what the code finds as global names.
        may: what the exercise allows; see `manners.SENTENCES`.
        seconds: how long one call may take.
        remembered: what the solution and mistakes did in earlier trials of the exercise. On fresh stores they do the same again.
    """

    def __init__(
        self,
        solution: str,
        name: str,
        mistakes: Sequence[Mistake],
        uses: Mapping[str, Any],
        may: frozenset[str],
        seconds: float,
        remembered: Remembered | None = None,
    ) -> None:
        self._solution = solution
        self._name = name
        self._mistakes = mistakes
        self._uses = uses
        self._may = may
        self._seconds = seconds
        self._remembered: Remembered = {} if remembered is None else remembered
        self._passed: list[_Case] = []

    def compare(self, answer: Any, observe: Observe, about: str = "", same: Same = alike, **uses: Any) -> Any:
        """Return what was observed, if the learner's answer does in this case what the solution does.

        Args:
            answer: the learner's function, or value.
            observe: `observe(answer, stage)` uses an answer and returns what it did. It is called again for each mistake.
            about: said first; `{found}` and `{wanted}` are what was observed. By default both are told.
            same: compares two observations.
            uses: more global names for the code of solution and mistakes.

        Raises:
            NotYet: it does something else; the message is the mistake's, or tells both.
            RuntimeError: the solution stops with an error. One that is to be expected is caught by `observe`.
        """
        case = _Case(len(self._passed), about, observe, same, uses)
        found, wanted = self._seen(answer, observe, theirs=True), self._known(self._solution, case)
        if wanted.raised is not None:
            raise RuntimeError("the solution itself stops in this case") from wanted.raised
        if _alike(found, wanted, same) and found.manners == wanted.manners:
            self._passed.append(replace(case, right=wanted))
            return found.value
        mistake = self._recognized(found, wanted, case)
        said = _told(about, found.value, wanted.value) if found.raised is None and not _alike(found, wanted, same) else ""
        if mistake:
            raise NotYet(f"{said} {mistake.says}".strip())
        if isinstance(found.raised, AskedTooOften):
            raise NotYet("Your function asks again and again, and does not end. What ends its loop?") from found.raised
        manners = [manner for manner in found.manners if manner not in wanted.manners]
        besides = str(manners[0]) if manners else ""
        if found.raised is not None:
            if besides and isinstance(found.raised, psycopg.Error):  # what it stopped at: a value pasted in, a connection closed
                raise NotYet(besides) from found.raised
            if not any(manner.name == "closed" for manner in manners):
                raise found.raised
        raise NotYet(
            " ".join(part for part in (said, _difference(about, found.value, wanted.value) if said else "", besides) if part)
        )

    def says(self, name: str, about: str = "") -> NotYet:
        """The answer to a mistake that the judge has recognized itself, to be raised: `raise trial.says("waits")`."""
        mistake = next(mistake for mistake in self._mistakes if mistake.name == name)
        return NotYet(f"{about} {mistake.says}".strip())

    def stage(self) -> Stage:
        """A stage for a judge that does not compare. Use it in a `with`, and call `stage.watched(answer)`."""
        return Stage(self._may, self._seconds)

    def _recognized(self, found: Seen, wanted: Seen, case: _Case) -> Mistake | None:
        """The first mistake that does the same, manners and all; else the first whose value or error is the same.

        Where the value is right, and only the manners are not, that counts only with one of the learner's manners among its own.

        What is right in this case is no mistake here. In the cases before this one, the learner's answer was right: so must the
        mistake be.
        """
        nearly = None
        uncommitted = {manner for manner in found.manners if manner.name == "transaction"} - set(wanted.manners)
        for mistake in self._mistakes:
            code = mistake.answer(self._solution)
            seen = self._known(code, case)
            if not _alike(found, seen, case.same) or not all(self._is_right(code, earlier) for earlier in self._passed):
                continue
            if found.manners == seen.manners:
                return mistake
            if uncommitted - set(seen.manners):  # what was written may all be there, in the open transaction
                continue
            if not _alike(seen, wanted, case.same) or set(found.manners) & set(seen.manners) - set(wanted.manners):
                nearly = nearly or mistake
        return nearly

    def _is_right(self, code: str, case: _Case) -> bool:
        seen = self._known(code, case)
        return case.right is not None and _alike(seen, case.right, case.same) and seen.manners == case.right.manners

    def _known(self, code: str, case: _Case) -> Seen:
        if case.uses:  # names of this very call: another call's are others
            return self._of_code(code, case)
        key = case.number, case.about, code
        if key not in self._remembered:
            seen = self._of_code(code, case)
            if seen.raised is not None:  # its traceback would keep the stage alive
                seen.raised.__traceback__ = seen.raised.__context__ = seen.raised.__cause__ = None
            self._remembered[key] = seen
        return self._remembered[key]

    def _of_code(self, code: str, case: _Case) -> Seen:
        space = {**self._uses, **case.uses}
        exec(compile(code, "<an answer of the check's>", "exec"), space)
        return self._seen(space[self._name], case.observe)

    def _seen(self, answer: Any, observe: Observe, *, theirs: bool = False) -> Seen:
        with Stage(self._may, self._seconds) as stage:
            value: Any = None
            raised: BaseException | None = None
            try:
                value = observe(stage.watched(answer) if callable(answer) else answer, stage)
            except NotYet as error:
                if theirs:
                    raise
                raised = error
            except TimeUp as error:
                if theirs:
                    raise NotYet(_still_running(self._seconds, str(error))) from error
                raised = error
            except (Exception, AskedTooOften) as error:  # noqa: BLE001  an error is something that was observed
                raised = error
            return Seen(value, raised, tuple(stage.manners))


def _alike(found: Seen, other: Seen, same: Same) -> bool:
    """Whether two answers did the same. Errors are the same if they are of one kind."""
    if found.raised is not None or other.raised is not None:
        return _kind(found.raised) == _kind(other.raised)
    try:
        return bool(same(found.value, other.value))
    except (TypeError, ValueError, LookupError, AttributeError):  # values of kinds that `same` cannot compare
        return False


def _kind(error: BaseException | None) -> tuple[str, str | None, str]:
    sqlstate = error.sqlstate if isinstance(error, psycopg.Error) else None
    where = str(error).partition("\n")[0] if sqlstate == "42601" else ""  # two slips in SQL are of one kind at the same word only
    return type(error).__name__, sqlstate, where


def _difference(about: str, found: Any, wanted: Any) -> str:
    """What is added where no mistake is recognized: which part differs, if `about` has not told it, and a value's wrong kind."""
    parts = isinstance(found, Parts) and isinstance(wanted, Parts)
    name = _differing(found, wanted) if parts else "returned"
    told = _told("", found, wanted) if parts and about and "{found}" not in about else ""
    kind = "" if parts and "return" not in name else misfit(*((found.get(name), wanted[name]) if parts else (found, wanted)))
    return f"{told} {kind}".strip()


def _told(about: str, found: Any, wanted: Any) -> str:
    if about:
        return about.format(found=_short(found), wanted=_short(wanted))
    if isinstance(found, Parts) and isinstance(wanted, Parts):
        name = _differing(found, wanted)
        return f"{name.replace('_', ' ').capitalize()}: {_short(found.get(name))}, and it should be {_short(wanted[name])}."
    return f"You return {_short(found)}, and it should be {_short(wanted)}."


def _differing(found: Parts, wanted: Parts) -> str:
    """The first part that is not as it should be."""
    return next(name for name in wanted if not alike(found.get(name), wanted[name]))


def _short(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else repr(value)
    text = text if len(text) <= 160 else f"{text[:160]}…"
    return f"`{text}`" if "`" not in text else text


def _still_running(seconds: float, waits: str) -> str:
    return f"After {seconds:g} seconds your function is still running.{waits or ' Does it wait, or loop without an end?'}"
