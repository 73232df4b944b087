"""A circuit breaker of lesson 05b on a stage: a call whose outcomes are written down, a clock that goes only by script, and the
mistakes that learners make."""

from __future__ import annotations

import re
from collections.abc import Callable

from course.exercises.mistakes import Mistake
from course.exercises.stage import Stage

CALL_SECONDS = 0.5
"""How long each call takes. All times here are exact in binary, so that the end of a pause is a sharp boundary."""

_OUTCOMES = {"works": object, "fails": TimeoutError, "refuses": ConnectionRefusedError, "breaks": LookupError}
"""What comes of a call: an answer or an error. A dead server refuses as the breaker does."""


class _Scene:
    """A guarded call, and what its caller hears each time."""

    def __init__(self, guarded: Callable, stage: Stage, failures: int, pause: float) -> None:
        self.now, self.calls = 1000.0, 0
        self._outcome, self._came = "works", object()
        self.clock = stage.asked(lambda: self.now, at_most=1000)
        self.guard = guarded(self._call, failures, pause, self.clock)

    def _call(self) -> object:
        self.calls += 1
        self.now += CALL_SECONDS
        self._came = _OUTCOMES[self._outcome]()
        if isinstance(self._came, Exception):
            raise self._came
        return self._came

    def heard(self, outcome: str) -> str:
        """What the caller hears of one more call that works, fails, refuses or breaks."""
        self._outcome, calls, self._came = outcome, self.calls, object()
        try:
            answer = self.guard()
            found = "answer" if answer is self._came else f"returns {'None' if answer is None else type(answer).__name__}"
        except (NameError, TypeError, AttributeError):  # a slip of the pen, to be shown with its line
            raise
        except Exception as error:  # noqa: BLE001  whatever else is raised is what the caller hears
            refused = "refused" if isinstance(error, ConnectionRefusedError) else type(error).__name__
            found = "error" if error is self._came else refused
        if found in ("error", "answer"):
            return found
        return f"{found}, and it was called" if self.calls > calls else found


def heard(script: str, failures: int, pause: float) -> Callable[[Callable, Stage], list[str]]:
    """How to observe what callers hear: `"fails, works, 2 s later works"` calls three times."""

    def observe(guarded: Callable, stage: Stage) -> list[str]:
        scene = _Scene(guarded, stage, failures, pause)
        if not callable(scene.guard):
            return ["no function to call"]
        told = []
        for step in script.split(", "):
            later = re.match(r"([\d.]+) s later ", step)
            scene.now += float(later[1]) if later else 0
            told.append(scene.heard(step.rpartition(" ")[2]))
        return told

    return observe


def says_when_it_asks_the_clock(guarded: Callable, stage: Stage) -> bool:
    """Whether the clock was asked, once it had to be: after an error, or at the call that comes after it."""
    scene = _Scene(guarded, stage, 1, 4.0)
    scene.heard("fails")
    scene.heard("works")
    return scene.clock.times > 0


def heard_of_two(guarded: Callable, stage: Stage) -> str:
    """What is heard behind a guard when the call behind another one has failed."""
    other, scene = _Scene(guarded, stage, 3, 4.0), _Scene(guarded, stage, 3, 4.0)
    for _ in range(3):
        scene.heard("fails")
    return other.heard("works")


REFUSES = "if in_a_row >= failures and clock() < failed_at + pause:"
RAISES = 'raise ConnectionRefusedError("not asked: it has just failed too often")'
COUNTS = "in_a_row += 1\n            failed_at = clock()"
TRIES = f"        try:\n            answer = call()\n        except Exception:\n            {COUNTS}"

