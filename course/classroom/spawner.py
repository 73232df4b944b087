"""Starts a learner's JupyterLab behind the fence, and sees that nothing of it is left when it has ended."""

from __future__ import annotations

import asyncio
import pwd
import sys

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Float, Integer, Unicode

from course.classroom.fence import fenced
from course.classroom.network import Network
from course.classroom.settings import FOLDER

PORT = 8888
"""The port of each one's JupyterLab: each has a network of their own, so they are never in each other's way."""


class ClassSpawner(LocalProcessSpawner):
    """A JupyterLab for a system user, in a network of its own."""

    hub_address = Unicode(help="Where the learners' networks lead to.").tag(config=True)
    python = Unicode(sys.executable, help="The Python of the course's environment.").tag(config=True)
    memory = Float(help="Gigabytes for one learner.").tag(config=True)
    processes = Integer(help="How many processes and threads one learner may have.").tag(config=True)

    async def start(self) -> tuple[str, int]:
        """Make the network, and start JupyterLab inside. Returns where it answers."""
        account = pwd.getpwnam(self.user.name)
        network = self._network()
        await asyncio.to_thread(network.open)
        self.ip, self.port = network.address, PORT
        own_server = [self.python, "-P", "-m", "course.classroom.own_server"]
        self.cmd = [*fenced(account, network, self.memory, self.processes), *own_server]
        self.popen_kwargs = {"cwd": f"{account.pw_dir}/{FOLDER}", "umask": 0o077}
        return await super().start()

    def make_preexec_fn(self, name: str) -> None:
        """Nothing: the fence is a command, and becomes the learner itself."""

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """The learner's environment. `import course` finds the copy in their home, which is theirs to update."""
        env = super().user_env(env)
        return env | {"LOGNAME": self.user.name, "PYTHONPATH": f"{env['HOME']}/{FOLDER}"}

    async def run_post_stop_hook(self) -> None:
        """End what the server has left behind, also where it has crashed, and remove the network."""
        await asyncio.to_thread(self._network().close)

    def _network(self) -> Network:
        return Network(pwd.getpwnam(self.user.name).pw_uid, self.hub_address)
