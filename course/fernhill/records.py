"""The files in data/fernhill/ as records. Nothing is loaded anywhere here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import numpy as np

from course.errors import CourseError
from course.home import DATA

FOLDER = DATA / "fernhill"


@dataclass(frozen=True)
class Mechanic:
    """Somebody who writes articles, and still works there."""

    id: UUID
    name: str


@dataclass(frozen=True)
class Article:
    """An article of the knowledge base.

    `stores` tells where it is at the known start: `both`, `ChromaDB` (its row was deleted) or `PostgreSQL` (its vector was never
    written). `status` is PostgreSQL's, `copied_status` what ChromaDB has beside the vector. A `body` that is None is missing.
    """

    id: UUID
    mechanic_id: UUID
    title: str
    body: str | None
    tags: tuple[str, ...]
    status: str
    copied_status: str | None
    stores: str

    @property
    def text(self) -> str:
        """What is embedded: the title, and the body below it if there is one."""
        return f"{self.title}\n{self.body}" if self.body else self.title


@cache
def mechanics() -> tuple[Mechanic, ...]:
    """Everybody who works at Fernhill."""
    return tuple(Mechanic(UUID(line["id"]), line["name"]) for line in _lines("mechanics.jsonl"))


@cache
def articles() -> tuple[Article, ...]:
    """All articles that are in a store."""
    return tuple(
        Article(**{**line, "id": UUID(line["id"]), "mechanic_id": UUID(line["mechanic_id"]), "tags": tuple(line["tags"])})
        for line in _lines("articles.jsonl")
    )


@cache
def embeddings() -> np.ndarray:
    """The vectors of `articles()`, float32, row by row, precomputed from `Article.text`."""
    vectors = np.load(FOLDER / "embeddings.npy")
    vectors.setflags(write=False)
    return vectors


def _lines(name: str) -> list[dict]:
    path = FOLDER / name
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError as error:
        raise CourseError(f"{path} is missing. Get it back with `git checkout data`.") from error
