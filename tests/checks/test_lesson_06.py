"""Answers to the exercises of lesson 06, wrong and right. `test_every_check.py` gives them; what else they promise is here."""

import numpy as np

from course import dataset, embed
from course.checks.lesson_06 import DRONE, FILMS, OPERATOR, TAXI, TEXTS
from course.stack import Stack
from tests.checks.answers import checked, exercise


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises; no answer was given yet."""
    return {"stack": stack, "np": np, "embed": embed, "postgres": stack.postgres.connect(), "dana": 4}


def chosen(**changes: object) -> str:
    """The right choice, with some things changed."""
    tasks = {"drone": DRONE, "taxi": TAXI, "texts": TEXTS, "films": FILMS}
    return f"operator_for = {OPERATOR | {tasks[name]: value for name, value in changes.items()}!r}"


SIMILAR = """
def most_similar(postgres, vector, k):
    return postgres.execute(
        '''SELECT id, 1 - (embedding <=> %(q)s) AS similarity FROM documents
           WHERE vector_norm(embedding) > 0 ORDER BY embedding <=> %(q)s LIMIT %(k)s''',
        {"q": vector, "k": k},
    ).fetchall()
"""
NEAREST = """
def nearest(postgres, user_id, vector, k):
    return postgres.execute(
        '''SELECT title, embedding <=> %(q)s AS distance FROM documents
           WHERE user_id = %(user_id)s AND embedding IS NOT NULL
           ORDER BY distance LIMIT %(k)s''',
        {"q": vector, "user_id": user_id, "k": k},
    ).fetchall()
"""


def similar(*changes: tuple[str, str]) -> str:
    """The usual way, with some things changed."""
    return changed(SIMILAR, changes)


def near(*changes: tuple[str, str]) -> str:
    """The usual way, with some things changed."""
    return changed(NEAREST, changes)


def changed(code: str, changes: tuple[tuple[str, str], ...]) -> str:
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    return code


COMPARABLE = "WHERE vector_norm(embedding) > 0"
BY_DISTANCE = "ORDER BY embedding <=> %(q)s"
AS_SIMILARITY = "1 - (embedding <=> %(q)s)"
OWNER = "WHERE user_id = %(user_id)s AND embedding IS NOT NULL"
BY_NUMPY = """
import numpy as np

def nearest(postgres, user_id, vector, k):
    rows = postgres.execute(
        "SELECT title, embedding FROM documents WHERE user_id = %s AND embedding IS NOT NULL", [user_id]
    ).fetchall()
    def cosine(other):
        other = other.to_numpy()
        return float(1 - other @ vector / np.linalg.norm(other) / np.linalg.norm(vector))
    return sorted([(title, cosine(other)) for title, other in rows], key=lambda row: row[1])[:k]
