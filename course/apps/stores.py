"""The stores of the applications, as their endpoints see them: an answer in time, or `StoreDownError` with the store's name.

Each recovers by itself when its server is back. No endpoint and no rule of the application stands here.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import httpx
import psycopg
import redis.asyncio
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from course.apps import contract
from course.apps.asking import AT_ONCE, BUSY_SECONDS, StoreDownError, Turns, in_turn
from course.dataset import COLLECTION
from course.errors import CourseError
from course.servers import addresses

if TYPE_CHECKING:
    from chromadb.api import AsyncClientAPI
    from chromadb.api.models.AsyncCollection import AsyncCollection


@dataclass(frozen=True)
class Addresses:
    """Where the databases are. `chroma` may be empty for an application that asks no ChromaDB."""

    postgres: str
    chroma: str
    chroma_database: str
    redis: str
    redis_prefix: str

    @classmethod
    def of(cls, environment: Mapping[str, str], *, chroma: bool = True) -> Addresses:
        """Read the addresses from `COURSE_*` variables, such as `os.environ` or `stack.environment()`.

        Args:
            chroma: whether the application needs a ChromaDB.

        Raises:
            CourseError: a variable that it needs is missing, or is no address.
        """
        needed = ["COURSE_POSTGRES_URL", *(["COURSE_CHROMA_URL"] if chroma else []), "COURSE_REDIS_URL"]
        missing = [name for name in needed if not environment.get(name)]
        if missing:
            names = ", ".join(missing)
            raise CourseError(f"The application does not know where its databases are. No data was touched. Set {names}.")
        return cls(
            addresses.read("postgres", environment["COURSE_POSTGRES_URL"]),
            addresses.read("chroma", environment.get("COURSE_CHROMA_URL", "")),
            environment.get("COURSE_CHROMA_DATABASE", "default_database"),
            addresses.read("redis", environment["COURSE_REDIS_URL"]),
            environment.get("COURSE_REDIS_PREFIX", "lumen:"),
        )


Connection = psycopg.AsyncConnection[dict[str, Any]]
"""Its rows are dictionaries."""


class Postgres:
    """PostgreSQL: a pool of connections.

    Args:
        configure: is called with each new connection, once.
    """

    def __init__(self, url: str, configure: Callable[[Connection], Awaitable[None]] | None = None) -> None:
        # A raw cursor takes $1, $2 as PostgreSQL itself does. A pool that gives up soon tries anew with the next request.
        options = {"autocommit": True, "row_factory": dict_row, "cursor_factory": psycopg.AsyncRawCursor, "connect_timeout": 2}
        self.pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            kwargs=options,
            configure=configure,
            check=self._still_open,
            min_size=1,
            max_size=AT_ONCE,
            timeout=BUSY_SECONDS,
            reconnect_timeout=1,
            open=False,
        )
        failures = psycopg.OperationalError, psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn
        self.turns = Turns("PostgreSQL", *failures)

    async def __aenter__(self) -> Self:
        await self.pool.open()
        # A first request that had to wait would make the pool grow. If PostgreSQL is down, the application starts all the same.
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while not self.pool.get_stats()["pool_available"]:
                    await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pool.close()

    @in_turn
    async def fetch_all(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Every row of an answer."""
        try:
            return await self._ask(sql, parameters)
        except psycopg.InternalError:  # the extension of a parameter's type was made anew, and the type has another number now
            await self.pool.drain()
            return await self._ask(sql, parameters)

    async def fetch_one(self, sql: str, *parameters: object) -> dict[str, Any] | None:
        """The first row of an answer, or None."""
        return next(iter(await self.fetch_all(sql, *parameters)), None)

    async def ping(self) -> None:
        """Ask for a sign of life."""
        await self.fetch_all("SELECT 1")

    async def _ask(self, sql: str, parameters: Sequence[object]) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            cursor = await connection.execute(sql, parameters)
            return await cursor.fetchall()

    async def _still_open(self, connection: Connection) -> None:
        """Raise if the server has hung up. Looks at the socket (its last words come before its end); no round trip."""
        try:
            connection.pgconn.consume_input()
            connection.pgconn.consume_input()
        except psycopg.OperationalError:
            await self.pool.check()  # then it has most likely hung up on all: let go of them at once
            raise


