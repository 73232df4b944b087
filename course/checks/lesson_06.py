"""The exercises of lesson 06. They run the learner's searches on rows of their own, in temporary tables that end with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from psycopg import sql

from course.embedding import DIMENSIONS
from course.exercises.check import NotYet, exercise, expect
from course.exercises.kinds import describe
from course.stack import Stack

if TYPE_CHECKING:
    from psycopg import Connection

Pairs = list[tuple[object, float]]

DRONE = "a drone's way to the nearest landing place"
TAXI = "a taxi's way to it, on a grid of streets"
TEXTS = "texts on the same topic, whatever their vectors' lengths"
FILMS = "films for a taste, where a longer vector is a better film"

OPERATOR = {DRONE: "<->", TAXI: "<+>", TEXTS: "<=>", FILMS: "<#>"}
NEEDED = {
    DRONE: "A drone flies straight.",
    TAXI: "A taxi cannot cross the blocks: its ways along x and along y add up.",
    TEXTS: "Here only the direction should count.",
    FILMS: "Here the direction should count, and a greater length as well.",
}
MEASURES = {
    "<->": "measures the straight line between the two ends",
    "<+>": "adds up the ways along x and along y",
    "<=>": "looks at the angle alone, and a vector of any length may win",
    "<#>": "multiplies, so a long vector wins over a close one",
}

POINT = (4.0, 2.0)
PLANE = {"same way": (1.0, 0.5), "straight": (2.0, 4.0), "corner": (4.0, -1.0), "long": (7.0, -4.0), "opposite": (-4.0, -2.0)}
"""Five vectors. Seen from the point, each of the four operators puts another of the first four first."""


@exercise(
    "06.operator_for",
    hints=[
        "Two of them measure a way between two places. Which one goes along the axes?",
        "Two of them look at the angle. One of these also looks at the length: a longer vector gives a larger product.",
    ],
    solution=f"""
        operator_for = {{
            "{DRONE}": "<->",
            "{TAXI}": "<+>",
            "{TEXTS}": "<=>",
            "{FILMS}": "<#>",
        }}
    """,
)
def operator_for(operator_for: dict, stack: Stack) -> str:
    """Judge each operator by the vector that it puts first, where each of the four puts another one."""
    with _connected(stack) as connection:
        connection.execute("CREATE TEMP TABLE plane (name text, v vector(2))")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO plane VALUES (%s, %s)", [(name, np.array(v)) for name, v in PLANE.items()])
        for task, right in OPERATOR.items():
            if task not in operator_for:
                raise NotYet(
                    f'The task "{task}" is missing. Keep the four tasks as they are, and change only what stands after them.'
                )
            chosen = _operator(task, operator_for[task])
            first, wanted = _first(connection, chosen), _first(connection, right)
            if first != wanted:
                raise NotYet(
                    f'For "{task}", your `{chosen}` puts the vector {PLANE[first]} first, seen from {POINT}, and not '
                    f"{PLANE[wanted]}. It {MEASURES[chosen]}. {NEEDED[task]}"
                )
    return "You chose by what is meant. On vectors of length 1, three of the four would have ranked alike by luck."


def _operator(task: str, value: object) -> str:
    chosen = expect(value, str, f'An operator is a text, such as `"<->"`, also for "{task}".').strip()
    if chosen not in MEASURES:
        raise NotYet(f'For "{task}" you have `{chosen}`. pgvector\'s four are {", ".join(f"`{name}`" for name in MEASURES)}.')
    return chosen


def _first(connection: Connection, operator: str) -> str:
    query = sql.SQL("SELECT name FROM plane ORDER BY v {} %s LIMIT 1").format(sql.SQL(operator))
    return connection.execute(query, [np.array(POINT)]).fetchone()[0]


SIMILAR = {34: "same way", 3: "straight", 55: "corner", 8: "long", 21: "opposite"}
"""Ids of the planted documents, the most similar first."""
WITHOUT, ZEROS = 5, 13
"""Ids of the document without a vector, and of the one whose vector is all zeros."""


@exercise(
    "06.most_similar",
    hints=[
        "What is `vector_norm(embedding)` of a vector of zeros, and of `NULL`? A `WHERE` keeps a row only if it is true.",
        "Order by the distance itself, ascending. The similarity is for showing.",
    ],
    solution='''
        def most_similar(postgres, vector, k):
            return postgres.execute(
                """SELECT id, 1 - (embedding <=> %(q)s) AS similarity FROM documents
                   WHERE vector_norm(embedding) > 0 ORDER BY embedding <=> %(q)s LIMIT %(k)s""",
                {"q": vector, "k": k},
            ).fetchall()
    ''',
)
def most_similar(most_similar: Callable, stack: Stack) -> str:
    """Judge the ranking among documents of which one has no vector and one has only zeros."""
    right = [(id, 1 - _cosine(PLANE[name])) for id, name in SIMILAR.items()]
    with _connected(stack) as connection:
        _plant(connection, [(id, 7, f"Document {id}", PLANE[name]) for id, name in SIMILAR.items()])
        _plant(connection, [(WITHOUT, 7, "Not embedded", None), (ZEROS, 7, "Zeros", (0.0, 0.0))])
        for k in (3, 1, 10):
            found = _pairs(most_similar(connection, _wide(POINT), k), "id", int, "similarity")
            _judge_comparable(found, k)
            _judge_ranks(found, right, k, SIMILAR)
            _judge_figures(found, right, "similarity", "A similarity is `1 - distance`: 1 for the same direction.")
        connection.execute("DELETE FROM documents WHERE id <> ALL (%s)", [[WITHOUT, ZEROS]])
        if _pairs(most_similar(connection, _wide(POINT), 3), "id", int, "similarity"):
            raise NotYet("With nothing but a `NULL` and a vector of zeros in the table, the answer should be an empty list.")
    return (
        "Ordering by the operator itself has one more advantage: an index can serve it, and `1 - …` it cannot. Lesson 07 has one."
    )


def _judge_comparable(found: Pairs, k: int) -> None:
    """Judge whether a document that cannot be compared is in the answer."""
    ids = [id for id, _ in found]
    if WITHOUT in ids:
        raise NotYet(
            f"Number {ids.index(WITHOUT) + 1} of your answer (k = {k}) has no vector. Its similarity is `NULL`, and `DESC` puts "
            "NULL first; ascending, it comes last, and is in the answer when k is large. Leave it out in the `WHERE`."
        )
    if ZEROS in ids:
        raise NotYet(
            f"Number {ids.index(ZEROS) + 1} of your answer (k = {k}) is a vector of zeros. Its similarity is NaN, which is not "
            "NULL: `IS NOT NULL` and `NULLS LAST` let it pass, and PostgreSQL sorts NaN above every number. Leave it out too."
        )


OWN, OTHER, NOBODY = 7, 9, 8
"""The user who asks, another one, and one without documents."""
OWN_TITLES = {
    "The parrot's passport": "same way",
    "Boiler, 100 % sure": "straight",
    "Fees for March": "corner",
    "Old lease": "long",
}
OTHER_TITLES = {f"Another user's note {number}": (8.0 + number / 8, 4.0) for number in range(1, 7)}
"""Six vectors closer to the point than most of the asking user's."""
MISSING = "Not embedded yet"


