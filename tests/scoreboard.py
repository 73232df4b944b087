"""Both applications on the same documents, in turn: `make bench` prints how many times faster the second one is.

Three databases on one stack, one database with an HNSW index on another. Both PostgreSQLs have the buffers that the manual
advises, a B-tree for the filters, and the planner's costs of memory and flash. Beside them the floor: the bare statement over one
open connection, and NumPy's exact scan. The documents are loaded once. Each other row of the board is asked of all in turn, in an
order drawn anew for each round, and often before anything counts; a run gives the ratios of its medians, and the board shows the
median of several runs. Nothing is judged: milliseconds and ratios differ from machine to machine.
`python -m tests.scoreboard 1000 10000` measures these sizes.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
from pgvector.psycopg import register_vector_async
from psycopg import sql

from course import dataset
from course.apps.stores import DocumentVectors, Postgres
from course.measure import interleaved
from course.stack import Stack
from course.waiting import waiting
from tests import bulk
from tests.bench import give_buffers, machine, number_of_documents
from tests.board_rows import CLIENTS, Row, Sides, rows
from tests.floor import COPY, Bare, Scan
from tests.growth import APART_FROM, MORE_USERS, grown, kinds, middle_and_most

SIZES = (1_000, 10_000, 100_000)
RUNS, ROUNDS = 5, 10
WARM_UP = 100
"""How many answers come before those that count, of each row that only asks. A connection's first questions touch each page of
the index for the first time: some 200 page faults a question at 100,000 documents, 2 after twenty. An application keeps its
connections for hours.
"""
PATIENCE = 600
"""How many seconds an answer may take."""
QUESTIONS = 30
"""How many a recall is measured with."""

RATIOS = {"three / one": ("three", "one"), "one / bare": ("one", "bare"), "one / NumPy": ("one", "scan")}


@dataclass(frozen=True)
class Figures:
    """Milliseconds by way, the median of the runs' ratios by their name, and the recall of each application if it has one."""

    ms: Mapping[str, float]
    ratios: Mapping[str, float]
    recall: Mapping[str, float]


def measure(size: int, kind: str) -> tuple[dict[str, Figures], list[str]]:
    """What is asked, to its figures; and the lines about bulk inserts."""
    with tempfile.TemporaryDirectory() as home, patch.dict(os.environ, COURSE_HOME=home):
        extra = grown(size, kind)
        with Stack.start("00", embedded=True) as stack:
            other = stack.beside("one")
            for each in (stack, other):
                give_buffers(each)
            board = asyncio.run(_measure(stack, other, extra, f"{size:,} documents, {kind}"))
            print("adding many at once …", flush=True)
            return board, bulk.measure(stack, other)


async def _measure(stack: Stack, other: Stack, extra: dataset.Scaled, what: str) -> dict[str, Figures]:
    stack.chroma.client()  # the first one imports chromadb, which is not part of a load
    documents, vectors = dataset.documents() + extra.documents, np.concatenate([dataset.embeddings(), extra.vectors])
    premium = frozenset(user.id for user in (*dataset.users(), *extra.users) if user.subscription == "premium")
    middle, most = middle_and_most(documents, sorted(premium))

    def load_three() -> None:
        dataset.load(stack, extra=extra)
        _give_what_one_has(stack)

    before = _timed(f"loading {what}, three databases", load_three)
    after = _timed(f"loading {what}, one database", lambda: dataset.load_one(other, extra=extra, hnsw=True))
    bare = Bare(other.postgres.url)
    try:
        copied = _timed("copying the rows alone", lambda: _copied(bare, documents, vectors))
        board = {"load everything, once (bare: rows, no index)": _loaded(before, after, copied)}
        async with (
            Postgres(stack.postgres.url) as three,
            DocumentVectors(stack.chroma.url, stack.chroma.database) as collection,
            Postgres(other.postgres.url, configure=register_vector_async) as one,
        ):
            for store in (three, collection, one):
                # ChromaDB reads its index with the first question: on a busy machine, for longer than a user would wait
                store.turns._silence = store.turns._patience = PATIENCE
            sides = Sides(three, collection, one, bare, Scan(documents, vectors, premium))
            for row in waiting(rows(sides, middle, most, middle), f"asking both, {what}", total=9, after=0):
                board[row.name] = await _figures(row)
    finally:
        bare.close()
    return board


def _give_what_one_has(stack: Stack) -> None:
    """Three databases filter by user and age too: they get the B-tree and the planner's setting."""
    with stack.postgres.connect() as connection:
        connection.execute("CREATE INDEX ON documents (user_id, created_at) INCLUDE (id)")
        connection.execute("VACUUM ANALYZE documents")
        change = sql.SQL("ALTER DATABASE {} SET random_page_cost = {}")
        cost = sql.Literal(dataset.SEARCH_SETTINGS["random_page_cost"])
        connection.execute(change.format(sql.Identifier(connection.info.dbname), cost))


