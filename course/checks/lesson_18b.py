"""The exercise of lesson 18b: a statement that lets each shard find its own ten, on two databases that a third one sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, NotYet, Parts, Trial
from course.exercises.stage import Stage

_SHARD = """
    CREATE TABLE documents (id bigint, user_id bigint, title text, embedding vector(2));
    INSERT INTO documents SELECT {first} + 2 * n, {first}, 'note', ARRAY[cos(angle), sin(angle)]::real[]::vector
    FROM (SELECT n, {begin} + n * {step} AS angle FROM generate_series(1, 40) AS n);
"""
"""Forty notes along a circle. The angle of a note says how near it is."""

_HUB = """
    CREATE EXTENSION IF NOT EXISTS postgres_fdw;
    DROP SERVER IF EXISTS north, south CASCADE;
    CREATE TABLE documents (id bigint, user_id bigint, title text, embedding vector(2)) PARTITION BY LIST (user_id);
"""
_FOREIGN = """
    CREATE SERVER {shard} FOREIGN DATA WRAPPER postgres_fdw
        OPTIONS (host {host}, port {port}, dbname {shard_name}, extensions 'vector');
    CREATE USER MAPPING FOR CURRENT_USER SERVER {shard} OPTIONS (user {user}, password {password});
    CREATE FOREIGN TABLE {table} PARTITION OF documents FOR VALUES IN ({user_id}) SERVER {shard} OPTIONS (table_name 'documents');
"""
_QUESTIONS = {"both shards have some of the ten": "[1,0]", "all ten are on south": "[0,1]"}


def _hub(stage: Stage) -> psycopg.Connection:
    """A database that sees two others as shards. Near `[1,0]` lie notes of both, near `[0,1]` those of south alone."""
    stage.database(_SHARD.format(first=1000, begin=0.0, step=0.013), name="north")
    stage.database(_SHARD.format(first=1001, begin=0.001, step=0.04), name="south")
    hub = stage.database(_HUB)
    to = conninfo_to_dict(stage.url)
    for user_id, shard in ((1000, "north"), (1001, "south")):
        words = {name: sql.Literal(to[name]) for name in ("host", "port", "user", "password")}
        names = {"shard": sql.Identifier(shard), "table": sql.Identifier(f"documents_{shard}")}
        hub.execute(sql.SQL(_FOREIGN).format(shard_name=sql.Literal(shard), user_id=sql.Literal(user_id), **words, **names))
    hub.statements.clear()
    return hub


def _scans(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The foreign scans of a plan."""
    if step["Node Type"] == "Foreign Scan":
        yield step
    for below in step.get("Plans", []):
        yield from _scans(below)


def _answered(ten: str, stage: Stage) -> Any:
    """What a statement returns for two questions, and how each shard was asked."""
    hub = _hub(stage)
    found: dict[str, Any] = {}
    try:
        for what, question in _QUESTIONS.items():
            rows = hub.execute(ten, {"question": question}).fetchall()
            found[what.replace(" ", "_")] = [(row[0], *(round(value, 6) for value in row[1:])) for row in rows]
        plan = hub.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {ten}", {"question": "[1,0]"}).fetchall()[0][0][0]["Plan"]
    except psycopg.Error as error:
        said = " ".join(str(error).split("LINE")[0].split())
        why = f"PostgreSQL says: {said}." if error.sqlstate else f"psycopg says: {said}. The vector is `%(question)s`."
        raise NotYet(f"Your statement was refused. {why}") from error
    asked = sorted(scan["Remote SQL"] for scan in _scans(plan))
    ends = [statement.partition("LIMIT ")[2].partition("::")[0] or "no LIMIT" for statement in asked]
    return Parts(found, shards_asked=len(asked), limits_on_the_shards=ends)


_NORTH = "FROM documents_north\n         ORDER BY distance LIMIT 10"
_SOUTH = "FROM documents_south\n         ORDER BY distance LIMIT 10"
_BOTH = "ORDER BY distance LIMIT 10)"


