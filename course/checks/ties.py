"""What `08b.same_ten` is judged on: pairs of answers with ties and without, and the wrong ways to compare them."""

from __future__ import annotations

from collections.abc import Sequence

from course.exercises.mistakes import Mistake

Hits = list[tuple[int, float]]

_NOISE = 1e-7
"""By about so much the distances of two stores differ that hold the same vectors."""


def _hits(ids: Sequence[int], distances: Sequence[float], noise: float = 0.0) -> Hits:
    return [(id, distance + noise * (rank - 1.5)) for rank, (id, distance) in enumerate(zip(ids, distances, strict=True))]


_USUAL = (0.1, 0.2, 0.3, 0.4)
_TIED = (0.1, 0.2, 0.2, 0.4)
_EDGE = (0.1, 0.2, 0.3, 0.3)
_EQUAL = (0.2, 0.2, 0.2, 0.2)
_TWELVE = tuple(rank / 20 for rank in range(1, 13))
_OTHERS = (0.4, 0.5, 0.6, 0.7)

CASES: tuple[tuple[Hits, Hits, str], ...] = (
    (_hits([1, 2, 3, 4], _USUAL), _hits([1, 2, 3, 4], _USUAL), "The answers are exactly the same."),
    (_hits([1, 2], _USUAL[:2]), [], "The second store found nothing at all."),
    (_hits([1, 2, 3, 4], _USUAL), _hits([1, 2, 3, 4], _USUAL, _NOISE), "The distances differ by about 0.0000001."),
    (
        _hits([1, 2, 3, 4], _TIED),
        _hits([1, 3, 2, 4], _TIED, _NOISE),
        "Second and third are equally far, and stand the other way round: a tie.",
    ),
    (
        _hits([1, 2, 3, 4], _EDGE),
        _hits([1, 2, 3, 5], _EDGE),
        "Third and last are equally far, and the stores chose others among equals for the last place.",
    ),
    (
        _hits([1, 2, 3, 4], _EDGE),
        _hits([1, 2, 4, 5], _EDGE),
        "Third and last are equally far, and the stores chose others among equals for both places.",
    ),
    (
        _hits([1, 2, 3, 4], _EDGE),
        _hits([1, 2, 4, 5], _EDGE, _NOISE),
        "Third and last are equally far, but for 0.0000001, and the stores chose others among equals.",
    ),
    (
        _hits([1, 2, 3, 4], _EDGE),
        _hits([1, 2, 5, 3], (0.1, 0.2, 0.2999999, 0.3)),
        "Third and last are equally far, but for 0.0000001, and the second store has another one of them.",
    ),
    (
        _hits([1, 2, 3, 4], _EQUAL),
        _hits([5, 6, 7, 8], _EQUAL, _NOISE),
        "All are equally far, as the twelve reminders: each store chose others, and both are right.",
    ),
    ([], [], "Both found nothing, and so they agree."),
    (
        _hits([1, 2, 3, 4], (0.0, 0.2, 0.3, 0.4)),
        _hits([1, 2, 3, 4], (4e-7, 0.2, 0.3, 0.4)),
        "The first is the question itself: its distance is 0 in one store, and 0.0000004 in the other.",
    ),
    (
        _hits([1, 2, 3, 4], _EDGE),
        _hits([1, 2, 4, 3], (0.100004, 0.2, 0.299996, 0.3)),
        "They differ by 0.000004, which is less than 0.00001.",
    ),
    (
        _hits([1, 2, 3, 4], (0.1004999, 0.2000499, 0.3000049, 0.4)),
        _hits([1, 2, 3, 4], (0.1005001, 0.2000501, 0.3000051, 0.4)),
        "They differ by 0.0000002, and boundaries of rounding lie between.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([11, 12, 13, 14], _USUAL),
        "The distances are the same and the ids are not: the vectors stand under wrong ids.",
    ),
    (
        _hits([1, 2, 3, 4], _TIED),
        _hits([1, 2, 9, 4], _TIED),
        "Another id stands in the middle. It is closer than the last place, where alone a tie may bring in others.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([1, 2, 9, 3], _USUAL),
        "3 is at the last place in the second store, and closer in the first one.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([1, 2, 3, 4], (0.1, 0.2, 0.25, 0.4)),
        "The same ids, and the third is closer in the second store: its vector is not the same.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([1, 2, 3, 4], (0.1, 0.2, 0.35, 0.4)),
        "The same ids, and the third is farther in the second store: its vector is not the same.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([1, 2, 3, 4], (0.1, 0.2, 0.30008, 0.4)),
        "The same ids, and the third stands at another distance, by 0.00008: its vector is not the same.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([1, 2, 3, 5], (0.1, 0.2, 0.3, 0.5)),
        "The last ones differ, and are not equally far: the second store passed over a closer one.",
    ),
    (
        _hits([1, 2, 3, 5], (0.1, 0.2, 0.3, 0.5)),
        _hits([1, 2, 3, 4], _USUAL),
        "The last ones differ, and are not equally far: the first store passed over a closer one.",
    ),
    (_hits([1, 2, 3, 4], _USUAL), _hits([1, 2, 3], _USUAL[:3]), "The second store found one less."),
    (_hits([1, 2, 3], _EQUAL[:3]), _hits([1, 2, 3, 4], _EQUAL), "The second store found one more."),
    (_hits([1, 2, 3, 4], _OTHERS), _hits([1, 2, 3, 9], _OTHERS), "The last place, and that alone, is taken by another one."),
    (
        _hits(range(1, 13), _TWELVE),
        _hits([*range(1, 11), 90, 12], _TWELVE),
        "Both have twelve hits, and the eleventh is another one.",
    ),
)
"""Two answers, and what there is to say of them."""


