"""What a notebook is called on servers that it shares with others, and what this COURSE_HOME has made there.

A name is a readable part, a hash of the whole, and the id of this COURSE_HOME: nobody else has the same, whatever their
login is, and what belongs to a home can be told by its name alone.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import secrets
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from course.errors import CourseError
from course.home import home
from course.servers.addresses import NAMES, Kind

FOLDER = "external"
"""In a COURSE_HOME: its id, and the servers on which something was made."""

_MACHINE = Path("/etc/machine-id")


def namespace(lesson: str) -> str:
    """The name of what a notebook keeps on a shared server: a database, a ChromaDB database, the prefix of its keys.

    Lower-case letters, digits and underscores, at most 63 bytes, as PostgreSQL and ChromaDB want it.
    """
    user = _user()
    whole = hashlib.sha256(f"{lesson}\0{user}".encode()).hexdigest()[:6]
    return "_".join(part for part in ("lumen", _readable(lesson), _readable(user), whole, home_id(home())) if part)


@contextmanager
def _files_of(directory: Path) -> Iterator[Path]:
    try:
        yield directory / FOLDER
    except OSError as error:
        raise CourseError(
            f"{error.filename or directory / FOLDER} is not what the course keeps there: {error.strerror}. Nothing was changed. "
            f"Remove {directory / FOLDER}; what is yours on external servers gets another name then."
        ) from error


def home_id(directory: Path) -> str:
    """The id of a COURSE_HOME: another on each machine and at each place, so that a copy is a home of its own.

    Raises:
        CourseError: its file cannot be read or made.
    """
    with _files_of(directory) as folder:
        secret = _secret(folder / "id")
        machine = _MACHINE.read_bytes() if _MACHINE.exists() else b""
    return hashlib.sha256(b"\0".join([secret, machine, os.fsencode(directory.resolve())])).hexdigest()[:10]


def _secret(path: Path) -> bytes:
    """What no other home has: random, made once. Whatever lies there is as good."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as draft:
            draft.write(secrets.token_hex(16))
            draft.flush()
            with suppress(FileExistsError):  # another notebook was faster: its id is as good as ours
                os.link(draft.name, path)
    return path.read_bytes()


def belongs_to(name: str, home_id: str) -> bool:
    """Whether a name on a shared server is one that this COURSE_HOME has made."""
    return re.fullmatch(rf"lumen_[a-z0-9_]+_{home_id}", name) is not None


def note_use(kind: Kind, place: str) -> None:
    """Remember that something is made on a server, so that `make clean` knows where to drop it."""
    if (kind, place) not in used(home()):
        with _files_of(home()) as folder, (folder / "used").open("a", encoding="utf-8") as file:
            file.write(f"\n{kind} {place}\n")


def used(directory: Path) -> list[tuple[Kind, str]]:
    """The kinds and places of the servers on which this COURSE_HOME has made something."""
    with _files_of(directory) as folder:
        path = folder / "used"
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    places = (line.split() for line in lines)
    return list(dict.fromkeys((kind, words[1]) for words in places if len(words) == 2 for kind in NAMES if kind == words[0]))


def _user() -> str:
    try:
        return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        return f"uid{os.getuid()}"


def _readable(text: str) -> str:
    """The beginning of a text in the few characters that every server takes; nothing, if it has none of them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain)[:16].strip("_")
