"""Kernels forked from one process, which has imported what most lessons import: each saves about a second of the processor.

`course.build` and JupyterLab start theirs as a learner's are started.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psutil
import pytest
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import LocalProvisioner

from course.pipeline.kernel_home import QUIET
from tests import kernel_server


class Forked(psutil.Process):
    """A process that is not our child, with what jupyter_client asks of a `subprocess.Popen`. Its exit status is not known."""

    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        """0 once it has ended."""
        return None if self.is_running() else 0

    def send_signal(self, sig: int) -> None:
        """Send it a signal; none if it has ended, as a `Popen` does."""
        with suppress(psutil.NoSuchProcess):
            super().send_signal(sig)


class KernelServer:
    """The process that forks kernels. End it with `close`.

    Args:
        watch: the words before its command.
    """

    def __init__(self, watch: Sequence[str] = ()) -> None:
        command = [*watch, sys.executable, kernel_server.__file__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | QUIET
        )

    def fork(self, **kernel: Any) -> Forked:
        """A new process, with the `arguments`, `folder` and `environment` of a kernel."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            print(json.dumps(kernel), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            pytest.exit("The process that forks kernels has ended. What it said stands on standard error.", returncode=1)
        return Forked(int(answer))

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


class ForkingManager(KernelManager):
    """Starts kernels as jupyter_client does, but for the process itself."""

    def __init__(self, server: KernelServer, kernel_name: str, specs: KernelSpecManager) -> None:
        super().__init__(kernel_name=kernel_name, kernel_spec_manager=specs)
        self.provisioner = Forking(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
        self.provisioner.server = server


class Forking(LocalProvisioner):
    """Asks a `KernelServer` for a process."""

    server: KernelServer

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start a kernel with the command's arguments, which follow after `python -m ipykernel_launcher`."""
        self.process = self.server.fork(arguments=cmd[3:], folder=kwargs["cwd"], environment=kwargs["env"])
        self.pid = self.pgid = self.process.pid  # it leads a session of its own
        return self.connection_info
