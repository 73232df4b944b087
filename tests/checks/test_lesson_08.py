"""Answers to the exercises of lesson 08, wrong and right. `test_every_check.py` gives them; what else they promise is here."""

from hashlib import md5

import numpy as np
import pytest

from course import dataset
from course.stack import Stack
from tests.checks.answers import checked

SUMS = "SELECT document_id, md5(substring(vector_send(embedding) FROM 5)) FROM vectors"


def checksum(vector: object) -> str:
    """As in the lesson."""
    return md5(np.asarray(vector, dtype=">f4").tobytes()).hexdigest()


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "np": np, "md5": md5, "SUMS": SUMS, "checksum": checksum, "collection": None, "postgres": None}


def _indented(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))


def changed(usual: str, old: str, new: str) -> str:
    """The usual way, with one thing changed."""
    assert old in usual
    return usual.replace(old, new)


GIVEN = """
entries = collection.get(include=["embeddings"])
pairs = zip(entries["ids"], entries["embeddings"], strict=True)
old_sums = {int(id): checksum(vector) for id, vector in pairs}
new_sums = dict(postgres.execute(SUMS).fetchall())
"""
ARRAYS = """
entries = collection.get(include=["embeddings"])
old = {int(id): vector for id, vector in zip(entries["ids"], entries["embeddings"])}
rows = postgres.execute("SELECT document_id, embedding FROM vectors").fetchall()
new = {id: vector.to_numpy() for id, vector in rows}
"""


def last_line(line: str) -> str:
    return "def differences(collection, postgres):\n" + _indented(GIVEN + line)


def arrays(body: str) -> str:
    return "def differences(collection, postgres):\n" + _indented(ARRAYS + body)


def ten(body: str) -> str:
    return "def same_ten(old, new):\n" + _indented(body)


TEN = """
if len(old) != len(new):
    return False
alike = all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new))
closer_old = {id for id, distance in old if distance < old[-1][1] - 1e-5}
closer_new = {id for id, distance in new if distance < new[-1][1] - 1e-5}
return alike and closer_old == closer_new
"""


def both(body: str) -> str:
    return "def ask_both(question, read_old, read_new, same, note):\n" + _indented(body)


BOTH = """
old = read_old(question)
try:
    new = read_new(question)
except Exception:
    note(question, "failed")
else:
    if not same(old, new):
        note(question, "differs")
return old
"""

