"""Runs a solution from top to bottom in a fresh kernel and keeps its outputs, without what changes from run to run.

What the notebook is made from, and where it is written, is told elsewhere.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode, from_dict

from course.pipeline.kernel_home import KERNEL_ARGUMENTS, SECONDS_TO_END, KernelHome
from course.pipeline.layout import BuildError
from course.pipeline.notebook import METADATA, excerpt
from course.show.mime import WIDGET

CELL_SECONDS = 120.0
"""How long one cell may run."""

RAISES = "raises-exception"
"""The tag of a cell that must raise."""


def execute(
    notebook: NotebookNode,
    places: Sequence[str],
    *,
    root: Path,
    folder: Path,
    on_cell: Callable[[int, int], None] = lambda number, count: None,
    cell_seconds: float = CELL_SECONDS,
    seconds_to_end: float = SECONDS_TO_END,
) -> None:
    """Fill in the notebook's outputs and execution counts.

    The kernel is this environment's Python, with an empty COURSE_HOME and no external servers.

    Args:
        notebook: changed in place.
        places: for each cell, where it comes from; for messages.
        root: the checkout; its path is taken out of the outputs.
        folder: where the kernel runs, `lessons/`: a relative path means what it will mean to the learner.
        on_cell: called before each code cell with its number (from 1) and how many there are.
        cell_seconds: how long one cell may run.
        seconds_to_end: how long processes may live on after the kernel.

    Raises:
        BuildError: a cell raised without leave, did not raise though it is tagged `raises-exception`, or took too long; the
            kernel died; or a process was left behind.
    """
    run = _Run(notebook, places, on_cell)
    home = KernelHome()
    try:
        client = _client(run, folder, cell_seconds)
        client.execute(cleanup_kc=True, env=home.environment(keep_servers=False), stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        raise run.failed(f"raised {error.ename}: {error.evalue}") from error
    except CellTimeoutError as error:
        raise run.failed(f"ran for more than {cell_seconds:g} seconds") from error
    except DeadKernelError as error:
        raise run.failed("ended the kernel") from error
    finally:
        left = home.close(seconds_to_end)
    if left:
        raise BuildError(
            "\n    ".join([f"{places[run.index].split(':')[0]} left processes behind, which have now been killed:", *left]) + "\n"
            "No built notebook was changed. Stop what the lesson starts, or let it end with the kernel; then build again."
        )
    _tidy(notebook, {str(home.path / "home"): "COURSE_HOME", str(home.path): "COURSE_HOME", sys.prefix: ".venv", str(root): "."})


class _Run:
    """Where a running notebook stands."""

    def __init__(self, notebook: NotebookNode, places: Sequence[str], on_cell: Callable[[int, int], None]) -> None:
        self.notebook = notebook
        self.index = 0
        self._places = places
        self._code = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
        self._on_cell = on_cell

    def started(self, cell: NotebookNode, cell_index: int) -> None:
        if cell.cell_type == "code":
            self.index = cell_index
            self._on_cell(self._number, len(self._code))

    def executed(self, cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
        if RAISES in cell.metadata.get("tags", []) and execute_reply["content"]["status"] != "error":
            raise self.failed(f"is tagged `{RAISES}` and did not raise")

    def failed(self, what: str) -> BuildError:
        return BuildError(
            f"{self._places[self.index]}: code cell {self._number} of {len(self._code)} {what}\n\n"
            f"{excerpt(self.notebook.cells[self.index].source)}\n\n"
            "No built notebook was changed. Correct the source, then build again."
        )

    @property
    def _number(self) -> int:
        return self._code.index(self.index) + 1


def _client(run: _Run, folder: Path, cell_seconds: float) -> NotebookClient:
    # No kernel directories: then `python3` is this environment's, whatever the user has installed under that name.
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    return NotebookClient(
        run.notebook,
        km=manager,
        timeout=cell_seconds,
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        extra_arguments=KERNEL_ARGUMENTS,
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=run.started,
        on_cell_executed=run.executed,
    )


def _tidy(notebook: NotebookNode, paths: dict[str, str]) -> None:
    """Take out what is of one run or one machine only."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = from_dict(METADATA["language_info"])
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
            outputs = [_without(output, paths) for output in cell.outputs]
            for output in outputs:
                output.get("data", {}).pop(WIDGET, None)
            # A widget has its words in another output, and leaves nothing.
            cell.outputs = [output for output in outputs if output.get("data", True)]


def _without(value: Any, paths: dict[str, str]) -> Any:
    """The value with every path in its texts replaced."""
    if isinstance(value, str):
        for path, name in paths.items():
            value = value.replace(path, name)
    elif isinstance(value, list):
        return [_without(item, paths) for item in value]
    elif isinstance(value, dict):
        return NotebookNode({key: _without(item, paths) for key, item in value.items()})
    return value
