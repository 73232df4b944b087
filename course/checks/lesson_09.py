"""The exercises of lesson 09: a question about documents and their owners, and a statement with as many filters as are set."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta  # noqa: F401  the solution and its mistakes use what is not used here
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
from pgvector.sqlalchemy import Vector
from sqlalchemy import Executable, ForeignKey, NullPool, create_engine, func, or_, select, text  # noqa: F401  as above
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from course.embedding import DIMENSIONS
from course.exercises.check import exercise
from course.exercises.kinds import describe
from course.exercises.mistakes import Mistake, Trial
from course.exercises.stage import ODD, Stage

TABLES = """
    CREATE TABLE users (
        id bigint PRIMARY KEY, name text NOT NULL, email text NOT NULL, subscription text NOT NULL,
        created_at timestamptz NOT NULL
    );
    CREATE TABLE documents (
        id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, title text NOT NULL, content text NOT NULL,
        created_at timestamptz NOT NULL, embedding vector(384) NOT NULL
    );
"""

OWNERS = (
    (1011, "Ada Quill", "premium", 3.5),
    (1012, "Bo Larch", "free", 20.5),
    (1013, "Cy Moss", "premium", 2000.5),
    (1014, "Eve Tansy", "free", 5.5),
    (1015, "Fay Wick", "premium", 0.5),
    (1016, ODD, ODD, 1300.5),
    (1017, "Gil Oak", "free", 1.5),
)
"""Users: id, name, plan, and how many days ago each joined."""

NOTES = (
    (1907, 1013, 0, 1.5, 1.0),
    (1905, 1012, 5, 15.5, 2.0),
    (1903, 1014, 10, 4.5, 4.0),
    (1908, 1013, 15, 1.5, 1.0),
    (1901, 1011, 20, 2.5, 1.0),
    (1911, 1016, 25, 30.5, 1.0),
    (1910, 1015, 30, 0.2, 1.0),
    (1013, 1012, 35, 15.5, 1.0),
    (1912, 1017, 40, 0.5, 1.0),
    (1902, 1011, 50, 2.5, 3.0),
    (1904, 1014, 70, 9.5, 0.5),
    (1909, 1011, 120, 9.5, 1.0),
)
"""Documents, the closest first: id, owner, angle to the question in degrees, days since it was written, the vector's length.

Cy joined long ago, and writes every day; Eve and Ada brought notes along. One document has a user's number for its id."""


class Base(DeclarativeBase):
    """What the models have in common, as in the notebook."""


class User(Base):
    """The notebook's model of a user."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    subscription: Mapped[str]


class Document(Base):
    """The notebook's model of a document."""

    __tablename__ = "documents"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str]
    created_at: Mapped[datetime]
    embedding = mapped_column(Vector(DIMENSIONS), deferred=True)


def vector_at(angle: float, length: float = 1.0) -> np.ndarray:
    """A vector of 384 numbers at this angle, in degrees, to the question's, which is `vector_at(0)`."""
    turned = math.radians(angle)
    head = [length * math.cos(turned), length * math.sin(turned)]
    return np.array([*head, *[0.0] * (DIMENSIONS - 2)], dtype=np.float32)


def _planted(stage: Stage) -> psycopg.Connection:
    """A connection to a database with the owners and their notes in it, rows in the order of their ids."""
    lent = stage.database(TABLES)
    with stage.own.cursor() as cursor:
        cursor.executemany("INSERT INTO users VALUES (%s, %s, 'a@lumen.example', %s, now() - %s * INTERVAL '1 day')", OWNERS)
        cursor.executemany(
            "INSERT INTO documents VALUES (%s, %s, 'A note', 'planted', now() - %s * INTERVAL '1 day', %s)",
            [(id, owner, days, vector_at(angle, length)) for id, owner, angle, days, length in sorted(NOTES)],
        )
    return lent


CLOSER = """
    INSERT INTO documents
    SELECT 3000 + n, user_id, title, content, created_at, embedding FROM documents, generate_series(1, %s) AS n WHERE id = 1907
"""
"""Adds so many copies of the closest document, whose owner joined long ago."""

