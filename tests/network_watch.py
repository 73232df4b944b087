"""Watches a process and its children from the outside, by their calls to the system, for anything that leaves the machine.

A name is looked up by a datagram to a name server, so it shows here too, whichever library asks.
"""

import os
import re
import shutil
from pathlib import Path

ADDRESS = re.compile(r'sin6?_port=htons\((?P<port>\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6, ")(?P<host>[0-9a-f.:]+)"')
HERE = ("127.0.0.1", "::1", "0.0.0.0", "::")
CALLS = "trace=connect,sendto,sendmsg,sendmmsg,set_robust_list,?rseq"
"""What leaves the machine, and what a new process or thread calls first: until one has made a call that strace looks at, strace
stops it at every other call too, and a lesson with many questions to its servers takes twice as long."""


def watching(trace: Path) -> list[str]:
    """The words before a command that append its network calls to a file; none where strace is not installed.

    Raises:
        RuntimeError: strace is missing where nothing may be skipped (COURSE_NOTHING_SKIPPED, as in CI).
    """
    strace = shutil.which("strace")
    if strace:
        return [strace, "-f", "--seccomp-bpf", "-qq", "-e", CALLS, "-A", "-o", str(trace)]
    if os.environ.get("COURSE_NOTHING_SKIPPED"):
        raise RuntimeError("strace is not installed, and nothing may be skipped here. Install Debian's package strace.")
    return []


def calls_beyond_this_machine(trace: Path) -> list[str]:
    """The connections and datagrams in a trace that went to another machine."""
    return [
        line
        for line in trace.read_text(errors="replace").splitlines()
        for found in ADDRESS.finditer(line)
        # Port 0 sends nothing: it asks the system which address it would use.
        if found["host"] not in HERE and found["port"] != "0"
    ]
