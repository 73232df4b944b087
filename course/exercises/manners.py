"""What a function may do besides being right or wrong: leave a transaction open, change what it was given, paste values into SQL.

Every exercise is watched for this by the machinery. An exercise that allows one of it says so: `may={"postgres"}`.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

SENTENCES = {
    "transaction": (
        "Your function left a transaction open: its locks stay, and what it wrote is not committed. "
        "`with connection.transaction():` ends it in any case."
    ),
    "closed": (
        "Your function closed the connection that it was given, and the caller still needs it. `with connection:` closes it at "
        "its end; `with connection.transaction():` does not."
    ),
    "settings": (
        "Your function changed the connection that it was given ({what}), and whoever uses it next finds it changed. "
        "`SET LOCAL` inside a transaction ends with it; anything else you set, set back."
    ),
    "temporary": (
        "Your function left the temporary table {what} behind. Drop it, or make it inside a transaction with `ON COMMIT DROP`."
    ),
    "locks": (
        "Your function still holds an advisory lock after it has returned. `pg_advisory_xact_lock` ends with its transaction."
    ),
    "connections": "Your function opened a connection and did not close it. `with psycopg.connect(…) as connection:` does.",
    "tables": "Your function left {what} in the database, which was not there before. Drop it, or do without.",
    "postgres": "Your function should only ask, and afterwards {what} in PostgreSQL is not what it was.",
    "chroma": "Your function should only ask, and afterwards {what} in ChromaDB is not what it was.",
    "redis": "Your function should leave Redis alone, and afterwards {what} is not what it was.",
    "arguments": (
        "Your function changes what it is given: its {what} argument is not what it was. It is the caller's: work on a copy."
    ),
    "pasted": (
        "Your function writes the value {what} into the text of the SQL. One with an apostrophe or a % breaks the statement, and "
        "a stranger's may be a statement of its own. Bound parameters keep them apart: a placeholder in the text, and the values "
        "in a list after it."
    ),
    "files": "Your function left {what} in the working directory. Write to a temporary directory, or remove it.",
    "directory": (
        "Your function changed the working directory and did not go back. Give the programs that you run full paths instead."
    ),
    "threads": "Your function has returned, and a thread that it started is still at work. Wait for it: `thread.join()`.",
}
"""What is said, by the name of what was done; `{what}` is filled in."""

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


@dataclass(frozen=True)
class Manner:
    """Something that a function did besides, and what of: a name of `SENTENCES`, and a word or two."""

    name: str
    what: str = ""

    def __str__(self) -> str:
        return SENTENCES[self.name].format(what=self.what)


def changed(before: Sequence[object], after: Sequence[object]) -> Iterator[Manner]:
    """Which arguments are no longer what they were, told by their place."""
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        if old != new:
            yield Manner("arguments", _ORDINALS[min(place, len(_ORDINALS) - 1)])


def pasted(statements: Iterable[str], values: Iterable[object]) -> Iterator[Manner]:
    """The first value that stands in the text of a statement. Short texts and small numbers may stand there by chance."""
    texts = [text for value in values for text in _as_pasted(value)]
    for statement in statements:
        for text in texts:
            if text in statement:
                yield Manner("pasted", f"`{text[:40]}`")
                return


def _as_pasted(value: object) -> Iterator[str]:
    if isinstance(value, bool | None):
        return
    if isinstance(value, np.ndarray) and value.size > 1:
        yield str(value)
        yield str(value.tolist())
    elif isinstance(value, numbers.Integral) and abs(int(value)) >= 1000:
        yield str(value)
    elif isinstance(value, UUID) or (isinstance(value, str) and len(value) >= 4):
        yield str(value)
        yield str(value).replace("'", "''")
    elif isinstance(value, list | tuple | set):
        if isinstance(value, list) and len(value) > 3 and all(isinstance(item, float) for item in value):
            yield str(value)
        for item in list(value)[:20]:
            yield from _as_pasted(item)
