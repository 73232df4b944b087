"""An exercise, a lesson or all of them become blank again, and nothing that a learner wrote is lost."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from unittest.mock import Mock

import nbformat
import pytest
from nbformat import NotebookNode

from course import clean, manifest, reset
from course.errors import CourseError
from course.home import ROOT
from course.notebooks import fresh, kept
from course.notebooks.changes import work_of
from course.pipeline.notebook import as_text
from tests.kernels import kernel, run

CHECK = "04.orphans"
LESSON = manifest.lesson("04")
MINE = """def orphans(collection, postgres) -> set[str]:
    return {"mine"}"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / ".course"))
    return tmp_path / ".course"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a learner's notebooks are: at first, lesson 04 as it came."""
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / f"{LESSON.stem}.ipynb").write_text(as_text(fresh.fresh_notebook(LESSON)))
    return tmp_path / "lessons"


def notebook(folder: Path) -> NotebookNode:
    return nbformat.read(folder / f"{LESSON.stem}.ipynb", 4)


def write(folder: Path, changed: NotebookNode) -> bytes:
    path = folder / f"{LESSON.stem}.ipynb"
    path.write_text(as_text(changed))
    return path.read_bytes()


def exercise(notebook: NotebookNode) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == fresh.blank(CHECK).id)


def solve(folder: Path, text: str = MINE) -> bytes:
    """Write an answer into the exercise's cell, as if it had been run; and a cell of the learner's own below it."""
    changed = notebook(folder)
    cell = exercise(changed)
    cell.source, cell.execution_count = text, 5
    cell.outputs = [nbformat.v4.new_output("stream", text="printed")]
    own = nbformat.v4.new_code_cell("my_own = 1", id="own")
    if all(one.id != "own" for one in changed.cells):
        changed.cells.insert(changed.cells.index(cell) + 1, own)
    return write(folder, changed)


def test_every_exercise_of_every_lesson_has_a_blank_cell_in_its_notebook() -> None:
    for lesson in manifest.lessons():
        if lesson.written:
            assert set(fresh.exercises(lesson)) == set(lesson.checks)
            cells = {cell.id: cell.source for cell in nbformat.read(ROOT / "lessons" / f"{lesson.stem}.ipynb", 4).cells}
            for check in lesson.checks:
                assert cells[fresh.blank(check).id] == fresh.blank(check).source


def test_an_exercise_is_blank_again_its_text_is_kept_and_all_else_stays(folder: Path, home: Path) -> None:
    before = solve(folder)
    done = reset.reset_exercise(CHECK, folder)
    assert exercise(notebook(folder)) == fresh.blank(CHECK)
    assert len(notebook(folder).cells) == len(nbformat.reads(before.decode(), 4).cells)
    (text,) = (home / "kept").iterdir()
    assert text.read_text() == MINE
    assert f".course/kept/{text.name}" in done.said
    assert f"python -m course.reset {CHECK} --undo" in done.said


def test_undo_brings_an_exercise_back_and_keeps_what_stood_there_meanwhile(folder: Path, home: Path) -> None:
    solve(folder)
    reset.reset_exercise(CHECK, folder)
    solve(folder, "later = 1")
    reset.undo_exercise(CHECK, folder)
    assert exercise(notebook(folder)).source == MINE
    assert {path.read_text() for path in (home / "kept").iterdir()} == {MINE, "later = 1"}
    reset.undo_exercise(CHECK, folder)
    assert exercise(notebook(folder)).source == "later = 1", "an undo can be undone"


def test_a_blank_exercise_is_left_alone(folder: Path, home: Path) -> None:
    before = (folder / f"{LESSON.stem}.ipynb").read_bytes()
    assert reset.reset_exercise(CHECK, folder) == reset.Done(f"{CHECK} is blank already. Nothing was changed.", changed=False)
    assert (folder / f"{LESSON.stem}.ipynb").read_bytes() == before
    assert not (home / "kept").exists()


def test_a_deleted_exercise_is_back_at_its_place(folder: Path) -> None:
    changed = notebook(folder)
    ids = [cell.id for cell in changed.cells]
    changed.cells.remove(exercise(changed))
    write(folder, changed)
    assert "was gone. It is back" in reset.reset_exercise(CHECK, folder).said
    assert [cell.id for cell in notebook(folder).cells] == ids


