"""Right answers to the exercise of lesson 18b that are not its solution. `test_every_check.py` gives them."""

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercise."""
    return {"stack": stack}


RIGHT = {
    "18b.ten": [
        (
            "WITH, and the operator in the order",
            '''
            TEN = """
                WITH north AS (SELECT id, embedding <=> %(question)s AS distance FROM documents_north
                               ORDER BY embedding <=> %(question)s LIMIT 10),
                     south AS (SELECT id, embedding <=> %(question)s AS distance FROM documents_south
                               ORDER BY embedding <=> %(question)s LIMIT 10)
                SELECT * FROM north UNION ALL SELECT * FROM south ORDER BY distance LIMIT 10"""
            ''',
        ),
        (
            "made of a branch",
            '''
            BRANCH = """(SELECT id, embedding <=> %(question)s AS d FROM documents_{} ORDER BY 2 FETCH FIRST 10 ROWS ONLY)"""
            TEN = " UNION ALL ".join(BRANCH.format(shard) for shard in ("south", "north")) + " ORDER BY d LIMIT 10"
            ''',
        ),
        (
            "UNION, and the distance again outside",
            '''
            TEN = """
                SELECT id, embedding <=> %(question)s FROM (
                    (SELECT id, embedding FROM documents_south ORDER BY embedding <=> %(question)s LIMIT 10)
                    UNION ALL
                    (SELECT id, embedding FROM documents_north ORDER BY embedding <=> %(question)s LIMIT 10)
                ) AS nearest ORDER BY 2 ASC LIMIT 10"""
            ''',
        ),
    ],
}
