"""Answers to the exercises of lesson 02, wrong and right. `test_every_check.py` gives them; what else they promise is here."""

import pytest

from course.stack import Stack
from tests.checks.answers import checked


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises, as far as the checks' own lines need it."""
    return {"stack": stack}


def where(body: str, before: str = "") -> str:
    return f"{before}\ndef recent_premium(since):\n    return {body}"


def fetching(body: str) -> str:
    return "def five_or_all(search, qualify):\n" + _indented(body)


def doubling(old: str, new: str) -> str:
    """The usual loop, with one thing changed."""
    assert old in DOUBLING
    return fetching(DOUBLING.replace(old, new))


def stale(body: str) -> str:
    return "def out_of_date(postgres, collection):\n" + _indented(body)


def compared(old: str, new: str) -> str:
    """The usual comparison, with one thing changed."""
    assert old in COMPARED
    return stale(COMPARED.replace(old, new))


def _indented(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))


PREMIUM = '{"subscription": "premium"}'
LATER = '{"created_at": {"$gt": since}}'

DOUBLING = """
k = 50
while True:
    ranked = search(k)
    kept = qualify(ranked)
    if len(kept) >= 5 or len(ranked) < k:
        return [id for id in ranked if id in kept][:5]
    k *= 2
"""
ENDING = "if len(kept) >= 5 or len(ranked) < k:"

COMPARED = """
plan_of = dict(postgres.execute("SELECT id, subscription FROM users").fetchall())
entries = collection.get(include=["metadatas"])
found = set()
for id, metadata in zip(entries["ids"], entries["metadatas"]):
    plan = plan_of.get(metadata["user_id"])
    if plan is not None and metadata.get("subscription") != plan:
        found.add(id)
return found
"""
DIFFERS = 'metadata.get("subscription") != plan'

