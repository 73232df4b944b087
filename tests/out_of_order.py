"""After a notebook's last cell: some of its cells run again, each twice, in an order drawn by chance, in the same kernel.

A learner does so. A cell may then say in one sentence what to run first; it may not fail with an error that says nothing,
and it may not wait for ever. The sentence is the message of an error of the course's own, or stands below the traceback
(`course.exercises.cell_errors`). `nbval_gate` adds this as one more test of each solution.
"""

from __future__ import annotations

import os
import queue
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from course import errors
from course.exercises.cell_errors import WORD

CELLS = 10
CELL_SECONDS = 60
"""How long one cell may take. No cell of a lesson takes nearly as long, on a busy machine either."""

BUDGET_SECONDS = 10
"""How long all may take together, by what they took the first time. Others are drawn in place of cells that do not fit in."""

SEED = "COURSE_TEST_SEED"
"""A variable of the environment: another value draws other cells."""

SPEAKING = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.CourseError)}
"""Errors whose message says what to do."""


@dataclass
class Drawn:
    """The cells of one notebook that may be drawn: number, source, tags, and seconds that each took the first time."""

    cells: list[tuple[int, str, list[str], float]] = field(default_factory=list)

    def draw(self, name: str) -> list[tuple[int, str, list[str]]]:
        """The cells to run, in their order, by a seed made of the notebook's name."""
        chance = random.Random(f"{name} {os.environ.get(SEED, '')}")
        drawn: list[tuple[int, str, list[str]]] = []
        seconds = 0.0
        for number, source, tags, took in chance.sample(self.cells, len(self.cells)):
            if len(drawn) < 2 * CELLS and seconds + 2 * took <= BUDGET_SECONDS:
                drawn += [(number, source, tags)] * 2
                seconds += 2 * took
        chance.shuffle(drawn)
        return drawn


class CellsAgain(pytest.Item):
    """Runs the drawn cells of a notebook in its kernel."""

    def runtest(self) -> None:
        notebook: Any = self.parent
        if notebook.timed_out:
            pytest.fail("The notebook has timed out before.", pytrace=False)
        seconds = min(CELL_SECONDS, self.config.option.nbval_cell_timeout)
        faults = run_again(notebook.kernel.kc, notebook.drawn.draw(notebook.path.stem), seconds)
        if faults:
            notebook.kernel.interrupt()
            pytest.fail("\n".join(["Cells run again, out of order:", *faults]), pytrace=False)

    def reportinfo(self) -> tuple[Any, int, str]:
        return self.path, 0, f"{self.path.name}: cells again, out of order"


def run_again(client: Any, drawn: Sequence[tuple[int, str, list[str]]], seconds: float) -> list[str]:
    """Run cells in a kernel, each with so many seconds. Returns what is wrong. After one that does not end, none runs."""
    faults: list[str] = []
    for number, source, tags in drawn:
        asked = client.execute(source, store_history=True, stop_on_error=False)
        try:
            reply, explained = _reply(client, asked, time.monotonic() + seconds)
        except queue.Empty:
            return [*faults, f"  cell {number} has not ended after {seconds:g} seconds:\n{source}"]
        raised = reply.get("ename", "")
        speaks = explained or (raised in SPEAKING and reply["evalue"].strip())
        if raised and not speaks and "raises-exception" not in tags:
            faults.append(f"  cell {number} ends in {raised}: {reply['evalue'][:300]}\n{source}\n")
    return list(dict.fromkeys(faults))


def _reply(client: Any, asked: str, deadline: float) -> tuple[dict[str, Any], bool]:
    """The reply to a request, and whether its error was explained in a sentence; `queue.Empty` when the deadline passes."""
    explained = False
    while True:
        message = client.get_shell_msg(timeout=max(deadline - time.monotonic(), 0))
        if message["parent_header"].get("msg_id") == asked:
            break
    while (shown := client.get_iopub_msg(timeout=10))["content"].get("execution_state") != "idle" or _parent(shown) != asked:
        words = shown["content"].get("data", {}).get("text/plain", "") if shown["msg_type"] == "display_data" else ""
        explained |= _parent(shown) == asked and words.startswith(f"→ {WORD}")
    return message["content"], explained


def _parent(message: dict[str, Any]) -> str:
    return message["parent_header"].get("msg_id", "")