MISTAKES = [
    Mistake(
        "the answer at once",
        "`guarded` should return a function that asks later, when it is called. Leave `return ask`, without parentheses.",
        old="return ask",
        new="return ask()",
    ),
    Mistake(
        "errors swallowed",
        "The error of the call does not reach the caller. A guard hides no error: leave the `raise` below your lines.",
        old="            raise\n",
        new="            return None\n",
    ),
    Mistake(
        "the answer lost",
        "The call has answered, and the caller gets nothing. Pass on what the call returns.",
        old="        return answer",
        new="        return None",
    ),
    Mistake(
        "all errors counted",
        "It refuses though a success came between. Errors *in a row* should open it: a success sets the count back to 0.",
        old="        in_a_row = 0\n        return answer",
        new="        return answer",
    ),
    Mistake(
        "a success takes one away",
        "It refuses, and those errors were not in a row. A success sets the count back to 0, however many there were.",
        old="        in_a_row = 0\n",
        new="        in_a_row = max(0, in_a_row - 1)\n",
    ),
    Mistake(
        "one error early",
        "It refuses after one error less than `failures`. At `failures` in a row, and not before: compare with `>=`.",
        old="in_a_row >= failures",
        new="in_a_row >= failures - 1",
    ),
    Mistake(
        "the first error opens it",
        "It refuses after a single error. Two things must hold: there were `failures` in a row, and the pause lasts.",
        old="in_a_row >= failures and ",
        new="in_a_row and ",
    ),
    Mistake(
        "another kind of refusal",
        "It refuses, with an error of another kind. Callers wait for a `ConnectionRefusedError`, and for no class above it.",
        old="raise ConnectionRefusedError(",
        new="raise ConnectionError(",
    ),
    Mistake(
        "the last error replaced",
        "The error that opens the circuit is still the call's own: let the caller hear it, not yours.",
        old="            raise\n",
        new="            if in_a_row >= failures:\n                raise ConnectionRefusedError from None\n            raise\n",
    ),
    Mistake(
        "one error late",
        "It refuses one error too late: there are `failures` of them already. Compare with `>=`, not with `>`.",
        old="in_a_row >= failures",
        new="in_a_row >= failures + 1",
    ),
    Mistake(
        "never refuses",
        "After as many errors in a row as `failures` says, the next call is still made. Does the count grow, is the time of the "
        "error kept, and are both looked at before the call?",
        old=f"        {REFUSES}\n            {RAISES}\n",
        new="",
    ),
    Mistake(
        "one kind of error",
        "Errors are of many kinds, and yours counts one of them. Any `Exception` of the call counts.",
        old="except Exception:",
        new="except TimeoutError:",
    ),
    Mistake(
        "called all the same",
        "It refuses, and makes the call all the same: the store is to be left in peace. Raise before anything is called.",
        old=RAISES,
        new="call(); raise ConnectionRefusedError",
    ),
    Mistake(
        "an error of another kind",
        "Callers wait for a `ConnectionRefusedError`, and yours raises another error when it refuses.",
        old="raise ConnectionRefusedError(",
        new="raise RuntimeError(",
    ),
    Mistake(
        "nothing instead of an error",
        "When it refuses, the caller gets None, and cannot tell that from an answer. Raise a `ConnectionRefusedError`.",
        old=RAISES,
        new="return None",
    ),
    Mistake(
        "returned, not raised",
        "When it refuses, the caller is given an error as if it were an answer. `raise` it.",
        old="raise ConnectionRefusedError(",
        new="return ConnectionRefusedError(",
    ),
    Mistake(
        "refuses once",
        "It refuses once, and then calls again. The count stays high until a call has worked.",
        old=RAISES,
        new=f"in_a_row = 0\n            {RAISES}",
    ),
    Mistake(
        "a clock of its own",
        "It never asks `clock()`. How long the pause has lasted is told by that clock, and by no other.",
        old="clock()",
        new="time.monotonic()",
    ),
    Mistake(
        "the time before the call",
        "The call took half a second before it failed, and your pause began with it. It begins with the error: ask the clock in "
        "the `except`.",
        old=TRIES,
        new=TRIES.replace("clock()", "began").replace("        try:", "        began = clock()\n        try:"),
    ),
    Mistake(
        "the time of the first error",
        "The pause counts from the last error, and yours from the first of the row: note the time of each.",
        old=COUNTS,
        new="in_a_row += 1\n            failed_at = failed_at if in_a_row > 1 else clock()",
    ),
    Mistake(
        "failures for the pause",
        "The pause was over too soon: it lasts `pause` seconds, and `failures` is how many errors open it.",
        old="failed_at + pause",
        new="failed_at + failures",
    ),
    Mistake(
        "for ever",
        "When `pause` seconds are over it still refuses. Then a call should go through, as a trial: compare the clock as well.",
        old=" and clock() < failed_at + pause",
        new="",
    ),
    Mistake(
        "one moment late",
        "Exactly `pause` seconds after the last error it still refuses. They have passed then: compare with `<`, not with `<=`.",
        old="clock() < failed_at",
        new="clock() <= failed_at",
    ),
    Mistake(
        "refusals renew the pause",
        "The pause counts from the last error of the call. Yours begins anew with each refusal, so that callers who ask often "
        "never get through.",
        old=RAISES,
        new=f"failed_at = clock()\n            {RAISES}",
    ),
    Mistake(
        "the count forgotten with the pause",
        "A trial that fails should open it again at once, for another pause. Yours counts from 0 again: leave the count high.",
        old="        try:\n",
        new="        if in_a_row >= failures:\n            in_a_row = 0\n        try:\n",
    ),
    Mistake(
        "the time of the first opening",
        "A trial that fails should begin another pause, and after yours every call is made again. Note the time of each error, "
        "and compare the count with `>=`.",
        old=COUNTS,
        new="in_a_row += 1\n            if in_a_row == failures:\n                failed_at = clock()",
    ),
    Mistake(
        "a trial counts as one success of many",
        "After a trial that works, all should be as at first: it takes as many errors in a row again.",
        old="        in_a_row = 0\n",
        new="        in_a_row = 0 if in_a_row < failures else failures - 1\n",
    ),
    Mistake(
        "three by heart",
        "It opens after three errors, whatever `failures` says.",
        old="in_a_row >= failures",
        new="in_a_row >= 3",
    ),
    Mistake(
        "five seconds by heart",
        "It waits five seconds, whatever `pause` says.",
        old="failed_at + pause",
        new="failed_at + 5",
    ),
    Mistake(
        "for twice as long",
        "It refuses for longer than `pause` seconds after the last error.",
        old="failed_at + pause",
        new="failed_at + 2 * pause",
    ),
    Mistake(
        "a memory in common",
        "The second guard refuses because the first has failed. Each needs a memory of its own: make it inside `guarded`.",
        code="""
        MEMORY = {"in a row": 0, "at": 0.0}

        def guarded(call, failures, pause, clock):
            MEMORY.update({"in a row": 0, "at": 0.0})

            def ask():
                if MEMORY["in a row"] >= failures and clock() < MEMORY["at"] + pause:
                    raise ConnectionRefusedError
                try:
                    answer = call()
                except Exception:
                    MEMORY["in a row"] += 1
                    MEMORY["at"] = clock()
                    raise
                MEMORY["in a row"] = 0
                return answer

            return ask
        """,
    ),
]
