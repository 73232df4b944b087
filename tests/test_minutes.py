"""The time model and its limits: what is counted, what is too much, and that the minutes shown are the ones computed."""

import json
from pathlib import Path
from typing import Any

import pytest

from course import manifest, show
from course.build import main
from course.manifest import Lesson, Section
from course.pipeline.layout import Layout
from course.pipeline.minutes import Figures, measure, over_the_limits
from course.pipeline.readme import BEGIN, END
from course.pipeline.source import Cell

COURSE = Layout.of_this_course()
LESSON = Lesson("01", "first", "Try it", "A", "s", written=True)


def code(text: str, *tags: str, line: int = 1) -> Cell:
    return Cell("code", text, {"tags": list(tags)}, "id", line)


def prose(text: str) -> Cell:
    return Cell("markdown", text, {}, "id", 1)


def figures(**more: Any) -> Figures:
    fine: dict[str, Any] = {"seconds": 600, "code_cells": 20, "lines": (3,) * 20, "words": 900, "unspoken": 2, "rows": ()}
    return Figures(**(fine | more))


def course(root: Path, *sources: str, lessons: tuple[Lesson, ...] = (LESSON,)) -> Layout:
    (root / "solutions").mkdir()
    for lesson, source in zip(lessons, sources, strict=True):
        (root / "solutions" / f"{lesson.stem}.md").write_text(source, encoding="utf-8")
    (root / "README.md").write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    return Layout(root, lessons, (Section("A", "Three"),))


def cells_in_a_row(count: int, between: str = "") -> str:
    return f"\n{between}\n".join(f"```{{code-cell}}\nnumber = {n}\n```\n" for n in range(count))


# ---- the model


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        ([], 0),
        ([prose("one **two** three, - four &\n\n[five](https://example.org/six)")], 5 / 3),
        ([code("a = 1\n\nb = 2")], 5),
        ([code("# BEGIN SOLUTION\na = 1\nb = 2\nc = 3\n# END SOLUTION")], 2.5),
        ([code("# BEGIN SOLUTION\n# STUB: a = ...\n# STUB: b = ...\na = b = 3\n# END SOLUTION")], 5),
        ([code("# Draw it\na = 1\nb = 2", "plumbing")], 0),
        ([code('# Ask\nguess = predict("00.guess", "?", [1, 2])', "plumbing")], 30),
        ([code("# The board\nshow.board(stack)", "plumbing")], 60),
        ([code("show.panel(draw)")], 62.5),
        ([code("show.questionnaire()")], 62.5),
        ([prose("### Your turn 1 of 2 · Find it (fill in; about 4 minutes)")], 240 + 12 / 3),
        ([prose("```mermaid\nflowchart LR\n    A --> B\n```")], 0),
        ([prose("Words\n\n```sql\nSELECT 1\n```")], 1 / 3 + 2.5),
        ([prose("<!-- BEGIN SOLUTION -->\na b c\n<!-- END SOLUTION -->")], 4 / 3),
    ],
)
def test_the_model_counts_what_a_learner_gets(cells: list[Cell], seconds: float) -> None:
    assert measure(cells).seconds == pytest.approx(seconds)


@pytest.mark.parametrize(("seconds", "shown"), [(0, 1), (89, 1), (90, 2), (1229, 20), (1230, 21)])
def test_minutes_are_whole_as_they_are_shown(seconds: float, shown: int) -> None:
    assert figures(seconds=seconds).minutes == shown


def test_lines_are_of_visible_cells_and_cells_are_all() -> None:
    found = measure([code("a\n" * lines) for lines in range(1, 11)] + [code("# Fold\n" + "a\n" * 50, "plumbing")])
    assert (found.code_cells, found.median_lines, found.p90_lines) == (11, 5.5, 9)


def test_a_folded_cell_neither_counts_in_a_row_nor_ends_one() -> None:
    say, seen, folded = prose("So."), code("a", line=7), code("# Fold\na", "plumbing")
    assert measure([seen, seen, say, seen, seen, say]).rows == ()
    assert measure([seen, folded, seen, folded, say, seen]).rows == ()
    assert measure([seen, folded, seen, folded, seen, seen]).rows == (7,)
    assert measure([seen, seen, say, seen, folded]).share_unspoken == pytest.approx(1 / 3)


# ---- the limits


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"seconds": 1230}, "solutions/x.md: it takes 21 minutes, and 20 is the most."),
        ({"code_cells": 46}, "solutions/x.md: it has 46 code cells, and 45 is the most."),
        ({"rows": (31,)}, "solutions/x.md:31: the third visible code cell in a row."),
    ],
)
def test_what_is_too_much_is_named(more: dict[str, object], message: str) -> None:
    assert over_the_limits(LESSON, figures(), "solutions/x.md") == []
    (problem,) = over_the_limits(LESSON, figures(**more), "solutions/x.md")
    assert problem.startswith(message)


def test_a_lesson_that_says_so_may_take_longer() -> None:
    capstone = Lesson("15", "capstone", "T", "A", "s", limit=60)
    assert over_the_limits(capstone, figures(seconds=3600), "x") == []
    assert "61 minutes, and 60 is the most" in over_the_limits(capstone, figures(seconds=3660), "x")[0]


def test_a_lesson_over_a_limit_is_not_built_and_not_fresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = course(tmp_path, cells_in_a_row(3))
    assert main([], layout) == 1
    said = capsys.readouterr()
    assert "solutions/01_first.md:12: the third visible code cell in a row." in said.err
    assert said.err.endswith("Nothing was built.\n")
    assert "over a limit" in said.out
    assert not layout.lessons_folder.exists()
    layout.source(LESSON).write_text(cells_in_a_row(3, "So."))
    assert main([], layout) == 0
    layout.source(LESSON).write_text(cells_in_a_row(46, "So."))
    assert main(["--check"], layout) == 1
    assert "46 code cells, and 45 is the most" in capsys.readouterr().err


# ---- where the minutes are shown


def test_the_minutes_computed_stand_in_head_map_and_readme(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deeper = Lesson("01b", "deeper", "Look closer", "A", "s", written=True)
    layout = course(tmp_path, "word " * 540, "word " * 900, lessons=(LESSON, deeper))
    assert main([], layout) == 0
    heads = [json.loads(layout.lesson(lesson).read_text())["cells"][0]["source"] for lesson in layout.lessons]
    assert "> **Duration**: 3 min | **Section**: A - Three" in [line.strip() for line in heads[0]]
    assert "> **Duration**: 5 min | **Section**: A - Three | going deeper" in [line.strip() for line in heads[1]]
    assert json.loads(layout.minutes.read_text()) == {"01": 3, "01b": 5}
    assert "| 01b | [Look closer](lessons/01b_deeper.ipynb) | 5 | s |" in layout.readme.read_text()

    layout.source(deeper).write_text("word " * 720)
    assert main(["01b"], layout) == 0
    assert json.loads(layout.minutes.read_text()) == {"01": 3, "01b": 4}
    assert main(["--check"], layout) == 0
    capsys.readouterr()
    layout.minutes.write_text("{}")
    assert main(["--check"], layout) == 1
    assert capsys.readouterr().err == "course/minutes.json: it is not what the sources give. Run `python -m course.build`.\n"


def test_the_course_map_shows_the_minutes_of_every_written_lesson() -> None:
    text = repr(show.course_map())
    for lesson in manifest.lessons():
        assert f"{lesson.id}  {lesson.title}: " in text
        assert (lesson.id in manifest.minutes()) == lesson.written
