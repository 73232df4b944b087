"""Where a course's files lie and which lessons it has. Reads nothing and writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course import manifest
from course.errors import CourseError
from course.home import ROOT
from course.manifest import Lesson, Section


class BuildError(CourseError):
    """A notebook could not be built, or is not what its source says. The message names the file and what to do."""


@dataclass(frozen=True)
class Layout:
    """A checkout and its manifest: by default this one, in a test any other."""

    root: Path
    lessons: tuple[Lesson, ...]
    sections: tuple[Section, ...]

    @classmethod
    def of_this_course(cls) -> "Layout":
        """The layout of the course that this package is part of."""
        return cls(ROOT, manifest.lessons(), manifest.sections())

    @property
    def solutions_folder(self) -> Path:
        """Where the sources and the solved notebooks are."""
        return self.root / "solutions"

    @property
    def lessons_folder(self) -> Path:
        """Where the notebooks with blanks are."""
        return self.root / "lessons"

    @property
    def readme(self) -> Path:
        """The file with the course map."""
        return self.root / "README.md"

    @property
    def minutes(self) -> Path:
        """How long each lesson takes, made by the build for the course map."""
        return self.root / "course" / "minutes.json"

    @property
    def glossary_source(self) -> Path:
        """The terms that lessons link, written by hand."""
        return self.root / "course" / "glossary.toml"

    @property
    def glossary(self) -> Path:
        """The page made from them."""
        return self.root / "docs" / "glossary.md"

    @property
    def teaching_folder(self) -> Path:
        """Where the notes for teachers are."""
        return self.root / "docs" / "teaching"

    @property
    def teaching_readme(self) -> Path:
        """Their index, and how to use them."""
        return self.teaching_folder / "README.md"

    @property
    def timetables_source(self) -> Path:
        """Which lessons belong to a course of a given length, written by hand."""
        return self.root / "course" / "teaching" / "timetables.toml"

    @property
    def timetables(self) -> Path:
        """The page made from it and from the minutes."""
        return self.teaching_folder / "timetables.md"

    def note(self, lesson: Lesson) -> Path:
        """The note for those who teach this lesson: parts that are made, and text between them. Not every lesson has one."""
        return self.teaching_folder / f"{lesson.id}.md"

    def source(self, lesson: Lesson) -> Path:
        """The MyST notebook, written by hand."""
        return self.solutions_folder / f"{lesson.stem}.md"

    def solution(self, lesson: Lesson) -> Path:
        """The executed notebook, with outputs."""
        return self.solutions_folder / f"{lesson.stem}.ipynb"

    def lesson(self, lesson: Lesson) -> Path:
        """The notebook that a learner opens: no outputs, exercises blank."""
        return self.lessons_folder / f"{lesson.stem}.ipynb"

    def name(self, path: Path) -> str:
        """A path as messages show it, such as `solutions/01_build_three_databases.md`."""
        return path.relative_to(self.root).as_posix()

    def chosen(self, ids: Sequence[str]) -> list[Lesson]:
        """The lessons with these ids, in the course's order; without ids, every written one.

        Raises:
            BuildError: there is no lesson with such an id, or a lesson has no source.
        """
        unknown = sorted(set(ids) - {lesson.id for lesson in self.lessons})
        if unknown:
            known = ", ".join(lesson.id for lesson in self.lessons)
            raise BuildError(f"There is no lesson {unknown[0]!r}. Nothing was changed. Use one of: {known}.")
        lessons = [lesson for lesson in self.lessons if (lesson.id in ids if ids else lesson.written)]
        for lesson in lessons:
            if not self.source(lesson).is_file():
                raise BuildError(
                    f"{self.name(self.source(lesson))} is missing: lesson {lesson.id} has no source. Nothing was changed. "
                    "Write it, or set `written = false` in course/manifest.toml."
                )
        return lessons
