"""The exercises of lesson 09. They run the learner's queries on rows of their own, in temporary tables that end with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from course.embedding import DIMENSIONS
from course.exercises.check import NotYet, exercise, expect
from course.exercises.kinds import describe
from course.stack import Stack

if TYPE_CHECKING:
    from psycopg import Connection
    from sqlalchemy import Engine


class Owner(NamedTuple):
    """A planted user; `joined` counts days back."""

    id: int
    name: str
    subscription: str
    joined: float


class Note(NamedTuple):
    """A planted document; `angle`, in degrees, is that of its vector to the question's, and `days` counts back."""

    id: int
    owner: int
    angle: float
    days: float
    length: float = 1.0
    content: str = "planted"


ADA, BO, CY, EVE, FAY = OWNERS = (
    Owner(11, "Ada Quill", "premium", 3.5),
    Owner(12, "Bo Larch", "free", 20.5),
    Owner(13, "Cy Moss", "premium", 400.5),
    Owner(14, "Eve Tansy", "free", 5.5),
    Owner(15, "Fay Wick", "premium", 0.5),
)
NOTES = (
    Note(907, CY.id, 0, 1.5),
    Note(905, BO.id, 5, 15.5, 2.0),
    Note(903, EVE.id, 10, 4.5, 4.0),
    Note(908, CY.id, 15, 1.5),
    Note(901, ADA.id, 20, 2.5),
    Note(910, FAY.id, 30, 0.2),
    Note(906, BO.id, 35, 15.5),
    Note(902, ADA.id, 50, 2.5, 3.0),
    Note(904, EVE.id, 70, 4.5, 0.5),
    Note(909, ADA.id, 120, 2.5),
)
"""The closest first. Cy joined long ago, and writes every day."""


@exercise(
    "09.from_new_users",
    hints=[
        "Three lines are missing: the `JOIN` with its condition, a `WHERE`, and an `ORDER BY`.",
        "Both tables have a `created_at`. When did a *user* join? `u.created_at`.",
        "`%(days)s * INTERVAL '1 day'` is a length of time from a bound number. A placeholder in quotes is text.",
    ],
    solution='''
        def from_new_users(postgres, vector, days, k):
            return postgres.execute(
                """SELECT d.id, u.name, d.embedding <=> %(q)s AS distance
                   FROM documents d
                   JOIN users u ON d.user_id = u.id
                   WHERE u.created_at > NOW() - %(days)s * INTERVAL '1 day'
                   ORDER BY distance
                   LIMIT %(k)s""",
                {"q": vector, "days": days, "k": k},
            ).fetchall()
    ''',
)
def from_new_users(from_new_users: Callable, stack: Stack) -> str:
    """Judge on owners who joined lately or long ago, where those of long ago write as well."""
    with _connected(stack) as connection:
        _plant(connection, OWNERS, NOTES)
        for days, k in ((7, 3), (7, 10), (30, 4), (1, 5)):
            _judge_new_users(_triples(from_new_users(connection, _vector(0), days, k)), days, k)
    return "The filter is about one table, the closeness about another, and nobody had to carry ids between them."


def _triples(answer: object) -> list[tuple]:
    """The answer as rows of an id, a name and a distance, which it must be a list of."""
    shape = "`(id, owner, distance)`"
    for row in expect(answer, list, f"Return the list of rows, each {shape}; `.fetchall()` gives one."):
        if isinstance(row, str) or not isinstance(row, Sequence) or len(row) != 3:
            raise NotYet(f"Each row should be {shape}. In your list there is {describe(row)}.")
        expect(row[0], int, "The first part of a row is the document's id.")
        expect(row[1], str | None, "The second part of a row is the owner's name.")
        expect(row[2], float, "The third part of a row is the distance, a number.")
    return [tuple(row) for row in answer]


