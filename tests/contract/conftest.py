"""A stack for all contract tests, and each application served on it."""

import shutil
import tempfile

import httpx
import pytest

from course.apps.serve import Served
from course.stack import Stack
from tests.contract.applications import APPLICATIONS


@pytest.fixture(scope="session")
def stack():
    home = tempfile.mkdtemp(prefix="lumen")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", home)
        stack = Stack.start("01", embedded=True)
    with stack:
        yield stack
    shutil.rmtree(home)


@pytest.fixture(scope="session", params=APPLICATIONS, ids=lambda application: application.name)
def application(request):
    return request.param


@pytest.fixture(scope="session")
def served(application, stack):
    served = Served(application.create(stack.environment()))
    yield served
    served.stop()


@pytest.fixture
def client(served, application, stack):
    """A client of the served application, with the known rows in its stores."""
    application.load(stack)
    with httpx.Client(base_url=served.url, timeout=20, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def reader(served, application, stack):
    """The same for tests that change nothing: the rows are loaded once."""
    application.load(stack)
    with httpx.Client(base_url=served.url, timeout=20, trust_env=False) as client:
        yield client