def test_an_exercise_that_was_written_into_a_cell_of_ones_own_is_found_there(folder: Path) -> None:
    changed = notebook(folder)
    at = changed.cells.index(exercise(changed))
    changed.cells[at] = nbformat.v4.new_code_cell(fresh.blank(CHECK).source.replace("...", "return set()"), id="own")
    write(folder, changed)
    reset.reset_exercise(CHECK, folder)
    assert (notebook(folder).cells[at].id, notebook(folder).cells[at].source) == ("own", fresh.blank(CHECK).source)


def test_a_lesson_is_as_it_came_byte_for_byte_and_undo_brings_ones_own_back(folder: Path, home: Path) -> None:
    path = folder / f"{LESSON.stem}.ipynb"
    as_it_came, mine = path.read_bytes(), solve(folder)
    done = reset.reset_lesson(LESSON, folder)
    assert path.read_bytes() == as_it_came
    (copy,) = (home / "kept").iterdir()
    assert copy.read_bytes() == mine
    assert copy.name in done.said
    reset.undo_lesson(LESSON, folder)
    assert path.read_bytes() == mine


def test_undo_of_a_lesson_keeps_what_was_done_since(folder: Path, home: Path) -> None:
    first = solve(folder)
    reset.reset_lesson(LESSON, folder)
    second = solve(folder, "later = 1")
    reset.undo_lesson(LESSON, folder)
    assert {path.read_bytes() for path in (home / "kept").iterdir()} == {first, second}


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"[" * 100_000, b'{"cells": 5}', b'{"cells": [{"a": 1}]}'])
def test_a_damaged_notebook_is_kept_whole_and_made_anew(folder: Path, home: Path, damage: bytes) -> None:
    path = folder / f"{LESSON.stem}.ipynb"
    path.write_bytes(damage)
    for refuses in (reset.reset_exercise, reset.undo_exercise):
        with pytest.raises(CourseError, match=r"cannot be read as a notebook.*`python -m course.reset 04`"):
            refuses(CHECK, folder)
    with pytest.raises(CourseError, match="cannot be read as a notebook"):
        reset.restore_cells(LESSON, folder)
    assert path.read_bytes() == damage
    reset.reset_lesson(LESSON, folder)
    assert work_of(path.read_bytes()) == work_of(as_text(fresh.fresh_notebook(LESSON)).encode())
    assert [copy.read_bytes() for copy in (home / "kept").iterdir()] == [damage]


def test_a_notebook_that_is_gone_is_back(folder: Path) -> None:
    (folder / f"{LESSON.stem}.ipynb").unlink()
    with pytest.raises(CourseError, match=r"is gone.*`python -m course.reset 04`"):
        reset.reset_exercise(CHECK, folder)
    assert "was gone. It is back." in reset.reset_lesson(LESSON, folder).said
    assert exercise(notebook(folder)) == fresh.blank(CHECK)


def test_restore_brings_back_broken_and_deleted_cells_and_leaves_what_the_learner_wrote(folder: Path, home: Path) -> None:
    as_it_came = notebook(folder)
    before = solve(folder)
    changed = notebook(folder)
    broken = next(cell for cell in changed.cells if cell.cell_type == "code" and cell.id != exercise(changed).id)
    broken.source = "broken ="
    deleted = [changed.cells.pop(0), changed.cells.pop(-1), next(c for c in changed.cells if "check.orphans(" in c.source)]
    changed.cells.remove(deleted[2])
    before = write(folder, changed)
    done = reset.restore_cells(LESSON, folder)
    assert "are back: 3" in done.said
    assert "as they came: 1" in done.said
    now = notebook(folder)
    assert exercise(now).source == MINE
    assert exercise(now).outputs
    assert [cell.source for cell in now.cells if cell.id == "own"] == ["my_own = 1"]
    others = [(cell.id, cell.source) for cell in now.cells if cell.id not in ("own", exercise(now).id)]
    assert others == [(cell.id, cell.source) for cell in as_it_came.cells if cell.id != exercise(now).id]
    assert [path.read_bytes() for path in (home / "kept").iterdir()] == [before]
    assert not reset.restore_cells(LESSON, folder).changed


def test_two_texts_in_one_second_are_both_kept_and_the_newest_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "datetime", Mock(now=lambda: datetime(2026, 3, 14, 15, 9, 26)))
    paths = [kept.keep(CHECK, ".py", f"{number}".encode()) for number in range(11)]
    assert paths[0].name == "04.orphans.2026-03-14-150926.py"
    assert paths[1].name == "04.orphans.2026-03-14-150926-2.py"
    assert [path.read_text() for path in paths] == [f"{number}" for number in range(11)]
    assert kept.newest(CHECK, ".py") == paths[-1]
    assert kept.keep(CHECK, ".py", b"10") == paths[-1], "the same text is kept once"
    assert kept.newest("04", ".py") is None


