"""Right answers to the exercise of lesson 06 that are not its solution. `test_every_check.py` gives them."""

from course.checks.lesson_06 import DRONE, FILMS, TAXI, TEXTS
from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercise."""
    return {"stack": stack, "DRONE": DRONE, "TAXI": TAXI, "TEXTS": TEXTS, "FILMS": FILMS}


RIGHT = {
    "06.operator_for": [
        (
            "with spaces",
            """
            operator_for = {TAXI: "<+>", DRONE: " <-> ", FILMS: " <#>", TEXTS: "<=> "}
            """,
        ),
        (
            "one by one, and one more task",
            """
            operator_for = {}
            for task, operator in [(FILMS, "<#>"), (TEXTS, "<=>"), (TAXI, "<+>"), (DRONE, "<->")]:
                operator_for[task] = operator
            operator_for["bits"] = "<~>"
            """,
        ),
        (
            "a dictionary of another kind",
            """
            from collections import OrderedDict

            operator_for = OrderedDict(zip((DRONE, TAXI, TEXTS, FILMS), ("<->", "<+>", "<=>", "<#>")))
            """,
        ),
    ],
}
