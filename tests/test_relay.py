"""A relay passes on what both sides say, and tells a dead server from a frozen one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from course.relay import Relay
from course.servers.process import free_port
from tests.kernels import until


@pytest.fixture
def shouting() -> Iterator[tuple[str, int]]:
    """A server that says in capitals what it is told, to whoever connects first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                while data := client.recv(100):
                    client.sendall(data.upper())

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()
        thread.join(timeout=30)
        assert not thread.is_alive()


def connect(relay: Relay) -> socket.socket:
    host, port = relay.address.split(":")
    return socket.create_connection((host, int(port)), timeout=30)


class Noted:
    """Notes in which order what passes through a connection is told."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def asked(self) -> None:
        self._notes.append("asked")

    def answered(self) -> None:
        self._notes.append("answered")


def test_what_one_side_says_the_other_hears_and_each_is_told(shouting: tuple[str, int]) -> None:
    notes: list[str] = []
    with Relay(shouting, lambda: Noted(notes)) as relay, connect(relay) as client:
        for word in (b"one", b"two"):
            client.sendall(word)
            assert client.recv(100) == word.upper()
        assert relay.connections == 1
    assert notes == ["asked", "answered"] * 2


def test_when_the_client_hangs_up_so_does_the_relay(shouting: tuple[str, int]) -> None:
    """The fixture waits until its server has seen the end of the connection."""
    with Relay(shouting) as relay:
        with connect(relay) as client:
            client.sendall(b"one")
            assert client.recv(100) == b"ONE"
        until(lambda: not relay._ends, "the relay to let go of both ends")


def test_in_front_of_a_dead_server_it_hangs_up() -> None:
    with Relay(("127.0.0.1", free_port())) as relay, connect(relay) as client:
        assert client.recv(100) == b""


def test_without_a_server_it_accepts_and_never_answers() -> None:
    with Relay() as relay, connect(relay) as client:
        client.sendall(b"anybody there?")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(100)
        relay.close()
        client.settimeout(30)
        assert client.recv(100) == b""


def test_closed_it_listens_no_more_and_may_be_closed_again() -> None:
    relay = Relay()
    relay.close()
    relay.close()
    with pytest.raises(ConnectionRefusedError):
        connect(relay)