WRONG = {
    "02.recent_premium": [
        ("two keys in one dict", where('{"subscription": "premium", "created_at": {"$gt": since}}'), "two keys side by side"),
        ("no condition", where("{}"), "two keys side by side in one dict, as it does an empty one"),
        (
            "a dict below $and",
            where('{"$and": {"subscription": "premium", "created_at": {"$gt": since}}}'),
            "a list of conditions",
        ),
        ("$and of one", where('{"$and": [{"subscription": "premium"}]}'), "a list of two conditions or more"),
        ("$or", where(f'{{"$or": [{PREMIUM}, {LATER}]}}'), "that is `$or`. Both must hold"),
        ("not free", where(f'{{"$and": [{{"subscription": {{"$ne": "free"}}}}, {LATER}]}}'), "match what lacks the key"),
        ("not in free", where(f'{{"$and": [{{"subscription": {{"$nin": ["free"]}}}}, {LATER}]}}'), "match what lacks the key"),
        ("only premium", where(PREMIUM), "You find an old entry"),
        ("only recent", where(LATER), "You find a free user's entry"),
        ("earlier for later", where(f'{{"$and": [{PREMIUM}, {{"created_at": {{"$lt": since}}}}]}}'), "Later is greater"),
        (
            "a date as text",
            where(
                f'{{"$and": [{PREMIUM}, {{"created_at": {{"$gt": datetime.fromtimestamp(since, UTC).isoformat()}}}}]}}',
                before="from datetime import UTC, datetime",
            ),
            "ranges compare numbers only",
        ),
        (
            "a datetime",
            where(
                f'{{"$and": [{PREMIUM}, {{"created_at": {{"$gt": datetime.fromtimestamp(since, UTC)}}}}]}}',
                before="from datetime import UTC, datetime",
            ),
            "ranges compare numbers only",
        ),
        ("milliseconds", where(f'{{"$and": [{PREMIUM}, {{"created_at": {{"$gt": since * 1000}}}}]}}'), "`since` is in seconds"),
        ("a capital letter", where(f'{{"$and": [{{"subscription": "Premium"}}, {LATER}]}}'), "written `premium`"),
        (
            "a clock of its own",
            where(f'{{"$and": [{PREMIUM}, {{"created_at": {{"$gt": 1e6}}}}]}}'),
            "use `since`, as it is given",
        ),
        ("Python's operator", where(f'{{"$and": [{PREMIUM}, {{"created_at": {{">": since}}}}]}}'), "Greater than is `$gt`"),
        (
            "two operators for one key",
            where(f'{{"$and": [{PREMIUM}, {{"created_at": {{"$gt": since, "$lt": 1e12}}}}]}}'),
            "A key takes one operator at a time",
        ),
        ("a list of conditions", where(f"[{PREMIUM}, {LATER}]"), "Return the filter, a dict"),
        ("not returned", "def recent_premium(since):\n    where = {'subscription': 'premium'}", "is a `return` missing?"),
    ],
    "02.five_or_all": [
        (
            "once",
            fetching("ranked = search(50)\nkept = qualify(ranked)\nreturn [id for id in ranked if id in kept][:5]"),
            "in place of 5",
        ),
        (
            "a larger factor once",
            fetching("ranked = search(1_000)\nkept = qualify(ranked)\nreturn [id for id in ranked if id in kept][:5]"),
            "each search would pay for the worst",
        ),
        (
            "everything",
            fetching("ranked = search(10**6)\nkept = qualify(ranked)\nreturn [id for id in ranked if id in kept][:5]"),
            "each search would pay for the worst",
        ),
        ("never ends", doubling(ENDING, "if len(kept) >= 5:"), "there is no more to fetch"),
        (
            "always asks for 50",
            doubling("k *= 2", "k = 50"),
            "searched 60 times",
        ),
        ("crawls", doubling("k *= 2", "k += 5"), "multiply it"),
        ("crawls a little faster", doubling("k *= 2", "k += 100"), "grow faster"),
        (
            "ends when a round adds nothing",
            fetching(
                "k, before = 50, -1\nwhile True:\n    ranked = search(k)\n    kept = qualify(ranked)\n"
                "    if len(kept) >= 5 or len(kept) == before:\n        return [id for id in ranked if id in kept][:5]\n"
                "    before = len(kept)\n    k *= 2"
            ),
            "A round that adds nothing is not the end",
        ),
        (
            "once more, and no further",
            doubling(ENDING, "if len(kept) >= 5 or k >= 100:"),
            "A round that adds nothing is not the end",
        ),
        ("all that qualify", doubling("[:5]", ""), "Five are wanted"),
        ("as the set has them", doubling("[id for id in ranked if id in kept][:5]", "sorted(kept)[:5]"), "closer ones qualify"),
        (
            "the farthest",
            doubling("[id for id in ranked if id in kept][:5]", "[id for id in ranked if id in kept][-5:]"),
            "closer ones qualify",
        ),
        (
            "backwards",
            doubling("[id for id in ranked if id in kept][:5]", "[id for id in ranked if id in kept][:5][::-1]"),
            "the right ids in another order",
        ),
        ("filled up with what does not qualify", doubling("if id in kept][:5]", "if id in kept or True][:5]"), "do not qualify"),
        (
            "collects over the rounds",
            fetching(
                "k, found = 50, []\nwhile True:\n    ranked = search(k)\n    kept = qualify(ranked)\n"
                "    found += [id for id in ranked if id in kept]\n"
                "    if len(found) >= 5 or len(ranked) < k:\n        return found[:5]\n    k *= 2"
            ),
            "an id stands twice",
        ),
        ("a set", doubling("return [id for id in ranked if id in kept][:5]", "return kept"), "Return the list of ids"),
        (
            "an error when too few",
            doubling(ENDING, "assert len(ranked) == k\n    if len(kept) >= 5:"),
            "Your code stopped with `AssertionError`",
        ),
        ("asks for a fraction", doubling("k *= 2", "k *= 2.0"), "a whole number from 1 up"),
    ],
    "02.out_of_date": [
        ("how many", compared("return found", "return len(found)"), "Which ones?"),
        ("a list", compared("return found", "return sorted(found)"), "Return them as a set of text"),
        ("numbers", compared("return found", "return {int(id) for id in found}"), "Return them as ChromaDB has them, as text"),
        ("the users", compared("found.add(id)", 'found.add(metadata["user_id"])'), "Those are the users"),
        ("what is true", compared(DIFFERS, 'metadata.get("subscription") == plan'), "whose copy is true"),
        (
            "without a copy left out",
            compared(DIFFERS, 'metadata.get("subscription", plan) != plan'),
            "You miss the entries without a copy",
        ),
        (
            "missing taken for free",
            compared(DIFFERS, 'metadata.get("subscription", "free") != plan'),
            "Missing is not the same as free",
        ),
        (
            "KeyError without a copy",
            compared('metadata.get("subscription")', 'metadata["subscription"]'),
            "Your code stopped with `KeyError`",
        ),
        ("of nobody as well", compared("plan is not None and ", ""), '"107" belongs to a user'),
        (
            "KeyError for nobody",
            compared('plan_of.get(metadata["user_id"])', 'plan_of[metadata["user_id"]]'),
            "Your code stopped with `KeyError`",
        ),
        (
            "only who upgraded",
            compared(DIFFERS, f'plan == "premium" and {DIFFERS} or "subscription" not in metadata'),
            "that one gives too much",
        ),
        (
            "only who cancelled",
            compared(DIFFERS, f'plan == "free" and {DIFFERS} or "subscription" not in metadata'),
            "that one hides documents",
        ),
        (
            "by ChromaDB's filter",
            stale(
                'users = postgres.execute("SELECT id, subscription FROM users").fetchall()\nfound = set()\n'
                "for id, plan in users:\n"
                '    other = "free" if plan == "premium" else "premium"\n'
                '    where = {"$and": [{"user_id": id}, {"subscription": other}]}\n'
                '    found |= set(collection.get(where=where)["ids"])\nreturn found'
            ),
            "You miss the entries without a copy",
        ),
        (
            "texts and numbers",
            compared('plan_of.get(metadata["user_id"])', 'plan_of.get(str(metadata["user_id"]))'),
            "Your set is empty",
        ),
        ("nothing", stale("return set()"), "Your set is empty"),
        ("what I planted", stale('return {"102", "104", "105", "108"}'), "Ask both stores anew"),
        ("not returned", compared("return found", "pass"), "is a `return` missing?"),
        ("rows with their metadata", compared("return found", "return [(id, {}) for id in found]"), "Return the set of ids"),
    ],
}

