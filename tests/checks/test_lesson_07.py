"""Right answers to the exercises of lesson 07. The wrong ones stand with its checks; `test_every_check.py` gives them all."""

import functools

import psycopg
import pytest

from course.checks.lesson_07 import COSINE, L2, NEITHER, SERVED, STATEMENTS
from course.stack import Stack

MEASURED = [
    (10, 0.83, 0.6),
    (20, 0.91, 0.8),
    (40, 0.955, 1.1),
    (80, 0.975, 1.7),
    (160, 0.98, 2.9),
    (320, 0.995, 5.2),
    (640, 0.998, 9.1),
]


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "measured": MEASURED, "functools": functools}


NOTES = """
    CREATE TEMPORARY TABLE notes (id bigint, embedding vector(3));
    INSERT INTO notes SELECT n, ARRAY[cos(n / 40.0), sin(n / 40.0), 1]::vector FROM generate_series(1, 200) AS n;
    CREATE INDEX cosine ON notes USING hnsw (embedding vector_cosine_ops);
    CREATE INDEX l2 ON notes USING hnsw (embedding vector_l2_ops);
    ANALYZE notes;
    SET enable_seqscan = off;
    SET enable_sort = off;
"""


@pytest.mark.parametrize("letter", STATEMENTS)
def test_each_statement_is_answered_by_the_index_that_the_check_holds_for_right(letter: str, stack: Stack) -> None:
    """Sorting and reading all is made so dear that an index is taken wherever one can be."""
    with psycopg.connect(stack.postgres.url, autocommit=True) as postgres:
        postgres.execute("CREATE EXTENSION IF NOT EXISTS vector")
        for statement in NOTES.split(";"):
            postgres.execute(statement)
        plan = postgres.execute("EXPLAIN " + STATEMENTS[letter], [17 if letter == "D" else "[1,0,1]"]).fetchall()
    scans = [name for name, index in ((COSINE, "cosine"), (L2, "l2")) if f"using {index} on notes" in str(plan)]
    assert scans == ([] if SERVED[letter] == NEITHER else [SERVED[letter]])


RIGHT = {
    "07.ef_search": [
        ("read from the table", "chosen = 160"),
        (
            "a loop",
            """
            for value, recalled, _ in measured:
                chosen = value
                if recalled >= 0.98:
                    break
            """,
        ),
        (
            "as a number of NumPy",
            """
            import numpy as np

            enough = np.array([row for row in measured if row[1] >= 0.98])
            chosen = enough[:, 0].min()
            """,
        ),
    ],
    "07.served_by": [
        (
            "by their places in a list",
            """
            served_by = dict(zip("ABCDE", ["L2", "neither", "neither", "cosine", "neither"]))
            """,
        ),
        (
            "neither, unless said otherwise",
            """
            served_by = dict.fromkeys("ABCDE", "neither")
            served_by.update(A="L2", D="cosine")
            """,
        ),
        (
            "with spaces, in small letters, and a note",
            """
            served_by = {"E": "neither", "D": " cosine", "C": "neither ", "B": "neither", "A": "l2", "F": "?"}
            """,
        ),
    ],
    "07.index_memos": [
        (
            "without locking the table",
            """
            def index_memos(postgres):
                postgres.execute(
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS by_distance ON memos USING hnsw (embedding vector_l2_ops)"
                )
            """,
        ),
        (
            "it looks whether it is there, and has settings of its own",
            """
            def index_memos(postgres):
                with postgres.transaction():
                    if postgres.execute("SELECT to_regclass('memos_near')").fetchone()[0] is None:
                        postgres.execute(
                            "CREATE INDEX memos_near ON memos USING hnsw (embedding vector_l2_ops) WITH (m = 8)"
                        )
            """,
        ),
        (
            "a name given before, and a cursor",
            """
            def make_index(name, postgres):
                with postgres.cursor() as cursor:
                    cursor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON memos USING hnsw (embedding vector_l2_ops)")

            index_memos = functools.partial(make_index, "near")
            """,
        ),
        (
            "an object, with a DO block",
            """
            class Index:
                def __call__(self, postgres):
                    postgres.execute('''
                        DO $$ BEGIN
                            CREATE INDEX memos_near ON memos USING hnsw (embedding vector_l2_ops);
                        EXCEPTION WHEN duplicate_table THEN NULL;
                        END $$
                    ''')

            index_memos = Index()
            """,
        ),
    ],
}
