"""Measuring: round trips counted on the wire, ways of doing a thing timed side by side, and the quality of a search."""

from __future__ import annotations

import inspect
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from course.relay import Relay

if TYPE_CHECKING:
    from course.stack import Stack


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
        self._counters = {server.name: _Counter() for server in stack.servers}
        self._relays: list[Relay] = []
        self.postgres_url, self.chroma_url, self.redis_url = (self._relayed(server.name, server.url) for server in stack.servers)

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
        before = {name: counter.total for name, counter in self._counters.items()}
        counted: dict[str, int] = {}
        try:
            yield counted
        finally:
            counted.update({name: counter.total - before[name] for name, counter in self._counters.items()})

    def close(self) -> None:
        """Stop listening. Connections that went through here end."""
        for relay in self._relays:
            relay.close()

    def _relayed(self, name: str, url: str) -> str:
        """Listen on a port of our own for the server at this URL. Returns the URL that goes through us."""
        parts = urlsplit(url)
        assert parts.hostname is not None  # every address of a stack's server has both
        assert parts.port is not None
        relay = Relay((parts.hostname, parts.port), partial(_Conversation, self._counters[name]))
        self._relays.append(relay)
        login, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{login}{at}{relay.address}"))


class _Counter:
    """Counts from several threads."""

    def __init__(self) -> None:
        self.total = 0
        self._lock = threading.Lock()

    def add(self) -> None:
        with self._lock:
            self.total += 1


class _Conversation:
    """One connection: a request counts if everything before it was answered."""

    def __init__(self, counter: _Counter) -> None:
        self._counter = counter
        self._answered = True

    def asked(self) -> None:
        if self._answered:
            self._answered = False
            self._counter.add()

    def answered(self) -> None:
        self._answered = True


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
    ways: Mapping[str, Callable[..., object]], rounds: int = 30, *, given: Sequence[object] = (), order: Random | None = None
) -> dict[str, Timing]:
    """Time several ways of doing a thing, in turn: round after round, each way once. So noise hits all alike.

    Args:
        ways: name to a function, plain or async. Each is called once before, to warm up.
        rounds: how many times each is timed.
        given: the arguments that each is called with.
        order: draws the order of each round. Without it that of `ways` holds, and each way always follows the same other.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name in order.sample(list(ways), len(ways)) if order else ways:
            way = ways[name]
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
