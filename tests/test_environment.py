"""Nothing that a learner has in the environment for other work reaches the servers of the lessons and their clients."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course import doctor
from course.home import ROOT
from course.servers import environment
from course.servers.chroma import answers
from course.servers.environment import CHROMA_TOO, set_aside
from course.servers.process import free_port
from tests.kernels import kernel, run, run_cell
from tests.prepared import prepare

STRANGE = {
    "http_proxy": "http://user:hush@127.0.0.1:9",
    "https_proxy": "http://user:hush@127.0.0.1:9",
    "ALL_PROXY": "socks5://127.0.0.1:9",
    "NO_PROXY": "intranet.example,[::1],fe80::/10",
    "SSL_CERT_FILE": "/nowhere/company.pem",
    "PGHOST": "db.intranet.example",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "9",
    "PGUSER": "somebody",
    "PGDATABASE": "theirs",
    "PGPASSWORD": "hush",
    "PGSERVICE": "work",
    "PGSSLMODE": "require",
    "PGSSLNEGOTIATION": "direct",
    "PGCHANNELBINDING": "require",
    "PGGSSENCMODE": "require",
    "PGREQUIREAUTH": "none",
    "PGTARGETSESSIONATTRS": "read-only",
    "PGOPTIONS": "-c search_path=nowhere -c default_transaction_read_only=on",
    "PGCLIENTENCODING": "SQL_ASCII",
    "PGDATESTYLE": "German",
    "PGTZ": "Pacific/Apia",
    "CHROMA_SERVER_HOST": "chroma.intranet.example",
    "CHROMA_SERVER_HTTP_PORT": "9",
    "chroma_server_ssl_enabled": "true",
    "CHROMA_CLIENT_AUTH_PROVIDER": "no.such.Provider",
    "CHROMA_PORT": "9",
    "IS_PERSISTENT": "perhaps",
    "MIGRATIONS": "by hand",
    "ANONYMIZED_TELEMETRY": "perhaps",
}
"""What others' servers and networks ask for. Each of most of them alone breaks a client of a server on this machine."""

UP_TO = {
    "00": "survivor = ",
    "01": 'http.get("/health")',
    "04": "start_import(order",
    "08": "create_engine(",
    "13": 'client.get("/health")',
}
"""A lesson, and what stands in the last of its first cells: by then it has asked every server that it asks, in every way."""


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A COURSE_HOME, with all of it set, and PostgreSQL's files in the user's own folder."""
    prepare(tmp_path / "home")
    user = tmp_path / "user"
    user.mkdir()
    (user / ".pgpass").write_text("*:*:*:*:hush\n")
    (user / ".pgpass").chmod(0o600)
    (user / ".pg_service.conf").write_text("[work]\nhost=192.0.2.1\nsslmode=verify-full\n")
    for name, value in STRANGE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.setenv("PGPASSFILE", str(user / ".pgpass"))
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.chdir(ROOT / "lessons")
    return tmp_path / "home"


def first_cells(lesson: str) -> list[nbformat.NotebookNode]:
    (path,) = (ROOT / "solutions").glob(f"{lesson}_*.ipynb")
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    last = next(number for number, cell in enumerate(cells) if UP_TO[lesson] in cell.source)
    return cells[: last + 1]


@pytest.mark.parametrize("lesson", UP_TO)
def test_the_first_cells_of_a_lesson_run_with_all_of_it_set(strange: Path, lesson: str) -> None:
    with kernel(strange) as (_, client):
        for cell in first_cells(lesson):
            run_cell(client, cell)


TAUGHT = """
from course import Stack
stack = Stack.start("00")

import json, subprocess
import chromadb, httpx, psycopg, redis, sqlalchemy
from course.servers.postgres import binary

host, port = stack.chroma.address.split(":")
sql = "SELECT current_database(), current_setting('TimeZone'), current_setting('search_path')"
engine = sqlalchemy.create_engine(stack.postgres.url.replace("postgresql", "postgresql+psycopg"))
said = {
    "httpclient": chromadb.HttpClient(host=host, port=int(port)).get_version(),
    "httpx": httpx.get(f"{stack.chroma.url}/api/v2/version").json(),
    "redis": redis.Redis.from_url(stack.redis.url).ping(),
    "psycopg": list(psycopg.connect(stack.postgres.url).execute(sql).fetchone()),
    "sqlalchemy": list(engine.connect().execute(sqlalchemy.text(sql)).one()),
    "pg_dump": subprocess.run([binary("pg_dump"), stack.postgres.url], check=True, capture_output=True, text=True).stderr,
}
print(json.dumps([said, stack.environment()]))
"""

IN_A_TERMINAL = """
import json
from fastapi.testclient import TestClient
from course.apps.three_databases import create_app
with TestClient(create_app()) as client:
    print(json.dumps(client.get("/health").json()))
