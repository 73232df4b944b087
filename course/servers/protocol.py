"""What a lesson may ask of a server, whether it is one of ours or was given by its URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from course.servers import addresses

if TYPE_CHECKING:
    import psycopg
    import redis
    from chromadb.api import ClientAPI


class AnyServer(Protocol):
    """One of the three servers.

    Attributes:
        key: which of the three it is.
        role: what the application uses it for.
        can_be_killed: whether it is ours. One that was given by its URL is only ever asked.
        namespace: the name of this notebook's own corner on a server that others use as well; `""` on one of ours.
        on_change: called at each change of its state, from any thread.
    """

    role: str
    can_be_killed: bool
    namespace: str
    on_change: Callable[[AnyServer], None]

    @property
    def key(self) -> addresses.Kind:
        """Which of the three it is."""

    @property
    def name(self) -> str:
        """What it is called, such as `PostgreSQL`."""

    @property
    def url(self) -> str:
        """Address and credentials as one URL."""

    @property
    def state(self) -> str:
        """What it does now, in a word or two."""

    @property
    def version(self) -> str:
        """The version of the program."""

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`."""

    @property
    def pid(self) -> int | None:
        """The process id of one of ours that runs, else None."""

    def start(self) -> None:
        """Start it and return when it is ready. One that is not ours raises."""

    def stop(self) -> None:
        """Stop it cleanly. One that is not ours raises."""

    def kill(self) -> None:
        """Kill it as a crash does. One that is not ours raises."""


class AnyPostgres(AnyServer, Protocol):
    """A PostgreSQL server."""

    def connect(self) -> psycopg.Connection:
        """A new connection in autocommit mode."""


class AnyChroma(AnyServer, Protocol):
    """A ChromaDB server, and the database in it that is this notebook's."""

    database: str

    def client(self) -> ClientAPI:
        """A new client."""


class AnyRedis(AnyServer, Protocol):
    """A Redis or Valkey server, and what this notebook's keys begin with."""

    prefix: str

    def client(self) -> redis.Redis:
        """A new client."""
