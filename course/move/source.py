"""Reads ChromaDB page by page: a server, or our own server on a copy of a folder. Nothing here writes to a store of anybody's."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import ServerError
from course.move.entries import Entry
from course.move.errors import RefusedError
from course.move.folder import copy, workplace
from course.move.space import measured
from course.servers import addresses
from course.servers.chroma import ChromaServer, client
from course.servers.supervisor_client import SupervisorClient

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

PAGE = 500
"""How many entries are in memory at once, at most."""

_NUMBERS = 400_000
"""How many numbers of vectors are in memory at once: long vectors make a page shorter."""
_IDS = 5_000
"""How many ids are asked for at once."""


@dataclass(frozen=True)
class Nearest:
    """What a collection answers to a question: ids, and its own distances."""

    ids: list[str]
    distances: list[float]


class SourceCollection:
    """A collection, read page by page.

    Attributes:
        name, id, dimension: its own; the dimension is None while it is empty.
        says_space: how it says that it measures: `l2` (squared), `cosine` or `ip`.
        model: the name of the embedding function that it was made with, or `""`.
        metadata: what it says of itself.
        page: how many entries are read at once.
    """

    def __init__(self, collection: Collection, page: int = PAGE) -> None:
        self._collection = collection
        settings: dict[str, Any] = collection.configuration_json or {}
        index = settings.get("hnsw") or settings.get("spann") or {}
        self.name = collection.name
        self.id = str(collection.id)
        self.dimension: int | None = collection.get_model().dimension
        self.says_space = str(index.get("space") or (collection.metadata or {}).get("hnsw:space") or "l2")
        self.model = str((settings.get("embedding_function") or {}).get("name") or "")
        self.metadata = dict(collection.metadata or {})
        self.page = max(1, min(page, _NUMBERS // (self.dimension or 1)))

    @cached_property
    def space(self) -> str:
        """How it measures: found by asking it, and what it says where that does not tell."""
        return measured(self) or self.says_space

    def count(self) -> int:
        """How many entries it has now."""
        return self._collection.count()

    def ids(self) -> Iterator[list[str]]:
        """Its ids, a page at a time. An entry that is deleted meanwhile may hide another: read again until nothing is new."""
        offset = 0
        while listed := self._collection.get(limit=_IDS, offset=offset, include=[])["ids"]:
            for first in range(0, len(listed), self.page):
                yield listed[first : first + self.page]
            offset += len(listed)

    def entries(self, ids: list[str]) -> list[Entry]:
        """The entries that there are under these ids: at most a page of them."""
        found = self._collection.get(ids=ids, include=["embeddings", "documents", "metadatas", "uris"])
        columns = [found[name] for name in ("ids", "embeddings", "documents", "metadatas", "uris")]
        return [
            Entry(id, np.asarray(vector, dtype=np.float32), document, metadata, uri)
            for id, vector, document, metadata, uri in zip(*columns, strict=True)
        ]

    def pages(self) -> Iterator[list[Entry]]:
        """Its entries, a page at a time."""
        for ids in self.ids():
            yield self.entries(ids)

    def has(self, ids: list[str]) -> set[str]:
        """Which of these ids it has."""
        return set(self._collection.get(ids=ids, include=[])["ids"])

    def nearest(self, vector: np.ndarray, count: int = 10) -> Nearest:
        """The nearest entries, as its own index finds them."""
        found = self._collection.query(query_embeddings=[vector], n_results=count, include=["distances"])
        distances = found["distances"]
        assert distances is not None
        return Nearest(found["ids"][0], distances[0])


@dataclass(frozen=True)
class Source:
    """ChromaDB, as it is read.

    Attributes:
        name: what was given.
        is_copy: whether nobody else can write to it.
        database: which of its databases is read; `others` are those that are not.
    """

    name: str
    is_copy: bool
    client: ClientAPI
    database: str
    others: tuple[str, ...]
    page: int = PAGE

    def collections(self) -> list[SourceCollection]:
        """Its collections, by name."""
        found: list[Collection] = []
        while listed := self.client.list_collections(limit=100, offset=len(found)):
            found += listed
        return [SourceCollection(one, self.page) for one in sorted(found, key=lambda one: one.name)]


@contextmanager
def opened(given: str, database: str | None = None, page: int = PAGE) -> Iterator[Source]:
    """Open a server by its address, or a copy of a folder, which is gone afterwards.

    Raises:
        RefusedError: it cannot be read. Nothing was changed.
    """
    if given.startswith(("http://", "https://")):
        yield _connected(given, _address(given), False, database, page)
        return
    folder = Path(given).expanduser()
    place = workplace(folder)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    supervisor = SupervisorClient(place)
    server = ChromaServer(place, supervisor, secrets.token_hex(16))
    try:
        copy(folder, server.directory)
        server.start()
        yield _connected(given, server.url, True, database, page)
    finally:
        supervisor.close()
        shutil.rmtree(place)


def _address(given: str) -> str:
    try:
        return addresses.read("chroma", given)
    except ServerError as error:
        raise RefusedError(f"{given} is no server's address. Nothing was changed. Write it as http://host:8000.") from error


def _connected(given: str, url: str, is_copy: bool, database: str | None, page: int) -> Source:
    import chromadb
    from chromadb.errors import ChromaError

    wanted = database or chromadb.DEFAULT_DATABASE
    try:
        opened = client(url, wanted, advice="Nothing was changed. Start it, then give the command again.")
        names = _databases(url)
    except (ServerError, ChromaError, ValueError) as error:
        raise RefusedError(f"{given} cannot be read: {error} Nothing was changed.") from error
    return Source(given, is_copy, opened, wanted, tuple(name for name in names if name != wanted), page)


def _databases(url: str) -> Sequence[str]:
    from course.servers.external import chroma_admin

    return sorted(database["name"] for database in chroma_admin(url).list_databases())
