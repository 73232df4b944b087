"""The checks' own servers: what a learner's function does there reaches nobody, and nothing of it is left.

They lie beside the lessons' stacks, are shared by all checks of one kernel, and end with it. Each starts when it is first
asked for.
"""

from __future__ import annotations

import shutil
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from course.errors import DirectoryInUseError
from course.exercises import traces
from course.home import home
from course.servers.process import Server
from course.stack import Stack

if TYPE_CHECKING:
    import redis
    from chromadb.api import ClientAPI

_TEMPLATE = "bench_template"
_MOST_COLLECTIONS = 40
"""ChromaDB keeps 4 files open and 2.7 MB for every collection there was: after so many, it begins anew."""


class Bench:
    """Three servers for checks alone. Get them with `bench()`."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._numbers = count(1)
        self._collections = 0
        self._chroma: ClientAPI | None = None
        self._fresh: set[str] = set()
        stack.postgres.settings = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        stack.redis.settings = {"appendonly": "no"}

    @property
    def alive(self) -> bool:
        """Whether the servers' supervisor lives: it ends with the kernel that started it, or with `close()`."""
        return self._stack.alive

    @cached_property
    def _admin(self) -> psycopg.Connection:
        """A connection that makes and drops databases, on a server whose template has pgvector."""
        self._started(self._stack.postgres)
        admin = self._stack.postgres.connect()
        for (name,) in admin.execute("SELECT datname FROM pg_database WHERE datname LIKE 'bench%'").fetchall():
            admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(name)))
            self.drop(name, by=admin)
        admin.execute(f"CREATE DATABASE {_TEMPLATE}")
        with psycopg.connect(self.url(_TEMPLATE), autocommit=True) as template:
            template.execute("CREATE EXTENSION vector")
            template.execute(traces.SUMS)
        return admin

    def database(self) -> str:
        """Make an empty database with pgvector, and return its name."""
        name = f"bench{next(self._numbers)}"
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY")
        return name

    def drop(self, name: str, by: psycopg.Connection | None = None) -> None:
        """Drop a database, whoever is still connected to it."""
        (by or self._admin).execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def url(self, database: str) -> str:
        """The address of a database here."""
        return self._stack.postgres.url.rpartition("/")[0] + f"/{database}"

    def chroma(self) -> ClientAPI:
        """A client of a ChromaDB that begins anew when too many collections were made in it."""
        server = self._stack.chroma
        if self._collections >= _MOST_COLLECTIONS:
            server.stop()
            self._fresh.discard(server.key)
            self._collections = 0
            self._chroma = None
        self._collections += 1
        if self._chroma is None or server.state != "running":
            self._started(server)
            self._chroma = server.client()
        return self._chroma

    def redis(self) -> redis.Redis:
        """A client of an empty Redis, where `FLUSHALL` harms nobody."""
        self._started(self._stack.redis)
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


_benches: dict[Path, Bench] = {}


def bench() -> Bench:
    """The checks' servers of this process; made anew after they were closed.

    Raises:
        ServerError: a server did not start.
    """
    place = home()
    found = _benches.get(place)
    if found is None or not found.alive:
        found = _benches[place] = Bench(_first_free(place / "stacks"))
    return found


def _first_free(stacks: Path) -> Stack:
    """A stack in the first directory that no other kernel's checks hold."""
    number = 1
    while True:
        directory = stacks / f"checks-{number}"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return Stack("checks", directory, embedded=True)
        except DirectoryInUseError:
            number += 1
