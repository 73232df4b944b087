"""The explanation of an error fits the error that is there, as the real server and the real client raise it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
import psycopg_pool
import pytest
import sqlalchemy

from course.exercises.kinds import describe, sentence
from course.exercises.meanings import MESSAGES, SQLSTATES, TYPES, meaning
from course.stack import Stack

TABLES = """
    CREATE TEMP TABLE readers (id int PRIMARY KEY, name text NOT NULL, age int CHECK (age > 0));
    CREATE TEMP TABLE cards (reader_id int REFERENCES readers);
    INSERT INTO readers VALUES (1, 'Zoë', 40);
"""
STATEMENTS = {
    "0A": "CREATE EXTENSION no_such_extension",
    "21": "SELECT (SELECT generate_series(1, 2))",
    "22": "SELECT 'seventeen'::int",
    "22012": "SELECT 1 / (SELECT count(*) FROM cards)",
    "22023": "SET enable_seqscan = 'perhaps'",
    "23": "CREATE TEMP TABLE one (x int, EXCLUDE (x WITH =)); INSERT INTO one VALUES (1), (1)",
    "23502": "INSERT INTO readers (id) VALUES (2)",
    "23503": "INSERT INTO cards VALUES (77)",
    "23505": "INSERT INTO readers VALUES (1, 'Ida', 30)",
    "23514": "INSERT INTO readers VALUES (3, 'Ida', -1)",
    "25": "SET TRANSACTION READ ONLY; INSERT INTO pg_am VALUES (1)",
    "25001": "VACUUM",
    "42501": "CREATE ROLE no_rights; SET ROLE no_rights; SELECT * FROM pg_authid",
    "42601": "SELEC 1",
    "42602": "DO $$ BEGIN END $$; SET plpgsql.no_such_setting = 1",
    "42702": "SELECT id FROM readers AS a JOIN readers AS b ON a.id = b.id",
    "42703": 'SELECT * FROM readers WHERE name = "Zoë"',
    "42704": "SET no_such_setting = 1",
    "42803": "SELECT name, count(*) FROM readers",
    "42804": "SELECT 1 WHERE 1",
    "42883": "SELECT nothing_like_it(1)",
    "42P01": "SELECT * FROM raeders",
    "42P02": "SELECT $1",
    "42P07": "CREATE TEMP TABLE readers (id int)",
    "53": "SET LOCAL temp_file_limit = 64; SET LOCAL work_mem = 64; SELECT n FROM generate_series(1, 200000) AS n ORDER BY -n",
    "57014": "SET LOCAL statement_timeout = 1; SELECT count(*) FROM generate_series(1, 100000000)",
}
"""One statement for each row, which ends in an error of that class."""


@pytest.fixture
def connection(stack: Stack) -> Iterator[psycopg.Connection]:
    with psycopg.connect(stack.postgres.url) as connection:
        connection.execute(TABLES)
        yield connection
        connection.rollback()


def error_of(action: Callable[[], object]) -> BaseException:
    try:
        action()
    except Exception as error:  # noqa: BLE001  any error is what is asked for
        return error
    raise AssertionError("it did not fail")


@pytest.mark.parametrize(("state", "statement"), STATEMENTS.items(), ids=STATEMENTS)
def test_an_error_of_postgresql_is_told_by_its_code(connection: psycopg.Connection, state: str, statement: str) -> None:
    error = error_of(lambda: connection.execute(statement))
    assert isinstance(error, psycopg.Error)
    assert str(error.sqlstate).startswith(state)
    assert meaning(error) == SQLSTATES[state]


def test_a_lost_transaction_is_to_be_rolled_back(connection: psycopg.Connection) -> None:
    error_of(lambda: connection.execute("SELEC 1"))
    assert meaning(error_of(lambda: connection.execute("SELECT 1"))) == SQLSTATES["25P02"]


def test_a_type_that_cannot_be_told_wants_a_cast(connection: psycopg.Connection) -> None:
    error = error_of(lambda: connection.execute("SELECT pg_typeof(%s)", ["x"]))
    assert meaning(error) == SQLSTATES["42P18"]


def test_a_lock_is_held_by_another_session(stack: Stack) -> None:
    with psycopg.connect(stack.postgres.url) as holder, psycopg.connect(stack.postgres.url) as other:
        holder.execute("SELECT pg_advisory_xact_lock(4711)")
        error = error_of(lambda: other.execute("SET LOCAL lock_timeout = '50ms'; SELECT pg_advisory_xact_lock(4711)"))
    assert meaning(error) == SQLSTATES["55P03"]


def test_transactions_in_each_others_way_begin_again(stack: Stack) -> None:
    with psycopg.connect(stack.postgres.url) as one, psycopg.connect(stack.postgres.url, autocommit=True) as other:
        other.execute("DROP TABLE IF EXISTS one_counter; CREATE TABLE one_counter AS SELECT 1 AS n")
        one.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        one.execute("SELECT * FROM one_counter")
        other.execute("UPDATE one_counter SET n = 2")
        error = error_of(lambda: one.execute("UPDATE one_counter SET n = 3"))
        one.rollback()
        other.execute("DROP TABLE one_counter")
    assert meaning(error) == SQLSTATES["40"]


def test_an_error_that_sqlalchemy_wraps_is_told_as_it_is(stack: Stack) -> None:
    engine = sqlalchemy.create_engine(stack.postgres.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        error = error_of(lambda: connection.execute(sqlalchemy.text("SELECT * FROM raeders")))
    engine.dispose()
    assert meaning(error) == SQLSTATES["42P01"]


def test_a_code_that_is_not_listed_is_not_guessed(connection: psycopg.Connection) -> None:
    error = error_of(lambda: connection.execute("DO $$ BEGIN RAISE EXCEPTION 'mine'; END $$"))
    assert isinstance(error, psycopg.Error)
    assert error.sqlstate == "P0001"
    assert meaning(error) == ""


@dataclass(frozen=True)
class Given:
    """What the code that fails may use."""

    stack: Stack
    connection: psycopg.Connection
    collection: Any

    def sql(self, statement: str, values: Any = None) -> psycopg.Cursor:
        return self.connection.execute(statement, values)


@pytest.fixture
def given(stack: Stack, connection: psycopg.Connection) -> Iterator[Given]:
    chroma = stack.chroma.client()
    collection = chroma.get_or_create_collection("explained", embedding_function=None)
    collection.upsert(ids=["1"], embeddings=np.ones((1, 2), dtype=np.float32))
    stack.redis.client().set("explained", "a word")
    yield Given(stack, connection, collection)
    chroma.delete_collection("explained")
    stack.redis.client().delete("explained")


async def one() -> int:
    return 1


def await_forgotten() -> None:
    coroutine: Any = one()
    try:
        coroutine + 1
    finally:
        coroutine.close()


def run_inside_a_loop() -> None:
    async def cell() -> None:
        coroutine = one()
        try:
            asyncio.run(coroutine)
        finally:
            coroutine.close()

    asyncio.run(cell())


def value_in_a_branch() -> object:
    if not SQLSTATES:
        value = 1
    return value


def endless() -> None:
    endless()


def refuse() -> None:
    assert not SQLSTATES


def no_connection_free(url: str) -> None:
    with psycopg_pool.ConnectionPool(url, min_size=1, max_size=1) as pool, pool.connection():
        pool.getconn(timeout=0.05)


NOTHING: Any = None
BY_MESSAGE: dict[tuple[str, str], Callable[[Given], object]] = {
    ("psycopg.ProgrammingError", "placeholders but"): lambda given: given.sql("SELECT %s, %s", [1]),
    ("psycopg.ProgrammingError", "are allowed as placeholders"): lambda given: given.sql("SELECT 'x' LIKE '%d' OR 1 = %s", [1]),
    ("psycopg.ProgrammingError", "incomplete placeholder"): lambda given: given.sql("SELECT 5 % 3", [1]),
    ("psycopg.ProgrammingError", "cannot adapt type"): lambda given: given.sql("SELECT %s", [{}]),
    ("psycopg.ProgrammingError", "didn't produce records"): lambda given: given.sql("SET LOCAL lock_timeout = 0").fetchone(),
    ("psycopg.ProgrammingError", "connection in transaction status"): lambda given: given.connection.set_autocommit(True),
    ("psycopg.errors.UndefinedFunction", "operator does not exist"): lambda given: given.sql("SELECT 1 || 2"),
    ("redis.exceptions.ResponseError", "WRONGTYPE"): lambda given: given.stack.redis.client().hget("explained", "field"),
    ("redis.exceptions.ResponseError", "not an integer"): lambda given: given.stack.redis.client().incr("explained"),
    ("chromadb.errors.InvalidArgumentError", "dimension"): lambda given: given.collection.add(ids=["2"], embeddings=[[1.0]]),
    ("builtins.ValueError", "Expected where"): lambda given: given.collection.get(where={"a": 1, "b": 2}),
    ("builtins.ValueError", "Expected ID to be a str"): lambda given: given.collection.get(ids=[2]),
    ("builtins.ValueError", "Expected Embeddings to be non-empty"): lambda given: given.collection.query(query_embeddings=[]),
    ("builtins.ValueError", "Expected IDs to be a non-empty"): lambda given: given.collection.delete(ids=[]),
    ("builtins.TypeError", "coroutine"): lambda given: await_forgotten(),
    ("builtins.TypeError", "NoneType"): lambda given: NOTHING[0],
    ("builtins.AttributeError", "NoneType"): lambda given: NOTHING.fetchone(),
    ("psycopg.errors.SyntaxError", 'at or near "$'): lambda given: given.sql("SELECT * FROM %s", ["notes"]),
    ("psycopg.errors.SyntaxError", "in tsquery"): lambda given: given.sql("SELECT to_tsquery('english', 'spare key')"),
    ("builtins.TypeError", "is not a mapping"): lambda given: {**NOTHING},
    ("builtins.TypeError", "query parameters should be"): lambda given: given.sql("SELECT %s", "x"),
    ("builtins.RuntimeError", "running event loop"): lambda given: run_inside_a_loop(),
}
BY_TYPE: dict[str, Callable[[Given], object]] = {
    "psycopg_pool.PoolTimeout": lambda given: no_connection_free(given.stack.postgres.url),
    "redis.exceptions.ResponseError": lambda given: given.stack.redis.client().execute_command("NOSUCH"),
    "redis.exceptions.DataError": lambda given: given.stack.redis.client().set("explained", NOTHING),
    "chromadb.errors.NotFoundError": lambda given: given.stack.chroma.client().get_collection("no-such-collection"),
    "chromadb.errors.DuplicateIDError": lambda given: given.collection.add(ids=["2", "2"], embeddings=[[1.0, 2.0]] * 2),
    "chromadb.errors.ChromaError": lambda given: given.collection.query(query_embeddings=[[1.0, 2.0]], ids=["77"]),
    "builtins.UnboundLocalError": lambda given: value_in_a_branch(),
    "builtins.NameError": lambda given: eval("no_such_name"),
    "builtins.KeyError": lambda given: {str(17): "seventeen"}["seventeen"],
    "builtins.IndexError": lambda given: [][0],
    "builtins.TypeError": lambda given: sorted([1, "1"]),  # type: ignore[type-var]
    "builtins.AttributeError": lambda given: given.no_such_attribute,  # type: ignore[attr-defined]
    "json.decoder.JSONDecodeError": lambda given: json.loads("{'a': 1}"),
    "builtins.ValueError": lambda given: int("seventeen"),
    "builtins.ZeroDivisionError": lambda given: 1 / 0,
    "builtins.RecursionError": lambda given: endless(),
    "builtins.AssertionError": lambda given: refuse(),
}


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: f"{row[0]} {row[1]}")
def test_an_error_with_a_message_of_its_own_is_told_by_it(given: Given, row: tuple[str, str, str]) -> None:
    kind, words, sentence = row
    assert meaning(error_of(lambda: BY_MESSAGE[kind, words](given))) == sentence


@pytest.mark.parametrize("kind", TYPES)
def test_an_error_is_told_by_its_type(given: Given, kind: str) -> None:
    assert meaning(error_of(lambda: BY_TYPE[kind](given))) == TYPES[kind]


def test_every_code_has_its_test() -> None:
    assert set(SQLSTATES) == {*STATEMENTS, "25P02", "42P18", "55P03", "40"}


@pytest.mark.parametrize(
    ("text", "ended"),
    [("Is it?", "Is it?"), ("It is", "It is."), ("It is.", "It is."), ("It is..", "It is."), ("It goes on…", "It goes on…")],
)
def test_a_sentence_ends_in_one_mark(text: str, ended: str) -> None:
    assert sentence(text) == ended


def test_what_is_missing_is_asked_with_one_mark() -> None:
    assert sentence(f"`orphans` should be a function. Yours is {describe(None)}").endswith("is a `return` missing?")
