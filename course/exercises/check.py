'''The exercise machinery: from a judge to `check.orphans(…)`, `check.orphans.hint()` and `check.orphans.solution()`.

What is right for one exercise stands in `checks/lesson_NN.py`, written like this:

    @exercise("04.orphans", hints=["Both stores can list their ids."], solution="""def orphans(…): …""")
    def orphans(orphans: Callable) -> str:
        """Judge the learner's function `orphans`."""
        found = expect(orphans(collection, postgres), set, "Return the set of ids.")
        if found != planted:
            raise NotYet("…what to look at next…")
        return "Run every night, this is a reconciliation job."

A judge's parameters are named after what the learner wrote, and annotated with its type: a wrong one is told before the
judge runs. It returns a sentence that adds something, or raises `NotYet`. It calls the learner's code directly: an error
in there becomes *not yet*, a server that is down becomes *could not check*, and so does a mistake of the judge's own.

A learner's `async` function has one of two judges. If all it needs is made by the judge, a plain judge calls it with
`run(…)`. If it uses what lives in the notebook's event loop (a pool, a client), the judge is `async def`, and the learner
writes `await check.orphans(orphans)`; without the `await`, the cell says so.
'''

from __future__ import annotations

import asyncio
import contextvars
import inspect
import textwrap
import threading
import typing
from collections.abc import Callable, Coroutine, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from course import progress
from course.errors import CourseError
from course.exercises.blanks import code_of, is_blank
from course.exercises.explain import learners_lines, meaning, raised_in, said, server_down, unwrapped
from course.exercises.kinds import describe, fits, named, sentence
from course.exercises.note import Note

Outcome = Literal["passed", "not attempted", "not yet", "could not check"]
T = TypeVar("T")

_LOOK = {"passed": ("✓", "good"), "not attempted": ("○", "quiet"), "not yet": ("→", "next"), "could not check": ("!", "bad")}


AGAIN = " Then run this cell again."


class NotYet(CourseError):
    """Raised by a judge: the work is not right yet. The message says what to look at next."""


@dataclass(frozen=True, repr=False)
class Result:
    """What a check says.

    Attributes:
        exercise: the check's id.
        outcome: passed, not attempted, not yet or could not check.
        message: what to know or to do next.
        detail: the learner's own lines of a traceback, or `""`.
    """

    exercise: str
    outcome: Outcome
    message: str
    detail: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"

    @property
    def note(self) -> Note:
        sign, kind = _LOOK[self.outcome]
        return Note(sign, self.outcome, self.message, self.detail, kind, self.exercise)

    def __await__(self) -> Generator[Any, Any, Result]:
        """Awaiting a result that is there already gives it: an `await` too many does no harm."""
        return self
        yield  # makes this a generator, as Python asks for

    def __repr__(self) -> str:
        return repr(self.note)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.note._repr_mimebundle_()


@dataclass(frozen=True, repr=False)
class Unawaited(Result):
    """What an `async` check gives until it is awaited. Shown by itself, it says that an `await` is missing."""

    judging: Callable[[], Coroutine[Any, Any, Result]] | None = None

    def __await__(self) -> Generator[Any, Any, Result]:
        return self.judging().__await__()


