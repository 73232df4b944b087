"""The first and the last cell of a notebook, made from the manifest: head and navigation. The minutes come from `minutes`."""

from course.manifest import Lesson
from course.pipeline.layout import Layout


def head(layout: Layout, lesson: Lesson, minutes: int) -> str:
    """Title, duration and section, and what the learner does, learns and needs. Parts the manifest leaves empty are left out."""
    section = next(section for section in layout.sections if section.id == lesson.section)
    facts = f"> **Duration**: {minutes} min | **Section**: {section.id} - {section.title}"
    parts = [f"# Lesson {lesson.id}: {lesson.title}", facts + " | going deeper" * lesson.goes_deeper]
    if lesson.do:
        parts.append(f"**What you'll do**\n\n{lesson.do}")
    parts += [_list(title, lines) for title, lines in (("learn", lesson.learn), ("need", lesson.need)) if lines]
    return "\n\n".join(parts)


def navigation(layout: Layout, lesson: Lesson) -> str:
    """The way to the lesson before, the lesson after and the course map. A lesson that is still to come is named, not linked."""
    place = layout.lessons.index(lesson)
    parts = []
    if place > 0:
        parts.append(f"← **Previous**: {_name(layout.lessons[place - 1])}")
    if place + 1 < len(layout.lessons):
        parts.append(f"**Next** →: {_name(layout.lessons[place + 1])}")
    parts.append("[Course map](../README.md)")
    return "---\n\n" + " | ".join(parts)


def _list(title: str, lines: tuple[str, ...]) -> str:
    return f"**What you'll {title}**\n\n" + "\n".join(f"- {line}" for line in lines)


def _name(lesson: Lesson) -> str:
    name = f"Lesson {lesson.id}: {lesson.title}"
    return f"[{name}]({lesson.stem}.ipynb)" if lesson.written else f"{name} (to come)"
