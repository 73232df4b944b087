"""Who holds a stack's directory: one lock, inherited by its supervisor and servers, and how the next notebook gets it.

Whoever has the lock's file open is one of ours: no pid and no start time is trusted, since a pid is reused, a clock is moved,
and a process of another container cannot be seen at all.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from pathlib import Path

import psutil

from course.errors import CourseError, DirectoryInUseError
from course.files import write_whole
from course.servers import supervisor as supervisor_script

_PATIENCE_SECONDS = supervisor_script.STOP_SECONDS + 10
"""How long to wait for a notebook whose kernel has just ended and whose servers still stop."""

_POLL_SECONDS = 0.05


def lock(directory: Path) -> int:
    """Lock a directory and return the open file descriptor; the lock lasts until every copy of it is closed.

    A notebook whose kernel has just ended may still be stopping its servers: we wait for it. A live one keeps its lock.
    Servers whose supervisor was killed are ended.

    Raises:
        DirectoryInUseError: a live notebook holds it, or somebody who cannot be seen from here.
        CourseError: the lock's file cannot be opened.
    """
    descriptor = _opened(directory / "lock")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    try:
        while not _taken(descriptor):
            who = holders(directory)
            supervisors = [process for process in who if _is_supervisor(process)]
            living = next((kernel for process in supervisors if (kernel := _kernel_of(process))), None)
            if living:
                raise DirectoryInUseError(_in_use(directory, f"process {living}"))
            if who and not supervisors:
                end(who)
            elif time.monotonic() > deadline:
                raise DirectoryInUseError(_in_use(directory, _said(directory)))
            time.sleep(_POLL_SECONDS)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def holders(directory: Path) -> list[psutil.Process]:
    """The processes that have the directory's lock open, apart from this one, as far as they can be seen."""
    path = str((directory / "lock").resolve())
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            if any(file.path == path for file in process.open_files()):
                found.append(process)
        except (psutil.Error, OSError):  # somebody else's process, or one that has ended
            continue
    return found


def orphans(directory: Path, but_not: int) -> list[psutil.Process]:
    """Servers whose supervisor was killed: the holders, if none of them is one. A process that only looks is left out."""
    who = [process for process in holders(directory) if process.pid != but_not]
    return [] if any(map(_is_supervisor, who)) else who


def end(processes: list[psutil.Process]) -> None:
    """End servers whose supervisor was killed: ask first, then kill."""
    for process in processes:
        try:
            process.send_signal(supervisor_script.signal.SIGINT)
        except psutil.NoSuchProcess:
            continue
    _, stubborn = psutil.wait_procs(processes, timeout=supervisor_script.STOP_SECONDS)
    for process in stubborn:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(stubborn, timeout=supervisor_script.STOP_SECONDS)


def note(directory: Path) -> None:
    """Write down who runs here, for the message to another notebook that finds the directory locked."""
    about = {"kernel": os.getpid(), "machine": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M")}
    write_whole(directory / "holder.json", json.dumps(about))


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CourseError(
            f"The lock {path} cannot be opened: {error.strerror}. No server was started, and no data was touched. Delete it: "
            "it is the course's own. Then run this cell again."
        ) from error


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_supervisor(process: psutil.Process) -> bool:
    try:
        return supervisor_script.__file__ in process.cmdline()
    except psutil.Error:
        return False


def _kernel_of(process: psutil.Process) -> int | None:
    """The pid of the kernel that a supervisor works for, or None once that has ended and it is stopping its servers."""
    try:
        arguments = process.cmdline()
        kernel = int(arguments[arguments.index(supervisor_script.__file__) + 1])
        return kernel if process.ppid() == kernel else None
    except (psutil.Error, ValueError, IndexError):
        return None


def _said(directory: Path) -> str:
    """What the holder has written down about itself."""
    try:
        about = json.loads((directory / "holder.json").read_text(encoding="utf-8"))
        return f"process {about['kernel']} on {about['machine']}, since {about['since']}, which cannot be seen from here"
    except (OSError, ValueError, TypeError, KeyError):
        return "a process that cannot be seen from here"


def _in_use(directory: Path, who: str) -> str:
    return (
        f"Another notebook ({who}) runs its servers in {directory}. Nothing was changed. Shut that kernel down, there where it "
        "runs, or set COURSE_HOME to another directory. Then run this cell again."
    )
