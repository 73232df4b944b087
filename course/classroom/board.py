"""Who shares their progress with the class, and what they have done: reports, made anew when there is something new.

How it is shown stands in `page.py`. A report is made as the learner, by the course of this server: it reads what that learner
may read, and nothing else.
"""

from __future__ import annotations

import json
import pwd
import subprocess
import sys
from pathlib import Path

from course.classroom.fence import as_learner, environment, without_network
from course.classroom.settings import FOLDER
from course.files import write_whole
from course.progress.classroom import Classroom, read_class
from course.progress.report import LARGEST

SECONDS = 60
"""How long making one report may take. It takes less than one."""


class Board:
    """What the class shares. Its files lie in a folder of root's."""

    def __init__(self, state: Path) -> None:
        self._sharing = state / "sharing.json"
        self._reports = state / "reports"
        self._reports.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._seen: dict[str, int] = {}

    def sharing(self) -> list[str]:
        """The names of those who share."""
        return json.loads(self._sharing.read_text()) if self._sharing.exists() else []

    def share(self, name: str, *, agreed: bool) -> None:
        """Note that one shares, or no longer does; then what is here of them goes."""
        others = [other for other in self.sharing() if other != name]
        write_whole(self._sharing, json.dumps(sorted([*others, name] if agreed else others)))
        if not agreed:
            self._report_of(name).unlink(missing_ok=True)
            self._seen.pop(name, None)

    def look(self) -> Classroom:
        """What those who share have done until now."""
        said = []
        for name in self.sharing():
            try:
                self._renew(name)
            except (KeyError, OSError, subprocess.SubprocessError) as error:
                said.append(f"The progress of {name} could not be read: {error}")
        classroom = read_class(self._reports)
        return Classroom(classroom.reports, (*said, *classroom.said))

    def _renew(self, name: str) -> None:
        account = pwd.getpwnam(name)
        home = Path(account.pw_dir) / FOLDER / ".course"
        progress = home / "progress.json"
        changed = progress.stat().st_mtime_ns if progress.exists() else 0
        if self._seen.get(name) == changed and self._report_of(name).exists():
            return
        report = subprocess.run(
            [*without_network(), *as_learner(account), "--", sys.executable, "-P", "-m", "course.classroom.tell", name],
            env=environment(account) | {"COURSE_HOME": str(home)},
            cwd="/",
            capture_output=True,
            check=True,
            timeout=SECONDS,
        ).stdout
        write_whole(self._report_of(name), report[: LARGEST + 1])
        self._seen[name] = changed

    def _report_of(self, name: str) -> Path:
        return self._reports / f"{name}.json"
