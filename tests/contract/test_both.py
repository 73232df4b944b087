"""Both applications, each at its known start, give the same answers, and one of them needs fewer round trips for it."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from course import dataset
from course.apps.serve import Served
from course.measure import RoundTrips
from tests.contract.applications import ONE_DATABASE, THREE_DATABASES

STARTS = {THREE_DATABASES: dataset.load, ONE_DATABASE: dataset.load_one}
USERS = (1, 17, 40)


@pytest.fixture(scope="module")
def answers(stack):
    """Every application's answers: for each path, the ids and their distances, the closest first."""
    paths: list[tuple[str, str, dict[str, int]]]
    paths = [(f"/users/{user}/similar", question.text, {}) for question in dataset.questions() for user in USERS]
    paths += [("/premium/similar", question.text, {"user_id": 1, "days": 30}) for question in dataset.questions()[::5]]
    answers = {}
    for application, load in STARTS.items():
        load(stack)
        served = Served(application.create(stack.environment()))
        with httpx.Client(base_url=served.url, timeout=20, trust_env=False) as client, ThreadPoolExecutor(4) as threads:
            responses = threads.map(lambda path: client.get(path[0], params={"q": path[1], **path[2]}), paths)
            answers[application] = [[(document["id"], document["distance"]) for document in found.json()] for found in responses]
        served.stop()
    return answers


def test_the_same_documents_at_the_same_distances(answers):
    for three, one in zip(answers[THREE_DATABASES], answers[ONE_DATABASE], strict=True):
        assert len(one) == 5
        assert dict(one) == pytest.approx(dict(three), abs=1e-5)


def test_in_the_same_order(answers):
    """Documents at one distance may change places."""
    for three, one in zip(answers[THREE_DATABASES], answers[ONE_DATABASE], strict=True):
        assert [distance for _, distance in one] == sorted(distance for _, distance in one)
        assert [distance for _, distance in one] == pytest.approx([distance for _, distance in three], abs=1e-5)


@pytest.mark.parametrize(
    ("application", "similar", "premium"),
    [(THREE_DATABASES, (2, 1, 2), (3, 1, 0)), (ONE_DATABASE, (1, 0, 2), (1, 0, 0))],
    ids=lambda parameter: getattr(parameter, "name", ""),
)
def test_round_trips_to_postgresql_chromadb_and_redis(stack, application, similar, premium):
    STARTS[application](stack)
    trips = RoundTrips(stack)
    urls = {"POSTGRES": trips.postgres_url, "CHROMA": trips.chroma_url, "REDIS": trips.redis_url}
    served = Served(application.create({**stack.environment(), **{f"COURSE_{key}_URL": url for key, url in urls.items()}}))
    try:
        for path, expected in (("/users/1/similar?q=", similar), ("/premium/similar?user_id=1&q=", premium)):
            httpx.get(f"{served.url}{path}warm", trust_env=False)  # connects
            with trips.counting() as counted:
                assert httpx.get(f"{served.url}{path}refund", trust_env=False).status_code == 200
            assert tuple(counted.values()) == expected
    finally:
        served.stop()
        trips.close()
