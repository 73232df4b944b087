"""Right answers to the exercises of lesson 13 that are not their solutions. `test_every_check.py` gives them."""

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "lab": stack, "got": {}, "keiko": 11}


RIGHT = {
    "13.whole_page": [
        (
            "joins, and DISTINCT",
            """
            def whole_page(postgres, user_id):
                return postgres.execute('''
                    SELECT u.name, count(DISTINCT d.id), count(DISTINCT c.id)
                    FROM users u LEFT JOIN documents d ON d.user_id = u.id LEFT JOIN chats c ON c.user_id = u.id
                    WHERE u.id = %s GROUP BY u.id
                ''', (user_id,)).fetchone()
            """,
        ),
        (
            "counted in CTEs",
            """
            def whole_page(postgres, user_id):
                with postgres.cursor() as cursor:
                    cursor.execute('''
                        WITH d AS (SELECT user_id, count(*) AS n FROM documents GROUP BY user_id),
                             c AS (SELECT user_id, count(*) AS n FROM chats GROUP BY user_id)
                        SELECT name, coalesce(d.n, 0), coalesce(c.n, 0)
                        FROM users LEFT JOIN d ON d.user_id = id LEFT JOIN c ON c.user_id = id WHERE id = %(id)s
                    ''', {"id": user_id})
                    return cursor.fetchone()
            """,
        ),
        (
            "lateral, with dict rows, as a class",
            """
            from psycopg.rows import dict_row

            class WholePage:
                def __call__(self, postgres, user_id):
                    row = postgres.cursor(row_factory=dict_row).execute('''
                        SELECT name, d.n AS documents, c.n AS chats FROM users,
                            LATERAL (SELECT count(*) AS n FROM documents WHERE user_id = users.id) AS d,
                            LATERAL (SELECT count(*) AS n FROM chats WHERE user_id = users.id) AS c
                        WHERE users.id = %s
                    ''', [user_id]).fetchone()
                    return None if row is None else [row["name"], row["documents"], row["chats"]]

            whole_page = WholePage()
            """,
        ),
        (
            "the id bound three times, in a transaction, as a partial",
            """
            from functools import partial

            def page(sql, postgres, user_id):
                with postgres.transaction():
                    return postgres.execute(sql, [user_id] * 3).fetchone()

            whole_page = partial(page, '''
                SELECT name, (SELECT count(id) FROM documents WHERE user_id = %s),
                       (SELECT count(id) FROM chats WHERE user_id = %s)
                FROM users WHERE id = %s
            ''')
            """,
        ),
    ],
    "13.stores_needed": [
        (
            "a set for each request",
            """
            def stores_needed(got):
                requests = {request for statuses in got.values() for request in statuses}
                return {
                    request: {store for store, statuses in got.items() if not 200 <= statuses[request] < 400}
                    for request in requests
                }
            """,
        ),
        (
            "a defaultdict",
            """
            from collections import defaultdict

            def stores_needed(got):
                needed = defaultdict(set)
                for store, statuses in got.items():
                    for request, status in statuses.items():
                        needed[request] |= {store} if status < 200 or status > 399 else set()
                return needed
            """,
        ),
        (
            "frozensets, by the hundreds, decorated",
            """
            import functools

            def told(function):
                @functools.wraps(function)
                def call(*given):
                    return function(*given)
                return call

            @told
            def stores_needed(got):
                requests = [request for statuses in got.values() for request in statuses]
                return {
                    request: frozenset(store for store in got if got[store][request] // 100 not in (2, 3))
                    for request in requests
                }
            """,
        ),
    ],
}
