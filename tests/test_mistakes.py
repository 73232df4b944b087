"""What a judge compares, whose sentence is said, and what a learner's function may not do besides being right."""

from __future__ import annotations

import os
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import psycopg
import pytest
from pgvector import Vector

from course.errors import CourseError
from course.exercises import bench as benches
from course.exercises import traces
from course.exercises.bench import bench, spare_postgres
from course.exercises.kinds import misfit
from course.exercises.likeness import alike
from course.exercises.manners import SENTENCES
from course.exercises.mistakes import Mistake, NotYet, Parts, Remembered, Trial
from course.exercises.stage import ODD, Stage
from course.servers.rows import only

SOLUTION = """
def twice(numbers):
    return [2 * number for number in numbers]
"""
MISTAKES = [
    Mistake("thrice", "That is three times.", old="2 *", new="3 *"),
    Mistake("the sum", "That is the sum.", code="def twice(numbers): return 2 * sum(numbers)"),
    Mistake("not for none", "An empty list gives an empty list.", old="return [", new="return numbers and numbers[0] * [] or ["),
    Mistake("fails for none", "An empty list has no first number.", old="return [", new="numbers[0]\n    return ["),
]


def function(code: str, **uses: Any) -> Callable:
    """The function that a piece of code defines last."""
    space = dict(uses)
    exec(textwrap.dedent(code), space)
    return list(space.values())[-1]


def trial(solution: str = SOLUTION, name: str = "twice", mistakes: Any = MISTAKES, may: Any = (), seconds: float = 30) -> Trial:
    return Trial(solution, name, mistakes, {}, frozenset(may), seconds)


def test_what_solution_and_mistakes_did_in_a_case_is_remembered_for_the_next_trial() -> None:
    observed: list[int] = []

    def observe(twice: Callable, stage: Stage) -> Any:
        observed.append(1)
        return twice([1, 2])

    remembered: Remembered = {}
    for _ in range(2):
        again = Trial(SOLUTION, "twice", MISTAKES, {}, frozenset(), 30, remembered=remembered)
        with pytest.raises(NotYet):
            again.compare(lambda numbers: "nothing like it", observe)
    # The learner's answer is observed each time, the solution and the mistakes once.
    assert len(observed) == 2 + 1 + len(MISTAKES)


def of(numbers: list[int]) -> Callable[[Callable, Stage], Any]:
    return lambda twice, stage: twice(list(numbers))


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for the servers of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("home")
        patch.setenv("COURSE_HOME", str(place))
        yield place
        if place in benches._benches:
            benches._benches.pop(place).close()


def test_what_does_the_same_as_the_solution_passes() -> None:
    trial().compare(lambda numbers: tuple(number + number for number in numbers), of([1, 2]))


def test_the_first_mistake_that_does_the_same_says_its_sentence_after_what_was_seen() -> None:
    with pytest.raises(NotYet) as said:
        trial().compare(lambda numbers: [number * 3 for number in numbers], of([1, 2]), "For 1 and 2 you return {found}.")
    assert str(said.value) == "For 1 and 2 you return `[3, 6]`. That is three times."


def test_an_unknown_mistake_is_told_what_was_seen_and_what_should_be() -> None:
    with pytest.raises(NotYet) as said:
        trial().compare(lambda numbers: "no", of([1, 2]))
    assert str(said.value) == "You return `'no'`, and it should be `[2, 4]`."


def test_of_several_parts_the_first_that_differs_is_told() -> None:
    def observe(twice: Callable, stage: Stage) -> Parts:
        numbers = [1]
        return Parts(returned=twice(numbers), numbers_left=len(numbers) + (twice(numbers) == [5]))

    with pytest.raises(NotYet) as said:
        trial(mistakes=[]).compare(lambda numbers: [5], observe)
    assert str(said.value) == "Returned: `[5]`, and it should be `[2]`."


