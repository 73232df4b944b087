"""Reading what a query returned."""

from __future__ import annotations

from typing import Any

import psycopg


def only(cursor: psycopg.Cursor[tuple[Any, ...]]) -> Any:
    """The first value of the first row, for a query that always returns one, such as `SHOW` or `count(*)`.

    Raises:
        LookupError: there is no row.
    """
    row = cursor.fetchone()
    if row is None:
        raise LookupError("the query returned no row")
    return row[0]
