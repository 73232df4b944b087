"""Asks both stores for the nearest ten, in the space that the collection has, and explains each entry in which they differ.

PostgreSQL reads all rows, so its ten are exact. ChromaDB's index is approximate and may miss some. So the proof is not that the
answers are the same, but that every distance is.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from course.move.entries import key
from course.move.plan import TablePlan
from course.move.source import SourceCollection
from course.move.target import Target

PROBES = 20
NEAREST = 10

_TOLERANCE = 1e-4
"""Both compute with numbers of four bytes, in another order of additions."""


@dataclass
class Compared:
    """What both stores answered.

    Attributes:
        probes: how many questions were asked.
        entries: how many entries ChromaDB named.
        same: of these, PostgreSQL has named too.
        tied: PostgreSQL has named others at the same distance.
        farther: PostgreSQL has found nearer ones, which ChromaDB's index has missed.
        without_distance: a zero vector under cosine, of which PostgreSQL says `NaN`.
        wrong: PostgreSQL measures another distance, or has no such entry. The copy is good if there is none.
    """

    probes: int = 0
    entries: int = 0
    same: int = 0
    tied: int = 0
    farther: int = 0
    without_distance: int = 0
    wrong: int = 0

    def told(self) -> dict[str, int]:
        """All of it, for a report."""
        return asdict(self)


def compare(collection: SourceCollection, target: Target, plan: TablePlan, probes: int = PROBES) -> Compared:
    """Ask both for the nearest ten of vectors near those that the collection has; none where nothing can be searched."""
    compared = Compared()
    if not plan.searchable:
        return compared
    for vector in _probes(collection, probes):
        compared.probes += 1
        found = collection.nearest(vector, NEAREST)
        keys = [key(id) for id in found.ids]
        exact = {one: as_chroma(plan.space, distance) for one, distance in target.nearest(plan, vector, NEAREST).items()}
        theirs = target.distances(plan, vector, keys)
        last = max(exact.values(), default=math.inf)
        near = _TOLERANCE * max(1.0, abs(last), float(vector @ vector))
        for one, distance in zip(keys, found.distances, strict=True):
            compared.entries += 1
            ours = as_chroma(plan.space, theirs.get(one, math.inf))
            if math.isnan(ours):
                compared.without_distance += 1
            elif abs(ours - distance) > _TOLERANCE * max(1.0, abs(distance), float(vector @ vector)):
                compared.wrong += 1
            elif one in exact:
                compared.same += 1
            elif ours <= last + near:
                compared.tied += 1
            else:
                compared.farther += 1
    return compared


def as_chroma(space: str, distance: float) -> float:
    """pgvector's distance as ChromaDB tells it: squared under `l2`, one more than the negative inner product under `ip`."""
    return {"l2": distance * distance, "cosine": distance, "ip": 1 + distance}[space]


def _probes(collection: SourceCollection, count: int) -> list[np.ndarray]:
    """Vectors near some that are there, spread over the collection; the same each time."""
    picked: list[str] = []
    for ids in collection.ids():
        picked += ids[:: max(1, len(ids) // count)][:count]
    picked = picked[:: max(1, len(picked) // count)][:count]
    chance = np.random.default_rng(19)
    vectors = [
        entry.vector
        for first in range(0, len(picked), collection.page)
        for entry in collection.entries(picked[first : first + collection.page])
    ]
    moved = [vector + chance.normal(0, 0.05 * (np.abs(vector).max() or 1), len(vector)) for vector in vectors]
    return [vector.astype(np.float32) for vector in moved]
