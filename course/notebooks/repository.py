"""Git in one checkout: runs commands, and reads what git holds. What an update does with it stands in `course.update`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from course.errors import CourseError


class UpdateError(CourseError):
    """The course could not be updated. The message says what is safe and what to do."""


class Git:
    """Runs git in one checkout. While `shielded`, a Ctrl-C on the terminal does not reach it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.shielded = False
        # A hook or a script may have set variables that would lead git to another repository.
        strange = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
        self._environment = {key: value for key, value in os.environ.items() if key not in strange} | {"LC_ALL": "C"}

    def __call__(self, *arguments: str) -> str:
        """The command's output, without its last line end. Raises UpdateError with git's own words."""
        return os.fsdecode(self.output(*arguments)).rstrip("\n")

    def lines(self, *arguments: str) -> list[str]:
        """What the command prints with `-z`."""
        return [line for line in os.fsdecode(self.output(*arguments)).split("\0") if line]

    def output(self, *arguments: str, given: bytes | None = None) -> bytes:
        """The command's output. Raises UpdateError with git's own words."""
        try:
            return subprocess.run(
                ["git", *arguments],
                cwd=self.root,
                env=self._environment,
                start_new_session=self.shielded,
                input=given,
                stdin=None if given is not None else subprocess.DEVNULL,
                capture_output=True,
                check=True,
            ).stdout
        except FileNotFoundError as error:
            raise UpdateError("git is not installed. Nothing was changed. Install it, then run `make update` again.") from error
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip() or f"exit status {error.returncode}"
            raise UpdateError(f"git {arguments[0]}: {said}") from error

    def path(self, name: str) -> Path:
        """Where git keeps a file of its own, such as its index."""
        return self.root / self("rev-parse", "--git-path", name)

    def tree(self, revision: str) -> dict[str, str]:
        """The files of a revision, each with the id of its content."""
        entries = (line.split("\t", 1) for line in self.lines("ls-tree", "-r", "-z", revision))
        return {name: about.split()[2] for about, name in entries}

    def index(self) -> dict[str, str]:
        """The files that are staged, each with the id of its content."""
        entries = (line.split("\t", 1) for line in self.lines("ls-files", "--stage", "-z"))
        return {name: about.split()[1] for about, name in entries}

    def blob(self, id: str) -> bytes:
        """A content, as git holds it."""
        return self.output("cat-file", "blob", id)

    def contents(self, files: Mapping[str, str]) -> dict[str, bytes]:
        """What git would write to disk for these files, name to id: with line ends and filters as they are set up here."""
        given = "".join(f"{id} {name}\n" for name, id in files.items())
        printed = self.output("cat-file", "--batch", "--filters", given=os.fsencode(given))
        found: dict[str, bytes] = {}
        at = 0
        for name in files:
            end = printed.index(b"\n", at)
            size = int(printed[at:end].split()[-1])
            found[name] = printed[end + 1 : end + 1 + size]
            at = end + 2 + size
        return found

    def unflag(self, names: set[str]) -> None:
        """Let git look at these files again, where it was told not to (`--assume-unchanged`, `--skip-worktree`)."""
        flagged = [line[2:] for line in self.lines("ls-files", "-v", "-z") if line[0].islower() or line[0] == "S"]
        mine = [name for name in flagged if name in names]
        if mine:
            self("update-index", "--no-assume-unchanged", "--", *mine)
            self("update-index", "--no-skip-worktree", "--", *mine)
