"""Answers to the exercises of lesson 04, wrong and right. `test_every_check.py` gives them; what else they promise is here."""

import httpx
import pytest

from course import dataset
from course.stack import Stack
from tests.checks.answers import checked


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "dana": 4, "httpx": httpx, "postgres": None, "collection": None}


def orphans(body: str) -> str:
    return "def orphans(collection, postgres):\n" + _indented(body)


def delete(body: str) -> str:
    return "def delete_user(postgres, collection, user_id):\n" + _indented(body)


def close(body: str) -> str:
    return "def close_account(postgres, user_id):\n" + _indented(body)


def _indented(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))


def changed(usual: str, old: str, new: str) -> str:
    """The usual way, with one thing changed."""
    assert old in usual
    return usual.replace(old, new)


CHROMA = 'chroma = set(collection.get(include=[])["ids"])\n'
ROWS = 'rows = {str(id) for (id,) in postgres.execute("SELECT id FROM documents")}\n'

VECTORS = 'collection.delete(where={"user_id": user_id})'
USER = 'postgres.execute("DELETE FROM users WHERE id = %s", [user_id])'
RETRY = f"""
for attempt in (1, 2, 3):
    try:
        {VECTORS}
        break
    except httpx.TransportError:
        if attempt == 3:
            raise
{USER}
"""

GIVE_UP = "if attempt == 3:\n            raise"
NEVER_THE_ROWS = RETRY.replace(USER, "").strip("\n")
IDS = """
found = postgres.execute("SELECT id FROM documents WHERE user_id = %s", [user_id])
ids = [str(id) for (id,) in found]
"""
IS_THERE = """
if not postgres.execute("SELECT 1 FROM users WHERE id = %s", [user_id]).fetchone():
    return
"""

EVENTS = 'postgres.execute("INSERT INTO outbox (document_id) SELECT id FROM documents WHERE user_id = %s", [user_id])'
ONE_COMMIT = f"with postgres.transaction():\n    {EVENTS}\n    {USER}"

