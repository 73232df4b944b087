"""A time limit for the learner's code, which runs in this thread as it always does: an endless loop gets an answer too."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 30
"""How long one call of a learner's function may take. A right one takes a hundredth of it on a slow machine."""


class TimeUp(BaseException):
    """The time is up; the message may say what was waited for. No `except Exception` catches it."""


@contextmanager
def deadline(seconds: float = SECONDS) -> Iterator[None]:
    """Raise `TimeUp` inside the block after so many seconds, and again each second, should something swallow it.

    It works in the main thread, where a notebook's cells run; in another thread there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum: int, frame: FrameType | None) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
