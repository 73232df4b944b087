"""The exercises of lesson 05. They run the learner's functions against a Redis that lives, dies and freezes, and on a clock."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import TimeoutError as StillWaiting
from math import isclose, prod
from urllib.parse import urlsplit

import redis

from course.checks.gate import Gate, within
from course.exercises.check import NotYet, exercise, expect
from course.stack import Stack

SECONDS = 60
PATIENCE_SECONDS = 4
"""Far more than the half second of the task: a busy machine must not fail a right answer."""


@exercise(
    "05.availability",
    hints=[
        "Two stores that are up 9 of 10 days each: both are up on 9 of 10 of those 9 of 10 days.",
        "Shares of time that must hold together are multiplied. `math.prod` multiplies whatever it is given.",
    ],
    solution="""
        def availability(needed, up):
            return math.prod(up[store] for store in needed)
    """,
)
def availability(availability: Callable) -> str:
    """Judge the share of time by stores that differ, for one, two, three and none of them."""
    up = {"PostgreSQL": 0.9, "ChromaDB": 0.8, "Redis": 0.5}
    _judge_share(availability, {"Redis"}, up)
    _judge_share(availability, {"PostgreSQL", "ChromaDB"}, up)
    _judge_share(availability, {"PostgreSQL", "ChromaDB", "Redis"}, up)
    _judge_share(availability, {"ChromaDB", "Redis"}, dict.fromkeys(up, 0.999))
    if not isclose(availability(set(), dict(up)), 1):
        raise NotYet("A request that needs no store is always answered: for an empty set the share is 1.")
    return "Each store that a request needs takes its share. What it does not need takes nothing."


def _judge_share(availability: Callable, needed: set[str], up: dict[str, float]) -> None:
    share = expect(availability(set(needed), dict(up)), float | int, "Return the share of time, a number from 0 to 1.")
    shares = [up[store] for store in needed]
    right = prod(shares)
    if isclose(share, right):
        return
    about = f"For {' and '.join(sorted(needed))} of {up} you return {share:.4g}."
    if isclose(share, right * 100):
        raise NotYet(f"{about} That is per cent. Return the share itself, from 0 to 1.")
    if isclose(share, 1 - right):
        raise NotYet(f"{about} That is the share in which it fails. Asked for is the share in which it answers.")
    if isclose(share, prod(up.values())):
        raise NotYet(f"{about} You count every store. Only those in `needed` can stop this request.")
    if isclose(share, prod([0.999] * len(needed))):
        raise NotYet(f"{about} You use 0.999 for every store. `up` says how much of the time each of them is up.")
    if isclose(share, max(0, 1 - sum(1 - one for one in shares))):
        raise NotYet(f"{about} You add up the outages. Two that happen at once then count twice: multiply the shares.")
    if isclose(share, min(shares)):
        raise NotYet(f"{about} The weakest store alone does not decide: while it is up, the others may be down.")
    if isclose(share, max(shares)) or isclose(share, 1 - prod(1 - one for one in shares)):
        raise NotYet(f"{about} That is for stores that can stand in for each other. This request needs all of them at once.")
    if isclose(share, sum(shares) / len(shares)):
        raise NotYet(f"{about} The mean would be higher than the weakest store. All of them must be up at the same time.")
    raise NotYet(f"{about} It should be {right:.4g}: the shares of the needed stores, multiplied.")


@exercise(
    "05.remembered",
    hints=[
        "`redis.Redis.from_url(…, socket_timeout=0.5)` gives up after half a second. What does it raise then?",
        "`redis.RedisError` is above both `redis.ConnectionError` (dead) and `redis.TimeoutError` (frozen).",
        "Put only the two questions to Redis into a `try`, not `compute()`. Its errors are the caller's to hear.",
    ],
    solution="""
        def remembered(url, key, compute):
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
                    pass  # the answer is there; it is not kept
            return kept
    """,
)
def remembered(remembered: Callable, lab: Stack) -> str:
    """Judge the cache while Redis lives, while it is dead, while it accepts and never answers, and when it dies in between."""
    key = f"{lab.redis.prefix}check:{secrets.token_hex(8)}"
    redis_client = lab.redis.client()
    try:
        _judge_living(remembered, lab.redis.url, key, redis_client)
        _judge_own_error(remembered, lab.redis.url, f"{key}:error")
    finally:
        redis_client.delete(key, f"{key}:error", f"{key}:dies")
    gone = _judge_dying(remembered, lab.redis.url, f"{key}:dies")
    _judge_dead(remembered, gone, key)
    _judge_frozen(remembered, key)
    return "Dead or frozen, the cache costs half a second at most. Without a timeout, it would cost the application."


class _Compute:
    """What is to be computed: gives an answer, and counts how many times it was asked."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.calls = 0
        self.answer = f"an answer {secrets.token_hex(4)}"
        self._then = then

    def __call__(self) -> str:
        self.calls += 1
        self._then()
        return self.answer


