"""`python -m course.update`: gets the newest course and keeps every notebook that the learner changed beside the new one.

    lessons/NN_name.ipynb      ->  lessons/NN_name.mine.ipynb              (.mine-2, .mine-3 … while that name is taken)
    solutions/NN_name.ipynb    ->  lessons/NN_name.solution.mine.ipynb

What counts is the bytes on disk, whatever git says of a file: a filter may hide outputs from it, and it can be told not to look.
A notebook counts as changed when a cell or an output differs, so one that was only run counts too. Edited, staged and committed
changes are treated alike; commits also stay on a branch of their own. Nothing is merged. Git ignores the kept copies.

The order is: fetch, look, copy, and only then change anything. Where a step fails, what was written is taken back, and nothing
else is touched. Killed half-way, the copies are there, and the next update goes on.
"""

import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from course.errors import CourseError
from course.files import write_whole
from course.home import ROOT
from course.notebooks.changes import Found, look, on_disk
from course.notebooks.repository import Git, UpdateError


@dataclass
class Update:
    """What an update did: the commits before and after, and each changed notebook with the name of its copy."""

    before: str
    after: str
    kept: list[tuple[str, str]] = field(default_factory=list)
    branch: str | None = None
    """The branch that holds the learner's own commits, if there were any."""

    def __str__(self) -> str:
        if self.before == self.after:
            return "You already have the newest course. Nothing was changed."
        lines = [f"The course is now at {self.after[:7]}."]
        if self.kept:
            lines += [
                "What you had changed is kept beside the new notebooks:",
                *(f"  {name} -> {copy}" for name, copy in self.kept),
            ]
        if self.branch:
            lines.append(f"Your commits are kept on the branch {self.branch}.")
        lines.append("Close notebooks that are open in JupyterLab without saving. Then run `make lab`.")
        return "\n".join(lines)


def update(root: Path) -> Update:
    """Bring the checkout at `root` to the newest commit of the branch that its own branch follows.

    Raises:
        UpdateError: it could not be done, and everything is as it was.
    """
    git = Git(root)
    _check(git)
    with _alone(git):
        new = _fetch(git)
        old, base = git("rev-parse", "HEAD"), git("merge-base", "HEAD", new)
        if base == new:
            return Update(old, old)
        found = look(git, base, new)
        done = Update(old, new, branch=None if base == old else _free_branch(git))
        with _no_interrupt(git):
            before = _Before(git, found, done)
            try:
                for name, content in found.work:
                    _keep(git, name, content, done)
                _move(git, found, done)
            except (UpdateError, OSError) as error:
                raise before.put_back(error) from error
        return done


def _check(git: Git) -> None:
    """Raise where there is nothing to update from, or where git is in the middle of something."""
    with _explained(
        f"{git.root} is not a git clone of the course, so there is nothing to update from",
        "Clone the course with `git clone`, and copy your notebooks into its lessons/ folder.",
    ):
        top = git("rev-parse", "--show-toplevel")
        if Path(top).resolve() != git.root.resolve():
            raise UpdateError(f"the repository is {top}")
    with _explained(
        "This checkout follows no branch of another repository",
        "Name one, as in `git branch --set-upstream-to=origin/main`, then run `make update` again.",
    ):
        git("rev-parse", "--abbrev-ref", "@{upstream}")
    with _explained("A merge, a cherry-pick or a revert is under way", "Finish or abort it, then run `make update` again."):
        for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"):
            if git.path(name).exists():
                raise UpdateError(f"there is a {name}")


@contextlib.contextmanager
def _alone(git: Git) -> Iterator[None]:
    """Hold a lock against a second update of this checkout. It ends with this process, however that ends."""
    with git.path("course-update.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UpdateError(
                "Another `make update` is at work in this checkout. This one has changed nothing. Wait until the other has ended."
            ) from error
        yield


def _fetch(git: Git) -> str:
    """Fetch, and name the newest commit."""
    with _explained(
        "The newest course could not be fetched",
        "Look at your network connection and at `git remote -v`, then run `make update` again.",
    ):
        git("fetch", "--quiet")
        new = git("rev-parse", "@{upstream}^{commit}")
        git("merge-base", "HEAD", new)
        return new


