"""The made parts of a note: an outline as Markdown, a part for each place where a teacher's text belongs."""

from collections.abc import Iterator

from course.pipeline.predictions import Asked
from course.teaching.note import Part
from course.teaching.outline import Exercise, Outline, in_class, shared_out

GLANCE = "glance"
"""The key of the first part, the only one without a text of its own."""

_LETTERS = "abcdefghij"


def frame(outline: Outline) -> list[Part]:
    """The parts of a lesson's note, with nothing written in them yet."""
    return [
        Part(GLANCE, _glance(outline)),
        Part("late", "## When you are late"),
        *_under("What the class sees", _sees(outline)),
        *_under("Predictions", map(_prediction, outline.predictions)),
        *_under("Exercises", map(_exercise, outline.exercises)),
        *_under("Questions to consider", _questions(outline)),
        Part("day", "## On the day"),
    ]


def _under(title: str, parts: Iterator[Part]) -> Iterator[Part]:
    """The parts of a section of the note; the first has its title above it."""
    for number, part in enumerate(parts):
        yield part if number else Part(part.key, f"## {title}\n\n{part.made}")


def _glance(outline: Outline) -> str:
    lesson = outline.lesson
    words = ", ".join(f"[{term.name}](../glossary.md#{term.anchor})" for term in outline.terms)
    lines = [
        f"# Lesson {lesson.id} for teachers: {lesson.title}",
        "",
        "*What stands between two marks is made by `python -m course.build`: write below it. This page tells every outcome.*",
        "",
        f"[How to use these notes](README.md) · [the notebook](../../lessons/{lesson.stem}.ipynb) · "
        f"[its solution, executed](../../solutions/{lesson.stem}.ipynb)",
        "",
        "## At a glance",
        "",
        f"**{in_class(outline.minutes)} minutes in class**, {outline.minutes} for somebody alone. {lesson.summary}",
        "",
        *(f"- Needs: {need}" for need in outline.needs),
        f"- Holds: {_count(len(outline.predictions), 'prediction')}, {_count(len(outline.exercises), 'exercise')}, "
        f"{_count(len(outline.questions), 'question')} to consider",
        *([f"- Words it uses: {words}"] if words else []),
        "",
        *_table(outline),
    ]
    return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _table(outline: Outline) -> Iterator[str]:
    yield from ("| section | alone | in class |", "|---|---|---|")
    for section, (alone, together) in zip(outline.sections, _minutes(outline), strict=True):
        yield f"| {section.title} | {alone or '< 1'} | {together or '< 1'} |"
    yield f"| **minutes in all** | **{outline.minutes}** | **{in_class(outline.minutes)}** |"


def _minutes(outline: Outline) -> list[tuple[int, int]]:
    """For each section of the notebook the minutes of somebody alone, and of a class."""
    seconds = [section.seconds for section in outline.sections]
    totals = outline.minutes, in_class(outline.minutes)
    return list(zip(*(shared_out(total, seconds) for total in totals), strict=True))


def _sees(outline: Outline) -> Iterator[Part]:
    for section, (_, together) in zip(outline.sections, _minutes(outline), strict=True):
        if section.is_shown:
            takes = _count(together, "minute") if together else "Under a minute"
            yield Part(f"sees {section.name}", f"### {section.title}\n\n*{' · '.join([takes, *section.steps])}*")


def _prediction(asked: Asked) -> Part:
    options = [
        f"- **{letter}) {option}** ← what happened" if option == asked.right else f"- {letter}) {option}"
        for letter, option in zip(_LETTERS, asked.options, strict=False)
    ]
    lines = [f"### `{asked.id}` · {asked.question}", "", *options, "", f"The notebook then says: *{asked.because}*"]
    return Part(f"prediction {asked.id}", "\n".join(lines))


def _exercise(exercise: Exercise) -> Part:
    said = ["", "What its check says of the mistakes that come first:", "", *(f"- {says}" for says in exercise.says)]
    lines = [f"### {exercise.title}", "", f"`{exercise.id}` · {exercise.kind}", *(said if exercise.says else [])]
    return Part(f"exercise {exercise.id}", "\n".join(lines))


def _questions(outline: Outline) -> Iterator[Part]:
    for number, question in enumerate(outline.questions, start=1):
        yield Part(f"question {number}", f"### {number}. {question}")
