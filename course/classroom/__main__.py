"""`python -m course.classroom`: a class on this machine.

python -m course.classroom add anna ben            learners, and a password for each, shown once
python -m course.classroom add --teacher dana      a teacher, who sees the page of the class
python -m course.classroom password anna           another password
python -m course.classroom update                  the newest course for all; what they changed is kept
python -m course.classroom start                   the class itself, until Ctrl-C
"""

from __future__ import annotations

import argparse
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from course.classroom import accounts, network
from course.classroom.settings import Settings
from course.errors import CourseError
from course.home import ROOT


def start(settings: Settings) -> int:
    """Run the class until it is ended. Returns JupyterHub's exit status.

    Raises:
        CourseError: it cannot be run here.
    """
    _see_that_learners_can_read(Path(sys.executable), ROOT)
    state = Path(settings.state)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    network.give_hub_its_address(settings.hub_address)
    print(
        f"The class answers at http://127.0.0.1:{settings.port}, on this machine alone. Passwords go there unencrypted: to open "
        "it to others, put a web server with HTTPS in front of it, as docs/teaching/server.md shows. Ctrl-C ends it.",
        flush=True,
    )
    config = Path(__file__).with_name("hub_config.py")
    hub = subprocess.Popen(
        [sys.executable, "-P", "-m", "jupyterhub", f"--config={config}"],
        cwd=state,
        env=os.environ | settings.as_environment(),
        start_new_session=True,  # Ctrl-C reaches us, and we end it
    )
    try:
        return hub.wait()
    except KeyboardInterrupt:
        print("\nEnding the class: every learner's servers are stopped …", flush=True)
        hub.send_signal(signal.SIGTERM)
        return hub.wait()
    finally:
        network.take_hub_its_address(settings.hub_address)


def _see_that_learners_can_read(*paths: Path) -> None:
    """Raise where another user may not come to one of these.

    Raises:
        CourseError: so it is.
    """
    for path in {place for given in paths for place in (given, given.resolve())}:
        for place in (path, *path.parents):
            if not place.stat().st_mode & stat.S_IXOTH:
                raise CourseError(
                    f"Learners may not enter {place}, and so cannot use {path}. Nothing was started. Put the course where "
                    "everybody may read, such as /srv/course, and make its environment from a Python that everybody may run: "
                    "`make class PYTHON=/usr/bin/python3`."
                )


def _add(options: argparse.Namespace) -> None:
    for name in options.names:
        print(f"{name}  {accounts.add(name, teacher=options.teacher, source=options.source)}", flush=True)
    print(
        "These passwords are shown once, and kept nowhere. Their owners may change them with `passwd` in a terminal.",
        file=sys.stderr,
    )


def _update(options: argparse.Namespace) -> int:
    failed = 0
    for name in accounts.names(options.names):
        try:
            print(f"{name}: {accounts.update(name)}", flush=True)
        except CourseError as error:
            failed += 1
            print(f"{name}: {error}", file=sys.stderr)
    return failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m course.classroom", description="A class on this machine. Needs root.")
    what = parser.add_subparsers(dest="what", required=True)
    add = what.add_parser("add", help="make learners, with a home, a copy of the course and a password each")
    add.add_argument("names", nargs="+", metavar="NAME")
    add.add_argument("--teacher", action="store_true", help="they see the page of the class")
    add.add_argument("--source", type=Path, default=ROOT, help="the checkout to copy (default: this one)")
    password = what.add_parser("password", help="give one another password")
    password.add_argument("name", metavar="NAME")
    update = what.add_parser("update", help="bring the newest course to all, or to those named")
    update.add_argument("names", nargs="*", metavar="NAME")
    begin = what.add_parser("start", help="run the class")
    for field in fields(Settings):
        kind = type(field.default)
        begin.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default, help="(default: %(default)s)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit status: 0, or 1 with the reason on stderr."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if os.getuid() != 0:
            raise CourseError("A class needs root: it makes users, and starts servers as them. Nothing was changed. Use sudo.")
        match options.what:
            case "add":
                _add(options)
            case "password":
                print(accounts.new_password(options.name))
            case "update":
                return min(_update(options), 1)
            case _:
                return start(Settings(**{field.name: getattr(options, field.name) for field in fields(Settings)}))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
