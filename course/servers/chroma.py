"""ChromaDB: its Rust server, started straight from its binding (a tenth of the time that its Python command takes)."""

from __future__ import annotations

import http.client
import json
import signal
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from course.errors import ServerError
from course.servers.environment import THIS_MACHINE, for_a_server
from course.servers.process import Server
from course.servers.supervisor_client import Command
from course.user_home import see_to_a_user_home

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

START = "Start it on the board or with `stack.chroma.start()`. Then run this cell again."
"""What to do when a server of ours does not answer."""

_RUN = "import sys, chromadb_rust_bindings as binding; binding.cli(sys.argv)"


class ChromaServer(Server):
    """A ChromaDB server on a directory of its own."""

    key = "chroma"
    name = "ChromaDB"
    role = "document embeddings"
    database = "default_database"

    @property
    def url(self) -> str:
        """Address and credentials as one URL."""
        return f"http://{self.address}"

    @staticmethod
    def installed_version() -> str:
        """The version of the installed program."""
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
        return Command([sys.executable, "-P", "-c", _RUN, "run", *options], for_a_server(), signal.SIGTERM)

    def _ready(self) -> bool:
        return answers(self.url)


def client(url: str, database: str | None = None, advice: str = START) -> ClientAPI:
    """A `chromadb.HttpClient` for the server at this URL. `advice` says what to do when it does not answer.

    Raises:
        ServerError: the server does not answer.
    """
    see_to_a_user_home()
    import chromadb  # takes seconds: only who needs it pays

    if not answers(url):
        raise does_not_answer(url, advice)
    parts = urlsplit(url)
    encrypted = parts.scheme == "https"
    return chromadb.HttpClient(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 8000,
        ssl=encrypted,
        database=database or chromadb.DEFAULT_DATABASE,
        # Without TLS nobody's certificate is looked at, and to read all that are trusted takes longer than all the rest.
        settings=None if encrypted else chromadb.Settings(chroma_server_ssl_verify=False),
    )


def does_not_answer(url: str, advice: str = START) -> ServerError:
    """The error that says so."""
    return ServerError(f"ChromaDB does not answer at {url}. What it has stored is safe. {advice}")


def answers(url: str) -> bool:
    """True if a ChromaDB server answers its heartbeat at this URL."""
    said = ask(url, "/api/v2/heartbeat")
    return isinstance(said, dict) and "nanosecond heartbeat" in said


def ask(url: str, path: str, seconds: float = 5) -> object:
    """The JSON that the server at this URL gives for a path, or None if it does not answer with JSON."""
    parts = urlsplit(url)
    if parts.hostname not in THIS_MACHINE:
        return _ask_elsewhere(f"{url}{path}", seconds)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=seconds)  # it knows of no proxy
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _ask_elsewhere(url: str, seconds: float) -> object:
    import httpx  # as ChromaDB's client: through a proxy, if there is one

    try:
        return httpx.get(url, timeout=seconds).json()
    except (httpx.HTTPError, ValueError):
        return None
