"""The kernel's end of the supervisor process, which owns the servers: `supervisor.py` is the other end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import psutil

from course.errors import ServerError
from course.servers import holders
from course.servers import supervisor as supervisor_script

_CLOSE_SECONDS = 2 * supervisor_script.STOP_SECONDS
"""How long the supervisor may take for anything: it kills a server that does not stop in its time."""


@dataclass(frozen=True)
class Command:
    """How to run a server: its arguments, its environment, and the signal that stops it cleanly."""

    argv: list[str]
    env: dict[str, str]
    stop_signal: int


class SupervisorClient:
    """The kernel's end of the supervisor process: sends it requests, keeps the last event of every server.

    Args:
        directory: locked for as long as a server of this supervisor lives.

    Raises:
        DirectoryInUseError: a notebook that is still alive holds the directory.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        lock = holders.lock(directory)
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
        assert self._process.stdin is not None  # both are pipes
        assert self._process.stdout is not None
        self._requests: IO[str] = self._process.stdin
        self._answers: IO[str] = self._process.stdout
        self._events: dict[str, dict] = {}
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        holders.note(directory)
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
            self._requests.close()
        try:
            self._process.wait(timeout=_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:  # each server is killed after its time: a supervisor that still waits hangs
            holders.end([psutil.Process(self._process.pid), *holders.holders(self.directory)])
            self._process.wait()
        self._listener.join()
        self._answers.close()

    @property
    def alive(self) -> bool:
        """Whether the supervisor's process runs."""
        return self._process.poll() is None

    def _send(self, **request: object) -> None:
        try:
            with self._sending:
                self._requests.write(json.dumps(request) + "\n")
                self._requests.flush()
        except (BrokenPipeError, ValueError) as error:
            raise ServerError(
                "The process that looks after the servers has ended. Data that was committed is safe. "
                "Run the cell with `Stack.start` again."
            ) from error

    def _wait_for(self, name: str, *kinds: str) -> dict:
        with self._changed:
            told = lambda: not self.alive or self._events.get(name, {}).get("event") in kinds  # noqa: E731
            if not self._changed.wait_for(told, timeout=_CLOSE_SECONDS):
                raise ServerError(
                    f"{name}: its supervisor has not answered for {_CLOSE_SECONDS} seconds. Committed data is safe. Restart the "
                    "kernel, then run the cell with `Stack.start` again."
                )
            event = self._events.get(name, {})
        if event.get("event") not in kinds:
            raise ServerError(f"{name}: its supervisor ended. Committed data is safe. Run the cell with `Stack.start` again.")
        return event

    def _listen(self) -> None:
        for line in self._answers:
            event = json.loads(line)
            with self._changed:
                self._events[event["name"]] = event
                self._changed.notify_all()
            if event["event"] == "exited":
                self.on_exit(event["name"])
        self._process.wait()
        with self._changed:
            self._changed.notify_all()
