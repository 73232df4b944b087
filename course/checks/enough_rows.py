"""How 02.five_or_all is observed, and the wrong answers to it. The exercise stands in `lesson_02`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from course.exercises.mistakes import Mistake, Parts
from course.exercises.stage import Stage

MOST_ROUNDS = 15


def fetching(case: str, total: int, ranks: Sequence[int], most: int = MOST_ROUNDS) -> Callable[[Callable, Stage], Parts]:
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
            "each search of yours asks for": "another `k`"
            if len(set(sizes)) == len(sizes)
            else "a `k` that was asked for before",
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

MISTAKES = [
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
        "You keep what the first 50 gave. There is more to fetch as long as `search` gives as many as you ask for, `k`: repeat "
        "both until then, `search` with a larger `k`, and `qualify`.",
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
        "nothing behind the loop",
        "When there is no more to fetch, your loop ends and nothing is returned. Fewer than five are an answer too.",
        code=f"""
            def five_or_all(search, qualify):
                k = 50
                while len(ranked := search(k)) == k:
                    kept = qualify(ranked)
                    if len(kept) >= 5:
                        return {KEPT}
                    k *= 4
            """,
    ),
    Mistake(
        "asks for the same again",
        "You ask `search` for the same `k` more than once, and each call is a round trip. Keep its answer in a variable.",
        code="""
            def five_or_all(search, qualify):
                k = 50
                while len(qualify(search(k))) < 5 and len(search(k)) == k:
                    k *= 4
                kept = qualify(search(k))
                return [id for id in search(k) if id in kept][:5]
            """,
    ),
    Mistake(
        "qualifies the first five",
        "You give only the first five to `qualify`. The five that are wanted stand anywhere in the ranks: give it all.",
        old="qualify(ranked)",
        new="qualify(ranked[:5])",
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
    Mistake(
        "ranks added up, doubling",
        TWICE,
        code=f"""
        def five_or_all(search, qualify):
            k = 50
            ranked = search(k)
            kept = qualify(ranked)
            while len(kept) < 5 and len(ranked) >= k:
                k *= 2
                ranked = ranked + search(k)
                kept = qualify(ranked)
            return {KEPT}
        """,
    ),
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
]
