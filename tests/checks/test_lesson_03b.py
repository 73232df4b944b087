"""Right answers to the exercises of lesson 03b that are not its solutions. `test_every_check.py` gives them."""

import time

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "lab": stack, "time": time}


RIGHT = {
    "03b.write_lock": [
        ("in small letters", 'write_lock = "begin immediate transaction"'),
        ("with a semicolon", 'write_lock = "BEGIN IMMEDIATE;"'),
        (
            "on two lines",
            '''
            write_lock = """
                BEGIN
                IMMEDIATE -- no writer but us
            """
            ''',
        ),
    ],
    "03b.quiet_backup": [
        (
            "a return in the try, and another clock",
            """
            def quiet_backup(pause, resume, jobs):
                began = time.monotonic()
                pause()
                try:
                    for job in jobs:
                        job()
                    return time.monotonic() - began
                finally:
                    resume()
            """,
        ),
        (
            "except BaseException",
            """
            def quiet_backup(pause, resume, jobs):
                pause()
                began = time.perf_counter()
                try:
                    for number in range(len(jobs)):
                        jobs[number]()
                except BaseException:
                    resume()
                    raise
                resume()
                return time.perf_counter() - began
            """,
        ),
        (
            "an exit stack, and partial",
            """
            from contextlib import ExitStack
            from functools import partial

            def backup(clock, pause, resume, jobs):
                pause()
                began = clock()
                with ExitStack() as after:
                    after.callback(resume)
                    for job in jobs:
                        job()
                return clock() - began

            quiet_backup = partial(backup, time.perf_counter)
            """,
        ),
        (
            "a context manager",
            """
            from contextlib import contextmanager

            @contextmanager
            def closed(pause, resume):
                pause()
                try:
                    yield time.perf_counter()
                finally:
                    resume()

            class Backup:
                def __call__(self, pause, resume, jobs):
                    with closed(pause, resume) as began:
                        [job() for job in jobs]
                        return time.perf_counter() - began

            quiet_backup = Backup()
            """,
        ),
        (
            "all at once",
            """
            from concurrent.futures import ThreadPoolExecutor

            def quiet_backup(pause, resume, jobs):
                pause()
                began = time.perf_counter()
                try:
                    with ThreadPoolExecutor() as together:
                        list(together.map(lambda job: job(), jobs))
                finally:
                    resume()
                return time.perf_counter() - began
            """,
        ),
        (
            "an error of its own",
            """
            def quiet_backup(pause, resume, jobs):
                pause()
                began = time.perf_counter()
                try:
                    for job in jobs:
                        job()
                except Exception as error:
                    raise RuntimeError("The backup failed") from error
                finally:
                    resume()
                return time.perf_counter() - began
            """,
        ),
        (
            "the other jobs all the same",
            """
            def quiet_backup(pause, resume, jobs):
                errors = []
                pause()
                began = time.perf_counter()
                try:
                    for job in jobs:
                        try:
                            job()
                        except Exception as error:
                            errors.append(error)
                finally:
                    resume()
                if errors:
                    raise ExceptionGroup("jobs failed", errors)
                return time.perf_counter() - began
            """,
        ),
    ],
}
