"""What holds for the application on one database alone."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from course.apps import three_databases
from tests.contract.applications import DANA, IGOR, LAST, MEI, OMAR, ONE_DATABASE, only
from tests.kernels import until

pytestmark = only(ONE_DATABASE)

WAIT_AFTER_THE_WRITE = """
CREATE OR REPLACE FUNCTION wait_for_14() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock(14); RETURN NULL; END $$;
CREATE TRIGGER wait AFTER INSERT ON documents FOR EACH ROW EXECUTE FUNCTION wait_for_14();
"""


def value(stack, sql, *parameters):
    with stack.postgres.connect() as connection:
        return connection.execute(sql, parameters).fetchone()[0]


def test_a_document_and_its_vector_are_one_row_and_go_with_their_user(client, stack):
    added = client.post("/documents", json={"user_id": OMAR, "title": "New", "content": "In one row."}).json()
    assert value(stack, "SELECT vector_dims(embedding) FROM documents WHERE id = %s", added["id"]) == 384
    client.delete(f"/users/{OMAR}")
    assert value(stack, "SELECT count(embedding) FROM documents WHERE user_id = %s", OMAR) == 0
    assert value(stack, "SELECT count(embedding) FROM documents WHERE user_id = %s", DANA) == 3
    orphans = "SELECT count(*) FROM documents d LEFT JOIN users u ON u.id = d.user_id WHERE u.id IS NULL"
    assert value(stack, orphans) == 0


def test_a_document_is_found_as_soon_as_it_is_kept(client):
    def add_and_ask(number):
        text = f"A note on subject {number}"
        added = client.post("/documents", json={"user_id": IGOR, "title": text, "content": text}).json()
        found = client.get(f"/users/{IGOR}/similar", params={"q": text, "k": 50}).json()
        return added["id"] in {document["id"] for document in found}

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(add_and_ask, range(40)))


def test_an_add_that_a_dying_server_cuts_short_leaves_nothing(client, stack):
    """Row and vector are written, and not yet committed, when the server is killed."""
    new = {"user_id": MEI, "title": "Half", "content": "Half of it is never kept."}
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE %s"
    blocker = stack.postgres.connect()
    blocker.execute(WAIT_AFTER_THE_WRITE)
    blocker.execute("SELECT pg_advisory_lock(14)")
    with ThreadPoolExecutor(1) as thread:
        refused = thread.submit(client.post, "/documents", json=new)
        try:
            until(lambda: value(stack, waiting, "%INSERT INTO documents%") == 1, "the insert to have written")
        finally:
            stack.postgres.kill()
            stack.postgres.start()
    blocker.close()
    assert refused.result().status_code == 503
    assert value(stack, "SELECT count(*) FROM documents WHERE title = 'Half'") == 0
    assert client.post("/documents", json=new).status_code == 201
    found = client.get(f"/users/{MEI}/similar?k=50&q=half").json()
    assert sorted(document["title"] for document in found) == ["Bicycle", "Half", "Warranty claim"]


@pytest.mark.parametrize(
    ("vector", "error"),
    [(None, psycopg.errors.NotNullViolation), ([1.0, 2.0], psycopg.errors.DataException)],
    ids=["none", "too short"],
)
def test_the_database_refuses_a_document_without_a_whole_vector(client, stack, vector, error):
    with stack.postgres.connect() as connection, pytest.raises(error):
        connection.execute(
            "INSERT INTO documents (user_id, title, content, embedding) VALUES (%s, 'Half', 'Text.', %s::float4[]::vector)",
            [DANA, vector],
        )
    assert value(stack, "SELECT count(*) FROM documents WHERE title = 'Half'") == 0


def test_premium_search_knows_no_limit_of_documents(client, stack):
    with stack.postgres.connect() as connection:
        connection.execute(
            "INSERT INTO documents (user_id, title, content, embedding) SELECT %s, 'Filler', 'Text.', embedding"
            " FROM documents, generate_series(1, %s) WHERE id = 5",
            [LAST, three_databases.MOST_IDS],
        )
    found = client.get(f"/premium/similar?q=refund&user_id={DANA}&days=365")
    assert (found.status_code, found.json()[0]["title"]) == (200, "Kettle refund")


def test_a_pgvector_that_was_made_anew_is_found(client, application, stack):
    assert client.get(f"/users/{MEI}/similar?q=before").status_code == 200
    with stack.postgres.connect() as connection:
        connection.execute("DROP EXTENSION vector CASCADE")
    assert client.get(f"/users/{MEI}/similar?q=while it is away").status_code == 503
    application.load(stack)
    assert client.get(f"/users/{MEI}/similar?q=after").status_code == 200
