"""What becomes of a question that a store does not answer. That the application makes a 503 of it stands in `contract.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Literal

STORE_SECONDS = 3
"""How long a store may take over one answer."""


class StoreDownError(Exception):
    """A store does not answer. The application turns it into a 503 that names the store."""

    def __init__(self, store: str) -> None:
        super().__init__(f"{store} does not answer. What it has stored is safe. Start it, see that its data is there, ask again.")
        self.store = store


@asynccontextmanager
async def answering(store: str, *failures: type[Exception]) -> AsyncIterator[None]:
    """Around what asks a store, as a `with` or as a decorator: these failures, and silence, become `StoreDownError`."""
    try:
        async with asyncio.timeout(STORE_SECONDS):
            yield
    except TimeoutError as error:
        raise StoreDownError(store) from error
    except failures as error:
        raise StoreDownError(store) from error


async def state(ping: Awaitable[None]) -> Literal["up", "down"]:
    """The state of a store, by its answer to a ping."""
    try:
        await ping
    except StoreDownError:
        return "down"
    return "up"
