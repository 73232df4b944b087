"""Servers that somebody started by hand: the stack uses them, keeps to its own corner of them, and kills none."""

import os
import re
import shutil
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import nbformat
import psycopg
import pytest
import redis
from chromadb import DEFAULT_TENANT

from course import doctor, manifest
from course.clean import clean
from course.errors import ServerError
from course.home import ROOT
from course.servers import names
from course.servers.external import chroma_admin
from course.servers.process import free_port
from course.servers.rows import only
from course.stack import Stack
from tests import by_hand
from tests.kernels import kernel, run_cell


@pytest.fixture(scope="module")
def servers():
    with (
        by_hand.place() as place,
        by_hand.postgres(place) as postgres,
        by_hand.chroma(place) as chroma,
        by_hand.redis_or_valkey(place) as cache,
    ):
        yield {"COURSE_POSTGRES_URL": postgres, "COURSE_CHROMA_URL": chroma, "COURSE_REDIS_URL": cache}


@pytest.fixture
def external(servers, tmp_path, monkeypatch):
    for name, url in servers.items():
        monkeypatch.setenv(name, url)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    return servers


def test_the_stack_uses_them_and_keeps_to_its_own_corner(external):
    with Stack.start("01") as stack:
        assert [server.state for server in stack.servers] == ["running"] * 3
        assert [server.can_be_killed for server in stack.servers] == [False] * 3
        assert stack.redis.version.startswith("Redis " if shutil.which("redis-server") else "Valkey ")
        with stack.postgres.connect() as connection:
            database = only(connection.execute("SELECT current_database()"))
        assert database.startswith("lumen_01_")
        assert stack.chroma.client().database == stack.chroma.database == database
        assert stack.redis.prefix == f"{database}:"
        assert stack.environment()["COURSE_POSTGRES_URL"].endswith(f"/{database}")
        with Stack.start("00") as other:
            assert other.postgres.url != stack.postgres.url


@pytest.mark.parametrize("user", ["Zoë O'Neil", "李明", "jane.doe@students.university-of-the-long-name.example", "jane_doe"])
def test_a_user_has_a_corner_of_their_own_and_sees_which(external, monkeypatch, user):
    monkeypatch.setenv("JUPYTERHUB_USER", user)
    with Stack.start("01") as stack:
        own = names.namespace("01")
        assert stack.postgres.url.endswith(f"/{own}")
        assert stack.chroma.client().database == own
        assert f"Yours on PostgreSQL, ChromaDB, Redis: {own}" in repr(stack)
        assert own in stack._repr_html_()


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
    url = re.sub(r":\d+(?=/|$)", f":{free_port()}", external[name])
    monkeypatch.setenv(name, url)
    with pytest.raises(ServerError, match="does not answer at"):
        Stack.start("01")


