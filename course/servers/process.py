"""What every server of ours shares: start, ready, stop and kill. What owns its process stands in `supervisor_client.py`.

How one particular server is started and asked for its readiness stands in `postgres.py`, `chroma.py` and `redis.py`.
"""

from __future__ import annotations

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Literal

from course.errors import ServerError
from course.home import if_full
from course.servers import addresses
from course.servers.protocol import AnyServer
from course.servers.supervisor_client import Command, SupervisorClient

State = Literal["running", "starting", "stopped", "killed", "crashed"]

READY_SECONDS = 60
"""How long a server may take to be ready. Crash recovery and a slow disk are included."""

_POLL_SECONDS = 0.01


class Server(ABC):
    """A server of ours, in its own directory, on a loopback port of its own.

    Subclasses say how to prepare its directory, how to run it, and how to see that it is ready.

    Attributes:
        directory: its files. It may be exchanged for a backup's while the server is stopped.
        settings: the server's own settings, by name; they count from its next start. ChromaDB has none.
    """

    key: addresses.Kind
    name: str
    role: str
    can_be_killed = True
    namespace = ""

    def __init__(self, directory: Path, supervisor: SupervisorClient, password: str) -> None:
        self.directory = directory / self.key
        self.log = directory / f"{self.key}.log"
        self.password = password
        self.port = 0
        self.settings: dict[str, object] = {}
        self.on_change: Callable[[AnyServer], None] = lambda server: None
        self._supervisor = supervisor
        self._state: State = "stopped"
        self._pid: int | None = None

    @property
    def state(self) -> State:
        """What the server does now: running, starting, stopped, killed or crashed."""
        exited = self._supervisor.exited(self.key)
        if self._state in ("running", "starting") and exited:
            return "killed" if exited["returncode"] == -9 else "crashed"
        return self._state

    @property
    def pid(self) -> int | None:
        """The process id, or None while the server does not run."""
        return self._pid if self.state in ("running", "starting") else None

    @property
    def address(self) -> str:
        """Where it listens, as `127.0.0.1:port`."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server with the data it has, and return when it is ready. Does nothing when it runs already.

        Raises:
            ServerError: it did not start; the message holds the end of its log.
        """
        if self.state == "running":
            return
        if self.state == "starting":  # an interrupt came before it was ready: begin again
            self._supervisor.end(self.key, "stop")
        self._prepare()
        for attempt in (1, 2):
            self.port = free_port(self._remembered_port())
            self._set_state("starting")
            log_start = self.log.stat().st_size if self.log.exists() else 0
            try:
                self._pid = self._supervisor.start(self.key, self._command(), self.directory, self.log)
            except ServerError:
                self._set_state("stopped")
                raise
            if self._becomes_ready():
                break
            # Another program may have taken the port between our look and the server's bind: try one more.
            if attempt == 2 or not _port_is_taken(self.port):
                raise self._did_not_start(log_start)
        with suppress(OSError):  # a folder in its place, say: then the next start takes another port
            (self.directory.parent / f"{self.key}.port").write_text(str(self.port))
        self._set_state("running")

    def stop(self) -> None:
        """Stop the server cleanly and wait until it has ended."""
        if self._state == "stopped":
            return
        self._supervisor.end(self.key, "stop")
        self._set_state("stopped")

    def kill(self) -> None:
        """SIGKILL the server: no goodbye, no clean-up, as in a crash. Its files stay as they are."""
        if self.state == "stopped":
            return
        self._supervisor.end(self.key, "kill")
        self._set_state("killed")

    @cached_property
    def version(self) -> str:
        """The version of the program, such as `18.6`."""
        return self.installed_version()

    @staticmethod
    @abstractmethod
    def installed_version() -> str:
        """The version of the installed program.

        Raises:
            ServerError: it is not installed.
        """

    def mark_stopped(self) -> None:
        """Note that the supervisor has stopped this server together with all others."""
        self._set_state("stopped")

    @property
    @abstractmethod
    def url(self) -> str:
        """Address and credentials as one URL."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make the directory ready for a first start; leave one that has data as it is."""

    @abstractmethod
    def _command(self) -> Command: ...

    @abstractmethod
    def _ready(self) -> bool: ...

    def _becomes_ready(self) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while not self._supervisor.exited(self.key):
            if self._ready():
                return True
            if time.monotonic() > deadline:
                self._supervisor.end(self.key, "kill")
            time.sleep(_POLL_SECONDS)
        return False

    def _did_not_start(self, log_start: int) -> ServerError:
        tail = self.log.read_bytes()[log_start:].decode(errors="replace").strip().splitlines()[-8:]
        said = "\n".join(f"    {line}" for line in tail) or "    (nothing)"
        return ServerError(
            f"{self.name} did not start. The last lines it wrote:\n{said}\n"
            f"Its data in {self.directory} was left as it is. {if_full(self.directory.parent)}Start it again; if it stays like "
            "this, `make clean` begins afresh: your notebooks and progress stay."
        )

    def _remembered_port(self) -> int:
        """The port that was used last, or 0 where the file says none."""
        try:
            port = self.port or int((self.directory.parent / f"{self.key}.port").read_text())
        except (OSError, ValueError):
            return 0
        return port if 1024 <= port <= 65535 else 0

    def _set_state(self, state: State) -> None:
        self._state = state
        self.on_change(self)


def free_port(preferred: int = 0) -> int:
    """A free TCP port on loopback: the preferred one if it is free, else any."""
    if preferred and not _port_is_taken(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _port_is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
