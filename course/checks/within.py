"""A way to wait for what may never end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future


def within(seconds: float, call: Callable[[], object]) -> object:
    """What a call gives or raises. It runs in a thread of its own, and is left there when it takes longer.

    Raises:
        concurrent.futures.TimeoutError: it takes longer.
    """
    done: Future = Future()

    def work() -> None:
        try:
            done.set_result(call())
        except BaseException as error:  # noqa: BLE001  handed to the caller, who raises it
            done.set_exception(error)

    threading.Thread(target=work, name="within", daemon=True).start()
    return done.result(timeout=seconds)
