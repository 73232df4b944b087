"""How many documents at once get into a table with an HNSW index, and into ChromaDB: several ways, in turn.

The part of the scoreboard where three databases win. Part of it is when the work is done: ChromaDB answers when a batch is in
its log, and takes it into its own index later; PostgreSQL answers when each vector has its place in the graph. A lighter graph
has fewer links and looks at fewer candidates for them, so a place is found sooner, and less of what is near is found in a
search: both graphs are searched too, before anything is added.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from random import Random
from typing import Any

from course import dataset, embed
from course.measure import interleaved
from course.stack import Stack
from tests.floor import COPY, Bare

SIZES = (100, 1_000)
ROUNDS = 5
FIRST_ID = 20_000_000
QUESTIONS = 30
EF_SEARCH = (100, 200)

UNNEST = """INSERT INTO documents (id, user_id, title, content, embedding)
            SELECT i, u, 'New', 'New', e FROM unnest($1::int8[], $2::int8[], $3::vector[]) t(i, u, e) RETURNING id"""
ROWS = """INSERT INTO documents (id, user_id, title, content)
          SELECT i, u, 'New', 'New' FROM unnest($1::int8[], $2::int8[]) t(i, u) RETURNING id"""
ANEW = "CREATE INDEX documents_embedding ON documents USING hnsw (embedding vector_cosine_ops)"
LIGHTER = "CREATE INDEX ON lighter USING hnsw (embedding vector_cosine_ops) WITH (m = 8, ef_construction = 32)"
NEAREST = "SELECT id FROM documents ORDER BY embedding <=> $1 LIMIT 10"

GRAPHS = {"graph (m 16, ef_construction 64)": "documents", "lighter graph (m 8, ef_construction 32)": "lighter"}
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
        _make_others(bares[0], rows)
        searched = _searched(bares[0])
        table = {size: _timed(_ways(stack, bares), size) for size in SIZES}
        for name in table[SIZES[0]]:
            cells = ((taken[name], taken[THREE] / taken[name]) for taken in table.values())
            lines.append(f"{name:<50}" + "".join(f"{ms:>13,.1f}{ratio:>13.2f}" for ms, ratio in cells))
        lines += searched
        lines.append(_anew(bares[0], table[SIZES[-1]]["COPY"]))
    return lines


def _timed(ways: dict[str, Callable[[Sequence[Document]], object]], size: int) -> dict[str, float]:
    made = dataset.scaled(size * len(ways) * (ROUNDS + 1), seed=99)  # none twice: a graph is slow with vectors that it has
    new = zip(itertools.count(FIRST_ID + size * 1_000_000), made.documents, made.vectors, strict=False)

    def batch() -> list[Document]:
        return [(id, document.user_id, "New", "New", vector) for id, document, vector in itertools.islice(new, size)]

    asked = {name: lambda way=way: way(batch()) for name, way in ways.items()}
    timings = asyncio.run(interleaved(asked, ROUNDS, order=Random(0)))
    return {name: timing.p50 / size * 100 for name, timing in timings.items()}


def _ways(stack: Stack, bares: Sequence[Bare]) -> dict[str, Callable[[Sequence[Document]], object]]:
    bare, second, of_three = bares
    collection = stack.chroma.client().get_collection(dataset.COLLECTION)

    def in_two_stores(batch: Sequence[Document]) -> None:
        ids, owners, _, _, vectors = zip(*batch, strict=True)
        of_three.fetch_all(ROWS, list(ids), list(owners))
        metadatas: Any = [{"id": id, "user_id": owner} for id, owner in zip(ids, owners, strict=True)]
        collection.upsert(ids=[str(id) for id in ids], embeddings=list(vectors), metadatas=metadatas)

    def unnest(batch: Sequence[Document]) -> None:
        ids, owners, _, _, vectors = zip(*batch, strict=True)
        bare.fetch_all(UNNEST, list(ids), list(owners), list(vectors))

    def into(table: str) -> Callable[[Sequence[Document]], object]:
        return lambda batch: bare.copy(batch, COPY.replace("documents", table))

    def by_two(table: str) -> Callable[[Sequence[Document]], object]:
        statement = COPY.replace("documents", table)

        def copy(batch: Sequence[Document]) -> None:
            other = threading.Thread(target=second.copy, args=(batch[1::2], statement))
            other.start()
            bare.copy(batch[::2], statement)
            other.join()

        return copy

    return {
        THREE: in_two_stores,
        "INSERT … SELECT FROM unnest": unnest,
        "COPY": into("documents"),
        "COPY, half over a second connection": by_two("documents"),
        "COPY, lighter graph": into("lighter"),
        "COPY, lighter graph, half over a second one": by_two("lighter"),
        FLOOR: into("unindexed"),
    }


def _make_others(bare: Bare, rows: int) -> None:
    """Beside `documents`: the same in a lighter graph, and a table without an index."""
    for table in ("unindexed", "lighter"):
        bare.connection.execute(f"CREATE TABLE {table} (LIKE documents INCLUDING STORAGE INCLUDING DEFAULTS)")
    bare.connection.execute("INSERT INTO lighter SELECT * FROM documents")
    bare.connection.execute("SELECT set_config('maintenance_work_mem', $1, false)", [dataset.hnsw_memory(rows)])
    bare.connection.execute(LIGHTER)
    bare.connection.execute("VACUUM ANALYZE lighter")


def _searched(bare: Bare) -> list[str]:
    """What both graphs find of everybody's ten nearest, and in which time."""
    questions = [embed(question.text) for question in dataset.questions()[:QUESTIONS]]
    every = itertools.cycle(questions)
    with bare.connection.transaction():
        bare.connection.execute("SET LOCAL enable_indexscan = off")
        exact = [set(bare.fetch_all(NEAREST, question)) for question in questions]
    bare.connection.execute("SET enable_seqscan = off")  # a small table the planner would rather sort
    found = []
    for ef_search in EF_SEARCH:
        bare.connection.execute(f"SET hnsw.ef_search = {ef_search}")
        statements = {graph: NEAREST.replace("documents", table) for graph, table in GRAPHS.items()}
        asked = {
            graph: lambda statement=statement: bare.fetch_all(statement, next(every)) for graph, statement in statements.items()
        }
        timings = asyncio.run(interleaved(asked, QUESTIONS, order=Random(0)))
        for graph, statement in statements.items():
            answers = [bare.fetch_all(statement, question) for question in questions]
            recall = statistics.mean(len(ten.intersection(some)) / len(ten) for some, ten in zip(answers, exact, strict=True))
            found.append(f"{graph} at ef_search {ef_search}: recall@10 {recall:.2f} in {timings[graph].p50:.2f} ms")
    bare.connection.execute("RESET enable_seqscan")
    return found


def _anew(bare: Bare, copy: float) -> str:
    """What it takes to build the index after the rows, and from how many new ones on that is the quicker way."""
    bare.connection.execute("DROP INDEX documents_embedding")
    began = time.perf_counter()
    bare.connection.execute(ANEW)
    seconds = time.perf_counter() - began
    [[total]] = bare.fetch_all("SELECT count(*) FROM documents")
    return (
        f"the index built after the rows: {seconds:,.1f} s for {total:,}, {seconds / total * 100_000:.1f} ms for 100. From about "
        f"{seconds * 1000 / copy * 100:,.0f} new documents on that is quicker than COPY into the index."
    )