def _judge_new_users(found: list[tuple], days: int, k: int) -> None:
    owner_of = {owner.id: owner for owner in OWNERS}
    every = [note for note in NOTES if owner_of[note.owner].joined < days]
    right, ids = every[:k], [id for id, *_ in found]
    asked = f"Asked for {days} days and k = {k}"
    if any(name is None for _, name, _ in found):
        raise NotYet(
            "There are rows without an owner. A `LEFT JOIN` keeps each document, and puts NULL where its condition fails: "
            "take `JOIN`, or put the condition into the `WHERE`."
        )
    if len(set(ids)) < len(ids):
        raise NotYet(
            f"{asked}, a document stands there more than once, beside several owners. Without `d.user_id = u.id`, each "
            "document is paired with each user."
        )
    if len(found) > k:
        raise NotYet(f"{asked}, you return {len(found)} rows. `k` belongs in the `LIMIT`.")
    _judge_owners(found, days, k, {owner.name for owner in OWNERS if owner.joined < days})
    wanted = [note.id for note in right]
    if ids != wanted:
        _explain_order(ids, wanted, every, asked)
    for (id, name, distance), note in zip(found, right, strict=True):
        if name != owner_of[note.owner].name:
            raise NotYet(f"Document {id} is {owner_of[note.owner].name}'s, and stands there as {name}'s.")
        cosine = 1 - math.cos(math.radians(note.angle))
        if abs(distance - cosine) > 1e-4:
            raise NotYet(
                f"The right rows, and the distance of {id} is {distance:.4f} in place of {cosine:.4f}: return `<=>`'s own."
            )


def _judge_owners(found: list[tuple], days: int, k: int, wanted: set[str]) -> None:
    """Judge whose documents these are, where enough are asked for to tell."""
    names = {name for _, name, _ in found}
    if not found and wanted:
        raise NotYet(
            f"You find nothing in the last {days} days. Does your `JOIN` compare the document's `user_id` with the user's `id`?"
        )
    if names == {FAY.name} and len(wanted) > 1 and k > 1:
        raise NotYet(
            f"Asked for {days} days, you find only who joined in the last day or two. Does `%(days)s` stand in quotes? There it "
            "becomes `$2`, a text in which PostgreSQL reads the number 2. Multiply: `%(days)s * INTERVAL '1 day'`."
        )
    if names - wanted and not names & wanted and k >= len(wanted):
        raise NotYet("Those are the users who joined before that. After is greater: `u.created_at > NOW() - …`.")
    if CY.name in names and (BO.name in wanted or BO.name not in names):
        raise NotYet(
            f"{CY.name} joined 400 days ago and is in your answer: what is new there is the document. `d.created_at` tells when "
            "it was written, `u.created_at` when its owner joined."
        )
    if CY.name in names:
        raise NotYet(f"{CY.name} joined 400 days ago and is in your answer: a condition on `u.created_at` is missing.")
    if BO.name in wanted - names:
        raise NotYet(
            f"Asked for {days} days, you miss {BO.name}, who joined 20 days ago and has the closest. Use `days`, as given."
        )
    if names - wanted:
        raise NotYet(f"Asked for {days} days, you return documents of {', '.join(sorted(names - wanted))}. Use `days`, as given.")


def _explain_order(ids: list[int], wanted: list[int], every: Sequence[Note], asked: str) -> None:
    """Say what is wrong with these ids, all of which are of the right owners."""

    def ranked(key: Callable[[Note], float]) -> list[int]:
        return [note.id for note in sorted(every, key=key)][: len(wanted)]

    def product(note: Note) -> float:
        return -note.length * math.cos(math.radians(note.angle))

    premium = [note.id for note in every if note.owner in (ADA.id, FAY.id)]
    if len(every) > 1 and ids == premium[: len(ids)] and len(premium) < len(every):
        raise NotYet("You return premium users' documents alone. This question is about all users, whatever their plan.")
    if len(ids) < len(wanted) and set(ids) <= {note.id for note in every}:
        raise NotYet(
            f"{asked}, you return {len(ids)} rows in place of {len(wanted)}. What is filtered after a `LIMIT` is missing: "
            "`LIMIT` comes last, in the same query."
        )
    if ids == ranked(lambda note: -note.angle):
        raise NotYet("The farthest comes first. A smaller distance is closer: order ascending.")
    if ids == ranked(lambda note: note.length**2 + 1 + 2 * product(note)):
        raise NotYet("This is the order of `<->`, and these vectors differ in length. The task asks for cosine: `<=>`.")
    if ids == ranked(product):
        raise NotYet("This is the order of `<#>`, and these vectors differ in length. The task asks for cosine: `<=>`.")
    raise NotYet(f"{asked}, you return {ids} in place of {wanted}. Without an `ORDER BY`, a table has no order.")


