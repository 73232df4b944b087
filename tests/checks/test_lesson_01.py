"""Right answers to the exercise of lesson 01 that are not its solution. `test_every_check.py` gives them."""

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercise."""
    return {"stack": stack}


RIGHT = {
    "01.in_order": [
        (
            "one loop in another",
            """
            def in_order(doc_ids, rows):
                return [row for id in doc_ids for row in rows if row["id"] == id]
            """,
        ),
        (
            "sorted by place",
            """
            def in_order(doc_ids, rows):
                return sorted(rows, key=lambda row: doc_ids.index(row["id"]))
            """,
        ),
        (
            "sorted by rank",
            """
            def in_order(doc_ids, rows):
                rank = {id: at for at, id in enumerate(doc_ids)}
                return sorted(rows, key=lambda row: rank[row["id"]])
            """,
        ),
        (
            "filtered afterwards",
            """
            def in_order(doc_ids, rows):
                row_of = {row["id"]: row for row in rows}
                return list(filter(None, map(row_of.get, doc_ids)))
            """,
        ),
        (
            "try and pass on",
            """
            def in_order(doc_ids, rows):
                row_of, found = {row["id"]: row for row in rows}, []
                for id in doc_ids:
                    try:
                        found.append(row_of[id])
                    except KeyError:
                        pass
                return found
            """,
        ),
        (
            "a class, partly applied",
            """
            import functools

            class Ordered:
                def __call__(self, doc_ids, rows, key):
                    row_of = {row[key]: row for row in rows}
                    return [row_of[id] for id in doc_ids if id in row_of]

            in_order = functools.partial(Ordered(), key="id")
            """,
        ),
    ]
}
