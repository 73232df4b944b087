"""The scoreboard's data grow in the two ways that it says."""

import statistics
from collections import Counter

import pytest

from course import dataset
from tests.growth import APART_FROM, KINDS, MORE_DOCUMENTS, MORE_USERS, grown, kinds, middle_and_most


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_as_many_documents_as_the_board_says(kind: str) -> None:
    assert len(grown(1_000, kind).documents) + len(dataset.documents()) == 1_000


def test_more_documents_belong_to_the_same_users() -> None:
    made = grown(2_000, MORE_DOCUMENTS)
    assert made.users == ()
    assert {document.user_id for document in made.documents} == {user.id for user in dataset.users()}


def test_the_kinds_of_a_size_differ() -> None:
    assert kinds(APART_FROM - 1) == (MORE_DOCUMENTS,)
    assert kinds(APART_FROM) == KINDS
    more_documents, more_users = (grown(APART_FROM, kind) for kind in KINDS)
    assert len(more_users.users) == 60
    [(largest, documents)] = Counter(document.user_id for document in more_users.documents).most_common(1)
    assert largest == 100  # the last of them
    assert documents > APART_FROM / 3
    assert max(Counter(document.user_id for document in more_documents.documents).values()) < documents


def test_of_more_users_one_in_a_hundred_has_a_hundred_times_as_many() -> None:
    made = grown(20_000, MORE_USERS)
    counts = Counter(document.user_id for document in made.documents)
    large, others = {397, 398, 399, 400}, set(range(1, 397))
    assert len(made.users) == 360
    assert set(counts) <= large | others
    mean = sum(counts[user] for user in others) / len(others)
    for user in large:
        assert 80 * mean < counts[user] < 125 * mean


def test_who_is_asked_for_has_neither_many_nor_few_and_the_other_the_most() -> None:
    documents = [*dataset.documents(), *grown(20_000, MORE_USERS).documents]
    counts = Counter(document.user_id for document in documents)
    middle, most = middle_and_most(documents, range(1, 401))
    assert counts[most] == max(counts.values())
    assert counts[middle] == statistics.median_high(counts[user] for user in range(1, 401))
