"""Right answers to the exercises of lesson 13b that are not their solutions. `test_every_check.py` gives them."""

import psycopg

from course.stack import Stack
from tests.checks.answers import checked, exercise


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "postgres": None, "redis": None, "keiko": 11, "psycopg": psycopg}


RIGHT = {
    "13b.remembered": [
        (
            "another name for a minute, and the database's clock",
            """
            def remembered(postgres, key, compute):
                with postgres.cursor() as cursor:
                    cursor.execute("SELECT value FROM cache WHERE key = %s AND now() < expires_at", (key,))
                    for (value,) in cursor:
                        return value
                    value = compute()
                    cursor.execute(
                        "INSERT INTO cache AS c (value, key, expires_at) "
                        "VALUES (%s, %s, clock_timestamp() + %s * INTERVAL '1 minute') "
                        "ON CONFLICT (key) DO UPDATE SET (value, expires_at) = (EXCLUDED.value, EXCLUDED.expires_at)",
                        (value, key, 1),
                    )
                    return value
            """,
        ),
        (
            "a committed transaction around the write, which sweeps",
            """
            def remembered(postgres, key, compute):
                row = postgres.execute("SELECT value FROM cache WHERE key = %s AND expires_at > now()", [key]).fetchone()
                if row is not None:
                    return row[0]
                value = compute()
                with postgres.transaction():
                    postgres.execute("DELETE FROM cache WHERE expires_at < now()")
                    postgres.execute(
                        '''INSERT INTO cache VALUES (%(key)s, %(value)s, now() + INTERVAL '1 minute') ON CONFLICT (key)
                           DO UPDATE SET value = %(value)s, expires_at = now() + INTERVAL '1 minute' ''',
                        {"key": key, "value": value},
                    )
                return value
            """,
        ),
        (
            "the expiry looked at in Python, as a class",
            """
            from datetime import datetime, timedelta, timezone
            from psycopg.rows import dict_row

            class Remembered:
                def __call__(self, postgres, key, compute):
                    cursor = postgres.cursor(row_factory=dict_row)
                    row = cursor.execute("SELECT value, expires_at FROM cache WHERE key = %s", [key]).fetchone()
                    now = datetime.now(timezone.utc)
                    if row and row["expires_at"] > now:
                        return row["value"]
                    value = compute()
                    postgres.execute(
                        '''INSERT INTO cache VALUES (%s, %s, %s) ON CONFLICT (key) DO UPDATE
                           SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at''',
                        [key, value, datetime.now(timezone.utc) + timedelta(minutes=1)],
                    )
                    return value

            remembered = Remembered()
            """,
        ),
        (
            "the other program's answer is left, if it has not expired",
            """
            def remembered(postgres, key, compute):
                kept = postgres.execute("SELECT value FROM cache WHERE key = %s AND expires_at > now()", [key]).fetchall()
                for (value,) in kept:
                    return value
                value = compute()
                postgres.execute(
                    '''INSERT INTO cache VALUES (%s, %s, now() + INTERVAL '60 seconds') ON CONFLICT (key) DO UPDATE
                       SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at WHERE cache.expires_at <= now()''',
                    [key, value],
                )
                return value
            """,
        ),
    ],
    "13b.rename": [
        (
            "one statement",
            """
            def rename(postgres, document_id, title):
                postgres.execute('''
                    WITH renamed AS (UPDATE documents SET title = %s WHERE id = %s RETURNING user_id)
                    DELETE FROM cache USING renamed WHERE starts_with(key, 'similar:' || user_id || ':')
                ''', [title, document_id])
            """,
        ),
        (
            "LIKE, the answers first",
            """
            def rename(postgres, document_id, title):
                with postgres.transaction():
                    postgres.execute('''
                        DELETE FROM cache WHERE key LIKE
                            (SELECT 'similar:' || user_id || ':%%' FROM documents WHERE id = %s)
                    ''', [document_id])
                    postgres.execute("UPDATE documents SET title = %s WHERE id = %s", [title, document_id])
            """,
        ),
        (
            "BEGIN and COMMIT by hand, expired in place of deleted",
            """
            def rename(postgres, document_id, title):
                postgres.execute("BEGIN")
                try:
                    owners = postgres.execute("UPDATE documents SET title = %s WHERE id = %s RETURNING user_id",
                                              [title, document_id]).fetchall()
                    for (owner,) in owners:
                        postgres.execute("UPDATE cache SET expires_at = now() WHERE key ^@ %s", [f"similar:{owner}:"])
                except psycopg.Error:
                    postgres.execute("ROLLBACK")
                    raise
                postgres.execute("COMMIT")

            import psycopg
            """,
        ),
    ],
}


def test_a_compute_that_fails_is_the_learners_own_error_to_see(stack: Stack) -> None:
    code = exercise("13b.remembered").solution().code.replace("value = compute()", "value = compute(key)")
    result = checked("13b.remembered", code, stack)
    assert result.outcome == "not yet"
    assert "TypeError" in result.message
