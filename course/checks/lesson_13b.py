"""The exercises of lesson 13b: a cache in a table, and forgetting in the commit that changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.errors import RaiseException, UniqueViolation

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import ODD, Stage

_CACHE = "CREATE UNLOGGED TABLE cache (key text PRIMARY KEY, value text NOT NULL, expires_at timestamptz NOT NULL);"
_PUT = "INSERT INTO cache VALUES (%s, %s, now() + %s * INTERVAL '1 second')"


class _NoAnswerError(Exception):
    """Raised by the check's `compute`."""


class _Cache:
    """A table with rows of others in it, and what a call of the learner's function does there."""

    def __init__(self, stage: Stage, key: str) -> None:
        self.stage = stage
        self.key = f"{key} {ODD}"
        self.postgres = stage.database(_CACHE, options="-c timezone=Pacific/Chatham")
        for other in (self.key.lower(), self.key[:12], "bystander"):
            self.put(other, "untouched", 600)

    def put(self, key: str, value: str, seconds: float) -> None:
        self.stage.own.execute(_PUT, [key, value, seconds])

    def left(self) -> tuple[Any, ...]:
        """The value that is kept under the key, and its seconds, rounded to tens."""
        query = "SELECT value, round(EXTRACT(epoch FROM expires_at - now()), -1)::int FROM cache WHERE key = %s"
        return next(iter(self.stage.rows(query, [self.key])), (None, None))

    def seen(self, returned: object, times: int) -> Parts:
        kept, seconds = self.left()
        others = self.stage.rows("SELECT FROM cache WHERE value = 'untouched'")
        return Parts(
            returned="a cursor" if isinstance(returned, psycopg.Cursor) else returned,
            computed=times,
            kept=kept,
            seconds_left=seconds,
            rows_of_others=len(others),
        )


def _miss(remembered: Callable, stage: Stage) -> Parts:
    cache = _Cache(stage, "A new question")
    compute = stage.asked(lambda: f"An answer, {ODD}")
    return cache.seen(remembered(cache.postgres, cache.key, compute), compute.times)


def _hit(remembered: Callable, stage: Stage) -> Parts:
    cache = _Cache(stage, "A Question of another program")
    cache.put(cache.key, "kept by another program", 20)
    compute = stage.asked(lambda: "computed")
    return cache.seen(remembered(cache.postgres, cache.key, compute), compute.times)


def _expired(remembered: Callable, stage: Stage) -> Parts:
    cache = _Cache(stage, "A Question of yesterday")
    cache.put(cache.key, "of yesterday", -86_400)
    compute = stage.asked(lambda: "of today")
    try:
        returned = remembered(cache.postgres, cache.key, compute)
    except UniqueViolation:
        returned = "UniqueViolation"
    return cache.seen(returned, compute.times)


def _gone_meanwhile(remembered: Callable, stage: Stage) -> Parts:
    cache = _Cache(stage, "A Question asked twice")
    answers = iter(("first", "second", "third"))
    compute = stage.asked(lambda: next(answers))
    remembered(cache.postgres, cache.key, compute)
    stage.own.execute("DELETE FROM cache WHERE key = %s", [cache.key])
    return cache.seen(remembered(cache.postgres, cache.key, compute), compute.times)


def _empty_text(remembered: Callable, stage: Stage) -> Parts:
    cache = _Cache(stage, "A Question without an answer")
    cache.put(cache.key, "", 20)
    compute = stage.asked(lambda: "computed")
    return cache.seen(remembered(cache.postgres, cache.key, compute), compute.times)


def _empty_answer(remembered: Callable, stage: Stage) -> Parts:
    cache = _Cache(stage, "A Question that finds nothing")
    compute = stage.asked(lambda: "")
    return cache.seen(remembered(cache.postgres, cache.key, compute), compute.times)


