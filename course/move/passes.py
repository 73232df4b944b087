"""Brings a collection into its table, pass by pass, until a pass finds that nothing is left to do: that last one is the proof.

A pass reads every entry and compares it with its row, read back from PostgreSQL: checksum against checksum. What lacks or differs
is written, a page in one transaction. So a move that was killed goes on by itself, and one of a server that is written to
meanwhile catches up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from course.move.entries import key
from course.move.plan import TablePlan
from course.move.source import SourceCollection
from course.move.target import Target

MOST_PASSES = 8
"""After so many, somebody writes faster than we read."""

Progress = Callable[[int], None]


@dataclass
class Pass:
    """What a pass has found.

    Attributes:
        read: entries of ChromaDB.
        same, lacking, different: how many of them PostgreSQL had alike, had not, or had otherwise, before the pass wrote.
        gone: rows whose entries ChromaDB has no longer.
        source, target: the checksum of all entries read, and of the rows that stood for them. The order does not count.
        rows: how many rows the table has after the pass.
    """

    read: int = 0
    same: int = 0
    lacking: int = 0
    different: int = 0
    gone: int = 0
    source: int = 0
    target: int = 0
    rows: int = 0

    @property
    def is_proof(self) -> bool:
        """Whether both stores have the same entries, and nothing was left to do."""
        return self.read == self.same == self.rows and self.source == self.target

    def told(self) -> dict[str, Any]:
        """All of it, for a report."""
        return {**asdict(self), "source": f"{self.source:064x}", "target": f"{self.target:064x}", "is_proof": self.is_proof}


def run(collection: SourceCollection, target: Target, plan: TablePlan, *, write: bool, progress: Progress) -> Pass:
    """Go through the collection once. With `write`, what lacks, differs or is gone is put right; without, nothing is changed."""
    done = Pass()
    for ids in collection.ids():
        entries = collection.entries(ids)
        rows = target.entries(plan, [entry.key for entry in entries])
        to_write = []
        for entry in entries:
            row, digest = rows.get(entry.key), entry.digest
            done.source ^= int.from_bytes(digest)
            if row is None:
                done.lacking += 1
            else:
                theirs = row.digest
                done.target ^= int.from_bytes(theirs)
                done.same += theirs == digest
                done.different += theirs != digest
            if row is None or row.digest != digest:
                to_write.append(entry)
        if write and to_write:
            target.write(plan, to_write)
        done.read += len(entries)
        progress(len(entries))
    done.rows = target.rows(plan)
    if done.rows != (done.read if write else done.same + done.different):
        _look_for_gone(collection, target, plan, done, write=write)
    return done


def _look_for_gone(collection: SourceCollection, target: Target, plan: TablePlan, done: Pass, *, write: bool) -> None:
    """Ask ChromaDB for the ids of all rows; one that it has no longer was deleted there."""
    last = b""
    while listed := target.ids_after(plan, last, collection.page):
        there = collection.has(list(listed.values()))
        gone = [key(id) for id in listed.values() if id not in there]
        if write and gone:
            target.write(plan, [], gone)
        done.gone += len(gone)
        last = max(listed)
    done.rows = target.rows(plan)


def until_proven(collection: SourceCollection, target: Target, plan: TablePlan, progress: Progress) -> list[Pass]:
    """Run passes until one is the proof, or until there were too many. The last one tells."""
    passes: list[Pass] = []
    while len(passes) < MOST_PASSES:
        passes.append(run(collection, target, plan, write=True, progress=progress))
        if passes[-1].is_proof and passes[-1].read == collection.count():
            break
    return passes
