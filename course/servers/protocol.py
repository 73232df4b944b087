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
    def key(self) -> addresses.Kind: ...

    @property
    def name(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def state(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def address(self) -> str: ...

    @property
    def pid(self) -> int | None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


class AnyPostgres(AnyServer, Protocol):
    """A PostgreSQL server."""

    def connect(self) -> psycopg.Connection: ...


class AnyChroma(AnyServer, Protocol):
    """A ChromaDB server, and the database in it that is this notebook's."""

    database: str

    def client(self) -> ClientAPI: ...


class AnyRedis(AnyServer, Protocol):
    """A Redis or Valkey server, and what this notebook's keys begin with."""

    prefix: str

    def client(self) -> redis.Redis: ...
