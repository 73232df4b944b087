"""COURSE_HOMEs in which `initdb` has run already: it takes longer than all the rest of a start."""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest

from course.stack import Stack

PREPARED = "COURSE_TEST_PREPARED"
"""Tells the processes that a test starts where to find it, so that they need not make another."""


@cache
def _made_once() -> Path:
    """A COURSE_HOME with PostgreSQL's template and the password that belongs to it, removed when this process ends."""
    if PREPARED in os.environ:
        return Path(os.environ[PREPARED])
    home = Path(tempfile.mkdtemp(prefix="prepared-"))
    atexit.register(shutil.rmtree, home)
    with patch.dict(os.environ, COURSE_HOME=str(home), TQDM_DISABLE="1"):
        Stack.start("00", embedded=True).stop()
    os.environ[PREPARED] = str(home)
    return home


def prepare(home: Path) -> None:
    """Make this directory a COURSE_HOME that has a template and a password, and nothing else."""
    made = _made_once()
    home.mkdir(mode=0o700)
    (home / "templates").symlink_to(made / "templates")
    shutil.copy(made / "password", home / "password")


def make_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepare a COURSE_HOME of one test's own, on which no server of somebody else's is named."""
    prepare(home)
    monkeypatch.setenv("COURSE_HOME", str(home))
    for key in ("POSTGRES", "CHROMA", "REDIS"):
        monkeypatch.delenv(f"COURSE_{key}_URL", raising=False)
    return home
