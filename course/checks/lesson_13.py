"""The exercises of lesson 13: a page in one round trip, and reading a matrix of failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import ODD, Stage

_TABLES = """
    CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, email text NOT NULL);
    CREATE TABLE documents (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, title text NOT NULL);
    CREATE TABLE chats (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, title text NOT NULL);
    INSERT INTO users SELECT id, 'User ' || id, id || '@lumen.example' FROM generate_series(1011, 1015) AS id;
    INSERT INTO documents
        SELECT id, CASE WHEN id < 5004 THEN 1011 WHEN id < 5009 THEN 1012 ELSE 1015 END, 'A note'
        FROM generate_series(5001, 5009) AS id;
    INSERT INTO chats SELECT id, 1012 + (id > 7002)::int, 'A chat' FROM generate_series(7001, 7003) AS id;
"""
"""1011 has 3 documents and no chat, 1012 has 5 and 2, 1013 has only a chat, 1014 has nothing, 1015 has one document."""


def _page(select: str) -> str:
    """An answer that asks one statement, with the user's id as its only value."""
    return f"""
def whole_page(postgres, user_id):
    return postgres.execute('''{select}''', [user_id]).fetchone()
"""


_LEFT = """
    FROM users u LEFT JOIN documents d ON d.user_id = u.id LEFT JOIN chats c ON c.user_id = u.id
    WHERE u.id = %s GROUP BY u.id, u.name
"""


