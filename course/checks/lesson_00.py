"""The exercises of lesson 00. They judge the state of the servers, not the learner's text."""

from __future__ import annotations

from numbers import Integral

from psycopg import Connection
from psycopg.rows import tuple_row
from redis import Redis

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import Stage
from course.servers.redis import RedisServer

KEY = "session:crash-test"

_ROW_TO_NUMBER = "int(row[0]) // 10000"


def _whole_number(major: object, stage: Stage) -> Parts:
    return Parts(major=major, is_whole=isinstance(major, Integral))


@exercise(
    "00.major_version",
    hints=[
        "`row` is a tuple with one text in it, such as `('180006',)`. Its first element is `row[0]`.",
        "`int(…)` turns a text into a number, and `//` divides without a remainder: `123456 // 10000` is `12`.",
    ],
    mistakes=[
        Mistake(
            "the whole row",
            "That is the whole row, a tuple. The text in it is its first element: `row[0]`.",
            old=_ROW_TO_NUMBER,
            new="row",
        ),
        Mistake(
            "still text",
            "The server's answer is text, and yours still is. Turn it into a number with `int(…)`.",
            old=_ROW_TO_NUMBER,
            new="row[0]",
        ),
        Mistake(
            "the row written as a text",
            "That is the whole row, written as a text. The server's answer is its first element: `row[0]`.",
            old=_ROW_TO_NUMBER,
            new="str(row)",
        ),
        Mistake(
            "a version with a point",
            "That is the version as people write it: a text, with the minor version in it. Make a number of what is before it.",
            old=_ROW_TO_NUMBER,
            new='f"{int(row[0]) // 10000}.{int(row[0]) % 10000}"',
        ),
        Mistake(
            "its first digits as text",
            "The digits are right, and they are still text. Turn them into a number with `int(…)`.",
            old=_ROW_TO_NUMBER,
            new="row[0][:-4]",
        ),
        Mistake(
            "minor version not divided off",
            "That is major and minor version in one number. The last four digits are the minor one: divide them off.",
            old=" // 10000",
            new="",
        ),
        Mistake(
            "rounded down to a float",
            "The number is right, and it is a float. `//` between two whole numbers gives a whole number.",
            old="int(row",
            new="float(row",
        ),
        Mistake(
            "divided with /",
            "It still has the minor version in it. `//` divides and drops the remainder, `/` keeps it.",
            old="//",
            new="/",
        ),
        Mistake(
            "the remainder",
            "That is the minor version, the last four digits. The major version is what stands before them.",
            old="//",
            new="%",
        ),
        Mistake(
            "three digits off",
            "A digit of the minor version is left. It has four: divide by 10000.",
            old="10000",
            new="1000",
        ),
        Mistake(
            "five digits off",
            "A digit of the major version is gone. The minor one has four: divide by 10000.",
            old="10000",
            new="100000",
        ),
    ],
)
def major_version(major: object, postgres: Connection, trial: Trial) -> str:
    """Judge PostgreSQL's major version as a whole number. The server is asked anew, on the learner's connection."""
    [row] = postgres.cursor(row_factory=tuple_row).execute("SHOW server_version_num").fetchall()
    trial.compare(major, _whole_number, f"The server on this connection says {row[0]}.", row=row)
    return f"PostgreSQL {major}, said by the server itself: what a client library knows may be older than what answers."


_SET = 'lab.redis.client().set("session:crash-test", "dana")'
_CRASH = "lab.redis.kill()\nlab.redis.start()"
_GET = 'survivor = lab.redis.client().get("session:crash-test")'

_WRITES = {"cmdstat_set", "cmdstat_setex", "cmdstat_psetex", "cmdstat_setnx", "cmdstat_mset", "cmdstat_getset"}
_READS = {"cmdstat_get", "cmdstat_getex", "cmdstat_mget", "cmdstat_getset", "cmdstat_getrange"}
"""The commands that a learner may use. The judge itself uses none of them."""


