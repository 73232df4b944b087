"""Both applications on the same documents, in turn: `make bench` prints how many times faster the second one is.

Three databases on one stack, one database with an HNSW index on another. Each row of the board is asked of both in turn, in
several runs; a run gives the ratio of its medians, and the board shows the median of the runs. A ratio below 1 is one
that three databases win. Nothing is judged: milliseconds and ratios differ from machine to machine.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
from pgvector.psycopg import register_vector_async

from course import dataset, embed
from course.apps import one_database, three_databases
from course.apps.contract import PremiumQuestion
from course.apps.stores import DocumentVectors, Postgres
from course.measure import interleaved
from course.stack import Stack
from course.waiting import waiting
from tests.bench import machine

SIZES = (1_000, 10_000, 100_000)
RUNS, ROUNDS = 5, 10
CLIENTS = 4
BATCH = 100

# From some size on the planner expects the HNSW index to be cheaper than all documents of one user, and is wrong by far.
FILTER_FIRST = """
    WITH d AS MATERIALIZED (SELECT * FROM documents WHERE user_id = $2)
    SELECT d.id, d.user_id, d.title, d.content, d.created_at, u.name AS owner_name, d.embedding <=> $1 AS distance
    FROM d JOIN users u ON d.user_id = u.id ORDER BY distance LIMIT 5
"""

Way = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class One:
    """The application's one store, and how long it took to fill it, in seconds."""

    db: Postgres
    loaded_in: float


@dataclass(frozen=True)
class Three(One):
    """The same, and the second store."""

    collection: DocumentVectors


def measure(size: int) -> dict[str, tuple[float, float, float]]:
    """What is asked, to the milliseconds on three databases, those on one, and the median of the runs' ratios."""
    with tempfile.TemporaryDirectory() as home, patch.dict(os.environ, COURSE_HOME=home):
        extra = dataset.scaled(size - len(dataset.documents()))
        with Stack.start("00", embedded=True) as stack:
            return asyncio.run(_measure(stack, extra, size))


async def _measure(stack: Stack, extra: dataset.Scaled, size: int) -> dict[str, tuple[float, float, float]]:
    other = stack.beside("one")
    stack.chroma.client()  # the first one imports chromadb, which is not part of a load
    before = _timed(f"loading {size:,} documents, three databases", lambda: dataset.load(stack, extra=extra))
    after = _timed(f"loading {size:,} documents, one database", lambda: dataset.load_one(other, extra=extra, hnsw=True))
    async with _three(stack, before) as three, _one(other, after) as one:
        board = {"load everything, index included": (before * 1000, after * 1000, before / after)}
        for name, ways in waiting(_rows(three, one), f"asking both, {size:,} documents", total=7, after=0):
            board[name] = await _ratio(ways)
    return board


def _timed(what: str, work: Callable[[], object]) -> float:
    print(what, "…", flush=True)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@asynccontextmanager
async def _three(stack: Stack, loaded_in: float) -> AsyncIterator[Three]:
    async with Postgres(stack.postgres.url) as db, DocumentVectors(stack.chroma.url, stack.chroma.database) as collection:
        yield Three(db, loaded_in, collection)


@asynccontextmanager
async def _one(stack: Stack, loaded_in: float) -> AsyncIterator[One]:
    async with Postgres(stack.postgres.url, configure=register_vector_async) as db:
        yield One(db, loaded_in)


async def _ratio(ways: dict[str, Way]) -> tuple[float, float, float]:
    taken: dict[str, list[float]] = defaultdict(list)
    ratios: list[float] = []
    for _ in range(RUNS):
        timings = await interleaved(ways, rounds=ROUNDS)
        for name, timing in timings.items():
            taken[name].append(timing.p50)
        ratios.append(timings["three"].p50 / timings["one"].p50)
    return statistics.median(taken["three"]), statistics.median(taken["one"]), statistics.median(ratios)


