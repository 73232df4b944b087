"""Servers that run already, given by URL: those of docker compose, of a class, or a managed database.

They are shared, so each notebook gets a database, a ChromaDB database and a key prefix of its own there. They are not
ours to kill, stop or start.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NoReturn
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from course.errors import ServerError
from course.servers import chroma as chroma_server
from course.servers import postgres as postgres_server
from course.servers import redis as redis_server

if TYPE_CHECKING:
    from chromadb.api import ClientAPI


class External:
    """What the three have in common: they are only ever asked."""

    name: str
    role: str
    can_be_killed = False
    pid = None

    def __init__(self, url: str) -> None:
        self.url = url
        self.on_change = lambda server: None

    @property
    def address(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.hostname or 'localhost'}:{parts.port or self._usual_port}"

    @property
    def state(self) -> Literal["running", "not answering"]:
        return "running" if self._answers() else "not answering"

    def start(self) -> NoReturn:
        self._not_ours("start")

    def stop(self) -> NoReturn:
        self._not_ours("stop")

    def kill(self) -> NoReturn:
        self._not_ours("kill")

    def _not_ours(self, what: str) -> NoReturn:
        raise ServerError(
            f"{self.name} at {self.address} was given by its URL and may serve others: the course does not {what} it. "
            "Use `stack.private()`: servers of this notebook's own, beside it."
        )


class ExternalPostgres(External):
    """A PostgreSQL given by URL, with a database of this notebook's own in it."""

    name = "PostgreSQL"
    role = postgres_server.PostgresServer.role
    _usual_port = 5432

    def __init__(self, url: str, namespace: str) -> None:
        super().__init__(_with_path(url, namespace))
        with postgres_server.connect(url) as connection:
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [namespace]).fetchone()
            if not exists:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(namespace)))

    @property
    def version(self) -> str:
        with self.connect() as connection:
            return connection.execute("SHOW server_version").fetchone()[0].split()[0]

    def connect(self) -> psycopg.Connection:
        return postgres_server.connect(self.url)

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except ServerError:
            return False
        return True


class ExternalChroma(External):
    """A ChromaDB given by URL, with a database of this notebook's own in it."""

    name = "ChromaDB"
    role = chroma_server.ChromaServer.role
    _usual_port = 8000

    def __init__(self, url: str, namespace: str) -> None:
        super().__init__(url)
        self.database = namespace
        if not self._answers():
            chroma_server.client(url)  # raises with the reason
        from chromadb import DEFAULT_TENANT, AdminClient, Settings
        from chromadb.errors import ChromaError

        parts = urlsplit(url)
        settings = Settings(
            chroma_api_impl="chromadb.api.fastapi.FastAPI",
            chroma_server_host=parts.hostname,
            chroma_server_http_port=parts.port or self._usual_port,
            chroma_server_ssl_enabled=parts.scheme == "https",
        )
        admin = AdminClient(settings)
        try:
            admin.get_database(namespace, DEFAULT_TENANT)
        except ChromaError:
            admin.create_database(namespace, DEFAULT_TENANT)

    @property
    def version(self) -> str:
        return str(chroma_server.ask(self.url, "/api/v2/version"))

    def client(self) -> ClientAPI:
        return chroma_server.client(self.url, self.database)

    def _answers(self) -> bool:
        return chroma_server.answers(self.url)


class ExternalRedis(External):
    """A Redis or Valkey given by URL, with a key prefix of this notebook's own."""

    name = "Redis"
    role = redis_server.RedisServer.role
    _usual_port = 6379

    def __init__(self, url: str, namespace: str) -> None:
        super().__init__(url)
        self.prefix = f"{namespace}:"
        redis_server.client(url)

    @property
    def version(self) -> str:
        info = self.client().info("server")
        return f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"

    def client(self) -> redis.Redis:
        return redis_server.client(self.url)

    def _answers(self) -> bool:
        try:
            redis_server.client(self.url)
        except ServerError:
            return False
        return True


def _with_path(url: str, database: str) -> str:
    """The URL with another database in it."""
    match = re.match(r"(postgres(?:ql)?://[^/?]*)(?:/[^?]*)?(\?.*)?$", url)
    if match is None:
        raise ServerError(
            "COURSE_POSTGRES_URL is not a URL. Nothing was changed. "
            "Write it as postgresql://user:password@host:5432/database, then restart the kernel."
        )
    return f"{match[1]}/{database}{match[2] or ''}"
