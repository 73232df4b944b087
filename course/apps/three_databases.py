"""Lumen on three databases: PostgreSQL for rows, ChromaDB for vectors, Redis for the cache and the sessions.

Serve it with `uvicorn course.apps.three_databases:app`, or `create_app()` from a notebook. What goes in and comes out
stands in `course.apps.contract`, how a store is asked in `course.apps.stores`. Each endpoint names the stores that it needs.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from operator import itemgetter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from psycopg.errors import ForeignKeyViolation
from pydantic import TypeAdapter

from course.apps import contract
from course.apps.contract import StoreDownError, problems
from course.apps.stores import Addresses, Cache, Collection, Postgres
from course.embedding import embed

MOST_IDS = 16_380
"""How many values ChromaDB takes in a filter."""

router = APIRouter()


def create_app(addresses: Addresses | None = None) -> FastAPI:
    """Make the application. Without addresses it takes them from the environment when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        where = addresses or Addresses.of(os.environ)
        app.state.db = Postgres(where.postgres)
        app.state.collection = Collection(where.chroma, where.chroma_database)
        app.state.cache = Cache(where.redis, where.redis_prefix)
        async with app.state.db, app.state.collection, app.state.cache:
            yield

    app = FastAPI(title="Lumen on three databases", version="1", lifespan=lifespan)
    contract.keep_contract(app)
    app.include_router(router)
    return app


def _db(request: Request) -> Postgres:
    return request.app.state.db


def _collection(request: Request) -> Collection:
    return request.app.state.collection


def _cache(request: Request) -> Cache:
    return request.app.state.cache


Db = Annotated[Postgres, Depends(_db)]
Vectors = Annotated[Collection, Depends(_collection)]
Answers = Annotated[Cache, Depends(_cache)]


# Users


async def get_user(db: Postgres, user_id: int) -> dict[str, Any]:
    user = await db.fetch_one("SELECT * FROM users WHERE id = $1", user_id)
    if not user:
        raise HTTPException(404, f"There is no user {user_id}.")
    return user


@router.get("/users/{user_id}", response_model=contract.User, responses=problems(404, 422, 503))
async def user(user_id: contract.UserId, db: Db) -> dict[str, Any]:
    return await get_user(db, user_id)


@router.get("/users/{user_id}/settings", response_model=contract.Settings, responses=problems(404, 422, 503))
async def settings(user_id: contract.UserId, db: Db) -> dict[str, Any]:
    settings = await db.fetch_one("SELECT * FROM settings WHERE user_id = $1", user_id)
    if not settings:
        raise HTTPException(404, f"There are no settings of a user {user_id}.")
    return settings


@router.get("/users/{user_id}/chats", response_model=list[contract.Chat], responses=problems(404, 422, 503))
async def chats(user_id: contract.UserId, db: Db) -> list[dict[str, Any]]:
    """The user's chats, the newest first, each with its messages."""
    await get_user(db, user_id)
    chats = await db.fetch_all("SELECT * FROM chats WHERE user_id = $1 ORDER BY created_at DESC, id DESC", user_id)
    chat_ids = [chat["id"] for chat in chats]
    messages = await db.fetch_all("SELECT * FROM messages WHERE chat_id = ANY($1) ORDER BY created_at, id", chat_ids)
    return [{**chat, "messages": [message for message in messages if message["chat_id"] == chat["id"]]} for chat in chats]


@router.delete("/users/{user_id}", status_code=204, responses=problems(404, 422, 503))
async def delete_user(user_id: contract.UserId, db: Db, collection: Vectors, cache: Answers) -> None:
    """Delete a user and all that is theirs, in one store after the other."""
    # No transaction spans the three: if a later store does not answer, the rows are gone and the rest stays.
    if not await db.fetch_one("DELETE FROM users WHERE id = $1 RETURNING id", user_id):
        raise HTTPException(404, f"There is no user {user_id}.")
    await collection.delete(where={"user_id": user_id})
    await cache.forget_user(user_id)


# Sessions


@router.post("/sessions", status_code=201, response_model=contract.SessionOpened, responses=problems(400, 404, 413, 422, 503))
async def open_session(session: contract.NewSession, db: Db, cache: Answers) -> dict[str, Any]:
    await get_user(db, session.user_id)
    return {"token": await cache.open_session(session.user_id), "expires_in": contract.SESSION_SECONDS}