def _fails(remembered: Callable, stage: Stage) -> Parts:
    cache = _Cache(stage, "A Question that fails")

    def compute() -> str:
        raise _NoAnswerError("said by the check")

    try:
        returned = remembered(cache.postgres, cache.key, compute)
    except _NoAnswerError:
        returned = "the error"
    return Parts(the_caller_gets=returned, kept=cache.left()[0])


def _race(remembered: Callable, stage: Stage) -> Parts:
    cache = _Cache(stage, "A Question of two")

    def compute() -> str:
        cache.put(cache.key, "of the other program", 60)
        return "computed"

    try:
        remembered(cache.postgres, cache.key, compute)
    except UniqueViolation:
        return Parts(ended="with UniqueViolation")
    return Parts(ended="well")


_CONFLICT = """
           ON CONFLICT (key) DO UPDATE
           SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at"""
_READ = """if kept:
        return kept[0]
    """
_FRESH = " AND expires_at > now()"


@exercise(
    "13b.remembered",
    hints=[
        "`SELECT value FROM cache WHERE key = %s AND expires_at > now()`, then `.fetchone()`: a row, or None.",
        "`INSERT … VALUES (%s, %s, now() + INTERVAL '60 seconds')` meets a row that has expired, or somebody else's.",
        "`ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at` renews that row.",
    ],
    may={"postgres"},
    mistakes=[
        Mistake(
            "never kept",
            "The table has no row with the key afterwards. Keep the value there before you return it; a dict of this one "
            "process would not do.",
            code="""
            def remembered(postgres, key, compute):
                kept = postgres.execute("SELECT value FROM cache WHERE key = %s AND expires_at > now()", [key]).fetchone()
                return kept[0] if kept else compute()
            """,
        ),
        Mistake(
            "an hour",
            "It should be 60 seconds, and yours stays for 60 minutes, an hour.",
            old="60 seconds",
            new="60 minutes",
        ),
        *(
            Mistake(f"{time} in place of 60 seconds", "It should be 60 seconds, by PostgreSQL's clock.", "60 seconds", time)
            for time in ("6 seconds", "30 seconds", "10 minutes", "60 days")
        ),
        Mistake(
            "the program's clock",
            "The session has another time zone than your program, and a time without a zone is read in it: the row is kept for "
            "hours, or has expired. `now()` is PostgreSQL's own clock, the same for all who ask.",
            code="""
            from datetime import UTC, datetime, timedelta

            def remembered(postgres, key, compute):
                kept = postgres.execute("SELECT value FROM cache WHERE key = %s AND expires_at > now()", [key]).fetchone()
                if kept:
                    return kept[0]
                value = compute()
                postgres.execute(
                    '''INSERT INTO cache VALUES (%s, %s, %s)
                       ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at''',
                    [key, value, datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=60)],
                )
                return value
            """,
        ),
        Mistake(
            "milliseconds",
            "It should be 60 seconds, and yours has expired at once.",
            old="60 seconds",
            new="60 milliseconds",
        ),
        Mistake(
            "for ever",
            "It should be 60 seconds, and yours never expires: `now() + INTERVAL '60 seconds'`.",
            old="now() + INTERVAL '60 seconds'",
            new="'infinity'",
        ),
        Mistake(
            "computed twice",
            "You call `compute()` once for the table and once more for the caller. Keep what it gave in a name.",
            old="[key, value],",
            new="[key, compute()],",
        ),
        Mistake(
            "computed before it is needed",
            "The value was kept and has not expired, and you computed it all the same. Look into the table first.",
            code="""
            def remembered(postgres, key, compute):
                value = compute()
                kept = postgres.execute("SELECT value FROM cache WHERE key = %s AND expires_at > now()", [key]).fetchone()
                if kept:
                    return kept[0]
                postgres.execute(
                    '''INSERT INTO cache VALUES (%s, %s, now() + INTERVAL '60 seconds')
                       ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at''',
                    [key, value],
                )
                return value
            """,
        ),
        Mistake(
            "nothing returned",
            "On a miss your function keeps the value and does not return it: the last `return` is missing.",
            old="    return value",
            new="",
        ),
        Mistake(
            "another text kept",
            "What is kept is the key. Keep the value that `compute()` gave, so that the next caller gets it.",
            old="[key, value],",
            new="[key, key],",
        ),
        Mistake(
            "a key of its own",
            "Nothing is kept under the key as it was given: you change it. Two keys that differ in capital letters are two keys.",
            old="[key, value],",
            new="[key.lower(), value],",
        ),
        Mistake(
            "never read",
            "Another program has kept a value under this key, it has not expired, and you computed it anew. Look into the table "
            "first, under `key = %s`: what still holds has `expires_at > now()`.",
            old=_READ,
            new="",
        ),
        Mistake(
            "the row",
            "You return the row. It is a tuple, and its first element is the value.",
            old="return kept[0]",
            new="return kept",
        ),
        Mistake(
            "the cursor",
            "That is a cursor, which is always true. `fetchone()` gives the row, or None if there is none.",
            code="""
            def remembered(postgres, key, compute):
                kept = postgres.execute("SELECT value FROM cache WHERE key = %s AND expires_at > now()", [key])
                if kept:
                    return kept
            """,
        ),
        Mistake(
            "a hit renews",
            "A hit has renewed the 60 seconds. An entry that is asked for often would then never be computed anew.",
            old="return kept[0]",
            new="""postgres.execute("UPDATE cache SET expires_at = now() + INTERVAL '60 seconds' WHERE key = %s", [key])
        return kept[0]""",
        ),
        Mistake(
            "any value",
            "That is the value of another key. Name the key in the WHERE.",
            old='"SELECT value FROM cache WHERE key = %s AND expires_at > now()", [key]',
            new='"SELECT value FROM cache WHERE expires_at > now()"',
        ),
        Mistake(
            "expiry is not asked for",
            "You returned a value that had expired yesterday. A table keeps it: ask for `expires_at > now()` as well.",
            old=_FRESH,
            new="",
        ),
        Mistake(
            "a plain INSERT",
            "The row has expired and is still there: a table does not forget by itself. Your `INSERT` meets it and stops with "
            "`UniqueViolation`. Say what to do `ON CONFLICT (key)`.",
            old=_CONFLICT,
            new="",
        ),
        Mistake(
            "DO NOTHING",
            "An expired row is still there, and `DO NOTHING` leaves it: every call computes anew. `DO UPDATE` renews it.",
            old=_CONFLICT,
            new=" ON CONFLICT DO NOTHING",
        ),
        Mistake(
            "the time is not renewed",
            "The new value is there under its old time, and has expired already. `DO UPDATE` must set both columns.",
            old=", expires_at = EXCLUDED.expires_at",
            new="",
        ),
        Mistake(
            "the value is not renewed",
            "The time is new and the value is that of yesterday: the next caller gets it. `DO UPDATE` must set both columns.",
            old="value = EXCLUDED.value, ",
            new="",
        ),
        Mistake(
            "a dict in front",
            "The row is gone from the table, and you answer from a dict of your own. Another program cannot make that forget.",
            code="""
            seen = {}

            def remembered(postgres, key, compute):
                if key in seen:
                    return seen[key]
                kept = postgres.execute("SELECT value FROM cache WHERE key = %s AND expires_at > now()", [key]).fetchone()
                if kept:
                    return kept[0]
                seen[key] = compute()
                postgres.execute(
                    '''INSERT INTO cache VALUES (%s, %s, now() + INTERVAL '60 seconds')
                       ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at''',
                    [key, seen[key]],
                )
                return seen[key]
            """,
        ),
        Mistake(
            "an empty text is no value",
            "An empty text was computed again. It is a value too. Ask whether there is a row, not whether the text is.",
            old="if kept:",
            new="if kept and kept[0]:",
        ),
        Mistake(
            "an empty text is not kept",
            "`compute` gave an empty text, and you did not keep it: the next caller computes it again. It is a value too.",
            old="value = compute()",
            new="value = compute()\n    if not value:\n        return value",
        ),
        Mistake(
            "an error for nothing",
            "`compute` raised an error, and your function took it for an answer. Let it through to the caller, and keep nothing.",
            old="value = compute()",
            new="""try:
        value = compute()
    except Exception:
        return None""",
        ),
        Mistake(
            "deleted first",
            "While you computed, another program kept the same key, and your `INSERT` stopped with `UniqueViolation`. To look "
            "first, or to delete first, does not prevent that: say what to do `ON CONFLICT (key)`.",
            code="""
            def remembered(postgres, key, compute):
                kept = postgres.execute("SELECT value FROM cache WHERE key = %s AND expires_at > now()", [key]).fetchone()
                if kept:
                    return kept[0]
                postgres.execute("DELETE FROM cache WHERE key = %s", [key])
                value = compute()
                postgres.execute("INSERT INTO cache VALUES (%s, %s, now() + INTERVAL '60 seconds')", [key, value])
                return value
            """,
        ),
        Mistake(
            "everything deleted first",
            "The rows of other keys are gone. Name the `key` in each statement that writes.",
            old="value = compute()",
            new='postgres.execute("DELETE FROM cache"); value = compute()',
        ),
    ],
)
def remembered(remembered: Callable, trial: Trial) -> str:
    """Judge a miss, a hit, an expired row, one that another program removed, empty texts, an error, and another writer."""
    trial.compare(remembered, _miss, "Nothing was kept under the key. Seen was {found}.")
    trial.compare(remembered, _hit, "Another program has kept the key, and it has 20 seconds left. Seen was {found}.")
    trial.compare(remembered, _expired, "The row under the key expired yesterday. Seen was {found}.")
    trial.compare(remembered, _gone_meanwhile, "Between two calls, another program deleted the row. Seen was {found}.")
    trial.compare(remembered, _empty_text, "Kept is an empty text. Seen was {found}.")
    trial.compare(remembered, _empty_answer, "What `compute` gives is an empty text. Seen was {found}.")
    trial.compare(remembered, _fails, "`compute` raises an error. Seen was {found}.")
    trial.compare(remembered, _race, "Another program keeps the same key while yours computes. It ended {found}.")
    return "Redis does this with `GET` and `SET … EX 60`. What the table lacks is somebody who removes what has expired."


