"""The exercises of lesson 02. They run the learner's functions on collections, tables and ranks of their own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from course.exercises.check import NotYet, exercise, expect
from course.exercises.kinds import describe
from course.stack import Stack

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection
    from psycopg import Connection

NOON = 1_000_000.0
"""The moment, in seconds, that the filters are asked about."""


@exercise(
    "02.recent_premium",
    hints=[
        "Two conditions, and both must hold: ChromaDB wants that said, with `$and` and a list of the two.",
        "The first is an equality, `{key: value}`. The second is a range, `{key: {operator: value}}`; later is `$gt`.",
    ],
    solution="""
        def recent_premium(since):
            return {"$and": [{"subscription": "premium"}, {"created_at": {"$gt": since}}]}
    """,
)
def recent_premium(recent_premium: Callable, stack: Stack) -> str:
    """Judge the filter by what it finds among entries that each miss one condition."""
    entries = {
        "new": {"subscription": "premium", "created_at": NOON + 3_600},
        "just now": {"subscription": "premium", "created_at": NOON + 60},
        "old": {"subscription": "premium", "created_at": NOON - 3_600},
        "free": {"subscription": "free", "created_at": NOON + 3_600},
        "free and old": {"subscription": "free", "created_at": NOON - 3_600},
        "without a plan": {"created_at": NOON + 3_600},
        "without a date": {"subscription": "premium"},
    }
    with _collection(stack, entries) as collection:
        found = _found(collection, recent_premium(NOON))
        _judge_found(found)
        later = _found(collection, recent_premium(NOON + 600))
        if later != {"new"}:
            raise NotYet(
                f"Right for one moment. Asked for ten minutes later, it finds {_listed(later)} in place of 'new' alone: "
                "use `since`, as it is given."
            )
    return "One round trip, and right for as long as every copy is. `{'subscription': 'premium'}` is `$eq`, written short."


def _found(collection: Collection, where: object) -> set[str]:
    """The ids that the learner's filter finds. ChromaDB's refusals are explained."""
    where = expect(where, dict, "Return the filter, a dict.")
    try:
        return set(collection.get(where=where, include=[])["ids"])
    except ValueError as error:
        raise NotYet(_refused(str(error))) from error


def _refused(said: str) -> str:
    """What to do about ChromaDB's refusal of a filter."""
    if "operand value to be an int or a float" in said:
        return "ChromaDB's ranges compare numbers only. `created_at` is kept in seconds, and so is `since`: give it as it is."
    if "operator expression" in said:
        return "A key takes one operator at a time. Two bounds for one key would be two conditions, in an `$and`."
    if "exactly one operator" in said:
        return (
            "ChromaDB refuses two keys side by side in one dict, as it does an empty one: "
            "several conditions stand in a list below `$and`."
        )
    if "at least two where expressions" in said:
        return "`$and` takes a list of two conditions or more. Each is a dict of its own: subscription, and created_at."
    if "list of where expressions" in said:
        return "`$and` takes a list of conditions, `[{…}, {…}]`, each with a single key. Yours is one dict."
    if "where operator to be one of" in said:
        return "There is no such operator in ChromaDB. Greater than is `$gt`, in the range as a dict: `{key: {'$gt': value}}`."
    return f"ChromaDB refuses this filter: {said}"


def _judge_found(found: set[str]) -> None:
    if found == {"new", "just now"}:
        return
    if "without a plan" in found and "free" not in found:
        raise NotYet(
            "You let in an entry that has no `subscription` at all. `$ne` and `$nin` match what lacks the key: "
            "ask for `premium` itself."
        )
    if {"old", "free"} <= found:
        raise NotYet("You find what meets one of the conditions: that is `$or`. Both must hold.")
    if found == {"old"}:
        raise NotYet("You find what is older than `since`. Later is greater: `$gt`.")
    if "old" in found:
        raise NotYet("You find an old entry. `created_at` should be after `since`; both count seconds.")
    if "free" in found:
        raise NotYet("You find a free user's entry. The copy of the plan is in `subscription`.")
    if not found:
        raise NotYet(
            "You find nothing. `since` is in seconds, as `created_at` is: take it as it is. "
            "And the plan is written `premium`, in small letters."
        )
    raise NotYet(f"You find {_listed(found)}. The entries 'new' and 'just now' are premium and after `since`.")


