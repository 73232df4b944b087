"""What the command says: what is there, what becomes of it, and the proof."""

from __future__ import annotations

from collections.abc import Sequence

from course.move.mover import Moving
from course.move.source import Source
from course.move.survey import Survey


def seen(source: Source, moving: Sequence[Moving]) -> str:
    """What is there."""
    how = "a copy of it, which nobody writes to" if source.is_copy else "the server, which others may write to meanwhile"
    lines = [f"{source.name} ({how}): {len(moving)} collections"]
    for one in moving:
        lines += ["", *_of(one.survey)]
    if source.others:
        lines += ["", f"Left out are the databases {', '.join(source.others)}: name one with --database."]
    return "\n".join(lines)


def _of(survey: Survey) -> list[str]:
    size = f"{survey.dimension} numbers, {survey.space}" if survey.dimension else f"{survey.space}, empty"
    model = f", made with {survey.model}" if survey.model else ""
    lines = [f"  {survey.collection}: {survey.entries:,} entries, {size}{model}"]
    if survey.ids:
        lines.append(f"    ids: {', '.join(f'{count:,} {kind}' for kind, count in sorted(survey.ids.items()))}")
    for name, types in list(survey.keys.items())[:10]:
        lines.append(f"    {name!r}: {', '.join(f'{count:,} {kind}' for kind, count in sorted(types.items()))}")
    more = len(survey.keys) - 10
    if more > 0 or survey.more_keys:
        lines.append(f"    and more keys: the report names {len(survey.keys)}")
    return lines + [f"    ! {note}" for note in survey.notes()]


def planned(schema: str, moving: Sequence[Moving]) -> str:
    """What becomes of it."""
    lines = ["", f"The plan, in the schema {schema}:"]
    states = {"new": "", "begun": "; it goes on where it stopped", "done": "; it is there already, and only proven again"}
    for one in moving:
        index = f"hnsw on {one.plan.index} by {one.plan.operator}" if one.plan.index else "no index"
        why = f" ({one.plan.why})" if one.plan.why else ""
        state = states.get(one.state, f": refused, {one.state}")
        lines.append(f"  {one.plan.collection} -> {one.plan.table}: {one.plan.type}, {index}{why}{state}")
    return "\n".join(lines)


def proof(moving: Sequence[Moving]) -> str:
    """What was proven, and what not."""
    lines = ["", "The proof:"]
    for one in moving:
        last, near = one.passes[-1], one.nearest
        assert near is not None
        said = "the same, entry by entry" if last.is_proof else _differs(one)
        lines.append(f"  {one.plan.table}: {last.read:,} entries, {last.rows:,} rows: {said}")
        if near.probes:
            explained = {
                "tied": near.tied,
                "missed by ChromaDB's index": near.farther,
                "zero vectors": near.without_distance,
                "WRONG": near.wrong,
            }
            rest = "".join(f", {count} {what}" for what, count in explained.items() if count)
            lines.append(
                f"    nearest ten of {near.probes} questions by {one.plan.operator}: {near.same} of {near.entries} the same{rest}"
            )
        if one.index:
            lines.append(f"    {one.index}")
    return "\n".join(lines)


def _differs(one: Moving) -> str:
    last = one.passes[-1]
    what = f"{last.lacking} lacked, {last.different} differed, {last.gone} were gone from ChromaDB"
    if one.state == "done":
        return f"{what}. An earlier move had finished it, so nothing was changed: what PostgreSQL has since is yours"
    return f"NOT YET the same: {what} in the last of {len(one.passes)} passes. Somebody writes there: stop that, and move again"
