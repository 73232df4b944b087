"""The exercises of lesson 06b: searches that leave out what cannot be compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np  # noqa: F401  the solutions and their mistakes use it

from course.checks.plane import PLANE, POINT, wide
from course.checks.searches import FETCHED, OF_ANY_SEARCH, Row, filled, rounded
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Trial
from course.exercises.stage import ODD, Stage

COMPARABLE = "WHERE vector_norm(embedding) > 0 "
RANKED = "ORDER BY embedding <=> %(q)s"
SIMILARITY = "1 - (embedding <=> %(q)s)"

ALIKE: list[Row] = [
    (1008, 1007, "Document 1008", PLANE["long"]),
    (1021, 1007, "Document 1021", PLANE["opposite"]),
    (1003, 1007, "Document 1003", PLANE["straight"]),
    (1034, 1007, "Document 1034", PLANE["same way"]),
    (1055, 1007, "Document 1055", PLANE["corner"]),
    (1040, 1007, "Document 1040", PLANE["short"]),
]
DAMAGED: list[Row] = [(1005, 1007, "Not embedded", None), (1013, 1007, "Zeros", (0, 0))]


def _similar(figure: str, rest: str) -> str:
    """An answer to `most_similar` that selects this figure, and goes on like this after the table."""
    return f"""
def most_similar(postgres, vector, k):
    query = "SELECT id, {figure} AS similarity FROM documents {rest} LIMIT %(k)s"
    return postgres.execute(query, {{"q": vector, "k": k}}).fetchall()
