"""Right answers to the exercises of lesson 05b that are not its solutions, and what its check of the cache leaves behind."""

import threading
import time
from contextlib import suppress

import psycopg
import redis

from course.stack import Stack
from course.waiting import until
from tests.checks.answers import checked, exercise


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "lab": stack, "redis": redis, "psycopg": psycopg, "suppress": suppress, "time": time}


RIGHT = {
    "05b.remembered": [
        (
            "no retries, said in words, and both errors by name",
            """
            from redis.backoff import NoBackoff
            from redis.retry import Retry

            def remembered(url, key, compute):
                patience = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "retry": Retry(NoBackoff(), 0)}
                cache = redis.Redis.from_url(url, decode_responses=True, **patience)
                try:
                    kept = cache.get(key)
                except (redis.ConnectionError, redis.TimeoutError):
                    return compute()
                if kept is not None:
                    return kept
                answer = compute()
                try:
                    cache.set(key, answer, ex=60)
                except (redis.ConnectionError, redis.TimeoutError):
                    pass
                return answer
            """,
        ),
        (
            "it remembers whether the cache works",
            """
            def remembered(url, key, compute):
                cache = redis.Redis.from_url(url, decode_responses=True, socket_timeout=0.3)
                works, kept = True, None
                try:
                    kept = cache.get(key)
                except Exception:
                    works = False
                answer = compute() if kept is None else kept
                if works and kept is None:
                    try:
                        cache.set(key, answer, px=60_000)
                    except redis.RedisError:
                        pass
                return answer
            """,
        ),
        (
            "two helpers, in a class, and the client closed",
            """
            class Remembered:
                def __call__(self, url, key, compute):
                    with redis.Redis.from_url(url, socket_timeout=0.5) as cache:
                        asked, kept = self.look(cache, key)
                        if kept is not None:
                            return kept.decode()
                        answer = compute()
                        if asked:
                            self.keep(cache, key, answer)
                        return answer

                def look(self, cache, key):
                    try:
                        return True, cache.get(key)
                    except redis.RedisError:
                        return False, None

                def keep(self, cache, key, answer):
                    with suppress(redis.RedisError):
                        cache.set(key, answer.encode(), ex=60)

            remembered = Remembered()
            """,
        ),
        (
            "set and expire, as one",
            """
            def remembered(url, key, compute):
                cache = redis.Redis.from_url(url, decode_responses=True, socket_timeout=0.5)
                try:
                    kept = cache.get(key)
                except redis.RedisError:
                    kept, cache = None, None
                if kept is None:
                    kept = compute()
                    if cache is not None:
                        with suppress(redis.RedisError), cache.pipeline() as together:
                            together.set(key, kept)
                            together.expire(key, 60)
                            together.execute()
                return kept
            """,
        ),
    ],
    "05b.guarded": [
        (
            "an object",
            """
            class Guard:
                def __init__(self, *parts):
                    self.call, self.failures, self.pause, self.clock = parts
                    self.n, self.until = 0, None

                def __call__(self):
                    if self.until is not None and self.clock() < self.until:
                        raise ConnectionRefusedError
                    try:
                        answer = self.call()
                    except Exception:
                        self.n += 1
                        if self.n >= self.failures:
                            self.until = self.clock() + self.pause
                        raise
                    self.n, self.until = 0, None
                    return answer

            def guarded(call, failures, pause, clock):
                return Guard(call, failures, pause, clock)
            """,
        ),
        (
            "a list of the errors' times",
            """
            def guarded(call, failures, pause, clock):
                failed = []

                def ask():
                    if len(failed) >= failures and clock() - failed[-1] < pause:
                        raise ConnectionRefusedError("later")
                    try:
                        answer = call()
                    except Exception:
                        failed.append(clock())
                        raise
                    failed.clear()
                    return answer

                return ask
            """,
        ),
        (
            "counted before, and a finally",
            """
            def guarded(call, failures, pause, clock):
                in_a_row, failed_at = 0, 0.0

                def ask():
                    nonlocal in_a_row, failed_at
                    if in_a_row >= failures and clock() < failed_at + pause:
                        raise ConnectionRefusedError("not asked")
                    in_a_row += 1
                    try:
                        answer = call()
                    finally:
                        failed_at = clock()
                    in_a_row = 0
                    return answer

                return ask
            """,
        ),
        (
            "three states by name, in a partial",
            """
            from functools import partial

            def guarded(call, failures, pause, clock):
                state = {"name": "closed", "errors": 0, "since": None}
                return partial(_ask, state, call, failures, pause, clock)

            def _ask(state, call, failures, pause, clock):
                if state["name"] == "open":
                    if clock() - state["since"] < pause:
                        raise ConnectionRefusedError("open")
                    state["name"] = "half-open"
                try:
                    answer = call()
                except BaseException as error:
                    state["errors"] += 1
                    if state["name"] == "half-open" or state["errors"] >= failures:
                        state.update(name="open", since=clock())
                    raise error
                state.update(name="closed", errors=0)
                return answer
            """,
        ),
    ],
}


def test_a_check_of_the_cache_leaves_no_key_and_no_thread_behind(stack: Stack) -> None:
    client = stack.redis.client()
    before = set(client.scan_iter(count=1000))
    code = exercise("05b.remembered").solution().code
    waits = next(mistake for mistake in exercise("05b.remembered").mistakes if mistake.name == "no timeout").answer(code)
    for answer in (code, waits):
        checked("05b.remembered", answer, stack)
        assert set(client.scan_iter(count=1000)) == before
    until(lambda: not any(thread.name in ("relay", "within") for thread in threading.enumerate()), seconds=30)
