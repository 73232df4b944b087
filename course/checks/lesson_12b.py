"""The exercises of lesson 12b: one updates pgvector on a server of the check's own, the other puts steps into an order."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from course.exercises.bench import spare_postgres
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, NotYet, Parts, Trial
from course.exercises.stage import ODD, Stage
from course.exercises.traces import until_ended
from course.home import home
from course.servers.postgres import PostgresServer
from course.servers.rows import only

_OLD = "0.7.4"
_NEWER_CASTS = """
    ALTER EXTENSION vector DROP CAST (real[] AS sparsevec);
    DROP CAST (real[] AS sparsevec);
    ALTER EXTENSION vector DROP CAST (integer[] AS sparsevec);
    DROP CAST (integer[] AS sparsevec);
    ALTER EXTENSION vector DROP CAST (double precision[] AS sparsevec);
    DROP CAST (double precision[] AS sparsevec);
    ALTER EXTENSION vector DROP CAST (numeric[] AS sparsevec);
    DROP CAST (numeric[] AS sparsevec);
    ALTER EXTENSION vector DROP FUNCTION array_to_sparsevec(real[], integer, boolean);
    DROP FUNCTION array_to_sparsevec(real[], integer, boolean);
    ALTER EXTENSION vector DROP FUNCTION array_to_sparsevec(integer[], integer, boolean);
    DROP FUNCTION array_to_sparsevec(integer[], integer, boolean);
    ALTER EXTENSION vector DROP FUNCTION array_to_sparsevec(double precision[], integer, boolean);
    DROP FUNCTION array_to_sparsevec(double precision[], integer, boolean);
    ALTER EXTENSION vector DROP FUNCTION array_to_sparsevec(numeric[], integer, boolean);
    DROP FUNCTION array_to_sparsevec(numeric[], integer, boolean);
"""
"""Takes away what pgvector 0.8.0 has added to 0.7.4, so that the older version is what it says."""

_HAS = {ODD: "old", "notes": "newest", "archive": "old", "template1": "old", "lumen": "none", "postgres": "none"}
"""What each database has of pgvector in the first case. Only `template0` takes no connections."""

_STATE = """
    SELECT (SELECT extversion FROM pg_extension WHERE extname = 'vector'),
           (SELECT count(*) FROM pg_cast WHERE casttarget = to_regtype('sparsevec') AND castsource = 'real[]'::regtype),
           (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('kept') AND NOT attisdropped AND attnum > 0)
"""


def _to(server: PostgresServer, database: str) -> psycopg.Connection:
    return psycopg.connect(server.url, dbname=database, autocommit=True)


_kept: dict[Path, PostgresServer] = {}


def _server() -> PostgresServer:
    """A server with these databases. It is the check's own, and ends with the kernel."""
    server = _kept.get(home())
    if server is None or server.state != "running":
        until_the_end = ExitStack()
        server = _kept[home()] = until_the_end.enter_context(spare_postgres())
        atexit.register(until_the_end.close)
        server.settings = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off"}
        server.start()
        with _to(server, "postgres") as first:
            for name in ("notes", ODD, "archive"):
                first.execute(sql.SQL("CREATE DATABASE {} STRATEGY file_copy").format(sql.Identifier(name)))
    return server


def _reset(server: PostgresServer, has: dict[str, str]) -> None:
    """Give each database what it should have of pgvector, and a table that uses it, where it has not."""
    wanted = {"old": "old", "newest": "updated", "none": "no pgvector"}
    for name, what in has.items():
        found = _state(server, name)
        if found == wanted[what]:
            continue
        with _to(server, name) as database:
            database.execute("SET client_min_messages = warning")
            if found != "updated" or what == "none":
                database.execute("DROP EXTENSION IF EXISTS vector CASCADE")
                database.execute("DROP TABLE IF EXISTS kept")
            if what == "none":
                continue
            database.execute("CREATE EXTENSION IF NOT EXISTS vector")
            database.execute("CREATE TABLE IF NOT EXISTS kept (id int, embedding vector(3))")
            if what == "old":
                database.execute(_NEWER_CASTS)
                database.execute("UPDATE pg_extension SET extversion = %s WHERE extname = 'vector'", [_OLD])


