"""A class on one server: two learners and a teacher, each behind a wall of their own. One of them tries to come over it."""

from __future__ import annotations

import json
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from course.classroom import accounts, network
from course.classroom.__main__ import main
from course.classroom.fence import fenced
from course.errors import CourseError
from course.home import ROOT
from tests.room import Browser, Closed, Kernel, Room, can_be_none, opened, room, token_in, until

pytestmark = pytest.mark.skipif(can_be_none(), reason="a class needs root on Linux, and what `make .venv/.class` installs")

ANN, BEN, DANA = (f"room-{os.getpid()}-{name}" for name in ("ann", "ben", "dana"))

BEGIN = """
from course import Stack
stack = Stack.start("scratch")
import json, os, psutil, jupyter_client
from ipykernel.connect import get_connection_file
connection = json.load(open(get_connection_file()))
with open(os.path.expanduser("~/secret"), "w") as file:
    file.write("Ann's own")
print(json.dumps({
    "postgres": stack.postgres.url, "redis": stack.redis.url, "chroma": stack.chroma.url,
    "kernel": connection["iopub_port"], "pid": os.getpid(), "home": os.path.expanduser("~"),
    "network": os.stat("/proc/self/ns/net").st_ino,
}))
"""

REACH = """
import glob, json, os, socket
from urllib.parse import urlsplit
from course.servers import chroma
import psycopg, redis
there = json.loads({there!r})

def reached(how):
    try:
        return bool(how())
    except (OSError, psycopg.Error, redis.RedisError):
        return False

def connected(port, host="127.0.0.1"):
    socket.create_connection((host, port), timeout=3).close()
    return True

print(json.dumps({{
    "ChromaDB": reached(lambda: chroma.answers(there["chroma"])),
    "PostgreSQL": reached(lambda: psycopg.connect(there["postgres"], connect_timeout=3)),
    "Redis": reached(lambda: redis.Redis.from_url(there["redis"], socket_timeout=3).ping()),
    "a kernel's output": reached(lambda: connected(there["kernel"])),
    "a file": reached(lambda: open(there["home"] + "/secret").read()),
    "the names of files": reached(lambda: os.listdir(there["home"])),
    "what a process was given": reached(lambda: open(f"/proc/{{there['pid']}}/environ").read()),
}}))
"""


@pytest.fixture(scope="module")
def class_room() -> Iterator[Room]:
    with room([ANN, BEN, DANA], teachers=(DANA,)) as one:
        yield one


@pytest.fixture(scope="module")
def ann(class_room: Room) -> Browser:
    return at_work(class_room, ANN)


@pytest.fixture(scope="module")
def ben(class_room: Room) -> Browser:
    return at_work(class_room, BEN)


@pytest.fixture(scope="module")
def anns_kernel(ann: Browser) -> Kernel:
    return ann.kernel()


@pytest.fixture(scope="module")
def anns_servers(anns_kernel: Kernel) -> str:
    """Where each of Ann's servers is, with its password: more than anybody else would know."""
    return anns_kernel.run(BEGIN).splitlines()[-1]


@pytest.fixture(scope="module")
def bens_kernel(ben: Browser) -> Kernel:
    return ben.kernel()


def at_work(class_room: Room, name: str) -> Browser:
    browser = class_room.log_in(name)
    browser.start()
    return browser


def what_is_reached(said: str) -> dict[str, bool]:
    return json.loads(said.splitlines()[-1])


def test_nobody_logs_in_without_the_own_password(class_room: Room) -> None:
    assert len(set(class_room.users.values())) == 3
    with pytest.raises(Closed):
        Browser(class_room.url, ANN).log_in(class_room.users[BEN])


def test_each_runs_a_cell_as_oneself_in_the_own_course(anns_kernel: Kernel, bens_kernel: Kernel) -> None:
    for name, kernel in ((ANN, anns_kernel), (BEN, bens_kernel)):
        said = kernel.run("import getpass, course; print(getpass.getuser(), course.__file__, 6 * 7)")
        assert said.split() == [name, f"{pwd.getpwnam(name).pw_dir}/course/course/__init__.py", "42"]


