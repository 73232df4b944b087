"""`%%sql` runs SQL on a connection of the notebook, on a real PostgreSQL; its errors fail the cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from IPython.core.interactiveshell import InteractiveShell
from psycopg.rows import dict_row

from course import Stack
from course.errors import InputError


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", str(tmp_path_factory.mktemp("home")))
        with Stack.start("00", embedded=True) as stack:
            yield stack


@pytest.fixture
def shell(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "course.show.sql")
    with stack.postgres.connect() as postgres:
        shell.user_ns["postgres"] = postgres
        yield shell
    shell.history_manager.end_session()


def run(shell: InteractiveShell, sql: str, line: str = "") -> Any:
    """What the cell gives, or the exception that fails it."""
    result = shell.run_cell(f"%%sql {line}\n{sql}", store_history=False)
    if result.error_in_exec:
        raise result.error_in_exec
    assert result.success
    return result.result


def test_rows_come_as_a_table(shell: InteractiveShell) -> None:
    table = run(shell, "SELECT n, n / 4.0 AS quarter, NULL AS nothing FROM generate_series(1, 30) n")
    assert (table.columns, table.total, len(table.rows)) == (("n", "quarter", "nothing"), 30, 10)
    assert repr(table).splitlines()[2].split() == ["1", "0.250", "NULL"]
    assert "30 rows, the first 10 shown" in repr(table)


def test_parameters_are_bound_not_formatted(shell: InteractiveShell) -> None:
    shell.user_ns["who"] = "'; DROP TABLE users; --"
    assert run(shell, "SELECT %(who)s::text AS who, %(who)s::text LIKE '%%DROP%%' AS found").rows == (
        (shell.user_ns["who"], True),
    )


def test_a_missing_parameter_is_named_and_nothing_runs(shell: InteractiveShell) -> None:
    run(shell, "CREATE TEMP TABLE kept (a int)")
    with pytest.raises(InputError, match="no name `dana`"):
        run(shell, "DROP TABLE kept; SELECT %(dana)s")
    assert run(shell, "SELECT count(*) FROM kept").rows == ((0,),)


def test_a_percent_sign_is_a_percent_sign(shell: InteractiveShell) -> None:
    assert run(shell, "SELECT 'abc' LIKE 'a%' AS found, 7 % 4 AS rest, '%s' AS text").rows == ((True, 3, "%s"),)


def test_of_several_statements_the_last_one_shows(shell: InteractiveShell) -> None:
    assert run(shell, "SELECT 1 AS a; SELECT 2 AS b, 3 AS c;").columns == ("b", "c")
    assert repr(run(shell, "CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1), (2), (3)")) == "INSERT 0 3"
    assert run(shell, "INSERT INTO t VALUES (4); SELECT count(*) FROM t").rows == ((4,),)


def test_a_statement_without_rows_says_what_was_done(shell: InteractiveShell) -> None:
    assert repr(run(shell, "CREATE TEMP TABLE u (a int)")) == "CREATE TABLE"
    assert run(shell, "INSERT INTO u VALUES (1) RETURNING a").rows == ((1,),)
    assert repr(run(shell, "SELECT a FROM u WHERE false")).endswith("0 rows")


@pytest.mark.parametrize("sql", ["-- YOUR CODE HERE", " ", ";"])
def test_a_blank_cell_says_that_nothing_was_run(shell: InteractiveShell, sql: str) -> None:
    assert "no SQL in this cell" in repr(run(shell, sql))


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELEC 1", psycopg.errors.SyntaxError),
        ("SELECT * FROM nowhere", psycopg.errors.UndefinedTable),
        ("SELECT 1; SELECT 1/0", psycopg.errors.DivisionByZero),
    ],
)
def test_the_real_error_fails_the_cell(shell: InteractiveShell, sql: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        run(shell, sql)


def test_another_connection_and_its_row_factory(shell: InteractiveShell, stack: Stack) -> None:
    with psycopg.connect(stack.postgres.url, row_factory=dict_row) as archive:
        shell.user_ns["archive"] = archive
        table = run(shell, "SELECT pg_backend_pid() AS pid", line="archive")
        assert table.rows == ((archive.info.backend_pid,),)
    with pytest.raises(psycopg.OperationalError, match="closed"):
        run(shell, "SELECT 1", line="archive")


def test_what_is_no_connection_is_named(shell: InteractiveShell, stack: Stack) -> None:
    shell.user_ns |= {"server": stack.postgres, "later": psycopg.AsyncConnection.__new__(psycopg.AsyncConnection)}
    for line, said in (("nobody", "no name `nobody`"), ("server", "PostgresServer"), ("later", "async connection")):
        with pytest.raises(InputError, match=said):
            run(shell, "SELECT 1", line=line)