def test_what_cannot_be_kept_is_not_replaced(folder: Path, home: Path) -> None:
    before = solve(folder)
    home.mkdir()
    (home / "kept").write_text("a file in its place")
    with pytest.raises(CourseError, match=r"could not be kept.*nothing was replaced"):
        reset.reset_exercise(CHECK, folder)
    with pytest.raises(CourseError, match=r"could not be kept.*nothing was replaced"):
        reset.reset_lesson(LESSON, folder)
    assert (folder / f"{LESSON.stem}.ipynb").read_bytes() == before


def test_a_notebook_that_cannot_be_written_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = solve(folder)

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reset, "write_whole", full_disk)
    with pytest.raises(CourseError, match="No space left on device"):
        reset.reset_lesson(LESSON, folder)
    assert (folder / f"{LESSON.stem}.ipynb").read_bytes() == before


def command(folder: Path, *arguments: str) -> int:
    return reset.main([*arguments, "--folder", str(folder)])


def test_the_command_says_what_it_did_and_what_to_press(folder: Path, capsys: pytest.CaptureFixture) -> None:
    solve(folder)
    assert command(folder, CHECK) == 0
    said = capsys.readouterr().out
    assert "04.orphans is blank again" in said
    assert "Reload Notebook from Disk" in said
    assert command(folder, CHECK) == 0
    assert "Reload" not in capsys.readouterr().out
    assert command(folder, CHECK, "--undo") == 0
    assert exercise(notebook(folder)).source == MINE
    assert command(folder, "04", "--restore") == 0
    assert command(folder, "04") == 0
    assert exercise(notebook(folder)).source == fresh.blank(CHECK).source
    assert command(folder, "04", "--undo") == 0
    assert exercise(notebook(folder)).source == MINE


def test_the_command_also_runs_in_a_notebooks_cell(folder: Path, home: Path) -> None:
    solve(folder)
    with kernel(home) as (_, client):
        assert "is as it came again" in run(client, f'%run -m course.reset 04 --folder "{folder}"')
    assert exercise(notebook(folder)).source == fresh.blank(CHECK).source


def test_all_is_every_written_lesson_also_those_whose_notebook_is_gone(folder: Path) -> None:
    solve(folder)
    assert command(folder, "all") == 0
    assert {path.stem for path in folder.iterdir()} == {lesson.stem for lesson in manifest.lessons() if lesson.written}
    assert exercise(notebook(folder)).source == fresh.blank(CHECK).source


def test_a_lesson_that_is_still_to_come_has_nothing_to_reset() -> None:
    with pytest.raises(CourseError, match="still to come"):
        fresh.fresh_notebook(replace(manifest.lesson("04"), written=False))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["99"], "There is no lesson '99'"),
        (["04.nothing"], "There is no check '04.nothing'"),
        (["all", "--undo"], "one lesson at a time"),
        (["04", "--undo"], "Nothing of 04_orphan_vectors was ever replaced"),
        ([CHECK, "--undo"], "Nothing of 04.orphans was ever replaced"),
    ],
)
def test_the_command_says_why_it_does_nothing(
    folder: Path, capsys: pytest.CaptureFixture, arguments: list[str], said: str
) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert command(folder, *arguments) == 1
    assert said in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_make_clean_leaves_what_is_kept(folder: Path, home: Path, tmp_path: Path) -> None:
    solve(folder)
    reset.reset_exercise(CHECK, folder)
    clean.clean(home, tmp_path)
    assert kept.newest(CHECK, ".py") is not None


def test_progress_stays(folder: Path, home: Path) -> None:
    home.mkdir()
    (home / "progress.json").write_text(json.dumps({"checks": {CHECK: {"outcome": "passed"}}}))
    before = (home / "progress.json").read_bytes()
    solve(folder)
    reset.reset_lesson(LESSON, folder)
    assert (home / "progress.json").read_bytes() == before


def test_a_folder_in_the_place_of_a_notebook_is_told(folder: Path) -> None:
    (folder / f"{LESSON.stem}.ipynb").unlink()
    (folder / f"{LESSON.stem}.ipynb").mkdir()
    with pytest.raises(CourseError, match="cannot be read: Is a directory"):
        reset.reset_lesson(LESSON, folder)