@exercise(
    "06.nearest",
    hints=[
        "Start from Dana's query above: the title and the distance are selected, `WHERE` has two conditions.",
        "`WHERE user_id = %s AND embedding IS NOT NULL ORDER BY embedding <=> %s LIMIT %s`, then `.fetchall()`.",
    ],
    solution='''
        def nearest(postgres, user_id, vector, k):
            return postgres.execute(
                """SELECT title, embedding <=> %(q)s AS distance FROM documents
                   WHERE user_id = %(user_id)s AND embedding IS NOT NULL
                   ORDER BY distance LIMIT %(k)s""",
                {"q": vector, "user_id": user_id, "k": k},
            ).fetchall()
    ''',
)
def nearest(nearest: Callable, stack: Stack) -> str:
    """Judge the search for users of the check's own, among documents of others that are closer."""
    with _connected(stack) as connection:
        rows = [(OWN, title, PLANE[name]) for title, name in OWN_TITLES.items()]
        rows += [(OWN, MISSING, None), *((OTHER, title, vector) for title, vector in OTHER_TITLES.items())]
        _plant(connection, [(number, *row) for number, row in enumerate(rows, start=901)])

        right = [(title, _cosine(PLANE[name])) for title, name in OWN_TITLES.items()]
        for k in (3, 1, 10):
            found = _pairs(nearest(connection, OWN, _wide(POINT), k), "title", str, "distance")
            _judge_connection(connection)
            _judge_owner([title for title, _ in found], k)
            _judge_ranks(found, right, k, OWN_TITLES)
            _judge_figures(found, right, "distance", "Return what `<=>` gives: 0 for the same direction, 2 for the opposite.")
        _judge_arguments(nearest, connection)
    return "One statement: filter, rank and text. Lesson 01 needed three round trips for it."