@exercise(
    "13.whole_page",
    hints=[
        "A subquery in parentheses may stand in the SELECT list, and may name a column of the row around it.",
        "`SELECT name, (SELECT count(*) FROM documents WHERE user_id = users.id) FROM users WHERE id = %s` is most of it.",
        "`fetchone()` gives the row, or None if there is none.",
    ],
    mistakes=[
        Mistake(
            "inner joins",
            "An inner `JOIN` keeps a user only where both tables have rows of theirs: no chat, no page. Count each table in a "
            "subquery of its own, or take `LEFT JOIN`.",
            code=_page(f"SELECT u.name, count(DISTINCT d.id), count(DISTINCT c.id) {_LEFT.replace('LEFT ', '')}"),
        ),
        Mistake(
            "the empty row counted",
            "A `LEFT JOIN` makes a row for a user without documents, with NULLs in it, and `count(*)` counts that row. "
            "`count(d.id)` counts only what is there.",
            code=_page("""
                SELECT u.name, count(*), (SELECT count(*) FROM chats WHERE user_id = u.id)
                FROM users u LEFT JOIN documents d ON d.user_id = u.id WHERE u.id = %s GROUP BY u.id
            """),
        ),
        Mistake(
            "each with each",
            "Joined to both tables, each document meets each chat: 5 documents and 2 chats make 10 rows. Count each table in a "
            "subquery of its own, or count DISTINCT ids.",
            code=_page(f"SELECT u.name, count(d.id), count(c.id) {_LEFT}"),
        ),
        Mistake(
            "chats met by each document",
            "The documents are right, and each chat is counted once for each document: it met all of them in the join. Both "
            "counts need a DISTINCT, or a subquery of their own.",
            code=_page(f"SELECT u.name, count(DISTINCT d.id), count(c.id) {_LEFT}"),
        ),
        Mistake(
            "documents met by each chat",
            "The chats are right, and each document is counted once for each chat: it met all of them in the join. Both counts "
            "need a DISTINCT, or a subquery of their own.",
            code=_page(f"SELECT u.name, count(d.id), count(DISTINCT c.id) {_LEFT}"),
        ),
        Mistake(
            "one statement for each",
            "The numbers are right, and each statement is a round trip of its own. One statement can hold all of it: subqueries "
            "may stand in the SELECT list.",
            code="""
            def whole_page(postgres, user_id):
                row = postgres.execute("SELECT name FROM users WHERE id = %s", [user_id]).fetchone()
                if row is None:
                    return None
                (documents,) = postgres.execute("SELECT count(*) FROM documents WHERE user_id = %s", [user_id]).fetchone()
                (chats,) = postgres.execute("SELECT count(*) FROM chats WHERE user_id = %s", [user_id]).fetchone()
                return row[0], documents, chats
            """,
        ),
        Mistake(
            "everybody's",
            "Those are everybody's documents and chats. Each subquery needs a condition that ties it to the user: "
            "`WHERE user_id = users.id`.",
            code=_page("SELECT name, (SELECT count(*) FROM documents), (SELECT count(*) FROM chats) FROM users WHERE id = %s"),
        ),
        Mistake(
            "the inner id",
            "Inside the subquery, a bare `id` is that of the document: `user_id = id` compares a document with itself. Say whose "
            "it is: `users.id`.",
            old="user_id = users.id",
            new="user_id = id",
        ),
        Mistake(
            "documents twice",
            "The second number should be that of the chats, and yours is that of the documents again.",
            old="FROM chats",
            new="FROM documents",
        ),
        Mistake(
            "the other way round",
            "Those are the right numbers in the wrong order: name, documents, chats.",
            code=_page("""
                SELECT name, (SELECT count(*) FROM chats WHERE user_id = users.id),
                       (SELECT count(*) FROM documents WHERE user_id = users.id) FROM users WHERE id = %s
            """),
        ),
        Mistake(
            "without the name",
            "The page greets her by name: it is the first column of the row.",
            old="SELECT name,",
            new="SELECT",
        ),
        Mistake(
            "the email",
            "That is not the name. The table `users` has it in the column `name`.",
            old="SELECT name,",
            new="SELECT email,",
        ),
        Mistake(
            "the id for the name",
            "That is the user's id, and the page greets her by name: `users.name`.",
            old="SELECT name,",
            new="SELECT id,",
        ),
        Mistake(
            "the largest ids",
            "Those are ids, the largest of hers. How many there are says `count(*)`.",
            old="count(*)",
            new="max(id)",
        ),
        Mistake(
            "owners counted",
            "You count who owns them, and that is one. Count the documents and the chats themselves: DISTINCT ids.",
            code=_page(f"SELECT u.name, count(DISTINCT d.user_id), count(DISTINCT c.user_id) {_LEFT}"),
        ),
        Mistake(
            "NULL for zero",
            "A user without documents is in no group, and the `LEFT JOIN` gives NULL for her number. The page has a zero: "
            "`coalesce(…, 0)`, or `count` after the join.",
            code=_page("""
                SELECT u.name, d.n, c.n FROM users u
                LEFT JOIN (SELECT user_id, count(*) AS n FROM documents GROUP BY user_id) d ON d.user_id = u.id
                LEFT JOIN (SELECT user_id, count(*) AS n FROM chats GROUP BY user_id) c ON c.user_id = u.id
                WHERE u.id = %s
            """),
        ),
        Mistake(
            "somebody else's page for nobody",
            "There is no such user, and you return another one's page. `WHERE id = %s` finds nobody then: no row, and "
            "`fetchone()` gives None.",
            code=_page("""
                SELECT name, (SELECT count(*) FROM documents WHERE user_id = users.id),
                       (SELECT count(*) FROM chats WHERE user_id = users.id) FROM users ORDER BY id = %s DESC, id
            """),
        ),
        Mistake(
            "an empty page for nobody",
            "There is no such user, and you return a page without a name. For nobody it is None, as `fetchone()` gives it.",
            code=_page(
                """SELECT name, (SELECT count(*) FROM documents WHERE user_id = users.id),
                       (SELECT count(*) FROM chats WHERE user_id = users.id) FROM users WHERE id = %s"""
            ).rstrip()
            + ' or ("", 0, 0)\n',
        ),
        Mistake(
            "with the id",
            "Your row has more than was asked for. It is `(name, documents, chats)`.",
            old="SELECT name,",
            new="SELECT id, name,",
        ),
        Mistake(
            "the first user",
            "That is the page of another user. `WHERE id = %s` chooses the one who was asked for.",
            code="""
            def whole_page(postgres, user_id):
                return postgres.execute('''
                    SELECT name, (SELECT count(*) FROM documents WHERE user_id = users.id),
                           (SELECT count(*) FROM chats WHERE user_id = users.id) FROM users ORDER BY id DESC
                ''').fetchone()
            """,
        ),
        Mistake(
            "all rows",
            "That is a list of rows, with one row in it. `fetchone()` gives the row itself, and None where there is none.",
            old=".fetchone()",
            new=".fetchall()",
        ),
        Mistake(
            "the cursor",
            "That is a cursor: the rows are still to be fetched from it. `fetchone()` gives the first.",
            old=".fetchone()",
            new="",
        ),
        Mistake(
            "the name alone",
            "That is the first column of the row. Return the whole row.",
            old=".fetchone()",
            new=".fetchone()[0]",
        ),
        Mistake(
            "no return",
            "Nothing comes back. Either your function asks and keeps the answer for itself, and a `return` is "
            "missing; or it asks for another user than `user_id`.",
            old="return ",
            new="",
        ),
        Mistake(
            "a dict",
            "That is a dict. The row is asked for as it comes: `(name, documents, chats)`.",
            code="""
            from psycopg.rows import dict_row

            def whole_page(postgres, user_id):
                return postgres.cursor(row_factory=dict_row).execute('''
                    SELECT name, (SELECT count(*) FROM documents WHERE user_id = users.id) AS documents,
                           (SELECT count(*) FROM chats WHERE user_id = users.id) AS chats FROM users WHERE id = %s
                ''', [user_id]).fetchone()
            """,
        ),
        Mistake(
            "a row for nobody",
            "There is no such user, and your statement makes a row all the same. Begin with `FROM users WHERE id = …`: no user, "
            "no row, and `fetchone()` gives None.",
            code="""
            def whole_page(postgres, user_id):
                return postgres.execute('''
                    SELECT (SELECT name FROM users WHERE id = %(id)s),
                           (SELECT count(*) FROM documents WHERE user_id = %(id)s),
                           (SELECT count(*) FROM chats WHERE user_id = %(id)s)
                ''', {"id": user_id}).fetchone()
            """,
        ),
        Mistake(
            "nothing unpacked",
            "There is no such user, so `fetchone()` gives None, and None cannot be taken apart. Return it as it is.",
            code=_page(
                """SELECT name, (SELECT count(*) FROM documents WHERE user_id = users.id),
                       (SELECT count(*) FROM chats WHERE user_id = users.id) FROM users WHERE id = %s"""
            ).replace("return postgres", "name, documents, chats = postgres")
            + "    return name, documents, chats",
        ),
        Mistake(
            "no page for an empty account",
            "That user exists and has written nothing yet. The page has zeros then; None is for a user who does not exist.",
            code=_page("""
                SELECT name, (SELECT count(*) FROM documents WHERE user_id = users.id),
                       (SELECT count(*) FROM chats WHERE user_id = users.id) FROM users
                WHERE id = %s AND (id IN (SELECT user_id FROM documents) OR id IN (SELECT user_id FROM chats))
            """),
        ),
    ],
)
def whole_page(whole_page: Callable, trial: Trial) -> str:
    """Judge the page of five users: one without chats, one with both, one without documents, an empty one, and nobody."""

    def observe(user_id: int) -> Callable[[Callable, Stage], Parts]:
        def called(whole_page: Callable, stage: Stage) -> Parts:
            postgres = stage.database(_TABLES)
            stage.own.execute("UPDATE users SET name = %s WHERE id = 1012", [ODD])
            page = whole_page(postgres, user_id)
            asked = len(postgres.statements)
            return Parts(
                returned="a cursor" if isinstance(page, psycopg.Cursor) else page,
                statements="one" if asked == 1 else "several" if asked else "none",
            )

        return called

    trial.compare(whole_page, observe(1012), "User 1012 has five documents and two chats. Seen was {found}.")
    trial.compare(whole_page, observe(1013), "User 1013 has one chat and no document. Seen was {found}.")
    trial.compare(whole_page, observe(1011), "User 1011 has three documents and no chat. Seen was {found}.")
    trial.compare(whole_page, observe(1014), "User 1014 has neither documents nor chats. Seen was {found}.")
    trial.compare(whole_page, observe(1099), "There is no user 1099. Seen was {found}.")
    return "Three round trips have become one. It is the same page, read at one moment: no chat can come in between."


