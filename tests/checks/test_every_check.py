"""Gate 3, for every written lesson: a check passes what is right, names what is wrong, and blames nobody for a dead server.

The answers stand in the tables of `test_lesson_NN.py`; see `answers.py`.
"""

from collections.abc import Iterator

import pytest

from course import manifest, progress
from course.exercises.check import Exercise
from course.exercises.mistakes import Mistake
from course.stack import Stack
from tests.checks.answers import (
    checked,
    checked_from_source,
    exercise,
    judges,
    lesson_of,
    state_checks,
    tables,
    task,
    tasks,
    written_checks,
)

WRITTEN = [lesson.id for lesson in manifest.lessons() if lesson.written]
EVERY_CHECK = pytest.mark.parametrize("id", written_checks())
SERVERS = ("postgres", "chroma", "redis")


def right_answers() -> list:
    """Every right answer of every lesson, as the parameters of one test."""
    every = {id: answers for lesson in WRITTEN for id, answers in tables(lesson).RIGHT.items()}
    return [pytest.param(id, *answer, id=f"{id} {name}") for id, answers in every.items() for name, *answer in answers]


def mistakes() -> list:
    """Every mistake that a check knows, as the parameters of one test."""
    return [pytest.param(id, mistake, id=f"{id} {mistake.name}") for id in written_checks() for mistake in exercise(id).mistakes]


def solution(id: str) -> str:
    """The code that `check.….solution()` shows."""
    return exercise(id).solution().code


def needs(id: str) -> tuple[str, ...]:
    """The servers of the lesson without which the check cannot be made; most have stores of their own."""
    return getattr(tables(lesson_of(id)), "NEEDS", {}).get(id, ())


@pytest.fixture
def started_again(stack: Stack) -> Iterator[Stack]:
    """The servers; what a test kills is started when it ends."""
    yield stack
    for server in stack.servers:
        server.start()


@pytest.mark.parametrize("lesson", WRITTEN)
def test_manifest_module_source_and_tables_name_the_same_checks(lesson: str) -> None:
    listed = set(manifest.lesson(lesson).checks)
    made = {name: value for name, value in vars(judges(lesson)).items() if isinstance(value, Exercise)}
    assert listed
    assert {f"{lesson}.{name}" for name in made} == listed
    assert all(value.id == f"{lesson}.{name}" for name, value in made.items())
    assert set(tasks(lesson)) == listed
    assert set(tables(lesson).RIGHT) == listed - set(state_checks())
    assert set(getattr(tables(lesson), "NEEDS", {})) <= listed


@EVERY_CHECK
def test_a_check_has_enough_wrong_and_right_answers_to_be_trusted(id: str) -> None:
    known = exercise(id).mistakes
    right = tables(lesson_of(id)).RIGHT[id]
    assert len({mistake.says for mistake in known}) >= 3
    assert len({mistake.answer(solution(id)) for mistake in known}) == len(known)
    assert len({mistake.name for mistake in known}) == len(known)
    assert all(len(mistake.says) >= 10 for mistake in known)
    assert len(right) >= 3
    assert not {code.strip() for _, code in right} & {solution(id).strip(), task(id).solved.strip()}


@pytest.mark.parametrize(("id", "mistake"), mistakes())
def test_each_mistake_is_told_with_its_own_sentence(id: str, mistake: Mistake, stack: Stack) -> None:
    result = checked(id, mistake.answer(solution(id)), stack)
    assert result.outcome == "not yet", result
    assert mistake.says in result.message


@EVERY_CHECK
def test_a_check_has_a_hint_and_a_solution(id: str) -> None:
    note = exercise(id).hint()
    assert note.word.startswith("hint ")
    assert len(note.text) > 20
    assert solution(id)


@EVERY_CHECK
def test_the_blank_is_not_attempted(id: str, stack: Stack) -> None:
    result = checked(id, "", stack)
    assert result.outcome == "not attempted", result
    assert "Replace the `...`" in result.message


@EVERY_CHECK
def test_the_solution_of_the_source_passes_and_is_in_the_progress(id: str, stack: Stack) -> None:
    result = checked_from_source(id, stack)
    assert result.passed, result
    assert progress.record(id).outcome == "passed"


@pytest.mark.parametrize(("id", "code"), right_answers())
def test_a_different_right_answer_passes(id: str, code: str, stack: Stack) -> None:
    result = checked(id, code, stack)
    assert result.passed, result


@EVERY_CHECK
def test_a_value_of_the_wrong_type_is_not_the_checks_mistake(id: str, stack: Stack) -> None:
    asked = task(id)
    for value in ("42", "'text'", "[None]", "{'id': 1}", "object()"):
        result = checked(id, f"{asked.name} = {value}", stack)
        assert result.outcome == "not yet", result
        if asked.is_function:
            assert f"`{asked.name}` should be a function" in result.message


@pytest.mark.parametrize("id", [id for id in written_checks() if task(id).is_function])
def test_a_function_that_raises_shows_the_learners_own_line(id: str, stack: Stack) -> None:
    name = task(id).name
    result = checked(id, f"def {name}(*args, **kwargs):\n    raise LookupError('mine')", stack)
    assert result.outcome == "not yet", result
    assert result.message.startswith("Your code stopped with `LookupError`.")
    assert result.detail == f"In {name}, line 2:\n    raise LookupError('mine')\nLookupError: mine"


@pytest.mark.parametrize(("id", "server"), [(id, server) for id in written_checks() for server in needs(id)])
def test_a_server_that_is_down_is_named_and_the_learner_not_blamed(id: str, server: str, started_again: Stack) -> None:
    result = checked(id, f"{solution(id)}\nstack.{server}.stop()", started_again)
    assert result.outcome == "could not check", result
    assert getattr(started_again, server).name in result.message
    assert "Start " in result.message
    assert "Your work is untouched." in result.message


@EVERY_CHECK
def test_the_solution_shown_to_learners_passes_and_the_check_needs_no_other_server(id: str, started_again: Stack) -> None:
    others = [server for server in SERVERS if server not in needs(id)]
    result = checked(id, "\n".join([solution(id), *(f"stack.{server}.stop()" for server in others)]), started_again)
    assert result.passed, result
    assert {getattr(started_again, server).state for server in others} <= {"stopped"}
