"""Right answers to the exercises of lesson 00 that are not its solutions, and what else its checks promise."""

import pytest

from course.checks import lesson_00 as check
from course.exercises.mistakes import Trial
from course.stack import Stack
from tests.checks.answers import checked


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises; no answer was given yet."""
    redis = stack.redis.client()
    redis.delete(*redis.keys("*crash*"), "dana")
    postgres = stack.postgres.connect()
    row = postgres.execute("SHOW server_version_num").fetchone()
    return {"stack": stack, "lab": stack.private(), "redis": redis, "postgres": postgres, "row": row}


NEEDS = {"00.major_version": ("postgres",), "00.survivor": ("redis",)}

SET = 'lab.redis.client().set("session:crash-test", "dana")'
CRASH = "lab.redis.kill()\nlab.redis.start()"
GET = 'survivor = lab.redis.client().get("session:crash-test")'


def steps(*cells: str) -> str:
    return "\n".join(cells)


RIGHT = {
    "00.major_version": [
        ("all but four letters", "major = int(row[0][:-4])"),
        ("what the client was told", "major = postgres.info.server_version // 10000"),
        ("divmod", "major, _ = divmod(int(row[0]), 10_000)"),
        (
            "rows as dictionaries",
            """
            from psycopg.rows import dict_row

            postgres.row_factory = dict_row
            major = int(postgres.execute("SHOW server_version_num").fetchone()["server_version_num"]) // 10000
            """,
        ),
    ],
    "00.survivor": [
        (
            "one client throughout",
            """
            redis = lab.redis.client()
            redis.set("session:crash-test", "dana")
            lab.redis.kill()
            lab.redis.start()
            survivor = redis.get("session:crash-test")
            """,
        ),
        ("a session that expires", steps(SET.replace('"dana"', '"dana", ex=3600'), CRASH, GET)),
        ("two crashes", steps(SET, CRASH, CRASH, GET)),
        ("as bytes", steps(SET, CRASH, GET, "survivor = survivor.encode()")),
        ("read with getrange", steps(SET, CRASH, 'survivor = lab.redis.client().getrange("session:crash-test", 0, -1)')),
        ("read with mget", steps(SET, CRASH, 'survivor = lab.redis.client().mget("session:crash-test")[0]')),
    ],
}


class ServerOfVersion:
    """Stands in for a connection to a server of another version."""

    def __init__(self, number: int) -> None:
        self.number = number

    def cursor(self, row_factory: object) -> "ServerOfVersion":
        return self

    def execute(self, query: str) -> "ServerOfVersion":
        return self

    def fetchall(self) -> list[tuple[str]]:
        return [(str(self.number),)]


@pytest.mark.parametrize("number", [150015, 180018])
def test_a_major_version_that_equals_the_minor_one_is_right(number: int) -> None:
    trial = Trial("major = int(row[0]) // 10000", "major", [], {}, frozenset(), 5)
    assert check.major_version._judge(number // 10000, ServerOfVersion(number), trial).startswith("PostgreSQL")


def test_a_connection_that_died_with_its_server_says_which_cell_to_run(stack: Stack) -> None:
    with stack.postgres.connect() as postgres:
        stack.postgres.kill()
        stack.postgres.start()
        first, second = check.major_version(18, postgres), check.major_version(18, postgres)
    assert [first.outcome, second.outcome] == ["could not check"] * 2
    assert "run the cell that connects" in first.message
    assert "run the cell that connects" in second.message


def test_a_server_that_was_not_started_again_is_to_be_started(stack: Stack) -> None:
    result = checked("00.survivor", steps(SET, "lab.redis.kill()", "survivor = None"), stack)
    assert result.outcome == "could not check"
    assert "Start it on the board" in result.message


def test_checking_a_right_answer_again_finds_it_right_again(stack: Stack) -> None:
    again = "first = check.survivor(survivor, run_id_before, lab.redis)\nassert first.passed, first"
    assert checked("00.survivor", steps(SET, CRASH, GET, again), stack).passed


def test_a_wrong_answer_is_still_wrong_when_it_is_checked_again(stack: Stack) -> None:
    again = "assert not check.survivor(survivor, run_id_before, lab.redis).passed"
    assert not checked("00.survivor", steps(SET, GET, CRASH, again), stack).passed
