"""The files in data/ as records. Nothing is loaded anywhere here."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TypeVar

import numpy as np

from course.errors import CourseError
from course.home import DATA

Record = TypeVar("Record", "User", "Settings", "Chat", "Message", "Document", "Question")


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


def _read(name: str, record: type[Record]) -> tuple[Record, ...]:
    path = DATA / name
    wanted = {field.name for field in fields(record)}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise CourseError(f"{path} is missing. Get it back with `git checkout data`.") from error
    return tuple(record(**{key: value for key, value in json.loads(line).items() if key in wanted}) for line in lines)
