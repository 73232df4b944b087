"""The rows of the scoreboard: what is asked of three databases, of one, and of the floor below them. Nothing is timed here."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

from course import dataset, embed
from course.apps import one_database, three_databases
from course.apps.contract import PremiumQuestion
from course.apps.questions import LastQuestions
from course.apps.stores import DocumentVectors, Postgres
from tests.floor import COPIED_TYPES, COPY, Bare, K, Scan

CLIENTS, ASKED_BY_EACH = 4, 5
BATCH, BATCHES = 100, 200
DAYS = 7

NEAREST_OF_ALL = f"SELECT id FROM documents ORDER BY embedding <=> $1 LIMIT {K}"
Way = Callable[[str], object]
"""Answers a question; plain or async."""


@dataclass(frozen=True)
class Row:
    """What is asked, by the ways to answer it: `three`, `one`, and of the floor `bare` and `scan` if there are such.

    `exact` tells whether the answers' ids are compared with those of the scan; `answers`, how many answers one call waits for;
    `writes`, whether a call adds documents, so that none is made in vain.
    """

    name: str
    ways: dict[str, Way]
    exact: bool = False
    answers: int = 1
    writes: bool = False


@dataclass(frozen=True)
class Sides:
    """Both applications' stores, and the floor."""

    three: Postgres
    collection: DocumentVectors
    one: Postgres
    bare: Bare
    scan: Scan


def rows(sides: Sides, middle: int, most: int, premium: int) -> Iterator[Row]:
    """Row by row, for these users. A row is over when the next is asked for."""
    with forgetful():
        yield _nearest(sides, middle, "one user's nearest, question embedded", embed)
    with remembered_vectors() as vectors:
        vector_of = vectors.__getitem__
        nearest = _nearest(sides, middle, "one user's nearest, without the embedding", vector_of)
        yield nearest
        yield _nearest(sides, most, "the same, of who has the most documents", vector_of)
        yield _planners_choice(sides, most, vector_of)
        yield _premium(sides, premium, vector_of)
        yield _premium_by_the_planner(sides, premium, vector_of)
        together = {name: _many(name, way) for name, way in nearest.ways.items()}
        yield Row(f"{CLIENTS} clients at once, one user's nearest", together, answers=CLIENTS * ASKED_BY_EACH)
        yield _of_all(sides, vector_of)
    yield _batch(sides)


def _nearest(sides: Sides, user: int, name: str, vector_of: Callable[[str], np.ndarray]) -> Row:
    few = one_database.NEAREST_OF_FEW
    ways: dict[str, Way] = {
        "three": lambda q: three_databases.get_similar_docs(sides.three, sides.collection, user, q, K),
        "one": lambda q: one_database.get_similar_docs(sides.one, user, q, K),
        "bare": lambda q: sides.bare.fetch_all(few, vector_of(q), user, K, one_database.FEW),
        "scan": lambda q: sides.scan.of_user(user, vector_of(q)),
    }
    return Row(name, ways, exact=True)


def _planners_choice(sides: Sides, user: int, vector_of: Callable[[str], np.ndarray]) -> Row:
    many = one_database.NEAREST_OF_MANY
    ways: dict[str, Way] = {
        "three": lambda q: three_databases.get_similar_docs(sides.three, sides.collection, user, q, K),
        "one": lambda q: sides.one.fetch_all(many, vector_of(q), user, K),
        "bare": lambda q: sides.bare.fetch_all(many, vector_of(q), user, K),
        "scan": lambda q: sides.scan.of_user(user, vector_of(q)),
    }
    return Row("the same, as the planner alone would have it", ways, exact=True)


def _premium(sides: Sides, user: int, vector_of: Callable[[str], np.ndarray]) -> Row:
    def asked(question: str) -> PremiumQuestion:
        return PremiumQuestion(user_id=user, q=question, k=K, days=DAYS)

    ways: dict[str, Way] = {
        "three": lambda q: three_databases.premium_similar(asked(q), sides.three, sides.collection),
        "one": lambda q: one_database.premium_similar(asked(q), sides.one),
        "bare": lambda q: sides.bare.fetch_all(one_database.PREMIUM_OF_FEW, vector_of(q), DAYS, user, K, one_database.FEW),
        "scan": lambda q: sides.scan.of_premium(DAYS, vector_of(q)),
    }
    return Row(f"premium users' nearest of {DAYS} days, without it", ways, exact=True)


