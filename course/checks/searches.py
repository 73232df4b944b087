"""What the exercises of lesson 06b share: a table of documents, how an answer is compared, and the mistakes of any search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psycopg

from course.checks.plane import wide
from course.exercises.mistakes import Mistake
from course.exercises.stage import Stage

_TABLES = """
    CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, email text, subscription text NOT NULL DEFAULT 'free');
    CREATE TABLE documents (
        id bigint PRIMARY KEY, user_id bigint NOT NULL, title text NOT NULL, content text NOT NULL DEFAULT 'planted',
        created_at timestamptz NOT NULL DEFAULT now(), embedding vector(384)
    );
"""
Row = tuple[int, int, str, tuple[float, float] | None]

FETCHED = ").fetchall()"
"""How both solutions end."""

OF_ANY_SEARCH = [
    Mistake(
        "k forgotten",
        "Those are more than you were asked for, or always as many. `k` belongs in the `LIMIT`.",
        old="LIMIT %(k)s",
        new="LIMIT 5",
    ),
    Mistake(
        "always three",
        "Those are three, and `k` is another number now. It belongs in the `LIMIT`.",
        old="LIMIT %(k)s",
        new="LIMIT 3",
    ),
    Mistake(
        "three at most",
        "Your function never gives more than three. `k` alone belongs in the `LIMIT`.",
        old="LIMIT %(k)s",
        new="LIMIT least(3, %(k)s)",
    ),
    Mistake(
        "a vector of its own",
        "Your function still answers for the first vector. Use the `vector` that it is given.",
        old='"q": vector',
        new='"q": np.array([4, 2, *[0] * 382])',
    ),
    Mistake(
        "one row",
        "That is one row. Return a list of rows, also if there is one: `.fetchall()` gives it.",
        old=".fetchall()",
        new=".fetchone()",
    ),
    Mistake(
        "the cursor",
        "From a cursor, or a generator, the rows are still to be fetched. Return the list: `.fetchall()` gives it.",
        old=".fetchall()",
        new="",
    ),
    Mistake(
        "no return",
        "Your function finds them and keeps them for itself: `return` is missing.",
        old="return postgres",
        new="postgres",
    ),
]
"""Mistakes in asking for k rows and handing them on, whatever is searched."""


def filled(stage: Stage, rows: Sequence[Row]) -> Any:
    """A connection to a table with these documents, in this order."""
    lent = stage.database(_TABLES)
    with stage.own.cursor() as cursor:
        cursor.executemany("INSERT INTO users VALUES (%s, 'Someone') ON CONFLICT DO NOTHING", [row[1:2] for row in rows])
        insert = "INSERT INTO documents (id, user_id, title, embedding) VALUES (%s, %s, %s, %s)"
        cursor.executemany(insert, [(*row, None if v is None else wide(v)) for *row, v in rows])
    return lent


def rounded(answer: Any) -> Any:
    """An answer as it is compared: figures to three decimals, what is no list yet as words."""
    if isinstance(answer, psycopg.Cursor | Iterator):
        return "rows still to be fetched"
    if isinstance(answer, float | np.floating):
        return round(float(answer), 3) + 0.0  # no minus before a zero
    if isinstance(answer, list | tuple):
        return type(answer)(map(rounded, answer)) if type(answer) in (list, tuple) else [*map(rounded, answer)]
    if isinstance(answer, dict):
        return {key: rounded(value) for key, value in answer.items()}
    return answer
