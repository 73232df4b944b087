"""Right answers to the exercises of lesson 19 that are not its solutions. `test_every_check.py` gives them."""

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "postgres": None, "client": None}


RIGHT = {
    "19.nearest": [
        (
            "power, and minus a minus",
            """
            nearest = {
                "l2": "SELECT id, power(embedding <-> %(q)s, 2) AS distance FROM items ORDER BY distance LIMIT 3",
                "cosine": "SELECT id, cosine_distance(embedding, %(q)s) AS distance FROM items ORDER BY 2 LIMIT 3",
                "ip": "SELECT id, 1 - -(embedding <#> %(q)s) AS distance FROM items ORDER BY distance ASC LIMIT 3",
            }
            """,
        ),
        (
            "functions",
            """
            nearest = {
                "l2": "SELECT id, l2_distance(embedding, %(q)s) * l2_distance(embedding, %(q)s) FROM items ORDER BY 2 LIMIT 3",
                "cosine": "SELECT id, 1 - (1 - (embedding <=> %(q)s)) FROM items ORDER BY embedding <=> %(q)s LIMIT 3",
                "ip": "SELECT id, 1 - inner_product(embedding, %(q)s) FROM items ORDER BY embedding <#> %(q)s LIMIT 3",
            }
            """,
        ),
        (
            "a subquery, made by a function",
            '''
            def around(operator, told):
                return f"""
                    SELECT id, {told} FROM (
                        SELECT id, embedding {operator} %(q)s AS d FROM items ORDER BY d FETCH FIRST 3 ROWS ONLY
                    ) AS found ORDER BY d
                """

            nearest = {"l2": around("<->", "d * d"), "cosine": around("<=>", "d"), "ip": around("<#>", "d + 1")}
            ''',
        ),
    ],
    "19.mixed": [
        (
            "a join of all with all",
            """
            def mixed(postgres):
                query = '''
                    WITH parts AS (SELECT key, jsonb_typeof(value) AS type FROM notes CROSS JOIN LATERAL jsonb_each(metadata))
                    SELECT DISTINCT a.key FROM parts a JOIN parts b ON a.key = b.key AND a.type <> b.type
                '''
                return set(row[0] for row in postgres.execute(query))
            """,
        ),
        (
            "min and max",
            """
            from psycopg.rows import scalar_row

            def mixed(postgres):
                with postgres.cursor(row_factory=scalar_row) as cursor:
                    return frozenset(cursor.execute('''
                        SELECT (jsonb_each(metadata)).key FROM notes GROUP BY 1
                        INTERSECT
                        SELECT key FROM (SELECT (jsonb_each(metadata)).* FROM notes) AS parts
                        GROUP BY key HAVING min(jsonb_typeof(value)) < max(jsonb_typeof(value))
                    '''))
            """,
        ),
        (
            "grouped in Python",
            """
            from collections import defaultdict

            class Mixed:
                def __call__(self, postgres):
                    types = defaultdict(set)
                    for key, type in postgres.execute("SELECT key, jsonb_typeof(value) FROM notes, jsonb_each(metadata)"):
                        types[key].add(type)
                    return {key for key, found in types.items() if len(found) > 1}

            mixed = Mixed()
            """,
        ),
    ],
}
