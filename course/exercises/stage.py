"""Where a learner's function is watched once: fresh stores of the check's own, what is lent to it, and what it does there.

    def observe(orphans, stage):
        postgres = stage.database(TABLES)                # a fresh database, and a connection that is lent
        collection = stage.collection("documents", ids=…, embeddings=…)
        return orphans(collection, postgres)

The learner's answer, the solution and each mistake get a stage of their own, so that all begin alike.
"""

from __future__ import annotations

import functools
import inspect
import os
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from course.exercises import traces
from course.exercises.bench import Bench, bench
from course.exercises.deadline import TimeUp, deadline
from course.exercises.likeness import frozen
from course.exercises.manners import Manner, changed, pasted

if TYPE_CHECKING:
    import redis
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

_THREAD_SECONDS = 2
"""How long a thread that the function started may take to end after it."""

ODD = "Zoë's 100 % \\ sure"
"""A text that every careless way of writing SQL breaks on: an apostrophe, a % and a backslash."""


class AskedTooOften(BaseException):
    """What was given to a learner's function was called more often than any right answer does. No `except Exception` stops it."""


class Asked:
    """A callable that is given to a learner's function, and counts."""

    def __init__(self, function: Callable[..., Any], at_most: int) -> None:
        functools.update_wrapper(self, function, updated=())
        self._function = function
        self._at_most = at_most
        self.calls: list[tuple[object, ...]] = []

    @property
    def times(self) -> int:
        """How often it was called."""
        return len(self.calls)

    def __call__(self, *args: object, **by_name: object) -> Any:
        """Count the call, and do what the callable does."""
        self.calls.append((*args, *by_name.values()))
        if self.times > self._at_most:
            raise AskedTooOften(f"called {self.times} times")
        return self._function(*args, **by_name)


