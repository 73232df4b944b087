"""Synthetic documents around the real ones, for lessons that need size."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from functools import cache
from io import BytesIO

import numpy as np

from course.dataset.records import Document, documents, embeddings
from course.errors import InputError
from course.files import write_whole
from course.home import DATA, home


@dataclass(frozen=True)
class Scaled:
    """Synthetic documents and their vectors, float32 of shape `(n, 384)`, row by row."""

    documents: tuple[Document, ...]
    vectors: np.ndarray


def scaled(n: int, seed: int = 14) -> Scaled:
    """Make n synthetic documents around the real ones. The same n and seed give the same documents.

    Each takes a real document at random, and with it the owner and the field. Its vector is
    `centroid + sqrt(1/2) * residual + sqrt(1/2) * noise`, brought to unit length: `centroid` is the mean vector of the
    field, `residual` the real document's distance from it, and `noise` is normal with the covariance of all residuals.
    So the cloud keeps its centres and its spread. The age is drawn from the real ages, independently. The text, about 500
    characters, is a piece of Python's own language reference, which every machine has: it does not match the vector.
    Ids begin at 1,001, above the real ones.

    Raises:
        InputError: n is not a positive whole number.
    """
    if not isinstance(n, int) or n < 1:
        raise InputError(f"scaled() takes how many documents to make, a whole number from 1 up, and got {n!r}.")
    random = np.random.default_rng(seed)
    bases = random.integers(len(documents()), size=n)
    ages = random.choice([document.days_ago for document in documents()], size=n)
    pieces = _pieces_of_text()
    made = tuple(
        Document(1_001 + row, base.user_id, base.field, f"Synthetic document {1_001 + row}", piece, int(age))
        for row, (base, piece, age) in enumerate(
            zip((documents()[row] for row in bases), itertools.cycle(pieces), ages, strict=False)
        )
    )
    return Scaled(made, _scaled_vectors(bases, n, seed, random))


def _scaled_vectors(bases: np.ndarray, n: int, seed: int, random: np.random.Generator) -> np.ndarray:
    cached = home() / "cache" / f"scaled-{n}-{seed}-{os.stat(DATA / 'embeddings.npy').st_mtime_ns}.npy"
    if cached.exists():
        return np.load(cached)
    real = embeddings()
    field_of = np.array([document.field for document in documents()])
    centroids = np.empty_like(real)
    for field in np.unique(field_of):
        centroids[field_of == field] = real[field_of == field].mean(axis=0)
    residuals = real - centroids
    half = np.sqrt(np.float32(0.5))
    # A normal sample with the covariance of the residuals: a random mixture of them all, weighted by 1/sqrt(count).
    noise = random.standard_normal((n, len(real)), dtype=np.float32) @ residuals / np.sqrt(np.float32(len(real)))
    vectors = centroids[bases] + half * residuals[bases] + half * noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    file = BytesIO()
    np.save(file, vectors)
    write_whole(cached, file.getvalue())
    return vectors


@cache
def _pieces_of_text() -> tuple[str, ...]:
    from pydoc_data.topics import topics

    text = " ".join(" ".join(topics[name].split()) for name in sorted(topics))
    return tuple(text[start : start + 500] for start in range(0, len(text) - 500, 500))