"""


@exercise(
    "06b.most_similar",
    hints=[
        "What is `vector_norm(embedding)` of a vector of zeros, and of `NULL`? A `WHERE` keeps a row only if it is true.",
        "Order by the distance itself, ascending. The similarity is for showing.",
    ],
    mistakes=[
        *OF_ANY_SEARCH,
        Mistake(
            "as it was",
            "The first has no vector: its similarity is `NULL`, and `DESC` puts NULL first. The second has zeros: NaN comes "
            "next. Leave out both in the `WHERE`.",
            code=_similar(SIMILARITY, "ORDER BY similarity DESC"),
        ),
        Mistake(
            "NULL alone left out",
            "The first is a vector of zeros. Its similarity is NaN, which is not NULL and sorts above every number: `IS NOT "
            "NULL`, `NULLS LAST` and `> 0` let it pass.",
            code=_similar(SIMILARITY, "WHERE embedding IS NOT NULL ORDER BY similarity DESC"),
        ),
        Mistake(
            "zeros alone left out",
            "The first has no vector: its similarity is `NULL`, and `DESC` puts NULL first. You leave out the zeros, and keep "
            "it.",
            code=_similar(SIMILARITY, "WHERE coalesce(vector_norm(embedding), 1) > 0 ORDER BY similarity DESC"),
        ),
        Mistake(
            "filtered after the limit",
            "You take k rows, and leave out what cannot be compared when it has taken places already. Filter in the `WHERE`, "
            "before the `LIMIT`.",
            code="""
            def most_similar(postgres, vector, k):
                query = "SELECT id, 1 - (embedding <=> %s) AS similarity FROM documents ORDER BY similarity DESC LIMIT %s"
                return [row for row in postgres.execute(query, [vector, k]) if row[1] is not None and row[1] == row[1]]
            """,
        ),
        Mistake(
            "a few more, and filtered after the limit",
            "You take a few rows more than k, and leave out what cannot be compared. How many those are, nobody knows before: "
            "filter in the `WHERE`.",
            code="""
            def most_similar(postgres, vector, k):
                query = "SELECT id, 1 - (embedding <=> %s) AS similarity FROM documents ORDER BY similarity DESC LIMIT %s"
                rows = [row for row in postgres.execute(query, [vector, k + 1]) if row[1] is not None and row[1] == row[1]]
                return rows[:k]
            """,
        ),
        Mistake(
            "two skipped",
            "You skip two rows, as many as could not be compared before. Here every document can be: ask for what can be "
            "compared.",
            code="""
            def most_similar(postgres, vector, k):
                query = "SELECT id, 1 - (embedding <=> %s) AS similarity FROM documents ORDER BY 2 DESC OFFSET 2 LIMIT %s"
                return postgres.execute(query, [vector, k]).fetchall()
            """,
        ),
        Mistake(
            "ascending, and nothing left out",
            "In ascending order the two that cannot be compared come last, and they are in the answer when k is large. Leave "
            "them out in the `WHERE`.",
            old=COMPARABLE,
            new="",
        ),
        Mistake(
            "ascending, NULL left out",
            "The last is a vector of zeros: its similarity is NaN, and NaN is not NULL. `IS NOT NULL` lets it pass.",
            old=COMPARABLE,
            new="WHERE embedding IS NOT NULL ",
        ),
        Mistake(
            "ascending, zeros left out",
            "The last has no vector. You leave out the zeros; a `NULL` is no answer either.",
            old=COMPARABLE,
            new="WHERE coalesce(vector_norm(embedding), 1) > 0 ",
        ),
        Mistake(
            "called 0",
            "The two that cannot be compared are among them, with a 0 that you gave them. A similarity of 0 is that of a right "
            "angle, and nothing of the kind was measured: leave them out.",
            code=_similar(f"coalesce(nullif({SIMILARITY}, 'NaN'), 0)", "ORDER BY similarity DESC, id"),
        ),
        Mistake(
            "the wrong end",
            "The farthest comes first. A distance is sorted ascending, a similarity descending.",
            old=RANKED,
            new=f"{RANKED} DESC",
        ),
        Mistake(
            "the distance, and the wrong end",
            "The farthest comes first, and the figures are distances. A similarity is `1 - distance`, and the largest comes "
            "first.",
            code=_similar("embedding <=> %(q)s", f"{COMPARABLE} ORDER BY similarity DESC"),
        ),
        Mistake(
            "no order",
            "The rows come as they lie in the table. Without an `ORDER BY`, a `LIMIT` takes any.",
            old=RANKED,
            new="",
        ),
        Mistake(
            "in the order of the ids",
            "The rows are in the order of their ids. Asked for is the order of the distance.",
            old=RANKED,
            new="ORDER BY id",
        ),
        Mistake(
            "by L2",
            "This is the order of `<->`, and these vectors differ in length. Cosine looks at the direction alone: `<=>`.",
            old=RANKED,
            new="ORDER BY embedding <-> %(q)s",
        ),
        Mistake(
            "by L1",
            "This is the order of `<+>`, and these vectors differ in length. Cosine looks at the direction alone: `<=>`.",
            old=RANKED,
            new="ORDER BY embedding <+> %(q)s",
        ),
        Mistake(
            "by the inner product",
            "This is the order of `<#>`, in which a long vector wins. Cosine looks at the direction alone: `<=>`.",
            old=RANKED,
            new="ORDER BY embedding <#> %(q)s",
        ),
        Mistake(
            "the distance for the similarity",
            "The order is right, and the figures are distances. A similarity is `1 - distance`: 1 for the same direction.",
            old=SIMILARITY,
            new="embedding <=> %(q)s",
        ),
        Mistake(
            "the sign for the similarity",
            "The order is right. A similarity is `1 - distance`, not the distance with the sign turned.",
            old=SIMILARITY,
            new="-(embedding <=> %(q)s)",
        ),
        Mistake(
            "no limit",
            "Those are all that there are. `k` says how many are wanted: it belongs in a `LIMIT`.",
            old="LIMIT %(k)s",
            new="LIMIT greatest(%(k)s, 1000)",
        ),
        Mistake(
            "minus one",
            "The order is right. A similarity is `1 - distance`, and yours is `distance - 1`.",
            old=SIMILARITY,
            new="(embedding <=> %(q)s) - 1",
        ),
        Mistake(
            "L2 all over",
            "The figures are made of `<->`, and these vectors differ in length. Cosine looks at the direction alone: `<=>`.",
            code=_similar("1 - (embedding <-> %(q)s)", f"{COMPARABLE} ORDER BY similarity DESC"),
        ),
        Mistake(
            "from 0 to 1",
            "The order is right. You have brought the similarity to a range from 0 to 1; the cosine goes from -1 to 1.",
            old=SIMILARITY,
            new="1 - (embedding <=> %(q)s) / 2",
        ),
        Mistake(
            "the inner product for the similarity",
            "The figures are inner products, in which a long vector wins. The cosine similarity is `1 - (embedding <=> …)`.",
            code=_similar("-(embedding <#> %(q)s)", f"{COMPARABLE} ORDER BY similarity DESC"),
        ),
        Mistake(
            "rounded",
            "The order is right, and the figures are rounded. Return them as they are: rounding is for a page.",
            code=_similar(f"round(({SIMILARITY})::numeric, 2)::float8", f"{COMPARABLE} {RANKED}"),
        ),
        Mistake(
            "as a percentage",
            "The order is right. Asked for is the cosine similarity itself, 1 for the same direction; 100 times it is for a "
            "page.",
            old=SIMILARITY,
            new=f"100 * ({SIMILARITY})",
        ),
        Mistake(
            "positive ones only",
            "1021 is missing: it points the other way, and that can be compared. What is far is an answer when k is large "
            "enough.",
            old=COMPARABLE,
            new="WHERE 1 - (embedding <=> %(q)s) BETWEEN 0 AND 1 ",
        ),
        Mistake(
            "of unit length only",
            "None is left. `<=>` compares any two that have a direction, not only those of length 1: ask whether the length is "
            "above 0. (A comparison with `NULL`, `<> NULL` too, is never true.)",
            old=COMPARABLE,
            new="WHERE abs(vector_norm(embedding) - 1) < 0.001 ",
        ),
        Mistake(
            "long ones only",
            "1040 is missing: its vector is short, and no vector of zeros. Ask whether the length is above 0.",
            old=COMPARABLE,
            new="WHERE vector_norm(embedding) >= 0.1 ",
        ),
        Mistake(
            "ids in brackets",
            "Each row has the id alone. Select the similarity as well: `(id, similarity)`.",
            old=f", {SIMILARITY} AS similarity",
            new="",
        ),
        Mistake(
            "ids alone",
            "Those are ids. Each row has two parts, `(id, similarity)`.",
            code="""
            def most_similar(postgres, vector, k):
                query = "SELECT id FROM documents WHERE vector_norm(embedding) > 0 ORDER BY embedding <=> %s LIMIT %s"
                return [id for (id,) in postgres.execute(query, [vector, k])]
            """,
        ),
        Mistake(
            "ids as texts",
            "The ids are texts. Leave them the numbers that they are.",
            old="SELECT id",
            new="SELECT id::text",
        ),
        Mistake(
            "a dictionary",
            "That is a dictionary. Return the list of rows, each `(id, similarity)`.",
            code="""
            def most_similar(postgres, vector, k):
                query = "SELECT id, 1 - (embedding <=> %(q)s) FROM documents WHERE vector_norm(embedding) > 0"
                rows = postgres.execute(query + " ORDER BY embedding <=> %(q)s LIMIT %(k)s", {"q": vector, "k": k})
                return dict(rows.fetchall())
            """,
        ),
        Mistake(
            "the other way round",
            "Those are the right rows, with the similarity first. The id comes first.",
            old=f"SELECT id, {SIMILARITY} AS similarity",
            new=f"SELECT {SIMILARITY} AS similarity, id",
        ),
        Mistake(
            "a column too many",
            "Each row has more than its two parts, `(id, similarity)`.",
            old="AS similarity FROM",
            new="AS similarity, title FROM",
        ),
        Mistake(
            "None for none",
            "Where nothing can be compared, the answer should be the empty list, `[]`.",
            old=FETCHED,
            new=").fetchall() or None",
        ),
        Mistake(
            "deletes them",
            "You deleted the documents that cannot be compared: a search should only ask. Leave them out in the `WHERE`.",
            code="""
            def most_similar(postgres, vector, k):
                postgres.execute("DELETE FROM documents WHERE embedding IS NULL OR vector_norm(embedding) = 0")
                query = "SELECT id, 1 - (embedding <=> %s) AS similarity FROM documents ORDER BY similarity DESC LIMIT %s"
                return postgres.execute(query, [vector, k]).fetchall()
            """,
        ),
        Mistake(
            "pasted into the SQL",
            "The answer is right, and the vector stands in the text of the SQL. Bind it, as the function did that you were "
            "given.",
            code="""
            def most_similar(postgres, vector, k):
                return postgres.execute(
                    f"SELECT id, 1 - (embedding <=> '{vector.tolist()}') FROM documents WHERE vector_norm(embedding) > 0 "
                    f"ORDER BY embedding <=> '{vector.tolist()}' LIMIT {k}"
                ).fetchall()
            """,
        ),
    ],
)
def most_similar(most_similar: Callable, trial: Trial) -> str:
    """Judge the ranking among documents of which one has no vector and one has only zeros, and where there are no others."""

    def observe(rows: list[Row], k: int, point: tuple[float, float] = POINT) -> Callable[[Callable, Stage], Any]:
        return lambda answer, stage: rounded(answer(filled(stage, rows), wide(point), k))

    for k in (3, 1, 10):
        trial.compare(
            most_similar, observe([*DAMAGED, *ALIKE], k), f"Six of eight can be compared. For k = {k} you return {{found}}."
        )
    turned = "All six can be compared. For another vector and k = 2 you return {found}."
    trial.compare(most_similar, observe(ALIKE, 2, PLANE["long"]), turned)
    trial.compare(most_similar, observe(DAMAGED, 3), "Of two documents, none can be compared. You return {found}.")
    return (
        "Ordering by the operator itself has one more advantage: an index can serve it, and `1 - …` it cannot. Lesson 07 has one."
    )


OWN, NOBODY, OTHER = 1007, 1008, 1009
"""The user who asks, one without documents, and another one."""

NOTES: list[Row] = [
    (1902, OWN, "Fees for March", PLANE["long"]),
    (1907, OTHER, "A stranger's note 1", (8.125, 4)),
    (1901, OWN, "The parrot's passport", PLANE["same way"]),
    (1905, OWN, "Not embedded yet", None),
    (1908, OTHER, "A stranger's note 2", (8.25, 4)),
    (1904, OWN, "Fees for March", PLANE["corner"]),
    (1903, OWN, ODD, PLANE["straight"]),
    (1906, OWN, "Old lease", PLANE["opposite"]),
    *((1908 + number, OTHER, f"A stranger's note {2 + number}", (8.25 + number / 8, 4)) for number in range(1, 5)),
]
"""Five of the user's documents can be compared, two of them with the same title. Another user's six are closer than most."""

OWNER = "WHERE user_id = %(user_id)s AND embedding IS NOT NULL"
DISTANCE = "embedding <=> %(q)s"


def _near(columns: str, rest: str) -> str:
    """An answer to `nearest` that selects these columns, and goes on like this after the table."""
    return f"""
