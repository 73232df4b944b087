"""Which variables of the environment reach the clients of servers on this machine, and which are set aside for them.

A learner's machine has an environment of its own: a proxy, a company's PostgreSQL, another ChromaDB. Clients read it by
themselves, in the notebook, in its child processes and in the applications. What a URL says is not touched here.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.request import getproxies

from course.user_home import see_to_a_user_home

KEPT = {"PGPASSWORD", "PGPASSFILE"}
"""They fill in a password that a URL lacks. The URLs of our own servers lack none; that of an external one may."""

CHROMA_TOO = {"ALLOW_RESET", "IS_PERSISTENT", "MIGRATIONS", "MIGRATIONS_HASH_ALGORITHM"}
"""What `import chromadb` reads as well, under names that say nothing of it, and refuses if it cannot read the value."""

THIS_MACHINE = ("127.0.0.1", "localhost")

_LONGEST_TMPDIR = 70
"""The socket of a fork server lies there, in a path of at most 107 bytes, 32 of which are its own."""

_PROXY = re.compile("(http|https|all)_proxy", re.IGNORECASE)
_CERTIFICATES = ("SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True)
class SetAside:
    """What was changed in the environment of this process, by name: values may hold passwords.

    Attributes:
        removed: variables that are no longer set.
        bypassed: proxies that stay, for other machines only.
    """

    removed: tuple[str, ...]
    bypassed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.removed or self.bypassed)

    def __str__(self) -> str:
        parts = [f"set aside in this process: {', '.join(self.removed)}"] if self.removed else []
        parts += [f"not used for this machine: {', '.join(self.bypassed)}"] if self.bypassed else []
        return "; ".join(parts)


_removed: dict[str, str] = {}
_bypassed: set[str] = set()


def set_aside() -> SetAside:
    """Change `os.environ` so that no client of a server on this machine depends on it. Child processes inherit that.

    Variables of PostgreSQL's and ChromaDB's clients are removed. Proxies stay for other machines, if the clients can use them.

    Returns:
        All that was changed in this process, also by earlier calls.
    """
    _remove(name for name in os.environ if is_of_a_database(name) and name not in KEPT)
    if "ANONYMIZED_TELEMETRY" in os.environ:
        os.environ["ANONYMIZED_TELEMETRY"] = "False"  # ChromaDB refuses what it cannot read, and nobody means anything else
    _leave_out_proxies()
    if any(name in os.environ for name in _CERTIFICATES):
        _remove_unreadable_certificates()
    if len(os.environ.get("TMPDIR", "")) > _LONGEST_TMPDIR:
        _remove(["TMPDIR"])
        tempfile.tempdir = None  # it is asked for anew
    see_to_a_user_home()
    return SetAside(tuple(sorted(_removed)), tuple(sorted(_bypassed)))


def was_set(name: str) -> str | None:
    """The value of a variable, also if it was set aside."""
    return os.environ.get(name, _removed.get(name))


def is_of_a_database(name: str) -> bool:
    """Whether PostgreSQL's or ChromaDB's clients and servers read a variable of this name."""
    # ChromaDB reads names in any case, PostgreSQL only in capitals.
    return name.startswith("PG") or name.upper().startswith("CHROMA_") or name.upper() in CHROMA_TOO


def for_a_server() -> dict[str, str]:
    """The environment of a server that we start, or of a program that makes its files."""
    return {name: value for name, value in os.environ.items() if not is_of_a_database(name)}


def _remove(names: Iterable[str]) -> None:
    for name in list(names):
        _removed[name] = os.environ.pop(name)


def _leave_out_proxies() -> None:
    """Let clients reach this machine without a proxy. httpx raises on a proxy and on a NO_PROXY that it cannot read."""
    if not {"http", "https", "all", "no"} & getproxies().keys():  # also what macOS has in its settings
        return
    import httpx

    def raises(make: type, **options: object) -> bool:
        try:
            make(**options).close()
        except (ImportError, ValueError, httpx.InvalidURL):  # SOCKS without its package, an unknown scheme, an odd address
            return True
        return False

    proxies = {name: value for name, value in os.environ.items() if _PROXY.fullmatch(name) and value}
    addresses = {name: value if "://" in value else f"http://{value}" for name, value in proxies.items()}
    _remove(name for name, address in addresses.items() if raises(httpx.HTTPTransport, proxy=address, verify=False))
    _bypassed.update(name for name in proxies if name in os.environ)

    given = [entry.strip() for entry in getproxies().get("no", "").split(",")]
    readable = [entry.strip("[]") for entry in given if entry and not re.search(r":.*/", entry)]  # no range of IPv6
    _say_no_proxy(",".join(dict.fromkeys([*readable, *THIS_MACHINE])))
    if raises(httpx.Client, verify=False):
        _say_no_proxy("*")


def _say_no_proxy(hosts: str) -> None:
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = hosts


def _remove_unreadable_certificates() -> None:
    """httpx reads certificates also where no connection needs one, and raises if a file is not there."""
    import httpx

    for name in _CERTIFICATES:
        try:
            httpx.create_ssl_context()
        except OSError:
            _remove([name] if name in os.environ else [])
        else:
            return