class Stage:
    """Fresh stores, a watch on what is called there, and a clean-up. Use it in a `with`.

    Attributes:
        manners: what the functions called here did besides.
    """

    def __init__(self, may: frozenset[str] = frozenset(), seconds: float = 30) -> None:
        self.manners: list[Manner] = []
        self._may = may
        self._seconds = seconds
        self._open = ExitStack()
        self._bench: Bench | None = None
        self._own: dict[str, psycopg.Connection] = {}
        self._lent: list[tuple[traces.LentConnection, dict[str, str]]] = []
        self._chroma: ClientAPI | None = None
        self._redis: redis.Redis | None = None

    def database(self, setup: str = "", *, name: str = "bench", vectors: bool = True, **options: Any) -> traces.LentConnection:
        """Make an empty database with pgvector, run a piece of SQL in it, and lend a connection to it.

        Args:
            setup: makes tables and rows.
            name: the database's name; another name gives a second database.
            vectors: the connection takes and gives NumPy arrays for vectors.
            options: of `psycopg.connect`, such as `row_factory`; autocommit is on unless said otherwise.
        """
        self._own[name] = self._servers.database(name)
        if setup:
            self._own[name].execute(setup)
        return self.connect(name=name, vectors=vectors, **options)

    def connect(self, *, name: str = "bench", vectors: bool = True, **options: Any) -> traces.LentConnection:
        """Lend one more connection to a database."""
        knows = self._own[name] if vectors else None  # pgvector's types: asking for them takes as long as to connect
        lent = traces.LentConnection.connect(self._servers.url(name), context=knows, **{"autocommit": True, **options})
        self._open.callback(lent.close)
        self._lent.append((lent, traces.attributes(lent)))
        return lent

    @property
    def url(self) -> str:
        """The address of the database."""
        return self._servers.url("bench")

    @property
    def own(self) -> psycopg.Connection:
        """The check's own connection to the database, which sees what was committed. It waits two seconds for a lock."""
        return self._own["bench"]

    def rows(self, query: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[tuple]:
        """What the check's own connection sees."""
        return self.own.execute(query, values).fetchall()

    def collection(self, name: str = "documents", *, configuration: Any = None, **entries: Any) -> Collection:
        """Make a collection, with entries as `add` takes them, and lend it."""
        options = {"configuration": configuration} if configuration else {}
        made = self.chroma.create_collection(name, embedding_function=None, **options)
        if entries:
            made.add(**entries)
        return made

    @property
    def chroma(self) -> ClientAPI:
        """A client of a ChromaDB in which no collection is yet."""
        if self._chroma is None:
            self._chroma = self._servers.chroma()
            self._open.callback(self._forget_collections, self._chroma)
        return self._chroma

    @property
    def redis(self) -> redis.Redis:
        """A client of an empty Redis."""
        if self._redis is None:
            self._redis = self._servers.redis()
            self._open.callback(self._redis.close)
        return self._redis

    @property
    def redis_url(self) -> str:
        """The address of the Redis."""
        return self._servers.redis_url

    @functools.cached_property
    def folder(self) -> Path:
        """An empty folder, gone afterwards."""
        return Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="check-"))).resolve()

    def asked(self, function: Callable[..., Any], at_most: int = 10_000) -> Asked:
        """A callable to give to the function, that counts how often it is called, and with what.

        Args:
            function: what it does.
            at_most: one call more raises `AskedTooOften`: an endless loop ends there.
        """
        return Asked(function, at_most)

    def watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with a limit of time and with its manners noted each time it is called."""

        @functools.wraps(function, updated=())
        def call(*args: Any, **by_name: Any) -> Any:
            given = [*args, *by_name.values()]
            before = self._before(given)
            try:
                with deadline(self._seconds):
                    value = function(*args, **by_name)
                if inspect.iscoroutine(value):
                    return self._awaited(value, given, before)
            except TimeUp as error:
                raise TimeUp(self._waits_for()) from error  # asked now: whoever holds the lock may end soon
            except BaseException as error:
                if isinstance(error, psycopg.Error):
                    self._note([manner for lent, _ in self._lent for manner in pasted(lent.statements, given)])
                self._roll_back()
                raise
            self._after(given, before)
            return value

        return call

    async def _awaited(self, coroutine: Any, given: list[Any], before: dict[str, Any]) -> Any:
        value = await coroutine
        self._after(given, before)
        return value

    def _waits_for(self) -> str:
        """What a session in the database waits for, as a sentence; `""` for nothing."""
        if not self._own:
            return ""
        query = "SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        waiting = next(iter(self._own.values())).execute(query).fetchone()
        return f" PostgreSQL says that `{' '.join(waiting[0].split())[:80]}` waits for another session's lock." if waiting else ""

    def close(self) -> None:
        """Close every client and remove everything, whatever was left open."""
        self._open.close()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _servers(self) -> Bench:
        if self._bench is None:
            self._bench = bench()
        return self._bench

    def _forget_collections(self, client: ClientAPI) -> None:
        for collection in client.list_collections():
            client.delete_collection(collection.name)

    def _before(self, given: list[Any]) -> dict[str, Any]:
        here = os.getcwd()
        before: dict[str, Any] = {
            "arguments": [frozen(value) for value in given],
            "threads": set(threading.enumerate()),
            "directory": here,
            "files": set(os.listdir(here)),
        }
        before["tables"] = {name: traces.tables(own) for name, own in self._own.items()}
        before["sessions"] = {name: traces.sessions(own) for name, own in self._own.items()}
        if self._chroma is not None:
            before["chroma"] = traces.collections(self._chroma)
        if self._redis is not None:
            before["redis"] = traces.keys(self._redis)
        return before

    def _after(self, given: list[Any], before: dict[str, Any]) -> None:
        found = [*self._of_the_process(before), *changed(before["arguments"], [frozen(value) for value in given])]
        for lent, settings in self._lent:
            found += traces.connection_manners(lent, settings)
            found += pasted(lent.statements, given)
        lent_ones = {lent.info.backend_pid for lent, _ in self._lent if not lent.closed}
        for name, tables in before["tables"].items():
            found += traces.database_manners(self._own[name], before["sessions"][name] | lent_ones)
            found += traces.tables_manners(tables, traces.tables(self._own[name]))
        if "chroma" in before:
            found += traces.collections_manners(before["chroma"], traces.collections(self.chroma))
        if "redis" in before:
            found += traces.keys_manners(before["redis"], traces.keys(self.redis))
        self._note(found)

    def _note(self, found: Sequence[Manner]) -> None:
        self.manners += [manner for manner in found if manner.name not in self._may and manner not in self.manners]

    def _of_the_process(self, before: dict[str, Any]) -> list[Manner]:
        found = []
        if os.getcwd() != before["directory"]:
            found.append(Manner("directory"))
            os.chdir(before["directory"])
        new = sorted(set(os.listdir(before["directory"])) - before["files"])
        found += [Manner("files", f"`{name}`") for name in new[:1]]
        for thread in set(threading.enumerate()) - before["threads"]:
            thread.join(_THREAD_SECONDS)
            if thread.is_alive() and not any(manner.name == "threads" for manner in found):
                found.append(Manner("threads"))
        return found

    def _roll_back(self) -> None:
        """End what a function that raised has left open, so that the stores show what was committed; note what it has closed."""
        for lent, _ in self._lent:
            if lent.closed and not lent.broken and "closed" not in self._may:
                self.manners.append(Manner("closed"))
            with suppress(psycopg.Error):  # it may be closed
                lent.rollback()
