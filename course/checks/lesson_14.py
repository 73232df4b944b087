"""The exercise of lesson 14: decisions for three projects, judged by their reasons."""

from __future__ import annotations

from typing import Any

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, NotYet, Trial
from course.exercises.stage import Stage

PROJECTS = {
    "Recipes": (
        "Tala teaches a class. For one afternoon, thirty students search 4,000 recipes by meaning, each on their own laptop, "
        "where only Python packages can be installed. The recipes are text files; there is no database, and a search has no "
        "filter. In the evening everything is thrown away."
    ),
    "Deliveries": (
        "Bruno's nursery keeps 3 million delivery notes in PostgreSQL, and will do so for years. A search may only show notes of "
        "the asker's own customers; who they are stands in two other tables, and changes daily. When a customer leaves, notes "
        "and vectors must be gone at the same moment. The one administrator wants no further server. Nearest vectors are all "
        "that is asked."
    ),
    "Pictures": (
        "Anika's museums search 2,000 million pictures, for years. Each picture has thirty vectors, one for each detail, and the "
        "search has to rank by all of them at once. A filter takes the museum's name, which stands beside the vectors; a picture "
        "that is found an hour late harms nobody. A team of six runs a cluster for it. Tickets are sold from PostgreSQL, which "
        "no search ever asks."
    ),
}
"""What the exercise asks about. Each text says of every row of the table whether it is true."""

PGVECTOR, CHROMA, ANOTHER = VERDICTS = ("pgvector", "ChromaDB", "another")
ROWS = ("postgres", "joins", "transactions", "deployment", "scale", "prototype", "features")

DECIDED: dict[str, tuple[str, set[str]]] = {
    "Recipes": (CHROMA, {"deployment", "prototype"}),
    "Deliveries": (PGVECTOR, {"postgres", "joins", "transactions", "deployment"}),
    "Pictures": (ANOTHER, {"scale", "features"}),
}
"""What each project comes to."""

VERDICT_MISTAKES = {
    ("Recipes", PGVECTOR): "Who starts PostgreSQL on thirty laptops where only Python packages can be installed?",
    ("Recipes", ANOTHER): "A store for many machines is a server as well, and there are 4,000 recipes for one afternoon.",
    (
        "Deliveries",
        CHROMA,
    ): "The filter stands in two other tables, and note and vector go at one moment. Which of the two systems does both?",
    ("Deliveries", ANOTHER): "What of it does pgvector lack? Read the chart again at 3 million, and count the servers.",
    ("Pictures", PGVECTOR): "Read the chart's memory beyond 100 million, and what the ranking has to take into account.",
    (
        "Pictures",
        CHROMA,
    ): "ChromaDB keeps its graph in memory. Read the chart beyond 100 million, and the ranking that is asked for.",
}
"""What is said to another decision."""

ROW_MISTAKES = {
    ("Recipes", "postgres"): "There is no database in this project: the recipes are text files.",
    ("Recipes", "joins"): "A search has no filter, and there is no table to join with.",
    ("Recipes", "transactions"): "Nothing has to change together with a vector: the recipes are loaded once.",
    (
        "Recipes",
        "deployment",
    ): "Only Python packages can be installed. Which row of the table is that, and for whom does it speak?",
    ("Recipes", "scale"): "4,000 recipes are no scale: the chart begins at 1,000, and ends far beyond.",
    ("Recipes", "prototype"): "It lives for an afternoon. Which row of the table says so?",
    ("Recipes", "features"): "They search by meaning, and nothing else is asked for: nearest vectors are no special feature.",
    ("Deliveries", "postgres"): "Where are the notes already? That spares a second store, and it is a reason.",
    ("Deliveries", "joins"): "Whose customers they are stands in two other tables. Which row of the table is that?",
    ("Deliveries", "transactions"): "*Gone at the same moment*: which row of the table promises that?",
    (
        "Deliveries",
        "deployment",
    ): "The administrator wants no further server. Beside PostgreSQL, pgvector is none: that is a reason too.",
    ("Deliveries", "scale"): "3 million sound like much. Read the graph's size there in the chart: it fits into one machine.",
    ("Deliveries", "prototype"): "It is to be kept for years, so it is no prototype.",
    ("Deliveries", "features"): "Nearest vectors are all that is asked: no special feature is needed.",
    (
        "Pictures",
        "postgres",
    ): "There is a PostgreSQL, and no search ever asks it. A database in the house is no reason by itself.",
    ("Pictures", "joins"): "The filter takes a label that stands beside the vectors. Nothing is joined.",
    ("Pictures", "transactions"): "Found an hour late, and nobody is harmed: nothing has to be committed together.",
    (
        "Pictures",
        "deployment",
    ): "A cluster is anything but simple. They can afford it, with a team of six, and that is no reason for it.",
    ("Pictures", "scale"): "2,000 million is far beyond the chart's end. Which row of the table is that?",
    ("Pictures", "prototype"): "It is to be kept for years, so it is no prototype.",
    (
        "Pictures",
        "features",
    ): "Thirty vectors a picture, ranked by all at once: that is more than the nearest vector. Which row is that?",
}
"""What is said to a row too many, or one too few."""


