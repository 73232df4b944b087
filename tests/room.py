"""A class as tests need it: a hub on loopback, users made for it and removed after it, and a client that does what browsers do.

Only root can have one. What a learner runs must be readable for them: where the Python of this environment or the checkout lies
behind a folder of root's, the hub sees it through a mount of its own, which nobody else sees and which ends with it.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx
import psutil
import websocket

from course.classroom import accounts
from course.classroom.settings import LEARNERS, TEACHERS
from course.home import ROOT

PATIENCE = 180
"""Seconds for anything that a class waits for. On a quiet machine, each takes a few."""


class Closed(Exception):
    """The other side does not want, or is not there."""


def can_be_none() -> bool:
    """Whether no class can be had here. Where nothing may be skipped, as in CI, it is not asked what is installed."""
    if os.environ.get("COURSE_NOTHING_SKIPPED") and sys.platform == "linux":
        return os.getuid() != 0
    return sys.platform != "linux" or os.getuid() != 0 or find_spec("jupyterhub") is None or shutil.which("ip") is None


def opened(*paths: Path) -> list[str]:
    """The command that runs another where everybody may come to these paths, in a mount namespace of its own."""
    script = ["set -e"]
    for number, (door, inside) in enumerate(_behind(paths).items()):
        kept = f"/run/course-room-{os.getpid()}-{number}"
        script += [f"mkdir -m 700 -p {kept}", f"mount --bind '{door}' {kept}", f"mount -t tmpfs -o mode=755 room '{door}'"]
        for path in inside:
            script += [f"mkdir -p '{path}'", f"mount --bind {kept}/'{path.relative_to(door)}' '{path}'"]
        script += [f"umount -l {kept}", f"rmdir {kept}"]
    return ["unshare", "--mount", "--", "sh", "-c", "\n".join([*script, 'exec "$@"']), "sh"]


def _behind(paths: tuple[Path, ...]) -> dict[Path, list[Path]]:
    """For each folder that others may not enter, the paths that lie behind it."""
    doors: dict[Path, list[Path]] = {}
    for path in paths:
        closed = [place for place in reversed(path.parents) if not place.stat().st_mode & stat.S_IXOTH]
        if closed and path not in doors.setdefault(closed[0], []):
            doors[closed[0]].append(path)
    return doors


def free_ports(count: int) -> list[int]:
    with_sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in with_sockets]
    for one in with_sockets:
        one.close()
    return ports


@dataclass
class Room:
    """A class that runs. `users` holds each name's password."""

    url: str
    users: dict[str, str]
    process: subprocess.Popen
    folder: Path
    source: Path
    log: Path

    def log_in(self, name: str) -> Browser:
        browser = Browser(self.url, name)
        browser.log_in(self.users[name])
        return browser

    def processes_of(self, name: str) -> list[psutil.Process]:
        return processes_of(name)


def processes_of(name: str) -> list[psutil.Process]:
    """What runs as this user."""
    uid = pwd.getpwnam(name).pw_uid
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess):
            if process.uids().real == uid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@contextmanager
def room(names: list[str], teachers: tuple[str, ...] = (), network: str = "10.78", **settings: object) -> Iterator[Room]:
    """A class of these names. Whatever happens inside, users and processes are gone afterwards."""
    made: dict[str, str] = {}
    folder = Path(tempfile.mkdtemp(prefix="course-room-"))
    folder.chmod(0o755)
    process = None
    try:
        source = folder / "source"
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(source)], check=True)
        for name in names:
            made[name] = accounts.add(name, teacher=name in teachers, source=source)
        ports = dict(zip(("port", "hub-port", "api-port", "page-port"), free_ports(4), strict=True))
        options = {**ports, "network": network, "state": folder / "state", **settings}
        command = [*opened(Path(sys.base_prefix).resolve(), ROOT), sys.executable, "-m", "course.classroom", "start"]
        log = folder / "hub.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, *(f"--{name}={value}" for name, value in options.items())],
                cwd=ROOT,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{ports['port']}"
        until(lambda: _answers(url, process), "the hub answers")
        yield Room(url, made, process, folder, source, log)
    except BaseException:
        with suppress(OSError):
            print((folder / "hub.log").read_text(errors="replace")[-6000:])  # pytest shows it with the failure
        raise
    finally:
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
        left = [f"{one.pid} {one.cmdline()}" for name in made for one in processes_of(name)]
        _remove(names)
        shutil.rmtree(folder)
    assert not left, f"still there after the class has ended: {left}"


