"""The exercise of lesson 01: rows in the order of their ranks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course.exercises.check import exercise
from course.exercises.kinds import describe
from course.exercises.mistakes import Mistake, Trial
from course.exercises.stage import Stage

ROWS = [{"id": id, "title": f"Document {id}"} for id in (1021, 1003, 1055, 1008, 1034)]
RANKED = [1034, 1003, 1055, 1008, 1021]

_SOLVED = """row_of = {row["id"]: row for row in rows}
    return [row_of[id] for id in doc_ids if id in row_of]"""


def _instead(body: str) -> str:
    """The solution's function with another body."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return f"def in_order(doc_ids, rows):\n{lines}"


_SKIPPED_AT_THE_FIRST = """
row_of, found = {row["id"]: row for row in rows}, []
for id in doc_ids:
    if id not in row_of:
        break
    found.append(row_of[id])
return found
"""


@exercise(
    "01.in_order",
    hints=[
        "Looking for each id in the list of rows works, and is slow for long lists. A dict from id to row finds it at once.",
        "`{row['id']: row for row in rows}` is that dict. Then go through `doc_ids`, and take those that are in it.",
    ],
    mistakes=[
        Mistake(
            "the rows as they came",
            "This is the order in which the rows came. Follow `doc_ids`: its first element is the closest.",
            code=_instead("return rows"),
        ),
        Mistake(
            "by id",
            "This is the order of the ids. A smaller id is an older document, not a closer one: follow `doc_ids`.",
            code=_instead("return sorted(rows, key=lambda row: row['id'])"),
        ),
        Mistake(
            "by id, the largest first",
            "This is the reverse order of the ids. `doc_ids` has the ranks: its first element is the closest.",
            code=_instead("return sorted(rows, key=lambda row: -row['id'])"),
        ),
        Mistake(
            "the farthest first",
            "This is `doc_ids` backwards: the farthest first. Its first element is the closest, and comes first.",
            old="for id in doc_ids if",
            new="for id in doc_ids[::-1] if",
        ),
        Mistake(
            "through a set",
            "A set has no order of its own, and the ranks are lost in it. Go through `doc_ids` itself.",
            old="for id in doc_ids if",
            new="for id in set(doc_ids) if",
        ),
        Mistake(
            "the ids",
            "Those are ids. Return the rows themselves: the reader of the answer wants titles, not numbers.",
            old="[row_of[id] for",
            new="[id for",
        ),
        Mistake(
            "the titles alone",
            "Those are titles. Return the rows as they came: who uses the answer wants the whole document.",
            old="[row_of[id] for",
            new="[row_of[id]['title'] for",
        ),
        Mistake(
            "pairs",
            "Those are pairs of id and row. The id is in the row already: return the rows alone.",
            old="[row_of[id] for",
            new="[(id, row_of[id]) for",
        ),
        Mistake(
            "the dict",
            "That is the dict that helps to find the rows. Return a list: the caller goes through it from first to last.",
            code=_instead("return {row['id']: row for row in rows}"),
        ),
        Mistake(
            "numbers compared with texts",
            "No row is found. Compare the ids in `doc_ids` with each row's `id`, number with number: `1003` and "
            "`'1003'` differ, and an id is no place in `rows`.",
            old='{row["id"]: row',
            new='{str(row["id"]): row',
        ),
        Mistake(
            "the closest one only",
            "That is one row, and five were found. The reader gets them all, the closest first.",
            old="for id in doc_ids if",
            new="for id in doc_ids[:1] if",
        ),
        Mistake(
            "stops when one is gone",
            "Right while every document is there. An id without a row stops it: a document that was deleted should be left out.",
            old=" if id in row_of]",
            new="]",
        ),
        Mistake(
            "stops when one is gone, by position",
            "Right while every document is there. For one that was deleted, the list of the rows that fit is empty and has no "
            "first element: leave it out.",
            code=_instead("return [[row for row in rows if row['id'] == id][0] for id in doc_ids]"),
        ),
        Mistake(
            "stops when one is gone, by next",
            "Right while every document is there. `next(…)` has nothing to give for a document that was deleted: leave it out.",
            code=_instead("return [next(row for row in rows if row['id'] == id) for id in doc_ids]"),
        ),
        Mistake(
            "None when one is gone",
            "For an id without a row there is a `None` in your list. Leave it out: the caller expects rows.",
            old="row_of[id] for id in doc_ids if id in row_of",
            new="row_of.get(id) for id in doc_ids",
        ),
        Mistake(
            "an empty row when one is gone",
            "For an id without a row there is an empty dict in your list. Leave it out: the caller expects a title in each.",
            old="row_of[id] for id in doc_ids if id in row_of",
            new="row_of.get(id, {}) for id in doc_ids",
        ),
        Mistake(
            "ends where one is gone",
            "What comes after the missing document is missing too. Pass over that one, and go on.",
            code=_instead(_SKIPPED_AT_THE_FIRST),
        ),
        Mistake(
            "nothing when one is gone",
            "One document is gone, and nothing comes back. The others are still the answer.",
            code=_instead("""
row_of = {row["id"]: row for row in rows}
return [row_of[id] for id in doc_ids] if all(id in row_of for id in doc_ids) else []
"""),
        ),
        Mistake(
            "by place in the list",
            "You put the rows together with the ids by their place. When one row is missing, all behind it move up: go by `id`.",
            code=_instead("""
places = {id: at for at, id in enumerate(sorted(doc_ids))}
rows = sorted(rows, key=lambda row: row["id"])
return [rows[places[id]] for id in doc_ids if places[id] < len(rows)]
"""),
        ),
        Mistake(
            "all as they came when one is gone",
            "One document is gone, and the others are in the order in which they came. Pass over that one, and keep the ranks.",
            code=_instead("""
row_of = {row["id"]: row for row in rows}
return [row_of[id] for id in doc_ids] if all(id in row_of for id in doc_ids) else rows
"""),
        ),
        Mistake(
            "paired by place",
            "You pair the first id with the first row, and so on. The rows come in any order: find each by its `id`.",
            code=_instead("return [row for _, row in sorted(zip(doc_ids, rows), key=lambda pair: pair[0])]"),
        ),
        Mistake(
            "five at most",
            "Some are missing. Nothing in the task limits how many: five is what Dana's question found.",
            old="if id in row_of]",
            new="if id in row_of][:5]",
        ),
        Mistake(
            "None for none",
            "Without ids there is no document, and still an answer: an empty list.",
            old=_SOLVED,
            new=f"if not doc_ids:\n        return None\n    {_SOLVED}",
        ),
        Mistake("not returned", "Nothing comes back: a `return` is missing.", old="return [row_of", new="[row_of"),
        Mistake(
            "sorts the caller's list",
            "`sort` changes the caller's own list of rows, and returns nothing. `sorted(…)` gives a new one.",
            code=_instead("return rows.sort(key=lambda row: doc_ids.index(row['id']))"),
        ),
    ],
)
def in_order(in_order: Callable, trial: Trial) -> str:
    """Judge the order on ranks that are neither ascending nor descending, with a document gone, and with none."""

    def observe(doc_ids: list[int], rows: list[dict]) -> Callable[[Callable, Stage], Any]:
        return lambda in_order, stage: _rows(in_order(list(doc_ids), [dict(row) for row in rows]))

    shown = ", ".join(map(str, RANKED))
    trial.compare(in_order, observe(RANKED, ROWS), f"For the ranks {shown}, you return {{found}}.")
    gone = [row for row in ROWS if row["id"] != RANKED[1]]
    trial.compare(in_order, observe(RANKED, gone), f"For the ranks {shown}, and no row for {RANKED[1]}, you return {{found}}.")
    seven = [*RANKED, 1040, 1013]
    many = [*ROWS, *({"id": id, "title": f"Document {id}"} for id in (1013, 1040))]
    trial.compare(in_order, observe(seven, many), "For seven ranks and seven rows, you return {found}.")
    trial.compare(in_order, observe([], []), "For no ids and no rows, you return {found}.")
    return "The join by hand is repaired. In SQL it would be one `ORDER BY`; lesson 09 writes it."


def _is_row(item: Any) -> bool:
    return isinstance(item, dict) and item.keys() == {"id", "title"} and item["title"] == f"Document {item['id']}"


def _rows(answer: Any) -> Any:
    """The answer, with the ids in place of whole rows."""
    if not isinstance(answer, list):
        return answer
    return [item["id"] if _is_row(item) else item if item is None else f"something else: {describe(item)}" for item in answer]
