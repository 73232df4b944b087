"""Right answers to the exercises of lesson 06b. The wrong ones stand with its checks; `test_every_check.py` gives them all."""

import functools

import numpy as np

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "np": np, "functools": functools, "postgres": None, "grace": 7}


RIGHT: dict[str, list[tuple[str, str]]] = {"06b.most_similar": [], "06b.nearest": []}
