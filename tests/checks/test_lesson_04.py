"""Right answers to the exercises of lesson 04 that are not its solutions. `test_every_check.py` gives them."""

import httpx

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "dana": 4, "httpx": httpx}


RIGHT = {
    "04.orphans": [
        (
            "in SQL",
            """
            def orphans(collection, postgres):
                ids = [int(id) for id in collection.get(include=[])["ids"]]
                sql = "SELECT id::text FROM unnest(%s::bigint[]) AS id WHERE id NOT IN (SELECT id FROM documents)"
                return {id for (id,) in postgres.execute(sql, [ids])}
            """,
        ),
        (
            "by the metadata",
            """
            def orphans(collection, postgres):
                every = collection.get(include=["metadatas"])
                rows = {id for (id,) in postgres.execute("SELECT id FROM documents")}
                return {id for id, data in zip(every["ids"], every["metadatas"]) if data["id"] not in rows}
            """,
        ),
        (
            "page by page, as a frozenset",
            """
            def orphans(collection, postgres):
                rows = {str(id) for (id,) in postgres.execute("SELECT id FROM documents")}
                found = set()
                for at in range(0, collection.count(), 7):
                    found |= set(collection.get(limit=7, offset=at, include=[])["ids"]) - rows
                return frozenset(found)
            """,
        ),
        (
            "numbers, then back, with a cursor of its own",
            """
            from psycopg.rows import scalar_row

            class Orphans:
                def __call__(self, collection, postgres):
                    with postgres.cursor(row_factory=scalar_row) as cursor:
                        rows = set(cursor.execute("SELECT id FROM documents").fetchall())
                    return {str(id) for id in {int(id) for id in collection.get()["ids"]} - rows}

            orphans = Orphans()
            """,
        ),
    ],
    "04.delete_user": [
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
    "04.close_account": [
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
