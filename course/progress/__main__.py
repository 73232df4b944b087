"""`python -m course.progress`: what I have done, as a table; a report of it; or the reports of a class.

    python -m course.progress                                   what I have done
    python -m course.progress --report jane.json --name "Jane"  a file for a teacher, and jane.html to print
    python -m course.progress --class reports --csv class.csv   the reports of a class

Nothing is sent anywhere.
"""

from __future__ import annotations

import argparse
import getpass
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from course import manifest
from course.errors import CourseError
from course.files import write_whole
from course.manifest import Lesson
from course.progress import store
from course.progress.classroom import read_class
from course.progress.page import MARK, as_page
from course.progress.report import as_json, clean_name, read, report_now
from course.progress.resume import stop
from course.progress.store import CheckRecord


def my_table() -> str:
    """What was done, a line for each lesson that was begun, and where the learner stopped."""
    records = store.checks()
    begun = [lesson for lesson in manifest.lessons() if any(id in records for id in lesson.checks)]
    stopped = stop()
    if stopped is None:
        return "Nothing was done yet. Open lesson 00 with `make lab`."
    wide = max((len(lesson.title) for lesson in begun), default=6)
    head = f"{'':<3} {'lesson':<{wide}}  passed  attempts  hints  solutions  last day    still open"
    count = sum(len(lesson.checks) for lesson in manifest.lessons())
    passed = sum(records.get(id, CheckRecord()).outcome == "passed" for lesson in begun for id in lesson.checks)
    total = f"{passed} of {count} checks passed. Predictions locked in: {len(store.predictions())}."
    return "\n".join([*([head, *(_line(lesson, records, wide) for lesson in begun), ""] if begun else []), total, str(stopped)])


def _line(lesson: Lesson, records: dict[str, CheckRecord], wide: int) -> str:
    used = [records.get(id, CheckRecord()) for id in lesson.checks]
    open = [id for id, record in zip(lesson.checks, used, strict=True) if record.outcome != "passed"]
    passed = f"{len(used) - len(open)} of {len(used)}"
    attempts, hints = sum(record.attempts for record in used), sum(record.hints for record in used)
    solutions, day = sum(record.solution_seen for record in used), max(record.used for record in used)
    counts = f"{passed:>6}  {attempts:>8}  {hints:>5}  {solutions:>9}  {day or '–':<10}"
    return f"{lesson.id:<3} {lesson.title:<{wide}}  {counts}  {', '.join(manifest.parts(id)[1] for id in open)}".rstrip()


def write_report(path: Path, name: str | None) -> str:
    """Write a report and its page. Returns what to tell the learner.

    Raises:
        CourseError: there is no name, a file of the learner's own is in the way, or it cannot be written.
    """
    if path.suffix != ".json":
        raise CourseError(f"A report ends in .json, and {path.name} does not. Nothing was written. Name one, such as jane.json.")
    page = path.with_suffix(".html")
    report = report_now(_name(name))
    try:
        _see_that_nothing_is_in_the_way(path, page)
        write_whole(path, as_json(report))
        write_whole(page, as_page(report))
    except OSError as error:
        raise CourseError(f"The report could not be written to {path}: {error.strerror}. Choose another place for it.") from error
    return (
        f"Written: {path}, for your teacher, and {page}, to print. They hold the name {report.name!r}, days, and what you did in "
        "each check. Nothing was sent: give them to whom you like."
    )


def _name(given: str | None) -> str:
    try:
        name = clean_name(getpass.getuser() if given is None else given)
    except (OSError, KeyError):
        name = ""
    if not name:
        raise CourseError('A report needs a name. Nothing was written. Add one: --name "Jane Doe"')
    return name


def _see_that_nothing_is_in_the_way(path: Path, page: Path) -> None:
    """Raise where one of the files is there and was not made by this command."""
    if path.exists():
        try:
            read(path)
        except CourseError as error:
            raise CourseError(f"{path} is there and is no report. Nothing was written. Choose another name.") from error
    if page.exists() and MARK not in page.read_text(encoding="utf-8", errors="replace"):
        raise CourseError(f"{page} is there and is no report's page. Nothing was written. Choose another name.")


def class_table(folder: Path, to: Path | None) -> str:
    """The table of a class, and the CSV if it is asked for.

    Raises:
        CourseError: there is no report in the folder, or the CSV cannot be written.
    """
    classroom = read_class(folder)
    if not classroom.reports:
        said = [f"There is no report in {folder}.", *classroom.said]
        raise CourseError(" ".join([*said, "Learners make one with `python -m course.progress --report FILE`."]))
    if to is None:
        return str(classroom)
    try:
        write_whole(to, classroom.as_csv().encode("utf-8-sig"))  # so that spreadsheets know it is UTF-8
    except OSError as error:
        raise CourseError(f"{to} could not be written: {error.strerror}. Choose another place for it.") from error
    return f"{classroom}\nWritten: {to}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit status: 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m course.progress", description="Show what you have done in the course. Nothing is sent anywhere."
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--report", type=Path, metavar="FILE", help="write it for a teacher: FILE, such as jane.json, and jane.html"
    )
    what.add_argument("--class", type=Path, metavar="DIR", dest="folder", help="read the reports in DIR: what a class has done")
    parser.add_argument("--name", help="the name in the report; your login by default")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="with --class: write the table as CSV, too")
    options = parser.parse_args(arguments)
    if options.csv and not options.folder:
        parser.error("--csv belongs to --class DIR")
    if options.name is not None and not options.report:
        parser.error("--name belongs to --report FILE")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: print(message, file=sys.stderr)
            if options.report:
                print(write_report(options.report, options.name))
            else:
                print(class_table(options.folder, options.csv) if options.folder else my_table())
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
