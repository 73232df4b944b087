"""Answers to the exercises of lesson 05, wrong and right. `test_every_check.py` gives them; what else they promise is here."""

import math
import threading
import time

import redis

from course.stack import Stack
from tests.checks.answers import checked


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises; no answer was given yet."""
    return {"stack": stack, "lab": stack, "math": math, "redis": redis, "time": time}


def share(body: str) -> str:
    return "def availability(needed, up):\n" + _indented(body)


def remember(body: str, before: str = "") -> str:
    return f"{before}\ndef remembered(url, key, compute):\n" + _indented(body)


def kept(old: str, new: str) -> str:
    """The usual way to survive without the cache, with one thing changed."""
    assert old in KEPT
    return remember(KEPT.replace(old, new))


def guard(body: str, before: str = "") -> str:
    return f"{before}\ndef guarded(call, failures, pause, clock):\n" + _indented(body)


def usual(old: str, new: str) -> str:
    """The usual circuit breaker, with one thing changed."""
    assert old in BREAKER
    return guard(BREAKER.replace(old, new))


def _indented(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))


KEPT = """
cache = redis.Redis.from_url(url, decode_responses=True, socket_timeout=0.5)
try:
    kept = cache.get(key)
except redis.RedisError:
    return compute()
if kept is None:
    kept = compute()
    try:
        cache.set(key, kept, ex=60)
    except redis.RedisError:
        pass
return kept
"""
SET = """    try:
        cache.set(key, kept, ex=60)
    except redis.RedisError:
        pass"""

ALL_IN_ONE = """
cache = redis.Redis.from_url(url, decode_responses=True, socket_timeout=0.5)
try:
    kept = cache.get(key)
    if kept is None:
        kept = compute()
        cache.set(key, kept, ex=60)
    return kept
except {caught}:
    return compute()
"""

BREAKER = """
in_a_row, failed_at = 0, 0.0
def ask():
    nonlocal in_a_row, failed_at
    if in_a_row >= failures and clock() < failed_at + pause:
        raise ConnectionRefusedError('not asked')
    try:
        answer = call()
    except Exception:
        in_a_row, failed_at = in_a_row + 1, clock()
        raise
    in_a_row = 0
    return answer
