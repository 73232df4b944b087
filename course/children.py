"""Child processes that a lesson kills: each is forked from a server that has imported the slow libraries already."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any


class Children:
    """Starts functions of a module that the notebook has written, each in a process of its own.

    A fork server imports the slow libraries once, and each child has them from its first moment on, with memory of its own.
    Children of an earlier run of the cell are killed.

    Args:
        folder: where the module lies; it can be imported afterwards.
        preload: what the fork server imports, such as `["chromadb", "psycopg"]`.
    """

    def __init__(self, folder: Path, preload: Sequence[str]) -> None:
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
        for former in multiprocessing.active_children():
            former.kill()
            former.join()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["course", *preload])  # it shortens what `import chromadb` takes

    def start(self, work: Callable[..., object], *given: Any) -> tuple[BaseProcess, Connection]:
        """Call `work(*given, line)` in a new process.

        Returns:
            The process, which can be killed and joined, and our end of the line, on which it can say where it is.
        """
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(*given, theirs), daemon=True)
        process.start()
        theirs.close()
        return process, ours
