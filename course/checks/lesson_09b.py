"""The exercises of lesson 09b: reading plans, and the one setting that keeps a filtered search complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, NotYet, Parts, Trial
from course.exercises.stage import Stage

FILTER, GENERIC, UNCOUNTED, SOUND = STATES = ("filter after the index", "generic plan", "no ANALYZE", "no trap")

SEEN = {"A": GENERIC, "B": SOUND, "C": UNCOUNTED, "D": FILTER}
"""What each of the notebook's four plans shows."""

MISREAD = {
    ("A", FILTER): "Rows were removed by the filter there, as in D. Read the filter itself: where D has a number of days, A has "
    "`$2`. The plan was made without the value.",
    ("A", UNCOUNTED): "This table was analyzed today. Read the filter: where the number of days should stand, there is `$2`.",
    (
        "A",
        SOUND,
    ): "It returns fewer rows than its `LIMIT`. Read the filter: where the number of days should stand, there is `$2`.",
    ("B", FILTER): "Which index does it read the documents by? Rows that a filter removes are no trap if they are removed before "
    "the sort.",
    ("B", GENERIC): "A generic plan shows `$1` and `$2` where values should stand. Here the values are known.",
    ("B", UNCOUNTED): "This table was analyzed today. Compare the rows at the top: as many as the `LIMIT` says.",
    ("C", FILTER): "That is what happens there, and why? This plan is about one user's documents, with a B-tree on `user_id`. "
    "Look at when this table was analyzed.",
    ("C", GENERIC): "A generic plan shows `$1` and `$2` where values should stand. Here the values are known. Look at when this "
    "table was analyzed.",
    ("C", SOUND): "Look at the first line, at how many rows came back. And at when this table was analyzed.",
    ("D", GENERIC): "A generic plan shows `$1` and `$2` where values should stand. Here the number of days is known.",
    ("D", UNCOUNTED): "This table was analyzed today. Read *Rows Removed by Filter*, and the node that it stands below.",
    (
        "D",
        SOUND,
    ): "Read how many rows came back, and which index they came from. *Rows Removed by Filter* tells where the others went.",
}
"""What is said when a plan is taken for something else."""


@exercise(
    "09b.which_trap",
    hints=[
        "Read the first line of each: how many rows were expected there, and how many came back?",
        "Only one of them sorts. It has read all that qualify before.",
        "A plan that was made without the values shows `$1` and `$2` in their places.",
    ],
    mistakes=[
        Mistake(f"{letter} for {taken}", said, old=f'"{letter}": "{SEEN[letter]}"', new=f'"{letter}": "{taken}"')
        for (letter, taken), said in MISREAD.items()
    ],
)
def which_trap(state_of: dict, trial: Trial) -> str:
    """Judge one plan after the other."""
    for letter in SEEN:

        def observe(state_of: dict, stage: Stage, letter: str = letter) -> Any:
            if letter not in state_of:
                raise NotYet(
                    f"`state_of` has no {letter!r}. Under each letter, A to D, stands one of STATES: {', '.join(STATES)}."
                )
            found = state_of[letter]
            called = {name.casefold(): name for name in STATES}
            if not isinstance(found, str) or found.strip().casefold() not in called:
                raise NotYet(f"`state_of[{letter!r}]` should be one of STATES: {', '.join(STATES)}. There stands {found!r}.")
            return called[found.strip().casefold()]

        trial.compare(state_of, observe, f"Plan {letter}, you say, shows: {{found}}.")
    return "Two of the four look alike but for a `$2`, and two but for a date. In production, these are what you look for first."


FAR_AWAY = """
    CREATE TABLE notes (id bigint PRIMARY KEY, team integer NOT NULL, embedding vector(3) NOT NULL);
    INSERT INTO notes
        SELECT n, CASE WHEN n > 1800 AND n % 5 = 0 THEN 7 ELSE 1 END, ARRAY[cos(n / 750.0), sin(n / 750.0), 0]::vector
        FROM generate_series(1, 2000) AS n;
    CREATE INDEX notes_embedding ON notes USING hnsw (embedding vector_cosine_ops);
    ANALYZE notes;
    ALTER DATABASE bench SET enable_seqscan = off;
"""
"""Notes on an arc; those of team 7 lie far from its beginning, and are few. The planner has to take the index."""