WRONG = {
    "04.orphans": [
        ("the wrong way round", orphans(f"{CHROMA}{ROWS}return rows - chroma"), "An orphan is the reverse"),
        (
            "numbers and texts compared",
            orphans(f'{CHROMA}return chroma - {{id for (id,) in postgres.execute("SELECT id FROM documents")}}'),
            "are text, PostgreSQL's are numbers",
        ),
        (
            "tuples and texts compared",
            orphans(f'{CHROMA}return chroma - set(postgres.execute("SELECT id::text FROM documents").fetchall())'),
            "A row of PostgreSQL is a tuple besides",
        ),
        (
            "Dana's only",
            orphans('return set(collection.get(where={"user_id": dana}, include=[])["ids"])'),
            "missed its vector",
        ),
        (
            "entries without a user",
            orphans(
                'users = {id for (id,) in postgres.execute("SELECT id FROM users")}\n'
                'every = collection.get(include=["metadatas"])\n'
                'return {id for id, data in zip(every["ids"], every["metadatas"]) if data["user_id"] not in users}'
            ),
            "missed its vector",
        ),
        ("how many", orphans(f"{CHROMA}{ROWS}return len(chroma - rows)"), "is how many. Which ones?"),
        ("a list", orphans(f"{CHROMA}{ROWS}return sorted(chroma - rows)"), "Return the set of ids"),
        (
            "as numbers",
            orphans(f"{CHROMA}{ROWS}return {{int(id) for id in chroma - rows}}"),
            "as numbers. Return them as ChromaDB writes them",
        ),
        ("both sides", orphans(f"{CHROMA}{ROWS}return chroma ^ rows"), "take one side"),
        (
            "asks PostgreSQL for Dana's",
            orphans('return {str(id) for (id,) in postgres.execute("SELECT id FROM documents WHERE user_id = %s", [dana])}'),
            "the cascade had taken them",
        ),
        ("peeks", orphans(f'{ROWS}return set(collection.peek()["ids"]) - rows'), "show only some entries"),
        (
            "deletes them as well",
            orphans(f"{CHROMA}{ROWS}found = chroma - rows\ncollection.delete(ids=list(found))\nreturn found"),
            "Finding and deleting are two things",
        ),
        ("None for none", orphans(f"{CHROMA}{ROWS}return (chroma - rows) or None"), "should be the empty set"),
        ("no return", orphans(f"{CHROMA}{ROWS}chroma - rows"), "Return the set of ids. Yours is `None`"),
        ("everything, as the dict it came in", orphans("return collection.get()"), "Return the set of ids"),
        ("what both have", orphans(f"{CHROMA}{ROWS}return chroma & rows"), "your set has 30 ids"),
    ],
    "04.delete_user": [
        ("rows first, no retry", delete(f"{USER}\n{VECTORS}"), "her vectors are orphans now"),
        ("rows first, with retry", delete(f"{USER}\n{NEVER_THE_ROWS}"), "her vectors are orphans now"),
        ("no retry", delete(f"{VECTORS}\n{USER}"), "and you asked once"),
        ("twice", delete(changed(changed(RETRY, "(1, 2, 3)", "(1, 2)"), "attempt == 3", "attempt == 2")), "and you asked twice"),
        ("five times", delete(changed(changed(RETRY, "(1, 2, 3)", "range(5)"), "== 3", "== 4")), "and you asked 5 times"),
        (
            "for ever",
            delete(changed(changed(RETRY, "for attempt in (1, 2, 3)", "while True"), GIVE_UP, "continue")),
            "and you still try",
        ),
        ("the error swallowed, rows deleted", delete(changed(RETRY, GIVE_UP, "pass")), "her vectors are orphans now"),
        ("the error swallowed, rows kept", delete(changed(RETRY, "raise", "return")), "ended as if all were well"),
        ("no break", delete(changed(RETRY, "        break\n", "")), "Leave the loop when it went well"),
        ("rows never", delete(changed(RETRY, USER, "")), "Afterwards Dana is not gone from both stores"),
        (
            "rows in the except",
            delete(changed(RETRY, "if attempt == 3:", f"{USER}\n        if attempt == 3:")),
            "her vectors are orphans now",
        ),
        ("rows in a finally", delete(f"try:\n{_indented(NEVER_THE_ROWS)}\nfinally:\n    {USER}"), "her vectors are orphans now"),
        (
            "ids from PostgreSQL",
            delete(changed(IDS + RETRY, VECTORS, "collection.delete(ids=ids)")),
            "Called a second time for the same user, it stops with `ValueError`",
        ),
        (
            "only if the user is there",
            delete(IS_THERE + RETRY),
            "it asks PostgreSQL what to delete, or whether to",
        ),
        (
            "ids from PostgreSQL, if there are any",
            delete(changed(IDS + RETRY, VECTORS, "collection.delete(ids=ids) if ids else None")),
            "it asks PostgreSQL what to delete, or whether to",
        ),
        (
            "a second time is an error",
            delete(
                changed(RETRY, USER, 'postgres.execute("DELETE FROM users WHERE id = %s RETURNING id", [user_id]).fetchone()[0]')
            ),
            "Called a second time for the same user, it stops with `TypeError`",
        ),
        (
            "documents, not the user",
            delete(changed(RETRY, "FROM users WHERE id", "FROM documents WHERE user_id")),
            "not gone from both",
        ),
        (
            "everybody's vectors",
            delete(changed(RETRY, VECTORS, 'collection.delete(where={"user_id": {"$gt": 0}})')),
            "other users' is gone too",
        ),
        (
            "only ChromaError caught",
            delete(changed(RETRY, "httpx.TransportError", "__import__('chromadb').errors.ChromaError")),
            "and you asked once",
        ),
        ("a transaction left open", delete(changed(RETRY, USER, f'postgres.execute("BEGIN")\n{USER}')), "not gone from both"),
    ],
    "04.close_account": [
        ("two commits", close(f"{EVENTS}\n{USER}"), "they were committed before, by themselves"),
        ("the user only", close(USER), "no worker will ever hear"),
        (
            "events after the cascade",
            close(f"with postgres.transaction():\n    {USER}\n    {EVENTS}"),
            "the cascade had taken them",
        ),
        ("events only", close(EVENTS), "and so is Dana"),
        (
            "one event with the user's id",
            close(changed(ONE_COMMIT, EVENTS, 'postgres.execute("INSERT INTO outbox (document_id) VALUES (%s)", [user_id])')),
            "The event holds the user's id",
        ),
        (
            "one document's event",
            close(changed(ONE_COMMIT, 'user_id = %s"', 'user_id = %s LIMIT 1"')),
            "there are events for 1",
        ),
        (
            "everybody's events",
            close(changed(ONE_COMMIT, EVENTS, 'postgres.execute("INSERT INTO outbox (document_id) SELECT id FROM documents")')),
            "documents of other users",
        ),
        ("each twice", close(changed(ONE_COMMIT, EVENTS, f"{EVENTS}\n    {EVENTS}")), "Write one each"),
        (
            "a transaction for the events alone",
            close(f"with postgres.transaction():\n    {EVENTS}\n{USER}"),
            "they were committed before",
        ),
        (
            "rows first, kept in mind, two commits",
            close(
                'ids = [id for (id,) in postgres.execute("SELECT id FROM documents WHERE user_id = %s", [user_id])]\n'
                f'{USER}\nfor id in ids:\n    postgres.execute("INSERT INTO outbox (document_id) VALUES (%s)", [id])'
            ),
            "Dana is deleted all the same",
        ),
        (
            "everybody deleted",
            close(changed(ONE_COMMIT, USER, 'postgres.execute("DELETE FROM users")')),
            "Rows of other users are gone too",
        ),
        ("the error swallowed", close(f"try:\n{_indented(ONE_COMMIT)}\nexcept Exception:\n    pass"), "swallowed the error"),
        ("BEGIN without an end", close(f'postgres.execute("BEGIN")\n{EVENTS}\n{USER}'), "is still open"),
        (
            "BEGIN, and no ROLLBACK",
            close(f'postgres.execute("BEGIN")\n{EVENTS}\n{USER}\npostgres.execute("COMMIT")'),
            "in any case",
        ),
        ("closes the connection", close(f"with postgres:\n{_indented(ONE_COMMIT)}"), "closed the connection"),
        (
            "the documents only",
            close(changed(ONE_COMMIT, "FROM users WHERE id", "FROM documents WHERE user_id")),
            "and so is Dana",
        ),
    ],
}
RIGHT = {
    "04.orphans": [
        (
            "in SQL",
            orphans(
                'ids = [int(id) for id in collection.get(include=[])["ids"]]\n'
                'sql = "SELECT id::text FROM unnest(%s::bigint[]) AS id WHERE id NOT IN (SELECT id FROM documents)"\n'
                "return {id for (id,) in postgres.execute(sql, [ids])}"
            ),
        ),
        (
            "by the metadata",
            orphans(
                'every = collection.get(include=["metadatas"])\n'
                'rows = {id for (id,) in postgres.execute("SELECT id FROM documents")}\n'
                'return {id for id, data in zip(every["ids"], every["metadatas"]) if data["id"] not in rows}'
            ),
        ),
        (
            "page by page",
            orphans(
                f"{ROWS}found = set()\nfor at in range(0, collection.count(), 7):\n"
                "    found |= set(collection.get(limit=7, offset=at, include=[])['ids']) - rows\nreturn found"
            ),
        ),
        (
            "numbers, then back",
            orphans(
                'rows = {id for (id,) in postgres.execute("SELECT id FROM documents")}\n'
                'return {str(id) for id in {int(id) for id in collection.get()["ids"]} - rows}'
            ),
        ),
    ],
    "04.delete_user": [
        (
            "in a transaction that waits for ChromaDB",
            delete(f"with postgres.transaction():\n    {USER}\n{_indented(NEVER_THE_ROWS)}"),
        ),
        (
            "for and else",
            delete(
                f"for _ in range(3):\n    try:\n        {VECTORS}\n    except httpx.HTTPError as error:\n        last = error\n"
                f"    else:\n        break\nelse:\n    raise last\n{USER}"
            ),
        ),
        ("any exception", delete(changed(RETRY, "httpx.TransportError", "Exception"))),
        (
            "documents by themselves",
            delete(changed(RETRY, USER, f'postgres.execute("DELETE FROM documents WHERE user_id = %s", [user_id])\n{USER}')),
        ),
        ("rows in the loop", delete(changed(changed(RETRY, f"\n{USER}", ""), "break", f"{USER}\n        return"))),
        (
            "ids from ChromaDB",
            delete(changed(RETRY, VECTORS, 'collection.delete(where={"user_id": {"$eq": user_id}})')),
        ),
    ],
    "04.close_account": [
        (
            "one statement",
            close(
                'postgres.execute("""WITH gone AS (DELETE FROM users WHERE id = %(user)s RETURNING id)\n'
                'INSERT INTO outbox (document_id) SELECT documents.id FROM documents JOIN gone ON user_id = gone.id""", '
                '{"user": user_id})'
            ),
        ),
        (
            "documents deleted first, RETURNING",
            close(
                "with postgres.transaction():\n"
                '    postgres.execute("""WITH gone AS (DELETE FROM documents WHERE user_id = %s RETURNING id)\n'
                f'INSERT INTO outbox (document_id) SELECT id FROM gone""", [user_id])\n    {USER}'
            ),
        ),
        (
            "one by one",
            close(
                "with postgres.transaction():\n"
                '    ids = postgres.execute("SELECT id FROM documents WHERE user_id = %s", [user_id]).fetchall()\n'
                f'    {USER}\n    for id in ids:\n        postgres.execute("INSERT INTO outbox (document_id) VALUES (%s)", id)'
            ),
        ),
        ("wakes the worker", close(f'{ONE_COMMIT}\n    postgres.execute("NOTIFY outbox")')),
        (
            "COMMIT and ROLLBACK by hand",
            close(
                f'postgres.execute("BEGIN")\ntry:\n    {EVENTS}\n    {USER}\nexcept Exception:\n'
                '    postgres.execute("ROLLBACK")\n    raise\npostgres.execute("COMMIT")'
            ),
        ),
    ],
}
NEEDS = {
    "04.orphans": ("postgres", "chroma"),
    "04.delete_user": ("postgres", "chroma"),
    "04.close_account": ("postgres",),
}


def kept(stack: Stack) -> tuple:
    """Everything that both servers hold."""
    chroma = stack.chroma.client()
    with stack.postgres.connect() as postgres:
        tables = postgres.execute("SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2").fetchall()
        rows = postgres.execute("SELECT * FROM documents ORDER BY id").fetchall()
    return tables, rows, {collection.name: collection.count() for collection in chroma.list_collections()}


@pytest.mark.parametrize("id", WRONG)
def test_a_check_leaves_both_stores_as_they_were_whatever_the_answer(id: str, stack: Stack) -> None:
    before = kept(stack)
    assert before[2][dataset.COLLECTION] == len(dataset.documents())
    for _, code, *_ in [*WRONG[id], *RIGHT[id]]:
        checked(id, code, stack)
    assert kept(stack) == before


def test_a_check_after_one_that_was_interrupted_begins_anew(stack: Stack) -> None:
    with stack.postgres.connect() as postgres:
        postgres.execute("CREATE SCHEMA check_04 CREATE TABLE users (id int)")
    stack.chroma.client().create_collection("check_04")
    assert checked("04.orphans", RIGHT["04.orphans"][0][1], stack).passed
