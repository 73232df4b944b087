"""The gates for notebooks, each fed a broken notebook that it must refuse and a good twin that it must let through.

Every cell of the notebook `broken` is a case of its own, and the cell at the same place in `good` is its twin, so that one
kernel serves all of them. Freshness (gate 4) stands in test_build.py.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from nbformat import NotebookNode, v4
from nbval.plugin import get_sanitize_patterns

from course.pipeline.kernel_home import short_folder
from course.waiting import until

ROOT = Path(__file__).resolve().parents[1]
SANITIZE = ROOT / "tests" / "nbval_sanitize.cfg"

AGAIN = -1
"""In place of a cell's number: its notebook's cells run again, out of order."""

Outcomes = dict[tuple[str, int], str]
"""For each notebook and cell why it failed; empty if it passed."""


@dataclass(frozen=True)
class Case:
    """A broken cell, words of the message that refuses it, and its good twin."""

    name: str
    broken: str
    message: str
    good: str
    tags: list[str] = field(default_factory=list)


MAGIC = """\
from IPython.core.error import UsageError
from IPython.core.magic import register_cell_magic

@register_cell_magic
def sql(line, cell):
    if "nonsense" in cell:
        raise UsageError("no such statement")
    if "zero" in cell:
        raise ZeroDivisionError("division by zero")"""

CHECKS = """\
class Verdict:
    def __init__(self, word):
        self.word = word
    def __repr__(self):
        return f"✓ {self.word} [99.done]: a sentence"

