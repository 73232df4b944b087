"""Runs commands side by side: `python -m tests.side_by_side FIRST SECOND then THIRD …`, where the third waits for the second.

Tests wait for servers most of the time, and notebooks compute: together they take little longer than the slowest stream. The
first stream writes to the terminal; what the others wrote follows at the end. Exits with 0 only if every command did.
"""

import shlex
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from typing import IO

from tests.in_memory import temporary_files

THEN = "then"


def run_stream(commands: list[str], report: IO[bytes] | None, failed: list[str]) -> None:
    """Run commands one after the other until one fails, and note that one. Their output goes to the report, or is shown."""
    for command in commands:
        began = time.monotonic()
        status = subprocess.run(shlex.split(command), stdout=report, stderr=report and subprocess.STDOUT).returncode
        said = f"{time.monotonic() - began:7.0f} s  {command}\n".encode()
        (report or sys.stdout.buffer).write(said)
        if status != 0:
            failed.append(command)
            return


def streams(words: tuple[str, ...]) -> list[list[str]]:
    """The commands that run side by side, each with those that follow it."""
    found: list[list[str]] = []
    for place, word in enumerate(words):
        if word != THEN and words[place - 1 : place] == (THEN,):
            found[-1].append(word)
        elif word != THEN:
            found.append([word])
    return found


def main(*words: str) -> int:
    """Run them all. Returns 1 if a command failed, after saying which."""
    failed: list[str] = []
    first, *others = streams(words)
    with ExitStack() as reports, temporary_files() as folder:
        if folder:
            print(f"Temporary files lie in memory, in {folder}.", flush=True)
        beside = [(commands, reports.enter_context(tempfile.TemporaryFile())) for commands in others]
        threads = [threading.Thread(target=run_stream, args=(*stream, failed)) for stream in beside]
        for thread in threads:
            thread.start()
        run_stream(first, None, failed)
        for thread, (_, report) in zip(threads, beside, strict=True):
            thread.join()
            report.seek(0)
            sys.stdout.buffer.write(report.read())
    for command in failed:
        print(f"FAILED: {command}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
