"""Right answers to the exercises of lesson 04 that are not its solutions. `test_every_check.py` gives them."""

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "dana": 4}


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
}
