"""Right answers to the exercise of lesson 16 that are not its solution. `test_every_check.py` gives them."""

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercise."""
    return {"stack": stack}


RIGHT = {
    "16.switch": [
        (
            "RETURNING, and EXCEPT",
            '''
            def switch(postgres):
                postgres.execute("""
                    UPDATE search SET version = 2 WHERE NOT EXISTS (
                        SELECT document_id, hash FROM text_2 EXCEPT SELECT document_id, hash FROM vectors_2)
                    RETURNING version""")
                return bool(postgres.execute("SELECT version = 2 FROM search").fetchone()[0])
            ''',
        ),
        (
            "a count of zero, or true already",
            '''
            from psycopg.rows import dict_row

            def switch(postgres):
                cursor = postgres.cursor(row_factory=dict_row)
                cursor.execute("""
                    UPDATE search SET version = 2 WHERE 0 = (
                        SELECT count(*) FROM text_2 t LEFT JOIN vectors_2 v ON v.document_id = t.document_id
                        WHERE v.hash IS NULL OR v.hash <> t.hash)""")
                cursor.execute("SELECT version FROM search")
                return cursor.fetchone()["version"] == 2
            ''',
        ),
        (
            "a lock, then a look",
            '''
            def switch(postgres):
                with postgres.transaction():
                    postgres.execute("LOCK TABLE documents, vectors_2 IN SHARE MODE")
                    left = postgres.execute("""
                        SELECT count(*) FROM text_2 t WHERE NOT EXISTS (
                            SELECT FROM vectors_2 v WHERE v.document_id = t.document_id AND v.hash = t.hash)""").fetchone()[0]
                    if left == 0:
                        postgres.execute("UPDATE search SET version = 2")
                    (version,) = postgres.execute("SELECT version FROM search").fetchone()
                return version == 2
            ''',
        ),
        (
            "locks that keep readers waiting too, and sets",
            """
            def switch(postgres):
                with postgres.transaction():
                    postgres.execute("LOCK TABLE documents, vectors_2, search IN ACCESS EXCLUSIVE MODE")
                    done = set(postgres.execute("SELECT document_id, hash FROM vectors_2"))
                    if set(postgres.execute("SELECT document_id, hash FROM text_2")) <= done:
                        postgres.execute("UPDATE search SET version = %s", [2])
                    return postgres.execute("SELECT version FROM search").fetchone() == (2,)
            """,
        ),
        (
            "CASE, and counted",
            '''
            def switch(postgres):
                row = postgres.execute("""
                    UPDATE search SET version = CASE WHEN (SELECT count(*) FROM text_2)
                        = (SELECT count(*) FROM text_2 JOIN vectors_2 USING (document_id, hash)) THEN 2 ELSE version END
                    RETURNING version""").fetchone()
                return row == (2,)
            ''',
        ),
    ],
}
