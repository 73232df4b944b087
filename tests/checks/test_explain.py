"""The explanation of an error fits the error that is there, as the real server and the real client raise it."""

from __future__ import annotations

import psycopg
import pytest

from course.exercises.explain import meaning
from course.exercises.kinds import sentence
from course.stack import Stack

EXPLAINED = {
    "placeholders": ("SELECT %s", [1, 2], "Placeholders (`%s`) and values differ in number"),
    "a lone percent": ("SELECT 'x' LIKE '%d' OR 1 = %s", [1], "A literal `%` is doubled"),
    "operator": ("SELECT 1 || 2", None, "No such operator for these types"),
    "function": ("SELECT nothing_like_it(1)", None, "No function has this name"),
    "a table twice": ("CREATE TABLE users (id int)", None, ""),
    "two rows for one": ("SELECT (SELECT generate_series(1, 2))", None, ""),
}


@pytest.mark.parametrize(("sql", "values", "said"), EXPLAINED.values(), ids=EXPLAINED.keys())
def test_an_sql_error_is_told_what_it_is_or_nothing(stack: Stack, sql: str, values: list | None, said: str) -> None:
    with stack.postgres.connect() as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(sql, values)
    told = meaning(caught.value)
    assert told.startswith(said) if said else told == ""


def test_autocommit_inside_a_transaction_is_not_told_about_placeholders(stack: Stack) -> None:
    with stack.postgres.connect() as connection, connection.transaction(), pytest.raises(psycopg.ProgrammingError) as caught:
        connection.autocommit = False
    assert meaning(caught.value) == ""


@pytest.mark.parametrize(
    ("text", "ended"),
    [("Is it?", "Is it?"), ("It is", "It is."), ("It is.", "It is."), ("It is..", "It is."), ("It goes on…", "It goes on…")],
)
def test_a_sentence_ends_in_one_mark(text: str, ended: str) -> None:
    assert sentence(text) == ended
