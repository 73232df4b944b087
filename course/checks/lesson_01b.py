"""The exercises of lesson 01b: an answer that is kept in Redis, and a document that is written to two stores."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from course.checks.two_writes import added, refused
from course.embedding import embed
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import ODD, Stage
from course.waiting import until

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["add_document", "cached_similar", "embed", "hashlib", "json", "secrets"]

PREFIX = "lumen_checks:"
OTHERS = "somebody_else:similar"
SECONDS = 60

_KEY = 'f"{prefix}similar:{user_id}:{query}"'
_SET = "redis.set(key, json.dumps(answer), ex=60)"


def _compute(user_id: int, query: str) -> list[dict]:
    return [] if query == "nothing" else [{"id": 1301, "title": f"{query}, for user {user_id}"}]


def _first(query: str) -> Callable[[Callable, Stage], Parts]:
    """How to observe a first question: what is returned, how it was computed, and what Redis holds then."""

    def observe(cached_similar: Callable, stage: Stage) -> Parts:
        redis, calls = stage.redis, []
        redis.set(OTHERS, "theirs")
        expired = redis.info("stats")["expired_keys"]

        def compute(user_id: int, query: str) -> list[dict]:
            calls.append((user_id, query))
            return _compute(user_id, query)

        answer = cached_similar(redis, PREFIX, 1017, query, stage.asked(compute, at_most=5))
        others = redis.delete(OTHERS)
        for key in redis.scan_iter():
            if redis.pttl(key) in range(1000):  # it will be gone, sooner or later: later
                until(partial(_is_gone, redis, key))
        keys = list(redis.scan_iter())
        return Parts(
            returned=answer,
            computed=calls,
            keys=len(keys),
            keys_that_expire_at_once=redis.info("stats")["expired_keys"] - expired,
            keys_that_begin_with_the_prefix=sum(key.startswith(PREFIX) for key in keys),
            seconds_to_live=sorted(_about(redis.ttl(key)) for key in keys),
            kept=[_content(redis, key) for key in keys],
            keys_of_others_left=others,
        )

    return observe


def _is_gone(redis: Redis, key: str) -> bool:
    return not redis.exists(key)


def _about(seconds: int) -> int | str:
    """The time to live; a second or two of it may be over."""
    return SECONDS if SECONDS - 5 <= seconds <= SECONDS else "for ever" if seconds == -1 else round(seconds, -1)


def _content(redis: Redis, key: str) -> str:
    kind = redis.type(key)
    if kind not in ("string", "hash"):
        return f"a {kind!s}"
    kept: Any = [redis.get(key)] if kind == "string" else redis.hvals(key)
    try:
        for text in kept:
            json.loads(str(text))
    except ValueError:
        return "no JSON"
    return "JSON"


def _again(query: str) -> Callable[[Callable, Stage], Parts]:
    """How to observe the same question again, after half of the 60 seconds, and once more when the time is over."""

    def observe(cached_similar: Callable, stage: Stage) -> Parts:
        redis, compute = stage.redis, stage.asked(_compute, at_most=5)
        cached_similar(redis, PREFIX, 1017, query, compute)
        for key in redis.scan_iter():
            redis.expire(key, SECONDS // 2)
        answer, computed = cached_similar(redis, PREFIX, 1017, query, compute), compute.times
        renewed = any(redis.ttl(key) > SECONDS // 2 for key in redis.scan_iter())
        redis.flushall()
        cached_similar(redis, PREFIX, 1017, query, compute)
        return Parts(returned=answer, computed=computed, time_renewed=renewed, computed_when_the_time_is_over=compute.times)

    return observe


def _after(first: tuple[int, str], second: tuple[int, str]) -> Callable[[Callable, Stage], Any]:
    """How to observe a question after another one, or after another user's."""

    def observe(cached_similar: Callable, stage: Stage) -> Any:
        cached_similar(stage.redis, PREFIX, *first, _compute)
        return cached_similar(stage.redis, PREFIX, *second, _compute)

    return observe


