"""Right answers to the exercise of lesson 09c. The wrong ones stand with its check; `test_every_check.py` gives them all."""

import functools
from functools import cache

from course import manifest
from course.exercises.manners import SENTENCES
from course.pipeline.layout import Layout
from course.pipeline.source import read
from course.stack import Stack
from tests.checks.answers import checked, exercise

MADE_ABOVE = ("BY_MEANING = ", "ALL_WORDS = ", "FUSE = ")


@cache
def cells_above() -> tuple[str, ...]:
    """The statements of the lesson that the exercise may build on, each up to its end."""
    layout = Layout.of_this_course()
    path = layout.source(manifest.lesson("09c"))
    cells = [cell.text for cell in read(path, layout.name(path)) if cell.kind == "code"]
    found = tuple(cell for cell in cells if cell.startswith(MADE_ABOVE))
    assert len(found) == len(MADE_ABOVE)
    return tuple('"""'.join(cell.split('"""')[:2]) + '"""' for cell in found)


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercise."""
    made: dict[str, object] = {"stack": stack, "functools": functools}
    for cell in cells_above():
        exec(cell, made)
    return made


RIGHT = {
    "09c.hybrid_for": [
        (
            "the notebook's texts, and a table of the same name in front of the real one",
            """
            def hybrid_for(postgres, user_id, text, vector, k):
                query = f'''WITH documents AS (SELECT * FROM documents WHERE user_id = %(user_id)s),
                            by_words AS ({ALL_WORDS}), by_meaning AS ({BY_MEANING}) {FUSE}'''.replace("LIMIT 10", "LIMIT %(k)s")
                values = {"user_id": user_id, "text": text, "vector": vector, "n": 20, "k": k}
                return [id for id, *_ in postgres.execute(query, values)]
            """,
        ),
        (
            "a union that adds up, rows fetched",
            """
            def hybrid_for(postgres, user_id, text, vector, k):
                rows = postgres.execute(
                    '''WITH by_words AS (
                           SELECT id, row_number() OVER (ORDER BY ts_rank_cd(words, query) DESC, id) AS rank
                           FROM documents CROSS JOIN websearch_to_tsquery('english', %(text)s) AS query
                           WHERE words @@ query AND user_id = %(user_id)s ORDER BY rank LIMIT 20
                       ),
                       by_meaning AS (
                           SELECT id, rank() OVER (ORDER BY embedding <=> %(vector)s) AS rank
                           FROM documents WHERE user_id = %(user_id)s ORDER BY embedding <=> %(vector)s LIMIT 20
                       )
                       SELECT id FROM (TABLE by_words UNION ALL TABLE by_meaning) AS lists
                       GROUP BY id ORDER BY sum(1::float8 / (60 + rank)) DESC, id FETCH FIRST %(k)s ROWS ONLY''',
                    {"user_id": user_id, "text": text, "vector": vector, "k": k},
                ).fetchall()
                return [row[0] for row in rows]
            """,
        ),
        (
            "two queries, fused in Python",
            """
            from fractions import Fraction

            class Hybrid:
                lists = (
                    '''SELECT id FROM documents WHERE user_id = %(user_id)s
                       AND words @@ websearch_to_tsquery('english', %(text)s)
                       ORDER BY ts_rank_cd(words, websearch_to_tsquery('english', %(text)s)) DESC, id LIMIT 20''',
                    "SELECT id FROM documents WHERE user_id = %(user_id)s ORDER BY embedding <=> %(vector)s LIMIT 20",
                )

                def __call__(self, postgres, user_id, text, vector, k):
                    scores = {}
                    for query in self.lists:
                        values = {"user_id": user_id, "text": text, "vector": vector}
                        for rank, (id,) in enumerate(postgres.execute(query, values), start=1):
                            scores[id] = scores.get(id, 0) + Fraction(1, 60 + rank)
                    return sorted(scores, key=lambda id: (-scores[id], id))[:k]

            hybrid_for = Hybrid()
            """,
        ),
    ],
}


def test_a_pasted_text_is_told_as_such_and_not_as_a_mistake_that_does_no_harm_in_this_case(stack: Stack) -> None:
    code = exercise("09c.hybrid_for").solution().code
    pasted = code.replace('"""WITH', 'f"""WITH').replace("'english', %(text)s", "'english', '{text}'")
    result = checked("09c.hybrid_for", pasted, stack)
    assert result.outcome == "not yet", result
    assert SENTENCES["pasted"].format(what="`boiler`") in result.message
