"""The notes for teachers: what is made of a lesson, what is written, and what the build says of either."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from course import manifest
from course.build import main
from course.checks import lesson_04
from course.home import ROOT
from course.pipeline import minutes
from course.pipeline.layout import BuildError, Layout
from course.pipeline.source import read as cells_of
from course.teaching import notes
from course.teaching.made import GLANCE, frame
from course.teaching.note import Note, Part, as_text, parts, read
from course.teaching.outline import in_class, outline, shared_out

COURSE = Layout.of_this_course()
LESSON = manifest.lesson("04")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A course of lesson 04 alone, with an index of notes."""
    for name in ("course/glossary.toml", "solutions/04_orphan_vectors.md", "solutions/04_orphan_vectors.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    layout = Layout(tmp_path, (LESSON,), manifest.sections())
    layout.teaching_folder.mkdir(parents=True)
    layout.teaching_readme.write_text(f"# Notes\n\n{notes.BEGIN}\n{notes.END}\n\nBy hand.\n", encoding="utf-8")
    return layout


@pytest.fixture
def written(layout: Layout) -> Layout:
    """The same, with a note in which something is written in every place: the place's own key."""
    notes.write(layout, [LESSON])
    path = layout.note(LESSON)
    found = parts(path.read_text(encoding="utf-8"), "04.md")
    filled = [Part(part.key, part.made, "" if part.key == GLANCE else f"On {part.key}.") for part in found]
    path.write_text(as_text(filled), encoding="utf-8")
    assert notes.problems(layout, [LESSON]) == []
    return layout


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_new_note_has_a_place_for_everything_in_the_lesson_and_the_check_names_each_that_is_empty(layout: Layout) -> None:
    [said] = notes.write(layout, [LESSON])
    keys = [part.key for part in parts(layout.note(LESSON).read_text(encoding="utf-8"), "04.md")]
    assert [key for key in keys if key.startswith("prediction")] == [
        f"prediction 04.{name}" for name in ("left", "top_hit", "rows", "orders")
    ]
    assert [key for key in keys if not key.startswith(("prediction", "sees"))] == [
        *("glance", "late", "exercise 04.orphans", "question 1", "question 2", "question 3", "day")
    ]
    assert "sees The problem" in keys
    assert {"sees Your turn", "sees Key insight"} & set(keys) == set()
    found = notes.problems(layout, [LESSON])
    assert [problem for key in keys[1:] for problem in found if f"`<!-- MADE: {key} -->`" in problem] == found
    assert len(found) == len(keys) - 1
    assert said.endswith(f"Still to write: {', '.join(keys[1:])}.")


def test_a_comment_is_no_text(written: Layout) -> None:
    change(written.note(LESSON), "On late.", "<!-- to be written -->")
    [problem] = notes.problems(written, [LESSON])
    assert "nothing is written under `<!-- MADE: late -->`" in problem


def test_what_is_written_is_read_by_section_and_item(written: Layout) -> None:
    note = read(written.note(LESSON))
    assert isinstance(note, Note)
    assert (note.late, note.on_the_day) == ("On late.", "On day.")
    assert note.sees["The problem"] == "On sees The problem."
    assert note.predictions["04.left"] == "On prediction 04.left."
    assert note.exercises == {"04.orphans": "On exercise 04.orphans."}
    assert note.questions == {number: f"On question {number}." for number in (1, 2, 3)}


def test_what_is_made_tells_options_outcome_mistakes_and_question(written: Layout) -> None:
    made = {part.key: part.made for part in parts(written.note(LESSON).read_text(encoding="utf-8"), "04.md")}
    assert "- b) none\n- **c) all 9** ← what happened\n" in made["prediction 04.left"]
    assert "A foreign key ends where PostgreSQL ends".lower() in made["prediction 04.left"].lower()
    said = [line[2:] for line in made["exercise 04.orphans"].splitlines() if line.startswith("- ")]
    assert said == [mistake.says for mistake in lesson_04.orphans.mistakes[:5]]
    assert made["question 1"].startswith("## Questions to consider\n\n### 1. How often would you run the reconciler")
    assert "[orphan vector](../glossary.md#orphan-vector)" in made["glance"]


def test_a_change_of_the_lesson_makes_the_note_stale_and_the_build_makes_it_anew_around_the_text(
    written: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    change(written.source(LESSON), "How often would you run the reconciler", "When would you run it")
    [problem] = notes.problems(written, [LESSON])
    assert problem.startswith("docs/teaching/04.md: its made parts are not what the lesson gives.")
    assert main(["--notes", "04"], written) == 0
    assert capsys.readouterr().out == "docs/teaching/04.md: written.\n"
    assert notes.problems(written, [LESSON]) == []
    assert "### 1. When would you run it" in written.note(LESSON).read_text(encoding="utf-8")
    assert read(written.note(LESSON)).questions[1] == "On question 1."


def test_the_command_that_checks_the_course_tells_a_stale_note(written: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    change(written.note(LESSON), "all 9", "all 10")
    assert main(["--check", "04"], written) == 1
    assert "docs/teaching/04.md: its made parts are not" in capsys.readouterr().err


def test_a_text_whose_place_is_gone_is_neither_lost_nor_moved(written: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    change(written.source(LESSON), "\n3. Recall lesson 02", "\n   Recall lesson 02")
    before = written.note(LESSON).read_bytes()
    assert main(["--notes", "04"], written) == 1
    assert "a text stands under `<!-- MADE: question 3 -->`, and the lesson has no place for it." in capsys.readouterr().err
    assert written.note(LESSON).read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("<!-- END MADE -->\n\nOn late.", "On late.", "a mark is lost"),
        ("<!-- MADE: late -->", "<!-- MADE late -->", "a mark is lost"),
        ("<!-- MADE: late -->", "<!-- MADE: day -->", "the part 'day' is there twice"),
        ("<!-- MADE: glance -->", "Mine.\n\n<!-- MADE: glance -->", "text stands above the first mark"),
    ],
)
def test_marks_out_of_order_are_refused_and_nothing_is_changed(written: Layout, old: str, new: str, what: str) -> None:
    change(written.note(LESSON), old, new)
    before = written.note(LESSON).read_bytes()
    with pytest.raises(BuildError, match=re.escape(f"04.md: {what}.")):
        notes.write(written, [LESSON])
    assert written.note(LESSON).read_bytes() == before


def test_the_index_lists_the_notes_that_are_there_and_keeps_the_text_around(written: Layout) -> None:
    text = written.teaching_readme.read_text(encoding="utf-8")
    assert re.findall(r"^\| \[(\S+) · [^]]*\]\((\S+)\) \| \d+ \| (\d) \| (\d) \| (\d) \|$", text, re.MULTILINE) == [
        ("04", "04.md", "4", "1", "3")
    ]
    assert (text[:8], text[-11:]) == ("# Notes\n", "\n\nBy hand.\n")
    written.note(LESSON).unlink()
    [problem] = notes.problems(written, [LESSON])
    assert problem.startswith("docs/teaching/README.md: its index is not that of the notes.")


def test_a_note_of_no_lesson_is_told_and_other_pages_are_let_be(written: Layout) -> None:
    for name in ("88.md", "timetables.md"):
        (written.teaching_folder / name).write_text("# Something\n", encoding="utf-8")
    [problem] = notes.problems(written, [LESSON])
    assert problem.startswith("docs/teaching/88.md: course/manifest.toml has no written lesson 88.")


@pytest.mark.parametrize("id", ["00", "02b", "15"])
def test_the_minutes_of_the_sections_add_up_to_those_of_the_lesson(id: str) -> None:
    lesson = manifest.lesson(id)
    found = outline(COURSE, lesson)
    model = minutes.measure(cells_of(COURSE.source(lesson), lesson.id))
    assert sum(section.seconds for section in found.sections) == pytest.approx(model.seconds)
    [glance] = [part.made for part in frame(found) if part.key == GLANCE]
    rows = re.findall(r"^\| [^|*]+ \| (\d+|< 1) \| (\d+|< 1) \|$", glance, re.MULTILINE)
    alone, together = (sum(int(row[column].replace("< 1", "0")) for row in rows) for column in (0, 1))
    assert (alone, together) == (model.minutes, in_class(model.minutes))
    assert [exercise.id for exercise in found.exercises] == list(lesson.checks)


@pytest.mark.parametrize(("total", "weights", "wanted"), [(5, [1, 1, 1], [2, 2, 1]), (3, [5, 1], [3, 0]), (0, [1], [0])])
def test_whole_minutes_are_shared_out_without_a_rest(total: int, weights: list[float], wanted: list[int]) -> None:
    assert shared_out(total, weights) == wanted


NOTED = notes.with_notes(COURSE, [lesson for lesson in manifest.lessons() if lesson.written])
_FIGURE = re.compile(r"(?<![\w.])\d[\d,.]*\d(?![\w])")


def figures(text: str) -> set[str]:
    """The numbers of two digits or more in a text; the ids of lessons are none."""
    return {figure.replace(",", "") for figure in _FIGURE.findall(re.sub(r"[Ll]essons? \d\d", "", text))}


def shown(lesson: manifest.Lesson) -> str:
    """What an executed lesson shows in every run: its text, its code, and the outputs that do not change."""
    cells = nbformat.read(COURSE.solution(lesson), as_version=4).cells
    lasting = [cell.get("outputs", []) for cell in cells if "nbval-ignore-output" not in cell.metadata.get("tags", [])]
    outputs = [f"{output.get('text')} {output.get('data', {}).get('text/plain')}" for each in lasting for output in each]
    return "\n".join([*(cell.source for cell in cells), *outputs])


@pytest.mark.parametrize("lesson", NOTED, ids=lambda lesson: lesson.id)
def test_a_note_tells_no_figure_that_its_lesson_does_not_show_in_every_run(lesson: manifest.Lesson) -> None:
    found = parts(COURSE.note(lesson).read_text(encoding="utf-8"), lesson.id)
    known = figures(shown(lesson) + "\n".join(part.made for part in found))
    assert {part.key: figures(part.written) - known for part in found if figures(part.written) - known} == {}


def links() -> Iterator[tuple[str, str]]:
    for path in sorted(COURSE.teaching_folder.glob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text(encoding="utf-8")):
            yield path.name, target


def test_every_link_of_the_notes_leads_to_a_file_of_the_course() -> None:
    found = list(links())
    assert found
    assert [(name, target) for name, target in found if not (COURSE.teaching_folder / target).exists()] == []
