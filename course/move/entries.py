"""An entry of a collection, and the row that holds it. Nothing of an entry is lost, whatever PostgreSQL thinks of it.

A row has the entry's parts where a query looks for them. Where PostgreSQL cannot hold one as it is (a NUL), the part has `␀` in
its place, and the column `original` has the entry's texts as they were, as JSON. Reading a row back gives the same entry.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

Metadata = dict[str, Any]
T = TypeVar("T", str, str | None)

NUL = "\0"
SHOWN_NUL = "␀"


@dataclass(frozen=True, eq=False)
class Entry:
    """What a collection has under one id: text may be None, and so may be the metadata."""

    id: str
    vector: np.ndarray
    document: str | None
    metadata: Metadata | None
    uri: str | None

    @property
    def digest(self) -> bytes:
        """The checksum of all that it has: `7` and `7.0` differ, `None` and `""` differ, and so does any bit of the vector."""
        sums = hashlib.sha256(self._texts(sort_keys=True).encode())
        sums.update(self.vector.astype(">f4").tobytes())
        return sums.digest()

    @property
    def key(self) -> bytes:
        """The row's primary key: an index takes no id of 5,000 characters, and no NUL."""
        return key(self.id)

    def _texts(self, **options: Any) -> str:
        return json.dumps([self.id, self.document, self.metadata, self.uri], **options)


@dataclass(frozen=True, eq=False)
class Row:
    """The columns that hold an entry; `metadata` and `original` are JSON texts."""

    key: bytes
    id: str
    document: str | None
    metadata: str | None
    uri: str | None
    vector: np.ndarray
    original: str | None

    @classmethod
    def of(cls, entry: Entry) -> Row:
        """The row for an entry."""
        metadata = None if entry.metadata is None else as_json(entry.metadata)
        if not has_nul(entry):
            return cls(entry.key, entry.id, entry.document, metadata, entry.uri, entry.vector, None)
        if entry.metadata is not None:
            metadata = as_json({_shown(name): _without_nul(value) for name, value in entry.metadata.items()})
        shown = _shown(entry.id), _shown(entry.document), metadata, _shown(entry.uri)
        return cls(entry.key, *shown, entry.vector, entry._texts())


def entry_of(
    id: str, document: str | None, metadata: Metadata | None, uri: str | None, vector: np.ndarray, original: list | None
) -> Entry:
    """The entry that a row holds: from its columns, or from `original` where that is given."""
    if original is not None:
        id, document, metadata, uri = original
    return Entry(id, vector, document, metadata, uri)


def key(id: str) -> bytes:
    """The primary key of the row for an id."""
    return hashlib.sha256(id.encode()).digest()


def has_nul(entry: Entry) -> bool:
    """Whether any text of it holds a NUL, which PostgreSQL's text and jsonb refuse."""
    return any(NUL in text for text in texts(entry))


def texts(entry: Entry) -> list[str]:
    """All its texts: id, document, uri, the metadata's keys and what text they hold."""
    found = [text for text in (entry.id, entry.document, entry.uri) if text]
    for name, value in (entry.metadata or {}).items():
        found.append(name)
        found += [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
    return found


def as_json(value: Any) -> str:
    """Metadata as JSON that `jsonb` gives back with the same types: a float keeps its point, also one of many digits."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {as_json(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_json, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return f"{value:.1f}"
    return json.dumps(value)


def _shown(text: T) -> T:
    return text.replace(NUL, SHOWN_NUL) if text else text


def _without_nul(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nul(part) for part in value]
    return _shown(value) if isinstance(value, str) else value
