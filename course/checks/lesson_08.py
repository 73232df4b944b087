"""The exercises of lesson 08: one is judged on a table and a collection of the check's own, two on answers that it makes up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course.embedding import DIMENSIONS
from course.exercises.check import NotYet, exercise, expect
from course.exercises.kinds import describe
from course.stack import Stack

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection
    from psycopg import Connection

NAME = "check_08"
"""The schema, and the collection, that hold the check's own vectors."""

IDS = range(101, 131)
CHANGED, SWAPPED, ONLY_OLD, ONLY_NEW = 105, {110, 111}, 120, 125
"""What is planted: a vector changed in its last bit, two under each other's id, one in ChromaDB only, one in PostgreSQL only."""

PLANTED = {CHANGED, *SWAPPED, ONLY_OLD, ONLY_NEW}


@dataclass(frozen=True)
class Stores:
    """The check's own table `vectors`, and its own collection. `postgres` is lent to the learner."""

    postgres: Connection
    collection: Collection


@contextmanager
def _stores(stack: Stack, *, planted: bool) -> Iterator[Stores]:
    """The table and the collection with the same vectors, in another order; the planted ones differ. Gone again at the end."""
    from pgvector.psycopg import register_vector

    random = np.random.default_rng(8)
    old = {id: random.standard_normal(DIMENSIONS).astype(np.float32) for id in IDS}
    new = dict(old)
    if planted:
        new[CHANGED] = new[CHANGED].copy()
        new[CHANGED][7] = np.nextafter(new[CHANGED][7], np.float32(9))
        one, other = SWAPPED
        new[one], new[other] = old[other], old[one]
        del new[ONLY_OLD], old[ONLY_NEW]
    chroma = stack.chroma.client()
    if NAME in [collection.name for collection in chroma.list_collections()]:
        chroma.delete_collection(NAME)
    with stack.postgres.connect() as own, stack.postgres.connect() as postgres:
        own.execute("CREATE EXTENSION IF NOT EXISTS vector")
        register_vector(own)
        own.execute(f"DROP SCHEMA IF EXISTS {NAME} CASCADE")
        own.execute(
            f"CREATE SCHEMA {NAME} CREATE TABLE vectors (document_id bigint PRIMARY KEY, embedding public.vector NOT NULL)"
        )
        collection = chroma.create_collection(NAME)
        try:
            with own.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {NAME}.vectors VALUES (%s, %s)", sorted(new.items(), reverse=True))
            shuffled = [int(id) for id in random.permutation(list(old))]
            collection.add(ids=[str(id) for id in shuffled], embeddings=[old[id] for id in shuffled])
            register_vector(postgres)
            postgres.execute(f"SET search_path TO {NAME}, public")
            yield Stores(postgres, collection)
        finally:
            postgres.close()  # a transaction that was left open would hold what is to be dropped
            own.execute(f"DROP SCHEMA {NAME} CASCADE")
            chroma.delete_collection(NAME)


@exercise(
    "08.differences",
    hints=[
        "`old_sums` and `new_sums` are dicts. `a.items()` is a set of pairs: an id and its checksum.",
        "Sets have `a ^ b`: what is in one of the two only. A pair that is the same in both is not in it.",
        "What you return are ids, without their checksums: `{id for id, _ in …}`.",
    ],
    solution="""
        def differences(collection, postgres):
            entries = collection.get(include=["embeddings"])
            pairs = zip(entries["ids"], entries["embeddings"], strict=True)
            old_sums = {int(id): checksum(vector) for id, vector in pairs}
            new_sums = dict(postgres.execute(SUMS).fetchall())
            return {id for id, _ in old_sums.items() ^ new_sums.items()}
    """,
)
def differences(differences: Callable, stack: Stack) -> str:
    """Judge a state with five ids that differ, each in a way of its own, and one with none."""
    with _stores(stack, planted=True) as stage:
        _judge_differences(differences(stage.collection, stage.postgres))
    with _stores(stack, planted=False) as stage:
        if differences(stage.collection, stage.postgres) != set():
            raise NotYet("With the same vectors in both stores, the answer should be the empty set, `set()`.")
    return "Five were planted: one changed by a single bit, two swapped, one in each store alone. You named all of them."


