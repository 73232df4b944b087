"""The known start of the lessons: the rows, the vectors and an empty cache, on three databases or on one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from course.dataset.records import Document, User, chats, created_at, documents, embeddings, messages, settings, users
from course.dataset.scaling import Scaled
from course.embedding import DIMENSIONS
from course.home import DATA
from course.waiting import waiting

if TYPE_CHECKING:
    import psycopg
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

    from course.servers.protocol import AnyRedis
    from course.stack import Stack

COLLECTION = "documents"
"""The name of the ChromaDB collection."""

SEARCH_SETTINGS = {
    "hnsw.iterative_scan": "strict_order",
    "hnsw.ef_search": "100",
    "plan_cache_mode": "force_custom_plan",
    "random_page_cost": "1.1",
}
"""What a database with vectors needs for answers that are complete, whatever the filter, and quick. See `set_search`."""

BATCH = 1_000
"""How many vectors go to ChromaDB at once; it would take 5,461."""

INDEXES = {
    "documents_embedding": "CREATE INDEX documents_embedding ON documents USING hnsw (embedding vector_cosine_ops)",
    "documents_user_created": """CREATE INDEX documents_user_created ON documents (user_id, created_at)
                                 INCLUDE (id, embedding)""",
}
"""What a table of many documents wants: the way to the nearest of all, and each user's vectors side by side, by age.

The second has all vectors once more, 1.9 kB a document, and takes numbers for up to 670 dimensions. What it brings stands in
`course.apps.one_database`.
"""

_COPY_WITH_VECTORS = "COPY documents (id, user_id, title, content, created_at, embedding) FROM STDIN (FORMAT binary)"


def load(stack: Stack, *, extra: Scaled | None = None) -> None:
    """Put the known start into a stack: the tables and rows, the collection and its vectors, an empty cache.

    Whatever a lesson left there before is replaced.

    Args:
        extra: synthetic documents to load beside the real ones, and their users.
    """
    with stack.postgres.connect() as connection:
        load_postgres(connection, documents() + (extra.documents if extra else ()), extra.users if extra else ())
    load_chroma(stack.chroma.client())
    if extra:
        collection = stack.chroma.client().get_collection(COLLECTION)
        add_vectors(collection, extra.documents, extra.vectors)
    _empty(stack.redis)


def load_one(stack: Stack, *, extra: Scaled | None = None, hnsw: bool = False, search_settings: bool = True) -> None:
    """Put the known start on one database into a stack: the tables with the vectors in them, and an empty cache.

    Whatever a lesson left there before is replaced; ChromaDB is not asked. The `documents` of this start cannot be written
    by what writes those of `load`: none may be without its vector.

    Args:
        extra: synthetic documents to load beside the real ones, and their users.
        hnsw: build the `INDEXES`: HNSW on the vectors, and the B-tree for those who filter first. Without them every search
            is exact, and fast enough for thousands of documents.
        search_settings: give the database `SEARCH_SETTINGS`. If not, it has PostgreSQL's and pgvector's own.
    """
    extra = extra or Scaled((), np.empty((0, DIMENSIONS), dtype=np.float32))
    rows, vectors = documents() + extra.documents, itertools.chain(embeddings(), extra.vectors)
    with stack.postgres.connect() as connection:
        load_pgvector(connection, rows, vectors, hnsw=hnsw, more_users=extra.users)
        set_search(connection, on=search_settings)
    _empty(stack.redis)


def load_postgres(
    connection: psycopg.Connection, rows: Sequence[Document] | None = None, more_users: Sequence[User] = ()
) -> None:
    """Make the tables of `data/schema.sql` anew and fill them, in one transaction."""
    now = datetime.now(UTC)
    with connection.transaction():
        _fill_all_but_documents(connection, now, more_users)
        _copy(connection, "documents (id, user_id, title, content, created_at)", _document_rows(rows, now))
        _continue_the_ids(connection)
    connection.execute("ANALYZE")


def load_pgvector(
    connection: psycopg.Connection,
    rows: Sequence[Document] | None = None,
    vectors: Iterable[np.ndarray] | None = None,
    *,
    hnsw: bool = False,
    more_users: Sequence[User] = (),
) -> None:
    """Make the tables of `data/schema.sql` and `data/one_database.sql` anew and fill them, in one transaction.

    The connection speaks NumPy arrays afterwards.
    """
    from pgvector.psycopg import register_vector

    now = datetime.now(UTC)
    with connection.transaction():
        _fill_all_but_documents(connection, now, more_users)
        connection.execute((DATA / "one_database.sql").read_text(encoding="utf-8"))
        register_vector(connection)
        with connection.cursor() as cursor, cursor.copy(_COPY_WITH_VECTORS) as copy:
            copy.set_types(["int8", "int8", "text", "text", "timestamptz", "vector"])
            for row, vector in zip(_document_rows(rows, now), embeddings() if vectors is None else vectors, strict=True):
                copy.write_row((*row, vector))
        _continue_the_ids(connection)
        if hnsw:
            memory = hnsw_memory(len(documents() if rows is None else rows))
            connection.execute("SELECT set_config('maintenance_work_mem', %s, true)", [memory])
            for create in INDEXES.values():
                connection.execute(create)
    if hnsw:
        connection.execute("VACUUM documents")  # what it has seen, a B-tree answers alone, without a look at the table
    connection.execute("ANALYZE")  # without statistics the planner may search the index where a filter would do


def hnsw_memory(rows: int) -> str:
    """The `maintenance_work_mem` in which an HNSW index on so many vectors is built: one that outgrows it takes far longer."""
    return f"{max(64, rows * 3 // 1000)}MB"


def set_search(connection: psycopg.Connection, *, on: bool) -> None:
    """Give a database the `SEARCH_SETTINGS`, or take them away. Connections made from now on have them or not.

    An HNSW index finds the `hnsw.ef_search` nearest rows and filters afterwards, so a narrow filter leaves few or none; with
    `hnsw.iterative_scan` it goes on searching. A prepared statement may get one plan for all values, also for those that it
    does not suit; with `plan_cache_mode` each gets its own. The planner counts a page out of order like four that follow each
    other, which suits a disk that turns; with `random_page_cost` for memory and flash it takes a B-tree where that is quicker.
    """
    from psycopg import sql

    connection.execute("SELECT '[1]'::vector")  # this loads pgvector, and with it the names of its settings
    database = sql.Identifier(connection.info.dbname)
    for name, value in SEARCH_SETTINGS.items():
        setting = sql.Identifier(*name.split("."))
        change = sql.SQL("SET {} = {}").format(setting, sql.Literal(value)) if on else sql.SQL("RESET {}").format(setting)
        connection.execute(sql.SQL("ALTER DATABASE {} {}").format(database, change))


def load_chroma(client: ClientAPI) -> Collection:
    """Make the collection anew, with the vector of every real document. Returns the collection."""
    if COLLECTION in [collection.name for collection in client.list_collections()]:
        client.delete_collection(COLLECTION)
    collection = client.create_collection(COLLECTION, configuration={"hnsw": {"space": "cosine"}})
    add_vectors(collection, documents(), embeddings())
    return collection


def add_vectors(collection: Collection, rows: Sequence[Document], vectors: np.ndarray) -> None:
    """Add documents' vectors to a collection, in batches: small ones, so that a progress bar can show how far it is."""
    size = min(BATCH, collection._client.get_max_batch_size())
    for start in waiting(range(0, len(rows), size), "loading vectors into ChromaDB"):
        batch = rows[start : start + size]
        collection.add(
            ids=[str(document.id) for document in batch],
            embeddings=vectors[start : start + size],
            metadatas=[{"id": document.id, "user_id": document.user_id} for document in batch],
        )