def test_an_unknown_mistake_in_one_of_several_parts_is_told_after_the_case() -> None:
    def observe(twice: Callable, stage: Stage) -> Parts:
        return Parts(calls=1, returned=twice([1]))

    with pytest.raises(NotYet) as said:
        trial(mistakes=[]).compare(lambda numbers: [5], observe, "It is asked once.")
    assert str(said.value) == "It is asked once. Returned: `[5]`, and it should be `[2]`."
    with pytest.raises(NotYet) as said:
        trial(mistakes=[]).compare(lambda numbers: None, observe, "It is asked once.")
    assert str(said.value).endswith("That is `None`: is a `return` missing, in one branch at least?")


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        (None, [1], "That is `None`: is a `return` missing, in one branch at least?"),
        ((number for number in [1]), [1], "`list(…)` collects them."),
        (["a"], {"a"}, "That is a list of 1, and it should be a set."),
        ({"a"}, ["a"], "That is a set of 1, and it should be a list."),
        (17, "17", "That is the number `17`, and it should be a text."),
        (True, 1, "That is `True`, and it should be a number."),
        (psycopg.Cursor.__new__(psycopg.Cursor), [1], "`.fetchall()`"),
        (ValueError("no"), 3, "`raise` raises it."),
        (len, 3, "That is a function, which nobody has called"),
        ("0.36", 0.36, "That is a text. Return the number itself."),
    ],
)
def test_a_value_of_another_kind_is_told_as_such(found: object, wanted: object, said: str) -> None:
    assert said in misfit(found, wanted)


@pytest.mark.parametrize(("found", "wanted"), [([1], (2,)), ("refused", [1]), ({1}, frozenset({2})), (1, 2.5), ([], None)])
def test_a_value_of_the_right_kind_is_not_told_about_kinds(found: object, wanted: object) -> None:
    assert misfit(found, wanted) == ""


def test_a_connection_that_was_closed_in_mid_function_is_told_as_such() -> None:
    def closes(postgres: psycopg.Connection, id: int, title: str) -> int:
        with postgres:
            postgres.execute("SELECT 1")
        return only(postgres.execute("SELECT 1"))

    with pytest.raises(NotYet) as said:
        trial(READS, "reads", []).compare(closes, read)
    assert str(said.value) == SENTENCES["closed"]


def test_a_wrong_value_and_a_transaction_that_was_left_open_are_both_told() -> None:
    def leaves(postgres: psycopg.Connection, id: int, title: str) -> int:
        postgres.execute("BEGIN")
        return 2

    with pytest.raises(NotYet) as said:
        trial(READS, "reads", []).compare(leaves, read)
    assert str(said.value) == f"You return `2`, and it should be `1`. {SENTENCES['transaction']}"


def test_what_was_not_committed_is_told_and_not_taken_for_a_mistake_that_writes_nothing() -> None:
    def writes(postgres: psycopg.Connection, id: int, title: str) -> None:
        postgres.execute("INSERT INTO notes (title) VALUES (%s)", [title])

    def leaves(postgres: psycopg.Connection, id: int, title: str) -> None:
        postgres.execute("BEGIN")
        writes(postgres, id, title)

    def written(reads: Callable, stage: Stage) -> list[tuple]:
        reads(stage.database("CREATE TABLE notes (title text)"), 1001, ODD)
        return stage.rows("SELECT * FROM notes")

    solution = """
        def reads(postgres, id, title):
            postgres.execute("INSERT INTO notes (title) VALUES (%s)", [title])
    """
    nothing = Mistake("nothing", "Nothing is written.", code="def reads(postgres, id, title): return None")
    judging = trial(textwrap.dedent(solution), "reads", [nothing], {"postgres"})
    with pytest.raises(NotYet) as said:
        judging.compare(leaves, written)
    assert str(said.value).endswith(SENTENCES["transaction"])


def test_an_error_of_the_learners_own_is_theirs_unless_a_mistake_fails_alike() -> None:
    with pytest.raises(LookupError, match="mine"):
        trial().compare(function("def twice(numbers): raise LookupError('mine')"), of([1]))
    with pytest.raises(NotYet, match="An empty list has no first number"):
        trial().compare(function("def twice(numbers): return [2 * numbers[0]]"), of([]))