def _in_another_process(cached_similar: Callable, stage: Stage) -> Any:
    """Whether the answer that this process kept is under the key that another one would look for."""
    cached_similar(stage.redis, PREFIX, 1017, "boiler", _compute)
    (key, *_) = [*stage.redis.scan_iter(), "none"]
    return str(abs(hash("boiler"))) in key or str(hash((1017, "boiler"))) in key


def _refused(cached_similar: Callable, stage: Stage) -> str:
    """What becomes of an error of `compute`, and whether anything was kept."""

    def compute(user_id: int, query: str) -> list[dict]:
        raise LookupError("the search does not answer")

    try:
        cached_similar(stage.redis, PREFIX, 1017, "boiler", compute)
        told = "the caller is told nothing"
    except LookupError:
        told = "the error reaches the caller"
    return f"{told}, and Redis has {stage.redis.dbsize()} keys"


LONG = "what did I write down about the boiler, the warranty and the man who came to look at both of them"


@exercise(
    "01b.cached_similar",
    may={"redis"},
    hints=[
        "Three parts: look (`redis.get`), and return what is there; else compute; then keep it (`redis.set(…, ex=60)`).",
        "What does the answer depend on? On the user and on the question. Both belong in the key, behind `prefix`.",
        "Redis keeps text. `json.dumps` makes text of the answer, `json.loads` makes the answer of it.",
    ],
    mistakes=[
        Mistake(
            "never keeps",
            "Redis has no key after the first call. Keep the answer there, for 60 seconds, before you return it: what stands "
            "behind `return` never runs. A dict of this process would not do, for no other process sees it.",
            code="""
            def cached_similar(redis, prefix, user_id, query, compute):
                return compute(user_id, query)
            """,
        ),
        Mistake(
            "no prefix",
            "A key does not begin with `prefix`. On a server that others use too, it meets theirs.",
            old="{prefix}similar",
            new="similar",
        ),
        Mistake(
            "no expiry",
            "The key never expires: a changed document would show its old text for ever. Give `ex=60` to `set`.",
            old=", ex=60",
            new="",
        ),
        Mistake(
            "sixty milliseconds",
            "The key is gone almost at once: `px` counts milliseconds, `ex` counts seconds.",
            old="ex=60",
            new="px=60",
        ),
        Mistake(
            "60,000 seconds",
            "The key lives for most of a day: `ex` counts seconds.",
            old="ex=60",
            new="ex=60_000",
        ),
        Mistake("an hour", "The key lives for an hour. The task says 60 seconds.", old="ex=60", new="ex=3600"),
        Mistake("six seconds", "The key is gone after six seconds. The task says 60.", old="ex=60", new="ex=6"),
        Mistake(
            "str for json.dumps",
            "What you keep is not JSON: `str(answer)` is Python's own way of writing it, and nobody can read it back safely. "
            "Use `json.dumps`.",
            old="json.dumps(answer)",
            new="str(answer)",
        ),
        Mistake(
            "a list as it is",
            "Redis stores text, bytes and numbers, and takes no list. `json.dumps` makes text of it.",
            old="json.dumps(answer)",
            new="answer",
        ),
        Mistake(
            "a Redis list",
            "The key is a list, and each call would add to it. One text per answer is enough: `set`, with its time to live.",
            code="""
            def cached_similar(redis, prefix, user_id, query, compute):
                key = f"{prefix}similar:{user_id}:{query}"
                kept = redis.lrange(key, 0, -1)
                if kept:
                    return json.loads(kept[0])
                answer = compute(user_id, query)
                redis.rpush(key, json.dumps(answer))
                redis.expire(key, 60)
                return answer
            """,
        ),
        Mistake(
            "text from the start",
            "You return text. The caller expects the list that `compute` gave: JSON is only what Redis keeps.",
            old="    return answer",
            new="    return json.dumps(answer)",
        ),
        Mistake("not returned", "Nothing comes back: a `return` is missing.", old="    return answer", new="    answer"),
        Mistake(
            "returns what set answers",
            "`set` answers that it has done its work. Return the computed answer.",
            old=f"{_SET}\n    return answer",
            new=f"return {_SET}",
        ),
        Mistake(
            "computes twice",
            "You compute the answer twice, once to keep it and once to return it. It is what takes the time.",
            old="json.dumps(answer)",
            new="json.dumps(compute(user_id, query))",
        ),
        Mistake(
            "arguments swapped",
            "`compute` takes the user first, and then the question.",
            old="compute(user_id, query)",
            new="compute(query, user_id)",
        ),
        Mistake(
            "never reads",
            "The answer was kept, and computed again for the same question. Look into Redis first.",
            old="if kept is not None:",
            new="if False:",
        ),
        Mistake(
            "text from the cache",
            "From the cache comes text, where the first call gave a list. Turn it back with `json.loads`.",
            old="json.loads(kept)",
            new="kept",
        ),
        Mistake(
            "a list in a list from the cache",
            "From the cache comes a list with the answer in it. `json.loads` gives the answer itself.",
            old="json.loads(kept)",
            new="[json.loads(kept)]",
        ),
        Mistake(
            "a hit starts the time anew",
            "A hit starts the 60 seconds anew. An answer that is asked for every minute would then never be renewed. Set the "
            "time once, when you keep the answer.",
            old="        return json.loads(kept)",
            new="        redis.expire(key, 60)\n        return json.loads(kept)",
        ),
        Mistake(
            "a dict in front of Redis",
            "When the 60 seconds are over, your function still gives the old answer: it is in a dict too, which forgets nothing.",
            code="""
            seen = {}

            def cached_similar(redis, prefix, user_id, query, compute):
                key = f"{prefix}similar:{user_id}:{query}"
                if (redis, key) in seen:
                    return list(seen[redis, key])
                kept = redis.get(key)
                if kept is not None:
                    return json.loads(kept)
                answer = compute(user_id, query)
                redis.set(key, json.dumps(answer), ex=60)
                seen[redis, key] = list(answer)
                return answer
            """,
        ),
        Mistake(
            "leaks between users",
            "Another user asked, and got the first one's documents: a leak. The user belongs in the key.",
            old="similar:{user_id}:{query}",
            new="similar:{query}",
        ),
        Mistake(
            "forgets the question",
            "Another question of the same user got the old answer. The question belongs in the key.",
            old="similar:{user_id}:{query}",
            new="similar:{user_id}",
        ),
        Mistake(
            "the question in small letters",
            "Two questions that differ in capitals alone are two questions here: `US` is a country, `us` is us.",
            old="similar:{user_id}:{query}",
            new="similar:{user_id}:{query.lower()}",
        ),
        Mistake(
            "the beginning of the question",
            "Two long questions that begin alike share a key. The whole question belongs in it, or a digest of the whole.",
            old='{query}"',
            new='{query[:50]}"',
        ),
        Mistake(
            "the words of the question",
            "Two questions of the same words in another order share a key: `dog bites man` is no `man bites dog`.",
            old='{query}"',
            new='{sorted(query.split())}"',
        ),
        Mistake(
            "key without separator",
            "User 1 asking `2 cats` and user 12 asking ` cats` share a key: put something between the two, such as `:`.",
            old="similar:{user_id}:{query}",
            new="similar:{user_id}{query}",
        ),
        Mistake(
            "key without separator, question first",
            "User 2 asking `cats1` and user 12 asking `cats` share a key: put something between the two, such as `:`.",
            old="similar:{user_id}:{query}",
            new="similar:{query}{user_id}",
        ),
        Mistake(
            "key from hash()",
            "There is a `hash(…)` in your key. Python gives a text another hash in each process, so nobody else would find this "
            "answer. Put the question itself into the key.",
            old='{query}"',
            new='{abs(hash(query))}"',
        ),
        Mistake(
            "computes first, and asks then",
            "You compute before you look, and so the cache saves nothing. Ask Redis first, and compute only if it has no answer.",
            code=f"""
            def cached_similar(redis, prefix, user_id, query, compute):
                key = f"{{prefix}}similar:{{user_id}}:{{query}}"
                answer = compute(user_id, query)
                kept = redis.get(key)
                if kept is not None:
                    return json.loads(kept)
                {_SET}
                return answer
            """,
        ),
        Mistake(
            "everything else deleted",
            "The keys of others are gone from Redis. Nothing has to be deleted: an answer goes by itself after 60 seconds.",
            old=_SET,
            new=f"redis.flushdb()\n    {_SET}",
        ),
        Mistake(
            "an error taken for no answer",
            "There is no answer, and your function gives one. An error of `compute` is the caller's to see: let it through.",
            old="    answer = compute(user_id, query)\n",
            new="    try:\n        answer = compute(user_id, query)\n    except Exception:\n        return []\n",
        ),
        Mistake(
            "an error kept as an answer",
            "There is no answer, and your function keeps one. An error of `compute` is the caller's to see: let it through.",
            old="    answer = compute(user_id, query)\n",
            new="    try:\n        answer = compute(user_id, query)\n    except Exception:\n        answer = []\n",
        ),
        Mistake(
            "empty answer not kept",
            "An empty answer was computed again. It is an answer too: keep it as well.",
            old=_SET,
            new=f"if answer:\n        {_SET}",
        ),
        Mistake(
            "empty answer taken for none",
            "An empty answer was kept, and computed again. Only `None` from `get` means that there is none.",
            old="if kept is not None:",
            new="if kept and json.loads(kept):",
        ),
    ],
)
def cached_similar(cached_similar: Callable, trial: Trial) -> str:
    """Judge the cache by its keys, their expiry, and whose answer whom it gives."""
    trial.compare(cached_similar, _first("boiler"), "User 1017 asks `boiler`, and nothing is kept yet.")
    trial.compare(cached_similar, _again("boiler"), "User 1017 asks `boiler` twice, and again after its time is over.")
    trial.compare(cached_similar, _after((1017, "boiler"), (1018, "boiler")), "User 1018 asks what user 1017 has asked.")
    trial.compare(cached_similar, _after((1017, "boiler"), (1017, "salary")), "User 1017 asks `salary` after `boiler`.")
    for first, second in (
        ((1, "2 cats"), (12, " cats")),
        ((2, "cats1"), (12, "cats")),
        ((1017, "who called us"), (1017, "who called US")),
        ((1017, LONG), (1017, f"{LONG} again")),
        ((1017, "dog bites man"), (1017, "man bites dog")),
        ((1017, ODD), (1017, ODD)),
    ):
        said = f"User {second[0]:,} asks `{second[1]}` after user {first[0]:,} has asked `{first[1]}`."
        trial.compare(cached_similar, _after(first, second), said)
    trial.compare(cached_similar, _again("nothing"), "The answer is an empty list, and the question comes again.")
    trial.compare(cached_similar, _refused, "`compute` fails: {found}.")
    trial.compare(cached_similar, _in_another_process, "Another process looks for the answer.")
    return "A hit costs one round trip to Redis. What it cannot know: that a document has changed in those 60 seconds."