@exercise(
    "09.search_shared",
    hints=[
        "A statement never changes. `query.where(…)` gives a new one, which needs a name: `query = query.where(…)`.",
        "`Document.user_id.in_(user_ids)` is SQL's `IN`.",
        "Python takes an empty list for false, and `None` too. Here the two mean different things: ask for `is not None`.",
    ],
    solution="""
        def search_shared(vector, *, user_ids=None, subscription=None, days=None, limit=5):
            distance = Document.embedding.cosine_distance(vector).label("distance")
            query = select(Document.id, Document.title, User.name, distance).join(User)
            if user_ids is not None:
                query = query.where(Document.user_id.in_(user_ids))
            if subscription is not None:
                query = query.where(User.subscription == subscription)
            if days is not None:
                query = query.where(Document.created_at > func.now() - timedelta(days=days))
            return query.order_by(distance).limit(limit)
    """,
)
def search_shared(search_shared: Callable, stack: Stack) -> str:
    """Judge the statements by what they find, with each filter set and not set."""
    with _connected(stack) as connection, _engine(connection) as engine:
        _plant(connection, OWNERS, NOTES)

        def judge(**filters: object) -> None:
            found = _found(engine, search_shared(_vector(0), limit=20, **filters))
            _judge_filters(found, filters)

        judge(user_ids=[ADA.id, CY.id])
        judge(user_ids=[BO.id])
        judge()
        judge(user_ids=[])
        judge(user_ids=[99])
        judge(user_ids=[ADA.id, BO.id, CY.id], subscription="premium")
        judge(user_ids=[ADA.id, BO.id], days=7)
        judge(subscription="free", days=7)
        short = _found(engine, search_shared(_vector(0), user_ids=[ADA.id], limit=2))
        if short != [901, 902]:
            raise NotYet(f"With `limit=2`, Ada's two closest are 901 and 902. You find {short}.")
    return "An empty list asks for nobody's documents, and gets none. Taken for `not set`, it would have shown everybody's."


def _found(engine: Engine, statement: object) -> list[int]:
    """The ids that the learner's statement finds."""
    from sqlalchemy import Select
    from sqlalchemy.exc import DataError, ProgrammingError

    if not isinstance(statement, Select):
        raise NotYet(f"Return the statement, as `search` does; who calls it executes it. Yours is {describe(statement)}.")
    try:
        with engine.connect() as connection:
            rows = connection.execute(statement).mappings().all()
    except (ProgrammingError, DataError) as error:
        said = str(error.orig).splitlines()[0]
        raise NotYet(f"PostgreSQL refuses your statement: {said}. A column is compared with a list by `.in_(…)`.") from error
    if any("id" not in row for row in rows):
        raise NotYet("Keep `Document.id` among the columns that are selected: the caller needs it.")
    return [row["id"] for row in rows]


