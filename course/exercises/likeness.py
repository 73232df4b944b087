"""Whether two values say the same, and what a value is at this moment."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Set

import numpy as np


def frozen(value: object) -> object:
    """A value as it is now, as something that can be compared later. What is no plain data stays itself."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, Mapping):
        return "mapping", tuple((key, frozen(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return type(value).__name__, tuple(frozen(item) for item in value)
    if isinstance(value, set):
        return "set", frozenset(value)
    return id(value) if not isinstance(value, str | bytes | numbers.Number | None) else (type(value).__name__, value)


def alike(found: object, wanted: object) -> bool:
    """Whether two values say the same: numbers but for rounding, NumPy's as well, lists as tuples; `True` is not 1."""
    if isinstance(found, np.ndarray | np.generic):
        found = found.tolist()
    if isinstance(wanted, np.ndarray | np.generic):
        wanted = wanted.tolist()
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, numbers.Real) and isinstance(wanted, numbers.Real):
        both_nan = math.isnan(found) and math.isnan(wanted)
        return both_nan or math.isclose(found, wanted, rel_tol=1e-6, abs_tol=1e-9)
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return found.keys() == wanted.keys() and all(alike(found[key], wanted[key]) for key in wanted)
    if isinstance(found, Set) and isinstance(wanted, Set):
        return set(found) == set(wanted)
    if isinstance(found, list | tuple) and isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(map(alike, found, wanted))
    return (type(found) is type(wanted) and found == wanted) or found is wanted
