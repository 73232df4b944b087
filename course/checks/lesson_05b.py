"""The exercises of lesson 05b: a cache that is waited for half a second, and a circuit breaker."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as StillWaiting
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import redis

from course.checks.breaker import MISTAKES, heard, heard_of_two, says_when_it_asks_the_clock
from course.checks.within import within
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, NotYet, Parts, Trial
from course.exercises.stage import ODD, Stage
from course.relay import Relay
from course.waiting import until

__all__ = ["guarded", "redis", "remembered", "suppress", "time"]

PATIENCE_SECONDS = 4
LONG_SECONDS = 2
"""Far more than the half second of the task: a busy machine must not fail a right answer."""

KEY, OTHERS_KEY = f"Answer: {ODD}", f"Kept by another: {ODD}"
SET = "cache.set(key, kept, ex=60)"


def _all_in_one_try(caught: str, instead: str) -> str:
    """An answer in whose `try` both the questions to Redis and `compute` stand."""
    return f"""
        def remembered(url, key, compute):
            cache = redis.Redis.from_url(url, decode_responses=True, socket_timeout=0.5)
            try:
                kept = cache.get(key)
                if kept is None:
                    kept = compute()
                    {SET}
                return kept
            except {caught}:
                return {instead}
        """


GUARDED_GET = """    try:
        kept = cache.get(key)
    except redis.RedisError:
        return compute()
"""
GUARDED_SET = f"""        with suppress(redis.RedisError):  # the answer is there, kept or not
            {SET}
