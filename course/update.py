"""`python -m course.update`: gets the newest course and keeps every notebook that the learner changed beside the new one.

    lessons/NN_name.ipynb      ->  lessons/NN_name.mine.ipynb              (.mine-2, .mine-3 … while that name is taken)
    solutions/NN_name.ipynb    ->  lessons/NN_name.solution.mine.ipynb

A notebook counts as changed when its content differs at all, so one that was only run counts too: its outputs may be what the
learner wants to keep. Edited, staged and committed changes are treated alike; commits also stay on a branch of their own.
Nothing is merged. Git ignores the kept copies.

The order is: fetch, look, copy, and only then change anything. Where a step fails, everything is put back.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from course.errors import CourseError
from course.home import ROOT


class UpdateError(CourseError):
    """The course could not be updated. The message says what is safe and what to do."""


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
    new = _fetch(git)
    old, base = git("rev-parse", "HEAD"), git("merge-base", "HEAD", new)
    if base == new:
        return Update(old, old)
    names = _changed_notebooks(git, base)
    done = Update(old, new, branch=None if base == old else _free_branch(git))
    with _no_interrupt(git):
        before = _Before(git, names, done)
        try:
            for name in names:
                _keep(git, base, name, done)
            _move(git, names, done)
        except (UpdateError, OSError) as error:
            raise before.put_back(error) from error
    return done


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

    def names(self, *arguments: str) -> set[str]:
        """The file names that the command prints with `-z`."""
        return set(os.fsdecode(self.output(*arguments)).split("\0")) - {""}

    def output(self, *arguments: str) -> bytes:
        """The command's output. Raises UpdateError with git's own words."""
        try:
            return subprocess.run(
                ["git", *arguments],
                cwd=self.root,
                env=self._environment,
                start_new_session=self.shielded,
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

    def blob(self, revision: str) -> bytes | None:
        """The content of a file, such as `HEAD:lessons/x.ipynb`, or None where there is no such file."""
        try:
            return self.output("cat-file", "blob", revision)
        except UpdateError:
            return None


def _fetch(git: Git) -> str:
    """Fetch, and name the newest commit."""
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


def _changed_notebooks(git: Git, base: str) -> list[str]:
    """The course's notebooks that differ from `base` on disk, in the index or in a commit.

    Raises:
        UpdateError: something else differs too.
    """
    listing = ("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff")
    changed = git.names(*listing, base) | git.names(*listing, "--cached", base) | git.names(*listing, base, "HEAD")
    tracked = git.names("ls-tree", "-r", "-z", "--name-only", base)
    if others := sorted(name for name in changed if name not in tracked or not _is_notebook(name)):
        raise UpdateError(
            f"Besides the course's notebooks you have changed, added or committed: {', '.join(others)}. Nothing was changed. "
            "Keep them on a branch of your own and come back to this one without them, then run `make update` again."
        )
    return sorted(changed)


def _is_notebook(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".ipynb" and path.parent.as_posix() in ("lessons", "solutions")


def _keep(git: Git, base: str, name: str, done: Update) -> None:
    """Copy a notebook as it is on disk, and as it was staged where that is something else again."""
    path = git.root / name
    versions = [path.read_bytes() if path.exists() else None, git.blob(f":{name}")]
    for content in dict.fromkeys(versions):
        if content not in (None, git.blob(f"{base}:{name}")):
            copy = _free_name(git.root, PurePosixPath(name))
            done.kept.append((name, copy))
            (git.root / copy).write_bytes(content)


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


def _move(git: Git, names: list[str], done: Update) -> None:
    """Bring index and files to the new commit. Git itself refuses to write over a file that it does not know."""
    if known := sorted(set(names) & git.names("ls-tree", "-r", "-z", "--name-only", "HEAD")):
        git("restore", "--source=HEAD", "--staged", "--worktree", "--", *known)
    if done.branch:
        git("branch", done.branch)
        git("reset", "--quiet", "--keep", done.after)
    else:
        git("merge", "--quiet", "--ff-only", done.after)


class _Before:
    """How everything was, and how to put it back."""

    def __init__(self, git: Git, names: list[str], done: Update) -> None:
        self._git, self._done = git, done
        paths = [git.root / name for name in names]
        self._files = {path: path.read_bytes() if path.exists() else None for path in paths}
        arriving = git.names("diff", "--name-only", "-z", "--no-renames", "--diff-filter=A", done.before, done.after)
        self._arriving = [path for name in arriving if not os.path.lexists(path := git.root / name)]
        self._status = self._look()
        self._index = git.path("index").read_bytes()

    def put_back(self, error: Exception) -> UpdateError:
        """Undo what was done, and say how it ended."""
        try:
            self._undo()
            undone = self._look() == self._status
        except (UpdateError, OSError) as second:
            error, undone = UpdateError(f"{error}; {second}"), False
        if undone:
            for _, copy in self._done.kept:
                (self._git.root / copy).unlink(missing_ok=True)
            return UpdateError(
                f"The newest course is here but could not be put in place ({error}). All is as it was. "
                "If a file is in the way, rename it; if git is at work elsewhere, wait for it. Then run `make update` again."
            )
        copies = ", ".join(copy for _, copy in self._done.kept) or "the files themselves"
        return UpdateError(
            f"The newest course could not be put in place ({error}). Your notebooks are safe in {copies}. "
            f"You were at commit {self._done.before}: look at `git status`, free some disk space if it is full, "
            "then run `make update` again."
        )

    def _undo(self) -> None:
        with contextlib.suppress(UpdateError):  # where git cannot write it has changed nothing; the look afterwards tells
            self._git("reset", "--quiet", "--hard", self._done.before)
        for path in self._arriving:
            path.unlink(missing_ok=True)
        for path, content in self._files.items():
            if content is None:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)
        index = self._git.path("index")
        if index.read_bytes() != self._index:
            index.write_bytes(self._index)
        if self._done.branch and self._done.branch in _branches(self._git):
            self._git("branch", "--quiet", "-D", self._done.branch)

    def _look(self) -> tuple[str, str]:
        return self._git("rev-parse", "HEAD"), self._git("status", "--porcelain", "-z", "--untracked-files=no")


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
