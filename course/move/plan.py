"""What becomes of each collection: its table, the type of its vectors, its index. Made from the survey; nothing is written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course.move.survey import Survey

LEDGER = "move_ledger"
"""The table that says which collection went where, and whether all of it is there."""

VECTOR, INDEXED, HALF_INDEXED = 16_000, 2_000, 4_000
"""How many numbers fit a `vector`, an index on it, and an index on its `halfvec`: https://github.com/pgvector/pgvector#reference."""

OPERATORS = {"l2": ("<->", "l2_ops"), "cosine": ("<=>", "cosine_ops"), "ip": ("<#>", "ip_ops")}
"""For each space of ChromaDB, the operator that orders alike, and the end of its operator class."""

_LONGEST_NAME = 50
_INLINE = 1_000
"""Vectors of up to so many numbers stay in the table's own pages, which hold 8 kB."""


@dataclass(frozen=True)
class TablePlan:
    """Where a collection goes.

    Attributes:
        collection, collection_id: which one.
        table: its table's name, in the schema of all.
        entries: how many the survey has counted.
        dimension, space: of its vectors.
        type: the type of the column `embedding`.
        index: the type that the index is on, or `""` for none.
        why: a sentence on the type or the index, where it is not the usual one.
        unique_id: whether the ids get a unique index of their own, besides the key.
    """

    collection: str
    collection_id: str
    table: str
    entries: int
    dimension: int | None
    space: str
    type: str
    index: str
    why: str
    unique_id: bool

    @property
    def operator(self) -> str:
        """The operator that orders as the collection does."""
        return OPERATORS.get(self.space, ("?", ""))[0]

    @property
    def operator_class(self) -> str:
        """The operator class of its index."""
        return f"{self.index.partition('(')[0]}_{OPERATORS[self.space][1]}"

    @property
    def in_line(self) -> bool:
        """Whether the vectors stay in the table's own pages."""
        return self.dimension is not None and self.dimension <= _INLINE

    @property
    def searchable(self) -> bool:
        """Whether pgvector can measure a distance here."""
        return self.type.startswith("vector") and self.dimension is not None


def plan(surveys: Sequence[Survey], known: Mapping[str, str] | None = None) -> list[TablePlan]:
    """What becomes of these collections.

    Args:
        surveys: of all that are to be moved.
        known: the tables that collections got in an earlier, unfinished move, by the collection's id.
    """
    taken = {LEDGER, *(known or {}).values()}
    made = []
    for found in surveys:
        table = (known or {}).get(found.id) or _name(found.collection, taken)
        taken.add(table)
        column, index, why = _types(found)
        unique = found.ids_can_be_unique
        about = (found.collection, found.id, table, found.entries, found.dimension, found.space)
        made.append(TablePlan(*about, column, index, why, unique))
    return made


def _name(collection: str, taken: set[str]) -> str:
    """A name for a table: the collection's where it can be, with a few letters of its checksum where two would be the same."""
    name = re.sub("[^a-z0-9_]", "_", collection.lower())[:_LONGEST_NAME]
    name = name if name[0].isalpha() else f"c_{name}"
    return f"{name}_{hashlib.sha256(collection.encode()).hexdigest()[:6]}" if name in taken else name


def _types(found: Survey) -> tuple[str, str, str]:
    """The column's type, what the index is on, and why."""
    size = found.dimension
    if size is None:
        return "vector", "", "it is empty, so its dimension is not known"
    if size <= INDEXED:
        return f"vector({size})", f"vector({size})", ""
    if size <= HALF_INDEXED:
        return f"vector({size})", f"halfvec({size})", f"an index takes {INDEXED:,} numbers of a vector, so it is on halfvec"
    if size <= VECTOR:
        return f"vector({size})", "", f"no index takes more than {HALF_INDEXED:,} numbers: searches read all rows"
    return "real[]", "", f"a vector holds {VECTOR:,} numbers at most: they are kept as an array, which pgvector cannot search"
