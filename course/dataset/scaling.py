"""Synthetic documents around the real ones, and owners for them, for lessons that need size. Nothing is loaded anywhere here."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO

import numpy as np

from course.dataset import records
from course.dataset.records import Document, User, documents, embeddings
from course.errors import InputError
from course.files import write_whole
from course.home import DATA, home
from course.waiting import waiting

CHUNK = 50_000
"""How many vectors are made at once: what is needed on the way takes as much memory again as the vectors of a chunk."""
MOST_KEPT = 200_000
"""How many vectors are kept for the next time, in a file of 300 MB."""


@dataclass(frozen=True)
class Scaled:
    """Synthetic documents and their vectors, float32 of shape `(n, 384)`, row by row; and the users beside the real ones."""

    documents: tuple[Document, ...]
    vectors: np.ndarray
    users: tuple[User, ...] = ()


def scaled(n: int, seed: int = 14, *, users: int | None = None) -> Scaled:
    """Make n synthetic documents around the real ones. The same n, seed and users give the same documents.

    Each takes a real document at random, and with it the owner and the field. Its vector is
    `centroid + sqrt(1/2) * residual + sqrt(1/2) * noise`, brought to unit length: `centroid` is the mean vector of the
    field, `residual` the real document's distance from it, and `noise` is normal with the covariance of all residuals.
    So the cloud keeps its centres and its spread. The age is drawn from the real ages, independently. The text, about 500
    characters, is a piece of Python's own language reference, which every machine has: it does not match the vector.
    Ids begin at 1,001, above the real ones.

    Data grow in two ways: without `users` the 40 real ones get more documents each; with it there are more users, who take
    after the real ones in turn: the 41st and the 81st after the first, and so on. A document then belongs to one of those
    who take after the owner of its real document, that owner among them.

    Args:
        users: how many users there are in all.

    Raises:
        InputError: n is not a positive whole number, or users is not one from 40 up.
    """
    if not isinstance(n, int) or n < 1:
        raise InputError(f"scaled() takes how many documents to make, a whole number from 1 up, and got {n!r}.")
    real = len(records.users())
    if users is not None and (not isinstance(users, int) or users < real):
        raise InputError(f"scaled() takes how many users there are in all, a whole number from {real} up, and got {users!r}.")
    random = np.random.default_rng(seed)
    bases = random.integers(len(documents()), size=n)
    ages = random.choice([document.days_ago for document in documents()], size=n)
    owners = _owners(bases, users or real, seed)
    pieces = _pieces_of_text()
    made = tuple(
        Document(1_001 + row, owner, documents()[base].field, f"Synthetic document {1_001 + row}", piece, age)
        for row, (base, owner, piece, age) in enumerate(
            zip(bases.tolist(), owners.tolist(), itertools.cycle(pieces), ages.tolist(), strict=False)
        )
    )
    return Scaled(made, _scaled_vectors(bases, n, seed, random), _more_users(users or real))


def _owners(bases: np.ndarray, users: int, seed: int) -> np.ndarray:
    """Each document's owner: one of those who take after the owner of its real document, all with the same chance."""
    real = len(records.users())
    owners = np.array([document.user_id for document in documents()])[bases]
    alike = (users - owners) // real + 1
    return owners + real * np.random.default_rng([seed, users]).integers(alike)


def _more_users(users: int) -> tuple[User, ...]:
    real = records.users()
    return tuple(
        replace(model, id=id, name=f"{model.name} {id}", email=model.email.replace("@", f".{id}@"))
        for id, model in zip(range(len(real) + 1, users + 1), itertools.cycle(real), strict=False)
    )


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
    vectors = np.empty((n, real.shape[1]), dtype=np.float32)
    for start in waiting(range(0, n, CHUNK), "making vectors"):
        some = bases[start : start + CHUNK]
        # A normal sample with the covariance of the residuals: a random mixture of them all, weighted by 1/sqrt(count).
        noise = random.standard_normal((len(some), len(real)), dtype=np.float32) @ residuals / np.sqrt(np.float32(len(real)))
        chunk = centroids[some] + half * residuals[some] + half * noise
        vectors[start : start + CHUNK] = chunk / np.linalg.norm(chunk, axis=1, keepdims=True)
    if n <= MOST_KEPT:
        file = BytesIO()
        np.save(file, vectors)
        write_whole(cached, file.getvalue())
    return vectors


@cache
def _pieces_of_text() -> tuple[str, ...]:
    from pydoc_data.topics import topics

    text = " ".join(" ".join(topics[name].split()) for name in sorted(topics))
    return tuple(text[start : start + 500] for start in range(0, len(text) - 500, 500))
