"""The exercises of lesson 01. They run the learner's functions on stores and inputs of their own."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from course import dataset
from course.check import NotYet, exercise, expect
from course.embedding import embed
from course.stack import Stack

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection
    from psycopg import Connection
    from redis import Redis

SECONDS = 60


@exercise(
    "01.in_order",
    hints=[
        "Looking for each id in the list of rows works, and is slow for long lists. A dict from id to row finds it at once.",
        "`{row['id']: row for row in rows}` is that dict. Then go through `doc_ids`, and take those that are in it.",
    ],
    solution="""
        def in_order(doc_ids, rows):
            row_of = {row["id"]: row for row in rows}
            return [row_of[id] for id in doc_ids if id in row_of]
    """,
)
def in_order(in_order: Callable) -> str:
    """Judge the order on ranks that are neither ascending nor descending, and with a document gone."""
    rows = [{"id": id, "title": f"Document {id}"} for id in (3, 8, 21, 34, 55)]
    ranked = [34, 3, 55, 8, 21]
    given = [dict(row) for row in rows]
    answer = expect(in_order(list(ranked), given), list, "Return the list of rows.")
    if answer and not isinstance(answer[0], dict):
        raise NotYet("Those are ids. Return the rows themselves: the reader of the answer wants titles, not numbers.")
    ids = [row["id"] for row in answer]
    if ids == [3, 8, 21, 34, 55]:
        raise NotYet("This is the order of the ids. A smaller id is an older document, not a closer one: follow `doc_ids`.")
    if ids == sorted(ids, reverse=True):
        raise NotYet("This is the reverse order of the ids. `doc_ids` has the ranks: its first element is the closest.")
    if ids != ranked:
        raise NotYet(f"For the ranks {ranked} you return {ids}. Each place in `doc_ids` should be that row's place.")
    _leave_out_what_is_gone(in_order, rows)
    if in_order([], []) != []:
        raise NotYet("No ids and no rows should give an empty list.")
    return "The join by hand is repaired. In SQL it would be one `ORDER BY`; lesson 09 writes it."


def _leave_out_what_is_gone(in_order: Callable, rows: list[dict]) -> None:
    """A rank whose row was deleted, and a row that nobody ranked."""
    try:
        answer = in_order([34, 999, 3], [dict(row) for row in rows])
    except (KeyError, StopIteration, IndexError) as error:
        raise NotYet(
            f"Right while every document is there. With id 999 in the ranks and no row for it, it stops with "
            f"`{type(error).__name__}`. A deleted document should be left out."
        ) from error
    if None in answer:
        raise NotYet("For an id without a row you return `None`. Leave it out: the caller expects rows.")
    ids = [row["id"] for row in answer]
    if ids == [34, 3]:
        return
    if set(ids) - {34, 3}:
        raise NotYet(
            f"Asked for the ids 34, 999 and 3 among five rows, you return {ids}. Only what is in `doc_ids` belongs there."
        )
    raise NotYet(f"Asked for the ids 34, 999 and 3, of which 999 has no row, you return {ids} in place of [34, 3].")


@exercise(
    "01.cached_similar",
    hints=[
        "Three parts: look (`redis.get`), and return what is there; else compute; then keep it (`redis.set(…, ex=60)`).",
        "What does the answer depend on? On the user and on the question. Both belong in the key.",
        "Redis keeps text. `json.dumps` makes text of the answer, `json.loads` makes the answer of it.",
    ],
    solution="""
        def cached_similar(redis, user_id, query, compute):
            key = f"{prefix}similar:{user_id}:{query}"
            kept = redis.get(key)
            if kept is not None:
                return json.loads(kept)
            answer = compute(user_id, query)
            redis.set(key, json.dumps(answer), ex=60)
            return answer
    """,
)
def cached_similar(cached_similar: Callable, stack: Stack) -> str:
    """Judge the cache by its keys, their expiry, and whose answer whom it gives."""
    calls: list[tuple[int, str]] = []
    boiler, salary, nothing = (f"{word} {secrets.token_hex(4)}" for word in ("boiler", "salary", "nothing fits"))

    def compute(user_id: int, query: str) -> list[dict]:
        calls.append((user_id, query))
        return [] if query == nothing else [{"id": user_id * 100, "title": f"{query}, answered for user {user_id}"}]

    with _forgotten(stack.redis.client()) as (redis, before):
        first = expect(cached_similar(redis, 4, boiler, compute), list, "Return the answer, a list.")
        if calls != [(4, boiler)]:
            raise NotYet("With an empty cache, `compute(user_id, query)` should be called once, with the user and the question.")
        _judge_keys(redis, set(redis.scan_iter(count=1000)) - before)
        again = cached_similar(redis, 4, boiler, compute)
        if len(calls) == 2:
            raise NotYet("The answer was kept, and computed again for the same question. Look into Redis first.")
        if isinstance(again, str | bytes):
            raise NotYet("From the cache comes text, where the first call gave a list. Turn it back with `json.loads`.")
        if again != first:
            raise NotYet(f"The second answer differs from the first: {again!r}.")
        if cached_similar(redis, 5, boiler, compute) == first:
            raise NotYet("User 5 asked, and got user 4's documents: a leak. The key must hold all that the answer depends on.")
        if cached_similar(redis, 4, salary, compute) == first:
            raise NotYet("Another question of the same user got the old answer. The question belongs in the key.")
        one = cached_similar(redis, 1, f"2 {boiler}", compute)
        if cached_similar(redis, 12, f" {boiler}", compute) == one:
            raise NotYet(
                "User 1 asking `2 cats` and user 12 asking ` cats` share a key: put something between the two, such as `:`."
            )
        cached_similar(redis, 4, nothing, compute)
        count = len(calls)
        if cached_similar(redis, 4, nothing, compute) != [] or len(calls) != count:
            raise NotYet("An empty answer is an answer. `if kept:` takes an empty one for none: compare with `None`.")
    return "A hit costs one round trip to Redis. What it cannot know: that a document has changed in those 60 seconds."


@contextmanager
def _forgotten(redis: Redis) -> Iterator[tuple[Redis, set[str]]]:
    """The client and the keys that are there; what is added inside is removed at the end."""
    before = set(redis.scan_iter(count=1000))
    try:
        yield redis, before
    finally:
        for key in set(redis.scan_iter(count=1000)) - before:
            redis.delete(key)


def _judge_keys(redis: Redis, keys: set[str]) -> None:
    if not keys:
        raise NotYet("Redis has no new key after the first call. Keep the answer there before you return it.")
    for key in keys:
        if redis.type(key) != "string":
            raise NotYet(
                f"The key `{key}` is a {redis.type(key)}. One text per answer is enough: "
                "`redis.set(key, json.dumps(answer), ex=60)`."
            )
        seconds = redis.ttl(key)
        if seconds == -1:
            raise NotYet(
                f"The key `{key}` never expires: a changed document would show its old text for ever. Give `ex=60` to `set`."
            )
        if not 0 < seconds <= SECONDS:
            raise NotYet(
                f"The key `{key}` lives for {seconds} more seconds. The task says {SECONDS}: "
                "`ex` counts seconds, `px` milliseconds."
            )
        if seconds < SECONDS - 10:
            raise NotYet(f"The key `{key}` expires after about {seconds} seconds. The task says {SECONDS}.")
        try:
            json.loads(redis.get(key))
        except json.JSONDecodeError as error:
            raise NotYet(
                "What you keep is not JSON: `str(answer)` is Python's own way of writing it, and nobody can read it back safely. "
                "Use `json.dumps`."
            ) from error


@exercise(
    "01.add_document",
    hints=[
        "`INSERT … RETURNING id` gives you the id that PostgreSQL chose: `.fetchone()[0]`.",
        'ChromaDB takes lists: `ids=[str(document_id)]`, `embeddings=[embed(…)]`, `metadatas=[{"id": …, "user_id": …}]`.',
        "`get_similar_docs` filters by `user_id` and reads `id` from the metadata. Both are numbers there.",
    ],
    solution="""
        def add_document(postgres, collection, user_id, title, content):
            document_id = postgres.execute(
                "INSERT INTO documents (user_id, title, content) VALUES (%s, %s, %s) RETURNING id", [user_id, title, content]
            ).fetchone()[0]
            collection.add(
                ids=[str(document_id)],
                embeddings=[embed(f"{title}\\n{content}")],
                metadatas=[{"id": document_id, "user_id": user_id}],
            )
            return document_id
    """,
)
def add_document(add_document: Callable, stack: Stack) -> str:
    """Judge both stores after two documents were added for one user; they are removed again."""
    title, content = "The parrot's passport", "Stamped on 4 May, it's valid for 'six' years; 100 % of the fee paid."
    with stack.postgres.connect() as postgres, _removed_afterwards(postgres, stack) as collection:
        before = _ids(postgres)
        user_id = postgres.execute("SELECT max(id) FROM users").fetchone()[0]
        returned = add_document(postgres, collection, user_id, title, content)
        new = _ids(postgres) - before
        _judge_row(postgres, new, user_id, (title, content), returned)
        _judge_entry(collection, returned, user_id, f"{title}\n{content}")
        second = add_document(postgres, collection, user_id, title, content)
        if second == returned:
            raise NotYet("A second document got the same id. Let PostgreSQL choose it: `INSERT … RETURNING id`.")
    return "Row and vector are both there. Nothing ties them together: you wrote twice, and each write may fail alone."


def _ids(postgres: Connection) -> set[int]:
    return {row[0] for row in postgres.execute("SELECT id FROM documents")}


@contextmanager
def _removed_afterwards(postgres: Connection, stack: Stack) -> Iterator[Collection]:
    """The collection; whatever is added inside is removed from both stores at the end."""
    collection = stack.chroma.client().get_collection(dataset.COLLECTION)
    rows, entries = _ids(postgres), set(collection.get(include=[])["ids"])
    try:
        yield collection
    finally:
        postgres.execute("DELETE FROM documents WHERE id = ANY(%s)", [list(_ids(postgres) - rows)])
        added = set(collection.get(include=[])["ids"]) - entries
        if added:
            collection.delete(ids=list(added))


def _judge_row(postgres: Connection, new: set[int], user_id: int, text: tuple[str, str], returned: object) -> None:
    if not new:
        raise NotYet("PostgreSQL has no new row in `documents`. Without it, step 4 of `get_similar_docs` finds nothing to show.")
    if len(new) > 1:
        raise NotYet(f"PostgreSQL has {len(new)} new rows for one document. Insert it once.")
    (id,) = new
    row = postgres.execute("SELECT user_id, title, content FROM documents WHERE id = %s", [id]).fetchone()
    if row != (user_id, *text):
        raise NotYet(
            f"The row of document {id} is {row!r}. It should have the user, the title and the content as they were given."
        )
    if returned is None:
        raise NotYet("Both the row and its id are there, and your function returns `None`. Return the id.")
    if returned != id or isinstance(returned, bool):
        raise NotYet(
            f"You return {returned!r}, and the new row has the id {id}. `RETURNING id` gives it; `fetchone()` gives a tuple."
        )


def _judge_entry(collection: Collection, id: int, user_id: int, text: str) -> None:
    entry = collection.get(ids=[str(id)], include=["embeddings", "metadatas"])
    if not entry["ids"]:
        raise NotYet(
            f'ChromaDB has no entry "{id}". The row is in PostgreSQL alone: the document exists, and no search finds it. '
            "Its id in ChromaDB is PostgreSQL's, as text."
        )
    metadata = entry["metadatas"][0] or {}
    for name, wanted in (("user_id", user_id), ("id", id)):
        if name not in metadata:
            raise NotYet(
                f"The entry has no `{name}` in its metadata. `get_similar_docs` needs it, and would pass this document by."
            )
        if metadata[name] != wanted or isinstance(metadata[name], str):
            raise NotYet(
                f"`{name}` in the metadata is {metadata[name]!r}. It should be the number {wanted}: "
                f'ChromaDB\'s `where` does not take `{wanted}` and `"{wanted}"` for the same.'
            )
    likeness = float(embed(text) @ entry["embeddings"][0])
    if likeness < 0.999:
        raise NotYet(
            f"The vector is not that of the title, a line break and the content: the cosine between them is {likeness:.3f}. "
            "Embed the same text as for all the other documents, or they do not compare."
        )
