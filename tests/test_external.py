"""Servers that somebody started by hand: the stack uses them, keeps to its own corner of them, and kills none."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
import redis

from course.errors import ServerError
from course.home import ROOT
from course.servers import chroma as chroma_server
from course.servers import postgres as postgres_server
from course.servers.process import free_port
from course.stack import Stack
from tests.kernels import until

PASSWORD = "by-hand"


@pytest.fixture(scope="module")
def place():
    """A short directory that also the user who runs PostgreSQL may enter."""
    with tempfile.TemporaryDirectory(prefix="by-hand-") as path:
        os.chmod(path, 0o755)
        yield Path(path)


def ended(process, how):
    process.send_signal(how)
    process.wait(timeout=30)


@pytest.fixture(scope="module")
def postgres(place):
    """PostgreSQL by `initdb` and `postgres`, as its manual says."""
    become, data, port = postgres_server.as_server_user(), place / "pg", free_port()
    data.mkdir(mode=0o700)
    if become:
        shutil.chown(data, "nobody")
    secret = place / "secret"
    secret.write_text(PASSWORD)
    initdb = [
        postgres_server.binary("initdb"),
        "-D",
        str(data),
        "-U",
        "teacher",
        "--auth=scram-sha-256",
        f"--pwfile={secret}",
        "--no-sync",
    ]
    subprocess.run([*become, *initdb], check=True, capture_output=True)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", "unix_socket_directories="]
    server = subprocess.Popen([*become, postgres_server.binary("postgres"), "-D", str(data), *options], stderr=subprocess.DEVNULL)
    url = f"postgresql://teacher:{PASSWORD}@127.0.0.1:{port}/postgres"

    def answers():
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            return False
        return True

    until(answers, "PostgreSQL to answer")
    yield url
    ended(server, signal.SIGINT)


@pytest.fixture(scope="module")
def chroma(place):
    """ChromaDB by its own command line program."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(place / "chroma"), "--port", str(port)]
    server = subprocess.Popen([*command, "--host", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    until(lambda: chroma_server.answers(url), "ChromaDB to answer")
    yield url
    ended(server, signal.SIGTERM)


@pytest.fixture(scope="module")
def redis_url(place):
    """Debian's own redis-server: Redis, and not Valkey."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed; CI has it")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--dir", str(place), "--save", ""]
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"

    def answers():
        try:
            return redis.Redis.from_url(url).ping()
        except redis.ConnectionError:
            return False

    until(answers, "Redis to answer")
    yield url
    ended(server, signal.SIGTERM)


@pytest.fixture
def external(postgres, chroma, redis_url, tmp_path, monkeypatch):
    urls = {"COURSE_POSTGRES_URL": postgres, "COURSE_CHROMA_URL": chroma, "COURSE_REDIS_URL": redis_url}
    for name, url in urls.items():
        monkeypatch.setenv(name, url)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    return urls


def test_the_stack_uses_them_and_keeps_to_its_own_corner(external):
    with Stack.start("01") as stack:
        assert [server.state for server in stack.servers] == ["running"] * 3
        assert [server.can_be_killed for server in stack.servers] == [False] * 3
        assert stack.redis.version.startswith("Redis ")
        with stack.postgres.connect() as connection:
            database = connection.execute("SELECT current_database()").fetchone()[0]
        assert database.startswith("lumen_01_")
        assert stack.chroma.client().database == stack.chroma.database == database
        assert stack.redis.prefix == f"{database}:"
        assert stack.environment()["COURSE_POSTGRES_URL"].endswith(f"/{database}")
        with Stack.start("00") as other:
            assert other.postgres.url != stack.postgres.url


def test_a_user_of_a_class_server_has_a_corner_of_their_own(external, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "Zoë O'Neil")
    with Stack.start("01") as stack:
        assert stack.postgres.url.endswith("/lumen_01_zo__o_neil")


@pytest.mark.parametrize("action", ["kill", "stop", "start"])
def test_they_are_not_ours_to_kill(external, action):
    with Stack.start("01") as stack:
        for server in stack.servers:
            with pytest.raises(ServerError, match=r"the course does not .* Use `stack.private\(\)`"):
                getattr(server, action)()


def test_killing_uses_a_private_stack_beside_them(external):
    with Stack.start("00") as stack, stack.private() as private:
        assert private is not stack
        private.postgres.kill()
        assert private.postgres.state == "killed"
        assert stack.postgres.state == "running"


@pytest.mark.parametrize("name", ["COURSE_POSTGRES_URL", "COURSE_CHROMA_URL", "COURSE_REDIS_URL"])
def test_an_url_that_nobody_answers_says_so(external, monkeypatch, name):
    scheme = external[name].split("://")[0]
    monkeypatch.setenv(
        name, f"{scheme}://127.0.0.1:{free_port()}/postgres" if scheme != "http" else f"http://127.0.0.1:{free_port()}"
    )
    with pytest.raises(ServerError, match="does not answer at"):
        Stack.start("01")


def test_a_taken_port_is_not_taken_for_the_server(external, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("COURSE_CHROMA_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ServerError, match="ChromaDB does not answer"):
            Stack.start("01")


def test_lesson_01_runs_on_them(external):
    gate = ["-p", "tests.fast_start", "-p", "tests.nbval_gate", "-p", "no:schemathesis", "--nbval-current-env"]
    command = [sys.executable, "-m", "pytest", *gate, "--nbval", "--nbval-cell-timeout=120"]
    sanitize = "--nbval-sanitize-with=tests/nbval_sanitize.cfg"
    notebook = "solutions/01_build_three_databases.ipynb"
    done = subprocess.run([*command, sanitize, notebook], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    with psycopg.connect(external["COURSE_POSTGRES_URL"]) as connection:
        names = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
    assert any(name.startswith("lumen_01_") for name in names), "the lesson ran somewhere else"