class Exercise:
    """One exercise. Call it with what the learner wrote; ask it for a `hint()`, or for the `solution()`."""

    def __init__(self, id: str, judge: Callable[..., Any], hints: Sequence[str], solution: str) -> None:
        self.id = progress.valid_check(id)
        self.name = id.partition(".")[2]
        self.__doc__ = judge.__doc__
        self._judge = judge
        self._types = typing.get_type_hints(judge)
        self._hints = tuple(hints)
        self._solution = textwrap.dedent(solution).strip("\n")
        self._hints_read = 0
        self._not_yet = 0

    def __call__(self, *values: object, **by_name: object) -> Result:
        """Judge the learner's work. The result shows itself; progress is kept."""
        try:
            given = inspect.signature(self._judge).bind(*values, **by_name).arguments
        except TypeError:
            return self._closed("could not check", f"This check is called like this: `{self._call}`. Your work is untouched.")
        for name, value in given.items():
            if is_blank(value):
                return self._closed("not attempted", _fill_in(name, value))
        problem = self._wrong_type(given)
        if problem:
            return self._closed("not yet", problem)
        if inspect.iscoroutinefunction(self._judge):
            message = f"This check needs an `await`. Write `{self._call}` and run the cell again. Your work is untouched."
            return Unawaited(self.id, "could not check", message, judging=lambda: self._judged_async(given))
        return self._judged(given)

    def hint(self) -> Note:
        """The next hint; after the last one, the first again."""
        if not self._hints:
            return Note("?", "no hint", f"This exercise has none. `check.{self.name}.solution()` shows one way.", source=self.id)
        number = self._hints_read % len(self._hints) + 1
        self._hints_read += 1
        unsaved = _saved(lambda: progress.record_hint(self.id, number))
        return Note("?", f"hint {number} of {len(self._hints)}", self._hints[number - 1] + unsaved, source=self.id)

    def solution(self) -> Solution:
        """One way to do it."""
        return Solution(self.id, self._solution, _saved(lambda: progress.record_solution(self.id)))

    def __repr__(self) -> str:
        return f"Exercise {self.id}: {self._call}, check.{self.name}.hint(), check.{self.name}.solution()"

    @property
    def _call(self) -> str:
        wait = "await " if inspect.iscoroutinefunction(self._judge) else ""
        return f"{wait}check.{self.name}({', '.join(inspect.signature(self._judge).parameters)})"

    def _wrong_type(self, given: dict[str, object]) -> str:
        for name, value in given.items():
            kind = self._types.get(name, object)
            if not fits(value, kind):
                return sentence(f"`{name}` should be {named(kind)}. Yours is {describe(value)}")
        return ""

    def _judged(self, given: dict[str, object]) -> Result:
        try:
            verdict = self._judge(**given)
        except Exception as error:  # noqa: BLE001  whatever the learner's code raises becomes an answer
            return self._explained(error, given)
        return self._accepted(verdict)

    async def _judged_async(self, given: dict[str, object]) -> Result:
        try:
            verdict = await self._judge(**given)
        except Exception as error:  # noqa: BLE001  whatever the learner's code raises becomes an answer
            return self._explained(error, given)
        return self._accepted(verdict)

    def _accepted(self, verdict: object) -> Result:
        if isinstance(verdict, str) and verdict:
            return self._closed("passed", verdict)
        return self._own_mistake(sentence(f"it ended without a verdict, with {describe(verdict)}"), "")

    def _explained(self, error: Exception, given: dict[str, object]) -> Result:
        error = unwrapped(error)
        judges_file = self._judge.__code__.co_filename
        files = {code.co_filename for value in given.values() if (code := code_of(value))} - {judges_file}
        if isinstance(error, NotYet):
            return self._closed("not yet", str(error))
        down = server_down(error, files)
        if down:
            return self._closed("could not check", f"{down.removesuffix(AGAIN).rstrip('.')}.{AGAIN} Your work is untouched.")
        lines = learners_lines(error, files, besides=judges_file)
        if lines and raised_in(error) != judges_file:
            return self._closed("not yet", f"Your code stopped with `{type(error).__name__}`. {meaning(error)}".strip(), lines)
        misfit = _misfit(error, given)
        if misfit:
            return self._closed("not yet", misfit)
        if isinstance(error, CourseError):
            return self._closed("could not check", str(error))
        return self._own_mistake("its own code stopped.", said(error))

    def _own_mistake(self, what: str, detail: str) -> Result:
        message = (
            f"The check itself has a mistake: {what} It says nothing about your work, which is untouched. Carry on without it."
        )
        return self._closed("could not check", message, detail)

    def _closed(self, outcome: Outcome, message: str, detail: str = "") -> Result:
        """The result, with progress kept, and with a way on after the second *not yet* in a row."""
        if outcome in ("passed", "not yet"):
            self._not_yet = self._not_yet + 1 if outcome == "not yet" else 0
        if outcome == "not yet" and self._not_yet >= 2 and self._hints:
            message += f"\nA hint is there if you want one: `check.{self.name}.hint()`."
        return Result(self.id, outcome, message + _saved(lambda: progress.record_outcome(self.id, outcome)), detail)


