"""Whatever lies in the course's own directory, a start goes on or says what to delete, and the doctor has no traceback.

Who runs it makes no difference here, but for one test that becomes a user without a name.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course import clean, doctor
from course.errors import CourseError, DirectoryInUseError, InputError
from course.home import ROOT
from course.pipeline.kernel_home import short_folder
from course.servers import holders
from course.servers.postgres import PostgresServer
from course.stack import Stack, _password
from tests.kernels import gone, until
from tests.prepared import prepare

FILES = ["password", "stacks/00/holder.json", "stacks/00/redis.port", "stacks/00/postgres.port", "stacks/00/chroma.port"]
"""What the course reads when it starts; each is a file of its own making."""


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which lesson 00 has run, as a model to copy."""
    place = tmp_path_factory.mktemp("used") / "home"
    prepare(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", str(place))
        Stack.start("00").stop()
    return place


@pytest.fixture
def home(used: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it, for one test to damage."""
    place = tmp_path / "home"
    shutil.copytree(used, place)
    monkeypatch.setenv("COURSE_HOME", str(place))
    for key in ("POSTGRES", "CHROMA", "REDIS"):
        monkeypatch.delenv(f"COURSE_{key}_URL", raising=False)
    yield place
    for stack in list(Stack._of_this_process.values()):
        stack.stop()


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("not a folder")


def without_pg_control(home: Path) -> None:
    """A template that is not whole, and a lesson that has no PostgreSQL yet."""
    (next((home / "templates").glob("postgres-*")) / "global" / "pg_control").unlink()
    shutil.rmtree(home / "stacks/00/postgres")


GOES_ON: dict[str, Callable[[Path], object]] = {
    "an empty postmaster.pid": lambda home: (home / "stacks/00/postgres/postmaster.pid").write_text(""),
    "a postmaster.pid of garbage": lambda home: (home / "stacks/00/postgres/postmaster.pid").write_bytes(b"\xff\x00 what\n" * 9),
    "a folder in place of postmaster.pid": lambda home: folder(home / "stacks/00/postgres/postmaster.pid"),
    "a port that is none": lambda home: (home / "stacks/00/redis.port").write_text("99999"),
    "a port that is no number": lambda home: (home / "stacks/00/postgres.port").write_bytes(b"\xff\xfe"),
    "a folder in place of a port": lambda home: folder(home / "stacks/00/chroma.port"),
    "a holder of garbage": lambda home: (home / "stacks/00/holder.json").write_bytes(b"\xff{"),
    "a template without pg_control": without_pg_control,
}


@pytest.mark.parametrize("damage", GOES_ON)
def test_a_start_goes_on_over(home: Path, damage: str) -> None:
    GOES_ON[damage](home)
    with Stack.start("00") as stack:
        assert [server.state for server in stack.servers] == ["running"] * 3


SAYS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a password that is no text": (lambda home: (home / "password").write_bytes(b"\xff\xfe\x00"), "password.*make clean"),
    "a folder in place of the password": (lambda home: folder(home / "password"), "password.*Delete or rename"),
    "a folder in place of the lock": (lambda home: folder(home / "stacks/00/lock"), "lock.*Delete it"),
    "a file in place of stacks": (lambda home: file(home / "stacks"), "stacks.*Delete or rename"),
    "a file in place of a stack": (lambda home: file(home / "stacks/00"), "stacks/00.*Delete or rename"),
    "files of another PostgreSQL": (
        lambda home: (home / "stacks/00/postgres/PG_VERSION").write_text("17\n"),
        "files of PostgreSQL 17.*make clean",
    ),
    "half of PostgreSQL's files": (
        lambda home: (home / "stacks/00/postgres/global/pg_control").unlink(),
        "no complete files.*make clean",
    ),
    "a file in place of PostgreSQL's files": (lambda home: file(home / "stacks/00/postgres"), "postgres.*Delete or rename"),
}


@pytest.mark.parametrize("damage", SAYS)
def test_a_start_says_what_to_delete_for(home: Path, damage: str) -> None:
    harm, said = SAYS[damage]
    harm(home)
    with pytest.raises(CourseError, match=said):
        Stack.start("00")
    assert "Traceback" not in repr(doctor.examine(start_servers=False))


def test_a_password_that_the_servers_do_not_know_is_not_told_as_a_dead_server(home: Path) -> None:
    (home / "password").write_text("0" * 32)
    with Stack.start("00") as stack, pytest.raises(CourseError, match=r"password.*make clean") as said:
        stack.postgres.connect()
    assert "Start it on the board" not in str(said.value)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(FILES), garbage=st.binary(max_size=300))
def test_garbage_in_any_file_of_state_is_read_or_refused_in_words(home: Path, name: str, garbage: bytes) -> None:
    before = (home / name).read_bytes()
    (home / name).write_bytes(garbage)
    try:
        _password()
        server = PostgresServer(home / "stacks" / "00", Mock(), "")  # it is not started
        assert server._remembered_port() == 0 or 1024 <= server._remembered_port() <= 65535
        holders._said(home / "stacks" / "00")
    except CourseError as error:
        refused = str(error)
    else:
        refused = "make clean"
    finally:
        (home / name).write_bytes(before)
    assert "make clean" in refused


def test_the_doctor_ends_in_no_traceback_whatever_fails(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course.embedding.embed", lambda text: 1 / 0)
    report = doctor.examine()
    assert not report.healthy
    assert "ZeroDivisionError" in repr(report)


def test_a_scratch_stack_has_a_name_of_the_learners_own(home: Path) -> None:
    with Stack.start("my-try-2") as stack:
        assert stack.redis.client().ping()
        assert stack.directory == home / "stacks" / "my-try-2"


@pytest.mark.parametrize("name", ["4", "99", "../up", "a b", "checks-1", "00-beside-x", "", "é"])
def test_another_name_is_refused_in_words(home: Path, name: str) -> None:
    with pytest.raises(InputError, match="such as 'scratch'"):
        Stack.start(name)


HOLD = """
    import sys
    from course.stack import Stack
    stack = Stack.start("00")
    print([server.pid for server in stack.servers], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(home: Path) -> Iterator[subprocess.Popen]:
    """Another notebook, which runs the servers of lesson 00."""
    code = textwrap.dedent(HOLD)
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=-1, stdout=-1, text=True)
    process.servers = [psutil.Process(pid) for pid in json.loads(process.stdout.readline())]  # type: ignore[attr-defined]
    yield process
    process.kill()
    process.communicate(timeout=60)
    until(lambda: gone(process.servers), "its servers to end")  # type: ignore[attr-defined]


def test_a_second_notebook_is_told_at_once_also_if_the_clock_was_moved(other: subprocess.Popen, home: Path) -> None:
    about = json.loads((home / "stacks/00/holder.json").read_text())
    (home / "stacks/00/holder.json").write_text(json.dumps(about | {"kernel": 1, "since": "yesterday"}))
    began = time.monotonic()
    with pytest.raises(DirectoryInUseError, match=f"process {other.pid}"):
        Stack.start("00")
    assert time.monotonic() - began < holders._PATIENCE_SECONDS


def test_a_holder_that_cannot_be_seen_is_waited_for_and_then_named(
    other: subprocess.Popen, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "holders", lambda directory: [])  # as from another container
    monkeypatch.setattr(holders, "_PATIENCE_SECONDS", 0.5)
    with pytest.raises(DirectoryInUseError, match=rf"process {other.pid} on .*, since .*cannot be seen from here.*"):
        Stack.start("00")


def test_make_clean_ends_servers_whose_notebook_and_supervisor_were_killed(home: Path, other: subprocess.Popen) -> None:
    (supervisor,) = [process for process in holders.holders(home / "stacks/00") if holders._is_supervisor(process)]
    with pytest.raises(DirectoryInUseError):
        clean.clean(home, home)
    os.kill(other.pid, signal.SIGSTOP)  # it cannot end its servers any more
    supervisor.kill()
    os.kill(other.pid, signal.SIGKILL)
    until(lambda: gone([supervisor]), "the supervisor to end")
    assert any(process.is_running() for process in other.servers)  # type: ignore[attr-defined]
    clean.clean(home, home)
    assert gone(other.servers)  # type: ignore[attr-defined]
    assert not (home / "stacks").exists()


def test_what_a_killed_first_start_left_is_removed_by_the_next(home: Path) -> None:
    left = home / "templates" / "tmpabc" / "data"
    left.mkdir(parents=True)
    young = home / "templates" / "tmpdef"
    young.mkdir()
    os.utime(left.parent, (1, 1))
    shutil.rmtree(next((home / "templates").glob("postgres-*")))
    shutil.rmtree(home / "stacks/00/postgres")
    with Stack.start("00"):
        assert not left.parent.exists()
        assert young.exists(), "another notebook may be at work there"


NOBODY_IN_PARTICULAR = """
    from course import Stack, dataset
    from course.apps.apart import serve_apart
    from course.children import Children

    with Stack.start("01") as stack:
        dataset.load(stack)
        assert stack.chroma.client().list_collections()
        app = serve_apart({"course.apps.one_database:app": stack.environment()})[0]
        print(app.url)
        app.stop()
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become a user without a name")
def test_a_user_without_a_name_or_a_home_and_with_a_long_tmpdir_can_work(tmp_path: Path) -> None:
    uid = 54_321
    folder = Path(short_folder()) / f"course-{os.getpid()}"
    tmpdir, home = folder / ("long-" * 16), folder / "home"
    tmpdir.mkdir(parents=True)
    home.mkdir()
    for path in (tmpdir.parent, tmpdir, home):
        os.chown(path, uid, uid)
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmpdir), "COURSE_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    # Reading through directories of root is allowed, as the checkout may lie in one; writing there is not.
    readable = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *readable]
    command = [*become, sys.executable, "-c", textwrap.dedent(NOBODY_IN_PARTICULAR)]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
        assert "http://127.0.0.1:" in done.stdout, done.stderr[-3000:]
    finally:
        shutil.rmtree(tmpdir.parent)
