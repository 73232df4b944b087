"""The data of Lumen, the course's application: the files in data/ as records, and the known start of every lesson.

`users()`, `documents()` and their like read what was written for the course. `scaled()` makes many more documents
around them, for lessons that need size. `load()` puts the known start into the three stores of a stack.
`python -m course.dataset` embeds the documents anew after one of them was changed.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from course.embedding import embed
from course.errors import CourseError, InputError
from course.home import DATA, home

if TYPE_CHECKING:
    import psycopg
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

    from course.stack import Stack

Record = TypeVar("Record")

COLLECTION = "documents"
"""The name of the ChromaDB collection."""


@dataclass(frozen=True)
class User:
    """A user of Lumen. `subscription` is `free` or `premium`."""

    id: int
    name: str
    email: str
    subscription: str
    days_ago: int


@dataclass(frozen=True)
class Settings:
    """The settings of one user."""

    user_id: int
    theme: str
    language: str
    daily_digest: bool


@dataclass(frozen=True)
class Chat:
    """A conversation of a user with the assistant."""

    id: int
    user_id: int
    title: str
    days_ago: int


@dataclass(frozen=True)
class Message:
    """One message of a chat; `role` is `user` or `assistant`, `minute` counts from the chat's beginning."""

    id: int
    chat_id: int
    role: str
    content: str
    minute: int


@dataclass(frozen=True)
class Document:
    """A document of a user. `field` is the part of life that it is about."""

    id: int
    user_id: int
    field: str
    title: str
    content: str
    days_ago: int

    @property
    def text(self) -> str:
        """What is embedded: the title, and the content below it."""
        return f"{self.title}\n{self.content}"


@dataclass(frozen=True)
class Question:
    """A question about the whole collection, with the ids of its relevant documents: 2 answers it, 1 is on its topic.

    `kind` is `words` (asks in other words than the document), `exact` (by a name or a code) or `mixed`.
    """

    id: int
    kind: str
    text: str
    relevant: dict[int, int]


@dataclass(frozen=True)
class Scaled:
    """Synthetic documents and their vectors, float32 of shape `(n, 384)`, row by row."""

    documents: tuple[Document, ...]
    vectors: np.ndarray


@cache
def users() -> tuple[User, ...]:
    """The 40 users."""
    return _read("users.jsonl", User)


@cache
def settings() -> tuple[Settings, ...]:
    """The settings of every user."""
    return _read("settings.jsonl", Settings)


@cache
def chats() -> tuple[Chat, ...]:
    """The users' chats."""
    return _read("chats.jsonl", Chat)


@cache
def messages() -> tuple[Message, ...]:
    """The messages of all chats."""
    return _read("messages.jsonl", Message)


@cache
def documents() -> tuple[Document, ...]:
    """The 300 documents, by id."""
    return _read("documents.jsonl", Document)


@cache
def questions() -> tuple[Question, ...]:
    """The 60 questions."""
    return tuple(
        Question(question.id, question.kind, question.text, {int(id): grade for id, grade in question.relevant.items()})
        for question in _read("questions.jsonl", Question)
    )


@cache
def embeddings() -> np.ndarray:
    """The vectors of `documents()`, float32 of shape `(300, 384)`, row by row, precomputed from `Document.text`."""
    vectors = np.load(DATA / "embeddings.npy")
    vectors.setflags(write=False)
    return vectors


def created_at(days_ago: int, *, minutes: int = 0, now: datetime | None = None) -> datetime:
    """The moment so many days and one hour before now, and so many minutes after that."""
    return (now or datetime.now(UTC)) - timedelta(days=days_ago, hours=1) + timedelta(minutes=minutes)


def scaled(n: int, seed: int = 14) -> Scaled:
    """Make n synthetic documents around the real ones. The same n and seed give the same documents.

    Each takes a real document at random, and with it the owner and the field. Its vector is
    `centroid + sqrt(1/2) * residual + sqrt(1/2) * noise`, brought to unit length: `centroid` is the mean vector of the
    field, `residual` the real document's distance from it, and `noise` is normal with the covariance of all residuals.
    So the cloud keeps its centres and its spread. The age is drawn from the real ages, independently. The text, about 500
    characters, is a piece of Python's own language reference, which every machine has: it does not match the vector.
    Ids begin at 1,001, above the real ones.

    Raises:
        InputError: n is not a positive whole number.
    """
    if not isinstance(n, int) or n < 1:
        raise InputError(f"scaled() takes how many documents to make, a whole number from 1 up, and got {n!r}.")
    random = np.random.default_rng(seed)
    bases = random.integers(len(documents()), size=n)
    ages = random.choice([document.days_ago for document in documents()], size=n)
    pieces = _pieces_of_text()
    made = tuple(
        Document(1_001 + row, base.user_id, base.field, f"Synthetic document {1_001 + row}", piece, int(age))
        for row, (base, piece, age) in enumerate(
            zip((documents()[row] for row in bases), itertools.cycle(pieces), ages, strict=False)
        )
    )
    return Scaled(made, _scaled_vectors(bases, n, seed, random))