@exercise(
    "18b.ten",
    hints=[
        "Two branches in parentheses with `UNION ALL` between them, each with its own `ORDER BY … LIMIT 10`.",
        "Around both: `SELECT id, distance FROM ( … ) AS both_shards ORDER BY distance LIMIT 10`.",
        "The distance is `embedding <=> %(question)s AS distance`, in each branch.",
    ],
    mistakes=[
        Mistake(
            "no limit for a shard",
            "The ten are right, and no shard is told to stop: neither the `LIMIT` of a search in `documents` nor one around the "
            "branches is pushed down. Each shard needs a branch with a `LIMIT` of its own.",
            code='''
            TEN = """SELECT id, embedding <=> %(question)s AS distance FROM documents ORDER BY distance LIMIT 10"""
            ''',
        ),
        Mistake(
            "no limit in one branch",
            "One shard is asked for its ten, and the other for a list without an end. Each branch needs its own `LIMIT`.",
            old=_SOUTH,
            new="FROM documents_south\n         ORDER BY distance",
        ),
        Mistake(
            "five of each",
            "All ten may lie on one shard, and you take five of each at most. Ask each for ten.",
            old=_BOTH,
            new="ORDER BY distance LIMIT 5)",
        ),
        Mistake(
            "nine of each",
            "All ten may lie on one shard, and you take nine of each at most. Ask each for ten.",
            old=_BOTH,
            new="ORDER BY distance LIMIT 9)",
        ),
        Mistake(
            "more than ten of each",
            "The ten are right, and each shard is asked for more than can be among them. Its own ten are enough: `LIMIT 10`.",
            old=_BOTH,
            new="ORDER BY distance LIMIT 20)",
        ),
        Mistake(
            "likeness and not distance",
            "1 minus the distance is how alike they are: the largest of it is the nearest. Return the distance, which `<=>` "
            "gives.",
            old="embedding <=> %(question)s AS",
            new="1 - (embedding <=> %(question)s) AS",
        ),
        Mistake(
            "distance first",
            "The id comes first, and the distance after it.",
            old="SELECT id, distance FROM (",
            new="SELECT distance, id FROM (",
        ),
        Mistake(
            "a limit without an order",
            "A `LIMIT` without `ORDER BY` takes any ten of a shard. Which ten? The nearest: the order belongs into the branch.",
            old=f"\n         {_BOTH}",
            new=" LIMIT 10)",
        ),
        Mistake(
            "no limit at the end",
            "You return the ten of each shard, which are twenty. Around the branches stands one more `LIMIT`.",
            old="AS both_shards ORDER BY distance LIMIT 10",
            new="AS both_shards ORDER BY distance",
        ),
        Mistake(
            "no order at the end",
            "The branches are sorted, and what `UNION ALL` makes of them is not: you take ten in any order. Around the branches "
            "stands one more `ORDER BY`.",
            old="AS both_shards ORDER BY distance LIMIT 10",
            new="AS both_shards LIMIT 10",
        ),
        Mistake(
            "the farthest",
            "These are the farthest of the ten nearest, or the farthest of all: the smallest distance is the nearest, and `ASC` "
            "is the default.",
            old="AS both_shards ORDER BY distance LIMIT 10",
            new="AS both_shards ORDER BY distance DESC LIMIT 10",
        ),
        Mistake(
            "the farthest of each",
            "The branches take the farthest notes of each shard: the smallest distance is the nearest.",
            old=_BOTH,
            new="ORDER BY distance DESC LIMIT 10)",
        ),
        Mistake(
            "one shard alone",
            "You ask north, and what lies on south is not found.",
            code='''
            TEN = """SELECT id, embedding <=> %(question)s AS distance FROM documents_north ORDER BY distance LIMIT 10"""
            ''',
        ),
        Mistake(
            "the other shard alone",
            "You ask south, and what lies on north is not found.",
            code='''
            TEN = """SELECT id, embedding <=> %(question)s AS distance FROM documents_south ORDER BY distance LIMIT 10"""
            ''',
        ),
        Mistake(
            "the same shard twice",
            "Both branches ask north: its notes are there twice, and those of south are missing.",
            old="documents_south",
            new="documents_north",
        ),
        Mistake(
            "another distance",
            "`<->` is the Euclidean distance. The index, and the lesson's search, are for the cosine distance, `<=>`.",
            old="<=>",
            new="<->",
        ),
        Mistake(
            "similar and not distant",
            "You sort by `1 - distance`, and an index answers only for the operator itself. Return the distance, the nearest "
            "first.",
            code='''
            TEN = """
                SELECT id, similarity FROM (
                    (SELECT id, 1 - (embedding <=> %(question)s) AS similarity FROM documents_north
                     ORDER BY similarity DESC LIMIT 10)
                    UNION ALL
                    (SELECT id, 1 - (embedding <=> %(question)s) AS similarity FROM documents_south
                     ORDER BY similarity DESC LIMIT 10)
                ) AS both_shards ORDER BY similarity DESC LIMIT 10"""
            ''',
        ),
        Mistake(
            "ids alone",
            "The ten are right, and their distances are missing: return id and distance.",
            old="SELECT id, distance FROM",
            new="SELECT id FROM",
        ),
        Mistake(
            "joined and not put below each other",
            "You join the two answers, row by row. Below each other they come with `UNION ALL`.",
            code='''
            TEN = """
                SELECT n.id, n.embedding <=> %(question)s AS distance FROM documents_north n, documents_south s
                ORDER BY distance LIMIT 10"""
            ''',
        ),
    ],
)
def ten(TEN: str, trial: Trial) -> str:
    """Judge the ten for two questions, and what each shard is asked."""
    if not isinstance(TEN, str):
        raise NotYet("`TEN` is a text: SQL with `%(question)s` in it.")
    trial.compare(TEN, _answered)
    return "A third shard is a third branch. Ask each for the ten, since all of them may lie there."
