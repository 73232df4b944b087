"""A user who logs in and saves a page, again and again, and what the application has acknowledged. Checks and counts nothing.

What that teaches stands in a lesson: each write is noted when its answer has come, for from then on the user relies on it.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from course import dataset
from course.errors import CourseError
from course.waiting import until

AROUND = 10
"""How many writes are acknowledged before the block begins, and again before it ends."""

_AGAIN_SECONDS = 0.05
"""After a refusal, a patient client waits so long and tries again."""

_ANSWER_SECONDS = 30


@dataclass(frozen=True)
class Write:
    """One acknowledged write.

    Attributes:
        kind: `session` or `document`.
        key: the document's id, or the session's token.
        text: what was embedded of a document: title, and content below it; `""` for a session.
        began, acknowledged: seconds of `time.perf_counter()`.
        tries: how often it was sent until it was accepted.
    """

    kind: str
    key: int | str
    text: str
    began: float
    acknowledged: float
    tries: int


class _Writer:
    """Writes in a thread of its own until it is told to stop. The first answer that is neither yes nor *later* ends it."""

    def __init__(self, url: str, user_id: int) -> None:
        self.written: list[Write] = []
        self.stop = threading.Event()
        self.failed: list[Exception] = []
        self._http = httpx.Client(base_url=url, timeout=_ANSWER_SECONDS, trust_env=False)
        self._user = {"user_id": user_id}
        self.thread = threading.Thread(target=self._work, daemon=True)

    def some_more(self) -> None:
        count = len(self.written) + AROUND
        until(lambda: len(self.written) >= count or not self.thread.is_alive())

    def _work(self) -> None:
        try:
            with self._http:
                for number, note in enumerate(itertools.cycle(dataset.documents()), start=1):
                    page = {"title": f"Page {number}: {note.title}", "content": note.content}
                    if not (self._send("session", {}) and self._send("document", page)):
                        return
        except (httpx.HTTPError, ValueError) as error:
            self.failed.append(error)

    def _send(self, kind: str, body: dict[str, str]) -> bool:
        """Send it until it is accepted. Returns False when it is time to stop."""
        began, tries = time.perf_counter(), 1
        while (answer := self._http.post(f"/{kind}s", json=self._user | body)).status_code == 503:
            tries += 1
            if self.stop.wait(_AGAIN_SECONDS):
                return False
        new = answer.raise_for_status().json()
        key, text = new.get("id") or new["token"], "\n".join(body.values())
        self.written.append(Write(kind, key, text, began, time.perf_counter(), tries))
        return not self.stop.is_set()


@contextmanager
def writing(url: str, user_id: int) -> Iterator[list[Write]]:
    """Have a user write while the block runs, and a little before and after. Gives the list of what was acknowledged.

    Args:
        url: where the application answers.
        user_id: who writes.

    Raises:
        CourseError: the application gave another answer than *created* or 503, or none.
    """
    writer = _Writer(url, user_id)
    writer.thread.start()
    try:
        writer.some_more()
        yield writer.written
        writer.some_more()
    finally:
        writer.stop.set()
        writer.thread.join(2 * _ANSWER_SECONDS)
    if writer.failed:
        raise CourseError(
            f"Nobody writes any more: {writer.failed[0]}. What was acknowledged before is kept. Run the cell that serves the "
            "application, then this one again."
        ) from writer.failed[0]
