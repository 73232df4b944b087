"""The exercises of lesson 03. They run the learner's functions on stores, folders and jobs of their own."""

from __future__ import annotations

import os
import secrets
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from course.embedding import DIMENSIONS
from course.exercises.check import NotYet, exercise, expect
from course.stack import Stack

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection
    from psycopg import Connection


@exercise(
    "03.disagreements",
    hints=[
        '`collection.get(include=[])["ids"]` lists all ids of a collection, without their vectors. They are text.',
        "Make both sides sets of numbers. `a - b` is what is in `a` and not in `b`: you need it in both directions.",
    ],
    solution="""
        def disagreements(postgres, collection):
            in_postgres = {id for (id,) in postgres.execute("SELECT id FROM documents")}
            in_chroma = {int(id) for id in collection.get(include=[])["ids"]}
            return in_postgres - in_chroma, in_chroma - in_postgres
    """,
)
def disagreements(disagreements: Callable, lab: Stack) -> str:
    """Judge the two sets on stores that disagree in both directions, and are of the same size."""
    both = set(range(8, 40))
    for alone_in_postgres, alone_in_chroma in (({3, 101}, {55, 5}), (set(), {100, 1000}), ({7}, set()), (set(), set())):
        with _staged(lab, both | alone_in_postgres, both | alone_in_chroma) as (postgres, collection):
            answer = disagreements(postgres, collection)
            _judge_pair(answer, alone_in_postgres, alone_in_chroma, len(both))
            _judge_untouched(postgres, collection, both | alone_in_postgres, both | alone_in_chroma)
    return "Counting would have told you nothing here: the first two stores had 34 entries each, and four ids disagreed."


@contextmanager
def _staged(lab: Stack, rows: set[int], vectors: set[int]) -> Iterator[tuple[Connection, Collection]]:
    """A connection that sees these rows only, as a temporary table `documents`, and a collection with these vectors."""
    chroma = lab.chroma.client()
    name = f"check-{secrets.token_hex(6)}"
    with lab.postgres.connect() as postgres:
        postgres.execute(
            "CREATE TEMPORARY TABLE documents (id bigint PRIMARY KEY, user_id bigint NOT NULL DEFAULT 1, "
            "title text NOT NULL DEFAULT '', content text NOT NULL DEFAULT '', created_at timestamptz NOT NULL DEFAULT now())"
        )
        postgres.execute("INSERT INTO documents (id) SELECT unnest(%s::bigint[])", [list(rows)])
        collection = chroma.create_collection(name, embedding_function=None)
        try:
            if vectors:
                collection.add(
                    ids=[str(id) for id in vectors],
                    embeddings=np.eye(len(vectors), DIMENSIONS, dtype=np.float32),
                    metadatas=[{"id": id, "user_id": 1} for id in vectors],
                )
            yield postgres, collection
        finally:
            chroma.delete_collection(name)


