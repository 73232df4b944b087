"""Right answers to the exercises of lesson 04b that are not its solutions. `test_every_check.py` gives them."""

import httpx

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "httpx": httpx}


RIGHT = {
    "04b.delete_user": [
        (
            "in a transaction that waits for ChromaDB",
            """
            def delete_user(postgres, collection, user_id):
                with postgres.transaction():
                    postgres.execute("DELETE FROM users WHERE id = %s", [user_id])
                    for attempt in (1, 2, 3):
                        try:
                            collection.delete(where={"user_id": user_id})
                            break
                        except httpx.TransportError:
                            if attempt == 3:
                                raise
            """,
        ),
        (
            "for and else",
            """
            def delete_user(postgres, collection, user_id):
                for _ in range(3):
                    try:
                        collection.delete(where={"user_id": user_id})
                    except httpx.HTTPError as error:
                        last = error
                    else:
                        break
                else:
                    raise last
                postgres.execute("DELETE FROM users WHERE id = %s", [user_id])
            """,
        ),
        (
            "any exception, documents by themselves",
            """
            def delete_user(postgres, collection, user_id):
                for attempt in (1, 2, 3):
                    try:
                        collection.delete(where={"user_id": {"$eq": user_id}})
                        break
                    except Exception:
                        if attempt == 3:
                            raise
                postgres.execute("DELETE FROM documents WHERE user_id = %s", [user_id])
                postgres.execute("DELETE FROM users WHERE id = %s", [user_id])
            """,
        ),
        (
            "rows in the loop",
            """
            def delete_user(postgres, collection, user_id):
                for attempt in (1, 2, 3):
                    try:
                        collection.delete(where={"user_id": user_id})
                        postgres.execute("DELETE FROM users WHERE id = %s", [user_id])
                        return
                    except httpx.TransportError:
                        if attempt == 3:
                            raise
            """,
        ),
    ],
    "04b.close_account": [
        (
            "one statement",
            """
            def close_account(postgres, user_id):
                postgres.execute(
                    '''WITH gone AS (DELETE FROM users WHERE id = %(user)s RETURNING id)
                       INSERT INTO outbox (document_id) SELECT documents.id FROM documents JOIN gone ON user_id = gone.id''',
                    {"user": user_id},
                )
            """,
        ),
        (
            "documents deleted first, RETURNING",
            """
            def close_account(postgres, user_id):
                with postgres.transaction():
                    postgres.execute(
                        '''WITH gone AS (DELETE FROM documents WHERE user_id = %s RETURNING id)
                           INSERT INTO outbox (document_id) SELECT id FROM gone''',
                        [user_id],
                    )
                    postgres.execute("DELETE FROM users WHERE id = %s", [user_id])
            """,
        ),
        (
            "one by one, and the worker is woken",
            """
            def close_account(postgres, user_id):
                with postgres.transaction():
                    ids = postgres.execute("SELECT id FROM documents WHERE user_id = %s", [user_id]).fetchall()
                    postgres.execute("DELETE FROM users WHERE id = %s", [user_id])
                    for id in ids:
                        postgres.execute("INSERT INTO outbox (document_id) VALUES (%s)", id)
                    postgres.execute("NOTIFY outbox")
            """,
        ),
        (
            "COMMIT and ROLLBACK by hand",
            """
            def close_account(postgres, user_id):
                postgres.execute("BEGIN")
                try:
                    find = "SELECT id FROM documents WHERE user_id = %s"
                    postgres.execute(f"INSERT INTO outbox (document_id) {find}", [user_id])
                    postgres.execute("DELETE FROM users WHERE id = %s", [user_id])
                except Exception:
                    postgres.execute("ROLLBACK")
                    raise
                postgres.execute("COMMIT")
            """,
        ),
    ],
}
