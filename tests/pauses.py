"""Notebooks of a learner who takes time: `python -m tests.pauses 05 13`, or `make test-pauses LESSON="05 13"`.

More than a minute passes before each cell. Meanwhile autovacuum has come by, which it does each minute, and what an application
keeps in its cache for a minute is gone. What a cell then says must still be so. Lessons wait for most of the time, so they run
beside each other: all of them take 50 minutes, if there is 1 GiB of memory for each. Without an id every lesson runs.
"""

import shlex
import sys

import psutil

from course.errors import CourseError
from tests import side_by_side
from tests.busy import notebooks
from tests.one_lesson import NBVAL

PAUSE = 66
"""Seconds before each cell: longer than a minute, which is what servers and applications of the course reckon in."""
MEMORY = 2**30
"""Bytes that a lesson with its servers may take, and its gate."""


def main(*ids: str) -> int:
    """Run the lessons with these ids, or all. Returns 1 if one failed, or nothing could run."""
    try:
        chosen = notebooks(*ids)
    except CourseError as error:
        print(error)
        return 1
    at_a_time = max(1, psutil.virtual_memory().available // MEMORY)
    print(f"{len(chosen)} lessons, {at_a_time} at a time, with {PAUSE} s before each cell.", flush=True)
    each = [shlex.join([*NBVAL, f"--pause={PAUSE}", "--nbval-lax", notebook]) for notebook in chosen]
    return side_by_side.main(*each, at_a_time=at_a_time)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
