"""Other programs that run notebooks, with no flag of ours: plain nbval, nbmake, papermill, nbconvert and nbclient."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from course.home import ROOT
from tests.prepared import prepare

INTENDED, PLAIN = "00_start_here", "01_build_three_databases"
"""A lesson with a cell that must raise, and one without."""
EVERY = bool(os.environ.get("COURSE_TEST_RUNNERS"))
"""Every runner from both folders on three lessons, as in the weekly workflow; `make test` has fewer of these."""
LESSONS = [INTENDED, PLAIN, "06_what_is_pgvector"] if EVERY else [INTENDED]
FROM = {"the root": (ROOT, "lessons/"), "lessons/": (ROOT / "lessons", "")}


def places(usual: str) -> list[str]:
    return list(FROM) if EVERY else [usual]


Run = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run(folder, module, *arguments)`, in a COURSE_HOME where no lesson has run; with `new`, where there is nothing at all."""

    def call(folder: Path, *arguments: str, new: bool = False) -> subprocess.CompletedProcess:
        home = tmp_path / "home"
        if not new:
            prepare(home)
        environment = os.environ | {"COURSE_HOME": str(home)}
        return subprocess.run([sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True)

    return call


def passes(done: subprocess.CompletedProcess) -> bool:
    return done.returncode == 0 and "passed" in done.stdout and "failed" not in done.stdout


@pytest.mark.parametrize("place", places("the root"))
def test_plain_nbval_passes_for_one_who_has_run_nothing(run: Run, place: str) -> None:
    folder, prefix = FROM[place]
    done = run(folder, "pytest", "--nbval-lax", *(f"{prefix}{name}.ipynb" for name in LESSONS), new=True)
    assert passes(done), done.stdout[-3000:]


@pytest.mark.parametrize("place", places("lessons/"))
def test_nbmake_passes(run: Run, place: str) -> None:
    folder, prefix = FROM[place]
    done = run(folder, "pytest", "--nbmake", *(f"{prefix}{name}.ipynb" for name in LESSONS))
    assert passes(done), done.stdout[-3000:]


@pytest.mark.parametrize("name", LESSONS)
@pytest.mark.parametrize("place", places("lessons/"))
def test_nbconvert_executes_a_lesson(run: Run, tmp_path: Path, place: str, name: str) -> None:
    folder, prefix = FROM[place]
    to = ["--to", "notebook", "--output-dir", str(tmp_path)]
    done = run(folder, "jupyter", "nbconvert", "--execute", *to, f"{prefix}{name}.ipynb")
    assert done.returncode == 0, done.stderr[-3000:]
    assert surprises(tmp_path / f"{name}.ipynb") == []


@pytest.mark.parametrize("name", [PLAIN, *LESSONS] if not EVERY else LESSONS)
@pytest.mark.parametrize("place", places("the root"))
def test_papermill_runs_every_cell_and_ends_with_1_only_where_an_error_is_intended(
    run: Run, tmp_path: Path, place: str, name: str
) -> None:
    folder, prefix = FROM[place]
    path = tmp_path / "run.ipynb"
    done = run(folder, "papermill", f"{prefix}{name}.ipynb", str(path))
    intended = any(must_raise(cell) for cell in nbformat.read(path, 4).cells)
    assert done.returncode == (1 if intended else 0), done.stderr[-3000:]
    assert surprises(path) == []


@pytest.mark.skipif(not EVERY, reason="papermill, which is nbclient inside, has started a kernel in the root above")
@pytest.mark.parametrize("folder", [ROOT, ROOT / "lessons"], ids=lambda folder: folder.name)
def test_a_kernel_may_start_in_the_root_as_in_vs_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    notebook = nbformat.read(ROOT / "lessons" / f"{PLAIN}.ipynb", 4)
    NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, kernel_name="python3").execute()
    nbformat.write(notebook, tmp_path / "run.ipynb")
    assert surprises(tmp_path / "run.ipynb") == []


def must_raise(cell: nbformat.NotebookNode) -> bool:
    return "raises-exception" in cell.metadata.get("tags", [])


def surprises(path: Path) -> list[str]:
    """The cells of a notebook that did not run, or ended in an error that was not announced."""
    return [
        cell.source
        for cell in nbformat.read(path, 4).cells
        if cell.cell_type == "code"
        and (cell.execution_count is None or any(output.output_type == "error" for output in cell.outputs) != must_raise(cell))
    ]