def _judge_differences(answer: object) -> None:
    if isinstance(answer, int | np.integer):
        raise NotYet(f"`{answer}` says whether or how many. Which ones? Return the set of ids.")
    found = expect(answer, set, "Return the set of ids.")
    if found == PLANTED:
        return
    if found and all(isinstance(item, tuple) for item in found):
        raise NotYet("Yours holds pairs of an id and a checksum. Return the ids alone.")
    if found and all(isinstance(item, str) for item in found):
        raise NotYet("Yours holds texts. Return the ids as PostgreSQL writes them, as numbers: `17`, not `'17'`.")
    if found >= set(IDS):
        raise NotYet(
            "You name all 30, and 25 are the same. If you hash ChromaDB's array as it is, it has eight bytes a number: make it "
            "`>f4` first, as `checksum` does. And neither store promises an order: pair by id."
        )
    if not found <= set(IDS):
        raise NotYet(f"`{describe(found - set(IDS))}` is in yours, and no document has such an id. Return the ids.")
    if found - PLANTED:
        raise NotYet(f"{sorted(found - PLANTED)} are the same in both stores, and you name them. Pair by id, not by place.")
    missed = PLANTED - found
    if missed == PLANTED:
        raise NotYet("Five ids differ, and you name none. As many vectors in both stores does not mean the same vectors.")
    if {CHANGED, *SWAPPED} <= missed:
        raise NotYet("You see which ids are missing on either side, and not which vectors differ. Compare the checksums as well.")
    if missed >= SWAPPED:
        raise NotYet(
            "Two vectors stand under each other's id, and you do not see it. Each checksum is somewhere in both stores: compare "
            "pairs of id and checksum."
        )
    if ONLY_OLD in missed and ONLY_NEW in missed:
        raise NotYet("You compare what both have. An id that only one of the stores has is a difference as well.")
    if ONLY_NEW in missed:
        raise NotYet("A vector that only PostgreSQL has is missing in yours. You look from ChromaDB's side: look from both.")
    if ONLY_OLD in missed:
        raise NotYet("A vector that only ChromaDB has is missing in yours: it was never copied. Look from both sides.")
    raise NotYet(
        "One vector differs in a single bit, and you do not see it. A tolerance is right for computed distances. A copy is the "
        "same or it is not: compare the bytes."
    )


Hits = list[tuple[int, float]]

_NOISE = 1e-7
"""By about so much the distances of two stores differ that hold the same vectors."""


def _hits(ids: Sequence[int], distances: Sequence[float], noise: float = 0.0) -> Hits:
    return [(id, distance + noise * (rank - 1.5)) for rank, (id, distance) in enumerate(zip(ids, distances, strict=True))]


_USUAL = (0.1, 0.2, 0.3, 0.4)
_TIED = (0.1, 0.2, 0.2, 0.4)
_EDGE = (0.1, 0.2, 0.3, 0.3)
_EQUAL = (0.2, 0.2, 0.2, 0.2)