def test_a_slip_in_sql_is_a_known_one_only_at_the_same_word() -> None:
    solution = 'def reads(postgres): return postgres.execute("SELECT 1").fetchall()'
    slip = Mistake("from", "Nothing comes before FROM.", code='def reads(postgres): return postgres.execute("SELECT FROM FROM")')
    judging = trial(solution, "reads", [slip])

    def observe(reads: Callable, stage: Stage) -> Any:
        return reads(stage.database(""))

    with pytest.raises(NotYet, match="Nothing comes before FROM"):
        judging.compare(function('def reads(postgres): return postgres.execute("SELECT 1 FROM FROM x")'), observe)
    with pytest.raises(psycopg.errors.SyntaxError, match="SELEKT"):
        judging.compare(function('def reads(postgres): return postgres.execute("SELEKT 1")'), observe)


def test_a_mistake_was_right_in_the_cases_before_as_the_learner_was() -> None:
    both = [
        Mistake("always three", "Wrong from the first case on.", code="def twice(numbers): return [6]"),
        Mistake("three if it is", "Right at first.", code="def twice(numbers): return [2] if numbers == [1] else [6]"),
    ]
    judging = trial(mistakes=both)
    learners = function("def twice(numbers): return [2] if numbers[0] == 1 else [6]")
    judging.compare(learners, of([1]))
    with pytest.raises(NotYet, match=r"Right at first\."):
        judging.compare(learners, of([2]))


def test_a_solution_that_stops_is_the_checks_own_mistake() -> None:
    with pytest.raises(RuntimeError, match="solution itself"):
        trial("def twice(numbers): return numbers.nothing").compare(lambda numbers: [], of([1]))


def test_a_mistake_that_does_not_fit_the_solution_is_told_to_the_author() -> None:
    with pytest.raises(CourseError, match="has no such text"):
        Mistake("stale", "…", old="4 *", new="5 *").answer(SOLUTION)


def test_a_judge_says_the_sentence_of_a_mistake_that_it_saw_itself() -> None:
    assert str(trial().says("thrice", "Seen.")) == "Seen. That is three times."


def test_an_endless_function_gets_an_answer() -> None:
    with pytest.raises(NotYet) as said:
        trial(seconds=0.2).compare(function("def twice(numbers):\n    while True: pass"), of([1]))
    assert str(said.value).startswith("After 0.2 seconds your function is still running.")


def test_a_function_that_swallows_the_end_of_its_time_gets_an_answer_too() -> None:
    stubborn = """
        def twice(numbers):
            for _ in range(2):
                try:
                    while True:
                        pass
                except BaseException:
                    pass
            while True:
                pass
    """
    with pytest.raises(NotYet, match="still running"):
        trial(seconds=0.2).compare(function(stubborn), of([1]))


def test_a_function_that_waits_for_a_lock_is_told_so() -> None:
    def observe(write: Callable, stage: Stage) -> Any:
        lent = stage.database("CREATE TABLE notes (id int); INSERT INTO notes VALUES (1)")
        with stage.connect() as rival, rival.transaction():
            if write.__name__ == "theirs":
                rival.execute("UPDATE notes SET id = 2")
            return write(lent)

    theirs = function("def theirs(postgres): postgres.execute('UPDATE notes SET id = 3')")
    with pytest.raises(NotYet) as said:
        trial("def write(postgres): return None", "write", [], {"postgres"}, 1).compare(theirs, observe)
    assert "PostgreSQL says that `UPDATE notes SET id = 3` waits for another session's lock." in str(said.value)


def test_a_callable_that_is_asked_without_an_end_stops_the_asking() -> None:
    def observe(ask: Callable, stage: Stage) -> Any:
        return ask(stage.asked(lambda: False, at_most=50))

    endless = """
        def ask(call):
            while True:
                try:
                    if call():
                        break
                except Exception:
                    pass
    """
    with pytest.raises(NotYet, match="asks again and again"):
        trial("def ask(call): return call()", "ask", []).compare(function(endless), observe)


