"""Answers to the exercises of lesson 00, wrong and right. `test_every_check.py` gives them; what else they promise is here."""

import pytest

from course.checks import lesson_00 as check
from course.stack import Stack
from tests.checks.answers import checked


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises; no answer was given yet."""
    redis = stack.redis.client()
    redis.delete(*redis.keys("*crash*"), "nothing")
    return {"stack": stack, "lab": stack.private(), "redis": redis}


SET = 'lab.redis.client().set("session:crash-test", "dana")'
CRASH = "lab.redis.kill()\nlab.redis.start()"
GET = 'survivor = lab.redis.client().get("session:crash-test")'


def steps(*cells: str) -> str:
    return "\n".join(cells)


WRONG = {
    "00.major_version": [
        ("the whole row", "major = row", "the whole row, a tuple"),
        ("still text", "major = row[0]", "Turn it into a number"),
        ("its first digits as text", "major = row[0][:2]", "Turn it into a number"),
        ("minor version not divided off", "major = int(row[0])", "major and minor version in one number"),
        ("divided with /", "major = int(row[0]) / 10000", "`//` divides and drops the remainder"),
        ("the remainder", "major = int(row[0]) % 10000", "is the minor version, the last four digits"),
        ("rounded down to a float", "major = float(row[0]) // 10000", "is a float"),
        ("a float, too few digits off", "major = float(row[0]) // 1000", "Without its last four digits"),
        ("too few digits off", "major = int(row[0]) // 1000", "Without its last four digits"),
        ("from memory", "major = 17", "Without its last four digits"),
        ("true", "major = True", "Without its last four digits"),
    ],
    "00.survivor": [
        ("never set", steps(CRASH, GET), "what was never written cannot survive"),
        ("never crashed", steps(SET, GET), "the same run of the server"),
        ("crashed first", steps(CRASH, SET, GET), "a `set` after the restart"),
        ("set twice", steps(SET, CRASH, SET, GET), "a `set` after the restart"),
        ("read before the crash", steps(SET, GET, CRASH), "is from before"),
        ("typed in", steps(SET, CRASH, 'survivor = "dana"'), "is from before"),
        ("stopped, not killed", steps(SET, "lab.redis.stop()\nlab.redis.start()", GET), "A crash gives none"),
        ("what set answered", steps("survivor = " + SET, CRASH), "That is what `set` answered"),
        ("read under another name", steps(SET, CRASH, 'survivor = lab.redis.client().get("crash-test")'), "under another name"),
        (
            "the key without its first word",
            'lab.redis.client().set("crash-test", "dana")\n' + CRASH + '\nsurvivor = lab.redis.client().get("crash-test")',
            "the word before the colon",
        ),
        ("another value", steps(SET.replace('"dana"', '"Dana"'), CRASH, GET), "It should hold `dana`"),
        (
            "a hash",
            steps('lab.redis.client().hset("session:crash-test", "user", "dana")', CRASH, 'survivor = "dana"'),
            "is a hash. One text is enough",
        ),
        ("whether it is there", steps(SET, CRASH, GET.replace("get(", "exists(")), "Put what `get` returns"),
    ],
}
RIGHT = {
    "00.major_version": [
        ("all but four letters", "major = int(row[0][:-4])"),
        ("what the client was told", "major = postgres.info.server_version // 10000"),
        ("divmod", "major, _ = divmod(int(row[0]), 10_000)"),
    ],
    "00.survivor": [
        ("one client throughout", f"redis = lab.redis.client()\nredis.set('session:crash-test', 'dana')\n{CRASH}\n"
         "survivor = redis.get('session:crash-test')"),
        ("a session that expires", steps(SET.replace('"dana"', '"dana", ex=3600'), CRASH, GET)),
        ("two crashes", steps(SET, CRASH, CRASH, GET)),
        ("as bytes", steps(SET, CRASH, GET, "survivor = survivor.encode()")),
    ],
}  # fmt: skip
NEEDS = {"00.major_version": ("postgres",), "00.survivor": ("redis",)}


class ServerOfVersion:
    """Stands in for a connection to a server of another version."""

    def __init__(self, number: int) -> None:
        self.number = number

    def execute(self, query: str) -> "ServerOfVersion":
        return self

    def fetchone(self) -> tuple[str]:
        return (str(self.number),)


@pytest.mark.parametrize("number", [150015, 180018])
def test_a_major_version_that_equals_the_minor_one_is_right(number: int) -> None:
    assert check.major_version._judge(number // 10000, ServerOfVersion(number)).startswith("PostgreSQL")


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
