"""What the checks of lessons 06 and 06b share: a few vectors of a plane that each operator ranks in an order of its own."""

from __future__ import annotations

import numpy as np

from course.embedding import DIMENSIONS

POINT = (4, 2)
"""From here the vectors are seen."""

PLANE = {
    "same way": (1, 0.5),
    "short": (0.03, 0.01),
    "straight": (2, 4),
    "corner": (4, -1),
    "long": (7, -4),
    "opposite": (-4, -2),
}
"""In the order of `<=>`, the nearest first. `<->` begins with *straight*, `<+>` with *corner*, `<#>` with *long*."""


def wide(vector: tuple[float, float]) -> np.ndarray:
    """A vector of the plane among those of 384 dimensions."""
    return np.array([*vector, *[0.0] * (DIMENSIONS - 2)], dtype=np.float32)
