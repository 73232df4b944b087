"""The exercises of lesson 02: a filter of ChromaDB's, and a search that fetches until enough is kept."""

from __future__ import annotations

from collections.abc import Callable

from course.checks.enough_rows import MISTAKES, fetching
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import Stage

NOON = 1_234_567.0
"""The moment, in seconds, that the filters are asked about."""

ENTRIES = {
    "half a second later": {"subscription": "premium", "created_at": NOON + 0.5},
    "years later": {"subscription": "premium", "created_at": 1.5e9},
    "decades later": {"subscription": "premium", "created_at": 4e9},
    "at that moment": {"subscription": "premium", "created_at": NOON},
    "an hour earlier": {"subscription": "premium", "created_at": NOON - 3_600},
    "free": {"subscription": "free", "created_at": NOON + 60},
    "free, an hour earlier": {"subscription": "free", "created_at": NOON - 3_600},
    "without a plan": {"created_at": NOON + 60},
    "without a date": {"subscription": "premium"},
}
"""Id to metadata. The first three are premium and after noon; each of the others misses something."""

PREMIUM, LATER = '{"subscription": "premium"}', '{"created_at": {"$gt": since}}'


def _found_at(since: float) -> Callable[[Callable, Stage], Parts]:
    """How to observe what a filter finds, or what ChromaDB says to it."""

    def observe(recent_premium: Callable, stage: Stage) -> Parts:
        from chromadb.errors import ChromaError  # chromadb takes seconds to import

        vectors = [[1.0, float(place)] for place in range(len(ENTRIES))]
        collection = stage.collection(ids=list(ENTRIES), embeddings=vectors, metadatas=list(ENTRIES.values()))
        where = recent_premium(since)
        if not isinstance(where, dict):
            return Parts(you_return=where if where is None else "a list" if isinstance(where, list) else "no dict")
        try:
            return Parts(you_return="a filter", it_finds=set(collection.get(where=where, include=[])["ids"]))
        except (ValueError, ChromaError) as error:
            said = str(error).partition(", got")[0]
            return Parts(you_return="a filter", it_finds=f"nothing: ChromaDB refuses the keys {list(where)}. {said}")

    return observe


