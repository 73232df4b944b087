"""What the applications are measured against: the bare statement over one open connection, and NumPy's exact scan.

One statement at a time: what an application takes beyond it, it takes for itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import psycopg
from pgvector.psycopg import register_vector

from course.dataset import Document

K = 5
COPY = "COPY documents (id, user_id, title, content, embedding) FROM STDIN (FORMAT binary)"
COPIED_TYPES = ["int8", "int8", "text", "text", "vector"]


class Bare:
    """Statements as they are, with `$1`, over one connection that stays open. `vectors`: whether this database knows any."""

    def __init__(self, url: str, *, vectors: bool = True) -> None:
        self.connection = psycopg.connect(url, autocommit=True, cursor_factory=psycopg.RawCursor)
        if vectors:
            register_vector(self.connection)

    def fetch_all(self, sql: str, *parameters: object) -> list[tuple]:
        """Every row of an answer."""
        return self.connection.execute(sql, parameters).fetchall()

    def copy(self, documents: Iterable[tuple], statement: str = COPY) -> None:
        """Write rows of (id, user_id, title, content, embedding) in one binary COPY."""
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(COPIED_TYPES)
            for document in documents:
                copy.write_row(document)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class Scan:
    """All vectors in memory, and each one compared. Who owns what is known before, as an index on the owner knows it."""

    def __init__(self, documents: Sequence[Document], vectors: np.ndarray, premium: frozenset[int]) -> None:
        self._vectors = vectors
        self._ids = np.array([document.id for document in documents])
        self._age = np.array([document.days_ago for document in documents])
        self._premium = np.array([document.user_id in premium for document in documents])
        rows = defaultdict(list)
        for row, document in enumerate(documents):
            rows[document.user_id].append(row)
        self._of_user = {user: np.array(some) for user, some in rows.items()}

    def of_user(self, user_id: int, vector: np.ndarray) -> list[int]:
        """The ids of the user's nearest, the closest first."""
        rows = self._of_user[user_id]
        return self._ids[rows[_largest(self._vectors[rows] @ vector)]].tolist()

    def of_premium(self, days: int, vector: np.ndarray) -> list[int]:
        """The same among what premium users wrote in the last days."""
        rows = np.flatnonzero(self._premium & (self._age < days))
        return self._ids[rows[_largest(self._vectors[rows] @ vector)]].tolist()

    def of_all(self, vector: np.ndarray, k: int = K) -> list[int]:
        """The same among all documents."""
        return self._ids[_largest(self._vectors @ vector, k)].tolist()


def _largest(likeness: np.ndarray, k: int = K) -> np.ndarray:
    if len(likeness) <= k:
        return (-likeness).argsort()
    some = np.argpartition(-likeness, k)[:k]
    return some[(-likeness[some]).argsort()]
