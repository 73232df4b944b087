"""Right answers to the exercises of lesson 09. The wrong ones stand with its checks; `test_every_check.py` gives them all."""

import functools
from datetime import timedelta

import numpy as np
import psycopg
from sqlalchemy import any_, func, select, text

from course import embed
from course.checks.lesson_09 import Document, User
from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    made = {"Document": Document, "User": User, "func": func, "select": select, "timedelta": timedelta}
    return {
        **made,
        "any_": any_,
        "text": text,
        "functools": functools,
        "np": np,
        "psycopg": psycopg,
        "embed": embed,
        "dana": 4,
        "stack": stack,
    }


RIGHT = {
    "09.from_new_users": [
        (
            "make_interval, and the condition in the join",
            """
            def from_new_users(postgres, vector, days, k):
                return postgres.execute(
                    '''SELECT d.id, u.name, d.embedding <=> %(q)s
                       FROM documents d
                       JOIN users u ON d.user_id = u.id AND u.created_at > NOW() - make_interval(days => %(days)s)
                       ORDER BY d.embedding <=> %(q)s
                       FETCH FIRST %(k)s ROWS ONLY''',
                    {"q": vector, "days": days, "k": k},
                ).fetchall()
            """,
        ),
        (
            "a comma for the join, rows one by one",
            """
            def from_new_users(postgres, vector, days, k):
                query = '''SELECT documents.id, name, embedding <=> %s AS distance FROM documents, users
                           WHERE user_id = users.id AND users.created_at > NOW() - %s * INTERVAL '1 day'
                           ORDER BY distance LIMIT %s'''
                return [(id, owner, distance) for id, owner, distance in postgres.execute(query, [vector, days, k])]
            """,
        ),
        (
            "a time computed by the caller, rows as lists, a transaction around it",
            """
            class FromNewUsers:
                query = '''WITH fresh AS (SELECT id, name FROM users WHERE created_at > NOW() - CAST(%s AS interval))
                           SELECT d.id, fresh.name, d.embedding <=> %s AS distance
                           FROM documents d JOIN fresh ON d.user_id = fresh.id ORDER BY distance LIMIT %s'''

                def __call__(self, postgres, vector, days, k):
                    with postgres.transaction():
                        rows = postgres.execute(self.query, [timedelta(days=days), vector, k]).fetchall()
                    return [list(row) for row in rows]

            from_new_users = FromNewUsers()
            """,
        ),
        (
            "rows as dictionaries",
            """
            def asked(row_factory, postgres, vector, days, k):
                with postgres.cursor(row_factory=row_factory) as cursor:
                    cursor.execute(
                        '''SELECT d.id, u.name, d.embedding <=> %(q)s AS distance
                           FROM users u JOIN documents d ON u.id = d.user_id
                           WHERE NOW() - u.created_at < %(days)s * INTERVAL '1 day' ORDER BY 3 LIMIT %(k)s''',
                        {"q": vector, "days": days, "k": k},
                    )
                    return cursor.fetchall()

            from_new_users = functools.partial(asked, psycopg.rows.dict_row)
            """,
        ),
    ],
    "09.search_shared": [
        (
            "by the user's id, in another order",
            """
            def search_shared(vector, *, user_ids=None, subscription=None, days=None, limit=5):
                distance = Document.embedding.cosine_distance(vector).label("distance")
                query = select(Document.id, Document.title, User.name, distance).join(User).order_by(distance).limit(limit)
                if user_ids is not None:
                    query = query.filter(User.id.in_(user_ids))
                if subscription is not None:
                    query = query.filter(User.subscription == subscription)
                if days is not None:
                    query = query.where(Document.created_at > func.now() - timedelta(days=days))
                return query
            """,
        ),
        (
            "any of an array, the filters in a list",
            """
            @functools.wraps(print)
            def search_shared(vector, *, user_ids=None, subscription=None, days=None, limit=5):
                distance = Document.embedding.cosine_distance(vector).label("distance")
                filters = []
                if user_ids is not None:
                    filters.append(Document.user_id == any_(list(user_ids)))
                if subscription is not None:
                    filters.append(User.subscription == subscription)
                if days is not None:
                    filters.append(Document.created_at > func.now() - timedelta(days=days))
                query = select(Document.id, Document.title, User.name, distance).join(User).where(*filters)
                return query.order_by(distance).limit(limit)
            """,
        ),
        (
            "text with bound values",
            """
            def search_shared(vector, *, user_ids=None, subscription=None, days=None, limit=5):
                query = '''
                    SELECT d.id, d.title, u.name, d.embedding <=> CAST(:q AS vector) AS distance
                    FROM documents d JOIN users u ON d.user_id = u.id WHERE true'''
                values = {"q": str(vector.tolist()), "limit": limit}
                if user_ids is not None:
                    query += " AND u.id = ANY(:user_ids)"
                    values["user_ids"] = list(user_ids)
                if subscription is not None:
                    query += " AND u.subscription = :subscription"
                    values["subscription"] = subscription
                if days is not None:
                    query += " AND d.created_at > now() - :days * interval '1 day'"
                    values["days"] = days
                return text(query + " ORDER BY distance LIMIT :limit").bindparams(**values)
            """,
        ),
    ],
}