WRONG = {
    "08.differences": [
        ("yes or no", last_line("return old_sums != new_sums"), "says whether or how many. Which ones?"),
        ("how many", last_line("return len(old_sums.items() ^ new_sums.items())"), "says whether or how many. Which ones?"),
        ("as many, so the same", last_line("return set() if len(old_sums) == len(new_sums) else set(old_sums)"), "you name none"),
        ("the ids alone", last_line("return old_sums.keys() ^ new_sums.keys()"), "not which vectors differ"),
        (
            "the checksums alone",
            last_line(
                "alone = set(old_sums.values()) ^ set(new_sums.values())\n"
                "return {id for sums in (old_sums, new_sums) for id, sum in sums.items() if sum in alone}"
            ),
            "under each other's id",
        ),
        (
            "from the old side",
            last_line("return {id for id, sum in old_sums.items() if new_sums.get(id) != sum}"),
            "only PostgreSQL has is missing in yours",
        ),
        (
            "from the new side",
            last_line("return {id for id, sum in new_sums.items() if old_sums.get(id) != sum}"),
            "only ChromaDB has is missing in yours",
        ),
        (
            "what both have",
            last_line("return {id for id in old_sums.keys() & new_sums.keys() if old_sums[id] != new_sums[id]}"),
            "You compare what both have",
        ),
        ("pairs", last_line("return old_sums.items() ^ new_sums.items()"), "Return the ids alone"),
        ("a list", last_line("return sorted({id for id, _ in old_sums.items() ^ new_sums.items()})"), "Return the set of ids"),
        ("as texts", last_line("return {str(id) for id, _ in old_sums.items() ^ new_sums.items()}"), "as numbers: `17`"),
        (
            "the array hashed as it came",
            "def differences(collection, postgres):\n"
            + _indented(changed(GIVEN, "checksum(vector)", "md5(vector.tobytes()).hexdigest()"))
            + "\n    return {id for id, _ in old_sums.items() ^ new_sums.items()}",
            "eight bytes a number",
        ),
        (
            "by place",
            last_line(
                "pairs = zip(old_sums.items(), new_sums.items())\n"
                "return {id for a, b in pairs if a != b for id in (a[0], b[0])} | set(old_sums) | set(new_sums)"
            ),
            "neither store promises an order",
        ),
        (
            "sorted, and by place",
            last_line(
                "pairs = zip(sorted(old_sums.items()), sorted(new_sums.items()))\n"
                "return {id for a, b in pairs if a != b for id in (a[0], b[0])}"
            ),
            "are the same in both stores, and you name them",
        ),
        (
            "with a tolerance",
            arrays(
                "both = old.keys() & new.keys()\n"
                "return (old.keys() ^ new.keys()) | {id for id in both if not np.allclose(old[id], new[id])}"
            ),
            "compare the bytes",
        ),
        ("checksums instead of ids", last_line("return set(old_sums.values()) ^ set(new_sums.values())"), "Yours holds texts"),
    ],
    "08.same_ten": [
        ("ids as lists", ten("return [id for id, _ in old] == [id for id, _ in new]"), "Compare ids as sets, not as lists"),
        ("ids as sets", ten("return {id for id, _ in old} == {id for id, _ in new}"), "chose others among equals"),
        ("all of it", ten("return old == new"), "compute with different precision"),
        ("distances exactly", ten(changed(TEN, "abs(a - b) < 1e-5", "a == b")), "compute with different precision"),
        (
            "distances alone",
            ten("return len(old) == len(new) and all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new))"),
            "the vectors stand under wrong ids",
        ),
        (
            "zip forgets the rest",
            ten(changed(TEN, "if len(old) != len(new):\n    return False\n", "")),
            "The second store found one",
        ),
        ("ids alone, but for the last place", ten(changed(TEN, "alike and ", "")), "passed over a closer one"),
        (
            "any tie excuses",
            ten(
                "if len(old) != len(new):\n    return False\n"
                "pairs = list(zip(old, new))\n"
                "tied = {round(a, 4) for n, (_, a) in enumerate(old) if any(abs(a - b) < 1e-5 for _, b in old[:n])}\n"
                "return all(abs(a[1] - b[1]) < 1e-5 and (a[0] == b[0] or round(a[1], 4) in tied) for a, b in pairs)"
            ),
            "A tie excuses it only at the last place",
        ),
        (
            "no tolerance at the last place",
            ten(changed(TEN, " - 1e-5", "")),
            "chose others among equals",
        ),
        ("a set as the answer", ten("return {id for id, _ in old} & {id for id, _ in new}"), "Return `True` or `False`"),
        (
            "half of them is enough",
            ten("return len({id for id, _ in old} & {id for id, _ in new}) >= len(old) / 2"),
            "each store chose others, and both are right",
        ),
        ("always", ten("return True"), "the vectors stand under wrong ids"),
    ],
    "08.ask_both": [
        (
            "returns the new",
            both(changed(BOTH, "return old", "return new if 'new' in locals() else old")),
            "In this phase it is only compared",
        ),
        (
            "the new one fails, and so does it",
            both(
                "old, new = read_old(question), read_new(question)\n"
                'if not same(old, new):\n    note(question, "differs")\nreturn old'
            ),
            "The new store failed, and so did your function",
        ),
        ("never asks the new", both("return read_old(question)"), "The new store was never asked"),
        ("compares with ==", both(changed(BOTH, "not same(old, new)", "old != new")), "let `same` decide"),
        ("notes the wrong way round", both(changed(BOTH, "if not same", "if same")), "Nothing was noted"),
        (
            "always notes",
            both(changed(BOTH, "if not same(old, new):", "if not same(old, new) or True:")),
            "no note, as the answers",
        ),
        ("silent about failures", both(changed(BOTH, 'note(question, "failed")', "pass")), 'note(question, "failed")'),
        (
            "the old one's error swallowed",
            both(
                "old = None\ntry:\n    old = read_old(question)\n    new = read_new(question)\n    if not same(old, new):\n"
                '        note(question, "differs")\nexcept Exception:\n    note(question, "failed")\nreturn old'
            ),
            "swallowed its error",
        ),
        (
            "the new one instead of the old",
            both(
                changed(
                    BOTH,
                    "old = read_old(question)",
                    "try:\n    old = read_old(question)\nexcept Exception:\n    return read_new(question)",
                )
            ),
            "swallowed its error",
        ),
        (
            "the old one's failure noted",
            both(
                changed(
                    BOTH,
                    "old = read_old(question)",
                    'try:\n    old = read_old(question)\nexcept Exception:\n    note(question, "failed")\n    raise',
                )
            ),
            "There was nothing to compare",
        ),
        ("no return", both(changed(BOTH, "return old", "")), "your function returns `None`"),
        ("both answers", both(changed(BOTH, "return old", "return old, new")), "your function returns a tuple"),
        ("asks twice", both(changed(BOTH, "return old", "return read_old(question)")), "asked twice"),
        ("the other way round", both(changed(BOTH, "same(old, new)", "same(new, old)")), "the old one first"),
        (
            "an empty answer for a failed one",
            both(
                "old = read_old(question)\ntry:\n    new = read_new(question)\nexcept Exception:\n    new = []\n"
                '    note(question, "failed")\nif not same(old, new):\n    note(question, "differs")\nreturn old'
            ),
            "gave no answer, and you compared one",
        ),
        ("another word", both(changed(BOTH, '"differs"', '"different"')), 'It should be note(question, "differs")'),
    ],
}
RIGHT = {
    "08.differences": [
        (
            "one id after the other",
            last_line(
                "every = old_sums.keys() | new_sums.keys()\nreturn {id for id in every if old_sums.get(id) != new_sums.get(id)}"
            ),
        ),
        (
            "both sides",
            last_line("return set(dict(old_sums.items() - new_sums.items())) | set(dict(new_sums.items() - old_sums.items()))"),
        ),
        (
            "the vectors themselves",
            arrays(
                "both = old.keys() & new.keys()\n"
                "return (old.keys() ^ new.keys()) | {id for id in both if not np.array_equal(np.float32(old[id]), new[id])}"
            ),
        ),
    ],
    "08.same_ten": [
        (
            "one edge for both",
            ten(
                "if len(old) != len(new):\n    return False\nif not old:\n    return True\n"
                "edge = min(old[-1][1], new[-1][1]) - 1e-5\n"
                "near = [{id for id, d in hits if d < edge} for hits in (old, new)]\n"
                "return near[0] == near[1] and np.allclose([d for _, d in old], [d for _, d in new], rtol=0, atol=1e-5)"
            ),
        ),
        (
            "rounded",
            ten(
                "old, new = ([(id, round(d, 5)) for id, d in hits] for hits in (old, new))\n"
                "if [d for _, d in old] != [d for _, d in new]:\n    return False\n"
                "inside = [{hit for hit in hits if hit[1] < hits[-1][1]} for hits in (old, new)]\n"
                "return inside[0] == inside[1]"
            ),
        ),
    ],
    "08.ask_both": [
        (
            "all of the new in one try",
            both(
                'old = read_old(question)\ntry:\n    if not same(old, read_new(question)):\n        note(question, "differs")\n'
                'except Exception:\n    note(question, "failed")\nreturn old'
            ),
        ),
        (
            "a return in a finally",
            both(
                'old = read_old(question)\ntry:\n    what = None if same(old, read_new(question)) else "differs"\n'
                'except Exception:\n    what = "failed"\nif what:\n    note(question, what)\nreturn old'
            ),
        ),
    ],
}
NEEDS = {"08.differences": ("postgres", "chroma"), "08.same_ten": (), "08.ask_both": ()}