def test_what_ann_can_reach_ben_cannot(anns_kernel: Kernel, anns_servers: str, bens_kernel: Kernel) -> None:
    probe = REACH.format(there=anns_servers)
    by_ann, by_ben = (what_is_reached(kernel.run(probe)) for kernel in (anns_kernel, bens_kernel))
    assert all(by_ann.values()), by_ann
    assert not any(by_ben.values()), by_ben


def test_nor_can_somebody_who_is_logged_in_to_the_machine_itself(anns_servers: str) -> None:
    account = pwd.getpwnam(BEN)
    become = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--init-groups", "--"]
    become = [*opened(Path(sys.base_prefix).resolve(), ROOT), *become]
    command = [sys.executable, "-c", REACH.format(there=anns_servers)]
    said = subprocess.run([*become, *command], cwd="/", env={"HOME": account.pw_dir}, capture_output=True, text=True, check=True)
    by_ben = what_is_reached(said.stdout)
    assert not any(by_ben.values()), by_ben


def test_no_learner_reaches_another_ones_jupyterlab_or_gets_at_it_with_the_own_token(ann: Browser, ben: Browser) -> None:
    with pytest.raises(Closed, match=r"40[34]"):
        ben.api("GET", f"/user/{ANN}/api/contents")
    assert ann.api("GET", f"/user/{ANN}/api/contents").json()["content"]


def test_nothing_leads_out_of_a_learners_network_but_to_the_hub(class_room: Room, bens_kernel: Kernel) -> None:
    uid = pwd.getpwnam(ANN).pw_uid
    said = bens_kernel.run(f"""
import socket, errno
def tried(host, port):
    with socket.socket() as one:
        one.settimeout(3)
        return one.connect_ex((host, port))
print(tried("{network.Network(uid, "10.78.0.1").address}", 8888) == tried("192.0.2.1", 80) == errno.ENETUNREACH)
print(tried("127.0.0.1", {class_room.url.rpartition(":")[2]}) == errno.ECONNREFUSED)
""")
    assert said.split() == ["True", "True"]


def test_the_environment_is_read_only_to_learners(bens_kernel: Kernel) -> None:
    said = bens_kernel.run(
        "import os, sys, jupyterhub; print(os.access(jupyterhub.__file__, os.W_OK), os.access(sys.prefix, os.W_OK))"
    )
    assert said.split() == ["False", "False"]


def test_more_memory_than_agreed_ends_in_an_error_and_processes_are_counted(bens_kernel: Kernel) -> None:
    with pytest.raises(Closed, match="MemoryError"):
        bens_kernel.run("taken = bytearray(3 * 1024**3)")
    assert bens_kernel.run("import resource; print(resource.getrlimit(resource.RLIMIT_NPROC))").strip() == "(1000, 1000)"


def page_of(browser: Browser) -> str:
    return browser.http.get("/services/class/").text


def turn_the_switch(browser: Browser, to: str) -> str:
    form = {"share": to, "_xsrf": token_in(page_of(browser))}
    return browser.http.post("/services/class/", data=form).text


def test_the_teacher_sees_what_a_learner_agrees_to_share_and_no_more(class_room: Room, ann: Browser, anns_kernel: Kernel) -> None:
    dana = class_room.log_in(DANA)
    anns_kernel.run("from course import progress; progress.record_outcome('00.survivor', 'not yet')")
    assert ANN not in page_of(dana)
    assert "sees nothing" in page_of(ann)
    assert "You share" in turn_the_switch(ann, "yes")
    seen = page_of(dana)
    assert f"{ANN}<br>0 passed" in seen
    assert "tried, not passed" in seen
    assert BEN not in seen
    anns_kernel.run("progress.record_outcome('00.survivor', 'passed')")
    assert f"{ANN}<br>1 passed" in page_of(dana)
    assert f"{ANN},00.survivor,passed" in dana.http.get("/services/class/class.csv").text
    turn_the_switch(ann, "no")
    assert ANN not in page_of(dana)


