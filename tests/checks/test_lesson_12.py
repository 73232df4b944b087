"""Right answers to the exercises of lesson 12. The wrong ones stand with its checks; `test_every_check.py` gives them all."""

import functools

from psycopg import sql
from psycopg.rows import dict_row

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"lab": stack, "sql": sql, "dict_row": dict_row, "functools": functools, "stack": stack}


RIGHT = {
    "12.speed_up": [
        (
            "without a lock, under a name",
            """
            def speed_up(postgres):
                postgres.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS documents_lower_title ON documents (lower(title))")
            """,
        ),
        (
            "a hash of the expression",
            """
            def speed_up(postgres):
                postgres.execute("CREATE INDEX documents_same_title ON documents USING hash (lower(title))")
            """,
        ),
        (
            "more behind it, composed and in a transaction",
            """
            def speed_up(postgres):
                with postgres.transaction(), postgres.cursor() as cursor:
                    index = sql.SQL("CREATE INDEX ON {} (lower({}), user_id) INCLUDE (id)")
                    cursor.execute(index.format(sql.Identifier("documents"), sql.Identifier("title")))
            """,
        ),
        (
            "for patterns too, and analyzed",
            """
            class SpeedUp:
                def __call__(self, postgres):
                    for statement in ("CREATE INDEX ON documents (lower(title) text_pattern_ops)", "ANALYZE documents"):
                        postgres.execute(statement)

            speed_up = SpeedUp()
            """,
        ),
    ],
    "12.end_blockers": [
        (
            "one statement",
            '''
            def end_blockers(postgres):
                heads = """
                    WITH heads AS MATERIALIZED (
                        SELECT DISTINCT head.application_name, head.pid
                        FROM pg_stat_activity AS waits
                        CROSS JOIN LATERAL unnest(pg_blocking_pids(waits.pid)) AS blocker
                        JOIN pg_stat_activity AS head ON head.pid = blocker
                        WHERE cardinality(pg_blocking_pids(head.pid)) = 0
                    )
                    SELECT application_name FROM heads WHERE pg_terminate_backend(pid) ORDER BY 1"""
                return [name for (name,) in postgres.execute(heads)]
            ''',
        ),
        (
            "a dictionary, and sets",
            """
            def end_blockers(postgres):
                query = "SELECT pid, application_name, pg_blocking_pids(pid) FROM pg_stat_activity"
                sessions = {pid: (name, waits_for) for pid, name, waits_for in postgres.execute(query)}
                block = {pid for _, waits_for in sessions.values() for pid in waits_for}
                heads = [pid for pid in block if not sessions[pid][1]]
                for pid in heads:
                    postgres.execute("SELECT pg_terminate_backend(%s, 1000)", (pid,))
                return sorted(sessions[pid][0] for pid in heads)
            """,
        ),
        (
            "a class, dict rows, an array of pids",
            '''
            class EndBlockers:
                FIND = """
                    SELECT a.application_name AS name, a.pid FROM pg_stat_activity a
                    WHERE pg_blocking_pids(a.pid) = ARRAY[]::integer[]
                      AND EXISTS (SELECT FROM pg_locks l WHERE NOT l.granted AND a.pid = ANY (pg_blocking_pids(l.pid)))"""

                def __call__(self, postgres):
                    with postgres.cursor(row_factory=dict_row) as cursor:
                        found = cursor.execute(self.FIND).fetchall()
                        cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid",
                                       [[row["pid"] for row in found]])
                    return sorted(row["name"] for row in found)

            end_blockers = EndBlockers()
            ''',
        ),
        (
            "decorated, and in a transaction",
            """
            def with_cursor(function):
                @functools.wraps(function)
                def call(postgres):
                    with postgres.transaction(), postgres.cursor() as cursor:
                        return function(cursor)

                return call

            @with_cursor
            def end_blockers(cursor):
                cursor.execute("SELECT DISTINCT unnest(pg_blocking_pids(pid)) FROM pg_stat_activity")
                names = []
                for (pid,) in cursor.fetchall():
                    cursor.execute("SELECT application_name FROM pg_stat_activity WHERE pid = %s "
                                   "AND pg_blocking_pids(pid) = '{}'", [pid])
                    for (name,) in cursor.fetchall():
                        names.append(name)
                        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
                names.sort()
                return names
            """,
        ),
    ],
    "12.unused": [
        (
            "by the time of the last scan",
            '''
            def unused(postgres, at_least):
                query = """
                    SELECT s.indexrelname FROM pg_stat_user_indexes s
                    JOIN pg_index i ON i.indexrelid = s.indexrelid
                    JOIN pg_class c ON c.oid = s.indexrelid
                    WHERE s.last_idx_scan IS NULL AND NOT i.indisunique AND pg_total_relation_size(c.oid) >= %(size)s
                    ORDER BY pg_total_relation_size(c.oid) DESC"""
                return [row[0] for row in postgres.execute(query, {"size": at_least})]
            ''',
        ),
        (
            "all of them, sorted in Python",
            '''
            def unused(postgres, at_least):
                query = """
                    SELECT indexrelname AS name, idx_scan AS scans, pg_relation_size(indexrelid) AS size, indisunique AS enforces
                    FROM pg_stat_user_indexes NATURAL JOIN (SELECT indexrelid, indisunique FROM pg_index)"""
                with postgres.cursor(row_factory=dict_row) as cursor:
                    rows = cursor.execute(query).fetchall()
                kept = [row for row in rows if not row["scans"] and not row["enforces"] and row["size"] >= at_least]
                return [row["name"] for row in sorted(kept, key=lambda row: -row["size"])]
            ''',
        ),
        (
            "partly given, without what enforces",
            '''
            def find(query, postgres, at_least):
                return tuple(name for (name,) in postgres.execute(query, (at_least,)).fetchall())

            unused = functools.partial(find, """
                SELECT indexrelname::text FROM pg_stat_all_indexes s
                WHERE schemaname !~ '^pg_' AND idx_scan < 1 AND pg_relation_size(indexrelid, 'main') >= %s
                  AND indexrelid NOT IN (SELECT indexrelid FROM pg_index WHERE indisunique OR indisexclusion)
                ORDER BY pg_relation_size(indexrelid) DESC, indexrelname""")
            ''',
        ),
    ],
}
