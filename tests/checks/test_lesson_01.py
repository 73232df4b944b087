"""Answers to the exercises of lesson 01, wrong and right. `test_every_check.py` gives them; what else they promise is here."""

import json

import pytest

from course import dataset, embed
from course.stack import Stack
from tests.checks.answers import checked, exercise


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises; no answer was given yet."""
    return {"stack": stack, "prefix": stack.redis.prefix, "embed": embed, "json": json}


def in_order(body: str) -> str:
    return "def in_order(doc_ids, rows):\n" + _indented(body)


def cached(body: str, before: str = "") -> str:
    return f"{before}\ndef cached_similar(redis, user_id, query, compute):\n" + _indented(body)


def usual(old: str, new: str) -> str:
    """The usual way to keep an answer, with one thing changed."""
    assert old in USUAL
    return cached(USUAL.replace(old, new))


def add(body: str) -> str:
    return "def add_document(postgres, collection, user_id, title, content):\n" + _indented(body)


def added(old: str, new: str) -> str:
    """The usual way to add a document, with one thing changed."""
    assert old in ADDED
    return add(ADDED.replace(old, new))


def _indented(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))


USUAL = """
key = f"similar:{user_id}:{query}"
kept = redis.get(key)
if kept is not None:
    return json.loads(kept)
