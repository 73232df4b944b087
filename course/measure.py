"""Measuring: round trips counted on the wire, ways of doing a thing timed side by side, and the quality of a search."""

from __future__ import annotations

import asyncio
import inspect
import math
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import numpy as np

if TYPE_CHECKING:
    from course.stack import Stack


T = TypeVar("T")


class RoundTrips:
    """Stands on the wire between this notebook and each server of a stack, passes every byte on, and counts.

    A round trip is a request that goes out after the last answer has come in. Opening a connection counts as well:
    it is made of round trips too. Connect to `.postgres_url`, `.chroma_url` and `.redis_url` to be counted.

        trips = RoundTrips(stack)
        with trips.counting() as counted:
            ...
        counted                             # {"PostgreSQL": 2, "ChromaDB": 1, "Redis": 0}
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._totals = {server.name: 0 for server in stack.servers}
        self._listeners: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.postgres_url, self.chroma_url, self.redis_url = (
            self._call(self._relay(server.name, server.url)) for server in stack.servers
        )

    def environment(self) -> dict[str, str]:
        """The variables that tell an application where the servers are, so that it is counted."""
        return self._stack.environment() | {
            "COURSE_POSTGRES_URL": self.postgres_url,
            "COURSE_CHROMA_URL": self.chroma_url,
            "COURSE_REDIS_URL": self.redis_url,
        }

    @contextmanager
    def counting(self) -> Iterator[dict[str, int]]:
        """Count what happens inside the `with`. Yields a dictionary, server name to round trips, filled at its end."""
        before = dict(self._totals)
        counted: dict[str, int] = {}
        try:
            yield counted
        finally:
            counted.update({name: total - before[name] for name, total in self._totals.items()})

    def close(self) -> None:
        """Stop listening. Connections that went through here end."""

        async def end_all() -> None:
            for listener in self._listeners:
                listener.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)  # each ends by the cancellation that we asked for

        self._call(end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _relay(self, name: str, url: str) -> str:
        """Listen on a port of our own for the server at this URL. Returns the URL that goes through us."""
        parts = urlsplit(url)

        async def meet(client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
            server_in, server_out = await asyncio.open_connection(parts.hostname, parts.port)
            answered = True

            async def requests() -> None:
                nonlocal answered
                while data := await client_in.read(65536):
                    self._totals[name] += answered
                    answered = False
                    server_out.write(data)
                    await server_out.drain()

            async def answers() -> None:
                nonlocal answered
                while data := await server_in.read(65536):
                    answered = True
                    client_out.write(data)
                    await client_out.drain()

            pumps = [asyncio.create_task(requests()), asyncio.create_task(answers())]
            try:
                with suppress(asyncio.CancelledError):  # by close(): the end we want, which Python 3.11 logs as an error
                    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)  # a broken connection ends here; its owner is told
                for writer in (client_out, server_out):
                    writer.close()
                    with suppress(ConnectionError):  # the other side was faster
                        await writer.wait_closed()

        listener = await asyncio.start_server(meet, "127.0.0.1", 0)
        self._listeners.append(listener)
        port = listener.sockets[0].getsockname()[1]
        credentials, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{credentials}{at}127.0.0.1:{port}"))


@dataclass(frozen=True)
class Timing:
    """How long each call of one way took, in milliseconds."""

    milliseconds: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median, in milliseconds."""
        return float(np.percentile(self.milliseconds, 50))

    @property
    def p95(self) -> float:
        """What 95 of 100 calls stay below, in milliseconds."""
        return float(np.percentile(self.milliseconds, 95))


async def interleaved(
    ways: Mapping[str, Callable[..., object]], rounds: int = 30, *, given: Sequence[object] = ()
) -> dict[str, Timing]:
    """Time several ways of doing a thing, in turn: round after round, each way once. So noise hits all alike.

    Args:
        ways: name to a function, plain or async. Each is called once before, to warm up.
        rounds: how many times each is timed.
        given: the arguments that each is called with.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            result = way(*given)
            if inspect.isawaitable(result):
                await result
            if number > 0:
                taken[name].append((time.perf_counter() - began) * 1000)
    return {name: Timing(tuple(values)) for name, values in taken.items()}


def ndcg(ranked: Sequence[int], relevant: Mapping[int, int], k: int = 10) -> float:
    """The normalized discounted cumulative gain of the first k results: 1 is the best order there is, 0 finds nothing.

    A document of grade g is worth 2^g - 1, divided by log2(rank + 1). After Järvelin and Kekäläinen, "Cumulated gain-based
    evaluation of IR techniques", 2002, with the exponential gain of Burges et al., 2005.

    Args:
        ranked: ids, the best first.
        relevant: id to grade, for every document that is relevant at all.
    """

    def gain(grades: Sequence[int]) -> float:
        return sum((2**grade - 1) / math.log2(rank + 1) for rank, grade in enumerate(grades[:k], start=1))

    return gain([relevant.get(id, 0) for id in ranked]) / gain(sorted(relevant.values(), reverse=True))