_CASES: tuple[tuple[Hits, Hits, bool, str], ...] = (
    (_hits([1, 2, 3, 4], _USUAL), _hits([1, 2, 3, 4], _USUAL), True, "The answers are exactly the same."),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([1, 2, 3, 4], _USUAL, _NOISE),
        True,
        "The same ids, and distances that differ by 0.0000001: two stores compute with different precision. Allow for 0.00001.",
    ),
    (
        _hits([1, 2, 3, 4], _TIED),
        _hits([1, 3, 2, 4], _TIED, _NOISE),
        True,
        "Second and third are equally far, and stand the other way round: a tie. Compare ids as sets, not as lists.",
    ),
    (
        _hits([1, 2, 3, 4], _EDGE),
        _hits([1, 2, 4, 5], _EDGE, _NOISE),
        True,
        "Third and last are equally far, and the stores chose others among equals. At the last place's distance, ids may differ.",
    ),
    (
        _hits([1, 2, 3, 4], _EQUAL),
        _hits([5, 6, 7, 8], _EQUAL, _NOISE),
        True,
        "All are equally far, as the twelve reminders: each store chose others, and both are right.",
    ),
    ([], [], True, "Both found nothing, and so they agree."),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([11, 12, 13, 14], _USUAL),
        False,
        "The distances are the same, the ids are not: the vectors stand under wrong ids. Equal distances alone prove nothing.",
    ),
    (
        _hits([1, 2, 3, 4], _TIED),
        _hits([1, 2, 9, 4], _TIED),
        False,
        "Another id stands in the middle. A tie excuses it only at the last place: 3 is closer than that, and was passed over.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([1, 2, 3, 5], (0.1, 0.2, 0.3, 0.5)),
        False,
        "The last ones differ, and are not equally far: the second store passed over a closer one.",
    ),
    (
        _hits([1, 2, 3, 5], (0.1, 0.2, 0.3, 0.5)),
        _hits([1, 2, 3, 4], _USUAL),
        False,
        "The last ones differ, and are not equally far: the first store passed over a closer one.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([1, 2, 3, 4], (0.1, 0.2, 0.35, 0.4)),
        False,
        "The same ids, and one stands at another distance: its vector is not the same. Compare the distances rank by rank.",
    ),
    (_hits([1, 2, 3, 4], _USUAL), _hits([1, 2, 3], _USUAL[:3]), False, "The second store found one less."),
    (_hits([1, 2, 3], _EQUAL[:3]), _hits([1, 2, 3, 4], _EQUAL), False, "The second store found one more."),
    (_hits([1, 2], _USUAL[:2]), [], False, "The second store found nothing at all."),
)


@exercise(
    "08.same_ten",
    hints=[
        "First the easy ends: different lengths are `False`, and two empty lists are `True`.",
        "`all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new))` compares the distances rank by rank.",
        "The last place is at `old[-1][1]`. The ids that must be in both: those with a distance below it, by more than 1e-5.",
    ],
    solution="""
        def same_ten(old, new):
            if len(old) != len(new):
                return False
            alike = all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new))
            closer_old = {id for id, distance in old if distance < old[-1][1] - 1e-5}
            closer_new = {id for id, distance in new if distance < new[-1][1] - 1e-5}
            return alike and closer_old == closer_new
    """,
)
def same_ten(same_ten: Callable) -> str:
    """Judge pairs of answers: the same, the same but for ties, and different in several ways."""
    for old, new, right, why in _CASES:
        said = expect(same_ten(list(old), list(new)), bool | np.bool_, "Return `True` or `False`.")
        if bool(said) != right:
            raise NotYet(f"For {_shown(old)} and {_shown(new)}, yours says {bool(said)}. {why}")
    return "Now a difference means something. Without ties, a comparison like this is switched off after its third false alarm."


def _shown(hits: Hits) -> str:
    return "[" + ", ".join(f"({id}, {round(distance, 7):g})" for id, distance in hits) + "]"


class _OldDownError(Exception):
    """Raised by the check's old store."""


class _NewDownError(Exception):
    """Raised by the check's new store."""


@dataclass
class _Asked:
    """What the learner's function did with one question."""

    old: int = 0
    new: int = 0
    compared: int = 0
    notes: list[tuple] | None = None
    answer: object = None
    error: Exception | None = None