def _state(server: PostgresServer, name: str) -> str:
    """What a database has of pgvector, in words."""
    with _to(server, name) as database:
        version, casts, columns = database.execute(_STATE).fetchall()[0]
        newest = only(database.execute("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'"))
    if version is None:
        return "no pgvector"
    if columns < 2:
        return "its vectors are lost"
    if version == _OLD:
        return "old"
    return "updated" if version == newest and casts else "the number alone"


def _update(update_vectors: Callable, stage: Stage, *, server: PostgresServer, has: dict[str, str], first: str) -> Parts:
    """What an answer returns, what each database has afterwards, and who is still connected."""
    _reset(server, has)
    url = f"{server.url.rpartition('/')[0]}/{first}"
    error = ""
    returned: Any = None
    try:
        returned = update_vectors(url)
    except psycopg.errors.UndefinedObject:
        error = "a database that has no pgvector"
    except psycopg.OperationalError as refused:
        error = "template0" if "not currently accepting connections" in str(refused) else "a name that is no part of a URL"
    except psycopg.ProgrammingError as refused:
        if refused.sqlstate:
            raise
        error = "a name that is no part of a URL"
    with _to(server, "postgres") as own:
        clients = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        open_ones = until_ended(lambda: only(own.execute(clients)))
        own.execute(f"SELECT pg_terminate_backend(pid, 5000) {clients.partition('count(*)')[2]}")
    states = {name: _state(server, name) for name in sorted(has)}
    if error:
        return Parts(stopped_at=error)
    return Parts(databases=states, returned=returned, connections_left_open=open_ones)


_WITH = "with psycopg.connect(url, dbname=name) as postgres:"
_IF = "if postgres.execute(older).fetchone():"
_ALTER = 'postgres.execute("ALTER EXTENSION vector UPDATE")'


