"""What the course has recorded of an older ChromaDB: sound, free of whose machine it was made on, and true to this day."""

import getpass
import os
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from course import old_chroma
from course.home import ROOT
from course.old_chroma import NotFetchedError, OldChroma
from course.servers.chroma import ChromaServer


def tables(folder: Path) -> list[tuple]:
    with closing(sqlite3.connect(folder / "chroma.sqlite3")) as database:
        return database.execute("SELECT dir, version, filename FROM migrations ORDER BY dir, version").fetchall()


def test_the_record_is_there_and_small() -> None:
    old = old_chroma.recorded()
    assert old.release == old_chroma.RELEASE != ChromaServer.installed_version()
    assert old.how == "recorded in data/old_chroma"
    assert len(old.said) == 4
    files = [path for path in old_chroma.RECORD.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 500_000


def test_the_record_was_made_with_the_release_that_is_installed() -> None:
    assert f'"opened_by": "{ChromaServer.installed_version()}"' in (old_chroma.RECORD / "record.json").read_text(), (
        "A new ChromaDB: run `python -m course.old_chroma`, and see whether lesson 05b still tells the truth."
    )


def test_the_record_names_no_machine_and_nobody() -> None:
    names = {str(ROOT), str(Path.home()), "/tmp/", "/home/", "/Users/", socket.gethostname(), getpass.getuser() + "@"}
    for path in old_chroma.RECORD.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert [name for name in names if name.encode() in content] == [], path


def test_a_missing_record_says_how_to_get_it_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(old_chroma, "RECORD", tmp_path)
    with pytest.raises(old_chroma.CourseError, match="git checkout data"):
        old_chroma.recorded()


def test_a_release_that_cannot_be_installed_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    with pytest.raises(NotFetchedError, match="Use `recorded\\(\\)`, which needs neither"):
        old_chroma.fetched()
    assert {path.name for path in tmp_path.iterdir()} == {"empty"}


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OldChroma:
    """The old release, asked now. Where the package index does not answer, this cannot be proved."""
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    try:
        return old_chroma.fetched()
    except NotFetchedError as error:
        if os.environ.get("COURSE_NOTHING_SKIPPED"):
            raise
        pytest.skip(f"the package index does not answer: {error}")


def test_the_old_release_still_says_what_was_recorded(fetched: OldChroma, tmp_path: Path) -> None:
    recorded = old_chroma.recorded()
    assert fetched.said == recorded.said
    copy = tmp_path / "copy"
    shutil.copytree(recorded.folder, copy)  # looking into a database may write beside it
    assert tables(fetched.folder) == tables(copy)
    assert fetched.how == "installed, and asked just now"
    assert list(tmp_path.glob("*/environment")) == []
