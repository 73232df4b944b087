"""The `%%sql` magic: run SQL on a psycopg connection of the notebook. Load it with `%load_ext course.show.sql`.

    %%sql                         the connection named `postgres`
    %%sql archive                 the connection named `archive`
    SELECT … WHERE id = %(dana)s  `dana` is a name of the notebook, passed as a bound parameter

The real exceptions of psycopg fail the cell. How the rows look stands in `tables.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from course.errors import InputError
from course.show.tables import Table

if TYPE_CHECKING:
    import psycopg
    from IPython.core.interactiveshell import InteractiveShell

_PLACEHOLDER = re.compile(r"(?<!%)%\((\w+)\)[sbt]")


class Status:
    """What PostgreSQL says of a statement without rows, such as `INSERT 0 3`."""

    def __init__(self, message: str) -> None:
        self.message = message

    def __repr__(self) -> str:
        return self.message


def run_sql(sql: str, connection: psycopg.Connection, names: Mapping[str, Any]) -> Table | Status:
    """Run SQL and return what its last statement gives.

    Args:
        sql: one statement, or several if none has a parameter. A literal `%` is doubled only beside parameters.
        connection: an open connection; its transaction is left as the connection leaves it.
        names: where the values of `%(name)s` are looked up.

    Raises:
        InputError: a parameter's name is unknown.
        psycopg.Error: whatever PostgreSQL objects to.
    """
    from psycopg.rows import tuple_row

    __tracebackhide__ = True  # a learner's mistake in SQL is not shown as lines of ours
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(sql, _parameters(sql, names))
        while cursor.nextset():
            pass
        if cursor.description is None:
            return Status(cursor.statusmessage or "Nothing was run: there is no SQL in this cell.")
        columns = [column.name for column in cursor.description]
        return Table(columns, cursor.fetchall(), cursor.rowcount, "")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Called by `%load_ext course.show.sql`."""

    def sql(line: str, cell: str) -> Table | Status:
        """Run the cell as SQL on a connection: `%%sql`, or `%%sql name_of_the_connection`."""
        __tracebackhide__ = True
        return run_sql(cell, _connection(line.strip() or "postgres", shell.user_ns), shell.user_ns)

    shell.register_magic_function(sql, magic_kind="cell")  # type: ignore[call-arg, arg-type]


def _parameters(sql: str, names: Mapping[str, Any]) -> dict[str, Any] | None:
    wanted = dict.fromkeys(_PLACEHOLDER.findall(sql))
    missing = [name for name in wanted if name not in names]
    if missing:
        raise InputError(
            f"The SQL asks for %({missing[0]})s, and the notebook has no name `{missing[0]}`. Nothing was run. "
            f"Run the cell that makes it, or correct the name."
        )
    return {name: names[name] for name in wanted} or None


def _connection(name: str, names: Mapping[str, Any]) -> psycopg.Connection:
    import psycopg

    how = f"Make one first, for example `{name if name.isidentifier() else 'postgres'} = stack.postgres.connect()`."
    if name not in names:
        raise InputError(f"%%sql needs a connection, and the notebook has no name `{name}`. Nothing was run. {how}")
    value = names[name]
    if isinstance(value, psycopg.AsyncConnection):
        raise InputError(f"`{name}` is an async connection, and %%sql needs a plain one. Nothing was run. {how}")
    if not isinstance(value, psycopg.Connection):
        raise InputError(f"`{name}` is a {type(value).__name__}, not a psycopg connection. Nothing was run. {how}")
    return value
