"""`python -m course.lab [OPTION …]`: opens JupyterLab where the learner stopped, at first lesson 00, and says so in plain words.
Options are handed on to JupyterLab.

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
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from course.errors import CourseError
from course.home import ROOT, home
from course.progress.resume import stop

READY_SECONDS = 120
STOP_SECONDS = 30
FIRST = "00_start_here"
"""The lesson that opens for who has done nothing yet."""

PROGRAM = [sys.executable, "-c", "import course, jupyterlab.labapp as lab; lab.main()"]
"""JupyterLab. `course` comes first, as it leaves out what takes half of the imports and is not needed: see there."""

SETTINGS = {
    "LabApp.app_settings_dir": "overrides",
    "LabApp.extension_manager": "readonly",  # the other one asks a network
}
_SHOWN = re.compile(r"^\[E |^Traceback|^\w*Error\b")
"""The lines of the log that a learner has to see."""


class Lab:
    """A JupyterLab that runs: its process, the page that it opens, and what it has logged."""

    def __init__(self, options: Sequence[str], log: Path, stem: str = FIRST) -> None:
        self.log = log
        self._page = f"lab/tree/lessons/{stem}.ipynb"
        settings = SETTINGS | {"LabApp.default_url": f"/{self._page}"}
        command = [*PROGRAM, *(f"--{name}={value}" for name, value in settings.items())]
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
                    return f"{server['url']}{self._page}" + (f"?token={server['token']}" if server["token"] else "")
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


def where_to_begin() -> tuple[str, str]:
    """The notebook to open, without its ending, and a sentence that says why; `""` for who has done nothing yet.

    Whatever is wrong with the progress file is said here, and keeps nobody from working.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            stopped = stop()
        except CourseError as error:
            return FIRST, f"{error}"
    said = [f"{warning.message}" for warning in caught]
    if stopped is None or not (ROOT / "lessons" / f"{stopped.go_on.stem}.ipynb").is_file():
        return FIRST, " ".join(said)
    return stopped.go_on.stem, " ".join([*said, f"{stopped} It opens there."])


def main(options: Sequence[str]) -> int:
    """The command. Returns its exit status: 0 after a stop, else 1 with the reason on stderr."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        stem, said = where_to_begin()
        if said:
            print(said)
        print("JupyterLab is starting. The first time, this takes some seconds.", flush=True)
        lab = Lab(options, home() / "lab.log", stem)
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