@exercise(
    "02.recent_premium",
    hints=[
        "Two conditions, and both must hold: ChromaDB wants that said, with `$and` and a list of the two.",
        "The first is an equality, `{key: value}`. The second is a range, `{key: {operator: value}}`; later is `$gt`.",
    ],
    mistakes=[
        Mistake(
            "two keys in one dict",
            "ChromaDB refuses two keys side by side in one dict: several conditions stand in a list below `$and`.",
            code="""
            def recent_premium(since):
                return {"subscription": "premium", "created_at": {"$gt": since}}
            """,
        ),
        Mistake(
            "no condition",
            "An empty dict is no filter, and ChromaDB refuses it. Two conditions are wanted, in a list below `$and`.",
            code="""
            def recent_premium(since):
                return {}
            """,
        ),
        Mistake(
            "a dict below $and",
            "`$and` takes a list of conditions, `[{…}, {…}]`, each with a single key. Yours is no list.",
            code="""
            def recent_premium(since):
                return {"$and": {"subscription": "premium", "created_at": {"$gt": since}}}
            """,
        ),
        Mistake(
            "$and of one",
            "`$and` takes a list of two conditions or more. Each is a dict of its own: subscription, and created_at.",
            old=f"[{PREMIUM}, {LATER}]",
            new=f"[{PREMIUM}]",
        ),
        Mistake(
            "both keys in the one dict of the list",
            "Each condition is a dict of its own, with one key. Yours has both keys in one dict of the list.",
            old=f"[{PREMIUM}, {LATER}]",
            new='[{"subscription": "premium", "created_at": {"$gt": since}}] * 2',
        ),
        Mistake(
            "one beside the list",
            "A condition stands beside `$and`. Both go into its list, and `$and` is the only key.",
            code="""
            def recent_premium(since):
                return {"subscription": "premium", "$and": [{"created_at": {"$gt": since}}]}
            """,
        ),
        Mistake(
            "a list of values",
            "An equality takes one value, and yours is a list: `{'subscription': 'premium'}`. One of several would be `$in`.",
            old='"subscription": "premium"',
            new='"subscription": ["premium"]',
        ),
        Mistake(
            "$not",
            "ChromaDB knows no such key. Ask for what you want: `premium`, and after `since`, in a list below `$and`.",
            code="""
            def recent_premium(since):
                return {"$not": {"subscription": "free"}}
            """,
        ),
        Mistake(
            "SQL",
            'That is no dict. ChromaDB\'s filter is one: `{"$and": […]}`, no text, and no SQL.',
            code="""
            def recent_premium(since):
                return f"subscription = 'premium' AND created_at > {since}"
            """,
        ),
        Mistake(
            "either is enough",
            "You find what meets one of the conditions: that is `$or`. Both must hold.",
            old="$and",
            new="$or",
        ),
        Mistake(
            "not free",
            "You let in an entry that has no `subscription` at all. `$ne` and `$nin` match what lacks the key: "
            "ask for `premium` itself.",
            old='"premium"',
            new='{"$ne": "free"}',
        ),
        Mistake(
            "only premium",
            "The date is missing: you find premium entries of any age, and one without a date.",
            old=f'{{"$and": [{PREMIUM}, {LATER}]}}',
            new=PREMIUM,
        ),
        Mistake(
            "only recent",
            "The plan is missing: you find a free user's entry. The copy of the plan is in `subscription`.",
            old=f'{{"$and": [{PREMIUM}, {LATER}]}}',
            new=LATER,
        ),
        Mistake(
            "earlier",
            "You find what is older than `since`. Later is greater: `$gt`.",
            old="$gt",
            new="$lt",
        ),
        Mistake(
            "earlier, or just then",
            "You find what is as old as `since` or older. Later is greater: `$gt`.",
            old="$gt",
            new="$lte",
        ),
        Mistake(
            "just then as well",
            "One entry was created at `since` exactly, and that is not after it: `$gte` is *at or after*, `$gt` is *after*.",
            old="$gt",
            new="$gte",
        ),
        Mistake(
            "just then only",
            "You ask for `created_at` equal to `since`. After it is a range: `{key: {operator: value}}`.",
            old='{"$gt": since}',
            new="since",
        ),
        Mistake(
            "seven days more",
            "`since` is already the moment from which on entries count. You go back further, and find an old one.",
            old='{"$gt": since}',
            new='{"$gt": since - 7 * 86_400}',
        ),
        Mistake(
            "a date, or a text",
            "ChromaDB's ranges compare numbers only. `created_at` is kept in seconds, and so is `since`: give it as it is.",
            old='{"$gt": since}',
            new='{"$gt": str(since)}',
        ),
        Mistake(
            "milliseconds",
            "You miss what came half a second after `since`. Both are in seconds, and `$gt` leaves out that one moment alone: "
            "take `since` as it is.",
            old='{"$gt": since}',
            new='{"$gt": since * 1000}',
        ),
        Mistake(
            "a clock of its own",
            "You find only what is later than today. Use `since`, as it is given; the check asks about moments long ago.",
            code="""
            import time

            def recent_premium(since):
                return {"$and": [{"subscription": "premium"}, {"created_at": {"$gt": time.time() - 7 * 86_400}}]}
            """,
        ),
        Mistake(
            "no dollar before and",
            "ChromaDB takes a key without a dollar for the name of one in the metadata. The operator is `$and`.",
            old="$and",
            new="and",
        ),
        Mistake(
            "another spelling",
            "You find nothing. Keys and values are compared letter by letter: `subscription`, `premium`, `created_at`. A third "
            "condition is one too many.",
            old='"premium"',
            new='"Premium"',
        ),
        Mistake(
            "that one moment",
            "Right for one moment. Asked about a later one, it finds too much: use `since`, as it is given.",
            old='{"$gt": since}',
            new='{"$gt": 1_234_567}',
        ),
        Mistake(
            "Python's operator",
            "There is no such operator in ChromaDB. Greater than is `$gt`, in the range as a dict: `{key: {'$gt': value}}`.",
            old="$gt",
            new=">",
        ),
        Mistake(
            "two operators for one key",
            "A key takes one operator at a time. Two bounds for one key would be two conditions in the list.",
            old='{"$gt": since}',
            new='{"$gt": since, "$lt": 1e12}',
        ),
        Mistake(
            "the list alone",
            "That is the list of the conditions. A filter is a dict: the list stands below the key `$and`.",
            old=f'{{"$and": [{PREMIUM}, {LATER}]}}',
            new=f"[{PREMIUM}, {LATER}]",
        ),
        Mistake(
            "no return",
            "Your function makes the filter and keeps it for itself: `return` is missing.",
            old="return ",
            new="where = ",
        ),
        Mistake(
            "with the word where",
            "`where` is the name of the parameter, and the caller writes it. Return what stands after it: the dict with `$and`.",
            old=f'{{"$and": [{PREMIUM}, {LATER}]}}',
            new=f'{{"where": {{"$and": [{PREMIUM}, {LATER}]}}}}',
        ),
    ],
)
def recent_premium(recent_premium: Callable, trial: Trial) -> str:
    """Judge the filter by what it finds among entries that each miss one condition, about two moments."""
    trial.compare(recent_premium, _found_at(NOON))
    trial.compare(recent_premium, _found_at(NOON + 600))
    return "One round trip, and right for as long as every copy is. `{'subscription': 'premium'}` is `$eq`, written short."


@exercise(
    "02.five_or_all",
    hints=[
        "A loop around the three lines. Which two things end it? Five kept is one; and when is there no more to fetch?",
        "`search(k)` gives fewer than `k` ids only when there are no more documents: `len(ranked) < k`.",
        "Search again from the start with a larger `k`: the new ranks contain the old ones. Doubling keeps the rounds few.",
    ],
    mistakes=MISTAKES,
)
def five_or_all(five_or_all: Callable, trial: Trial) -> str:
    """Judge on ranks where five qualify early, late, never, and with nothing there at all."""
    cases = [
        fetching("eight of the first 50 qualify", 5_000, [3, 8, 21, 34, 40, 44, 46, 47, 700], most=1),
        fetching("the fifth is the last of the first 50", 5_000, [3, 8, 21, 34, 49], most=1),
        fetching("each search finds some more", 5_000, [2, 60, 150, 350, 750, 760, 2_000]),
        fetching("four are among the first 50", 5_000, [2, 9, 11, 48, 60, 61]),
        fetching("only three qualify", 5_000, [4, 1_200, 4_990]),
        fetching("the next one comes late", 5_000, [2, 9, 1_800, 1_801, 1_802, 3_000]),
        fetching("none qualifies", 5_000, []),
        fetching("there are 50 documents", 50, [1, 49]),
        fetching("there is no document", 0, []),
    ]
    for observe in cases:
        trial.compare(five_or_all, observe)
    return "Complete now, at the price of more round trips, and most of them when the filter is most selective."
