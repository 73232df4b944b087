"""Right answers to the exercise of lesson 14. The wrong ones stand with its checks; `test_every_check.py` gives them all."""

import itertools

from course.checks.lesson_14 import DECIDED, PROJECTS, ROW_MISTAKES, ROWS, VERDICT_MISTAKES, VERDICTS
from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercise."""
    return {"stack": stack}


def test_every_other_decision_and_every_row_has_a_sentence_of_its_own() -> None:
    others = {(name, verdict) for name in PROJECTS for verdict in VERDICTS if verdict != DECIDED[name][0]}
    assert set(VERDICT_MISTAKES) == others
    assert set(ROW_MISTAKES) == set(itertools.product(PROJECTS, ROWS))
    assert {verdict for verdict, _ in DECIDED.values()} == set(VERDICTS)


RIGHT = {
    "14.decisions": [
        (
            "lists, in another order, and another way to write ChromaDB",
            """
            decisions = {
                "Pictures": ["another", ["features", "scale"]],
                "Recipes": ["chroma", ["prototype", "deployment"]],
                "Deliveries": ["PGVECTOR", ["joins", "deployment", "transactions", "postgres"]],
            }
            """,
        ),
        (
            "frozensets",
            """
            decisions = dict(
                Recipes=("ChromaDB", frozenset(["deployment", "prototype"])),
                Deliveries=("pgvector", frozenset("postgres joins transactions deployment".split())),
                Pictures=("another", frozenset(["scale", "features"])),
            )
            """,
        ),
        (
            "made in a loop, with a note beside them",
            """
            reasons = {
                "Recipes": "deployment, prototype",
                "Deliveries": "postgres, joins, transactions, deployment",
                "Pictures": "scale, features",
            }
            decisions = {"asked on": "Friday"}
            for (name, text), verdict in zip(reasons.items(), ["ChromaDB", "pgvector", "another"]):
                decisions[name] = verdict, tuple(text.split(","))
            """,
        ),
    ],
}
