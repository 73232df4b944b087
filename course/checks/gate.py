"""A gate in front of a server: behind it a client meets a dead or a frozen server, while the server itself is not touched.

And a way to wait for what may never end. What is judged with them stands in the checks.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Self


class Gate:
    """A loopback port that passes every byte on to a server; without one, it accepts and never answers, as a frozen server does.

    Use it in a `with`, or call `close()`: then nobody listens at its port any more.

    Attributes:
        address: where it listens, as `127.0.0.1:port`.
        connections: how many were made to it.
    """

    def __init__(self, server: tuple[str, int] | None = None) -> None:
        self.connections = 0
        self._server = server
        self._ends: list[socket.socket] = []
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, name="gate", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hang up on all, and listen no more. A second time does nothing."""
        if self._closing:
            return
        self._closing = True
        with suppress(OSError):  # it wakes up the thread that accepts; what becomes of it does not matter
            socket.create_connection(self._listener.getsockname(), timeout=1).close()
        self._thread.join()
        self._listener.close()
        for end in self._ends:
            with suppress(OSError):  # the other side has hung up before
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            self._ends.append(client)
            if self._closing:
                return
            self.connections += 1
            if self._server:
                server = socket.create_connection(self._server)
                self._ends.append(server)
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=_pass_on, args=(source, target), name="gate", daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # the gate was closed
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def within(seconds: float, call: Callable[[], object]) -> object:
    """What a call gives or raises. It runs in a thread of its own, and is left there when it takes longer.

    Raises:
        concurrent.futures.TimeoutError: it takes longer.
    """
    done: Future = Future()

    def work() -> None:
        try:
            done.set_result(call())
        except BaseException as error:  # noqa: BLE001  handed to the caller, who raises it
            done.set_exception(error)

    threading.Thread(target=work, name="within", daemon=True).start()
    return done.result(timeout=seconds)
