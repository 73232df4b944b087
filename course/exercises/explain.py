"""Turns an error inside a check into an outcome: the learner's code, a server that is down, or the check itself.

What an error means stands in `meanings.py`, what a right answer is in `checks/`.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Collection
from types import TracebackType

from course.errors import ServerError
from course.servers import addresses

_SHOWN_FRAMES = 3
_SHOWN_LINES = 6


def server_down(error: BaseException, files: Collection[str] = ()) -> str | None:
    """What to say if the error means that a server does not answer; None if it means something else.

    Args:
        error: the exception. One that a library raised while it handled another is judged by that other.
        files: file names of the learner's functions, beside notebook cells.
    """
    if isinstance(error, ServerError):
        return str(error)
    name = _server_of(error)
    if name is None:
        below = error.__cause__ or error.__context__
        learners_own = _is_learners(raised_in(error), files)
        return server_down(below, files) if below is not None and not learners_own else None
    said = _first_line(error)
    if "connection is closed" in said and name == "PostgreSQL":
        return (
            f"A connection to PostgreSQL is closed ({said}). Its server went down, or `with connection:` closed it at its end. "
            "Start the server if it is down, and run the cell that connects again."
        )
    return f"{name} does not answer ({said}). {_how_to_start(name)} Then run the cell that connects to it again."


def is_cell(filename: str) -> bool:
    """Whether code with this file name was typed into a notebook cell."""
    return filename.startswith("<ipython-input") or os.path.basename(os.path.dirname(filename)).startswith("ipykernel_")


def learners_lines(error: BaseException, files: Collection[str], besides: str = "") -> str:
    """The learner's own lines in the traceback, the error's name and the beginning of its message; `""` if none is theirs.

    Args:
        error: the exception, with its traceback.
        files: file names of the learner's functions, beside notebook cells.
        besides: the judge's file name, which is not the learner's even if it is a cell.
    """
    every = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in every if _is_learners(frame.filename, files) and frame.filename != besides]
    if not frames:
        return ""
    lines = []
    for frame in frames[-_SHOWN_FRAMES:]:
        where = "In the cell" if frame.name == "<module>" else f"In {frame.name}"
        lines += [f"{where}, line {frame.lineno}:", f"    {frame.line}"]
    return "\n".join([*lines, said(error)])


def said(error: BaseException) -> str:
    """The error's name and the first lines of its message."""
    lines = traceback.format_exception_only(error)
    return "\n".join("".join(lines).rstrip().splitlines()[:_SHOWN_LINES])


def raised_in(error: BaseException) -> str:
    """The file name of the frame that raised the error."""
    return _last(error.__traceback__).tb_frame.f_code.co_filename if error.__traceback__ else ""


def unwrapped(error: BaseException) -> BaseException:
    """The error itself, or the only one in its group."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _how_to_start(name: str) -> str:
    external = [addresses.variable(kind) for kind, known in addresses.NAMES.items() if known == name]
    if not any(os.environ.get(variable) for variable in external):
        return "Start it on the board above."
    return f"If it has a button on the board above, start it there; else see that the server at {external[0]} runs."


def _server_of(error: BaseException) -> str | None:
    import httpx
    import psycopg
    import redis

    error = getattr(error, "orig", None) or error  # SQLAlchemy keeps the driver's error there
    if isinstance(error, psycopg.OperationalError) and not type(error).__module__.startswith("psycopg_pool"):
        # Class 57P: the server is shutting down or starting; 08: the connection broke. Other codes come from a server that
        # is well, and so does FATAL without a code: a wrong password, an unknown database, too many connections.
        state = error.sqlstate or ""
        coming_or_going = "the database system is" in str(error)
        broken = state.startswith(("57P", "08")) or (not state and ("FATAL" not in str(error) or coming_or_going))
        return "PostgreSQL" if broken else None
    if isinstance(error, redis.AuthenticationError):
        return None
    if isinstance(error, redis.ConnectionError | redis.TimeoutError):
        return "Redis"
    if isinstance(error, httpx.NetworkError | httpx.TimeoutException | httpx.RemoteProtocolError | ConnectionError):
        through = {frame.filename for frame in traceback.extract_tb(error.__traceback__)}
        return "ChromaDB" if any(f"{os.sep}chromadb{os.sep}" in name for name in through) else "A server"
    return None


def _is_learners(filename: str, files: Collection[str]) -> bool:
    return is_cell(filename) or filename in files


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".:")


def _last(link: TracebackType) -> TracebackType:
    while link.tb_next is not None:
        link = link.tb_next
    return link
