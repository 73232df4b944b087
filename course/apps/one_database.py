"""Lumen on one database: PostgreSQL with pgvector for rows and vectors. Redis stays, for the cache and the sessions.

Serve it with `uvicorn course.apps.one_database:app`, or `create_app()` from a notebook. Here are the endpoints that need
the vectors; the others stand in `course.apps.common`, what goes in and comes out in `course.apps.contract`, how a store is
asked in `course.apps.stores`, and the tables in `data/schema.sql` and `data/one_database.sql`.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Response
from pgvector.psycopg import register_vector_async
from psycopg.errors import ForeignKeyViolation

from course.apps import common, contract
from course.apps.asking import StoreError
from course.apps.common import Answers, Db, get_user
from course.apps.contract import problems
from course.apps.stores import Addresses, Cache, Postgres
from course.embedding import embed

router = APIRouter()


def create_app(addresses: Addresses | None = None) -> FastAPI:
    """Make the application. Without addresses it takes them from the environment when it starts."""

    def stores() -> dict[str, common.Store]:
        where = addresses or Addresses.of(os.environ, chroma=False)
        return {
            "postgresql": Postgres(where.postgres, configure=register_vector_async),  # NumPy arrays as parameters
            "redis": Cache(where.redis, where.redis_prefix),
        }

    return common.make_app("Lumen on one database", router, stores)


@router.delete("/users/{user_id}", status_code=204, responses=problems(404, 422, 503))
async def delete_user(user_id: contract.UserId, db: Db, cache: Answers) -> None:
    """Delete a user and all that is theirs: the rows, and the vectors in them, at one stroke; then what Redis has."""
    if not await db.fetch_one("DELETE FROM users WHERE id = $1 RETURNING id", user_id):
        raise HTTPException(404, f"There is no user {user_id}.")
    await cache.forget_user(user_id)


@router.post("/documents", status_code=201, response_model=contract.Document, responses=problems(400, 404, 413, 422, 503))
async def add_document(new: contract.NewDocument, db: Db, cache: Answers) -> dict[str, Any]:
    """Add a document. Who searches finds it from now on."""
    embedding = await asyncio.to_thread(embed, f"{new.title}\n{new.content}")
    try:
        # Row and vector in one statement: both are kept, or none
        [document] = await db.fetch_all(
            """INSERT INTO documents (user_id, title, content, embedding) VALUES ($1, $2, $3, $4)
               RETURNING id, user_id, title, content, created_at""",
            new.user_id,
            new.title,
            new.content,
            embedding,
        )
    except ForeignKeyViolation:
        raise HTTPException(404, f"There is no user {new.user_id}.") from None
    with suppress(StoreError):  # the document is kept; the old answers expire by themselves
        await cache.forget_answers(new.user_id)
    return document


# Up to FEW documents of a user's are all sorted, more are left to the HNSW index. The index starts from everybody's documents
# and passes by those of others, so it is quick only for a user who has a good part of the table. At 100,000 documents, in
# turn, sorted against walked to: 2,700 of one subject 0.1 × the time (the walk's recall: .2), 8,400 0.5 × (.2), 17,600 1.3 ×
# (.3), 34,500 of several subjects 13 × (.6). The planner alone walks from about 1,000 on. `+ 0` forbids that, for no index
# has this order; a MATERIALIZED filter does, too, and takes up to 1.5 × as long for the most users, who have a hundred or
# less. An index of a large account's own (WHERE user_id = …) makes its walk 2.5 to 5 × as quick, at recall .97 or better,
# and needs no other statement. What this costs: of 10,000 documents, who has a quarter or more waits 2 to 5 × as long as for
# the walk, which found nearly all there. The figures are of a busy machine, and of the statement without its NOT EXISTS.
FEW = 20_000

_OWN = """
    SELECT d.id, d.user_id, d.title, d.content, d.created_at, u.name AS owner_name,
           d.embedding <=> $1 AS distance
    FROM documents d
    JOIN users u ON d.user_id = u.id
    WHERE d.user_id = $2
"""
NEAREST_OF_FEW = f"""{_OWN}
    AND NOT EXISTS (SELECT FROM documents WHERE user_id = $2 OFFSET $4)
    ORDER BY (d.embedding <=> $1) + 0
    LIMIT $3
"""
NEAREST_OF_MANY = f"""{_OWN}
    ORDER BY distance
    LIMIT $3
"""


async def get_similar_docs(db: Postgres, user_id: int, query: str, k: int) -> list[dict[str, Any]]:
    """The user's k documents that are closest to a text, the closest first, each with its `distance`.

    Exact, unless the user has more than `FEW` documents.
    """
    embedding = await asyncio.to_thread(embed, query)

    # One query does it all! It names its columns: d.* would send each document's vector, too, and take twice the time
    docs = await db.fetch_all(NEAREST_OF_FEW, embedding, user_id, k, FEW)
    if not docs:
        await get_user(db, user_id)  # nothing found: is it that nobody is there to have anything?
        docs = await db.fetch_all(NEAREST_OF_MANY, embedding, user_id, k)
    return docs


@router.get(
    "/users/{user_id}/similar",
    response_model=contract.SimilarDocuments,
    responses={200: {"headers": common.X_CACHE}, **problems(404, 422, 503)},
)
async def similar(user_id: contract.UserId, question: Annotated[contract.Question, Query()], db: Db, cache: Answers) -> Response:
    """The user's documents that are closest to the question, the closest first. An answer is cached for a minute."""
    return await common.cached(cache, user_id, question, partial(get_similar_docs, db, user_id, question.q, question.k))


@router.get("/premium/similar", response_model=contract.PremiumDocuments, responses=problems(403, 404, 422, 503))
async def premium_similar(question: Annotated[contract.PremiumQuestion, Query()], db: Db) -> list[dict[str, Any]]:
    """What premium users wrote in the last days and is closest to the question. For premium users."""
    embedding = await asyncio.to_thread(embed, question.q)
    docs = await db.fetch_all(
        """
        SELECT d.id, d.user_id, d.title, d.content, d.created_at, u.name AS owner_name,
               d.embedding <=> $1 AS distance
        FROM documents d
        JOIN users u ON d.user_id = u.id
        WHERE u.subscription = 'premium'
          AND d.created_at > NOW() - $2 * INTERVAL '1 day'
          AND EXISTS (SELECT FROM users WHERE id = $3 AND subscription = 'premium')  -- who asks, at this same moment
        ORDER BY distance
        LIMIT $4
        """,
        embedding,
        question.days,
        question.user_id,
        question.k,
    )
    if not docs and (await get_user(db, question.user_id))["subscription"] != "premium":
        raise HTTPException(403, "Premium only")
    return docs


app = create_app()
