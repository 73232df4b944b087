"""The exercise of lesson 09c: one user's documents, ranked by words and by meaning, and fused."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np

from course.embedding import DIMENSIONS
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Trial
from course.exercises.stage import ODD, Stage

TABLES = """
    CREATE TABLE documents (
        id bigint PRIMARY KEY, user_id bigint NOT NULL, title text NOT NULL, content text NOT NULL,
        embedding vector(384) NOT NULL,
        words tsvector GENERATED ALWAYS AS (to_tsvector('english', title || ' ' || content)) STORED
    );
"""

MINE, THEIRS, NOBODY = 1021, 1022, 1023
"""The user who asks, one whose documents are closer and say more, and one without documents."""


def _vector(angle: float, length: float = 1) -> np.ndarray:
    """A vector of 384 numbers at this angle, in degrees, to the question's."""
    turned = math.radians(angle)
    return np.array([math.cos(turned), math.sin(turned), *[0.0] * (DIMENSIONS - 2)], dtype=np.float32) * np.float32(length)


def _saying(often: int) -> str:
    """A text that says one of two words; each number of times there are two such texts, and some say neither."""
    word = "boiler" if often % 2 else "warranty"
    return f"Notes. {f'{word} ' * max(0, often // 2 - 2)}"


def _planted(stage: Stage) -> Any:
    """A connection to 30 documents of one user, whose orders by meaning, words and id differ, and 30 that would win both.

    The ranks are such that 1 / (59 + rank) fuses them in another order, and the vectors differ in length.
    """
    lent = stage.database(TABLES)
    mine: list[tuple[Any, ...]] = [
        (1601 + (29 * row) % 30, MINE, _saying((row * 7 + 28) % 30), _vector(20 + 4 * row, 1 + row % 3)) for row in range(30)
    ]
    theirs = [(1701 + row, THEIRS, _saying(30 + row), _vector(row / 2)) for row in range(30)]
    odd = [
        (1650, MINE, ODD, _vector(170)),
        (1651, MINE, "A spare part", _vector(171)),
        (1652, MINE, "Part of a spare one", _vector(172)),
        (1654, MINE, "Spare time, spare rooms, spare tyres", _vector(174)),
        (1653, MINE, f"A part {'here and there and a spare ' * 9}", _vector(173)),
    ]
    with stage.own.cursor() as cursor:
        insert = "INSERT INTO documents VALUES (%s, %s, 'A note', %s, %s)"
        cursor.executemany(insert, sorted([*mine, *theirs, *odd], key=itemgetter(0), reverse=True))
    return lent


SCORE = "coalesce(1.0 / (60 + w.rank), 0) + coalesce(1.0 / (60 + m.rank), 0)"
FILTER = "SELECT * FROM documents WHERE user_id = %(user_id)s"
WEBSEARCH = "websearch_to_tsquery('english', %(text)s)"

FILTERED_LAST = """
    def hybrid_for(postgres, user_id, text, vector, k):
        rows = postgres.execute(
            '''WITH by_words AS (
                   SELECT id, row_number() OVER (ORDER BY ts_rank_cd(words, query) DESC, id) AS rank
                   FROM documents, websearch_to_tsquery('english', %(text)s) AS query
                   WHERE words @@ query ORDER BY rank LIMIT 20
               ),
               by_meaning AS (
                   SELECT id, row_number() OVER (ORDER BY embedding <=> %(vector)s) AS rank
                   FROM documents ORDER BY rank LIMIT 20
               )
               SELECT id FROM by_words w FULL JOIN by_meaning m USING (id) JOIN documents USING (id)
               WHERE user_id = %(user_id)s
               ORDER BY coalesce(1.0 / (60 + w.rank), 0) + coalesce(1.0 / (60 + m.rank), 0) DESC, id
               LIMIT %(k)s''',
            {"user_id": user_id, "text": text, "vector": vector, "k": k},
        )
        return [id for (id,) in rows]
"""
FUSED_IN_PYTHON = """
    def hybrid_for(postgres, user_id, text, vector, k):
        values = {"user_id": user_id, "text": text, "vector": vector}
        by_words = postgres.execute(
            '''SELECT id FROM documents, websearch_to_tsquery('english', %(text)s) AS query
               WHERE user_id = %(user_id)s AND words @@ query ORDER BY ts_rank_cd(words, query) DESC, id LIMIT 20''',
            values,
        ).fetchall()
        by_meaning = postgres.execute(
            "SELECT id FROM documents WHERE user_id = %(user_id)s ORDER BY embedding <=> %(vector)s LIMIT 20", values
        ).fetchall()
        scores = {}
        for found in (by_words, by_meaning):
            for rank, (id,) in enumerate(found, 1):
                scores[id] = scores.get(id, 0) + 1 / (60 + rank)
        return sorted(scores, key=scores.get, reverse=True)[:k]
"""
EQUALS = (
    "Two documents say the words as often. In the list of words, too, the smaller id comes first: `row_number()` with `id` as "
    "the second thing to order by. `rank()` would give both the same."
)
LEAK = "There are another user's documents in the answer: a leak. "
SINGLE = "A document that is found by one of the two should count: `FULL JOIN`."


