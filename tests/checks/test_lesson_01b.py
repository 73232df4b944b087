"""Right answers to the exercises of lesson 01b that are not its solutions. `test_every_check.py` gives them."""

import json

from course.embedding import embed
from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "json": json, "embed": embed}


CACHED = """
    def cached_similar(redis, prefix, user_id, query, compute):
        key = f"{prefix}similar:{user_id}:{query}"
        kept = redis.get(key)
        if kept is not None:
            return json.loads(kept)
        answer = compute(user_id, query)
        redis.set(key, json.dumps(answer), ex=60)
        return answer
"""
ADDED = """
    def add_document(postgres, collection, user_id, title, content):
        insert = "INSERT INTO documents (user_id, title, content) VALUES (%s, %s, %s) RETURNING id"
        id = postgres.execute(insert, [user_id, title, content]).fetchone()[0]
        metadata = {"id": id, "user_id": user_id}
        collection.add(ids=[str(id)], embeddings=[embed(f"{title}\\n{content}")], metadatas=[metadata])
        return id
"""


def cached(old: str, new: str) -> str:
    assert old in CACHED
    return CACHED.replace(old, new)


def added(old: str, new: str) -> str:
    assert old in ADDED
    return ADDED.replace(old, new)


SET = "redis.set(key, json.dumps(answer), ex=60)"

RIGHT: dict[str, list[tuple[str, str]]] = {
    "01b.cached_similar": [
        ("setex", cached(SET, "redis.execute_command('SETEX', key, 60, json.dumps(answer))")),
        ("60,000 milliseconds", cached("ex=60", "px=60_000")),
        ("expire afterwards", cached(SET, "redis.set(key, json.dumps(answer)); redis.expire(key, 60)")),
        ("a pipeline", cached(SET, "redis.pipeline().set(key, json.dumps(answer), ex=60).execute()")),
        ("the question first", cached("similar:{user_id}:{query}", "similar:{query}:{user_id}")),
        ("the pair as JSON", cached('f"{prefix}similar:{user_id}:{query}"', "prefix + json.dumps([user_id, query])")),
        (
            "a digest as key",
            cached(
                'f"{prefix}similar:{user_id}:{query}"',
                "prefix + __import__('hashlib').sha256(json.dumps([user_id, query]).encode()).hexdigest()",
            ),
        ),
        (
            "a hash",
            """
            def cached_similar(redis, prefix, user_id, query, compute):
                name = f"{prefix}similar:{user_id}:{query}"
                kept = redis.hget(name, "answer")
                if kept is None:
                    kept = json.dumps(compute(user_id, query))
                    redis.hset(name, "answer", kept)
                    redis.expire(name, 60)
                return json.loads(kept)
            """,
        ),
        ("if kept", cached("if kept is not None:", "if kept:")),
        ("exists, then get", cached("if kept is not None:", "if redis.exists(key):")),
        ("arguments by name", cached("compute(user_id, query)", "compute(query=query, user_id=user_id)")),
        (
            "a class with __call__",
            """
            class Cached:
                def __call__(self, redis, prefix, user_id, query, compute):
                    key = ":".join([prefix, str(user_id), query])
                    if (kept := redis.get(key)) is None:
                        kept = json.dumps(compute(user_id, query))
                        redis.set(key, kept, ex=60)
                    return json.loads(kept)

            cached_similar = Cached()
            """,
        ),
    ],
    "01b.add_document": [
        ("upsert", added("collection.add", "collection.upsert")),
        ("the vector as numbers", added('embed(f"{title}\\n{content}")', 'embed(f"{title}\\n{content}").tolist()')),
        ("a space for the line break", added('f"{title}\\n{content}"', 'f"{title} {content}"')),
        ("a list embedded", added('[embed(f"{title}\\n{content}")]', 'embed([f"{title}\\n{content}"])')),
        ("the text beside its vector", added("embeddings=", "documents=[content], embeddings=")),
        ("more metadata", added('"user_id": user_id', '"user_id": user_id, "title": title')),
        (
            "both writes in a transaction's block",
            """
            def add_document(postgres, collection, user_id, title, content):
                with postgres.transaction():
                    insert = "INSERT INTO documents (user_id, title, content) VALUES (%(u)s, %(t)s, %(c)s) RETURNING id"
                    id = postgres.execute(insert, {"u": user_id, "t": title, "c": content}).fetchone()[0]
                    vector = embed(title + chr(10) + content)
                    collection.add(ids=str(id), embeddings=vector, metadatas={"id": id, "user_id": user_id})
                return id
            """,
        ),
        (
            "the id asked for first",
            """
            def add_document(postgres, collection, user_id, title, content):
                (id,) = postgres.execute("SELECT nextval(pg_get_serial_sequence('documents', 'id'))").fetchone()
                collection.add(
                    ids=[f"{id}"], embeddings=[embed("\\n".join([title, content]))],
                    metadatas=[dict(id=id, user_id=user_id)],
                )
                postgres.execute(
                    "INSERT INTO documents (id, user_id, title, content) VALUES (%s, %s, %s, %s)",
                    (id, user_id, title, content),
                )
                return id
            """,
        ),
    ],
}
