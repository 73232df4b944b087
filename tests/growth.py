"""The two ways in which the scoreboard's data grow. Nothing is loaded or timed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from course import dataset
from course.dataset import Document, Scaled

DOCUMENTS_A_USER = 50
TIMES_AS_MANY = 100

MORE_DOCUMENTS, MORE_USERS = KINDS = ("40 users", f"a user for {DOCUMENTS_A_USER} documents")
APART_FROM = 100 * DOCUMENTS_A_USER
"""From so many documents on the two differ: there are more than the 40 real users, and one in a hundred is one at least."""


def kinds(size: int) -> Sequence[str]:
    """The ways to grow to this size that give different documents."""
    return KINDS if size >= APART_FROM else KINDS[:1]


def grown(size: int, kind: str) -> Scaled:
    """So many documents less the real ones: of the 40 users, or of more users, one in a hundred with 100 times as many."""
    n = size - len(dataset.documents())
    if kind == MORE_DOCUMENTS:
        return dataset.scaled(n)
    return with_large_accounts(dataset.scaled(n, users=max(len(dataset.users()), size // DOCUMENTS_A_USER)))


def with_large_accounts(made: Scaled, seed: int = 14) -> Scaled:
    """The same documents, in which one user in a hundred has `TIMES_AS_MANY` as the others: those users' ids are the last."""
    users = len(dataset.users()) + len(made.users)
    large = users // 100
    random = np.random.default_rng(seed)
    theirs = random.random(len(made.documents)) < TIMES_AS_MANY * large / (TIMES_AS_MANY * large + users - large)
    owners = users - random.integers(max(1, large), size=len(made.documents))
    pairs = zip(made.documents, theirs.tolist(), owners.tolist(), strict=True)
    return replace(made, documents=tuple(replace(one, user_id=owner) if moved else one for one, moved, owner in pairs))


def middle_and_most(documents: Sequence[Document], among: Sequence[int]) -> tuple[int, int]:
    """Of these users, who has neither many documents nor few; and who has the most of all."""
    counts = Counter(document.user_id for document in documents)
    ranked = sorted(among, key=lambda user: counts[user])
    return ranked[len(ranked) // 2], counts.most_common(1)[0][0]
