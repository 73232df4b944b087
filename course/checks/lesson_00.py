"""The exercises of lesson 00. They judge the state of the servers, not the learner's text."""

from __future__ import annotations

from psycopg import Connection

from course.check import NotYet, exercise
from course.servers.redis import RedisServer

KEY = "session:crash-test"


@exercise(
    "00.major_version",
    hints=[
        "`row` is a tuple with one text in it, such as `('180006',)`. Its first element is `row[0]`.",
        "`int(…)` turns a text into a number, and `//` divides without a remainder: `123456 // 10000` is `12`.",
    ],
    solution="major = int(row[0]) // 10000",
)
def major_version(major: object, postgres: Connection) -> str:
    """Judge PostgreSQL's major version as a whole number."""
    number = postgres.info.server_version
    right, minor = divmod(number, 10000)
    if isinstance(major, tuple | list):
        raise NotYet("That is the whole row, a tuple. The text in it is its first element: `row[0]`.")
    if isinstance(major, str):
        raise NotYet(f"The server's answer is text, and yours still is: `{major!r}`. Turn it into a number with `int(…)`.")
    if isinstance(major, float) and not major.is_integer():
        raise NotYet(f"`{major}` still has the minor version in it. `//` divides and drops the remainder, `/` keeps it.")
    if major == number:
        raise NotYet(
            f"`{number}` is major and minor version in one number. The last four digits are the minor one: divide them off."
        )
    if major == minor:
        raise NotYet(f"`{minor}` is the minor version, the last four digits. The major version is what stands before them.")
    if isinstance(major, float):
        raise NotYet(f"Right, but `{major}` is a float. `//` between two whole numbers gives a whole number.")
    if major != right or isinstance(major, bool):
        raise NotYet(f"The server on this connection says {number}. Without its last four digits that is not {major!r}.")
    return f"PostgreSQL {right}, said by the server itself: what a client library knows may be older than what answers."


@exercise(
    "00.survivor",
    hints=[
        "There are four lines: `set` the key, `lab.redis.kill()`, `lab.redis.start()`, and `get` the key.",
        "The old client's connection died with the server. Take a new one after the start: `lab.redis.client()`.",
    ],
    solution="""
        lab.redis.client().set("session:crash-test", "dana")
        lab.redis.kill()
        lab.redis.start()
        survivor = lab.redis.client().get("session:crash-test")
    """,
)
def survivor(survivor: object, run_id_before: str, redis: RedisServer) -> str:
    """Judge that a key was written, that the server died and came back, and that the key was read afterwards."""
    client = redis.client()
    kept = client.get(KEY)
    if kept is None and client.exists("crash-test"):
        raise NotYet(f"There is a key `crash-test`. The task names it `{KEY}`: the word before the colon belongs to it.")
    if kept is None:
        raise NotYet(f"Redis has no key `{KEY}`. Set it before the crash: what was never written cannot survive.")
    if kept != "dana":
        raise NotYet(f"The key `{KEY}` holds `{kept!r}`. It should hold `dana`.")
    if client.info("server")["run_id"] == run_id_before:
        raise NotYet(
            "This is still the same run of the server: its `run_id` has not changed. Kill it and start it, after the `set`."
        )
    if survivor is True or survivor == "OK":
        raise NotYet("That is what `set` answered. Read the key back after the restart, with `get`.")
    if survivor is None:
        raise NotYet("The key is there, and `survivor` is `None`: it was read before it was set, or under another name.")
    if survivor != kept:
        raise NotYet(f"Redis has `{kept!r}` for the key, and `survivor` is `{survivor!r}`. Put what `get` returns into it.")
    return "The session survived, because it was in the log before Redis answered. Without that log, a crash empties Redis."