class check:
    done = hint = Verdict"""

VERDICTS = ["passed", "not attempted", "not yet", "could not check"]

CASES = [
    Case("unknown magic", "%nosuch", "UsageError", "%pwd"),
    Case("unknown cell magic", "%%nosuch\n1", "UsageError", "%%capture\n1"),
    Case("usage error in a cell magic", "%%sql\nnonsense", "no such statement", "%%sql\nselect 1"),
    Case("exception in a cell magic", "%%sql\nselect zero", "division by zero", "%%sql\nselect 1"),
    Case("failing command", "!false", "CalledProcessError", "!true"),
    Case("failing command before a good one", "!false\n!true", "CalledProcessError", "!true\n!true"),
    Case("failing command in a loop", "for _ in 'a':\n    !false", "CalledProcessError", "for _ in 'a':\n    !true"),
    Case("failing command whose output is kept", "out = !false", "CalledProcessError", "out = !true"),
    Case("failing command with two marks", "!!false", "CalledProcessError", "!!true"),
    Case("failing shell cell", "%%bash\nfalse", "CalledProcessError", "%%bash\ntrue"),
    Case("exception", "1 / 0", "caused an exception", "1 / 1"),
    Case("promised exception that does not come", "1 / 1", "did not raise", "1 / 0", ["raises-exception"]),
    Case("the same with nbval's own tag", "1 / 1", "did not raise", "1 / 0", ["nbval-raises-exception"]),
    Case("promised exception in a magic", "%%sql\nselect 1", "did not raise", "%%sql\nnonsense", ["raises-exception"]),
]


def code(source: str, tags: list[str] | None = None, outputs: list[NotebookNode] | None = None, run: bool = True) -> NotebookNode:
    metadata = {"tags": tags} if tags else {}
    return v4.new_code_cell(source, metadata=metadata, outputs=outputs or [], execution_count=1 if run else None)


def result(text: str) -> list[NotebookNode]:
    return [v4.new_output("execute_result", {"text/plain": text}, execution_count=1)]


def printed(text: str) -> list[NotebookNode]:
    return [v4.new_output("stream", name="stdout", text=text)]


def write(folder: Path, **notebooks: list[NotebookNode]) -> None:
    for name, cells in notebooks.items():
        (folder / f"{name}.ipynb").write_text(v4.writes(v4.new_notebook(cells=cells)), encoding="utf-8")


def gate(folder: Path, *options: str) -> list[str]:
    plugins = ["-p", "tests.fast_start", "-p", "tests.nbval_gate", "-p", "no:schemathesis"]
    command = [sys.executable, "-m", "pytest", *plugins, "--color=no", f"--rootdir={folder}"]
    return [*command, "--nbval-current-env", f"--nbval-sanitize-with={SANITIZE}", *options, str(folder)]


def run_gate(folder: Path, *options: str) -> Outcomes:
    """Run pytest with the plugin on the notebooks of a folder, as `make test` does."""
    report = folder / "report.xml"
    command = [*gate(folder, *options), f"--junitxml={report}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert report.exists(), done.stdout + done.stderr
    outcomes: Outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):
        notebook, name = case.get("classname", "").removesuffix(".ipynb"), case.get("name", "").split()[-1]
        cell = int(name) if name.isdigit() else AGAIN
        failures = [element.get("message", "") + (element.text or "") for element in case if element.tag in ("failure", "error")]
        outcomes[notebook, cell] = outcomes.get((notebook, cell), "") + "\n".join(failures)
    assert (done.returncode != 0) == any(outcomes.values()), done.stdout
    return outcomes


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    folder = tmp_path_factory.mktemp("strict")
    ignored = ["nbval-ignore-output"]
    write(
        folder,
        broken=[code(MAGIC), *(code(case.broken, case.tags + ignored) for case in CASES)],
        good=[code(MAGIC), *(code(case.good, case.tags + ignored) for case in CASES)],
        outputs=[
            code("1 + 1", outputs=result("2")),
            code("1 + 1", outputs=result("3")),
            code("1 + 1", ignored, outputs=result("3")),
            code("1 + 1;"),
            code("Out[1]", outputs=result("2")),
            code("print('at 127.0.0.1:5001')", outputs=printed("at 127.0.0.1:9999\n")),
            code("print('at 10.0.0.1:5001')", outputs=printed("at 10.0.0.1:9999\n")),
        ],
        checks=[code(CHECKS), *(code(f"check.done({word!r})", ignored) for word in VERDICTS)],
    )
    return run_gate(folder, "--nbval")


@pytest.fixture(scope="module")
def lax(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    folder = tmp_path_factory.mktemp("lax")
    write(
        folder,
        broken=[code(MAGIC, run=False), *(code(case.broken, case.tags, run=False) for case in CASES)],
        good=[code(MAGIC, run=False), *(code(case.good, case.tags, run=False) for case in CASES)],
        lesson=[
            code("1 + 1", run=False),
            code("1 + 1", outputs=result("2"), run=False),
            code("1 + 1", ["nbval-skip"], run=False),
        ],
        checks=[code(CHECKS, run=False), *(code(f"check.done({word!r})", run=False) for word in VERDICTS)],
    )
    return run_gate(folder, "--nbval-lax")


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
@pytest.mark.parametrize("mode", ["strict", "lax"])
def test_a_cell_that_ends_otherwise_than_promised_fails_and_its_good_twin_passes(
    mode: str, number: int, request: pytest.FixtureRequest
) -> None:
    outcomes: Outcomes = request.getfixturevalue(mode)
    assert CASES[number].message in outcomes["broken", number + 1]
    assert outcomes["good", number + 1] == ""


def test_a_changed_output_fails(strict: Outcomes) -> None:
    assert strict["outputs", 0] == ""
    assert "Cell outputs differ" in strict["outputs", 1]


def test_the_tag_nbval_ignore_output_is_honoured(strict: Outcomes) -> None:
    assert strict["outputs", 2] == ""


def test_cells_run_with_history(strict: Outcomes) -> None:
    assert strict["outputs", 3] == "", "a semicolon hushes the result"
    assert strict["outputs", 4] == "", "Out[1] holds the first result"


def test_what_changes_from_run_to_run_is_sanitized_and_nothing_else(strict: Outcomes) -> None:
    assert strict["outputs", 5] == ""
    assert "Cell outputs differ" in strict["outputs", 6]


def test_a_lesson_with_an_output_fails(lax: Outcomes) -> None:
    assert lax["lesson", 0] == ""
    assert "Unrun reference cell has outputs" in lax["lesson", 1]


def test_a_check_that_does_not_pass_on_the_solution_fails(strict: Outcomes) -> None:
    assert strict["checks", 1] == ""
    assert all("should say 'passed' here" in strict["checks", number] for number in (2, 3, 4))


def test_a_check_that_finds_work_in_a_blank_lesson_fails(lax: Outcomes) -> None:
    assert lax["checks", 2] == ""
    assert all("should say 'not attempted' here" in lax["checks", number] for number in (1, 3, 4))


def test_a_cell_tagged_to_be_skipped_fails(lax: Outcomes) -> None:
    assert "tagged to be skipped" in lax["lesson", 2]


def test_a_cell_that_outlives_its_time_fails_even_if_it_swallows_the_interrupt(tmp_path: Path) -> None:
    sleep = "import time\ntime.sleep(60)"
    swallow = f"try:\n    {sleep.replace(chr(10), chr(10) + '    ')}\nexcept KeyboardInterrupt:\n    pass"
    write(tmp_path, sleeps=[code(sleep, run=False)], swallows=[code(swallow, run=False)], quick=[code("1", run=False)])
    outcomes = run_gate(tmp_path, "--nbval", "--nbval-cell-timeout=2")
    assert "Timeout of 2 seconds" in outcomes["sleeps", 0]
    assert "Timeout of 2 seconds" in outcomes["swallows", 0]
    assert outcomes["quick", 0] == ""


ONCE = {
    "proves nothing": "shown = not globals().get('shown', False)\nassert shown",
    "waits": "times = globals().get('times', 0) + 1\nimport time\nwhile times > 1:\n    time.sleep(0.1)",
    "raw": "left = globals().get('left', [1])\nleft.pop()",
    "silent": "from course.errors import CourseError\nlater = globals().get('later')\nif later:\n    raise CourseError\n"
    "later = 1",
}
"""Cells that run well once."""

OFTEN = {
    "anew": "left = [1]\nleft.pop()",
    "speaks": "from course.errors import CourseError\nlater = globals().get('later')\nif later:\n"
    "    raise CourseError('Run the cell above first.')\nlater = 1",
    "proves": "from course.exercises.cell_errors import explain_cell_errors\nexplain_cell_errors()\n"
    "shown = not globals().get('shown', False)\nassert shown",
    "promised": "1 / 0",
}
"""Cells that run well at any time, or say what to do."""


def test_the_gate_waits_before_each_cell_if_told_so(tmp_path: Path) -> None:
    write(
        tmp_path,
        paused=[code("import time; began = time.monotonic()", run=False), code("assert time.monotonic() - began > 2", run=False)],
    )
    outcomes = run_gate(tmp_path, "--nbval-lax", "--pause=2.1")
    assert list(outcomes.values()) == ["", ""]


def test_cells_that_cannot_run_again_fail_and_those_that_say_what_to_do_do_not(tmp_path: Path) -> None:
    tags = {"promised": ["raises-exception", "nbval-ignore-output"]}
    ignored = ["nbval-ignore-output"]
    write(tmp_path, **{name: [code(source, tags.get(name, ignored))] for name, source in (ONCE | OFTEN).items()})
    outcomes = run_gate(tmp_path, "--nbval", "--nbval-cell-timeout=3")
    assert not any(outcomes[name, 0] for name in ONCE | OFTEN), "each is well the first time"
    assert "has not ended after 3 seconds" in outcomes["waits", AGAIN]
    assert "ends in IndexError" in outcomes["raw", AGAIN]
    assert "ends in CourseError" in outcomes["silent", AGAIN]
    assert "ends in AssertionError" in outcomes["proves nothing", AGAIN]
    assert not any(outcomes[name, AGAIN] for name in OFTEN)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed; CI has it")
def test_a_notebook_that_asks_beyond_this_machine_fails(tmp_path: Path) -> None:
    # 192.0.2.1 is reserved for documentation: nobody has it.
    connect = "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 9), timeout=0.1)\nexcept OSError:\n    pass"
    listen = (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\nsocket.create_connection(server.getsockname()).close()"
    )
    write(tmp_path, beyond=[code(connect, run=False)], here=[code(listen, run=False)])
    outcomes = run_gate(tmp_path, "--nbval-lax")
    assert "beyond.ipynb asked beyond this machine" in outcomes["beyond", 0]
    assert outcomes["here", 0] == ""


def test_each_notebook_has_a_home_of_its_own_and_leaves_no_process_behind(tmp_path: Path) -> None:
    note = "import os, pathlib\nhome = os.environ['COURSE_HOME']\npathlib.Path(f'{}.txt').write_text(home)"
    start = (
        "import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=-1, start_new_session=True)"
    )
    stay = start.replace("input()", "import time; time.sleep(600)") + "\npathlib.Path('pid.txt').write_text(str(child.pid))"
    write(
        tmp_path,
        tidy=[code(note.replace("{}", "tidy"), run=False), code(start, run=False)],
        untidy=[code(note.replace("{}", "untidy"), run=False), code(stay, run=False)],
    )
    outcomes = run_gate(tmp_path, "--nbval", "--seconds-to-end=1")
    pid = int((tmp_path / "pid.txt").read_text())
    assert outcomes["tidy", 1] == "", "a child that ends with its kernel is no fault"
    assert f"process {pid}" in outcomes["untidy", AGAIN]
    homes = {Path((tmp_path / f"{name}.txt").read_text()) for name in ("tidy", "untidy")}
    assert len(homes) == 2
    assert not any(home.parent.exists() for home in homes)


WAITS = """\
import os, pathlib, threading
pathlib.Path("draft").write_text(str(os.getpid()))
os.rename("draft", "pid")
threading.Event().wait()"""


@pytest.mark.parametrize("option", ["--nbval", "--nbval-lax"])
def test_a_kernel_ends_with_the_gate_that_was_killed(tmp_path: Path, option: str) -> None:
    write(tmp_path, waits=[code(WAITS, run=False)])
    with tempfile.TemporaryDirectory(dir=short_folder()) as left:  # a gate that is killed leaves its files behind
        here = os.environ | {"TMPDIR": left}
        with subprocess.Popen(gate(tmp_path, option), cwd=ROOT, env=here, stdout=subprocess.DEVNULL) as pytests:
            until((tmp_path / "pid").exists)
            kernel = psutil.Process(int((tmp_path / "pid").read_text()))
            pytests.kill()
        _, alive = psutil.wait_procs([kernel], timeout=30)
        assert not alive


def test_where_no_kernel_can_be_forked_any_more_the_gate_ends_and_says_why(tmp_path: Path) -> None:
    kill = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"
    write(tmp_path, a_kills=[code(kill, run=False)], b_next=[code("1", run=False)])
    done = subprocess.run(gate(tmp_path, "--nbval"), cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "The process that forks kernels has ended" in done.stdout
    assert "BrokenPipeError" not in done.stdout


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("redis://:s3cret@127.0.0.1:6379/0", "redis://:other@127.0.0.1:6380/0", True),
        ("postgresql://lumen:a@localhost:1/x", "postgresql://lumen:b@localhost:2/x", True),
        ("postgresql://lumen:a@localhost:1/x", "postgresql://other:a@localhost:1/x", False),
        ("killed pid 4711", "killed pid 5", True),
        ("killed pid 4711", "killed 5", False),
        ("/tmp/ipykernel_1/23.py:4", "/tmp/ipykernel_5/67.py:4", True),
        ("/tmp/ipykernel_1/23.py:4", "/tmp/ipykernel_1/23.py:5", False),
        ("at 2025-01-02T03:04:05.678+00:00", "at 2026-11-12 13:14:15Z", True),
        ("from 2025-01-02", "from 2026-03-04", True),
        (
            "(1, datetime.datetime(2025, 1, 2, 3, 4, tzinfo=datetime.timezone.utc))",
            "(1, datetime.datetime(2026, 1, 2, 3, 4))",
            True,
        ),
        ("(1, datetime.date(2025, 1, 2))", "(2, datetime.date(2025, 1, 2))", False),
        ("<object at 0x7f0012345678>", "<object at 0x7fffabcdef00>", True),
        ("/tmp/course-ab12_x/home/stacks", "COURSE_HOME/stacks", True),
        ("40 users, 0.123", "40 users, 0.124", False),
    ],
)
def test_the_sanitize_file_hides_what_differs_by_chance(one: str, other: str, alike: bool) -> None:
    def sanitized(text: str) -> str:
        for pattern, replacement in get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8")):
            text = re.sub(pattern, replacement, text)
        return text

    assert (sanitized(one) == sanitized(other)) is alike
