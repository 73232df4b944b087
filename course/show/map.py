"""The course map: the sections and lessons of the manifest, with the learner's progress."""

from __future__ import annotations

from html import escape

from course import progress
from course.exercises.note import MUTED, TEXT, inline
from course.manifest import Lesson, lessons, minutes, sections
from course.progress import CheckRecord
from course.progress.resume import Stop, stop


class CourseMap:
    """The map, as it was when it was made. Links are relative to `lessons/` and to `solutions/`."""

    def __init__(self) -> None:
        self._records = progress.checks()
        self._stop = stop()

    def __repr__(self) -> str:
        lines = [str(self._stop)] if self._stop else []
        for section in sections():
            lines.append(f"{section.id}. {section.title}")
            for lesson in _of(section.id):
                lines.append(f"   {lesson.id}  {lesson.title}: {_status(lesson, self._records)}")
        return "\n".join(lines)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        parts = [_go_on(self._stop)] if self._stop else []
        for section in sections():
            items = "".join(self._item(lesson) for lesson in _of(section.id))
            parts.append(f'<h3 style="margin:10px 0 2px 0;color:{TEXT}">{escape(f"{section.id}. {section.title}")}</h3>')
            parts.append(f'<ul style="margin:0;padding:0 0 0 4px;list-style:none">{items}</ul>')
        return {"text/html": f"<div>{''.join(parts)}</div>", "text/plain": repr(self)}

    def _item(self, lesson: Lesson) -> str:
        title = escape(lesson.title)
        name = f'<a href="{lesson.stem}.ipynb">{title}</a>' if lesson.written else f'<span style="color:{MUTED}">{title}</span>'
        status = f'<span style="color:{MUTED}">{escape(_status(lesson, self._records))}</span>'
        return f'<li style="color:{TEXT}"><strong>{lesson.id}</strong> {name} {status}</li>'


def course_map() -> CourseMap:
    """The map of the course: which lessons there are, which are still to come, and how many checks have passed."""
    return CourseMap()


def _go_on(stop: Stop) -> str:
    """The sentence, and a link to the lesson to open."""
    lesson = stop.go_on
    link = f'<a href="{lesson.stem}.ipynb">Open lesson {lesson.id}</a>'
    return f'<p style="margin:0 0 6px 0;color:{TEXT}">{inline(str(stop))} {link}</p>'


def _of(section: str) -> list[Lesson]:
    return [lesson for lesson in lessons() if lesson.section == section]


def _status(lesson: Lesson, records: dict[str, CheckRecord]) -> str:
    if not lesson.written:
        return "to come"
    takes = f"{minutes()[lesson.id]} min · " if lesson.id in minutes() else ""
    if not lesson.checks:
        return f"{takes}no checks"
    passed = sum(records.get(id, CheckRecord()).outcome == "passed" for id in lesson.checks)
    sign = "✓" if passed == len(lesson.checks) else "◐" if passed else "○"
    return f"{takes}{sign} {passed} of {len(lesson.checks)} checks passed"