@dataclass(frozen=True, repr=False)
class Solution:
    """One way to solve an exercise, shown as code."""

    exercise: str
    code: str
    unsaved: str = ""

    def __repr__(self) -> str:
        return f"One way to do {self.exercise}. {self._word}\n\n{self.code}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        language = "sql" if _is_sql(self.code) else "python"
        markdown = f"**One way to do {self.exercise}.** {self._word}\n\n```{language}\n{self.code}\n```"
        return {"text/markdown": markdown, "text/plain": repr(self)}

    @property
    def _word(self) -> str:
        return f"Reading it is fine: close it, then write it again in your own way.{self.unsaved}"


def exercise(id: str, *, hints: Sequence[str] = (), solution: str) -> Callable[[Callable[..., Any]], Exercise]:
    """Make a judge the check of this id, which is in the manifest. See this module's docstring.

    Raises:
        CourseError: the manifest has no such check.
    """
    return lambda judge: Exercise(id, judge, hints, solution)


def expect(value: T, kind: Any, wanted: str) -> T:
    """The value, if it is of this kind (a type, `set[str]`, `int | None`); numbers of NumPy count as `int` and `float`.

    Raises:
        NotYet: it is not. The message is `wanted`, and what the value is instead.
    """
    if fits(value, kind):
        return value
    raise NotYet(sentence(f"{wanted} Yours is {describe(value)}"))


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end from plain code, also while the notebook's own event loop is busy with this cell.

    It runs in an event loop of its own in another thread: it must not use a connection or client that was opened in the
    notebook's loop. An interrupt cancels it.
    """
    loop = asyncio.new_event_loop()
    done: Future[T] = Future()

    def work() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                done.set_result(runner.run(coroutine))
            except BaseException as error:  # noqa: BLE001  handed to the caller, who raises it
                done.set_exception(error)

    worker = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    try:
        worker.start()
        return done.result()
    except KeyboardInterrupt:
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        raise


def _fill_in(name: str, value: object) -> str:
    if code_of(value) is None:
        return f"Replace the `...` in `{name}`, run the cell, then this one."
    name = getattr(value, "__name__", name)
    return f"Replace the `...` in `{name}`, run the cell, then this one. (A `...` that is left beside your code can go.)"


def _misfit(error: Exception, given: dict[str, object]) -> str:
    """What to say when the judge could not even call the learner's function; `""` for any other error."""
    if not isinstance(error, TypeError):
        return ""
    for name, value in given.items():
        code = code_of(value)
        if code is not None and str(error).startswith(f"{code.co_qualname}() "):
            return f"`{name}` was called with the arguments that the task names, and does not take them: {sentence(str(error))}"
        if code is not None and "can't be used in 'await' expression" in str(error) and not inspect.iscoroutinefunction(value):
            return f"`{name}` is called with `await`, and what it returns cannot be awaited. Begin it with `async def`."
    return ""


def _saved(record: Callable[[], None]) -> str:
    """Keep progress; if that cannot be done, the sentence that says so. The check's answer is shown all the same."""
    try:
        record()
    except CourseError as error:
        return f"\n(This is not in your progress: {error})"
    return ""


def _is_sql(code: str) -> bool:
    return code.partition(" ")[0].upper() in (
        "SELECT",
        "WITH",
        "INSERT",
        "UPDATE",
        "DELETE",
        "CREATE",
        "ALTER",
        "SET",
        "BEGIN",
        "EXPLAIN",
        "%%SQL",
        "--",
    )
