"""Tries an external server through its real client, and says what it can do for the lessons. What it makes there it drops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import psycopg
import redis
from psycopg import sql

from course.errors import ServerError
from course.servers import addresses
from course.servers.external import ExternalChroma, ExternalPostgres, ExternalRedis, chroma_admin, postgres_connect
from course.servers.names import namespace
from course.servers.rows import only

VECTOR = (0, 8)
"""The first pgvector that understands all that the lessons say."""


def trial(kind: addresses.Kind) -> str | None:
    """What the external server could do: its version, and that something went there and came back. None if there is none.

    Raises:
        ServerError: it cannot do what the lessons need. The message shows no password.
    """
    url = addresses.given(kind)
    if url is None:
        return None
    try:
        return _TRIALS[kind](url, namespace("doctor"))
    except (psycopg.Error, redis.RedisError) as error:
        raise _refused(kind, url, error) from error


def _refused(kind: addresses.Kind, url: str, error: Exception) -> ServerError:
    said = " ".join(str(error).split())
    return ServerError(
        f"{addresses.NAMES[kind]} at {addresses.shown(url)} answers, and refused: {said}. Nothing of anybody's was changed. "
        "Ask who looks after it for what the lessons need: to make databases, to write in them, and to drop them."
    )


def _postgres(url: str, name: str) -> str:
    server = ExternalPostgres(url, name)
    try:
        with server.connect() as connection:
            version = _vector(server, connection)
            sum_of_both = only(connection.execute("SELECT %s + %s", [1, 2]))
    finally:
        with postgres_connect(url) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    return _said(server, f"made a database, the extension vector {version} in it, and added 1 and 2 to {sum_of_both}")


def _vector(server: ExternalPostgres, connection: psycopg.Connection) -> str:
    """Make the extension. Returns its version."""
    try:
        connection.execute("CREATE EXTENSION vector")
        version = only(connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
    except psycopg.Error as error:
        raise ServerError(
            f"PostgreSQL {server.version} at {server.address} cannot make the extension vector: "
            f"{error.diag.message_primary or error}. Lessons 01 to 05 work on it. For the others, install pgvector there, "
            f"or ask for a role that may make the extension: now it is {connection.info.user}."
        ) from error
    if tuple(int(part) for part in version.split(".")[:2]) < VECTOR:
        raise ServerError(
            f"PostgreSQL at {server.address} has the extension vector {version}, which is too old for the lessons. "
            "Nothing was changed. Install pgvector 0.8 or newer there."
        )
    return version


def _chroma(url: str, name: str) -> str:
    import httpx
    from chromadb import DEFAULT_TENANT
    from chromadb.errors import ChromaError

    server = ExternalChroma(url, name)
    vector = np.ones((1, 2), dtype=np.float32)
    try:
        collection = server.client().get_or_create_collection("doctor", embedding_function=None)
        collection.upsert(ids=["1"], embeddings=vector)
        found = collection.query(query_embeddings=vector, n_results=1)["ids"]
        server.client().delete_collection("doctor")
        chroma_admin(url).delete_database(name, DEFAULT_TENANT)
    except (ChromaError, httpx.HTTPError, ValueError) as error:
        raise _refused("chroma", url, error) from error
    if found != [["1"]]:
        raise _refused("chroma", url, ValueError(f"the vector that was stored is not found, but {found}"))
    return _said(server, "made a database, and found the vector that was stored in it")


def _redis(url: str, name: str) -> str:
    server = ExternalRedis(url, name)
    key = f"{server.prefix}doctor"
    with server.client() as client:
        client.set(key, "ready", ex=60)
        said = client.get(key)
        client.delete(key)
    return _said(server, f"kept a key and gave {said!r} back")


def _said(server: ExternalPostgres | ExternalChroma | ExternalRedis, what: str) -> str:
    return f"{server.version} at {server.address}, given by {addresses.variable(server.key)}: {what}"


_TRIALS: dict[addresses.Kind, Callable[[str, str], str]] = {"postgres": _postgres, "chroma": _chroma, "redis": _redis}
