"""Turns an error inside a check into an outcome: the learner's code, a server that is down, or the check itself.

Used by `check.py` only. What a right answer is stands in `checks/`.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Collection
from types import TracebackType

from course.errors import CourseError, ServerError
from course.servers import addresses

_SHOWN_FRAMES = 3
_SHOWN_LINES = 6

_MEANINGS = {
    "psycopg.errors.SyntaxError": "PostgreSQL could not read the SQL: the mistake is at the mark, or just before it.",
    "psycopg.errors.UndefinedTable": "Usually the table's name is misspelled, or the cell that makes it has not run.",
    "psycopg.errors.UndefinedColumn": "Usually the name is misspelled, or a text stands in double quotes instead of single.",
    "psycopg.errors.AmbiguousColumn": "Two tables have this column: say which one, as in `d.id`.",
    "psycopg.errors.UniqueViolation": "The row is there already: the code ran twice, or two rows have the same key.",
    "psycopg.errors.ForeignKeyViolation": "The row points at one that is not there. Write the one that is pointed at first.",
    "psycopg.errors.NotNullViolation": "A column that must have a value got none.",
    "psycopg.errors.InFailedSqlTransaction": "An earlier statement failed, so the transaction is lost: roll it back.",
    "psycopg.DataError": "PostgreSQL could not take a value as the type it needs. Look at the values that you pass.",
    "psycopg_pool.PoolTimeout": "No connection came free in time: one was not given back, or the server is down.",
    "redis.exceptions.ResponseError": "Redis refused the command: its arguments, or the type of what the key holds.",
    "redis.exceptions.DataError": "Redis stores text, bytes and numbers. Turn anything else into text first: `json.dumps`.",
    "chromadb.errors.ChromaError": "ChromaDB refused the request: look at the collection, the ids and the `where` filter.",
    "builtins.NameError": "Usually a name is misspelled, or the cell that makes it has not run.",
    "builtins.KeyError": 'The key is not in there. Often it is of another type: `17` and `"17"` are different keys.',
    "builtins.IndexError": "The list or row is shorter than the code expects; it may be empty.",
    "builtins.TypeError": "Usually a value is of another type than expected, or a call has too many or too few arguments.",
    "builtins.AttributeError": "Usually the value is of another type than expected, or the name is misspelled.",
    "builtins.ValueError": "The type is right, the value is not. The last line below says which one.",
    "builtins.ZeroDivisionError": "Something that you divide by is 0: think of the empty case.",
    "builtins.RecursionError": "The function calls itself without an end.",
    "builtins.AssertionError": "An `assert` in your code does not hold here.",
}
"""What an error usually means, by the full name of its type or of the nearest type above it."""


_BY_MESSAGE = (
    ("psycopg.ProgrammingError", "the query has", "Placeholders (`%s`) and values differ in number: each needs the other."),
    (
        "psycopg.ProgrammingError",
        "are allowed as placeholders",
        "A literal `%` is doubled, as in `%%`, when values are passed too.",
    ),
    (
        "psycopg.errors.UndefinedFunction",
        "operator does not exist",
        "No such operator for these types: is a `::type` cast missing?",
    ),
    ("psycopg.errors.UndefinedFunction", "does not exist", "No function has this name and takes these types: check both."),
)
"""What an error means if its message has these words, by the full name of its exact type. The first row that fits counts."""


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


def meaning(error: BaseException) -> str:
    """What an error of this type usually means, or `""`."""
    if isinstance(error, AttributeError | TypeError) and "NoneType" in str(error):
        return "Something is `None`. Usually a function lacks its `return`, or a query found no row."
    if isinstance(error, TypeError) and "coroutine" in str(error):
        return "Usually an `await` is missing."
    if isinstance(error, CourseError):
        return ""
    exact = f"{type(error).__module__}.{type(error).__qualname__}"
    for name, words, sentence in _BY_MESSAGE:
        if name == exact and words in str(error):
            return sentence
    for cls in type(error).__mro__:
        name = f"{cls.__module__}.{cls.__qualname__}"
        if name in _MEANINGS:
            return _MEANINGS[name]
    return ""


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
