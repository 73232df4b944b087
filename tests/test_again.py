"""`check.orphans.reset()` inside a notebook: the cell that runs it becomes the blank, and what was written is kept.

What JupyterLab then does with the cell is looked at in `test_browser.py`.
"""

from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest

from course import manifest
from course.checks import lesson_04 as check
from course.exercises import again
from course.notebooks import fresh, kept
from tests.kernels import kernel, run

CHECK = "04.orphans"
BLANK = fresh.blank(CHECK)
MINE = """def orphans(collection, postgres) -> set[str]:
    return {"mine"}"""
CALL = "check.orphans.reset()"


@dataclass
class Shell:
    """What a notebook's kernel knows: the cell that runs, and those that ran before. What the cell becomes is noted."""

    code: str = CALL
    id: str = "a-new-one"
    ran: list[str] = field(default_factory=list)
    became: str | None = None

    @property
    def user_ns(self) -> dict:
        return {"In": ["", *self.ran, self.code]}

    def get_parent(self) -> dict:
        return {"metadata": {"cellId": self.id}, "content": {"code": self.code}}

    def set_next_input(self, text: str, replace: bool = False) -> None:
        assert replace
        self.became = text


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / ".course"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return tmp_path / ".course"


@pytest.fixture
def run_in(monkeypatch: pytest.MonkeyPatch):
    """Run a cell in a shell, and return what it says."""

    def call(shell: Shell):
        monkeypatch.setattr(again, "get_ipython", lambda: shell)
        return check.orphans.undo_reset() if "undo_reset" in shell.code else check.orphans.reset()

    return call


def texts(home: Path) -> list[str]:
    folder = home / "kept"
    return sorted(path.read_text() for path in folder.iterdir()) if folder.exists() else []


def test_the_exercises_own_cell_becomes_blank_and_what_ran_before_is_kept(run_in, home: Path) -> None:
    shell = Shell(id=BLANK.id, ran=[MINE, "check.orphans(orphans)", "unrelated = 1"])
    note = run_in(shell)
    assert shell.became == BLANK.source
    assert texts(home) == [MINE]
    assert "This cell is the exercise again, blank" in note.text
    assert "`check.orphans.undo_reset()` brings it back" in note.text
    assert "earlier cell" not in note.text


def test_a_new_cell_becomes_the_exercise_and_the_earlier_one_is_told_to_be_untouched(run_in) -> None:
    shell = Shell()
    note = run_in(shell)
    assert shell.became == BLANK.source
    assert "earlier cell, if it is there, is untouched" in note.text
    assert "kept" not in note.text, "nothing was written yet"


def test_what_else_stands_in_the_cell_is_kept(run_in, home: Path) -> None:
    run_in(Shell(code=f"{CALL}  # again\n{MINE}", id=BLANK.id, ran=["def orphans(a, b):\n    return 1"]))
    assert texts(home) == ["def orphans(a, b):\n    return 1", MINE]
    newest = kept.newest(CHECK, ".py")
    assert newest is not None
    assert newest.read_text() == MINE


def test_what_the_file_holds_is_kept_though_the_kernel_never_ran_it(
    run_in, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = nbformat.from_dict(fresh.fresh_notebook(manifest.lesson("04")).copy())
    next(cell for cell in notebook.cells if cell.id == BLANK.id).source = MINE
    nbformat.write(notebook, tmp_path / "copy.mine.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "copy.mine.ipynb"))
    run_in(Shell())
    assert texts(home) == [MINE]


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"[]", b"{}", b'{"cells": 5}'])
def test_a_file_that_is_no_notebook_hinders_nothing(
    run_in, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, garbage: bytes
) -> None:
    (tmp_path / "x.ipynb").write_bytes(garbage)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "x.ipynb"))
    shell = Shell()
    run_in(shell)
    assert shell.became == BLANK.source


def test_a_blank_and_the_lessons_own_cells_are_not_kept(run_in, home: Path) -> None:
    lessons_own = next(cell.source for cell in fresh.fresh_notebook(manifest.lesson("04")).cells if cell.cell_type == "code")
    run_in(Shell(id=BLANK.id, ran=[lessons_own, BLANK.source, "orphans(", "%%sql\nSELECT 1"]))
    assert texts(home) == []


def test_another_cell_of_the_lesson_is_left_alone_and_says_where_to_write_it(run_in, home: Path) -> None:
    cells = fresh.fresh_notebook(manifest.lesson("04")).cells
    shell = Shell(id=next(cell.id for cell in cells if cell.source.startswith("check.orphans(")), ran=[MINE])
    note = run_in(shell)
    assert shell.became is None
    assert "Nothing was changed" in note.text
    assert "or into a new cell" in note.text
    assert texts(home) == []


def test_undo_brings_the_last_text_back_and_keeps_what_was_written_since(run_in, home: Path) -> None:
    run_in(Shell(id=BLANK.id, ran=[MINE]))
    shell = Shell(code="check.orphans.undo_reset()", id=BLANK.id, ran=[MINE, CALL, "orphans = 5"])
    note = run_in(shell)
    assert shell.became == MINE
    assert "as you had it, from `.course/kept/04.orphans." in note.text
    assert texts(home) == [MINE, "orphans = 5"]


def test_undo_without_a_reset_says_so(run_in) -> None:
    shell = Shell(code="check.orphans.undo_reset()")
    assert run_in(shell).word == "nothing to undo"
    assert shell.became is None


def test_outside_of_a_notebook_the_command_is_named() -> None:
    note = check.orphans.reset()
    assert note.word == "not here"
    assert "`python -m course.reset 04.orphans`" in note.text


def test_in_a_real_kernel_the_browser_is_asked_to_replace_the_cell_that_runs(home: Path) -> None:
    with kernel(home) as (_, client):
        run(client, "from course.checks import lesson_04 as check")
        run(client, MINE)
        reply = client.execute_interactive(CALL, output_hook=lambda message: None, timeout=120)
    assert reply["content"]["payload"] == [{"source": "set_next_input", "text": BLANK.source, "replace": True}]
    assert texts(home) == [MINE]