def test_a_taken_port_is_not_taken_for_the_server(external, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("COURSE_CHROMA_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ServerError, match="ChromaDB does not answer"):
            Stack.start("01")


HARD = "p@ss%w/or?d#1:é"
"""A password with every character that an address could mistake for its own."""


@pytest.fixture
def jane(external):
    """A role and a user of Redis with a hard password; PostgreSQL's may not create databases."""
    with psycopg.connect(external["COURSE_POSTGRES_URL"], autocommit=True) as admin:
        admin.execute(psycopg.sql.SQL("CREATE ROLE jane LOGIN PASSWORD {}").format(HARD))
        cache = redis.Redis.from_url(external["COURSE_REDIS_URL"])
        cache.execute_command("ACL", "SETUSER", "jane", "on", f">{HARD}", "~*", "&*", "+@all")
        yield admin
        for (database,) in admin.execute("SELECT datname FROM pg_database WHERE datdba = 'jane'::regrole").fetchall():
            admin.execute(psycopg.sql.SQL("DROP DATABASE {}").format(psycopg.sql.Identifier(database)))
        admin.execute("DROP ROLE jane")
        cache.execute_command("ACL", "DELUSER", "jane")


def ports(urls):
    return [url.rpartition(":")[2].partition("/")[0] for url in urls.values()]


def test_addresses_work_however_people_write_them(external, jane, monkeypatch):
    postgres, chroma, cache = ports(external)
    jane.execute("ALTER ROLE jane CREATEDB")
    monkeypatch.setenv("COURSE_POSTGRES_URL", f"postgresql+psycopg://jane:{HARD}@127.0.0.1:{postgres}/")
    monkeypatch.setenv("COURSE_CHROMA_URL", f"localhost:{chroma}/")
    monkeypatch.setenv("COURSE_REDIS_URL", f"jane:{HARD}@127.0.0.1:{cache}")
    with Stack.start("01") as stack:
        assert psycopg.connect(stack.postgres.url).info.user == "jane"
        assert stack.chroma.client().heartbeat() > 0
        assert redis.Redis.from_url(stack.redis.url).ping()
        assert HARD not in repr(stack)


def test_a_role_that_may_not_create_databases_is_told_what_to_ask_for(external, jane, monkeypatch):
    monkeypatch.setenv("COURSE_POSTGRES_URL", f"postgres://jane:{HARD}@127.0.0.1:{ports(external)[0]}/postgres")
    with pytest.raises(ServerError, match="the role jane may not create databases") as refused:
        Stack.start("01")
    assert "ALTER ROLE jane CREATEDB" in str(refused.value)
    assert HARD not in str(refused.value)
    [own] = re.findall(r"a database named (\w+)", str(refused.value))
    jane.execute(psycopg.sql.SQL("CREATE DATABASE {} OWNER jane").format(psycopg.sql.Identifier(own)))
    with Stack.start("01") as stack:
        stack.postgres.connect().execute("CREATE TABLE theirs ()").connection.close()


@pytest.mark.parametrize("name", ["COURSE_POSTGRES_URL", "COURSE_REDIS_URL"])
def test_a_wrong_password_is_told_without_showing_it(external, monkeypatch, name):
    monkeypatch.setenv(name, external[name].replace(by_hand.PASSWORD, "hush"))
    with pytest.raises(ServerError, match=name) as refused:
        Stack.start("01")
    assert "password" in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("kind", ["postgres", "chroma", "redis"])
def test_no_advice_names_what_is_impossible_there(external, monkeypatch, kind):
    stack = Stack.start("01")
    server = getattr(stack, kind)
    server.url = re.sub(r":\d+(?=/|$)", f":{free_port()}", server.url)
    with pytest.raises(ServerError, match="does not answer") as refused:
        server.connect() if kind == "postgres" else server.client()
    stack.stop()
    assert ".start()" not in str(refused.value)
    assert "board" not in str(refused.value)
    assert f"COURSE_{kind.upper()}_URL" in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "version", "said"),
    [
        ("Postgres", "9.6.24", "PostgreSQL 9.6.24"),
        ("Chroma", "0.5.23", "ChromaDB 0.5.23"),
        ("Redis", "Redis 6.2.1", "Redis 6.2.1"),
    ],
)
def test_a_server_that_is_too_old_is_told(external, monkeypatch, kind, version, said):
    monkeypatch.setattr(f"course.servers.external.External{kind}._ask_version", lambda self: version)
    with pytest.raises(ServerError, match=f"COURSE_{kind.upper()}_URL leads to .*{said}, which is too old"):
        Stack.start("01")


class OldChroma(BaseHTTPRequestHandler):
    """Answers as a release before 1.0 does: it knows only the first version of the API."""

    def do_GET(self):
        known = self.path.startswith("/api/v1/")
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(b'"0.6.3"' if known else b'{"detail": "Not Found"}')

    def log_message(self, *_):
        pass