return ask
"""

WRONG = {
    "05.availability": [
        ("the weakest", share("return min(up[store] for store in needed)"), "The weakest store alone does not decide"),
        ("the mean", share("return sum(up[store] for store in needed) / len(needed)"), "The mean would be higher"),
        ("the outages added", share("return max(0, 1 - sum(1 - up[store] for store in needed))"), "You add up the outages"),
        ("every store", share("return math.prod(up.values())"), "Only those in `needed` can stop this request"),
        ("0.999 for each", share("return 0.999 ** len(needed)"), "You use 0.999 for every store"),
        ("per cent", share("return 100 * math.prod(up[store] for store in needed)"), "That is per cent"),
        ("when it fails", share("return 1 - math.prod(up[store] for store in needed)"), "the share in which it fails"),
        (
            "as if they could stand in for each other",
            share("return 1 - math.prod(1 - up[store] for store in needed)"),
            "stores that can stand in for each other",
        ),
        ("the best", share("return max(up[store] for store in needed)"), "stores that can stand in for each other"),
        ("printed", share("print(math.prod(up[store] for store in needed))"), "Return the share of time"),
        ("a text", share("return f'{math.prod(up[store] for store in needed):.1%}'"), "Return the share of time"),
        (
            "no store, no answer",
            share("if not needed:\n    return 0.0\nreturn math.prod(up[store] for store in needed)"),
            "for an empty set the share is 1",
        ),
    ],
    "05.remembered": [
        ("no timeout", kept("socket_timeout=0.5", "socket_timeout=None"), "never answers. After 4 seconds"),
        (
            "only the connecting is timed",
            kept("socket_timeout=0.5", "socket_timeout=None, socket_connect_timeout=0.5"),
            "never answers",
        ),
        ("a timeout in milliseconds", kept("socket_timeout=0.5", "socket_timeout=500"), "never answers"),
        (
            "a timeout and no except",
            remember(
                "cache = redis.Redis.from_url(url, decode_responses=True, socket_timeout=0.5)\n"
                "kept = cache.get(key)\nif kept is None:\n    kept = compute()\n    cache.set(key, kept, ex=60)\nreturn kept"
            ),
            "`set` stopped your function with `ConnectionError`",
        ),
        (
            "get unguarded",
            kept("try:\n    kept = cache.get(key)\nexcept redis.RedisError:\n    return compute()", "kept = cache.get(key)"),
            "With Redis dead, your function stops with `ConnectionError`",
        ),
        (
            "dead only",
            kept("except redis.RedisError:\n    return", "except redis.ConnectionError:\n    return"),
            "With Redis frozen it stops with `TimeoutError`",
        ),
        (
            "frozen only",
            kept("except redis.RedisError:\n    return", "except redis.TimeoutError:\n    return"),
            "With Redis dead, your function stops",
        ),
        (
            "Python's own error",
            kept("except redis.RedisError:\n    return", "except OSError:\n    return"),
            "With Redis dead, your function stops",
        ),
        ("set unguarded", kept(SET, "    cache.set(key, kept, ex=60)"), "`set` stopped your function"),
        ("set asked after a failed get", kept("return compute()", "kept = None"), "was tried 2 times"),
        (
            "three retries",
            kept("socket_timeout=0.5", "socket_timeout=0.5, retry=redis.retry.Retry(redis.backoff.NoBackoff(), 3)"),
            "was tried 4 times",
        ),
        (
            "asked once more",
            kept(
                "    return compute()",
                "    try:\n        kept = cache.get(key)\n    except redis.RedisError:\n        return compute()",
            ),
            "was tried 2 times",
        ),
        ("nothing instead", kept("return compute()", "return None"), "`compute()` was never called"),
        (
            "an apology instead",
            kept("return compute()", "compute()\n    return 'the cache is down'"),
            "Return what `compute()` gives",
        ),
        ("all in one try, everything caught", remember(ALL_IN_ONE.format(caught="Exception")), "calls it again"),
        ("all in one try", remember(ALL_IN_ONE.format(caught="redis.RedisError")), "`compute()` was called 2 times"),
        (
            "errors hidden",
            kept(
                "    kept = compute()\n", "    try:\n        kept = compute()\n    except Exception:\n        return 'nothing'\n"
            ),
            "hides the error",
        ),
        ("without the cache", remember("return compute()"), "nothing is kept there"),
        (
            "computed before it looks",
            kept("if kept is None:\n    kept = compute()", "fresh = compute()\nif kept is None:\n    kept = fresh"),
            "computed again",
        ),
        ("kept for ever", kept(", ex=60", ""), "should be kept for 60 seconds"),
        ("bytes", kept("decode_responses=True, ", ""), "and you return b'"),
    ],
    "05.guarded": [
        ("the answer at once", guard("return call()"), "should return a function that asks later"),
        ("no guard", guard("return call"), "the next call is still made"),
        ("all failures counted", usual("    in_a_row = 0\n", ""), "in a row* should open it"),
        ("errors swallowed", usual("        raise\n", "        return None\n"), "A guard hides no error"),
        ("the answer lost", usual("    return answer\n", "    return None\n"), "Pass on what the call returns"),
        ("one failure late", usual("in_a_row >= failures", "in_a_row > failures"), "the next call is still made"),
        ("one failure early", usual("in_a_row >= failures", "in_a_row >= failures - 1"), "in a row* should open it"),
        (
            "the last failure replaced",
            usual(
                "        raise\n",
                "        if in_a_row >= failures:\n            raise ConnectionRefusedError from None\n        raise\n",
            ),
            "let the caller hear its error",
        ),
        ("for ever", usual(" and clock() < failed_at + pause", ""), "it still refuses"),
        ("a clock of its own", usual("clock()", "time.monotonic()"), "It never asks `clock()`"),
        ("for twice as long", usual("failed_at + pause", "failed_at + 2 * pause"), "it still refuses"),
        (
            "called all the same",
            usual("        raise ConnectionRefusedError('not asked')", "        call()\n        raise ConnectionRefusedError"),
            "must not be made at all",
        ),
        (
            "the count forgotten with the pause",
            usual("    try:\n", "    if in_a_row >= failures:\n        in_a_row = 0\n    try:\n"),
            "should open it again at once",
        ),
        (
            "the time of the first opening",
            usual(
                "in_a_row, failed_at = in_a_row + 1, clock()",
                "in_a_row += 1\n        if in_a_row == failures:\n            failed_at = clock()",
            ),
            "should open it again at once",
        ),
        (
            "a success in a trial not counted",
            usual("    in_a_row = 0\n", "    in_a_row = 0 if in_a_row < failures else failures\n"),
            "After a trial that works",
        ),
        (
            "a memory in common",
            guard(
                "def ask():\n"
                "    if MEMORY['n'] >= failures and clock() < MEMORY['at'] + pause:\n        raise ConnectionRefusedError\n"
                "    try:\n        answer = call()\n"
                "    except Exception:\n        MEMORY.update(n=MEMORY['n'] + 1, at=clock())\n        raise\n"
                "    MEMORY['n'] = 0\n    return answer\nreturn ask",
                before="MEMORY = {'n': 0, 'at': 0.0}",
            ),
            "Each needs a memory of its own",
        ),
    ],
}

RIGHT = {
    "05.availability": [
        ("a loop", share("share = 1.0\nfor store in needed:\n    share *= up[store]\nreturn share")),
        ("logarithms", share("return math.exp(sum(math.log(up[store]) for store in needed))")),
        ("one for what is not needed", share("return math.prod(up[store] if store in needed else 1 for store in up)")),
    ],
    "05.remembered": [
        (
            "no retries, said in words",
            kept("socket_timeout=0.5", "socket_timeout=0.5, retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0)"),
        ),
        ("both timeouts", kept("socket_timeout=0.5", "socket_timeout=0.5, socket_connect_timeout=0.5")),
        (
            "both errors by name",
            kept("except redis.RedisError:\n    return", "except (redis.ConnectionError, redis.TimeoutError):\n    return"),
        ),
        (
            "a helper that says whether the cache works",
            remember(
                "cache = redis.Redis.from_url(url, decode_responses=True, socket_timeout=0.3)\nworks, kept = True, None\n"
                "try:\n    kept = cache.get(key)\nexcept Exception:\n    works = False\n"
                "answer = compute() if kept is None else kept\n"
                "if works and kept is None:\n    try:\n        cache.set(key, answer, ex=60)\n"
                "    except redis.RedisError:\n        pass\n"
                "return answer"
            ),
        ),
    ],
    "05.guarded": [
        (
            "an object",
            guard(
                "return Guard(call, failures, pause, clock)",
                before=(
                    "class Guard:\n"
                    "    def __init__(self, *parts):\n        self.call, self.failures, self.pause, self.clock = parts\n"
                    "        self.n, self.until = 0, None\n"
                    "    def __call__(self):\n"
                    "        if self.until is not None and self.clock() < self.until:\n            raise ConnectionRefusedError\n"
                    "        try:\n            answer = self.call()\n"
                    "        except Exception:\n            self.n += 1\n"
                    "            if self.n >= self.failures:\n                self.until = self.clock() + self.pause\n"
                    "            raise\n"
                    "        self.n, self.until = 0, None\n        return answer\n"
                ),
            ),
        ),
        (
            "a list of failures",
            guard(
                "failed = []\ndef ask():\n"
                "    if len(failed) >= failures and clock() - failed[-1] < pause:\n        raise ConnectionRefusedError\n"
                "    try:\n        answer = call()\n    except Exception:\n        failed.append(clock())\n        raise\n"
                "    failed.clear()\n    return answer\nreturn ask"
            ),
        ),
    ],
}

NEEDS = {"05.availability": (), "05.remembered": ("redis",), "05.guarded": ()}


def test_a_check_of_the_cache_leaves_no_key_and_no_thread_behind(stack: Stack) -> None:
    client = stack.redis.client()
    before = set(client.scan_iter(count=1000))
    for name, code, *_ in [*WRONG["05.remembered"], *RIGHT["05.remembered"]]:
        checked("05.remembered", code, stack)
        assert set(client.scan_iter(count=1000)) == before, name
    deadline = time.monotonic() + 30
    while any(thread.name in ("gate", "within") for thread in threading.enumerate()):
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.02)
