"""Right answers to the exercise of lesson 16b that are not its solution. `test_every_check.py` gives them."""

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercise."""
    return {"stack": stack}


RIGHT = {
    "16b.claim": [
        (
            "two statements",
            """
            def claim(postgres, n):
                find = "SELECT document_id FROM backfill ORDER BY document_id LIMIT %s FOR UPDATE SKIP LOCKED"
                ids = [row[0] for row in postgres.execute(find, [n]).fetchall()]
                postgres.execute("DELETE FROM backfill WHERE document_id = ANY(%s)", [ids])
                return ids
            """,
        ),
        (
            "a named query, and scalar rows",
            '''
            from psycopg.rows import scalar_row

            def claim(postgres, n):
                with postgres.cursor(row_factory=scalar_row) as cursor:
                    cursor.execute("""
                        WITH mine AS (
                            SELECT document_id FROM backfill ORDER BY document_id
                            FOR UPDATE SKIP LOCKED LIMIT %(n)s)
                        DELETE FROM backfill USING mine WHERE backfill.document_id = mine.document_id
                        RETURNING backfill.document_id""", {"n": n})
                    return cursor.fetchall()
            ''',
        ),
        (
            "by ctid, in a savepoint, sorted",
            '''
            class Claim:
                def __call__(self, postgres, n):
                    with postgres.transaction():
                        found = postgres.execute("""
                            DELETE FROM backfill WHERE ctid = ANY(ARRAY(
                                SELECT ctid FROM backfill ORDER BY document_id FETCH FIRST (%s) ROWS ONLY
                                FOR NO KEY UPDATE SKIP LOCKED))
                            RETURNING document_id""", (n,)).fetchall()
                    return sorted(id for (id,) in found)

            claim = Claim()
            ''',
        ),
    ],
}
