"""The rules by which lesson 14 turns eight answers into a recommendation, each with its reason. They are there to be read.

Each rule gives points to what it speaks for, and the most points win: no answer decides alone. How the questions are shown
stands in `show/questions.py`; where each reason was measured stands in the lesson.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from course.errors import InputError
from course.exercises.note import Note

PGVECTOR = "PostgreSQL with pgvector"
CHROMA = "ChromaDB"
EXTENSION = "PostgreSQL with a further extension"
STORE = "a store made for search"

CANDIDATES = (PGVECTOR, CHROMA, EXTENSION, STORE)
"""What can be recommended. Of two with as many points the first is: it is the simpler one to run."""


@dataclass(frozen=True)
class Question:
    """One of the eight: what is asked, and the answers that there are."""

    text: str
    answers: tuple[str, ...]


QUESTIONS = {
    "rows": Question(
        "Where are the rows that belong to the vectors?", ("in PostgreSQL", "in another database", "there are none")
    ),
    "filter": Question("What does a search filter by?", ("columns of several tables", "labels of the vector itself", "nothing")),
    "commit": Question("Must row and vector change in one commit?", ("yes", "no, a little later will do")),
    "size": Question("How many vectors will there be in two years?", ("up to 5 million", "up to 100 million", "more")),
    "life": Question("How long will it live?", ("days", "years")),
    "servers": Question("Who looks after the servers?", ("nobody", "whoever runs the database", "a team for the search")),
    "ranking": Question("What else must the search rank by?", ("nothing", "words", "several vectors a document")),
    "load": Question("How busy is the search?", ("less than the rest", "more than all the rest")),
}
"""The questions, by the name under which `recommend` takes an answer."""


@dataclass(frozen=True)
class Rule:
    """To this question, this answer speaks for these candidates, with so many points each, for this reason."""

    question: str
    answer: str
    speaks_for: tuple[str, ...]
    points: int
    because: str


RULES = (
    Rule("rows", "in PostgreSQL", (PGVECTOR, EXTENSION), 2, "The rows are there already: one column more, and no server more."),
    Rule("rows", "in another database", (CHROMA, STORE), 1, "PostgreSQL would be a second store here as well."),
    Rule("rows", "there are none", (CHROMA,), 2, "Nothing has to be joined, and nothing can get out of step."),
    Rule(
        "filter",
        "columns of several tables",
        (PGVECTOR, EXTENSION),
        3,
        "One statement filters by any column. Elsewhere columns have to be copied, or ids sent.",
    ),
    Rule(
        "filter",
        "labels of the vector itself",
        (CHROMA, STORE),
        1,
        "Labels stand beside the vector, and a filter by them is complete without a setting.",
    ),
    Rule("filter", "nothing", (CHROMA, STORE), 1, "Without a filter there is nothing that a JOIN could do."),
    Rule("commit", "yes", (PGVECTOR, EXTENSION), 3, "A commit ends where its database ends."),
    Rule("commit", "no, a little later will do", (CHROMA, STORE), 1, "An outbox can bring a second store along."),
    Rule("size", "up to 5 million", (PGVECTOR, CHROMA), 1, "The graph fits into the memory of one ordinary machine."),
    Rule("size", "up to 100 million", (EXTENSION, STORE), 2, "The graph outgrows one machine's memory: it has to lie on disk."),
    Rule("size", "more", (STORE,), 4, "Such a store spreads over many machines by itself."),
    Rule("size", "more", (EXTENSION,), 1, "Its graph lies on disk, and it has one machine."),
    Rule("life", "days", (CHROMA,), 2, "It begins with four calls, and is thrown away with its folder."),
    Rule("life", "years", (PGVECTOR, EXTENSION), 1, "One backup, one upgrade and one monitor count in the years after."),
    Rule("servers", "nobody", (CHROMA,), 3, "It can live in the program: then there is no server at all."),
    Rule("servers", "whoever runs the database", (PGVECTOR, EXTENSION), 1, "What is run already needs nobody new."),
    Rule("servers", "a team for the search", (STORE,), 2, "A further cluster has somebody who looks after it."),
    Rule("ranking", "nothing", (PGVECTOR, CHROMA), 1, "Both find the nearest vectors."),
    Rule("ranking", "words", (PGVECTOR,), 1, "PostgreSQL's full text and the vectors are fused in one statement (lesson 09c)."),
    Rule("ranking", "words", (EXTENSION, STORE), 1, "BM25 is built in there."),
    Rule(
        "ranking", "several vectors a document", (EXTENSION, STORE), 2, "Such a ranking is built in there, and not in pgvector."
    ),
    Rule("load", "less than the rest", (PGVECTOR, EXTENSION), 1, "The search takes little from those who share its server."),
    Rule("load", "more than all the rest", (CHROMA, STORE), 2, "On a server of its own the search takes nothing from the rest."),
)


@dataclass(frozen=True, repr=False)
class Recommendation:
    """What the answers come to.

    Attributes:
        choice: one of the `CANDIDATES`.
        points: what each of them got.
        reasons: the rules that speak for the choice.
        against: the rules that speak for another one, and not for the choice.
        instead: what would be recommended if one answer were another: the question, that answer, and the choice then.
    """

    choice: str
    points: Mapping[str, int]
    reasons: tuple[Rule, ...]
    against: tuple[Rule, ...]
    instead: tuple[tuple[str, str, str], ...]

    @property
    def note(self) -> Note:
        """The recommendation as it is displayed."""
        points = ", ".join(f"{name} {points}" for name, points in sorted(self.points.items(), key=lambda item: -item[1]))
        lines = [f"Points: {points}.", "", "For it:", *map(_told, self.reasons)]
        lines += ["", "Against it:", *(map(_told, self.against) if self.against else ["• nothing that you answered"])]
        if self.instead:
            others = [f"• {QUESTIONS[question].text} {_begun(answer)}: {choice}" for question, answer, choice in self.instead]
            lines += ["", "With one other answer it would be:", *others]
        else:
            lines += ["", "No single other answer would change it."]
        return Note("➜", self.choice, "\n".join(lines))

    def __repr__(self) -> str:
        return repr(self.note)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.note._repr_mimebundle_()


def recommend(answers: Mapping[str, str]) -> Recommendation:
    """Turn the eight answers into a recommendation: `recommend({"rows": "in PostgreSQL", …})`.

    Args:
        answers: the name of each of the `QUESTIONS`, to one of its answers.

    Raises:
        InputError: a question is not answered, or there is no such question or answer.
    """
    _see_that_they_fit(answers)
    rules = [rule for rule in RULES if answers[rule.question] == rule.answer]
    points = _points(rules)
    choice = _most(points)
    others = ((question, answer) for question in QUESTIONS for answer in QUESTIONS[question].answers)
    changed = ((question, answer, _choice({**answers, question: answer})) for question, answer in others)
    return Recommendation(
        choice,
        points,
        tuple(rule for rule in rules if choice in rule.speaks_for),
        tuple(rule for rule in rules if choice not in rule.speaks_for),
        tuple(one for one in changed if one[2] != choice),
    )


def _choice(answers: Mapping[str, str]) -> str:
    return _most(_points(rule for rule in RULES if answers[rule.question] == rule.answer))


def _points(rules: Iterator[Rule] | list[Rule]) -> dict[str, int]:
    points = Counter(dict.fromkeys(CANDIDATES, 0))
    for rule in rules:
        points.update(dict.fromkeys(rule.speaks_for, rule.points))
    return dict(points)


def _most(points: Mapping[str, int]) -> str:
    return max(CANDIDATES, key=points.__getitem__)  # of several the first


def _told(rule: Rule) -> str:
    return f"• {QUESTIONS[rule.question].text} {_begun(rule.answer)}. {rule.because} (+{rule.points})"


def _see_that_they_fit(answers: Mapping[str, str]) -> None:
    unknown = [name for name in answers if name not in QUESTIONS]
    if unknown:
        raise InputError(f"There is no question {unknown[0]!r}. The eight are: {', '.join(QUESTIONS)}.")
    missing = [name for name in QUESTIONS if name not in answers]
    if missing:
        raise InputError(f"Not answered yet: {', '.join(missing)}. With all eight there is a recommendation.")
    for name, question in QUESTIONS.items():
        if answers[name] not in question.answers:
            options = ", ".join(map(repr, question.answers))
            raise InputError(f"{question.text} {answers[name]!r} is none of the answers. They are: {options}.")


def _begun(answer: str) -> str:
    return answer[0].upper() + answer[1:]
