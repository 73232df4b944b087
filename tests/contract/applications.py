"""The applications that keep the contract, and the few rows that its tests know. A new application is one line at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from pgvector.psycopg import register_vector

from course.apps import one_database, three_databases
from course.apps.stores import Addresses
from course.dataset import COLLECTION
from course.embedding import embed
from course.home import DATA
from course.stack import Stack

DANA, OMAR, MEI, IGOR, LAST, NOBODY = 1, 2, 3, 4, 2**53 - 1, 99

USERS = {
    DANA: ("Dana", "premium"),
    OMAR: ("Omar", "free"),
    MEI: ("Mei", "premium"),
    IGOR: ("Igor", "free"),  # has neither settings nor chats nor documents
    LAST: ("Zoe", "premium"),  # has the largest id there can be
}
DOCUMENTS = {
    1: (DANA, 1, "Kettle refund", "The shop pays the price of the leaking kettle back within ten days."),
    2: (DANA, 3, "Lentil soup", "Red lentils, cumin and lemon; cook for twenty minutes and stir often."),
    3: (DANA, 30, "Vet visit", "The cat is well. Half a tablet against worms, and another visit in spring."),
    4: (OMAR, 2, "Lost parcel", "The seller refunds the money for the parcel that never came."),
    5: (MEI, 5, "Bicycle", "New brake pads in front, the chain is worn and needs replacing soon."),
    6: (MEI, 40, "Warranty claim", "They owe me a refund for the broken washing machine."),
    LAST: (LAST, 6, "Tomatoes", "Water the seedlings in the morning and pinch out the side shoots."),
}
NAMES = {"postgres": "PostgreSQL", "chroma": "ChromaDB", "redis": "Redis"}


@dataclass(frozen=True)
class Application:
    """How to make an application from a stack's environment, how to bring rows and vectors into its stores.

    `stores` are the stores that it needs, by their keys in a stack.
    """

    name: str
    create: Callable[[Mapping[str, str]], FastAPI]
    load: Callable[[Stack], None]
    set_vector: Callable[[Stack, int, np.ndarray], None]
    stores: tuple[str, ...]

    def health(self, *down: str) -> dict[str, str]:
        """What it says of its stores when some are down."""
        return {NAMES[key].lower(): "down" if key in down else "up" for key in self.stores}


@cache
def vectors() -> np.ndarray:
    """The vectors of `DOCUMENTS`, row by row."""
    return embed([f"{title}\n{content}" for _, _, title, content in DOCUMENTS.values()])


def load_tables(stack: Stack, *, with_vectors: bool) -> None:
    """Make the tables anew with the known rows, and leave nothing in Redis."""
    now = datetime.now(UTC)
    with stack.postgres.connect() as connection, connection.transaction():
        connection.execute("DROP TABLE IF EXISTS messages, chats, settings, documents, users")
        connection.execute((DATA / "schema.sql").read_text(encoding="utf-8"))
        documents: list[tuple[Any, ...]] = [
            (id, owner, title, text, now - timedelta(days=days)) for id, (owner, days, title, text) in DOCUMENTS.items()
        ]
        if with_vectors:
            connection.execute((DATA / "one_database.sql").read_text(encoding="utf-8"))
            register_vector(connection)
            documents = [(*document, vector) for document, vector in zip(documents, vectors(), strict=True)]
        cursor = connection.cursor()
        cursor.executemany(
            "INSERT INTO users (id, name, email, subscription) VALUES (%s, %s, %s, %s)",
            [(id, name, f"{name.lower()}@example.org", subscription) for id, (name, subscription) in USERS.items()],
        )
        cursor.executemany("INSERT INTO settings VALUES (%s, 'dark', 'es', true)", [[DANA], [OMAR], [MEI], [LAST]])
        cursor.execute("INSERT INTO chats VALUES (1, %s, 'Kettle', now() - interval '2 days')", [DANA])
        cursor.execute("INSERT INTO chats VALUES (2, %s, 'Soup', now() - interval '1 day')", [DANA])
        cursor.execute("INSERT INTO messages VALUES (1, 1, 'user', 'Where is my refund?', now() - interval '1 hour')")
        cursor.execute("INSERT INTO messages VALUES (2, 1, 'assistant', 'In your letter.', now())")
        places = ", ".join(["%s"] * len(documents[0]))
        cursor.executemany(f"INSERT INTO documents VALUES ({places})", documents)
        cursor.execute("SELECT setval('users_id_seq', 100), setval('documents_id_seq', 100)")
    stack.redis.client().flushdb()


def load_three_databases(stack: Stack) -> None:
    """The known rows in PostgreSQL, and their vectors in ChromaDB."""
    load_tables(stack, with_vectors=False)
    chroma = stack.chroma.client()
    if COLLECTION in [collection.name for collection in chroma.list_collections()]:
        chroma.delete_collection(COLLECTION)
    chroma.create_collection(COLLECTION, configuration={"hnsw": {"space": "cosine"}}).add(
        ids=[str(id) for id in DOCUMENTS],
        embeddings=vectors(),
        metadatas=[{"id": id, "user_id": owner} for id, (owner, *_) in DOCUMENTS.items()],
    )


def load_one_database(stack: Stack) -> None:
    """The known rows in PostgreSQL, with their vectors."""
    load_tables(stack, with_vectors=True)


def set_in_chroma(stack: Stack, id: int, vector: np.ndarray) -> None:
    stack.chroma.client().get_collection(COLLECTION).update(ids=[str(id)], embeddings=[vector])


def set_in_postgres(stack: Stack, id: int, vector: np.ndarray) -> None:
    with stack.postgres.connect() as connection:
        register_vector(connection)
        connection.execute("UPDATE documents SET embedding = %s WHERE id = %s", [vector, id])


def create_three_databases(environment: Mapping[str, str]) -> FastAPI:
    return three_databases.create_app(Addresses.of(environment))


def create_one_database(environment: Mapping[str, str]) -> FastAPI:
    return one_database.create_app(Addresses.of(without_chroma(environment), chroma=False))


def without_chroma(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if "CHROMA" not in name}


THREE_DATABASES = Application(
    "three_databases", create_three_databases, load_three_databases, set_in_chroma, stores=("postgres", "chroma", "redis")
)
ONE_DATABASE = Application("one_database", create_one_database, load_one_database, set_in_postgres, stores=("postgres", "redis"))

APPLICATIONS = [THREE_DATABASES, ONE_DATABASE]


def only(application: Application) -> pytest.MarkDecorator:
    """Marks a test of what holds for one application alone."""
    return pytest.mark.parametrize("application", [application], indirect=True, ids=[application.name])
