"""A port that stands in front of a server and passes every byte on, so that what goes through it can be counted or cut off.

What is counted stands in `measure.py`, what is judged in front of a dead or a frozen server in the checks.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, Self


class Listener(Protocol):
    """Is told what passes through one connection."""

    def asked(self) -> None:
        """Bytes came from the client, and are about to be passed on."""

    def answered(self) -> None:
        """Bytes came from the server, and are about to be passed on."""


class Relay:
    """A loopback port in front of a server. Without a server it accepts and never answers, as a frozen server does.

    Use it in a `with`, or call `close()`: then nobody listens at its port any more.

    Args:
        server: host and port to pass on to.
        listener: makes a listener for each connection.

    Attributes:
        address: where it listens, as `127.0.0.1:port`.
        connections: how many were made to it.
    """

    def __init__(self, server: tuple[str, int] | None = None, listener: Callable[[], Listener] | None = None) -> None:
        self.connections = 0
        self._server = server
        self._listener_of_one = listener
        self._ends: list[socket.socket] = []
        self._closing = False
        self._port = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._port.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, name="relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hang up on all, and listen no more. A second time does nothing."""
        if self._closing:
            return
        self._closing = True
        with suppress(OSError):  # it wakes up the thread that accepts; what becomes of it does not matter
            socket.create_connection(self._port.getsockname(), timeout=1).close()
        self._thread.join()
        self._port.close()
        for end in tuple(self._ends):
            with suppress(OSError):  # the other side has hung up before
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            client, _ = self._port.accept()
            if self._closing:
                client.close()
                return
            self._ends.append(client)
            self.connections += 1
            if self._server:
                threading.Thread(target=self._meet, args=(client, self._server), name="relay", daemon=True).start()

    def _meet(self, client: socket.socket, address: tuple[str, int]) -> None:
        try:
            server = socket.create_connection(address)
        except OSError:  # it is down: hang up, as it would
            client.close()
            return
        self._ends.append(server)
        listener = self._listener_of_one() if self._listener_of_one else None
        answers = (server, client, listener.answered if listener else None)
        answering = threading.Thread(target=_pass_on, args=answers, name="relay", daemon=True)
        answering.start()
        _pass_on(client, server, listener.asked if listener else None)
        answering.join()
        for end in (client, server):
            end.close()
            self._ends.remove(end)


def _pass_on(source: socket.socket, target: socket.socket, told: Callable[[], None] | None) -> None:
    with suppress(OSError):  # one side has hung up: so does the other
        while data := source.recv(65536):
            if told:
                told()
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
