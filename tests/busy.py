"""Notebooks on a machine that has little time for them: `python -m tests.busy 05 13`, or `make test-busy LESSON=13`.

Each lesson runs on one core that three loops keep busy as well, so it gets about a quarter of that core. What fails there, or
waits too short a time, would fail on a learner's old laptop. Nobody watches the network meanwhile: a watcher that waits for this
core too delays what is sent, and restoring a table takes six times as long. Without an id every lesson runs.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from course import manifest
from course.errors import CourseError
from course.pipeline.layout import Layout
from tests.one_lesson import NBVAL

LOOPS = 3
LOOP = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): pass"
"""It ends with the process whose number it is given."""
PATIENCE = ["--nbval-cell-timeout=900"]
"""How long a cell may take, in seconds; the course's own deadlines stay as they are. The last option counts."""


@contextmanager
def busy_core(loops: int = LOOPS) -> Iterator[int]:
    """Keep one core busy, and this process and its children on it. Gives the core's number.

    Raises:
        CourseError: this system binds no process to a core, as macOS.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise CourseError("This system binds no process to a core. Nothing was started. Run it on Linux.")
    allowed = os.sched_getaffinity(0)
    core = min(allowed)
    os.sched_setaffinity(0, {core})
    running: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(loops):
            running.append(subprocess.Popen([sys.executable, "-c", LOOP, str(os.getpid())]))
        yield core
    finally:
        for loop in running:
            loop.kill()
            loop.wait()
        os.sched_setaffinity(0, allowed)


def notebooks(*ids: str) -> list[str]:
    """The paths of the lessons with these ids, or of all, below the course.

    Raises:
        CourseError: no lesson has such an id.
    """
    layout = Layout.of_this_course()
    chosen = [manifest.lesson(id) for id in ids] or [lesson for lesson in manifest.lessons() if lesson.written]
    return [layout.name(layout.lesson(lesson)) for lesson in chosen]


def main(*ids: str) -> int:
    """Run the lessons with these ids, or all. Returns the exit status of pytest, or 1 if nothing could run."""
    try:
        chosen = notebooks(*ids)
        with busy_core() as core:
            print(f"{len(chosen)} lessons on core {core}, beside {LOOPS} busy loops.", flush=True)
            return subprocess.run([*NBVAL, *PATIENCE, "--unwatched", "--durations=10", "--nbval-lax", *chosen]).returncode
    except CourseError as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
