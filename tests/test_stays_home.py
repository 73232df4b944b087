"""No lesson looks a name up or opens a connection beyond this machine. Seen from the outside, by the calls to the system."""

import re
import shutil
import subprocess
import sys

import pytest

from course.home import ROOT
from course.manifest import lessons

ADDRESS = re.compile(r'sin6?_port=htons\((?P<port>\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6, ")(?P<host>[0-9a-f.:]+)"')

BEYOND = """
import socket
try:
    socket.create_connection(("192.0.2.1", 9), timeout=0.1)
except OSError:
    pass
"""
"""Tries to reach an address that is reserved for documentation: what the test must see."""


def calls_beyond_this_machine(command, tmp_path):
    """Run a command and return the connections and datagrams that it, or a child of it, sent to another machine.

    A name is looked up by a datagram to a name server, so it shows here too, whichever library asks.
    """
    trace = tmp_path / "trace"
    subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(trace), *command], cwd=ROOT, check=True
    )
    beyond = []
    for line in trace.read_text(errors="replace").splitlines():
        for found in ADDRESS.finditer(line):
            # Port 0 sends nothing: it asks the kernel which address it would use.
            if found["host"] not in ("127.0.0.1", "::1", "0.0.0.0") and found["port"] != "0":
                beyond.append(line)
    return beyond


@pytest.fixture(autouse=True)
def strace():
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed; CI has it")


def test_a_call_that_leaves_the_machine_is_seen(tmp_path):
    assert calls_beyond_this_machine([sys.executable, "-c", BEYOND], tmp_path)


@pytest.mark.parametrize("lesson", [lesson for lesson in lessons() if lesson.written], ids=lambda lesson: lesson.stem)
def test_a_lesson_stays_on_this_machine(lesson, tmp_path):
    gate = ["-p", "tests.fast_start", "-p", "tests.nbval_gate", "-p", "no:schemathesis", "--nbval-lax", "--nbval-current-env"]
    command = [sys.executable, "-m", "pytest", *gate, "--nbval-cell-timeout=120", f"lessons/{lesson.stem}.ipynb"]
    assert calls_beyond_this_machine(command, tmp_path) == []