"""


@exercise(
    "05b.remembered",
    hints=[
        "`redis.Redis.from_url(…, socket_timeout=0.5)` gives up after half a second. What does it raise then?",
        "`redis.RedisError` is above both `redis.ConnectionError` (dead) and `redis.TimeoutError` (frozen).",
        "Put only the two questions to Redis into a `try`, not `compute()`. Its errors are the caller's to hear.",
    ],
    may={"redis"},
    mistakes=[
        Mistake(
            "without the cache",
            "Redis lives at the `url` that was given, and nothing is kept there. Surviving without the cache is no reason to go "
            "without it.",
            code="""
            def remembered(url, key, compute):
                return compute()
            """,
        ),
        Mistake(
            "another key",
            "Redis lives, and has nothing under the key that was given: your function uses another one. Others look under `key`.",
            old="(key",
            new="(key.lower()",
        ),
        Mistake(
            "computed before it looks",
            "The answer was kept, and computed again. Look into Redis first, and compute only if nothing is there.",
            old="    if kept is None:\n        kept = compute()\n",
            new="    fresh = compute()\n    if kept is None:\n        kept = fresh\n",
        ),
        Mistake(
            "kept for ever",
            "The answer is kept for ever. It should be kept for 60 seconds: leave `ex=60` in `set`.",
            old=", ex=60",
            new="",
        ),
        Mistake(
            "milliseconds",
            "The answer is kept for 60 milliseconds. `px` counts in milliseconds, `ex` in seconds.",
            old="ex=60",
            new="px=60",
        ),
        Mistake(
            "kept for an hour",
            "The answer is kept for longer than 60 seconds.",
            old="ex=60",
            new="ex=3600",
        ),
        Mistake(
            "bytes",
            "What was kept comes back as bytes. Leave `decode_responses=True`: it makes text of it.",
            old="decode_responses=True, ",
            new="",
        ),
        Mistake(
            "no return",
            "Your function returns nothing when all goes well: `return kept` is missing.",
            old="    return kept",
            new="    kept",
        ),
        Mistake(
            "an empty text taken for nothing",
            "What Redis had under the key was an empty text, and you computed it anew. `get` says `None` if there is nothing; an "
            "empty text is an answer. Ask `is None`.",
            old="if kept is None",
            new="if not kept",
        ),
        Mistake(
            "a memory of its own",
            "Redis had something else under the key by then, or nothing. Your function answers from a memory of its own, which "
            "nobody else can see or empty: ask Redis each time.",
            code=f"""
            MEMORY = {{}}

            def remembered(url, key, compute):
                if key in MEMORY:
                    return MEMORY[key]
                cache = redis.Redis.from_url(url, decode_responses=True, socket_timeout=0.5)
                try:
                    kept = cache.get(key)
                except redis.RedisError:
                    return compute()
                if kept is None:
                    kept = compute()
                    with suppress(redis.RedisError):
                        {SET}
                MEMORY[key] = kept
                return kept
            """,
        ),
        Mistake(
            "all in one try, everything caught",
            "When `compute()` itself raises, your function calls it again: the `except` takes its error for one of Redis'. Put "
            "only the questions to Redis into the `try`.",
            code=_all_in_one_try("Exception", "compute()"),
        ),
        Mistake(
            "all in one try",
            "`compute()` may ask another Redis, and its `redis.TimeoutError` is its own. Your `except` takes it for one of the "
            "cache and calls `compute()` again. Put only the questions to the cache into the `try`.",
            code=_all_in_one_try("redis.RedisError", "compute()"),
        ),
        Mistake(
            "errors hidden",
            "When `compute()` itself raises, your function hides the error. It is the caller's to hear: catch `redis.RedisError` "
            "alone, and around the questions to Redis only.",
            old="        kept = compute()\n",
            new="        try:\n            kept = compute()\n        except Exception:\n            return 'nothing'\n",
        ),
        Mistake(
            "None for every error",
            "When `compute()` itself raises, your function returns None, and its caller takes that for an answer. Let that error "
            "pass, and put only the questions to Redis into the `try`.",
            code=_all_in_one_try("Exception", "None"),
        ),
        Mistake(
            "None for an error of Redis",
            "When Redis fails, or `compute()` with an error of a Redis of its own, your function returns None. Without the cache "
            "`compute()` can answer, and its own errors are the caller's.",
            code=_all_in_one_try("redis.RedisError", "None"),
        ),
        Mistake(
            "what get says",
            "Redis has nothing under the key, and `get` says `None`. Then `compute()` has the answer: keep that, and return it.",
            code="""
            def remembered(url, key, compute):
                cache = redis.Redis.from_url(url, decode_responses=True, socket_timeout=0.5)
                try:
                    return cache.get(key)
                except redis.RedisError:
                    return compute()
            """,
        ),
        Mistake(
            "get unguarded",
            "With Redis dead, your function stops with a `ConnectionError`. Catch `redis.RedisError` around `get`, and answer "
            "with `compute()`: it is above that and above the `TimeoutError` of a frozen one. Python's own `ConnectionError` and "
            "`OSError` are other classes.",
            old=GUARDED_GET,
            new="    kept = cache.get(key)\n",
        ),
        Mistake(
            "nothing instead",
            "Without Redis you return nothing. `compute()` can answer without it.",
            old="return compute()",
            new="return None",
        ),
        Mistake(
            "an apology instead",
            "Without Redis you return a text of your own. Return what `compute()` gives.",
            old="return compute()",
            new='return "the cache is down"',
        ),
        Mistake(
            "computed twice",
            "Without Redis, `compute()` is called twice. Once is enough: it may be slow.",
            old="return compute()",
            new="compute(); return compute()",
        ),
        Mistake(
            "set unguarded",
            "Redis went away while `compute()` was at work, and `set` stopped your function. The answer was there: return it, "
            "kept or not.",
            old=GUARDED_SET,
            new=f"        {SET}\n",
        ),
        Mistake(
            "returned only if kept",
            "Redis went away while `compute()` was at work. The answer was there, and you return None: the `return` stands where "
            "the error of `set` passes it by.",
            old=f"            {SET}\n    return kept",
            new=f"            {SET}\n            return kept\n        return None\n    return kept",
        ),
        Mistake(
            "no timeout",
            "A frozen Redis accepts the connection and never answers, and your function still waits. Give the client a "
            "`socket_timeout` of half a second. It counts in seconds; `socket_connect_timeout` covers the connecting alone.",
            old="socket_timeout=0.5",
            new="socket_timeout=None",
        ),
        Mistake(
            "dead only",
            "With Redis dead it answers. Frozen, it stops with a `TimeoutError`: another error, and as good a reason to go "
            "without. `redis.RedisError` is above both.",
            old="except redis.RedisError:",
            new="except redis.ConnectionError:",
        ),
        Mistake(
            "asked again",
            "A frozen Redis was tried more than once in one call, and each try waits. One is enough: no retries, no second "
            "`get`, and no `set` after a `get` that has failed.",
            old="        return compute()\n",
            new="        kept = None\n",
        ),
        Mistake(
            "too much patience",
            "It answers, and waits longer for a frozen Redis than half a second. `socket_timeout=0.5` says how long.",
            old="socket_timeout=0.5",
            new="socket_timeout=2.5",
        ),
    ],
)
def remembered(remembered: Callable, trial: Trial) -> str:
    """Judge the cache while Redis lives, dead, frozen, and when it dies in between; and when `compute` itself fails."""
    trial.compare(remembered, _living)
    trial.compare(remembered, _kept_by_others)
    trial.compare(remembered, _failing_compute)
    trial.compare(remembered, _dead)
    trial.compare(remembered, _dying)
    _judge_frozen(remembered, trial)
    return "Dead or frozen, the cache costs half a second at most. Without a timeout, it would cost the application."


def _told(call: Callable[[], Any]) -> Any:
    """What a call gives, or which error it ends in."""
    try:
        return call()
    except (redis.RedisError, LookupError) as error:
        return f"{type(error).__name__} is raised"


def _living(remembered: Callable, stage: Stage) -> Parts:
    client, compute = stage.redis, stage.asked(lambda: ODD)
    expired = client.info("stats")["expired_keys"]
    first = remembered(stage.redis_url, KEY, compute)
    if client.pttl(KEY) in range(1000):  # it will be gone, sooner or later: later
        until(lambda: not client.exists(KEY))
    seconds = client.ttl(KEY)
    kept, calls = client.get(KEY), compute.times
    second = remembered(stage.redis_url, KEY, compute)
    return Parts(
        the_first_call_returns=first,
        it_calls_compute=calls,
        it_keeps=kept,
        keys_that_expire_at_once=client.info("stats")["expired_keys"] - expired,
        kept_for_seconds=60 if 30 < seconds <= 60 else seconds,
        the_second_call_returns=second,
        it_calls_compute_again=compute.times - calls,
    )


def _kept_by_others(remembered: Callable, stage: Stage) -> Parts:
    """Redis has what somebody else kept, then nothing any more, then an empty text."""
    client, compute = stage.redis, stage.asked(lambda: ODD)
    client.set(OTHERS_KEY, "kept by a colleague")
    found = remembered(stage.redis_url, OTHERS_KEY, compute)
    client.delete(OTHERS_KEY)
    expired = remembered(stage.redis_url, OTHERS_KEY, compute)
    client.set(OTHERS_KEY, "")
    empty = remembered(stage.redis_url, OTHERS_KEY, compute)
    return Parts(
        what_a_colleague_has_kept=found,
        after_that_has_expired=expired,
        an_empty_text_that_was_kept=empty,
        calls_of_compute=compute.times,
    )


def _failing_compute(remembered: Callable, stage: Stage) -> Parts:
    """An error of `compute` is the caller's to hear, once; also one that looks like the cache's."""
    seen = []
    for error in (LookupError("there is no such document"), redis.TimeoutError("said by the check")):

        def fail(error: Exception = error) -> str:
            raise error

        compute = stage.asked(fail)
        seen.append((_told(partial(remembered, stage.redis_url, KEY, compute)), compute.times))
    return Parts(
        when_compute_fails=seen[0][0],
        it_calls_compute=seen[0][1],
        when_compute_fails_with_an_error_of_redis=seen[1][0],
        it_then_calls_compute=seen[1][1],
    )


def _dead(remembered: Callable, stage: Stage) -> Parts:
    compute = stage.asked(lambda: ODD)
    with Relay() as gate:
        url = f"redis://{gate.address}/0"
    told = _told(lambda: remembered(url, KEY, compute))  # nobody listens there any more
    return Parts(with_redis_dead_it_returns=told, calls_of_compute=compute.times)


def _dying(remembered: Callable, stage: Stage) -> Parts:
    """Redis goes away while the answer is computed."""
    stage.redis.ping()
    parts = urlsplit(stage.redis_url)
    with Relay((parts.hostname or "", parts.port or 0)) as gate:
        url = stage.redis_url.replace(parts.netloc.rpartition("@")[2], gate.address)

        def compute() -> str:
            gate.close()
            return ODD

        asked = stage.asked(compute)
        told = _told(lambda: remembered(url, KEY, asked))
    return Parts(when_redis_dies_meanwhile_it_returns=told, calls_of_compute=asked.times)


def _judge_frozen(remembered: Callable, trial: Trial) -> None:
    """A server that accepts and never answers. It takes seconds: so it is judged here, and not tried with each mistake."""
    with trial.stage() as stage:
        called = stage.watched(remembered)
        told, tries, seconds = _frozen(called, stage)
        if tries == 1 and LONG_SECONDS < seconds < PATIENCE_SECONDS:  # was it the machine? Then it will not be a second time
            seconds = min(seconds, _frozen(called, stage)[-1])
    if seconds >= PATIENCE_SECONDS:
        raise trial.says("no timeout")
    if told == "TimeoutError is raised":
        raise trial.says("dead only")
    if tries > 1:
        raise trial.says("asked again")
    if told != ODD:
        raise NotYet(f"With Redis frozen you return {told!r}. Return what `compute()` gives.")
    if seconds > LONG_SECONDS:
        raise trial.says("too much patience")


def _frozen(remembered: Callable, stage: Stage) -> tuple[Any, int, float]:
    """What it returns, how often the server was tried, and the seconds that it took."""
    compute, began = stage.asked(lambda: ODD), time.monotonic()
    with Relay() as gate:
        try:
            told = within(PATIENCE_SECONDS, lambda: _told(lambda: remembered(f"redis://{gate.address}/0", KEY, compute)))
        except StillWaiting:
            return None, 1, PATIENCE_SECONDS
        return told, gate.connections, time.monotonic() - began


@exercise(
    "05b.guarded",
    hints=[
        "Refuse when there were `failures` in a row and `clock()` is less than `pause` after the last of them. Else call.",
        "In the `except`: one more in a row, and `failed_at = clock()`. The `raise` below it lets the caller hear the error.",
        "A success sets the count back to 0. A failed trial leaves it high and renews the time: so it refuses again.",
    ],
    mistakes=MISTAKES,
    seconds=10,
)
def guarded(guarded: Callable, trial: Trial) -> str:
    """Judge when the call is made, and what its caller hears, on a clock that the check turns."""

    def compare(script: str, failures: int = 3, pause: float = 5.0) -> None:
        told = f"`failures={failures}`, `pause={pause:g}`, and the call {script}: the caller hears {{found}}."
        trial.compare(guarded, heard(script, failures, pause), told)

    compare("works, fails, works")
    compare("fails, fails, works, fails, fails, works")
    compare("fails, fails, fails, fails, works")
    compare("fails, refuses, breaks, works")
    trial.compare(guarded, says_when_it_asks_the_clock, "After an error, was the clock asked? {found}.")
    compare("fails, fails, fails, 3.5 s later works, 0.5 s later works, 0.5 s later works")
    compare("fails, fails, fails, 2 s later works, 3 s later works, 0.5 s later works, 4.5 s later works, 20 s later works")
    compare("fails, fails, fails, 5 s later fails, fails, fails, works")
    compare("fails, fails, fails, 5 s later fails, 4.5 s later works, 0.5 s later works")
    compare("fails, fails, fails, 5 s later works, fails, fails, works, fails, fails, fails, works")
    compare("fails, works, 2 s later works", failures=1, pause=2.0)
    trial.compare(guarded, heard_of_two, "One call fails three times. Behind a second guard, another call works: {found}.")
    return "This is a circuit breaker. A store that is down is left in peace, and callers hear so at once."
