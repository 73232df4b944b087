"""The options of a prediction: what may be one, in which order they stand, and which of them happened. Shows nothing.

How a prediction looks stands in `quiz`.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TypeGuard

from course.errors import InputError

MOST = 10


def as_texts(options: Sequence[object]) -> tuple[str, ...]:
    """The options as texts; a number becomes one as it is read, `1,250`.

    Raises:
        InputError: there are too few or too many, two are the same, or one is neither a text nor a number.
    """
    given = [option for option in options if isinstance(option, str) or _is_number(option)]
    texts = tuple(option if isinstance(option, str) else _number(option) for option in given)
    wellformed = not isinstance(options, str) and len(texts) == len(options) and 2 <= len(texts) <= MOST and all(texts)
    if not wellformed or len(set(texts)) != len(texts):
        raise InputError("A prediction takes a list of two to ten different texts or numbers to choose from. Nothing was asked.")
    return texts


def shuffled(id: str, options: Sequence[str]) -> tuple[str, ...]:
    """The options in an order of this prediction's own: the same on every machine, and no place is right more often."""
    return tuple(sorted(options, key=lambda option: hashlib.sha256(f"{id}\n{option}".encode()).digest()))


def that_happened(actual: object, options: Sequence[str]) -> str:
    """The option that a measurement comes to.

    Args:
        actual: an option; or a number, for the option that is this number or begins with it (9 for `9` or `9 documents`); or
            a mapping from options to whether each happened. The first that did counts; if none did, the one left out.
        options: the options.

    Raises:
        InputError: it comes to no option, or the mapping names what is none.
    """
    found = _by_name(actual, options) if isinstance(actual, Mapping) else _by_value(actual, options)
    if len(found) == 1:
        return found[0]
    raise InputError(
        f"What happened, {actual!r}, is {'more than one' if found else 'none'} of the options: {', '.join(options)}. "
        "Your prediction is kept. Run the cells above again, in order; if it stays like this, the lesson is out of date."
    )


def _by_name(happened: Mapping[object, object], options: Sequence[str]) -> list[str]:
    named = {str(option) if not _is_number(option) else _number(option): bool(did) for option, did in happened.items()}
    unknown = [option for option in named if option not in options]
    if unknown:
        raise InputError(f"{unknown[0]!r} is none of the options: {', '.join(options)}. Your prediction is kept.")
    return [option for option, did in named.items() if did][:1] or [option for option in options if option not in named]


def _by_value(actual: object, options: Sequence[str]) -> list[str]:
    text = _number(actual) if _is_number(actual) else str(actual)
    if text in options or not _is_number(actual):
        return [option for option in options if option == text]
    begins = re.compile(rf"{re.escape(text)}(?![\d]|[.,]\d)")
    return [option for option in options if begins.match(option)]


def _is_number(value: object) -> TypeGuard[Real]:
    return isinstance(value, Real) and not isinstance(value, bool)


def _number(value: Real) -> str:
    number = float(value)
    return f"{number:,.0f}" if number.is_integer() else f"{number:,}"