@exercise(
    "12b.update_vectors",
    hints=[
        "`psycopg.connect(url, dbname=name)` leads to another database of the same server.",
        "First the names: `SELECT datname FROM pg_database WHERE datallowconn`. Then, in each: is `installed_version` there, and "
        "is it another than `default_version`?",
        "`ALTER EXTENSION vector UPDATE` does it, and the end of the `with` commits.",
    ],
    mistakes=[
        Mistake(
            "only the one in the URL",
            "The database in the URL is updated, and no other: an extension belongs to a database. `pg_database` names the "
            "others, and `psycopg.connect(url, dbname=name)` leads there.",
            code="""
            def update_vectors(url):
                with psycopg.connect(url) as postgres:
                    name = postgres.info.dbname
                    postgres.execute("ALTER EXTENSION vector UPDATE")
                return [name]
            """,
        ),
        Mistake(
            "always in the same database",
            "Your loop names every database and works in one: it connects with the same URL each time. `dbname=name` leads to "
            "another.",
            old=_WITH,
            new="with psycopg.connect(url) as postgres:",
        ),
        Mistake(
            "leaves the templates out",
            "`template1` still has the old version, and every database that is made from now on is a copy of it. It takes "
            "connections: `datallowconn` is the question, and not `datistemplate`.",
            old="WHERE datallowconn",
            new="WHERE NOT datistemplate",
        ),
        Mistake(
            "template0 as well",
            "Your function stopped at `template0`, which takes no connections. `datallowconn` in `pg_database` tells.",
            old=" WHERE datallowconn",
            new="",
        ),
        Mistake(
            "whether it is there or not",
            "Your function stopped at a database that has no pgvector: there is nothing to update. Ask before you do it.",
            old=_IF,
            new="if True:",
        ),
        Mistake(
            "creates it where it was not",
            "A database that had no pgvector has it now. It was to stay as it is: `installed_version` is NULL there.",
            old=_IF,
            new='if postgres.execute("CREATE EXTENSION IF NOT EXISTS vector"):',
        ),
        Mistake(
            "those that are new as well",
            "`notes` has the newest version already, and you return its name too. `ALTER EXTENSION` does nothing there, and says "
            "so only in a notice. Compare `installed_version` with `default_version`, in each database.",
            old="installed_version <> default_version",
            new="installed_version IS NOT NULL",
        ),
        Mistake(
            "all names",
            "The databases are right. You return all names, also of those that you left alone: note a name where you update.",
            old="return sorted(updated)",
            new="return sorted(name for (name,) in every)",
        ),
        Mistake(
            "drops it and creates it",
            "The version is new, and the vectors are gone: `DROP EXTENSION … CASCADE` drops every column of its types. `ALTER "
            "EXTENSION … UPDATE` leaves them where they are.",
            old=_ALTER,
            new='postgres.execute("DROP EXTENSION vector CASCADE"); postgres.execute("CREATE EXTENSION vector")',
        ),
        Mistake(
            "writes into the catalog",
            "The number is new, and what the newer version adds in SQL is still missing: you changed the label alone. `ALTER "
            "EXTENSION` runs the scripts that lead there.",
            old=_ALTER,
            new="""postgres.execute("UPDATE pg_extension SET extversion = '0.8.6' WHERE extname = 'vector'")""",
        ),
        Mistake(
            "never committed",
            "You return the right names, and no database is updated: `ALTER EXTENSION vector UPDATE` was not executed, or not "
            "committed. `with psycopg.connect(…)` commits at its end, `autocommit=True` at once.",
            old=f"{_WITH}\n            {_IF}",
            new="from contextlib import closing\n        "
            f"with closing(psycopg.connect(url, dbname=name)) as postgres:\n            {_IF}",
        ),
        Mistake(
            "ends at the first that is new",
            "You stop at the first database that needs nothing, and those behind it stay old. Go on to the next.",
            old="updated.append(name)\n",
            new="updated.append(name)\n            else:\n                break\n",
        ),
        Mistake(
            "the name in the URL",
            f"One database is called `{ODD}`, a name and no part of a URL. `psycopg.connect(url, dbname=name)` takes it as "
            "it is.",
            old="psycopg.connect(url, dbname=name)",
            new="psycopg.connect(url.rpartition('/')[0] + '/' + name)",
        ),
        Mistake(
            "how many",
            "The databases are right. You return how many they are; their names were asked for.",
            old="return sorted(updated)",
            new="return len(updated)",
        ),
        Mistake(
            "returns nothing",
            "The databases are right, and you return nothing. Their names, sorted.",
            old="return sorted(updated)",
            new="pass",
        ),
        Mistake(
            "rows and not names",
            "The databases are right. You return rows, and each is a tuple: take the name out of it.",
            old="return sorted(updated)",
            new="return sorted((name,) for name in updated)",
        ),
        Mistake(
            "not sorted",
            "The databases are right, and so are the names. In which order? `sorted` makes it one.",
            old="return sorted(updated)",
            new="return sorted(updated, reverse=True)",
        ),
        Mistake(
            "in the order of the catalog",
            "The databases are right, and so are the names, in the order that the catalog happens to have. `sorted` makes "
            "it one that can be relied on.",
            old="return sorted(updated)",
            new="return updated",
        ),
    ],
)
def update_vectors(update_vectors: Callable, trial: Trial) -> str:
    """Judge what each database has afterwards: some old, then none, then from a database without pgvector."""
    newest = {name: "newest" if what == "old" else what for name, what in _HAS.items()}
    here: Callable = partial(_update, server=_server())
    trial.compare(update_vectors, partial(here, has=_HAS, first="archive"))
    trial.compare(update_vectors, partial(here, has=newest, first="archive"))
    trial.compare(update_vectors, partial(here, has=_HAS, first="lumen"))
    return "`template1` is one of them: a database that is made tomorrow has the new version at once."


class _Rule(NamedTuple):
    """A step that must come before another, why, and an order that breaks this rule and none above it."""

    first: str
    then: str
    says: str
    example: str