SEARCH = "SELECT id FROM notes WHERE team = %s ORDER BY embedding <=> '[1,0,0]' LIMIT 5"
LEFT = """
    SELECT (SELECT count(*) FROM pg_db_role_setting WHERE setrole <> 0),
           (SELECT count(*) FROM pg_db_role_setting WHERE setrole = 0 AND setdatabase = 0),
           (SELECT count(*) FROM pg_file_settings WHERE sourcefile LIKE '%%auto.conf' AND name LIKE 'hnsw.%%'),
           (SELECT count(*) FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase, unnest(setconfig) AS one
            WHERE datname <> current_database() AND one LIKE 'hnsw.%%'),
           (SELECT string_agg(one, ', ' ORDER BY one) FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase,
                unnest(setconfig) AS one
            WHERE setrole = 0 AND datname = current_database() AND one LIKE 'hnsw.iterative_scan=%%'),
           (SELECT string_agg(split_part(one, '=', 1), ', ' ORDER BY one) FROM pg_db_role_setting, unnest(setconfig) AS one
            WHERE setrole = 0 AND setdatabase <> 0 AND one !~ '^(search_path|enable_seqscan|hnsw.iterative_scan)=')
"""
CHANGE = "\"ALTER DATABASE {} SET hnsw.iterative_scan = 'strict_order'\""
RIGHT_SETTING = "hnsw.iterative_scan = 'strict_order'"


@exercise(
    "09b.keep_complete",
    may={"tables"},
    hints=[
        "Which setting makes the index go on until enough rows have passed the filter? It was the second row of the repairs.",
        "It has two values besides `off`. One of them may return the rows out of order.",
        "`sql.SQL(\"ALTER DATABASE {} SET … = '…'\").format(database)`, given to `postgres.execute`.",
    ],
    mistakes=[
        Mistake(
            "SET",
            "`SET` holds for this connection alone. The database keeps it: `ALTER DATABASE … SET`.",
            old=f"sql.SQL({CHANGE}).format(database)",
            new=f'"SET {RIGHT_SETTING}"',
        ),
        Mistake(
            "SET LOCAL",
            "For a new connection nothing has changed. `SET LOCAL` ends with its transaction, `RESET` takes back what was set, "
            "and what is composed and not executed does nothing. The database keeps it: `ALTER DATABASE … SET`.",
            old=f"sql.SQL({CHANGE}).format(database)",
            new=f'"SET LOCAL {RIGHT_SETTING}"',
        ),
        Mistake(
            "relaxed order",
            "`relaxed_order` may return rows out of order, and the page shows them in order. The other value is stricter.",
            old="'strict_order'",
            new="'relaxed_order'",
        ),
        Mistake(
            "a larger ef_search",
            "That only moves the problem: team 7's notes are farther away than any `ef_search`. Let the index go on until enough "
            "rows have passed.",
            old=RIGHT_SETTING,
            new="hnsw.ef_search = 1000",
        ),
        Mistake(
            "more tuples",
            "`hnsw.max_scan_tuples` says where an iterative scan ends, and there is none: it is off by default.",
            old=RIGHT_SETTING,
            new="hnsw.max_scan_tuples = 100000",
        ),
        Mistake(
            "the plan",
            "That ends the eleventh run, and this search was never prepared. Its filter comes after the index.",
            old=RIGHT_SETTING,
            new="plan_cache_mode = 'force_custom_plan'",
        ),
        Mistake(
            "no index scans",
            "Now no query of this database uses an index as it should, the search over everybody's notes included. Keep the "
            "index, and let it go on.",
            old=RIGHT_SETTING,
            new="enable_indexscan = off",
        ),
        Mistake(
            "the index dropped",
            "The search is complete, and the index is gone: everybody's search needs it. One setting is enough.",
            old=f"sql.SQL({CHANGE}).format(database)",
            new='"DROP INDEX notes_embedding"',
        ),
        Mistake(
            "the role",
            "`ALTER ROLE` sets it for one role: whoever connects as another gets too few rows. Set it on the database.",
            old=f"sql.SQL({CHANGE}).format(database)",
            new=f'"ALTER ROLE CURRENT_USER SET {RIGHT_SETTING}"',
        ),
        Mistake(
            "the server",
            "`ALTER SYSTEM` is for the whole server, every database on it. Set it on this one.",
            old=f"sql.SQL({CHANGE}).format(database)",
            new=f'"ALTER SYSTEM SET {RIGHT_SETTING}"',
        ),
        Mistake(
            "the server, and reloaded",
            "`ALTER SYSTEM` changes the whole server, every database on it. Set it on this one.",
            code=f"""
            def keep_complete(postgres):
                postgres.execute("ALTER SYSTEM SET {RIGHT_SETTING}")
                postgres.execute("SELECT pg_reload_conf()")
            """,
        ),
        Mistake(
            "every role",
            "`ALTER ROLE ALL` sets it for everybody in every database of the server, and the others should stay as they are. Set "
            "it on this database.",
            old=f"sql.SQL({CHANGE}).format(database)",
            new=f'"ALTER ROLE ALL SET {RIGHT_SETTING}"',
        ),
        Mistake(
            "every database",
            "You set it on the other databases as well, which should stay as they are. This one alone: `postgres.info.dbname`.",
            code=f"""
            def keep_complete(postgres):
                for name in (postgres.info.dbname, "postgres"):
                    alter = sql.SQL("ALTER DATABASE {{}} SET {RIGHT_SETTING}")
                    postgres.execute(alter.format(sql.Identifier(name)))
            """,
        ),
        Mistake(
            "switched off",
            "`off` is the default, and what causes it. The setting is the right one: which of the other values keeps the order?",
            old="'strict_order'",
            new="'off'",
        ),
        Mistake(
            "the other index's setting",
            "`ivfflat.…` is for IVFFlat indexes. This one is an HNSW index: its settings begin with `hnsw.`",
            old=RIGHT_SETTING,
            new="ivfflat.iterative_scan = 'relaxed_order'",
        ),
        Mistake(
            "another database",
            "You set it on another database than the connection's own. Its name is in `postgres.info.dbname`.",
            old="sql.Identifier(postgres.info.dbname)",
            new='sql.Identifier("postgres")',
        ),
        Mistake(
            "the other settings as well",
            "It is complete, and you set more than the one setting that was asked for. What is set "
            "without need is not understood later.",
            code=f"""
            def keep_complete(postgres):
                database = sql.Identifier(postgres.info.dbname)
                for setting in ("{RIGHT_SETTING}", "plan_cache_mode = 'force_custom_plan'"):
                    postgres.execute(sql.SQL("ALTER DATABASE {{}} SET " + setting).format(database))
            """,
        ),
        Mistake(
            "a larger ef_search as well",
            "It is complete, and you have set `hnsw.ef_search` as well, which makes each search of this database dearer. One "
            "setting is enough.",
            code=f"""
            def keep_complete(postgres):
                database = sql.Identifier(postgres.info.dbname)
                for setting in ("{RIGHT_SETTING}", "hnsw.ef_search = 400"):
                    postgres.execute(sql.SQL("ALTER DATABASE {{}} SET " + setting).format(database))
            """,
        ),
        Mistake(
            "a transaction left open",
            "Nothing has changed for a new connection: the transaction was never committed.",
            old="    postgres.execute(",
            new='    postgres.execute("BEGIN")\n    postgres.execute(',
        ),
    ],
)
def keep_complete(keep_complete: Callable, trial: Trial) -> str:
    """Judge what a new connection finds through the index, and what else has changed."""

    def observe(keep_complete: Callable, stage: Stage) -> Any:
        postgres = stage.database(FAR_AWAY)
        postgres.execute("SELECT '[1]'::vector")  # this loads pgvector, and with it the names of its settings
        try:
            keep_complete(postgres)
            postgres.rollback()
            return _afterwards(stage)
        finally:
            _forget(stage)

    trial.compare(keep_complete, observe)
    return "Whoever opens the next connection gets five rows, and need not know why."


