"""Right answers to the exercise of lesson 08 that are not its solution. `test_every_check.py` gives them."""

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercise."""
    return {"stack": stack, "postgres": None, "collection": None}


RIGHT = {
    "08.differences": [
        (
            "both differences",
            """
            def differences(postgres):
                query = '''
                    SELECT document_id FROM (TABLE old_sums EXCEPT TABLE new_sums) AS old
                    UNION
                    SELECT document_id FROM (TABLE new_sums EXCEPT TABLE old_sums) AS new
                '''
                return {id for (id,) in postgres.execute(query)}
            """,
        ),
        (
            "counted, over both together",
            """
            def differences(postgres):
                query = '''
                    SELECT document_id FROM (TABLE old_sums UNION ALL TABLE new_sums) AS every
                    GROUP BY document_id HAVING count(*) < 2 OR min(md5) <> max(md5)
                '''
                return frozenset(id for (id,) in postgres.execute(query))
            """,
        ),
        (
            "ON, coalesce, and NULLs by hand",
            """
            def differences(postgres):
                query = '''
                    SELECT coalesce(o.document_id, n.document_id)
                    FROM old_sums o FULL OUTER JOIN new_sums n ON o.document_id = n.document_id
                    WHERE o.md5 <> n.md5 OR o.md5 IS NULL OR n.md5 IS NULL
                    ORDER BY 1
                '''
                return set(row[0] for row in postgres.execute(query).fetchall())
            """,
        ),
        (
            "three queries",
            """
            from psycopg.rows import scalar_row

            class Differences:
                def __call__(self, postgres):
                    with postgres.cursor(row_factory=scalar_row) as cursor:
                        found = set(cursor.execute("SELECT document_id FROM old_sums JOIN new_sums n USING (document_id) "
                                                   "WHERE n.md5 != old_sums.md5"))
                        for one, other in [("old_sums", "new_sums"), ("new_sums", "old_sums")]:
                            found |= set(cursor.execute(f"SELECT document_id FROM {one} a WHERE NOT EXISTS "
                                                        f"(SELECT FROM {other} b WHERE b.document_id = a.document_id)"))
                    return found

            differences = Differences()
            """,
        ),
        (
            "in Python",
            """
            from psycopg.rows import dict_row

            def sums(postgres, table):
                with postgres.cursor(row_factory=dict_row) as cursor:
                    return {row["document_id"]: row["md5"] for row in cursor.execute(f"SELECT * FROM {table}")}

            def differences(postgres):
                old, new = sums(postgres, "old_sums"), sums(postgres, "new_sums")
                return {id for id in old.keys() | new.keys() if old.get(id) != new.get(id)}
            """,
        ),
    ]
}
