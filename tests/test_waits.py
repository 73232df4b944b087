"""How long people wait, as `make bench` prints it: it runs, for one lesson. What it finds is for people to read."""

import subprocess
import sys

import pytest

from course.home import ROOT
from tests import waits

NOT_ASKED_FOR = ("arrow", "click", "lark", "rich")
"""Libraries behind unused parts of what ChromaDB imports."""


def test_what_was_waited_for_is_told_with_its_slowest_first():
    taken = [(f"0{number}", float(number)) for number in range(1, 6)]
    assert waits.told("an answer", taken, "at most 9 s").splitlines() == [
        "an answer: p50 3.00 s, p90 4.60 s, at most 5.00 s (aim: at most 9 s)",
        "    05 5.00 · 04 4.00 · 03 3.00 · 02 2.00 · 01 1.00",
    ]


def test_one_lesson_is_waited_for_and_run_by_both_runners(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waits, "IMPORTS", 1)
    waits.main("06")
    text = capsys.readouterr().out
    for what in ("import course: p50 ", "    06 ", "06.operator_for ", "our gate / nbmake: "):
        assert what in text, what


def test_chromadb_comes_without_what_nothing_here_asks_for():
    told = "import sys, course, chromadb; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines())
    assert "httpx" in loaded
    assert loaded.isdisjoint(NOT_ASKED_FOR)


def test_what_a_runner_that_failed_printed_is_told() -> None:
    with pytest.raises(SystemExit, match=r"(?s)the reason.*ended with 3"):
        waits._seconds_of([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"])