def _judge_connection(connection: Connection) -> None:
    if connection.closed:
        raise NotYet(
            "Your function closed the connection that it was given: `with postgres:` does so at its end. "
            "The caller still needs it."
        )


def _judge_owner(titles: list[str], k: int) -> None:
    """Judge whose documents these are."""
    for title in titles:
        if title in OTHER_TITLES:
            raise NotYet(
                f'"{title}" belongs to another user, whose documents are closer: a leak. `user_id` belongs in the `WHERE`.'
            )
        if title == MISSING:
            raise NotYet(
                f"With k = {k}, a document without a vector is in the answer. Its distance is `NULL`, which `ORDER BY` puts last "
                "(and first with `DESC`). `AND embedding IS NOT NULL` leaves it out."
            )
        if title not in OWN_TITLES:
            raise NotYet(
                f'"{title}" is not in the table that the check made. Search `documents` through the connection that the function '
                "is given, and name the table without a schema."
            )


def _judge_arguments(nearest: Callable, connection: Connection) -> None:
    """Judge whether the function listens to the user and to the vector."""
    nobodys = _pairs(nearest(connection, NOBODY, _wide(POINT), 3), "title", str, "distance")
    if nobodys:
        raise NotYet(f"A user without documents gets {len(nobodys)} of another's. Use the `user_id` that the function is given.")
    theirs = [title for title, _ in _pairs(nearest(connection, OTHER, _wide(POINT), 2), "title", str, "distance")]
    if theirs != list(OTHER_TITLES)[:2]:
        raise NotYet(f"Right for the first user. The second has 6 documents, and gets {theirs} for k = 2.")
    turned = [title for title, _ in _pairs(nearest(connection, OWN, _wide(PLANE["long"]), 1), "title", str, "distance")]
    if turned != ["Old lease"]:
        raise NotYet(f"Another vector, and the first is still {turned}. Use the `vector` that the function is given.")


def _pairs(answer: object, what: str, kind: type, figure: str) -> Pairs:
    """The answer as pairs of an id or a title and a figure, which it must be a list of."""
    shape = f"`({what}, {figure})`"
    for item in (answer := expect(answer, list, f"Return the list of rows, each {shape}; `.fetchall()` gives one.")):
        if isinstance(item, kind):
            raise NotYet(f"In your list there is {describe(item)} alone. Each row has two parts: {shape}.")
        if isinstance(item, str) or not isinstance(item, Sequence) or len(item) != 2:
            raise NotYet(f"Each row should be {shape}. In your list there is {describe(item)}.")
        expect(item[0], kind, f"The first part of a row is the {what}.")
        if item[1] is not None:
            expect(item[1], float, f"The second part of a row is the {figure}, a number.")
    return [tuple(item) for item in answer]


