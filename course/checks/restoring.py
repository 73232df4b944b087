"""A dump of two tables, and databases that it is restored into: what the check of `03.restore_over` lays out, and sees."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence

import psycopg
from psycopg.conninfo import conninfo_to_dict

from course.exercises.stage import Stage
from course.servers.postgres import binary

USERS = "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);"
DOCUMENTS = "CREATE TABLE documents (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, title text NOT NULL);"
IN_THE_DUMP = f"""
    {USERS} {DOCUMENTS}
    INSERT INTO users VALUES (1007, 'Grace'), (1040, 'Noor');
    INSERT INTO documents VALUES (2001, 1040, 'Page 1'), (2002, 1007, 'Bicycle');
"""
WANTED: dict[str, list[tuple]] = {
    "users": [(1007, "Grace"), (1040, "Noor")],
    "documents": [(2001, 1040, "Page 1"), (2002, 1007, "Bicycle")],
}
UNFINISHED = f"{USERS} INSERT INTO users VALUES (1099, 'of the first attempt')"
"""What an interrupted restore has left: one table of the two."""

IN_THE_WAY = f"""
    {USERS} {DOCUMENTS}
    INSERT INTO users VALUES (1099, 'of the first attempt');
    INSERT INTO documents VALUES (2099, 1099, 'of the first attempt');
    CREATE VIEW names AS SELECT name FROM users;
"""
"""A view that is not in the dump, and for whose sake `users` cannot be dropped."""


def dumped(stage: Stage) -> bytes:
    """The dump, as a file's bytes."""
    stage.database(IN_THE_DUMP)
    done = _run(stage, "pg_dump", ["--format=custom", "--table=users", "--table=documents"])
    done.check_returncode()
    return done.stdout


def restored(dump: bytes, before: str = "") -> Callable[[Sequence[str], Stage], str]:
    """How to observe what `pg_restore` does with some options in a database that was made by a piece of SQL."""

    def observe(options: Sequence[str], stage: Stage) -> str:
        stage.database(before)
        was = _rows(stage)
        file = stage.folder / "postgres.dump"
        file.write_bytes(dump)
        done = _run(stage, "pg_restore", [*options, "--dbname=bench", str(file)])
        keys = "SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'f') AND connamespace = 'public'::regnamespace"
        states = [f"{table} {_state(rows, WANTED[table], was[table])}" for table, rows in _rows(stage).items()]
        return f"{_said(done)}; {', '.join(states)}, {stage.rows(keys)[0][0]} keys"

    return observe


def _rows(stage: Stage) -> dict[str, list[tuple] | None]:
    """The rows of each table; None where there is no such table."""
    found: dict[str, list[tuple] | None] = {}
    for table in WANTED:
        try:
            found[table] = stage.rows(f"SELECT * FROM {table} ORDER BY id")
        except psycopg.errors.UndefinedTable:
            found[table] = None
    return found


def _state(rows: list[tuple] | None, wanted: list[tuple], was: list[tuple] | None) -> str:
    if rows is None:
        return "not there"
    known = [(wanted, "as in the dump"), (was, "as before"), ([], "empty"), ([*wanted, *(was or [])], "both old and new")]
    return next((words for those, words in known if rows == those), "neither old nor new")


def _run(stage: Stage, program: str, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    to = conninfo_to_dict(stage.url)
    login = {
        "PGHOST": str(to["host"]),
        "PGPORT": str(to["port"]),
        "PGDATABASE": str(to["dbname"]),
        "PGUSER": str(to["user"]),
        "PGPASSWORD": str(to["password"]),
    }
    return subprocess.run(
        [binary(program), *arguments], env=os.environ | login, stdin=subprocess.DEVNULL, capture_output=True, timeout=30
    )


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    """The first error, and the statement that it is about."""
    text = done.stderr.decode(errors="replace").replace(done.args[-1], "the dump")
    if unknown := re.search(r"(?:unrecognized|invalid|ambiguous) option.*", text):
        if re.search(r"'[^']*? -| option -- ' ", unknown[0]):
            return "several options in one text"
        return "one dash before a word" if " option -- " in unknown[0] else "an option that it does not know"
    found = re.search(r"^pg_restore: error: (.*)(?:\nCommand was: (.*))?", text, re.MULTILINE)
    if found:
        return f"{found[1]} ({found[2]})" if found[2] else found[1]
    return f"status {done.returncode}" if done.returncode else "no error"
