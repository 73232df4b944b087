"""The questionnaire of lesson 14: its rules decide by all eight answers, and the widget says what the plain function says."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from functools import cache
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from course import show
from course.choice import CANDIDATES, CHROMA, EXTENSION, PGVECTOR, QUESTIONS, RULES, STORE, recommend
from course.errors import InputError
from course.show.mime import WIDGET

LUMEN = {
    "rows": "in PostgreSQL",
    "filter": "columns of several tables",
    "commit": "yes",
    "size": "up to 5 million",
    "life": "years",
    "servers": "whoever runs the database",
    "ranking": "nothing",
    "load": "less than the rest",
}
WORKSHOP = LUMEN | {
    "rows": "there are none",
    "filter": "nothing",
    "commit": "no, a little later will do",
    "life": "days",
    "servers": "nobody",
}


@cache
def every_choice() -> dict[tuple[str, ...], str]:
    """All ways to answer, and what each comes to."""
    ways = itertools.product(*(question.answers for question in QUESTIONS.values()))
    return {way: recommend(dict(zip(QUESTIONS, way, strict=True))).choice for way in ways}


def test_there_are_eight_questions_and_each_rule_is_about_one_of_their_answers() -> None:
    assert len(QUESTIONS) == 8
    for rule in RULES:
        assert rule.answer in QUESTIONS[rule.question].answers
        assert set(rule.speaks_for) < set(CANDIDATES)
        assert rule.points > 0
        assert rule.because.endswith(".")
    answered = {(rule.question, rule.answer) for rule in RULES}
    assert answered == {(name, answer) for name, question in QUESTIONS.items() for answer in question.answers}


def test_no_recommendation_always_wins() -> None:
    choices = list(every_choice().values())
    for candidate in CANDIDATES:
        assert 0.1 < choices.count(candidate) / len(choices) < 0.5


def test_no_single_answer_decides_alone() -> None:
    found = defaultdict(set)
    for way, choice in every_choice().items():
        for name, answer in zip(QUESTIONS, way, strict=True):
            found[name, answer].add(choice)
    assert {answer: choices for answer, choices in found.items() if len(choices) < 3} == {}


def test_every_answer_can_turn_a_decision() -> None:
    """So none of the questions is asked for nothing."""
    turning = {
        (name, answer)
        for way, choice in every_choice().items()
        for place, (name, question) in enumerate(QUESTIONS.items())
        for answer in question.answers
        if every_choice()[(*way[:place], answer, *way[place + 1 :])] != choice
    }
    assert {name for name, _ in turning} == set(QUESTIONS)


@pytest.mark.parametrize(
    ("answers", "choice"),
    [
        (LUMEN, PGVECTOR),
        (WORKSHOP, CHROMA),
        (LUMEN | {"size": "up to 100 million"}, EXTENSION),
        (
            LUMEN
            | {
                "filter": "labels of the vector itself",
                "commit": "no, a little later will do",
                "size": "more",
                "servers": "a team for the search",
            },
            STORE,
        ),
    ],
)
def test_each_candidate_is_recommended_where_one_would_expect_it(answers: dict[str, str], choice: str) -> None:
    assert recommend(answers).choice == choice


def test_the_reasons_are_the_rules_that_the_answers_call_for_and_the_others_stand_against() -> None:
    found = recommend(LUMEN | {"load": "more than all the rest"})
    assert {rule.question for rule in (*found.reasons, *found.against)} == set(QUESTIONS)
    assert [rule.question for rule in found.against] == ["load"]
    assert found.points[found.choice] == sum(rule.points for rule in found.reasons)
    for rule in (*found.reasons, *found.against):
        assert rule.because in repr(found)


def test_what_is_told_of_another_answer_is_true() -> None:
    found = recommend(LUMEN)
    assert found.instead
    for question, answer, choice in found.instead:
        assert recommend({**LUMEN, question: answer}).choice == choice != found.choice
    told = len(found.instead)
    others = [(name, answer) for name, question in QUESTIONS.items() for answer in question.answers]
    assert told == sum(recommend({**LUMEN, name: answer}).choice != found.choice for name, answer in others)


def test_of_two_with_as_many_points_the_simpler_one_is_named() -> None:
    for way in every_choice():
        points = recommend(dict(zip(QUESTIONS, way, strict=True))).points
        tied = [candidate for candidate in CANDIDATES if points[candidate] == max(points.values())]
        assert every_choice()[way] == tied[0]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({**LUMEN, "budget": "low"}, "no question 'budget'.*rows, filter"),
        ({name: answer for name, answer in LUMEN.items() if name != "load"}, "Not answered yet: load"),
        ({**LUMEN, "size": "huge"}, "'huge' is none of the answers.*'up to 5 million'"),
    ],
)
def test_answers_that_do_not_fit_are_told_with_those_that_do(answers: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        recommend(answers)


# ---- the widget


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a cell displays."""
    publisher = CapturingDisplayPublisher()
    shell = InteractiveShell.instance(config=Config(HistoryManager={"hist_file": ":memory:"}))
    monkeypatch.setattr(shell, "display_pub", publisher)
    return publisher.outputs