@exercise(
    "02.five_or_all",
    hints=[
        "A loop around the three lines. Which two things end it? Five kept is one; and when is there no more to fetch?",
        "`search(k)` gives fewer than `k` ids only when there are no more documents: `len(ranked) < k`.",
        "Search again from the start with a larger `k`: the new ranks contain the old ones. Doubling keeps the rounds few.",
    ],
    solution="""
        def five_or_all(search, qualify):
            k = 50
            while True:
                ranked = search(k)
                kept = qualify(ranked)
                if len(kept) >= 5 or len(ranked) < k:
                    return [id for id in ranked if id in kept][:5]
                k *= 2
    """,
)
def five_or_all(five_or_all: Callable) -> str:
    """Judge on ranks where five qualify early, late, never, and with nothing there at all."""
    asked = _Asked(five_or_all, total=5_000)
    asked.judge("the first 50 have five", [3, 8, 21, 34, 40, 44, 700], most_rounds=1)
    asked.judge("the fifth is at rank 400", [2, 60, 61, 350, 399, 420, 2_000], most_rounds=20)
    asked.judge("the next one comes late", [2, 9, 1_800, 1_801, 1_802, 3_000], most_rounds=20)
    asked.judge("only three qualify", [4, 1_200, 4_990], most_rounds=20)
    asked.judge("none qualifies", [], most_rounds=20)
    _Asked(five_or_all, total=0).judge("there is no document", [], most_rounds=3)
    _Asked(five_or_all, total=50).judge("there are 50 documents", [1, 49], most_rounds=3)
    return "Complete now, at the price of more round trips, and most of them when the filter is most selective."


class _Asked:
    """Documents in an order that their ids do not show, and a function to be judged on them."""

    def __init__(self, function: Callable, total: int) -> None:
        self._function = function
        self._ranked = [(rank * 7_919) % 5_003 + 1 for rank in range(total)]

    def judge(self, case: str, ranks: Sequence[int], most_rounds: int) -> None:
        """Judge one case: the documents at these ranks qualify."""
        good = [self._ranked[rank] for rank in ranks]
        fetched: list[int] = []

        def search(k: int) -> list[int]:
            if not _is_count(k):
                raise NotYet(f"`search` takes how many to fetch, a whole number from 1 up. You ask for {describe(k)}.")
            fetched.append(k)
            if len(fetched) > 60:
                raise NotYet(
                    f"When {case}, your loop has searched 60 times and goes on. "
                    "End it as well when `search` gives fewer than you asked for: there is no more to fetch."
                    if len(set(fetched)) < 50 or k >= len(self._ranked)
                    else f"When {case}, you have searched 60 times, up to k = {k:,}. Let `k` grow faster: multiply it."
                )
            return self._ranked[:k]

        def qualify(ids: Sequence[int]) -> set[int]:
            return set(good) & set(ids)

        answer = expect(self._function(search, qualify), list, "Return the list of ids.")
        self._judge_answer(case, answer, good)
        self._judge_rounds(case, fetched, most_rounds)

    def _judge_answer(self, case: str, answer: list, good: list[int]) -> None:
        wanted = good[:5]
        if answer == wanted:
            return
        if len(answer) > 5 and answer[:5] == wanted:
            raise NotYet(f"When {case}, you return {len(answer)} ids. Five are wanted: the closest.")
        if len(set(answer)) < len(answer):
            raise NotYet(
                f"When {case}, an id stands twice in your answer. A larger `k` finds the earlier ones again: "
                "build the answer anew from the last ranks."
            )
        if set(answer) - set(good):
            raise NotYet(f"When {case}, there are ids in your answer that do not qualify. A short answer is right then.")
        if set(answer) == set(wanted):
            raise NotYet(f"When {case}, these are the right ids in another order. A set has none: go through the ranks.")
        if len(answer) < len(wanted):
            raise NotYet(
                f"When {case}, you return {len(answer)} ids in place of {len(wanted)}. "
                "A round that adds nothing is not the end: there is more to fetch while `search` gives as many as you ask for."
            )
        raise NotYet(f"When {case}, you return {answer[:5]} in place of {wanted}: closer ones qualify too.")

    def _judge_rounds(self, case: str, fetched: list[int], most_rounds: int) -> None:
        if most_rounds == 1 and fetched and max(fetched) > 50:
            raise NotYet(
                f"When {case}, you fetch {max(fetched):,} all the same. Right, and dear: each search would pay for the worst. "
                "Begin with 50, and fetch more only if fewer than five are kept."
            )
        if len(fetched) > most_rounds:
            raise NotYet(
                f"When {case}, you search {len(fetched)} times. Each is a round trip: end as soon as five are kept, "
                "and let `k` grow faster than by a little each time."
            )


def _is_count(k: object) -> bool:
    """Whether this is a whole number from 1 up."""
    return isinstance(k, int) and not isinstance(k, bool) and k >= 1


PLANS = {1_011: "premium", 1_012: "free", 1_013: "premium"}
"""The users of the last exercise, as PostgreSQL has them."""