def _judge_pair(answer: object, alone_in_postgres: set[int], alone_in_chroma: set[int], both: int) -> None:
    if isinstance(answer, set | frozenset):
        hint = " `^` mixes the two up, and nobody knows what to repair." if answer == alone_in_postgres | alone_in_chroma else ""
        raise NotYet(f"That is one set. Return two: the rows without a vector, and the vectors without a row.{hint}")
    pair = expect(answer, tuple | list, "Return two sets.")
    if len(pair) != 2:
        raise NotYet(f"Return two sets. You return {len(pair)} values.")
    if all(isinstance(part, int) for part in pair):
        raise NotYet("Those are counts. Which ids are they? Without the ids, nobody can repair anything: return two sets.")
    left, right = (set(expect(part, set | frozenset, "Both values should be sets of ids.")) for part in pair)
    if any(isinstance(id, str) for id in left | right):
        raise NotYet(
            f'Some of your ids are text. To Python `17` and `"17"` are different, so everything disagrees: '
            f"you return {len(left)} and {len(right)} ids. Turn ChromaDB's into numbers with `int`."
        )
    if any(isinstance(id, tuple) for id in left | right):
        raise NotYet("Some of your ids are rows, such as `(17,)`. A row is a tuple, also with one column: take its first value.")
    if left | right and (left, right) == (alone_in_chroma, alone_in_postgres):
        raise NotYet("The two are swapped: the rows without a vector come first, then the vectors without a row.")
    wrong = (left ^ alone_in_postgres) | (right ^ alone_in_chroma)
    if wrong and len(left | right) >= both:
        raise NotYet(
            f"You return {len(left)} and {len(right)} ids, also those that both stores have. Subtract one set from the other."
        )
    if left == right == set() and wrong:
        raise NotYet(
            "You found no difference, and there is one. Two stores of the same size need not have the same ids: "
            "compare the ids, all of them, in both directions."
        )
    for name, found, wanted in (
        ("rows without a vector", left, alone_in_postgres),
        ("vectors without a row", right, alone_in_chroma),
    ):
        if wrong and found != wanted and wrong == found ^ wanted:
            raise NotYet(f"The {name} are {sorted(wanted)}, and you return {sorted(found)}. The other set is right.")
    if wrong:
        raise NotYet(
            f"Alone in PostgreSQL are {sorted(alone_in_postgres)}, alone in ChromaDB {sorted(alone_in_chroma)}. You return "
            f"{len(left)} and {len(right)} ids. Read every id of both stores, from what the function was given."
        )


def _judge_untouched(postgres: Connection, collection: Collection, rows: set[int], vectors: set[int]) -> None:
    left = {id for (id,) in postgres.execute("SELECT id FROM documents")}
    if left != rows or {int(id) for id in collection.get(include=[])["ids"]} != vectors:
        raise NotYet("Your function has changed a store. Finding out comes first: return what disagrees, and leave it as it is.")


FOLDER = {
    "chroma.sqlite3": b"SQLite format 3\0" + bytes(4096),
    "3f0c/data_level0.bin": bytes(range(256)) * 64,
    "3f0c/header.bin": b"h" * 100,
}
"""What a ChromaDB folder looks like."""


@exercise(
    "03.back_up",
    hints=[
        "`subprocess.run(…)` does not care how a program ends. With `check=True` it raises an error when the status is not 0.",
        "Status 0 says that tar has packed what there was. Open the archive: `tarfile.open(archive)` goes through its members.",
        "tar's names begin with `./` here. `isfile()` tells files from folders.",
    ],
    solution="""
        def back_up(folder, archive):
            subprocess.run(["tar", "-czf", archive, "-C", folder, "."], check=True)
            with tarfile.open(archive) as packed:
                files = [member.name for member in packed if member.isfile()]
            if "./chroma.sqlite3" not in files:
                raise RuntimeError(f"{archive} holds no ChromaDB: {folder} has no chroma.sqlite3.")
            return len(files)
    """,
)
def back_up(back_up: Callable) -> str:
    """Judge the job on a good folder, and on four nights that must make it fail."""
    with _workshop() as place, _hushed():
        good = _folder(place / "chroma data", FOLDER)
        archive = place / "chroma.tar.gz"
        _judge_good(back_up(good, archive), good, archive)
        yesterday = archive.read_bytes()

        empty = _folder(place / "empty", {})
        _must_fail(
            lambda: back_up(empty, place / "empty.tar.gz"),
            "The folder was empty, as the volume above, and your job ended as if all were well. tar's status 0 says that it "
            "packed what there was: nothing. Look into the archive.",
        )
        _must_fail(
            lambda: back_up(place / "missing", place / "missing.tar.gz"),
            "The folder does not exist, tar failed, and your job ended as if all were well. "
            "Let `subprocess.run` check the status.",
        )
        archive.write_bytes(yesterday)
        with _failing_tar(place):
            _must_fail(
                lambda: back_up(place / "missing", archive),
                "tar failed today, the archive of yesterday was still there, and your job took it for today's. "
                "Check tar's status first.",
            )
        others = _folder(place / "others", {"README.md": b"This volume is for ChromaDB.", "old/notes.txt": b"-"})
        _must_fail(
            lambda: back_up(others, place / "others.tar.gz"),
            "The folder held a README and a text, no ChromaDB, and your job ended as if all were well. "
            "Some file is not enough: look for `chroma.sqlite3` among the names in the archive.",
        )
    return "It fails aloud where it was silent before. What it cannot see: a torn copy. That takes a restore."


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
def _failing_tar(place: Path) -> Iterator[None]:
    """A tar that fails before it touches the archive. The real one may have emptied it by then, or not."""
    program = place / "bin" / "tar"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'tar: No space left on device' >&2\nexit 2\n")
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


