"""The checks' own servers: what a learner's function does there reaches nobody, and nothing of it is left.

They lie beside the lessons' stacks, are shared by all checks of one kernel, and end with it. Each starts when it is first
asked for.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from pgvector.psycopg import register_vector
from psycopg import sql

from course.errors import DirectoryInUseError
from course.exercises import traces
from course.home import home
from course.servers.postgres import PostgresServer
from course.servers.process import Server
from course.stack import Stack

if TYPE_CHECKING:
    import redis
    from chromadb.api import ClientAPI

_MOST_COLLECTIONS = 40
"""ChromaDB keeps 4 files open and 2.7 MB for every collection there was: after so many, it begins anew."""

_MOST_DATABASES = 50
"""A session of PostgreSQL keeps a plan for every foreign key that it looked after, though its table is gone, and goes through all
at each `CREATE` and `DROP`: after so many databases, the check's own begins anew. The 2,400th in a session took 32 ms, now 6."""


class Bench:
    """Three servers for checks alone. Get them with `bench()`."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._own: dict[str, psycopg.Connection] = {}
        self._asked: Counter[str] = Counter()
        self._collections = 0
        self._chroma: ClientAPI | None = None
        self._fresh: set[str] = set()
        self._postgres, self._vectors, self._cache = stack.own
        self._postgres.settings = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        self._cache.settings = {"appendonly": "no"}

    @property
    def alive(self) -> bool:
        """Whether the servers' supervisor lives: it ends with the kernel that started it, or with `close()`."""
        return self._stack.alive

    @property
    def pid(self) -> int | None:
        """The process of its PostgreSQL, or None while that does not run."""
        return self._postgres.pid

    def database(self, name: str) -> psycopg.Connection:
        """The check's own connection to a database with pgvector and nothing else in it, made anew or emptied.

        It waits two seconds for a lock. Whoever else is still connected to the database is thrown out.
        """
        own = self._own.get(name)
        if own is None or own.closed or self._postgres.state != "running":
            self._started(self._postgres)
            self._make(name)
            own = self._own[name] = self._connected(name)
        elif self._asked[name] % _MOST_DATABASES == 0:
            own.close()
            own = self._own[name] = self._connected(name)
        self._asked[name] += 1
        own.execute("SELECT bench.reset()")
        return own

    def _make(self, name: str) -> None:
        with self._stack.postgres.connect() as admin:
            _make_login_cheap(admin)
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with psycopg.connect(self.url(name)) as first:
            first.execute(traces.FUNCTIONS)

    def _connected(self, name: str) -> psycopg.Connection:
        settings = "-c lock_timeout=2s -c search_path=public,bench -c client_min_messages=warning"
        own = psycopg.connect(self.url(name), autocommit=True, prepare_threshold=None, options=settings)
        register_vector(own)
        return own

    def url(self, database: str) -> str:
        """The address of a database here."""
        return self._stack.postgres.url.rpartition("/")[0] + f"/{database}"

    def chroma(self) -> ClientAPI:
        """A client of a ChromaDB that begins anew when too many collections were made in it."""
        server = self._vectors
        if self._collections >= _MOST_COLLECTIONS:
            server.stop()
            self._fresh.discard(server.key)
            self._collections = 0
            self._chroma = None
        self._collections += 1
        if self._chroma is None or server.state != "running":
            self._started(server)
            self._chroma = self._stack.chroma.client()
        return self._chroma

    def redis(self) -> redis.Redis:
        """A client of an empty Redis, where `FLUSHALL` harms nobody."""
        self._started(self._cache)
        client = self._stack.redis.client()
        client.flushall()
        return client

    @property
    def redis_url(self) -> str:
        """The address of the checks' own Redis."""
        return self._stack.redis.url

    def close(self) -> None:
        """Stop the servers. What they kept goes when they start again."""
        self._stack.stop()

    def _started(self, server: Server) -> None:
        """Start a server; ChromaDB and Redis begin with nothing, PostgreSQL keeps what `initdb` made."""
        if server.key not in self._fresh and server.key != "postgres":
            shutil.rmtree(server.directory, ignore_errors=True)
        self._fresh.add(server.key)
        server.start()


def _make_login_cheap(admin: psycopg.Connection) -> None:
    """Let a client hash the password once where it would 4,096 times, which takes 5 ms: here each answer logs in anew.

    That slows down who guesses a person's password; this one is long and drawn by chance.
    https://www.postgresql.org/docs/18/runtime-config-connection.html#GUC-SCRAM-ITERATIONS
    """
    admin.execute("SET scram_iterations = 1")
    role, password = sql.Identifier(admin.info.user), sql.Literal(admin.info.password)
    admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password))


_benches: dict[Path, Bench] = {}


def bench() -> Bench:
    """The checks' servers of this process; made anew after they were closed.

    Raises:
        ServerError: a server did not start.
    """
    place = home()
    found = _benches.get(place)
    if found is None or not found.alive:
        found = _benches[place] = Bench(_first_free(place / "stacks", "checks"))
    return found


@contextmanager
def spare_postgres() -> Iterator[PostgresServer]:
    """One more PostgreSQL, for a check that recovers or breaks it: fresh, not started yet, and stopped at the end."""
    stack = _first_free(home() / "stacks", "checks-spare")
    server = stack.own[0]
    assert isinstance(server, PostgresServer)  # in a stack that is embedded, all are ours
    try:
        shutil.rmtree(server.directory, ignore_errors=True)
        yield server
    finally:
        stack.stop()
        shutil.rmtree(server.directory, ignore_errors=True)


def _first_free(stacks: Path, name: str) -> Stack:
    """A stack in the first directory of this name that no other kernel's checks hold."""
    number = 1
    while True:
        directory = stacks / f"{name}-{number}"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return Stack("checks", directory, embedded=True)
        except DirectoryInUseError:
            number += 1