def choose(asked: Any, **answers: str) -> None:
    for name, answer in answers.items():
        asked._lists[name].value = answer


def test_the_questionnaire_says_what_the_plain_function_says_for_any_answers() -> None:
    asked = show.questionnaire()
    for way in list(every_choice())[::97]:
        choose(asked, **dict(zip(QUESTIONS, way, strict=True)))
        assert asked.recommendation == recommend(asked.answers)
        assert asked.recommendation.choice == every_choice()[way]
        assert asked.recommendation.choice in asked._status.value
        assert asked._because.value == asked.recommendation._repr_mimebundle_()["text/html"]


def test_until_all_eight_are_answered_it_counts_and_recommends_nothing() -> None:
    asked = show.questionnaire(**{name: answer for name, answer in LUMEN.items() if name != "load"})
    assert asked.recommendation is None
    assert "7 of 8 answered" in asked._status.value
    assert asked._because.value == ""
    choose(asked, load="less than the rest")
    assert "Recommended: PostgreSQL with pgvector." in asked._status.value


def test_its_text_has_every_question_every_answer_and_which_is_chosen() -> None:
    text = repr(show.questionnaire(**LUMEN))
    for question in QUESTIONS.values():
        assert question.text in text
        assert all(f") {answer}\n" in text for answer in question.answers)
    assert text.count("(x)") == 8
    assert f"➜ {PGVECTOR}" in text
    assert repr(show.questionnaire()).endswith("0 of 8 answered.")


def test_each_list_is_labelled_and_the_status_is_said_by_screen_readers() -> None:
    asked = show.questionnaire()
    labels = [one.description for one in asked._lists.values()]
    assert labels == [f"{number}  {question.text}" for number, question in enumerate(QUESTIONS.values(), start=1)]
    assert 'role="status" aria-live="polite"' in asked._status.value


def test_its_twin_keeps_up_with_the_answers(shown: list[dict[str, Any]]) -> None:
    asked = show.questionnaire()
    asked._ipython_display_()
    twin, live = shown
    assert set(live["data"]) == {WIDGET}
    assert "0 of 8 answered" in twin["data"]["text/plain"]
    choose(asked, **WORKSHOP)
    assert re.search("What does a search filter by\\? <strong>nothing</strong>", shown[-1]["data"]["text/html"])
    assert "Recommended: ChromaDB." in shown[-1]["data"]["text/html"]
    assert shown[-1]["transient"] == twin["transient"]


@pytest.mark.parametrize(("answers", "said"), [({"budget": "low"}, "rows, filter"), ({"size": "huge"}, "'up to 5 million'")])
def test_it_begins_with_no_answer_that_there_is_not(answers: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        show.questionnaire(**answers)
