"""requirements.txt: exact versions of everything, made from pyproject.toml, and nothing of the machine that made it."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course.home import ROOT

LINES = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
DIRECT = [Requirement(line) for line in tomllib.loads(PYPROJECT)["project"]["dependencies"]]
PIN = re.compile(r"[a-z0-9][a-z0-9.-]*==[0-9][A-Za-z0-9.+!-]*( ; .+)?")


def test_every_line_is_an_exact_version_but_the_course_itself() -> None:
    others = [line for line in LINES if not PIN.fullmatch(line)]
    assert others == ["-e ."]


CLASS_LINES = (ROOT / "requirements-class.txt").read_text(encoding="utf-8").splitlines()
EXTRA = [Requirement(line) for line in tomllib.loads(PYPROJECT)["project"]["optional-dependencies"]["class"]]


def test_what_a_class_needs_besides_is_locked_and_changes_no_version_of_the_course() -> None:
    assert all(PIN.fullmatch(line) for line in CLASS_LINES)
    besides = {Requirement(line).name for line in CLASS_LINES}
    assert {canonicalize_name(extra.name) for extra in EXTRA} <= besides
    assert not besides & {Requirement(line).name for line in LINES if PIN.fullmatch(line)}


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


@pytest.mark.parametrize("direct", [*DIRECT, *EXTRA], ids=lambda direct: direct.name)
def test_every_direct_dependency_says_why(direct: Requirement) -> None:
    assert re.search(rf'^\s+"{re.escape(direct.name)}\b[^"]*",\s+# \w', PYPROJECT, re.MULTILINE)
