"""Servers that run already, given by URL: those of docker compose, of a class, or a managed database.

They are shared, so each notebook gets a database, a ChromaDB database and a key prefix of its own there. They are not
ours to kill, stop or start. How an address may be written stands in `addresses.py`, what a name is made of in `names.py`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NoReturn
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from course.errors import ServerError
from course.servers import addresses, names
from course.servers import chroma as chroma_server
from course.servers import postgres as postgres_server
from course.servers import redis as redis_server
from course.servers.protocol import AnyServer
from course.servers.rows import only

if TYPE_CHECKING:
    from chromadb.api import AdminAPI, ClientAPI

OLDEST = {"postgres": 14, "chroma": 1, "redis": 7}
"""The first release that understands all that the lessons say. They were written with PostgreSQL 18, ChromaDB 1.5 and Redis 8."""


class External(ABC):
    """What the three have in common: they are only ever asked.

    Attributes:
        namespace: the name of this notebook's own corner.
        version: the server's version.
    """

    key: addresses.Kind
    role: str
    can_be_killed = False
    pid = None

    def __init__(self, url: str, namespace: str) -> None:
        self.url = url
        self.namespace = namespace
        self.on_change: Callable[[AnyServer], None] = lambda server: None
        self.version = self._checked_version()
        names.note_use(self.key, self.address)

    @property
    def name(self) -> str:
        """What it is called, such as `PostgreSQL`."""
        return addresses.NAMES[self.key]

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def state(self) -> Literal["running", "not answering"]:
        """Whether it answers now."""
        return "running" if self._answers() else "not answering"

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it answers now."""

    @abstractmethod
    def _ask_version(self) -> str:
        """Its version.

        Raises:
            ServerError: it does not answer, or refuses.
        """

    def start(self) -> NoReturn:
        """Not ours to do.

        Raises:
            ServerError: always.
        """
        self._not_ours("start")

    def stop(self) -> NoReturn:
        """Not ours to do.

        Raises:
            ServerError: always.
        """
        self._not_ours("stop")

    def kill(self) -> NoReturn:
        """Not ours to do.

        Raises:
            ServerError: always.
        """
        self._not_ours("kill")

    def _not_ours(self, what: str) -> NoReturn:
        raise ServerError(
            f"{self.name} at {self.address} was given by its URL and may serve others: the course does not {what} it. "
            "Use `stack.private()`: servers of this notebook's own, beside it."
        )

    def _checked_version(self) -> str:
        version = self._ask_version()
        number, oldest = re.search(r"\d+", version), OLDEST[self.key]
        if number and int(number[0]) < oldest:
            what = f"Use {self.name} {oldest} or newer, or unset {addresses.variable(self.key)}; then restart the kernel."
            addresses.refuse(self.key, f"leads to {self.name} {version}, which is too old for the lessons", what)
        return version


class ExternalPostgres(External):
    """A PostgreSQL given by URL, with a database of this notebook's own in it."""

    key: addresses.Kind = "postgres"
    role = postgres_server.PostgresServer.role

    def __init__(self, url: str, namespace: str) -> None:
        self._given = url
        super().__init__(urlsplit(url)._replace(path=f"/{namespace}").geturl(), namespace)
        with postgres_connect(url) as connection:
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [namespace]).fetchone()
            if not exists:
                self._create(connection)

    def connect(self) -> psycopg.Connection:
        """A new connection in autocommit mode, to this notebook's own database."""
        return postgres_connect(self.url)

    def _ask_version(self) -> str:
        with postgres_connect(self._given) as connection:
            return str(only(connection.execute("SHOW server_version"))).split()[0]

    def _create(self, connection: psycopg.Connection) -> None:
        try:
            with suppress(psycopg.errors.DuplicateDatabase):  # another kernel was faster
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.namespace)))
        except psycopg.Error as error:
            role = connection.info.user
            why = (
                f"the role {role} may not create databases"
                if isinstance(error, psycopg.errors.InsufficientPrivilege)
                else str(error.diag.message_primary or error)
            )
            raise ServerError(
                f"PostgreSQL at {self.address} has no database for this notebook: {why}. Nothing was changed. "
                f"Ask for `ALTER ROLE {role} CREATEDB`, or for a database named {self.namespace}, then run this cell again."
            ) from error

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except ServerError:
            return False
        return True


class ExternalChroma(External):
    """A ChromaDB given by URL, with a database of this notebook's own in it."""

    key: addresses.Kind = "chroma"
    role = chroma_server.ChromaServer.role

    def __init__(self, url: str, namespace: str) -> None:
        super().__init__(url, namespace)
        self.database = namespace
        chroma_create(url, namespace)

    def client(self) -> ClientAPI:
        """A new client, to this notebook's own corner."""
        return chroma_server.client(self.url, self.database, addresses.advice("chroma"))

    def _ask_version(self) -> str:
        if self._answers():
            return str(chroma_server.ask(self.url, "/api/v2/version"))
        if isinstance(old := chroma_server.ask(self.url, "/api/v1/version", seconds=1), str):
            return old
        raise chroma_server.does_not_answer(self.url, addresses.advice("chroma"))

    def _answers(self) -> bool:
        return chroma_server.answers(self.url)


class ExternalRedis(External):
    """A Redis or Valkey given by URL, with a key prefix of this notebook's own."""

    key: addresses.Kind = "redis"
    role = redis_server.RedisServer.role

    def __init__(self, url: str, namespace: str) -> None:
        super().__init__(url, namespace)
        self.prefix = f"{namespace}:"

    def client(self) -> redis.Redis:
        """A new client, to this notebook's own corner."""
        return redis_server.client(self.url, addresses.advice("redis"))

    def _ask_version(self) -> str:
        try:
            info = self.client().info("server")
        except redis.ResponseError:  # a managed server may keep it to itself
            return "Redis"
        return f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"

    def _answers(self) -> bool:
        try:
            self.client().close()
        except ServerError:
            return False
        return True


def postgres_connect(url: str) -> psycopg.Connection:
    """Connect to an external PostgreSQL in autocommit mode.

    Raises:
        ServerError: it does not answer or refuses.
    """
    return postgres_server.connect(url, addresses.advice("postgres"))


def chroma_admin(url: str) -> AdminAPI:
    """A client that makes and drops databases in the ChromaDB at this URL."""
    from chromadb import AdminClient, Settings

    parts = urlsplit(url)
    api, host, port, ssl = "chromadb.api.fastapi.FastAPI", parts.hostname, parts.port, parts.scheme == "https"
    settings = Settings(chroma_api_impl=api, chroma_server_host=host, chroma_server_http_port=port, chroma_server_ssl_enabled=ssl)
    return AdminClient(settings)


def chroma_create(url: str, database: str) -> None:
    """Make a ChromaDB database, unless it is there.

    Raises:
        ServerError: the server refuses.
    """
    from chromadb import DEFAULT_TENANT
    from chromadb.errors import ChromaError, NotFoundError

    admin = chroma_admin(url)
    try:
        try:
            admin.get_database(database, DEFAULT_TENANT)
        except NotFoundError:
            admin.create_database(database, DEFAULT_TENANT)
    except (ChromaError, ValueError) as error:
        raise ServerError(
            f"ChromaDB at {addresses.shown(url)} has no database for this notebook: {error}. Nothing was changed. "
            "See that its version is that of `pip show chromadb`, then run this cell again."
        ) from error