"""


def test_plain_clients_in_a_cell_and_an_application_in_a_terminal_reach_the_servers(strange: Path) -> None:
    with kernel(strange) as (_, client):
        said, addresses = json.loads(run(client, TAUGHT))
        command = [sys.executable, "-c", IN_A_TERMINAL]
        done = subprocess.run(command, env=os.environ | addresses, capture_output=True, text=True, timeout=60)
    assert said["httpclient"] == said["httpx"]
    assert said["redis"] is True
    assert said["psycopg"] == said["sqlalchemy"] == ["lumen", "UTC", '"$user", public']
    assert said["pg_dump"] == ""
    assert json.loads(done.stdout) == {"postgresql": "up", "chromadb": "up", "redis": "up"}, done.stderr


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which nothing is set, and a module that has changed nothing yet."""
    for name in list(os.environ):
        if environment.is_of_a_database(name) or name.lower().endswith("_proxy") or name.startswith("SSL"):
            monkeypatch.delenv(name)
    for name in ("no_proxy", "NO_PROXY", *STRANGE):
        monkeypatch.setenv(name, "x")  # so that what is changed is put back
        monkeypatch.delenv(name)
    monkeypatch.setattr(environment, "_removed", {})
    monkeypatch.setattr(environment, "_bypassed", set())
    return monkeypatch


def test_what_was_set_aside_is_named_and_its_value_is_not(clean: pytest.MonkeyPatch) -> None:
    assert not set_aside()
    for name, value in STRANGE.items():
        clean.setenv(name, value)
    said = str(set_aside())
    assert "PGSSLMODE" in said
    assert "ALL_PROXY" in said
    assert "http_proxy" in said.partition("not used for this machine: ")[2]
    assert "hush" not in said
    assert str(set_aside()) == said


def test_the_doctor_names_what_it_set_aside_and_no_value(clean: pytest.MonkeyPatch) -> None:
    assert "environment" not in [finding.name for finding in doctor.examine()]
    clean.setenv("PGSERVICE", "hush")
    clean.setenv("https_proxy", "http://user:hush@proxy.example")
    report = doctor.examine()
    assert report[0].name == "environment"
    assert "PGSERVICE" in report[0].text
    assert "https_proxy" in report[0].text
    assert "hush" not in repr(report)


def test_a_proxy_stays_for_other_machines(clean: pytest.MonkeyPatch) -> None:
    import httpx

    clean.setenv("http_proxy", "http://proxy.example:3128")
    clean.setenv("no_proxy", "intranet.example, [::1]")
    set_aside()
    assert os.environ["http_proxy"] == "http://proxy.example:3128"
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "intranet.example,::1,127.0.0.1,localhost"
    httpx.Client().close()


class Proxy(BaseHTTPRequestHandler):
    """Answers for every machine, as if each were a ChromaDB."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"nanosecond heartbeat": 1}')

    def log_message(self, *_: object) -> None:
        pass


def test_a_chromadb_of_another_machine_is_asked_through_the_proxy_and_one_here_is_not(clean: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever).start()
        clean.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
        elsewhere, here = answers("http://chroma.example:8000"), answers(f"http://127.0.0.1:{free_port()}")
        proxy.shutdown()
    assert elsewhere
    assert not here


@pytest.mark.parametrize("entry", ["[::1]", "fe80::/10", "::1/128", "[fe80::1]:80", "a b", "http://[", "*", "10.0.0.0/8", "x:y"])
def test_no_entry_of_no_proxy_keeps_a_client_from_being_made(clean: pytest.MonkeyPatch, entry: str) -> None:
    import httpx

    clean.setenv("http_proxy", "http://127.0.0.1:9")
    clean.setenv("NO_PROXY", entry)
    set_aside()
    with httpx.Client() as client:
        transport: Any = client._transport_for_url(httpx.URL("http://127.0.0.1:1234"))
        assert type(transport._pool).__name__ == "ConnectionPool"


def test_without_anything_strange_nothing_changes(clean: pytest.MonkeyPatch) -> None:
    before = dict(os.environ)
    assert not set_aside()
    assert dict(os.environ) == before


def test_a_password_for_an_external_server_stays(clean: pytest.MonkeyPatch) -> None:
    clean.setenv("PGPASSWORD", "theirs")
    assert not set_aside()
    assert os.environ["PGPASSWORD"] == "theirs"


def test_every_setting_that_chromadb_reads_and_may_refuse_is_known() -> None:
    from chromadb.config import Settings

    others = {name.upper() for name, field in Settings.model_fields.items() if field.annotation is not str}
    assert {name for name in others if not name.startswith("CHROMA_")} == CHROMA_TOO | {"ANONYMIZED_TELEMETRY"}