answer = compute(user_id, query)
redis.set(key, json.dumps(answer), ex=60)
return answer
"""
KEY = 'f"similar:{user_id}:{query}"'
SET = "redis.set(key, json.dumps(answer), ex=60)"

ROW = (
    'id = postgres.execute("INSERT INTO documents (user_id, title, content) VALUES (%s, %s, %s) RETURNING id", '
    "[user_id, title, content]).fetchone()[0]"
)
ENTRY = 'collection.add(ids=[str(id)], embeddings=[embed(f"{title}\\n{content}")], metadatas=[{"id": id, "user_id": user_id}])'
ADDED = f"{ROW}\n{ENTRY}\nreturn id"
OWN_ID = """
id = postgres.execute("SELECT max(id) + 1 FROM documents").fetchone()[0]
postgres.execute("INSERT INTO documents (id, user_id, title, content) VALUES (%s, %s, %s, %s)", [id, user_id, title, content])
"""

WRONG = {
    "01.in_order": [
        ("sorted by id", in_order("return sorted(rows, key=lambda row: row['id'])"), "the order of the ids"),
        ("as they came", in_order("return [row for row in rows if row['id'] in doc_ids]"), "the order of the ids"),
        ("newest first", in_order("return sorted(rows, key=lambda row: -row['id'])"), "the reverse order of the ids"),
        (
            "farthest first",
            in_order("return sorted(rows, key=lambda row: doc_ids.index(row['id']), reverse=True)"),
            "the farthest first",
        ),
        ("the ids", in_order("ids = [row['id'] for row in rows]\nreturn [id for id in doc_ids if id in ids]"), "Those are ids"),
        ("the titles", in_order("return [row['title'] for row in rows]"), "Return the rows as they came"),
        (
            "a dict of rows",
            in_order("row_of = {row['id']: row for row in rows}\nreturn {id: row_of[id] for id in doc_ids}"),
            "Return the list of rows",
        ),
        (
            "sorted in place, not returned",
            in_order("rows.sort(key=lambda row: doc_ids.index(row['id']))"),
            "is a `return` missing?",
        ),
        (
            "KeyError when one is gone",
            in_order("row_of = {row['id']: row for row in rows}\nreturn [row_of[id] for id in doc_ids]"),
            "it stops with `KeyError`",
        ),
        (
            "IndexError when one is gone",
            in_order("return [[row for row in rows if row['id'] == id][0] for id in doc_ids]"),
            "it stops with `IndexError`",
        ),
        (
            "StopIteration when one is gone",
            in_order("return [next(row for row in rows if row['id'] == id) for id in doc_ids]"),
            "it stops with `StopIteration`",
        ),
        (
            "None when one is gone",
            in_order("row_of = {row['id']: row for row in rows}\nreturn [row_of.get(id) for id in doc_ids]"),
            "For an id without a row you return `None`",
        ),
        (
            "an empty row when one is gone",
            in_order("row_of = {row['id']: row for row in rows}\nreturn [row_of.get(id, {}) for id in doc_ids]"),
            "Return the rows as they came",
        ),
        (
            "stops at the first that is gone",
            in_order(
                "row_of, found = {row['id']: row for row in rows}, []\n"
                "for id in doc_ids:\n    if id not in row_of:\n        break\n    found.append(row_of[id])\nreturn found"
            ),
            "you return [34] in place of [34, 3]",
        ),
        (
            "nothing when one is gone",
            in_order(
                "row_of = {row['id']: row for row in rows}\n"
                "if all(id in row_of for id in doc_ids):\n    return [row_of[id] for id in doc_ids]"
            ),
            "Return the list of rows. Yours is `None`",
        ),
        (
            "unranked rows appended",
            in_order(
                "row_of = {row['id']: row for row in rows}\n"
                "found = [row_of[id] for id in doc_ids if id in row_of]\nreturn found + [row for row in rows if row not in found]"
            ),
            "Only what is in `doc_ids` belongs there",
        ),
        (
            "through a set",
            in_order("row_of = {row['id']: row for row in rows}\nreturn [row_of[id] for id in set(doc_ids) if id in row_of]"),
            "Each place in `doc_ids` should be that row's place",
        ),
        (
            "compares numbers with texts",
            in_order("row_of = {str(row['id']): row for row in rows}\nreturn [row_of[id] for id in doc_ids if id in row_of]"),
            "you return []",
        ),
        (
            "None for none",
            in_order(
                "row_of = {row['id']: row for row in rows}\n"
                "return [row_of[id] for id in doc_ids if id in row_of] if doc_ids else None"
            ),
            "should give an empty list",
        ),
        ("one only", in_order("return [row for row in rows if row['id'] == 55]"), "you return [55]"),
    ],
    "01.cached_similar": [
        ("leaks between users", usual(KEY, 'f"similar:{query}"'), "a leak. The user belongs in the key"),
        ("forgets the question", usual(KEY, 'f"similar:{user_id}"'), "The question belongs in the key"),
        ("no expiry", usual(", ex=60", ""), "never expires"),
        ("expiry in milliseconds", usual("ex=60", "px=60"), "`px` milliseconds"),
        ("milliseconds for seconds", usual("ex=60", "ex=60_000"), "`px` milliseconds"),
        ("an hour", usual("ex=60", "ex=3600"), "lives for 3600 more seconds"),
        ("six seconds", usual("ex=60", "ex=6"), "expires after about 6 seconds"),
        ("str for json.dumps", usual("json.dumps(answer)", "str(answer)"), "What you keep is not JSON"),
        ("pickle", usual("json.dumps(answer)", "__import__('pickle').dumps(answer)"), "What you keep is not JSON"),
        ("a list as it is", usual("json.dumps(answer)", "answer"), "Turn anything else into text first"),
        ("never reads", cached(f"key = {KEY}\nanswer = compute(user_id, query)\n{SET}\nreturn answer"), "Look into Redis first"),
        ("never keeps", cached("return compute(user_id, query)"), "Redis has no new key"),
        (
            "keeps in a dict",
            cached(
                "key = user_id, query\nif key not in kept:\n    kept[key] = compute(user_id, query)\nreturn kept[key]",
                before="kept = {}",
            ),
            "Redis has no new key",
        ),
        ("returns before it keeps", usual(f"{SET}\nreturn answer", f"return answer\n{SET}"), "Redis has no new key"),
        ("key without separator", usual(KEY, 'f"similar:{user_id}{query}"'), "User 1 asking `2 cats`"),
        ("key without separator, question first", usual(KEY, 'f"similar:{query}{user_id}"'), "User 2 asking `cats1`"),
        ("key from hash()", usual(KEY, 'f"similar:{user_id}:{abs(hash(query))}"'), "another hash in each process"),
        ("empty answer not kept", usual(SET, f"if answer:\n    {SET}"), "An empty answer was computed again"),
        (
            "empty answer taken for none",
            usual("if kept is not None:", "if kept and json.loads(kept):"),
            "An empty answer was computed again",
        ),
        ("text from the cache", usual("json.loads(kept)", "kept"), "From the cache comes text"),
        ("a list in a list from the cache", usual("json.loads(kept)", "[json.loads(kept)]"), "The second answer differs"),
        ("text from the start", usual("return answer", "return json.dumps(answer)"), "Return the answer, a list"),
        ("no return", usual("return answer", "pass"), "is a `return` missing?"),
        ("returns the key", usual("return answer", "return [key]"), "Return its answer as it is"),
        ("arguments swapped", usual("compute(user_id, query)", "compute(query, user_id)"), "with the user and the question"),
        (
            "computes twice",
            usual("json.dumps(answer)", "json.dumps(compute(user_id, query))"),
            "should be called once",
        ),
        (
            "a hit starts the time anew",
            cached(
                f"key = {KEY}\nkept = redis.get(key)\nanswer = json.loads(kept) if kept else compute(user_id, query)\n"
                f"{SET}\nreturn answer"
            ),
            "A hit starts the 60 seconds anew",
        ),
        (
            "a Redis list",
            usual(SET, "redis.rpush(key, json.dumps(answer))\nredis.expire(key, 60)").replace(
                "redis.get(key)", "redis.lrange(key, 0, -1) or None"
            ),
            "is a list. One text per answer",
        ),
    ],
    "01.add_document": [
        ("the row alone", add(f"{ROW}\nreturn id"), "The row is in PostgreSQL alone"),
        ("the entry alone", add(f"id = 301\n{ENTRY}\nreturn id"), "PostgreSQL has no new row"),
        ("an id of its own in ChromaDB", added("ids=[str(id)]", "ids=[title]"), "Its id in ChromaDB is PostgreSQL's, as text"),
        ("a number as ChromaDB's id", added("ids=[str(id)]", "ids=[id]"), "Your code stopped with `ValueError`"),
        ("no metadata", added(', metadatas=[{"id": id, "user_id": user_id}]', ""), "no `user_id` in its metadata"),
        ("no id in the metadata", added('"id": id, "user_id"', '"user_id"'), "no `id` in its metadata"),
        ("the user's id as text", added('"user_id": user_id', '"user_id": str(user_id)'), "does not take"),
        ("the document's id as text", added('{"id": id,', '{"id": str(id),'), "does not take"),
        ("always Dana's", added('"user_id": user_id', '"user_id": 1'), "`user_id` in the metadata is 1"),
        ("the row always Dana's", added("[user_id, title, content]", "[1, title, content]"), "should have the user, the title"),
        ("title and content swapped", added("[user_id, title, content]", "[user_id, content, title]"), "as they were given"),
        ("only the content embedded", added('f"{title}\\n{content}"', "content"), "The vector is not that of the title"),
        ("only the title embedded", added('f"{title}\\n{content}"', "title"), "The vector is not that of the title"),
        (
            "text without a vector",
            added('embeddings=[embed(f"{title}\\n{content}")]', 'documents=[f"{title}\\n{content}"]'),
            "You gave ChromaDB the text without a vector",
        ),
        ("no return", added("return id", "pass"), "your function returns `None`. Return the id"),
        ("a tuple", added("return id", "return (id,)"), "`fetchone()` gives a tuple"),
        ("the id as text", added("return id", "return str(id)"), "and the new row has the id"),
        ("inserted twice", add(f"{ROW}\n{ADDED}"), "2 new rows for one document"),
        ("an id of its own choice", add(f"{OWN_ID}\n{ENTRY}\nreturn id"), "You chose the id yourself"),
        (
            "text pasted into the SQL",
            add(
                'id = postgres.execute(f"INSERT INTO documents (user_id, title, content) '
                f"VALUES ({{user_id}}, '{{title}}', '{{content}}') RETURNING id\").fetchone()[0]\n{ENTRY}\nreturn id"
            ),
            "PostgreSQL could not read the SQL",
        ),
        ("a transaction left open", add(f'postgres.execute("BEGIN")\n{ADDED}'), "is still open, and nobody else sees the row"),
        ("closes the connection", add(f"with postgres:\n    {ROW}\n{ENTRY}\nreturn id"), "closed the connection"),
    ],
}
RIGHT = {
    "01.in_order": [
        ("one loop in another", in_order("return [row for id in doc_ids for row in rows if row['id'] == id]")),
        ("sorted by place", in_order("return sorted(rows, key=lambda row: doc_ids.index(row['id']))")),
        (
            "sorted by rank",
            in_order("rank = {id: at for at, id in enumerate(doc_ids)}\nreturn sorted(rows, key=lambda row: rank[row['id']])"),
        ),
        (
            "filtered afterwards",
            in_order("row_of = {row['id']: row for row in rows}\nreturn list(filter(None, map(row_of.get, doc_ids)))"),
        ),
        (
            "try and pass on",
            in_order(
                "row_of, found = {row['id']: row for row in rows}, []\n"
                "for id in doc_ids:\n    try:\n        found.append(row_of[id])\n    "
                "except KeyError:\n        pass\nreturn found"
            ),
        ),
        (
            "each document once",
            in_order(
                "row_of = {row['id']: row for row in rows}\n"
                "return [row_of[id] for id in dict.fromkeys(doc_ids) if id in row_of]"
            ),
        ),
        ("sorted, unranked left out", in_order(
            "return sorted((row for row in rows if row['id'] in doc_ids), key=lambda row: doc_ids.index(row['id']))"
        )),
    ],
    "01.cached_similar": [
        ("setex", usual(SET, "redis.execute_command('SETEX', key, 60, json.dumps(answer))")),
        ("60,000 milliseconds", usual("ex=60", "px=60_000")),
        ("expire afterwards", usual(SET, "redis.set(key, json.dumps(answer))\nredis.expire(key, 60)")),
        ("a pipeline", usual(SET, "pipe = redis.pipeline()\npipe.set(key, json.dumps(answer), ex=60)\npipe.execute()")),
        ("with the prefix", usual(KEY, 'f"{prefix}{user_id}/similar/{query}"')),
        ("the question first", usual(KEY, 'f"similar:{query}:{user_id}"')),
        ("a digest as key", usual(KEY, "__import__('hashlib').sha256(json.dumps([user_id, query]).encode()).hexdigest()")),
        ("the question tidied", usual(KEY, 'f"similar:{user_id}:{query.strip().lower()}"')),
        ("`if kept` on the text", usual("if kept is not None:", "if kept:")),
        ("exists, then get", usual("if kept is not None:", "if redis.exists(key):")),
        ("arguments by name", usual("compute(user_id, query)", "compute(query=query, user_id=user_id)")),
    ],
    "01.add_document": [
        ("upsert", added("collection.add", "collection.upsert")),
        ("both writes in a transaction's block", add(f"with postgres.transaction():\n    {ROW}\n    {ENTRY}\nreturn id")),
        ("BEGIN and COMMIT", add(f'postgres.execute("BEGIN")\n{ROW}\npostgres.execute("COMMIT")\n{ENTRY}\nreturn id')),
        ("a list embedded", added('[embed(f"{title}\\n{content}")]', '[embed([f"{title}\\n{content}"])[0]]')),
        ("the vector as numbers", added('embed(f"{title}\\n{content}")', 'embed(f"{title}\\n{content}").tolist()')),
        ("the text beside its vector", added("embeddings=", "documents=[content], embeddings=")),
        ("more metadata", added('"user_id": user_id', '"user_id": user_id, "title": title')),
        (
            "the vector first",
            add(
                "id = postgres.execute(\"SELECT nextval(pg_get_serial_sequence('documents', 'id'))\").fetchone()[0]\n"
                f"{ENTRY}\npostgres.execute('INSERT INTO documents (id, user_id, title, content) VALUES (%s, %s, %s, %s)', "
                "[id, user_id, title, content])\nreturn id"
            ),
        ),
    ],
}  # fmt: skip
NEEDS = {"01.in_order": (), "01.cached_similar": ("redis",), "01.add_document": ("postgres", "chroma")}

HALF_WAY = {
    "after the row": add(f"{ROW}\nraise RuntimeError('half-way')"),
    "after both": add(f"{ROW}\n{ENTRY}\nraise RuntimeError('half-way')"),
    "in a transaction of its own": add(f"postgres.execute('BEGIN')\n{ROW}\nraise RuntimeError('half-way')"),
    "in a failed transaction": add(f"postgres.execute('BEGIN')\n{ROW}\npostgres.execute('SELECT 1/0')\nreturn id"),
    "with the connection closed": add(f"{ROW}\npostgres.close()\nraise RuntimeError('half-way')"),
}  # fmt: skip


def kept(stack: Stack) -> tuple[set, set]:
    """Everything that the two stores have of documents."""
    with stack.postgres.connect() as postgres:
        rows = set(postgres.execute("SELECT * FROM documents").fetchall())
    return rows, set(stack.chroma.client().get_collection(dataset.COLLECTION).get(include=[])["ids"])


def code_of(id: str, *names: str) -> dict[str, str]:
    """The answers with these names, by name."""
    return {name: code for name, code, *_ in [*WRONG[id], *RIGHT[id]] if not names or name in names}


LEAVING_SOMETHING = HALF_WAY | code_of(
    "01.add_document", "the row alone", "an id of its own in ChromaDB", "inserted twice", "closes the connection", "upsert"
)


@pytest.mark.parametrize("code", LEAVING_SOMETHING.values(), ids=LEAVING_SOMETHING.keys())
def test_a_check_that_adds_documents_leaves_both_stores_as_they_were(code: str, stack: Stack) -> None:
    before = kept(stack)
    assert len(before[0]) == len(before[1]) == len(dataset.documents())
    checked("01.add_document", code, stack)
    assert kept(stack) == before


@pytest.mark.parametrize("code", HALF_WAY.values(), ids=HALF_WAY.keys())
def test_a_function_that_stops_half_way_is_told_of_its_own_error(code: str, stack: Stack) -> None:
    result = checked("01.add_document", code, stack)
    assert result.outcome == "not yet", result
    assert "Your code stopped with" in result.message
    assert "In add_document, line" in result.detail


def test_a_check_of_the_cache_leaves_the_keys_as_they_were_whatever_the_answer(stack: Stack) -> None:
    redis = stack.redis.client()
    redis.set("similar:1:boiler", "the notebook's own")

    def everything() -> dict[str, str]:
        return {key: redis.get(key) for key in redis.scan_iter(count=1000)}

    before = everything()
    for name, code in code_of("01.cached_similar").items():
        checked("01.cached_similar", code, stack)
        assert everything() == before, name
    redis.delete("similar:1:boiler")


def test_a_document_listed_twice_may_be_returned_twice_or_once(stack: Stack) -> None:
    rows, space = [{"id": 3}, {"id": 8}], {}
    for name, code in RIGHT["01.in_order"]:
        exec(code, space)
        assert [row["id"] for row in space["in_order"]([8, 8, 3], rows)] in ([8, 8, 3], [8, 3]), name
        assert exercise("01.in_order")(space["in_order"]).passed


def test_the_stage_that_is_not_set_is_not_the_learners_fault(stack: Stack) -> None:
    with stack.postgres.connect() as postgres:
        postgres.execute("ALTER TABLE documents RENAME TO documents_away")
        try:
            result = checked("01.add_document", add(ADDED), stack)
        finally:
            postgres.execute("ALTER TABLE documents_away RENAME TO documents")
    assert result.outcome == "could not check"
    assert "Run the cells that make them" in result.message
