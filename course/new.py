"""`python -m course.new 16 change_the_model`, or `make new LESSON=16 NAME=change_the_model`: a new lesson, ready to build.

Its manifest entry, source, checks and tests are made from the files in `course/templates/`, where `$id`, `$name`, `$title` and
`$section` are filled in. A lesson that course/manifest.toml lists as still to come keeps its name, title and section.
"""

import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from string import Template

from course import manifest
from course.errors import CourseError
from course.home import ROOT
from course.manifest import Lesson

TEMPLATES = Path(__file__).parent / "templates"
NEXT = """\
Next:
  1. write {source}, and what the head says in course/manifest.toml
  2. .venv/bin/python -m course.build {id}
  3. make test LESSON={id}"""


def new(id: str, name: str = "", *, root: Path = ROOT, lessons: Sequence[Lesson] | None = None) -> list[Path]:
    """Write a new lesson's files and its entry in the manifest. Returns the paths.

    Raises:
        CourseError: the id or the name cannot be one, the lesson is written already, or a file is there. Nothing was changed.
    """
    lessons = manifest.lessons() if lessons is None else lessons
    listed = next((lesson for lesson in lessons if lesson.id == id), None)
    name = name or (listed.name if listed else "")
    if not re.fullmatch(r"\d\d[a-z]?", id) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise CourseError(
            f"A lesson has an id such as 16 or 04b and a name such as change_the_model, not {id!r} and {name!r}. "
            "Nothing was changed. Write: make new LESSON=16 NAME=change_the_model"
        )
    if listed and (listed.written or listed.name != name):
        raise CourseError(
            f"Lesson {id} is in course/manifest.toml already, as {listed.stem}. Nothing was changed. Choose another id."
        )
    before = [lesson for lesson in lessons if lesson.id < id]
    words = {
        "id": id,
        "name": name,
        "title": listed.title if listed else name.replace("_", " ").capitalize(),
        "section": (listed or before[-1]).section if listed or before else lessons[0].section,
    }
    files = {
        root / "solutions" / f"{id}_{name}.md": "lesson.md",
        root / "course" / "checks" / f"lesson_{id}.py": "checks.py.txt",
        root / "tests" / "checks" / f"test_lesson_{id}.py": "tests.py.txt",
    }
    for path in files:
        if path.exists():
            raise CourseError(f"{path.relative_to(root)} is there already. Nothing was changed. Move it away, then try again.")
    for path, template in files.items():
        path.write_text(_filled(template, words), encoding="utf-8")
    path = root / "course" / "manifest.toml"
    path.write_text(_with_entry(path.read_text(encoding="utf-8"), id, _filled("manifest.toml", words)), encoding="utf-8")
    return [path, *files]


def _filled(template: str, words: dict[str, str]) -> str:
    return Template((TEMPLATES / template).read_text(encoding="utf-8")).safe_substitute(words)


def _with_entry(text: str, id: str, entry: str) -> str:
    """The manifest with this entry in its place: lessons stand in the order of their ids."""
    head, *entries = re.split(r"(?m)^(?=\[\[lesson\]\])", text)
    by_id = {tomllib.loads(found)["lesson"][0]["id"]: found.rstrip("\n") for found in entries}
    by_id[id] = entry.rstrip("\n")
    return "\n\n".join([head.rstrip("\n"), *(by_id[key] for key in sorted(by_id))]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit status: 0 if the files are written, else 1, with the reason on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        paths = new(*(arguments[:2] or [""]))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    names = [path.relative_to(ROOT).as_posix() for path in paths]
    print("\n".join([*(f"wrote {name}" for name in names), NEXT.format(source=names[1], id=arguments[0])]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
