"""The states of a migrated Fernhill that are not right yet, third part: index, setting and backup.

What is added to the facts for them stands in `lesson_15.py` and `fernhill_backup.py`.
"""

from __future__ import annotations

from course.checks.fernhill_asked import departs
from course.checks.fernhill_backup import dump
from course.exercises.states import State
from course.fernhill import Shop

INDEX = [
    State(
        "no index",
        "There is no index on `embedding` yet. With 152 articles nobody needs one; next year's manuals will.",
        sees="SELECT WHERE NOT EXISTS (SELECT FROM judge.indexes)",
        made="DROP INDEX articles_embedding",
        attempted=False,
    ),
    State(
        "IVFFlat",
        "`{0}` is an IVFFlat index: its lists are chosen from the rows that are there when it is built, and the manuals are "
        "still to come. HNSW grows along.",
        sees="SELECT name FROM judge.indexes WHERE NOT EXISTS (SELECT FROM judge.indexes WHERE method = 'hnsw')",
        made="""
            DROP INDEX articles_embedding;
            CREATE INDEX articles_embedding ON articles USING ivfflat (embedding vector_l2_ops) WITH (lists = 10)
        """,
    ),
    State(
        "not valid",
        "`{0}` is not valid: a `CREATE INDEX CONCURRENTLY` did not end. Drop it, and build it again.",
        sees="SELECT name FROM judge.indexes WHERE method = 'hnsw' AND NOT valid",
        made="UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'articles_embedding'::regclass",
    ),
    State(
        "another distance",
        "`{0}` is built for {1}: for another distance, or another type. ChromaDB's space is `l2`: `vector_l2_ops`, or the class "
        "of the operator that your `search` orders by.",
        sees="""
            SELECT name, class FROM judge.indexes WHERE NOT EXISTS (SELECT FROM judge.used) AND NOT EXISTS (
                SELECT FROM judge.indexes WHERE class IN ('vector_l2_ops', 'vector_cosine_ops', 'vector_ip_ops'))
        """,
        made="""
            DROP INDEX articles_embedding;
            CREATE INDEX articles_embedding ON articles USING hnsw (embedding vector_l1_ops)
        """,
    ),
    State(
        "another class than the search",
        "`search` orders by `{2}`, and `{0}` is built for {1}. An index serves the operator of its class, and no other.",
        sees="""
            SELECT name, class, operator FROM judge.indexes, judge.unused WHERE operator <> '' AND class <> operators_class
            AND NOT EXISTS (SELECT FROM judge.indexes WHERE class = operators_class) LIMIT 1
        """,
        made="""
            DROP INDEX articles_embedding;
            CREATE INDEX articles_embedding ON articles USING hnsw (embedding vector_cosine_ops)
        """,
    ),
    State(
        "nothing that it serves",
        "The planner was kept from reading the whole table and from sorting, and `search` still does not use `{0}`. An index "
        "serves `ORDER BY embedding <-> question`, ascending and with nothing around it. A square, a minus or a MATERIALIZED "
        "part keeps it away.",
        sees="SELECT name FROM judge.indexes, judge.unused",
        made=departs("ORDER BY a.embedding <-> question", "ORDER BY (a.embedding <-> question) ^ 2"),
    ),
]

SETTING = [
    State(
        "nothing set",
        "A new connection finds nothing set. `SET` reaches its own connection alone; what must hold for all is set on the "
        "database.",
        sees="SELECT WHERE NOT EXISTS (SELECT FROM judge.settings)",
        made="ALTER DATABASE fernhill RESET ALL",
        attempted=False,
    ),
    State(
        "another database",
        "It is set on the database `{0}`. Fernhill's is called `fernhill`.",
        sees="SELECT place FROM judge.settings WHERE kind = 'another database' AND name LIKE 'hnsw.%'",
        made="ALTER DATABASE fernhill RESET ALL; ALTER DATABASE lumen SET hnsw.iterative_scan = 'strict_order'",
    ),
    State(
        "a role",
        "It is set for the role `{0}`: the application connects as another some day. Set it on the database, and "
        "`ALTER ROLE … RESET ALL` takes this back.",
        sees="SELECT place FROM judge.settings WHERE kind = 'role' AND name LIKE 'hnsw.%'",
        made="ALTER DATABASE fernhill RESET ALL; ALTER ROLE CURRENT_USER SET hnsw.iterative_scan = 'strict_order'",
    ),
    State(
        "the server",
        "It is set for the whole server, each database on it. `ALTER SYSTEM RESET …` takes it back; set it on this database.",
        sees="SELECT FROM judge.settings WHERE kind = 'server' AND name LIKE 'hnsw.%'",
        made=lambda shop: _alone(shop, "ALTER SYSTEM SET hnsw.iterative_scan = 'strict_order'"),
    ),
    State(
        "no such value",
        "`hnsw.iterative_scan` has no value `{0}`: each new connection warns, and goes on without. There are `off`, "
        "`strict_order` and `relaxed_order`.",
        sees="""
            SELECT value FROM judge.settings WHERE kind = 'database' AND name = 'hnsw.iterative_scan'
            AND value NOT IN ('off', 'strict_order', 'relaxed_order')
        """,
        made=lambda shop: _alone(shop, "ALTER DATABASE fernhill SET hnsw.iterative_scan = 'on'"),
    ),
    State(
        "relaxed order",
        "`relaxed_order` may give rows out of order, and the page shows the nearest first.",
        sees="SELECT FROM judge.settings WHERE kind = 'database' AND name = 'hnsw.iterative_scan' AND value = 'relaxed_order'",
        made="ALTER DATABASE fernhill SET hnsw.iterative_scan = 'relaxed_order'",
    ),
    State(
        "more in advance",
        "`{0}` only moves the edge: a tag that few articles have lies beyond it. Let the index go on until enough rows have "
        "passed the filter.",
        sees="""
            SELECT name FROM judge.settings WHERE name IN ('hnsw.ef_search', 'hnsw.max_scan_tuples')
            AND NOT EXISTS (SELECT FROM judge.settings WHERE name = 'hnsw.iterative_scan' AND value = 'strict_order') LIMIT 1
        """,
        made="ALTER DATABASE fernhill RESET ALL; ALTER DATABASE fernhill SET hnsw.ef_search = 400",
    ),
    State(
        "no index at all",
        "`{0}` keeps the planner from the index: complete, and each search reads everything. Keep the index, and let it go on.",
        sees="SELECT name FROM judge.settings WHERE name LIKE 'enable\\_%' AND value = 'off' LIMIT 1",
        made="ALTER DATABASE fernhill RESET ALL; ALTER DATABASE fernhill SET enable_indexscan = off",
    ),
    State(
        "another setting",
        "`{0} = {1}` is set, and a search through the index may still end too early. Which setting lets it go on until five have "
        "passed the filter?",
        sees="""
            SELECT name, value FROM judge.settings WHERE NOT EXISTS (SELECT FROM judge.settings WHERE kind = 'database'
            AND name = 'hnsw.iterative_scan' AND value = 'strict_order') LIMIT 1
        """,
        made="ALTER DATABASE fernhill RESET ALL; ALTER DATABASE fernhill SET plan_cache_mode = 'force_custom_plan'",
    ),
]

