"""Applications in processes of their own: they answer, they are replaced, and none outlives its kernel."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import httpx
import pytest

from course import dataset
from course.apps import apart
from course.apps.apart import Apart, serve_apart
from course.errors import CourseError
from course.pipeline.kernel_home import short_folder
from course.stack import Stack
from tests.kernels import gone_pid, until

APP = "course.apps.one_database:app"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="course-", dir=short_folder()) as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", home)
        with Stack.start("13", embedded=True) as stack:
            dataset.load_one(stack)
            yield stack


@pytest.fixture
def served(stack: Stack) -> Iterator[Apart]:
    (served,) = serve_apart({APP: stack.environment()})
    yield served
    served.stop()
    apart._served.clear()


def test_it_answers_from_another_process_of_another_session(served: Apart) -> None:
    assert httpx.get(f"{served.url}/health").json() == {"postgresql": "up", "redis": "up"}
    assert served.pid != os.getpid()
    assert os.getsid(served.pid) != os.getsid(0)  # an interrupt of the kernel does not reach it


def test_it_stops_when_it_is_told_so_also_with_a_client_that_keeps_its_connection(served: Apart) -> None:
    with httpx.Client(base_url=served.url) as client:
        assert client.get("/health").status_code == 200
        served.stop()
    assert gone_pid(served.pid)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.url}/health")


def test_it_can_be_killed_and_stopped_after_that(served: Apart) -> None:
    served.kill()
    assert gone_pid(served.pid)
    served.stop()


def test_serving_the_same_again_replaces_it(served: Apart, stack: Stack) -> None:
    (again,) = serve_apart({APP: stack.environment()})
    assert gone_pid(served.pid)
    assert httpx.get(f"{again.url}/health").status_code == 200
    again.stop()


def test_two_start_at_once_and_neither_keeps_the_other_alive(stack: Stack) -> None:
    applications = {APP: stack.environment(), "course.apps.three_databases:app": stack.environment()}
    one, three = serve_apart(applications)
    assert one.url != three.url
    assert set(httpx.get(f"{three.url}/health").json()) == {"postgresql", "chromadb", "redis"}
    one.stop()
    assert gone_pid(one.pid)
    assert httpx.get(f"{three.url}/health").status_code == 200
    three.stop()
    apart._served.clear()


@pytest.mark.parametrize(
    ("app", "environment", "said"),
    [
        (APP, {"COURSE_POSTGRES_URL": ""}, "its start-up failed"),
        ("course.apps.no_such_module:app", {}, "ModuleNotFoundError"),
        ("course.apps.one_database:no_such_app", {}, "AttributeError"),
    ],
)
def test_one_that_does_not_start_says_so_and_leaves_nothing(app: str, environment: dict[str, str], said: str) -> None:
    with pytest.raises(CourseError, match=f"The application did not start: .*{said}"):
        serve_apart({app: environment})
    assert gone_pid(apart._served.pop(app).pid)


KERNEL = f"""
import os, sys
from course.apps.apart import serve_apart
(served,) = serve_apart({{{APP!r}: dict(os.environ)}})
print(served.pid, served.url, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
def test_it_ends_with_its_kernel_however_that_ends(how: signal.Signals | None, stack: Stack) -> None:
    environment = os.environ | stack.environment()
    pipe = subprocess.PIPE
    kernel = subprocess.Popen([sys.executable, "-c", KERNEL], stdin=pipe, stdout=pipe, env=environment, text=True)
    pid, url = kernel.stdout.readline().split()
    assert httpx.get(f"{url}/health").status_code == 200
    if how is None:
        kernel.stdin.close()
    else:
        kernel.send_signal(how)
    kernel.wait(timeout=60)
    until(lambda: gone_pid(int(pid)), "the application to end")


def test_an_interrupt_of_the_kernel_leaves_it_running(stack: Stack) -> None:
    environment = os.environ | stack.environment()
    source = "import signal; signal.signal(signal.SIGINT, lambda *_: None)" + KERNEL  # as a kernel does, before it says a word
    pipe = subprocess.PIPE
    kernel = subprocess.Popen(
        [sys.executable, "-c", source], stdin=pipe, stdout=pipe, env=environment, text=True, start_new_session=True
    )
    pid, url = kernel.stdout.readline().split()
    os.killpg(kernel.pid, signal.SIGINT)
    assert httpx.get(f"{url}/health").status_code == 200
    kernel.stdin.close()
    kernel.wait(timeout=60)
    until(lambda: gone_pid(int(pid)), "the application to end")