"""

WRONG = {
    "06.operator_for": [
        ("L1 for the drone", chosen(drone="<+>"), "A drone flies straight"),
        ("cosine for the drone", chosen(drone="<=>"), "looks at the angle alone"),
        ("L2 for the taxi", chosen(taxi="<->"), "A taxi cannot cross the blocks"),
        ("L2 for texts of any length", chosen(texts="<->"), "Here only the direction should count"),
        ("inner product for texts of any length", chosen(texts="<#>"), "a long vector wins over a close one"),
        ("cosine where length counts", chosen(films="<=>"), "and a greater length as well"),
        ("L2 where length counts", chosen(films="<->"), "It measures the straight line"),
        ("a name", chosen(texts="cosine"), "you have `cosine`. pgvector's four are"),
        ("an operator of pgvector's for bits", chosen(taxi="<~>"), "you have `<~>`. pgvector's four are"),
        ("the minus sign with it", chosen(films="-<#>"), "you have `-<#>`. pgvector's four are"),
        ("a number", chosen(films=3), "An operator is a text"),
        ("a task removed", "operator_for = {'drone': '<->'}", "Keep the four tasks as they are"),
    ],
    "06.most_similar": [
        ("as it was", similar((COMPARABLE, ""), (BY_DISTANCE, "ORDER BY similarity DESC")), "`DESC` puts NULL first"),
        (
            "NULLS LAST",
            similar((COMPARABLE, ""), (BY_DISTANCE, "ORDER BY similarity DESC NULLS LAST")),
            "`NULLS LAST` let it pass",
        ),
        (
            "IS NOT NULL",
            similar((COMPARABLE, "WHERE embedding IS NOT NULL"), (BY_DISTANCE, "ORDER BY similarity DESC")),
            "Its similarity is NaN, which is not NULL",
        ),
        ("IS NOT NULL, ascending", similar((COMPARABLE, "WHERE embedding IS NOT NULL")), "(k = 10) is a vector of zeros"),
        ("ascending alone", similar((COMPARABLE, "")), "ascending, it comes last, and is in the answer when k is large"),
        ("the similarity, ascending", similar((BY_DISTANCE, "ORDER BY similarity")), "The farthest comes first"),
        ("the distance, descending", similar((BY_DISTANCE, f"{BY_DISTANCE} DESC")), "The farthest comes first"),
        ("no order", similar((BY_DISTANCE, "ORDER BY id")), "With k = 3 you return [3, 8, 21]"),
        ("L2", similar((BY_DISTANCE, "ORDER BY embedding <-> %(q)s")), "This is the order of `<->`"),
        ("L1", similar((BY_DISTANCE, "ORDER BY embedding <+> %(q)s")), "This is the order of `<+>`"),
        ("inner product", similar((BY_DISTANCE, "ORDER BY embedding <#> %(q)s")), "This is the order of `<#>`"),
        ("the distance for the similarity", similar((AS_SIMILARITY, "embedding <=> %(q)s")), "A similarity is `1 - distance`"),
        ("the sign for the similarity", similar((AS_SIMILARITY, "-(embedding <=> %(q)s)")), "A similarity is `1 - distance`"),
        (
            "filtered after the limit",
            similar((COMPARABLE, ""), (BY_DISTANCE, "ORDER BY similarity DESC"))
            .replace("fetchall()", "fetchall()\n    return [row for row in rows if row[1] is not None and row[1] == row[1]]")
            .replace("return postgres", "rows = postgres"),
            "What is filtered after the `LIMIT`",
        ),
        (
            "positive similarities only",
            similar((COMPARABLE, "WHERE 1 - (embedding <=> %(q)s) BETWEEN 0 AND 1")),
            "An opposite direction is no reason",
        ),
        ("k forgotten", similar(("LIMIT %(k)s", "LIMIT 5"), ('"k": k', '"k": 5')), "`k` belongs in the `LIMIT`"),
        ("ids alone", similar((f", {AS_SIMILARITY} AS similarity", "")), "Each row should be `(id, similarity)`"),
        ("a cursor", similar((".fetchall()", "")), "`.fetchall()` gives one"),
        ("no return", similar(("return postgres", "postgres")), "is a `return` missing?"),
    ],
    "06.nearest": [
        ("other users too", near((OWNER, "WHERE embedding IS NOT NULL")), "whose documents are closer: a leak"),
        (
            "filtered after the limit",
            """
def nearest(postgres, user_id, vector, k):
    return postgres.execute('''SELECT title, distance FROM (
        SELECT title, user_id, embedding <=> %s AS distance FROM documents ORDER BY distance LIMIT %s) AS closest
        WHERE user_id = %s ORDER BY distance''', [vector, k, user_id]).fetchall()