def _judge_filters(found: list[int], filters: dict[str, object]) -> None:
    """Judge what one call found. `filters` are the arguments that it was given."""
    said = ", ".join(f"{name}={value!r}" for name, value in filters.items()) or "no filter"
    plan_of = {owner.id: owner.subscription for owner in OWNERS}
    among, plan, days = (filters.get(name) for name in ("user_ids", "subscription", "days"))

    def ids(*, listed: bool) -> list[int]:
        """What the filters keep, with or without the list of users."""
        return [
            note.id
            for note in NOTES
            if (not listed or among is None or note.owner in among)
            and (plan is None or plan_of[note.owner] == plan)
            and (days is None or note.days < days)
        ]

    wanted = ids(listed=True)
    if found == wanted:
        return
    if among == [] and found:
        raise NotYet(
            f"With `user_ids=[]` you find {len(found)} documents: a leak. An empty list means nobody. Python takes it for false, "
            "as it does `None`. Ask for `is not None`."
        )
    if among and sorted(found) == sorted(ids(listed=False)):
        raise NotYet(
            f"With {said}, other users' documents are found as well. Either there is no such condition, or it is lost: "
            "`.where(…)` leaves a statement as it is and gives a new one, `query = query.where(…)`."
        )
    if among and not set(found) & set(wanted) and found:
        raise NotYet(f"With {said}, you find what belongs to the others. The list names whose documents may be found.")
    if among and wanted and not found:
        raise NotYet(
            f"With {said}, you find nothing. Python's `in` and `==` with a list compare before any row is there. SQL's `IN` is "
            "`Document.user_id.in_(…)`."
        )
    if among is None and not found:
        raise NotYet(f"With {said}, nobody has set `user_ids`: it is `None`. That means no such filter, and you find nothing.")
    if sorted(found) == sorted(wanted):
        raise NotYet(f"With {said}, the right documents come in another order. Keep the `order_by(distance)`.")
    if set(wanted) < set(found) and len(filters) > 1:
        raise NotYet(
            f"With {said}, you find {len(found)} documents in place of {len(wanted)}. All filters must hold, not one of them."
        )
    raise NotYet(f"With {said}, you find {found} in place of {wanted}.")


MINE, THEIRS, NOBODY = 21, 22, 23
"""The user who asks, one whose documents are closer and say more, and one without documents."""
LISTED = 20
HYBRID_TEXT = "Which boiler has a warranty?"


@exercise(
    "09.hybrid_for",
    hints=[
        "`WITH mine AS (SELECT * FROM documents WHERE user_id = %(user_id)s)`, and both lists are made from `mine`.",
        'In the lesson\'s two texts, `BY_WORDS.replace("documents", "mine")` says where to look. `%(n)s` is 20.',
        "A document that is in one list only has no rank in the other: `FULL JOIN`, and `coalesce(…, 0)`.",
    ],
    solution='''
        def hybrid_for(postgres, user_id, text, vector, k):
            query = f"""
                WITH mine AS (SELECT * FROM documents WHERE user_id = %(user_id)s),
                by_words AS ({BY_WORDS.replace("documents", "mine")}),
                by_meaning AS ({BY_MEANING.replace("documents", "mine")})
                SELECT id FROM by_words w FULL JOIN by_meaning m USING (id)
                ORDER BY coalesce(1.0 / (60 + w.rank), 0) + coalesce(1.0 / (60 + m.rank), 0) DESC, id
                LIMIT %(k)s
            """
            values = {"user_id": user_id, "text": text, "vector": vector, "n": 20, "k": k}
            return [id for (id,) in postgres.execute(query, values)]
    ''',
)
def hybrid_for(hybrid_for: Callable, stack: Stack) -> str:
    """Judge the ranks among 30 documents of one user and 30 of another that would win both lists."""
    with _connected(stack) as connection:
        owners = [Owner(id, f"User {id}", "free", 50) for id in (MINE, THEIRS, NOBODY)]
        _plant(connection, owners, [*_mine(), *_theirs()])
        connection.execute("DELETE FROM documents WHERE user_id = %s", [NOBODY])

        def ids(user_id: int, text: str, k: int) -> list[int]:
            answer = expect(hybrid_for(connection, user_id, text, _vector(0), k), list, "Return the list of ids.")
            if any(isinstance(item, tuple | list) for item in answer):
                raise NotYet("Those are rows. Return the ids themselves: `[id for (id, *_) in rows]`.")
            for item in answer:
                expect(item, int, "Return the documents' ids.")
            return answer

        words, meaning = _lists(connection)
        for k in (5, 60, 1):
            _judge_fused(ids(MINE, HYBRID_TEXT, k), words, meaning, k)
        silent = ids(MINE, "the of and", 5)
        if silent != meaning[:5]:
            raise NotYet(
                f"No word of 'the of and' is searched for. The other list should still answer: {meaning[:5]}, not {silent}."
            )
        if ids(NOBODY, HYBRID_TEXT, 5):
            raise NotYet("A user without documents gets some of another's. Use the `user_id` that the function is given.")
        if not set(ids(THEIRS, HYBRID_TEXT, 5)) <= {note.id for note in _theirs()}:
            raise NotYet(f"Right for the first user. User {THEIRS} gets the first one's documents: use `user_id`.")
    return "A filter, two rankings and their fusion in one round trip. Across two stores, each would have been a list to carry."


