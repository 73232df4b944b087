"""Right answers to the exercises of lesson 02b that are not its solutions. `test_every_check.py` gives them."""

from fastapi import HTTPException

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "HTTPException": HTTPException}


RIGHT = {
    "02b.titles_for": [
        (
            "EXISTS",
            """
            def titles_for(postgres, user_id, ids):
                statement = '''
                    SELECT id, title FROM documents d
                    WHERE id = ANY(%(ids)s) AND user_id = %(user)s
                      AND EXISTS (SELECT FROM users WHERE id = d.user_id AND subscription = 'premium')
                '''
                return postgres.execute(statement, {"ids": ids, "user": user_id}).fetchall()
            """,
        ),
        (
            "two statements that see one moment",
            """
            import psycopg

            def titles_for(postgres, user_id, ids):
                with postgres.transaction():
                    postgres.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    statement = "SELECT id, title FROM documents WHERE id = ANY(%s) AND user_id = %s"
                    rows = postgres.execute(statement, [ids, user_id]).fetchall()
                    plan = postgres.execute("SELECT subscription FROM users WHERE id = %s", [user_id]).fetchone()
                    return rows if plan == ("premium",) else []
            """,
        ),
        (
            "dict rows, and IN over a list that is unnested",
            """
            from psycopg.rows import dict_row

            def titles_for(postgres, user_id, ids):
                statement = '''
                    SELECT d.id, d.title FROM users u JOIN documents d ON d.user_id = u.id
                    WHERE u.id = %s AND u.subscription = %s AND d.id IN (SELECT unnest(%s::bigint[])) ORDER BY d.id DESC
                '''
                with postgres.cursor(row_factory=dict_row) as cursor:
                    rows = cursor.execute(statement, [user_id, "premium", ids]).fetchall()
                return [(row["id"], row["title"]) for row in rows]
            """,
        ),
        (
            "a CTE, by a class",
            """
            class Titles:
                STATEMENT = '''
                    WITH asking AS (SELECT id FROM users WHERE id = %s AND subscription = 'premium')
                    SELECT d.id, d.title FROM documents d JOIN asking ON d.user_id = asking.id WHERE d.id = ANY(%s)
                '''

                def __call__(self, postgres, user_id, ids):
                    return list(postgres.execute(self.STATEMENT, [user_id, ids]))

            titles_for = Titles()
            """,
        ),
    ],
    "02b.out_of_date": [
        (
            "a loop, as a frozenset",
            """
            def out_of_date(postgres, collection):
                plan_of = dict(postgres.execute("SELECT id, subscription FROM users").fetchall())
                entries = collection.get(include=["metadatas"])
                found = set()
                for id, metadata in zip(entries["ids"], entries["metadatas"]):
                    plan = plan_of.get(metadata["user_id"])
                    if plan is not None and metadata.get("subscription") != plan:
                        found.add(id)
                return frozenset(found)
            """,
        ),
        (
            "one user at a time",
            """
            def out_of_date(postgres, collection):
                found = set()
                for id, plan in postgres.execute("SELECT id, subscription FROM users").fetchall():
                    where = {"$and": [{"user_id": id}, {"subscription": {"$ne": plan}}]}
                    found |= set(collection.get(where=where, include=[])["ids"])
                return found
            """,
        ),
        (
            "through the documents' table",
            """
            def out_of_date(postgres, collection):
                rows = postgres.execute("SELECT d.id, u.subscription FROM documents d JOIN users u ON d.user_id = u.id")
                plan_of = {str(id): plan for id, plan in rows}
                entries = collection.get(include=["metadatas"])
                copy_of = {id: it.get("subscription") for id, it in zip(entries["ids"], entries["metadatas"])}
                return {id for id in copy_of if id in plan_of and copy_of[id] != plan_of[id]}
            """,
        ),
        (
            "one plan at a time, with dict rows",
            """
            from psycopg.rows import dict_row

            def out_of_date(postgres, collection):
                with postgres.cursor(row_factory=dict_row) as cursor:
                    users = cursor.execute("SELECT * FROM users").fetchall()
                found = set()
                for plan in {user["subscription"] for user in users}:
                    of_this_plan = [user["id"] for user in users if user["subscription"] == plan]
                    where = {"$and": [{"user_id": {"$in": of_this_plan}}, {"subscription": {"$nin": [plan]}}]}
                    found.update(collection.get(where=where)["ids"])
                return found
            """,
        ),
    ],
}