_VECTOR = 'embed(f"{title}\\n{content}")'


def _looked_up(question: str) -> str:
    """An answer that asks for the new row's id afterwards."""
    return f"""
        def add_document(postgres, collection, user_id, title, content):
            postgres.execute(
                "INSERT INTO documents (user_id, title, content) VALUES (%s, %s, %s)",
                [user_id, title, content],
            )
            id = postgres.execute({question}).fetchone()[0]
            collection.upsert(
                ids=[str(id)],
                embeddings=[embed(f"{{title}}\\n{{content}}")],
                metadatas=[{{"id": id, "user_id": user_id}}],
            )
            return id
        """


@exercise(
    "01b.add_document",
    may={"postgres", "chroma"},
    hints=[
        "`INSERT … RETURNING id` gives you the id that PostgreSQL chose: `.fetchone()[0]`.",
        'ChromaDB takes lists: `ids=[str(document_id)]`, `embeddings=[embed(…)]`, `metadatas=[{"id": …, "user_id": …}]`.',
        "The search filters by `user_id` and reads `id` from the metadata. Both are numbers there.",
    ],
    mistakes=[
        Mistake(
            "the row alone",
            "The row is in PostgreSQL alone, and no search by meaning finds it. Give ChromaDB its vector as well.",
            code="""
            def add_document(postgres, collection, user_id, title, content):
                return postgres.execute(
                    "INSERT INTO documents (user_id, title, content) VALUES (%s, %s, %s) RETURNING id",
                    [user_id, title, content],
                ).fetchone()[0]
            """,
        ),
        Mistake(
            "the entry alone",
            "PostgreSQL has no new row: the fourth step would find a rank and no document. Insert the row as well.",
            code="""
            def add_document(postgres, collection, user_id, title, content):
                id = 301
                while collection.get(ids=[str(id)], include=[])["ids"]:
                    id += 1
                collection.add(
                    ids=[str(id)],
                    embeddings=[embed(f"{title}\\n{content}")],
                    metadatas=[{"id": id, "user_id": user_id}],
                )
                return id
            """,
        ),
        Mistake(
            "an id of its own in ChromaDB",
            "The entry has another id than the row. Its id in ChromaDB is PostgreSQL's, as text: so the two find each other.",
            old="ids=[str(document_id)]",
            new="ids=[title]",
        ),
        Mistake(
            "a number as ChromaDB's id",
            "ChromaDB's ids are texts, and yours is a number: `str(document_id)`.",
            old="ids=[str(document_id)]",
            new="ids=[document_id]",
        ),
        Mistake(
            "no metadata",
            "The entry has no metadata. The search filters by `user_id` and reads `id`: nobody would ever find it.",
            old='metadatas=[{"id": document_id, "user_id": user_id}],',
            new="",
        ),
        Mistake(
            "no id in the metadata",
            "The entry has no `id` in its metadata: the fourth step would not know which row to fetch.",
            old='"id": document_id, ',
            new="",
        ),
        Mistake(
            "no user in the metadata",
            "The entry has no `user_id` in its metadata: a search that filters by user never finds it.",
            old=', "user_id": user_id',
            new="",
        ),
        Mistake(
            "the user's id as text",
            "The `user_id` in the metadata is a text. The search asks for a number, and a filter tells the two apart.",
            old='"user_id": user_id',
            new='"user_id": str(user_id)',
        ),
        Mistake(
            "the document's id as text",
            "The `id` in the metadata is a text. The fourth step asks PostgreSQL for numbers: keep it as one.",
            old='{"id": document_id',
            new='{"id": str(document_id)',
        ),
        Mistake(
            "both as text",
            "`id` and `user_id` are texts in the metadata. Both are numbers there: a filter tells the two apart, and PostgreSQL "
            "is asked for numbers.",
            old='{"id": document_id, "user_id": user_id}',
            new='{"id": str(document_id), "user_id": str(user_id)}',
        ),
        Mistake(
            "id and user swapped",
            "`id` and `user_id` have changed places in the metadata.",
            old='{"id": document_id, "user_id": user_id}',
            new='{"id": user_id, "user_id": document_id}',
        ),
        Mistake(
            "always user 1 in ChromaDB",
            "The entry belongs to another user than the row: somebody would find a document that is not theirs.",
            old='"user_id": user_id',
            new='"user_id": 1',
        ),
        Mistake(
            "always user 1 in PostgreSQL",
            "The row belongs to another user than the one you were given.",
            old="[user_id, title, content]",
            new="[1, title, content]",
        ),
        Mistake(
            "title and content swapped",
            "Title and content have changed places in the row. Values go into the columns in the order in which these are named.",
            old="[user_id, title, content]",
            new="[user_id, content, title]",
        ),
        Mistake(
            "only the content embedded",
            "The vector is that of the content alone. What is embedded is the title, a line break, and the content.",
            old=_VECTOR,
            new="embed(content)",
        ),
        Mistake(
            "only the title embedded",
            "The vector is that of the title alone, so what the note says is not found.",
            old=_VECTOR,
            new="embed(title)",
        ),
        Mistake(
            "nothing between them",
            "Title and content run into each other: their last and first words become one. Put a line break between them.",
            old=_VECTOR,
            new='embed(f"{title}{content}")',
        ),
        Mistake(
            "the content first",
            "What is embedded is the title, a line break, and the content, in this order.",
            old=_VECTOR,
            new='embed(f"{content}\\n{title}")',
        ),
        Mistake(
            "no line break",
            "Between title and content stand a backslash and an `n`, and no line break: the backslash is doubled, or the text is "
            "raw.",
            old=_VECTOR,
            new='embed(f"{title}\\\\n{content}")',
        ),
        Mistake(
            "text without a vector",
            "You gave ChromaDB the text without a vector. Then it computes one itself, and fetches a model for that, which needs "
            "the network. Pass the vector on: `embeddings=[embed(…)]`.",
            old=f"embeddings=[{_VECTOR}]",
            new='documents=[f"{title}\\n{content}"]',
        ),
        Mistake("not returned", "Nothing comes back: a `return` is missing.", old="return document_id", new="document_id"),
        Mistake(
            "a tuple",
            "`fetchone()` gives a row, a tuple with one value in it. The id is its first element.",
            old="return document_id",
            new="return (document_id,)",
        ),
        Mistake(
            "the id as text",
            "You return the id as a text. PostgreSQL's ids are numbers, and the caller asks PostgreSQL with it.",
            old="return document_id",
            new="return str(document_id)",
        ),
        Mistake(
            "inserted twice",
            "There are two new rows for one document. One `INSERT … RETURNING id` writes the row and tells its id.",
            old="    collection.add(",
            new="    postgres.execute('INSERT INTO documents (user_id, title, content) VALUES (%s, %s, %s)', "
            "[user_id, title, content])\n    collection.add(",
        ),
        Mistake(
            "an id of its own choice",
            "You chose the id yourself. Two programs that do so at once choose the same. Leave `id` out of the `INSERT`, and "
            "`RETURNING id` tells you.",
            code="""
            def add_document(postgres, collection, user_id, title, content):
                id = postgres.execute("SELECT max(id) + 1 FROM documents").fetchone()[0]
                postgres.execute(
                    "INSERT INTO documents (id, user_id, title, content) VALUES (%s, %s, %s, %s)",
                    [id, user_id, title, content],
                )
                collection.add(
                    ids=[str(id)],
                    embeddings=[embed(f"{title}\\n{content}")],
                    metadatas=[{"id": id, "user_id": user_id}],
                )
                return id
            """,
        ),
        Mistake(
            "the largest id",
            "The largest id is not always the newest: a document may have come with an id of its own, or from another program a "
            "moment later. `RETURNING id` tells yours.",
            code=_looked_up('"SELECT max(id) FROM documents"'),
        ),
        Mistake(
            "found again by its title",
            "You look for the new row by its title, and another document has the same one. `RETURNING id` tells yours.",
            code=_looked_up('"SELECT id FROM documents WHERE title = %s", [title]'),
        ),
        Mistake(
            "an error of ChromaDB's swallowed",
            "ChromaDB refused, and your function returned as if all were well. Now a row without a vector is there, and nobody "
            "knows. Let the error through.",
            code="""
            def add_document(postgres, collection, user_id, title, content):
                document_id = postgres.execute(
                    "INSERT INTO documents (user_id, title, content) VALUES (%s, %s, %s) RETURNING id",
                    [user_id, title, content],
                ).fetchone()[0]
                try:
                    collection.add(
                        ids=[str(document_id)],
                        embeddings=[embed(f"{title}\\n{content}")],
                        metadatas=[{"id": document_id, "user_id": user_id}],
                    )
                except Exception as error:
                    print(error)
                return document_id
            """,
        ),
        Mistake(
            "text pasted into the SQL",
            "You write the values into the text of the SQL, where an apostrophe ends the string. Bound parameters keep them "
            "apart: `%s` in the text, and the values in a list after it.",
            old="""VALUES (%s, %s, %s) RETURNING id",
        [user_id, title, content],""",
            new="""VALUES (%s, '%s', '%s') RETURNING id" % (user_id, title, content),""",
        ),
        Mistake(
            "the collection emptied first",
            "The entries of other documents are gone from ChromaDB. Add yours to them.",
            old="    collection.add(",
            new="    collection.delete(ids=collection.get(include=[])['ids'])\n    collection.add(",
        ),
    ],
)
def add_document(add_document: Callable, trial: Trial) -> str:
    """Judge what both stores hold after two documents were added."""
    trial.compare(add_document, added, "Two documents were added, for the users 1,017 and 1.")
    trial.compare(add_document, refused, "ChromaDB does not answer: {found}.")
    return "Row and vector are both there. Nothing ties them together: you wrote twice, and each write may fail alone."
