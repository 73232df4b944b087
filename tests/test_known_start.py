"""The known start on one database: the tables with the vectors in them, and searches that are complete."""

import shutil
import tempfile

import numpy as np
import pytest
from pgvector.psycopg import register_vector

from course import dataset
from course.stack import Stack

PREMIUM_OF_SEVEN_DAYS = """
SELECT d.id FROM documents d JOIN users u ON d.user_id = u.id
WHERE u.subscription = 'premium' AND d.created_at > NOW() - INTERVAL '7 days' ORDER BY d.embedding <=> %s LIMIT 5
"""


@pytest.fixture(scope="module")
def stack():
    home = tempfile.mkdtemp(prefix="lumen")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", home)
        with Stack.start("09", embedded=True) as stack:
            yield stack
    shutil.rmtree(home)


@pytest.fixture
def connection(stack):
    """A connection whose database has the known start, and that speaks NumPy arrays."""
    dataset.load_one(stack)
    with stack.postgres.connect() as connection:
        register_vector(connection)
        yield connection


def value(connection, sql, *parameters):
    return connection.execute(sql, parameters).fetchone()[0]


def test_every_document_has_its_vector(connection):
    rows = connection.execute("SELECT id, title, embedding FROM documents ORDER BY id").fetchall()
    assert [(id, title) for id, title, _ in rows] == [(document.id, document.title) for document in dataset.documents()]
    assert np.array_equal([vector.to_numpy() for *_, vector in rows], dataset.embeddings())
    for table, count in {"users": 40, "settings": 40, "chats": 36, "messages": 177}.items():
        assert value(connection, f"SELECT count(*) FROM {table}") == count


def test_the_vectors_stay_in_their_rows(connection):
    storage = "SELECT attstorage FROM pg_attribute WHERE attrelid = 'documents'::regclass AND attname = 'embedding'"
    assert value(connection, storage) == "p"
    assert value(connection, "SELECT count(pg_column_toast_chunk_id(embedding)) FROM documents") == 0


def test_the_planner_knows_the_rows(connection):
    assert value(connection, "SELECT reltuples FROM pg_class WHERE relname = 'documents'") == 300


def test_new_ids_go_on_after_the_loaded_ones(connection):
    new = "INSERT INTO documents (user_id, title, content, embedding) VALUES (1, 'A', 'B', %s) RETURNING id"
    assert value(connection, new, dataset.embeddings()[0]) == 301


def test_whatever_was_there_before_is_replaced(connection, stack):
    connection.execute("DELETE FROM users")
    stack.redis.client().set(f"{stack.redis.prefix}session:x", 1)
    dataset.load_one(stack)
    assert value(connection, "SELECT count(*) FROM documents") == 300
    assert stack.redis.client().keys() == []
    dataset.load(stack)
    dataset.load_one(stack, extra=dataset.scaled(10))
    assert value(connection, "SELECT count(*) FROM documents") == 310


@pytest.mark.parametrize("load", [dataset.load, dataset.load_one])
def test_more_users_are_loaded_with_their_settings_and_their_documents(stack, load):
    load(stack, extra=dataset.scaled(600, users=60))
    with stack.postgres.connect() as connection:
        for table, count in {"users": 60, "settings": 60, "documents": 900}.items():
            assert value(connection, f"SELECT count(*) FROM {table}") == count
        assert value(connection, "SELECT count(DISTINCT user_id) FROM documents") == 60
        assert value(connection, "INSERT INTO users (name, email) VALUES ('New', 'new@lumen.example') RETURNING id") == 61


def indexes(connection):
    return {row[0] for row in connection.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'documents'")}


def test_indexes_for_many_documents_only_if_they_are_asked_for(connection, stack):
    without = indexes(connection)
    assert without == {"documents_pkey", "documents_user_id"}
    dataset.load_one(stack, hnsw=True)
    assert indexes(connection) == without | set(dataset.INDEXES)


def test_only_with_the_search_settings_a_narrow_filter_leaves_enough(stack):
    extra = dataset.scaled(5_000)
    found = {}
    for on in (False, True):
        dataset.load_one(stack, extra=extra, hnsw=True, search_settings=on)
        with stack.postgres.connect() as connection:
            connection.execute("DROP INDEX documents_user_created")  # else the filter would come first
            register_vector(connection)
            answers = (connection.execute(PREMIUM_OF_SEVEN_DAYS, [vector]).fetchall() for vector in dataset.embeddings()[:20])
            found[on] = sum(len(answer) for answer in answers)
    assert found[True] == 100
    assert found[False] < 50


def test_the_search_settings_can_be_taken_away(connection, stack):
    def settings():
        with stack.postgres.connect() as connection:
            connection.execute("SELECT '[1]'::vector")
            return {name: value(connection, "SELECT current_setting(%s)", name) for name in dataset.SEARCH_SETTINGS}

    assert settings() == dataset.SEARCH_SETTINGS
    dataset.set_search(connection, on=False)
    assert settings() == {
        "hnsw.iterative_scan": "off",
        "hnsw.ef_search": "40",
        "plan_cache_mode": "auto",
        "random_page_cost": "4",
    }
