"""The exercise of lesson 04: finding orphans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course.checks.two_stores import TABLES, dana, documents
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Trial
from course.exercises.stage import Stage

__all__ = ["dana", "orphans"]


@exercise(
    "04.orphans",
    hints=[
        "Both stores can list their ids: `collection.get(include=[])`, and `SELECT id FROM documents`.",
        "Two sets have a difference: `a - b` is what is in `a` and not in `b`.",
        'ChromaDB says `"17"` and PostgreSQL says `17`. Turn one kind into the other: `str(17)`.',
    ],
    mistakes=[
        Mistake(
            "the wrong way round",
            "Those ids are in PostgreSQL and not in ChromaDB: rows without vectors. An orphan is the reverse.",
            old="in_chroma - in_postgres",
            new="in_postgres - in_chroma",
        ),
        Mistake(
            "numbers and texts compared",
            'That is all that ChromaDB has. Its ids are text, PostgreSQL\'s are numbers, and `17 != "17"`. A row of PostgreSQL '
            "is a tuple besides: `(17,)`. And the ids are those of `documents`, of no other table.",
            old="str(row[0])",
            new="row[0]",
        ),
        Mistake(
            "Dana's only",
            "Right for Dana. An orphan of another user's is missing: compare all ids.",
            code="""
            def orphans(collection, postgres):
                return set(collection.get(where={"user_id": dana}, include=[])["ids"])
            """,
        ),
        Mistake(
            "how many",
            "That is how many. Which ones? Return the set of ids.",
            old="return in_chroma - in_postgres",
            new="return len(in_chroma - in_postgres)",
        ),
        Mistake(
            "a list",
            "Those are the ones. Return them as a set: ids have no order, and none comes twice.",
            old="return in_chroma - in_postgres",
            new="return sorted(in_chroma - in_postgres)",
        ),
        Mistake(
            "as numbers",
            "The right ones, as numbers. Return them as ChromaDB writes them, as text: with these ids it can delete them.",
            old="return in_chroma - in_postgres",
            new="return {int(id) for id in in_chroma - in_postgres}",
        ),
        Mistake(
            "both sides",
            "Among yours is 901, a row without a vector. You take what is in one store only, whichever: take one side.",
            old="in_chroma - in_postgres",
            new="in_chroma ^ in_postgres",
        ),
        Mistake(
            "asks PostgreSQL for Dana's",
            "You found none. If you asked PostgreSQL which documents are hers, the cascade had taken them: ask ChromaDB what it "
            "has, and take away what PostgreSQL has.",
            code="""
            def orphans(collection, postgres):
                return {str(id) for (id,) in postgres.execute("SELECT id FROM documents WHERE user_id = %s", [dana])}
            """,
        ),
        Mistake(
            "peeks",
            "Some are missing. `peek` and `query` show only some entries: `get` without a filter lists all.",
            old="collection.get(include=[])",
            new="collection.peek()",
        ),
        Mistake(
            "deletes them as well",
            "Your function deleted them. Finding and deleting are two things: look first, and tell. Return the set.",
            old="return in_chroma - in_postgres",
            new='found = in_chroma - in_postgres; collection.delete(ids=list(found) or ["none"]); return found',
        ),
        Mistake(
            "None for none",
            "With no orphan in the collection, the answer should be the empty set, `set()`.",
            old="in_chroma - in_postgres",
            new="(in_chroma - in_postgres) or None",
        ),
        Mistake(
            "no return",
            "Your function finds them and keeps them for itself: `return` is missing.",
            old="return in_chroma",
            new="in_chroma",
        ),
        Mistake(
            "the parts of the answer",
            "Those are the parts of ChromaDB's answer, a dict. The ids stand under its key `ids`.",
            old='["ids"]',
            new="",
        ),
        Mistake(
            "one row of PostgreSQL",
            "You take one row from PostgreSQL, and so nearly all of ChromaDB seems to be orphans. `fetchone` gives one, "
            "`fetchall` gives all.",
            old='postgres.execute("SELECT id FROM documents")}',
            new='[postgres.execute("SELECT id FROM documents").fetchone()]}',
        ),
        Mistake(
            "what both have",
            "Those are in both stores: `&` is what two sets share. Asked for is what one has and the other has not: `-`.",
            old="in_chroma - in_postgres",
            new="in_chroma & in_postgres",
        ),
    ],
)
def orphans(orphans: Callable, trial: Trial) -> str:
    """Judge a state with orphans of two users and a row without a vector, and one without any."""

    def with_orphans(orphans: Callable, stage: Stage) -> Any:
        postgres = stage.database(TABLES)
        collection = documents(stage)
        stage.own.execute("DELETE FROM users WHERE id = 4")
        stage.own.execute("DELETE FROM documents WHERE id = 133")
        stage.own.execute("INSERT INTO documents (id, user_id, title, content) VALUES (901, 1, 'Alone', 'Without a vector')")
        return orphans(collection, postgres)

    def without(orphans: Callable, stage: Stage) -> Any:
        postgres = stage.database(TABLES)
        return orphans(documents(stage), postgres)

    state = "Dana is deleted, another user's document is too, and one row has no vector yet."
    trial.compare(orphans, with_orphans, f"{state} You return {{found}}.")
    trial.compare(orphans, without, "Every vector has its row. You return {found}.")
    return "Run every night, this is the first half of a reconciliation job."
