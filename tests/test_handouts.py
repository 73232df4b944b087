"""The handout and the exam for teachers: they are whole, and name no code that the lessons beside it do not have."""

import re
from collections.abc import Iterator

import pytest

from course.home import ROOT

FOLDER = ROOT / "docs" / "teaching"
_LESSON = re.compile(r"lessons/(\w+)\.ipynb\)")
_CODE = re.compile(r"`([^`]+)`")


def said(name: str) -> Iterator[str]:
    """What is said at one place and proven by the lessons linked there: a row, an item, or a question with its answer."""
    text = re.sub(r"```.*?```", "", (FOLDER / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    places = re.split(r"^### ", text, flags=re.MULTILINE)[1:] if name == "exam.md" else text.splitlines()
    yield from (place for place in places if _LESSON.search(place))


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\\", "")).lower()


@pytest.mark.parametrize("name", ["handout.md", "exam.md"])
def test_code_that_is_named_stands_in_a_lesson_that_is_named_beside_it(name: str) -> None:
    unknown = []
    for place in said(name):
        lessons = " ".join((ROOT / "solutions" / f"{stem}.md").read_text(encoding="utf-8") for stem in _LESSON.findall(place))
        unknown += [(code, place[:60]) for code in _CODE.findall(place) if plain(code) not in plain(lessons)]
    assert unknown == []


def test_every_row_and_item_of_the_handout_names_its_lesson() -> None:
    lines = [
        line
        for line in (FOLDER / "handout.md").read_text(encoding="utf-8").splitlines()
        if re.match(r"\| (?!what|way)|- |\d\. ", line)
    ]
    assert len(lines) > 20
    assert [line for line in lines if not _LESSON.search(line)] == []


def test_the_exam_has_twenty_questions_each_with_an_answer_and_its_proof() -> None:
    text = (FOLDER / "exam.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (\d+)\. ", text, re.MULTILINE) == [str(number) for number in range(1, 21)]
    assert [len(part.split("### ")[1:]) for part in text.split("\n## ")[1:]] == [7, 7, 6]
    for question in said("exam.md"):
        assert re.search(r"\n\n\*\*Answer\.\*\* .+ \(\[.+\)\n*", question), question
    assert len(list(said("exam.md"))) == 20
