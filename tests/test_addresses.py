"""The address of an external server is understood however people write it, or refused in words that show no password."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from redis.connection import parse_url

from course.apps.stores import Addresses
from course.errors import ServerError
from course.servers import addresses, environment
from course.servers.addresses import Kind

READ = {
    "postgres": {
        "postgresql://jane:pw@db:5433/class": "postgresql://jane:pw@db:5433/class",
        "postgres://jane:pw@db/class": "postgresql://jane:pw@db:5432/class",
        "postgresql+psycopg://jane:pw@db/class": "postgresql://jane:pw@db:5432/class",
        "postgresql://jane:pw@db": "postgresql://jane:pw@db:5432/postgres",
        "postgresql://jane:pw@db/": "postgresql://jane:pw@db:5432/postgres",
        "postgresql://jane:p@ss@db/class": "postgresql://jane:p%40ss@db:5432/class",
        "postgresql://jane:p%40ss@db/class": "postgresql://jane:p%40ss@db:5432/class",
        "postgresql://jane:100%@db/class": "postgresql://jane:100%25@db:5432/class",
        "postgresql://jane:a/b?c#d@db/class": "postgresql://jane:a%2Fb%3Fc%23d@db:5432/class",
        "postgresql://jane@db/class?sslmode=require": "postgresql://jane@db:5432/class?sslmode=require",
        "postgresql://jane@db?dbname=class": "postgresql://jane@db:5432/class",
        "postgresql://jane@[::1]/class": "postgresql://jane@[::1]:5432/class",
        " 'postgresql://jane@db/class' ": "postgresql://jane@db:5432/class",
    },
    "chroma": {
        "http://chroma": "http://chroma:8000",
        "http://chroma:8001/": "http://chroma:8001",
        "chroma": "http://chroma:8000",
        "localhost:8001": "http://localhost:8001",
    },
    "redis": {
        "redis://:pw@cache": "redis://:pw@cache:6379/0",
        "cache": "redis://cache:6379/0",
        "cache:6380/2": "redis://cache:6380/2",
        ":p@ss@cache": "redis://:p%40ss@cache:6379/0",
        "rediss://jane:100%@cache/": "rediss://jane:100%25@cache:6379/0",
        "valkey://cache/1": "redis://cache:6379/1",
        "redis://cache?socket_timeout=3": "redis://cache:6379/0?socket_timeout=3",
    },
}

REFUSED = {
    "postgres": {
        "postgresql://jane:hush@pooler:6543/class?pgbouncer=true": "the parameter `pgbouncer`.*A pooler does not have",
        "postgresql://jane:hush@db/class?connection_limit=1": "the parameter `connection_limit`",
        "mysql://jane:hush@db/class": "does not begin with postgresql://",
        "jane:hush@db/class": "does not begin with postgresql://",
        "host=db password=hush": "does not begin with postgresql://",
        "postgresql://jane:hush@db:port/class": "a port that is a number",
        "postgresql://jane:hush@db:99999/class": "a port that is a number",
        "postgresql://jane:hush@one,two/class": "does not name one host",
        "postgresql:///class": "does not name one host",
    },
    "chroma": {
        "https://chroma": "begins with https",
        "http://jane:hush@chroma": "has more than a host and a port",
        "http://chroma/api/v2": "has more than a host and a port",
        "http://[::1]:8000": "IPv6",
        "ftp://chroma": "does not begin with http://",
    },
    "redis": {
        "http://:hush@cache": "does not begin with redis://",
        "redis://:hush@cache/lumen": "a database that is not a number",
        "redis://:hush@": "does not name one host",
    },
}


def cases(table: dict[str, dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(kind, text, expected) for kind, of_kind in table.items() for text, expected in of_kind.items()]


@pytest.fixture(autouse=True)
def nothing_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_removed", {})
    for name in ("PGSSLMODE", "PGCHANNELBINDING"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("kind", "text", "expected"), cases(READ))
def test_an_address_is_read_as_people_write_it(monkeypatch: pytest.MonkeyPatch, kind: Kind, text: str, expected: str) -> None:
    monkeypatch.setenv(addresses.variable(kind), text)
    assert addresses.given(kind) == expected
    monkeypatch.setenv(addresses.variable(kind), expected)
    assert addresses.given(kind) == expected


@pytest.mark.parametrize(("kind", "text", "said"), cases(REFUSED))
def test_what_cannot_be_used_is_refused_in_one_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, text: str, said: str
) -> None:
    monkeypatch.setenv(addresses.variable(kind), text)
    with pytest.raises(ServerError, match=said) as refused:
        addresses.given(kind)
    message = str(refused.value)
    assert message.startswith(addresses.variable(kind))
    assert "hush" not in message
    assert "\n" not in message


@any_of(st.text(st.characters(min_codepoint=33, exclude_categories=["Cs"]), min_size=1))
def test_any_password_that_was_quoted_reaches_both_clients(password: str) -> None:
    quoted = "".join(f"%{byte:02X}" for byte in password.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_POSTGRES_URL", f"postgresql://jane:{quoted}@db/class")
        patch.setenv("COURSE_REDIS_URL", f"redis://jane:{quoted}@cache")
        assert conninfo_to_dict(str(addresses.given("postgres")))["password"] == password
        assert parse_url(addresses.given("redis"))["password"] == password


@any_of(st.text("aZ0@/?#:%&=+ é", min_size=1).filter(lambda text: "%" not in text and "=" not in text))
def test_any_password_that_was_not_quoted_is_taken_as_it_stands(password: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_POSTGRES_URL", f"postgresql://jane:{password}@db/class?sslmode=require")
        parts = urlsplit(addresses.given("postgres"))
    assert unquote(parts.password or "") == password
    assert (parts.hostname, parts.path, parts.query) == ("db", "/class", "sslmode=require")


def test_what_a_company_asks_of_connections_counts_for_its_servers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    environment.set_aside()
    monkeypatch.setenv("COURSE_POSTGRES_URL", "postgresql://jane@db.example/class")
    assert addresses.given("postgres").endswith("/class?sslmode=verify-full")
    monkeypatch.setenv("COURSE_POSTGRES_URL", "postgresql://jane@db.example/class?sslmode=disable")
    assert addresses.given("postgres").endswith("/class?sslmode=disable")
    monkeypatch.setenv("COURSE_POSTGRES_URL", "postgresql://jane@localhost/class")
    assert addresses.given("postgres").endswith("/class")


def test_an_application_reads_them_in_the_same_way() -> None:
    written = {
        "COURSE_POSTGRES_URL": "postgres://jane:p@ss@db",
        "COURSE_CHROMA_URL": "http://chroma/",
        "COURSE_REDIS_URL": "cache",
    }
    where = Addresses.of(written)
    assert where.postgres == "postgresql://jane:p%40ss@db:5432/postgres"
    assert (where.chroma, where.redis) == ("http://chroma:8000", "redis://cache:6379/0")


def test_no_address_is_no_external_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in addresses.NAMES:
        monkeypatch.setenv(addresses.variable(kind), " ")
        assert addresses.given(kind) is None
