"""The commands: what `make`, `.ci/run` and the workflow do, run with stand-ins for the programs they call."""

import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import jupyterlab
import pytest
import yaml
from jupyterlab_server.settings_utils import _get_overrides

from course.clean import clean
from course.errors import DirectoryInUseError
from course.home import ROOT

PYTHON = shlex.quote(sys.executable)

# Stands in for a program: writes down how it was called, fails when told to, and makes what the real one would make.
STAND_IN = f"""#!/bin/sh
echo "${{0##*/}} $*" >> "$CALLS"
case "$*" in
    *"$FAILS"*) exit 3 ;;
    "-m venv .venv" | "venv "*" .venv") mkdir -p .venv/bin && cp "$BIN/python3" .venv/bin/python ;;
    -c*) exec {PYTHON} "$@" ;;
esac
"""
OLD_PYTHON = f"""#!/bin/sh
exec {PYTHON} -c 'import sys; sys.version_info = (3, 9, 18, "final", 0); exec(sys.argv[2])' "$@"
"""
LAB = "python -m course.lab"
WITH_PIP = ["python3 -m venv .venv", "python -m pip install --disable-pip-version-check -r requirements.txt"]
WITH_UV = ["uv venv --quiet --seed --python python3 .venv", "uv pip install --python .venv/bin/python -r requirements.txt"]

STREAM = "-m pytest -p tests.fast_start --durations=10 --durations-min=0.5 "


@dataclass
class Checkout:
    """A checkout in a folder whose name has a space, and a PATH on which the programs are stand-ins."""

    root: Path
    bin: Path

    def program(self, name: str, text: str = STAND_IN) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def run(self, *command: str, fails: str = "nothing fails", **named: str) -> subprocess.CompletedProcess:
        around = ("MAKE", "MFLAGS", "COURSE_", "COVERAGE", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(around)}
        own = {"PATH": f"{self.bin}:/usr/bin:/bin", "BIN": str(self.bin), "CALLS": str(self.bin / "calls"), "FAILS": fails}
        return subprocess.run(command, cwd=self.root, env=kept | own | named, capture_output=True, text=True)

    def calls(self) -> list[str]:
        """What was called since the last time, without looks at a version or a path."""
        path = self.bin / "calls"
        calls = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [call for call in calls if call.split()[1] not in ("-c", "--version") and " " in call and call[0] not in '"\t']


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "my course", tmp_path / "bin")
    made.bin.mkdir()
    for name in (
        "Makefile",
        "requirements.txt",
        "requirements-site.txt",
        "requirements-slides.txt",
        "requirements-class.txt",
        "pyproject.toml",
        ".ci/run",
    ):
        (made.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, made.root / name)
    made.program("python3")
    made.program("uv", "#!/bin/sh\nexit 127\n")
    made.program("id", "#!/bin/sh\necho 1000\n")
    return made


@pytest.mark.parametrize("uv", [True, False])
def test_make_lab_installs_and_opens_lesson_00(checkout: Checkout, uv: bool) -> None:
    if uv:
        checkout.program("uv")
    done = checkout.run("make", "lab")
    assert done.returncode == 0, done.stderr
    assert checkout.calls() == [*(WITH_UV if uv else WITH_PIP), LAB]


def test_make_lab_again_installs_nothing(checkout: Checkout) -> None:
    checkout.run("make", "lab")
    checkout.calls()
    checkout.run("make", "lab", "OPTIONS=--no-browser")
    assert checkout.calls() == [f"{LAB} --no-browser"]


@pytest.mark.parametrize("file", ["requirements.txt", "pyproject.toml"])
def test_make_lab_installs_what_is_newer(checkout: Checkout, file: str) -> None:
    checkout.run("make", "lab")
    checkout.calls()
    os.utime(checkout.root / file, (time.time() + 60, time.time() + 60))
    checkout.run("make", "lab")
    assert checkout.calls() == [WITH_PIP[1], LAB]


def test_a_moved_checkout_is_installed_anew(checkout: Checkout) -> None:
    checkout.run("make", "lab")
    checkout.calls()
    checkout.root = checkout.root.rename(checkout.root.with_name("another place"))
    checkout.run("make", "lab")
    assert checkout.calls() == [WITH_PIP[1], LAB]