def _judge_ranks(found: Pairs, right: Pairs, k: int, vectors: dict) -> None:
    """Judge which rows there are, and in which order; `vectors` names the vector of each."""
    names, wanted = [name for name, _ in found], [name for name, _ in right[:k]]
    if names == wanted:
        return
    every = [name for name, _ in right]
    by_l2 = sorted(every, key=lambda name: np.linalg.norm(np.subtract(PLANE[vectors[name]], POINT)))
    by_l1 = sorted(every, key=lambda name: np.abs(np.subtract(PLANE[vectors[name]], POINT)).sum())
    by_product = sorted(every, key=lambda name: -np.dot(PLANE[vectors[name]], POINT))
    if len(names) > k:
        raise NotYet(f"Asked for {k}, you return {len(names)} rows. `k` belongs in the `LIMIT`.")
    if len(names) < len(wanted) and set(names) <= set(wanted):
        raise NotYet(
            f"Asked for {k}, you return {len(names)} rows, and {len(wanted)} are there that can be compared. What is filtered "
            "after the `LIMIT`, or by its figure, is missing: filter in the `WHERE`. An opposite direction is no reason to leave "
            "one out."
        )
    if k > 1 and names == every[::-1][:k]:
        raise NotYet("The farthest comes first. For all of pgvector's operators a smaller value is nearer: order ascending.")
    for operator, ranks in (("<->", by_l2), ("<+>", by_l1), ("<#>", by_product)):
        if names == ranks[:k]:
            raise NotYet(
                f"This is the order of `{operator}`, and these vectors differ in length. The task asks for cosine: it looks at "
                "the direction alone."
            )
    if sorted(map(str, names)) == sorted(map(str, wanted)):
        raise NotYet(f"The right {len(names)} rows in another order: {names}. Without an `ORDER BY`, a table has none.")
    raise NotYet(f"With k = {k} you return {names}. The closest by cosine are {wanted}, in this order.")


def _judge_figures(found: Pairs, right: Pairs, figure: str, meaning: str) -> None:
    for (name, given), (_, wanted) in zip(found, right, strict=False):
        if given is None or abs(given - wanted) > 1e-4:
            raise NotYet(f"The order is right, and the {figure} of {name!r} is {given}, in place of {wanted:.4f}. {meaning}")


def _cosine(vector: tuple[float, float]) -> float:
    return float(1 - np.dot(vector, POINT) / (np.linalg.norm(vector) * np.linalg.norm(POINT)))


def _wide(vector: tuple[float, float]) -> np.ndarray:
    """A vector of the plane among those of 384 dimensions."""
    return np.array([*vector, *[0.0] * (DIMENSIONS - 2)], dtype=np.float32)


@contextmanager
def _connected(stack: Stack) -> Iterator[Connection]:
    """A connection that knows the type, with empty temporary tables `users` and `documents` in front of the lesson's."""
    from pgvector.psycopg import register_vector

    with stack.postgres.connect() as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        register_vector(connection)
        connection.execute("CREATE TEMP TABLE users (id bigint PRIMARY KEY, name text, email text, subscription text)")
        connection.execute(
            """CREATE TEMP TABLE documents (id bigint PRIMARY KEY, user_id bigint, title text, content text,
                   created_at timestamptz DEFAULT now(), embedding vector(384))"""
        )
        yield connection


def _plant(connection: Connection, rows: Sequence[tuple[int, int, str, tuple[float, float] | None]]) -> None:
    """Add documents and their users, in the order of the titles: neither closest nor farthest first."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO users VALUES (%s, 'Someone') ON CONFLICT DO NOTHING", [(user_id,) for _, user_id, *_ in rows]
        )
        cursor.executemany(
            "INSERT INTO documents (id, user_id, title, content, embedding) VALUES (%s, %s, %s, 'planted', %s)",
            [
                (id, user_id, title, None if v is None else _wide(v))
                for id, user_id, title, v in sorted(rows, key=lambda row: row[2])
            ],
        )