_RULES = (
    _Rule("P", "I", "`initdb` of 18 is one of the programs that `P` installs.", "IPFCSUNAVOD"),
    _Rule("I", "C", "`pg_upgrade --check` looks at both clusters: the new one has to be there.", "PCIFSUNAVOD"),
    _Rule("I", "F", "`F` copies files into the folder that `I` makes, and `initdb` wants that folder empty.", "PFICSUNAVOD"),
    _Rule("P", "S", "People wait from `S` on, and programs can be installed while they work.", "SPIFCUNAVOD"),
    _Rule("I", "S", "People wait from `S` on, and an empty cluster can be made while they work.", "PSIFCUNAVOD"),
    _Rule("C", "U", "The check comes after what it checks. It is there to find in time what stops the upgrade.", "PIFSUCNAVOD"),
    _Rule("C", "S", "People wait from `S` on, and the check can look at a server that is in use.", "PIFSCUNAVOD"),
    _Rule(
        "U", "D", "pg_upgrade reads the old cluster: deleted before, nothing is left to upgrade, or to go back to.", "DPIFCSUNAVO"
    ),
    _Rule("S", "U", "pg_upgrade says: *There seems to be a postmaster servicing the old cluster.*", "PIFCUSNAVOD"),
    _Rule("U", "N", "pg_upgrade fills an empty cluster that nobody runs. 18 is started on what it has filled.", "PIFCSNUAVOD"),
    _Rule("F", "N", "18 would start with the settings of `initdb`, its `pg_hba.conf` among them.", "PICSUNFAVOD"),
    _Rule("N", "A", "`ALTER EXTENSION` is a statement: some server has to execute it, and it is 18.", "PIFCSUANVOD"),
    _Rule("N", "V", "`vacuumdb` connects to a server, and gathers the statistics there.", "PIFCSUVNAOD"),
    _Rule("A", "O", "People would meet new code with the old SQL. `A` takes a moment, and comes before they do.", "PIFCSUNVOAD"),
    _Rule("V", "O", "People would meet a planner that lacks statistics, and counters at zero.", "PIFCSUNAOVD"),
    _Rule("O", "D", "The old cluster is the way back. It goes last, when 18 has served people well.", "PIFCSUNAVDO"),
)


def _first_broken(order: str, stage: Stage) -> str:
    """The first rule that an order breaks, as `S before U`; nothing if it keeps them all."""
    broken = (rule for rule in _RULES if order.index(rule.first) > order.index(rule.then))
    return next((f"{rule.first} before {rule.then}" for rule in broken), "")


def _mistakes() -> Iterator[Mistake]:
    for rule in _RULES:
        name = f"{rule.first} before {rule.then}"
        yield Mistake(name, f"`{rule.first}` comes before `{rule.then}`. {rule.says}", code=f'order = "{rule.example}"')


@exercise(
    "12b.order",
    hints=[
        "Begin with what needs nothing: the programs. What does `pg_upgrade --check` have to find?",
        "Between `S` and `O` people wait. What has to be done then, and what needs a server that runs?",
        "The old cluster is the way back: who deletes it, and when?",
    ],
    mistakes=[*_mistakes()],
)
def order(order: str | list | tuple, trial: Trial) -> str:
    """Judge an order by which step must come before which. Several are right."""
    letters = "".join(map(str, order)).upper()
    letters = "".join(letter for letter in letters if letter.isalpha())
    steps = {letter for rule in _RULES for letter in (rule.first, rule.then)}
    unknown, missing = sorted({*letters} - steps), sorted(steps - {*letters})
    if unknown:
        raise NotYet(f"There is no step `{unknown[0]}`. The eleven are {', '.join(sorted(steps))}.")
    if missing:
        raise NotYet(f"Not in your order: {', '.join(missing)}. Each of the eleven steps stands there once.")
    if len(letters) > len(steps):
        twice = next(letter for letter in letters if letters.count(letter) > 1)
        raise NotYet(f"`{twice}` stands there {letters.count(twice)} times. Once is enough for each step.")
    trial.compare(letters, _first_broken, "There is one thing that would not work, or keep people waiting.")
    return "Write it down with the commands, and try it on a copy first: then you know how long people wait between `S` and `O`."
