"""What stands below the traceback of a cell: a sentence on what to do, where a cell ran at another time than the lesson has it.

Cells of a finished lesson can run again in any order. A proof may not hold any more then, a connection may be closed, a
collection may be another one. And an application may refuse, as on a machine that is too busy, or a program fail. What is
explained is shown without the errors that it came from. Any other error is shown as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from subprocess import CalledProcessError
from types import TracebackType
from typing import TYPE_CHECKING, cast

from course.errors import CourseError
from course.exercises.explain import server_down
from course.exercises.note import Note

if TYPE_CHECKING:
    import httpx
    from IPython.core.interactiveshell import InteractiveShell

_SHOWN_LINES = 6

WORD = "not as it was"
"""What the note is called."""

_PROOF = (
    "This `assert` proves what the cells above it have just shown. If other cells have run since, what it looks at may have "
    "changed: run its section again, from the heading on. If it compares times, a busy machine may have disturbed it: run it "
    "again in a quiet moment. If it fails once more in a notebook that ran from top to bottom, the lesson is out of date: run "
    "`make update`."
)
_COLLECTION = (
    "This collection was deleted, or made anew by a cell that has run since. Run the cell that gets it from the client, then "
    "this one again."
)
_LOCK = (
    "Another session of this notebook holds what this statement needs, and its transaction is still open. Run the cell that "
    "ends it, or this section again from its heading on."
)


def explain_cell_errors() -> None:
    """In a notebook, let the errors that a cell ends in be explained below their tracebacks. Elsewhere this does nothing."""
    if "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((Exception,), _shown)


def sentence_for(error: BaseException) -> str:
    """What to do about an error that comes from the order of cells, from a server or from a program; `""` for any other."""
    if isinstance(error, AssertionError):
        return _PROOF
    if isinstance(error, CourseError):
        return ""  # it says so itself
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    if kind == "chromadb.errors.NotFoundError" and "Collection" in str(error):
        return _COLLECTION
    if isinstance(error, CalledProcessError):
        return _last_words(error)
    if kind == "httpx.HTTPStatusError":
        return _refusal(cast("httpx.HTTPStatusError", error).response)
    if kind == "psycopg.errors.LockNotAvailable":
        return _LOCK
    return server_down(error) or ""


def _last_words(error: CalledProcessError) -> str:
    """What a program printed before it failed; `""` if nobody kept it."""
    printed = error.stderr or error.stdout or ""
    text = printed.decode(errors="replace") if isinstance(printed, bytes) else printed
    lines = text.strip().splitlines()[-_SHOWN_LINES:]
    return "\n".join(["The program said at its end:", *lines]) if lines else ""


def _refusal(response: httpx.Response) -> str:
    """What a server said in place of an answer. The applications' problems have a `detail`; an answer may not be read yet."""
    import httpx

    try:
        body = response.json()
        detail = body["detail"] if isinstance(body, dict) and "detail" in body else response.text
    except httpx.StreamError:
        detail = "it was not read to its end"
    except ValueError:
        detail = response.text
    beginning = "\n".join(str(detail).splitlines()[:_SHOWN_LINES])
    return f"{response.url.host}:{response.url.port} answered {response.status_code} {response.reason_phrase}: {beginning}"


def _shown(
    shell: InteractiveShell,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    tb_offset: int | None = None,
) -> None:
    from IPython.display import display

    text = sentence_for(error)
    with _without_its_causes(error) if text or isinstance(error, CourseError) else nullcontext():
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    if text:
        display(Note("→", WORD, text, kind="next"))


@contextmanager
def _without_its_causes(error: BaseException) -> Iterator[None]:
    """For as long as it is shown, an error that is explained stands alone; afterwards it has its causes again, for `%debug`."""
    cause, context, suppressed = error.__cause__, error.__context__, error.__suppress_context__
    error.__cause__ = error.__context__ = None
    try:
        yield
    finally:
        error.__cause__, error.__context__, error.__suppress_context__ = cause, context, suppressed