def load(stack: Stack, *, extra: Scaled | None = None) -> None:
    """Put the known start into a stack: the tables and rows, the collection and its vectors, an empty cache.

    Whatever a lesson left there before is replaced.

    Args:
        extra: synthetic documents to load beside the real ones.
    """
    with stack.postgres.connect() as connection:
        load_postgres(connection, documents() + (extra.documents if extra else ()))
    load_chroma(stack.chroma.client())
    if extra:
        collection = stack.chroma.client().get_collection(COLLECTION)
        add_vectors(collection, extra.documents, extra.vectors)
    cache = stack.redis.client()
    for key in cache.scan_iter(f"{stack.redis.prefix}*", count=1000):
        cache.delete(key)


def load_postgres(connection: psycopg.Connection, rows: Sequence[Document] | None = None) -> None:
    """Make the tables of `data/schema.sql` anew and fill them, in one transaction."""
    now = datetime.now(UTC)
    schema = (DATA / "schema.sql").read_text(encoding="utf-8")
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS messages, chats, settings, documents, users")
        cursor.execute(schema)
        tables = {
            "users (id, name, email, subscription, created_at)": [
                (user.id, user.name, user.email, user.subscription, created_at(user.days_ago, now=now)) for user in users()
            ],
            "settings (user_id, theme, language, daily_digest)": [astuple(entry) for entry in settings()],
            "chats (id, user_id, title, created_at)": [
                (chat.id, chat.user_id, chat.title, created_at(chat.days_ago, now=now)) for chat in chats()
            ],
            "messages (id, chat_id, role, content, created_at)": _message_rows(now),
            "documents (id, user_id, title, content, created_at)": [
                (document.id, document.user_id, document.title, document.content, created_at(document.days_ago, now=now))
                for document in (documents() if rows is None else rows)
            ],
        }
        for table, records in tables.items():
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for record in records:
                    copy.write_row(record)
        for table in ("users", "chats", "messages", "documents"):
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
    connection.execute("ANALYZE")


def load_chroma(client: ClientAPI) -> Collection:
    """Make the collection anew, with the vector of every real document. Returns the collection."""
    if COLLECTION in [collection.name for collection in client.list_collections()]:
        client.delete_collection(COLLECTION)
    collection = client.create_collection(COLLECTION, configuration={"hnsw": {"space": "cosine"}})
    add_vectors(collection, documents(), embeddings())
    return collection


def add_vectors(collection: Collection, rows: Sequence[Document], vectors: np.ndarray) -> None:
    """Add documents' vectors to a collection, in batches of the size that the server allows."""
    size = collection._client.get_max_batch_size()
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        collection.add(
            ids=[str(document.id) for document in batch],
            embeddings=vectors[start : start + size],
            metadatas=[{"id": document.id, "user_id": document.user_id} for document in batch],
        )


def _message_rows(now: datetime) -> list[tuple]:
    began = {chat.id: chat.days_ago for chat in chats()}
    return [
        (
            message.id,
            message.chat_id,
            message.role,
            message.content,
            created_at(began[message.chat_id], minutes=message.minute, now=now),
        )
        for message in messages()
    ]


def _read(name: str, record: type[Record]) -> tuple[Record, ...]:
    path = DATA / name
    wanted = {field.name for field in fields(record)}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise CourseError(f"{path} is missing. Get it back with `git checkout data`.") from error
    return tuple(record(**{key: value for key, value in json.loads(line).items() if key in wanted}) for line in lines)


def _scaled_vectors(bases: np.ndarray, n: int, seed: int, random: np.random.Generator) -> np.ndarray:
    cached = home() / "cache" / f"scaled-{n}-{seed}-{os.stat(DATA / 'embeddings.npy').st_mtime_ns}.npy"
    if cached.exists():
        return np.load(cached)
    real = embeddings()
    field_of = np.array([document.field for document in documents()])
    centroids = np.empty_like(real)
    for field in np.unique(field_of):
        centroids[field_of == field] = real[field_of == field].mean(axis=0)
    residuals = real - centroids
    half = np.sqrt(np.float32(0.5))
    # A normal sample with the covariance of the residuals: a random mixture of them all, weighted by 1/sqrt(count).
    noise = random.standard_normal((n, len(real)), dtype=np.float32) @ residuals / np.sqrt(np.float32(len(real)))
    vectors = centroids[bases] + half * residuals[bases] + half * noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cached.parent.mkdir(mode=0o700, exist_ok=True)
    draft = cached.with_suffix(f".{os.getpid()}")
    with open(draft, "wb") as file:
        np.save(file, vectors)
    draft.rename(cached)
    return vectors


@cache
def _pieces_of_text() -> tuple[str, ...]:
    from pydoc_data.topics import topics

    text = " ".join(" ".join(topics[name].split()) for name in sorted(topics))
    return tuple(text[start : start + 500] for start in range(0, len(text) - 500, 500))


def write_embeddings() -> None:
    """Embed every document anew and write `data/embeddings.npy`."""
    np.save(DATA / "embeddings.npy", embed([document.text for document in documents()]))


if __name__ == "__main__":
    write_embeddings()
