"""Waiting: the progress bar of anything that takes over two seconds, and how a lesson waits for a condition."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from course.errors import CourseError

Item = TypeVar("Item")
T = TypeVar("T")


def waiting(items: Iterable[Item], what: str, *, total: int | None = None, after: float = 2.0) -> Iterator[Item]:
    """Go through the items, with a progress bar that goes away when all are done.

    It is written to standard output: JupyterLab shows standard error like an error.

    Args:
        items: what to go through.
        what: what is being done, such as `"loading vectors"`.
        total: how many there are, if the items do not know.
        after: the bar shows when it has taken so many seconds, and something is left to do.
    """
    return iter(tqdm(items, desc=what, total=total, delay=after, leave=False, file=sys.stdout))


def until(condition: Callable[[], T], *, seconds: float = 60) -> T:
    """Wait until a condition holds, asked again and again, and return what it gave.

    Raises:
        CourseError: it did not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not (held := condition()):
        if time.monotonic() > deadline:
            raise CourseError(
                f"What this cell waits for has not happened in {seconds:g} seconds. Nothing is lost. Run the cells of this "
                "section again from its heading on; if it stays so, restart the kernel and run all cells."
            )
        time.sleep(0.002)
    return held
