"""requirements.txt: exact versions of everything, made from pyproject.toml, and nothing of the machine that made it."""

import os
import re
import subprocess
import sys
import tomllib
from itertools import chain, combinations

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course.home import ROOT

LINES = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(PYPROJECT)["project"]
DIRECT = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {extra: [Requirement(line) for line in lines] for extra, lines in PROJECT["optional-dependencies"].items()}
LOCKS = {extra: (ROOT / f"requirements-{extra}.txt").read_text(encoding="utf-8").splitlines() for extra in EXTRAS}
PIN = re.compile(r"[a-z0-9][a-z0-9.-]*==[0-9][A-Za-z0-9.+!-]*( ; .+)?")


def test_every_line_is_an_exact_version_but_the_course_itself() -> None:
    for lines in (LINES, *LOCKS.values()):
        assert [line for line in lines if not PIN.fullmatch(line)] == ["-e ."]


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_lock_of_an_extra_is_the_courses_and_more(extra: str) -> None:
    assert set(LINES) <= set(LOCKS[extra])
    pinned = {line.partition("==")[0] for line in LOCKS[extra]}
    assert pinned >= {canonicalize_name(direct.name) for direct in EXTRAS[extra]} - {PROJECT["name"]}  # another extra of ours


@pytest.mark.parametrize(("one", "other"), list(combinations(EXTRAS, 2)))
def test_two_extras_name_the_same_version_of_what_both_take(one: str, other: str) -> None:
    """They may be installed one after the other, as in CI."""
    here, there = set(LOCKS[one]) - set(LINES), set(LOCKS[other]) - set(LINES)
    assert not {line.partition("==")[0] for line in here - there} & {line.partition("==")[0] for line in there - here}


def test_every_marker_can_be_read() -> None:
    for line in LINES:
        if line != "-e .":
            Requirement(line)


def test_no_address_of_an_index_or_a_file() -> None:
    assert not [line for line in LINES if "://" in line or "--" in line or " @ " in line]


@pytest.mark.parametrize("direct", DIRECT, ids=lambda direct: direct.name)
def test_every_direct_dependency_is_locked(direct: Requirement) -> None:
    locked = [Requirement(line) for line in LINES if PIN.fullmatch(line)]
    versions = [pin for pin in locked if pin.name == canonicalize_name(direct.name)]
    assert versions
    for pin in versions:
        assert direct.specifier.contains(str(pin.specifier).removeprefix("=="))


@pytest.mark.parametrize("direct", [*DIRECT, *chain(*EXTRAS.values())], ids=lambda direct: direct.name)
def test_every_direct_dependency_says_why(direct: Requirement) -> None:
    assert re.search(rf'^\s+"{re.escape(direct.name)}\b[^"]*",\s+# \w', PYPROJECT, re.MULTILINE)


PLATFORMS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin"]


@pytest.mark.skipif(not os.environ.get("COURSE_TEST_LOCK"), reason="asks the package index: `make test-lock`")
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_every_pin_has_a_wheel_for_each_python_on_linux_and_macos_14(python: str, platform: str) -> None:
    every = {line for lines in LOCKS.values() for line in lines if line != "-e ."}
    pins = "\n".join(sorted(every))
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-deps", "--only-binary", ":all:", "-"]
    command += ["--python-version", python, "--python-platform", platform, "--output-file", os.devnull]
    environment = os.environ | {"MACOSX_DEPLOYMENT_TARGET": "14.0"}
    done = subprocess.run(command, cwd=ROOT, input=pins, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
