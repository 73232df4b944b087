"""A small table: at most ten rows, as HTML and as text. What `show.table` and the `%%sql` magic display."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import numbers
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, TypeGuard

from course.errors import InputError
from course.exercises.note import LINE, MUTED, TEXT

MAX_ROWS = 10
MAX_CHARACTERS = 60
_BORDER = f"border-bottom:1px solid {LINE}"


class Table:
    """Rows that show themselves. Made by `table`.

    Attributes:
        columns: the columns' names.
        rows: at most ten rows, each a tuple of the values as they were given.
        total: how many rows there are in all.
        title: shown above, or `""`.
    """

    def __init__(
        self, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], total: int, title: str, characters: int = MAX_CHARACTERS
    ) -> None:
        self.columns = tuple(columns)
        self.rows = tuple(rows[:MAX_ROWS])
        self.total = total
        self.title = title
        self._characters = characters

    @property
    def counted(self) -> str:
        """How many rows there are, and how many of them are shown."""
        rows = "1 row" if self.total == 1 else f"{self.total} rows"
        return rows if self.total == len(self.rows) else f"{rows}, the first {len(self.rows)} shown"

    def __repr__(self) -> str:
        cells = [[as_text(value, self._characters) for value in row] for row in self.rows]
        widths = [max(len(line[i]) for line in [self.columns, *cells]) for i in range(len(self.columns))]
        right = self._right()

        def line(texts: Sequence[str]) -> str:
            aligned = (
                text.rjust(width) if numeric else text.ljust(width)
                for text, width, numeric in zip(texts, widths, right, strict=True)
            )
            return "  ".join(aligned).rstrip()

        head = [line(self.columns), "  ".join("-" * width for width in widths)] if self.columns else []
        return "\n".join([*([self.title] if self.title else []), *head, *(line(row) for row in cells), self.counted])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self._html(), "text/plain": repr(self)}

    def _html(self) -> str:
        align = [f"text-align:{'right' if numeric else 'left'}" for numeric in self._right()]
        title = f'<div style="font-weight:600;color:{TEXT}">{escape(self.title)}</div>' if self.title else ""
        head = "".join(
            f'<th scope="col" style="{side};{_BORDER};color:{TEXT}">{escape(name)}</th>'
            for name, side in zip(self.columns, align, strict=True)
        )
        body = "".join(
            "<tr>" + "".join(_cell(value, side, self._characters) for value, side in zip(row, align, strict=True)) + "</tr>"
            for row in self.rows
        )
        grid = (
            f'<table style="margin:4px 0;border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
            if self.columns
            else ""
        )
        return f'<div>{title}{grid}<div style="color:{MUTED};font-size:90%">{self.counted}</div></div>'

    def _right(self) -> list[bool]:
        """For each column, whether it holds numbers and nothing else but NULL."""
        return [_all_numbers([row[i] for row in self.rows]) for i in range(len(self.columns))]


def table(
    rows: Iterable[Any],
    columns: Sequence[str] | None = None,
    total: int | None = None,
    title: str | None = None,
    characters: int = MAX_CHARACTERS,
) -> Table:
    """Show rows: ten at most, numbers to the right, floats with three decimals, and how many there are in all.

    Args:
        rows: tuples, lists, dicts, dataclasses, rows of psycopg or SQLAlchemy, or plain values for one column.
        columns: the columns' names; without them, those that the rows know.
        total: how many rows there are in all, when only some of them are given.
        title: a line above the table.
        characters: a text that is longer is cut.

    Raises:
        InputError: `rows` is no collection of rows, or a row has another number of values than there are columns.
    """
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        raise InputError(f"show.table() takes a list of rows, and got {type(rows).__name__}. Put it in a list: [row].")
    given = list(rows)
    names = tuple(columns) if columns is not None else _names(given)
    tuples = [_tuple(row, names) for row in given]
    for row in tuples:
        if len(row) != len(names):
            raise InputError(
                f"A row has {len(row)} values, and there are {len(names)} columns ({', '.join(names)}). Name one column for each."
            )
    return Table(names, tuples, len(given) if total is None else total, title or "", characters)


def as_text(value: object, characters: int = MAX_CHARACTERS) -> str:
    """A value as it stands in a table: `NULL` for None, three decimals for a float, at most 60 characters or so many.

    A whole number from 2 on has no decimals, even if it is a float: half the world reads 5.000 as five thousand. A zero has no
    sign: which one a rounded sum gets depends on the machine.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool | numbers.Integral):
        return str(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        return f"{number:.0f}" if number.is_integer() and abs(number) >= 2 else f"{number:z.3f}"
    if isinstance(value, decimal.Decimal):
        return f"{value:z.3f}" if value.is_finite() and int(value.as_tuple().exponent) < 0 else str(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if _is_vector(value):
        return f"[{', '.join(f'{number:z.3f}' for number in value[:3])}, … {len(value)} numbers]"
    text = " ".join(str(value).split())
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


def _cell(value: object, align: str, characters: int) -> str:
    text = escape(as_text(value, characters))
    style = f"{align};{_BORDER};color:{MUTED if value is None else TEXT}"
    return f'<td style="{style}">{f"<em>{text}</em>" if value is None else text}</td>'


def _names(rows: list[Any]) -> tuple[str, ...]:
    first = rows[0] if rows else ()
    if isinstance(first, Mapping):
        return tuple(dict.fromkeys(str(key) for row in rows for key in row))
    if dataclasses.is_dataclass(first):
        return tuple(field.name for field in dataclasses.fields(first))
    if hasattr(first, "_fields"):  # a named tuple, a row of SQLAlchemy
        return tuple(first._fields)
    return tuple(f"column {number}" for number in range(1, len(_tuple(first, ())) + 1))


def _tuple(row: Any, names: Sequence[str]) -> tuple[Any, ...]:
    if isinstance(row, Mapping):
        return tuple(row.get(name) for name in names)
    if dataclasses.is_dataclass(row) and not isinstance(row, type):
        return tuple(getattr(row, field.name) for field in dataclasses.fields(row))
    if isinstance(row, Sequence) and not isinstance(row, str | bytes):
        return tuple(row)
    return (row,)


def _is_vector(value: Any) -> TypeGuard[Sequence[float]]:
    """Whether it is a row of more than three numbers: a list, or anything of NumPy's or pgvector's with one dimension."""
    if isinstance(value, list | tuple):
        return len(value) > 3 and all(isinstance(item, float) for item in value)
    return getattr(value, "ndim", None) == 1 and len(value) > 3 and value.dtype.kind == "f"


def _all_numbers(values: list[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(
        isinstance(value, numbers.Real | decimal.Decimal) and not isinstance(value, bool) for value in known
    )
