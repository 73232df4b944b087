"""Answers to the exercises of lesson 09, wrong and right. `test_every_check.py` gives them; what else they promise is here."""

from functools import cache

import numpy as np
import pytest

from course import dataset, embed, manifest
from course.pipeline.layout import Layout
from course.pipeline.source import read
from course.stack import Stack
from tests.checks.answers import checked, exercise

MADE_ABOVE = ("from datetime import datetime", "class User", "from datetime import timedelta", "BY_WORDS = ", "FUSED = ")


@cache
def cells_above() -> tuple[str, ...]:
    """The cells of the lesson that make the models and the queries which the exercises build on."""
    layout = Layout.of_this_course()
    path = layout.source(manifest.lesson("09"))
    cells = [cell.text for cell in read(path, layout.name(path)) if cell.kind == "code"]
    found = tuple(cell for cell in cells if cell.startswith(MADE_ABOVE))
    assert len(found) == len(MADE_ABOVE)
    return found


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises; of the cell that fuses, the query alone."""
    made: dict[str, object] = {"stack": stack, "np": np, "embed": embed, "postgres": stack.postgres.connect(), "dana": 4}
    for cell in cells_above():
        exec(cell.partition("text = ")[0], made)
    return made


NEW_USERS = """
def from_new_users(postgres, vector, days, k):
    return postgres.execute(
        '''SELECT d.id, u.name, d.embedding <=> %(q)s AS distance
           FROM documents d
           JOIN users u ON d.user_id = u.id
           WHERE u.created_at > NOW() - %(days)s * INTERVAL '1 day'
           ORDER BY distance
           LIMIT %(k)s''',
        {"q": vector, "days": days, "k": k},
    ).fetchall()
"""
SHARED = """
def search_shared(vector, *, user_ids=None, subscription=None, days=None, limit=5):
    distance = Document.embedding.cosine_distance(vector).label("distance")
    query = select(Document.id, Document.title, User.name, distance).join(User)
    if user_ids is not None:
        query = query.where(Document.user_id.in_(user_ids))
    if subscription is not None:
        query = query.where(User.subscription == subscription)
    if days is not None:
        query = query.where(Document.created_at > func.now() - timedelta(days=days))
    return query.order_by(distance).limit(limit)
"""
HYBRID = """
def hybrid_for(postgres, user_id, text, vector, k):
    rows = postgres.execute('''
        WITH mine AS (SELECT * FROM documents WHERE user_id = %(user_id)s),
        asked AS (
            SELECT to_tsquery('english', string_agg(quote_literal(lexeme), ' | ')) AS query
            FROM unnest(to_tsvector('english', %(text)s))
        ),
        by_words AS (
            SELECT id, row_number() OVER (ORDER BY ts_rank_cd(words, query) DESC, id) AS rank
            FROM mine, asked WHERE words @@ query ORDER BY rank LIMIT 20
        ),
        by_meaning AS (
            SELECT id, row_number() OVER (ORDER BY embedding <=> %(vector)s) AS rank
            FROM mine ORDER BY rank LIMIT 20
        )
        SELECT id FROM by_words w FULL JOIN by_meaning m USING (id)
        ORDER BY coalesce(1.0 / (60 + w.rank), 0) + coalesce(1.0 / (60 + m.rank), 0) DESC, id
        LIMIT %(k)s''', {"user_id": user_id, "text": text, "vector": vector, "k": k}).fetchall()
    return [id for (id,) in rows]