def test_what_is_lent_knows_how_often_it_was_asked() -> None:
    with Stage() as stage:
        asked = stage.asked(lambda k: k + 1)
        assert asked(1) == 2
        assert (asked.times, asked.calls) == (1, [(1,)])


NOTES = "CREATE TABLE notes (id int PRIMARY KEY, title text); INSERT INTO notes VALUES (1001, 'Kettle'), (1002, 'Boiler')"
READS = """
def reads(postgres, id, title):
    return postgres.execute("SELECT count(*) FROM notes WHERE id = %s OR title = %s", [id, title]).fetchone()[0]
"""

MANNERS = {
    "transaction": """
        def reads(postgres, id, title):
            postgres.execute("BEGIN")
            return postgres.execute("SELECT count(*) FROM notes WHERE id = %s", [id]).fetchone()[0]
    """,
    "closed": """
        def reads(postgres, id, title):
            with postgres:
                return postgres.execute("SELECT count(*) FROM notes WHERE id = %s", [id]).fetchone()[0]
    """,
    "settings": """
        def reads(postgres, id, title):
            postgres.execute("SET enable_seqscan = off")
            return postgres.execute("SELECT count(*) FROM notes WHERE id = %s", [id]).fetchone()[0]
    """,
    "temporary": """
        def reads(postgres, id, title):
            postgres.execute("CREATE TEMP TABLE mine AS SELECT * FROM notes WHERE id = %s", [id])
            return postgres.execute("SELECT count(*) FROM mine").fetchone()[0]
    """,
    "locks": """
        def reads(postgres, id, title):
            postgres.execute("SELECT pg_advisory_lock(7)")
            return postgres.execute("SELECT count(*) FROM notes WHERE id = %s", [id]).fetchone()[0]
    """,
    "connections": """
        kept = []

        def reads(postgres, id, title):
            kept.append(psycopg.connect(postgres.info.dsn, password=postgres.info.password, autocommit=True))
            return kept[-1].execute("SELECT count(*) FROM notes WHERE id = %s", [id]).fetchone()[0]
    """,
    "tables": """
        def reads(postgres, id, title):
            postgres.execute("CREATE TABLE mine AS SELECT * FROM notes WHERE id = %s", [id])
            return postgres.execute("SELECT count(*) FROM mine").fetchone()[0]
    """,
    "postgres": """
        def reads(postgres, id, title):
            found = postgres.execute("SELECT count(*) FROM notes WHERE id = %s", [id]).fetchone()[0]
            postgres.execute("DELETE FROM notes WHERE id <> %s", [id])
            return found
    """,
    "pasted": """
        def reads(postgres, id, title):
            return postgres.execute(f"SELECT count(*) FROM notes WHERE id = {id}").fetchone()[0]
    """,
    "files": """
        def reads(postgres, id, title):
            open("left.txt", "w").close()
            return 1
    """,
    "directory": """
        def reads(postgres, id, title):
            os.chdir("/")
            return 1
    """,
    "threads": """
        def reads(postgres, id, title):
            threading.Thread(target=over.wait, daemon=True).start()
            return 1
    """,
}


def read(reads: Callable, stage: Stage) -> int:
    return reads(stage.database(NOTES), 1001, ODD)


