"""Fernhill's data is what its README says, its stores can be left, taken up and reset, and each part of its lesson is short."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from course import fernhill
from course.embedding import DIMENSIONS, embed
from course.fernhill.records import FOLDER
from course.home import ROOT
from course.manifest import lesson
from course.pipeline.minutes import measure
from course.pipeline.source import Cell, read
from course.stack import Stack

PART = re.compile(r"^## 🔍 Part (\d): .* \(about (\d+) minutes\)$", re.MULTILINE)


def test_sizes() -> None:
    articles = fernhill.articles()
    assert len(articles) == 159
    assert Counter(article.stores for article in articles) == {"both": 149, "ChromaDB": 7, "PostgreSQL": 3}
    assert Counter(article.status for article in articles) == {"published": 147, "withdrawn": 8, "draft": 4}
    assert sum(article.body is None for article in articles) == 10
    assert sum(not article.tags for article in articles) == 6
    assert len(fernhill.mechanics()) == 12


@pytest.mark.parametrize("name", ["articles", "mechanics"])
def test_every_line_has_exactly_the_fields_of_its_record(name: str) -> None:
    for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        assert set(json.loads(line)) == set(getattr(fernhill, name)()[0].__dataclass_fields__), line


def test_ids_are_unique_and_lead_somewhere() -> None:
    mechanics = {one.id for one in fernhill.mechanics()}
    articles = fernhill.articles()
    assert len({article.id for article in articles}) == len(articles)
    assert all((article.mechanic_id in mechanics) == (article.stores != "ChromaDB") for article in articles)


def test_texts_have_25_to_60_words_and_share_no_long_run_of_them() -> None:
    seen: dict[str, str] = {}
    for article in fernhill.articles():
        assert article.body is None or 25 <= len(article.body.split()) <= 60, article.title
        words = re.findall(r"\w+", (article.body or "").lower())
        for start in range(len(words) - 5):
            run = " ".join(words[start : start + 6])
            assert seen.setdefault(run, article.title) == article.title, f"{seen[run]} and {article.title}: {run}"
    assert len({article.title for article in fernhill.articles()}) == len(fernhill.articles())


def test_a_copied_status_is_stale_where_it_may_hurt() -> None:
    stale = [article for article in fernhill.articles() if article.copied_status not in (article.status, None)]
    assert len(stale) == 6
    assert {(article.status, article.copied_status) for article in stale} == {("withdrawn", "published")}


def test_the_stored_vectors_are_those_of_the_articles() -> None:
    articles, vectors = fernhill.articles(), fernhill.embeddings()
    assert (vectors.shape, vectors.dtype) == ((len(articles), DIMENSIONS), np.float32)
    for row in range(0, len(articles), 13):
        distance = np.abs(embed(articles[row].text) - vectors[row]).max()
        assert distance < 1e-3, f"{articles[row].title!r} has changed: run `python -m course.fernhill` to embed all anew"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", str(tmp_path_factory.mktemp("home")))
        with Stack.start("15", embedded=True) as stack:
            yield stack


def test_what_was_made_is_there_when_fernhill_is_taken_up_again(stack: Stack) -> None:
    fernhill.take_up(stack).reset()
    with fernhill.take_up(stack).connect() as postgres:
        postgres.execute("CREATE TABLE mine AS SELECT 15 AS made")
    stack.postgres.stop()
    stack.postgres.start()
    shop = fernhill.take_up(stack)
    with shop.connect() as postgres:
        assert postgres.execute("TABLE mine").fetchall() == [(15,)]
    assert "152 articles in PostgreSQL, 156 entries in ChromaDB" in repr(shop)


def test_a_reset_brings_the_known_start_back_and_says_what_it_removes(stack: Stack) -> None:
    shop = fernhill.take_up(stack)
    with shop.connect() as postgres:
        postgres.execute("DROP TABLE articles CASCADE")
        for place in ("DATABASE fernhill", "DATABASE lumen", "ROLE CURRENT_USER", "SYSTEM"):
            postgres.execute(f"ALTER {place} SET work_mem = '5MB'".encode())
    shop.collection().delete(where={"status": "published"})
    shop.dump.mkdir()
    (shop.dump / "toc.dat").touch()
    note = shop.reset()
    assert "Your cells and your progress are as they were" in note.text
    assert not shop.dump.exists()
    assert shop.collection().count() == 156
    with shop.connect() as postgres:
        assert postgres.execute("SELECT count(*) FROM articles").fetchall() == [(152,)]
        assert postgres.execute("SELECT count(*) FROM pg_db_role_setting").fetchall() == [(0,)]
        assert postgres.execute("SELECT count(*) FROM pg_file_settings WHERE name = 'work_mem'").fetchall() == [(0,)]


def test_a_load_that_was_interrupted_is_done_again(stack: Stack) -> None:
    fernhill.take_up(stack)
    with stack.postgres.connect() as admin:
        admin.execute("COMMENT ON DATABASE fernhill IS NULL")  # as if it had ended before the last statement
    with fernhill.take_up(stack).connect() as postgres:
        assert postgres.execute("SELECT count(*) FROM articles").fetchall() == [(152,)]


def parts() -> list[tuple[int, list[Cell]]]:
    """The parts of the lesson: the minutes that each announces, and its cells; the first begins with the lesson."""
    cells = read(ROOT / "solutions" / f"{lesson('15').stem}.md", "15")
    starts = [(place, PART.search(cell.text)) for place, cell in enumerate(cells) if cell.kind == "markdown"]
    begun = [(place, int(found[2])) for place, found in starts if found]
    places = [0, *(place for place, _ in begun[1:]), len(cells)]
    return [(minutes, cells[first:last]) for (_, minutes), (first, last) in zip(begun, pairwise(places), strict=True)]


def test_each_of_four_parts_takes_at_most_fifteen_minutes_and_says_how_long() -> None:
    assert len(parts()) == 4
    for announced, cells in parts():
        assert measure(cells).minutes == announced <= 15


def test_each_part_can_be_begun_after_a_restart() -> None:
    """Its first code cell makes every name that later cells of it need, and it ends in a save point."""
    for _, cells in parts()[1:]:
        first = next(cell for cell in cells if cell.kind == "code")
        assert "fernhill.take_up(" in first.text
    assert all("**Save point.**" in cells[-1].text for _, cells in parts()[:-1])


def test_the_readme_tells_every_file() -> None:
    told = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}`" in told for path in Path(FOLDER).iterdir())
