"""Right answers to the exercises of lesson 07b. The wrong ones stand with its checks; `test_every_check.py` gives them all."""

import functools
import json

import numpy as np

from course.checks.lesson_07b import EVEN, HEAVY, planted
from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "np": np, "functools": functools, "EVEN": EVEN}


def test_no_two_of_the_nearest_planted_documents_are_equally_near() -> None:
    """Else the order that is compared would be chance."""
    vectors = np.array([json.loads(numbers) for _, numbers in planted()])
    for question in (EVEN, HEAVY):
        cosines = vectors @ question / np.linalg.norm(vectors, axis=1) / np.linalg.norm(question)
        assert np.diff(np.sort(cosines)[-60:]).min() > 1e-6
    bits = vectors > 0
    assert len({int(count) for count in (~bits).sum(axis=1)}) == len(vectors)


RIGHT = {
    "07b.rerank": [
        (
            "a named query, and positions",
            """
            def rerank(postgres, vector, k, candidates):
                query = '''
                    WITH near AS MATERIALIZED (
                        SELECT id, embedding <=> %s AS distance FROM documents
                        ORDER BY binary_quantize(embedding)::bit(384) <~> binary_quantize(%s) LIMIT %s
                    )
                    SELECT id FROM near ORDER BY distance LIMIT %s'''
                return [row[0] for row in postgres.execute(query, [vector, vector, candidates, k])]
            """,
        ),
        (
            "two statements",
            """
            def rerank(postgres, vector, k, candidates):
                by_bits = '''
                    SELECT id FROM documents
                    ORDER BY binary_quantize(embedding)::bit(384) <~> binary_quantize(%s) LIMIT %s'''
                near = [id for (id,) in postgres.execute(by_bits, [vector, candidates])]
                judge = "SELECT id FROM documents WHERE id = ANY(%s) ORDER BY embedding <=> %s LIMIT %s"
                return [id for (id,) in postgres.execute(judge, [near, vector, k]).fetchall()]
            """,
        ),
        (
            "judged by NumPy, a class",
            """
            class Rerank:
                QUERY = '''
                    SELECT id, embedding FROM documents
                    ORDER BY binary_quantize(embedding)::bit(384) <~> binary_quantize(%(q)s)::bit(384)
                    FETCH FIRST %(n)s ROWS ONLY'''

                def __call__(self, postgres, vector, k, candidates):
                    rows = postgres.execute(self.QUERY, {"q": vector, "n": candidates}).fetchall()

                    def similarity(row):
                        stored = row[1].to_numpy().astype(float)
                        return stored @ vector / np.linalg.norm(stored)

                    return [id for id, _ in sorted(rows, key=similarity, reverse=True)[:k]]

            rerank = Rerank()
            """,
        ),
        (
            "with a setting of its transaction, partly given",
            """
            def search(operator, postgres, vector, k, candidates):
                with postgres.transaction(), postgres.cursor() as cursor:
                    cursor.execute("SELECT set_config('hnsw.ef_search', %s, true)", [str(max(candidates, 40))])
                    cursor.execute(
                        f'''SELECT n.id FROM (
                                SELECT * FROM documents
                                ORDER BY (binary_quantize(embedding)::bit(384)) <~> binary_quantize(%s::vector) LIMIT %s
                            ) n ORDER BY n.embedding {operator} %s::vector ASC LIMIT %s''',
                        [vector.tolist(), candidates, vector.tolist(), k],
                    )
                    return [id for (id,) in cursor]

            rerank = functools.partial(search, "<=>")
            """,
        ),
    ],
    "07b.index_pages": [
        (
            "without locking the table, with a name and fewer links",
            """
            def index_pages(postgres):
                postgres.execute(
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS pages_short ON pages USING hnsw "
                    "((subvector(embedding, 1, 1024)::halfvec(1024)) halfvec_cosine_ops) WITH (m = 8)"
                )
            """,
        ),
        (
            "lists, as the rows are there",
            """
            def index_pages(postgres):
                with postgres.transaction():
                    postgres.execute('''
                        CREATE INDEX ON pages
                        USING ivfflat ((subvector(embedding, 1, 1024)::halfvec(1024)) halfvec_cosine_ops) WITH (lists = 1)
                    ''')
            """,
        ),
        (
            "CAST, a cursor, partly given",
            """
            def make(numbers, postgres):
                with postgres.cursor() as cursor:
                    cursor.execute(
                        f"CREATE INDEX near ON pages USING hnsw "
                        f"((CAST(subvector(embedding, 1, {numbers}) AS halfvec({numbers}))) halfvec_cosine_ops)"
                    )

            index_pages = functools.partial(make, 1024)
            """,
        ),
        (
            "a class",
            """
            class Index:
                def __call__(self, postgres):
                    if postgres.execute("SELECT to_regclass('pages_first')").fetchone()[0] is None:
                        postgres.execute("CREATE INDEX pages_first ON pages USING hnsw "
                                         "((subvector(embedding, 1, 1024)::halfvec(1024)) halfvec_cosine_ops)")

            index_pages = Index()
            """,
        ),
    ],
}