def kept(stack: Stack) -> tuple:
    """Everything that both servers hold."""
    chroma = stack.chroma.client()
    with stack.postgres.connect() as postgres:
        tables = postgres.execute("SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2").fetchall()
    return tables, {collection.name: collection.count() for collection in chroma.list_collections()}


def test_the_check_leaves_both_stores_as_they_were_whatever_the_answer(stack: Stack) -> None:
    with stack.postgres.connect() as postgres:
        postgres.execute("CREATE EXTENSION IF NOT EXISTS vector")
    before = kept(stack)
    assert before[1][dataset.COLLECTION] == len(dataset.documents())
    for _, code, *_ in [*WRONG["08.differences"], *RIGHT["08.differences"]]:
        checked("08.differences", code, stack)
    assert kept(stack) == before


def test_a_check_after_one_that_was_interrupted_begins_anew(stack: Stack) -> None:
    with stack.postgres.connect() as postgres:
        postgres.execute("CREATE SCHEMA check_08 CREATE TABLE vectors (id int)")
    stack.chroma.client().create_collection("check_08")
    assert checked("08.differences", RIGHT["08.differences"][0][1], stack).passed


@pytest.mark.parametrize("answer", [True, np.True_])
def test_a_truth_value_of_numpy_counts(answer: object, stack: Stack) -> None:
    result = checked("08.same_ten", f"def same_ten(old, new):\n    return np.bool_({answer})", stack)
    assert "Return `True` or `False`" not in result.message
