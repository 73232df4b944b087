"""ChromaDB: its Rust server, started straight from its binding (a tenth of the time that its Python command takes)."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from course.errors import ServerError
from course.servers.process import Command, Server
from course.user_home import see_to_a_user_home

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

_RUN = "import sys, chromadb_rust_bindings as binding; binding.cli(sys.argv)"


class ChromaServer(Server):
    """A ChromaDB server on a directory of its own."""

    key = "chroma"
    name = "ChromaDB"
    role = "document embeddings"
    database = "default_database"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @staticmethod
    def installed_version() -> str:
        try:
            return version("chromadb")
        except PackageNotFoundError as error:
            raise ServerError(
                "The package chromadb is not installed in this environment. No data was touched. "
                "Run `make lab`, or `pip install -r requirements.txt`, and restart the kernel."
            ) from error

    def client(self) -> ClientAPI:
        """A new `chromadb.HttpClient`.

        Raises:
            ServerError: the server does not answer.
        """
        return client(self.url)

    def _prepare(self) -> None:
        assert self.version
        self.directory.mkdir(mode=0o700, exist_ok=True)

    def _command(self) -> Command:
        options = ["--path", str(self.directory), "--host", "127.0.0.1", "--port", str(self.port)]
        return Command([sys.executable, "-P", "-c", _RUN, "run", *options], dict(os.environ), signal.SIGTERM)

    def _ready(self) -> bool:
        return answers(self.url)


def client(url: str, database: str | None = None) -> ClientAPI:
    """A `chromadb.HttpClient` for the server at this URL.

    Raises:
        ServerError: the server does not answer.
    """
    see_to_a_user_home()
    import chromadb  # takes seconds: only who needs it pays

    if not answers(url):
        raise ServerError(
            f"ChromaDB does not answer at {url}. What it has stored is safe. Start it on the board or with "
            "`stack.chroma.start()`. Then run this cell again."
        )
    parts = urlsplit(url)
    return chromadb.HttpClient(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 8000,
        ssl=parts.scheme == "https",
        database=database or chromadb.DEFAULT_DATABASE,
    )


def answers(url: str) -> bool:
    """True if a ChromaDB server answers its heartbeat at this URL."""
    return "nanosecond heartbeat" in (ask(url, "/api/v2/heartbeat") or {})


def ask(url: str, path: str) -> dict | str | None:
    """The JSON that the server at this URL gives for a path, or None if it does not answer with JSON."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "127.0.0.1", parts.port or 8000, timeout=5)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, json.JSONDecodeError):
        return None
    finally:
        connection.close()
