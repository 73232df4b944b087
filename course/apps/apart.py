"""Serves applications in processes of their own, so that they share no interpreter with their clients: `serve_apart`.

Such a process ends with this kernel, however that ends. `course.apps.serve` serves in a thread instead, and takes an
application that was made in the notebook.
"""

from __future__ import annotations

import gc
import importlib
import logging
import multiprocessing
import os
import socket
import threading
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection

import uvicorn

from course.apps.serve import configured
from course.errors import CourseError
from course.user_home import see_to_a_user_home

READY_SECONDS = 120
STOP_SECONDS = 10
_PRELOAD = ["course.embedding", "chromadb", "uvicorn", "course.apps.three_databases", "course.apps.one_database"]
"""What takes seconds to import. A fork server does it once, and every process that it makes has it. `course` comes
first: it shortens what `import chromadb` takes."""


class Apart:
    """An application that answers at `.url` until `stop()` or `kill()` is called or the kernel ends. Made by `serve_apart`."""

    def __init__(self, app: str, environment: Mapping[str, str]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOAD)
        self._report, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(app, dict(environment), theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.url = ""

    def wait(self) -> None:
        """Wait until it is ready.

        Raises:
            CourseError: its start-up failed.
        """
        try:
            late = f"it was not ready after {READY_SECONDS} seconds"
            port = self._report.recv() if self._report.poll(READY_SECONDS) else late
        except EOFError:
            port = "its start-up failed, and what it logged stands above"
        if not isinstance(port, int):
            self.stop()
            raise CourseError(
                f"The application did not start: {port}. No data was touched. See that its servers run, then run this cell again."
            )
        self.url = f"http://127.0.0.1:{port}"

    @property
    def pid(self) -> int:
        """The process that serves it."""
        assert self._process.pid is not None  # it was started when this was made
        return self._process.pid

    def stop(self) -> None:
        """Stop serving, and wait until the process has ended."""
        self._report.close()
        self._process.join(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """SIGKILL it, as in a crash: no goodbye, whatever it was doing."""
        self._process.kill()
        self._process.join()

    def __repr__(self) -> str:
        return f"Served at {self.url}"


_served: dict[str, Apart] = {}


def serve_apart(applications: Mapping[str, Mapping[str, str]]) -> list[Apart]:
    """Serve applications, each in a process of its own; all start at the same time.

    Serving the same again replaces the former.

    Args:
        applications: such as `course.apps.one_database:app`, as uvicorn takes it, to the variables that it gets beside ours.

    Raises:
        CourseError: the start-up of one failed.
    """
    see_to_a_user_home()  # the fork server imports chromadb
    for app in applications:
        if app in _served:
            _served.pop(app).stop()
    _served.update({app: Apart(app, environment) for app, environment in applications.items()})
    for app in applications:
        _served[app].wait()
    return [_served[app] for app in applications]


class _Server(uvicorn.Server):
    """Reports its port when it has started, and exits when nobody holds the other end of the pipe any more."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, report: Connection) -> None:
        super().__init__(config)
        self._listener, self._report = listener, report

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._report.send(self._listener.getsockname()[1])
            threading.Thread(target=self._exit_at_the_end, daemon=True).start()

    def _exit_at_the_end(self) -> None:
        try:
            self._report.recv()
        except EOFError:
            self.should_exit = True


def _serve(app: str, environment: Mapping[str, str], report: Connection) -> None:
    """The process: serve on a free loopback port until the other end of the pipe is closed."""
    os.setsid()  # interrupting the kernel does not reach it
    os.environ.update(environment)
    # What it logs ends in the notebook. A dead PostgreSQL is told by the answers, and not by each attempt to connect.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    # What the imports made stays. A full garbage collection would look at each of its 90,000 objects: 40 ms without an answer,
    # 200 beside others, in whichever application it comes. https://docs.python.org/3/library/gc.html#gc.freeze
    gc.freeze()
    try:
        module, _, name = app.partition(":")
        listener = socket.create_server(("127.0.0.1", 0))
        _Server(configured(getattr(importlib.import_module(module), name)), listener, report).run(sockets=[listener])
    except Exception:  # noqa: BLE001  told to who waits for it
        report.send(traceback.format_exc(limit=0).strip())