"""


def changed(code: str, *changes: tuple[str, str]) -> str:
    """The usual way, with some things changed."""
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    return code


def new(*changes: tuple[str, str]) -> str:
    return changed(NEW_USERS, *changes)


def shared(*changes: tuple[str, str]) -> str:
    return changed(SHARED, *changes)


def hybrid(*changes: tuple[str, str]) -> str:
    return changed(HYBRID, *changes)


JOIN, ON = "JOIN users u ON d.user_id = u.id", "d.user_id = u.id"
WHERE = "WHERE u.created_at > NOW() - %(days)s * INTERVAL '1 day'"
DISTANCE = "d.embedding <=> %(q)s AS distance"
ASKS = "if user_ids is not None:"
IN = "query = query.where(Document.user_id.in_(user_ids))"
SCORE = "coalesce(1.0 / (60 + w.rank), 0) + coalesce(1.0 / (60 + m.rank), 0)"
MINE = "SELECT * FROM documents WHERE user_id = %(user_id)s"

ANY_WORD = """SELECT to_tsquery('english', string_agg(quote_literal(lexeme), ' | ')) AS query
            FROM unnest(to_tsvector('english', %(text)s))"""
ALL_WORDS = "SELECT websearch_to_tsquery('english', %(text)s) AS query"
HIDDEN = """
def hybrid_for(postgres, user_id, text, vector, k):
    only = "WITH documents AS (SELECT * FROM documents WHERE user_id = %(user_id)s),"
    query = FUSED.replace("WITH", only, 1).replace("LIMIT 10", "LIMIT %(k)s")
    values = {"user_id": user_id, "text": text, "vector": vector, "n": 20, "k": k}
    return [id for id, *_ in postgres.execute(query, values)]
