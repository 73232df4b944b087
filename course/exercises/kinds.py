"""Types in words, and whether a value is of one. No judgement about what a value should be stands here."""

import inspect
import numbers
import types
import typing
from collections.abc import Iterator, Mapping, Set, Sized
from typing import Any

_NAMES = {
    "Callable": "a function (its name, without brackets after it)", "int": "a whole number", "float": "a number",
    "str": "a text", "bool": "True or False", "dict": "a dict", "list": "a list", "set": "a set", "tuple": "a tuple",
}  # fmt: skip
_KINDS: dict[str, Any] = {"a set": Set, "a dict": Mapping, "a list": list | tuple, "a text": str, "a number": numbers.Real}
_NUMBERS = {int: numbers.Integral, float: numbers.Real}


def fits(value: object, kind: Any) -> bool:
    """Whether a value is of a type given as in an annotation. The items of a container are not looked at."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return any(fits(value, option) for option in typing.get_args(kind))
    kind = typing.get_origin(kind) or kind
    if not isinstance(kind, type):
        return kind is not None or value is None
    if kind in _NUMBERS and isinstance(value, bool):
        return False
    return isinstance(value, _NUMBERS.get(kind, kind))


def named(kind: Any) -> str:
    """A type in words for a learner: `a whole number`, `a set`."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return " or ".join(named(option) for option in typing.get_args(kind))
    name = getattr(typing.get_origin(kind) or kind, "__name__", str(kind))
    return _NAMES.get(name, "nothing (`None`)" if name == "NoneType" else f"a {name}")


def sentence(text: str) -> str:
    """The text with one mark at its end: its own `.`, `?`, `!` or `…`, or else a full stop."""
    text = text.rstrip()
    text = text.rstrip(".") + "." if text.endswith("..") else text
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."


def describe(value: object) -> str:
    """What a value is, in words for a learner: `a list of 9`, `the number 17`."""
    if value is None:
        return "`None`: is a `return` missing?"
    if inspect.iscoroutine(value):
        value.close()  # it will never be awaited, and Python would say so
        return "a coroutine: is an `await` missing?"
    if isinstance(value, bool | int | float):
        return f"{'' if isinstance(value, bool) else 'the number '}`{value}`"
    if isinstance(value, str):
        return f"the text `{value[:40]!r}`" + ("…" if len(value) > 40 else "")
    if inspect.isroutine(value):
        return f"a function, `{getattr(value, '__name__', 'without a name')}`"
    name = type(value).__name__
    size = f" of {len(value)}" if isinstance(value, Sized) and not isinstance(value, type) else ""
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}{size}"


def misfit(found: object, wanted: object) -> str:
    """What is said about a returned value that is not of the wanted kind; `""` if it is, or is a text about what was seen."""
    if wanted is None or isinstance(wanted, bool):
        return ""
    if isinstance(found, str):
        return "That is a text. Return the number itself." if isinstance(wanted, numbers.Real) and _is_number(found) else ""
    if found is None:
        return "That is `None`: is a `return` missing, in one branch at least?"
    if hasattr(found, "fetchall"):
        return "That is the cursor, which has still to be asked for its rows: `.fetchall()`."
    if isinstance(found, BaseException):
        return "The error is returned. `raise` raises it."
    if callable(found):
        return "That is a function, which nobody has called: `()` calls it."
    if isinstance(found, Iterator):
        return f"That is {describe(found)}, which gives its values one by one, and once. `list(…)` collects them."
    for name, kind in _KINDS.items():
        if isinstance(wanted, kind) and (isinstance(found, bool) or not isinstance(found, kind)):
            return f"That is {describe(found)}, and it should be {name}."
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
