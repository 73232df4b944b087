"""How many documents at once get into a table with an HNSW index, and into ChromaDB: several ways, in turn.

The part of the scoreboard where three databases win. Part of it is when the work is done: ChromaDB answers when a batch is in
its log, and takes it into its own index later; PostgreSQL answers when each vector has its place in the graph.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from course import dataset
from course.measure import interleaved
from course.stack import Stack
from tests.floor import COPY, Bare

SIZES = (100, 1_000)
ROUNDS = 5
FIRST_ID = 20_000_000

UNNEST = """INSERT INTO documents (id, user_id, title, content, embedding)
            SELECT i, u, 'New', 'New', e FROM unnest($1::int8[], $2::int8[], $3::vector[]) t(i, u, e) RETURNING id"""
ROWS = """INSERT INTO documents (id, user_id, title, content)
          SELECT i, u, 'New', 'New' FROM unnest($1::int8[], $2::int8[]) t(i, u) RETURNING id"""
ANEW = "CREATE INDEX documents_embedding ON documents USING hnsw (embedding vector_cosine_ops)"

THREE, FLOOR = "three databases: rows and upsert", "COPY, without an index"

Document = tuple
"""(id, user_id, title, content, embedding)"""


def measure(stack: Stack, other: Stack, rows: int) -> list[str]:
    """The lines of the report: milliseconds for 100 documents, by way and size of the batch; and when to build anew."""
    lines = [f"{'bulk insert, ms for 100 documents':<50}" + "".join(f"{f'in {size:,}s':>13}{'three / it':>13}" for size in SIZES)]
    with ExitStack() as opened:
        bares = [Bare(other.postgres.url), Bare(other.postgres.url), Bare(stack.postgres.url, vectors=False)]
        for bare in bares:
            opened.callback(bare.close)
        table = {size: _timed(_ways(stack, bares), size) for size in SIZES}
        for name in table[SIZES[0]]:
            cells = ((taken[name], taken[THREE] / taken[name]) for taken in table.values())
            lines.append(f"{name:<50}" + "".join(f"{ms:>13,.1f}{ratio:>13.2f}" for ms, ratio in cells))
        lines.append(_anew(bares[0], rows, table[SIZES[-1]]["COPY"]))
    return lines


def _timed(ways: dict[str, Callable[[Sequence[Document]], object]], size: int) -> dict[str, float]:
    made = dataset.scaled(size * len(ways) * (ROUNDS + 1), seed=99)  # none twice: a graph is slow with vectors that it has
    new = zip(itertools.count(FIRST_ID + size * 1_000_000), made.documents, made.vectors, strict=False)

    def batch() -> list[Document]:
        return [(id, document.user_id, "New", "New", vector) for id, document, vector in itertools.islice(new, size)]

    asked = {name: lambda way=way: way(batch()) for name, way in ways.items()}
    timings = asyncio.run(interleaved(asked, ROUNDS))
    return {name: timing.p50 / size * 100 for name, timing in timings.items()}


def _ways(stack: Stack, bares: Sequence[Bare]) -> dict[str, Callable[[Sequence[Document]], object]]:
    bare, second, of_three = bares
    collection = stack.chroma.client().get_collection(dataset.COLLECTION)
    bare.connection.execute("CREATE TABLE IF NOT EXISTS unindexed (LIKE documents INCLUDING STORAGE INCLUDING DEFAULTS)")

    def in_two_stores(batch: Sequence[Document]) -> None:
        ids, owners, _, _, vectors = zip(*batch, strict=True)
        of_three.fetch_all(ROWS, list(ids), list(owners))
        metadatas: Any = [{"id": id, "user_id": owner} for id, owner in zip(ids, owners, strict=True)]
        collection.upsert(ids=[str(id) for id in ids], embeddings=list(vectors), metadatas=metadatas)

    def unnest(batch: Sequence[Document]) -> None:
        ids, owners, _, _, vectors = zip(*batch, strict=True)
        bare.fetch_all(UNNEST, list(ids), list(owners), list(vectors))

    def by_two(batch: Sequence[Document]) -> None:
        other = threading.Thread(target=second.copy, args=(batch[1::2],))
        other.start()
        bare.copy(batch[::2])
        other.join()

    return {
        THREE: in_two_stores,
        "INSERT … SELECT FROM unnest": unnest,
        "COPY": bare.copy,
        "COPY, half over a second connection": by_two,
        FLOOR: lambda batch: bare.copy(batch, COPY.replace("documents", "unindexed")),
    }


def _anew(bare: Bare, rows: int, copy: float) -> str:
    """What it takes to build the index after the rows, and from how many new ones on that is the quicker way."""
    bare.connection.execute("DROP INDEX documents_embedding")
    bare.connection.execute("SELECT set_config('maintenance_work_mem', $1, false)", [dataset.hnsw_memory(rows)])
    began = time.perf_counter()
    bare.connection.execute(ANEW)
    seconds = time.perf_counter() - began
    [[total]] = bare.fetch_all("SELECT count(*) FROM documents")
    return (
        f"the index built after the rows: {seconds:,.1f} s for {total:,}, {seconds / total * 100_000:.1f} ms for 100. From about "
        f"{seconds * 1000 / copy * 100:,.0f} new documents on that is quicker than COPY into the index."
    )