@router.get("/sessions/{token}", response_model=contract.Session, responses=problems(404, 422, 503))
async def session(token: contract.Token, cache: Answers) -> dict[str, Any]:
    session = await cache.session(token)
    if not session:
        raise HTTPException(404, "There is no such session, or it has expired.")
    return session


# Documents


@router.post("/documents", status_code=201, response_model=contract.Document, responses=problems(400, 404, 413, 422, 503))
async def add_document(new: contract.NewDocument, db: Db, collection: Vectors, cache: Answers) -> dict[str, Any]:
    embedding = await asyncio.to_thread(embed, f"{new.title}\n{new.content}")
    try:
        document = await db.fetch_one(
            "INSERT INTO documents (user_id, title, content) VALUES ($1, $2, $3) RETURNING *", new.user_id, new.title, new.content
        )
    except ForeignKeyViolation:
        raise HTTPException(404, f"There is no user {new.user_id}.") from None
    # A dual write: two stores and no transaction across them. What stops here leaves a row without a vector.
    metadata = {"id": document["id"], "user_id": new.user_id}
    await collection.upsert(ids=[str(document["id"])], embeddings=[embedding], metadatas=[metadata])
    with suppress(StoreDownError):  # the document is kept; the old answers expire by themselves
        await cache.forget_answers(new.user_id)
    return document


async def get_similar_docs(db: Postgres, collection: Collection, user_id: int, query: str, k: int) -> list[dict[str, Any]]:
    # 1. Check that the user exists (PostgreSQL)
    await get_user(db, user_id)

    # 2. Get the embedding (in a thread: other requests go on meanwhile)
    embedding = await asyncio.to_thread(embed, query)

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


_similar_documents = TypeAdapter(list[contract.SimilarDocument])
_x_cache = {"X-Cache": {"description": "`hit`, `miss`, or `off` if the cache does not answer", "schema": {"type": "string"}}}


@router.get(
    "/users/{user_id}/similar",
    response_model=list[contract.SimilarDocument],
    responses={200: {"headers": _x_cache}, **problems(404, 422, 503)},
)
async def similar(
    user_id: contract.UserId, question: Annotated[contract.Question, Query()], db: Db, collection: Vectors, cache: Answers
) -> Response:
    """The user's documents that are closest to the question, the closest first. An answer is cached for a minute."""
    try:
        answer, state = await cache.answer(user_id, question), "miss"
    except StoreDownError:
        answer, state = None, "off"  # a cache that fails makes a read slower, not wrong
    if answer:
        return Response(answer, media_type="application/json", headers={"X-Cache": "hit"})
    docs = await get_similar_docs(db, collection, user_id, question.q, question.k)
    answer = _similar_documents.dump_json(_similar_documents.validate_python(docs)).decode()
    if state == "miss":
        with suppress(StoreDownError):
            await cache.keep_answer(user_id, question, answer)
    return Response(answer, media_type="application/json", headers={"X-Cache": state})


@router.get("/premium/similar", response_model=list[contract.PremiumDocument], responses=problems(403, 404, 422, 503))
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
    embedding = await asyncio.to_thread(embed, question.q)
    # A filter and not `ids=`: that one fails as soon as a single document has no vector
    among = {"id": {"$in": [row["id"] for row in candidates]}}
    results = await collection.query(query_embeddings=[embedding], where=among, n_results=question.k)

    doc_ids = [r["id"] for r in results["metadatas"][0]]
    docs = await db.fetch_all(
        "SELECT d.*, u.name AS owner_name FROM documents d JOIN users u ON d.user_id = u.id WHERE d.id = ANY($1)", doc_ids
    )
    return by_distance(docs, results)


# Health


@router.get("/health", response_model=contract.Health, responses={503: {"model": contract.Health}})
async def health(db: Db, collection: Vectors, cache: Answers) -> JSONResponse:
    """The state of each store: 200 if all are up, else 503."""
    stores = {"postgresql": db, "chromadb": collection, "redis": cache}
    states = dict(zip(stores, await asyncio.gather(*(contract.state(store.ping()) for store in stores.values())), strict=True))
    return JSONResponse(states, 200 if set(states.values()) == {"up"} else 503)


app = create_app()