_DOCUMENTS = f"""
    {_CACHE}
    CREATE TABLE documents (id bigint PRIMARY KEY, user_id bigint NOT NULL, title text NOT NULL);
    INSERT INTO documents VALUES (5001, 1011, 'old'), (5002, 1011, 'of hers too'), (5003, 10110, 'of another');
    CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stopped by the check'; END $$;
"""
_HERS = (f"similar:1011:{ODD}", "similar:1011:where is the spare key?")
_OTHERS = ("similar:10110:tea", "similar:5001:tea", "session:1011:a token", "dissimilar:1011:tea", "similar:7:1011:tea")


def _renamed(document_id: int, setup: str = "") -> Callable[[Callable, Stage], Parts]:
    """How to observe what becomes of titles and answers."""

    def observe(rename: Callable, stage: Stage) -> Parts:
        postgres = stage.database(_DOCUMENTS)
        for key in (*_HERS, *_OTHERS):
            stage.own.execute(_PUT, [key, "kept", 600])
        if setup:
            stage.own.execute(setup)
        try:
            rename(postgres, document_id, f"New, {ODD}")
            told = "nothing"
        except RaiseException:
            told = "the error"
        titles = dict(stage.rows("SELECT id, title FROM documents"))
        keys = {key for (key,) in stage.rows("SELECT key FROM cache WHERE expires_at > now()")}
        return Parts(
            title=titles.get(5001),
            titles_of_others=(titles.get(5002), titles.get(5003)),
            answers_of_hers=len(keys & set(_HERS)),
            what_others_lack=set(_OTHERS) - keys,
            the_caller_is_told=told,
        )

    return observe