def _timed(what: str, work: Callable[[], object]) -> float:
    print(what, "…", flush=True)
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _copied(bare: Bare, documents: tuple[dataset.Document, ...], vectors: np.ndarray) -> None:
    """The floor of a load: the same rows into a table without an index."""
    bare.connection.execute("CREATE TABLE floor (LIKE documents INCLUDING STORAGE INCLUDING DEFAULTS)")
    whole = ((d.id, d.user_id, d.title, d.content, vector) for d, vector in zip(documents, vectors, strict=True))
    bare.copy(waiting(whole, "copying", total=len(documents)), COPY.replace("documents", "floor"))
    bare.connection.execute("DROP TABLE floor")


def _loaded(before: float, after: float, copied: float) -> Figures:
    return Figures(
        {"three": before, "one": after, "bare": copied}, {"three / one": before / after, "one / bare": after / copied}, {}
    )


async def _figures(row: Row) -> Figures:
    questions = itertools.cycle(question.text for question in dataset.questions())
    asked = {name: lambda way=way: way(next(questions)) for name, way in row.ways.items()}
    taken, ratios = defaultdict(list), defaultdict(list)
    order = Random(row.name)
    if not row.writes:
        await interleaved(asked, rounds=WARM_UP // row.answers, order=order)
    for _ in range(RUNS):
        p50 = {name: timing.p50 for name, timing in (await interleaved(asked, rounds=ROUNDS, order=order)).items()}
        for name, ms in p50.items():
            taken[name].append(ms / row.answers)
        for name, (over, under) in RATIOS.items():
            if under in p50:
                ratios[name].append(p50[over] / p50[under])
    return Figures(_medians(taken), _medians(ratios), await _recall(row) if row.exact else {})


def _medians(found: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(values) for name, values in found.items()}


async def _recall(row: Row) -> dict[str, float]:
    """The share of the exact answer that each application finds."""
    shares = defaultdict(list)
    for question in dataset.questions()[:QUESTIONS]:
        exact = row.ways["scan"](question.text)
        assert isinstance(exact, list)
        for name in ("three", "one"):
            answer = row.ways[name](question.text)
            found = _ids(await answer if inspect.isawaitable(answer) else answer)
            shares[name].append(len(found.intersection(exact)) / len(exact))
    return {name: statistics.mean(values) for name, values in shares.items()}


def _ids(answer: Any) -> set[int]:
    """The ids in what an application answers, or ChromaDB itself."""
    return {int(id) for id in answer["ids"][0]} if isinstance(answer, dict) else {row["id"] for row in answer}


def show(board: dict[str, Figures], title: str) -> None:
    """Print the board of one size and kind of growth."""
    heads = ("three", "one", "bare SQL", "NumPy", *RATIOS, "recall")
    print(f"\n{title:<50}" + "".join(f"{head:>13}" for head in heads))
    for name, figures in board.items():
        ms = [f"{figures.ms[way]:,.2f}" if way in figures.ms else "" for way in ("three", "one", "bare", "scan")]
        ratios = [f"{figures.ratios[ratio]:.2f}" if ratio in figures.ratios else "" for ratio in RATIOS]
        recall = " → ".join(f"{share:.2f}" for share in figures.recall.values())
        print(f"{name:<50}" + "".join(f"{cell:>13}" for cell in (*ms, *ratios, recall)))


def main(*arguments: str) -> None:
    """Measure every size and kind of growth, and print the boards."""
    parser = argparse.ArgumentParser(prog="python -m tests.scoreboard", description="Both applications on the same documents.")
    parser.add_argument("sizes", nargs="*", type=number_of_documents, default=SIZES, help=f"how many documents; else {SIZES}")
    sizes = parser.parse_args(arguments).sizes
    print(machine())
    print(f"three databases → one database with an HNSW index, ms: medians of {RUNS} runs of {ROUNDS} rounds in turn,")
    print(f"where something is asked, after {WARM_UP} answers that do not count")
    for size in sizes:
        for kind in kinds(size):
            board, added = measure(size, kind)
            show(board, f"{size:,} documents, {kind}")
            print("\n".join(added), flush=True)
    print(
        "\nthree / one below 1: three databases are faster. bare SQL: the statement over one open connection. NumPy: the exact "
        f"scan.\nWith {CLIENTS} clients: ms for each answer; the floor answers one by one.\n{MORE_USERS}: one user in a hundred "
        f"has 100 times as many. With fewer than {APART_FROM:,} documents there is no such user, and both kinds are one.\nBoth "
        "graphs are made with the values that each system has by itself: ef_construction is 100 in ChromaDB, 64 in pgvector."
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
