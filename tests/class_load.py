"""`python -m tests.class_load [LEARNERS]`: so many learners at once run lesson 04 to its end in a class on this machine.

It prints what a learner's work takes: memory, the time to the first cell and to the last; and that nothing is left when all have
logged off. As root, on loopback alone; it makes users for it and removes them. `make class-load` runs it with 12.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import nbformat
import psutil

from course import manifest
from course.home import ROOT
from tests.room import Kernel, Room, room, until

LESSON = "04"
MEGABYTE = 1024**2
BOUND = 1800
"""Seconds after which a learner gives up: on two quiet cores, twelve need a few minutes."""


@dataclass
class Work:
    """What one learner saw, in seconds and bytes."""

    server: float = 0.0
    first_cell: float = 0.0
    whole: float = 0.0
    memory: int = 0
    processor: float = 0.0


def cells() -> list[nbformat.NotebookNode]:
    """The code cells of the solution."""
    path = ROOT / "solutions" / f"{manifest.lesson(LESSON).stem}.ipynb"
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def taken_by(name: str, class_room: Room) -> tuple[int, float]:
    """What a learner's processes hold and have used: memory in which a page shared by many counts once (PSS), and seconds."""
    memory, seconds = 0, 0.0
    for process in class_room.processes_of(name):
        with suppress(psutil.Error):
            memory += process.memory_full_info().pss
            seconds += sum(process.cpu_times()[:4])  # with those of its children that have ended
    return memory, seconds


def take_part(name: str, class_room: Room, lesson: list[nbformat.NotebookNode], done: threading.Barrier) -> Work:
    """Log in, start, run the lesson, wait for the others, and log off. If one fails, nobody waits any longer."""
    try:
        return _take_part(name, class_room, lesson, done)
    except BaseException:
        done.abort()
        raise


def _take_part(name: str, class_room: Room, lesson: list[nbformat.NotebookNode], done: threading.Barrier) -> Work:
    work, began = Work(), time.monotonic()
    browser = class_room.log_in(name)
    browser.start()
    work.server = time.monotonic() - began
    kernel = browser.kernel(f"lessons/{manifest.lesson(LESSON).stem}.ipynb")
    kernel.run("6 * 7")
    work.first_cell = time.monotonic() - began
    for cell in lesson:
        run(kernel, cell)
    work.whole = time.monotonic() - began
    done.wait(BOUND)  # everybody's servers stay up until all are measured
    work.memory, work.processor = taken_by(name, class_room)
    done.wait(BOUND)
    browser.log_out()
    return work


def run(kernel: Kernel, cell: nbformat.NotebookNode) -> None:
    """Run a cell. One that is tagged `raises-exception` may fail, any other must not."""
    kernel.run(cell.source, may_fail="raises-exception" in cell.metadata.get("tags", []))


def measure(count: int) -> None:
    """Let so many take part, and print what was seen."""
    names = [f"load-{number:02}" for number in range(1, count + 1)]
    lesson = cells()
    with room(names) as class_room:
        before = psutil.virtual_memory().available
        lowest = [before]
        ended = threading.Event()
        watcher = threading.Thread(target=watch, args=(lowest, ended))
        watcher.start()
        done = threading.Barrier(count)
        with ThreadPoolExecutor(count) as together:
            works = list(together.map(lambda name: take_part(name, class_room, lesson, done), names))
        ended.set()
        watcher.join()
        began = time.monotonic()
        until(lambda: not any(class_room.processes_of(name) for name in names), "everything has ended")
        left = time.monotonic() - began
    show(works, (before - lowest[0]) / count, left)


def watch(lowest: list[int], ended: threading.Event) -> None:
    """Note the least memory that was free."""
    while not ended.wait(1):
        lowest[0] = min(lowest[0], psutil.virtual_memory().available)


def show(works: list[Work], machine: float, left: float) -> None:
    """Print the table."""
    print(f"{len(works)} learners at once, lesson {LESSON}, every cell of the solution; {psutil.cpu_count()} cores")
    rows = {
        "server ready, s": [work.server for work in works],
        "first cell done, s": [work.first_cell for work in works],
        "lesson done, s": [work.whole for work in works],
        "memory at the end, MB": [work.memory / MEGABYTE for work in works],
        "processor time, s": [work.processor for work in works],
    }
    print(f"{'':<24} {'least':>8} {'median':>8} {'most':>8}")
    for name, values in rows.items():
        print(f"{name:<24} {min(values):>8.0f} {statistics.median(values):>8.0f} {max(values):>8.0f}")
    print(f"The machine's own count: at most {machine / MEGABYTE:.0f} MB a learner.")
    print(f"All logged off; {left:.0f} s later no process of theirs was left.")


def main(arguments: Sequence[str]) -> None:
    """The command."""
    measure(int(arguments[0]) if arguments else 12)


if __name__ == "__main__":
    main(sys.argv[1:])
