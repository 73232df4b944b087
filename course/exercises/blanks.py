"""Is an exercise still blank? Told from the value, or from the compiled function; never from source text."""

import dis
import functools
import inspect
from itertools import pairwise
from types import CodeType

_IDLE = {
    "RESUME", "NOP", "CACHE", "POP_TOP", "COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR", "LOAD_CONST", "RETURN_VALUE",
    "RETURN_CONST", "CALL_INTRINSIC_1", "RERAISE",
}  # fmt: skip
"""What a function that does nothing consists of; the last two close a coroutine from Python 3.12 on."""


Span = tuple[tuple[int, int], tuple[int, int]]
"""Begin and end in the source, each a line and a column."""


def is_blank(value: object) -> bool:
    """Whether the learner has still to fill something in.

    True for `...`, for a list, tuple, set or dict with a `...` in it, for a text with nothing but comments or `...`, for a
    function that does nothing (`...`, `pass`, `return None`), and for one with a `...` left anywhere in its body.
    """
    if value is ...:
        return True
    if isinstance(value, str):
        lines = (line.strip() for line in value.splitlines())
        return all(line in ("", "--", "...") or line.startswith(("-- ", "#")) for line in lines)
    if isinstance(value, dict):
        return any(item is ... for item in value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return any(item is ... for item in value)
    code = code_of(value)
    return code is not None and (_does_nothing(code) or _has_gap(code))


def code_of(value: object) -> CodeType | None:
    """The compiled code of a Python function, also of a method, a partial or a decorated one; else None."""
    while isinstance(value, functools.partial):
        value = value.func
    if callable(value):
        value = inspect.unwrap(value)
    return getattr(getattr(value, "__func__", value), "__code__", None)


def _does_nothing(code: CodeType) -> bool:
    steps = list(dis.get_instructions(code))
    constants = (step.argval for step in steps if step.opname in ("LOAD_CONST", "RETURN_CONST"))
    return all(step.opname in _IDLE for step in steps) and all(constant in (None, ...) for constant in constants)


def _has_gap(code: CodeType) -> bool:
    """Whether a `...` is assigned, returned, or stands alone as a statement, here or in a function within."""
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("CACHE", "EXTENDED_ARG")]
    for step, following in pairwise(steps):
        kept = following.opname.startswith(("STORE_FAST", "STORE_DEREF", "RETURN_VALUE"))
        if step.opname == "LOAD_CONST" and step.argval is ... and kept:
            return True
    if any(step.opname == "RETURN_CONST" and step.argval is ... for step in steps) or _has_lone_dots(steps):
        return True
    return any(isinstance(constant, CodeType) and _has_gap(constant) for constant in code.co_consts)


def _has_lone_dots(steps: list[dis.Instruction]) -> bool:
    """Whether `...` stands alone as a statement.

    It leaves only idle steps in the compiled code, placed on three columns of one line. Any other statement of that width,
    such as `f()` or `x=1`, also leaves a step there that does something. The items of a constant tuple are idle as well.
    """
    idle_at: dict[Span, bool] = {}
    tuples = []
    for step in steps:
        span = _span(step)
        if span is None:
            continue
        idle_at[span] = idle_at.get(span, True) and _is_idle(step)
        if step.opname == "LOAD_CONST" and isinstance(step.argval, tuple):
            tuples.append(span)
    busy = [span for span, idle in idle_at.items() if not idle]
    for (begin, end), idle in idle_at.items():
        three_wide = begin[0] == end[0] and end[1] - begin[1] == 3
        does_something = any(begin <= left and right <= end for left, right in busy)
        in_tuple = any(left <= begin and end <= right for left, right in tuples)
        if idle and three_wide and not does_something and not in_tuple:
            return True
    return False


def _span(step: dis.Instruction) -> Span | None:
    """Where a step stands in the source, if that is known."""
    at = step.positions
    if at is None or at.lineno is None or at.end_lineno is None or at.col_offset is None or at.end_col_offset is None:
        return None
    return (at.lineno, at.col_offset), (at.end_lineno, at.end_col_offset)


def _is_idle(step: dis.Instruction) -> bool:
    if step.opname in ("LOAD_CONST", "RETURN_CONST"):
        return step.argval is None
    return step.opname in _IDLE or step.opname == "POP_EXCEPT" or step.opname.startswith("JUMP_")