_ANSWERED = "200 <= status < 400"

_STRUCTURE = {
    "Oracle": {"read": 503, "write": 503, "look": 200},
    "Kafka": {"read": 200, "write": 503, "look": 200},
    "Solr": {"read": 503, "write": 200, "look": 200},
}
_FAILURES = {
    "Oracle": {"read": 500, "write": 404, "log in": 503},
    "Kafka": {"read": 200, "write": 400, "log in": 0},
}
_OTHERS = {
    "Oracle": {"read": 502, "write": 429, "log in": 399},
    "Kafka": {"read": 203, "write": 308, "log in": 100},
}
_SUCCESSES = {
    "Oracle": {"read": 201, "write": 304, "log in": 204},
    "Kafka": {"read": 503, "write": 200, "log in": 307},
}


def _changed(new: str) -> dict[str, str]:
    """What departs from the solution: the condition for an answer."""
    return {"old": f"not {_ANSWERED}", "new": new}


@exercise(
    "13.stores_needed",
    hints=[
        "Go through `got` as before. For each request, `needed.setdefault(request, set())` gives its set, or a new one.",
        "Make the set for every request, also for one that is always answered. Then add the store if the status says so.",
        "`200 <= status < 400` is an answer. 0, 404, 500 and 503 are none.",
    ],
    mistakes=[
        Mistake(
            "by store",
            "Your keys are the stores. Turn it round: for each request, which stores must be up?",
            code="""
            def stores_needed(got):
                needed = {}
                for store, statuses in got.items():
                    needed[store] = {request for request, status in statuses.items() if not 200 <= status < 400}
                return needed
            """,
        ),
        Mistake(
            "requests that need none are left out",
            "`look` needs no store, and is not in your dict. It belongs there with an empty set.",
            old="stores = needed.setdefault(request, set())\n            ",
            new="stores = needed.get(request, set())\n            ",
        ),
        Mistake(
            "only what is always answered is left out",
            "`look` needs no store, and is not in your dict. Make the set for each request before you ask for its status.",
            code="""
            def stores_needed(got):
                needed = {}
                for store, statuses in got.items():
                    for request, status in statuses.items():
                        if not 200 <= status < 400:
                            needed.setdefault(request, set()).add(store)
                return needed
            """,
        ),
        Mistake(
            "the last store alone",
            "A request that two stores stop has only one in your set: the next store's turn begins the set anew.",
            old="needed.setdefault(request, set())",
            new="needed[request] = set()",
        ),
        Mistake(
            "the last that stops it",
            "A request that two stores stop has only one in your set: the second one's set takes the first one's "
            "place. Add to the set that is there.",
            code="""
            def stores_needed(got):
                needed = {}
                for store, statuses in got.items():
                    for request, status in statuses.items():
                        needed.setdefault(request, set())
                        if not 200 <= status < 400:
                            needed[request] = {store}
                return needed
            """,
        ),
        Mistake(
            "the first store alone",
            "Only the first store was looked at. Does a `return` stand inside the loop?",
            old="    return needed",
            new="        return needed",
        ),
        Mistake(
            "letters",
            "There are single letters in your sets: `update` takes a text apart. `add` puts the store in as it is.",
            old="stores.add(store)",
            new="stores.update(store)",
        ),
        Mistake(
            "a key that is not there",
            "A key is not in a dict. Either a request has no set yet when you add to it: `setdefault` makes one. Or "
            "you look for a store by its name in the lesson: take them from `got`, here they have others.",
            old="needed.setdefault(request, set())",
            new="needed[request]",
        ),
        Mistake(
            "the survivors",
            "Those are the stores that each request can do without. Which ones stop it?",
            **_changed(_ANSWERED),
        ),
        Mistake(
            "every store",
            "You name every store for every request. Add a store only if the request was not answered while it was down.",
            **_changed("True"),
        ),
        Mistake(
            "requests in place of stores",
            "Those are no stores. Put the keys of `got` into the set.",
            old="stores.add(store)",
            new="stores.add(request)",
        ),
        Mistake(
            "statuses in place of stores",
            "Those are statuses. Put the stores into the set, the keys of `got`.",
            old="stores.add(store)",
            new="stores.add(status)",
        ),
        Mistake(
            "how many",
            "That is how many. Which stores are they? Give the set of their names for each request.",
            old="return needed",
            new="return {request: len(stores) for request, stores in needed.items()}",
        ),
        Mistake(
            "lists",
            "Those are the right stores, as lists. Give a set for each request.",
            old="return needed",
            new="return {request: list(stores) for request, stores in needed.items()}",
        ),
        Mistake(
            "one for each",
            "A request may need several stores, and yours names one, without a set around it.",
            code="""
            def stores_needed(got):
                return {request: store for store, by in got.items() for request, status in by.items() if status == 503}
            """,
        ),
        Mistake(
            "pairs",
            "Those are pairs. Return a dict: for each request, the set of its stores.",
            old="return needed",
            new="return list(needed.items())",
        ),
        Mistake(
            "no return",
            "Your function builds the dict and keeps it for itself: `return` is missing.",
            old="return needed",
            new="needed",
        ),
        Mistake(
            "None for none",
            "For a request that needs no store, the value should be an empty set, `set()`.",
            old="return needed",
            new="return {request: stores or None for request, stores in needed.items()}",
        ),
        Mistake(
            "the lesson's stores only",
            "No store stops anything in yours. Either no status meets your condition: none is below 200 and above "
            "399 at once, `or` joins the two. Or you look for stores by their names in the lesson: take them from "
            "`got`, here they have others.",
            old="if not",
            new="if store in ('PostgreSQL', 'ChromaDB', 'Redis') and not",
        ),
        Mistake(
            "only 503",
            "You take 503 alone for a failure. 500, 404, 400 and no answer at all stop a request too.",
            **_changed("status == 503"),
        ),
        Mistake(
            "from 500 up",
            "An error of the server stops a request, and so does a 404 or a 400, and so does no answer at all, status 0.",
            **_changed("status >= 500"),
        ),
        Mistake(
            "0 or from 500 up",
            "404 and 400 are no success either: the client did not get what it asked for. Answered is from 200 to 399.",
            **_changed("not 0 < status < 500"),
        ),
        Mistake(
            "0 taken for an answer",
            "Status 0 means that the client got no answer at all. Answered is from 200 to 399, and 0 is below.",
            **_changed("status >= 400"),
        ),
        Mistake(
            "400 taken for an answer",
            "400 is no success either, and the first status that is none: the upper bound is 399.",
            **_changed("not 200 <= status <= 400"),
        ),
        Mistake(
            "404 taken for an answer",
            "You count errors of the server, and no answer at all, and a 400. 404 is no success either.",
            **_changed("(status in (0, 400) or status >= 500)"),
        ),
        Mistake(
            "200 alone is an answer",
            "201 and 204 are successes too, and 304 and 307 are answers: all from 200 to 399, and not 200 alone.",
            **_changed("status != 200"),
        ),
        Mistake(
            "200 and 201 are answers",
            "204, 304 and 307 are answers as well: all from 200 to 399.",
            **_changed("status not in (200, 201)"),
        ),
        Mistake(
            "a list of failures",
            "There are more statuses than those of your list: 502, 429 and 100 are no success either. Ask for the "
            "range, from 200 to 399.",
            **_changed("status in (0, 400, 404, 500, 503)"),
        ),
        Mistake(
            "a list of successes",
            "There are more statuses than those of your list: 203, 308 and 399 are answers as well. Ask for the "
            "range, from 200 to 399.",
            **_changed("status not in (200, 201, 204, 304, 307)"),
        ),
        Mistake(
            "all below 300",
            "304 and 307 are answers as well: up to 399 all is well.",
            **_changed("not 200 <= status < 300"),
        ),
    ],
)
def stores_needed(stores_needed: Callable, trial: Trial) -> str:
    """Judge matrices of other stores than the lesson's: which way round, every kind of failure, every kind of success."""

    def observe(got: dict[str, dict[str, int]]) -> Callable[[Callable, Stage], Any]:
        return lambda stores_needed, stage: stores_needed({store: dict(by) for store, by in got.items()})

    for got in (_STRUCTURE, {"Oracle": {"read": 503}}, _FAILURES, _SUCCESSES, _OTHERS):
        told = str(got).replace("{", "{{").replace("}", "}}")
        trial.compare(stores_needed, observe(got), f"The clients got {told}. You return {{found}}.")
    return "That is the failure matrix in one column. A store that is in no set may go down without anybody noticing."
