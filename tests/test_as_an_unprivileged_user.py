"""The servers' tests once more, as a user without privileges, when the suite itself is run by root."""

import os
import subprocess
import sys
import tempfile

import pytest

from course.home import ROOT
from tests.prepared import PREPARED

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="the suite itself already runs without privileges")


@pytest.fixture
def user():
    """A user made for this test, without a password and without a home, and removed after it."""
    name = f"course-test-{os.getpid()}"
    subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/bin/sh", name], check=True)
    yield name
    subprocess.run(["userdel", name], check=True)


@pytest.fixture
def open_directory():
    """A directory that this user may enter and write to."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o777)
        yield path


def test_the_servers_as_an_unprivileged_user(user, open_directory):
    # Reading through directories of root is allowed, as the checkout may lie in one; writing there is not.
    readable = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *readable]
    command = [sys.executable, "-m", "pytest", "-p", "tests.fast_start", "-q", f"--basetemp={open_directory}/work"]
    command += ["tests/test_servers.py", "tests/test_cluster.py"]
    environment = os.environ | {"HOME": open_directory, "USER": user}
    environment.pop(PREPARED, None)  # what root has prepared is root's
    done = subprocess.run([*become, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
