"""pgvector on a million documents: `make bench BENCH=1m`. `python -m tests.million 20000` tries it on fewer.

Five indexes after one another, each at some settings of its search, and NumPy's exact scan with them, in an order drawn anew
for each round. Four are on the documents' own vectors. The fifth is on short ones, in a table beside: their principal
components. It finds candidates, which the halved vectors in the same row then rank. An index is built as the course teaches:
after the rows, in enough memory; and the server has the buffers that PostgreSQL's manual advises. Takes half an hour and 12 GB
of disk. Nothing is judged.

Asked are the course's questions, and new documents, as for "more like this". A graph that was built of documents leads to a
document's neighbours at once. A question lies apart from all of them, and its nearest are hardly nearer than many others. The
vectors are made around real ones (`dataset.scaled`) and lie in clumps: lists suit them better than vectors that lie evenly.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
import psutil
import psycopg
from pgvector import HalfVector
from tqdm import tqdm

from course import dataset, embed
from course.measure import Timing, interleaved
from course.stack import Stack
from course.waiting import waiting
from tests.bench import buffers, give_buffers, machine, number_of_documents
from tests.floor import Bare, Scan

K = 10
ROUNDS = 60
PASSES = 3
NEW = 60
"""How many documents that are not in the table are asked for their neighbours."""
EF_SEARCH = (40, 100, 200, 400)
SHARES = (0.01, 0.03, 0.1)
SHARES_HALVED = (0.0035, 0.006, 0.016)
"""What parts of its lists an IVFFlat index is searched in, with as many lists as pgvector advises and with twice as many."""

COMPONENTS = 128
"""How many numbers a short vector has."""
SAMPLE = 20_000
"""Of how many vectors the principal components are taken."""
CANDIDATES = 40
"""How many of the nearest short vectors are ranked anew."""

AS_IT_IS = f"SELECT id FROM documents ORDER BY embedding <=> $1 LIMIT {K}"
HALVED = f"SELECT id FROM documents ORDER BY embedding::halfvec(384) <=> $1::halfvec(384) LIMIT {K}"

RERANKED = f"""
    SELECT id FROM (SELECT id, halved FROM shortened ORDER BY short <=> $2 LIMIT {CANDIDATES}) AS candidates
    ORDER BY halved <=> $1::halfvec(384) LIMIT {K}
"""


@dataclass(frozen=True)
class Index:
    """An index: how it is made, the statement that it serves, and the setting that its search is tuned with.

    The statement takes the vector that is asked for, and where there are `components`, its short one too.
    """

    name: str
    made: str
    statement: str
    setting: str
    values: tuple[int, ...]
    components: np.ndarray | None = None

    def asked(self, vector: np.ndarray) -> tuple[object, ...]:
        """What the statement takes to search for this vector."""
        return (vector,) if self.components is None else (vector, HalfVector(vector @ self.components))


@dataclass(frozen=True)
class Built:
    """What an index took: seconds, bytes on disk, and the most memory that the server had while it was built."""

    seconds: float
    size: int
    memory: int


@dataclass(frozen=True)
class Found:
    """How one setting searches: as the client sees it, and by what is asked, the server's own median in ms and the recall."""

    timing: Timing
    server: dict[str, float]
    recall: dict[str, float]


