"""Serves an application from a notebook: in a thread of its own, on a free loopback port."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn
from fastapi import FastAPI

from course.errors import CourseError

START_SECONDS = 30


def configured(app: FastAPI) -> uvicorn.Config:
    """How every application here is served.

    Idle connections are kept longer than a client of httpx's keeps them, which is 5 seconds, as long as uvicorn's: if both gave
    one up at the same moment, a question on its way would be lost. https://www.python-httpx.org/advanced/resource-limits/
    """
    return uvicorn.Config(app, log_level="warning", lifespan="on", timeout_keep_alive=30)


class Served:
    """An application that answers at `.url` until `stop()` is called or the kernel ends."""

    def __init__(self, app: FastAPI) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = uvicorn.Server(configured(app))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise CourseError(
                    "The application did not start; what it logged stands above. No data was touched. "
                    "See that its servers run, then run this cell again."
                )
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop serving, and wait until the application has closed its connections."""
        self._server.should_exit = True
        self._thread.join()

    def __repr__(self) -> str:
        return f"Served at {self.url}"


_served: dict[str, Served] = {}


def serve(app: FastAPI) -> Served:
    """Serve an application. Serving one with the same title again replaces the former.

    Raises:
        CourseError: the application's start-up failed.
    """
    former = _served.pop(app.title, None)
    if former:
        former.stop()
    served = _served[app.title] = Served(app)
    return served
