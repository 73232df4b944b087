"""The exercises of lesson 04b: deleting in the right order, and closing an account with an outbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import psycopg

from course.checks.two_stores import TABLES, documents
from course.embedding import DIMENSIONS
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import AskedTooOften, Stage

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

ATTEMPTS = 3

OTHERS: Any = {"user_id": {"$ne": 4}}


class _Flaky:
    """A collection whose `delete` fails so many times before it reaches the server, the last time in another way."""

    def __init__(self, stage: Stage, collection: Collection, failures: int) -> None:
        self._stage = stage
        self._collection = collection
        self._failures = failures
        self.attempts = 0
        self.rows_went_first = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    def delete(self, *arguments: Any, **by_name: Any) -> Any:
        self.attempts += 1
        self.rows_went_first |= not self._stage.rows("SELECT FROM users WHERE id = 4")
        if self.attempts > 10 * ATTEMPTS:
            raise AskedTooOften
        if self.attempts <= self._failures:
            kind = httpx.ReadError if self._failures == 1 else httpx.ConnectError
            raise (httpx.ReadTimeout if self._failures == self.attempts > 1 else kind)("said by the check")
        return self._collection.delete(*arguments, **by_name)


def _deleted(failures: int) -> Callable[[Callable, Stage], Parts]:
    """How to observe what becomes of Dana when ChromaDB fails so many times."""

    def observe(delete_user: Callable, stage: Stage) -> Parts:
        postgres = stage.database(TABLES)
        collection = documents(stage)
        flaky = _Flaky(stage, collection, failures)
        try:
            delete_user(postgres, flaky, 4)
            told = None
        except httpx.TransportError:
            told = "the error"
        except Exception as error:
            if not isinstance(error.__context__, httpx.TransportError):
                raise
            told = "another error"
        return Parts(
            the_caller_is_told=told,
            the_rows_went_first=flaky.rows_went_first,
            attempts="too many" if flaky.attempts > ATTEMPTS else flaky.attempts,
            vectors_left=len(collection.get(where={"user_id": 4})["ids"]),
            users_left=len(stage.rows("SELECT FROM users")),
            documents_left=len(stage.rows("SELECT FROM documents")),
            vectors_of_others=len(collection.get(where=OTHERS)["ids"]),
        )

    return observe


def _deleted_twice(delete_user: Callable, stage: Stage) -> Parts:
    """A second call for the same user, and a third after a vector of hers came back: as an earlier call may have left it."""
    postgres = stage.database(TABLES)
    collection = documents(stage)
    delete_user(postgres, collection, 4)
    delete_user(postgres, collection, 4)
    collection.add(ids=["5000"], embeddings=np.ones((1, DIMENSIONS), dtype=np.float32), metadatas=[{"id": 5000, "user_id": 4}])
    delete_user(postgres, collection, 4)
    return Parts(vectors_left=len(collection.get(where={"user_id": 4})["ids"]))


USER_ROW = 'postgres.execute("DELETE FROM users WHERE id = %s", [user_id])'


@exercise(
    "04b.delete_user",
    hints=[
        "Move the line with `collection.delete` above the other one. That is the order.",
        "`for attempt in (1, 2, 3):` with a `try:` in it, a `break` when it went well, and `except httpx.TransportError:`.",
        "In the `except`: `if attempt == 3: raise`. A bare `raise` raises the error that was just caught.",
    ],
    may={"postgres", "chroma"},
    mistakes=[
        Mistake(
            "rows first",
            "The rows go first, and ChromaDB did not answer: her vectors are orphans now, and nothing tells whose they are. "
            "ChromaDB first, the rows last.",
            code=f"""
            def delete_user(postgres, collection, user_id):
                {USER_ROW}
                collection.delete(where={{"user_id": user_id}})
            """,
        ),
        Mistake(
            "rows first, then three attempts",
            "The rows are gone before ChromaDB has done its part: killed there, the program leaves orphans. The rows go last.",
            old="    for attempt in (1, 2, 3):",
            new=f"    {USER_ROW}\n    for attempt in (1, 2, 3):",
        ),
        Mistake(
            "no retry",
            "You ask ChromaDB once. The task says three times in all, when the network fails.",
            code=f"""
            def delete_user(postgres, collection, user_id):
                collection.delete(where={{"user_id": user_id}})
                {USER_ROW}
            """,
        ),
        Mistake(
            "one kind of failure",
            "A dead server refuses (`ConnectError`), a frozen one does not answer (`ReadTimeout`). `httpx.TransportError` is "
            "above both.",
            old="httpx.TransportError",
            new="httpx.ConnectError",
        ),
        Mistake(
            "two kinds of failure",
            "A connection may break as well, before the answer is there: a `ReadError`. `httpx.TransportError` is above all "
            "errors of a connection.",
            old="except httpx.TransportError:",
            new="except (httpx.ConnectError, httpx.TimeoutException):",
        ),
        Mistake(
            "another error",
            "The caller is told by an error of yours. Raise the one of the connection: a bare `raise` raises what was caught.",
            old="                raise",
            new="                raise RuntimeError('ChromaDB does not answer')",
        ),
        Mistake(
            "no break, and the rows in the loop",
            "ChromaDB answered, the rows are gone, and your loop goes on: it asks ChromaDB again. `break` when it went well, and "
            "delete the rows after the loop.",
            code=f"""
            def delete_user(postgres, collection, user_id):
                for attempt in (1, 2, 3):
                    try:
                        collection.delete(where={{"user_id": user_id}})
                        {USER_ROW}
                    except httpx.TransportError:
                        if attempt == 3:
                            raise
            """,
        ),
        Mistake(
            "the last error, after all went well",
            "ChromaDB answered in the end, and the caller is told of an error. Raise only if no attempt went well.",
            code=f"""
            def delete_user(postgres, collection, user_id):
                for attempt in (1, 2, 3):
                    try:
                        collection.delete(where={{"user_id": user_id}})
                        {USER_ROW}
                        break
                    except httpx.TransportError as error:
                        last = error
                raise last
            """,
        ),
        Mistake(
            "nothing that is hers",
            "All her vectors are left. In the metadata `user_id` is a number, and an entry's id is a document's: "
            "`where={'user_id': user_id}`.",
            old='where={"user_id": user_id}',
            new='where={"user_id": str(user_id)}',
        ),
        Mistake(
            "twice",
            "You give up after two attempts. The task says three in all.",
            code=f"""
            def delete_user(postgres, collection, user_id):
                for attempt in (1, 2):
                    try:
                        collection.delete(where={{"user_id": user_id}})
                        break
                    except httpx.TransportError:
                        if attempt == 2:
                            raise
                {USER_ROW}
            """,
        ),
        Mistake(
            "five times",
            "You try more often than the task says: three times in all.",
            code=f"""
            def delete_user(postgres, collection, user_id):
                for attempt in range(5):
                    try:
                        collection.delete(where={{"user_id": user_id}})
                        break
                    except httpx.TransportError:
                        if attempt == 4:
                            raise
                {USER_ROW}
            """,
        ),
        Mistake(
            "for ever",
            "ChromaDB never answers, and your function still tries. After the third time, `raise`.",
            code=f"""
            def delete_user(postgres, collection, user_id):
                while True:
                    try:
                        collection.delete(where={{"user_id": user_id}})
                        break
                    except httpx.TransportError:
                        continue
                {USER_ROW}
            """,
        ),
        Mistake(
            "the error swallowed, rows deleted",
            "ChromaDB never answered, and Dana's rows are gone all the same: her vectors are orphans, and nobody was told. After "
            "the last attempt, `raise` the error.",
            old="if attempt == 3:\n                raise",
            new="pass",
        ),
        Mistake(
            "the error swallowed, rows kept",
            "ChromaDB never answered, and your function ends as if all were well. The caller would tell Dana that she is "
            "gone. After the last attempt, `raise` the error.",
            old="                raise",
            new="                return",
        ),
        Mistake(
            "rows in a finally",
            "The caller is told, and the rows are gone all the same: a `finally` runs in any case. Delete them only when "
            "ChromaDB has done its part.",
            code=f"""
            def delete_user(postgres, collection, user_id):
                try:
                    for attempt in (1, 2, 3):
                        try:
                            collection.delete(where={{"user_id": user_id}})
                            break
                        except httpx.TransportError:
                            if attempt == 3:
                                raise
                finally:
                    {USER_ROW}
            """,
        ),
        Mistake(
            "no break",
            "ChromaDB answered, and you ask it again. Leave the loop when it went well, with `break`.",
            old="            break\n",
            new="",
        ),
        Mistake(
            "rows never",
            "Dana's vectors are gone, and she is still in `users`. Delete her there as well.",
            old=USER_ROW,
            new="pass",
        ),
        Mistake(
            "documents, not the user",
            "Her documents are gone from both stores, and she is still in `users`: the row that all hangs on.",
            old="FROM users WHERE id",
            new="FROM documents WHERE user_id",
        ),
        Mistake(
            "everybody's vectors",
            "Vectors of other users are gone too. Filter by the user: `where={'user_id': user_id}`.",
            old='where={"user_id": user_id}',
            new='where={"user_id": {"$gt": 0}}',
        ),
        Mistake(
            "everybody's rows",
            "Other users are gone from PostgreSQL too: `WHERE id = %s` is missing.",
            old=USER_ROW,
            new='postgres.execute("DELETE FROM users")',
        ),
        Mistake(
            "ids from PostgreSQL",
            "Called again for a user whose rows are gone, PostgreSQL no longer knows her documents, and ChromaDB refuses an "
            "empty list. Whoever retries cannot know how far the first call came. ChromaDB knows her by itself: "
            "`where={'user_id': user_id}`.",
            old='collection.delete(where={"user_id": user_id})',
            new="""
            found = postgres.execute("SELECT id FROM documents WHERE user_id = %s", [user_id])
            collection.delete(ids=[str(id) for (id,) in found])""",
        ),
        Mistake(
            "only if the user is there",
            "Her rows were gone, and a vector was left, as an earlier call may leave it: yours leaves it too. It asks PostgreSQL "
            "what to delete, or whether to. ChromaDB knows it by itself: `where={'user_id': user_id}`.",
            old="    for attempt in (1, 2, 3):",
            new='    if not postgres.execute("SELECT 1 FROM users WHERE id = %s", [user_id]).fetchone():\n        return\n'
            "    for attempt in (1, 2, 3):",
        ),
        Mistake(
            "an error for who is gone",
            "Called a second time for the same user, it stops with an error of yours. Who is gone already is no error.",
            old=USER_ROW,
            new=f"if not {USER_ROW}.rowcount:\n        raise LookupError(user_id)",
        ),
        Mistake(
            "a second time is an error",
            "Called a second time for the same user, it stops: the `DELETE` finds no row then. What is gone already is no error.",
            old=USER_ROW,
            new='postgres.execute("DELETE FROM users WHERE id = %s RETURNING id", [user_id]).fetchone()[0]',
        ),
    ],
)
def delete_user(delete_user: Callable, trial: Trial) -> str:
    """Judge a ChromaDB that never answers, one that answers the third time, one that answers at once, and calls again."""
    trial.compare(delete_user, _deleted(failures=1000), "ChromaDB never answers.")
    trial.compare(delete_user, _deleted(failures=2), "ChromaDB fails twice, and answers the third time.")
    trial.compare(delete_user, _deleted(failures=1), "The connection to ChromaDB breaks once.")
    trial.compare(delete_user, _deleted(failures=0), "Nothing fails.")
    trial.compare(delete_user, _deleted_twice, "Called again for the same user.")
    return "The caller may be killed at any moment now, and call again. But somebody has to call: nothing here remembers to."


def _closed(refused: str = "") -> Callable[[Callable, Stage], Parts]:
    """How to observe what one call commits, and then a second; one kind of statement may be refused."""

    def observe(close_account: Callable, stage: Stage) -> Parts:
        postgres = stage.database(TABLES)
        stage.own.execute("INSERT INTO outbox (document_id) VALUES (101)")
        if refused:
            stage.own.execute("""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                                 $$ BEGIN RAISE EXCEPTION 'refused by the check'; END $$""")
            stage.own.execute(f"CREATE TRIGGER refuse AFTER {refused} FOR EACH STATEMENT EXECUTE FUNCTION refuse()")
        told = None
        try:
            close_account(postgres, 4)
            close_account(postgres, 4)
        except psycopg.errors.RaiseException:
            told = "the error"
        return Parts(
            the_caller_is_told=told,
            users_left=[id for (id,) in stage.rows("SELECT id FROM users ORDER BY id")],
            events=[id for (id,) in stage.rows("SELECT document_id FROM outbox ORDER BY document_id")],
            documents_left=len(stage.rows("SELECT FROM documents")),
        )

    return observe


_EVENTS = """postgres.execute(
            "INSERT INTO outbox (document_id) SELECT id FROM documents WHERE user_id = %s",
            [user_id],
        )"""
_BODY = f"""    with postgres.transaction():
        {_EVENTS}
        {USER_ROW}"""


@exercise(
    "04b.close_account",
    hints=[
        "`with postgres.transaction():`, and both statements inside it.",
        "`INSERT INTO outbox (document_id) SELECT id FROM documents WHERE user_id = %s` writes all the events at once.",
        "In which order? After the `DELETE`, the cascade has taken the documents, and the `SELECT` finds none.",
    ],
    may={"postgres"},
    mistakes=[
        Mistake(
            "the user only",
            "There is no event for any of her documents: no worker will ever hear of her vectors. If you ask for them after the "
            "`DELETE`, the cascade has taken them: write the events first, and choose by `user_id`.",
            old=_EVENTS,
            new="pass",
        ),
        Mistake(
            "events only",
            "The events are there, and so is Dana: delete her row from `users`. The cascade takes her documents.",
            old=USER_ROW,
            new="pass",
        ),
        Mistake(
            "one event with the user's id",
            "The event holds the user's id. The worker reads it as a document's: write one event for each document.",
            old=_EVENTS,
            new='postgres.execute("INSERT INTO outbox (document_id) VALUES (%s)", [user_id])',
        ),
        Mistake(
            "the user's id in each event",
            "Each event holds the user's id, and the worker reads it as a document's: `SELECT id`, which is the document's.",
            old="SELECT id FROM",
            new="SELECT user_id FROM",
        ),
        Mistake(
            "the outbox emptied",
            "An event that was waiting for the worker is gone. Leave in the outbox what is there, and add yours.",
            old=_EVENTS,
            new=f'postgres.execute("DELETE FROM outbox")\n        {_EVENTS}',
        ),
        Mistake(
            "rolled back",
            "Nothing of it is kept: your transaction is rolled back at its end, by `force_rollback` or a `rollback()`.",
            old="transaction()",
            new="transaction(force_rollback=True)",
        ),
        Mistake(
            "Dana by heart",
            "Right for Dana, whoever closes the account. Use `user_id`, as it is given.",
            old="[user_id]",
            new="[4]",
        ),
        Mistake(
            "one document's event",
            "Dana had six documents, and there is an event for one. Write one for each.",
            old="user_id = %s",
            new="user_id = %s LIMIT 1",
        ),
        Mistake(
            "everybody's events",
            "There are events for documents of other users: their vectors would go. Choose by `user_id`.",
            old=_EVENTS,
            new='postgres.execute("INSERT INTO outbox (document_id) SELECT id FROM documents")',
        ),
        Mistake(
            "each twice",
            "Each event is there twice. It does no harm, as the worker is idempotent. Write one each.",
            old=_EVENTS,
            new=f"{_EVENTS}\n        {_EVENTS}",
        ),
        Mistake(
            "everybody deleted",
            "Other users are gone too. Only this user's row goes, and what hangs on it.",
            old=USER_ROW,
            new='postgres.execute("DELETE FROM users")',
        ),
        Mistake(
            "the documents only",
            "Her documents are gone, and she is still in `users`. Delete that row: the cascade takes the documents along.",
            old="FROM users WHERE id",
            new="FROM documents WHERE user_id",
        ),
        Mistake(
            "two commits",
            "The `DELETE` was refused, and the events are there: they were committed before, by themselves. Both belong in one "
            "`transaction()`.",
            old=_BODY,
            new=f"    {_EVENTS}\n    {USER_ROW}",
        ),
        Mistake(
            "rows first, two commits",
            "The events were refused, and Dana is deleted all the same: orphans. Both belong in one `transaction()`.",
            code=f"""
            def close_account(postgres, user_id):
                ids = postgres.execute("SELECT id FROM documents WHERE user_id = %s", [user_id]).fetchall()
                {USER_ROW}
                for id in ids:
                    postgres.execute("INSERT INTO outbox (document_id) VALUES (%s)", id)
            """,
        ),
        Mistake(
            "the error swallowed",
            "A statement failed, and your function ends as if all were well. Let the error out: the caller must know.",
            code=f"""
            def close_account(postgres, user_id):
                try:
                    with postgres.transaction():
                        find = "SELECT id FROM documents WHERE user_id = %s"
                        postgres.execute("INSERT INTO outbox (document_id) " + find, [user_id])
                        {USER_ROW}
                except Exception:
                    pass
            """,
        ),
        Mistake(
            "only if there are documents",
            "For a user without documents there is nothing to tell, and her row has to go all the same.",
            code=f"""
            def close_account(postgres, user_id):
                ids = postgres.execute("SELECT id FROM documents WHERE user_id = %s", [user_id]).fetchall()
                if not ids:
                    return
                with postgres.transaction():
                    postgres.cursor().executemany("INSERT INTO outbox (document_id) VALUES (%s)", ids)
                    {USER_ROW}
            """,
        ),
    ],
)
def close_account(close_account: Callable, trial: Trial) -> str:
    """Judge the events and the rows; then let each of the two statements fail; then a user without documents."""

    def without_documents(close_account: Callable, stage: Stage) -> Parts:
        postgres = stage.database(TABLES)
        stage.own.execute("DELETE FROM documents WHERE user_id = 5")
        close_account(postgres, 5)
        return Parts(
            users_left=[id for (id,) in stage.rows("SELECT id FROM users ORDER BY id")],
            events=len(stage.rows("SELECT FROM outbox")),
        )

    trial.compare(close_account, _closed())
    trial.compare(close_account, _closed("DELETE ON users"), "The row is refused to go.")
    trial.compare(close_account, _closed("INSERT ON outbox"), "The events are refused.")
    trial.compare(close_account, without_documents, "A user without documents closes her account.")
    return "Dana and the note of what is still to do go in one commit. From here on no crash can make orphans for good."
