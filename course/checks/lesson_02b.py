"""The exercises of lesson 02b: a check and a fetch in one statement, and copies that are out of date."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from fastapi import HTTPException

from course.checks.plan_copies import DANA, MISTAKES, NOOR, all_true, lumen, some_stale, subscription_ended
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Trial
from course.exercises.stage import Stage

__all__ = ["HTTPException", "out_of_date", "titles_for"]


def _rows(answer: Any) -> Any:
    """Rows in an order of their own, so that any order is right."""
    if isinstance(answer, psycopg.Cursor):
        return "a cursor"
    if not isinstance(answer, list | tuple):
        return answer
    if all(map(_is_row, answer)):
        rows = sorted(map(tuple, answer))
        return [row[0] for row in rows] if all(len(row) == 1 for row in rows) else rows
    return sorted(answer) if all(isinstance(item, str) for item in answer) else answer


def _is_row(row: object) -> bool:
    return isinstance(row, tuple | list)


def _asking(user_id: int, *ids: int, before: str = "") -> Callable[[Callable, Stage], Any]:
    """How to observe what this user gets of these documents, after a statement that changes something."""

    def observe(titles_for: Callable, stage: Stage) -> Any:
        postgres = lumen(stage)
        if before:
            stage.own.execute(before)
        try:
            return _rows(titles_for(postgres, user_id, list(ids)))
        except HTTPException as error:
            return f"nothing, and HTTPException {error.status_code} is raised"

    return observe


def _in_the_gap(titles_for: Callable, stage: Stage) -> Any:
    """As soon as one statement has been answered, the subscription ends, and then a title is changed."""
    postgres = lumen(stage)
    usual = postgres.cursor_factory

    class Changing(usual):  # type: ignore[misc,valid-type]
        def execute(self, *arguments: Any, **by_name: Any) -> Any:
            answered = super().execute(*arguments, **by_name)
            if answered.description:  # it has read something, and not only set something
                stage.own.execute("UPDATE users SET subscription = 'free' WHERE id = 1011")
                stage.own.execute("UPDATE documents SET title = 'Changed after that' WHERE id = 2002")
            return answered

    postgres.cursor_factory = Changing
    return _rows(titles_for(postgres, DANA, [2_001, 2_002]))


COLUMNS = "Your rows have more columns than two. Name the columns: `SELECT d.id, d.title`."
NO_ROW = "With no document to show, the answer should be the empty list, `[]`."
PLAN = "u.subscription = 'premium'"
WHERE = f"WHERE d.id = ANY(%s) AND u.id = %s AND {PLAN}"


@exercise(
    "02b.titles_for",
    hints=[
        "The plan stands in `users`, the titles in `documents`: `JOIN users u ON d.user_id = u.id` brings them together.",
        "Three conditions: the ids, the user, the plan. `WHERE d.id = ANY(%s) AND … AND …`",
        "Values in their order: `[ids, user_id]`. `'premium'` may stand in the text, since it is no value from outside.",
    ],
    may={"postgres"},
    mistakes=[
        Mistake(
            "no rule",
            "These are the documents, and the user is not premium. The rule is missing: a condition on `users.subscription`.",
            old=f" AND {PLAN}",
            new="",
        ),
        Mistake(
            "nobody's rule",
            "You give out every document among the ids, whoever asks. Two conditions are missing: whose they are, and the plan.",
            code="""
            def titles_for(postgres, user_id, ids):
                return postgres.execute("SELECT id, title FROM documents WHERE id = ANY(%s)", [ids]).fetchall()
            """,
        ),
        Mistake(
            "of all premium users",
            "You ask whether the owner of a document is premium, and not whether it is the user who asks: `u.id = %s`.",
            code="""
            def titles_for(postgres, user_id, ids):
                statement = '''
                    SELECT d.id, d.title FROM documents d JOIN users u ON d.user_id = u.id
                    WHERE d.id = ANY(%s) AND u.subscription = 'premium'
                '''
                return postgres.execute(statement, [ids]).fetchall()
            """,
        ),
        Mistake(
            "anybody's documents",
            "The user is premium, and gets documents of others too. Only the user's own count: `d.user_id = …`.",
            code="""
            def titles_for(postgres, user_id, ids):
                statement = '''
                    SELECT id, title FROM documents WHERE id = ANY(%s)
                    AND EXISTS (SELECT FROM users WHERE id = %s AND subscription = 'premium')
                '''
                return postgres.execute(statement, [ids, user_id]).fetchall()
            """,
        ),
        Mistake(
            "somebody is premium",
            "Your subquery asks whether there is any premium user at all. It has to ask about this one: `id = %s`.",
            code="""
            def titles_for(postgres, user_id, ids):
                statement = '''
                    SELECT id, title FROM documents WHERE id = ANY(%s) AND user_id = %s
                    AND EXISTS (SELECT FROM users WHERE subscription = 'premium')
                '''
                return postgres.execute(statement, [ids, user_id]).fetchall()
            """,
        ),
        Mistake(
            "without the ids",
            "These are all documents of the user. Wanted are those among `ids`: `d.id = ANY(%s)`, and `AND` between conditions.",
            code="""
            def titles_for(postgres, user_id, ids):
                statement = '''
                    SELECT d.id, d.title FROM documents d JOIN users u ON d.user_id = u.id
                    WHERE u.id = %s AND u.subscription = 'premium'
                '''
                return postgres.execute(statement, [user_id]).fetchall()
            """,
        ),
        Mistake(
            "not free",
            "There is a third plan, and it is neither `free` nor `premium`. Ask for what you want, not for what you do not want.",
            old="= 'premium'",
            new="<> 'free'",
        ),
        Mistake(
            "check, then fetch",
            "Two statements, and the subscription ended between them: you show a title that was written after that. Put the "
            "check into the statement that fetches.",
            code="""
            def titles_for(postgres, user_id, ids):
                plan = postgres.execute("SELECT subscription FROM users WHERE id = %s", [user_id]).fetchone()
                if plan is None or plan[0] != "premium":
                    return []
                statement = "SELECT id, title FROM documents WHERE id = ANY(%s) AND user_id = %s"
                return postgres.execute(statement, [ids, user_id]).fetchall()
            """,
        ),
        Mistake(
            "fetch, then check",
            "Two statements: by the second, the subscription had changed, and rows that were right when they were read are gone. "
            "One statement sees one moment.",
            code="""
            def titles_for(postgres, user_id, ids):
                statement = "SELECT id, title FROM documents WHERE id = ANY(%s) AND user_id = %s"
                rows = postgres.execute(statement, [ids, user_id]).fetchall()
                plan = postgres.execute("SELECT subscription FROM users WHERE id = %s", [user_id]).fetchone()
                return rows if plan == ("premium",) else []
            """,
        ),
        Mistake(
            "one at a time",
            "One statement for each id, and the subscription ended after the first. Give PostgreSQL the list: `= ANY(%s)`.",
            code="""
            def titles_for(postgres, user_id, ids):
                statement = '''
                    SELECT d.id, d.title FROM documents d JOIN users u ON d.user_id = u.id
                    WHERE d.id = %s AND u.id = %s AND u.subscription = 'premium'
                '''
                found = [postgres.execute(statement, [id, user_id]).fetchone() for id in ids]
                return [row for row in found if row]
            """,
        ),
        Mistake(
            "an error",
            "Your function raises `HTTPException` for who is not premium. Here the answer is no row: an empty list.",
            code="""
            def titles_for(postgres, user_id, ids):
                statement = '''
                    SELECT u.subscription, d.id, d.title FROM users u LEFT JOIN documents d
                    ON d.user_id = u.id AND d.id = ANY(%s) WHERE u.id = %s
                '''
                rows = postgres.execute(statement, [ids, user_id]).fetchall()
                if rows and rows[0][0] != "premium":
                    raise HTTPException(403, "Premium only")
                return [row[1:] for row in rows if row[1]]
            """,
        ),
        Mistake(
            "None for no ids",
            NO_ROW,
            old='    statement = """',
            new='    if not ids:\n        return None\n    statement = """',
        ),
        Mistake(
            "the cursor",
            "You return the cursor, which has still to be asked for its rows: `.fetchall()`.",
            old=".fetchall()",
            new="",
        ),
        Mistake(
            "another join",
            "No row. Look at what your `JOIN` compares, `d.user_id = u.id`, and at how the plan is written, `'premium'`.",
            old="d.user_id = u.id",
            new="d.id = u.id",
        ),
        Mistake(
            "the values swapped",
            "PostgreSQL gets the user's id where it expects the list. Values stand in the order of their placeholders.",
            old="[ids, user_id]",
            new="[user_id, ids]",
        ),
        Mistake(
            "the plan as well",
            COLUMNS,
            code="""
            def titles_for(postgres, user_id, ids):
                statement = '''
                    SELECT d.id, d.title, u.subscription FROM documents d JOIN users u ON d.user_id = u.id
                    WHERE d.id = ANY(%s) AND u.id = %s AND u.subscription = 'premium'
                '''
                return postgres.execute(statement, [ids, user_id]).fetchall()
            """,
        ),
        Mistake(
            "the titles alone",
            "You return the titles without their ids. A row is `(id, title)`: the caller has to know which is which.",
            old="SELECT d.id, d.title",
            new="SELECT d.title",
        ),
        Mistake(
            "all columns",
            COLUMNS,
            old="SELECT d.id, d.title",
            new="SELECT d.*",
        ),
        Mistake(
            "the other way round",
            "Your rows are `(title, id)`. Wanted is `(id, title)`.",
            old="SELECT d.id, d.title",
            new="SELECT d.title, d.id",
        ),
        Mistake(
            "one row",
            "You return one row. `fetchone` gives the first, `fetchall` gives the list of all.",
            old="fetchall",
            new="fetchone",
        ),
        Mistake(
            "five at most",
            "Some are missing. Nothing in the task limits how many: leave `LIMIT` out.",
            old=PLAN,
            new=f"{PLAN} ORDER BY d.id LIMIT 5",
        ),
        Mistake(
            "five at most, any",
            "Some are missing. Nothing in the task limits how many: leave `LIMIT` out.",
            old=PLAN,
            new=f"{PLAN} LIMIT 5",
        ),
        Mistake(
            "or the plan",
            "`OR` lets in all documents of every premium user: `AND` binds closer. All three conditions must hold: `AND`.",
            old=f"AND {PLAN}",
            new=f"OR {PLAN}",
        ),
        Mistake(
            "None for none",
            NO_ROW,
            old=".fetchall()",
            new=".fetchall() or None",
        ),
        Mistake(
            "no return",
            "Your function fetches the rows and keeps them for itself: `return` is missing.",
            old="return postgres",
            new="postgres",
        ),
        Mistake(
            "a dict",
            "You return a dict. Return the rows, a list of `(id, title)`.",
            old="return postgres.execute(statement, [ids, user_id]).fetchall()",
            new="return dict(postgres.execute(statement, [ids, user_id]).fetchall())",
        ),
        Mistake(
            "the id as well as a list of ids",
            "PostgreSQL compares a number with a list: `= %s` and `IN (%s)` want one value each. `= ANY(%s)` takes a list.",
            old="= ANY(%s)",
            new="= %s",
        ),
        Mistake(
            "IN and a list",
            "`IN %s` is not SQL once the value is bound. With a list it is `= ANY(%s)`.",
            old="= ANY(%s)",
            new="IN %s",
        ),
    ],
)
def titles_for(titles_for: Callable, trial: Trial) -> str:
    """Judge by who asks, and by a subscription that ends between two statements."""
    nobody, trying = "UPDATE users SET subscription = 'free'", "UPDATE users SET subscription = 'trial' WHERE id = 1012"
    own = (2_001, 2_009, 2_010, 2_011, 2_012, 2_013, 9_999)
    cases = {
        "Dana is premium, and all ids but the last are hers": _asking(DANA, *own),
        "Nobody is premium": _asking(DANA, 2_001, 2_003, before=nobody),
        "Noor has the free plan": _asking(NOOR, 2_003, 2_004, 2_005),
        "Dana is premium, and some ids are others'": _asking(DANA, *own, 2_003, 2_005),
        "Noor's plan is called `trial`": _asking(NOOR, 2_003, before=trying),
        "Dana's subscription ends after your first statement, and then a title changes": _in_the_gap,
        "There are no ids": _asking(DANA),
    }
    for case, observe in cases.items():
        trial.compare(titles_for, observe, f"{case}. You return {{found}}.")
    return "The rule is checked as the rows are read. What ChromaDB found for nothing is lost all the same."


@exercise(
    "02b.out_of_date",
    hints=[
        "Two small halves: a dict from user to subscription, out of PostgreSQL, and all entries with their metadata.",
        '`collection.get(include=["metadatas"])` gives two lists, `ids` and `metadatas`, in the same order: `zip` them.',
        '`metadata.get("subscription")` gives `None` for an entry without a copy, where `metadata["subscription"]` stops.',
    ],
    mistakes=MISTAKES,
)
def out_of_date(out_of_date: Callable, trial: Trial) -> str:
    """Judge on copies that are stale in either direction, missing, or of nobody; then on copies that are all true."""
    trial.compare(out_of_date, some_stale, "Two copies are stale and two are missing. You return {found}.")
    trial.compare(out_of_date, all_true, "Every copy is true. You return {found}.")
    trial.compare(
        out_of_date, subscription_ended, "Dana's subscription has ended, and each of her 13 copies is old. You return {found}."
    )
    return "Run every few minutes, this bounds how long a copy may be stale. It does not make it true at once."
