"""Nights, good and bad ones, on which a job packs a ChromaDB folder: what the check of `03.back_up` lays out, and sees."""

from __future__ import annotations

import os
import random
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from course.exercises.mistakes import Parts
from course.exercises.stage import Stage

_chance = random.Random(3)

FOLDER = {
    "chroma.sqlite3": b"SQLite format 3\0" + _chance.randbytes(8_000),
    "3f0c/data_level0.bin": _chance.randbytes(16_000),
    "3f0c/header.bin": b"h" * 100,
}
"""What a ChromaDB folder looks like. It does not get much smaller when it is packed."""

OTHER_FILES = {"README.md": b"This volume is for ChromaDB.", "old/notes.txt": _chance.randbytes(24_000)}
"""As large as the folder."""

ALMOST = {"chroma.sqlite3.bak": _chance.randbytes(24_000), "old-chroma.sqlite3": b"-", "my chroma.sqlite3 notes/x.txt": b"-"}

FULL_DISK = "#!/bin/sh\necho 'tar: No space left on device' >&2\nexit 2\n"
"""A tar that fails before it touches the archive. The real one may have emptied it by then, or not."""

PACKS_NOTHING = """#!/bin/sh
for name; do
    name="${name#--file=}"
    case "$name" in *.tar.gz) head -c 10240 /dev/zero | gzip > "$name" ;; esac
done
"""
"""A tar that ends well, and whose archive holds nothing."""


def good_night(back_up: Callable, stage: Stage) -> Parts:
    """What an answer does when every program ends well."""
    with _workshop() as place, _hushed():
        folder, archive = _folder(place / "chroma data", FOLDER), place / "chroma.tar.gz"
        returned = back_up(folder, archive)
        left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        packed = _packed(archive)
        if any(name.endswith(f"{folder.name}/chroma.sqlite3") for name in packed):
            packed = ["each with the path of the folder before its name"]
        return Parts(the_folder_afterwards=sorted(left), the_archive=packed, returned=_plain(returned))


def _plain(returned: object) -> object:
    """What was returned, but for what differs from run to run."""
    if isinstance(returned, BaseException):
        return "an error"
    if isinstance(returned, Path | str):
        return "a text or a path"
    return "a size" if type(returned) is int and returned > 100 else returned


def bad_night(files: dict[str, bytes], tar: str = "") -> Callable[[Callable, Stage], str]:
    """How a job ends on a night when it cannot make a backup: with an error, or how else. An archive of yesterday is there."""

    def observe(back_up: Callable, stage: Stage) -> str:
        with _workshop() as place, _hushed():
            folder, archive = _folder(place / "volume", files), place / "chroma.tar.gz"
            with tarfile.open(archive, "w:gz") as yesterday:
                yesterday.add(_folder(place / "yesterday", FOLDER), arcname=".")
            before = archive.read_bytes()
            with _tar_is(tar, place):
                ended = _ended(lambda: back_up(folder, archive))
            made = files == FOLDER and archive.read_bytes() != before and _packed(archive) == sorted(FOLDER)
            return "an error" if made else ended  # whoever packs without tar has made a backup after all

    return observe


def _ended(job: Callable[[], object]) -> str:
    try:
        returned = job()
    except SystemExit as error:
        return "an error" if error.code not in (None, 0) else "it exits without a status"
    except Exception:  # noqa: BLE001  which error it is, is the learner's choice
        return "an error"
    return f"it ends, and returns {_plain(returned)}"


def _packed(archive: Path) -> list[str]:
    """The files of an archive; none if it is missing or broken. A tar that gives up may leave either."""
    try:
        with tarfile.open(archive) as packed:
            return sorted(member.name.removeprefix("./") for member in packed if member.isfile())
    except (FileNotFoundError, EOFError, tarfile.TarError):
        return []


@contextmanager
def _workshop() -> Iterator[Path]:
    """A folder that is removed at the end. A tar that gives up leaves its gzip behind, which may still make the archive."""
    place = Path(tempfile.mkdtemp(prefix="course-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if place.exists():  # the archive came while the rest went
            shutil.rmtree(place)


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep what programs write to standard error to ourselves: here tar has to complain, and would do so in the notebook."""
    before = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


@contextmanager
def _tar_is(script: str, place: Path) -> Iterator[None]:
    """Another program in tar's place; with `""`, tar itself."""
    if not script:
        yield
        return
    program = place / "bin" / "tar"
    program.parent.mkdir()
    program.write_text(script)
    program.chmod(0o755)
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{program.parent}{os.pathsep}{path}"
    try:
        yield
    finally:
        os.environ["PATH"] = path


def _folder(path: Path, files: dict[str, bytes]) -> Path:
    path.mkdir()
    for name, content in files.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(content)
    return path
