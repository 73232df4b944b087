"""The exercises of lesson 01. They run the learner's functions on stores and inputs of their own."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg.pq import TransactionStatus

from course import dataset
from course.embedding import DIMENSIONS, embed
from course.errors import CourseError
from course.exercises.check import NotYet, exercise, expect
from course.exercises.kinds import describe
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
    ids = _ids_in(in_order(list(ranked), [dict(row) for row in rows]))
    if ids == [3, 8, 21, 34, 55]:
        raise NotYet("This is the order of the ids. A smaller id is an older document, not a closer one: follow `doc_ids`.")
    if ids == [55, 34, 21, 8, 3]:
        raise NotYet("This is the reverse order of the ids. `doc_ids` has the ranks: its first element is the closest.")
    if ids == ranked[::-1]:
        raise NotYet("This is `doc_ids` backwards: the farthest first. Its first element is the closest, and comes first.")
    if ids != ranked:
        raise NotYet(f"For the ranks {ranked} you return {ids}. Each place in `doc_ids` should be that row's place.")
    _leave_out_what_is_gone(in_order, [rows[0], rows[3]])
    _leave_out_what_nobody_ranked(in_order, rows)
    if in_order([], []) != []:
        raise NotYet("No ids and no rows should give an empty list.")
    return "The join by hand is repaired. In SQL it would be one `ORDER BY`; lesson 09 writes it."


def _ids_in(answer: object) -> list[int]:
    """The ids of the rows in an answer, which must be a list of rows."""
    answer = expect(answer, list, "Return the list of rows.")
    for item in answer:
        if item is None:
            raise NotYet("For an id without a row you return `None`. Leave it out: the caller expects rows.")
        if isinstance(item, int):
            raise NotYet("Those are ids. Return the rows themselves: the reader of the answer wants titles, not numbers.")
        if not isinstance(item, dict) or "id" not in item:
            raise NotYet(f"Return the rows as they came, dicts with an id. In your list there is {describe(item)}.")
    return [row["id"] for row in answer]


def _leave_out_what_is_gone(in_order: Callable, rows: list[dict]) -> None:
    """Judge a rank whose row was deleted. The rows are those of 3 and 34."""
    try:
        answer = in_order([34, 999, 3], [dict(row) for row in rows])
    except (KeyError, StopIteration, IndexError) as error:
        raise NotYet(
            f"Right while every document is there. With id 999 in the ranks and no row for it, it stops with "
            f"`{type(error).__name__}`. A deleted document should be left out."
        ) from error
    ids = _ids_in(answer)
    if ids != [34, 3]:
        raise NotYet(f"Asked for the ids 34, 999 and 3, of which 999 has no row, you return {ids} in place of [34, 3].")


def _leave_out_what_nobody_ranked(in_order: Callable, rows: list[dict]) -> None:
    """Judge rows that are not in the ranks. The query never gives such rows, so an error is as good an answer as any."""
    try:
        answer = in_order([34, 3], [dict(row) for row in rows])
    except (LookupError, ValueError):
        return
    ids = _ids_in(answer)
    if ids != [34, 3]:
        raise NotYet(f"Asked for the ids 34 and 3 among five rows, you return {ids}. Only what is in `doc_ids` belongs there.")


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
    ada = 1000 + secrets.randbelow(9000)  # nobody has tried the function with this user before
    boiler, salary, nothing = (f"{word} {secrets.token_hex(4)}" for word in ("boiler", "salary", "nothing fits"))

    def compute(user_id: int, query: str) -> list[dict]:
        calls.append((user_id, query))
        return [] if query == nothing else [{"id": 17, "title": f"{query}, answered for user {user_id}"}]

    with _forgotten(stack) as (redis, new_keys):
        first = expect(cached_similar(redis, ada, boiler, compute), list, "Return the answer, a list.")
        if calls != [(ada, boiler)]:
            raise NotYet("With an empty cache, `compute(user_id, query)` should be called once, with the user and the question.")
        if first != compute(ada, boiler):
            raise NotYet(f"`compute` gives a list of 1 document, and you return {first!r}. Return its answer as it is.")
        _judge_keys(redis, new_keys(), boiler)
        _judge_hit(lambda: cached_similar(redis, ada, boiler, compute), redis, new_keys(), calls, first)
        if cached_similar(redis, ada + 1, boiler, compute) == first:
            raise NotYet("Another user asked, and got the first one's documents: a leak. The user belongs in the key.")
        if cached_similar(redis, ada, salary, compute) == first:
            raise NotYet("Another question of the same user got the old answer. The question belongs in the key.")
        _judge_separator(lambda user_id, query: cached_similar(redis, user_id, query, compute), ada, boiler)
        cached_similar(redis, ada, nothing, compute)
        count = len(calls)
        if cached_similar(redis, ada, nothing, compute) != [] or len(calls) != count:
            raise NotYet(
                "An empty answer was computed again. It is an answer too: keep it as well. "
                "Only `None` from `get` means that there is none."
            )
    return "A hit costs one round trip to Redis. What it cannot know: that a document has changed in those 60 seconds."


@contextmanager
def _forgotten(stack: Stack) -> Iterator[tuple[Redis, Callable[[], set[str]]]]:
    """A client, and what gives the keys that are new. They are removed at the end.

    On a server that others use too, only keys with this notebook's prefix are looked at, and removed.
    """
    redis = stack.redis.client()
    pattern = "*" if stack.redis.can_be_killed else f"{stack.redis.prefix}*"
    before = set(redis.scan_iter(pattern, count=1000))

    def new_keys() -> set[str]:
        return set(redis.scan_iter(pattern, count=1000)) - before

    try:
        yield redis, new_keys
    finally:
        for key in new_keys():
            redis.delete(key)


def _judge_keys(redis: Redis, keys: set[str], query: str) -> None:
    if not keys:
        raise NotYet(
            "Redis has no new key after the first call. Keep the answer there before you return it, under a key that begins "
            "with `prefix`, and for 60 seconds: `ex` counts seconds, `px` milliseconds."
        )
    for key in keys:
        kind, seconds = redis.type(key), redis.ttl(key)
        if kind not in ("string", "none"):
            raise NotYet(
                f"The key `{key}` is a {kind}. One text per answer is enough: `redis.set(key, json.dumps(answer), ex=60)`."
            )
        if seconds == -1:
            raise NotYet(
                f"The key `{key}` never expires: a changed document would show its old text for ever. Give `ex=60` to `set`."
            )
        if not 0 < seconds <= SECONDS:
            raise NotYet(
                f"The key `{key}` lives for {max(seconds, 0)} more seconds. The task says {SECONDS}: "
                "`ex` counts seconds, `px` milliseconds."
            )
        if seconds < SECONDS - 10:
            raise NotYet(f"The key `{key}` expires after about {seconds} seconds. The task says {SECONDS}.")
        if str(abs(hash(query))) in key:
            raise NotYet(
                "There is a `hash(…)` in your key. Python gives a text another hash in each process, so nobody else would find "
                "this answer. Put the question itself into the key."
            )
        try:
            json.loads(redis.get(key))
        except ValueError as error:
            raise NotYet(
                "What you keep is not JSON: `str(answer)` is Python's own way of writing it, and nobody can read it back safely. "
                "Use `json.dumps`."
            ) from error


def _judge_hit(ask: Callable[[], object], redis: Redis, keys: set[str], calls: list, first: list[dict]) -> None:
    """Judge the same question asked again, after half of the 60 seconds."""
    for key in keys:
        redis.expire(key, SECONDS // 2)
    count = len(calls)
    again = ask()
    if len(calls) > count:
        raise NotYet("The answer was kept, and computed again for the same question. Look into Redis first.")
    if isinstance(again, str | bytes):
        raise NotYet("From the cache comes text, where the first call gave a list. Turn it back with `json.loads`.")
    if again != first:
        raise NotYet(f"The second answer differs from the first: {again!r}.")
    if any(redis.ttl(key) > SECONDS // 2 for key in keys):
        raise NotYet(
            "A hit starts the 60 seconds anew. An answer that is asked for every minute would then never be renewed. "
            "Set the time once, when you keep the answer."
        )


def _judge_separator(ask: Callable[[int, str], object], user: int, query: str) -> None:
    """Judge two users and two questions that are the same text when they are put together, in either order."""
    if ask(user, f"2{query}") == ask(int(f"{user}2"), query):
        raise NotYet("User 1 asking `2 cats` and user 12 asking ` cats` share a key: put something between the two, such as `:`.")
    if ask(user, f"{query}1") == ask(int(f"1{user}"), query):
        raise NotYet("User 2 asking `cats1` and user 12 asking `cats` share a key: put something between the two, such as `:`.")


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
    """Judge both stores after a document was added for one user; it is removed again.

    The judge looks through a connection of its own: it sees what was committed, whatever became of the learner's.
    """
    title, content = "The parrot's passport", "Stamped on 4 May, it's valid for 'six' years; 100 % of the fee paid."
    with (
        stack.postgres.connect() as own,
        _removed_afterwards(own, _collection(own, stack)) as collection,
        stack.postgres.connect() as postgres,
    ):
        before, counter = _ids(own), _counter(own)
        user_id = own.execute("SELECT max(id) FROM users").fetchone()[0]
        returned = add_document(postgres, collection, user_id, title, content)
        _judge_connection(postgres)
        _judge_row(own, _ids(own) - before, user_id, (title, content), returned)
        if _counter(own) == counter:
            raise NotYet(
                "You chose the id yourself: PostgreSQL's counter has not moved. Two programs that do so at once choose the same. "
                "Leave `id` out of the `INSERT`, and `RETURNING id` tells you."
            )
        _judge_entry(collection, returned, user_id, f"{title}\n{content}")
    return "Row and vector are both there. Nothing ties them together: you wrote twice, and each write may fail alone."


def _ids(postgres: Connection) -> set[int]:
    return {row[0] for row in postgres.execute("SELECT id FROM documents")}


def _counter(postgres: Connection) -> int:
    """The last id that PostgreSQL has given to a document."""
    query = "SELECT pg_sequence_last_value(pg_get_serial_sequence('documents', 'id')::regclass)"
    return postgres.execute(query).fetchone()[0]


def _collection(postgres: Connection, stack: Stack) -> Collection:
    """The lesson's collection. Given a text without a vector, it embeds nothing and fetches no model: see `_judge_entry`."""
    from chromadb import EmbeddingFunction

    class Flat(EmbeddingFunction):
        def __init__(self) -> None:
            pass

        @staticmethod
        def name() -> str:
            return "default"  # the collection was made with this one, and takes no other

        def __call__(self, input: list[str]) -> list[list[float]]:
            return [[1.0] * DIMENSIONS for _ in input]

    chroma = stack.chroma.client()
    has_table = postgres.execute("SELECT to_regclass('documents')").fetchone()[0] is not None
    if not has_table or dataset.COLLECTION not in [collection.name for collection in chroma.list_collections()]:
        raise CourseError(
            "The table or the collection `documents` is not there yet. Your work is untouched. "
            "Run the cells that make them, from the top of this lesson, then this one again."
        )
    return chroma.get_collection(dataset.COLLECTION, embedding_function=Flat())