def indexes(rows: int, components: np.ndarray) -> tuple[Index, ...]:
    """The five. As many lists as pgvector advises: a thousandth of the rows up to a million, then their root.

    Args:
        components: the principal components of the vectors, one in each column.
    """
    lists = max(10, rows // 1000 if rows <= 1_000_000 else int(rows**0.5))
    column, halved = "(embedding vector_cosine_ops)", "((embedding::halfvec(384)) halfvec_cosine_ops)"
    short = f"IVFFlat, halfvec of {COMPONENTS} principal components, twice the lists, {CANDIDATES} candidates reranked"
    return (
        Index("HNSW", f"documents USING hnsw {column}", AS_IT_IS, "hnsw.ef_search", EF_SEARCH),
        Index("HNSW, halfvec", f"documents USING hnsw {halved}", HALVED, "hnsw.ef_search", EF_SEARCH),
        _in_lists("IVFFlat", f"documents USING ivfflat {column}", AS_IT_IS, lists, SHARES),
        _in_lists("IVFFlat, halfvec, twice the lists", f"documents USING ivfflat {halved}", HALVED, 2 * lists, SHARES_HALVED),
        _in_lists(short, "shortened USING ivfflat (short halfvec_cosine_ops)", RERANKED, 2 * lists, SHARES_HALVED, components),
    )


def _in_lists(
    name: str, made: str, statement: str, lists: int, shares: tuple[float, ...], components: np.ndarray | None = None
) -> Index:
    probes = tuple(max(place, int(lists * share)) for place, share in enumerate(shares, start=1))
    return Index(name, f"{made} WITH (lists = {lists})", statement, "ivfflat.probes", probes, components)


def principal_components(vectors: np.ndarray) -> np.ndarray:
    """The directions along which vectors of shape `(n, 384)` are longest, by a sample of them; float32 of `(384, COMPONENTS)`.

    The mean stays in: a cosine is one between the vectors, and not between their distances from a centre.
    """
    sample = vectors[:: max(1, len(vectors) // SAMPLE)]
    _, directions = np.linalg.eigh(sample.T @ sample)  # the longest last
    return directions[:, : -COMPONENTS - 1 : -1]


def load_shortened(connection: psycopg.Connection, ids: Iterable[int], vectors: np.ndarray, components: np.ndarray) -> None:
    """Make the table of short vectors, each beside the id of its document and its halved vector, with a bar.

    A row of both lies in one page. A whole vector lies in pages of its own (TOAST), and takes longer to come to.
    """
    connection.execute(f"CREATE TABLE shortened (id bigint PRIMARY KEY, short halfvec({COMPONENTS}), halved halfvec(384))")
    with connection.cursor() as cursor, cursor.copy("COPY shortened FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int8", "halfvec", "halfvec"])
        rows = zip(ids, vectors @ components, waiting(vectors, "loading short vectors", total=len(vectors)), strict=True)
        for id, short, vector in rows:
            copy.write_row((id, HalfVector(short), HalfVector(vector)))
    connection.execute("VACUUM ANALYZE shortened")


def build(stack: Stack, index: Index, rows: int) -> Built:
    """Make the index, and no other, with a bar."""
    with stack.postgres.connect() as connection:
        connection.execute("DROP INDEX IF EXISTS searched")
        connection.execute("SELECT set_config('maintenance_work_mem', %s, false)", [dataset.hnsw_memory(rows)])
        began = time.perf_counter()
        with ThreadPoolExecutor() as pool:
            making = pool.submit(connection.execute, f"CREATE INDEX searched ON {index.made}")
            memory = _watched(stack, making, index.name)
        making.result()
        seconds = time.perf_counter() - began
        [size] = connection.execute("SELECT pg_relation_size('searched')").fetchone() or [0]
        return Built(seconds, size, memory)


def _watched(stack: Stack, making: Future, name: str) -> int:
    """Show how far the index is until it is made. Returns the most bytes that the server had meanwhile."""
    most = 0
    with stack.postgres.connect() as look, tqdm(desc=f"building {name}", leave=False) as bar:
        while not making.done():
            wait([making], timeout=0.5)
            most = max(most, _memory(stack))
            progress = look.execute("SELECT tuples_done, tuples_total FROM pg_stat_progress_create_index").fetchone()
            if progress:
                bar.n, bar.total = progress
                bar.refresh()
    return most


def _memory(stack: Stack) -> int:
    """The bytes of the server's processes. What they share counts once where the system tells, as Linux does."""
    server = psutil.Process(stack.postgres.pid)
    total = 0
    for process in (server, *server.children()):
        try:
            own = process.memory_full_info()
        except psutil.NoSuchProcess:  # a worker that has just ended
            continue
        total += getattr(own, "pss", own.uss)
    return total


def search(stack: Stack, index: Index, scan: Scan, asked: dict[str, list[np.ndarray]]) -> dict[str, Found | Timing]:
    """Each setting's figures, and under `NumPy` how long the exact scan takes: all in turn."""
    every = itertools.cycle(itertools.chain(*asked.values()))
    with ExitStack() as opened:
        bares = {}
        for value in index.values:
            bares[f"{index.setting} = {value}"] = bare = Bare(stack.postgres.url)
            opened.callback(bare.close)
            bare.connection.execute(f"SET {index.setting} = {value}")
            bare.connection.execute("SET enable_seqscan = off")  # a few thousand rows the planner would rather sort
        ways = {name: lambda b=bare: b.fetch_all(index.statement, *index.asked(next(every))) for name, bare in bares.items()}
        timings = asyncio.run(interleaved(ways | {"NumPy": lambda: scan.of_all(next(every), K)}, ROUNDS, order=Random(0)))
        exact = {what: [scan.of_all(vector, K) for vector in vectors] for what, vectors in asked.items()}
        found: dict[str, Found | Timing] = {"NumPy": timings["NumPy"]}
        on_the_server = _on_the_server_in_turn(bares, index, asked)
        for name, bare in bares.items():
            server = {what: statistics.median(on_the_server[name, what]) for what in asked}
            recall = {what: _recall(bare, index, vectors, exact[what]) for what, vectors in asked.items()}
            found[name] = Found(timings[name], server, recall)
    return found


def _recall(bare: Bare, index: Index, vectors: list[np.ndarray], exact: list[list[int]]) -> float:
    answers = [{id for (id,) in bare.fetch_all(index.statement, *index.asked(vector))} for vector in vectors]
    return statistics.mean(len(some.intersection(ten)) / K for some, ten in zip(answers, exact, strict=True))


def _on_the_server_in_turn(
    bares: dict[str, Bare], index: Index, asked: dict[str, list[np.ndarray]]
) -> dict[tuple[str, str], list[float]]:
    """The server's own milliseconds by setting and what is asked. The settings take turns, for a machine is busy in stretches."""
    taken: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for passed in range(PASSES + 1):
        for name, bare in bares.items():
            for what, vectors in asked.items():
                ms = [_on_the_server(bare, index, vector) for vector in vectors]
                if passed:  # after the first, what is measured lies in memory
                    taken[name, what] += ms
    return taken


def _on_the_server(bare: Bare, index: Index, vector: np.ndarray) -> float:
    """The milliseconds that the server plans the statement and executes it."""
    [[[plan]]] = bare.fetch_all(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {index.statement}", *index.asked(vector))
    used = [step.get("Index Name") or step["Node Type"] for step in _steps(plan["Plan"])]
    assert "searched" in used, f"the index is not used, but {', '.join(used)}"
    return float(plan["Planning Time"] + plan["Execution Time"])


def _steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _steps(part)


def board(stack: Stack, size: int) -> Iterator[str]:
    """The lines of the board, each as soon as it is known."""
    extra = dataset.scaled(size - len(dataset.documents()))
    documents = dataset.documents() + extra.documents
    began = time.perf_counter()
    vectors = np.concatenate([dataset.embeddings(), extra.vectors])
    del extra
    with stack.postgres.connect() as connection:
        dataset.load_pgvector(connection, documents, waiting(vectors, "loading rows and vectors", total=size))
        yield f"{size:,} rows with their vectors were loaded in {time.perf_counter() - began:.0f} s"
        began = time.perf_counter()
        components = principal_components(vectors)
        load_shortened(connection, [document.id for document in documents], vectors, components)
        yield f"short vectors of {COMPONENTS} numbers were made and loaded in {time.perf_counter() - began:.0f} s"
    scan = Scan(documents, vectors, frozenset())
    asked = {
        "questions": [embed(question.text) for question in dataset.questions()],
        "documents": list(dataset.scaled(NEW, seed=99).vectors),
    }
    for index in indexes(size, components):
        built = build(stack, index, size)
        found = search(stack, index, scan, asked)
        exact = found.pop("NumPy")
        assert isinstance(exact, Timing)
        yield (
            f"\n{index.name}: built in {built.seconds:,.1f} s, {built.size / 2**20:,.0f} MB on disk, the server had "
            f"{built.memory / 2**20:,.0f} MB at most. NumPy's exact scan: p50 {exact.p50:.1f} ms"
        )
        yield f"{'both, as a client sees it':<26}{'p50':>9}{'p95':>9}{'/ NumPy':>9}" + "".join(
            f"{what:>12}:{'server':>7}{'recall@10':>11}" for what in asked
        )
        for name, figures in found.items():
            assert isinstance(figures, Found)
            p50, p95 = figures.timing.p50, figures.timing.p95
            by_kind = "".join(f"{figures.server[what]:>20.2f}{figures.recall[what]:>11.3f}" for what in asked)
            yield f"{name:<26}{p50:>9.2f}{p95:>9.2f}{p50 / exact.p50:>9.4f}{by_kind}"


def main(*arguments: str) -> None:
    """Measure on so many documents: `1m`, or a number of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.million", description="pgvector on a million documents, or on others.")
    parser.add_argument("documents", type=_rows, help="1m, or a number")
    rows = parser.parse_args(arguments).documents
    print(f"{machine()}, shared_buffers {buffers()}")
    with (
        tempfile.TemporaryDirectory() as home,
        patch.dict(os.environ, COURSE_HOME=home),
        Stack.start("00", embedded=True) as stack,
    ):
        give_buffers(stack)
        for line in board(stack, rows):
            print(line, flush=True)
    print("\nms; server: planning and execution alone; / NumPy: p50 over that of the exact scan")


def _rows(text: str) -> int:
    return 1_000_000 if text == "1m" else number_of_documents(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
