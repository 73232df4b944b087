"""What an `assert` says when it does not hold: it proves what the cells above it have shown, and only just after them."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from course.exercises.note import Note

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

SENTENCE = (
    "This `assert` proves what the cells above it have just shown. If other cells have run since, what it looks at may have "
    "changed: run its section again, from the heading on. If it fails in a notebook that ran from top to bottom, the lesson is "
    "out of date: run `make update`."
)


def explain_asserts() -> None:
    """In a notebook, let an `assert` that fails say what to do, below its traceback. Elsewhere this does nothing."""
    if "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((AssertionError,), _explained)


def _explained(
    shell: InteractiveShell,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    tb_offset: int | None = None,
) -> None:
    from IPython.display import display

    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    display(Note("→", "not as it was", SENTENCE, kind="next"))
