"""The scoreboard of `make bench`: it runs, on few documents and in few rounds. What it finds is for people to read."""

import pytest

from tests import scoreboard

ROWS = (
    "load everything",
    "question embedded",
    "without the embedding",
    "filter first",
    "premium users'",
    "4 clients",
    "everybody's",
    "add 100",
)


def test_the_board_has_every_row_for_both_applications(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"SIZES": (400,), "RUNS": 1, "ROUNDS": 1}.items():
        monkeypatch.setattr(scoreboard, name, value)
    scoreboard.main()
    board = capsys.readouterr().out.partition("medians of 1 runs")[2].splitlines()
    for row in ROWS:
        assert [line for line in board if row in line and " → " in line], row
    assert sum(" → " in line for line in board) == len(ROWS)
