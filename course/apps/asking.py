"""How a store is asked: some questions at a time, each with a limit. What becomes of those that it does not answer.

That the application makes a 503 of it stands in `contract.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar

AT_ONCE = 10
"""How many questions a store is asked at the same time: what a pool of PostgreSQL's connections holds, and alike for all."""

STORE_SECONDS = 3
"""How long a store may answer nobody until it counts as dead."""

BUSY_SECONDS = 30
"""How long a question may take, its turn and its answer, while the store answers others."""


class StoreError(Exception):
    """There is no answer from a store. The application turns it into a 503 that names the store."""

    said: str

    def __init__(self, store: str) -> None:
        super().__init__(self.said.format(store=store))
        self.store = store


class StoreDownError(StoreError):
    """A store does not answer."""

    said = "{store} does not answer. What it has stored is safe. Start it, see that its data is there, ask again."


class StoreBusyError(StoreError):
    """A store answers others, and has not come to this question."""

    said = "{store} is busy: it answers others, and has not come to this. What it has stored is safe. Ask again in a moment."


class Turns:
    """Whose turn it is to ask a store: `AT_ONCE` have one, the others wait. Who asks waits for as long as others are answered.

    Args:
        store: its name.
        failures: what its client raises when the store does not answer.
        silence: how many seconds without any answer mean that the store is dead.
        patience: how many seconds a question may take at a store that answers others.
    """

    def __init__(
        self, store: str, *failures: type[Exception], silence: float = STORE_SECONDS, patience: float = BUSY_SECONDS
    ) -> None:
        self._store = store
        self._failures = failures
        self._silence = silence
        self._patience = patience
        self._free = asyncio.Semaphore(AT_ONCE)
        self._answers = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Around one question.

        Raises:
            StoreDownError: one of the failures came, or silence.
            StoreBusyError: others were answered, and this question was not.
        """
        try:
            async with self._limit(), self._free:
                yield
                self._answers += 1
        except self._failures as error:
            raise StoreDownError(self._store) from error

    @asynccontextmanager
    async def _limit(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        until, before = loop.time() + self._patience, self._answers
        next_look: asyncio.TimerHandle

        def look() -> None:
            nonlocal before, next_look
            if self._answers == before or loop.time() > until:
                limit.reschedule(loop.time())
            else:
                before, next_look = self._answers, loop.call_later(self._silence, look)

        next_look = loop.call_later(self._silence, look)
        try:
            async with asyncio.timeout(None) as limit:
                yield
        except TimeoutError as error:
            raise (StoreDownError if self._answers == before else StoreBusyError)(self._store) from error
        finally:
            next_look.cancel()


class Asked(Protocol):
    """A store, with the turns of those who ask it."""

    turns: Turns


P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Asked)
Method = Callable[Concatenate[S, P], Coroutine[Any, Any, R]]


def in_turn(method: Method[S, P, R]) -> Method[S, P, R]:
    """A store's method that is one question to it."""

    @wraps(method)
    async def asked(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        async with self.turns.turn():
            return await method(self, *args, **kwargs)

    return asked


async def state(ping: Awaitable[Any]) -> Literal["up", "down"]:
    """The state of a store, by its answer to a ping. A busy one is up."""
    try:
        await ping
    except StoreDownError:
        return "down"
    except StoreBusyError:
        return "up"
    return "up"
