"""Waiting for a condition ends, in one way or the other."""

import pytest

from course.errors import CourseError
from course.waiting import until


def test_waiting_gives_what_the_condition_gave() -> None:
    answers = iter([None, [], [17]])
    assert until(lambda: next(answers)) == [17]


def test_waiting_has_a_deadline_and_says_what_to_do() -> None:
    with pytest.raises(CourseError, match="Run the cells of this section again from"):
        until(lambda: False, seconds=0.05)
