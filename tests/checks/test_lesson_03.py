"""Right answers to the exercises of lesson 03 that are not its solutions. `test_every_check.py` gives them."""

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from course.stack import Stack
from tests.checks.answers import checked


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "lab": stack, "subprocess": subprocess, "tarfile": tarfile, "Path": Path, "os": os}


RIGHT = {
    "03.back_up": [
        (
            "the status by hand, and a status of its own",
            """
            import sys

            def back_up(folder, archive):
                done = subprocess.run(["tar", "-czf", archive, "-C", folder, "."])
                if done.returncode != 0:
                    sys.exit(done.returncode)
                with tarfile.open(archive) as packed:
                    names = packed.getnames()
                    if "./chroma.sqlite3" not in names:
                        sys.exit("no ChromaDB in there")
                    return len([name for name in names if packed.getmember(name).isfile()])
            """,
        ),
        (
            "an assert, and the last part of the name",
            """
            def back_up(folder, archive):
                subprocess.check_call(["tar", "-czf", str(archive), "-C", str(folder), "."])
                with tarfile.open(archive) as packed:
                    files = [Path(member.name) for member in packed.getmembers() if not member.isdir()]
                assert any(path.name == "chroma.sqlite3" for path in files), "no ChromaDB"
                return len(files)
            """,
        ),
        (
            "long options, and names without the ./",
            """
            def back_up(folder, archive):
                options = ["--create", "--gzip", f"--file={archive}", f"--directory={folder}"]
                subprocess.check_call(["tar", *options, "."])
                with tarfile.open(archive) as packed:
                    names = [member.name.removeprefix("./") for member in packed if not member.isdir()]
                if "chroma.sqlite3" not in names:
                    raise FileNotFoundError(f"{archive}: no chroma.sqlite3")
                return len(names)
            """,
        ),
        (
            "getmember",
            """
            def back_up(folder, archive):
                subprocess.run(["tar", "-czf", archive, "-C", folder, "."], check=True)
                with tarfile.open(archive) as packed:
                    packed.getmember("./chroma.sqlite3")
                    return sum(1 for member in packed if member.isfile())
            """,
        ),
        (
            "tar lists it",
            """
            class Job:
                def __call__(self, folder, archive):
                    subprocess.run(["tar", "-czf", archive, "-C", folder, "."], check=True)
                    done = subprocess.run(["tar", "-tzf", archive], check=True, capture_output=True, text=True)
                    listed = done.stdout.splitlines()
                    if "./chroma.sqlite3" not in listed:
                        raise OSError("no ChromaDB")
                    return len([name for name in listed if not name.endswith("/")])

            back_up = Job()
            """,
        ),
        (
            "Python's tarfile",
            """
            def back_up(folder, archive):
                with tarfile.open(archive, "w:gz") as packed:
                    packed.add(folder, arcname=".")
                with tarfile.open(archive) as packed:
                    files = {member.name.removeprefix("./") for member in packed if member.isfile()}
                if "chroma.sqlite3" not in files:
                    raise FileNotFoundError(folder)
                return len(files)
            """,
        ),
    ],
    "03.restore_over": [
        ("short", 'options = ["-c", "--if-exists", "-1"]'),
        ("in another order, and more", 'options = ("--single-transaction", "--no-owner", "--if-exists", "--clean", "--verbose")'),
        ("exit on error as well", 'options = "--clean --if-exists --exit-on-error --single-transaction --format=c".split()'),
    ],
}


def test_what_tar_complains_about_does_not_reach_the_notebook(capfd: pytest.CaptureFixture, stack: Stack) -> None:
    assert checked("03.back_up", RIGHT["03.back_up"][2][1], stack).passed
    os.write(2, b"standard error works again")
    assert capfd.readouterr().err == "standard error works again"
