"""The progress bar of anything that takes over two seconds: the course's own work, and the loops of the lessons."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


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
