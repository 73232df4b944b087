"""The exercise of lesson 06: choosing a distance's operator for a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from psycopg import sql

from course.checks.plane import PLANE, POINT
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, NotYet, Trial
from course.exercises.stage import Stage

DRONE = "a drone's way to the nearest landing place"
TAXI = "a taxi's way to it, on a grid of streets"
TEXTS = "texts on the same topic, whatever their vectors' lengths"
FILMS = "films for a taste, where a longer vector is a better film"

OPERATOR = {DRONE: "<->", TAXI: "<+>", TEXTS: "<=>", FILMS: "<#>"}

CONFUSED = {
    (DRONE, "<+>"): "`<+>` adds up the ways along x and along y, as streets make one go. A drone flies straight.",
    (
        DRONE,
        "<=>",
    ): "`<=>` looks at the angle alone: a place far away in the same direction would be at distance 0. A drone flies "
    "straight to a place.",
    (DRONE, "<#>"): "`<#>` multiplies, so a place far away wins over a near one. A drone flies the straight line.",
    (TAXI, "<->"): "`<->` is the straight line, through the blocks. A taxi's ways along x and along y add up.",
    (TAXI, "<=>"): "`<=>` looks at the angle alone: how far away a place is does not count. A taxi's ways along x and y add up.",
    (TAXI, "<#>"): "`<#>` multiplies, so a place far away wins over a near one. A taxi's ways along x and along y add up.",
    (
        TEXTS,
        "<->",
    ): "`<->` measures from end to end: a longer vector of the same direction is far away. Only the direction should count here.",
    (TEXTS, "<+>"): "`<+>` adds up differences, and a longer vector of the same direction has large ones. Only the direction "
    "should count here.",
    (
        TEXTS,
        "<#>",
    ): "`<#>` multiplies, and a long vector wins over one of a closer direction. Only the direction should count here.",
    (FILMS, "<->"): "`<->` measures from end to end, and a film that is better than the taste asks for is far away. A greater "
    "length should help here.",
    (FILMS, "<+>"): "`<+>` adds up differences: a longer vector has larger ones. A greater length should help here.",
    (FILMS, "<=>"): "`<=>` looks at the angle alone, and a poor film of the same direction is as good as a great one. A greater "
    "length should help here, beside the direction.",
}
"""What is said when an operator is taken for another's task."""


@exercise(
    "06.operator_for",
    hints=[
        "Two of them measure a way between two places. Which one goes along the axes?",
        "Two of them look at the angle. One of these also looks at the length: a longer vector gives a larger product.",
    ],
    mistakes=[
        Mistake(f"{taken} for {task}", said, old=f'"{task}": "{OPERATOR[task]}"', new=f'"{task}": "{taken}"')
        for (task, taken), said in CONFUSED.items()
    ],
)
def operator_for(operator_for: dict, trial: Trial) -> str:
    """Judge each operator by the vector that it puts first, where each of the four puts another one."""
    for task in OPERATOR:
        trial.compare(
            operator_for, _first(task), f'For "{task}", your operator puts the vector {{found}} first, seen from {POINT}.'
        )
    return "You chose by what is meant. On vectors of length 1, three of the four would have ranked alike by luck."


def _first(task: str) -> Callable[[dict, Stage], Any]:
    """An observation: the vector that the operator for this task puts first."""

    def observed(operator_for: dict, stage: Stage) -> Any:
        operator = _operator(operator_for, task)
        stage.database("CREATE TABLE plane (name text, v vector(2))")
        with stage.own.cursor() as cursor:
            cursor.executemany("INSERT INTO plane VALUES (%s, %s)", [(name, np.array(v)) for name, v in PLANE.items()])
        query = sql.SQL("SELECT name FROM plane ORDER BY v {} %s LIMIT 1").format(sql.SQL(operator))
        ((name,),) = stage.own.execute(query, [np.array(POINT)]).fetchall()
        return PLANE[name]

    return observed


def _operator(operator_for: dict, task: str) -> str:
    if task not in operator_for:
        raise NotYet(f'The task "{task}" is missing. Keep the four tasks as they are, and change only what stands after them.')
    chosen, known = operator_for[task], ", ".join(f"`{name}`" for name in OPERATOR.values())
    if not isinstance(chosen, str):
        raise NotYet(f'An operator is a text, such as `"<->"`, also for "{task}". Yours is {chosen!r}.')
    if chosen.strip() not in OPERATOR.values():
        raise NotYet(f'For "{task}" you have `{chosen}`. pgvector\'s four for such vectors are {known}.')
    return chosen.strip()
