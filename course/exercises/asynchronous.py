"""Runs a learner's `async` function from plain code."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end from plain code, also while the notebook's own event loop is busy with this cell.

    It runs in an event loop of its own in another thread: it must not use a connection or client that was opened in the
    notebook's loop. An interrupt cancels it.
    """
    loop = asyncio.new_event_loop()
    done: Future[T] = Future()

    def work() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                done.set_result(runner.run(coroutine))
            except BaseException as error:  # noqa: BLE001  handed to the caller, who raises it
                done.set_exception(error)

    worker = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    try:
        worker.start()
        return done.result()
    except KeyboardInterrupt:
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        raise
