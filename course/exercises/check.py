'''The exercise machinery: from a judge to `check.orphans(…)`, `check.orphans.hint()` and `check.orphans.solution()`.

What is right for one exercise stands in the lesson's source; how it is judged stands in `checks/lesson_NN.py`, like this:

    @exercise("04.orphans", hints=["Both stores can list their ids."], mistakes=[Mistake(…), …])
    def orphans(orphans: Callable, trial: Trial) -> str:
        """Judge a state with orphans, and one without any."""
        trial.compare(orphans, with_orphans, "Dana is deleted. You return {found}.")
        return "Run every night, this is a reconciliation job."

A judge's parameters are named after what the learner wrote, and annotated with its type: a wrong one is told before the
judge runs. A parameter that is a `Trial` compares the learner's answer with the solution; see `mistakes.py`. A judge returns
a sentence that adds something, or raises `NotYet`. An error in the learner's code becomes *not yet*, a server that is down
becomes *could not check*, and so does a mistake of the judge's own. A learner's `async` function is called with
`asynchronous.run(…)`.
'''

from __future__ import annotations

import dis
import inspect
import typing
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from course import manifest, progress
from course.errors import CourseError
from course.exercises.blanks import code_of, is_blank
from course.exercises.deadline import SECONDS
from course.exercises.explain import learners_lines, raised_in, said, server_down, unwrapped
from course.exercises.kinds import describe, fits, named, sentence
from course.exercises.manners import SENTENCES
from course.exercises.meanings import meaning
from course.exercises.mistakes import Mistake, NotYet, Remembered, Trial
from course.exercises.note import Note
from course.exercises.result import Outcome, Result, Solution
from course.exercises.sources import solution_of
from course.exercises.states import NotAttempted, State

T = TypeVar("T")

AGAIN = " Then run this cell again."


@dataclass(frozen=True)
class _Declared:
    """What an exercise declares about itself; see `exercise`."""

    hints: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    may: frozenset[str]
    seconds: float
    states: tuple[State, ...]


class Exercise:
    """One exercise. Call it with what the learner wrote; ask it for a `hint()`, or for the `solution()`."""

    def __init__(self, id: str, judge: Callable[..., Any], declared: _Declared) -> None:
        self.id = progress.valid_check(id)
        self.name = manifest.parts(id)[1]
        self.__doc__ = judge.__doc__
        self._judge = judge
        self._types = typing.get_type_hints(judge)
        self._declared = declared
        self._hints = declared.hints
        self._hints_read = 0
        self._remembered: Remembered = {}
        self._not_yet = 0

    def __call__(self, *values: object, **by_name: object) -> Result:
        """Judge the learner's work. The result shows itself; progress is kept."""
        try:
            given = self._signature.bind(*values, **by_name).arguments
        except TypeError:
            return self._closed("could not check", f"This check is called like this: `{self._call}`. Your work is untouched.")
        for name, value in given.items():
            if is_blank(value):
                return self._closed("not attempted", _fill_in(name, value))
        problem = self._wrong_type(given)
        if problem:
            return self._closed("not yet", problem)
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

    def reset(self) -> Note:
        """Turn the cell that runs this into the blank of the exercise. What was written is kept; progress stays."""
        from course.exercises import again  # what it needs takes a while to import

        return again.reset(self.id)

    def undo_reset(self) -> Note:
        """Turn the cell that runs this into what was written before the last reset."""
        from course.exercises import again

        return again.undo_reset(self.id)

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """The wrong answers that this check knows."""
        return self._declared.mistakes

    @property
    def states(self) -> tuple[State, ...]:
        """The states of the learner's stores that this check knows as not right yet, if it judges these."""
        return self._declared.states

    def __repr__(self) -> str:
        more = ", ".join(f"check.{self.name}.{what}()" for what in ("hint", "solution", "reset"))
        return f"Exercise {self.id}: {self._call}, {more}"

    @property
    def _call(self) -> str:
        return f"check.{self.name}({', '.join(self._signature.parameters)})"

    @property
    def _solution(self) -> str:
        return solution_of(self.id)

    @property
    def _signature(self) -> inspect.Signature:
        """What the learner gives to the check: all that the judge takes but the trial."""
        whole = inspect.signature(self._judge)
        return whole.replace(parameters=[one for one in whole.parameters.values() if self._types.get(one.name) is not Trial])

    def _with_trial(self, given: dict[str, object]) -> dict[str, object]:
        """What the judge is called with: what the learner gave, and the trial if it takes one."""
        trials = [name for name, kind in self._types.items() if kind is Trial and name != "return"]
        if not trials:
            return given
        declared, answer = self._declared, next(iter(self._signature.parameters))
        uses = self._judge.__globals__
        trial = Trial(
            self._solution, answer, declared.mistakes, uses, declared.may, declared.seconds, remembered=self._remembered
        )
        return {**given, trials[0]: trial}

    def _wrong_type(self, given: dict[str, object]) -> str:
        for name, value in given.items():
            kind = self._types.get(name, object)
            if not fits(value, kind):
                return sentence(f"`{name}` should be {named(kind)}. Yours is {describe(value)}")
        return ""

    def _judged(self, given: dict[str, object]) -> Result:
        try:
            verdict = self._judge(**self._with_trial(given))
        except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001  whatever the learner's code raises is answered
            return self._explained(error, given)
        except KeyboardInterrupt as error:
            if not _raised_by_a_statement(error):
                raise  # the learner interrupts the kernel
            return self._explained(error, given)
        return self._accepted(verdict)

    def _accepted(self, verdict: object) -> Result:
        if isinstance(verdict, str) and verdict:
            return self._closed("passed", verdict)
        return self._own_mistake(sentence(f"it ended without a verdict, with {describe(verdict)}"), "")

    def _explained(self, error: BaseException, given: dict[str, object]) -> Result:
        error = unwrapped(error)
        judges_file = self._judge.__code__.co_filename
        files = {code.co_filename for value in given.values() if (code := code_of(value))} - {judges_file}
        if isinstance(error, NotAttempted):
            return self._closed("not attempted", str(error))
        if isinstance(error, NotYet):
            return self._closed("not yet", str(error), error.detail)
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


