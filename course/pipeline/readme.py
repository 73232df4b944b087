"""The course map in README.md, made from the manifest and kept between two marks."""

import re
from collections.abc import Mapping

from course.manifest import Lesson
from course.pipeline.layout import Layout

BEGIN, END = "<!-- COURSE MAP: made from course/manifest.toml by `python -m course.build` -->", "<!-- END COURSE MAP -->"


def with_map(layout: Layout, text: str, minutes: Mapping[str, int]) -> str:
    """The README's text with the course map of this manifest in it; unchanged if it has no marks.

    Args:
        layout: whose lessons they are.
        text: the README.
        minutes: how long each written lesson takes, by id.
    """
    return re.sub(
        f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: f"{BEGIN}\n{_map(layout, minutes)}\n{END}", text, flags=re.DOTALL
    )


def _map(layout: Layout, minutes: Mapping[str, int]) -> str:
    rows = ["| | lesson | minutes | what happens, live |", "|---|---|---|---|"]
    for section in layout.sections:
        rows.append(f"| **{section.id}** | **{section.title}** | | |")
        rows += [_row(lesson, minutes.get(lesson.id, "")) for lesson in layout.lessons if lesson.section == section.id]
    return "\n".join(rows)


def _row(lesson: Lesson, minutes: int | str) -> str:
    name = f"[{lesson.title}](lessons/{lesson.stem}.ipynb)" if lesson.written else f"{lesson.title} *(to come)*"
    return f"| {lesson.id} | {name} | {minutes} | {lesson.summary} |"
