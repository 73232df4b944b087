"""Gate 3, for checks that judge what a learner's stores hold: right ones pass in any order, and each wrong one is named.

The wrong states stand with the checks, each with what makes it of a right one. The right ones are made by the source's
solution and by the whole ways of `test_lesson_15.py`, once each; every test gets a copy.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from course import embed, fernhill, progress
from course.checks import lesson_15
from course.exercises.check import Exercise
from course.exercises.result import Result
from course.exercises.states import State
from course.fernhill import DATABASE, Shop
from course.stack import Stack
from tests.checks.answers import exercise, state_checks, task, tasks
from tests.checks.test_lesson_15 import WHOLE

SOURCE = ""
"""The right state that the source's solution makes."""

EVERY_CHECK = pytest.mark.parametrize("id", state_checks())
EVERY_WAY = pytest.mark.parametrize("way", [SOURCE, *WHOLE], ids=[f"15.{way}" for way in ("the source", *WHOLE)])
STATES = [pytest.param(id, state, id=f"{id} {state.name}") for id in state_checks() for state in exercise(id).states]


@dataclass
class Fernhill:
    """Fernhill's stores, which can be put into each right state again and again."""

    stack: Stack
    shop: Shop
    kept: Path

    def migrate(self, way: str) -> None:
        """Put the state that this way makes into the stores: anew the first time, and then a copy of that."""
        if self._is_kept(way):
            self._put_back(way)
            return
        self.shop.reset()
        with self.shop.connect() as postgres:
            names = {"shop": self.shop, "postgres": postgres, "collection": self.shop.collection(), "embed": embed}
            code = [WHOLE[way]] if way else [one.solved for one in tasks("15").values()]
            for cell in code:
                exec(textwrap.dedent(cell), names | {"subprocess": subprocess})
        self._keep(way)

    def changed(self, state: State) -> None:
        """Put the right state into the stores that this wrong one departs from, and make it wrong."""
        self.migrate(state.of)
        if callable(state.made):
            state.made(self.shop)
            return
        with self.shop.connect() as connection:
            connection.execute(state.made.encode())

    def _template(self, way: str) -> str:
        return f"kept {way}"

    def _is_kept(self, way: str) -> bool:
        with self.stack.postgres.connect() as admin:
            query = "SELECT FROM pg_database WHERE datname = %s"
            return admin.execute(query, [self._template(way)]).fetchone() is not None

    def _keep(self, way: str) -> None:
        self._copy(DATABASE, self._template(way))
        copy = shutil.copytree if self.shop.dump.is_dir() else shutil.copy
        copy(self.shop.dump, self.kept / self._template(way))

    def _put_back(self, way: str) -> None:
        self.shop.reset(vectors=False)
        self._copy(self._template(way), DATABASE)
        with self.stack.postgres.connect() as admin:
            admin.execute(f"COMMENT ON DATABASE {DATABASE} IS 'Fernhill at its known start, or what was made of it'".encode())
            admin.execute(f"ALTER DATABASE {DATABASE} SET hnsw.iterative_scan = 'strict_order'".encode())  # no copy has it
        dump = self.kept / self._template(way)
        (shutil.copytree if dump.is_dir() else shutil.copy)(dump, self.shop.dump)

    def _copy(self, source: str, target: str) -> None:
        with self.stack.postgres.connect() as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(target)))
            names = {"target": sql.Identifier(target), "source": sql.Identifier(source)}
            admin.execute(sql.SQL("CREATE DATABASE {target} TEMPLATE {source}").format(**names))


@pytest.fixture(scope="module")
def fernhill_kept(course_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fernhill]:
    """Fernhill in the servers of lesson 15."""
    with Stack.start("15") as stack:
        server = stack.own[0]
        server.stop()
        server.settings = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        server.start()
        yield Fernhill(stack, fernhill.take_up(stack), tmp_path_factory.mktemp("kept"))


@pytest.fixture
def stores(fernhill_kept: Fernhill) -> Fernhill:
    """Fernhill, its servers running."""
    for server in fernhill_kept.stack.servers:
        server.start()
    return fernhill_kept


def judged(id: str, shop: object) -> Result:
    """What the check says to this shop, called as the notebook calls it."""
    return eval(task(id).check, {"check": lesson_15, "shop": shop})


@EVERY_CHECK
def test_a_check_has_enough_states_hints_and_a_solution_to_be_trusted(id: str) -> None:
    check = exercise(id)
    assert len(check.states) >= 5
    assert len({state.name for state in check.states}) == len(check.states)
    assert len({state.says for state in check.states}) == len(check.states)
    assert len({check.hint().text for _ in range(4)}) == 3
    assert check.solution().code == task(id).solved
    assert check.mistakes == ()


