"""The page to print of a report: one HTML file that needs nothing else."""

from __future__ import annotations

from html import escape

from course import manifest
from course.manifest import Lesson
from course.progress.report import Report, short_checksum, shown_day
from course.progress.store import CheckRecord

MARK = '<meta name="generator" content="course.progress">'
"""Stands in every page, and tells it from a file of the learner's own."""

_STYLE = """
body { font: 11pt/1.4 system-ui, sans-serif; color: #111; background: #fff; max-width: 50em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #bbb; padding: 2px 8px 2px 0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; }
th[scope=rowgroup] { padding-top: 10px; }
tr { break-inside: avoid; }
footer { margin-top: 1.5em; color: #444; font-size: 9pt; }
"""
_COLUMNS = ("check", "outcome", "attempts", "hints", "solution", "passed on")
_NUMBERS = ("attempts", "hints")


def as_page(report: Report) -> str:
    """The report as an HTML page."""
    first, last = report.days
    name, count = escape(report.name), sum(len(lesson.checks) for lesson in manifest.lessons())
    heads = "".join(f'<th scope="col"{_class(column)}>{column}</th>' for column in _COLUMNS)
    groups = "".join(_group(lesson, report) for lesson in manifest.lessons() if set(lesson.checks) & set(report.checks))
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8">{MARK}<title>{name}: From three databases to one</title><style>{_STYLE}</style></head>
<body>
<h1>{name}</h1>
<p><em>From three databases to one</em>. {report.passed} of {count} checks passed; predictions locked in: {report.predictions}.
From {shown_day(first)} to {shown_day(last)}.</p>
<table><thead><tr>{heads}</tr></thead>{groups}</table>
<footer>Made on {shown_day(report.made)} with the course's version {escape(report.course)}. Checksum of the file beside this page:
{short_checksum(report)}…</footer>
</body>
</html>
"""


def _group(lesson: Lesson, report: Report) -> str:
    head = f'<tr><th scope="rowgroup" colspan="{len(_COLUMNS)}">{lesson.id} {escape(lesson.title)}</th></tr>'
    rows = "".join(_row(id, report.checks[id]) for id in lesson.checks if id in report.checks)
    return f"<tbody>{head}{rows}</tbody>"


def _row(id: str, record: CheckRecord) -> str:
    solution = "seen" if record.solution_seen else "–"
    cells = (id, record.outcome or "–", record.attempts, record.hints, solution, shown_day(record.passed_on))
    shown = zip(_COLUMNS, cells, strict=True)
    return f"<tr>{''.join(f'<td{_class(column)}>{escape(str(cell))}</td>' for column, cell in shown)}</tr>"


def _class(column: str) -> str:
    return ' class="number"' if column in _NUMBERS else ""
