"""The exercises of lesson 00. They judge the state of the servers, not the learner's text."""

from __future__ import annotations

from psycopg import Connection
from redis import Redis

from course.exercises.check import NotYet, exercise
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
    """Judge PostgreSQL's major version as a whole number. The server is asked anew, on the learner's connection."""
    number = int(postgres.execute("SHOW server_version_num").fetchone()[0])
    right, minor = divmod(number, 10000)
    if isinstance(major, tuple | list):
        raise NotYet("That is the whole row, a tuple. The text in it is its first element: `row[0]`.")
    if isinstance(major, str):
        raise NotYet(f"The server's answer is text, and yours still is: `{major!r}`. Turn it into a number with `int(…)`.")
    if isinstance(major, float) and major == right:
        raise NotYet(f"Right, but `{major}` is a float. `//` between two whole numbers gives a whole number.")
    if isinstance(major, float) and not major.is_integer():
        raise NotYet(f"`{major}` still has the minor version in it. `//` divides and drops the remainder, `/` keeps it.")
    if major == number:
        raise NotYet(
            f"`{number}` is major and minor version in one number. The last four digits are the minor one: divide them off."
        )
    if major == minor != right:
        raise NotYet(f"`{minor}` is the minor version, the last four digits. The major version is what stands before them.")
    if major != right or isinstance(major, bool):
        raise NotYet(f"The server on this connection says {number}. Without its last four digits that is not {major!r}.")
    return f"PostgreSQL {right}, said by the server itself: what a client library knows may be older than what answers."


@exercise(
    "00.survivor",
    hints=[
        "There are four lines: `set` the key, `lab.redis.kill()`, `lab.redis.start()`, and `get` the key.",
        "A `redis.Redis` client connects anew by itself when its server is back: you may keep it, or take another.",
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
    kept = _kept(client)
    if client.info("server")["run_id"] == run_id_before:
        raise NotYet(
            "This is still the same run of the server: its `run_id` has not changed. Kill it and start it, after the `set`."
        )
    if _said_goodbye(redis):
        raise NotYet("The server was stopped: it had time to save and to say goodbye. A crash gives none. Use `kill()`.")
    calls = client.info("commandstats")  # counted since this run began; the judge itself uses neither `set` nor `get`
    if "cmdstat_set" in calls:
        raise NotYet("There was a `set` after the restart, which proves nothing. The order is: set, kill, start, get.")
    if survivor is True or survivor == "OK":
        raise NotYet("That is what `set` answered. Read the key back after the restart, with `get`.")
    if survivor is None:
        raise NotYet("The key is there, and `survivor` is `None`: it was read before it was set, or under another name.")
    if survivor not in (kept, kept.encode()):
        raise NotYet(f"Redis has `{kept!r}` for the key, and `survivor` is `{survivor!r}`. Put what `get` returns into it.")
    if "cmdstat_get" not in calls:
        raise NotYet(
            "Since its restart nobody has asked the server with `get`: `survivor` is from before. Read it after `start()`."
        )
    return "The session survived, because it was in the log before Redis answered. Without that log, a crash empties Redis."


def _kept(client: Redis) -> str:
    """What the key holds, which must be `dana`."""
    kind = client.type(KEY)
    others = sorted(key for key in client.scan_iter("*crash*") if key != KEY)
    if kind == "none" and others:
        raise NotYet(f"There is a key `{others[0]}`. The task names it `{KEY}`: the word before the colon belongs to it.")
    if kind == "none":
        raise NotYet(f"Redis has no key `{KEY}`. Set it before the crash: what was never written cannot survive.")
    if kind != "string":
        raise NotYet(f"The key `{KEY}` is a {kind}. One text is enough: delete it, and `set` the key to `dana`.")
    kept = client.getrange(KEY, 0, -1)
    if kept != "dana":
        raise NotYet(f"The key `{KEY}` holds `{kept!r}`. It should hold `dana`.")
    return kept


def _said_goodbye(redis: RedisServer) -> bool:
    """Whether the run before this one ended by a clean stop, which it then has logged."""
    earlier = redis.log.read_text(encoding="utf-8", errors="replace").rpartition("Valkey is starting")[0]
    return "bye bye" in earlier.rpartition("Ready to accept connections")[2]
