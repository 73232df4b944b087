"""What Lumen answers over HTTP. Every application of the course passes this file unchanged."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.contract.applications import DANA, DOCUMENTS, IGOR, LAST, MEI, NOBODY, OMAR


def titles(response):
    assert response.status_code == 200, response.text
    return [document["title"] for document in response.json()]


def similar(client, user, q, **rest):
    return client.get(f"/users/{user}/similar", params={"q": q, **rest})


def premium(client, user, q, **rest):
    return client.get("/premium/similar", params={"user_id": user, "q": q, **rest})


def test_a_user(client):
    user = client.get(f"/users/{DANA}").json()
    assert datetime.fromisoformat(user.pop("created_at")) <= datetime.now(UTC)
    assert user == {"id": DANA, "name": "Dana", "email": "dana@example.org", "subscription": "premium"}


def test_the_largest_id(client):
    assert client.get(f"/users/{LAST}").json()["name"] == "Zoe"
    assert titles(similar(client, LAST, "gardening")) == ["Tomatoes"]


def test_settings(client):
    settings = client.get(f"/users/{OMAR}/settings").json()
    assert settings == {"user_id": OMAR, "theme": "dark", "language": "es", "daily_digest": True}


def test_chats_come_the_newest_first_and_their_messages_in_order(client):
    chats = client.get(f"/users/{DANA}/chats").json()
    assert [chat["title"] for chat in chats] == ["Soup", "Kettle"]
    assert [(message["role"], message["content"]) for message in chats[1]["messages"]] == [
        ("user", "Where is my refund?"),
        ("assistant", "In your letter."),
    ]
    assert chats[0]["messages"] == []


def test_a_user_without_chats_and_documents(client):
    assert client.get(f"/users/{IGOR}/chats").json() == []
    assert similar(client, IGOR, "refund").json() == []
    assert client.get(f"/users/{IGOR}/settings").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/users/{NOBODY}", None),
        ("GET", f"/users/{NOBODY}/settings", None),
        ("GET", f"/users/{NOBODY}/chats", None),
        ("GET", f"/users/{NOBODY}/similar?q=refund", None),
        ("GET", f"/premium/similar?q=refund&user_id={NOBODY}", None),
        ("DELETE", f"/users/{NOBODY}", None),
        ("POST", "/sessions", {"user_id": NOBODY}),
        ("POST", "/documents", {"user_id": NOBODY, "title": "A title", "content": "A text."}),
    ],
)
def test_an_unknown_user_is_a_404_that_names_them(client, method, path, body):
    response = client.request(method, path, json=body)
    assert response.status_code == 404
    assert str(NOBODY) in response.json()["detail"]


def test_a_session_is_found_until_it_is_gone(client, stack):
    opened = client.post("/sessions", json={"user_id": DANA})
    assert opened.status_code == 201
    token, seconds = opened.json()["token"], opened.json()["expires_in"]
    session = client.get(f"/sessions/{token}").json()
    assert session["user_id"] == DANA
    assert 0 < session["expires_in"] <= seconds
    stack.redis.client().flushdb()
    assert client.get(f"/sessions/{token}").status_code == 404


def test_every_session_has_a_token_of_its_own(client):
    tokens = {client.post("/sessions", json={"user_id": DANA}).json()["token"] for _ in range(3)}
    assert len(tokens) == 3
    assert client.get(f"/sessions/{'x' * 43}").status_code == 404


def test_everything_in_redis_expires(client, stack):
    client.post("/sessions", json={"user_id": DANA})
    similar(client, DANA, "refund")
    redis = stack.redis.client()
    keys = redis.keys()
    assert len(keys) >= 2
    assert all(key.startswith(stack.redis.prefix) for key in keys)
    assert all(redis.ttl(key) > 0 for key in keys)


def test_similar_documents_come_the_closest_first_and_only_the_users_own(client):
    documents = similar(client, DANA, "getting money back for a broken kettle").json()
    assert documents[0]["title"] == "Kettle refund"
    assert {document["id"] for document in documents} == {1, 2, 3}
    assert {document["user_id"] for document in documents} == {DANA}
    distances = [document["distance"] for document in documents]
    assert distances == sorted(distances)
    assert 0 < distances[0] < distances[-1] < 2


def test_a_document_is_at_no_distance_from_its_own_text(client):
    _, _, title, content = DOCUMENTS[4]
    assert similar(client, OMAR, f"{title}\n{content}").json()[0]["distance"] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("id", [1, 3])
def test_a_vector_of_zeros_has_nothing_in_common_with_any_question(client, application, stack, id):
    application.set_vector(stack, id, np.zeros(384, dtype=np.float32))
    for answer in (similar(client, DANA, "refund", k=50), premium(client, DANA, "refund", days=365, k=50)):
        assert answer.status_code == 200
        distances = {document["id"]: document["distance"] for document in answer.json()}
        assert distances[id] == 1
        assert list(distances.values()) == sorted(distances.values())


@pytest.mark.parametrize(("k", "count"), [(1, 1), (2, 2), (50, 3)])
def test_k_is_how_many_documents_at_most(client, k, count):
    assert len(similar(client, DANA, "food", k=k).json()) == count


def test_an_answer_is_cached_for_this_user_question_and_k_alone(client):
    asked = [(DANA, "refund", 2), (DANA, "refund", 2), (DANA, "refund", 3), (DANA, "refunds", 2), (OMAR, "refund", 2)]
    answers = [similar(client, user, q, k=k) for user, q, k in asked]
    assert [answer.headers["X-Cache"] for answer in answers] == ["miss", "hit", "miss", "miss", "miss"]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Content-Type"] == "application/json"


def test_a_new_document_is_found_at_once(client):
    question = "how do I descale the espresso machine"
    similar(client, DANA, question)
    similar(client, OMAR, question)
    new = {"user_id": DANA, "title": "Espresso machine", "content": "Descale it with vinegar: ☕ every month, ½ a cup."}
    added = client.post("/documents", json=new)
    assert added.status_code == 201
    assert added.json().items() >= new.items()
    assert datetime.now(UTC) - datetime.fromisoformat(added.json()["created_at"]) < timedelta(minutes=5)
    found = similar(client, DANA, question)
    assert found.headers["X-Cache"] == "miss"
    assert found.json()[0] == {**added.json(), "distance": found.json()[0]["distance"]}
    assert similar(client, OMAR, question).headers["X-Cache"] == "hit"


def test_the_same_document_may_be_kept_twice(client):
    new = {"user_id": IGOR, "title": "Twice", "content": "The same text."}
    ids = [client.post("/documents", json=new).json()["id"] for _ in range(2)]
    assert ids[0] != ids[1]
    assert {document["id"] for document in similar(client, IGOR, "twice").json()} == set(ids)


def test_premium_search_is_for_premium_users(client):
    refused = premium(client, OMAR, "refund")
    assert refused.status_code == 403
    assert refused.json() == {"detail": "Premium only"}


def test_premium_search_finds_premium_users_documents_of_the_last_days(client):
    found = premium(client, DANA, "refund").json()
    assert found[0]["title"] == "Kettle refund"
    assert {(document["id"], document["owner_name"]) for document in found} == {
        (1, "Dana"),
        (2, "Dana"),
        (5, "Mei"),
        (LAST, "Zoe"),
    }
    assert [document["distance"] for document in found] == sorted(document["distance"] for document in found)
    assert {document["id"] for document in premium(client, MEI, "refund", days=365, k=50).json()} == {1, 2, 3, 5, 6, LAST}
    assert titles(premium(client, MEI, "refund", days=2)) == ["Kettle refund"]
    assert titles(premium(client, DANA, "bicycle repair", k=1)) == ["Bicycle"]


def test_premium_search_among_nothing(client, stack):
    with stack.postgres.connect() as connection:
        connection.execute("UPDATE documents SET created_at = now() - interval '1 year'")
    assert premium(client, DANA, "refund").json() == []


def test_a_subscription_counts_from_now_on(client, stack):
    assert premium(client, OMAR, "parcel").status_code == 403
    with stack.postgres.connect() as connection:
        connection.execute("UPDATE users SET subscription = 'premium' WHERE id = %s", [OMAR])
    assert titles(premium(client, OMAR, "lost parcel"))[0] == "Lost parcel"


def test_a_deleted_user_is_gone_from_every_answer(client):
    token = client.post("/sessions", json={"user_id": DANA}).json()["token"]
    others = client.post("/sessions", json={"user_id": MEI}).json()["token"]
    assert similar(client, DANA, "refund").headers["X-Cache"] == "miss"
    gone = client.delete(f"/users/{DANA}")
    assert (gone.status_code, gone.content) == (204, b"")
    for path in (f"/users/{DANA}", f"/users/{DANA}/settings", f"/users/{DANA}/chats", f"/users/{DANA}/similar?q=refund"):
        assert client.get(path).status_code == 404
    assert client.get(f"/sessions/{token}").status_code == 404
    assert {document["user_id"] for document in premium(client, MEI, "kettle", days=365, k=50).json()} == {MEI, LAST}
    assert client.get(f"/sessions/{others}").status_code == 200
    assert client.delete(f"/users/{DANA}").status_code == 404


def test_health_names_every_store(client):
    health = client.get("/health")
    assert health.status_code == 200
    assert {"postgresql", "redis"} <= health.json().keys()
    assert set(health.json().values()) == {"up"}


def test_many_at_once(client):
    def ask(number):
        if number % 4 == 0:
            return client.post("/documents", json={"user_id": IGOR, "title": f"Note {number}", "content": "Something."})
        return similar(client, (DANA, OMAR, MEI)[number % 3], f"question {number}")

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(ask, range(48)))
    assert {answer.status_code for answer in answers} == {200, 201}
    assert len(similar(client, IGOR, "note", k=50).json()) == 12


def test_the_openapi_document_names_its_statuses_and_shows_examples(client):
    document = client.get("/openapi.json").json()
    operations = {
        (method, path): operation for path, methods in document["paths"].items() for method, operation in methods.items()
    }
    assert len(operations) == 10
    for (_, path), operation in operations.items():
        assert "503" in operation["responses"], path
    assert {"403", "404", "422"} <= operations["get", "/premium/similar"]["responses"].keys()
    assert document["components"]["schemas"]["User"]["properties"]["name"]["examples"] == ["Dana"]
