"""What the exercises of lesson 12 are watched on: sessions that wait for each other, and indexes that are used or not.

The exercises and their judges stand in `lesson_12`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg

from course.exercises.mistakes import Parts
from course.exercises.stage import ODD, Stage
from course.waiting import until

QUEUES = """
    CREATE TABLE notes (id bigint PRIMARY KEY, title text NOT NULL);
    INSERT INTO notes SELECT n, 'Note ' || n FROM generate_series(1, 9) AS n;

    CREATE FUNCTION pg_terminate_backend(pid integer, timeout bigint DEFAULT 0) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        RAISE NOTICE 'ended %', pid;
        RETURN true;
    END $$;
    CREATE FUNCTION pg_cancel_backend(pid integer) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        RAISE NOTICE 'cancelled %', pid;
        RETURN true;
    END $$;
    ALTER DATABASE bench SET search_path = public, pg_catalog, bench;
"""
"""Nine rows to lock, and the two functions that end a session or a statement. These two only tell whom they were called for:
else it would be a matter of chance who has gone on already when the next one is looked at."""

SAVE = "UPDATE notes SET title = title WHERE id = {}"
WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted"


class _Sessions:
    """Sessions of other programs in the check's database. They end with the `with` that `_sessions` is used in."""

    def __init__(self, stage: Stage, ended: ExitStack) -> None:
        self._stage = stage
        self._ended = ended
        self.names: dict[int, str] = {}

    def open(self, name: str, *locks: int) -> psycopg.Connection:
        """A session that has locked these rows, in a transaction that stays open; without any, it is just idle."""
        session = psycopg.connect(self._stage.url, application_name=name, autocommit=not locks)
        self._ended.callback(session.close)
        self.names[session.info.backend_pid] = name
        for id in locks:
            session.execute(SAVE.format(id))
        return session

    def asks(self, session: psycopg.Connection, statement: str) -> None:
        """Send a statement, and do not wait for its end."""
        session.pgconn.send_query(statement.encode())
        session.pgconn.flush()


@contextmanager
def _sessions(stage: Stage) -> Iterator[_Sessions]:
    with ExitStack() as ended:
        yield _Sessions(stage, ended)


def three_queues(end_blockers: Callable, stage: Stage) -> Any:
    """Three sessions block and wait for none, one blocks and waits, one is idle in transaction and blocks nobody."""
    stage.database(QUEUES)
    with _sessions(stage) as sessions:
        sessions.open("export", 3)
        report = sessions.open("report", 4)
        sessions.open("newsletter", 1, 5)
        sessions.open("audit", 6)
        sessions.open("pool")
        its_own = sessions.open("import", 2)
        sessions.asks(its_own, SAVE.format(1))
        until(lambda: stage.rows(WAITS) == [(1,)], seconds=20)  # it has been at work for longer than the report
        sessions.asks(report, "SELECT pg_sleep(60)")
        for number, id in enumerate((2, 4, 5, 6), start=1):
            sessions.asks(sessions.open(f"lumen {number}"), SAVE.format(id))
        until(lambda: stage.rows(WAITS) == [(5,)], seconds=20)
        return _called(end_blockers, stage, sessions, ["audit", "newsletter", "report"])


def nobody_waits(end_blockers: Callable, stage: Stage) -> Any:
    """Two sessions have locked something, and nobody waits for it."""
    stage.database(QUEUES)
    with _sessions(stage) as sessions:
        sessions.open("newsletter", 1)
        sessions.open("export", 2)
        return _called(end_blockers, stage, sessions, [])


def _called(end_blockers: Callable, stage: Stage, sessions: _Sessions, heads: list[str]) -> Parts:
    """Which sessions were ended; and if it was the heads of the queues, what was returned."""
    postgres = stage.connect()
    told: list[tuple[str, int]] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        word, _, pid = (notice.message_primary or "").partition(" ")
        if word in ("ended", "cancelled"):
            told.append((word, int(pid)))

    postgres.add_notice_handler(hear)
    returned = end_blockers(postgres)

    def those(wanted: str) -> list[str]:
        return sorted({sessions.names.get(pid, "another one") for word, pid in told if word == wanted})

    ended = those("ended")
    return Parts(
        the_sessions_that_you_end=ended,
        those_whose_statement_you_cancel=those("cancelled"),
        you_return=_told(_with_names(returned, sessions.names), heads) if ended == heads else "",
    )