@exercise(
    "02.out_of_date",
    hints=[
        "Two small halves: a dict from user to subscription, out of PostgreSQL, and all entries with their metadata.",
        '`collection.get(include=["metadatas"])` gives two lists, `ids` and `metadatas`, in the same order: `zip` them.',
        '`metadata.get("subscription")` gives `None` for an entry without a copy, where `metadata["subscription"]` stops.',
    ],
    solution="""
        def out_of_date(postgres, collection):
            plan_of = dict(postgres.execute("SELECT id, subscription FROM users").fetchall())
            entries = collection.get(include=["metadatas"])
            return {
                id
                for id, metadata in zip(entries["ids"], entries["metadatas"])
                if metadata["user_id"] in plan_of and metadata.get("subscription") != plan_of[metadata["user_id"]]
            }
    """,
)
def out_of_date(out_of_date: Callable, stack: Stack) -> str:
    """Judge on copies that are stale in either direction, missing, or of nobody; then on copies that are all true."""
    owner_of = {101: 1_011, 102: 1_011, 103: 1_012, 104: 1_012, 105: 1_013, 106: 1_013, 107: 1_099, 108: 1_012}
    copy_of = {101: "premium", 102: "free", 103: "free", 104: "premium", 105: None, 106: "premium", 107: "premium", 108: None}
    entries = {
        str(id): {"id": id, "user_id": owner_of[id]} | ({"subscription": plan} if plan else {}) for id, plan in copy_of.items()
    }
    with stack.postgres.connect() as postgres, _collection(stack, entries) as collection:
        _tables(postgres, owner_of)
        _judge_stale(out_of_date(postgres, collection))
        true = [str(id) for id in owner_of if id != 107]
        collection.update(ids=true, metadatas=[{"subscription": PLANS[owner_of[int(id)]]} for id in true])
        again = expect(out_of_date(postgres, collection), set, "When every copy is true, return the empty set.")
        if again:
            raise NotYet(f"Then I repaired every copy, and you still return {_listed(again)}. Ask both stores anew at each call.")
    return "Run every few minutes, this bounds how long a copy may be stale. It does not make it true at once."


def _judge_stale(answer: object) -> None:
    wanted, orphan = {"102", "104", "105", "108"}, "107"
    if isinstance(answer, int) and not isinstance(answer, bool):
        raise NotYet(f"{answer} may be how many. Which ones? Return the set of ids.")
    if isinstance(answer, list | tuple) and set(map(str, answer)) == wanted:
        raise NotYet("Those are the entries. Return them as a set of text: `set(…)` or `{… for …}`.")
    answer = expect(answer, set, "Return the set of ids, as ChromaDB has them.")
    if answer and all(isinstance(id, int) for id in answer):
        if answer <= set(PLANS):
            raise NotYet("Those are the users. Which of their entries are out of date? Return the entries' ids, as text.")
        raise NotYet("Your ids are numbers. Return them as ChromaDB has them, as text: then they can go into `update(ids=…)`.")
    if answer == wanted:
        return
    if orphan in answer:
        raise NotYet(
            f'"{orphan}" belongs to a user whom PostgreSQL does not know. There is nothing to compare it with: leave it out.'
        )
    if answer == {"101", "103", "106"}:
        raise NotYet("Those are the entries whose copy is true. Return the others.")
    if answer == wanted - {"105", "108"}:
        raise NotYet("You miss the entries without a copy. A filter `where={'subscription': …}` finds only those that have one.")
    if answer == wanted - {"108"}:
        raise NotYet("You miss an entry without a copy that belongs to a free user. Missing is not the same as free.")
    if answer == wanted - {"104"}:
        raise NotYet(
            "You found who upgraded. A premium copy of a user who is free now is stale as well: that one gives too much."
        )
    if answer == wanted - {"102"}:
        raise NotYet(
            "You found who cancelled. A free copy of a user who is premium now is stale as well: that one hides documents."
        )
    if not answer:
        raise NotYet("Your set is empty. Do you use the connection and the collection that your function is given?")
    missing, much = wanted - answer, answer - wanted
    raise NotYet(f"You return {_listed(answer)}. Missing: {_listed(missing)}; too much: {_listed(much)}. Compare entry by entry.")


def _tables(postgres: Connection, owner_of: dict[int, int]) -> None:
    """Tables of this connection alone, which hide the lesson's: they vanish with it."""
    postgres.execute("CREATE TEMP TABLE users (id bigint PRIMARY KEY, name text, subscription text NOT NULL)")
    postgres.execute("CREATE TEMP TABLE documents (id bigint PRIMARY KEY, user_id bigint, title text)")
    with postgres.cursor() as cursor:
        cursor.executemany("INSERT INTO users VALUES (%s, 'somebody', %s)", PLANS.items())
        cursor.executemany(
            "INSERT INTO documents VALUES (%s, %s, 'something')", [row for row in owner_of.items() if row[1] in PLANS]
        )


@contextmanager
def _collection(stack: Stack, entries: dict[str, dict]) -> Iterator[Collection]:
    """A collection with these entries, id to metadata. It is deleted at the end."""
    chroma, name = stack.chroma.client(), f"check_{secrets.token_hex(4)}"
    collection = chroma.create_collection(name)
    try:
        vectors = [[1.0, float(place)] for place in range(len(entries))]
        collection.add(ids=list(entries), embeddings=vectors, metadatas=list(entries.values()))
        yield collection
    finally:
        chroma.delete_collection(name)


def _listed(ids: set) -> str:
    return ", ".join(sorted(map(repr, ids))) or "nothing"
