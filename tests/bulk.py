"""How many documents at once get into a table with an HNSW index, and into ChromaDB: several ways, in turn.

The part of the scoreboard where three databases win. ChromaDB's graph lies in its memory, and an answered batch is in it: after
the answer no processor time is taken, and the next search is as quick as any. pgvector's graph lies in pages, which are locked,
looked up and logged for each link. A lighter graph has fewer links and looks at fewer candidates for them, so a place is found
sooner, and less of what is near is found in a search: both graphs are built and searched too, before anything is added.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
HNSW = "USING hnsw (embedding vector_cosine_ops) WITH (m = {}, ef_construction = {})"
NEAREST = "SELECT id FROM documents ORDER BY embedding <=> $1 LIMIT 10"

GRAPHS = {"documents": (16, 64), "lighter": (8, 32)}
"""A table to `m` and `ef_construction` of its graph. The first are pgvector's own."""
THREE, COPIED, FLOOR = "three databases: rows and upsert", "COPY", "COPY, without a graph"

Document = tuple
"""(id, user_id, title, content, embedding)"""


def measure(stack: Stack, other: Stack) -> list[str]:
    """The lines of the report: milliseconds for 100 documents, by way and size of the batch; what graphs take, and find."""
    with ExitStack() as opened:
        bares = [Bare(other.postgres.url), Bare(other.postgres.url), Bare(stack.postgres.url, vectors=False)]
        for bare in bares:
            opened.callback(bare.close)
        _make_twins(bares[0])
        [[rows]] = bares[0].fetch_all("SELECT count(*) FROM documents")
        entries = stack.chroma.client().get_collection(dataset.COLLECTION).count()
        built = {table: _built(bares[0], table, rows) for table in GRAPHS}
        searched = [line for ef_search in EF_SEARCH for line in _searched(bares[0], ef_search)]
        ways = _ways(stack, bares, opened.enter_context(ThreadPoolExecutor()))
        table = {size: _timed(ways, size) for size in SIZES}
    lines = [f"bulk insert: there are {rows:,} rows and as many vectors in each table, {entries:,} entries in ChromaDB before"]
    lines.append(f"{'ms for 100 documents':<50}" + "".join(f"{f'in {size:,}s':>13}{'three / it':>13}" for size in SIZES))
    for name in ways:
        cells = ((taken[name], taken[THREE] / taken[name]) for taken in table.values())
        lines.append(f"{name:<50}" + "".join(f"{ms:>13,.1f}{ratio:>13.2f}" for ms, ratio in cells))
    for name, seconds in built.items():
        lines.append(f"{_graph(name)}: built after the rows in {seconds:,.1f} s, {seconds / rows * 100_000:.1f} ms for 100")
    of_one = table[SIZES[-1]]
    return [*lines, _worth_building(built["documents"] * 1000, rows, of_one[COPIED] - of_one[FLOOR]), *searched]


def _worth_building(ms: float, rows: int, saved: float) -> str:
    """From how many new documents on a graph is built anew sooner than it takes them, one after the other.

    Args:
        ms: what the graph of the rows that are there takes. With as many again, it takes twice as long.
        rows: how many these are.
        saved: the milliseconds that 100 new documents take less where there is no graph.
    """
    gained = saved / 100 - ms / rows
    if gained <= 0:
        return "that is never quicker than COPY into the graph"
    return f"from about {ms / gained:,.0f} new documents on, that is quicker than COPY into the graph"


def _timed(ways: dict[str, Callable[[Sequence[Document]], object]], size: int) -> dict[str, float]:
    made = dataset.scaled(size * len(ways) * (ROUNDS + 1), seed=99)  # none twice: what is there has its place in the graph
    new = zip(itertools.count(FIRST_ID + size * 1_000_000), made.documents, made.vectors, strict=False)

    def batch() -> list[Document]:
        return [(id, document.user_id, "New", "New", vector) for id, document, vector in itertools.islice(new, size)]

    asked = {name: lambda way=way: way(batch()) for name, way in ways.items()}
    timings = asyncio.run(interleaved(asked, ROUNDS, order=Random(size)))
    return {name: timing.p50 / size * 100 for name, timing in timings.items()}


def _ways(stack: Stack, bares: Sequence[Bare], pool: ThreadPoolExecutor) -> dict[str, Callable[[Sequence[Document]], object]]:
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
            half = pool.submit(second.copy, batch[1::2], statement)
            bare.copy(batch[::2], statement)
            half.result()

        return copy

    return {
        THREE: in_two_stores,
        "INSERT … SELECT FROM unnest": unnest,
        COPIED: into("documents"),
        "COPY, half over a second connection": by_two("documents"),
        "COPY, lighter graph": into("lighter"),
        "COPY, lighter graph, half over a second one": by_two("lighter"),
        FLOOR: into("without"),
    }


def _make_twins(bare: Bare) -> None:
    """Beside `documents`: the same rows with the same keys and B-trees, once for another graph and once for none."""
    bare.connection.execute("DROP INDEX documents_embedding")
    for table in ("lighter", "without"):
        bare.connection.execute(f"CREATE TABLE {table} (LIKE documents INCLUDING ALL)")
        bare.connection.execute(f"INSERT INTO {table} SELECT * FROM documents")
        bare.connection.execute(f"ALTER TABLE {table} ADD FOREIGN KEY (user_id) REFERENCES users (id)")


def _built(bare: Bare, table: str, rows: int) -> float:
    """The seconds that a table's graph is built in, after its rows."""
    bare.connection.execute("SELECT set_config('maintenance_work_mem', $1, false)", [dataset.hnsw_memory(rows)])
    began = time.perf_counter()
    bare.connection.execute(f"CREATE INDEX ON {table} {HNSW.format(*GRAPHS[table])}")
    seconds = time.perf_counter() - began
    bare.connection.execute(f"VACUUM ANALYZE {table}")
    return seconds


def _searched(bare: Bare, ef_search: int) -> list[str]:
    """What both graphs find of everybody's ten nearest, and in which time."""
    questions = [embed(question.text) for question in dataset.questions()[:QUESTIONS]]
    every = itertools.cycle(questions)
    with bare.connection.transaction():
        bare.connection.execute("SET LOCAL enable_indexscan = off")
        exact = [set(bare.fetch_all(NEAREST, question)) for question in questions]
    bare.connection.execute("SET enable_seqscan = off")  # a small table the planner would rather sort
    bare.connection.execute(f"SET hnsw.ef_search = {ef_search}")
    statements = {table: NEAREST.replace("documents", table) for table in GRAPHS}
    asked = {table: lambda sql=sql: bare.fetch_all(sql, next(every)) for table, sql in statements.items()}
    timings = asyncio.run(interleaved(asked, QUESTIONS, order=Random(ef_search)))
    found = []
    for table, statement in statements.items():
        answers = [bare.fetch_all(statement, question) for question in questions]
        recall = statistics.mean(len(ten.intersection(some)) / len(ten) for some, ten in zip(answers, exact, strict=True))
        found.append(f"{_graph(table)} at ef_search {ef_search}: recall@10 {recall:.2f} in {timings[table].p50:.2f} ms")
    bare.connection.execute("RESET enable_seqscan")
    return found


def _graph(table: str) -> str:
    m, ef_construction = GRAPHS[table]
    return f"graph of m {m}, ef_construction {ef_construction}"
