"""The busy core of `make test-busy`: what runs inside shares one core with the loops, and nothing of it is left behind."""

import os
import subprocess
import sys

import psutil
import pytest

from tests.busy import busy_core, main

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to a core")


def test_what_runs_inside_shares_one_core_with_the_loops_and_nothing_is_left():
    allowed, others = os.sched_getaffinity(0), set(psutil.Process().children())
    with busy_core(loops=1) as core:
        [loop] = set(psutil.Process().children()) - others
        assert os.sched_getaffinity(0) == os.sched_getaffinity(loop.pid) == {core}
    assert not loop.is_running()
    assert os.sched_getaffinity(0) == allowed


def test_a_loop_ends_with_the_one_that_started_it_even_if_that_is_killed():
    start = "from tests.busy import busy_core\nwith busy_core(loops=1): print('busy', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout.readline() == "busy\n"
        [loop] = psutil.Process(starter.pid).children()
        starter.kill()
    _, alive = psutil.wait_procs([loop], timeout=30)
    assert not alive


def test_an_unknown_lesson_is_refused_before_anything_runs(capsys):
    assert main("99") == 1
    assert "99" in capsys.readouterr().out
