"""The HTTP contract of Lumen: what goes in, what comes out, and how errors look. Both applications keep it.

No store is opened here, and no question is answered.
"""

from __future__ import annotations

from datetime import datetime
from math import isnan
from typing import Annotated, Literal

from fastapi import FastAPI, HTTPException, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from course.apps.asking import StoreBusyError, StoreError

SESSION_SECONDS = 3600
CACHE_SECONDS = 60
MAX_ID = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exact, OpenAPI among them. PostgreSQL's `bigint` goes further."""
MAX_BODY_BYTES = 256 * 1024


# What goes in


def _sensible(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("Half a surrogate pair is no character")
    if "\x00" in text:
        raise ValueError("The character NUL cannot be stored")
    if not text.strip():
        raise ValueError("Some text other than white space is needed")
    return text


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("Input should be a valid integer")
    return value


# The pattern tells the OpenAPI document what `_sensible` refuses.
_Sensible = AfterValidator(_sensible)
_PATTERN = {"pattern": r"^[^\x00]*[^\s\x00\x1c-\x1f][^\x00]*$"}

Id = Annotated[int, Field(ge=1, le=MAX_ID, examples=[1])]
NumberId = Annotated[Id, BeforeValidator(_number)]
UserId = Annotated[int, Path(ge=1, le=MAX_ID, examples=[1])]
Token = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{43}$", examples=["k3Jd0xq1V9yWm2Zc5Rt8Ua7Bs4Ne6Lp_hG-fTiQoXwE"])]
Words = Annotated[str, Field(min_length=1, max_length=1000, examples=["a refund"], json_schema_extra=_PATTERN), _Sensible]
Title = Annotated[str, Field(min_length=1, max_length=200, examples=["Refund letter"], json_schema_extra=_PATTERN), _Sensible]
Content = Annotated[
    str,
    Field(min_length=1, max_length=20_000, examples=["Dear shop, the kettle leaks."], json_schema_extra=_PATTERN),
    _Sensible,
]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Question(_Input):
    """A search among one user's documents: the words, and how many documents to return."""

    q: Words
    k: int = Field(default=5, ge=1, le=50)


class PremiumQuestion(Question):
    """A search among the documents that premium users wrote in the last `days` days. `user_id` is who asks."""

    user_id: Id
    days: int = Field(default=7, ge=1, le=3650)


class NewSession(_Input):
    """Who logs in."""

    user_id: NumberId


class NewDocument(_Input):
    """A document to keep."""

    user_id: NumberId
    title: Title
    content: Content


# What comes out


class User(BaseModel):
    """A user of Lumen."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["Dana"])
    email: str = Field(examples=["dana@example.org"])
    subscription: Literal["free", "premium"]
    created_at: datetime


class Settings(BaseModel):
    """How a user likes Lumen to be."""

    user_id: int = Field(examples=[1])
    theme: Literal["light", "dark", "system"]
    language: str = Field(examples=["en"])
    daily_digest: bool


class ChatMessage(BaseModel):
    """One message of a chat."""

    id: int = Field(examples=[1])
    role: Literal["user", "assistant"]
    content: str = Field(examples=["Where is my refund letter?"])
    created_at: datetime


class Chat(BaseModel):
    """A chat with its messages, the oldest first."""

    id: int = Field(examples=[1])
    title: str = Field(examples=["The leaking kettle"])
    created_at: datetime
    messages: list[ChatMessage]


class SessionOpened(BaseModel):
    """The token of a new session, and the seconds that it lasts."""

    token: str = Field(examples=["k3Jd0xq1V9yWm2Zc5Rt8Ua7Bs4Ne6Lp_hG-fTiQoXwE"])
    expires_in: int = Field(examples=[SESSION_SECONDS])


class Session(BaseModel):
    """Whose session it is, and the seconds that are left of it."""

    user_id: int = Field(examples=[1])
    expires_in: int = Field(examples=[3541])


class Document(BaseModel):
    """A document as it is kept."""

    id: int = Field(examples=[17])
    user_id: int = Field(examples=[1])
    title: str = Field(examples=["Refund letter"])
    content: str = Field(examples=["Dear shop, the kettle leaks."])
    created_at: datetime


def _number_for_zeros(distance: float) -> float:
    """A vector of zeros has no direction. pgvector says NaN of it, which JSON has no word for; ChromaDB says 1, and so do we."""
    return 1.0 if isnan(distance) else distance


class SimilarDocument(Document):
    """A document and its cosine distance from the question: 0 is the same direction, 1 has nothing in common.

    A document whose vector is all zeros has nothing in common with any question.
    """

    distance: Annotated[float, AfterValidator(_number_for_zeros)] = Field(examples=[0.412])


class PremiumDocument(SimilarDocument):
    """A similar document and who wrote it."""

    owner_name: str = Field(examples=["Dana"])


def _closest_first(documents: list[SimilarDocument]) -> list[SimilarDocument]:
    return sorted(documents, key=lambda document: document.distance)


SimilarDocuments = Annotated[list[SimilarDocument], AfterValidator(_closest_first)]
PremiumDocuments = Annotated[list[PremiumDocument], AfterValidator(_closest_first)]


Health = dict[str, Literal["up", "down"]]
"""The state of each store, by its name in lower case."""


class Problem(BaseModel):
    """Why there is no answer. `store` names the store that does not answer or is busy, if that is why."""

    detail: str = Field(examples=["There is no user 41."])
    store: str | None = Field(default=None, examples=["PostgreSQL"])


# How errors look

_MEANINGS = {
    400: "The body cannot be parsed",
    403: "For premium users only",
    404: "There is no such thing",
    413: "The body is too large",
    422: "The input breaks a rule; `detail` says which",
    503: "A store does not answer, or is busy; `store` names it",
}


def problems(*statuses: int) -> dict[int | str, dict]:
    """The `responses=` of an endpoint that may answer with these statuses, each with a `Problem`."""
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in statuses}


def keep_contract(app: FastAPI) -> None:
    """Give an application the contract's errors: each a `Problem`, none an echo of the input."""

    @app.exception_handler(StoreError)
    async def no_answer(_: Request, error: StoreError) -> JSONResponse:
        again = {"Retry-After": "1"} if isinstance(error, StoreBusyError) else None
        return JSONResponse({"detail": str(error), "store": error.store}, 503, headers=again)

    @app.exception_handler(RequestValidationError)
    async def refused(_: Request, error: RequestValidationError) -> JSONResponse:
        reasons = (f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors())
        # A field's name may hold half a surrogate pair, which UTF-8 has no bytes for.
        return JSONResponse({"detail": "; ".join(reasons)[:1000].encode("utf-8", "replace").decode()}, 422)

    app.add_middleware(_BodyLimit)


class _BodyLimit:
    """Stops reading a body that grows beyond `MAX_BODY_BYTES`. FastAPI's own limit answers in plain text."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(413, f"The body has more than {MAX_BODY_BYTES:,} bytes.")
            return message

        await self.app(scope, receive_limited, send)