def _judge_living(remembered: Callable, url: str, key: str, client: redis.Redis) -> None:
    compute = _Compute()
    first = expect(remembered(url, key, compute), str, "Return the answer, a text.")
    if first != compute.answer or compute.calls != 1:
        raise NotYet("With a living Redis that has nothing under the key, call `compute()` once, and return what it gives.")
    seconds = client.ttl(key)
    if seconds == -2:
        raise NotYet("Redis lives, and nothing is kept there. Surviving without the cache is no reason to go without it.")
    if not 0 < seconds <= SECONDS:
        raise NotYet(f"The answer should be kept for {SECONDS} seconds. Leave `ex=60` in `set`.")
    again = remembered(url, key, compute)
    if compute.calls != 1:
        raise NotYet("The answer was kept, and computed again. Look into Redis first, and return what is there.")
    if again != first:
        raise NotYet(f"What was kept is {first!r}, and you return {again!r}.")


def _judge_own_error(remembered: Callable, url: str, key: str) -> None:
    """An error of `compute` is not one of Redis: it is the caller's to hear, once."""

    def fail() -> None:
        raise LookupError("there is no such document")

    compute = _Compute(then=fail)
    try:
        remembered(url, key, compute)
    except LookupError:
        if compute.calls == 1:
            return
    raise NotYet(
        "When `compute()` itself raises, your function "
        + ("calls it again" if compute.calls > 1 else "hides the error")
        + ". Catch `redis.RedisError`, and around the questions to Redis only."
    )


def _judge_dying(remembered: Callable, url: str, key: str) -> str:
    """Redis goes away while the answer is computed. Returns its address, at which nobody listens any more."""
    parts = urlsplit(url)
    with Gate((parts.hostname, parts.port)) as gate:
        gone = url.replace(parts.netloc.rpartition("@")[2], gate.address)
        compute = _Compute(then=gate.close)
        try:
            answer = remembered(gone, key, compute)
        except redis.RedisError as error:
            raise NotYet(
                f"Redis went away while `compute()` was at work, and `set` stopped your function with `{type(error).__name__}`. "
                "The answer was there: return it, kept or not."
            ) from error
    _judge_answer(answer, compute, "Redis went away while `compute()` was at work")
    return gone


def _judge_dead(remembered: Callable, url: str, key: str) -> None:
    compute = _Compute()
    try:
        answer = remembered(url, key, compute)
    except redis.RedisError as error:
        raise NotYet(
            f"With Redis dead, your function stops with `{type(error).__name__}`. Catch it, and answer with `compute()`."
        ) from error
    _judge_answer(answer, compute, "Redis is dead")


def _judge_frozen(remembered: Callable, key: str) -> None:
    compute = _Compute()
    with Gate() as gate:
        try:
            answer = within(PATIENCE_SECONDS, lambda: remembered(f"redis://{gate.address}/0", key, compute))
        except StillWaiting:
            raise NotYet(
                f"This Redis accepts the connection and never answers. After {PATIENCE_SECONDS} seconds your function still "
                "waits. Give the client a `socket_timeout` of half a second, and no retries."
            ) from None
        except redis.RedisError as error:
            raise NotYet(
                f"With Redis dead it answers. With Redis frozen it stops with `{type(error).__name__}`: another error, and as "
                "good a reason to go without. `redis.RedisError` is above both."
            ) from error
    _judge_answer(answer, compute, "Redis is frozen")
    if gate.connections > 1:
        raise NotYet(
            f"A frozen Redis was tried {gate.connections} times in one call, and each try waits. One is enough: no retries, and "
            "no `set` after a `get` that has failed."
        )


def _judge_answer(answer: object, compute: _Compute, when: str) -> None:
    if compute.calls == 0:
        raise NotYet(f"{when}, and `compute()` was never called. It can answer without Redis.")
    if compute.calls > 1:
        raise NotYet(f"{when}, and `compute()` was called {compute.calls} times. Once is enough: it may be slow.")
    if answer != compute.answer:
        raise NotYet(f"{when}, and you return {answer!r}. Return what `compute()` gives.")


