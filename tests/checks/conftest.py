"""What the tests of the checks share: real servers in a home of their own, at the known start. Progress is kept there too."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from course import dataset
from course.pipeline.kernel_home import short_folder
from course.stack import Stack


@pytest.fixture(scope="session")
def short_home() -> Iterator[Path]:
    """One directory for all modules here, so that PostgreSQL's template is made once."""
    with tempfile.TemporaryDirectory(prefix="course-", dir=short_folder()) as directory:
        yield Path(directory).resolve()


@pytest.fixture(scope="module", autouse=True)
def course_home(short_home: Path) -> Iterator[Path]:
    """The home of everything that a test here does, without external servers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", str(short_home))
        for key in ("POSTGRES", "CHROMA", "REDIS"):
            patch.delenv(f"COURSE_{key}_URL", raising=False)
        yield short_home


@pytest.fixture(scope="module")
def stack(course_home: Path) -> Iterator[Stack]:
    """The servers, with the known start in them."""
    with Stack.start("00") as stack:
        dataset.load(stack)
        yield stack
