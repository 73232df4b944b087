"""Round trips are counted as they happen on the wire, and ways are timed in turn."""

import asyncio
import socket
import threading
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from course.measure import RoundTrips, Timing, interleaved


@dataclass
class Echo:
    """A server that answers each line with as many pieces as the line says."""

    name: str
    url: str


@dataclass
class EchoStack:
    servers: tuple[Echo, ...]

    def environment(self) -> dict[str, str]:
        return {"COURSE_REDIS_URL": self.servers[2].url, "COURSE_REDIS_PREFIX": "lumen:"}


def through(url: str) -> RoundTrips:
    """Round trips to three servers that are one."""
    servers: Any = EchoStack(tuple(Echo(name, url) for name in ("PostgreSQL", "ChromaDB", "Redis")))
    return RoundTrips(servers)


@pytest.fixture
def echo():
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rw") as lines:
                for line in lines:
                    lines.write("answer\n" * int(line))
                    lines.flush()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"redis://:secret@127.0.0.1:{listener.getsockname()[1]}/0"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_a_request_after_an_answer_is_a_round_trip_however_many_pieces_it_has(echo):
    trips = through(echo)
    try:
        assert trips.redis_url.startswith("redis://:secret@127.0.0.1:")
        assert trips.redis_url.endswith("/0")
        assert trips.redis_url != echo
        port = int(trips.redis_url.split(":")[-1].removesuffix("/0"))
        with socket.create_connection(("127.0.0.1", port)) as wire, wire.makefile("rw") as lines:
            with trips.counting() as counted:
                for pieces in (1, 3):
                    lines.write(f"{pieces}")
                    lines.flush()
                    lines.write("\n")
                    lines.flush()
                    assert [lines.readline() for _ in range(pieces)] == ["answer\n"] * pieces
            assert counted == {"PostgreSQL": 0, "ChromaDB": 0, "Redis": 2}
            with trips.counting() as counted:
                pass
            assert counted == {"PostgreSQL": 0, "ChromaDB": 0, "Redis": 0}
    finally:
        trips.close()


def test_an_application_is_counted_if_it_gets_the_relays_addresses(echo) -> None:
    trips = through(echo)
    try:
        environment = trips.environment()
        assert environment["COURSE_REDIS_URL"] == trips.redis_url != echo
        assert environment["COURSE_POSTGRES_URL"] == trips.postgres_url
        assert environment["COURSE_CHROMA_URL"] == trips.chroma_url
        assert environment["COURSE_REDIS_PREFIX"] == "lumen:"
    finally:
        trips.close()


def test_closing_ends_open_connections_without_a_word_in_the_log(echo, caplog):
    trips = through(echo)
    port = int(trips.redis_url.split(":")[-1].removesuffix("/0"))
    with socket.create_connection(("127.0.0.1", port)) as wire, wire.makefile("rw") as lines:
        lines.write("1\n")
        lines.flush()
        assert lines.readline() == "answer\n"
        trips.close()
        assert lines.readline() == ""
    assert not caplog.records


def test_ways_take_turns_and_the_first_round_only_warms_up():
    calls = []

    async def slow():
        calls.append("slow")
        await asyncio.sleep(0.002)

    timings = asyncio.run(interleaved({"fast": lambda: calls.append("fast"), "slow": slow}, rounds=5))
    assert calls == ["fast", "slow"] * 6
    assert [len(timing.milliseconds) for timing in timings.values()] == [5, 5]
    assert timings["slow"].p50 > timings["fast"].p50


def test_percentiles():
    timing = Timing(tuple(float(number) for number in range(101)))
    assert (timing.p50, timing.p95) == (50, 95)


def test_each_round_calls_each_way_once_in_an_order_that_can_be_drawn() -> None:
    calls: list[str] = []
    ways = {name: lambda name=name: calls.append(name) for name in "abc"}
    asyncio.run(interleaved(ways, rounds=9, order=Random(1)))
    rounds = {"".join(calls[start : start + 3]) for start in range(0, len(calls), 3)}
    assert len(calls) == 30
    assert {"".join(sorted(one)) for one in rounds} == {"abc"}
    assert len(rounds) > 3


def test_each_way_is_given_the_same_arguments() -> None:
    asked: list[tuple[str, int]] = []
    ways = {"first": lambda question, k: asked.append((question, k)), "second": lambda question, k: asked.append((question, k))}
    asyncio.run(interleaved(ways, rounds=1, given=("boiler", 5)))
    assert asked == [("boiler", 5)] * 4
