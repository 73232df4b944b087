"""Lumen on three databases: PostgreSQL for rows, ChromaDB for vectors, Redis for the cache and the sessions.

Serve it with `uvicorn course.apps.three_databases:app`, or `create_app()` from a notebook. Here are the endpoints that need
the vectors; the others stand in `course.apps.common`, what goes in and comes out in `course.apps.contract`, how a store is
asked in `course.apps.stores`. Each endpoint names the stores that it needs.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from functools import partial
from operator import itemgetter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from psycopg.errors import ForeignKeyViolation

from course.apps import common, contract
from course.apps.asking import StoreError
from course.apps.common import Answers, Db, get_user
from course.apps.contract import problems
from course.apps.questions import LastQuestions
from course.apps.stores import Addresses, Cache, DocumentVectors, Postgres
from course.embedding import embed

MOST_IDS = 16_380
"""How many values ChromaDB takes in a filter."""

router = APIRouter()
embedded = LastQuestions()


def create_app(addresses: Addresses | None = None) -> FastAPI:
    """Make the application. Without addresses it takes them from the environment when it starts."""

    def stores() -> dict[str, common.Store]:
        where = addresses or Addresses.of(os.environ)
        return {
            "postgresql": Postgres(where.postgres),
            "chromadb": DocumentVectors(where.chroma, where.chroma_database),
            "redis": Cache(where.redis, where.redis_prefix),
        }

    return common.make_app("Lumen on three databases", router, stores)


def _collection(request: Request) -> DocumentVectors:
    return request.app.state.stores["chromadb"]


Vectors = Annotated[DocumentVectors, Depends(_collection)]


@router.delete("/users/{user_id}", status_code=204, responses=problems(404, 422, 503))
async def delete_user(user_id: contract.UserId, db: Db, collection: Vectors, cache: Answers) -> None:
    """Delete a user and all that is theirs, in one store after the other."""
    # No transaction spans the three: if a later store does not answer, the rows are gone and the rest stays.
    if not await db.fetch_one("DELETE FROM users WHERE id = $1 RETURNING id", user_id):
        raise HTTPException(404, f"There is no user {user_id}.")
    await collection.delete(where={"user_id": user_id})
    await cache.forget_user(user_id)


@router.post("/documents", status_code=201, response_model=contract.Document, responses=problems(400, 404, 413, 422, 503))
async def add_document(new: contract.NewDocument, db: Db, collection: Vectors, cache: Answers) -> dict[str, Any]:
    """Add a document. Who searches finds it from now on."""
    embedding = await asyncio.to_thread(embed, f"{new.title}\n{new.content}")
    try:
        [document] = await db.fetch_all(
            "INSERT INTO documents (user_id, title, content) VALUES ($1, $2, $3) RETURNING *", new.user_id, new.title, new.content
        )
    except ForeignKeyViolation:
        raise HTTPException(404, f"There is no user {new.user_id}.") from None
    # A dual write: two stores and no transaction across them. What stops here leaves a row without a vector.
    metadata = {"id": document["id"], "user_id": new.user_id}
    await collection.upsert(ids=[str(document["id"])], embeddings=[embedding], metadatas=[metadata])
    with suppress(StoreError):  # the document is kept; the old answers expire by themselves
        await cache.forget_answers(new.user_id)
    return document


async def get_similar_docs(db: Postgres, collection: DocumentVectors, user_id: int, query: str, k: int) -> list[dict[str, Any]]:
    """The user's k documents that are closest to a text, the closest first, each with its `distance`."""
    # 1. Check that the user exists (PostgreSQL)
    await get_user(db, user_id)

    # 2. Get the embedding (in a thread: other requests go on meanwhile; the last questions' are remembered)
    embedding = await embedded(query)

    # 3. Search the vectors (ChromaDB)
    results = await collection.query(query_embeddings=[embedding], where={"user_id": user_id}, n_results=k)

    # 4. Get the documents (PostgreSQL again!)
    doc_ids = [r["id"] for r in results["metadatas"][0]]
    docs = await db.fetch_all("SELECT * FROM documents WHERE id = ANY($1)", doc_ids)
    return by_distance(docs, results)


def by_distance(docs: list[dict[str, Any]], results: dict[str, Any]) -> list[dict[str, Any]]:
    """Put the rows into the order that ChromaDB found them in: `= ANY` returns them in any order."""
    distances = dict(zip((r["id"] for r in results["metadatas"][0]), results["distances"][0], strict=True))
    return sorted(({**doc, "distance": distances[doc["id"]]} for doc in docs), key=itemgetter("distance"))


@router.get(
    "/users/{user_id}/similar",
    response_model=contract.SimilarDocuments,
    responses={200: {"headers": common.X_CACHE}, **problems(404, 422, 503)},
)
async def similar(
    user_id: contract.UserId, question: Annotated[contract.Question, Query()], db: Db, collection: Vectors, cache: Answers
) -> Response:
    """The user's documents that are closest to the question, the closest first. An answer is cached for a minute."""
    search = partial(get_similar_docs, db, collection, user_id, question.q, question.k)
    return await common.cached(cache, user_id, question, search)


@router.get("/premium/similar", response_model=contract.PremiumDocuments, responses=problems(403, 404, 422, 503))
async def premium_similar(
    question: Annotated[contract.PremiumQuestion, Query()], db: Db, collection: Vectors
) -> list[dict[str, Any]]:
    """What premium users wrote in the last days and is closest to the question. For premium users."""
    user = await get_user(db, question.user_id)
    if user["subscription"] != "premium":
        raise HTTPException(403, "Premium only")

    # ChromaDB knows neither subscriptions nor dates: PostgreSQL chooses the documents, ChromaDB searches among those
    candidates = await db.fetch_all(
        """SELECT d.id FROM documents d JOIN users u ON d.user_id = u.id
           WHERE u.subscription = 'premium' AND d.created_at > NOW() - $1 * INTERVAL '1 day'""",
        question.days,
    )
    if len(candidates) > MOST_IDS:
        raise HTTPException(422, f"ChromaDB searches among {MOST_IDS:,} documents at most. Ask for fewer days.")
    if not candidates:
        return []
    embedding = await embedded(question.q)
    # A filter and not `ids=`: that one fails as soon as a single document has no vector
    among = {"id": {"$in": [row["id"] for row in candidates]}}
    results = await collection.query(query_embeddings=[embedding], where=among, n_results=question.k)

    doc_ids = [r["id"] for r in results["metadatas"][0]]
    docs = await db.fetch_all(
        "SELECT d.*, u.name AS owner_name FROM documents d JOIN users u ON d.user_id = u.id WHERE d.id = ANY($1)", doc_ids
    )
    return by_distance(docs, results)


app = create_app()
