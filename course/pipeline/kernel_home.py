"""A directory of its own for a kernel that a build or a test runs, and the proof that no process outlives that kernel.

The author's progress and settings stay out, and nothing is written into them. How a kernel runs cells is not told here.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

import psutil

SECONDS_TO_END = 15.0
"""How long processes that a notebook started may take to end once its kernel has."""

_LONGEST = 30

QUICK_END = '--IPKernelApp.exec_lines=assert __import__("atexit").register(__import__("gc").freeze)'
"""A kernel's end searches all that it has imported for garbage: with what most lessons import, for .8 s of the 4.5 s of the
processor that start, imports and end take. A learner's kernel keeps that search, for it closes files that a cell left open."""

KERNEL_ARGUMENTS = ["--InteractiveShell.system_raise_on_error=True", QUICK_END]
"""A shell command (`!…`) that fails raises, instead of leaving its exit status where nobody looks; and a quick end."""

QUIET = {
    "TQDM_DISABLE": "1",  # whether a progress bar shows depends on how fast the machine is
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else the debugger warns on the terminal at every start
}
"""Variables of the environment, read by what a kernel imports."""


def short_folder() -> str:
    """Where temporary files have a short path, as Unix sockets need: the usual folder, or `/tmp` if that one's is long."""
    usual = tempfile.gettempdir()
    return "/tmp" if len(usual) > _LONGEST and os.access("/tmp", os.W_OK) else usual


class KernelHome:
    """A fresh COURSE_HOME, and an IPython without profile and history. Its path is short, as Unix sockets need.

    Call `close` once the kernel has ended.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="course-", dir=short_folder())).resolve()

    def environment(self, *, keep_servers: bool = True) -> dict[str, str]:
        """The variables for the kernel: ours, changed in a few places.

        Args:
            keep_servers: also hand on `COURSE_*_URL`, the addresses of external servers, if they are set.
        """
        inherited = {key: value for key, value in os.environ.items() if keep_servers or not key.startswith("COURSE_")}
        return inherited | QUIET | {"COURSE_HOME": str(self.path / "home"), "IPYTHONDIR": str(self.path / "ipython")}

    def close(self, seconds: float = SECONDS_TO_END) -> list[str]:
        """Wait for every process that refers to this directory to end, kill what has not, and remove the directory.

        Returns:
            A line on each process that had to be killed: none, if the notebook left nothing behind.
        """
        deadline = time.monotonic() + seconds
        while (left := self.processes()) and (remaining := deadline - time.monotonic()) > 0:
            psutil.wait_procs(left, timeout=remaining)
        descriptions = [f"process {process.pid}: {_command(process)}" for process in left]
        for process in left:
            process.kill()
        psutil.wait_procs(left)
        shutil.rmtree(self.path)
        return descriptions

    def processes(self) -> list[psutil.Process]:
        """The living processes whose arguments, directory or COURSE_HOME refer to this directory."""
        return [process for process in psutil.process_iter(["cmdline", "cwd", "environ", "status"]) if self._refers(process.info)]

    def _refers(self, info: dict) -> bool:
        # A field that we may not read is None: then it belongs to another user, and not to a kernel of ours.
        if info["status"] == psutil.STATUS_ZOMBIE:
            return False
        said = [*(info["cmdline"] or []), info["cwd"] or "", (info["environ"] or {}).get("COURSE_HOME", "")]
        return any(str(self.path) in text for text in said)


def _command(process: psutil.Process) -> str:
    return " ".join(process.info["cmdline"] or ["(its command cannot be read)"])[:200]
