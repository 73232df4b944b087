"""What the checks of lesson 15 look at: facts about the learner's database, in a schema `judge` that nobody else ever sees.

`facts(shop)` makes that schema in a transaction that is rolled back. In it stand:

    judge.start     every article as the known start has it: what is right
    judge.homes     the tables that may hold the learner's texts, tags and vectors, best first; `judge.home` is the first
    judge.columns   the columns of `judge.home`, and `judge.key` the one that says whose they are
    judge.ready     one row once the columns have the right types
    judge.rows      `id`, `body`, `tags`, `embedding` of `judge.home` if it is ready; else it is empty

Which states are wrong stands in `fernhill_moved.py`, `fernhill_asked.py` and `fernhill_kept.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import psycopg
from psycopg import sql

from course import fernhill
from course.exercises.mistakes import NotYet
from course.fernhill import Shop

_FACTS = """
    SET LOCAL client_min_messages = warning;
    CREATE SCHEMA judge;
    CREATE TABLE judge.start (
        id uuid PRIMARY KEY, mechanic_id uuid, title text, body text, tags text[], status text, stores text, embedding real[]
    );
    CREATE TABLE judge.homes AS
        SELECT rank() OVER (ORDER BY columns DESC, is_articles DESC, linked DESC) AS place, * FROM (
            SELECT c.oid, relname::text AS name, count(*) AS columns,
                   coalesce(c.oid = to_regclass('articles'), false) AS is_articles,
                   EXISTS (SELECT FROM pg_constraint
                           WHERE conrelid = c.oid AND contype = 'f' AND confrelid = to_regclass('articles')) AS linked
            FROM pg_class c JOIN pg_attribute ON attrelid = c.oid
            WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$|judge$)'
              AND attnum > 0 AND NOT attisdropped AND attname IN ('body', 'tags', 'embedding')
            GROUP BY c.oid
        ) AS candidates;
    CREATE TABLE judge.home AS SELECT * FROM judge.homes WHERE place = 1 ORDER BY oid LIMIT 1;
    CREATE TABLE judge.columns AS
        SELECT attname::text AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required, attnum AS number
        FROM judge.home JOIN pg_attribute ON attrelid = oid WHERE attnum > 0 AND NOT attisdropped;
    CREATE TABLE judge.key AS
        SELECT columns.name, type, number FROM judge.columns, judge.home
        WHERE columns.name = 'id' OR (columns.name = 'article_id' AND NOT is_articles)
        ORDER BY columns.name LIMIT 1;
"""

_READY = """
    CREATE TABLE judge.ready AS SELECT home.oid::regclass::text AS home, key.name AS key
    FROM judge.home, judge.key WHERE key.type = 'uuid' AND 3 = (
        SELECT count(*) FROM judge.columns WHERE (name, type) IN (
            ('body', 'text'), ('body', 'character varying'), ('tags', 'text[]'), ('tags', 'character varying[]'),
            ('embedding', 'vector(384)')));
    CREATE VIEW judge.rows AS SELECT NULL::uuid AS id, '' AS body, '{}'::text[] AS tags, '{}'::real[] AS embedding WHERE false
"""


@contextmanager
def facts(shop: Shop) -> Iterator[psycopg.Connection]:
    """A connection on which a check's queries find the facts. What is done on it is rolled back.

    Raises:
        NotYet: another session of the learner's holds a lock that is needed, or a table of the start is gone.
    """
    with shop.connect() as connection:
        if connection.execute("SELECT WHERE to_regclass('articles') IS NULL").fetchone() is not None:
            raise NotYet("There is no table `articles` any more. `shop.reset()` brings the known start back.")
        connection.execute("SET lock_timeout = '2s'")
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(_FACTS)
                _copy_the_start(connection)
                _make_rows(connection)
                yield connection
        except psycopg.errors.LockNotAvailable as error:
            raise NotYet(
                "A transaction of yours is still open and holds a lock, so nothing could be looked at. `postgres.commit()` or "
                "`postgres.rollback()` ends it, and `with postgres.transaction():` ends it in any case."
            ) from error


def home(connection: psycopg.Connection) -> tuple[sql.SQL, sql.Identifier] | None:
    """The learner's table and its key, to compose a statement with; or None if it is not ready."""
    ready = connection.execute("TABLE judge.ready").fetchone()
    return (sql.SQL(ready[0]), sql.Identifier(ready[1])) if ready else None


def add(connection: psycopg.Connection, table: str, columns: str, rows: Sequence[Sequence[object]] = ()) -> None:
    """Make one more table of facts and fill it."""
    connection.execute(f"CREATE TABLE judge.{table} ({columns})".encode())
    names = ", ".join(column.split()[0] for column in columns.split(", "))
    with connection.cursor() as cursor, cursor.copy(f"COPY judge.{table} ({names}) FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _copy_the_start(connection: psycopg.Connection) -> None:
    with connection.cursor() as cursor, cursor.copy("COPY judge.start FROM STDIN") as copy:
        for row in _start():
            copy.write_row(row)


@cache
def _start() -> list[tuple]:
    """The rows of `judge.start`. A vector is text already: its numbers take longer to write than all the rest."""
    return [
        (a.id, a.mechanic_id, a.title, a.body, list(a.tags), a.status, a.stores, f"{{{','.join(vector.astype(str))}}}")
        for a, vector in zip(fernhill.articles(), fernhill.embeddings(), strict=True)
    ]


def _make_rows(connection: psycopg.Connection) -> None:
    connection.execute(_READY)
    if found := home(connection):
        table, key = found
        view = "DROP VIEW judge.rows; CREATE VIEW judge.rows AS SELECT {} AS id, body::text, tags::text[], embedding FROM {}"
        connection.execute(sql.SQL(view).format(key, table))