class DocumentVectors:
    """The ChromaDB collection of the documents' vectors. Opened when it is first used, for opening it asks the server."""

    def __init__(self, url: str, database: str) -> None:
        import chromadb  # takes seconds: here, it is part of the start

        parts = urlsplit(url)
        host, port, ssl = parts.hostname or "", parts.port or 8000, parts.scheme == "https"
        self._open = lambda: chromadb.AsyncHttpClient(host, port, ssl, database=database)
        self._client: AsyncClientAPI | None = None
        self._collection: AsyncCollection | None = None
        self.turns = Turns("ChromaDB", httpx.TransportError)

    async def query(self, **arguments: object) -> dict[str, Any]:
        """As a collection's `query`."""
        return await self._ask("query", **arguments)

    async def upsert(self, **arguments: object) -> None:
        """As a collection's `upsert`."""
        await self._ask("upsert", **arguments)

    async def delete(self, **arguments: object) -> None:
        """As a collection's `delete`."""
        await self._ask("delete", **arguments)

    @in_turn
    async def ping(self) -> None:
        """Ask for a sign of life."""
        await (await self._connect()).heartbeat()

    @in_turn
    async def _ask(self, method: str, **arguments: object) -> Any:
        from chromadb.errors import ChromaError, NotFoundError

        try:
            self._collection = self._collection or await self._look_up()
            try:
                return await getattr(self._collection, method)(**arguments)
            except NotFoundError:  # it was made anew, and has another id now
                self._collection = await self._look_up()
                return await getattr(self._collection, method)(**arguments)
        except ChromaError as error:
            raise StoreDownError("ChromaDB") from error

    async def _look_up(self) -> AsyncCollection:
        return await (await self._connect()).get_collection(COLLECTION, embedding_function=None)

    async def _connect(self) -> AsyncClientAPI:
        from chromadb.errors import ChromaError

        try:
            self._client = self._client or await self._open()
        except (ChromaError, ValueError) as error:  # no such database, or the server went away while it was asked
            raise StoreDownError("ChromaDB") from error
        return self._client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # The client keeps its connections per event loop, and has no method of its own to close those of this one.
        from chromadb.api.async_fastapi import AsyncFastAPI

        connections = AsyncFastAPI._clients.pop(hash(asyncio.get_running_loop()), None)
        if connections:
            await connections.aclose()


class Cache:
    """Redis: sessions, and the answers of the last minute. Every key expires."""

    def __init__(self, url: str, prefix: str) -> None:
        self.redis = redis.asyncio.from_url(
            url, decode_responses=True, socket_connect_timeout=2, socket_timeout=2, retry=Retry(NoBackoff(), 1)
        )
        self._prefix = prefix
        self.turns = Turns("Redis", redis.RedisError)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.redis.aclose()

    def _key(self, kind: str, of: object) -> str:
        return f"{self._prefix}{kind}:{of}"

    @in_turn
    async def ping(self) -> None:
        """Ask for a sign of life."""
        await self.redis.ping()

    @in_turn
    async def open_session(self, user_id: int) -> str:
        """Open a session for a user. Returns its token."""
        token = secrets.token_urlsafe(32)
        async with self.redis.pipeline() as together:
            together.set(self._key("session", token), user_id, ex=contract.SESSION_SECONDS)
            together.sadd(self._key("sessions", user_id), token)
            together.expire(self._key("sessions", user_id), contract.SESSION_SECONDS)
            await together.execute()
        return token

    @in_turn
    async def session(self, token: str) -> dict[str, int] | None:
        """The `user_id` of a session and the seconds until it `expires_in`, or None if it is gone."""
        key = self._key("session", token)
        async with self.redis.pipeline() as together:
            together.get(key)
            together.ttl(key)
            user_id, seconds = await together.execute()
        return {"user_id": int(user_id), "expires_in": seconds} if user_id and seconds >= 0 else None

    @in_turn
    async def answer(self, user_id: int, question: contract.Question) -> str | None:
        """The answer that is kept for a user's question, or None."""
        kept = await self.redis.hget(self._key("similar", user_id), question.model_dump_json())
        return kept if kept is None else str(kept)

    @in_turn
    async def keep_answer(self, user_id: int, question: contract.Question, answer: str) -> None:
        """Keep the answer to a user's question for a minute."""
        async with self.redis.pipeline() as together:
            together.hset(self._key("similar", user_id), question.model_dump_json(), answer)
            together.expire(self._key("similar", user_id), contract.CACHE_SECONDS, nx=True)
            await together.execute()

    @in_turn
    async def forget_answers(self, user_id: int) -> None:
        """Forget what a user was answered: a document has changed."""
        await self.redis.delete(self._key("similar", user_id))

    @in_turn
    async def forget_user(self, user_id: int) -> None:
        """Forget a user's answers, and end every session."""
        tokens = await self.redis.smembers(self._key("sessions", user_id))
        keys = [self._key("session", token) for token in tokens]
        await self.redis.delete(self._key("similar", user_id), self._key("sessions", user_id), *keys)
