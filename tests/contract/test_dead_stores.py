"""What the applications still answer when a store is dead, and that they come back by themselves."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from course.apps.serve import Served
from tests.contract.applications import DANA, IGOR, MEI, NAMES, OMAR, THREE_DATABASES, only

REQUESTS = {
    "user": ("GET", f"/users/{DANA}", None),
    "settings": ("GET", f"/users/{DANA}/settings", None),
    "chats": ("GET", f"/users/{DANA}/chats", None),
    "log in": ("POST", "/sessions", {"user_id": DANA}),
    "session": ("GET", "/sessions/TOKEN", None),
    "add": ("POST", "/documents", {"user_id": MEI, "title": "A title", "content": "A text."}),
    "similar": ("GET", f"/users/{DANA}/similar?q=kettle", None),
    "cached": ("GET", f"/users/{DANA}/similar?q=refund", None),
    "premium": ("GET", f"/premium/similar?q=refund&user_id={DANA}", None),
    "delete": ("DELETE", f"/users/{IGOR}", None),
    "health": ("GET", "/health", None),
}
ALIVE = dict.fromkeys(REQUESTS, 200) | {"log in": 201, "add": 201, "delete": 204}
DEAD = dict.fromkeys(REQUESTS, 503)
WHEN_KILLED = {
    "postgres": DEAD | {"session": 200, "cached": 200},
    "chroma": ALIVE | {"add": 503, "similar": 503, "premium": 503, "delete": 503, "health": 503},
    "redis": ALIVE | {"log in": 503, "session": 503, "delete": 503, "health": 503},
}


def expected(application, key):
    """The statuses when a store is dead: as if nothing was, if the application does not need it."""
    return WHEN_KILLED[key] if key in application.stores else ALIVE


def ask_everything(client, token):
    """Each request's response, by its name. Asked together: so they wait for a dead store once."""
    with ThreadPoolExecutor(len(REQUESTS)) as threads:
        asked = {
            name: threads.submit(client.request, method, path.replace("TOKEN", token), json=body)
            for name, (method, path, body) in REQUESTS.items()
        }
    return {name: future.result() for name, future in asked.items()}


def statuses(answers):
    return {name: answer.status_code for name, answer in answers.items()}


def prepare(client):
    """Warm connections to every store, an answer in the cache, and a session. Returns its token."""
    assert client.get(f"/users/{DANA}/similar?q=refund").headers["X-Cache"] == "miss"
    return client.post("/sessions", json={"user_id": OMAR}).json()["token"]


@pytest.mark.parametrize("key", NAMES)
def test_what_is_left_when_a_store_is_killed_and_that_it_comes_back_by_itself(client, application, stack, key):
    token, server = prepare(client), getattr(stack, key)
    server.kill()
    try:
        answers = ask_everything(client, token)
    finally:
        server.start()
    assert statuses(answers) == expected(application, key)
    assert answers["health"].json() == application.health(key)
    for name, answer in answers.items():
        if answer.status_code == 503 and name != "health":
            assert answer.json()["store"] == NAMES[key]
            assert answer.json()["detail"].startswith(f"{NAMES[key]} does not answer")
    cached = answers["cached"].headers.get("X-Cache")
    assert cached == ("off" if key == "redis" else "hit")

    application.load(stack)
    token = prepare(client)  # the very first request succeeds
    answers = ask_everything(client, token)
    assert statuses(answers) == ALIVE, [answer.text for answer in answers.values() if answer.is_error]


@pytest.mark.parametrize("key", NAMES)
def test_a_store_that_was_away_between_two_requests_is_not_noticed(client, stack, key):
    token, server = prepare(client), getattr(stack, key)
    server.kill()
    server.start()
    assert statuses(ask_everything(client, token)) == ALIVE
    server.stop()
    server.start()
    assert client.get(f"/sessions/{token}").status_code == 200
    assert client.get(f"/users/{DANA}/similar?q=something else").status_code == 200


@pytest.mark.parametrize("key", ["chroma", "redis"])
def test_a_store_that_hangs_is_a_dead_store(client, application, stack, key):
    token, server = prepare(client), getattr(stack, key)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        answers = ask_everything(client, token)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert statuses(answers) == expected(application, key)
    assert client.get("/health").json() == application.health()


def test_a_statement_that_hangs_is_given_up(client, stack):
    with stack.postgres.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE settings")
        answer = client.get(f"/users/{DANA}/settings")
        assert (answer.status_code, answer.json()["store"]) == (503, "PostgreSQL")
        assert client.get(f"/users/{DANA}").status_code == 200
    assert client.get(f"/users/{DANA}/settings").status_code == 200


def test_it_starts_while_all_are_down(application, stack):
    for server in stack.servers:
        server.stop()
    served = Served(application.create(stack.environment()))
    try:
        with httpx.Client(base_url=served.url, timeout=20, trust_env=False) as client:
            down = client.get("/health")
            assert (down.status_code, down.json()) == (503, application.health(*NAMES))
            assert client.get(f"/users/{DANA}").status_code == 503
            for server in stack.servers:
                server.start()
            application.load(stack)
            assert client.get("/health").status_code == 200
            assert statuses(ask_everything(client, prepare(client))) == ALIVE
    finally:
        served.stop()
        for server in stack.servers:
            server.start()


def test_a_store_without_its_data_is_named(client, application, stack):
    with stack.postgres.connect() as connection:
        connection.execute("DROP TABLE settings")
    answer = client.get(f"/users/{DANA}/settings")
    assert (answer.status_code, answer.json()["store"]) == (503, "PostgreSQL")
    application.load(stack)
    assert client.get(f"/users/{DANA}/settings").status_code == 200


@only(THREE_DATABASES)
def test_a_collection_that_is_gone_is_named(client, application, stack):
    stack.chroma.client().delete_collection("documents")
    answer = client.get(f"/users/{DANA}/similar?q=refund")
    assert (answer.status_code, answer.json()["store"]) == (503, "ChromaDB")
    application.load(stack)
    assert client.get(f"/users/{DANA}/similar?q=refund").status_code == 200


@only(THREE_DATABASES)
def test_a_dual_write_that_stops_half_way_leaves_a_row_without_a_vector(client, stack):
    stack.chroma.kill()
    try:
        refused = client.post("/documents", json={"user_id": MEI, "title": "Half", "content": "Only half of it is kept."})
    finally:
        stack.chroma.start()
    assert refused.status_code == 503
    with stack.postgres.connect() as connection:
        assert connection.execute("SELECT count(*) FROM documents WHERE title = 'Half'").fetchone()[0] == 1
    for path in (f"/users/{MEI}/similar?k=50&q=half", f"/premium/similar?user_id={MEI}&k=50&q=half"):
        found = client.get(path)
        assert found.status_code == 200
        assert found.json()
        assert "Half" not in {document["title"] for document in found.json()}


@only(THREE_DATABASES)
def test_a_delete_that_stops_half_way_leaves_orphan_vectors(client, stack):
    stack.chroma.kill()
    try:
        refused = client.delete(f"/users/{DANA}")
    finally:
        stack.chroma.start()
    assert refused.status_code == 503
    assert client.get(f"/users/{DANA}").status_code == 404
    assert client.delete(f"/users/{DANA}").status_code == 404
    assert len(stack.chroma.client().get_collection("documents").get(where={"user_id": DANA})["ids"]) == 3
