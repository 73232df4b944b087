"""Right answers to the exercises of lesson 09b. The wrong ones stand with its checks; `test_every_check.py` gives them all."""

import functools

from psycopg import sql

from course.checks.lesson_09b import STATES
from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "STATES": list(STATES), "sql": sql, "functools": functools}


RIGHT = {
    "09b.which_trap": [
        (
            "in letters of another size",
            """
            state_of = {"A": "Generic plan", "B": "No trap", "C": "no analyze", "D": "filter after the index "}
            """,
        ),
        (
            "by their places in the list",
            """
            state_of = dict(zip("ABCD", (STATES[1], STATES[3], STATES[2], STATES[0])))
            """,
        ),
        (
            "one by one, in another order",
            """
            state_of = {}
            state_of["D"] = "filter after the index"
            state_of["C"] = "no ANALYZE"
            state_of["B"] = "no trap"
            state_of["A"] = "generic plan"
            """,
        ),
        (
            "with spaces, and a note",
            """
            state_of = {"A": "generic plan ", "B": " no trap", "C": "no ANALYZE", "D": "filter after the index", "E": "?"}
            """,
        ),
    ],
    "09b.keep_complete": [
        (
            "for all roles in this database",
            """
            def keep_complete(postgres):
                alter = "ALTER ROLE ALL IN DATABASE {} SET hnsw.iterative_scan = 'strict_order'"
                postgres.execute(sql.SQL(alter).format(sql.Identifier(postgres.info.dbname)))
            """,
        ),
        (
            "TO, and a literal",
            """
            def keep_complete(postgres):
                change = sql.SQL("ALTER DATABASE {} SET hnsw.iterative_scan TO {}")
                postgres.execute(change.format(sql.Identifier(postgres.info.dbname), sql.Literal("strict_order")))
            """,
        ),
        (
            "in a transaction, by a DO block",
            """
            def keep_complete(postgres):
                with postgres.transaction():
                    postgres.execute('''
                        DO $$ BEGIN
                            EXECUTE format('ALTER DATABASE %I SET hnsw.iterative_scan = strict_order', current_database());
                        END $$
                    ''')
            """,
        ),
        (
            "any setting, one partly given",
            """
            class Keep:
                def __init__(self, name, value):
                    self.change = sql.SQL("ALTER DATABASE {} SET {} = {}")
                    self.name, self.value = sql.Identifier(*name.split(".")), sql.Literal(value)

                def __call__(self, postgres):
                    with postgres.cursor() as cursor:
                        cursor.execute(self.change.format(sql.Identifier(postgres.info.dbname), self.name, self.value))

            keep_complete = Keep("hnsw.iterative_scan", "strict_order")
            """,
        ),
    ],
}
