"""One user's nearest, and those of premium users: exact while there are few to compare, and complete however many."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from fastapi import HTTPException
from pgvector.psycopg import register_vector_async

from course import dataset, embed
from course.apps import one_database
from course.apps.contract import PremiumQuestion
from course.apps.stores import Postgres
from course.stack import Stack

COOK, READER, NEWCOMER, NOBODY = 2, 3, 41, 42
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


def ask_premium(stack: Stack, days: int, *questions: str, user_id: int = 1) -> list[list[dict]]:
    """What the application answers a premium user."""

    async def answers() -> list[list[dict]]:
        async with Postgres(stack.postgres.url, configure=register_vector_async) as db:
            asked = [PremiumQuestion(user_id=user_id, q=question, k=5, days=days) for question in questions]
            return [await one_database.premium_similar(question, db) for question in asked]

    return asyncio.run(answers())


def plan(stack: Stack, statement: str, *parameters: object) -> str:
    """How a statement is run."""

    async def explained() -> str:
        async with Postgres(stack.postgres.url, configure=register_vector_async) as db:
            lines = await db.fetch_all("EXPLAIN (ANALYZE, COSTS OFF) " + statement, *parameters)
            return "\n".join(line["QUERY PLAN"] for line in lines)

    return asyncio.run(explained())


def is_exact(answers: list[list[dict]], documents: tuple[dataset.Document, ...], vectors: np.ndarray) -> bool:
    """Whether these are the answers to `QUESTIONS` that NumPy gives, among these documents."""
    for question, answer in zip(QUESTIONS, answers, strict=True):
        distances = 1 - vectors @ embed(question)
        nearest = distances.argsort()[:5]
        assert [document["id"] for document in answer] == [documents[row].id for row in nearest]
        assert np.allclose([document["distance"] for document in answer], distances[nearest], atol=1e-5)
    return True


def those(extra: dataset.Scaled, wanted: Callable[[dataset.Document], bool]) -> tuple[tuple[dataset.Document, ...], np.ndarray]:
    """The documents of this kind, and their vectors."""
    documents = dataset.documents() + extra.documents
    rows = [row for row, document in enumerate(documents) if wanted(document)]
    return tuple(documents[row] for row in rows), np.concatenate([dataset.embeddings(), extra.vectors])[rows]


@pytest.mark.parametrize("user_id", [COOK, READER])
def test_the_answer_is_exact_beside_an_index(stack: Stack, extra: dataset.Scaled, user_id: int) -> None:
    assert is_exact(ask(stack, user_id, *QUESTIONS), *those(extra, lambda document: document.user_id == user_id))


@pytest.mark.parametrize("days", [7, 400])
def test_what_premium_users_wrote_is_found_exactly(stack: Stack, extra: dataset.Scaled, days: int) -> None:
    premium = {user.id for user in dataset.users() + extra.users if user.subscription == "premium"}
    recent = those(extra, lambda document: document.user_id in premium and document.days_ago < days)
    assert is_exact(ask_premium(stack, days, *QUESTIONS), *recent)


def test_of_more_documents_of_premium_users_five_come_in_order(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_database, "FEW", 10)
    for answer in ask_premium(stack, 400, *QUESTIONS):
        assert len(answer) == 5
        assert [document["distance"] for document in answer] == sorted(document["distance"] for document in answer)


def test_what_is_compared_is_read_from_the_b_tree_alone(stack: Stack) -> None:
    vector = embed(QUESTIONS[0])
    mine = plan(stack, one_database.NEAREST_OF_FEW, vector, READER, 5, one_database.FEW)
    premium = plan(stack, one_database.PREMIUM_OF_FEW, vector, 7, 1, 5, one_database.FEW)
    for read in (mine, premium):
        assert "Index Only Scan using documents_user_created" in read
        assert "documents_embedding" not in read


def test_for_who_has_a_good_part_of_the_table_the_settings_bring_the_b_tree(stack: Stack) -> None:
    parameters = embed(QUESTIONS[0]), COOK, 5, one_database.FEW
    assert "Index Only Scan using documents_user_created" in plan(stack, one_database.NEAREST_OF_FEW, *parameters)
    with stack.postgres.connect() as connection:
        dataset.set_search(connection, on=False)
        try:
            assert "Seq Scan on documents" in plan(stack, one_database.NEAREST_OF_FEW, *parameters)
        finally:
            dataset.set_search(connection, on=True)


def test_few_documents_are_sorted_where_the_planner_would_walk_through_the_index(stack: Stack) -> None:
    vector = embed(QUESTIONS[0])
    assert "documents_embedding" in plan(stack, one_database.NEAREST_OF_MANY, vector, COOK, 5)
    assert "documents_embedding" not in plan(stack, one_database.NEAREST_OF_FEW, vector, COOK, 5, one_database.FEW)


def test_nothing_is_compared_for_who_has_too_many_to_sort(stack: Stack) -> None:
    vector = embed(QUESTIONS[0])
    never = "using documents_user_created on documents (never executed)"
    assert never in plan(stack, one_database.NEAREST_OF_FEW, vector, READER, 5, 2)
    assert never not in plan(stack, one_database.NEAREST_OF_FEW, vector, READER, 5, one_database.FEW)


def test_who_has_many_gets_as_many_as_asked_for_in_order(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_database, "FEW", 100)
    for answer in ask(stack, COOK, *QUESTIONS):
        assert len(answer) == 5
        assert {document["user_id"] for document in answer} == {COOK}
        assert [document["distance"] for document in answer] == sorted(document["distance"] for document in answer)


@pytest.mark.parametrize("few", [one_database.FEW, 0])
def test_nothing_is_found_for_who_has_nothing_and_404_for_who_is_nobody(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(one_database, "FEW", few)
    assert ask(stack, NEWCOMER, QUESTIONS[0]) == [[]]
    with pytest.raises(HTTPException, match="no user 42"):
        ask(stack, NOBODY, QUESTIONS[0])
