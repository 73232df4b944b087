"""A network of its own for each learner: what listens on 127.0.0.1 there is out of everybody else's reach.

ChromaDB has no authentication, an application of a lesson has none, and a kernel's output can be read by who connects to its
port. Each of them listens on loopback, so a loopback of one's own is a wall around all of them. It is a network namespace of
Linux, made with `ip`. One cable leads out of it, to JupyterHub's address and nowhere else: no other learner, no internet.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from course.errors import CourseError

PLACE = Path("/run/netns")
"""Where `ip netns` keeps the namespaces, one file for each."""

LEAVE_SECONDS = 10
"""How long what a learner has started may take to end by itself. The servers of a notebook that is gone take a second or two."""


class NetworkError(CourseError):
    """A network could not be made. The message says what is missing."""


@dataclass(frozen=True)
class Network:
    """The network of one learner.

    Attributes:
        uid: the learner's number on this machine, from which the name and the address follow.
        hub: the address of JupyterHub.
    """

    uid: int
    hub: str

    @property
    def name(self) -> str:
        """What `ip netns list` calls it."""
        return f"course-{self.uid}"

    @property
    def path(self) -> Path:
        """The file that `nsenter --net=` takes."""
        return PLACE / self.name

    @property
    def address(self) -> str:
        """Where JupyterHub reaches the learner's JupyterLab."""
        first, second, *_ = self.hub.split(".")
        return f"{first}.{second}.{self.uid >> 8 & 255}.{self.uid & 255}"

    def open(self) -> None:
        """Make it, with a loopback and a cable to JupyterHub. One that is there is closed before.

        Raises:
            NetworkError: it cannot be made.
        """
        self.close()
        cable = f"course{self.uid}"
        _ip("netns", "add", self.name)
        _ip("link", "add", cable, "type", "veth", "peer", "name", "hub", "netns", self.name)
        _ip("address", "add", self.hub, "peer", f"{self.address}/32", "dev", cable)
        _ip("link", "set", cable, "up")
        _ip("-n", self.name, "address", "add", self.address, "peer", f"{self.hub}/32", "dev", "hub")
        _ip("-n", self.name, "link", "set", "lo", "up")
        _ip("-n", self.name, "link", "set", "hub", "up")

    def processes(self) -> list[psutil.Process]:
        """What runs inside."""
        try:
            ours = self.path.stat().st_ino
        except FileNotFoundError:
            return []
        return [process for process in psutil.process_iter() if _network_of(process.pid) == ours]

    def close(self) -> None:
        """End what runs inside, and remove it. Does nothing where it is not there.

        What has heard that its notebook is gone ends by itself; what has not is told, and killed at last.
        """
        if not self.path.exists():
            return
        _, left = psutil.wait_procs(self.processes(), LEAVE_SECONDS)
        for number, patience in ((signal.SIGTERM, LEAVE_SECONDS), (signal.SIGKILL, LEAVE_SECONDS)):
            left = self.processes()
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
            psutil.wait_procs(left, patience)
        _ip("netns", "delete", self.name)


def give_hub_its_address(hub: str) -> None:
    """Give this machine the address that the learners' networks lead to.

    Raises:
        NetworkError: it cannot be given.
    """
    _ip("address", "replace", f"{hub}/32", "dev", "lo")


def take_hub_its_address(hub: str) -> None:
    """Take that address away again."""
    _ip("address", "delete", f"{hub}/32", "dev", "lo")


def _network_of(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return None  # it has ended


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise NetworkError("The program `ip` is missing. Nothing was started. Install the package iproute2.") from error
    except subprocess.CalledProcessError as error:
        raise NetworkError(
            f"`ip {' '.join(arguments)}` says: {error.stderr.strip()}. A class needs a Linux on which root may make network "
            "namespaces and veth devices; in a container, the right CAP_SYS_ADMIN and CAP_NET_ADMIN. No file was changed."
        ) from error
