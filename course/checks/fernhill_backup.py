"""A dump of Fernhill, and what it is worth: restored into a database beside it, and compared with what is there now.

It is restored as a learner would, by `pg_restore` into an empty database, which is dropped afterwards.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from course.checks.fernhill_facts import add
from course.exercises.states import NotAttempted
from course.fernhill import Shop

_COPY = "fernhill_restored_by_a_check"
_SECONDS = 60

_TABLES = """
    SELECT c.oid::regclass::text FROM pg_class c
    WHERE relkind IN ('r', 'p', 'm') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$|judge$)'
"""
_OTHERS = """
    SELECT 'view', c.oid::regclass::text, 0, md5(pg_get_viewdef(c.oid)) FROM pg_class c
    WHERE relkind = 'v' AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$|judge$)'
    UNION ALL
    SELECT 'index', c.oid::regclass::text, 0, md5(pg_get_indexdef(c.oid)) FROM pg_class c
    WHERE relkind = 'i' AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$|judge$)'
    UNION ALL
    SELECT 'function', p.proname, 0, md5(string_agg(pg_get_functiondef(p.oid), '' ORDER BY p.oid::regprocedure::text))
    FROM pg_proc p WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema$|judge$)' AND prokind = 'f'
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e') GROUP BY p.proname
"""
_COLUMNS = "kind text, relation text, rows bigint, sum text"

Sums = list[tuple[str, str, int, str]]
"""What is in a database: of each thing its kind, its name, its number of rows, and a sum of what is in it."""


def dump(shop: Shop, *options: str) -> Path:
    """Make a dump where the learner's belongs, with these options of `pg_dump` beside its format."""
    command = ["pg_dump", "--format=custom", f"--file={shop.dump}", *options]
    subprocess.run(command, env=shop.login(), check=True, timeout=_SECONDS)
    return shop.dump


def add_what_it_restores(connection: psycopg.Connection, shop: Shop) -> None:
    """Add `judge.now`, `judge.restored`, and `judge.restore`: what went wrong.

    Raises:
        NotAttempted: there is no dump.
    """
    if not shop.dump.exists():
        raise NotAttempted(
            f"There is no backup at `shop.dump` yet, which is {shop.dump}. `pg_dump` finds the database with `env=shop.login()`."
        )
    listed = _run(shop, "pg_restore", "--list", str(shop.dump))
    if listed.returncode:
        kind = "plain" if shop.dump.is_file() and shop.dump.read_bytes()[:3] == b"--\n" else "not an archive"
        _add(connection, [], (kind, _first_line(listed), shop.dump.name))
        return
    with _empty_database(shop) as address:
        done = _run(shop, "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={_COPY}", str(shop.dump))
        with psycopg.connect(address) as restored:
            wrong = ("failed", _first_line(done), shop.dump.name) if done.returncode else None
            _add(connection, _sums(restored), wrong)


def _add(connection: psycopg.Connection, restored: Sums, wrong: tuple[str, str, str] | None) -> None:
    add(connection, "restore", "kind text, message text, file text", [wrong] if wrong else [])
    add(connection, "restored", _COLUMNS, restored)
    add(connection, "now", _COLUMNS, _sums(connection))


def _sums(connection: psycopg.Connection) -> Sums:
    found: Sums = list(connection.execute(_OTHERS).fetchall())
    for (name,) in connection.execute(_TABLES).fetchall():
        query = "SELECT count(*), coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '') FROM {} t"
        rows, total = connection.execute(sql.SQL(query).format(sql.SQL(name))).fetchall()[0]
        found.append(("table", name, rows, total))
    return found


@contextmanager
def _empty_database(shop: Shop) -> Iterator[str]:
    database = sql.Identifier(_COPY)
    with shop.connect() as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(database))
        try:
            yield shop.address_of(_COPY)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def _run(shop: Shop, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=shop.login(), capture_output=True, text=True, timeout=_SECONDS)


def _first_line(done: subprocess.CompletedProcess[str]) -> str:
    """The first error that a program told, as a sentence."""
    said = next((line for line in done.stderr.splitlines() if "error:" in line), "it said nothing")
    return said.partition("error: ")[2].rstrip(".") + "." if "error: " in said else said + "."
