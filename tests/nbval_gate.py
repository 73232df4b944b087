"""Closes nbval's silent passes. A pytest plugin; give it with `-p tests.nbval_gate`, beside `--nbval` or `--nbval-lax`.

nbval 0.11 looks at the outputs of a cell and not at how its execution ended. Here every cell runs with history, as in
JupyterLab, and its `execute_reply` decides as well: a cell that ended in an error fails, and so does one tagged
`raises-exception` that did not. A failing shell command is an error. Checks say what they must: *passed* in a solution,
*not attempted* in a lesson. Each notebook gets a forked kernel and a COURSE_HOME of its own, and fails when one of its processes
outlives its kernel. A lesson (`--nbval-lax`) also fails when one of them looks up a name or connects beyond this machine. A
solution's cells also run again, out of order. What nbval compares, and how, is left as it is.
"""

import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator, Iterator
from operator import itemgetter
from pathlib import Path

import pytest
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager, RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile

from course.pipeline.kernel_home import KERNEL_ARGUMENTS, SECONDS_TO_END, KernelHome
from tests.forked_kernels import ForkingManager, KernelServer
from tests.network_watch import calls_beyond_this_machine, watching
from tests.out_of_order import CellsAgain, Drawn
from tests.prepared import prepare

CHECK = re.compile(r"^(await )?check\.\w+\(", re.MULTILINE)
"""A cell that asks for an exercise's verdict."""


Collected = list[pytest.Collector]


class GatedKernel(RunningKernel):
    """A kernel that keeps the last cell's `execute_reply`, and whose COURSE_HOME is the given one."""

    pause = 0.0
    """Seconds before each cell."""

    def __init__(self, server: KernelServer, cwd: Path, startup_timeout: float, home: KernelHome) -> None:
        self.reply: dict | None = None
        self._asked: str | None = None
        self.km = ForkingManager(server, CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager())
        self.km.start_kernel(cwd=str(cwd), env=home.environment(), extra_arguments=KERNEL_ARGUMENTS)
        self.kc = self.km.client()
        self.kc.start_channels()
        self.kc.wait_for_ready(timeout=startup_timeout)
        self._ensure_iopub_up()

    def stop(self) -> None:
        """End the kernel as JupyterLab does: ask it, and kill it only when it does not end."""
        self.kc.stop_channels()
        self.km.shutdown_kernel()

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        self.reply = None
        time.sleep(self.pause)
        self._asked = self.kc.execute(cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)
        return self._asked

    def get_message(self, stream: str, timeout: float | None = None) -> dict:
        message = super().get_message(stream, timeout)
        if stream == "shell" and message["parent_header"].get("msg_id") == self._asked:
            self.reply = message["content"]
        return message


class GatedCell(IPyNbCell):
    """A cell that passes only if nbval is content and its execution ended as its tags promise."""

    def runtest(self) -> None:
        if self.options["skip"]:
            self.raise_cell_error("It is tagged to be skipped, and a cell that nobody runs proves nothing")
        began = time.monotonic()
        super().runtest()
        tags = self.cell.metadata.get("tags", [])
        self.parent.drawn.cells.append((self.cell_num, self.cell.source, tags, time.monotonic() - began))
        reply, must_raise = self.parent.kernel.reply, self.options["check_exception"]
        if self.parent.timed_out or reply is None:
            self.raise_cell_error(f"Timeout of {self.config.option.nbval_cell_timeout:g} seconds exceeded")
        if reply["status"] == "error" and not must_raise:
            self.raise_cell_error(f"It ended in an error that it does not show as one: {reply['ename']}: {reply['evalue']}")
        if reply["status"] == "ok" and must_raise:
            self.raise_cell_error("It is tagged `raises-exception` and did not raise")
        self._judge_verdict()

    def _judge_verdict(self) -> None:
        """An exercise's check says *passed* in a solution, and *not attempted* in a lesson, where nothing is filled in."""
        verdict = "not attempted" if self.config.option.nbval_lax else "passed"
        said = "".join(output.get("data", {}).get("text/plain", "") for output in self.test_outputs or [])
        if CHECK.search(self.cell.source) and f" {verdict} [" not in said:
            self.raise_cell_error(f"The check should say {verdict!r} here, and says: {said or 'nothing'}")


class GatedNotebook(IPyNbFile):
    """A notebook whose kernel has a COURSE_HOME of its own, and leaves no process behind."""

    home: KernelHome | None = None

    def collect(self) -> Iterator[pytest.Item]:
        self.drawn = Drawn()
        for cell in super().collect():
            yield GatedCell.from_parent(self, name=cell.name, cell_num=cell.cell_num, cell=cell.cell, options=cell.options)
        if not self.config.option.nbval_lax:
            yield CellsAgain.from_parent(self, name="again, out of order")

    def setup(self) -> None:
        server, self.trace = _server(self.config)
        self.trace.write_text("")
        self.home = KernelHome()
        prepare(self.home.path / "home")
        self.kernel = GatedKernel(server, self.path.parent, self.config.option.nbval_kernel_startup_timeout, self.home)
        self.kernel.pause = self.config.option.pause
        self.setup_sanitize_files()

    def teardown(self) -> None:
        left: list[str] = []
        beyond: list[str] = []
        try:
            super().teardown()
        finally:
            if self.home is not None:
                left = self.home.close(self.config.option.seconds_to_end)
                beyond = calls_beyond_this_machine(self.trace)
        if beyond:
            pytest.fail("\n    ".join([f"{self.path.name} asked beyond this machine:", *beyond[:10]]), pytrace=False)
        if left:
            pytest.fail(
                "\n    ".join([f"{self.path.name} left processes behind, which have now been killed:", *left])
                + "\nStop what the notebook starts, or let it end with the kernel.",
                pytrace=False,
            )


SERVER = pytest.StashKey[tuple[KernelServer, Path]]()


def _server(config: pytest.Config) -> tuple[KernelServer, Path]:
    """The process that forks the kernels of all notebooks, and the file in which a lesson's network calls stand."""
    if SERVER not in config.stash:
        folder = tempfile.TemporaryDirectory(prefix="trace-")
        config.add_cleanup(folder.cleanup)
        trace = Path(folder.name) / "calls"
        watched = config.option.nbval_lax and not config.option.unwatched
        server = KernelServer(watching(trace) if watched else [])
        config.add_cleanup(server.close)
        config.stash[SERVER] = server, trace
    return config.stash[SERVER]


class SecondsPerNotebook:
    """Adds up how long each notebook took, its kernel's start and end included, and says so at the end."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        path = report.nodeid.split("::")[0]
        if path.endswith(".ipynb"):
            self._seconds[path] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._seconds:
            terminalreporter.section("slowest 10 notebooks")
            for path, seconds in sorted(self._seconds.items(), key=itemgetter(1), reverse=True)[:10]:
                terminalreporter.line(f"{seconds:7.1f} s  {path}")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nbval")
    group.addoption(
        "--seconds-to-end", type=float, default=SECONDS_TO_END, help="how long a notebook's processes may outlive its kernel"
    )
    group.addoption("--unwatched", action="store_true", help="do not look for calls beyond this machine, which takes time")
    group.addoption("--pause", type=float, default=0, metavar="SECONDS", help="wait before each cell, as somebody who reads")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SecondsPerNotebook(), "seconds-per-notebook")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Collected, Collected]:
    collected = yield
    return [
        GatedNotebook.from_parent(parent, path=file_path) if isinstance(collector, IPyNbFile) else collector
        for collector in collected
    ]
