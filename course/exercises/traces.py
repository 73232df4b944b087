"""What the stores and a lent connection look like before and after a learner's function, and what it left there.

What is said about it stands in `manners.py`.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Set
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import RowFactory, tuple_row

from course.exercises.likeness import frozen
from course.exercises.manners import Manner

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from psycopg.pq.abc import PGconn
    from redis import Redis

T = TypeVar("T")

_SECONDS_TO_END = 0.5
"""How long a server may take to end a session that its client has closed."""

_ATTRIBUTES = ("autocommit", "isolation_level", "read_only", "deferrable", "row_factory")


class _Recording(psycopg.Cursor):
    """A cursor whose connection remembers the statements that were given as text."""

    connection: LentConnection

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        self.connection.statements.append(_text(query))
        return super().execute(query, params, **options)

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        self.connection.statements.append(_text(query))
        super().executemany(query, params_seq, **options)


class LentConnection(psycopg.Connection):
    """The connection that a learner's function is given. It is a plain one, and remembers what it was asked."""

    def __init__(self, pgconn: PGconn, row_factory: RowFactory[Any] = tuple_row) -> None:
        super().__init__(pgconn, row_factory)
        self.statements: list[str] = []
        self.cursor_factory = _Recording


def _text(query: object) -> str:
    """The text of a statement; `""` for one that was composed with `psycopg.sql`, which quotes values itself."""
    return query.decode() if isinstance(query, bytes) else query if isinstance(query, str) else ""


def session(connection: psycopg.Connection) -> dict[str, str]:
    """What can be set on a connection, as it is now, by name."""
    query = "SELECT name, setting FROM pg_settings WHERE source = 'session' AND name NOT LIKE 'transaction%'"
    found: dict[str, str] = dict(psycopg.Cursor(connection, row_factory=tuple_row).execute(query, prepare=False).fetchall())
    if not connection.autocommit:
        connection.rollback()  # the question above has begun a transaction
    return found | attributes(connection)


def attributes(connection: psycopg.Connection) -> dict[str, str]:
    """The same of a connection on which nothing was set yet: its server need not be asked."""
    return {name: str(getattr(connection, name)) for name in _ATTRIBUTES}


def connection_manners(connection: LentConnection, before: dict[str, str]) -> Iterator[Manner]:
    """How a lent connection came back. An open transaction is rolled back, so that the stores show what was committed."""
    if connection.closed:
        yield Manner("closed")
        return
    if connection.info.transaction_status != TransactionStatus.IDLE:
        yield Manner("transaction")
        connection.rollback()
    after = session(connection)
    for name in sorted(after.keys() | before.keys()):
        if after.get(name) != before.get(name):
            yield Manner("settings", f"`{name}`")


