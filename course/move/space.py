"""How a collection measures: found by asking it, because what it says of itself is not always so.

A folder that an older release made may say `l2` in its configuration and measure by cosine: its metadata said so then, and its
index still does. PostgreSQL has to order as the collection answers, not as it says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from course.move.source import SourceCollection

FORMULAS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "l2": lambda a, b: float(((a - b) ** 2).sum()),
    "cosine": lambda a, b: float(1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b))),
    "ip": lambda a, b: float(1 - a @ b),
}
"""ChromaDB's three distances."""

_ASKED = 10
_TOLERANCE = 1e-3


def measured(collection: SourceCollection) -> str | None:
    """The space that the distances of its answer are of; None if none is, or if it is too small or too alike to tell."""
    ids = next(collection.ids(), [])[: min(_ASKED, collection.page)]
    vectors = [entry.vector.astype(np.float64) for entry in collection.entries(ids)] if ids else []
    probes = [vector for vector in vectors if np.any(vector)]
    if not probes:
        return None
    probe = probes[0] * 2 + np.abs(probes[0]).max() * np.linspace(-0.1, 0.1, len(probes[0]))  # longer, and turned a little
    found = collection.nearest(probe.astype(np.float32), len(ids))
    there = {entry.id: entry.vector.astype(np.float64) for entry in collection.entries(found.ids)}
    pairs = [(there[id], said) for id, said in zip(found.ids, found.distances, strict=True) if np.any(there[id])]
    fitting = [space for space, formula in FORMULAS.items() if _fits(formula, probe, pairs)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(
    formula: Callable[[np.ndarray, np.ndarray], float], probe: np.ndarray, pairs: Sequence[tuple[np.ndarray, float]]
) -> bool:
    """Whether every distance that was said is this formula's."""
    scale = max(1.0, float(probe @ probe))
    near = [abs(formula(probe, vector) - said) <= _TOLERANCE * max(abs(said), min(1.0, scale)) for vector, said in pairs]
    return bool(near) and all(near)
