"""Where the gates' temporary files lie."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import in_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file system is in memory, and nothing is changed")

WHERE = "import tempfile; print(tempfile.gettempdir())"


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the one in memory, with enough in it."""
    monkeypatch.setattr(in_memory, "MEMORY", tmp_path)
    monkeypatch.setattr(in_memory, "ENOUGH", 0)
    monkeypatch.delenv("TMPDIR", raising=False)
    return tmp_path


def where() -> str:
    return subprocess.run([sys.executable, "-c", WHERE], capture_output=True, text=True, check=True).stdout.strip()


def test_what_is_started_has_its_temporary_files_there_and_all_go_at_the_end(memory: Path) -> None:
    with in_memory.temporary_files() as folder:
        assert folder is not None
        assert folder.parent == memory
        assert where() == str(folder)
        (folder / "left").mkdir()
    assert list(memory.iterdir()) == []
    assert where() != str(folder)


def test_they_go_after_an_error_too(memory: Path) -> None:
    with pytest.raises(ZeroDivisionError), in_memory.temporary_files():
        _ = 1 / 0
    assert list(memory.iterdir()) == []
    assert "TMPDIR" not in os.environ


def test_without_plenty_of_memory_nothing_is_changed(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_memory, "ENOUGH", 1e15)
    before = where()
    with in_memory.temporary_files() as folder:
        assert folder is None
        assert where() == before


def test_where_no_such_folder_is_nothing_is_changed(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_memory, "MEMORY", memory / "none")
    with in_memory.temporary_files() as folder:
        assert folder is None


def test_a_folder_that_was_named_is_kept_to(memory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory) -> None:
    named = str(tmp_path_factory.mktemp("named"))
    monkeypatch.setenv("TMPDIR", named)
    with in_memory.temporary_files() as folder:
        assert folder is None
        assert where() == named


def test_what_a_run_that_was_killed_has_left_goes_and_what_another_uses_stays(memory: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name in (ended.pid, 1, "of-somebody"):
        (memory / f"gates-{name}" / "inside").mkdir(parents=True)
    with in_memory.temporary_files():
        pass
    assert sorted(path.name for path in memory.iterdir()) == ["gates-1", "gates-of-somebody"]