def _judge_good(returned: object, folder: Path, archive: Path) -> None:
    kept = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if kept != FOLDER:
        raise NotYet("Your job has changed the folder that it should only read. It is the data of a running server.")
    if not archive.exists():
        raise NotYet(
            "There is no archive where it should be. The folder in this check is called `chroma data`, with a space: "
            "give tar a list of arguments, as above, and no shell will split it."
        )
    try:
        with tarfile.open(archive) as packed:
            files = {member.name.removeprefix("./"): packed.extractfile(member).read() for member in packed if member.isfile()}
    except tarfile.TarError as error:
        raise NotYet(
            "What stands in the archive's place is no whole tar archive. The folder in this check is called `chroma data`, "
            "with a space: give tar a list of arguments, as above, and no shell will split it."
        ) from error
    if files != FOLDER:
        raise NotYet(
            f"The archive should hold the folder's {len(FOLDER)} files under their own names. It holds {len(files)}: "
            f"{', '.join(sorted(files)) or 'none'}."
        )
    count = expect(returned, int, "Return how many files the archive holds.")
    if count == len(FOLDER) + 1 or count == len(FOLDER) + 2:
        raise NotYet(
            f"The archive holds {len(FOLDER)} files, and you return {count}: folders are members too. Count with `isfile()`."
        )
    if count != len(FOLDER):
        raise NotYet(f"The archive holds {len(FOLDER)} files, also those in the folder within, and you return {count}.")


def _must_fail(job: Callable[[], object], otherwise: str) -> None:
    """Run a job that has to fail. Any error will do, and so will `sys.exit` with a status."""
    try:
        returned = job()
    except SystemExit as error:
        if error.code not in (None, 0):
            return
        raise NotYet(f"{otherwise} (`sys.exit` without a status means success.)") from error
    except Exception:  # noqa: BLE001  which error it is, is the learner's choice
        return
    if returned in (0, None, False, -1):
        raise NotYet(f"{otherwise} A returned value is not an alarm: whoever runs the job at night ignores it. Raise an error.")
    raise NotYet(otherwise)


class _DiskFullError(Exception):
    """What a job in the check fails with."""


class _Night:
    """Jobs that note whether the door was closed while they ran, and what opened and closed it."""

    def __init__(self, *failures: type[BaseException] | None) -> None:
        self.events: list[str] = []
        self.closed = False
        self.seconds = 0.0
        self.jobs = [self._job(number, failure) for number, failure in enumerate(failures, start=1)]

    def pause(self) -> None:
        self.events.append("pause")
        self.closed = True
        self.seconds = -time.perf_counter()

    def resume(self) -> None:
        self.events.append("resume")
        self.closed = False
        self.seconds += time.perf_counter()

    def _job(self, number: int, failure: type[BaseException] | None) -> Callable[[], None]:
        def job() -> None:
            self.events.append(f"job {number}" if self.closed else f"job {number} with the door open")
            time.sleep(0.02)  # so long does a job take, and so long must the downtime be at least
            if failure:
                raise failure("No space left on device")

        return job

    def ran(self) -> Iterable[str]:
        return [event for event in self.events if event.startswith("job")]