def shown(hits: Hits) -> str:
    """Hits as a learner reads them."""
    return "[" + ", ".join(f"({id}, {round(distance, 7)})" for id, distance in hits) + "]"


_LENGTHS = "if len(old) != len(new):\n        return False"
_RETURN = "return alike and closer_old == closer_new"

MISTAKES = [
    Mistake(
        "ids as lists",
        "Compare ids as sets: a list has an order, and ties have none.",
        code="""
        def same_ten(old, new):
            return [id for id, _ in old] == [id for id, _ in new]
        """,
    ),
    Mistake(
        "ids as sets",
        "At the distance of the last place ids may differ: leave those out before you compare.",
        code="""
        def same_ten(old, new):
            return {id for id, _ in old} == {id for id, _ in new}
        """,
    ),
    Mistake(
        "all of it with ==",
        "Two stores compute with different precision, and `==` allows for none. Let distances differ by less than 0.00001.",
        code="""
        def same_ten(old, new):
            return old == new
        """,
    ),
    Mistake(
        "distances alone",
        "Equal distances alone prove nothing. Compare the ids that are closer than the last place as well.",
        old="alike and closer_old == closer_new",
        new="alike",
    ),
    Mistake(
        "half of them is enough",
        "Some ids in common are not enough to say yes, and at a tie none may be in common. Which places decide?",
        code="""
        def same_ten(old, new):
            return len({id for id, _ in old} & {id for id, _ in new}) >= len(old) / 2
        """,
    ),
    Mistake(
        "zip forgets the rest",
        "`zip` ends with the shorter list, so what follows is never compared. Compare the lengths first.",
        old=f"{_LENGTHS}\n    alike = all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new, strict=True))",
        new="alike = all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new))",
    ),
    Mistake(
        "zip is strict",
        "`zip(…, strict=True)` raises where the lengths differ. Compare the lengths first, and return `False`.",
        old=_LENGTHS,
        new="pass",
    ),
    Mistake(
        "ids alone, but for the last place",
        "Compare the distances as well, rank by rank.",
        old="alike and closer",
        new="closer",
    ),
    Mistake(
        "the last place skipped",
        "You leave the last place out. Its ids may differ, its distance may not.",
        code="""
        def same_ten(old, new):
            if len(old) != len(new):
                return False
            if not old:
                return True
            edge = old[-1][1] - 1e-5
            pairs = [(a, b) for (_, a), (_, b) in zip(old, new) if a < edge]
            near = [{id for id, distance in hits if distance < edge} for hits in (old, new)]
            return near[0] == near[1] and all(abs(a - b) < 1e-5 for a, b in pairs)
        """,
    ),
    Mistake(
        "any tie excuses",
        "A tie excuses other ids only at the last place: elsewhere the one that is missing was passed over.",
        code="""
        def same_ten(old, new):
            if len(old) != len(new):
                return False
            tied = [any(abs(a - b) < 1e-5 for j, (_, b) in enumerate(old) if i != j) for i, (_, a) in enumerate(old)]
            last = old[-1][1] if old else 0
            pairs = zip(old, new, tied)
            return all(abs(a - b) < 1e-5 and (x == y or tie or abs(a - last) < 1e-5) for (x, a), (y, b), tie in pairs)
        """,
    ),
    Mistake(
        "anywhere will do",
        "That an id is somewhere in the other answer is not enough: it has to be closer than the last place there as well.",
        old="closer_old == closer_new",
        new="closer_old <= {id for id, _ in new}",
    ),
    Mistake(
        "no tolerance at the last place",
        "Of two equals, one is closer by a hair of computing. Only what is closer by more than 0.00001 counts as closer.",
        old=" - 1e-5",
        new="",
    ),
    Mistake(
        "only the very last one",
        "Several may stand at the distance of the last place. Leave out all of them, and not one.",
        code="""
        def same_ten(old, new):
            if len(old) != len(new):
                return False
            alike = all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new, strict=True))
            closer_old = {id for id, _ in old[:-1]}
            closer_new = {id for id, _ in new[:-1]}
            return alike and closer_old == closer_new
        """,
    ),
    Mistake(
        "the last place must agree too",
        "The last place alone may be taken by another one that is equally far: compare only ids that are closer.",
        code="""
        def same_ten(old, new):
            if len(old) != len(new):
                return False
            alike = all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new, strict=True))
            closer_old = {id for id, distance in old if distance < old[-1][1] - 1e-5}
            closer_new = {id for id, distance in new if distance < new[-1][1] - 1e-5}
            tied = len(old) > 1 and abs(old[-1][1] - old[-2][1]) < 1e-5
            return alike and closer_old == closer_new and (tied or {id for id, _ in old} == {id for id, _ in new})
        """,
    ),
    Mistake(
        "rounded",
        "Two numbers that are almost equal may round to different ones. Compare their difference with 0.00001.",
        code="""
        def same_ten(old, new):
            old, new = ([(id, round(d, 5)) for id, d in hits] for hits in (old, new))
            if [d for _, d in old] != [d for _, d in new]:
                return False
            inside = [{hit for hit in hits if hit[1] < hits[-1][1]} for hits in (old, new)]
            return inside[0] == inside[1]
        """,
    ),
    Mistake(
        "a relative tolerance",
        "A tolerance relative to the distance is nothing at 0. `math.isclose` and `np.isclose` can be given an absolute one.",
        old="abs(a - b) < 1e-5",
        new="np.isclose(a, b)",
    ),
    Mistake(
        "too much tolerance",
        "Your tolerance lets through what is more than 0.00001 apart.",
        old="abs(a - b) < 1e-5",
        new="abs(a - b) < 1e-3",
    ),
    Mistake(
        "too little tolerance",
        "Your tolerance is smaller than 0.00001, or none at one place: what is less than that apart counts as equal.",
        old="1e-5",
        new="1e-6",
    ),
    Mistake(
        "one store's last place for both",
        "You measure both stores by one store's last place, and without a tolerance. By a hair of computing, a tie is then "
        "closer in one of them.",
        old="distance < new[-1][1] - 1e-5",
        new="distance < old[-1][1]",
    ),
    Mistake(
        "the first ten alone",
        "You compare ten hits, and there may be more, or fewer. Compare all that the stores gave.",
        old=_LENGTHS,
        new="if len(old) != len(new):\n        return False\n    old, new = old[:10], new[:10]",
    ),
    Mistake(
        "the tenth is the last",
        "The last place is not always the tenth: there may be fewer hits, and more. `old[-1]` is the last one.",
        old="[-1]",
        new="[9]",
    ),
    Mistake(
        "nothing where the lengths differ",
        "Where the lengths differ, a `return` without a value gives `None`. The answer is `False`.",
        old=_LENGTHS,
        new="if len(old) != len(new):\n        return",
    ),
    Mistake(
        "no abs",
        "Without `abs`, a difference counts in one direction only.",
        old="abs(a - b) < 1e-5",
        new="a - b < 1e-5",
    ),
    Mistake(
        "no last place in an empty list",
        "An empty list has no last place: `old[-1]` stops there.",
        code="""
        def same_ten(old, new):
            if len(old) != len(new):
                return False
            edge = old[-1][1] - 1e-5
            near = [{id for id, distance in hits if distance < edge} for hits in (old, new)]
            return near[0] == near[1] and all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new))
        """,
    ),
    Mistake(
        "nothing found is no answer",
        "Two stores that both find nothing give the same answer.",
        code="""
        def same_ten(old, new):
            if len(old) != len(new) or not old:
                return False
            alike = all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new, strict=True))
            closer_old = {id for id, distance in old if distance < old[-1][1] - 1e-5}
            closer_new = {id for id, distance in new if distance < new[-1][1] - 1e-5}
            return alike and closer_old == closer_new
        """,
    ),
    Mistake(
        "a set as the answer",
        "Asked for is `True` or `False`.",
        code="""
        def same_ten(old, new):
            return {id for id, _ in old} & {id for id, _ in new}
        """,
    ),
    Mistake(
        "1 and 0",
        "Asked for is `True` or `False`, and not `1` or `0`.",
        old=_RETURN,
        new="return int(alike and closer_old == closer_new)",
    ),
    Mistake(
        "no return",
        "Your function returns nothing: `return` is missing.",
        old=_RETURN,
        new="alike and closer_old == closer_new",
    ),
    Mistake(
        "always yes",
        "It cannot be always `True`: then it compares nothing.",
        code="""
        def same_ten(old, new):
            return True
        """,
    ),
    Mistake(
        "always no",
        "Your function says no to two answers that are the same in every figure.",
        code="""
        def same_ten(old, new):
            return False
        """,
    ),
    Mistake(
        "sorts what it is given",
        "Your function sorts the caller's lists in place. `sorted` makes a new one.",
        code="""
        def same_ten(old, new):
            old.sort(key=lambda hit: -hit[1]); old.reverse(); new.append(None); new.pop(); new.reverse()
            new.sort(key=lambda hit: hit[1])
            if len(old) != len(new):
                return False
            alike = all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new, strict=True))
            closer_old = {id for id, distance in old if distance < old[-1][1] - 1e-5}
            closer_new = {id for id, distance in new if distance < new[-1][1] - 1e-5}
            return alike and closer_old == closer_new
        """,
    ),
]
