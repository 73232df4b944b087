"""The lessons of `make test-pauses`: each is a command of its own, and memory says how many wait at a time."""

import psutil
import pytest

from tests import pauses, side_by_side


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[str, ...], int]]:
    """What would have run side by side, and how many at a time."""
    started = []

    def main(*commands: str, at_a_time: int) -> int:
        started.append((commands, at_a_time))
        return 0

    monkeypatch.setattr(side_by_side, "main", main)
    return started


@pytest.mark.parametrize(("gigabytes", "at_a_time"), [(0.5, 1), (2.5, 2), (40, 40)])
def test_each_lesson_pauses_beside_as_many_others_as_memory_allows(gigabytes, at_a_time, started, monkeypatch):
    memory = psutil.virtual_memory()._replace(available=int(gigabytes * 2**30))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert pauses.main("05", "13") == 0
    [(commands, so_many)] = started
    assert so_many == at_a_time
    assert ["--pause=66" in command for command in commands] == [True, True]
    assert [command.split()[-1][:10] for command in commands] == ["lessons/05", "lessons/13"]


def test_an_unknown_lesson_is_refused_before_anything_runs(started, capsys):
    assert pauses.main("99") == 1
    assert "99" in capsys.readouterr().out
    assert not started