def nearest(postgres, user_id, vector, k):
    query = "SELECT {columns} FROM documents {rest} LIMIT %(k)s"
    return postgres.execute(query, {{"q": vector, "user_id": user_id, "k": k}}).fetchall()
"""


@exercise(
    "06b.nearest",
    hints=[
        "Start from the search of Grace's notes above. Its `WHERE` gets a second condition, and its end a `LIMIT`.",
        "`WHERE user_id = %s AND embedding IS NOT NULL ORDER BY embedding <=> %s LIMIT %s`, then `.fetchall()`.",
    ],
    mistakes=[
        *OF_ANY_SEARCH,
        Mistake(
            "other users too",
            "Some belong to another user, whose documents are closer: a leak. `user_id` belongs in the `WHERE`.",
            old=OWNER,
            new="WHERE embedding IS NOT NULL",
        ),
        Mistake(
            "filtered after the limit",
            "You take the k nearest of all users, and then this user's among them. Filter in the `WHERE`, before the `LIMIT`.",
            code="""
            def nearest(postgres, user_id, vector, k):
                query = "SELECT title, user_id, embedding <=> %s AS distance FROM documents ORDER BY distance LIMIT %s"
                rows = postgres.execute(query, [vector, k]).fetchall()
                return [(title, distance) for title, owner, distance in rows if owner == user_id]
            """,
        ),
        Mistake(
            "NULL left out after the limit",
            "You take k rows, and leave out what has no vector when it has taken a place already. Filter in the `WHERE`, before "
            "the `LIMIT`.",
            code="""
            def nearest(postgres, user_id, vector, k):
                query = "SELECT title, embedding <=> %s AS distance FROM documents WHERE user_id = %s"
                rows = postgres.execute(query + " ORDER BY distance NULLS FIRST LIMIT %s", [vector, user_id, k])
                return [row for row in rows if row[1] is not None]
            """,
        ),
        Mistake(
            "NULL left out after the limit, and the wrong end",
            "The farthest comes first, and what has no vector has taken a place. Order ascending, and filter in the `WHERE`.",
            code="""
            def nearest(postgres, user_id, vector, k):
                query = "SELECT title, embedding <=> %s AS distance FROM documents WHERE user_id = %s"
                rows = postgres.execute(query + " ORDER BY distance DESC LIMIT %s", [vector, user_id, k])
                return [row for row in rows if row[1] is not None]
            """,
        ),
        Mistake(
            "the closest skipped",
            "The closest is missing. `OFFSET` skips rows from the front: leave it out.",
            old="LIMIT %(k)s",
            new="LIMIT %(k)s OFFSET 1",
        ),
        Mistake(
            "the other users'",
            "Those are the documents of everybody else. `user_id` is compared with `=`.",
            old="user_id = %(user_id)s",
            new="user_id <> %(user_id)s",
        ),
        Mistake(
            "NULL at the end",
            "Five can be compared, and the sixth has no vector: its distance is `NULL`, which `ORDER BY` puts last. `AND "
            "embedding IS NOT NULL` leaves it out.",
            old=" AND embedding IS NOT NULL",
            new="",
        ),
        Mistake(
            "the wrong end",
            "The farthest comes first. For each of pgvector's operators a smaller value is nearer: order ascending.",
            old="ORDER BY distance",
            new="ORDER BY distance DESC",
        ),
        Mistake(
            "the wrong end, and NULL",
            "The first has no vector: `DESC` puts NULL first, and then comes the farthest. Order ascending, and leave NULL out.",
            code=_near("title, embedding <=> %(q)s AS distance", "WHERE user_id = %(user_id)s ORDER BY distance DESC"),
        ),
        Mistake(
            "by L2",
            "This is the order of `<->`, and these vectors differ in length. The task asks for cosine, `<=>`.",
            old="<=>",
            new="<->",
        ),
        Mistake(
            "by L1",
            "This is the order of `<+>`, and these vectors differ in length. The task asks for cosine, `<=>`.",
            old="<=>",
            new="<+>",
        ),
        Mistake(
            "by the inner product",
            "This is the order of `<#>`, in which a long vector wins. The task asks for cosine, `<=>`.",
            old="<=>",
            new="<#>",
        ),
        Mistake(
            "sorted by L2",
            "The figures are right, and the order is that of `<->`. Sort by the distance that you return.",
            code=_near(f"title, {DISTANCE}", f"{OWNER} ORDER BY embedding <-> %(q)s"),
        ),
        Mistake(
            "near ones only",
            "One is missing: it points the other way, and that can be compared. What is far is an answer when k is large enough.",
            code=_near(f"title, {DISTANCE} AS distance", f"{OWNER} AND {DISTANCE} < 1 ORDER BY distance"),
        ),
        Mistake(
            "the texts",
            "Those are the documents' texts. Asked for are their titles: `(title, distance)`.",
            old="SELECT title",
            new="SELECT content",
        ),
        Mistake(
            "the similarity",
            "The order is right, and the figures are similarities. Return what `<=>` gives: 0 for the same direction, 2 for the "
            "opposite.",
            code=_near(f"title, 1 - ({DISTANCE})", f"{OWNER} ORDER BY {DISTANCE}"),
        ),
        Mistake(
            "the similarity, ascending",
            "The figures are similarities, and the smallest comes first: that is the farthest. Return and sort by what `<=>` "
            "gives.",
            old=DISTANCE,
            new=f"1 - ({DISTANCE})",
        ),
        Mistake(
            "no order",
            "The rows come as they lie in the table. Without an `ORDER BY`, a `LIMIT` takes any.",
            old="ORDER BY distance",
            new="",
        ),
        Mistake(
            "by the title",
            "The rows are in the order of their titles. Asked for is the closest first.",
            old="ORDER BY distance",
            new="ORDER BY title, id",
        ),
        Mistake(
            "the nearest, then by title",
            "Those are the right ones, and in the order of their titles. Leave them in the order of the distance.",
            code="""
            def nearest(postgres, user_id, vector, k):
                query = "SELECT title, embedding <=> %s AS distance FROM documents WHERE user_id = %s AND embedding IS NOT NULL"
                return sorted(postgres.execute(query + " ORDER BY distance LIMIT %s", [vector, user_id, k]).fetchall())
            """,
        ),
        Mistake(
            "each title once",
            "Two documents have the same title, and both are answers. `GROUP BY title` keeps one, and so do `DISTINCT ON` and a "
            "dictionary.",
            code="""
            def nearest(postgres, user_id, vector, k):
                own = "SELECT * FROM documents WHERE user_id = %s AND embedding IS NOT NULL"
                query = f"SELECT title, min(embedding <=> %s) AS distance FROM ({own}) AS own GROUP BY title ORDER BY 2 LIMIT %s"
                return postgres.execute(query, [vector, user_id, k]).fetchall()
            """,
        ),
        Mistake(
            "one user's, whoever asks",
            "Your function answers for a user whom you wrote into it. Use the `user_id` that it is given.",
            old='"user_id": user_id',
            new='"user_id": 1007',
        ),
        Mistake(
            "nothing found",
            "There are five, and your function finds none. Does it ask for Grace, or through another connection? The check asks "
            "for other users, on the connection that it gives. Or does it compare with `<> NULL`, which is never true, or give "
            "the values in another order than the placeholders stand in?",
            old='"user_id": user_id',
            new='"user_id": 7',
        ),
        Mistake(
            "titles in brackets",
            "Each row has the title alone. Select the distance as well: `(title, distance)`.",
            code=_near("title", f"{OWNER} ORDER BY {DISTANCE}"),
        ),
        Mistake(
            "titles alone",
            "Those are titles. Each row has two parts: `(title, distance)`.",
            code="""
            def nearest(postgres, user_id, vector, k):
                query = "SELECT title FROM documents WHERE user_id = %s AND embedding IS NOT NULL"
                rows = postgres.execute(query + " ORDER BY embedding <=> %s LIMIT %s", [user_id, vector, k])
                return [title for (title,) in rows]
            """,
        ),
        Mistake(
            "dictionaries",
            "Each row should be `(title, distance)`. Yours are dictionaries.",
            code="""
            def nearest(postgres, user_id, vector, k):
                query = "SELECT title, embedding <=> %s AS distance FROM documents WHERE user_id = %s AND embedding IS NOT NULL"
                rows = postgres.execute(query + " ORDER BY distance LIMIT %s", [vector, user_id, k])
                return [{"title": title, "distance": distance} for title, distance in rows]
            """,
        ),
        Mistake(
            "ids",
            "Those are ids, with their distances. The page shows titles: `(title, distance)`.",
            old="SELECT title",
            new="SELECT id",
        ),
        Mistake(
            "ids as well",
            "Each row has more than its two parts, `(title, distance)`.",
            old="SELECT title",
            new="SELECT id, title",
        ),
        Mistake(
            "the other way round",
            "Those are the right rows, with the distance first. The title comes first.",
            code=_near(f"{DISTANCE} AS distance, title", f"{OWNER} ORDER BY distance"),
        ),
        Mistake(
            "None for none",
            "A user without documents has an empty answer: the list `[]`.",
            old=FETCHED,
            new=").fetchall() or None",
        ),
        Mistake(
            "pasted into the SQL",
            "The answer is right, and values stand in the text of the SQL. The task says: bind them. A placeholder in the text, "
            "and the values in a list after it.",
            code="""
            def nearest(postgres, user_id, vector, k):
                return postgres.execute(
                    f"SELECT title, embedding <=> %s AS distance FROM documents WHERE user_id = {user_id} "
                    f"AND embedding IS NOT NULL ORDER BY distance LIMIT {k}", [vector]
                ).fetchall()
            """,
        ),
        Mistake(
            "all pasted into the SQL",
            "The answer is right, and the vector stands in the text of the SQL, all its numbers. Bind it: an array travels as a "
            "parameter.",
            code="""
            def nearest(postgres, user_id, vector, k):
                return postgres.execute(
                    f"SELECT title, embedding <=> '{vector.tolist()}' AS distance FROM documents WHERE user_id = %s "
                    "AND embedding IS NOT NULL ORDER BY distance LIMIT %s", [user_id, k]
                ).fetchall()
            """,
        ),
    ],
)
def nearest(nearest: Callable, trial: Trial) -> str:
    """Judge the search for several users, among documents of others that are closer."""

    def observe(user_id: int, k: int, point: tuple[float, float] = POINT) -> Callable[[Callable, Stage], Any]:
        return lambda answer, stage: rounded(answer(filled(stage, NOTES), user_id, wide(point), k))

    for k in (3, 1, 10):
        trial.compare(nearest, observe(OWN, k), f"For k = {k} you return {{found}}.")
    trial.compare(nearest, observe(NOBODY, 3), "This user has no documents. You return {found}.")
    trial.compare(nearest, observe(OTHER, 2), "Right for the first user. For another one and k = 2 you return {found}.")
    trial.compare(nearest, observe(OWN, 1, PLANE["long"]), "For another vector and k = 1 you return {found}.")
    return "One statement: filter, rank and title. Lesson 01 needed three round trips for it."
