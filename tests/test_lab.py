"""`make lab`: what it says while JupyterLab starts, runs and ends. JupyterLab itself is the real one."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from course.home import ROOT


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def start(home: Path, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "course.lab", "--no-browser", *options]
    environment = os.environ | {"COURSE_HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime")}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=-1, stderr=-1, text=True)


def until_open(process: subprocess.Popen) -> tuple[str, list[str]]:
    """The address that it prints, and all lines up to the last that it prints by itself."""
    lines: list[str] = []
    while "To stop" not in (line := process.stdout.readline()):
        assert line, process.stderr.read()
        lines.append(line)
    (address,) = re.findall(r"http://\S+", "".join(lines))
    return address, [*lines, line]


@pytest.fixture
def lab(home: Path) -> Iterator[subprocess.Popen]:
    process = start(home, "--port=0")
    yield process
    process.terminate()  # it ends its JupyterLab then; killed, as after a test that fails, it would leave it behind
    process.communicate(timeout=60)


def test_it_says_where_to_look_and_how_to_stop_and_ends_at_one_interrupt(lab: subprocess.Popen, home: Path) -> None:
    address, lines = until_open(lab)
    assert "lessons/00_start_here.ipynb?token=" in address
    assert len([line for line in lines if line.strip()]) <= 5
    assert httpx.get(address, follow_redirects=True).status_code == 200
    (server,) = psutil.Process(lab.pid).children()
    assert "extension_manager=readonly" in " ".join(server.cmdline())
    lab.send_signal(signal.SIGINT)
    said, errors = lab.communicate(timeout=60)
    assert lab.returncode == 0
    assert "Stopping JupyterLab" in said
    assert errors == ""
    assert not server.is_running()
    assert "Jupyter" in (home / "lab.log").read_text()


def test_a_port_in_use_is_no_hindrance(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(home, f"--port={port}")
        address, _ = until_open(process)
        assert f":{port}/" not in address
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def test_a_start_that_fails_shows_the_end_of_the_log(home: Path) -> None:
    process = start(home, "--ServerApp.ip=192.0.2.1")
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "JupyterLab did not start. The last lines of" in errors
    assert "make lab" in errors
    assert "http://" not in said


def test_it_opens_where_the_learner_stopped_and_says_so(home: Path) -> None:
    home.mkdir()
    (home / "progress.json").write_text('{"checks": {"01.in_order": {"outcome": "not yet"}}, "last": "01.in_order"}')
    process = start(home, "--port=0")
    try:
        address, lines = until_open(process)
        assert "lessons/01_build_three_databases.ipynb?token=" in address
        assert lines[0].startswith("You stopped in lesson 01")
        (server,) = psutil.Process(process.pid).children()
        assert "--LabApp.default_url=/lab/tree/lessons/01_build_three_databases.ipynb" in server.cmdline()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