def test_an_environment_that_does_not_run_is_made_anew(checkout: Checkout) -> None:
    checkout.run("make", "lab")
    checkout.calls()
    (checkout.root / ".venv/bin/python").unlink()
    checkout.run("make", "lab")
    assert checkout.calls() == [*WITH_PIP, LAB]


def test_an_install_that_failed_is_tried_again(checkout: Checkout) -> None:
    assert checkout.run("make", "lab", fails="pip install").returncode != 0
    assert checkout.calls() == WITH_PIP
    checkout.run("make", "lab")
    assert checkout.calls() == [WITH_PIP[1], LAB]


def test_an_old_python_is_told_so(checkout: Checkout) -> None:
    checkout.program("python3", OLD_PYTHON)
    done = checkout.run("make", "lab")
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed, found 3.9." in done.stderr
    assert not (checkout.root / ".venv").exists()


def test_the_overrides_are_read_and_are_settings_that_jupyterlab_knows() -> None:
    overrides, error = _get_overrides(str(ROOT / "overrides"))
    assert not error
    schemas = Path(jupyterlab.__file__).parent / "schemas"
    for plugin, settings in overrides.items():
        package, name = plugin.split(":")
        known = json.loads((schemas / package / f"{name}.json").read_text())["properties"]
        assert set(settings) <= set(known)
    news = json.loads((schemas / "@jupyterlab/apputils-extension/notification.json").read_text())["properties"]["fetchNews"]
    assert overrides["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
    assert "false" in [choice["const"] for choice in news["oneOf"]]


STREAMS = "tests.side_by_side .venv/bin/python -m coverage run"
GATES = ["ruff check", "ruff format --check", "side_by_side .venv/bin/python -m mypy .venv/bin/python -m course.build --check"]
GATES += ["coverage erase", STREAMS, "coverage combine", "coverage report"]


def test_make_test_runs_every_gate(checkout: Checkout) -> None:
    checkout.run("make", "lab")
    checkout.calls()
    done = checkout.run("make", "test")
    assert done.returncode == 0
    assert re.fullmatch(r"All gates passed in \d+ s\.", done.stdout.splitlines()[-1])
    calls, gates = checkout.calls(), [*(gate for gate in GATES if "coverage" not in gate), "tests.side_by_side"]
    assert [gate in call for gate, call in zip(gates, calls, strict=True)] == [True] * len(gates)
    commands = [command.removesuffix(" .venv/bin/python ").split() for command in calls[-1].split(STREAM)[1:]]
    notebooks = [command for command in commands if "tests.nbval_gate" in command]
    assert [command[-2:] for command in notebooks] == [["--nbval", "solutions"], ["--nbval-lax", "lessons"]]
    for path in (ROOT / "tests").rglob("test_*.py"):
        file = path.relative_to(ROOT)
        assert sum(takes(command, file) for command in commands if command not in notebooks) == 1, file
    for gate in notebooks:
        assert "--nbval-current-env" in gate
        assert {"--nbval-cell-timeout", "--nbval-sanitize-with"} <= {word.partition("=")[0] for word in gate}


def takes(command: list[str], file: Path) -> bool:
    """Whether pytest, called with these words, collects the tests of this file."""
    [where] = [word for word in command if not word.startswith("-")]
    left_out = [word.partition("=")[2] for word in command if word.startswith("--ignore")]
    inside = [str(file), *map(str, file.parents)]
    return where in inside and not any(fnmatch(name, pattern) for name in inside for pattern in left_out)


def test_asked_for_coverage_the_tests_are_measured_and_notebooks_are_not(checkout: Checkout) -> None:
    checkout.run("make", "lab")
    checkout.calls()
    assert checkout.run("make", "test", "COVERAGE=1").returncode == 0
    calls = checkout.calls()
    assert [gate in call for gate, call in zip(GATES, calls, strict=True)] == [True] * len(GATES)
    assert calls[GATES.index(STREAMS)].count("-m coverage run --parallel-mode -m pytest") == 5


@pytest.mark.parametrize("number", range(len(GATES)), ids=GATES)
def test_make_test_stops_at_the_first_gate_that_fails(checkout: Checkout, number: int) -> None:
    checkout.run("make", "lab")
    checkout.calls()
    done = checkout.run("make", "test", "COVERAGE=1", fails=GATES[number])
    assert done.returncode != 0
    assert "All gates passed" not in done.stdout
    assert len(checkout.calls()) == number + 1


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        (["test", "LESSON=04b"], ["tests.one_lesson 04b"]),
        (["test-busy", "LESSON=05 13"], ["tests.busy 05 13"]),
        (["test-pauses", "LESSON=05 13"], ["tests.pauses 05 13"]),
        (["new", "LESSON=16", "NAME=change_the_model"], ["course.new 16 change_the_model"]),
        (["format"], ["ruff format course tests", "course.build --format"]),
    ],
)
def test_make_hands_on_which_lesson_is_meant(checkout: Checkout, words: list[str], calls: list[str]) -> None:
    checkout.run("make", "lab")
    checkout.calls()
    assert checkout.run("make", *words).returncode == 0
    made = checkout.calls()
    assert [call in found for call, found in zip(calls, made, strict=True)] == [True] * len(calls)


