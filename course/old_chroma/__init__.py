"""An older release of ChromaDB: what it wrote, and what it said to a newer one. What that means stands in a lesson.

`recorded()` reads it from `data/old_chroma/`. `fetched()` does it live: it installs the old release into a throw-away
environment, which takes about a minute and the internet. `python -m course.old_chroma` does the same, and records it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course import dataset
from course.errors import CourseError
from course.home import DATA, home
from course.servers.chroma import ChromaServer
from course.servers.supervisor_client import SupervisorClient
from course.waiting import waiting

RELEASE = "0.6.3"
PYTHON = ">=3.11,<3.13"
"""What the old release runs on. uv fetches one if the machine has none."""

VECTORS, DIMENSIONS = 20, 8
"""How many vectors it keeps, and how short they are: its index takes room for a thousand at once."""

RECORD = DATA / "old_chroma"
_PROBE = Path(__file__).with_name("probe.py")


class NotFetchedError(CourseError):
    """The old release could not be installed."""


@dataclass(frozen=True)
class OldChroma:
    """An older ChromaDB.

    Attributes:
        release: its version.
        folder: what it wrote. Copy it before another release opens it.
        said: what was asked of it, to what it answered.
        how: how we know: recorded, or seen just now.
    """

    release: str
    folder: Path
    said: dict[str, str]
    how: str


def recorded() -> OldChroma:
    """What `python -m course.old_chroma` has recorded. Needs nothing else."""
    try:
        record = json.loads((RECORD / "record.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CourseError(f"{error.filename} is missing. Get it back with `git checkout data`.") from error
    return OldChroma(record["release"], RECORD / "folder", record["said"], "recorded in data/old_chroma")


def fetched() -> OldChroma:
    """Install the old release, let it write a folder, and ask it the same questions. The environment is thrown away.

    Raises:
        NotFetchedError: the package index does not answer, or has no package for this machine.
    """
    folder = home() / "cache" / "old_chroma"
    with tempfile.TemporaryDirectory(dir=home()) as directory:
        workshop = Path(directory)
        written = workshop / "folder"
        said: dict[str, str] = {}
        for answer in waiting(_steps(workshop, written), f"ChromaDB {RELEASE} at work", total=6, after=0):
            said.update(answer)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(written, folder)
    return OldChroma(RELEASE, folder, said, "installed, and asked just now")


def _steps(workshop: Path, written: Path) -> Iterator[dict[str, str]]:
    """Yields what each step has told: about installing, writing, rolling back twice, and its client."""
    old = _install(workshop / "environment")
    yield {}
    np.save(workshop / "vectors.npy", dataset.embeddings()[:VECTORS, :DIMENSIONS])
    _ask(old, "write", written, workshop / "vectors.npy")
    yield {}

    moved = workshop / "moved"
    shutil.copytree(written, moved)
    _ask(sys.executable, "read", moved)
    yield {"its folder, after the new release has opened it": _ask(old, "read", moved)}
    _ask(sys.executable, "create", moved)
    yield {"the same, after a new collection was made there": _ask(old, "list", moved)}

    with _server(workshop, written) as port:
        yield {"its client, to a new server: heartbeat": _ask(old, "heartbeat", port)}
        yield {"its client, to a new server: get_collection": _ask(old, "get", port)}


def _install(environment: Path) -> str:
    """A throw-away environment with the old release. Returns its Python."""
    from uv import find_uv_bin

    python = str(environment / "bin" / "python")
    commands = (["venv", "--python", PYTHON, str(environment)], ["pip", "install", "--python", python, f"chromadb=={RELEASE}"])
    for command in commands:
        done = subprocess.run([find_uv_bin(), *command], capture_output=True, text=True)
        if done.returncode != 0:
            last = "\n".join(f"    {line}" for line in done.stderr.strip().splitlines()[-4:])
            raise NotFetchedError(
                f"ChromaDB {RELEASE} could not be installed:\n{last}\nNothing was changed. It needs the internet and a package "
                "for this machine. Use `recorded()`, which needs neither."
            )
    return python


def _ask(python: str, *words: object) -> str:
    """Run the probe under a Python. Returns the one line that it says."""
    done = subprocess.run(
        [python, "-P", str(_PROBE), *map(str, words)], capture_output=True, text=True, env={"ANONYMIZED_TELEMETRY": "False"}
    )
    if done.returncode != 0:
        raise CourseError(f"The probe stopped: {done.stderr.strip()[-500:]}\nNothing was changed. Use `recorded()`.")
    return done.stdout.strip().splitlines()[-1]


@contextmanager
def _server(workshop: Path, written: Path) -> Iterator[int]:
    """A server of the installed release, on a copy of the folder. Yields its port."""
    supervisor = SupervisorClient(workshop)
    server = ChromaServer(workshop, supervisor, "")
    try:
        shutil.copytree(written, server.directory)
        server.start()
        yield server.port
    finally:
        supervisor.close()


def record() -> None:
    """Do it live, and write folder and answers to `data/old_chroma/`."""
    old = fetched()
    shutil.rmtree(RECORD, ignore_errors=True)
    shutil.copytree(old.folder, RECORD / "folder")
    from importlib.metadata import version

    text = json.dumps({"release": old.release, "opened_by": version("chromadb"), "said": old.said}, indent=2)
    (RECORD / "record.json").write_text(text + "\n", encoding="utf-8")