def test_a_chromadb_before_1_0_is_told_from_a_silent_one(external, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), OldChroma) as server:
        threading.Thread(target=server.serve_forever).start()
        monkeypatch.setenv("COURSE_CHROMA_URL", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(ServerError, match=r"leads to ChromaDB 0\.6\.3, which is too old"):
            Stack.start("01")
        server.shutdown()


@pytest.mark.parametrize(("kind", "other"), [("POSTGRES", 2), ("CHROMA", 0), ("REDIS", 1)])
def test_an_address_of_another_kind_of_server_says_so(external, monkeypatch, kind, other):
    url = external[f"COURSE_{kind}_URL"]
    monkeypatch.setenv(f"COURSE_{kind}_URL", re.sub(r":\d+(?=/|$)", f":{ports(external)[other]}", url))
    with pytest.raises(ServerError, match=f"does not answer at.*COURSE_{kind}_URL") as refused:
        Stack.start("01")
    assert by_hand.PASSWORD not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_doctor_says_what_it_could_do_on_them_and_leaves_nothing(external):
    before = on_the_servers(external)
    report = [finding for finding in doctor.examine() if finding.name in ("PostgreSQL", "ChromaDB", "Redis", "yours")][3:]
    assert [finding.fine for finding in report] == [True] * 4
    said = [finding.text for finding in report]
    assert "made a database, the extension vector 0.8" in said[0]
    assert "found the vector that was stored" in said[1]
    assert "gave 'ready' back" in said[2]
    assert names.namespace("01").rpartition("_")[2] in said[3]
    assert by_hand.PASSWORD not in str(said)
    assert on_the_servers(external) == before


def test_the_doctor_says_what_is_missing_there(external, jane, monkeypatch):
    jane.execute("ALTER ROLE jane CREATEDB")
    monkeypatch.setenv("COURSE_POSTGRES_URL", f"postgresql://jane:{HARD}@127.0.0.1:{ports(external)[0]}/postgres")
    monkeypatch.setenv("COURSE_CHROMA_URL", "https://127.0.0.1")
    monkeypatch.setenv("COURSE_REDIS_URL", f"redis://127.0.0.1:{free_port()}")
    before = on_the_servers(external)
    said = [finding.text for finding in doctor.examine() if not finding.fine]
    assert "cannot make the extension vector" in said[0]
    assert "begins with https" in said[1]
    assert "Redis does not answer" in said[2]
    assert HARD not in str(said)
    assert on_the_servers(external) == before


def test_a_user_who_may_not_write_is_told_by_the_doctor(external, jane, monkeypatch):
    admin = redis.Redis.from_url(external["COURSE_REDIS_URL"])
    admin.execute_command("ACL", "SETUSER", "jane", "-@write")
    monkeypatch.setenv("COURSE_REDIS_URL", f"jane:{HARD}@127.0.0.1:{ports(external)[2]}")
    (said,) = [finding.text for finding in doctor.examine() if not finding.fine]
    assert "answers, and refused" in said
    assert HARD not in said


def on_the_servers(urls):
    """The names on the three servers: databases, ChromaDB's databases, and the prefixes of keys."""
    with psycopg.connect(urls["COURSE_POSTGRES_URL"]) as connection:
        databases = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
    in_chroma = {database["name"] for database in chroma_admin(urls["COURSE_CHROMA_URL"]).list_databases(1000, 0, DEFAULT_TENANT)}
    keys = redis.Redis.from_url(urls["COURSE_REDIS_URL"], decode_responses=True).keys()
    return databases, in_chroma, {str(key).partition(":")[0] for key in keys}


def used_by(home, monkeypatch, *lessons):
    """Use the servers from this COURSE_HOME. Returns the names there."""
    monkeypatch.setenv("COURSE_HOME", str(home))
    for lesson in lessons:
        with Stack.start(lesson) as stack:
            stack.redis.client().set(f"{stack.redis.prefix}key", "value")
    return {names.namespace(lesson) for lesson in lessons}


def test_make_clean_drops_what_is_of_this_home_and_of_no_other(external, tmp_path, monkeypatch):
    others = used_by(tmp_path / "other", monkeypatch, "01")
    own = used_by(tmp_path / "own", monkeypatch, "01", "02")
    assert all(own | others <= names_there for names_there in on_the_servers(external))
    said = clean(tmp_path / "own", tmp_path)
    assert [sentence.partition(" at ")[0] for sentence in said] == [
        "Dropped on PostgreSQL",
        "Dropped on ChromaDB",
        "Dropped on Redis",
    ]
    for sentence, names_there in zip(said, on_the_servers(external), strict=True):
        assert all(name in sentence for name in own)
        assert not own & names_there
        assert others <= names_there
    assert clean(tmp_path / "own", tmp_path) == []


def test_make_clean_says_what_it_cannot_drop_and_can_later(external, tmp_path, monkeypatch):
    own = used_by(tmp_path / "own", monkeypatch, "01")
    with monkeypatch.context() as elsewhere:
        elsewhere.delenv("COURSE_POSTGRES_URL")
        elsewhere.setenv("COURSE_REDIS_URL", f"redis://127.0.0.1:{free_port()}")
        postgres, chroma, cache = clean(tmp_path / "own", tmp_path)
    assert "COURSE_POSTGRES_URL does not lead there" in postgres
    assert chroma.startswith("Dropped")
    assert "COURSE_REDIS_URL does not lead there" in cache
    databases, in_chroma, prefixes = on_the_servers(external)
    assert own <= databases
    assert not own & in_chroma
    assert own <= prefixes
    clean(tmp_path / "own", tmp_path)
    assert not any(own & names_there for names_there in on_the_servers(external))


def test_make_clean_says_that_a_server_does_not_answer_and_removes_the_rest(external, tmp_path, monkeypatch):
    used_by(tmp_path / "own", monkeypatch, "01")
    gone = f"127.0.0.1:{free_port()}"
    with (tmp_path / "own" / "external" / "used").open("w") as file:
        file.write(f"postgres {gone}\nchroma {gone}\nredis {gone}\n")
    for kind, scheme in (("POSTGRES", "postgresql"), ("CHROMA", "http"), ("REDIS", "redis")):
        monkeypatch.setenv(f"COURSE_{kind}_URL", f"{scheme}://{gone}")
    said = clean(tmp_path / "own", tmp_path)
    assert ["does not answer at" in sentence for sentence in said] == [True] * 3
    assert not (tmp_path / "own" / "stacks").exists()


WRITTEN = [entry.id for entry in manifest.lessons() if entry.written]
CHEAP = ["01", "06", "10"]
"""Those that `make test` runs: three stores and the application; one store; child processes, and private servers beside.
`make test-external` runs them all."""


@pytest.mark.parametrize("lesson", WRITTEN if os.environ.get("COURSE_TEST_EXTERNAL") else CHEAP)
def test_a_lesson_runs_twice_in_one_kernel_on_them(external, tmp_path, monkeypatch, lesson):
    monkeypatch.chdir(ROOT / "lessons")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    (path,) = (ROOT / "solutions").glob(f"{lesson}_*.ipynb")
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    with kernel(tmp_path / "home") as (_, client):
        for _ in range(2):
            for cell in cells:
                run_cell(client, cell)
    databases, in_chroma, _ = on_the_servers(external)
    assert names.namespace(lesson) in databases & in_chroma, "the lesson ran somewhere else"
