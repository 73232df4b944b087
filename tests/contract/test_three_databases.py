"""What holds for the application on three databases alone."""

import httpx

from course.apps import three_databases
from course.apps.serve import Served
from course.dataset import COLLECTION
from tests.contract.applications import DANA, LAST, MEI, OMAR, THREE_DATABASES, only

three = only(THREE_DATABASES)


def ids_in_chroma(stack, user):
    return stack.chroma.client().get_collection(COLLECTION).get(where={"user_id": user})["ids"]


@three
def test_a_document_goes_to_both_stores_and_a_deleted_user_leaves_both(client, stack):
    added = client.post("/documents", json={"user_id": OMAR, "title": "New", "content": "In both stores."}).json()
    assert ids_in_chroma(stack, OMAR) == ["4", str(added["id"])]
    client.delete(f"/users/{OMAR}")
    assert ids_in_chroma(stack, OMAR) == []
    assert len(ids_in_chroma(stack, DANA)) == 3
    with stack.postgres.connect() as connection:
        assert connection.execute("SELECT count(*) FROM documents WHERE user_id = %s", [OMAR]).fetchone()[0] == 0


@three
def test_a_collection_that_was_made_anew_is_found(client, application, stack):
    assert client.get(f"/users/{MEI}/similar?q=before").status_code == 200
    application.load(stack)
    assert client.get(f"/users/{MEI}/similar?q=after").status_code == 200


@three
def test_orphan_vectors_are_never_shown(client, stack):
    with stack.postgres.connect() as connection:
        connection.execute("DELETE FROM documents WHERE id = 1")
    found = client.get(f"/users/{DANA}/similar?q=refund&k=50").json()
    assert {document["id"] for document in found} == {2, 3}


@three
def test_premium_search_says_so_when_there_are_more_documents_than_chroma_takes(client, stack):
    with stack.postgres.connect() as connection:
        count = connection.execute("SELECT count(*) FROM documents JOIN users u ON u.id = user_id WHERE subscription = 'premium'")
        missing = three_databases.MOST_IDS - count.fetchone()[0]
        many = "INSERT INTO documents (user_id, title, content) SELECT %s, 'Filler', 'Text.' FROM generate_series(1, %s)"
        connection.execute(many, [LAST, missing])
        ask = f"/premium/similar?q=refund&user_id={DANA}&days=365"
        found = client.get(ask)
        assert (found.status_code, found.json()[0]["title"]) == (200, "Kettle refund")
        connection.execute(many, [LAST, 1])
        refused = client.get(ask)
        assert refused.status_code == 422
        assert "16,380 documents at most" in refused.json()["detail"]


@three
def test_served_again_and_again_it_answers_and_leaves_no_connection_behind(client, application, stack):
    from chromadb.api.async_fastapi import AsyncFastAPI  # takes seconds, and the application has it loaded by now

    before = set(AsyncFastAPI._clients)
    for _ in range(3):
        served = Served(application.create(stack.environment()))
        for number in range(2):
            answer = httpx.get(f"{served.url}/users/{DANA}/similar", params={"q": f"{served.url} {number}"}, trust_env=False)
            assert (answer.status_code, len(answer.json())) == (200, 3)
        served.stop()
    assert set(AsyncFastAPI._clients) == before
