"""Right answers to the exercises of lesson 08b that are not its solutions. `test_every_check.py` gives them."""

import numpy as np

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "np": np}


RIGHT = {
    "08b.same_ten": [
        (
            "one edge for both",
            """
            def same_ten(old, new):
                if len(old) != len(new):
                    return False
                if not old:
                    return True
                edge = min(old[-1][1], new[-1][1]) - 1e-5
                near = [{id for id, d in hits if d < edge} for hits in (old, new)]
                return near[0] == near[1] and np.allclose([d for _, d in old], [d for _, d in new], rtol=0, atol=1e-5)
            """,
        ),
        (
            "rank by rank, with a loop",
            """
            def same_ten(old, new):
                if len(old) != len(new):
                    return False
                for (_, a), (_, b) in zip(old, new):
                    if not -0.00001 < a - b < 0.00001:
                        return False
                for (id, distance), _ in zip(old, new):
                    near = [other for other, d in new if d < new[-1][1] - 0.00001]
                    if distance < old[-1][1] - 0.00001 and id not in near:
                        return False
                return True
            """,
        ),
        (
            "with dicts, in a class",
            """
            class SameTen:
                tolerance = 1e-5

                def closer(self, hits):
                    return {id for id, d in dict(hits).items() if hits[-1][1] - d > self.tolerance}

                def __call__(self, old, new):
                    if not old or not new:
                        return old == new
                    far = any(abs(a[1] - b[1]) >= self.tolerance for a, b in zip(old, new))
                    return len(old) == len(new) and not far and self.closer(old) == self.closer(new)

            same_ten = SameTen()
            """,
        ),
        (
            "with NumPy, and its own truth value",
            """
            def same_ten(old, new):
                if len(old) != len(new):
                    return False
                a, b = (np.array([d for _, d in hits]) for hits in (old, new))
                inside = [frozenset(id for id, d in hits if d < hits[-1][1] - 1e-5) for hits in (old, new)]
                return np.all(np.abs(a - b) < 1e-5) & (inside[0] == inside[1])
            """,
        ),
    ],
    "08b.ask_both": [
        (
            "all of the new in one try",
            """
            def ask_both(question, read_old, read_new, same, note):
                old = read_old(question)
                try:
                    if not same(old, read_new(question)):
                        note(question, "differs")
                except Exception:
                    note(question, "failed")
                return old
            """,
        ),
        (
            "what to note is kept",
            """
            def ask_both(question, read_old, read_new, same, note):
                old, what = read_old(question), None
                try:
                    new = read_new(question)
                    what = None if same(old, new) else "differs"
                except BaseException:
                    what = "failed"
                if what:
                    note(question, what)
                return old
            """,
        ),
        (
            "in a thread that is waited for",
            """
            from concurrent.futures import ThreadPoolExecutor

            def ask_both(question, read_old, read_new, same, note):
                with ThreadPoolExecutor() as pool:
                    new = pool.submit(read_new, question)
                    old = read_old(question)
                if new.exception():
                    note(question, "failed")
                elif not same(old, new.result()):
                    note(question, "differs")
                return old
            """,
        ),
        (
            "decorated",
            """
            import functools

            def quiet(function):
                @functools.wraps(function)
                def call(question, *args):
                    return function(question, *args)
                return call

            @quiet
            def ask_both(question, read_old, read_new, same, note):
                old = read_old(question)
                try:
                    new = read_new(question)
                except Exception:
                    note(question, "failed")
                    return old
                same(old, new) or note(question, "differs")
                return old
            """,
        ),
    ],
}
