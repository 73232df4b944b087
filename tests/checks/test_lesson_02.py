"""Right answers to the exercises of lesson 02 that are not its solutions. `test_every_check.py` gives them."""

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack}


RIGHT = {
    "02.recent_premium": [
        (
            "the other way round, and $eq",
            """
            def recent_premium(since):
                return {"$and": [{"created_at": {"$gt": since}}, {"subscription": {"$eq": "premium"}}]}
            """,
        ),
        (
            "$in with one, a whole number",
            """
            def recent_premium(since):
                return {"$and": [{"subscription": {"$in": ["premium"]}}, {"created_at": {"$gt": int(since)}}]}
            """,
        ),
        (
            "built up, by a class",
            """
            class Filter:
                def __call__(self, since):
                    conditions = [dict(subscription="premium")]
                    conditions.append({"created_at": {"$gt": since}})
                    return {"$and": conditions}

            recent_premium = Filter()
            """,
        ),
        (
            "a partial",
            """
            from functools import partial

            def both(plan, since):
                return {"$and": [{"subscription": plan}, {"created_at": {"$gt": since}}]}

            recent_premium = partial(both, "premium")
            """,
        ),
    ],
    "02.five_or_all": [
        (
            "tenfold",
            """
            def five_or_all(search, qualify):
                k = 50
                while True:
                    ranked = search(k)
                    kept = qualify(ranked)
                    if len(kept) >= 5 or len(ranked) < k:
                        return [id for id in ranked if id in kept][:5]
                    k *= 10
            """,
        ),
        (
            "with a recursion",
            """
            def five_or_all(search, qualify, k=50):
                ranked = search(k)
                kept = frozenset(qualify(ranked))
                good = [id for id in ranked if id in kept]
                return good[:5] if len(good) >= 5 or len(ranked) < k else five_or_all(search, qualify, 4 * k)
            """,
        ),
        (
            "until nothing new comes",
            """
            def five_or_all(search, qualify):
                k, ranked = 50, search(50)
                while len(qualify(ranked)) < 5:
                    k *= 3
                    more = search(k)
                    if len(more) == len(ranked):
                        break
                    ranked = more
                good = qualify(ranked)
                return [id for id in ranked if id in good][:5]
            """,
        ),
        (
            "only what is new is asked about",
            """
            def five_or_all(search, qualify):
                k, kept, seen = 50, [], 0
                while True:
                    ranked = search(k)
                    new = ranked[seen:]
                    good = qualify(new)
                    kept += [id for id in new if id in good]
                    if len(kept) >= 5 or len(ranked) < k:
                        return kept[:5]
                    seen, k = len(ranked), k * 2
            """,
        ),
        (
            "for and a generator, as a tuple of powers",
            """
            import itertools

            def five_or_all(search, qualify):
                for k in (50 * 3**power for power in itertools.count()):
                    ranked = search(k)
                    kept = sorted(qualify(ranked), key=ranked.index)
                    if len(kept) >= 5 or len(ranked) < k:
                        return kept[:5]
            """,
        ),
    ],
}