@pytest.mark.parametrize("name", MANNERS)
def test_a_right_answer_with_bad_manners_is_told_which(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    over = threading.Event()
    learners = function(MANNERS[name], psycopg=psycopg, os=os, threading=threading, over=over)
    try:
        with pytest.raises(NotYet) as said:
            trial(READS, "reads", []).compare(learners, read)
    finally:
        over.set()
    beginning = SENTENCES[name].partition("{what}")[0]
    assert str(said.value).startswith(beginning)
    assert Path.cwd() == tmp_path
    trial(READS, "reads", []).compare(function(READS), read)


@pytest.mark.parametrize("name", ["settings", "postgres", "tables"])
def test_what_an_exercise_allows_is_no_fault(name: str) -> None:
    trial(READS, "reads", [], {name}).compare(function(MANNERS[name]), read)


def test_a_text_that_breaks_careless_sql_is_a_pasted_value_too() -> None:
    pasted = """
        def reads(postgres, id, title):
            safe = title.replace("'", "''").replace("%", "%%")
            return postgres.execute(f"SELECT count(*) FROM notes WHERE title = '{safe}' OR id = %s", [id]).fetchone()[0]
    """
    by_hand = """
        def reads(postgres, id, title):
            safe = title.replace("'", "''")
            return postgres.execute(f"SELECT count(*) FROM notes WHERE id > 1001 OR title = '{safe}'").fetchone()[0]
    """
    trial(READS, "reads", []).compare(function(pasted), read)
    with pytest.raises(NotYet, match="Bound parameters"):
        trial(READS, "reads", []).compare(function(by_hand), read)


def test_a_pasted_value_at_which_the_statement_stops_is_told_as_one() -> None:
    pasted = """
        def reads(postgres, id, title):
            return postgres.execute(f"SELECT count(*) FROM notes WHERE id > 1001 OR title = '{title}'").fetchone()[0]
    """
    with pytest.raises(NotYet, match="Bound parameters") as told:
        trial(READS, "reads", []).compare(function(pasted), read)
    assert isinstance(told.value.__cause__, psycopg.Error)


def test_changed_arguments_are_told_by_their_place() -> None:
    def observe(twice: Callable, stage: Stage) -> Any:
        return twice([2, 1])

    sorts = "def twice(numbers):\n    numbers.sort()\n    return [4, 2]"
    with pytest.raises(NotYet, match="its first argument is not what it was"):
        trial(mistakes=[]).compare(function(sorts), observe)


def test_collections_and_keys_that_should_only_be_read_are_watched() -> None:
    def observe(count: Callable, stage: Stage) -> Any:
        collection = stage.collection(ids=["1", "2"], embeddings=[[1.0], [2.0]])
        stage.redis.set("session", "dana")
        return count(collection, stage.redis)

    right = "def count(collection, redis): return collection.count()"
    trial(right, "count", []).compare(function(right), observe)
    deletes = "def count(collection, redis):\n    collection.delete(ids=['1'])\n    return 2"
    with pytest.raises(NotYet, match="the collection `documents` in ChromaDB"):
        trial(right, "count", []).compare(function(deletes), observe)
    flushes = "def count(collection, redis):\n    redis.flushall()\n    return 2"
    with pytest.raises(NotYet, match="the key `session` is not what it was"):
        trial(right, "count", []).compare(function(flushes), observe)


def test_a_mistake_may_be_recognized_by_its_manners() -> None:
    deletes = Mistake("deletes", "Look first, delete later.", code=MANNERS["postgres"])
    with pytest.raises(NotYet, match=r"Look first, delete later\."):
        trial(READS, "reads", [deletes]).compare(function(MANNERS["postgres"]), read)


def test_bad_manners_alone_are_not_taken_for_a_mistake_with_others() -> None:
    walks = """
    import os

    def twice(numbers):
        os.chdir("/")
        return [2 * number for number in numbers]
    """

    def learners(numbers: list[int]) -> list[int]:
        numbers.append(0)
        return [2 * number for number in numbers[:-1]]

    with pytest.raises(NotYet) as said:
        trial(mistakes=[Mistake("walks", "You walk away.", code=walks)]).compare(learners, of([1]))
    assert str(said.value) == SENTENCES["arguments"].format(what="first")


def test_each_observation_begins_with_nothing_of_the_one_before() -> None:
    with Stage() as stage:
        stage.database("CREATE TABLE one (id int); CREATE SCHEMA other CREATE TABLE two (id int)")
        stage.own.execute("ALTER DATABASE bench SET work_mem = '1MB'")
        stage.chroma.create_collection("left")
        stage.redis.set("left", "1")
    with Stage() as stage:
        lent = stage.database()
        assert lent.execute("SELECT count(*) FROM pg_tables WHERE tablename IN ('one', 'two')").fetchone() == (0,)
        assert lent.execute("SHOW work_mem").fetchone() == ("4MB",)
        assert only(lent.execute("SELECT '[1,2]'::vector")).to_list() == [1, 2]
        assert stage.chroma.list_collections() == []
        assert stage.redis.keys() == []


def test_a_session_that_was_left_open_is_thrown_out() -> None:
    with Stage() as stage:
        lent = stage.database(NOTES)
        with suppress(psycopg.Error):
            other = psycopg.connect(stage.url)
            other.execute("LOCK TABLE notes")
    with Stage() as stage:
        assert stage.database(NOTES).execute("SELECT count(*) FROM notes").fetchone() == (2,)
    assert lent.closed
    with pytest.raises(psycopg.OperationalError):
        other.execute("SELECT 1")


def test_chromas_files_of_dead_collections_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "_MOST_COLLECTIONS", 3)
    for _ in range(8):
        with Stage() as stage:
            stage.collection(ids=["1"], embeddings=[[1.0]])
    folders = [path for path in bench()._vectors.directory.iterdir() if path.is_dir()]
    assert len(folders) <= 3


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        (True, 1, False),
        (0.1 + 0.2, 0.3, True),
        (np.float32(0.5), 0.5, True),
        (np.int64(3), 3, True),
        (float("nan"), float("nan"), True),
        (None, 0, False),
        ((1, 2), [1, 2], True),
        ([1, 2], [2, 1], False),
        (frozenset({"1"}), {"1"}, True),
        ({"a": np.array([1.0])}, {"a": [1.0]}, True),
        ({"1"}, ["1"], False),
        ("1", 1, False),
    ],
)
def test_values_are_alike_when_they_say_the_same(found: object, wanted: object, same: bool) -> None:
    assert alike(found, wanted) is same


