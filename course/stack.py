"""The servers of one notebook: PostgreSQL, ChromaDB and Redis, embedded by default, external by URL."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path

from course import figures, manifest
from course.errors import CourseError, InputError
from course.exercises.cell_errors import explain_cell_errors
from course.home import home
from course.servers import addresses
from course.servers.chroma import ChromaServer
from course.servers.cluster import Cluster, Release
from course.servers.environment import set_aside
from course.servers.external import ExternalChroma, ExternalPostgres, ExternalRedis
from course.servers.names import namespace
from course.servers.postgres import PostgresServer
from course.servers.process import Server
from course.servers.protocol import AnyChroma, AnyPostgres, AnyRedis, AnyServer
from course.servers.redis import RedisServer
from course.servers.supervisor_client import SupervisorClient
from course.waiting import waiting

Watcher = Callable[[AnyServer], None]


class Stack:
    """Three servers, each real and private to one notebook. Get one with `Stack.start("02")`; use it, or use it in a `with`.

    Attributes:
        postgres, chroma, redis: the servers, each with `.url`, `.state`, `.version`, `.address`, `.pid`, `.kill()`,
            `.stop()` and `.start()`; `postgres.connect()`, `chroma.client()` and `redis.client()` give plain clients.
        lesson: the lesson's id.
    """

    _of_this_process: dict[Path, Stack] = {}  # noqa: RUF012  the one thing a notebook holds globally

    def __init__(self, lesson: str, directory: Path, *, embedded: bool) -> None:
        self.lesson = lesson
        self.directory = directory
        self._watchers: list[Watcher] = []
        self._beside: dict[str, Stack] = {}
        self._clusters: dict[str, Cluster] = {}
        self._password = password = _password()
        self._supervisor = SupervisorClient(directory)
        self._supervisor.on_exit = self._server_exited
        own = (directory, self._supervisor, password)
        try:
            postgres, chroma, redis = (None if embedded else addresses.given(key) for key in addresses.NAMES)
            name = namespace(lesson)
            self.postgres: AnyPostgres = ExternalPostgres(postgres, name) if postgres else PostgresServer(*own)
            self.chroma: AnyChroma = ExternalChroma(chroma, name) if chroma else ChromaServer(*own)
            self.redis: AnyRedis = ExternalRedis(redis, name) if redis else RedisServer(*own)
        except BaseException:
            self._supervisor.close()
            raise
        for server in self.servers:
            server.on_change = self._tell

    @classmethod
    def start(cls, lesson: str, *, embedded: bool = False) -> Stack:
        """Start the servers of a lesson, all at once, and return when the slowest is ready.

        In the same kernel again, it returns the same stack, with any server that was down started again.

        Args:
            lesson: the lesson's id, such as `"02"`; or a name of your own for experiments beside the lessons, such as
                `"scratch"`: letters, digits and dashes, and a letter first.
            embedded: ignore `COURSE_POSTGRES_URL`, `COURSE_CHROMA_URL` and `COURSE_REDIS_URL`.

        Raises:
            DirectoryInUseError: another notebook runs this lesson's servers.
            ServerError: a server did not start, or an external one does not answer.
            CourseError: there is no such lesson, or a file of the course's own under COURSE_HOME cannot be used.
        """
        _see_that_it_is_a_name(lesson)
        set_aside()
        external = not embedded and any(os.environ.get(addresses.variable(key)) for key in addresses.NAMES)
        directory = home() / "stacks" / (f"{lesson}-external" if external else lesson)
        stack = cls._of_this_process.get(directory)
        if stack is None or not stack.alive:
            beside, clusters = (stack._beside, stack._clusters) if stack else ({}, {})
            with _explained():
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack = cls._of_this_process[directory] = cls(lesson, directory, embedded=not external)
            stack._beside, stack._clusters = beside, clusters
        with _explained():
            stack._start_all()
        explain_cell_errors()
        return stack

    @property
    def servers(self) -> tuple[AnyServer, ...]:
        """PostgreSQL, ChromaDB and Redis, in this order."""
        return self.postgres, self.chroma, self.redis

    @property
    def alive(self) -> bool:
        """Whether its servers can be started: it was not stopped, and its supervisor has not ended."""
        return self._supervisor.alive

    def private(self) -> Stack:
        """A stack whose servers may be killed: this one, or an embedded one beside it when this one is external."""
        return self if all(server.can_be_killed for server in self.servers) else Stack.start(self.lesson, embedded=True)

    def beside(self, name: str) -> Stack:
        """Three more servers, fresh and empty, private to this notebook: a place to restore a backup into, say.

        Calling it again with the same name empties them and starts them anew. They end with this stack.

        Args:
            name: tells them apart from others beside this stack, such as `"restored"`.

        Raises:
            InputError: the name is not made of lower-case letters.
            DirectoryInUseError: another notebook runs these servers.
            ServerError: a server did not start.
        """
        if name in self._beside:
            self._beside.pop(name).stop()
        stack = self._beside[name] = Stack(self.lesson, self._directory_beside(name), embedded=True)
        for server in stack.own:
            if server.directory.exists():
                shutil.rmtree(server.directory)
        stack._start_all()
        return stack

    def cluster(self, name: str, release: Release) -> Cluster:
        """One more PostgreSQL beside this stack, of another release if you like, on files that a lesson makes with `initdb`.

        It is not started. The same name gives the same one again. It ends with this stack.

        Args:
            name: tells it apart from others beside this stack, such as `"old"`.
            release: whose programs run it.

        Raises:
            InputError: the name is not made of lower-case letters.
            DirectoryInUseError: another notebook runs it.
        """
        cluster = self._clusters.get(name)
        if cluster is None or not cluster.alive:
            cluster = self._clusters[name] = Cluster(self._directory_beside(name), release, self._password)
        return cluster

    def _directory_beside(self, name: str) -> Path:
        """Where something beside this stack keeps its files."""
        if not re.fullmatch("[a-z]+", name):
            raise InputError(f"What is beside a stack has a name of lower-case letters, such as 'restored', and got {name!r}.")
        directory = home() / "stacks" / f"{self.lesson}-beside-{name}"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return directory

    def environment(self) -> dict[str, str]:
        """The variables that tell an application where these servers are."""
        return {
            "COURSE_POSTGRES_URL": self.postgres.url,
            "COURSE_CHROMA_URL": self.chroma.url,
            "COURSE_CHROMA_DATABASE": self.chroma.database,
            "COURSE_REDIS_URL": self.redis.url,
            "COURSE_REDIS_PREFIX": self.redis.prefix,
        }

    def keep(self, **measured: object) -> None:
        """Keep figures that this notebook has measured, for lesson 14: `stack.keep(kept_of_5=1.4)`. See `course.figures`."""
        figures.keep(self.lesson, measured)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher(server)` at each change of a server's state, from any thread. Returns how to end it."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    @property
    def own(self) -> tuple[Server, ...]:
        """Those of its servers that are ours: they have a `.directory` and `.settings`, and may be killed."""
        return tuple(server for server in self.servers if isinstance(server, Server))

    def stop(self) -> None:
        """Stop every server of ours, those beside as well, and wait until they have ended. Their data stays."""
        for other in self._beside.values():
            other.stop()
        for cluster in self._clusters.values():
            cluster.close()
        Stack._of_this_process.pop(self.directory, None)
        self._supervisor.on_exit = lambda key: None  # a server that ends now has not crashed
        self._supervisor.close()
        for server in self.own:
            server.mark_stopped()

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_all(self) -> None:
        ours = self.own
        try:
            takes_longer = isinstance(self.postgres, PostgresServer) and self.postgres.is_first_start
            with ThreadPoolExecutor() as together:
                starts = as_completed([together.submit(server.start) for server in ours])
                if takes_longer:
                    words = "starting servers; the first time, PostgreSQL's files are made"
                    starts = waiting(starts, words, total=len(ours), after=0)
                for start in starts:
                    start.result()
        except BaseException:
            self.stop()
            raise

    def _server_exited(self, key: str) -> None:
        for server in self.servers:
            if server.can_be_killed and server.key == key and server.state in ("killed", "crashed"):
                self._tell(server)

    def _tell(self, server: AnyServer) -> None:
        for watcher in tuple(self._watchers):
            watcher(server)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(server.name, server.version, server.state, server.address) for server in self.servers]

    def __repr__(self) -> str:
        lines = (f"{name:<11} {version:<13} {state:<14} {address}" for name, version, state, address in self._rows())
        return "\n".join((f"Stack {self.lesson}", *lines, *self._own()))

    def _repr_html_(self) -> str:
        head = "".join(f"<th style='text-align:left'>{title}</th>" for title in ("server", "version", "state", "address"))
        body = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self._rows()
        )
        own = "".join(f"<p>{escape(line)}</p>" for line in self._own())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{own}"

    def _own(self) -> list[str]:
        """On servers that others use as well, what is this notebook's own there."""
        shared = [server for server in self.servers if not server.can_be_killed]
        return [f"Yours on {', '.join(server.name for server in shared)}: {shared[0].namespace}"] if shared else []


