"""Right answers to the exercises of lesson 18 that are not its solution. `test_every_check.py` gives them."""

import psycopg

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has imported before its exercises."""
    return {"stack": stack, "psycopg": psycopg}


RIGHT = {
    "18.reader": [
        (
            "the difference in bytes",
            """
            def reader(primary, replica, written):
                ahead = "SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), coalesce(%s::pg_lsn, '0/0'))"
                try:
                    [difference] = replica.execute(ahead, (written,)).fetchone()
                except psycopg.Error:
                    return primary
                return replica if difference >= 0 else primary
            """,
        ),
        (
            "numbers in Python",
            """
            def number(position):
                high, low = position.split("/")
                return int(high, 16) * 2**32 + int(low, 16)

            def reader(primary, replica, written):
                try:
                    at, = replica.execute("SELECT pg_last_wal_replay_lsn()::text").fetchone()
                except psycopg.OperationalError:
                    return primary
                if written is None or number(at) >= number(written):
                    return replica
                return primary
            """,
        ),
        (
            "a class that asks with coalesce",
            """
            class Reader:
                QUERY = "SELECT coalesce(%(at)s::pg_lsn <= pg_last_wal_replay_lsn(), true)"

                def __call__(self, primary, replica, written):
                    choice = {True: replica, False: primary}
                    try:
                        return choice[replica.execute(self.QUERY, {"at": written}).fetchone()[0]]
                    except psycopg.OperationalError:
                        return primary

            reader = Reader()
            """,
        ),
        (
            "the position zero for nothing written, and a cursor",
            """
            import functools

            def choose(default, primary, replica, written):
                try:
                    with replica.cursor() as cursor:
                        cursor.execute("SELECT 1 WHERE pg_last_wal_replay_lsn() >= %s", [written or default])
                        return replica if cursor.fetchall() else primary
                except psycopg.OperationalError:
                    return primary

            reader = functools.partial(choose, "0/0")
            """,
        ),
    ],
    "18.save_with": [
        (
            "SET LOCAL, after the insert",
            """
            def save_with(connection, title, promise):
                levels = {"seen": "remote_apply", "safe": "on", "cheap": "local"}
                with connection.transaction():
                    row = connection.execute("INSERT INTO notes (title) VALUES (%s) RETURNING id", [title]).fetchone()
                    connection.execute(f"SET LOCAL synchronous_commit TO {levels[promise]}")
                return row[0]
            """,
        ),
        (
            "set for the connection, and set back",
            """
            def save_with(connection, title, promise):
                level = {"seen": "remote_apply", "safe": "on", "cheap": "local"}[promise]
                own = connection.execute("SHOW synchronous_commit").fetchone()[0]
                setting = "SELECT set_config('synchronous_commit', %s, false)"
                connection.execute(setting, [level])
                try:
                    insert = "INSERT INTO notes (title) VALUES (%s) RETURNING id"
                    return connection.execute(insert, [title]).fetchone()[0]
                finally:
                    connection.execute(setting, [own])
            """,
        ),
        (
            "BEGIN and COMMIT written out",
            """
            def save_with(connection, title, promise):
                connection.execute("BEGIN")
                try:
                    if promise == "seen":
                        connection.execute("SET LOCAL synchronous_commit = 'remote_apply'")
                    elif promise == "safe":
                        connection.execute("SET LOCAL synchronous_commit = on")
                    else:
                        connection.execute("SET LOCAL synchronous_commit = local")
                    id, = connection.execute("INSERT INTO notes (title) VALUES (%s) RETURNING id", (title,)).fetchone()
                    connection.execute("COMMIT")
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                return id
            """,
        ),
        (
            "one statement, which is one transaction",
            """
            def save_with(connection, title, promise):
                level = "local" if promise == "cheap" else "on" if promise == "safe" else "remote_apply"
                statement = '''
                    WITH setting AS MATERIALIZED (SELECT set_config('synchronous_commit', %s, true) AS level)
                    INSERT INTO notes (title) SELECT %s FROM setting WHERE level IS NOT NULL RETURNING id'''
                return connection.execute(statement, [level, title]).fetchone()[0]
            """,
        ),
        (
            "a class, with names of psycopg.sql",
            """
            from psycopg import sql

            class Save:
                levels = dict(seen="remote_apply", safe="on", cheap="local")

                def __call__(self, connection, title, promise):
                    with connection.transaction(), connection.cursor() as cursor:
                        cursor.execute(sql.SQL("SET LOCAL synchronous_commit = {}").format(self.levels[promise]))
                        cursor.execute("INSERT INTO notes (title) VALUES (%s) RETURNING id", [title])
                        return cursor.fetchone()[0]

            save_with = Save()
            """,
        ),
    ],
}