def _decided(**changed: tuple[str, set[str]]) -> str:
    """The solution with other decisions, as code."""
    each = {**DECIDED, **changed}
    lines = [f"    {name!r}: ({verdict!r}, set({sorted(rows)!r}))," for name, (verdict, rows) in each.items()]
    return "\n".join(["decisions = {", *lines, "}"])


def _with_all(rows: set[str]) -> str:
    return _decided(**{name: (verdict, rows) for name, (verdict, _) in DECIDED.items()})


@exercise(
    "14.decisions",
    hints=[
        "Go through the seven rows for each project, and ask twice: is it true here, and does it speak for the decision?",
        "What is true need not be a reason: a PostgreSQL that no search asks decides nothing.",
        "Recipes have two reasons, Deliveries four, Pictures two.",
    ],
    mistakes=[
        Mistake(
            "no reasons",
            "Those are decisions without a reason. Which rows of the table carry each?",
            code=_with_all(set()),
        ),
        Mistake(
            "every row for each",
            "With all seven rows for each, nothing tells the three apart. Which rows are true of which project?",
            code=_with_all(set(ROWS)),
        ),
        *(
            Mistake(f"{name} by {verdict}", said, code=_decided(**{name: (verdict, DECIDED[name][1])}))
            for (name, verdict), said in VERDICT_MISTAKES.items()
        ),
        *(
            Mistake(
                f"{name}: {row} {'missing' if row in DECIDED[name][1] else 'too many'}",
                said,
                code=_decided(**{name: (DECIDED[name][0], DECIDED[name][1] ^ {row})}),
            )
            for (name, row), said in ROW_MISTAKES.items()
        ),
    ],
)
def decisions(decisions: dict, trial: Trial) -> str:
    """Judge each project's decision, and then each of the seven rows."""

    def in_all(decisions: dict, stage: Stage) -> str:
        counts = {len(_read(decisions, name)[1]) for name in PROJECTS}
        return "no reason" if counts == {0} else "every row" if counts == {len(ROWS)} else "some rows"

    trial.compare(decisions, in_all, "You have decided three times.")
    for name in PROJECTS:

        def verdict(decisions: dict, stage: Stage, name: str = name) -> str:
            return _read(decisions, name)[0]

        trial.compare(decisions, verdict, f"{name}: you decide for {{found}}.")
        for row in ROWS:

            def is_reason(decisions: dict, stage: Stage, name: str = name, row: str = row) -> str:
                return "a reason" if row in _read(decisions, name)[1] else "no reason"

            among = "is among" if row in _read(decisions, name)[1] else "is not among"
            trial.compare(decisions, is_reason, f"{name}: your decision is right, and `{row!r}` {among} your reasons.")
    return "Three projects, three decisions, and the same table. What decides is what is true of the project."


def _read(decisions: dict, name: str) -> tuple[str, set[str]]:
    """One project's decision and reasons, as the learner has written them."""
    found: Any = decisions.get(name)
    if isinstance(found, str) or not isinstance(found, tuple | list) or len(found) != 2:
        raise NotYet(f"`decisions[{name!r}]` should be a decision and its reasons, such as `('pgvector', {{'joins'}})`.")
    verdict, reasons = found
    called = {verdict.casefold(): verdict for verdict in VERDICTS} | {"chroma": CHROMA}
    if not isinstance(verdict, str) or verdict.strip().casefold() not in called:
        raise NotYet(f"{name}: the decision should be one of {', '.join(map(repr, VERDICTS))}. There stands {verdict!r}.")
    if isinstance(reasons, str) or not isinstance(reasons, set | frozenset | list | tuple):
        raise NotYet(f"{name}: the reasons should be a set of rows, such as `{{'joins', 'scale'}}`. There stands {reasons!r}.")
    given = [reason.strip().casefold() if isinstance(reason, str) else reason for reason in reasons]
    unknown = sorted(repr(reason) for reason in given if reason not in ROWS)
    if unknown:
        raise NotYet(f"{name}: {unknown[0]} is no row of the table. The rows are {', '.join(map(repr, ROWS))}.")
    return called[verdict.strip().casefold()], set(given)