def _answers(url: str, process: subprocess.Popen) -> bool:
    if process.poll() is not None:
        raise Closed(f"the hub has ended with {process.returncode}")
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/hub/login").status_code == 200
    return False


def _remove(names: list[str]) -> None:
    for name in names:
        with suppress(KeyError):
            for process in processes_of(name):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            subprocess.run(["userdel", "--remove", name], check=True, capture_output=True)
    for group in (LEARNERS, TEACHERS):
        with suppress(KeyError):
            if not grp.getgrnam(group).gr_mem:
                subprocess.run(["groupdel", group], check=True)


def until(true, what: str, seconds: float = PATIENCE) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


class Browser:
    """What one user's browser does: forms, cookies, and a kernel behind a WebSocket."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self.http = httpx.Client(base_url=url, follow_redirects=True, timeout=PATIENCE)
        self.headers: dict[str, str] = {}

    def log_in(self, password: str) -> None:
        """Fill in the form, and take a token for what scripts of the page do."""
        page = self.http.get("/hub/login")
        form = {"username": self.name, "password": password, "_xsrf": token_in(page.text)}
        answer = self.http.post("/hub/login?next=/hub/home", data=form)
        if answer.status_code != 200 or "/hub/home" not in str(answer.url):
            raise Closed(f"{answer.status_code} at {answer.url}")
        xsrf = re.search(r'xsrf_token: "([^"]+)"', answer.text).group(1)
        made = self.http.post(
            f"/hub/api/users/{self.name}/tokens", json={}, headers={"X-XSRFToken": xsrf, "Referer": f"{self.url}/hub/home"}
        )
        made.raise_for_status()
        self.headers = {"Authorization": f"token {made.json()['token']}"}

    def start(self) -> None:
        """Start this user's server, and wait until it answers."""
        self.api("POST", f"/hub/api/users/{self.name}/server")
        until(lambda: self.api("GET", f"/hub/api/users/{self.name}").json()["server"], f"{self.name}'s server starts")

    def log_out(self) -> None:
        self.http.get("/hub/logout")

    def api(self, method: str, path: str, **options) -> httpx.Response:
        answer = httpx.request(method, self.url + path, headers=self.headers, timeout=PATIENCE, follow_redirects=False, **options)
        if answer.status_code >= 300:
            raise Closed(f"{answer.status_code} for {method} {path}: {answer.text[:300]}")
        return answer

    def kernel(self, path: str = "lessons/00_start_here.ipynb") -> Kernel:
        """A kernel in this user's server, as a notebook at this path has it."""
        session = {"path": path, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        id = self.api("POST", f"/user/{self.name}/api/sessions", json=session).json()["kernel"]["id"]
        address = f"{self.url.replace('http', 'ws', 1)}/user/{self.name}/api/kernels/{id}/channels"
        return Kernel(websocket.create_connection(address, header=self.headers, timeout=PATIENCE))


class Kernel:
    """A kernel at the other end of a WebSocket."""

    def __init__(self, wire: websocket.WebSocket) -> None:
        self._wire = wire
        self._session = uuid.uuid4().hex

    def run(self, code: str, *, may_fail: bool = False) -> str:
        """Run a cell, and return what it printed or shows. Raises `Closed` with its traceback if it failed."""
        id = uuid.uuid4().hex
        header = {"msg_id": id, "msg_type": "execute_request", "session": self._session, "username": "", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell", "buffers": []}
        self._wire.send(json.dumps(message))
        said, open = [], {"reply", "idle"}
        while open:
            answer = json.loads(self._wire.recv())
            if answer["parent_header"].get("msg_id") != id:
                continue
            content, kind = answer["content"], answer["header"]["msg_type"]
            if kind == "stream":
                said.append(content["text"])
            elif kind == "execute_result":
                said.append(content["data"]["text/plain"])
            elif kind == "error":
                said.append("\n".join(content["traceback"]))
            elif kind == "execute_reply":
                open.discard("reply")
                failed = content["status"] != "ok"
            elif kind == "status" and content["execution_state"] == "idle":
                open.discard("idle")
        if failed and not may_fail:
            raise Closed("".join(said))
        return "".join(said)


def token_in(page: str) -> str:
    return re.search(r'name="_xsrf" value="([^"]+)"', page).group(1)
