"""What a check says, and a solution, as values that show themselves. How a check comes to it stands in `check.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from course.exercises.note import Note

Outcome = Literal["passed", "not attempted", "not yet", "could not check"]

_LOOK = {"passed": ("✓", "good"), "not attempted": ("○", "quiet"), "not yet": ("→", "next"), "could not check": ("!", "bad")}


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
        """Whether the work is right."""
        return self.outcome == "passed"

    @property
    def note(self) -> Note:
        """The result as it is displayed."""
        sign, kind = _LOOK[self.outcome]
        return Note(sign, self.outcome, self.message, self.detail, kind, self.exercise)

    def __repr__(self) -> str:
        return repr(self.note)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.note._repr_mimebundle_()


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