@pytest.mark.parametrize("failing", [None, 0, 1, 5])
def test_side_by_side_passes_only_if_all_did_and_says_which_did_not(failing: int | None) -> None:
    """There are more than run at a time."""
    commands = [f"sh -c 'echo said {number}; exit {int(number == failing)}'" for number in range(6)]
    done = subprocess.run([sys.executable, "-m", "tests.side_by_side", *commands], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == (failing is not None)
    assert [line for line in done.stdout.splitlines() if line.startswith("FAILED")] == (
        [] if failing is None else [f"FAILED: {commands[failing]}"]
    )
    said = [line for line in done.stdout.splitlines() if line.startswith("said")]
    assert said == [f"said {number}" for number in range(6)]


@pytest.mark.parametrize("command", ["no-such-program", "", "echo 'open"])
def test_a_command_that_cannot_start_fails_alone(command: str) -> None:
    words = [sys.executable, "-m", "tests.side_by_side", "echo first", command, "echo third"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert {"first", "third", f"FAILED: {command}"} <= set(done.stdout.splitlines())


def test_one_lesson_at_a_time_and_one_size_of_the_bench(checkout: Checkout) -> None:
    two = subprocess.run([sys.executable, "-m", "tests.one_lesson", "06", "07"], cwd=ROOT, capture_output=True, text=True)
    assert (two.returncode, two.stderr) == (1, "")
    assert "make test LESSON=04b" in two.stdout
    for size in ("2m", "1m 1m"):
        refused = checkout.run("make", "bench", f"BENCH={size}")
        assert refused.returncode == 2
        assert "BENCH may be 1m" in refused.stderr


def test_what_runs_side_by_side_can_be_interrupted_also_where_a_script_ignores_it() -> None:
    ask = shlex.join([sys.executable, "-c", "import signal; print(signal.getsignal(signal.SIGINT).__name__)"])
    beside = shlex.join([sys.executable, "-m", "tests.side_by_side", ask])
    done = subprocess.run(["sh", "-c", f"trap '' INT; {beside}"], cwd=ROOT, capture_output=True, text=True)
    assert "default_int_handler" in done.stdout.splitlines()


def test_the_lock_is_made_from_pyproject_for_every_platform(checkout: Checkout) -> None:
    checkout.run("make", "lab")
    checkout.program("../my course/.venv/bin/uv")
    checkout.calls()
    made = "python -m uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url"
    assert checkout.run("make", "lock").returncode == 0
    extras = [f"--constraint .venv/.locked --output-file requirements-{extra}.txt -" for extra in ("site", "slides", "class")]
    every = ["--output-file requirements.txt -", *extras]
    assert checkout.calls() == [f"{made} {rest}" for rest in every]
    checkout.run("make", "lock", "UPGRADE=1")
    assert checkout.calls() == [f"{made} --upgrade {rest}" for rest in every]


def test_make_site_installs_what_it_takes_once(checkout: Checkout) -> None:
    checkout.run("make", "lab")
    checkout.calls()
    install, build = WITH_PIP[1].replace("requirements.txt", "requirements-site.txt"), "python -m course.site"
    assert checkout.run("make", "site").returncode == 0
    assert checkout.calls() == [install, build]
    checkout.run("make", "site")
    assert checkout.calls() == [build]


def test_make_slides_installs_what_they_take_once(checkout: Checkout) -> None:
    checkout.run("make", "lab")
    checkout.calls()
    install = WITH_PIP[1].replace("requirements.txt", "requirements-slides.txt")
    assert checkout.run("make", "slides").returncode == 0
    assert [call.rstrip() for call in checkout.calls()] == [install, "python -m course.slides"]
    checkout.run("make", "slides", "LESSON=04 05")
    assert checkout.calls() == ["python -m course.slides 04 05"]


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A COURSE_HOME that was used, and caches in a checkout around it."""
    for name in ("course/__pycache__/x.pyc", ".ruff_cache/x", "lessons/00.ipynb", ".venv/__pycache__/x.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    home = tmp_path / ".course"
    for name in ("stacks/00/lock", "stacks/00/postgres/PG_VERSION", "templates/x", "cache/x", "password", "progress.json"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    return home


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_make_clean_removes_data_and_caches_and_keeps_what_the_learner_made(used: Path) -> None:
    clean(used, root=used.parent)
    assert files(used.parent) == {".course/progress.json", "lessons/00.ipynb", ".venv/__pycache__/x.pyc"}


def test_make_clean_removes_nothing_while_servers_run(used: Path) -> None:
    before = files(used.parent)
    with (used / "stacks/00/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DirectoryInUseError, match="lesson 00 run"):
            clean(used, root=used.parent)
        assert files(used.parent) == before
    clean(used, root=used.parent)
    assert files(used) == {"progress.json"}


def ci_checkout(checkout: Checkout) -> None:
    for name in ("make", "sudo", "setpriv", "useradd", "redis-server", "chromium", "docker-compose"):
        checkout.program(name)


def test_ci_makes_the_environment_and_tests(checkout: Checkout) -> None:
    ci_checkout(checkout)
    done = checkout.run(".ci/run", PYTHON="python3")
    assert done.returncode == 0, done.stderr
    assert checkout.calls() == ["make .venv/.site .venv/.slides PYTHON=python3", "make test"]
    assert re.search(r"after \d+ s", done.stdout)


def test_ci_installs_what_is_missing_as_root(checkout: Checkout) -> None:
    ci_checkout(checkout)
    checkout.program("python3", f'#!/bin/sh\n[ "$*" = "-c import ensurepip" ] && exit 1\nexec {PYTHON} "$@"\n')
    done = checkout.run(".ci/run", PYTHON="python3")
    assert done.returncode == 0, done.stderr
    installs = [call for call in checkout.calls() if call.startswith("sudo") and "apt-get" in call]
    assert "update" in installs[0]
    assert installs[1].endswith("python3-venv")


@pytest.mark.parametrize("fails", ["site", "test", "update"])
def test_ci_fails_where_a_step_fails(checkout: Checkout, fails: str) -> None:
    ci_checkout(checkout)
    checkout.program("python3", f'#!/bin/sh\n[ "$*" = "-c import ensurepip" ] && exit 1\nexec {PYTHON} "$@"\n')
    assert checkout.run(".ci/run", fails=fails, PYTHON="python3").returncode != 0


def test_the_workflow_runs_the_same_on_a_fork() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in text
    linux, macos = workflow["jobs"]["linux"], workflow["jobs"]["macos"]
    assert [step["run"] for step in linux["steps"] if "run" in step] == [".ci/run"]
    assert all(step["env"]["PYTHON"] == "python3" for step in linux["steps"] if "run" in step)  # not the system's own
    assert [step["run"] for step in macos["steps"] if "run" in step] == ["make test"]
    assert linux["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v1"))


def test_no_file_names_a_place_on_the_machine_that_made_it() -> None:
    command = ["git", "-c", "safe.directory=*", "grep", "-nIE", "--untracked", r"(^|[^A-Za-z0-9_.-])/(home|Users|root)/[A-Za-z]"]
    done = subprocess.run([*command, "--", "."], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