def test_a_learner_sees_no_table_and_no_strangers_form_turns_the_switch(ben: Browser) -> None:
    assert "<table>" not in page_of(ben)
    assert ben.http.get("/services/class/class.csv").status_code == 403
    assert ben.http.post("/services/class/", data={"share": "yes"}).status_code == 403
    assert "sees nothing" in page_of(ben)


def test_a_teacher_opens_no_learners_server(class_room: Room, ann: Browser) -> None:
    with pytest.raises(Closed, match=r"40[34]"):
        class_room.log_in(DANA).api("GET", f"/user/{ANN}/api/contents")


def test_an_update_for_all_keeps_what_a_learner_wrote(class_room: Room) -> None:
    notebook = Path(f"/home/{BEN}/course/lessons/00_start_here.ipynb")
    notebook.write_text(notebook.read_text().replace('"source": [', '"source": [\n    "# Ben was here\\n",', 1))
    kept = notebook.read_text()
    newer = class_room.source / "lessons" / notebook.name
    newer.write_text(newer.read_text() + "\n")
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *author, "commit", "--quiet", "--all", "--message=newer"], cwd=class_room.source, check=True)
    command = [*opened(Path(sys.base_prefix).resolve(), ROOT), sys.executable, "-m", "course.classroom", "update", BEN]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    mine = notebook.with_suffix(".mine.ipynb")
    assert mine.read_text() == kept
    assert notebook.read_text() == newer.read_text()
    assert mine.stat().st_uid == pwd.getpwnam(BEN).pw_uid


def test_homes_and_what_the_hub_keeps_are_closed_to_others(class_room: Room) -> None:
    for path in (Path(f"/home/{ANN}"), class_room.folder / "state"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_logging_off_leaves_no_process_and_no_network(class_room: Room, ann: Browser, anns_kernel: Kernel) -> None:
    anns_kernel.run("import subprocess; left = subprocess.Popen(['sleep', '1000'], start_new_session=True)")
    assert len(class_room.processes_of(ANN)) > 5
    ann.log_out()
    until(lambda: not class_room.processes_of(ANN), "all that Ann has started has ended")
    cable = Path(f"/sys/class/net/course{pwd.getpwnam(ANN).pw_uid}")
    until(lambda: not cable.exists(), "Ann's network is gone")


def test_a_server_that_is_killed_leaves_nothing_either(class_room: Room, ben: Browser, bens_kernel: Kernel) -> None:
    server = next(one for one in class_room.processes_of(BEN) if "course.classroom.own_server" in one.cmdline())
    server.kill()
    ben.log_out()
    until(lambda: not class_room.processes_of(BEN), "Ben's kernel has ended")


def test_a_name_that_is_taken_or_can_be_none_is_refused() -> None:
    for name in ("root", "Ann Smith", "../ann", "-r"):
        with pytest.raises(CourseError, match=r"Nothing was changed|no name"):
            accounts.add(name)


def test_an_account_that_cannot_be_furnished_is_not_there(tmp_path: Path) -> None:
    name = f"room-{os.getpid()}-eve"
    with pytest.raises(CourseError, match="git clone"):
        accounts.add(name, source=tmp_path / "nowhere")
    with pytest.raises(KeyError):
        pwd.getpwnam(name)


def test_where_systemd_is_it_holds_the_memory_of_all_that_a_learner_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from course.classroom import fence

    monkeypatch.setattr(fence, "SYSTEMD", tmp_path)
    command = fenced(pwd.getpwnam("nobody"), network.Network(65534, "10.78.0.1"), 1.5, 300)
    assert command[:3] == ["systemd-run", "--scope", "--quiet"]
    assert "--property=MemoryMax=1610612736" in command


def test_a_class_where_learners_could_not_run_python_is_not_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = tmp_path / "closed" / "python"
    inside.parent.mkdir(mode=0o700)
    inside.touch()
    monkeypatch.setattr("sys.executable", str(inside))
    assert main(["start", f"--state={tmp_path / 'state'}"]) == 1
    assert "Learners may not enter" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
