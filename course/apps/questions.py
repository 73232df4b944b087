"""A question's vector: made in a thread, and remembered for who asks the same. Each application has its own `LastQuestions`.

Nothing here knows a database. What the model does stands in `course.embedding`, the cache of whole answers in `common.py`.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict

import numpy as np

from course.embedding import embed

# An answer is cached for one user and one minute; a question's vector is the same for all users and for good. A thousand of
# them take 1.5 MB. Measured: the model 5 ms a question on a quiet machine, one that is remembered 0.0005 ms. The mere way into
# a thread and back was 0.09 ms of the 0.54 that an answer took without the model.
KEPT = 1_000


class LastQuestions:
    """The vectors of the last questions. Awaiting one with a text gives its vector.

    Args:
        kept: how many it remembers. The one that was not asked for the longest time is forgotten first.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._vectors: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()  # one application may be served twice, in two threads

    async def __call__(self, text: str) -> np.ndarray:
        """The vector of a text, made in a thread if it is new: other requests go on meanwhile.

        Raises:
            InputError: as `embed` does. Nothing is remembered then.
        """
        with self._lock:
            vector = self._vectors.get(text)
            if vector is not None:
                self._vectors.move_to_end(text)
                return vector
        vector = await asyncio.to_thread(embed, text)
        with self._lock:
            self._vectors[text] = vector
            while len(self._vectors) > self._kept:
                self._vectors.popitem(last=False)
        return vector
