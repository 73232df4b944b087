"""The predictions of the course: each is answered, in an order of its own, and no place is the place to guess."""

import math
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from course import manifest
from course.errors import InputError
from course.pipeline.layout import Layout
from course.pipeline.predictions import Asked, asked
from course.show.options import as_texts, shuffled, that_happened

LAYOUT = Layout.of_this_course()
WRITTEN = [lesson for lesson in manifest.lessons() if lesson.written]
PLAIN = ("a", "b", "c")


def of(path: Path) -> list[Asked]:
    return asked(nbformat.read(path, as_version=4))


def by_luck(questions: list[Asked], place: int) -> tuple[float, float]:
    """How often this place (-1: the last) is right if each is as likely as another, and three standard deviations of that."""
    chances = [1 / len(one.options) for one in questions if place < len(one.options)]
    return sum(chances), 3 * math.sqrt(sum(chance * (1 - chance) for chance in chances))


def hits(questions: list[Asked], place: int) -> int:
    return sum(one.place == range(len(one.options))[place] for one in questions if place < len(one.options))


def is_even(questions: list[Asked]) -> bool:
    expected = {place: by_luck(questions, place) for place in (0, 1, 2, -1)}
    return all(abs(hits(questions, place) - mean) <= tolerance for place, (mean, tolerance) in expected.items())


@pytest.mark.parametrize("lesson", WRITTEN, ids=lambda lesson: lesson.id)
def test_every_prediction_is_asked_in_its_own_order_and_its_reveal_names_one_of_its_options(lesson: manifest.Lesson) -> None:
    questions = of(LAYOUT.solution(lesson))
    for one in questions:
        assert manifest.parts(one.id)[0] == lesson.id
        assert len(one.options) >= 2
        assert one.options == shuffled(one.id, one.options), one
        assert one.right in one.options, one
        assert "" not in (one.question, one.because), one


def test_the_place_of_the_right_option_is_spread_evenly_over_the_course() -> None:
    questions = [one for lesson in WRITTEN for one in of(LAYOUT.solution(lesson))]
    assert len(questions) > 40
    assert is_even(questions), {place: (hits(questions, place), by_luck(questions, place)) for place in (0, 1, 2, -1)}


def test_a_course_whose_first_option_is_never_right_would_be_noticed() -> None:
    questions = [Asked(f"00.q{number}", "?", PLAIN, PLAIN[1 + number % 2], "") for number in range(60)]
    assert not is_even(questions)


def test_what_was_asked_and_what_happened_belong_together_by_name_not_by_order() -> None:
    def cell(source: str, text: str) -> nbformat.NotebookNode:
        output = v4.new_output("display_data", data={"text/plain": text})
        return v4.new_code_cell(source, outputs=[output])

    cells = [
        cell('one = predict("00.one", "?", ["a", "a, b"])', "Predict. ?\n  ( ) a  a\n  ( ) b  a, b"),
        cell('two = predict("00.two", "?", ["a", "b"])', "Predict. ?\n  (x) a  b\n  ( ) b  a"),
        cell('two.reveal("a", because="b.")', "○ no prediction: You did not predict. What happened: a.\nb."),
        cell('one.reveal("a, b", because="a.")', "○ no prediction: You did not predict. What happened: a, b.\na."),
    ]
    assert asked(v4.new_notebook(cells=cells)) == [
        Asked("00.one", "?", ("a", "a, b"), "a, b", "a."),
        Asked("00.two", "?", ("b", "a"), "a", "b."),
    ]


def test_the_order_is_the_same_for_everybody_and_another_for_another_question() -> None:
    options = [str(number) for number in range(5)]
    orders = {shuffled(f"00.q{number}", options) for number in range(50)}
    assert len(orders) > 30
    assert all(sorted(order) == options for order in orders)
    assert shuffled("00.after_kill", options) == shuffled("00.after_kill", options[::-1]) == ("2", "0", "3", "1", "4")


def test_numbers_may_be_options() -> None:
    assert as_texts([0, 1250, 0.5, "it depends"]) == ("0", "1,250", "0.5", "it depends")


@pytest.mark.parametrize(
    ("actual", "options", "right"),
    [
        ("none", ("none", "all 9"), "none"),
        (9, ("0", "9", "it depends"), "9"),
        (1250, ("0", "1,250", "12,500"), "1,250"),
        (9, ("none", "9 documents", "90 documents"), "9 documents"),
        (1, ("1: they agree", "1.5", "12"), "1: they agree"),
        (2.0, ("1", "2"), "2"),
        ({"none": False, "all 9": True}, ("none", "all 9", "it depends"), "all 9"),
        ({"none": False, "all 9": []}, ("none", "all 9", "it depends"), "it depends"),
        ({"all 60": False, "50 to 59": True, "fewer": True}, ("all 60", "50 to 59", "fewer"), "50 to 59"),
        ({"yes": {"a row"}}, ("yes", "no"), "yes"),
        ({0: False, 9: True}, ("0", "9"), "9"),
    ],
)
def test_a_measurement_comes_to_an_option(actual: object, options: tuple[str, ...], right: str) -> None:
    assert that_happened(actual, options) == right


@pytest.mark.parametrize(
    ("actual", "options", "message"),
    [
        ("8", ("0", "9"), "is none of the options: 0, 9"),
        (8, ("0", "80", "8.5", "8,000"), "is none of the options"),
        (5, ("5 rows", "5 columns"), "is more than one of the options"),
        (True, ("1", "0"), "is none of the options"),
        ({"nine": True}, ("0", "9"), "'nine' is none of the options: 0, 9"),
        ({"0": False}, ("0", "9", "10"), "is more than one of the options"),
        ({"0": False, "9": False}, ("0", "9"), "is none of the options"),
    ],
)
def test_a_measurement_that_comes_to_no_option_or_to_two_is_an_error(
    actual: object, options: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        that_happened(actual, options)