@exercise(
    "09c.hybrid_for",
    hints=[
        "`WITH mine AS (SELECT * FROM documents WHERE user_id = %(user_id)s)`, and both lists are made from `mine`.",
        "Both lists end in `ORDER BY rank LIMIT 20`. What fuses them stands in `FUSE`, further up.",
        "A document that is in one list only has no rank in the other: `FULL JOIN`, and `coalesce(…, 0)`.",
    ],
    mistakes=[
        Mistake(
            "of all users",
            LEAK + "Your function does not use `user_id`. Both lists need the filter.",
            FILTER,
            "SELECT * FROM documents WHERE %(user_id)s > 0",
        ),
        Mistake(
            "no filter by meaning",
            LEAK + "They come from the list by meaning. Both lists need the filter.",
            "FROM mine ORDER BY rank",
            "FROM documents ORDER BY rank",
        ),
        Mistake(
            "no filter by words",
            LEAK + "They come from the list by words. Both lists need the filter.",
            "FROM mine, ",
            "FROM documents, ",
        ),
        Mistake(
            "filtered after the lists are cut",
            "The other user's documents filled the lists before yours were looked for: filter before they are cut at 20.",
            code=FILTERED_LAST,
        ),
        Mistake("JOIN", f"You return only what is in both lists. {SINGLE}", "FULL JOIN", "JOIN"),
        Mistake("LEFT JOIN", f"You return only what is in the words' list. {SINGLE}", "FULL JOIN", "LEFT JOIN"),
        Mistake("RIGHT JOIN", f"You return only what is in the list by meaning. {SINGLE}", "FULL JOIN", "RIGHT JOIN"),
        Mistake(
            "whole numbers",
            "They come in the order of their ids. Either they are sorted so at the end, or all scores are 0: in whole numbers, "
            "1 / 61 is 0. Write `1.0 / …`.",
            "1.0 /",
            "1 /",
        ),
        Mistake(
            "without coalesce",
            "What is in one list only comes first. It has NULL for its other part, a sum with NULL is NULL, and `DESC` puts "
            "NULL first: `coalesce(…, 0)`.",
            SCORE,
            "1.0 / (60 + w.rank) + 1.0 / (60 + m.rank)",
        ),
        Mistake(
            "the lowest score first", "The smallest scores come first. More is better: order descending.", "0) DESC, id", "0), id"
        ),
        Mistake(
            "ranks added",
            "These are the ranks added up, so what is in one list only looks better than it is. Add 1 / (60 + rank) of each.",
            f"{SCORE} DESC",
            "coalesce(w.rank, 0) + coalesce(m.rank, 0)",
        ),
        Mistake(
            "one over the rank",
            "This is the order of 1 / rank. Add 60 to each rank: it keeps a single first place from deciding.",
            SCORE,
            "coalesce(1.0 / w.rank, 0) + coalesce(1.0 / m.rank, 0)",
        ),
        Mistake(
            "multiplied",
            "Multiplied, a document that is in one list only has 0. It should count: add the two parts.",
            SCORE,
            "coalesce(1.0 / (60 + w.rank), 0) * coalesce(1.0 / (60 + m.rank), 0)",
        ),
        Mistake(
            "documents without the words",
            "Documents without any of the words stand in your list by words. Only those that match belong there: `@@`.",
            "WHERE words @@ query ORDER",
            "ORDER",
        ),
        Mistake(
            "scores added",
            "These are the two figures added up, and they cannot be compared: one weighs words, the other is a distance. Add "
            "1 / (60 + rank) of each.",
            code="""
            def hybrid_for(postgres, user_id, text, vector, k):
                rows = postgres.execute(
                    '''SELECT id FROM documents, websearch_to_tsquery('english', %(text)s) AS query
                       WHERE user_id = %(user_id)s
                       ORDER BY ts_rank_cd(words, query) + 1 - (embedding <=> %(vector)s) DESC, id LIMIT %(k)s''',
                    {"user_id": user_id, "text": text, "vector": vector, "k": k},
                )
                return [id for (id,) in rows]
            """,
        ),
        Mistake("ten of each", "This is what the 10 best of each list give. The task takes the 20 best.", "LIMIT 20", "LIMIT 10"),
        Mistake(
            "fifty of each",
            "This is what whole lists give. The task takes the 20 best of each.",
            "LIMIT 20",
            "LIMIT 50",
        ),
        Mistake(
            "k of each",
            "This is what the k best of each list give. The task takes 20 of each, whatever k.",
            "LIMIT 20",
            "LIMIT %(k)s",
        ),
        Mistake("words alone", "This is the ranking by words alone.", SCORE, "coalesce(1.0 / (60 + w.rank), 0)"),
        Mistake("meaning alone", "This is the ranking by meaning alone.", SCORE, "coalesce(1.0 / (60 + m.rank), 0)"),
        Mistake(
            "only the list by words",
            "Only the list by words is there, and nothing is fused. Add the list by meaning, and the two parts of the score.",
            code="""
            def hybrid_for(postgres, user_id, text, vector, k):
                rows = postgres.execute(
                    '''SELECT id FROM documents, websearch_to_tsquery('english', %(text)s) AS query
                       WHERE user_id = %(user_id)s AND words @@ query
                       ORDER BY ts_rank_cd(words, query) DESC, id LIMIT %(k)s''',
                    {"user_id": user_id, "text": text, "k": k},
                )
                return [id for (id,) in rows]
            """,
        ),
        Mistake(
            "only the list by meaning",
            "Only the list by meaning is there, and nothing is fused. Add the list by words, and the two parts of the score.",
            code="""
            def hybrid_for(postgres, user_id, text, vector, k):
                rows = postgres.execute(
                    '''SELECT id FROM documents WHERE user_id = %(user_id)s
                       ORDER BY embedding <=> %(vector)s LIMIT %(k)s''',
                    {"user_id": user_id, "vector": vector, "k": k},
                )
                return [id for (id,) in rows]
            """,
        ),
        Mistake(
            "one list after the other",
            "The list by words comes first, and what only the other has after it: no rank counts across the two. Add "
            "1 / (60 + rank) of each list, and order by the sum.",
            SCORE,
            "coalesce(-w.rank, -20 - m.rank)",
        ),
        Mistake(
            "the better of the two",
            "You take the better of the two parts. A document that both lists have found should gain by it: add them.",
            SCORE,
            "greatest(1.0 / (60 + w.rank), 1.0 / (60 + m.rank))",
        ),
        Mistake(
            "no rank is rank 0",
            "What is in one list only is treated as if it led the other: `coalesce(rank, 0)` makes the best of all ranks. Its "
            "part of the score should be 0: `coalesce(1.0 / (60 + rank), 0)`.",
            SCORE,
            "1.0 / (60 + coalesce(w.rank, 0)) + 1.0 / (60 + coalesce(m.rank, 0))",
        ),
        Mistake(
            "the first has rank 0",
            "Your scores are not 1 / (60 + rank). Either your ranks begin at 0, and the first of a list counts 1 / 61: "
            "`enumerate(…, 1)`. Or what you add to them is not 60.",
            "(60 + ",
            "(59 + ",
        ),
        *[
            Mistake(
                f"{number} in place of 60",
                "What you add to the ranks is not 60. A smaller number lets the first places decide more, a larger one less.",
                "(60 + ",
                f"({number} + ",
            )
            for number in (1, 10)
        ],
        Mistake(
            "all words, whatever is typed",
            "Your list by words is empty: `plainto_tsquery` takes *or* for a word. What somebody types goes "
            "through `websearch_to_tsquery`.",
            WEBSEARCH,
            "plainto_tsquery('english', %(text)s)",
        ),
        Mistake(
            "to_tsquery",
            "`to_tsquery` takes its own operators, `&` and `|`, and stops at what people type. Their words go through "
            "`websearch_to_tsquery`.",
            WEBSEARCH,
            "to_tsquery('english', %(text)s)",
        ),
        Mistake(
            "any word, whatever is typed",
            "Without `or` all words have to be there, and in quotes side by side. Yours finds documents with one of them. What "
            "somebody types goes through `websearch_to_tsquery`, as it is.",
            WEBSEARCH,
            "CAST(replace(plainto_tsquery('english', %(text)s)::text, '&', '|') AS tsquery)",
        ),
        Mistake(
            "no stems",
            "Words in another form find nothing: `words` was made with `'english'`, and so must the query be.",
            "'english'",
            "'simple'",
        ),
        Mistake(
            "the word list upside down",
            "The document that says the words least stands first in your list by words. `ts_rank_cd` is greater for the better "
            "match: order descending.",
            "ts_rank_cd(words, query) DESC, id",
            "ts_rank_cd(words, query), id",
        ),
        Mistake(
            "the farthest first",
            "The farthest stands first in your list by meaning. A smaller distance is closer: order ascending.",
            "embedding <=> %(vector)s) AS",
            "embedding <=> %(vector)s DESC) AS",
        ),
        Mistake(
            "the other distance",
            "This is the order of `<->`, and these vectors differ in length. As above, meaning is compared by cosine: `<=>`.",
            "<=>",
            "<->",
        ),
        Mistake(
            "ts_rank",
            "`ts_rank` does not weigh how close the words stand together as `ts_rank_cd` does, by which the list by words is "
            "ordered above.",
            "ts_rank_cd",
            "ts_rank",
        ),
        Mistake("the larger id first", "With equal scores the smaller id comes first.", "0) DESC, id", "0) DESC, id DESC"),
        Mistake(
            "no order among equals",
            "Documents with equal scores come in any order. The smaller id comes first: order by `id` after the score.",
            "0) DESC, id",
            "0) DESC",
        ),
        Mistake(
            "no order among equals, in Python",
            "Documents with equal scores come in the order in which they were found. The smaller id comes first: sort by "
            "`(-score, id)`.",
            code=FUSED_IN_PYTHON,
        ),
        Mistake(
            "no order in the words' list",
            EQUALS,
            "(words, query) DESC, id",
            "(words, query) DESC",
        ),
        Mistake(
            "one rank for equals",
            EQUALS,
            "row_number() OVER (ORDER BY ts_rank_cd(words, query) DESC, id)",
            "rank() OVER (ORDER BY ts_rank_cd(words, query) DESC)",
        ),
        Mistake(
            "ties in the words' list",
            EQUALS,
            "(words, query) DESC, id",
            "(words, query) DESC, id DESC",
        ),
        Mistake(
            "always five",
            "You return five ids at most, whatever `k` is. `k` belongs in the last `LIMIT`.",
            "LIMIT %(k)s",
            "LIMIT 5",
        ),
        Mistake("without a limit", "You return all that either list has. `k` belongs in the last `LIMIT`.", "LIMIT %(k)s", ""),
        Mistake(
            "rows",
            "Those are rows. Return the ids themselves: `[id for (id, *_) in rows]`.",
            "[id for (id,) in rows]",
            "rows.fetchall()",
        ),
        Mistake(
            "a set", "A set has no order. Return a list, the best first.", "[id for (id,) in rows]", "{id for (id,) in rows}"
        ),
        Mistake("a cursor", "Return the list of ids; a cursor still has to be read.", "[id for (id,) in rows]", "rows"),
        Mistake(
            "one user for ever",
            "Right for the first user, and another one gets her documents. Use the `user_id` that the function is given.",
            '"user_id": user_id',
            f'"user_id": {MINE}',
        ),
        Mistake(
            "a union of the two",
            "A document stands twice in your answer. Join the two lists by `id`, and add up its two parts.",
            code="""
            def hybrid_for(postgres, user_id, text, vector, k):
                rows = postgres.execute(
                    '''WITH mine AS (SELECT * FROM documents WHERE user_id = %(user_id)s),
                       by_words AS (
                           SELECT id, row_number() OVER (ORDER BY ts_rank_cd(words, query) DESC, id) AS rank
                           FROM mine, websearch_to_tsquery('english', %(text)s) AS query
                           WHERE words @@ query ORDER BY rank LIMIT 20
                       ),
                       by_meaning AS (
                           SELECT id, row_number() OVER (ORDER BY embedding <=> %(vector)s) AS rank
                           FROM mine ORDER BY rank LIMIT 20
                       )
                       SELECT id FROM (TABLE by_words UNION ALL TABLE by_meaning) AS both_lists
                       ORDER BY 1.0 / (60 + rank) DESC, id LIMIT %(k)s''',
                    {"user_id": user_id, "text": text, "vector": vector, "k": k},
                )
                return [id for (id,) in rows]
            """,
        ),
        Mistake("not returned", "Nothing comes back: a `return` is missing.", "return [id", "[id"),
    ],
)
def hybrid_for(hybrid_for: Callable, trial: Trial) -> str:
    """Judge the ranks among 30 documents of one user and 30 of another that would win both lists."""
    for user_id, text, k in (
        (MINE, "boiler", 25),
        (MINE, "boiler or warranty", 6),
        (MINE, "boiler or warranty", 1060),
        (MINE, "boiler or warranty", 1),
        (MINE, "spare part", 4),
        (MINE, '"spare part"', 4),
        (MINE, "the of and", 5),
        (MINE, ODD, 2),
        (NOBODY, "boiler or warranty", 6),
        (THEIRS, "boiler or warranty", 6),
    ):

        def observe(hybrid_for: Callable, stage: Stage, user_id: int = user_id, text: str = text, k: int = k) -> Any:
            answer = hybrid_for(_planted(stage), user_id, text, _vector(0), k)
            return answer if isinstance(answer, list) else type(answer).__name__

        trial.compare(hybrid_for, observe, f"For user {user_id}, the words `{text}` and k = {k}, you return {{found}}.")
    return "A filter, two rankings and their fusion in one round trip. Across two stores, each would have been a list to carry."