def _ask(ask_both: Callable, old: object, new: object, same: bool) -> _Asked:
    """Let it ask two stores that give these answers, or raise them, where the comparison says `same`."""
    seen = _Asked(notes=[])

    def read(name: str, gives: object) -> Callable[[object], object]:
        def store(question: object) -> object:
            if question != "Where is the key?":
                raise NotYet(f"A store was asked {describe(question)}. Hand on the question as it is.")
            setattr(seen, name, getattr(seen, name) + 1)
            if isinstance(gives, Exception):
                raise gives
            return gives

        return store

    def compare(first: object, second: object) -> bool:
        seen.compared += 1
        if not isinstance(new, Exception) and (first is not old or second is not new):
            raise NotYet("`same` was not given the two answers, the old one first. Call it with what the stores returned.")
        return same

    try:
        seen.answer = ask_both(
            "Where is the key?", read("old", old), read("new", new), compare, lambda *values: seen.notes.append(values)
        )
    except (_OldDownError, _NewDownError) as error:
        seen.error = error
    return seen


@exercise(
    "08.ask_both",
    hints=[
        "Ask the old store first, outside of any `try`: its errors are the user's, as before.",
        '`try: new = read_new(question)`, `except Exception: note(question, "failed")`, and the comparison in an `else:`.',
        "The last line is `return old`, whatever happened in between.",
    ],
    solution="""
        def ask_both(question, read_old, read_new, same, note):
            old = read_old(question)
            try:
                new = read_new(question)
            except Exception:
                note(question, "failed")
            else:
                if not same(old, new):
                    note(question, "differs")
            return old
    """,
)
def ask_both(ask_both: Callable) -> str:
    """Judge four questions: equal answers, different ones, a new store that fails, and an old one that does."""
    old, new = [(1, 0.1), (2, 0.2)], [(2, 0.2), (1, 0.2)]
    _judge_answered(_ask(ask_both, old, new, same=False), old, new, [("Where is the key?", "differs")])
    _judge_answered(_ask(ask_both, old, new, same=True), old, new, [])
    failed = _ask(ask_both, old, _NewDownError("the new store is down, said by the check"), same=True)
    if failed.error:
        raise NotYet("The new store failed, and so did your function. The user reads the old one, and must not notice.")
    if failed.compared:
        raise NotYet("The new store failed and gave no answer, and you compared one all the same.")
    _judge_answered(failed, old, None, [("Where is the key?", "failed")])
    down = _ask(ask_both, _OldDownError("the old store is down, said by the check"), new, same=False)
    if not isinstance(down.error, _OldDownError):
        raise NotYet(
            "The old store failed, and your function swallowed its error. Users would take that for an answer. Only the new "
            "store's errors are kept from them."
        )
    if down.notes:
        raise NotYet(f"The old store failed, and you noted {describe(down.notes)}. There was nothing to compare: only raise.")
    return "Run this for a week. Then the flag changes for a reason, and not out of hope."


def _judge_answered(seen: _Asked, old: object, new: object, notes: list[tuple]) -> None:
    """Judge one question that the old store has answered."""
    if seen.error:
        raise NotYet(f"Your function raised `{type(seen.error).__name__}`, and the old store had answered.")
    if seen.answer is not old and new is not None and seen.answer is new:
        raise NotYet("You return the new store's answer. In this phase it is only compared: users read the old one.")
    if seen.answer is not old:
        raise NotYet(f"The old store answered, and your function returns {describe(seen.answer)}. Return that answer as it is.")
    if not seen.new:
        raise NotYet("The new store was never asked. So nothing is compared.")
    if seen.old > 1 or seen.new > 1:
        raise NotYet("A store was asked twice for one question. Keep its answer in a variable.")
    if new is not None and not seen.compared:
        raise NotYet("`same` was never called. `==` raises an alarm at each tie: let `same` decide.")
    if len(seen.notes) > len(notes):
        raise NotYet(f"You noted {describe(seen.notes)}. There should be {_notes(notes)}.")
    if len(seen.notes) < len(notes):
        raise NotYet(f"Nothing was noted. There should be {_notes(notes)}: nobody looks at what is not written down.")
    if seen.notes != notes:
        raise NotYet(f"You called `note` with {seen.notes[0]}. It should be {_notes(notes)}.")


def _notes(notes: list[tuple]) -> str:
    return " and ".join(f'note(question, "{what}")' for _, what in notes) or "no note, as the answers are the same"