RIGHT = {
    "02.recent_premium": [
        ("the other way round", where(f'{{"$and": [{LATER}, {PREMIUM}]}}')),
        ("$eq and $gte", where('{"$and": [{"subscription": {"$eq": "premium"}}, {"created_at": {"$gte": since}}]}')),
        ("$in with one", where(f'{{"$and": [{{"subscription": {{"$in": ["premium"]}}}}, {LATER}]}}')),
        ("a whole number", where(f'{{"$and": [{PREMIUM}, {{"created_at": {{"$gt": int(since)}}}}]}}')),
    ],
    "02.five_or_all": [
        ("tenfold", doubling("k *= 2", "k *= 10")),
        (
            "with a recursion",
            "def five_or_all(search, qualify, k=50):\n    ranked = search(k)\n    kept = set(qualify(ranked))\n"
            "    good = [id for id in ranked if id in kept]\n"
            "    return good[:5] if len(good) >= 5 or len(ranked) < k else five_or_all(search, qualify, 4 * k)",
        ),
        (
            "until nothing new comes",
            fetching(
                "k, ranked = 50, search(50)\nwhile len(qualify(ranked)) < 5:\n    k *= 3\n    more = search(k)\n"
                "    if len(more) == len(ranked):\n        break\n    ranked = more\n"
                "good = qualify(ranked)\nreturn [id for id in ranked if id in good][:5]"
            ),
        ),
        (
            "only what is new is asked about",
            fetching(
                "k, kept, seen = 50, [], 0\nwhile True:\n    ranked = search(k)\n    new = ranked[seen:]\n"
                "    good = qualify(new)\n    kept += [id for id in new if id in good]\n"
                "    if len(kept) >= 5 or len(ranked) < k:\n        return kept[:5]\n    seen, k = len(ranked), k * 2"
            ),
        ),
    ],
    "02.out_of_date": [
        ("a loop", stale(COMPARED)),
        (
            "one user at a time",
            stale(
                'found = set()\nfor id, plan in postgres.execute("SELECT id, subscription FROM users").fetchall():\n'
                '    where = {"$and": [{"user_id": id}, {"subscription": {"$ne": plan}}]}\n'
                '    found |= set(collection.get(where=where, include=[])["ids"])\nreturn found'
            ),
        ),
        (
            "through the documents' table",
            stale(
                'rows = postgres.execute("SELECT d.id, u.subscription FROM documents d JOIN users u ON d.user_id = u.id")\n'
                "plan_of = {str(id): plan for id, plan in rows}\n"
                'entries = collection.get(include=["metadatas"])\n'
                'copy_of = {id: it.get("subscription") for id, it in zip(entries["ids"], entries["metadatas"])}\n'
                "return {id for id in copy_of if id in plan_of and copy_of[id] != plan_of[id]}"
            ),
        ),
    ],
}
NEEDS = {"02.recent_premium": ("chroma",), "02.five_or_all": (), "02.out_of_date": ("postgres", "chroma")}


@pytest.mark.parametrize("id", ["02.recent_premium", "02.out_of_date"])
def test_a_check_with_stores_of_its_own_leaves_the_lessons_as_they_were(id: str, stack: Stack) -> None:
    def kept() -> tuple[list[str], list[tuple]]:
        with stack.postgres.connect() as postgres:
            rows = postgres.execute("SELECT id, name, subscription FROM users ORDER BY id").fetchall()
        return sorted(collection.name for collection in stack.chroma.client().list_collections()), rows

    before = kept()
    for name, code in [*((name, code) for name, code, _ in WRONG[id]), *RIGHT[id]]:
        checked(id, code, stack)
        assert kept() == before, name


def test_a_function_that_uses_another_connection_is_told_so(stack: Stack) -> None:
    with stack.postgres.connect() as other:
        code = stale(COMPARED.replace("postgres.execute", "other().execute"))
        result = checked("02.out_of_date", f"def other():\n    return stack.postgres.connect()\n{code}", stack)
        assert other.execute("SELECT count(*) FROM users").fetchone()[0] == 40
    assert result.outcome == "not yet"
    assert "the connection and the collection that your function is given" in result.message
