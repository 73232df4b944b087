"""Right answers to the exercises of lesson 10b that are not its solutions. `test_every_check.py` gives them."""

import psycopg

from course.checks.notes import VECTOR
from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "psycopg": psycopg, "VECTOR": VECTOR}


RIGHT = {
    "10b.submit": [
        (
            "caught outside the transaction",
            """
            def submit(postgres, submission, user_id, title, content, vector):
                row = "INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s) RETURNING id"
                try:
                    with postgres.transaction():
                        (id,) = postgres.execute(row, [submission, user_id, title, content]).fetchone()
                        postgres.execute(VECTOR, [id, vector])
                        return id
                except psycopg.errors.UniqueViolation:
                    find = "SELECT id FROM notes WHERE submission = %s"
                    return postgres.execute(find, [submission]).fetchone()[0]
            """,
        ),
        (
            "an update that changes nothing",
            '''
            def submit(postgres, submission, user_id, title, content, vector):
                row = """INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s)
                         ON CONFLICT (submission) DO UPDATE SET submission = EXCLUDED.submission RETURNING id"""
                with postgres.transaction():
                    (id,) = postgres.execute(row, [submission, user_id, title, content]).fetchone()
                    postgres.execute(VECTOR + " ON CONFLICT (note_id) DO NOTHING", [id, vector])
                return id
            ''',
        ),
        (
            "the table locked, and dict rows",
            """
            from psycopg.rows import dict_row

            def submit(postgres, submission, user_id, title, content, vector):
                with postgres.transaction(), postgres.cursor(row_factory=dict_row) as cursor:
                    cursor.execute("LOCK TABLE notes IN SHARE ROW EXCLUSIVE MODE")
                    found = cursor.execute("SELECT id FROM notes WHERE submission = %s", [submission]).fetchone()
                    if not found:
                        found = cursor.execute(
                            "INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s) RETURNING id",
                            [submission, user_id, title, content],
                        ).fetchone()
                        cursor.execute(VECTOR, [found["id"], vector])
                    return found["id"]
            """,
        ),
        (
            "looked first, and ON CONFLICT all the same",
            """
            class Submit:
                FIND = "SELECT id FROM notes WHERE submission = %s"
                ROW = ("INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s) "
                       "ON CONFLICT DO NOTHING RETURNING id")

                def __call__(self, postgres, submission, user_id, title, content, vector):
                    found = postgres.execute(self.FIND, [submission]).fetchone()
                    if found:
                        return found[0]
                    with postgres.transaction():
                        new = postgres.execute(self.ROW, [submission, user_id, title, content]).fetchone()
                        if new:
                            postgres.execute(VECTOR, [new[0], vector])
                    return (new or postgres.execute(self.FIND, [submission]).fetchone())[0]

            submit = Submit()
            """,
        ),
        (
            "one statement",
            '''
            def submit(postgres, submission, user_id, title, content, vector):
                postgres.execute("""WITH new AS (
                    INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s)
                    ON CONFLICT (submission) DO NOTHING RETURNING id)
                    INSERT INTO note_vectors SELECT id, %s FROM new""", [submission, user_id, title, content, vector])
                return postgres.execute("SELECT id FROM notes WHERE submission = %s", [submission]).fetchone()[0]
            ''',
        ),
        (
            "SERIALIZABLE, tried again",
            '''
            def submit(postgres, submission, user_id, title, content, vector):
                while True:
                    try:
                        with postgres.transaction():
                            postgres.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
                            find = "SELECT id FROM notes WHERE submission = %s"
                            found = postgres.execute(find, [submission]).fetchone()
                            if not found:
                                row = """INSERT INTO notes (submission, user_id, title, content)
                                         VALUES (%s, %s, %s, %s) RETURNING id"""
                                found = postgres.execute(row, [submission, user_id, title, content]).fetchone()
                                postgres.execute(VECTOR, [found[0], vector])
                            return found[0]
                    except (psycopg.errors.SerializationFailure, psycopg.errors.UniqueViolation):
                        continue
            ''',
        ),
    ],
    "10b.take_job": [
        (
            "two statements in one transaction",
            '''
            def take_job(postgres):
                with postgres.transaction():
                    job = postgres.execute("""SELECT document_id FROM jobs
                        WHERE coalesce(taken_until, '-infinity') < clock_timestamp()
                        ORDER BY document_id LIMIT 1 FOR UPDATE SKIP LOCKED""").fetchone()
                    if job is None:
                        return None
                    lease = "UPDATE jobs SET taken_until = clock_timestamp() + interval '60 seconds' WHERE document_id = %s"
                    postgres.execute(lease, job)
                    return job[0]
            ''',
        ),
        (
            "a common table expression",
            '''
            from psycopg.rows import scalar_row

            def take_job(postgres):
                with postgres.cursor(row_factory=scalar_row) as cursor:
                    return cursor.execute("""
                        WITH free AS (
                            SELECT document_id FROM jobs WHERE taken_until IS NULL OR taken_until <= now()
                            ORDER BY document_id FOR UPDATE SKIP LOCKED LIMIT 1)
                        UPDATE jobs SET taken_until = now() + make_interval(mins => 1) FROM free
                        WHERE jobs.document_id = free.document_id RETURNING jobs.document_id""").fetchone()
            ''',
        ),
        (
            "BEGIN and COMMIT by hand, and dict rows",
            '''
            from psycopg.rows import dict_row

            class Taker:
                def __call__(self, postgres):
                    cursor = postgres.cursor(row_factory=dict_row)
                    cursor.execute("BEGIN")
                    try:
                        cursor.execute("""SELECT document_id AS job FROM jobs WHERE NOT coalesce(taken_until >= now(), false)
                                          ORDER BY 1 LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED""")
                        job = cursor.fetchone()
                        if job:
                            lease = "UPDATE jobs SET taken_until = now() + interval '1 min' WHERE document_id = %(job)s"
                            cursor.execute(lease, job)
                    finally:
                        cursor.execute("COMMIT")
                    return job["job"] if job else None

            take_job = Taker()
            ''',
        ),
        (
            "with the time bound",
            '''
            import functools
            from datetime import timedelta

            def take(postgres, *, lease):
                row = postgres.execute("""
                    UPDATE jobs SET taken_until = now() + %s
                    WHERE document_id = ANY(ARRAY(
                        SELECT document_id FROM jobs WHERE (taken_until > now()) IS NOT TRUE
                        ORDER BY document_id FETCH FIRST 1 ROW ONLY FOR UPDATE SKIP LOCKED))
                    RETURNING document_id""", [lease]).fetchone()
                return None if row is None else row[0]

            take_job = functools.partial(take, lease=timedelta(minutes=1))
            ''',
        ),
    ],
}