_FORGET = """
            postgres.execute(
                "DELETE FROM cache WHERE starts_with(key, %s)", [f"similar:{owner[0]}:"]
            )"""
_BLOCK = "with postgres.transaction():"


def _forgets(statement: str) -> dict[str, str]:
    """What departs from the solution: how the answers are forgotten."""
    return {"old": _FORGET, "new": f"\n            {statement}"}


@exercise(
    "13b.rename",
    hints=[
        "`with postgres.transaction():` commits at its end, or undoes all of it if something in it fails.",
        "`UPDATE … RETURNING user_id` changes the row and tells whose it is, in one statement; no row means no such document.",
        "`starts_with(key, 'similar:11:')` is true for keys that begin so. Without the last colon, user 110 is meant as well.",
    ],
    may={"postgres"},
    mistakes=[
        Mistake(
            "nothing forgotten",
            "Her answers are still kept, and show the old title. Remove those whose key begins with `similar:`, the owner's id "
            "and a colon.",
            old="if owner:",
            new="if not owner:\n            owner = [0]",
        ),
        Mistake(
            "the title is not changed",
            "The answers are forgotten, and the document still has its old title: `UPDATE documents SET title = …`.",
            old="SET title = %s WHERE",
            new="SET title = coalesce(title, %s) WHERE",
        ),
        Mistake(
            "all forgotten",
            "You emptied the table. Only the answers of the document's owner are out of date.",
            **_forgets('postgres.execute("DELETE FROM cache")'),
        ),
        Mistake(
            "everybody's answers",
            "Other users' answers are gone as well. The owner's id is a part of the key: `similar:`, the id and a colon.",
            old='[f"similar:{owner[0]}:"]',
            new='["similar:"]',
        ),
        Mistake(
            "the owner's id asked for",
            "Nothing has changed: no document was found. `document_id` is a document's id, not its owner's: `WHERE "
            "id = %s`. And a transaction that is begun and never committed changes nothing either.",
            old="WHERE id = %s RETURNING",
            new="WHERE user_id = %s RETURNING",
        ),
        Mistake(
            "never committed",
            "Nothing has changed: your function begins a transaction and leaves it open. `with postgres.transaction():` commits.",
            old=_BLOCK,
            new="if postgres.execute('BEGIN'):",
        ),
        Mistake(
            "title and id swapped",
            "A title stands where a number should. The values come in the order of their placeholders: the title, then the id.",
            old="[title, document_id]",
            new="[document_id, title]",
        ),
        Mistake(
            "half of it swallowed",
            "Forgetting failed, and you swallow its error inside the transaction: the title is committed without it. Both, or "
            "neither: let the error through.",
            old=_FORGET,
            new="""
            try:
                with postgres.transaction():
                    postgres.execute("DELETE FROM cache WHERE starts_with(key, %s)", [f"similar:{owner[0]}:"])
            except psycopg.Error:
                pass""",
        ),
        Mistake(
            "without the last colon",
            "User 10110 has lost an answer: `similar:1011` is also how `similar:10110:…` begins. The colon ends the id.",
            old='{owner[0]}:"',
            new='{owner[0]}"',
        ),
        Mistake(
            "anywhere in the key",
            "A key that only contains those letters is gone too. The key must begin with them: no `%` in front.",
            **_forgets('postgres.execute("DELETE FROM cache WHERE key LIKE %s", [f"%similar:{owner[0]}:%"])'),
        ),
        Mistake(
            "the owner's id anywhere",
            "Everything that has the owner's id in its key is gone: her session too, so she is logged out. Answers begin with "
            "`similar:`.",
            **_forgets('postgres.execute("DELETE FROM cache WHERE key LIKE %s", [f"%:{owner[0]}:%"])'),
        ),
        Mistake(
            "the second part of the key",
            "You look at the second part of the key alone, and her session has it too: she is logged out. The first part must "
            "be `similar`.",
            **_forgets("postgres.execute(\"DELETE FROM cache WHERE split_part(key, ':', 2) = %s\", [str(owner[0])])"),
        ),
        Mistake(
            "the document's id",
            "You forget the answers of user 5001, and 5001 is the document. The keys have the id of its owner.",
            old="{owner[0]}:",
            new="{document_id}:",
        ),
        Mistake(
            "one answer forgotten",
            "Her answers to other questions are still kept. Remove every key that begins with `similar:`, her id and a colon.",
            **_forgets(
                'postgres.execute("DELETE FROM cache WHERE key = (SELECT max(key) FROM cache WHERE starts_with(key, %s))",'
                ' [f"similar:{owner[0]}:"])'
            ),
        ),
        Mistake(
            "every title",
            "Every document has the new title now. `WHERE id = %s` chooses the one.",
            old="SET title = %s WHERE id = %s",
            new="SET title = %s WHERE id > 0 AND EXISTS (SELECT FROM documents WHERE id = %s)",
        ),
        Mistake(
            "all of hers",
            "Another document of the same owner has the new title as well. Change the one with this id.",
            old="WHERE id = %s RETURNING",
            new="WHERE user_id = (SELECT user_id FROM documents WHERE id = %s) RETURNING",
        ),
        Mistake(
            "no such document",
            "There is no such document, so `fetchone()` gives None, and None has no first element. Nothing is to be done then.",
            old="if owner:",
            new="if True:",
        ),
        Mistake(
            "two commits, the row first",
            "Forgetting failed, and the title is changed all the same: the cache would give the old one until it expires. Each "
            "statement commits by itself, unless both stand in a `with postgres.transaction():`.",
            old=_BLOCK,
            new="if True:",
        ),
        Mistake(
            "two commits, the answers first",
            "The document could not be changed, and the answers are gone all the same. Each statement commits by itself, "
            "unless both stand in a `with postgres.transaction():`.",
            code="""
            def rename(postgres, document_id, title):
                owner = postgres.execute("SELECT user_id FROM documents WHERE id = %s", [document_id]).fetchone()
                if owner:
                    postgres.execute("DELETE FROM cache WHERE starts_with(key, %s)", [f"similar:{owner[0]}:"])
                    postgres.execute("UPDATE documents SET title = %s WHERE id = %s", [title, document_id])
            """,
        ),
        Mistake(
            "the error swallowed",
            "Nothing was changed, and the caller was told nothing: Keiko sees her old title and does not know why. Let the error "
            "go on to the caller.",
            code="""
            def rename(postgres, document_id, title):
                try:
                    with postgres.transaction():
                        owner = postgres.execute(
                            "UPDATE documents SET title = %s WHERE id = %s RETURNING user_id", [title, document_id]
                        ).fetchone()
                        if owner:
                            postgres.execute("DELETE FROM cache WHERE starts_with(key, %s)", [f"similar:{owner[0]}:"])
                except psycopg.Error:
                    pass
            """,
        ),
    ],
)
def rename(rename: Callable, trial: Trial) -> str:
    """Judge a new title, one for no document, and both ways in which half of the work can fail."""
    fails = "CREATE TRIGGER stop BEFORE {} FOR EACH STATEMENT EXECUTE FUNCTION stop()"
    trial.compare(rename, _renamed(5001), "Document 5001 of user 1011 gets a new title. Seen was {found}.")
    trial.compare(rename, _renamed(5099), "There is no document 5099. Seen was {found}.")
    trial.compare(
        rename,
        _renamed(5001, fails.format("DELETE OR UPDATE ON cache")),
        "The cache refuses to forget. Seen was {found}.",
    )
    trial.compare(
        rename, _renamed(5001, fails.format("UPDATE ON documents")), "The document cannot be changed. Seen was {found}."
    )
    return "No search gives the old title after that commit, and none lacks an answer before it. Two stores cannot do this."