@contextlib.contextmanager
def _explained(what: str, advice: str) -> Iterator[None]:
    try:
        yield
    except UpdateError as error:
        raise UpdateError(f"{what} ({error}). Nothing was changed. {advice}") from error


def _keep(git: Git, name: str, content: bytes, done: Update) -> None:
    """Write one version of a notebook beside it."""
    copy = _free_name(git.root, PurePosixPath(name))
    done.kept.append((name, copy))
    write_whole(git.root / copy, content)


def _free_name(root: Path, name: PurePosixPath) -> str:
    stem = name.stem if name.parent.name == "lessons" else f"{name.stem}.solution"
    number = 1
    while os.path.lexists(root / (copy := f"lessons/{stem}.mine{'' if number == 1 else f'-{number}'}.ipynb")):
        number += 1
    return copy


def _free_branch(git: Git) -> str:
    taken = _branches(git)
    number = 1
    while (branch := "mine" if number == 1 else f"mine-{number}") in taken:
        number += 1
    return branch


def _branches(git: Git) -> list[str]:
    return git("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()


def _move(git: Git, found: Found, done: Update) -> None:
    """Bring index and files to the new commit."""
    git.unflag(found.restore | found.touched)
    for name in found.restore | found.arriving:
        (git.root / name).unlink(missing_ok=True)  # git then writes it, also where a filter tells it that nothing differs
    if known := sorted(found.restore & git.tree("HEAD").keys()):
        git("restore", "--source=HEAD", "--staged", "--worktree", "--", *known)
    if done.branch:
        git("branch", done.branch)
        git("reset", "--quiet", "--keep", done.after)
    else:
        git("merge", "--quiet", "--ff-only", done.after)


class _Before:
    """How everything was that an update may write, and how to put it back."""

    def __init__(self, git: Git, found: Found, done: Update) -> None:
        self._git, self._done = git, done
        self._head = git("rev-parse", "HEAD")
        self._index = git.path("index").read_bytes()
        paths = [git.root / name for name in sorted(found.restore | found.touched)]
        self._files = {path: (content, path.stat().st_mode) for path in paths if (content := on_disk(path)) is not None}
        self._absent = [path for path in paths if path not in self._files]
        folders = {parent for path in self._absent for parent in path.parents if not parent.exists()}
        self._folders = sorted(folders, key=lambda folder: len(folder.parts), reverse=True)

    def put_back(self, error: Exception) -> UpdateError:
        """Undo what was done, and say how it ended."""
        try:
            self._undo()
        except (UpdateError, OSError) as second:
            copies = ", ".join(copy for _, copy in self._done.kept) or "the files themselves"
            return UpdateError(
                f"The newest course could not be put in place ({error}; {second}). Your notebooks are safe in {copies}. "
                f"You were at commit {self._done.before}. Free some disk space if the disk is full, then run `make update` again."
            )
        return UpdateError(
            f"The newest course is here but could not be put in place ({error}). All is as it was. If git is at work elsewhere, "
            "wait for it; if it is not, and its index.lock is there, remove that file. Then run `make update` again."
        )

    def _undo(self) -> None:
        for path in self._absent:
            path.unlink(missing_ok=True)
        for folder in self._folders:
            if folder.exists():
                folder.rmdir()
        for path, (content, mode) in self._files.items():
            if on_disk(path) != content:
                write_whole(path, content)
            path.chmod(mode & 0o777)
        index = self._git.path("index")
        if index.read_bytes() != self._index:
            write_whole(index, self._index)
        if self._git("rev-parse", "HEAD") != self._head:
            self._git("update-ref", "HEAD", self._head)
        if self._done.branch and self._done.branch in _branches(self._git):
            self._git("branch", "--quiet", "-D", self._done.branch)
        for _, copy in self._done.kept:
            (self._git.root / copy).unlink(missing_ok=True)


@contextlib.contextmanager
def _no_interrupt(git: Git) -> Iterator[None]:
    """Let the part that changes files run to its end. It takes a second or so."""
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    git.shielded = True
    try:
        yield
    finally:
        git.shielded = False
        for number, handler in handlers.items():
            signal.signal(number, handler)


def main() -> int:
    """The command. Returns its exit status: 0; or 1, after an interrupt 130, with the reason on stderr."""
    try:
        print(update(ROOT))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. Nothing was changed.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
