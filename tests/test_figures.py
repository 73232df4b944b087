"""Figures that lessons measure and lesson 14 reads: kept by name, whole, and never at the cost of a lesson."""

import json
import math
import multiprocessing
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from course import figures, files
from course.errors import InputError
from course.stack import Stack


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    return tmp_path


def values() -> dict[str, object]:
    return {name: figure.value for name, figure in figures.kept().items()}


def test_before_any_lesson_has_measured_there_is_no_figure(home: Path) -> None:
    assert figures.kept() == {}
    assert not (home / "figures.json").exists()


def test_a_figure_is_found_by_its_lesson_and_name_with_the_day_of_its_measurement() -> None:
    figures.keep("02", {"kept_of_5": 1.4})
    assert figures.kept() == {"02.kept_of_5": figures.Figure(1.4, date.today().isoformat())}


def test_a_notebook_keeps_under_its_own_lesson_also_from_servers_beside_its_own() -> None:
    Stack.keep(cast(Stack, SimpleNamespace(lesson="05")), stopped=4)
    assert values() == {"05.stopped": 4}


def test_measured_again_a_figure_is_replaced_and_the_others_stay() -> None:
    figures.keep("02", {"kept_of_5": 1.4, "rows": 5})
    figures.keep("02", {"kept_of_5": 1.6})
    figures.keep("04", {"kills": 12})
    assert values() == {"02.kept_of_5": 1.6, "02.rows": 5, "04.kills": 12}


def test_numbers_of_numpy_tuples_and_dicts_are_kept_as_plain_values() -> None:
    figures.keep("07", {"one": np.float32(0.5), "two": (np.int64(3), "three"), "by_name": {"a": [True]}})
    assert values() == {"07.one": 0.5, "07.two": [3, "three"], "07.by_name": {"a": [True]}}


@pytest.mark.parametrize("value", [None, object(), math.nan, math.inf, [b"bytes"], {1, 2}])
def test_what_is_no_figure_is_refused_and_nothing_is_kept(value: object) -> None:
    with pytest.raises(InputError, match=r"'wrong'.*None was kept"):
        figures.keep("02", {"right": 1, "wrong": value})
    assert figures.kept() == {}


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xff\xfe\x00",
        b'{"version": 1, "figures": {"02',
        b"[]",
        b"{}",
        b'{"version": 1, "figures": []}',
        b'{"version": 1, "figures": {"02.rows": 5}}',
        b'{"version": 1, "figures": {"02.rows": {"value": 5}}}',
        b'{"version": 0, "figures": {}}',
        b"[" * 200_000,
    ],
)
def test_a_broken_or_old_file_is_kept_aside_and_said_and_the_lesson_goes_on(home: Path, damage: bytes) -> None:
    (home / "figures.json").write_bytes(damage)
    with pytest.warns(UserWarning, match=r"could not be understood.*figures\.damaged-1\.json"):
        figures.keep("02", {"rows": 5})
    assert (home / "figures.damaged-1.json").read_bytes() == damage
    assert values() == {"02.rows": 5}


def test_a_second_broken_file_does_not_replace_the_first(home: Path) -> None:
    for text in ("one", "two"):
        (home / "figures.json").write_text(text)
        with pytest.warns(UserWarning, match="could not be understood"):
            figures.kept()
    assert [(home / f"figures.damaged-{number}.json").read_text() for number in (1, 2)] == ["one", "two"]


def test_the_file_of_a_newer_course_is_left_as_it_is_and_the_lesson_goes_on(home: Path) -> None:
    newer = json.dumps({"version": 2, "figures": {}, "more": 1})
    (home / "figures.json").write_text(newer)
    with pytest.warns(UserWarning, match=r"newer course.*make update.*nothing that was kept is lost"):
        figures.keep("02", {"rows": 5})
    with pytest.warns(UserWarning, match="newer course"):
        assert figures.kept() == {}
    assert (home / "figures.json").read_text() == newer


def test_on_a_full_disk_the_lesson_goes_on_and_the_old_figures_stay(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures.keep("02", {"rows": 5})
    before = (home / "figures.json").read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full_disk)
    with pytest.warns(UserWarning, match="No space left on device"):
        figures.keep("02", {"rows": 6})
    assert (home / "figures.json").read_bytes() == before


def test_where_the_course_may_not_write_the_lesson_goes_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "a_file").write_text("")
    monkeypatch.setenv("COURSE_HOME", str(home / "a_file"))
    with pytest.warns(UserWarning, match="Set COURSE_HOME"):
        figures.keep("02", {"rows": 5})


def _keep_often(lesson: str) -> None:
    for number in range(20):
        figures.keep(lesson, {f"name_{number}": number})


def test_two_notebooks_at_once_lose_nothing() -> None:
    together = [multiprocessing.get_context("fork").Process(target=_keep_often, args=(lesson,)) for lesson in ("02", "04")]
    for one in together:
        one.start()
    for one in together:
        one.join(60)
    assert len(figures.kept()) == 40
