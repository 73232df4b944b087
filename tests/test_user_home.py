"""A user id that has no name and no home directory, as in a container, is no hindrance to what a lesson imports."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from course.home import ROOT

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become a number without a name")

READABLE = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]  # the checkout may lie where only root may look
NAMELESS = ["setpriv", "--reuid=47110", "--regid=47110", "--clear-groups", *READABLE]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everybody may write to, outside pytest's own, which is root's."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o777)
        yield Path(path)


def nameless(place: Path, *command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    kept = {"PATH": os.environ["PATH"], "COURSE_HOME": f"{place}/home", "PYTHONDONTWRITEBYTECODE": "1"}
    path = os.pathsep.join([str(ROOT), str(place)])
    return subprocess.run(
        [*NAMELESS, *command], cwd=cwd, env=kept | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=120
    )


@needs_root
@pytest.mark.parametrize(
    "cell",
    [
        "from course import Stack; import chromadb, altair",
        "from course import show; import chromadb",
        "from course.embedding import embed; embed('a cat sleeps')",
    ],
)
def test_what_a_lesson_imports_needs_no_home(place: Path, cell: str) -> None:
    done = nameless(place, sys.executable, "-c", f"{cell}; print('here')")
    assert done.stdout.strip() == "here", done.stderr


TINY = """
from fastapi import FastAPI
app = FastAPI()
app.get("/")(lambda: "answered")
"""
SERVE = """
from course.apps.apart import serve_apart
import httpx
(served,) = serve_apart({"tiny:app": {}})
print(httpx.get(served.url).json())
served.stop()
"""


@needs_root
def test_an_application_is_served_apart_without_a_home(place: Path) -> None:
    (place / "tiny.py").write_text(TINY)
    done = nameless(place, sys.executable, "-c", SERVE)
    assert done.stdout.strip() == "answered", done.stderr


@needs_root
def test_make_gives_jupyterlab_a_home(place: Path) -> None:
    (place / "Makefile").write_text(f"include {ROOT}/Makefile\nsay:\n\t@echo $$HOME\n")
    assert nameless(place, "make", "say", cwd=place).stdout.splitlines()[-1:] == [f"{place}/home"]


@pytest.mark.parametrize("kept", [{"HOME": "/somewhere"}, pytest.param({}, marks=needs_root)])
def test_a_home_that_is_there_or_that_the_system_knows_stays(place: Path, kept: dict[str, str]) -> None:
    code = "from course.user_home import see_to_a_user_home; see_to_a_user_home(); import os; print(os.environ.get('HOME'))"
    environment = {"PATH": os.environ["PATH"], "COURSE_HOME": str(place)} | kept
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == str(kept.get("HOME")), done.stderr
