"""The clients that ask the application again and again: what they keep, what they wait for, and that they end."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator

import psutil
import pytest

from course import dataset
from course.apps import load_generator, three_databases
from course.apps.load_generator import ALL_UP, REQUESTS, Answer, LoadGenerator
from course.apps.serve import Served
from course.apps.stores import Addresses
from course.errors import CourseError
from course.pipeline.kernel_home import short_folder
from course.stack import Stack
from tests.kernels import until

DEAD = {
    "PostgreSQL": set(REQUESTS) - {"GET session", "GET similar (again)"},
    "ChromaDB": {"POST document", "GET similar (new)", "GET premium", "GET health"},
    "Redis": {"POST session", "GET session", "GET health"},
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="course-", dir=short_folder()) as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", home)
        with Stack.start("05", embedded=True) as stack:
            dataset.load(stack)
            yield stack


@pytest.fixture(scope="module")
def served(stack: Stack) -> Iterator[Served]:
    served = Served(three_databases.create_app(Addresses.of(stack.environment())))
    yield served
    served.stop()


@pytest.fixture
def clients(served: Served, stack: Stack) -> Iterator[LoadGenerator]:
    yield load_generator.start(served, stack)
    load_generator.stop()
    for server in stack.servers:
        server.start()


def failing(answers: dict[str, Answer]) -> set[str]:
    return {name for name, answer in answers.items() if not answer.good}


def test_every_request_is_answered_while_all_are_up_and_a_question_asked_again_is_cached(clients: LoadGenerator) -> None:
    answers = clients.wait()
    assert tuple(answers) == REQUESTS
    assert failing(answers) == set()
    assert (answers["GET similar (new)"].cache, answers["GET similar (again)"].cache) == ("miss", "hit")
    assert all(answer.ms > 0 for answer in answers.values())


def test_each_failure_has_a_column_of_its_own_which_names_the_store(clients: LoadGenerator, stack: Stack) -> None:
    clients.wait()
    assert clients.states == [ALL_UP, "PostgreSQL down", "ChromaDB down", "Redis down"]
    assert {row[2:] for row in clients.rows} == {("–",) * 3}
    for server in stack.servers:
        server.kill()
        answers = clients.wait(f"{server.name} down", rounds=1)
        assert failing(answers) == DEAD[server.name]
        assert {answers[name].store for name in DEAD[server.name] - {"GET health"}} == {server.name}
        assert {name for name, words in clients.present.items() if words.startswith("✗")} == DEAD[server.name]
        server.start()
        assert failing(clients.wait()) == set()
    rows = {name: cells for name, *cells in clients.rows}
    assert rows["GET user"][1].startswith("✗ 503 · ")
    assert rows["GET similar (again)"][1].startswith("✓ 200 · cache · ")
    assert rows["GET similar (again)"][3].startswith("✓ 200 · no cache · ")
    assert all(cell.split()[-1] in ("ms", "s") for cells in rows.values() for cell in cells)


def test_a_frozen_store_is_told_from_a_dead_one(clients: LoadGenerator, stack: Stack) -> None:
    clients.wait()
    chroma = psutil.Process(stack.chroma.pid)
    chroma.suspend()
    try:
        answers = clients.wait("ChromaDB frozen", rounds=1)
        assert clients.now == "ChromaDB frozen"
    finally:
        chroma.resume()
    assert failing(answers) == DEAD["ChromaDB"]
    assert clients.states[-1] == "ChromaDB frozen"
    assert clients.now == ALL_UP


def test_two_stores_may_be_down(clients: LoadGenerator, stack: Stack) -> None:
    stack.chroma.kill()
    stack.redis.kill()
    answers = clients.wait("ChromaDB down and Redis down", rounds=1)
    assert failing(answers) == DEAD["ChromaDB"] | DEAD["Redis"] | {"GET similar (again)"}
    cells = {name: cells[-1] for name, *cells in clients.rows}
    assert cells["GET session"].startswith("✗ 503 Redis · ")
    assert cells["POST document"].startswith("✗ 503 ChromaDB · ")


def test_after_each_round_somebody_is_told(clients: LoadGenerator) -> None:
    told = threading.Event()
    clients.on_round = told.set
    clients.wait(rounds=1)
    assert told.wait(10)


def test_a_change_is_asked_about_at_once_and_not_when_the_pause_is_over(
    clients: LoadGenerator, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.wait()
    monkeypatch.setattr(load_generator, "PAUSE_SECONDS", 3600)
    clients.wait(rounds=1)
    until(lambda: not clients._waiting, "nobody waits")
    stack.redis.kill()
    until(lambda: "Redis down" in clients._seen, "the clients notice")


def test_who_waits_for_a_state_that_does_not_come_is_told_what_to_do(
    clients: LoadGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_generator, "PATIENCE_SECONDS", 0.5)
    with pytest.raises(CourseError, match="'Redis down', and the state is 'all up'"):
        clients.wait("Redis down")
    with pytest.raises(CourseError, match="Nobody has asked yet while the state was 'Redis down'"):
        clients.answers("Redis down")


def test_who_waits_for_clients_that_have_stopped_is_told_so(clients: LoadGenerator) -> None:
    clients.wait(rounds=1)
    clients.stop()
    clients.stop()
    with pytest.raises(CourseError, match="clients have stopped"):
        clients.wait()


def test_starting_them_again_ends_the_former_ones(clients: LoadGenerator, served: Served, stack: Stack) -> None:
    watchers = len(stack._watchers)
    newer = load_generator.start(served, stack)
    assert not clients._thread.is_alive()
    assert len(stack._watchers) == watchers
    assert failing(newer.wait(rounds=1)) == set()


def test_an_application_that_is_gone_is_no_answer(served: Served, stack: Stack) -> None:
    gone = Served(three_databases.create_app(Addresses.of(stack.environment())))
    gone.stop()
    clients = load_generator.start(gone, stack)
    try:
        assert {answer.status for answer in clients.wait(rounds=1).values()} == {0}
        assert clients.rows[0][1].startswith("✗ no answer · ")
    finally:
        load_generator.stop()


KERNEL = """
from course import Stack, dataset
from course.apps import three_databases, load_generator
from course.apps.serve import serve
from course.apps.stores import Addresses
stack = Stack.start("05", embedded=True)
dataset.load(stack)
served = serve(three_databases.create_app(Addresses.of(stack.environment())))
load_generator.start(served, stack).wait()
print(*(server.pid for server in stack.servers))
"""


def test_they_end_with_the_process_that_started_them(tmp_path) -> None:
    with tempfile.TemporaryDirectory(prefix="course-", dir=short_folder()) as home:
        command = [sys.executable, "-c", KERNEL]
        done = subprocess.run(
            command, env=os.environ | {"COURSE_HOME": home, "TQDM_DISABLE": "1"}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        pids = [int(pid) for pid in done.stdout.split()]
        until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "the servers to end")


def test_clients_of_another_application_end_the_former_ones_unless_they_run_alongside(served: Served, stack: Stack) -> None:
    first = load_generator.start(served, stack)
    beside = load_generator.start(served, stack, alongside=True)
    assert first._thread.is_alive()
    assert beside._thread.is_alive()
    last = load_generator.start(served, stack)
    assert not first._thread.is_alive()
    assert not beside._thread.is_alive()
    load_generator.stop()
    assert not last._thread.is_alive()
