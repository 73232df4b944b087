"""The exercises of lesson 02: a filter of ChromaDB's, and a search that fetches until enough is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from chromadb.errors import ChromaError

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import Stage

NOON = 1_234_567.0
"""The moment, in seconds, that the filters are asked about."""

ENTRIES = {
    "a minute later": {"subscription": "premium", "created_at": NOON + 60},
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
            "You miss what came shortly after `since`. It is in seconds, as `created_at` is: take it as it is.",
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
            "another spelling",
            "You find nothing. Keys and values are compared letter by letter: `subscription`, `premium`, `created_at`.",
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


MOST_ROUNDS = 15


def _fetching(case: str, total: int, ranks: Sequence[int], most: int = MOST_ROUNDS) -> Callable[[Callable, Stage], Parts]:
    """How to observe a search among so many documents, of which those at these ranks qualify, in at most so many rounds."""
    ranked = [(rank * 7_919) % 5_003 + 1 for rank in range(total)]  # an order that the ids do not show
    good = {ranked[rank] for rank in ranks}

    def observe(five_or_all: Callable, stage: Stage) -> Parts:
        sizes: list[Any] = []

        def search(k: Any) -> list[int]:
            sizes.append(k)
            return ranked[: int(k)]

        def qualify(ids: Any) -> set[int]:
            return good & set(ids if isinstance(ids, Iterable) else [ids])

        searching, qualifying = stage.asked(search, at_most=500), stage.asked(qualify, at_most=6_000)
        returned = five_or_all(searching, qualifying)
        first = sizes[0] if sizes else 0
        parts = {
            "you return": returned,
            "your first search fetches": "50" if first == 50 else "more than 50" if first > 50 else "fewer than 50",
            "the number of your searches is": _rounds(searching.times, most),
            "the number of your calls of `qualify` is": _rounds(qualifying.times, MOST_ROUNDS),
            "what you give to `search` is": "whole numbers" if all(isinstance(k, int) for k in sizes) else "not whole numbers",
        }
        return Parts({f"when {case}, {name}": value for name, value in parts.items()})

    return observe


def _rounds(times: int, most: int) -> str:
    return "small enough" if times <= most else "too great"


KEPT = "[id for id in ranked if id in kept][:5]"
KEEP = f"\n            return {KEPT}\n        k *= 4"
ENDS = "if len(kept) >= 5 or len(ranked) < k:"
GO_ON = (
    "You end before five are kept, and there is more to fetch. Neither a number of rounds nor a round that adds nothing is the "
    "end: go on while `search` gives as many ids as you ask for."
)
TWICE = "An id stands twice in your answer. A larger `k` finds the earlier ones again: build the answer anew from the last ranks."
SET = "You return a set, which has no order. Return the list of ids, the closest first, five at most."
UNORDERED = "These qualify, but closer ones do as well. A set has no order: go through the ranks."


@exercise(
    "02.five_or_all",
    hints=[
        "A loop around the three lines. Which two things end it? Five kept is one; and when is there no more to fetch?",
        "`search(k)` gives fewer than `k` ids only when there are no more documents: `len(ranked) < k`.",
        "Search again from the start with a larger `k`: the new ranks contain the old ones. Doubling keeps the rounds few.",
    ],
    mistakes=[
        Mistake(
            "much at once",
            "You begin with more than 50. Right, and dear: each search would pay for the worst. Begin with 50, and fetch more "
            "only if fewer than five are kept.",
            old="k = 50",
            new="k = 1_000",
        ),
        Mistake(
            "little by little",
            "You begin with fewer than 50, and each search is a round trip. Begin with 50.",
            old="k = 50",
            new="k = 5",
        ),
        Mistake(
            "more than five",
            "Five were kept in the first search, and you went on. *Five* is enough: `>= 5`, not `> 5`.",
            old="len(kept) >= 5",
            new="len(kept) > 5",
        ),
        Mistake(
            "exactly five",
            "More than five may be kept at once, and then you go on. Five or more are enough: `>= 5`.",
            old="len(kept) >= 5",
            new="len(kept) == 5",
        ),
        Mistake(
            "once",
            "You search once. There is more to fetch while `search` gives as many ids as you ask for: repeat with a larger `k`.",
            code=f"""
            def five_or_all(search, qualify):
                ranked = search(50)
                kept = qualify(ranked)
                return {KEPT}
            """,
        ),
        *(
            Mistake(
                f"once more, with {k}",
                GO_ON,
                old=ENDS + KEEP,
                new=f"if len(kept) >= 5 or k > 50:{KEEP}".replace("k *= 4", f"k = {k}"),
            )
            for k in (100, 200, 500)
        ),
        Mistake("up to some size", GO_ON, old=ENDS, new="if len(kept) >= 5 or k >= 3_000:"),
        Mistake(
            "always 50",
            "Your loop asks for 50 again and again, and gets the same. Each round needs a larger `k`.",
            old="k *= 4",
            new="k = 50",
        ),
        Mistake(
            "crawls",
            "Each search is a round trip, and these are many. Let `k` grow faster: multiply it.",
            old="k *= 4",
            new="k += 5",
        ),
        Mistake(
            "crawls a little faster",
            "Right, and slow: where few qualify, `k` has far to go, and each step is a round trip. Multiply it.",
            old="k *= 4",
            new="k += 100",
        ),
        Mistake(
            "four are enough",
            "Four were kept, and you stopped. Five are wanted as long as there is more to fetch: `>= 5`.",
            old="len(kept) >= 5",
            new="len(kept) >= 4",
        ),
        Mistake(
            "never ends",
            "Your loop goes on although there is no more to fetch. End it as well when `search` gives fewer than you asked for.",
            old=ENDS,
            new="if len(kept) >= 5:",
        ),
        Mistake(
            "a round that adds nothing",
            GO_ON,
            code=f"""
            def five_or_all(search, qualify):
                k, before = 50, -1
                while True:
                    ranked = search(k)
                    kept = qualify(ranked)
                    if len(kept) >= 5 or len(kept) == before:
                        return {KEPT}
                    before = len(kept)
                    k *= 4
            """,
        ),
        Mistake(
            "all that qualify",
            "Five are wanted, the closest, and yours are more: `[:5]`.",
            old="[:5]",
            new="",
        ),
        Mistake(
            "by id",
            UNORDERED,
            old=KEPT,
            new="sorted(kept)[:5]",
        ),
        Mistake("as the set has them", UNORDERED, old=KEPT, new="list(kept)[:5]"),
        Mistake(
            "nothing for fewer than five",
            "Fewer than five are an answer too: all that there are. You give none of them.",
            old=ENDS,
            new="if len(kept) < 5 and len(ranked) < k:\n            return []\n        " + ENDS,
        ),
        Mistake(
            "the farthest",
            "These qualify, and they are the last of the ranks: `[-5:]`. The closest stand first: `[:5]`.",
            old="[:5]",
            new="[-5:]",
        ),
        Mistake(
            "backwards",
            "The right ids, the farthest first. `search` gives the closest first: keep its order.",
            old="[:5]",
            new="[:5][::-1]",
        ),
        Mistake(
            "filled up",
            "There are ids in your answer that do not qualify. A short answer is right when fewer than five do.",
            old=KEPT,
            new="ranked[:5]",
        ),
        Mistake(
            "collected over the rounds",
            TWICE,
            code="""
            def five_or_all(search, qualify):
                k, found = 50, []
                while True:
                    ranked = search(k)
                    kept = qualify(ranked)
                    found += [id for id in ranked if id in kept]
                    if len(found) >= 5 or len(ranked) < k:
                        return found[:5]
                    k *= 4
            """,
        ),
        Mistake("ranks added up", TWICE, old="ranked = search(k)", new="ranked = (ranked if k > 50 else []) + search(k)"),
        Mistake("all of the set", SET, old=KEPT, new="kept"),
        Mistake(
            "a set",
            SET,
            old=KEPT,
            new="set([id for id in ranked if id in kept][:5])",
        ),
        Mistake(
            "how many",
            "That is how many. Which ones? Return the list of ids, the closest first.",
            old=KEPT,
            new=f"len({KEPT})",
        ),
        Mistake(
            "no return",
            "Your function finds them and keeps them for itself: `return` is missing.",
            old=f"return {KEPT}",
            new="break",
        ),
        Mistake(
            "one by one",
            "You ask `qualify` many times in a round, and each call is a round trip. Give it all ids of a search at once, and "
            "keep its answer in a variable.",
            old="kept = qualify(ranked)",
            new="kept = {id for id in ranked if qualify([id])}",
        ),
        Mistake(
            "a fraction",
            "`search` takes how many to fetch, a whole number. A product with a fraction is none, also `50 * 4.0`.",
            old="k *= 4",
            new="k *= 4.0",
        ),
        Mistake(
            "an error for too few",
            "Fewer than five are no error: the answer is all that there are, be it none.",
            old=ENDS,
            new="assert len(ranked) == k\n        if len(kept) >= 5:",
        ),
        Mistake(
            "None for none",
            "With nothing that qualifies, the answer should be the empty list, `[]`.",
            old=KEPT,
            new=f"{KEPT} or None",
        ),
    ],
)
def five_or_all(five_or_all: Callable, trial: Trial) -> str:
    """Judge on ranks where five qualify early, late, never, and with nothing there at all."""
    cases = [
        _fetching("eight of the first 50 qualify", 5_000, [3, 8, 21, 34, 40, 44, 46, 47, 700], most=1),
        _fetching("the fifth is the last of the first 50", 5_000, [3, 8, 21, 34, 49], most=1),
        _fetching("each search finds some more", 5_000, [2, 60, 150, 350, 750, 760, 2_000]),
        _fetching("four are among the first 50", 5_000, [2, 9, 11, 48, 60, 61]),
        _fetching("only three qualify", 5_000, [4, 1_200, 4_990]),
        _fetching("the next one comes late", 5_000, [2, 9, 1_800, 1_801, 1_802, 3_000]),
        _fetching("none qualifies", 5_000, []),
        _fetching("there are 50 documents", 50, [1, 49]),
        _fetching("there is no document", 0, []),
    ]
    for observe in cases:
        trial.compare(five_or_all, observe)
    return "Complete now, at the price of more round trips, and most of them when the filter is most selective."