""",
            "What is filtered after the `LIMIT`",
        ),
        ("NULL at the end", near((OWNER, "WHERE user_id = %(user_id)s")), "a document without a vector is in the answer"),
        ("descending", near(("ORDER BY distance", "ORDER BY distance DESC")), "The farthest comes first"),
        ("L2", near(("<=>", "<->")), "This is the order of `<->`"),
        ("L1", near(("<=>", "<+>")), "This is the order of `<+>`"),
        ("negative inner product", near(("<=>", "<#>")), "This is the order of `<#>`"),
        (
            "similarity",
            near(("embedding <=> %(q)s", "1 - (embedding <=> %(q)s)"), ("distance LIMIT", "distance DESC LIMIT")),
            "Return what `<=>` gives",
        ),
        ("no order", near(("ORDER BY distance LIMIT", "LIMIT")), "With k = 3 you return"),
        ("always five", near(("%(k)s", "5"), ('"k": k', '"k": 5')), "`k` belongs in the `LIMIT`"),
        ("always three", near(("%(k)s", "least(3, %(k)s)")), "Asked for 10, you return 3 rows"),
        ("always that user", near(('"user_id": user_id', '"user_id": 7')), "A user without documents gets"),
        ("a vector of its own", near(('"q": vector', '"q": np.array([4, 2] + [0] * 382)')), "Use the `vector` that"),
        (
            "titles alone",
            near((", embedding <=> %(q)s AS distance", ""), ("distance LIMIT", "embedding <=> %(q)s LIMIT")),
            "Each row should be `(title, distance)`",
        ),
        (
            "titles as a list",
            near(("return postgres", "rows = postgres")) + "    return [title for title, _ in rows]",
            "Each row has two parts",
        ),
        (
            "the other way round",
            near(("title, embedding <=> %(q)s AS distance", "embedding <=> %(q)s AS distance, title")),
            "The first part of a row is the title",
        ),
        (
            "dicts",
            near(("return postgres", "rows = postgres")) + "    return [{'title': t, 'distance': d} for t, d in rows]",
            "Each row should be `(title, distance)`",
        ),
        ("a list of numbers as the vector", near(('"q": vector', '"q": vector.tolist()')), "is a `::type` cast missing"),
        ("NumPy's own writing of the vector", near(('"q": vector', '"q": str(vector)')), "PostgreSQL could not take a value"),
        (
            "pasted into the SQL",
            near(("'''SELECT", "f'''SELECT"), ("%(q)s", "{vector.tolist()}")),
            "PostgreSQL could not read the SQL",
        ),
        ("one row", near(("fetchall", "fetchone")), "Return the list of rows"),
        ("a connection of its own", near(("postgres.execute", "stack.postgres.connect().execute")), "Your code stopped with"),
        (
            "closes the connection",
            "def nearest(postgres, user_id, vector, k):\n    with postgres:\n"
            + "\n".join(f"    {line}" for line in NEAREST.strip().splitlines()[1:]),
            "closed the connection",
        ),
    ],
}
RIGHT = {
    "06.operator_for": [
        ("with spaces", chosen(drone=" <-> ", films=" <#> ")),
        ("one more task", chosen() + "\noperator_for['bits'] = '<~>'"),
    ],
    "06.most_similar": [
        ("below NaN", similar((COMPARABLE, "WHERE embedding <=> %(q)s < 'NaN'"))),
        ("two conditions", similar((COMPARABLE, "WHERE embedding IS NOT NULL AND vector_norm(embedding) <> 0"))),
        ("still descending", similar((BY_DISTANCE, "ORDER BY similarity DESC"))),
        ("from a subquery", similar(("SELECT id", "SELECT * FROM (SELECT id"), ("LIMIT %(k)s", ") AS ranked LIMIT %(k)s"))),
        ("all, then in Python", similar(("LIMIT %(k)s", "")).replace("fetchall()", "fetchall()[:k]")),
        ("lists for rows", similar(("return postgres", "rows = postgres")) + "    return [list(row) for row in rows]"),
    ],
    "06.nearest": [
        ("by NumPy", BY_NUMPY),
        (
            "positional",
            """
def nearest(postgres, user_id, vector, k):
    return postgres.execute(
        "SELECT title, embedding <=> %s FROM documents WHERE user_id = %s AND embedding IS NOT NULL "
        "ORDER BY embedding <=> %s LIMIT %s", [vector, user_id, vector, k]).fetchall()
""",
        ),
        (
            "with a join",
            near(("FROM documents", "FROM documents d JOIN users u ON u.id = d.user_id"), ("WHERE user_id", "WHERE u.id")),
        ),
        ("text with a cast", near(("%(q)s", "%(q)s::vector"), ('"q": vector', '"q": str(vector.tolist())'))),
        ("numbers with a cast", near(("%(q)s", "%(q)s::vector"), ('"q": vector', '"q": vector.tolist()'))),
        ("through a cursor", near(("postgres.execute", "postgres.cursor().execute"))),
    ],
}
NEEDS = {"06.operator_for": ["postgres"], "06.most_similar": ["postgres"], "06.nearest": ["postgres"]}


def test_the_checks_leave_the_lessons_tables_as_they_are(stack: Stack) -> None:
    with stack.postgres.connect() as connection:
        dataset.load_postgres(connection)
        for id in WRONG:
            assert checked(id, exercise(id).solution().code, stack).passed
        count = "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM users), to_regclass('plane')"
        assert connection.execute(count).fetchone() == (300, 40, None)
