"""One user's nearest on one database: exact while the user has few documents, and complete however many there are."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from fastapi import HTTPException
from pgvector.psycopg import register_vector_async

from course import dataset, embed
from course.apps import one_database
from course.apps.stores import Postgres
from course.stack import Stack

COOK, NEWCOMER, NOBODY = 2, 41, 42
QUESTIONS = [question.text for question in dataset.questions()[:20]]
COOKS = ("cooking", "garden", "home", "health")


@pytest.fixture(scope="module")
def extra() -> dataset.Scaled:
    """Synthetic documents: one user has those of four fields, and one has none at all."""
    made = dataset.scaled(4_700, users=41)
    others = {document.id: document.user_id % 40 + 1 for document in made.documents}
    owned = (replace(d, user_id=COOK if d.field in COOKS else others[d.id]) for d in made.documents)
    return replace(made, documents=tuple(owned))


@pytest.fixture(scope="module")
def stack(extra: dataset.Scaled) -> Iterator[Stack]:
    """One database with an index on the vectors."""
    home = tempfile.mkdtemp(prefix="lumen")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", home)
        with Stack.start("09", embedded=True) as stack:
            dataset.load_one(stack, extra=extra, hnsw=True)
            yield stack
    shutil.rmtree(home)


def ask(stack: Stack, user_id: int, *questions: str) -> list[list[dict]]:
    """What the application answers."""

    async def answers() -> list[list[dict]]:
        async with Postgres(stack.postgres.url, configure=register_vector_async) as db:
            return [await one_database.get_similar_docs(db, user_id, question, 5) for question in questions]

    return asyncio.run(answers())


def plan(stack: Stack, statement: str, *parameters: object) -> str:
    """How a statement is run."""

    async def explained() -> str:
        async with Postgres(stack.postgres.url, configure=register_vector_async) as db:
            lines = await db.fetch_all("EXPLAIN (ANALYZE, COSTS OFF) " + statement, *parameters)
            return "\n".join(line["QUERY PLAN"] for line in lines)

    return asyncio.run(explained())


@pytest.mark.parametrize("user_id", [COOK, 3])
def test_the_answer_is_exact_beside_an_index(stack: Stack, extra: dataset.Scaled, user_id: int) -> None:
    documents = dataset.documents() + extra.documents
    rows = [row for row, document in enumerate(documents) if document.user_id == user_id]
    vectors = np.concatenate([dataset.embeddings(), extra.vectors])[rows]
    for question, answer in zip(QUESTIONS, ask(stack, user_id, *QUESTIONS), strict=True):
        distances = 1 - vectors @ embed(question)
        nearest = distances.argsort()[:5]
        assert [document["id"] for document in answer] == [documents[rows[row]].id for row in nearest]
        assert np.allclose([document["distance"] for document in answer], distances[nearest], atol=1e-5)


def test_few_documents_are_sorted_where_the_planner_would_walk_through_the_index(stack: Stack) -> None:
    vector = embed(QUESTIONS[0])
    assert "documents_embedding" in plan(stack, one_database.NEAREST_OF_MANY, vector, COOK, 5)
    assert "documents_embedding" not in plan(stack, one_database.NEAREST_OF_FEW, vector, COOK, 5, one_database.FEW)


def test_nothing_is_compared_for_who_has_too_many_to_sort(stack: Stack) -> None:
    vector = embed(QUESTIONS[0])
    assert "on documents d (never executed)" in plan(stack, one_database.NEAREST_OF_FEW, vector, COOK, 5, 100)
    assert "on documents d (never executed)" not in plan(stack, one_database.NEAREST_OF_FEW, vector, COOK, 5, one_database.FEW)


def test_who_has_many_gets_as_many_as_asked_for_in_order(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_database, "FEW", 100)
    for answer in ask(stack, COOK, *QUESTIONS):
        assert len(answer) == 5
        assert {document["user_id"] for document in answer} == {COOK}
        assert [document["distance"] for document in answer] == sorted(document["distance"] for document in answer)


@pytest.mark.parametrize("few", [20_000, 0])
def test_nothing_is_found_for_who_has_nothing_and_404_for_who_is_nobody(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(one_database, "FEW", few)
    assert ask(stack, NEWCOMER, QUESTIONS[0]) == [[]]
    with pytest.raises(HTTPException, match="no user 42"):
        ask(stack, NOBODY, QUESTIONS[0])
