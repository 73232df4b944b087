"""What every server of ours shares: a lock on its directory, the supervisor that owns it, start, ready, stop and kill.

How one particular server is started and asked for its readiness stands in `postgres.py`, `chroma.py` and `redis.py`.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import psutil

from course.errors import DirectoryInUseError, ServerError
from course.servers import supervisor as supervisor_script

State = Literal["running", "starting", "stopped", "killed", "crashed"]

READY_SECONDS = 60
"""How long a server may take to be ready. Crash recovery and a slow disk are included."""

_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Command:
    """How to run a server: its arguments, its environment, and the signal that stops it cleanly."""

    argv: list[str]
    env: dict[str, str]
    stop_signal: int


class Supervisor:
    """The kernel's end of the supervisor process: sends it requests, keeps the last event of every server.

    Args:
        directory: locked for as long as a server of this supervisor lives.

    Raises:
        DirectoryInUseError: a notebook that is still alive holds the directory.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        lock = _lock(directory)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", supervisor_script.__file__, str(os.getpid()), str(lock)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(lock,),
                start_new_session=True,
                text=True,
            )
        finally:
            os.close(lock)
        self._events: dict[str, dict] = {}
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._holder = {"kernel": _identity(os.getpid()), "supervisor": _identity(self._process.pid), "servers": {}}
        self._note_holder()
        self.on_exit: Callable[[str], None] = lambda name: None
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def start(self, name: str, command: Command, cwd: Path, log: Path) -> int:
        """Start a server and return its pid.

        Raises:
            ServerError: the program could not be run.
        """
        self._events.pop(name, None)
        env, stop_signal = command.env, int(command.stop_signal)
        self._send(do="start", name=name, argv=command.argv, env=env, cwd=str(cwd), log=str(log), stop_signal=stop_signal)
        event = self._wait_for(name, "started", "failed", "exited")
        if event["event"] == "failed":
            raise ServerError(
                f"{name} could not be run: {event['error']}. No data was touched. Run `make lab` to install it again."
            )
        self._note_holder(name, event["pid"])
        return event["pid"]

    def end(self, name: str, how: Literal["stop", "kill"]) -> None:
        """Stop or kill a server and wait until it is gone."""
        if self._wait_for(name, "started", "failed", "exited")["event"] == "started":
            self._send(do=how, name=name)
            self._wait_for(name, "exited")

    def exited(self, name: str) -> dict | None:
        """The event of the server's end, or None while it runs."""
        event = self._events.get(name)
        return event if event and event["event"] == "exited" else None

    def close(self) -> None:
        """Stop every server, end the supervisor, and wait for both."""
        with suppress(BrokenPipeError):  # it has ended before us
            self._process.stdin.close()
        self._process.wait()
        self._listener.join()
        self._process.stdout.close()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def _note_holder(self, server: str | None = None, pid: int = 0) -> None:
        """Write down who runs here, for the next notebook that finds the directory locked."""
        with self._sending:
            if server:
                self._holder["servers"][server] = _identity_or_gone(pid)
            draft = self.directory / "holder.json.new"
            draft.write_text(json.dumps(self._holder), encoding="utf-8")
            draft.rename(self.directory / "holder.json")

    def _send(self, **request: object) -> None:
        try:
            with self._sending:
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise ServerError(
                "The process that looks after the servers has ended. Data that was committed is safe. "
                "Run the cell with `Stack.start` again."
            ) from error

    def _wait_for(self, name: str, *kinds: str) -> dict:
        with self._changed:
            self._changed.wait_for(lambda: not self.alive or self._events.get(name, {}).get("event") in kinds)
            event = self._events.get(name, {})
        if event.get("event") not in kinds:
            raise ServerError(f"{name}: its supervisor ended. Committed data is safe. Run the cell with `Stack.start` again.")
        return event

    def _listen(self) -> None:
        for line in self._process.stdout:
            event = json.loads(line)
            with self._changed:
                self._events[event["name"]] = event
                self._changed.notify_all()
            if event["event"] == "exited":
                self.on_exit(event["name"])
        self._process.wait()
        with self._changed:
            self._changed.notify_all()


class Server(ABC):
    """A server of ours, in its own directory, on a loopback port of its own.

    Subclasses say how to prepare its directory, how to run it, and how to see that it is ready.

    Attributes:
        directory: its files. It may be exchanged for a backup's while the server is stopped.
        settings: the server's own settings, by name; they count from its next start. ChromaDB has none.
    """

    key: str
    name: str
    role: str
    can_be_killed = True

    def __init__(self, directory: Path, supervisor: Supervisor, password: str) -> None:
        self.directory = directory / self.key
        self.log = directory / f"{self.key}.log"
        self.password = password
        self.port = 0
        self.settings: dict[str, object] = {}
        self.on_change: Callable[[Server], None] = lambda server: None
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
            f"Its data in {self.directory} was left as it is. If the disk is full, free some space and start it again; "
            f"if it stays like this, `make clean` begins afresh."
        )

    def _remembered_port(self) -> int:
        try:
            return self.port or int((self.directory.parent / f"{self.key}.port").read_text())
        except (FileNotFoundError, ValueError):
            return 0

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


def _identity(pid: int) -> list[float]:
    """A pid and the time its process began: together they name one process, where a pid alone may be reused."""
    return [pid, psutil.Process(pid).create_time()]


def _identity_or_gone(pid: int) -> list[float]:
    try:
        return _identity(pid)
    except psutil.NoSuchProcess:
        return [pid, 0.0]  # it ended at once; no process began at time 0


def _process(identity: list[float]) -> psutil.Process | None:
    """The process that is meant, if it still lives. One with the same pid that began at another time is a stranger."""
    try:
        process = psutil.Process(int(identity[0]))
        same = process.create_time() == identity[1] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same else None


def _lock(directory: Path) -> int:
    """Lock the directory and return the open file descriptor; the lock lasts until every copy of it is closed.

    Servers inherit it. So who gets the lock knows that no server of ours lives on these files. A notebook whose kernel
    has just ended may still be stopping its servers: we wait for it. A live one keeps its lock.
    """
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + supervisor_script.STOP_SECONDS + 10
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            holder = _read_holder(directory)
        if holder and not _process(holder["supervisor"]):
            _end_orphans(holder["servers"])
        elif (holder and _process(holder["kernel"])) or time.monotonic() > deadline:
            os.close(descriptor)
            who = f"process {int(holder['kernel'][0])}" if holder else "a process that has not said its name"
            raise DirectoryInUseError(
                f"Another notebook ({who}) runs its servers in {directory}. Nothing was changed. "
                "Shut that kernel down, or set COURSE_HOME to another directory, then run this cell again."
            )
        time.sleep(_POLL_SECONDS)


def _end_orphans(servers: dict[str, list[float]]) -> None:
    """End servers whose supervisor was killed: exactly the processes it had started, and nobody else's."""
    orphans = [process for identity in servers.values() if (process := _process(identity))]
    for process in orphans:
        process.send_signal(signal.SIGINT)
    _, stubborn = psutil.wait_procs(orphans, timeout=supervisor_script.STOP_SECONDS)
    for process in stubborn:
        process.kill()


def _read_holder(directory: Path) -> dict | None:
    try:
        return json.loads((directory / "holder.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None  # the directory was locked for the first time a moment ago
