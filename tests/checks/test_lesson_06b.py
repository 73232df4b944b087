"""Right answers to the exercises of lesson 06b. The wrong ones stand with its checks; `test_every_check.py` gives them all."""

import functools

import numpy as np

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "np": np, "functools": functools, "postgres": None, "grace": 7}


BY_NUMPY = """
def cosine(one, other):
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)
"""

RIGHT = {
    "06b.most_similar": [
        (
            "below NaN",
            """
            def most_similar(postgres, vector, k):
                query = '''
                    SELECT id, 1 - (embedding <=> %(q)s) FROM documents
                    WHERE embedding <=> %(q)s < 'NaN' ORDER BY embedding <=> %(q)s FETCH FIRST %(k)s ROWS ONLY
                '''
                return postgres.execute(query, {"q": vector, "k": k}).fetchall()
            """,
        ),
        (
            "two conditions, still descending",
            """
            def most_similar(postgres, vector, k):
                query = '''
                    SELECT id, 1 - (embedding <=> %(q)s) AS similarity FROM documents
                    WHERE embedding IS NOT NULL AND vector_norm(embedding) <> 0 ORDER BY similarity DESC LIMIT %(k)s
                '''
                return [list(row) for row in postgres.execute(query, {"q": vector, "k": k})]
            """,
        ),
        (
            "in a transaction, from a subquery, and cut in Python",
            """
            def most_similar(postgres, vector, k):
                query = '''
                    SELECT * FROM (SELECT id, 1 - (embedding <=> %s) AS similarity FROM documents) AS ranked
                    WHERE similarity <> 'NaN' ORDER BY similarity DESC
                '''
                with postgres.transaction():
                    return postgres.execute(query, [vector]).fetchall()[:k]
            """,
        ),
        (
            "ascending, and filtered after the limit: what cannot be compared is last",
            """
            def most_similar(postgres, vector, k):
                query = "SELECT id, embedding <=> %s AS distance FROM documents ORDER BY distance LIMIT %s"
                rows = postgres.execute(query, [vector, k])
                return [(id, 1 - distance) for id, distance in rows if distance is not None and distance == distance]
            """,
        ),
        (
            "by NumPy, a class",
            BY_NUMPY
            + """

class MostSimilar:
    def __call__(self, postgres, vector, k):
        rows = postgres.execute("SELECT id, embedding FROM documents WHERE embedding IS NOT NULL").fetchall()
        pairs = [(id, stored.to_numpy()) for id, stored in rows]
        ranked = [(id, cosine(other, vector)) for id, other in pairs if other.any()]
        return sorted(ranked, key=lambda row: -row[1])[:k]

most_similar = MostSimilar()
""",
        ),
    ],
    "06b.nearest": [
        (
            "positional",
            """
            def nearest(postgres, user_id, vector, k):
                return postgres.execute(
                    "SELECT title, embedding <=> %s FROM documents WHERE user_id = %s AND embedding IS NOT NULL "
                    "ORDER BY embedding <=> %s LIMIT %s",
                    [vector, user_id, vector, k],
                ).fetchall()
            """,
        ),
        (
            "with a join",
            """
            def nearest(postgres, user_id, vector, k):
                return postgres.execute(
                    "SELECT d.title, d.embedding <=> %s FROM documents d JOIN users u ON u.id = d.user_id "
                    "WHERE u.id = %s AND d.embedding IS NOT NULL ORDER BY 2 LIMIT %s",
                    [vector, user_id, k],
                ).fetchall()
            """,
        ),
        (
            "by NumPy",
            BY_NUMPY
            + """

def nearest(postgres, user_id, vector, k):
    query = "SELECT title, embedding FROM documents WHERE user_id = %s AND embedding IS NOT NULL"
    rows = [(title, 1 - cosine(stored.to_numpy(), vector)) for title, stored in postgres.execute(query, [user_id])]
    return sorted(rows, key=lambda row: row[1])[:k]
""",
        ),
        (
            "a named query, through a cursor, partly given",
            """
            def search(operator, postgres, user_id, vector, k):
                query = f'''
                    WITH own AS (SELECT * FROM documents WHERE user_id = %s)
                    SELECT title, embedding {operator} %s AS distance FROM own
                    ORDER BY distance NULLS LAST LIMIT (SELECT least(%s, count(embedding)) FROM own)
                '''
                with postgres.cursor() as cursor:
                    return cursor.execute(query, [user_id, vector, k]).fetchall()

            nearest = functools.partial(search, "<=>")
            """,
        ),
        (
            "numbers with a cast, and rows by name",
            """
            from psycopg.rows import dict_row

            def nearest(postgres, user_id, vector, k):
                query = '''
                    SELECT title, embedding <=> %(q)s::vector AS distance FROM documents
                    WHERE user_id = %(user_id)s AND embedding <=> %(q)s::vector IS NOT NULL ORDER BY distance LIMIT %(k)s
                '''
                with postgres.cursor(row_factory=dict_row) as cursor:
                    cursor.execute(query, {"q": vector.tolist(), "user_id": user_id, "k": k})
                    return [(row["title"], row["distance"]) for row in cursor]
            """,
        ),
    ],
}