@contextmanager
def _removed_afterwards(postgres: Connection, collection: Collection) -> Iterator[Collection]:
    """The collection; whatever is added inside is removed from both stores at the end."""
    rows, entries = _ids(postgres), set(collection.get(include=[])["ids"])
    try:
        yield collection
    finally:
        postgres.execute("DELETE FROM documents WHERE id = ANY(%s)", [list(_ids(postgres) - rows)])
        added = set(collection.get(include=[])["ids"]) - entries
        if added:
            collection.delete(ids=list(added))


def _judge_connection(postgres: Connection) -> None:
    if postgres.closed:
        raise NotYet(
            "Your function closed the connection that it was given: `with postgres:` does so at its end. "
            "The caller still needs it; for a transaction write `with postgres.transaction():`."
        )
    if postgres.info.transaction_status != TransactionStatus.IDLE:
        raise NotYet("The transaction that you began is still open, and nobody else sees the row. End it with `COMMIT`.")


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
        if metadata[name] != wanted:
            named_as_text = metadata[name] == str(wanted)
            raise NotYet(
                f"`{name}` in the metadata is {metadata[name]!r}. It should be the number {wanted}"
                + (f': ChromaDB\'s `where` does not take `{wanted}` and `"{wanted}"` for the same.' if named_as_text else ".")
            )
    vector = entry["embeddings"][0]
    if (vector == vector[0]).all():
        raise NotYet(
            "You gave ChromaDB the text without a vector. It would then embed with a model of its own, which it fetches from the "
            "internet. Give it the vector: `embeddings=[embed(…)]`."
        )
    likeness = float(embed(text) @ vector)
    if likeness < 0.999:
        raise NotYet(
            f"The vector is not that of the title, a line break and the content: the cosine between them is {likeness:.3f}. "
            "Embed the same text as for all the other documents, or they do not compare."
        )
