"""A note for teachers as a file: parts that are made, each between two marks, and below each what is written there by hand.

    <!-- MADE: prediction 04.left -->
    ### `04.left` · How many of her vectors are left?
    <!-- END MADE -->

    Whoever says *none* thinks of the foreign key …

`read` gives what is written, by section and item. What the made parts say, and which there are, stands in `made`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course.pipeline.layout import BuildError

_BEGIN, _END = "<!-- MADE: {} -->", "<!-- END MADE -->"
_MARK = re.compile(r"^<!-- (?:MADE: .*|END MADE) -->$", re.MULTILINE)
_PART = re.compile(
    r"^<!-- MADE: (?P<key>[^\n]+) -->\n(?P<made>.*?)\n<!-- END MADE -->$(?P<written>.*?)(?=^<!-- MADE: |\Z)",
    re.DOTALL | re.MULTILINE,
)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Part:
    """A made part of a note and the text below it. `key` says what the text is about: `late`, or `prediction 04.left`."""

    key: str
    made: str
    written: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is written there; a comment is nothing."""
        return not _COMMENT.sub("", self.written).strip()


@dataclass(frozen=True)
class Note:
    """What is written in a lesson's note, as Markdown.

    Attributes:
        late: what to leave out, and what to show instead.
        sees: what to point at in a section of the notebook, by the section's title without its sign: `"The problem"`.
        predictions: what to say after a prediction, by its id.
        exercises: what to say to those who are stuck, by the id of the check.
        questions: the answers to the *Questions to consider*, by number.
        on_the_day: what goes wrong, and how to go on.
    """

    late: str
    sees: Mapping[str, str]
    predictions: Mapping[str, str]
    exercises: Mapping[str, str]
    questions: Mapping[int, str]
    on_the_day: str


def read(path: Path) -> Note:
    """What is written in a note, such as that of `Layout.note(lesson)`.

    Raises:
        BuildError: its marks are not in order.
    """
    written = {part.key: part.written for part in parts(path.read_text(encoding="utf-8"), path.name)}
    return Note(
        late=written.get("late", ""),
        sees=_of(written, "sees"),
        predictions=_of(written, "prediction"),
        exercises=_of(written, "exercise"),
        questions={int(number): text for number, text in _of(written, "question").items()},
        on_the_day=written.get("day", ""),
    )


def parts(text: str, name: str) -> list[Part]:
    """The parts of a note, in order.

    Args:
        text: the note's text.
        name: how messages call it.

    Raises:
        BuildError: a mark is missing or twice there, or text stands above the first one.
    """
    found = [Part(match["key"], match["made"], match["written"].strip()) for match in _PART.finditer(text)]
    keys = [part.key for part in found]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    above = text.partition("<!-- MADE: ")[0].strip()
    if twice or above or len(_MARK.findall(text)) != 2 * len(found):
        what = (
            f"the part {twice[0]!r} is there twice"
            if twice
            else "text stands above the first mark"
            if above
            else "a mark is lost"
        )
        raise BuildError(
            f"{name}: {what}. Each part begins with a line `{_BEGIN.format('…')}` and ends with a line `{_END}`, and text stands "
            "below it. Nothing was changed. Correct it there, or get the file back with `git checkout`."
        )
    return found


def as_text(parts: Sequence[Part]) -> str:
    """The note as its file holds it."""
    blocks = []
    for part in parts:
        blocks.append(f"{_BEGIN.format(part.key)}\n{part.made}\n{_END}")
        if part.written:
            blocks.append(part.written)
    return "\n\n".join(blocks) + "\n"


def _of(written: Mapping[str, str], kind: str) -> dict[str, str]:
    return {key.partition(" ")[2]: text for key, text in written.items() if key.partition(" ")[0] == kind}