def _premium_by_the_planner(sides: Sides, user: int, vector_of: Callable[[str], np.ndarray]) -> Row:
    ways = _premium(sides, user, vector_of).ways | {
        "one": lambda q: sides.one.fetch_all(one_database.PREMIUM_OF_MANY, vector_of(q), DAYS, user, K),
        "bare": lambda q: sides.bare.fetch_all(one_database.PREMIUM_OF_MANY, vector_of(q), DAYS, user, K),
    }
    return Row("premium users', as the planner alone would have it", ways, exact=True)


def _of_all(sides: Sides, vector_of: Callable[[str], np.ndarray]) -> Row:
    ways: dict[str, Way] = {
        "three": lambda q: sides.collection.query(query_embeddings=[vector_of(q)], n_results=K, include=[]),
        "one": lambda q: sides.one.fetch_all(NEAREST_OF_ALL, vector_of(q)),
        "bare": lambda q: sides.bare.fetch_all(NEAREST_OF_ALL, vector_of(q)),
        "scan": lambda q: sides.scan.of_all(vector_of(q)),
    }
    return Row("everybody's nearest", ways, exact=True)


@contextmanager
def forgetful() -> Iterator[None]:
    """Both applications embed each question meanwhile, as if nobody had asked it before."""
    with both_embed_by(LastQuestions(kept=0)):
        yield


@contextmanager
def remembered_vectors() -> Iterator[dict[str, np.ndarray]]:
    """Both applications have the vectors of the course's questions meanwhile, as if all had been asked just before."""
    texts = [question.text for question in dataset.questions()]
    vectors = dict(zip(texts, embed(texts), strict=True))

    async def embedded(text: str) -> np.ndarray:
        return vectors[text]

    with both_embed_by(embedded):
        yield vectors


@contextmanager
def both_embed_by(way: Callable[[str], Awaitable[np.ndarray]]) -> Iterator[None]:
    """Both applications get a question's vector in this way meanwhile."""
    with patch.object(three_databases, "embedded", way), patch.object(one_database, "embedded", way):
        yield


def _many(name: str, way: Way) -> Way:
    """Several clients at once, each asking five times. The floor has one connection: it is asked as often, one by one."""

    async def client(question: str) -> None:
        for _ in range(ASKED_BY_EACH):
            answer = way(question)
            assert isinstance(answer, Awaitable)
            await answer

    async def together(question: str) -> None:
        await asyncio.gather(*(client(question) for _ in range(CLIENTS)))

    def one_by_one(question: str) -> None:
        for _ in range(CLIENTS * ASKED_BY_EACH):
            way(question)

    return together if name in ("three", "one") else one_by_one


def _batch(sides: Sides) -> Row:
    """As many documents as a client may upload at once. On one database with COPY, the quickest way into a table."""
    made = dataset.scaled(BATCH * BATCHES, seed=99)
    # None twice: what is there has its place in the graph
    new = zip(itertools.count(10_000_000), made.documents, made.vectors, strict=False)
    in_rows = """INSERT INTO documents (id, user_id, title, content)
                 SELECT i, u, 'New', 'New' FROM unnest($1::int8[], $2::int8[]) t(i, u) RETURNING id"""

    def batch() -> list[tuple]:
        rows = [(id, document.user_id, "New", "New", vector) for id, document, vector in itertools.islice(new, BATCH)]
        assert len(rows) == BATCH, "more batches are asked for than were made"
        return rows

    async def in_two_stores(question: str) -> None:
        ids, owners, _, _, vectors = zip(*batch(), strict=True)
        await sides.three.fetch_all(in_rows, list(ids), list(owners))
        metadatas = [{"id": id, "user_id": owner} for id, owner in zip(ids, owners, strict=True)]
        await sides.collection.upsert(ids=[str(id) for id in ids], embeddings=list(vectors), metadatas=metadatas)

    async def in_one(_: str) -> None:
        async with sides.one.pool.connection() as connection, connection.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.set_types(COPIED_TYPES)
            for row in batch():
                await copy.write_row(row)

    ways: dict[str, Way] = {"three": in_two_stores, "one": in_one, "bare": lambda _: sides.bare.copy(batch())}
    return Row(f"add {BATCH} documents in one batch", ways, writes=True)
