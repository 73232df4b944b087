"""States of the learner's own stores that are not right yet. Each stands once: the query that sees it, and what is said.

Where an exercise is not a function but something that the learner makes in a database, a check looks at what is there. It
prepares what its queries need, in a transaction that is rolled back, and then looks for one state after the other:

    @exercise("15.copied", hints=[…], states=COPIED)
    def copied(shop: Shop) -> str:
        with facts(shop) as connection:
            look(connection, COPIED)
        return "…"

`tests/checks/test_every_state.py` makes each state of a right one, and expects its own sentence. How an answer is judged
that is code, stands in `mistakes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from course.errors import CourseError
from course.exercises.mistakes import NotYet


class NotAttempted(CourseError):
    """Raised by a judge: there is nothing to judge yet. The message says what to make."""


@dataclass(frozen=True)
class State:
    """One state that is not right yet.

    Attributes:
        name: what it is, in a few words; no two of an exercise have the same.
        says: the sentences that name it and what to look at next; `{0}`, `{1}` … are what was seen.
        sees: a query that gives a row if it is so, and none if it is not.
        made: what makes it of a right state, as SQL or as a function of what the check is given. Only tests use it.
        of: which of the right states in the tests it is made of; by default the solution's.
        attempted: False if it means that nothing was done yet.
    """

    name: str
    says: str
    sees: str
    made: str | Callable[[Any], object]
    of: str = ""
    attempted: bool = True


def look(connection: psycopg.Connection, states: Sequence[State]) -> None:
    """Look for one state after the other.

    Raises:
        NotAttempted: the first that is there means that nothing was done yet.
        NotYet: the first that is there, and what it says.
    """
    for state in states:
        seen = connection.execute(state.sees).fetchone()
        if seen is not None:  # it may be a row without columns
            raise (NotYet if state.attempted else NotAttempted)(state.says.format(*seen))
