"""How a move can end early: before anything was changed, or half-way with everything resumable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from course.errors import CourseError


class MoveError(CourseError):
    """The move has not come to its end. `status` is the command's exit status."""

    status = 2


class RefusedError(MoveError):
    """The move did not begin: nothing was changed on either side."""

    status = 2


class StoppedError(MoveError):
    """The move stopped on its way. What was committed stays, and the same command goes on from there."""

    status = 3


AGAIN = (
    "What was committed stays there, and nothing of it is half written. Mend that, then give the same command again: it goes on."
)
"""What is safe, and what to do, after a move has stopped."""


@contextmanager
def explained() -> Iterator[None]:
    """Let an error of either store's client say what is safe, and what to do.

    Raises:
        StoppedError: one of the stores failed.
    """
    import httpx
    from chromadb.errors import ChromaError

    try:
        yield
    except (psycopg.Error, ChromaError, httpx.HTTPError) as error:
        store = "PostgreSQL" if isinstance(error, psycopg.Error) else "ChromaDB"
        said = " ".join(str(error).split()) or type(error).__name__
        raise StoppedError(f"{store} stopped the move: {said} {AGAIN}") from error
