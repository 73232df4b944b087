"""The applications' memory of the last questions' vectors."""

import asyncio
from collections import Counter

import numpy as np
import pytest

from course import embed
from course.apps import one_database, questions, three_databases
from course.apps.questions import LastQuestions
from course.errors import InputError


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the model is asked for each text."""
    counted: Counter[str] = Counter()

    def counting(text: str) -> np.ndarray:
        counted[text] += 1
        return embed(text)

    monkeypatch.setattr(questions, "embed", counting)
    return counted


async def ask(remembered: LastQuestions, *texts: str) -> list[np.ndarray]:
    return [await remembered(text) for text in texts]


def test_a_question_that_was_asked_before_is_not_embedded_again(embedded: Counter[str]) -> None:
    first, other, again = asyncio.run(ask(LastQuestions(), "Where is the key?", "Who has it?", "Where is the key?"))
    assert embedded == {"Where is the key?": 1, "Who has it?": 1}
    assert np.array_equal(first, embed("Where is the key?"))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_was_not_asked_for_longest_is_forgotten_first(embedded: Counter[str]) -> None:
    asyncio.run(ask(LastQuestions(kept=2), "one", "two", "one", "three", "one", "two"))
    assert embedded == {"one": 1, "two": 2, "three": 1}


def test_a_text_that_cannot_be_embedded_is_refused_each_time() -> None:
    remembered = LastQuestions()
    for _ in range(2):
        with pytest.raises(InputError):
            asyncio.run(ask(remembered, " "))


def test_neither_application_profits_from_what_the_other_was_asked() -> None:
    assert three_databases.embedded is not one_database.embedded
