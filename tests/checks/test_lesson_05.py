"""Right answers to the exercise of lesson 05 that are not its solution. `test_every_check.py` gives them."""

import math

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercise."""
    return {"stack": stack, "lab": stack, "math": math}


RIGHT = {
    "05.availability": [
        (
            "a loop",
            """
            def availability(needed, up):
                share = 1.0
                for store in needed:
                    share *= up[store]
                return share
            """,
        ),
        (
            "logarithms",
            """
            def availability(needed, up):
                return math.exp(sum(math.log(up[store]) for store in needed))
            """,
        ),
        (
            "one for what is not needed",
            """
            def availability(needed, up):
                return math.prod(up[store] if store in needed else 1 for store in up)
            """,
        ),
        (
            "NumPy",
            """
            import numpy as np

            def availability(needed, up):
                return np.prod([up[store] for store in needed])
            """,
        ),
        (
            "step by step, an object",
            """
            from functools import reduce

            class Availability:
                def __call__(self, needed, up):
                    return reduce(lambda share, store: share * up[store], needed, 1)

            availability = Availability()
            """,
        ),
        (
            "a partial of a recursive one",
            """
            from functools import partial

            def both(share, needed, up):
                first, *rest = [*needed, None]
                return share if first is None else both(share * up[first], rest[:-1], up)

            availability = partial(both, 1.0)
            """,
        ),
    ],
}