@exercise(
    "05.guarded",
    hints=[
        "What you return needs a memory: how many failures in a row, and when the last one was. `nonlocal` lets it write there.",
        "Refuse when there were `failures` in a row and `clock()` is less than `pause` after the last of them. Else call.",
        "A success sets the count back to 0. A failed trial leaves it high and renews the time: so it refuses again.",
    ],
    solution="""
        def guarded(call, failures, pause, clock):
            in_a_row, failed_at = 0, 0.0

            def ask():
                nonlocal in_a_row, failed_at
                if in_a_row >= failures and clock() < failed_at + pause:
                    raise ConnectionRefusedError("not asked: it has just failed too often")
                try:
                    answer = call()
                except Exception:
                    in_a_row, failed_at = in_a_row + 1, clock()
                    raise
                in_a_row = 0
                return answer

            return ask
    """,
)
def guarded(guarded: Callable) -> str:
    """Judge when the call is made, and what its caller hears, on a clock that the check turns."""
    _judge_closed(_Scene(guarded))
    _judge_count(_Scene(guarded))
    _judge_open(_Scene(guarded))
    _judge_trial(_Scene(guarded))
    other = _Scene(guarded)
    _Scene(guarded).ask(*[False] * FAILURES)
    if other.ask(True) != ["answer"]:
        raise NotYet("A second guard, around another call, refuses because the first has failed. Each needs a memory of its own.")
    return "This is a circuit breaker. A store that is down is left in peace, and callers hear so at once."


FAILURES, PAUSE = 3, 0.2
_STEP = PAUSE / 10


class _Scene:
    """A guarded call whose outcomes the check chooses, and a clock that goes only when the check says so."""

    def __init__(self, guarded: Callable) -> None:
        self.now, self.calls, self.clock_read = 1000.0, 0, False
        self._works = True
        self._guard = guarded(self._call, FAILURES, PAUSE, self._clock)
        if not callable(self._guard):
            raise NotYet(f"`guarded` should return a function that asks later, when it is called. Yours returns {self._guard!r}.")

    def ask(self, *works: bool) -> list[str]:
        """Ask once for each of these outcomes. What the caller heard: `answer`, `failure`, `refused`, or something else."""
        return [self._ask_once(one) for one in works]

    def _ask_once(self, works: bool) -> str:
        self._works = works
        self.now += _STEP
        try:
            return self._guard()
        except TimeoutError:
            return "failure"
        except ConnectionRefusedError:
            return "refused"

    def _call(self) -> str:
        self.calls += 1
        if not self._works:
            raise TimeoutError("the store does not answer")
        return "answer"

    def _clock(self) -> float:
        self.clock_read = True
        return self.now


def _judge_closed(scene: _Scene) -> None:
    heard = scene.ask(True, False, True)
    if heard[0] != "answer":
        raise NotYet(f"A call that works returned 'answer', and the caller got {heard[0]!r}. Pass on what the call returns.")
    if heard[1] != "failure":
        raise NotYet(
            f"The call raised a `TimeoutError`, and the caller got {heard[1]!r}. A guard hides no error: `raise` it again."
        )


def _judge_count(scene: _Scene) -> None:
    heard = scene.ask(False, False, True, False, False, False, True)
    if "refused" in heard[:5]:
        raise NotYet(
            f"After two failures, a success and one or two failures more it refuses. {FAILURES} failures *in a row* should open "
            "it: a success sets the count back to 0."
        )
    if heard[5] != "failure":
        raise NotYet("The failure that opens the circuit is still the call's own: let the caller hear its error, not yours.")
    if heard[6] != "refused":
        raise NotYet(
            f"After {FAILURES} failures in a row the next call is still made. Raise a `ConnectionRefusedError` in its place."
        )


def _judge_open(scene: _Scene) -> None:
    scene.ask(*[False] * FAILURES)
    calls = scene.calls
    if scene.ask(True, True) != ["refused"] * 2 or scene.calls != calls:
        raise NotYet("While it refuses, the call must not be made at all: the store is to be left in peace.")
    if not scene.clock_read:
        raise NotYet("It never asks `clock()`. How long the pause has lasted is told by that clock, and by no other.")
    scene.now += PAUSE
    if scene.ask(True) != ["answer"]:
        raise NotYet("When `pause` seconds are over it still refuses. Then a call should go through, as a trial.")


def _judge_trial(scene: _Scene) -> None:
    scene.ask(*[False] * FAILURES)
    scene.now += PAUSE
    if scene.ask(False) != ["failure"]:
        raise NotYet("When `pause` seconds are over, a call should go through, as a trial, and its error be heard.")
    if scene.ask(True) != ["refused"]:
        raise NotYet("A trial that fails should open it again at once, for another pause. Yours lets more calls through.")
    scene.now += PAUSE
    if scene.ask(True, False, True) != ["answer", "failure", "answer"]:
        raise NotYet(
            "After a trial that works everything is as at the beginning: it takes a full row of failures to open it again."
        )