def _empty(redis: AnyRedis) -> None:
    cache = redis.client()
    for key in cache.scan_iter(f"{redis.prefix}*", count=1000):
        cache.delete(key)


def _fill_all_but_documents(connection: psycopg.Connection, now: datetime, more_users: Sequence[User]) -> None:
    connection.execute("DROP TABLE IF EXISTS messages, chats, settings, documents, users")
    connection.execute((DATA / "schema.sql").read_text(encoding="utf-8"))
    all_users = (*users(), *more_users)
    joined = ((user.id, user.name, user.email, user.subscription, created_at(user.days_ago, now=now)) for user in all_users)
    _copy(connection, "users (id, name, email, subscription, created_at)", joined)
    _copy(connection, "settings (user_id, theme, language, daily_digest)", map(astuple, settings()))
    connection.execute("INSERT INTO settings (user_id) SELECT id FROM users EXCEPT SELECT user_id FROM settings")
    begun = ((chat.id, chat.user_id, chat.title, created_at(chat.days_ago, now=now)) for chat in chats())
    _copy(connection, "chats (id, user_id, title, created_at)", begun)
    _copy(connection, "messages (id, chat_id, role, content, created_at)", _message_rows(now))


def _copy(connection: psycopg.Connection, table: str, records: Iterable[tuple]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for record in records:
            copy.write_row(record)


def _continue_the_ids(connection: psycopg.Connection) -> None:
    for table in ("users", "chats", "messages", "documents"):
        connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")


def _document_rows(rows: Sequence[Document] | None, now: datetime) -> Iterable[tuple]:
    for document in documents() if rows is None else rows:
        yield document.id, document.user_id, document.title, document.content, created_at(document.days_ago, now=now)


def _message_rows(now: datetime) -> Iterable[tuple]:
    began = {chat.id: chat.days_ago for chat in chats()}
    for message in messages():
        at = created_at(began[message.chat_id], minutes=message.minute, now=now)
        yield message.id, message.chat_id, message.role, message.content, at
