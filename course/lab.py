"""`python -m course.lab [OPTION …]`: opens JupyterLab at lesson 00, in plain words. Options are handed on to JupyterLab.

What JupyterLab logs goes to `lab.log` in the course's own directory. Its errors are shown as well.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from course.errors import CourseError
from course.home import ROOT, home

READY_SECONDS = 120
STOP_SECONDS = 30
SETTINGS = {
    "LabApp.app_settings_dir": "overrides",
    "LabApp.default_url": "/lab/tree/lessons/00_start_here.ipynb",
    "LabApp.extension_manager": "readonly",  # the other one asks a network
}
_SHOWN = re.compile(r"^\[E |^Traceback|^\w*Error\b")
"""The lines of the log that a learner has to see."""


class Lab:
    """A JupyterLab that runs: its process, and what it has logged."""

    def __init__(self, options: Sequence[str], log: Path) -> None:
        self.log = log
        command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in SETTINGS.items())]
        command += ["--allow-root"] if os.getuid() == 0 else []
        self.process = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches us, and we stop it
        )
        assert self.process.stdout is not None  # a pipe was asked for
        self._reader = threading.Thread(target=self._keep, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def address(self) -> str:
        """Wait until it answers, and return its address, with the token in it.

        Raises:
            CourseError: it has ended, or does not answer in time.
        """
        from jupyter_server.serverapp import list_running_servers

        deadline = time.monotonic() + READY_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            for server in list_running_servers():
                if server["pid"] == self.process.pid:
                    page = "lab/tree/lessons/00_start_here.ipynb"
                    return f"{server['url']}{page}" + (f"?token={server['token']}" if server["token"] else "")
            time.sleep(0.1)
        self.stop()
        tail = "".join(f"    {line}\n" for line in self.log.read_text(errors="replace").splitlines()[-8:])
        raise CourseError(
            f"JupyterLab did not start. The last lines of {self.log}:\n{tail}Nothing of yours was changed. Mend what they name, "
            "or run `.venv/bin/python -m course.doctor`; then run `make lab` again."
        )

    def stop(self) -> None:
        """Ask it to stop its kernels and itself, and wait."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._reader.join(STOP_SECONDS)

    def _keep(self, lines: TextIO) -> None:
        with self.log.open("w", encoding="utf-8") as log:
            for line in lines:
                log.write(line)
                log.flush()
                if _SHOWN.match(line):
                    print(line, end="", file=sys.stderr, flush=True)


def main(options: Sequence[str]) -> int:
    """The command. Returns its exit status: 0 after a stop, else 1 with the reason on stderr."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        print("JupyterLab is starting. The first time, this takes some seconds.", flush=True)
        lab = Lab(options, home() / "lab.log")
        try:
            print(
                f"It is open at\n\n    {lab.address()}\n\nIf no browser opens, copy this address into one.\n"
                f"To stop: Ctrl-C here, once. Save your notebooks before. (What JupyterLab logs is in {lab.log}.)",
                flush=True,
            )
            status = lab.process.wait()
            print("JupyterLab has ended.", flush=True)
            return min(status, 1) if status >= 0 else 1
        except KeyboardInterrupt:
            print("\nStopping JupyterLab and its servers …", flush=True)
            return 0
        finally:
            lab.stop()
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