def _mine() -> list[Note]:
    """30 documents whose order by meaning, by words and by id have nothing to do with each other."""
    return [
        Note(601 + (7 * row) % 30, MINE, angle=20 + 4 * row, days=1, content=_saying((row * 11 + 17) % 30)) for row in range(30)
    ]


def _theirs() -> list[Note]:
    """30 documents of another user: each closer, and with more of the words."""
    return [Note(701 + row, THEIRS, angle=row / 2, days=1, content=_saying(30 + row)) for row in range(30)]


def _saying(often: int) -> str:
    """A text that says one of the words so often; the first six of 30 do not say it at all."""
    word = "boiler" if often % 2 else "warranty"
    return f"Notes. {f'{word} ' * max(0, often - 5)}"


def _lists(connection: Connection) -> tuple[list[int], list[int]]:
    """The whole rankings of the first user's documents, by words and by meaning."""
    by_words = """SELECT id FROM documents WHERE user_id = %s AND words @@ to_tsquery('english', 'boiler | warranty')
                  ORDER BY ts_rank_cd(words, to_tsquery('english', 'boiler | warranty')) DESC, id"""
    by_meaning = "SELECT id FROM documents WHERE user_id = %s ORDER BY embedding <=> %s"
    words = [id for (id,) in connection.execute(by_words, [MINE])]
    return words, [id for (id,) in connection.execute(by_meaning, [MINE, _vector(0)])]


def _fused(
    words: list[int], meaning: list[int], listed: int = LISTED, constant: int = 60, *, worst_first: bool = False
) -> list[int]:
    """The ranks put together, so many from each list."""
    scores: dict[int, Fraction] = {}
    for ranking in (words[:listed], meaning[:listed]):
        for rank, id in enumerate(ranking, start=1):
            scores[id] = scores.get(id, Fraction(0)) + Fraction(1, constant + rank)
    return sorted(scores, key=lambda id: (scores[id] if worst_first else -scores[id], id))


