"""Bad input gets a 4xx that says why, never a 500. Every application of the course passes this file unchanged."""

import json

import pytest

from tests.contract.applications import DANA, DOCUMENTS

TEXT = {"user_id": DANA, "title": "A title", "content": "A text."}

PATHS = {
    "a word as id": ("/users/dana", 422, "integer"),
    "a fraction as id": ("/users/1.5", 422, "integer"),
    "zero as id": ("/users/0", 422, "greater than or equal to 1"),
    "a negative id": ("/users/-1/settings", 422, "greater than or equal to 1"),
    "an id that JSON readers round": (f"/users/{2**53}/chats", 422, str(2**53 - 1)),
    "an id beyond bigint": (f"/users/{2**63}/chats", 422, str(2**53 - 1)),
    "an id of 5,000 digits": (f"/users/{'9' * 5000}", 422, "integer"),
    "an id that is no UTF-8": ("/users/%ff", 422, "integer"),
    "an id of NUL": ("/users/%00", 422, "integer"),
    "no question": (f"/users/{DANA}/similar", 422, "q: Field required"),
    "an empty question": (f"/users/{DANA}/similar?q=", 422, "q: String should have at least 1"),
    "a blank question": (f"/users/{DANA}/similar?q=%20%09%0a", 422, "white space"),
    "a question of exotic white space": (f"/users/{DANA}/similar?q=%C2%A0%E2%80%83", 422, "white space"),
    "a NUL in the question": (f"/users/{DANA}/similar?q=a%00b", 422, "NUL"),
    "a question too long": (f"/users/{DANA}/similar?q={'x' * 1001}", 422, "at most 1000"),
    "k of 0": (f"/users/{DANA}/similar?q=a&k=0", 422, "k: Input should be greater"),
    "k of 51": (f"/users/{DANA}/similar?q=a&k=51", 422, "k: Input should be less"),
    "k of many": (f"/users/{DANA}/similar?q=a&k=many", 422, "k: Input should be a valid integer"),
    "an unknown parameter": (f"/users/{DANA}/similar?q=a&limit=3", 422, "limit: Extra inputs"),
    "nobody asks": ("/premium/similar?q=a", 422, "user_id: Field required"),
    "0 days": (f"/premium/similar?q=a&user_id={DANA}&days=0", 422, "days: Input should be greater"),
    "too many days": (f"/premium/similar?q=a&user_id={DANA}&days=3651", 422, "days: Input should be less"),
    "an asker beyond bigint": (f"/premium/similar?q=a&user_id={2**63}", 422, "user_id: Input should be less"),
    "a short token": ("/sessions/abc", 422, "pattern"),
    "a token with NUL": (f"/sessions/{'x' * 42}%00", 422, "pattern"),
    "no such path": ("/nothing/here", 404, "Not Found"),
    "a method too many": ("/documents", 405, "Method Not Allowed"),
}


@pytest.mark.parametrize("name", PATHS)
def test_a_path_or_a_question_that_is_refused(reader, name):
    path, status, reason = PATHS[name]
    response = reader.get(path)
    assert response.status_code == status, response.text
    assert reason in response.json()["detail"]


BODIES = {
    "no JSON": (b"title=a", 422, "JSON decode error"),
    "no UTF-8": (b'{"user_id": 1, "title": "\xff", "content": "a"}', 400, "parsing the body"),
    "empty": (b"", 422, "Field required"),
    "a list": ([TEXT], 422, "dictionary"),
    "nothing but null": (None, 422, "valid dictionary"),
    "deeply nested": (b"[" * 100_000, 4, ""),
    "no title": ({"user_id": DANA, "content": "a"}, 422, "title: Field required"),
    "an unknown field": ({**TEXT, "owner": "Dana"}, 422, "owner: Extra inputs are not permitted"),
    "the id as text": ({**TEXT, "user_id": "1"}, 422, "user_id: Input should be a valid integer"),
    "the id as truth": ({**TEXT, "user_id": True}, 422, "user_id: Input should be a valid integer"),
    "the id beyond bigint": ({**TEXT, "user_id": 2**63}, 422, "user_id: Input should be less"),
    "the id infinite": (b'{"user_id": 1e999, "title": "a", "content": "a"}', 422, "user_id: Input should be a finite number"),
    "the id as a fraction": ({**TEXT, "user_id": 1.5}, 422, "user_id: Input should be a valid integer"),
    "the id of 5,000 digits": (b'{"user_id": %b, "title": "a", "content": "a"}' % (b"9" * 5000), 400, "parsing the body"),
    "a number as title": ({**TEXT, "title": 5}, 422, "title: Input should be a valid string"),
    "a blank title": ({**TEXT, "title": " \n"}, 422, "title: Some text"),
    "a NUL in the content": ({**TEXT, "content": "a\x00b"}, 422, "content: The character NUL"),
    "half a surrogate pair": (
        b'{"user_id": 1, "title": "\\ud800", "content": "a"}',
        422,
        "title: Input should be a valid string",
    ),
    "half a pair as a name": (b'{"user_id": 1, "title": "a", "content": "a", "\\ud800": 1}', 422, "unicode string"),
    "a long title": ({**TEXT, "title": "x" * 201}, 422, "title: String should have at most 200"),
    "a long content": ({**TEXT, "content": "x" * 20_001}, 422, "content: String should have at most 20000"),
    "too large": (b"[" + b" " * 300_000 + b"]", 413, "262,144 bytes"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_refused(reader, name):
    body, status, reason = BODIES[name]
    content = body if isinstance(body, bytes) else json.dumps(body)
    response = reader.post("/documents", content=content, headers={"Content-Type": "application/json"})
    assert str(response.status_code).startswith(str(status)), response.text
    assert reason in response.json()["detail"]
    found = reader.get(f"/users/{DANA}/similar?q=a&k=50").json()
    assert {document["id"] for document in found} == {id for id, (owner, *_) in DOCUMENTS.items() if owner == DANA}


def test_a_body_without_a_length_is_limited_too(reader):
    response = reader.post("/documents", content=(b" " * 1000 for _ in range(300)), headers={"Content-Type": "application/json"})
    assert response.status_code == 413


def test_a_body_of_another_type_is_refused(reader):
    response = reader.post("/sessions", content=b'{"user_id": 1}', headers={"Content-Type": "text/plain"})
    assert response.status_code == 422


@pytest.mark.parametrize("text", ["x" * 200, "¿?", "\u200b", "'; DROP TABLE users; --", "🐈‍⬛ \U0010ffff", "\x01 \x7f a"])
def test_odd_text_is_kept_as_it_is(client, text):
    added = client.post("/documents", json={**TEXT, "title": text, "content": text * 100})
    assert added.status_code == 201, added.text
    assert (added.json()["title"], added.json()["content"]) == (text, text * 100)
    found = client.get(f"/users/{DANA}/similar", params={"q": text, "k": 50})
    assert added.json()["id"] in {document["id"] for document in found.json()}
