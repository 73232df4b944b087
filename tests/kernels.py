"""A real Jupyter kernel for tests: what a notebook does, without the notebook."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel
from nbformat import NotebookNode

from course.pipeline.kernel_home import QUICK_END

START = """
from course import Stack
stack = Stack.start("00")
import json
print(json.dumps([stack._supervisor._process.pid, *(server.pid for server in stack.servers)]))
"""


@contextmanager
def kernel(home: Path) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """A kernel whose COURSE_HOME is this directory; it is shut down at the end if it still lives."""
    environment = os.environ | {"COURSE_HOME": str(home)}
    manager, client = start_new_kernel(kernel_name="python3", env=environment, extra_arguments=[QUICK_END])
    try:
        yield manager, client
    finally:
        client.stop_channels()
        if manager.is_alive():
            manager.shutdown_kernel(now=True)


def run(client: BlockingKernelClient, code: str) -> str:
    """Run a cell and return what it printed; an error in it is an error here."""
    printed = []

    def hear(message: dict) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = client.execute_interactive(code, output_hook=hear, timeout=120)
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(printed)


def run_cell(client: BlockingKernelClient, cell: NotebookNode) -> None:
    """Run a notebook's cell. One that is tagged `raises-exception` must raise, any other must not."""
    reply = client.execute_interactive(cell.source, output_hook=lambda message: None, timeout=120)["content"]
    wanted = "error" if "raises-exception" in cell.metadata.get("tags", []) else "ok"
    assert reply["status"] == wanted, f"{cell.source}\n{reply.get('ename')}: {reply.get('evalue')}"


def start_stack(client: BlockingKernelClient) -> list[psutil.Process]:
    """Start a stack in the kernel. Returns its processes: the supervisor, and the three servers."""
    return [psutil.Process(pid) for pid in json.loads(run(client, START))]


def until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait for a condition; fail with `what` was waited for when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for: {what}"
        time.sleep(0.02)


def gone(processes: list[psutil.Process]) -> bool:
    """True when none of these very processes runs any more."""
    return all(_ended(process) for process in processes)


def gone_pid(pid: int) -> bool:
    """True when no process of this number runs."""
    try:
        return _ended(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def _ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two questions
        return True