def _told(returned: Any, heads: list[str]) -> Any:
    """What was returned. The right names in another order are told as that: without an ORDER BY, it is another one each time."""
    mixed = isinstance(returned, list) and returned != heads and sorted(map(repr, returned)) == sorted(map(repr, heads))
    return "the right names, in another order" if mixed else returned


def _with_names(value: Any, names: dict[int, str]) -> Any:
    """What was returned, each pid told by its session's name: numbers differ from one observation to the next."""
    if isinstance(value, list | tuple):
        return type(value)(_with_names(item, names) for item in value)
    return f"the pid of {names[value]}" if type(value) is int and value in names else value


NOTES = """
    CREATE TABLE notes (
        id bigint, slug text NOT NULL CONSTRAINT notes_slug_key UNIQUE, token text NOT NULL, team integer NOT NULL,
        title text NOT NULL, body text NOT NULL, embedding vector(3) NOT NULL, PRIMARY KEY (id, token)
    );
    INSERT INTO notes
        SELECT n, 'slug ' || n, md5(n::text), n % 7, 'The title of note ' || n, md5((-n)::text), ARRAY[n, n % 5, 1]::vector
        FROM generate_series(1, 1500) AS n;
    CREATE UNIQUE INDEX notes_token ON notes (token);
    CREATE INDEX notes_team ON notes (team, title);
    CREATE INDEX notes_body ON notes (body);
    CREATE INDEX notes_archive ON notes (title) WHERE id < 9;
    CREATE INDEX a_title ON notes (title, body, token);
    CREATE INDEX z_title ON notes (title);
    CREATE TABLE tags (id bigint NOT NULL);
    INSERT INTO tags SELECT generate_series(1, 1000);
    CREATE INDEX m_tags ON tags ((md5(id::text) || md5((id + 1)::text) || md5((id + 2)::text)));
    ANALYZE notes, tags;
"""
"""Three indexes enforce something, two are used, and four are neither: one of them too small to count, and one larger than its
table. One more, of an odd name, is made beside."""

USED = """
    SET enable_seqscan = off;
    SET enable_indexscan = off;
    SELECT count(*) FROM notes WHERE team = 3 AND body <> '';
    SET enable_indexscan = on;
    SELECT title FROM notes WHERE body = 'nobody';
    RESET ALL;
    SELECT pg_stat_force_next_flush();
"""


BY_TEXT = """
    SELECT indexrelname FROM pg_stat_user_indexes WHERE indexrelname = ANY(%s)
    ORDER BY pg_size_pretty(pg_relation_size(indexrelid)) DESC"""


def some_unused(unused: Callable, stage: Stage) -> Any:
    """The smallest that counts has exactly the size that is asked for."""
    postgres = _notes(stage)
    ((size,),) = stage.rows("SELECT pg_relation_size('z_title')")
    return _names(unused, postgres, size, ["a_title", "m_tags", ODD, "z_title"])


def none_so_large(unused: Callable, stage: Stage) -> Any:
    """No index has so many bytes."""
    return _names(unused, _notes(stage), 10_000_000, [])


def _names(unused: Callable, postgres: psycopg.Connection, at_least: int, right: list[str]) -> Any:
    """What was returned. Of names that are not the right ones the order does not matter. Nor does that of the right ones, if it
    is none that somebody may have asked for: without an ORDER BY it is another one each time."""
    try:
        found = unused(postgres, at_least)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidName, psycopg.errors.SyntaxError) as error:
        return type(error).__name__
    if not isinstance(found, list | tuple) or not all(isinstance(name, str) for name in found):
        return found
    if sorted(found) != sorted(right):
        return sorted(found)
    by_text = [name for (name,) in postgres.execute(BY_TEXT, [right])]
    asked_for = (right, right[::-1], sorted(right), by_text)
    return found if list(found) in asked_for else "the right names, in another order"


def _notes(stage: Stage) -> psycopg.Connection:
    """The table and its indexes, with two of them scanned."""
    postgres = stage.database(NOTES)
    odd = psycopg.sql.Identifier(ODD)
    stage.own.execute(psycopg.sql.SQL("CREATE INDEX {} ON notes (title, slug)").format(odd))
    stage.own.execute(USED)
    return postgres
