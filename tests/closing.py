"""A pytest plugin for the last run of `make test`: says that every gate before it passed too, and how long all took."""

import os
import time

import pytest


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.OK:
        seconds = time.time() - float(os.environ["COURSE_TEST_BEGAN"])
        terminalreporter.section("all gates passed")
        terminalreporter.line(f"ruff, freshness, tests, solutions and lessons in {seconds:.0f} s")
