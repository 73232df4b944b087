"""The addresses of external servers: `COURSE_POSTGRES_URL`, `COURSE_CHROMA_URL` and `COURSE_REDIS_URL`.

People write an address in many ways. Here each is read once, and handed on in the one way that every client and each
lesson's code understands. What is asked of the servers stands elsewhere.
"""

from __future__ import annotations

import os
import re
from typing import Literal, NamedTuple, NoReturn
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from course.errors import ServerError
from course.servers.environment import THIS_MACHINE, was_set

Kind = Literal["postgres", "chroma", "redis"]

NAMES: dict[Kind, str] = {"postgres": "PostgreSQL", "chroma": "ChromaDB", "redis": "Redis"}

_EXAMPLES: dict[Kind, str] = {
    "postgres": "postgresql://user:password@host:5432/database",
    "chroma": "http://host:8000",
    "redis": "redis://:password@host:6379/0",
}
_SECURING = re.compile("ssl.*|gss.*|channel_binding|require_auth")


class _Parts(NamedTuple):
    credentials: str
    host: str
    port: int
    path: str
    query: str

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


def variable(kind: Kind) -> str:
    """The environment variable that holds the address."""
    return f"COURSE_{kind.upper()}_URL"


def given(kind: Kind) -> str | None:
    """The external server's URL as every client understands it, or None if there is none.

    Raises:
        ServerError: what is given cannot be used. The message shows no password.
    """
    return read(kind, os.environ.get(variable(kind), "")) or None


def read(kind: Kind, text: str) -> str:
    """An address as people write it, as every client understands it. None at all stays none.

    Raises:
        ServerError: it cannot be used. The message shows no password.
    """
    text = text.strip().strip("'\"")
    return _READERS[kind](text) if text else ""


def shown(url: str) -> str:
    """Where a URL points to, without credentials and parameters."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def advice(kind: Kind) -> str:
    """What to do when an external server does not answer: the course cannot start it."""
    return (
        f"It was given by {variable(kind)}: see that it runs and that the address is right, or unset {variable(kind)} and start "
        "JupyterLab again, and the lessons use a server of their own."
    )


def refuse(kind: Kind, why: str, what_to_do: str) -> NoReturn:
    """Raise the error that says why an address, or the server there, cannot be used."""
    raise ServerError(f"{variable(kind)} {why}. Nothing was changed. {what_to_do}")


def _postgres(text: str) -> str:
    parts = _parts("postgres", text, r"postgres(ql)?(\+\w+)?", 5432)
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    database = parts.path.strip("/") or quote(parameters.pop("dbname", "postgres"), safe="")

    from psycopg import pq

    options = {option.keyword.decode(): (option.envvar or b"").decode() for option in pq.Conninfo.get_defaults()}
    unknown = sorted(parameters.keys() - options.keys() - {"ssl"})
    if unknown:
        what = "Write the address of PostgreSQL itself, without it, then restart the kernel."
        pooler = " A pooler does not have the databases that the lessons make." if "pgbouncer" in unknown else ""
        refuse("postgres", f"has the parameter `{unknown[0]}`, which PostgreSQL's client does not know", what + pooler)
    if parts.host not in THIS_MACHINE:  # what a company asks of its connections counts for its servers
        secured = {key: was_set(name) for key, name in options.items() if name and _SECURING.fullmatch(key)}
        parameters = {key: value for key, value in secured.items() if value} | parameters
    query = f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""
    return f"postgresql://{parts.credentials}{parts.place}/{database}{query}"


def _chroma(text: str) -> str:
    if text.lower().startswith("https://"):
        what = "Write the address of a tunnel to it: http://localhost:8000, say, after `ssh -L 8000:localhost:8000 host`."
        refuse("chroma", "begins with https, and the lessons' code speaks plain HTTP", what)
    parts = _parts("chroma", text, "http", 8000)
    if parts.credentials or parts.path.strip("/") or parts.query:
        refuse("chroma", "has more than a host and a port", f"Write it as {_EXAMPLES['chroma']}, then restart the kernel.")
    if ":" in parts.host:
        refuse("chroma", "has an IPv6 address, which the lessons' code cannot take apart", "Write a host name instead.")
    return f"http://{parts.place}"


def _redis(text: str) -> str:
    scheme, parts = text.partition("://")[0].lower(), _parts("redis", text, "(redis|valkey)s?", 6379)
    database = parts.path.strip("/") or "0"
    if not database.isdecimal():
        refuse("redis", "names a database that is not a number", f"Write it as {_EXAMPLES['redis']}, then restart the kernel.")
    query = f"?{parts.query}" if parts.query else ""
    return f"redis{'s' if scheme in ('rediss', 'valkeys') else ''}://{parts.credentials}{parts.place}/{database}{query}"


_READERS = {"postgres": _postgres, "chroma": _chroma, "redis": _redis}


def _parts(kind: Kind, text: str, schemes: str, usual_port: int) -> _Parts:
    """Take an address apart. A password may hold any character, quoted or not: the last `@` ends it."""
    example = f"Write it as {_EXAMPLES[kind]}, then restart the kernel."
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    if (separator and not re.fullmatch(schemes, scheme.lower())) or (kind == "postgres" and not separator):
        refuse(kind, f"does not begin with {_EXAMPLES[kind].partition('://')[0]}://", example)
    parameters = re.search(r"\?\w+=", rest)
    end = rest.rfind("@", 0, parameters.start() if parameters else len(rest))
    match = re.fullmatch(r"(\[[^\]]+\]|[^][:/?#,@]+)(?::(\d{1,5}))?(/[^?#]*)?(?:\?([^#]*))?", rest[end + 1 :])
    if match is None or int(match[2] or 1) not in range(1, 65536):
        refuse(kind, "does not name one host, and a port that is a number", example)
    user, colon, password = rest[: max(end, 0)].partition(":")
    credentials = f"{_quoted(user)}{colon}{_quoted(password)}@" if end >= 0 else ""
    return _Parts(credentials, match[1], int(match[2] or usual_port), match[3] or "", match[4] or "")


def _quoted(text: str) -> str:
    """The text as URLs want it. A `%` that quotes nothing stands for itself."""
    return quote(text if re.search(r"%(?![0-9A-Fa-f]{2})", text) else unquote(text), safe="")
