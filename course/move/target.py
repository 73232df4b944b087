"""The PostgreSQL that gets the collections: its tables, the ledger of what went where, and pages of rows in and out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
from pgvector import Vector
from pgvector.psycopg import register_vector
from psycopg import sql
from psycopg.types.json import Json, Jsonb

from course.move.entries import Entry, Row, entry_of
from course.move.errors import RefusedError
from course.move.plan import LEDGER, TablePlan
from course.servers.rows import only

_COLUMNS = ("key", "id", "document", "metadata", "uri", "embedding", "original")
_TYPES = ("bytea", "text", "text", "jsonb", "text", "vector", "json")
_LOCK_SECONDS = 30
_EXTENSION = "vector"
_OLDEST_VECTOR = (0, 7)
"""The first pgvector that has halfvec."""


class Target:
    """One schema of a PostgreSQL database. Nothing is written there before `prepare`."""

    def __init__(self, connection: psycopg.Connection, schema: str) -> None:
        self.connection = connection
        self.schema = schema

    def refusals(self) -> list[str]:
        """Why nothing can be moved there; none, if all is well. Nothing is changed by asking."""
        one = self.connection.execute
        encoding = only(one("SHOW server_encoding"))
        version = only(
            one(
                "SELECT max(coalesce(installed_version, default_version)) FROM pg_available_extensions WHERE name = %s",
                [_EXTENSION],
            )
        )
        may = only(one("SELECT has_database_privilege(current_database(), 'CREATE')"))
        there = self.exists()
        why = []
        if encoding != "UTF8":
            why.append(f"its encoding is {encoding}, which does not hold every text: it takes a database with UTF8")
        if version is None:
            why.append("it has no pgvector: install it on the server")
        elif tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_VECTOR:
            why.append(f"its pgvector {version} is too old: it takes 0.7 or newer")
        if not there and not may:
            why.append(f"{self.connection.info.user} may not make a schema in it")
        return why

    def exists(self) -> bool:
        """Whether the schema is there."""
        return only(self.connection.execute("SELECT to_regnamespace(quote_ident(%s)) IS NOT NULL", [self.schema]))

    def known(self) -> dict[str, str]:
        """The table of each collection that the ledger has, by the collection's id."""
        if not self._has(LEDGER):
            return {}
        return dict(self.connection.execute(self._sql("SELECT collection_id, table_name FROM {}", LEDGER)).fetchall())

    def state(self, plan: TablePlan) -> str:
        """`new`, `begun` or `done`; or, where the table is somebody else's, a sentence that says so."""
        if not self._has(plan.table):
            return "new"
        finished = None
        if self._has(LEDGER):
            asked = self._sql("SELECT finished_at IS NOT NULL FROM {} WHERE table_name = %s AND collection_id = %s", LEDGER)
            finished = self.connection.execute(asked, [plan.table, plan.collection_id]).fetchone()
        if finished is None:
            rows = self.rows(plan)
            return f"the table {self.schema}.{plan.table} is there already, with {rows:,} rows that are not of this move"
        return "done" if finished[0] else "begun"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no second move write to this schema meanwhile. One that was just killed is waited for.

        Raises:
            RefusedError: another move is at work here.
        """
        try:
            self.connection.execute(f"SET lock_timeout = '{_LOCK_SECONDS}s'")
            self.connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 19))", [f"move to {self.schema}"])
        except psycopg.errors.LockNotAvailable as error:
            raise RefusedError(
                f"Another move is writing to the schema {self.schema}. Nothing was changed by this one. Wait until that one ends."
            ) from error
        self.connection.execute("RESET lock_timeout")
        yield

    def prepare(self, plans: Sequence[TablePlan]) -> None:
        """Make extension, schema, ledger and tables, all or nothing; what is there stays."""
        run = self.connection.execute
        with self.connection.transaction():
            run("CREATE EXTENSION IF NOT EXISTS vector")
            run(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(self.schema)))
            run(
                self._sql(
                    """CREATE TABLE IF NOT EXISTS {} (
                        table_name text PRIMARY KEY, collection text NOT NULL, collection_id text NOT NULL UNIQUE,
                        space text NOT NULL, about json NOT NULL, finished_at timestamptz)""",
                    LEDGER,
                )
            )
            for plan in plans:
                self._make(plan)
        register_vector(self.connection)

    def _make(self, plan: TablePlan) -> None:
        if self.state(plan) != "new":
            return
        self.connection.execute(
            self._sql(
                f"""CREATE TABLE {{}} (
                    key bytea PRIMARY KEY, id text COLLATE "C" NOT NULL, document text, metadata jsonb, uri text,
                    embedding {plan.type} NOT NULL, original json)""",
                plan.table,
            )
        )
        if plan.in_line:
            self.connection.execute(self._sql("ALTER TABLE {} ALTER COLUMN embedding SET STORAGE PLAIN", plan.table))
        noted = [plan.table, plan.collection, plan.collection_id, plan.space, Json({"dimension": plan.dimension})]
        self.connection.execute(self._sql("INSERT INTO {} VALUES (%s, %s, %s, %s, %s)", LEDGER), noted)

    def rows(self, plan: TablePlan) -> int:
        """How many rows the table has."""
        return only(self.connection.execute(self._sql("SELECT count(*) FROM {}", plan.table)))

    def entries(self, plan: TablePlan, keys: Sequence[bytes]) -> dict[bytes, Entry]:
        """The entries that are there under these keys, read back from their rows."""
        asked = self._sql("SELECT {columns} FROM {} WHERE key = ANY (%s)", plan.table)
        found = self.connection.execute(asked, [list(keys)]).fetchall()
        return {
            bytes(key): entry_of(id, document, metadata, uri, _numbers(vector), original)
            for key, id, document, metadata, uri, vector, original in found
        }

    def write(self, plan: TablePlan, entries: Sequence[Entry], gone: Sequence[bytes] = ()) -> None:
        """Write a page of entries and remove what is gone, all or nothing. What has the same key is replaced."""
        replaced = [*gone, *(entry.key for entry in entries)]
        types = [*_TYPES]
        types[5] = "float4[]" if plan.type == "real[]" else "vector"
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute(self._sql("DELETE FROM {} WHERE key = ANY (%s)", plan.table), [replaced])
            if entries:
                with cursor.copy(self._sql("COPY {} ({columns}) FROM STDIN (FORMAT binary)", plan.table)) as copy:
                    copy.set_types(types)
                    for entry in entries:
                        copy.write_row(_values(Row.of(entry), plan))

    def ids_after(self, plan: TablePlan, key: bytes, limit: int) -> dict[bytes, str]:
        """The next ids in the order of their keys."""
        asked = self._sql("SELECT key, id, original FROM {} WHERE key > %s ORDER BY key LIMIT %s", plan.table)
        found = self.connection.execute(asked, [key, limit]).fetchall()
        return {bytes(key): original[0] if original else id for key, id, original in found}

    def nearest(self, plan: TablePlan, vector: np.ndarray, count: int) -> dict[bytes, float]:
        """The nearest entries and pgvector's distances, exactly: no index takes part. Those without a distance are left out."""
        asked = self._sql(
            f"""SELECT key, distance FROM (
                SELECT key, embedding {plan.operator} %(vector)s AS distance FROM {{}}) AS measured
                WHERE distance <> 'NaN' ORDER BY distance, key LIMIT %(count)s""",
            plan.table,
        )
        found = self.connection.execute(asked, {"vector": Vector(vector), "count": count}).fetchall()
        return {bytes(key): distance for key, distance in found}

    def distances(self, plan: TablePlan, vector: np.ndarray, keys: Sequence[bytes]) -> dict[bytes, float]:
        """pgvector's distances of the entries under these keys."""
        asked = self._sql(f"SELECT key, embedding {plan.operator} %s FROM {{}} WHERE key = ANY (%s)", plan.table)
        found = self.connection.execute(asked, [Vector(vector), list(keys)]).fetchall()
        return {bytes(key): distance for key, distance in found}

    def finish(self, plan: TablePlan) -> str:
        """Build the indexes, let the planner count, and note in the ledger that all is there. Returns a sentence on the index."""
        said = "no index"
        with self.connection.transaction():
            if plan.index:
                indexed = "embedding" if plan.index == plan.type else f"(embedding::{plan.index})"
                made = self._sql(f"CREATE INDEX ON {{}} USING hnsw ({indexed} {plan.operator_class})", plan.table)
                said = self._index(made, f"hnsw on {plan.index}, {plan.operator_class}")
            on_id = "CREATE UNIQUE INDEX ON {} (id)" if plan.unique_id else "CREATE INDEX ON {} USING hash (id)"
            self.connection.execute(self._sql(on_id, plan.table))
            self.connection.execute(self._sql("ANALYZE {}", plan.table))
            self.connection.execute(self._sql("UPDATE {} SET finished_at = now() WHERE table_name = %s", LEDGER), [plan.table])
        return said

    def _index(self, statement: sql.Composed, said: str) -> str:
        """Build an index. The rows are there without one: what PostgreSQL has against it is told, and ends nothing."""
        try:
            with self.connection.transaction():
                self.connection.execute(statement)
        except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded) as error:
            return f"no index: {error.diag.message_primary}"
        return said

    def _has(self, table: str) -> bool:
        named = "SELECT to_regclass(format('%%I.%%I', %s::text, %s::text)) IS NOT NULL"
        return only(self.connection.execute(named, [self.schema, table]))

    def _sql(self, text: str, table: str) -> sql.Composed:
        columns = sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))
        return sql.SQL(text).format(sql.Identifier(self.schema, table), columns=columns)


def _values(row: Row, plan: TablePlan) -> tuple[Any, ...]:
    """What `COPY` gets for a row. The JSON texts are handed on as they are."""
    metadata = None if row.metadata is None else Jsonb(row.metadata, dumps=str)
    original = None if row.original is None else Json(row.original, dumps=str)
    vector: Any = row.vector.tolist() if plan.type == "real[]" else Vector(row.vector)
    return row.key, row.id, row.document, metadata, row.uri, vector, original


def _numbers(vector: Any) -> np.ndarray:
    return vector.to_numpy() if isinstance(vector, Vector) else np.asarray(vector, dtype=np.float32)


@contextmanager
def opened(url: str, schema: str) -> Iterator[Target]:
    """Connect to the database at this URL.

    Raises:
        RefusedError: it does not answer, or refuses. The message shows no password.
    """
    try:
        connection = psycopg.connect(url, autocommit=True, application_name="course.move")
    except (psycopg.Error, UnicodeError) as error:
        raise RefusedError(
            f"PostgreSQL cannot be reached: {' '.join(str(error).split())} Nothing was changed. Look at the address, and give "
            "the command again."
        ) from error
    with connection:
        yield Target(connection, schema)