@EVERY_CHECK
def test_at_the_known_start_nothing_was_attempted(id: str, stores: Fernhill) -> None:
    stores.shop.reset(vectors=False)
    result = judged(id, stores.shop)
    assert result.outcome == "not attempted", result


@pytest.mark.parametrize(("id", "state"), STATES)
def test_each_wrong_state_is_told_with_its_own_sentence(id: str, state: State, stores: Fernhill) -> None:
    stores.changed(state)
    result = judged(id, stores.shop)
    assert result.outcome == ("not yet" if state.attempted else "not attempted"), result
    for part in literals(state.says):
        assert part in result.message


def literals(says: str) -> list[str]:
    """The parts of a sentence between what is filled in."""
    from string import Formatter

    return [text for text, *_ in Formatter().parse(says)]


@EVERY_WAY
def test_a_right_state_passes_every_check_in_any_order(way: str, stores: Fernhill) -> None:
    stores.migrate(way)
    order = state_checks() * 2
    random.Random(15).shuffle(order)
    for id in order:
        result = judged(id, stores.shop)
        assert result.passed, result
        assert progress.record(id).outcome == "passed"


RELATIONS = """
    SELECT relname::text, relkind::text FROM pg_class
    WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema$)' ORDER BY relname
"""


@EVERY_WAY
def test_checks_leave_everything_as_it_was(way: str, stores: Fernhill) -> None:
    def everything() -> list[tuple]:
        with stores.shop.connect() as connection:
            relations = connection.execute(RELATIONS).fetchall()
            contents = sql.SQL("SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {} t")
            tables = [sql.Identifier(name) for name, kind in relations if kind in "rv"]
            rows = [connection.execute(contents.format(table)).fetchall() for table in tables]
            databases = connection.execute("SELECT datname FROM pg_database ORDER BY 1").fetchall()
        return [*relations, *(row for found in rows for row in found), *databases]

    stores.migrate(way)
    before, dump = everything(), stores.shop.dump.stat().st_mtime_ns
    for id in state_checks():
        judged(id, stores.shop)
    assert everything() == before
    assert stores.shop.dump.stat().st_mtime_ns == dump


def test_a_setting_is_judged_before_anything_is_moved(stores: Fernhill) -> None:
    """No check asks for another one to be passed before."""
    stores.shop.reset(vectors=False)
    with stores.shop.connect() as connection:
        connection.execute(task("15.setting").solved.split('"')[1].encode())
    assert judged("15.setting", stores.shop).passed


@EVERY_CHECK
def test_what_is_no_shop_is_not_the_checks_mistake(id: str) -> None:
    for value in (42, None, "shop", ...):
        result = judged(id, value)
        assert result.outcome in ("not yet", "not attempted"), result


@EVERY_CHECK
def test_a_server_that_is_down_is_named_and_the_learner_not_blamed(id: str, stores: Fernhill) -> None:
    stores.stack.postgres.stop()
    result = judged(id, stores.shop)
    assert result.outcome == "could not check", result
    assert "PostgreSQL" in result.message
    assert "Your work is untouched." in result.message


@EVERY_CHECK
def test_a_check_needs_neither_chromadb_nor_redis(id: str, stores: Fernhill) -> None:
    stores.migrate(SOURCE)
    stores.stack.chroma.stop()
    stores.stack.redis.stop()
    result = judged(id, stores.shop)
    assert result.passed, result


def test_an_open_transaction_of_the_learners_is_named(stores: Fernhill) -> None:
    stores.migrate(SOURCE)
    with psycopg.connect(stores.shop.url) as open_one:
        open_one.execute("ALTER TABLE articles ADD COLUMN later text")
        result = judged("15.copied", stores.shop)
        open_one.rollback()
    assert result.outcome == "not yet"
    assert result.message.startswith("A transaction of yours is still open")


def test_a_view_that_stops_is_the_learners(stores: Fernhill) -> None:
    stores.migrate(SOURCE)
    with stores.shop.connect() as connection:
        connection.execute("CREATE OR REPLACE VIEW differences AS SELECT ('no uuid' || title)::uuid AS id FROM articles")
    result = judged("15.verified", stores.shop)
    assert result.outcome == "not yet", result
    assert "invalid input syntax for type uuid" in result.message


@EVERY_CHECK
def test_a_table_of_the_start_that_is_gone_is_named(id: str, stores: Fernhill) -> None:
    stores.shop.reset(vectors=False)
    with stores.shop.connect() as connection:
        connection.execute("ALTER TABLE articles RENAME TO documents")
    result = judged(id, stores.shop)
    assert result.outcome == "not yet", result
    assert "no table `articles` any more" in result.message


def test_every_check_is_an_exercise_of_the_module() -> None:
    made = {f"15.{name}" for name, value in vars(lesson_15).items() if isinstance(value, Exercise)}
    assert made == set(state_checks())