JOIN = "JOIN users u ON d.user_id = u.id"
WHERE = "WHERE u.created_at > NOW() - %(days)s * INTERVAL '1 day'"


@exercise(
    "09.from_new_users",
    hints=[
        "Three lines are missing: the `JOIN` with its condition, a `WHERE`, and an `ORDER BY`.",
        "Both tables have a `created_at`. When did a *user* join? `u.created_at`.",
        "`%(days)s * INTERVAL '1 day'` is a length of time from a bound number. A placeholder in quotes is text.",
    ],
    mistakes=[
        Mistake(
            "the document's date",
            "What is new there is the document. `d.created_at` tells when it was written, `u.created_at` when its owner joined.",
            old="u.created_at",
            new="d.created_at",
        ),
        Mistake(
            "no condition",
            "There are documents of users who joined earlier: a condition on `u.created_at` is missing.",
            old=WHERE,
            new="WHERE %(days)s > 0",
        ),
        Mistake(
            "no condition for the join",
            "A document stands there more than once, beside several owners. Without `d.user_id = u.id`, each document is paired "
            "with each user.",
            old=JOIN,
            new="CROSS JOIN users u",
        ),
        Mistake(
            "LEFT JOIN with all in its condition",
            "There are rows without an owner. A `LEFT JOIN` keeps each document, and puts NULL where its condition fails: take "
            "`JOIN`, or put the condition into the `WHERE`.",
            old=f"{JOIN}\n           WHERE",
            new=f"LEFT {JOIN} AND",
        ),
        Mistake(
            "ids compared",
            "Does your `JOIN` compare the document's `user_id` with the user's `id`?",
            old="d.user_id = u.id",
            new="d.id = u.id",
        ),
        Mistake(
            "before for after",
            "Those are the users who joined before that. After is greater: `u.created_at > NOW() - …`.",
            old="u.created_at >",
            new="u.created_at <",
        ),
        Mistake(
            "premium only",
            "These are premium users' documents alone. This question is about all users, whatever their plan.",
            old=WHERE,
            new=WHERE + " AND u.subscription = 'premium'",
        ),
        Mistake(
            "documents of these days as well",
            "A new user's older document is missing: the age of the document is not asked for, only when its owner joined.",
            old=WHERE,
            new=WHERE + " AND d.created_at > NOW() - INTERVAL '7 days'",
        ),
        Mistake(
            "documents of as many days",
            "A new user's older document is missing: when it was written is not asked for, only when its owner joined.",
            old=WHERE,
            new=WHERE + " AND d.created_at > NOW() - %(days)s * INTERVAL '1 day'",
        ),
        Mistake(
            "one document of each",
            "Each user stands there once. A user may have several of the closest: no `DISTINCT`, no `GROUP BY`.",
            old="SELECT d.id, u.name, d.embedding <=> %(q)s AS distance\n           FROM documents d",
            new="SELECT d.id, u.name, distance FROM (SELECT DISTINCT ON (user_id) id, user_id, embedding <=> %(q)s AS distance "
            "FROM documents ORDER BY user_id, distance) d",
        ),
        Mistake(
            "a placeholder in quotes",
            "Does `%(days)s` stand in quotes? There it is a text that psycopg does not fill with your number. Multiply: "
            "`%(days)s * INTERVAL '1 day'`.",
            old="%(days)s * INTERVAL '1 day'",
            new="INTERVAL '%(days)s days'",
        ),
        Mistake(
            "always 7 days",
            "These are the users of the last 7 days, whatever was asked for. Use `days`, as given.",
            old="%(days)s * INTERVAL '1 day'",
            new="INTERVAL '7 days'",
        ),
        Mistake(
            "always 365 days",
            "These are the users of a longer time than was asked for. Use `days`, as given, and as days.",
            old="%(days)s * INTERVAL '1 day'",
            new="INTERVAL '365 days'",
        ),
        Mistake(
            "hours for days",
            "Only who joined within so many hours is there. `days` counts days: multiply it with `INTERVAL '1 day'`.",
            old="'1 day'",
            new="'1 hour'",
        ),
        Mistake(
            "filtered after the limit",
            "Rows are missing: what is filtered after a `LIMIT` is gone. `LIMIT` comes last, in the same query as the filter.",
            old="FROM documents d",
            new="FROM (SELECT * FROM documents ORDER BY embedding <=> %(q)s LIMIT %(k)s) d",
        ),
        Mistake(
            "some more fetched before the filter",
            "Rows are missing: you take some of the closest first, and filter those. Closer ones of others may be as many as "
            "they like. Filter in the same query, before its `LIMIT`.",
            old="FROM documents d",
            new="FROM (SELECT * FROM documents ORDER BY embedding <=> %(q)s LIMIT 10 * %(k)s + 90) d",
        ),
        Mistake(
            "descending",
            "The farthest comes first. A smaller distance is closer: order ascending.",
            "ORDER BY distance",
            "ORDER BY distance DESC",
        ),
        Mistake(
            "no order",
            "Without an `ORDER BY`, a table has no order, and `LIMIT` keeps any rows.",
            old="ORDER BY distance",
            new="",
        ),
        Mistake(
            "by the date",
            "The newest user comes first. The closest document should: order by the distance.",
            old="ORDER BY distance",
            new="ORDER BY u.created_at DESC",
        ),
        Mistake(
            "L2",
            "This is the distance of `<->`, and these vectors differ in length. The task asks for cosine: `<=>`.",
            old="<=>",
            new="<->",
        ),
        Mistake(
            "negative inner product",
            "This is `<#>`, and these vectors differ in length. The task asks for cosine: `<=>`.",
            old="<=>",
            new="<#>",
        ),
        Mistake(
            "similarity, farthest first",
            "This is a similarity, `1 - …`, and with it ascending the farthest comes first. Return `<=>`'s own value.",
            old="d.embedding <=> %(q)s AS",
            new="1 - (d.embedding <=> %(q)s) AS",
        ),
        Mistake(
            "similarity",
            "The right rows, with a similarity in place of the distance: return `<=>`'s own value.",
            code=f'''
            def from_new_users(postgres, vector, days, k):
                return postgres.execute(
                    """SELECT d.id, u.name, 1 - (d.embedding <=> %(q)s) AS similarity
                       FROM documents d {JOIN} {WHERE} ORDER BY similarity DESC LIMIT %(k)s""",
                    {{"q": vector, "days": days, "k": k}},
                ).fetchall()
            ''',
        ),
        Mistake(
            "always five", "You return five rows at most, whatever `k` is. `k` belongs in the `LIMIT`.", "LIMIT %(k)s", "LIMIT 5"
        ),
        Mistake("no limit", "You return every document that qualifies. `k` belongs in the `LIMIT`.", "LIMIT %(k)s", ""),
        Mistake(
            "the owner's name first",
            "The parts of a row stand in another order: first the document's id, then the owner's name, and the distance.",
            old="d.id, u.name,",
            new="u.name, d.id,",
        ),
        Mistake(
            "the user's id for the document's",
            "The first part of a row is the document's id, `d.id`. You return its owner's.",
            old="d.id, u.name,",
            new="u.id, u.name,",
        ),
        Mistake(
            "rounded",
            "The distances are rounded. Return them as they are: two documents may differ in a later figure.",
            old="d.embedding <=> %(q)s AS",
            new="round((d.embedding <=> %(q)s)::numeric, 3) AS",
        ),
        Mistake(
            "the owner's id",
            "The second part of a row is the owner's name, `u.name`.",
            old="u.name",
            new="u.id",
        ),
        Mistake(
            "the title",
            "The second part of a row is the owner's name, `u.name`. You return the document's title.",
            old="u.name",
            new="d.title",
        ),
        Mistake(
            "without the owner",
            "Each row should be `(id, owner, distance)`: three parts.",
            old="d.id, u.name,",
            new="d.id,",
        ),
        Mistake(
            "a cursor",
            "Return the list of rows, each `(id, owner, distance)`; `.fetchall()` gives one.",
            old=".fetchall()",
            new="",
        ),
        Mistake("not returned", "Nothing comes back: a `return` is missing.", old="return postgres", new="postgres"),
        Mistake(
            "the first row",
            "That is one row. `.fetchone()` gives the first, `.fetchall()` all of them.",
            old=".fetchall()",
            new=".fetchone()",
        ),
    ],
)
def from_new_users(from_new_users: Callable, trial: Trial) -> str:
    """Judge on owners who joined lately or long ago, where those of long ago write as well."""
    for days, k, closer in ((30, 9, 0), (7, 9, 0), (7, 3, 0), (30, 1000, 0), (1, 5, 0), (1500, 4, 0), (0, 5, 0), (7, 3, 400)):

        def observe(from_new_users: Callable, stage: Stage, days: int = days, k: int = k, closer: int = closer) -> Any:
            lent = _planted(stage)
            stage.own.execute(CLOSER, [closer])
            return _as_rows(from_new_users(lent, vector_at(0), days, k))

        those = f" and {closer} closer notes of a user of long ago" if closer else ""
        about = f"Asked for users of the last {days} days and k = {k}{those}, you return {{found}}."
        trial.compare(from_new_users, observe, about, _close)
    return "The filter is about one table, the closeness about another, and nobody had to carry ids between them."


