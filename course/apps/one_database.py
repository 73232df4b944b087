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
from course.apps.questions import LastQuestions
from course.apps.stores import Addresses, Cache, Postgres
from course.embedding import embed

router = APIRouter()
embedded = LastQuestions()


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


# Up to FEW documents are all compared and sorted; among more, the planner chooses. `+ 0` keeps the sorting away from the HNSW
# index, for no index has this order. That index starts from everybody's documents and passes by those of others. Compared are
# the vectors that stand side by side in the B-tree `documents_user_created`; title and text are fetched for the k nearest alone.
# Without that index the answers are the same, and take longer. Milliseconds of processor time, servers and client together:
#
#   so many of the table's        sorted so   over a B-tree without vectors   the planner's walk, its recall   three databases
#   a user's     25 of  10,000          1.5                             1.6                        1.3   1.0                15
#             2,500 of  10,000          3.3                             6.0                   3.0 to 4.1   .99                20
#             2,658 of 100,000          3.8                             5.3                   11 to 22   .75                44
#   premium     102 of  10,000          2.3                             2.5                        2.0   1.0                22
#             2,158 of 100,000          4.0                             4.6                         13   .71               100
#            23,622 of 100,000           19                              74                         10   .61     refuse so many
#
# And of larger accounts, at the client, p50 over one open connection and the recall of four:
#
#   a user's  9,971 of 100,000, from all subjects    4.5                     the walk   1.6   .83    three databases   67   .86
#             7,316 of 100,000, one subject          5.4                                 25   .25                     105   .73
#            21,621 of 100,000, three                 13                                6.6   .35                     139   .71
#            29,050 of 400,000, one                   16                                 62   .21
#            86,658 of 400,000, three                105                                 16   .25
#
# So the walk is quick for who has a good part of the table, and misses most of what is nearest where that part is about few
# subjects, which nobody knows before. Up to FEW all are compared: 86,658 take less time than three databases for a quarter of
# them, and 276 ms with the default `shared_buffers` of 128 MB. An account that is larger still wants a partition of its own.
#
# By its default `random_page_cost` of 4 PostgreSQL reads the whole table for who has a quarter of 10,000, in twice the time (7 to
# 8 ms in place of 3.8 at the client). So `dataset.SEARCH_SETTINGS` has 1.1, as for memory or flash.
FEW = 100_000

NEAREST_OF_FEW = """
    SELECT d.id, d.user_id, d.title, d.content, d.created_at, u.name AS owner_name, distance
    FROM (
        SELECT id, (embedding <=> $1) + 0 AS distance
        FROM documents
        WHERE user_id = $2
          AND NOT EXISTS (SELECT FROM documents WHERE user_id = $2 OFFSET $4)
        ORDER BY distance
        LIMIT $3
    ) nearest
    JOIN documents d USING (id)
    JOIN users u ON d.user_id = u.id
    ORDER BY distance
"""
NEAREST_OF_MANY = """
    SELECT d.id, d.user_id, d.title, d.content, d.created_at, u.name AS owner_name,
           d.embedding <=> $1 AS distance
    FROM documents d
    JOIN users u ON d.user_id = u.id
    WHERE d.user_id = $2
    ORDER BY distance
    LIMIT $3
"""

_PREMIUM = """
    FROM documents d
    JOIN users u ON d.user_id = u.id
    WHERE u.subscription = 'premium'
      AND d.created_at > NOW() - $2 * INTERVAL '1 day'
      AND EXISTS (SELECT FROM users WHERE id = $3 AND subscription = 'premium')  -- who asks, at this same moment
"""
PREMIUM_OF_FEW = f"""
    SELECT d.id, d.user_id, d.title, d.content, d.created_at, u.name AS owner_name, distance
    FROM (
        SELECT d.id, (d.embedding <=> $1) + 0 AS distance
        {_PREMIUM}
        AND NOT EXISTS (SELECT {_PREMIUM} OFFSET $5)
        ORDER BY distance
        LIMIT $4
    ) nearest
    JOIN documents d USING (id)
    JOIN users u ON d.user_id = u.id
    ORDER BY distance
"""
PREMIUM_OF_MANY = f"""
    SELECT d.id, d.user_id, d.title, d.content, d.created_at, u.name AS owner_name,
           d.embedding <=> $1 AS distance
    {_PREMIUM}
    ORDER BY distance
    LIMIT $4
"""


async def get_similar_docs(db: Postgres, user_id: int, query: str, k: int) -> list[dict[str, Any]]:
    """The user's k documents that are closest to a text, the closest first, each with its `distance`.

    Exact, unless the user has more than `FEW` documents.
    """
    embedding = await embedded(query)

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
    """What premium users wrote in the last days and is closest to the question. For premium users.

    Exact, unless they wrote more than `FEW` documents in these days.
    """
    embedding = await embedded(question.q)
    asked = embedding, question.days, question.user_id, question.k
    docs = await db.fetch_all(PREMIUM_OF_FEW, *asked, FEW)
    if not docs:
        if (await get_user(db, question.user_id))["subscription"] != "premium":
            raise HTTPException(403, "Premium only")
        docs = await db.fetch_all(PREMIUM_OF_MANY, *asked)
    return docs


app = create_app()
