"""The accounts of a class: system users, each with a home that nobody else reads, a copy of the course, and a password.

A password is made here, shown once, and kept by the system as a hash. It stands in no file of ours.
"""

from __future__ import annotations

import grp
import pwd
import re
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from course.classroom.fence import as_learner, environment, without_network
from course.classroom.settings import FOLDER, LEARNERS, TEACHERS
from course.errors import CourseError
from course.home import ROOT

SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Signs of a password: none that is taken for another on paper."""


class AccountError(CourseError):
    """An account could not be made or changed. The message says what was done until then."""


def add(name: str, *, teacher: bool = False, source: Path = ROOT) -> str:
    """Make a learner or a teacher: a user, a home with the course in it, a password.

    Args:
        name: what they log in with.
        teacher: whether they see the page of the class.
        source: the checkout that their copy is made from, and that `update` gets the newest course from.

    Returns:
        The password. It is known nowhere else.

    Raises:
        AccountError: the name cannot be one, is taken, or a command failed. Nothing of that account stays.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
        raise AccountError(f"{name!r} is no name to log in with: lower-case letters, digits and dashes, a letter first.")
    if name in {user.pw_name for user in pwd.getpwall()}:
        raise AccountError(f"There is a user {name} on this machine. Nothing was changed. Choose another name.")
    groups = [LEARNERS, TEACHERS] if teacher else [LEARNERS]
    for group in (LEARNERS, TEACHERS):
        _run("groupadd", "--force", group)
    _run("useradd", "--create-home", "--key", "HOME_MODE=0700", "--shell", "/bin/bash", "--groups", ",".join(groups), name)
    try:
        _furnish(pwd.getpwnam(name), source)
        return new_password(name)
    except AccountError:
        _run("userdel", "--remove", name)
        raise


def _furnish(account: pwd.struct_passwd, source: Path) -> None:
    """Put the course into a home: its own copy of the notebooks, and the environment of this server, which they only read."""
    folder = Path(account.pw_dir) / FOLDER
    for place in (source, source / ".git"):  # git reads another user's repository only where it is told that it may
        _run_as(account, "git", "config", "--global", "--add", "safe.directory", str(place))
    _run_as(account, "git", "clone", "--quiet", "--no-hardlinks", str(source), str(folder))
    _run_as(account, "ln", "--symbolic", sys.prefix, str(folder / ".venv"))


def new_password(name: str) -> str:
    """Give a learner or a teacher another password, and return it.

    Raises:
        AccountError: there is none of this name in the class, or the command failed.
    """
    if name not in members(LEARNERS):
        raise AccountError(
            f"There is no {name} in this class. Nothing was changed. Add one: python -m course.classroom add {name}"
        )
    password = "-".join("".join(secrets.choice(SIGNS) for _ in range(4)) for _ in range(3))
    _run("chpasswd", given=f"{name}:{password}\n")
    return password


def members(group: str) -> list[str]:
    """The names in a group of the system; none where there is no such group."""
    try:
        return sorted(grp.getgrnam(group).gr_mem)
    except KeyError:
        return []


def update(name: str) -> str:
    """Bring a learner's copy to the newest course, as that learner. What they changed is kept beside the new notebooks.

    Returns:
        What `course.update` said.

    Raises:
        AccountError: it could not be done; that learner's copy is as it was.
    """
    account = pwd.getpwnam(name)
    return _run_as(account, sys.executable, "-m", "course.update", folder=Path(account.pw_dir) / FOLDER)


def _run_as(account: pwd.struct_passwd, *command: str, folder: Path | None = None) -> str:
    as_them = [*without_network(), *as_learner(account), "--", *command]
    return _run(*as_them, folder=folder or Path(account.pw_dir), env=environment(account))


def _run(*command: str, given: str | None = None, folder: Path | None = None, env: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            command, input=given, cwd=folder, env=env, umask=0o077 if env else -1, capture_output=True, text=True, check=True
        )
    except FileNotFoundError as error:
        raise AccountError(f"The program {command[0]} is missing. On Debian: apt install passwd git util-linux.") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip()
        raise AccountError(f"`{' '.join(command)}` says: {said}. Nothing of it was kept.") from error
    return done.stdout.strip()


def names(given: Sequence[str]) -> list[str]:
    """Those given, or all of the class where none is.

    Raises:
        AccountError: one of them is not in the class.
    """
    known = members(LEARNERS)
    if strangers := sorted(set(given) - set(known)):
        raise AccountError(f"Not in this class: {', '.join(strangers)}. Nothing was changed.")
    return list(given) or known