def _afterwards(stage: Stage) -> Parts:
    """What a new connection meets, and what was set elsewhere."""
    with psycopg.connect(stage.url, autocommit=True, prepare_threshold=None) as fresh:
        plan = str(fresh.execute("EXPLAIN " + SEARCH, [7]).fetchall())
        found = fresh.execute(SEARCH, [7]).fetchall()
        in_order = fresh.execute("SHOW hnsw.iterative_scan").fetchone() != ("relaxed_order",)
        roles, everybody, server, elsewhere, iterative, others = fresh.execute(LEFT, []).fetchall()[0]
    return Parts(
        rows_on_a_new_connection=len(found),
        always_in_order=in_order,
        through_the_index="notes_embedding" in plan,
        this_database_sets=iterative,
        set_for_a_role=bool(roles),
        set_for_every_role=bool(everybody),
        set_for_the_whole_server=bool(server),
        set_for_another_database=bool(elsewhere),
        other_settings_of_the_database=others,
    )


def _forget(stage: Stage) -> None:
    """Take back what stays after a database is emptied: what was set for a role, elsewhere, or for the whole server."""
    stage.own.execute("ALTER ROLE CURRENT_USER RESET ALL")
    stage.own.execute(sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} RESET ALL").format(sql.Identifier("bench")))
    stage.own.execute("ALTER ROLE ALL RESET ALL")
    for (name,) in stage.rows("SELECT datname FROM pg_database WHERE datname <> current_database()"):
        stage.own.execute(sql.SQL("ALTER DATABASE {} RESET ALL").format(sql.Identifier(name)))
    stage.own.execute("ALTER SYSTEM RESET ALL")
    stage.own.execute("SELECT pg_reload_conf()")