def exercise(
    id: str,
    *,
    hints: Sequence[str] = (),
    mistakes: Sequence[Mistake] = (),
    may: Collection[str] = (),
    seconds: float = SECONDS,
    states: Sequence[State] = (),
) -> Callable[[Callable[..., Any]], Exercise]:
    """Make a judge the check of this id, which is in the manifest. See this module's docstring.

    Args:
        id: the check's id, such as `"04.orphans"`.
        hints: given one after the other.
        mistakes: the wrong answers that the check knows; looked through in this order.
        may: what the exercise allows a function to do besides returning something; names of `manners.SENTENCES`.
        seconds: how long one call of the learner's function may take.
        states: in place of mistakes, where the check judges the learner's own stores; see `states.py`.

    Raises:
        CourseError: the manifest has no such check, or `may` names what no manner is called.
    """
    unknown = set(may) - set(SENTENCES)
    if unknown:
        raise CourseError(
            f"Exercise {id} may {sorted(unknown)}, and there are only {sorted(SENTENCES)}. Correct it in the checks."
        )
    declared = _Declared(tuple(hints), tuple(mistakes), frozenset(may), seconds, tuple(states))
    return lambda judge: Exercise(id, judge, declared)


def expect(value: T, kind: Any, wanted: str) -> T:
    """The value, if it is of this kind (a type, `set[str]`, `int | None`); numbers of NumPy count as `int` and `float`.

    Raises:
        NotYet: it is not. The message is `wanted`, and what the value is instead.
    """
    if fits(value, kind):
        return value
    raise NotYet(sentence(f"{wanted} Yours is {describe(value)}"))


def _raised_by_a_statement(error: BaseException) -> bool:
    """Whether a `raise` in somebody's code raised this error, and no signal."""
    link = error.__traceback__
    while link is not None and link.tb_next is not None:
        link = link.tb_next
    if link is None:
        return False
    steps = {step.offset: step.opname for step in dis.get_instructions(link.tb_frame.f_code)}
    return steps.get(link.tb_lasti) == "RAISE_VARARGS"


def _fill_in(name: str, value: object) -> str:
    if code_of(value) is None:
        return f"Replace the `...` in `{name}`, run the cell, then this one."
    name = getattr(value, "__name__", name)
    return f"Replace the `...` in `{name}`, run the cell, then this one. (A `...` that is left beside your code can go.)"


def _misfit(error: BaseException, given: dict[str, object]) -> str:
    """What to say when the judge could not even call the learner's function; `""` for any other error."""
    if not isinstance(error, TypeError):
        return ""
    if str(error).startswith("positional placeholders"):  # psycopg: the learner's SQL is a text, and the judge gives it values
        return "Your SQL has a `%s` in it, and its values are given by name. Write `%(name)s`, with the name that the task tells."
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
