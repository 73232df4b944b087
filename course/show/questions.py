"""The eight questions of lesson 14 as lists to choose from, with the recommendation below them. Shown by `show.questionnaire`.

What is asked, and what follows from the answers, stands in `course.choice`.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import ipywidgets as widgets

from course.choice import QUESTIONS, Recommendation, recommend
from course.errors import InputError
from course.show.live import Live, StatusLine

_KEYS = """<script>
window.courseSelects ??= (document.addEventListener('focusin', (event) => {
  if (event.target.matches('.course-live select')) event.target.setAttribute('data-lm-suppress-shortcuts', 'true');
}), true);
</script>"""
"""Keeps JupyterLab from taking the arrow keys of a list that has the focus."""


class Questionnaire:
    """The questions, and what the answers come to. Made by `questionnaire`; it shows itself as the last value of a cell."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._lists = {
            name: widgets.Dropdown(
                options=[("choose …", None), *((answer, answer) for answer in question.answers)],
                value=answers.get(name),
                description=f"{number}  {question.text}",
                style={"description_width": "380px"},
                layout=widgets.Layout(width="640px", max_width="100%"),
            )
            for number, (name, question) in enumerate(QUESTIONS.items(), start=1)
        }
        self._status = StatusLine()
        self._because = widgets.HTML()
        self._lives: list[Live] = []
        for one in self._lists.values():
            one.observe(lambda _: self._refresh(), names="value")
        self._refresh()

    @property
    def answers(self) -> dict[str, str]:
        """What is answered, by the questions' names. `recommend(questions.answers)` says the same as the questionnaire."""
        return {name: one.value for name, one in self._lists.items() if one.value is not None}

    @property
    def recommendation(self) -> Recommendation | None:
        """What the answers come to; None until all eight are given."""
        return recommend(self.answers) if len(self.answers) == len(QUESTIONS) else None

    def _ipython_display_(self) -> None:
        live = Live("questionnaire", *self._lists.values(), self._status, self._because)
        live.show(self._left(), repr(self))
        self._lives.append(live)

    def _refresh(self) -> None:
        found = self.recommendation
        self._status.say(self._said)
        self._because.value = found.note._repr_mimebundle_()["text/html"] if found else ""
        for live in self._lives:
            live.update(self._left(), repr(self))

    @property
    def _said(self) -> str:
        found = self.recommendation
        return f"Recommended: {found.choice}." if found else f"{len(self.answers)} of {len(QUESTIONS)} answered."

    def _left(self) -> str:
        """The answers and what they come to, as HTML: what is to be seen when the lists are dead."""
        asked = "".join(
            f"<div>{escape(one.description)} <strong>{escape(one.value or 'not answered')}</strong></div>"
            for one in self._lists.values()
        )
        return f"{_KEYS}{asked}<div>{escape(self._said)}</div>{self._because.value}"

    def __repr__(self) -> str:
        """The questions and their answers in words, the one that is chosen with an x, and what they come to."""
        lines = []
        for name, one in self._lists.items():
            lines.append(f"{one.description}  [{name}]")
            lines += [f"     ({'x' if answer == one.value else ' '}) {answer}" for answer in QUESTIONS[name].answers]
        found = self.recommendation
        return "\n".join([*lines, repr(found) if found else self._said])


def questionnaire(**answers: str) -> Questionnaire:
    """Ask the eight questions: `show.questionnaire()`, or with answers given before, `show.questionnaire(rows="in PostgreSQL")`.

    Raises:
        InputError: there is no such question or answer.
    """
    for name, answer in answers.items():
        if name not in QUESTIONS or answer not in QUESTIONS[name].answers:
            known = ", ".join(map(repr, QUESTIONS[name].answers)) if name in QUESTIONS else ", ".join(QUESTIONS)
            raise InputError(f"{name}={answer!r} is no answer here. There are: {known}. Nothing was asked.")
    return Questionnaire(answers)
