"""The scoreboard of `make bench`: it runs, on few documents and in few rounds. What it finds is for people to read."""

import asyncio
import itertools
import time
from types import ModuleType

import pytest

from tests import bulk, million, scoreboard
from tests.board_rows import BATCHES, Row, Way

ROWS = (
    "load everything",
    "question embedded",
    "without the embedding",
    "the most documents",
    "the same, as the planner",
    "premium users' nearest",
    "premium users', as the planner",
    "4 clients at",
    "everybody's",
    "add 100",
)


def test_the_board_has_every_row_for_both_applications_and_the_floor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"RUNS": 1, "ROUNDS": 1, "WARM_UP": 1, "QUESTIONS": 3}.items():
        monkeypatch.setattr(scoreboard, name, value)
    monkeypatch.setattr(scoreboard.bulk, "ROUNDS", 1)
    monkeypatch.setattr(scoreboard.bulk, "SIZES", (10, 20))
    scoreboard.main("400")
    head, *board = capsys.readouterr().out.rpartition("\n400 documents")[2].splitlines()
    assert head.split()[-9:] == ["/", "one", "one", "/", "bare", "one", "/", "NumPy", "recall"]
    for row in ROWS:
        [line] = [line for line in board if row in line]
        figures = [float(figure.replace(",", "")) for figure in line[50:].replace("→", " ").split()]
        # three, one and bare have a time, and two ratios; NumPy one more of each, and where it can be exact, two recalls
        assert len(figures) == {"load everything": 5, "add 100": 5, "4 clients at": 7}.get(row, 9), line
        assert all(figure > 0 for figure in figures), line
    for way in (
        "rows and upsert",
        "unnest",
        "COPY ",
        "second connection",
        "lighter graph, half",
        "without a graph",
        "recall@10",
        "built after the rows",
    ):
        assert [line for line in board if way in line], way


def test_no_way_always_follows_the_same_other() -> None:
    asked: list[str] = []

    def recorded(name: str) -> Way:
        return lambda _: asked.append(name)

    asyncio.run(scoreboard._figures(Row("recorded", {name: recorded(name) for name in ("three", "one", "bare")})))
    before_one = {former for former, name in itertools.pairwise(asked) if name == "one"}
    assert before_one >= {"three", "bare"}


def test_what_is_slow_at_first_does_not_count() -> None:
    seen = 0

    def slow_at_first(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen <= scoreboard.WARM_UP:
            time.sleep(0.002)

    ways: dict[str, Way] = {"three": lambda _: None, "one": slow_at_first, "bare": lambda _: time.sleep(0.001)}
    assert asyncio.run(scoreboard._figures(Row("slow at first", ways))).ratios["one / bare"] < 1


def test_no_batch_is_written_in_vain() -> None:
    """There are as many batches as count, and none is written twice."""
    calls: list[str] = []
    ways: dict[str, Way] = {name: lambda question: calls.append(question) for name in ("three", "one", "bare")}
    asyncio.run(scoreboard._figures(Row("batches", ways, writes=True)))
    assert len(calls) == scoreboard.RUNS * (scoreboard.ROUNDS + 1) * len(ways) <= BATCHES


def test_how_many_documents_are_worth_a_graph_built_anew() -> None:
    """Building for 10,000 rows takes a second, so 10 ms for 100; into the graph they take 60 ms more than without it."""
    assert "about 2,000 new documents" in bulk._worth_building(1_000, 10_000, 60)
    assert "never" in bulk._worth_building(1_000, 10_000, 10)


@pytest.mark.parametrize("board", [scoreboard, million])
@pytest.mark.parametrize("size", ["0", "300", "2m", "1,000", "-5"])
def test_a_size_that_is_none_is_refused_before_anything_is_measured(
    board: ModuleType, size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        board.main(size)
    told = capsys.readouterr()
    assert told.out == ""
    assert "-5" in told.err or f"a whole number above 300, and not '{size}'" in told.err