@exercise(
    "03.quiet_backup",
    hints=[
        "What must happen on every way out of a block belongs into `finally`.",
        "`pause()` comes before the `try`, the loop over the jobs into it, `resume()` into the `finally`. "
        "Do not `return` in a `finally`: it swallows the error.",
    ],
    solution="""
        def quiet_backup(pause, resume, jobs):
            pause()
            began = time.perf_counter()
            try:
                for job in jobs:
                    job()
            finally:
                resume()
            return time.perf_counter() - began
    """,
)
def quiet_backup(quiet_backup: Callable) -> str:
    """Judge the order of what happens: with jobs that end well, with one that fails, and with one that is interrupted."""
    night = _Night(None, None, None)
    began = time.perf_counter()
    returned = quiet_backup(night.pause, night.resume, list(night.jobs))
    took = time.perf_counter() - began
    _judge_order(night)
    _judge_seconds(returned, night.seconds, took)
    for failing in ((None, _DiskFullError, None), (_DiskFullError, None, None), (None, None, _DiskFullError)):
        _judge_failure(quiet_backup, _Night(*failing), _DiskFullError)
    _judge_failure(quiet_backup, _Night(None, KeyboardInterrupt, None), KeyboardInterrupt)
    return "One moment for all three, and the door opens again on every way out. The price stays: nobody could write meanwhile."


def _judge_order(night: _Night) -> None:
    ran = night.ran()
    if "pause" not in night.events:
        raise NotYet("Nobody was stopped: `pause` was not called. Call it, with brackets, before the first job.")
    if not ran:
        raise NotYet("No job ran. Each element of `jobs` is a function: call it.")
    if night.closed:
        raise NotYet("The jobs ended well, and the users are still locked out: `resume()` was not called.")
    if any("open" in event for event in ran):
        if night.events.count("pause") > 1:
            raise NotYet(f"What happened: {', '.join(night.events)}. A job ran with the door open.")
        raise NotYet(f"What happened: {', '.join(night.events)}. Jobs must run between the two, so that nobody writes meanwhile.")
    if night.events.count("pause") > 1:
        raise NotYet(
            "You pause for each job, and let the users in between. Then each backup has a moment of its own again. "
            "Pause once, for all of them."
        )
    if len(ran) < 3 or len(set(ran)) < len(ran):
        raise NotYet(f"There are 3 jobs, and each should run once. What happened: {', '.join(night.events)}.")


def _judge_seconds(returned: object, closed: float, took: float) -> None:
    seconds = expect(returned, float, "Return the seconds between pause and resume.")
    if seconds > took * 2:
        raise NotYet(f"You return {seconds:.1f}, and the whole call took {took:.3f} seconds. Return seconds, of this call.")
    if seconds < closed / 2:
        raise NotYet(
            f"You return {seconds:.3f}, and the door was closed for {closed:.3f} seconds. "
            "Take the time right after `pause()`, and again when all jobs have ended."
        )


def _judge_failure(quiet_backup: Callable, night: _Night, failure: type[BaseException]) -> None:
    """Judge a night on which one job fails. The function may run the jobs after it, or leave them."""
    interrupted = failure is KeyboardInterrupt
    what = "was interrupted, as by the stop button," if interrupted else "failed with an error"
    try:
        quiet_backup(night.pause, night.resume, list(night.jobs))
    except failure:
        raised = True
    except Exception as error:
        if not _comes_from(error, failure):
            raise
        raised = True
    else:
        raised = False
    if night.closed:
        raise NotYet(
            f"A job {what} and `resume` was not called: the users stay locked out until somebody notices. "
            + (
                "`except Exception` does not see an interrupt; `finally` does."
                if interrupted
                else "`finally` runs on every way out."
            )
        )
    if any("open" in event for event in night.ran()) or night.events.count("resume") > 1:
        raise NotYet(f"With a job that {what} this happened: {', '.join(night.events)}. Resume once, after the last job.")
    if not raised:
        raise NotYet(
            f"A job {what} and your function ended as if all were well. A failed backup that nobody hears of is the worst kind. "
            "Let the error through: no `except` that ends it, and no `return` in `finally`, which swallows it."
        )


def _comes_from(error: BaseException, failure: type[BaseException]) -> bool:
    """Whether an error was raised because of this failure, or holds it in a group."""
    if isinstance(error, failure):
        return True
    if isinstance(error, BaseExceptionGroup):
        return any(_comes_from(part, failure) for part in error.exceptions)
    below = error.__cause__ or error.__context__
    return below is not None and _comes_from(below, failure)