def _see_that_it_is_a_name(lesson: str) -> None:
    """Raise unless this is a lesson's id, or a name that none can be taken for."""
    if re.fullmatch("[A-Za-z][A-Za-z0-9-]{0,40}", lesson) and not re.search("^checks-|-beside-|-external$", lesson):
        return
    try:
        manifest.lesson(lesson)
    except CourseError as error:
        raise InputError(f"{error} For experiments of your own, a name such as 'scratch': letters, digits and dashes.") from error


@contextmanager
def _explained() -> Iterator[None]:
    """Let an error of the file system say which of the course's own files it is about, and what to do."""
    try:
        yield
    except OSError as error:
        raise CourseError(
            f"The course cannot use its own {error.filename or 'files'}: {error.strerror or error}. None of your notebooks was "
            "touched, and your progress is as it was. Delete or rename that file, or run `make clean`; then run this cell again."
        ) from error


def _password() -> str:
    """The password of every server under this COURSE_HOME: random, made once, readable by its owner only.

    Raises:
        CourseError: the file holds something else.
    """
    path = home() / "password"
    if not os.path.lexists(path):
        with tempfile.NamedTemporaryFile("w", dir=home()) as draft:
            draft.write(secrets.token_hex(16))
            draft.flush()
            with suppress(FileExistsError):  # another notebook was faster: its password is as good as ours
                os.link(draft.name, path)
    password = path.read_bytes().decode("ascii", errors="replace").strip()
    if not re.fullmatch("[0-9a-f]{32}", password):
        raise CourseError(
            f"{path} does not hold the password that the course has made. The servers' data cannot be opened without it. Your "
            "notebooks and progress are as they were. Put the file back, or run `make clean`, which removes the servers' data; "
            "then run this cell again."
        )
    return password
