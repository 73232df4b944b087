"""The process that owns the servers of one notebook. Run as a script: it is small, so that it starts fast.

It reads one JSON request a line from standard input and answers one JSON event a line on standard output. When its
input ends, because the kernel closed it, exited or was killed, it stops every server and exits. So no server outlives
its notebook, however the notebook ends. The commands themselves are made by the other modules here.

Requests: {"do": "start", "name", "argv", "env", "cwd", "log", "stop_signal"}, {"do": "stop" | "kill", "name"}
Events:   {"event": "started" | "failed" | "exited", "name", "pid", "returncode", "error"}
"""

import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import psutil

STOP_SECONDS = 20
"""How long a server may take to stop before it is killed."""

OPEN_FILES = 10_240
"""How many files a server may hold open, if the system allows it. macOS begins with 256; ChromaDB holds four a collection."""


class Supervisor:
    """The servers, by name, and the thread that waits for each of them."""

    def __init__(self, keep_open: tuple[int, ...]) -> None:
        self._keep_open = keep_open
        self._children: dict[str, subprocess.Popen] = {}
        self._stop_signals: dict[str, int] = {}
        self._waiters: list[threading.Thread] = []
        self._output = threading.Lock()

    def start(self, name: str, argv: list[str], env: dict, cwd: str, log: str, stop_signal: int) -> None:
        """Start a server, and watch over it."""
        try:
            with open(log, "ab") as output:
                child = subprocess.Popen(
                    argv,
                    env=env,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,  # an interrupt of the kernel must not reach the servers
                    pass_fds=self._keep_open,  # the lock on the directory is held as long as any server lives
                )
        except OSError as error:
            self._say(event="failed", name=name, error=str(error))
            return
        self._children[name], self._stop_signals[name] = child, stop_signal
        self._say(event="started", name=name, pid=child.pid)
        waiter = threading.Thread(target=self._wait, args=(name, child))
        waiter.start()
        self._waiters.append(waiter)

    def stop(self, name: str) -> None:
        """Ask the server to stop cleanly, and kill it when it does not."""
        child = self._children[name]
        child.send_signal(self._stop_signals[name])
        killer = threading.Timer(STOP_SECONDS, _kill, args=(child,))
        killer.daemon = True
        killer.start()

    def kill(self, name: str) -> None:
        """SIGKILL the server and the processes it has forked, as a crash of the machine would."""
        _kill(self._children[name])

    def stop_all(self) -> None:
        """Stop every server, and kill what does not stop in its time."""
        for name, child in self._children.items():
            if child.poll() is None:
                self.stop(name)
        for waiter in self._waiters:
            waiter.join()

    def _wait(self, name: str, child: subprocess.Popen) -> None:
        returncode = child.wait()
        self._say(event="exited", name=name, pid=child.pid, returncode=returncode)

    def _say(self, **event: object) -> None:
        with self._output:
            try:
                sys.stdout.write(json.dumps(event) + "\n")
                sys.stdout.flush()
            except BrokenPipeError:
                # The kernel is gone and nobody listens; the servers are still ours to stop.
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _kill(child: subprocess.Popen) -> None:
    if child.poll() is not None:
        return  # it has ended; its pid may be somebody else's by now
    try:
        server = psutil.Process(child.pid)
        family = [server, *server.children(recursive=True)]
    except psutil.NoSuchProcess:
        return  # it ended just now; its exit is told as any other
    for process in reversed(family):  # the server itself last: its children would otherwise still say goodbye
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family[1:])


def requests(kernel: int) -> Iterator[bytes]:
    """Yield each request line; end when the input ends or when the kernel is no longer our parent."""
    buffer = b""
    while os.getppid() == kernel:
        readable, _, _ = select.select([0], [], [], 1.0)
        if not readable:
            continue
        chunk = os.read(0, 65536)
        if not chunk:
            return
        *lines, buffer = (buffer + chunk).split(b"\n")
        yield from lines


def allow_open_files() -> None:
    """Raise the limit of this process, which its servers inherit. Lowers nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> None:
    """Do what is asked, line by line, until the input ends."""
    allow_open_files()
    kernel, lock = int(sys.argv[1]), int(sys.argv[2])
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: sys.exit())
    supervisor = Supervisor(keep_open=(lock,))
    try:
        for line in requests(kernel):
            request = json.loads(line)
            action = request.pop("do")
            getattr(supervisor, action)(**request)
    finally:
        supervisor.stop_all()


if __name__ == "__main__":
    main()
