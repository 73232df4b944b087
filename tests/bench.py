"""Speed as ratios, measured in one run, ways in turn: `make bench`.

A ratio that is not what the course promises ends the run with an error. Seconds are printed and never judged.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from argparse import ArgumentTypeError
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import psutil
from tqdm import tqdm

from course import dataset
from course.servers.postgres import PostgresServer
from course.stack import Stack

ROUNDS = 9
PROMISES = {
    "the three together / the slowest alone, cold": 1.5,
    "the three together / the slowest alone, warm": 1.5,
    "warm start / cold start": 0.5,
}


def machine() -> str:
    """What the figures were measured on."""
    return f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def number_of_documents(text: str) -> int:
    """A number of documents from the command line. The real ones are always among them.

    Raises:
        ArgumentTypeError: it is none, or there would be nothing to add.
    """
    if not text.isdecimal() or int(text) <= len(dataset.documents()):
        raise ArgumentTypeError(f"how many documents: a whole number above {len(dataset.documents())}, and not {text!r}")
    return int(text)


def buffers() -> str:
    """The `shared_buffers` that PostgreSQL's manual advises: a quarter of the memory.

    With the default of 128 MB, a search in a larger graph copies nearly every page from the system's cache first.
    https://www.postgresql.org/docs/18/runtime-config-resource.html#GUC-SHARED-BUFFERS
    """
    return f"{psutil.virtual_memory().total // 4 // 2**20}MB"


def give_buffers(stack: Stack) -> None:
    """Start this stack's PostgreSQL again, with `buffers`."""
    server = stack.postgres
    assert isinstance(server, PostgresServer)  # one of our own, which we may stop
    server.stop()
    server.settings["shared_buffers"] = buffers()
    server.start()


def seconds_to_start(home: Path, keys: tuple[str, ...]) -> float:
    """Start these servers on this directory, stop them, and return how long it took until the last was ready."""
    os.environ["COURSE_HOME"] = str(home)
    directory = home / "stacks" / "00"
    directory.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    if len(keys) == 3:
        stack = Stack.start("00", embedded=True)
    else:
        stack = Stack("00", directory, embedded=True)
        getattr(stack, keys[0]).start()
    taken = time.perf_counter() - began
    stack.stop()
    return taken


def measure(report: Callable[[], object]) -> dict[tuple[str, str], list[float]]:
    """Seconds by (who, cold or warm): each round starts everything once, cold and then warm, on fresh directories."""
    taken = defaultdict(list)
    for _ in range(ROUNDS):
        for who in (("postgres", "chroma", "redis"), ("postgres",), ("chroma",), ("redis",)):
            with tempfile.TemporaryDirectory() as home:
                for state in ("cold", "warm"):
                    taken["+".join(who), state].append(seconds_to_start(Path(home), who))
            report()
    return taken


def main() -> int:
    """Measure, print, and return 1 if a promise is broken."""
    print(f"{machine()}; medians of {ROUNDS} rounds")
    with tqdm(total=ROUNDS * 4, desc="starting servers") as progress:
        taken = measure(progress.update)
    median = {key: statistics.median(values) for key, values in taken.items()}
    for (who, state), seconds in sorted(median.items()):
        print(f"{who:<24} {state}  {seconds:6.3f} s")
    together = "postgres+chroma+redis"
    ratios = {
        f"the three together / the slowest alone, {state}": median[together, state]
        / max(median[who, state] for who in ("postgres", "chroma", "redis"))
        for state in ("cold", "warm")
    } | {"warm start / cold start": median[together, "warm"] / median[together, "cold"]}
    for name, ratio in ratios.items():
        verdict = "kept" if ratio <= PROMISES[name] else "BROKEN"
        print(f"{name:<48} {ratio:5.2f}   at most {PROMISES[name]}: {verdict}")
    return int(any(ratio > PROMISES[name] for name, ratio in ratios.items()))


if __name__ == "__main__":
    sys.exit(main())