def _as_rows(answer: object) -> object:
    """Rows as tuples, whatever kind of row they are; anything else is told as what it is."""
    if not isinstance(answer, list):
        return describe(answer)
    return [tuple(row.values()) if isinstance(row, dict) else tuple(row) if isinstance(row, list) else row for row in answer]


def _close(found: object, wanted: object) -> bool:
    """Whether two answers are the same; distances are single precision."""
    if not isinstance(found, list) or not isinstance(wanted, list):
        return found == wanted
    far, near = ([float(row[-1]) if isinstance(row[-1], Decimal) else row[-1] for row in rows] for rows in (found, wanted))
    return [row[:-1] for row in found] == [row[:-1] for row in wanted] and bool(np.allclose(far, near, atol=1e-5))


IN = "query = query.where(Document.user_id.in_(user_ids))"
ASKS = "if user_ids is not None:"


@exercise(
    "09.search_shared",
    hints=[
        "A statement never changes. `query.where(…)` gives a new one, which needs a name: `query = query.where(…)`.",
        "`Document.user_id.in_(user_ids)` is SQL's `IN`.",
        "Python takes an empty list for false, and `None` too. Here the two mean different things: ask for `is not None`.",
    ],
    mistakes=[
        Mistake(
            "an empty list for none",
            "That is a leak: an empty list means nobody. Python takes it for false, as it does `None`. Ask for `is not None`.",
            old=ASKS,
            new="if user_ids:",
        ),
        Mistake(
            "the new statement dropped",
            "Other users' documents are found as well. Either there is no such condition, or it is lost: `.where(…)` leaves a "
            "statement as it is and gives a new one, `query = query.where(…)`.",
            old=IN,
            new="query.where(Document.user_id.in_(user_ids))",
        ),
        Mistake(
            "all but these",
            "You find what belongs to the others. The list names whose documents may be found.",
            old="user_id.in_",
            new="user_id.not_in",
        ),
        Mistake(
            "documents with these ids",
            "The list names users. You compare it with the documents' own ids: `Document.user_id`.",
            old="Document.user_id.in_",
            new="Document.id.in_",
        ),
        Mistake(
            "equal to a list",
            "PostgreSQL refuses your statement: one number is no list. A column is compared with a list by `.in_(…)`.",
            old="Document.user_id.in_(user_ids)",
            new="Document.user_id == user_ids",
        ),
        Mistake(
            "Python's in",
            "Python's `in` compares before any row is there. SQL's `IN` is `Document.user_id.in_(…)`.",
            old="Document.user_id.in_(user_ids)",
            new="Document.user_id in user_ids",
        ),
        Mistake(
            "one condition for each",
            "You find nothing: a document has one owner, and yours would have to be everybody's at once. "
            "`.in_(user_ids)` asks for one of them.",
            old=IN,
            new="for user_id in user_ids: query = query.where(Document.user_id == user_id)",
        ),
        Mistake(
            "names",
            "PostgreSQL refuses your statement: a name is compared with numbers. The list holds users' ids: `Document.user_id`.",
            old="Document.user_id.in_",
            new="User.name.in_",
        ),
        Mistake(
            "an empty list returned",
            "With an empty list, too, the caller gets a statement, and executes it. `.in_([])` is one that finds nothing.",
            old=ASKS,
            new="if user_ids == []: return []\n    if user_ids is not None:",
        ),
        Mistake(
            "the first of them",
            "Only the first user's documents are found. The list may name several: `.in_(user_ids)` takes them all.",
            old="in_(user_ids)",
            new="in_(user_ids[:1])",
        ),
        Mistake(
            "always asked",
            "With `user_ids` not set it is `None`, and `.in_(None)` is no list. Add the condition only if it is not `None`.",
            old=ASKS,
            new="if True:",
        ),
        Mistake(
            "nobody set, nobody found",
            "Nobody has set `user_ids`: it is `None`. That means no such filter, and you find nothing.",
            old=f"{ASKS}\n        {IN}",
            new="query = query.where(Document.user_id.in_(user_ids or []))",
        ),
        Mistake(
            "instead of the other filters",
            "All filters that are set must hold. With a list of users, yours leaves before the other two are added.",
            old=IN,
            new=f"return {IN.removeprefix('query = ')}.order_by(distance).limit(limit)",
        ),
        Mistake(
            "either of two filters",
            "All filters must hold, not one of them: an `elif` skips the second.",
            old="if subscription is not None",
            new="elif subscription is not None",
        ),
        Mistake(
            "or",
            "All filters that are set must hold, not one of them: `or_` lets through what any of them lets through.",
            code="""
            def search_shared(vector, *, user_ids=None, subscription=None, days=None, limit=5):
                from sqlalchemy import or_

                distance = Document.embedding.cosine_distance(vector).label("distance")
                query = select(Document.id, Document.title, User.name, distance).join(User)
                filters = []
                if user_ids is not None:
                    filters.append(Document.user_id.in_(user_ids))
                if subscription is not None:
                    filters.append(User.subscription == subscription)
                if days is not None:
                    filters.append(Document.created_at > func.now() - timedelta(days=days))
                return (query.where(or_(*filters)) if filters else query).order_by(distance).limit(limit)
            """,
        ),
        Mistake(
            "filtered after the limit",
            "The limit comes first in yours, and the filter takes from what is left. Add the condition before `.limit(…)`.",
            code="""
            def search_shared(vector, *, user_ids=None, subscription=None, days=None, limit=5):
                distance = Document.embedding.cosine_distance(vector).label("distance")
                query = select(Document.id, Document.user_id, Document.title, User.name, distance).join(User)
                if subscription is not None:
                    query = query.where(User.subscription == subscription)
                if days is not None:
                    query = query.where(Document.created_at > func.now() - timedelta(days=days))
                found = query.order_by(distance).limit(limit).subquery()
                query = select(found).order_by(found.c.distance)
                return query if user_ids is None else query.where(found.c.user_id.in_(user_ids))
            """,
        ),
        Mistake(
            "the days skipped",
            "With a list of users, your `days` count no more. Each filter has an `if` of its own.",
            old="    if days is not None:",
            new="    if days is not None and user_ids is None:",
        ),
        Mistake(
            "or premium",
            "You find documents of users who are not in the list: an `|` lets through what either condition lets through. All "
            "filters that are set must hold.",
            old=IN,
            new='query = query.where(Document.user_id.in_(user_ids) | (User.subscription == "premium"))',
        ),
        Mistake(
            "the order dropped",
            "The right documents come in no order. Keep the `order_by(distance)`.",
            old=".order_by(distance)",
            new="",
        ),
        Mistake(
            "the join dropped",
            "Each document stands there once for every user: without `.join(User)`, all are paired with all. Keep it.",
            old=".join(User)",
            new="",
        ),
        Mistake(
            "texts for numbers",
            "PostgreSQL refuses your statement: numbers are compared with texts. The list holds numbers, and so does the column.",
            old="in_(user_ids)",
            new="in_([str(id) for id in user_ids])",
        ),
        Mistake(
            "the list pasted",
            "You write the list into the text of the SQL, and an empty one leaves `IN ()`, which is no SQL. `.in_(user_ids)` "
            "binds the values, and takes an empty list as well.",
            old="Document.user_id.in_(user_ids)",
            new="text(f\"documents.user_id IN ({', '.join(map(str, user_ids))})\")",
        ),
        Mistake(
            "no order",
            "The right documents come in another order. Keep the `order_by(distance)`.",
            old=".order_by(distance)",
            new=".order_by(Document.id)",
        ),
        Mistake("always five", "With `limit=20`, five come back. Keep `limit(limit)`.", ".limit(limit)", ".limit(5)"),
        Mistake("no limit", "With `limit=2`, more than two come back. Keep `limit(limit)`.", ".limit(limit)", ""),
        Mistake(
            "rows for a statement",
            "Return the statement, as `search` does; who calls it executes it.",
            old="return query.order_by(distance).limit(limit)",
            new="return [query]",
        ),
        Mistake(
            "SQL as text",
            "Return the statement itself, as `search` does. As plain text it has lost its values.",
            old="return query.order_by(distance).limit(limit)",
            new="return str(query)",
        ),
        Mistake(
            "values pasted",
            "A value stands in the text of your statement, and this one ends its quotes. Bound values keep them apart.",
            code="""
            def search_shared(vector, *, user_ids=None, subscription=None, days=None, limit=5):
                distance = Document.embedding.cosine_distance(vector).label("distance")
                query = select(Document.id, Document.title, User.name, distance).join(User)
                if user_ids is not None:
                    query = query.where(Document.user_id.in_(user_ids))
                if subscription is not None:
                    query = query.where(text(f"users.subscription = '{subscription}'"))
                if days is not None:
                    query = query.where(Document.created_at > func.now() - timedelta(days=days))
                return query.order_by(distance).limit(limit)
            """,
        ),
        Mistake(
            "without the id",
            "Keep `Document.id` among the columns that are selected: the caller needs it.",
            old="select(Document.id, ",
            new="select(",
        ),
        Mistake("not returned", "Nothing comes back: a `return` is missing.", old="return query", new="query"),
    ],
)
def search_shared(search_shared: Callable, trial: Trial) -> str:
    """Judge the statements by what they find, with each filter set and not set."""
    every: tuple[dict[str, Any], ...] = (
        {"user_ids": [1013]},
        {"user_ids": [1011, 1012]},
        {},
        {"user_ids": []},
        {"user_ids": [1099]},
        {"user_ids": [1011, 1012, 1013, 1014], "subscription": "premium", "days": 7},
        {"user_ids": [1011, 1012, 1013], "subscription": "premium"},
        {"user_ids": [1011, 1012], "days": 7},
        {"subscription": "free", "days": 7},
        {"user_ids": (1016, 1012), "subscription": ODD},
        {"user_ids": [1011], "limit": 2},
    )
    for filters in every:

        def observe(search_shared: Callable, stage: Stage, filters: dict = filters) -> Any:
            _planted(stage)
            return _found(stage, search_shared(vector_at(0), **{"limit": 20, **filters}))

        said = ", ".join(f"{name}={value!r}" for name, value in filters.items()) or "no filter"
        trial.compare(search_shared, observe, f"With {said}, you find {{found}}.")
    return "An empty list asks for nobody's documents, and gets none. Taken for `not set`, it would have shown everybody's."


def _found(stage: Stage, statement: object) -> object:
    """The ids that the learner's statement finds, or in words why it finds none."""
    if not isinstance(statement, Executable):
        return f"no statement: {describe(statement)}"
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(stage.url), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            rows = connection.execute(statement).mappings().all()
    except SQLAlchemyError as error:
        original = getattr(error, "orig", None)
        return f"a refusal: {str(original or error).splitlines()[0]}"
    return [row.get("id", "a row without an id") for row in rows]