"""

WRONG = {
    "09.from_new_users": [
        ("the document's date", new(("u.created_at", "d.created_at")), "`d.created_at` tells when it was written"),
        ("one of two dates", new(("u.created_at", "created_at")), "Two tables have this column"),
        ("no condition", new((WHERE, "WHERE true OR %(days)s > 0")), "a condition on `u.created_at` is missing"),
        ("no condition for the join", new((JOIN, "CROSS JOIN users u")), "each document is paired with each user"),
        (
            "LEFT JOIN with all in its condition",
            new((JOIN, "LEFT " + JOIN), (WHERE, WHERE.replace("WHERE", "AND"))),
            "A `LEFT JOIN` keeps each document",
        ),
        ("ids compared", new((ON, "d.id = u.id")), "compare the document's `user_id` with the user's `id`"),
        ("before for after", new(("u.created_at >", "u.created_at <")), "After is greater"),
        ("premium only", new((WHERE, WHERE + " AND u.subscription = 'premium'")), "whatever their plan"),
        (
            "a placeholder in quotes",
            new(("%(days)s * INTERVAL '1 day'", "INTERVAL '%(days)s days'")),
            "Does `%(days)s` stand in quotes?",
        ),
        ("always 7 days", new(("%(days)s * INTERVAL '1 day'", "INTERVAL '7 days'")), "you miss Bo Larch"),
        ("always 30 days", new(("%(days)s * INTERVAL '1 day'", "INTERVAL '30 days'")), "Use `days`, as given"),
        (
            "filtered after the limit",
            new(
                ("FROM documents d", "FROM (SELECT * FROM documents ORDER BY embedding <=> %(q)s LIMIT %(k)s) d"),
            ),
            "What is filtered after a `LIMIT` is missing",
        ),
        ("descending", new(("ORDER BY distance", "ORDER BY distance DESC")), "The farthest comes first"),
        ("no order", new(("ORDER BY distance", "")), "Without an `ORDER BY`"),
        ("L2", new(("<=>", "<->")), "This is the order of `<->`"),
        ("negative inner product", new(("<=>", "<#>")), "This is the order of `<#>`"),
        (
            "similarity",
            new((DISTANCE, "1 - (d.embedding <=> %(q)s) AS distance"), ("BY distance", "BY distance DESC")),
            "return `<=>`'s own",
        ),
        ("always five", new(("LIMIT %(k)s", "LIMIT 5")), "`k` belongs in the `LIMIT`"),
        ("without the owner", new(("d.id, u.name,", "d.id,")), "Each row should be `(id, owner, distance)`"),
        ("the user's id", new(("u.name", "u.id")), "is the owner's name"),
        ("a cursor", new((".fetchall()", "")), "`.fetchall()` gives one"),
        ("not returned", new(("return postgres", "postgres")), "is a `return` missing?"),
    ],
    "09.search_shared": [
        ("an empty list for none", shared((ASKS, "if user_ids:")), "An empty list means nobody"),
        ("the new statement dropped", shared((IN, "query.where(Document.user_id.in_(user_ids))")), "gives a new one"),
        ("no filter", shared((ASKS, "if False:")), "Either there is no such condition"),
        ("all but these", shared(("user_id.in_", "user_id.not_in")), "what belongs to the others"),
        ("equal to a list", shared(("Document.user_id.in_(user_ids)", "Document.user_id == user_ids")), "by `.in_(…)`"),
        (
            "Python's in",
            shared(("Document.user_id.in_(user_ids)", "Document.user_id in user_ids")),
            "SQL's `IN` is",
        ),
        ("the first of them", shared(("in_(user_ids)", "in_(user_ids[:1])")), "in place of"),
        ("always asked", shared((ASKS, "if True:")), "Your code stopped with"),
        (
            "nobody set, nobody found",
            shared((ASKS, "if True:"), ("in_(user_ids)", "in_(user_ids or [])")),
            "That means no such filter",
        ),
        (
            "instead of the other filters",
            shared((IN, f"{IN}\n        return query.order_by(distance).limit(limit)")),
            "All filters must hold",
        ),
        (
            "either this or the plan",
            shared(
                (ASKS, "from sqlalchemy import or_\n    if user_ids is not None and subscription is not None:"),
                (
                    IN,
                    "query = query.where(or_(Document.user_id.in_(user_ids), User.subscription == subscription))\n"
                    "        subscription = None\n    elif user_ids is not None:\n        " + IN,
                ),
            ),
            "All filters must hold",
        ),
        ("no order", shared((".order_by(distance)", ".order_by(Document.id)")), "Keep the `order_by(distance)`"),
        ("always five", shared((".limit(limit)", ".limit(5)")), "in place of"),
        (
            "rows for a statement",
            shared(("return query.order_by(distance).limit(limit)", "return [query]")),
            "Return the statement",
        ),
        ("SQL as text", shared(("return query.order_by(distance).limit(limit)", "return str(query)")), "Return the statement"),
        ("without the id", shared(("select(Document.id, ", "select(")), "Keep `Document.id`"),
        ("not returned", shared(("return query", "query")), "is a `return` missing?"),
    ],
    "09.hybrid_for": [
        ("of all users", hybrid((MINE, "SELECT * FROM documents WHERE true OR id = %(user_id)s")), "Both lists need the filter"),
        ("filter in one list", hybrid(("FROM mine ORDER BY rank", "FROM documents ORDER BY rank")), "Both lists need the filter"),
        (
            "filtered after the lists are cut",
            hybrid(
                (MINE, "SELECT * FROM documents"),
                ("SELECT id FROM by_words", "SELECT id FROM documents JOIN (SELECT id, w.rank AS a, m.rank AS b FROM by_words"),
                ("USING (id)", "USING (id)) AS f USING (id) WHERE user_id = %(user_id)s"),
                ("w.rank), 0)", "a), 0)"),
                ("m.rank), 0)", "b), 0)"),
            ),
            "It is trap 1 again",
        ),
        ("JOIN", hybrid(("FULL JOIN", "JOIN")), "only what is in both lists"),
        ("LEFT JOIN", hybrid(("FULL JOIN", "LEFT JOIN")), "only what is in the words' list"),
        ("RIGHT JOIN", hybrid(("FULL JOIN", "RIGHT JOIN")), "only what is in the other list"),
        ("whole numbers", hybrid(("1.0 /", "1 /")), "In whole numbers, 1 / 61 is 0"),
        ("without coalesce", hybrid((SCORE, "1.0 / (60 + w.rank) + 1.0 / (60 + m.rank)")), "puts NULL first"),
        (
            "the lowest score first",
            hybrid(("DESC, id\n        LIMIT", "ASC, id\n        LIMIT")),
            "The smallest scores come first",
        ),
        ("one over the rank", hybrid(("(60 + w.rank)", "w.rank"), ("(60 + m.rank)", "m.rank")), "This is the order of 1 / rank"),
        ("ten of each", hybrid(("LIMIT 20", "LIMIT 10")), "what 10 of each list give"),
        ("all of each", hybrid(("LIMIT 20", "LIMIT 50")), "whatever k"),
        ("k of each", hybrid(("LIMIT 20", "LIMIT %(k)s")), "what 5 of each list give"),
        ("words alone", hybrid((SCORE, "coalesce(1.0 / (60 + w.rank), 0)")), "the ranking by words alone"),
        ("meaning alone", hybrid((SCORE, "coalesce(1.0 / (60 + m.rank), 0)")), "the ranking by meaning alone"),
        (
            "all words",
            hybrid((ANY_WORD, ALL_WORDS)),
            "the ranking by meaning alone",
        ),
        (
            "the word list upside down",
            hybrid(("ts_rank_cd(words, query) DESC, id", "ts_rank_cd(words, query), id")),
            "From the ranks, it should begin",
        ),
        ("always five", hybrid(("LIMIT %(k)s", "LIMIT 5")), "From the ranks"),
        ("rows", hybrid(("[id for (id,) in rows]", "rows")), "Those are rows"),
        ("without a limit", hybrid(("LIMIT %(k)s", "")), "`k` belongs in the `LIMIT`"),
        ("one user for ever", hybrid(('"user_id": user_id', '"user_id": 21')), "A user without documents gets some"),
        (
            "a union of the two",
            hybrid(
                (
                    "SELECT id FROM by_words w FULL JOIN by_meaning m USING (id)",
                    "SELECT id FROM (TABLE by_words UNION ALL TABLE by_meaning) AS w",
                ),
                (SCORE, "1.0 / (60 + w.rank)"),
            ),
            "stands twice",
        ),
        ("not returned", hybrid(("return [id", "[id")), "is a `return` missing?"),
    ],
}
RIGHT = {
    "09.from_new_users": [
        ("make_interval", new(("%(days)s * INTERVAL '1 day'", "make_interval(days => %(days)s)"))),
        ("the condition in the join", new((WHERE, WHERE.replace("WHERE", "AND")))),
        ("a comma for the join", new((JOIN, ", users u"), (WHERE, WHERE.replace("WHERE", f"WHERE {ON} AND")))),
        ("the operator in the order", new(("ORDER BY distance", "ORDER BY d.embedding <=> %(q)s"))),
        (
            "a subquery for the users",
            new(
                ("FROM documents d", "FROM documents d"),
                (JOIN, "JOIN (SELECT * FROM users WHERE created_at > NOW() - %(days)s * INTERVAL '1 day') u ON d.user_id = u.id"),
                (WHERE, ""),
            ),
        ),
        ("lists for rows", new(("return postgres", "rows = postgres")) + "    return [list(row) for row in rows]"),
    ],
    "09.search_shared": [
        ("by the user's id", shared(("Document.user_id.in_", "User.id.in_"))),
        (
            "any of an array",
            shared(
                ("Document.user_id.in_(user_ids)", "Document.user_id == any_(list(user_ids))"),
                (ASKS, "from sqlalchemy import any_\n    " + ASKS),
            ),
        ),
        (
            "after the limit",
            shared(
                (f"{ASKS}\n        {IN}\n    ", ""),
                ("return query", "query = query"),
                ("limit(limit)", f"limit(limit)\n    {ASKS}\n        {IN}\n    return query"),
            ),
        ),
        ("filters collected", shared((IN, "query = query.filter(Document.user_id.in_(user_ids))"))),
    ],
    "09.hybrid_for": [
        ("one statement", HYBRID),
        (
            "documents hidden by a table of its own",
            HIDDEN,
        ),
        (
            "a union that adds up",
            hybrid(
                (
                    "SELECT id FROM by_words w FULL JOIN by_meaning m USING (id)",
                    "SELECT id FROM (TABLE by_words UNION ALL TABLE by_meaning) AS w GROUP BY id",
                ),
                (SCORE, "sum(1.0 / (60 + w.rank))"),
            ),
        ),
        ("floats", hybrid(("1.0 /", "1::float8 /"))),
    ],
}
NEEDS = dict.fromkeys(WRONG, ("postgres",))


@pytest.mark.parametrize("id", list(WRONG))
def test_the_checks_leave_the_lessons_tables_as_they_are(id: str, stack: Stack) -> None:
    dataset.load_one(stack, search_settings=False)
    try:
        with stack.postgres.connect() as connection:
            assert checked(id, exercise(id).solution().code, stack).passed
            count = "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM users)"
            assert connection.execute(count).fetchone() == (300, 40)
    finally:
        dataset.load(stack)
