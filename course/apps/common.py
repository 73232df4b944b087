"""What Lumen does alike on three databases and on one: users, settings, chats, sessions, health, and the cache of answers.

Nothing here knows where the vectors are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Annotated, Any, Protocol, Self

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from course.apps import asking, contract
from course.apps.asking import StoreError
from course.apps.contract import problems
from course.apps.stores import Cache, Postgres
from course.servers.environment import set_aside


class Store(Protocol):
    """What every store can do."""

    async def ping(self) -> None:
        """Ask for a sign of life."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...


router = APIRouter()


def make_app(title: str, documents: APIRouter, stores: Callable[[], dict[str, Store]]) -> FastAPI:
    """Make an application that keeps the contract.

    Args:
        title: its name in the OpenAPI document.
        documents: the endpoints that are not here.
        stores: makes the stores, by their names in lower case; `postgresql` and `redis` are among them. Called at each start.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        set_aside()
        app.state.stores = stores()
        async with AsyncExitStack() as opened:
            for store in app.state.stores.values():
                await opened.enter_async_context(store)
            yield

    app = FastAPI(title=title, version="1", lifespan=lifespan)
    contract.keep_contract(app)
    app.include_router(router)
    app.include_router(documents)
    return app


def _db(request: Request) -> Postgres:
    return request.app.state.stores["postgresql"]


def _cache(request: Request) -> Cache:
    return request.app.state.stores["redis"]


Db = Annotated[Postgres, Depends(_db)]
Answers = Annotated[Cache, Depends(_cache)]


# Users


async def get_user(db: Postgres, user_id: int) -> dict[str, Any]:
    """The user's row.

    Raises:
        HTTPException: 404, there is no such user.
    """
    user = await db.fetch_one("SELECT * FROM users WHERE id = $1", user_id)
    if not user:
        raise HTTPException(404, f"There is no user {user_id}.")
    return user


@router.get("/users/{user_id}", response_model=contract.User, responses=problems(404, 422, 503))
async def user(user_id: contract.UserId, db: Db) -> dict[str, Any]:
    """A user."""
    return await get_user(db, user_id)


@router.get("/users/{user_id}/settings", response_model=contract.Settings, responses=problems(404, 422, 503))
async def settings(user_id: contract.UserId, db: Db) -> dict[str, Any]:
    """What a user has set."""
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


# Sessions


@router.post("/sessions", status_code=201, response_model=contract.SessionOpened, responses=problems(400, 404, 413, 422, 503))
async def open_session(session: contract.NewSession, db: Db, cache: Answers) -> dict[str, Any]:
    """Open a session for a user."""
    await get_user(db, session.user_id)
    return {"token": await cache.open_session(session.user_id), "expires_in": contract.SESSION_SECONDS}


@router.get("/sessions/{token}", response_model=contract.Session, responses=problems(404, 422, 503))
async def session(token: contract.Token, cache: Answers) -> dict[str, Any]:
    """Whose session this is, and for how long."""
    session = await cache.session(token)
    if not session:
        raise HTTPException(404, "There is no such session, or it has expired.")
    return session


# The cache of answers

X_CACHE = {"X-Cache": {"description": "`hit`, `miss`, or `off` if the cache does not answer", "schema": {"type": "string"}}}

_similar_documents = TypeAdapter(contract.SimilarDocuments)


async def cached(
    cache: Cache, user_id: int, question: contract.Question, search: Callable[[], Awaitable[list[dict[str, Any]]]]
) -> Response:
    """The answer to a user's question: from the cache, or from the search and then kept for a minute."""
    try:
        answer, state = await cache.answer(user_id, question), "miss"
    except StoreError:
        answer, state = None, "off"  # a cache that fails makes a read slower, not wrong
    if answer:
        return Response(answer, media_type="application/json", headers={"X-Cache": "hit"})
    answer = _similar_documents.dump_json(_similar_documents.validate_python(await search())).decode()
    if state == "miss":
        with suppress(StoreError):
            await cache.keep_answer(user_id, question, answer)
    return Response(answer, media_type="application/json", headers={"X-Cache": state})


# Health


@router.get("/health", response_model=contract.Health, responses={503: {"model": contract.Health}})
async def health(request: Request) -> JSONResponse:
    """The state of each store: 200 if all are up, else 503."""
    stores: dict[str, Store] = request.app.state.stores
    states = dict(zip(stores, await asyncio.gather(*(asking.state(store.ping()) for store in stores.values())), strict=True))
    return JSONResponse(states, 200 if set(states.values()) == {"up"} else 503)
