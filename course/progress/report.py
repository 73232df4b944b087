"""A report of what one learner has done: a JSON file for a teacher, and a page to print. It is written, and sent nowhere.

Its checksum tells that a file was changed by hand after it was made. It is no signature: who knows how it is computed can
compute another.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from course import manifest
from course.errors import CourseError
from course.home import ROOT
from course.notebooks.repository import Git, UpdateError
from course.progress import store
from course.progress.store import CheckRecord

FORMAT = "three-databases-to-one progress report 1"
LARGEST = 1_000_000
"""A file of more bytes than this is no report."""


@dataclass(frozen=True)
class Report:
    """What a report says.

    Attributes:
        name: whose it is.
        made: when it was made, such as `"2026-03-14T15:09:26"`.
        course: the version of the course that made it.
        checks: what is known of each check that was used, by id.
        predictions: how many predictions are locked in.
        edited: whether the file was changed after it was made.
    """

    name: str
    made: str
    course: str
    checks: dict[str, CheckRecord]
    predictions: int
    edited: bool = False

    @property
    def days(self) -> tuple[str, str]:
        """The first and the last day of which something is known; `""` twice if none is."""
        known = [day for record in self.checks.values() for day in (record.passed_on, record.used) if day]
        return min(known, default=""), max(known, default="")

    @property
    def passed(self) -> int:
        """How many checks have passed."""
        return sum(record.outcome == "passed" for record in self.checks.values())


def report_now(name: str) -> Report:
    """The report of this machine's learner, as things are now."""
    made = datetime.now().isoformat(timespec="seconds")
    return Report(clean_name(name), made, course_version(), store.checks(), len(store.predictions()))


def course_version() -> str:
    """The course's version, and the commit of a clone: `"0.1.0+1a2b3c4"`."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if not (ROOT / ".git").exists():
        return version
    try:
        return f"{version}+{Git(ROOT)('rev-parse', '--short=7', 'HEAD')}"
    except UpdateError:
        return version  # a clone without git is no reason to have no report


def as_json(report: Report) -> str:
    """The report as its file holds it, checksum included."""
    content = {
        "format": FORMAT,
        "name": report.name,
        "made": report.made,
        "course": report.course,
        "first_day": report.days[0],
        "last_day": report.days[1],
        "predictions": report.predictions,
        "checks": {id: asdict(record) for id, record in report.checks.items()},
    }
    return json.dumps(content | {"checksum": _checksum(content)}, indent=1, ensure_ascii=False) + "\n"


def read(path: Path) -> Report:
    """Read a report's file.

    Raises:
        CourseError: it is none, or it cannot be read. The message begins with its name.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise CourseError(f"{path.name} is too large for a report.")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise CourseError(f"{path.name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise CourseError(f"{path.name} is no report: it is not JSON.") from error
    if not isinstance(content, dict) or not str(content.get("format", "")).startswith(FORMAT[:-1]):
        raise CourseError(f"{path.name} is no report of this course.")
    if content["format"] != FORMAT:
        raise CourseError(f"{path.name} was made by a newer course than yours. Run `make update`, then read it again.")
    try:
        return _understood(content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CourseError(
            f"{path.name} is a report that cannot be understood: it was edited or damaged, or is of another version of the "
            "course. Ask its learner for a new one."
        ) from error


def clean_name(name: str) -> str:
    """A name that can be shown anywhere: in one line, without control characters, and not too long."""
    return "".join(sign for sign in " ".join(name.split()) if sign.isprintable())[:80]


def _understood(content: dict[str, Any]) -> Report:
    checks = {id: CheckRecord(**record) for id, record in content["checks"].items()}
    for record in checks.values():
        store.see_that_it_is_ours(record)
    datetime.fromisoformat(content["made"])
    for name in ("name", "made", "course"):
        if not isinstance(content[name], str):
            raise TypeError(f"{name} is not a text")
    edited = content.pop("checksum", "") != _checksum(content)
    checks = {manifest.old_ids().get(id, id): record for id, record in checks.items()}
    predictions = int(content["predictions"])
    return Report(clean_name(content["name"]), content["made"], content["course"][:40], checks, predictions, edited)


def _checksum(content: dict[str, Any]) -> str:
    """The same for the same content, however its file is laid out."""
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(plain.encode()).hexdigest()}"


def short_checksum(report: Report) -> str:
    """The beginning of the checksum, to compare a printed page with a file by eye."""
    return json.loads(as_json(report))["checksum"].removeprefix("sha256:")[:12]


def shown_day(day: str) -> str:
    """A day as a page shows it: `14 March 2026`."""
    return f"{date.fromisoformat(day[:10]):%d %B %Y}".lstrip("0") if day else "–"