def test_a_login_on_the_checks_own_server_hashes_the_password_once() -> None:
    verifier = only(bench().database("bench").execute("SELECT rolpassword FROM pg_authid WHERE rolname = current_user"))
    assert verifier.startswith("SCRAM-SHA-256$1:")


def test_after_many_databases_no_plan_of_one_that_is_gone_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "_MOST_DATABASES", 3)
    plans = "SELECT count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'CachedPlan%'"
    kept: list[int] = []
    for _ in range(12):
        own = bench().database("bench")
        own.execute("CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE notes (user_id int REFERENCES users)")
        own.execute("INSERT INTO users VALUES (1); INSERT INTO notes VALUES (1)")
        kept.append(only(own.execute(plans)))
    assert max(kept[6:]) <= max(kept[:6])


def test_a_session_that_is_ending_is_waited_for_and_one_that_stays_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "_SECONDS_TO_END", 0.1)
    asked = iter([[11, 12], [12], []])
    assert traces.until_ended(lambda: next(asked)) == []
    assert traces.until_ended(lambda: [11]) == [11]


def test_a_session_that_the_judge_has_opened_before_is_neither_told_nor_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = Mock()
    monkeypatch.setattr(traces, "until_ended", waited)
    with Stage() as stage:
        stage.database()
        with psycopg.connect(stage.url) as others:
            others.execute("SELECT 1")
            stage.watched(lambda: None)()
    assert stage.manners == []
    waited.assert_not_called()


def test_a_lent_connection_knows_pgvector_unless_it_shall_not() -> None:
    with Stage() as stage:
        assert isinstance(only(stage.database().execute("SELECT '[1, 2]'::vector")), Vector)
        assert only(stage.connect(vectors=False).execute("SELECT '[1, 2]'::vector")) == "[1,2]"


def test_a_spare_postgresql_is_nobody_elses_and_leaves_nothing() -> None:
    bench().database("bench")
    with spare_postgres() as server:
        assert server.state == "stopped"
        server.start()
        with server.connect() as postgres:
            postgres.execute("CREATE TABLE notes (id bigint)")
        assert server.pid != bench().pid
    assert not server.directory.exists()
    assert bench().alive
    with spare_postgres() as server:
        server.start()
        with server.connect() as postgres:
            assert only(postgres.execute("SELECT to_regclass('notes') IS NULL"))
