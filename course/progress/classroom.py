"""Reads a folder of reports: a table by check and learner, the checks on which most are stuck first, also as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from course import manifest
from course.errors import CourseError
from course.progress.report import Report, course_version, read
from course.progress.store import CheckRecord

SIGNS = {"passed": "✓", "after the solution": "◐", "not yet": "→", "": "·"}
"""How a check stands with a learner."""


@dataclass(frozen=True)
class Classroom:
    """What a folder holds.

    Attributes:
        reports: one for each learner, by file name, in the order of their names.
        said: what a teacher has to know of files that are left out, edited, double, or of another course.
    """

    reports: dict[str, Report]
    said: tuple[str, ...]

    @property
    def hardest(self) -> list[str]:
        """The checks that anybody has used, those on which most are stuck first."""
        used = [id for lesson in manifest.lessons() for id in lesson.checks if self._records(id)]
        return sorted(used, key=self._difficulty, reverse=True)

    def _records(self, id: str) -> list[CheckRecord]:
        return [report.checks[id] for report in self.reports.values() if id in report.checks]

    def _difficulty(self, id: str) -> tuple[int, int, int, int]:
        records = self._records(id)
        return (
            self.stuck(id),
            sum(record.solution_seen for record in records),
            sum(record.hints for record in records),
            sum(record.attempts for record in records),
        )

    def stuck(self, id: str) -> int:
        """How many have tried it and not passed."""
        return sum(standing(record) == "not yet" for record in self._records(id))

    def __str__(self) -> str:
        return "\n".join([*self._table(), *self.said])

    def _table(self) -> list[str]:
        if not self.reports:
            return []
        wide = len(str(len(self.reports)))
        learners = [
            f"{number:>{wide}}  {report.name}: {report.passed} checks passed, last on {report.days[1] or 'an unknown day'}"
            for number, report in enumerate(self.reports.values(), 1)
        ]
        numbers = " ".join(f"{number:>{wide}}" for number in range(1, len(self.reports) + 1))
        rows = [f"{'check':<24} stuck passed hints solutions  {numbers}"]
        for id in self.hardest:
            records = self._records(id)
            counts = f"{self.stuck(id):>5} {sum(record.outcome == 'passed' for record in records):>6}"
            helped = f"{sum(record.hints for record in records):>5} {sum(record.solution_seen for record in records):>9}"
            signs = " ".join(f"{SIGNS[standing(report.checks.get(id))]:>{wide}}" for report in self.reports.values())
            rows.append(f"{id:<24} {counts} {helped}  {signs}")
        unused = sum(len(lesson.checks) for lesson in manifest.lessons()) - len(self.hardest)
        legend = f"✓ passed  ◐ passed, solution seen  → tried, not passed  · not tried. Checks that nobody has tried: {unused}."
        return [*learners, "", *rows, "", legend]

    def as_csv(self) -> str:
        """A line for each learner and check that was used."""
        text = io.StringIO()
        rows = csv.writer(text)
        head = ["learner", "check", "outcome", "attempts", "hints", "solution_seen", "passed_on", "used"]
        rows.writerow([*head, "made", "course", "edited", "file"])
        for file, report in self.reports.items():
            for id, record in report.checks.items():
                counts = [record.attempts, record.hints, int(record.solution_seen), record.passed_on, record.used]
                about = [report.made, _harmless(report.course), int(report.edited), _harmless(file)]
                rows.writerow([_harmless(report.name), _harmless(id), record.outcome, *counts, *about])
        return text.getvalue()


def standing(record: CheckRecord | None) -> str:
    """How a check stands with a learner: a key of `SIGNS`."""
    if record is None:
        return ""
    if record.outcome == "passed":
        return "after the solution" if record.solution_seen else "passed"
    return "not yet" if record.attempts or record.hints or record.solution_seen else ""


def read_class(folder: Path) -> Classroom:
    """Read every `.json` file in a folder.

    Raises:
        CourseError: the folder cannot be read.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be read: {error.strerror}. Name the folder that holds your class's reports, made with "
            "`python -m course.progress --report FILE`."
        ) from error
    reports: dict[str, Report] = {}
    said = []
    for path in files:
        if path.suffix == ".json":
            try:
                reports[path.name] = read(path)
            except CourseError as error:
                said.append(f"Left out: {error}")
    others = [path.name for path in files if path.suffix not in (".json", ".html", ".csv")]
    if others:
        said.append(f"Not looked at, because a report ends in .json: {', '.join(others)}.")
    kept, double = _newest_of_each(reports)
    in_order = dict(sorted(kept.items(), key=lambda item: (item[1].name.casefold(), item[0])))
    return Classroom(in_order, (*said, *double, *_edited(in_order), *_of_another_course(in_order)))


def _newest_of_each(reports: dict[str, Report]) -> tuple[dict[str, Report], list[str]]:
    """One report for each name, and a sentence on each one that an other is newer than."""
    newest: dict[str, str] = {}
    said = []
    for file, report in sorted(reports.items(), key=lambda item: item[1].made):
        key = report.name.casefold()
        if key in newest:
            said.append(
                f"Two reports of {report.name}: {file} is newer than {newest[key]} and counts alone. If these are two people, "
                "let one of them make theirs with another --name."
            )
        newest[key] = file
    return {file: reports[file] for file in newest.values()}, said


def _edited(reports: dict[str, Report]) -> list[str]:
    return [
        f"{file}, of {report.name}, was changed after it was made: its checksum is another. It is in the table as it is."
        for file, report in reports.items()
        if report.edited
    ]


def _of_another_course(reports: dict[str, Report]) -> list[str]:
    ours = course_version()
    others = [f"{file} ({report.course})" for file, report in reports.items() if report.course != ours]
    known = {id for lesson in manifest.lessons() for id in lesson.checks}
    unknown = sorted({id for report in reports.values() for id in report.checks} - known)
    said = [f"Made with another version of the course than yours ({ours}): {', '.join(others)}."] if others else []
    if unknown:
        said.append(f"Checks that your course has not are in the CSV only: {', '.join(unknown)}.")
    return said


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
