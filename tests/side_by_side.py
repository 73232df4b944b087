"""Runs one command, and beside it others one after the other: `python -m tests.side_by_side FIRST SECOND [THIRD …]`.

Tests wait for servers most of the time, and notebooks compute: together they take little longer than the slower stream.
The first command writes to the terminal; what the others wrote follows at the end. Exits with 0 only if all did.
"""

import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from typing import IO


def one_after_the_other(commands: list[str], report: IO[bytes], failed: list[str]) -> None:
    """Run commands until one fails, and note that one. Their output goes to the report."""
    for command in commands:
        if subprocess.run(shlex.split(command), stdout=report, stderr=subprocess.STDOUT).returncode != 0:
            failed.append(command)
            return


def main(first: str, *others: str) -> int:
    """Run them all. Returns 1 if one failed, after saying which."""
    failed: list[str] = []
    with tempfile.TemporaryFile() as report:
        beside = threading.Thread(target=one_after_the_other, args=(list(others), report, failed))
        beside.start()
        if subprocess.run(shlex.split(first)).returncode != 0:
            failed.insert(0, first)
        beside.join()
        report.seek(0)
        sys.stdout.buffer.write(report.read())
    for command in failed:
        print(f"FAILED: {command}")
    if not failed:
        print(f"All gates passed in {time.time() - float(os.environ['COURSE_TEST_BEGAN']):.0f} s.")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
