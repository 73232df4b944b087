"""Nobody else has the name of what a notebook keeps on a shared server, and its owner can tell it."""

import itertools
import re
import shutil
from pathlib import Path

import pytest

from course.errors import CourseError
from course.servers import names

USERS = [
    "jane.doe",
    "jane_doe",
    "Jane.Doe",
    "李明",
    "李",
    "jane.doe.of.the.department@university.example",
    "jane.doe.of.the.department@college.example",
    "uid1000",
    "_",
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def named(monkeypatch: pytest.MonkeyPatch, user: str, lesson: str = "01") -> str:
    monkeypatch.setenv("JUPYTERHUB_USER", user)
    return names.namespace(lesson)


def test_no_two_users_and_lessons_have_one_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lessons = [
        "01",
        "04b",
        "scratch",
        "my-scratch",
        "my_scratch",
        "a-scratch-stack-with-a-long-name",
        "a-scratch-stack-with-a-longer-one",
    ]
    made = [named(monkeypatch, user, lesson) for user, lesson in itertools.product(USERS, lessons)]
    assert len(set(made)) == len(made)
    for name in made:
        assert re.fullmatch(r"[a-z][a-z0-9_]{2,61}[a-z0-9]", name)
    assert named(monkeypatch, "jane.doe").startswith("lumen_01_jane_doe_")
    assert made[0] == named(monkeypatch, USERS[0])


def test_two_homes_of_one_login_have_names_of_their_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = named(monkeypatch, "jane")
    shutil.copytree(home, home.with_name("copy"))
    monkeypatch.setenv("COURSE_HOME", str(home.with_name("copy")))
    assert named(monkeypatch, "jane") != mine


def test_two_machines_with_one_home_have_names_of_their_own(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for machine in ("one", "another"):
        (tmp_path / machine).write_text(machine)
        monkeypatch.setattr(names, "_MACHINE", tmp_path / machine)
        made.append(named(monkeypatch, "jane"))
    assert made[0] != made[1]


def test_a_uid_without_a_name_has_one_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
    monkeypatch.setattr("getpass.getuser", nobody)
    assert re.match(r"lumen_01_uid\d+_", names.namespace("01"))


def test_what_belongs_to_a_home_is_told_by_its_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = names.home_id(home) if home.exists() else names.namespace("01").rpartition("_")[2]
    assert names.belongs_to(named(monkeypatch, "李明"), own)
    for other in (f"lumen_01_jane_abcdef_{'0' * 10}", f"mine_{own}", f"lumen_01_{own}_copy", f"lumen_01;_{own}", "postgres"):
        assert not names.belongs_to(other, own)


@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe", b"one two three\n\n\x00"])
def test_garbage_in_its_files_is_no_error(home: Path, garbage: bytes) -> None:
    names.namespace("01")
    (home / names.FOLDER / "id").write_bytes(garbage)
    (home / names.FOLDER / "used").write_bytes(garbage)
    assert names.namespace("01") == names.namespace("01")
    assert names.used(home) == []
    names.note_use("postgres", "db:5432")
    names.note_use("postgres", "db:5432")
    assert names.used(home) == [("postgres", "db:5432")]


@pytest.mark.parametrize("name", ["id", "used", "."])
def test_a_thing_of_another_kind_in_its_place_is_told(home: Path, name: str) -> None:
    names.namespace("01")
    shutil.rmtree(home / names.FOLDER)
    (home / names.FOLDER / name).mkdir(parents=True) if name != "." else (home / names.FOLDER).touch()
    use = names.note_use if name == "used" else lambda *_: names.namespace("01")
    with pytest.raises(CourseError, match=r"is not what the course keeps there.*Remove "):
        use("postgres", "db:5432")