def _rows(three: Three, one: One) -> Iterator[tuple[str, dict[str, Way]]]:
    """What is asked of both, row by row of the board. A row is over when the next is asked for."""
    questions = itertools.cycle(question.text for question in dataset.questions())
    premium = next(user.id for user in dataset.users() if user.subscription == "premium")

    def nearest() -> dict[str, Way]:
        return {
            "three": lambda: three_databases.get_similar_docs(three.db, three.collection, premium, next(questions), 5),
            "one": lambda: one_database.get_similar_docs(one.db, premium, next(questions), 5),
        }

    def asked() -> PremiumQuestion:
        return PremiumQuestion(user_id=premium, q=next(questions), k=5, days=7)

    yield "one user's nearest, question embedded", nearest()
    with _prepared_vectors() as vectors:
        yield "one user's nearest, without the embedding", nearest()
        yield (
            "the same, on one database with the filter first",
            {
                "three": nearest()["three"],
                "one": lambda: one.db.fetch_all(FILTER_FIRST, vectors[next(questions)], premium),
            },
        )
        yield (
            "premium users' nearest of 7 days, without it",
            {
                "three": lambda: three_databases.premium_similar(asked(), three.db, three.collection),
                "one": lambda: one_database.premium_similar(asked(), one.db),
            },
        )
        yield f"{CLIENTS} clients at once, one user's nearest", {name: _many(way) for name, way in nearest().items()}
        yield (
            "everybody's nearest",
            {
                "three": lambda: three.collection.query(query_embeddings=[vectors[next(questions)]], n_results=5),
                "one": lambda: one.db.fetch_all(
                    "SELECT id FROM documents ORDER BY embedding <=> $1 LIMIT 5", vectors[next(questions)]
                ),
            },
        )
    yield f"add {BATCH} documents in one batch", _batches(three, one)


@contextmanager
def _prepared_vectors() -> Iterator[dict[str, np.ndarray]]:
    """Both applications take the questions' vectors from a table meanwhile, in place of the model."""
    texts = [question.text for question in dataset.questions()]
    vectors = dict(zip(texts, embed(texts), strict=True))
    with patch.object(three_databases, "embed", vectors.get), patch.object(one_database, "embed", vectors.get):
        yield vectors


def _many(way: Way) -> Way:
    """Several clients at once, each asking five times."""

    async def client() -> None:
        for _ in range(5):
            await way()

    async def together() -> None:
        await asyncio.gather(*(client() for _ in range(CLIENTS)))

    return together


def _batches(three: Three, one: One) -> dict[str, Way]:
    ids = itertools.count(10_000_000, BATCH)
    made = dataset.scaled(BATCH, seed=99)
    owners = [document.user_id for document in made.documents]
    rows = """INSERT INTO documents (id, user_id, title, content)
              SELECT i, u, 'New', 'New' FROM unnest($1::int8[], $2::int8[]) t(i, u)"""
    whole = """INSERT INTO documents (id, user_id, title, content, embedding)
               SELECT i, u, 'New', 'New', e FROM unnest($1::int8[], $2::int8[], $3::vector[]) t(i, u, e)"""

    async def in_two_stores() -> None:
        start = next(ids)
        batch = range(start, start + BATCH)
        await three.db.fetch_all(f"{rows} RETURNING id", list(batch), owners)
        metadatas = [{"id": id, "user_id": owner} for id, owner in zip(batch, owners, strict=True)]
        await three.collection.upsert(ids=[str(id) for id in batch], embeddings=made.vectors, metadatas=metadatas)

    async def in_one() -> None:
        start = next(ids)
        batch = range(start, start + BATCH)
        await one.db.fetch_all(f"{whole} RETURNING id", list(batch), owners, list(made.vectors))

    return {"three": in_two_stores, "one": in_one}


def main() -> None:
    """Measure every size, and print one board."""
    print(machine())
    boards = {size: measure(size) for size in SIZES}
    print(f"\nthree databases → one database with an HNSW index, ms: medians of {RUNS} runs of {ROUNDS} rounds in turn (ratio)")
    print(f"{'':<50}" + "".join(f"{size:>28,}" for size in boards))
    for name in boards[SIZES[0]]:
        cells = (boards[size][name] for size in boards)
        print(f"{name:<50}" + "".join(f"{f'{old:,.1f} → {new:,.1f} ({ratio:.2f})':>28}" for old, new, ratio in cells))
    print("A ratio below 1: three databases are faster.")


if __name__ == "__main__":
    main()
