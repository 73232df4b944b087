"""Servers as somebody else would start them: by their own programs, with settings and passwords of their own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

from course.servers import chroma as chroma_server
from course.servers import postgres as postgres_server
from course.servers import redis as redis_server
from course.servers.process import free_port
from tests.kernels import until

PASSWORD = "by-hand"


@contextmanager
def place() -> Iterator[Path]:
    """A short directory that also the user who runs PostgreSQL may enter."""
    with tempfile.TemporaryDirectory(prefix="by-hand-") as path:
        os.chmod(path, 0o755)
        yield Path(path)


@contextmanager
def running(command: list[str], how_it_ends: signal.Signals) -> Iterator[None]:
    """A program that runs meanwhile."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.send_signal(how_it_ends)
        server.wait(timeout=30)


@contextmanager
def postgres(place: Path) -> Iterator[str]:
    """PostgreSQL by `initdb` and `postgres`, as its manual says. Yields its URL."""
    become, data, port = postgres_server.as_server_user(), place / "pg", free_port()
    data.mkdir(mode=0o700)
    if become:
        shutil.chown(data, "nobody")
    secret = place / "secret"
    secret.write_text(PASSWORD)
    initdb = [postgres_server.binary("initdb"), "-D", str(data), "-U", "teacher", "--auth=scram-sha-256", f"--pwfile={secret}"]
    subprocess.run([*become, *initdb, "--no-sync"], check=True, capture_output=True)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", "unix_socket_directories="]
    url = f"postgresql://teacher:{PASSWORD}@127.0.0.1:{port}/postgres"

    def answers() -> bool:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            return False
        return True

    with running([*become, postgres_server.binary("postgres"), "-D", str(data), *options], signal.SIGINT):
        until(answers, "PostgreSQL to answer")
        yield url


@contextmanager
def chroma(place: Path) -> Iterator[str]:
    """ChromaDB by its own command line program. Yields its URL."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(place / "chroma"), "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with running([*command, "--host", "127.0.0.1"], signal.SIGTERM):
        until(lambda: chroma_server.answers(url), "ChromaDB to answer")
        yield url


@contextmanager
def redis_or_valkey(place: Path) -> Iterator[str]:
    """Debian's own redis-server if it is installed: Redis, and not Valkey. Yields its URL."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--dir", str(place), "--save", ""]
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"

    def answers() -> bool:
        try:
            return redis.Redis.from_url(url).ping()
        except redis.ConnectionError:
            return False

    with running([shutil.which("redis-server") or redis_server.binary(), *options], signal.SIGTERM):
        until(answers, "Redis to answer")
        yield url