@exercise(
    "00.survivor",
    hints=[
        "There are four lines: `set` the key, `lab.redis.kill()`, `lab.redis.start()`, and `get` the key.",
        "A `redis.Redis` client connects anew by itself when its server is back: you may keep it, or take another.",
    ],
    mistakes=[
        Mistake(
            "never set",
            f"Redis has no key `{KEY}`. Set it before the crash: what was never written cannot survive.",
            code=f"{_CRASH}\n{_GET}",
        ),
        Mistake(
            "key and value swapped",
            f"Redis has a key `dana` that holds `{KEY}`. `set` takes the key first, and then the value.",
            code=f'lab.redis.client().set("dana", "{KEY}")\n{_CRASH}\nsurvivor = lab.redis.client().get("dana")',
        ),
        Mistake(
            "the client",
            "That is the client. Ask it: `lab.redis.client().get(…)` returns what stands under a key.",
            code=f"{_SET}\n{_CRASH}\nsurvivor = lab.redis.client()",
        ),
        Mistake(
            "the key without its first word",
            f"Redis has a key `crash-test`. The task names it `{KEY}`: the word before the colon belongs to it.",
            code=f"{_SET}\n{_CRASH}\n{_GET}".replace("session:", ""),
        ),
        Mistake(
            "a hash",
            f"The key `{KEY}` is no text. One text is enough: delete it, and `set` the key to `dana`.",
            code=f'lab.redis.client().hset("{KEY}", "user", "dana")\n{_CRASH}\nsurvivor = "dana"',
        ),
        Mistake(
            "another value",
            f"The key `{KEY}` holds another text. It should hold `dana`, in small letters.",
            code=f"{_SET}\n{_CRASH}\n{_GET}".replace("dana", "Dana"),
        ),
        Mistake(
            "never crashed",
            "This is still the same run of the server: its `run_id` has not changed. Kill it and start it, after the `set`.",
            code=f"{_SET}\n{_GET}",
        ),
        Mistake(
            "stopped, not killed",
            "The server was stopped: it had time to save and to say goodbye. A crash gives none. Use `kill()`.",
            code=f"{_SET}\nlab.redis.stop()\nlab.redis.start()\n{_GET}",
        ),
        Mistake(
            "written after the crash",
            "There was a `set` after the restart, which proves nothing. The order is: set, kill, start, get.",
            code=f"{_CRASH}\n{_SET}\n{_GET}",
        ),
        Mistake(
            "what set answered",
            "That is what `set` answered. Read the key back after the restart, with `get`.",
            code=f"survivor = {_SET}\n{_CRASH}",
        ),
        Mistake(
            "read under another name",
            "The key is there, and `survivor` is `None`: it was read before it was set, or under another name.",
            code=f"{_SET}\n{_CRASH}\n{_GET.replace('session:', '')}",
        ),
        Mistake(
            "whether it is there",
            "Redis has `dana` for the key, and `survivor` is something else. Put what `get` returns into it.",
            code=f"{_SET}\n{_CRASH}\n{_GET.replace('get(', 'exists(')}",
        ),
        Mistake(
            "read before the crash",
            "Since its restart nobody has asked the server with `get`: `survivor` is from before. Read it after `start()`.",
            code=f"{_SET}\n{_GET}\n{_CRASH}",
        ),
    ],
)
def survivor(survivor: object, run_id_before: str, redis: RedisServer, trial: Trial) -> str:
    """Judge that a key was written, that the server died and came back, and that the key was read afterwards."""
    client = redis.client()
    calls = set(client.info("commandstats"))  # counted since this run of the server began
    _see_that_it_is_kept(client, trial)
    if client.info("server")["run_id"] == run_id_before:
        raise trial.says("never crashed")
    if _said_goodbye(redis):
        raise trial.says("stopped, not killed")
    if calls & _WRITES:
        raise trial.says("written after the crash")
    if survivor is True or survivor == "OK":
        raise trial.says("what set answered")
    if survivor is None or survivor == [None]:
        raise trial.says("read under another name")
    if isinstance(survivor, Redis):
        raise trial.says("the client")
    if survivor not in ("dana", b"dana", ["dana"], [b"dana"]):
        raise trial.says("whether it is there", f"`survivor` is `{survivor!r}`.")
    if not calls & _READS:
        raise trial.says("read before the crash")
    return "The session survived, because it was in the log before Redis answered. Without that log, a crash empties Redis."


def _see_that_it_is_kept(client: Redis, trial: Trial) -> None:
    """See that the key holds `dana`."""
    kind = client.type(KEY)
    if kind == "none" and any(client.scan_iter("*crash*")):
        raise trial.says("the key without its first word")
    if kind == "none" and client.exists("dana"):
        raise trial.says("key and value swapped")
    if kind == "none":
        raise trial.says("never set")
    if kind != "string":
        raise trial.says("a hash", f"It is a {kind!s}.")
    if client.substr(KEY, 0, -1) != "dana":  # a command that learners do not use: what they have used is counted
        raise trial.says("another value")


def _said_goodbye(redis: RedisServer) -> bool:
    """Whether the run before this one ended by a clean stop, which it then has logged."""
    earlier = redis.log.read_text(encoding="utf-8", errors="replace").rpartition("Valkey is starting")[0]
    return "bye bye" in earlier.rpartition("Ready to accept connections")[2]
