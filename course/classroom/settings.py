"""What a class is told when it starts, handed on to JupyterHub and to its services in one variable of the environment."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

VARIABLE = "COURSE_CLASS"

LEARNERS = "course-learners"
"""The system's group of those who may log in."""

TEACHERS = "course-teachers"
"""The system's group of those who see the page of the class. Each is in the other group as well."""

FOLDER = "course"
"""The name of the course in each one's home."""


@dataclass(frozen=True)
class Settings:
    """How a class is run.

    Attributes:
        port: where the class answers, on this machine alone; a web server with HTTPS stands in front of it.
        hub_port: where JupyterHub itself answers to its proxy and to the learners' servers.
        api_port: where its proxy takes orders, with a token.
        page_port: where the page of the class answers to the proxy.
        network: the first half of the addresses between JupyterHub and the learners.
        state: the folder that holds JupyterHub's database, for root alone.
        memory: gigabytes for one learner. How it is held stands in `fence.py`.
        processes: how many processes and threads one learner may have.
        idle: after how many minutes without a sign of life a learner's servers are stopped.
    """

    port: int = 8000
    hub_port: int = 8081
    api_port: int = 8001
    page_port: int = 8002
    network: str = "10.77"
    state: str = "/var/lib/course-class"
    memory: float = 2.0
    processes: int = 1000
    idle: int = 60

    @property
    def hub_address(self) -> str:
        """The address of JupyterHub that the learners' networks lead to. No other machine reaches it."""
        return f"{self.network}.0.1"

    def as_environment(self) -> dict[str, str]:
        """The variable that hands them on."""
        return {VARIABLE: json.dumps(asdict(self))}


def handed_on() -> Settings:
    """The settings that this process was started with."""
    return Settings(**json.loads(os.environ[VARIABLE]))
