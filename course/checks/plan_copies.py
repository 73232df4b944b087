"""Users, documents and copies of plans for the exercises of lesson 02b, and the wrong answers to 02b.out_of_date.

The exercises stand in `lesson_02b`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from course.exercises.mistakes import Mistake
from course.exercises.stage import ODD, Stage

if TYPE_CHECKING:
    from course.exercises.traces import LentConnection

TABLES = """
    CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, subscription text NOT NULL);
    CREATE TABLE documents (
        id         bigint PRIMARY KEY,
        user_id    bigint NOT NULL,
        title      text NOT NULL,
        content    text NOT NULL DEFAULT 'What is in it',
        created_at timestamptz NOT NULL DEFAULT '2026-11-01'
    );
    INSERT INTO users VALUES (1011, 'Dana', 'premium'), (1012, 'Noor', 'free'), (1013, 'Amara', 'premium');
"""
"""Two premium users and a free one."""

DANA, NOOR, AMARA = 1_011, 1_012, 1_013
OWNERS = {2_002: DANA, 2_008: NOOR} | dict.fromkeys([*range(2_009, 2_020), 2_001], DANA)
OWNERS |= dict.fromkeys([2_003, 2_004], NOOR) | dict.fromkeys([2_005, 2_006], AMARA)
"""Document to user. What is out of date later is not all among the first ten."""


def lumen(stage: Stage) -> LentConnection:
    """A database with these users and documents."""
    postgres = stage.database(TABLES)
    with stage.own.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO documents (id, user_id, title) VALUES (%s, %s, %s)",
            [(id, user_id, f"{ODD} {id}") for id, user_id in OWNERS.items()],
        )
    return postgres


COPIES = dict.fromkeys(OWNERS, "premium") | {2_002: "free", 2_003: "free", 2_005: None, 2_008: None}
"""Document to the plan as it was copied: stale in 2002 and 2004, missing in 2005 and 2008."""

ORPHAN = {"id": 2_007, "user_id": 1_099, "subscription": "premium"}


def _copied(out_of_date: Callable, stage: Stage, copies: dict[int, str | None], before: str = "") -> Any:
    """What is found among entries with these copies, and one of a user whom PostgreSQL does not know."""
    postgres = lumen(stage)
    if before:
        stage.own.execute(before)
    entries = [{"id": id, "user_id": OWNERS[id]} | ({"subscription": plan} if plan else {}) for id, plan in copies.items()]
    entries.append(ORPHAN)
    collection = stage.collection(
        ids=[str(entry["id"]) for entry in entries],
        embeddings=[[1.0, float(place)] for place in range(len(entries))],
        metadatas=entries,
    )
    found = out_of_date(postgres, collection)
    return sorted(found) if isinstance(found, list) and all(isinstance(id, str) for id in found) else found


def some_stale(out_of_date: Callable, stage: Stage) -> Any:
    """What an answer finds when some copies are stale."""
    return _copied(out_of_date, stage, COPIES)


PLANS = {DANA: "premium", NOOR: "free", AMARA: "premium"}
TRUE: dict[int, str | None] = {id: PLANS[user_id] for id, user_id in OWNERS.items()}


def all_true(out_of_date: Callable, stage: Stage) -> Any:
    """What an answer finds when no copy is stale."""
    return _copied(out_of_date, stage, TRUE)


def subscription_ended(out_of_date: Callable, stage: Stage) -> Any:
    """What an answer finds when a subscription has ended."""
    return _copied(out_of_date, stage, TRUE, before="UPDATE users SET subscription = 'free' WHERE id = 1011")


SET = """return {
        id
        for id, metadata in zip(entries["ids"], entries["metadatas"], strict=True)
        if metadata["user_id"] in plan_of
        and metadata.get("subscription") != plan_of[metadata["user_id"]]
    }"""
WITH_METADATA = "Those are the entries with their metadata. Return their ids alone, a set of text."
DIFFERS = 'metadata.get("subscription") != plan_of[metadata["user_id"]]'
KNOWN = 'metadata["user_id"] in plan_of'

MISTAKES = [
    Mistake(
        "how many",
        "That is how many. Which ones? Return the set of ids.",
        old=SET,
        new=SET.replace("return {", "return len({").replace("\n    }", "\n    })"),
    ),
    Mistake(
        "a list",
        "Those are the entries. Return them as a set of text: `set(…)` or `{… for …}`.",
        old=SET,
        new=SET.replace("return {", "return sorted({").replace("\n    }", "\n    })"),
    ),
    Mistake(
        "numbers",
        "Your ids are numbers. Return them as ChromaDB has them, as text: then they can go into `update(ids=…)`.",
        old="        id\n        for",
        new="        int(id)\n        for",
    ),
    Mistake(
        "the users",
        "Those are the users. Which of their entries are out of date? Return the entries' ids, as text.",
        old="        id\n        for",
        new='        metadata["user_id"]\n        for',
    ),
    Mistake(
        "the users, as text",
        "Those are the users. Which of their entries are out of date? Return the entries' ids, as text.",
        old="        id\n        for",
        new='        str(metadata["user_id"])\n        for',
    ),
    Mistake(
        "rows and texts",
        "That is all that has an owner. PostgreSQL's row is a tuple, `('free',)`, and no copy equals it: take its first value.",
        old='dict(postgres.execute("SELECT id, subscription FROM users").fetchall())',
        new='{id: (plan,) for id, plan in postgres.execute("SELECT id, subscription FROM users")}',
    ),
    Mistake(
        "premium users alone",
        "You look at the entries of premium users alone. A premium copy of a user who is free now is out of date as well.",
        old='FROM users"',
        new="FROM users WHERE subscription = 'premium'\"",
    ),
    Mistake(
        "free users alone",
        "You look at the entries of free users alone. A free copy of a user who is premium now is out of date as well.",
        old='FROM users"',
        new="FROM users WHERE subscription = 'free'\"",
    ),
    Mistake(
        "premium copies alone",
        "You look at premium copies alone. A free copy of a premium user is out of date as well, and so is an entry without one.",
        old='collection.get(include=["metadatas"])',
        new='collection.get(where={"subscription": "premium"}, include=["metadatas"])',
    ),
    Mistake(
        "the letters of the ids",
        "Those are the letters of the ids: `update` adds each part of a text. `add` takes the text as a whole.",
        old=SET,
        new=SET.replace("return {", "return set().union(*{").replace("\n    }", "\n    })"),
    ),
    Mistake(
        "what is true",
        "Those are the entries whose copy is true. Return the others: `!=`.",
        old=DIFFERS,
        new=DIFFERS.replace("!=", "=="),
    ),
    Mistake(
        "without a copy left out",
        "You miss the entries without a copy. A filter `where={'subscription': …}` finds only those that have one, and "
        "`.get` with a second value invents one.",
        old='metadata.get("subscription")',
        new='metadata.get("subscription", plan_of[metadata["user_id"]])',
    ),
    Mistake(
        "missing taken for free",
        "You miss an entry without a copy that belongs to a free user. Missing is not the same as free.",
        old='metadata.get("subscription")',
        new='metadata.get("subscription", "free")',
    ),
    Mistake(
        "missing taken for premium",
        "You miss an entry without a copy that belongs to a premium user. Missing is not the same as premium.",
        old='metadata.get("subscription")',
        new='metadata.get("subscription", "premium")',
    ),
    Mistake(
        "stops without a copy",
        "Your code stops with a `KeyError`: an entry has no key `subscription`, or no user whom PostgreSQL knows. "
        "`dict.get(key)` gives `None` instead.",
        old='metadata.get("subscription")',
        new='metadata["subscription"]',
    ),
    Mistake(
        "of nobody as well",
        '"2007" belongs to a user whom PostgreSQL does not know. There is nothing to compare it with: leave it out.',
        old=f"if {KNOWN}\n        and {DIFFERS}",
        new='if metadata.get("subscription") != plan_of.get(metadata["user_id"])',
    ),
    Mistake(
        "only who upgraded",
        "You found who upgraded. A premium copy of a user who is free now is stale as well: that one gives too much.",
        old=DIFFERS,
        new=f'{DIFFERS} and (plan_of[metadata["user_id"]] == "premium" or "subscription" not in metadata)',
    ),
    Mistake(
        "only who cancelled",
        "You found who cancelled. A free copy of a user who is premium now is stale as well: that one hides documents.",
        old=DIFFERS,
        new=f'{DIFFERS} and (plan_of[metadata["user_id"]] == "free" or "subscription" not in metadata)',
    ),
    Mistake(
        "only what is missing",
        "Those are the entries without a copy. One that has a copy may be out of date as well: compare it with PostgreSQL.",
        old=DIFFERS,
        new='"subscription" not in metadata',
    ),
    Mistake(
        "texts and numbers",
        "Your set is empty, no owner was found. PostgreSQL's ids are numbers and so is `user_id` in the metadata: compare these.",
        old=KNOWN,
        new='str(metadata["user_id"]) in plan_of',
    ),
    Mistake(
        "peeks",
        "Some are missing. `peek` and `query` show only some entries: `get` without a filter lists all.",
        old='collection.get(include=["metadatas"])',
        new="collection.peek()",
    ),
    Mistake(
        "by the entry's own id",
        "You look up the plan by the entry's `id`, and that is a document's. Its owner is in `user_id`.",
        old='plan_of[metadata["user_id"]]',
        new='plan_of.get(metadata["id"])',
    ),
    Mistake(
        "premium or not",
        "You tell only premium from all others: an entry without a copy counts as free, and so does an owner whom PostgreSQL "
        "does not know. Compare the plans themselves.",
        code="""
            def out_of_date(postgres, collection):
                premium = {id for (id,) in postgres.execute("SELECT id FROM users WHERE subscription = 'premium'")}
                entries = collection.get(include=["metadatas"])
                return {
                    id
                    for id, metadata in zip(entries["ids"], entries["metadatas"])
                    if (metadata.get("subscription") == "premium") != (metadata["user_id"] in premium)
                }
            """,
    ),
    Mistake(
        "the first one",
        "That is the first that is found. `return` ends the function: collect in the loop, and return after it.",
        code="""
            def out_of_date(postgres, collection):
                plan_of = dict(postgres.execute("SELECT id, subscription FROM users").fetchall())
                entries = collection.get(include=["metadatas"])
                for id, metadata in zip(entries["ids"], entries["metadatas"]):
                    plan = plan_of.get(metadata["user_id"])
                    if plan is not None and metadata.get("subscription") != plan:
                        return {id}
                return set()
            """,
    ),
    Mistake(
        "ChromaDB alone",
        "You look at the copies alone. Whether a copy is true, only PostgreSQL knows: compare each with its owner's plan there.",
        code="""
        def out_of_date(postgres, collection):
            return set(collection.get(where={"subscription": {"$ne": "premium"}})["ids"])
        """,
    ),
    Mistake(
        "orphans",
        "That is an entry without a row: an orphan. Asked for are entries whose plan is not what PostgreSQL says.",
        code="""
            def out_of_date(postgres, collection):
                rows = {str(id) for (id,) in postgres.execute("SELECT id FROM documents")}
                return set(collection.get(include=[])["ids"]) - rows
            """,
    ),
    Mistake(
        "a dict",
        WITH_METADATA,
        old=SET,
        new=SET.replace("        id\n", "        id: metadata\n"),
    ),
    Mistake(
        "asks for a few",
        "Some are missing. `query` gives ten entries at most unless told otherwise: `get` lists all.",
        code="""
            def out_of_date(postgres, collection):
                found = set()
                for id, plan in postgres.execute("SELECT id, subscription FROM users").fetchall():
                    where = {"$and": [{"user_id": id}, {"subscription": {"$ne": plan}}]}
                    found |= set(collection.query(query_embeddings=[[1.0, 0.0]], where=where)["ids"][0])
                return found
            """,
    ),
    Mistake(
        "repairs them as well",
        "Your function changed the copies. Finding and repairing are two things: look first, and tell. Return the set.",
        old=SET,
        new=SET.replace("return {", "found = {")
        + """
    for id in found:
        collection.update(ids=[id], metadatas=[{"subscription": "premium"}])
    return found""",
    ),
    Mistake(
        "None for none",
        "When every copy is true, the answer should be the empty set, `set()`.",
        old=SET,
        new=SET + " or None",
    ),
    Mistake(
        "what was planted",
        "Then every copy was repaired, and you still return the same. Ask both stores anew at each call.",
        code="""
            def out_of_date(postgres, collection):
                return {"2002", "2004", "2005", "2008"}
            """,
    ),
    Mistake(
        "no return",
        "Your function finds them and keeps them for itself: `return` is missing.",
        old=SET,
        new=SET.replace("return {", "found = {"),
    ),
    Mistake(
        "metadata in place of ids",
        WITH_METADATA,
        old=SET,
        new=SET.replace("return {\n        id\n", "return [\n        (id, metadata)\n").replace("\n    }", "\n    ]"),
    ),
]
