"""A new lesson builds as it is made, and what a lesson lacks is said."""

import dataclasses
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from course import manifest
from course.errors import CourseError
from course.home import ROOT
from course.manifest import Lesson
from course.new import new
from course.pipeline import lint
from course.pipeline.layout import Layout
from course.pipeline.notebook import make
from tests.one_lesson import missing


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course's manifest and settings, and nothing else."""
    for folder in ("course/checks", "tests/checks", "solutions"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("pyproject.toml", "course/manifest.toml", "solutions/.ruff.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def layout_of(root: Path) -> Layout:
    entries = tomllib.loads((root / "course" / "manifest.toml").read_text(encoding="utf-8"))["lesson"]
    return Layout(root, tuple(map(manifest.read_lesson, entries)), manifest.sections())


@pytest.mark.parametrize(("id", "name", "after"), [("99", "go_on", None), ("00b", "go_on", "00")])
def test_a_new_lesson_has_every_part_and_is_ready_to_build(course: Path, id: str, name: str, after: str | None) -> None:
    made = new(id, name, root=course)
    layout = layout_of(course)
    ids = [lesson.id for lesson in layout.lessons]
    assert ids == sorted([*(lesson.id for lesson in manifest.lessons()), id])
    lesson = layout.lessons[ids.index(id)]
    assert (lesson.title, lesson.written) == ("Go on", True)
    assert list(missing(layout, lesson)) == []
    assert "check.share(share)" in [cell.source for cell in make(layout, lesson).lesson.cells]
    assert lint.complaints(layout, [lesson]) == []
    ruff = [sys.executable, "-m", "ruff"]
    python = [str(path) for path in made if path.suffix == ".py"]
    assert subprocess.run([*ruff, "check", "--no-cache", *python], cwd=course).returncode == 0
    assert subprocess.run([*ruff, "format", "--no-cache", "--check", *python], cwd=course).returncode == 0


def test_a_lesson_that_is_still_to_come_keeps_what_the_manifest_says(course: Path) -> None:
    later = Lesson("98", "wait", "Wait for it", "D", "s")
    new("98", root=course, lessons=(*manifest.lessons(), later))
    made = layout_of(course).lessons[-1]
    assert (made.id, made.name, made.title, made.section, made.written) == ("98", "wait", "Wait for it", "D", True)


def test_nothing_is_written_over(course: Path) -> None:
    before = (course / "course" / "manifest.toml").read_bytes()
    (course / "course" / "checks" / "lesson_99.py").write_text("mine", encoding="utf-8")
    with pytest.raises(CourseError, match=r"course/checks/lesson_99\.py is there already\. Nothing was changed"):
        new("99", "go_on", root=course)
    for id, name in (("00", "start_here"), ("00", "other"), ("9", "go_on"), ("99", "Go-on"), ("99", "")):
        with pytest.raises(CourseError, match="Nothing was changed"):
            new(id, name, root=course)
    assert (course / "course" / "manifest.toml").read_bytes() == before
    assert not (course / "solutions" / "99_go_on.md").exists()


def test_what_a_lesson_lacks_is_said_in_a_sentence_that_names_the_file(course: Path) -> None:
    new("99", "go_on", root=course)
    layout = layout_of(course)
    lesson = layout.lessons[-1]
    (course / "tests" / "checks" / "test_lesson_99.py").unlink()
    (course / "course" / "checks" / "lesson_99.py").unlink()
    assert list(missing(layout, dataclasses.replace(lesson, do=""))) == [
        "course/manifest.toml: lesson 99 has no `do`.",
        "course/checks/lesson_99.py is missing: the checks of lesson 99.",
        "tests/checks/test_lesson_99.py is missing: the tests of lesson 99.",
    ]


@pytest.mark.parametrize("lesson", [lesson for lesson in manifest.lessons() if lesson.written], ids=lambda lesson: lesson.id)
def test_every_written_lesson_has_all_its_parts(lesson: Lesson) -> None:
    assert list(missing(Layout.of_this_course(), lesson)) == []