def _judge_fused(found: list[int], words: list[int], meaning: list[int], k: int) -> None:
    every = _fused(words, meaning)
    wanted = every[:k]
    if found == wanted:
        return
    asked = f"With k = {k}"
    listed_words, listed_meaning = words[:LISTED], meaning[:LISTED]
    in_both = set(listed_words) & set(listed_meaning)
    if any(id > 700 for id in found):
        raise NotYet(f"{asked}, there are another user's documents in the answer: a leak. Both lists need the filter.")
    if len(set(found)) < len(found):
        raise NotYet(f"{asked}, a document stands twice in your answer. Join the two lists by `id`, and add up its two parts.")
    if len(found) > len(wanted) and k < len(every):
        raise NotYet(f"{asked}, you return {len(found)} ids. `k` belongs in the `LIMIT`.")
    if len(found) < min(k, 5):
        raise NotYet(
            f"{asked}, you return {len(found)} ids. The other user's documents filled the lists before yours were looked for: "
            "filter before they are cut at 20. It is trap 1 again, made by hand."
        )
    for listed, what in (
        (in_both, "both lists"),
        (set(listed_words), "the words' list"),
        (set(listed_meaning), "the other list"),
    ):
        if set(found) == listed and k > len(listed):
            raise NotYet(f"You return only what is in {what}. A document found by either should count: `FULL JOIN`.")
    if k < len(every) and found == sorted(every)[:k]:
        raise NotYet("They come in the order of their ids: all scores are 0. In whole numbers, 1 / 61 is 0: write `1.0 / …`.")
    if found == _fused(words, meaning, worst_first=True)[:k]:
        raise NotYet("The smallest scores come first. More is better: order descending.")
    if not set(found) & in_both and set(found) <= set(every) and every[0] in in_both:
        raise NotYet(
            f"{asked}, no document of your answer is in both lists. One that is in a single list has NULL for its other part, a "
            "sum with NULL is NULL, and `DESC` puts NULL first: `coalesce(…, 0)`."
        )
    for ranking, what in ((words, "words"), (meaning, "meaning")):
        if found == ranking[:k]:
            raise NotYet(f"This is the ranking by {what} alone.")
    for listed in (10, 30, 50, k):
        if found == _fused(words, meaning, listed)[:k]:
            raise NotYet(
                f"{asked}, this is what {listed} of each list give. The task takes the {LISTED} best of each, whatever k."
            )
    if found == _fused(words, meaning, constant=0)[:k]:
        raise NotYet("This is the order of 1 / rank. The task adds 60 to each rank: it keeps a single first place from deciding.")
    raise NotYet(f"{asked}, you return {found[:8]}. From the ranks, it should begin {wanted[:8]}.")


def _vector(angle: float, length: float = 1.0) -> np.ndarray:
    """A vector of 384 numbers at this angle, in degrees, to the question's."""
    turned = math.radians(angle)
    head = [length * math.cos(turned), length * math.sin(turned)]
    return np.array([*head, *[0.0] * (DIMENSIONS - 2)], dtype=np.float32)


@contextmanager
def _connected(stack: Stack) -> Iterator[Connection]:
    """A connection that knows the type, with empty temporary tables `users` and `documents` in front of the lesson's."""
    from pgvector.psycopg import register_vector

    with stack.postgres.connect() as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        register_vector(connection)
        connection.execute(
            "CREATE TEMP TABLE users (id bigint PRIMARY KEY, name text, email text, subscription text, created_at timestamptz)"
        )
        connection.execute(
            """CREATE TEMP TABLE documents (id bigint PRIMARY KEY, user_id bigint, title text, content text,
                   created_at timestamptz, embedding vector(384),
                   words tsvector GENERATED ALWAYS AS (to_tsvector('english', title || ' ' || content)) STORED)"""
        )
        yield connection


def _plant(connection: Connection, owners: Sequence[Owner], notes: Sequence[Note]) -> None:
    """Add users and their documents, in the order of their ids."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO users VALUES (%s, %s, 'somebody@lumen.example', %s, now() - %s * INTERVAL '1 day')", owners
        )
        cursor.executemany(
            """INSERT INTO documents (id, user_id, title, content, created_at, embedding)
               VALUES (%s, %s, 'A note', %s, now() - %s * INTERVAL '1 day', %s)""",
            [(note.id, note.owner, note.content, note.days, _vector(note.angle, note.length)) for note in sorted(notes)],
        )


@contextmanager
def _engine(connection: Connection) -> Iterator[Engine]:
    """SQLAlchemy on this one connection, so that it sees the temporary tables."""
    from sqlalchemy import StaticPool, create_engine

    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    try:
        yield engine
    finally:
        engine.dispose()
