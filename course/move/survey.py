"""What is in a collection, and what PostgreSQL would not take as it is: one pass over its entries, a page in memory at a time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from course.move.entries import NUL, Entry, has_nul
from course.move.source import SourceCollection

LONGEST_KEY = 2_600
"""Longer ids, in bytes, may not fit into a B-tree: it takes 2,704 with a head (https://www.postgresql.org/docs/18/btree.html)."""

_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_FROM_HERE_FLOATS = 2.0**63
_KEYS_TOLD = 100
"""More keys of metadata than this are counted, not named: some use a key for every entry."""


@dataclass
class Survey:
    """A collection, counted.

    Attributes:
        collection, id, dimension, space, model, says_space: see `SourceCollection`.
        entries: how many were read.
        ids: how many are an `integer` as PostgreSQL writes it, `read as a number` by `int()` all the same, a `uuid`, or `text`.
        longest_id: in bytes.
        keys: how often each key of the metadata has a value of which type; `more_keys` are not named.
        without_document, without_metadata, zero_vectors, lists: how many entries.
        with_nul: how many entries have a NUL in some text; `nul_in_id` of them in their id.
        huge_numbers: how many entries hold a float of 2⁶³ or more: what was an integer then, ChromaDB has made a float of.
    """

    collection: str
    id: str
    dimension: int | None
    space: str
    model: str
    says_space: str = ""
    entries: int = 0
    ids: Counter[str] = field(default_factory=Counter)
    longest_id: int = 0
    keys: dict[str, Counter[str]] = field(default_factory=dict)
    more_keys: int = 0
    without_document: int = 0
    without_metadata: int = 0
    zero_vectors: int = 0
    lists: int = 0
    with_nul: int = 0
    nul_in_id: int = 0
    huge_numbers: int = 0

    @property
    def conflicts(self) -> dict[str, Counter[str]]:
        """The keys whose values are of more than one type."""
        return {name: types for name, types in self.keys.items() if len(types) > 1}

    @property
    def ids_can_be_unique(self) -> bool:
        """Whether an ordinary unique index on the id takes every id."""
        return self.longest_id <= LONGEST_KEY and not self.nul_in_id

    def told(self) -> dict[str, Any]:
        """All of it, for a report."""
        keys = {name: dict(types) for name, types in self.keys.items()}
        return {**vars(self), "ids": dict(self.ids), "keys": keys}

    def notes(self) -> list[str]:
        """Sentences on what is not as one may think, and what becomes of it. Nothing of it is lost."""
        strange = self.ids["read as a number"]
        said: dict[str, object] = {
            f"it says that it measures by {self.says_space}, and it measures by {self.space}: so will PostgreSQL": self.says_space
            not in ("", self.space),
            f"a NUL in a text ({entries(self.with_nul)}): `␀` stands there, and `original` has the text": self.with_nul,
            f"ids that int() reads as a number, such as 007 or 1_000 ({strange:,}): ids stay text": strange,
            f"an id of {self.longest_id:,} bytes, too many for a B-tree: `key` is its checksum": self.longest_id > LONGEST_KEY,
            f"no document ({entries(self.without_document)}): NULL": self.without_document,
            f"no metadata ({entries(self.without_metadata)}): NULL, not the null of JSON": self.without_metadata,
            f"numbers of 2⁶³ or more ({entries(self.huge_numbers)}), which are floats in ChromaDB already": self.huge_numbers,
            f"lists in the metadata ({entries(self.lists)}): JSON arrays": self.lists,
        }
        told = [sentence for sentence, there in said.items() if there]
        for name, types in self.conflicts.items():
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(types.items()))
            told.append(f"the key {name!r} has values of several types ({kinds}): each keeps its own, a cast of all would fail")
        if self.zero_vectors:
            which = ": under cosine they have no distance, and an index leaves them out" if self.space == "cosine" else ""
            told.append(f"zero vectors ({entries(self.zero_vectors)}){which}")
        return told


def survey(collection: SourceCollection, progress: Callable[[int], None]) -> Survey:
    """Count what a collection has. Every entry is read once; `progress` is told how many at a time."""
    found = Survey(collection.name, collection.id, collection.dimension, collection.space, collection.model)
    found.says_space = collection.says_space
    for page in collection.pages():
        _count(found, page)
        progress(len(page))
    return found


def _count(found: Survey, page: Iterable[Entry]) -> None:
    for entry in page:
        found.entries += 1
        found.ids[kind_of_id(entry.id)] += 1
        found.longest_id = max(found.longest_id, len(entry.id.encode()))
        found.without_document += entry.document is None
        found.without_metadata += entry.metadata is None
        found.zero_vectors += not np.any(entry.vector)
        found.with_nul += has_nul(entry)
        found.nul_in_id += NUL in entry.id
        values = (entry.metadata or {}).values()
        found.lists += any(isinstance(value, list) for value in values)
        found.huge_numbers += any(isinstance(value, float) and abs(value) >= _FROM_HERE_FLOATS for value in values)
        for name, value in (entry.metadata or {}).items():
            if name in found.keys or len(found.keys) < _KEYS_TOLD:
                found.keys.setdefault(name, Counter())[type_of(value)] += 1
            else:
                found.more_keys += 1


def entries(count: int) -> str:
    """`1 entry`, `2 entries`."""
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


def kind_of_id(id: str) -> str:
    """What an id looks like: `integer`, `read as a number`, `uuid` or `text`."""
    if _UUID.fullmatch(id):
        return "uuid"
    try:
        number = int(id)
        return "integer" if str(number) == id and abs(number) < 2**63 else "read as a number"
    except ValueError:
        return "text"


def type_of(value: object) -> str:
    """The type of a value of metadata: `int`, `float`, `str`, `bool`, or a list of these such as `list of int`."""
    if isinstance(value, list):
        return f"list of {type(value[0]).__name__}" if value else "list"
    return type(value).__name__
