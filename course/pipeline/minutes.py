"""How long a lesson takes, by a model, and the limits that keep it honest. Computed from the source, never typed.

The model, and where its figures come from:

    prose, 180 words a minute      silent reading of English non-fiction is 238 words a minute on average (Brysbaert 2019, "How
                                   many words do we read per minute?"); 180 leaves room for new terms and for the outputs
    visible code, 2.5 s a line     our estimate: a line is read and its cell is run, not typed. Stubs count; solutions and
                                   folded cells do not
    a prediction, 30 s             our estimate: read the options, decide, lock in
    an exercise                    what its heading says: "(fill in; about 4 minutes)"
    a panel, a board or a questionnaire, 1 min
                                   our estimate: time to play with it

The limits of a cell and of what stands between cells were measured on good notebooks of others; CONTRIBUTING.md tells the rules.
What the build does with all this stands in `course.build` and `freshness`; how a notebook is made, in `notebook`.
"""

import math
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from course.manifest import Lesson
from course.pipeline import regions
from course.pipeline.source import Cell

PLUMBING = "plumbing"
"""The tag of a cell whose source is folded."""

MOST_CODE_CELLS = 45
MOST_IN_A_ROW = 2
SHARE_IN_A_ROW = 0.2
"""The share of code cells without a sentence before them that is aimed at. It is printed, not enforced."""

_WORDS_A_MINUTE, _SECONDS_A_LINE, _SECONDS_A_PREDICTION, _SECONDS_A_PANEL = 180, 2.5, 30, 60
_EXERCISE = re.compile(r"^#+ Your turn\b.*?(\d+) minutes?\)", re.MULTILINE)
_PREDICTION = re.compile(r"\bpredict\(")
_PANEL = re.compile(r"\bshow\.(?:panel|board|questionnaire)\(")
_FENCE = re.compile(r"^(```+|~~~+)(.*?)\n(.*?)^\1\s*?$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Figures:
    """What was counted in a lesson as its learner gets it, exercises blank.

    Attributes:
        seconds: how long it takes by the model.
        code_cells: how many code cells there are, folded ones too.
        lines: the lines of each visible code cell, empty ones left out.
        words: the words of the prose.
        unspoken: how many visible code cells follow another one without a sentence.
        rows: where a row of visible code cells grows too long: the line of that cell in the source.
    """

    seconds: float
    code_cells: int
    lines: tuple[int, ...]
    words: int
    unspoken: int
    rows: tuple[int, ...]

    @property
    def minutes(self) -> int:
        """Whole minutes, as they are shown."""
        return max(1, math.floor(self.seconds / 60 + 0.5))

    @property
    def median_lines(self) -> float:
        """The median number of lines of the visible code cells."""
        return statistics.median(self.lines or [0])

    @property
    def p90_lines(self) -> int:
        """Nine of ten cells have at most so many lines."""
        return sorted(self.lines or [0])[math.ceil(0.9 * len(self.lines)) - 1]

    @property
    def share_unspoken(self) -> float:
        """The share of code cells that follow another without a sentence."""
        return self.unspoken / max(1, len(self.lines))


def measure(cells: Sequence[Cell]) -> Figures:
    """Count the cells of a lesson: those that its learner gets."""
    code = [cell for cell in cells if cell.kind == "code"]
    visible = [cell for cell in code if PLUMBING not in cell.tags]
    lines = tuple(_lines(regions.blank(cell.text, "code")) for cell in visible)
    texts = [regions.blank(cell.text, "markdown") for cell in cells if cell.kind == "markdown"]
    prose = [_COMMENT.sub("", _FENCE.sub("", text)) for text in texts]
    shown = sum(_lines(block) for text in texts for _, name, block in _FENCE.findall(text) if "mermaid" not in name)
    words = sum(any(map(str.isalnum, word)) for text in prose for word in text.split())
    seconds = (
        words / _WORDS_A_MINUTE * 60
        + (sum(lines) + shown) * _SECONDS_A_LINE
        + sum(len(_PREDICTION.findall(cell.text)) for cell in code) * _SECONDS_A_PREDICTION
        + sum(int(minutes) for text in prose for minutes in _EXERCISE.findall(text)) * 60
        + sum(len(_PANEL.findall(cell.text)) for cell in code) * _SECONDS_A_PANEL
    )
    places = list(_in_rows(cells))
    too_long = tuple(cell.line for cell, place in places if place == MOST_IN_A_ROW + 1)
    return Figures(seconds, len(code), lines, words, sum(place > 1 for _, place in places), too_long)


def over_the_limits(lesson: Lesson, figures: Figures, source: str) -> list[str]:
    """What is too much in a lesson, one sentence each.

    Args:
        lesson: the lesson.
        figures: what was counted in it.
        source: how messages call its source.
    """
    found = []
    if figures.minutes > lesson.limit:
        found.append(
            f"{source}: it takes {figures.minutes} minutes, and {lesson.limit} is the most. Fold what is not taught "
            "(tag `plumbing`), or make a notebook of its own with a letter from a part."
        )
    if figures.code_cells > MOST_CODE_CELLS:
        found.append(
            f"{source}: it has {figures.code_cells} code cells, and {MOST_CODE_CELLS} is the most. Join some, or split it."
        )
    for line in figures.rows:
        found.append(
            f"{source}:{line}: the third visible code cell in a row. Put a sentence before it that says why this comes next."
        )
    return found


def table(rows: Sequence[tuple[Lesson, Figures]]) -> str:
    """The figures of several lessons as text, one line each."""
    head = "lesson  minutes  code cells  lines: median  p90  words  without a sentence"
    return "\n".join([head, *(_row(lesson, figures) for lesson, figures in rows)])


def _row(lesson: Lesson, figures: Figures) -> str:
    remarks = []
    if over_the_limits(lesson, figures, lesson.stem):
        remarks.append("over a limit")
    if figures.share_unspoken > SHARE_IN_A_ROW:
        remarks.append(f"more than {SHARE_IN_A_ROW:.0%} without a sentence")
    return (
        f"{lesson.id:6}  {figures.minutes:7}  {figures.code_cells:10}  {figures.median_lines:13g}  {figures.p90_lines:3}  "
        f"{figures.words:5}  {figures.share_unspoken:18.0%}  {', '.join(remarks)}"
    ).rstrip()


def _lines(text: str) -> int:
    return sum(bool(line.strip()) for line in text.split("\n"))


def _in_rows(cells: Sequence[Cell]) -> Iterator[tuple[Cell, int]]:
    """Each visible code cell with its place in a row of such, from 1. A folded cell neither counts nor ends a row."""
    place = 0
    for cell in cells:
        if cell.kind == "markdown":
            place = 0
        elif PLUMBING not in cell.tags:
            place += 1
            yield cell, place