BACKUP = [
    State(
        "not an archive",
        "`{1}` is no archive that `pg_restore` can read: {0} `pg_dump --format=custom` writes one.",
        sees="SELECT message, file FROM judge.restore WHERE kind = 'not an archive'",
        made=lambda shop: shop.dump.write_bytes(b""),
    ),
    State(
        "plain text",
        "`{0}` is a script for `psql`: no part of it can be looked at or restored alone, and `pg_restore` refuses it. "
        "`pg_dump --format=custom` writes an archive.",
        sees="SELECT file FROM judge.restore WHERE kind = 'plain'",
        made=lambda shop: shop.dump.write_text("--\n-- PostgreSQL database dump\n--\n"),
    ),
    State(
        "the type missing",
        "Restored into an empty database, the dump stops: {0} `--table` dumps the tables that it names, and not the type that "
        "their vectors have. Dump the whole database.",
        sees="SELECT message FROM judge.restore WHERE kind = 'failed' AND message LIKE '%vector\" does not exist%'",
        made=lambda shop: dump(shop, "--table=articles", "--table=mechanics"),
    ),
    State(
        "it does not restore",
        "Restored into an empty database, the dump stops: {0} A backup holds tables and rows, and all that they need.",
        sees="SELECT message FROM judge.restore WHERE kind = 'failed'",
        made=lambda shop: dump(shop, "--data-only"),
    ),
    State(
        "a table missing",
        "Restored, it has no table `{0}`. Without `--table` and `--exclude-table`, everything is in.",
        sees="""
            SELECT relation FROM judge.now WHERE kind = 'table' AND relation NOT IN (SELECT relation FROM judge.restored) LIMIT 1
        """,
        made=lambda shop: dump(shop, "--exclude-table=chroma_vectors", "--exclude-table=differences"),
    ),
    State(
        "no vectors in it",
        "Restored, it has no vectors, and neither has the database: there is a backup of what was there before. Copy first, then "
        "dump once more.",
        sees="SELECT WHERE NOT EXISTS (SELECT FROM judge.rows WHERE embedding IS NOT NULL)",
        made=lambda shop: _without_vectors(shop),
    ),
    State(
        "a schema without rows",
        "Restored, `{0}` is empty. `--schema-only` keeps the tables and leaves their rows behind.",
        sees="""
            SELECT relation FROM judge.now JOIN judge.restored USING (kind, relation)
            WHERE kind = 'table' AND now.rows > 0 AND restored.rows = 0 LIMIT 1
        """,
        made=lambda shop: dump(shop, "--schema-only"),
    ),
    State(
        "older than the database",
        "Restored, `{0}` is not what it is now: the dump is older. Dump once more.",
        sees="""
            SELECT relation FROM judge.now LEFT JOIN judge.restored USING (kind, relation)
            WHERE now.sum IS DISTINCT FROM restored.sum LIMIT 1
        """,
        made="UPDATE articles SET body = 'Rewritten since.' WHERE title LIKE 'Toaster%'",
    ),
]


def _alone(shop: Shop, *statements: str) -> None:
    """Run statements one by one, as no transaction may hold some of them, after what was set on the database is taken back."""
    with shop.connect() as connection:
        for statement in ("ALTER DATABASE fernhill RESET ALL", *statements, "SELECT pg_reload_conf()"):
            connection.execute(statement.encode())


def _without_vectors(shop: Shop) -> None:
    """Take the vectors away, and dump what is left."""
    _alone(shop, "ALTER TABLE articles DROP COLUMN embedding CASCADE", "DROP TABLE chroma_vectors")
    dump(shop)
