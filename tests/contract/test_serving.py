"""Each application starts from the command line, with the addresses of the environment and no others than it needs."""

import os
import subprocess
import sys

import httpx
import pytest
from fastapi import FastAPI

from course.apps.serve import configured
from course.apps.stores import Addresses
from course.errors import CourseError
from course.servers.process import free_port
from tests.contract.applications import ONE_DATABASE, without_chroma
from tests.kernels import until


def test_uvicorn_serves_it_with_the_addresses_of_the_environment(application, stack, tmp_path):
    application.load(stack)
    environment = {**os.environ, **stack.environment()}
    if application is ONE_DATABASE:
        environment = without_chroma(environment)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", f"course.apps.{application.name}:app", "--port", str(port)]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        until(lambda: b"Uvicorn running on" in (tmp_path / "log").read_bytes(), "the start of uvicorn")
        assert httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).json() == application.health()
    finally:
        process.terminate()
        process.wait()


def test_an_idle_connection_is_kept_longer_than_a_client_keeps_it():
    # Else, on a slow machine, both may give it up at once, and the question that is on its way is lost.
    default = httpx.Limits().keepalive_expiry
    assert default is not None
    assert configured(FastAPI()).timeout_keep_alive > 2 * default


def test_a_missing_address_is_named():
    with pytest.raises(CourseError, match="COURSE_CHROMA_URL") as refused:
        Addresses.of({"COURSE_POSTGRES_URL": "postgresql://", "COURSE_REDIS_URL": "redis://"})
    assert "COURSE_POSTGRES_URL" not in str(refused.value)
    with pytest.raises(CourseError, match="COURSE_REDIS_URL") as refused:
        Addresses.of({"COURSE_POSTGRES_URL": "postgresql://"}, chroma=False)
    assert "COURSE_CHROMA_URL" not in str(refused.value)


def test_addresses_have_the_defaults_of_a_private_stack():
    addresses = Addresses.of({"COURSE_POSTGRES_URL": "postgresql://p", "COURSE_CHROMA_URL": "c", "COURSE_REDIS_URL": "r"})
    assert (addresses.chroma_database, addresses.redis_prefix) == ("default_database", "lumen:")
