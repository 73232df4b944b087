"""A move from beginning to end: look, plan, copy, prove. What it says goes into one report, which is also the JSON."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import Any

from pgvector.psycopg import register_vector

from course.move import nearest, passes
from course.move.errors import RefusedError, explained
from course.move.plan import OPERATORS, TablePlan, plan
from course.move.source import Source, SourceCollection
from course.move.survey import Survey, survey
from course.move.target import Target

Shown = Callable[[str, int], AbstractContextManager[passes.Progress]]
"""`shown("reading documents", 300)` gives what shows the progress."""


@dataclass
class Moving:
    """One collection on its way.

    Attributes:
        state: `new`, `begun` or `done` before this move; or why it cannot be moved.
        passes: what each pass has found; the last one is the proof.
        nearest: what both stores answered to the same questions.
        index: what the index is.
    """

    source: SourceCollection
    survey: Survey
    plan: TablePlan
    state: str
    passes: list[passes.Pass] = field(default_factory=list)
    nearest: nearest.Compared | None = None
    index: str = ""

    @property
    def proven(self) -> bool:
        """Whether both stores have the same entries, and measure the same distances."""
        return bool(self.passes) and self.passes[-1].is_proof and self.nearest is not None and not self.nearest.wrong

    def told(self) -> dict[str, Any]:
        """All of it, for a report."""
        planned = asdict(self.plan)
        return {
            **self.survey.told(),
            "notes": self.survey.notes(),
            **{name: planned[name] for name in ("table", "type", "why")},
            "state": self.state,
            "passes": [one.told() for one in self.passes],
            "nearest": self.nearest and self.nearest.told(),
            "index": self.index,
            "proven": self.proven,
        }


def look(source: Source, target: Target | None, shown: Shown) -> tuple[list[Moving], list[str]]:
    """What is there, what becomes of it, and why it cannot be moved. Nothing is changed on either side.

    Raises:
        StoppedError: a store failed.
    """
    with explained():
        collections = source.collections()
        surveys = []
        for collection in collections:
            with shown(f"looking at {collection.name}", collection.count()) as progress:
                surveys.append(survey(collection, progress))
        unknown = [
            f"{one.collection} is measured by {one.space!r}, which pgvector has not"
            for one in surveys
            if one.space not in OPERATORS
        ]
        plans = plan(surveys, target.known() if target else None)
        states = [target.state(one) if target else "new" for one in plans]
        moving = [Moving(*each) for each in zip(collections, surveys, plans, states, strict=True)]
        occupied = [state for state in states if state not in ("new", "begun", "done")]
        return moving, [*(target.refusals() if target else []), *unknown, *occupied]


def move(moving: list[Moving], target: Target, shown: Shown) -> None:
    """Bring each collection into its table, and prove it. One that an earlier move has finished is only proven again.

    Raises:
        RefusedError: another move is at work there.
        StoppedError: a store failed. The same call goes on from there.
    """
    with explained(), target.alone():
        _see_that_nobody_was_faster(moving, target)
        if any(one.state != "done" for one in moving):
            target.prepare([one.plan for one in moving])
        elif moving:
            register_vector(target.connection)
        for one in moving:
            with shown(f"moving {one.plan.collection}", 2 * one.survey.entries) as progress:
                if one.state == "done":
                    one.passes = [passes.run(one.source, target, one.plan, write=False, progress=progress)]
                else:
                    one.passes = passes.until_proven(one.source, target, one.plan, progress)
            one.nearest = nearest.compare(one.source, target, one.plan)
            if one.proven and one.state != "done":
                one.index = target.finish(one.plan)


def _see_that_nobody_was_faster(moving: list[Moving], target: Target) -> None:
    for one in moving:
        state = target.state(one.plan)
        if state not in (one.state, "new", "begun", "done"):
            raise RefusedError(f"Meanwhile {state}. Nothing was changed. Look at it, then give the command again.")
        one.state = state