def until_ended(sessions: Callable[[], T]) -> T:
    """What sessions there are at last: none, or those that are still there after a while.

    A server ends a session, and rolls back what was not committed, a little after its client has closed it.
    """
    deadline = time.monotonic() + _SECONDS_TO_END
    while (found := sessions()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


_LEFT = """
    SELECT (SELECT min(relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
            WHERE nspname LIKE 'pg\\_temp\\_%%' AND relkind = 'r'),
           (SELECT count(*) FROM pg_locks
            WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
           (SELECT array_agg(coalesce(state, '')) FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> ALL(%s))
"""

_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"


def sessions(own: psycopg.Connection) -> set[int]:
    """The pids of a database's sessions."""
    return {pid for (pid,) in own.execute(_SESSIONS).fetchall()}


def database_manners(own: psycopg.Connection, known: Set[int]) -> Iterator[Manner]:
    """What is left in a database: temporary tables, advisory locks, and sessions other than those that are known by their pid.

    The sessions that a judge has opened must be known: for others it waits, and they may be about to end.
    """

    def left() -> tuple[str | None, int, list[str] | None]:
        return own.execute(_LEFT, [list(known)]).fetchall()[0]

    temporary, locks, others = left()
    if others:
        gc.collect()  # a connection that nobody holds any more closes itself
        until_ended(lambda: left()[2])
        temporary, locks, others = left()
    if temporary:
        yield Manner("temporary", f"`{temporary}`")
    if locks:
        yield Manner("locks")
    if others:
        yield Manner("transaction" if any(state.startswith("idle in transaction") for state in others) else "connections")


FUNCTIONS = r"""
    CREATE SCHEMA bench;
    CREATE EXTENSION vector SCHEMA bench;

    CREATE FUNCTION bench.reset() RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        name text;
    BEGIN
        PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
        FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|bench$)' LOOP
            EXECUTE format('DROP SCHEMA %I CASCADE', name);
        END LOOP;
        CREATE SCHEMA public;
        EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
        EXECUTE format('ALTER DATABASE %I SET search_path = public, bench', current_database());
    END $$;

    CREATE FUNCTION bench.sums() RETURNS TABLE (relation text, sum text) LANGUAGE plpgsql AS $$
    DECLARE
        kind "char";
    BEGIN
        FOR relation, kind IN
            SELECT format('%I.%I', nspname, relname), relkind FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
            WHERE nspname !~ '^(pg_|information_schema$|bench$)' AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'i')
        LOOP
            sum := '';
            IF kind = 'r' THEN
                EXECUTE format('SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), %L)) FROM %s t', '', relation)
                INTO sum;
            END IF;
            RETURN NEXT;
        END LOOP;
    END $$
"""
"""What each of the checks' databases has, apart from `public`: pgvector; a function that ends all sessions and makes `public`
empty; and one that gives every relation, and for a table a sum of its rows."""


def tables(own: psycopg.Connection) -> dict[str, str]:
    """The tables, views and other relations of a database that stay in it, each table with a sum of its rows."""
    return dict(own.execute("SELECT * FROM bench.sums()").fetchall())


def tables_manners(before: dict[str, str], after: dict[str, str]) -> Iterator[Manner]:
    """What is new in a database, and which rows are not what they were."""
    for name in sorted(after.keys() - before.keys()):
        yield Manner("tables", f"`{name.removeprefix('public.')}`")
    for name in sorted(before):
        if after.get(name) != before[name]:
            yield Manner("postgres", f"the table `{name.removeprefix('public.')}`")


def collections(client: ClientAPI) -> dict[str, object]:
    """What is in each collection: id, vector, metadata and text of every entry."""
    found: dict[str, object] = {}
    for collection in client.list_collections():
        entries = collection.get(include=["embeddings", "metadatas", "documents"])
        vectors = np.asarray(entries["embeddings"])
        found[collection.name] = {
            id: (vectors[place].tobytes(), metadata, document)
            for place, (id, metadata, document) in enumerate(
                zip(entries["ids"], entries["metadatas"] or [], entries["documents"] or [], strict=True)
            )
        }
    return found


def collections_manners(before: dict[str, object], after: dict[str, object]) -> Iterator[Manner]:
    """Which collections are not what they were."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Manner("chroma", f"the collection `{name}`")


def keys(client: Redis) -> dict[str, object]:
    """What is under each key, and whether it will expire."""
    return {key: (_value(client, key), client.ttl(key) >= 0) for key in client.scan_iter()}


def _value(client: Redis, key: str) -> object:
    kind = client.type(key)
    read = {
        "string": client.get,
        "hash": client.hgetall,
        "list": lambda name: client.lrange(name, 0, -1),
        "set": lambda name: sorted(client.smembers(name)),
        "zset": lambda name: client.zrange(name, 0, -1, withscores=True),
    }
    return kind, frozen(read[kind](key)) if kind in read else None


def keys_manners(before: dict[str, object], after: dict[str, object]) -> Iterator[Manner]:
    """Which keys are not what they were."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Manner("redis", f"the key `{name}`")
