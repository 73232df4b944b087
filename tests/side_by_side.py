"""Runs commands side by side: `python -m tests.side_by_side FIRST SECOND …`, four at a time, in the order they are given in.

Tests wait for servers half of the time, and notebooks compute: on two cores, four together take little longer than the processor
needs for all. Long commands come first, so that short ones fill up the end. The first writes to the terminal; what the others
wrote follows in their order. Exits with 0 only if every command did.
"""

import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import IO

from tests.in_memory import temporary_files

AT_A_TIME = 4


def run(command: str, report: IO[bytes] | None) -> bool:
    """Run a command and say how long it took. What it writes goes to the report, or is shown. Returns whether it succeeded."""
    began = time.monotonic()
    out = report or sys.stdout.buffer
    try:
        passed = subprocess.run(shlex.split(command), stdout=report, stderr=report and subprocess.STDOUT).returncode == 0
    except (OSError, ValueError, IndexError) as error:  # no such program, an open quotation mark, nothing at all
        passed = False
        out.write(f"{error}\n".encode())
    out.write(f"{time.monotonic() - began:7.0f} s  {command}\n".encode())
    return passed


def main(*commands: str, at_a_time: int = AT_A_TIME) -> int:
    """Run them all, so many at a time. Returns 1 if a command failed, after saying which."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in a script's background it is ignored, and tests interrupt
    failed: list[str] = []
    with temporary_files() as folder, ExitStack() as until_the_end:
        if folder:
            print(f"Temporary files lie in memory, in {folder}.", flush=True)
        files = [None, *(until_the_end.enter_context(tempfile.TemporaryFile()) for _ in commands[1:])]
        pool = ThreadPoolExecutor(at_a_time)
        until_the_end.callback(pool.shutdown, cancel_futures=True)  # interrupted, no other command starts
        running = [pool.submit(run, command, report) for command, report in zip(commands, files, strict=True)]
        for command, report, done in zip(commands, files, running, strict=True):
            if not done.result():
                failed.append(command)
            if report:
                report.seek(0)
                shutil.copyfileobj(report, sys.stdout.buffer)
                sys.stdout.flush()
    for command in failed:
        print(f"FAILED: {command}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
