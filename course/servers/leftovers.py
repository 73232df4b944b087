"""Drops what a COURSE_HOME has made on external servers, for `make clean`: by name, and nothing of another home."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from course.errors import CourseError
from course.servers import addresses, external, names
from course.servers import redis as redis_server
from course.servers.environment import set_aside


def drop(directory: Path) -> list[str]:
    """Drop the databases and keys of this COURSE_HOME on the servers that `COURSE_*_URL` lead to.

    Returns:
        A sentence on each server: what was dropped there, or why nothing was. What could not be dropped is remembered.
    """
    set_aside()
    own, used = names.home_id(directory), names.used(directory)
    said, whole = [], True
    for kind, place in used:
        try:
            dropped = _DROPS[kind](_address(kind, place), own)
            what = ", ".join(dropped) or "nothing: there is nothing of this COURSE_HOME any more"
            said.append(f"Dropped on {addresses.NAMES[kind]} at {place}: {what}.")
        except CourseError as error:
            whole = False
            said.append(f"What is yours on {addresses.NAMES[kind]} at {place} could not be dropped, or not all of it. {error}")
    if whole:
        shutil.rmtree(directory / names.FOLDER)
    return said


def _address(kind: addresses.Kind, place: str) -> str:
    url = addresses.given(kind)
    if url is None or urlsplit(url).netloc.rpartition("@")[2] != place:
        raise CourseError(
            f"COURSE_{kind.upper()}_URL does not lead there. What this COURSE_HOME has there stays. "
            "Set it to that server, then run `make clean` again."
        )
    return url


def _drop_databases(url: str, own: str) -> list[str]:
    with external.postgres_connect(url) as connection:
        every = [row[0] for row in connection.execute("SELECT datname FROM pg_database ORDER BY datname")]
        dropped = [name for name in every if names.belongs_to(name, own)]
        for name in dropped:
            try:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            except psycopg.Error as error:
                raise CourseError(f"{name} could not be dropped: {error.diag.message_primary or error}.") from error
    return dropped


def _drop_chroma_databases(url: str, own: str) -> list[str]:
    from chromadb import DEFAULT_TENANT
    from chromadb.errors import ChromaError

    if not external.chroma_server.answers(url):
        raise external.chroma_server.does_not_answer(url, addresses.advice("chroma"))
    try:
        admin = external.chroma_admin(url)
        every: list[str] = []
        page = 100
        while len(found := admin.list_databases(page, len(every), DEFAULT_TENANT)) > 0:
            every += [database["name"] for database in found]
        dropped = sorted(name for name in every if names.belongs_to(name, own))
        for name in dropped:
            admin.delete_database(name, DEFAULT_TENANT)
    except (ChromaError, ValueError) as error:
        raise CourseError(f"ChromaDB refused: {error}. What was not dropped is as it was. Run `make clean` again.") from error
    return dropped


def _drop_keys(url: str, own: str) -> list[str]:
    with redis_server.client(url, addresses.advice("redis")) as client:
        try:
            found = client.scan_iter(match=f"lumen_*_{own}:*", count=1000)
            keys = [key for key in found if names.belongs_to(key.partition(":")[0], own)]
            for start in range(0, len(keys), 500):
                client.unlink(*keys[start : start + 500])
        except redis.RedisError as error:
            raise CourseError(f"Redis refused: {error}. What was not dropped is as it was. Run `make clean` again.") from error
    prefixes = sorted({key.partition(":")[0] for key in keys})
    return [f"{sum(key.startswith(f'{prefix}:') for key in keys)} keys under {prefix}:" for prefix in prefixes]


_DROPS: dict[addresses.Kind, Callable[[str, str], list[str]]] = {
    "postgres": _drop_databases,
    "chroma": _drop_chroma_databases,
    "redis": _drop_keys,
}
