"""Predictions: a question before a surprise, locked in, and compared with what happened. The learner meets it as `predict`.

The options are shown; the outcome is not known here before a cell reveals it. Their order, and which of them a measurement
comes to, stand in `options`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import ipywidgets as widgets
from IPython.display import display

from course import progress
from course.errors import CourseError
from course.exercises.note import MUTED, TEXT, Note, inline
from course.show.live import Live, switch
from course.show.options import as_texts, shuffled, that_happened

_LETTERS = "abcdefghij"


class Prediction:
    """One question. Made, and shown, by `predict`.

    Attributes:
        id: the prediction's id, such as `"00.after_kill"`.
        question: the question.
        options: what can be chosen, as texts, in the order in which they stand: shuffled by the id.
        choice: what was locked in, or None.
    """

    def __init__(self, id: str, question: str, options: Sequence[str | float]) -> None:
        self.id = progress.valid_prediction(id)
        self.question = question
        self.options = shuffled(id, as_texts(options))
        earlier = progress.prediction(id)
        self.choice = earlier if earlier in self.options else None
        self._revealed = False
        self._title = widgets.HTML(f'<div style="color:{TEXT}"><strong>Predict.</strong> {inline(question)}</div>')
        self._radio = widgets.RadioButtons(
            options=[(f"{letter})  {option}", option) for letter, option in zip(_LETTERS, self.options, strict=False)],
            value=self.choice,
            layout=widgets.Layout(width="auto"),
        )
        self._button = widgets.Button(description="Lock in", tooltip="Lock in your prediction. It cannot be changed afterwards.")
        self._status = widgets.HTML()
        row = widgets.HBox([self._button, self._status], layout=widgets.Layout(align_items="center"))
        self._live = Live("question", self._title, self._radio, row)
        self._radio.observe(lambda _: self._refresh(), names="value")
        self._button.on_click(lambda _: self.lock())
        self._refresh()

    def lock(self) -> None:
        """Lock in what is chosen. It cannot be changed afterwards."""
        if self._radio.value is None or self.choice is not None or self._revealed:
            return
        try:
            self.choice = progress.lock_prediction(self.id, self._radio.value, self.options)
        except CourseError as error:  # in a button's handler an error would show nowhere
            self._refresh(str(error))
            return
        self._radio.value = self.choice
        self._refresh()

    def reveal(self, actual: object, because: str) -> None:
        """Show what happened beside what was predicted.

        Args:
            actual: what happened, as the cells above measured it. One of the options; or a number, for the option that is it
                or begins with it; or a mapping from options to whether each happened, where the first that did counts, and
                if none did, the option left out: `{"none": left == 0, "all 9": left == 9}`.
            because: a sentence that says why.

        Raises:
            InputError: it is none of the options.
        """
        happened = that_happened(actual, self.options)
        self._revealed = True
        self._refresh()
        display(self._compared(happened, because))

    def __repr__(self) -> str:
        lines = [
            f"  ({'x' if option == self.choice else ' '}) {letter}  {option}"
            for letter, option in zip(_LETTERS, self.options, strict=False)
        ]
        return "\n".join([f"Predict. {self.question}", *lines])

    def show(self) -> None:
        """Display the question with its options and the button."""
        self._live.show(self._left(), repr(self))

    def _compared(self, happened: str, because: str) -> Note:
        if self.choice is None:
            text = f"You did not predict. What happened: {happened}.\n{because}"
            return Note("○", "no prediction", text, kind="quiet")
        text = f"You predicted: {self.choice}. What happened: {happened}.\n{because}"
        if self.choice == happened:
            return Note("✓", "as you predicted", text, kind="good")
        return Note("≠", "not as you predicted", text, kind="next")

    def _refresh(self, problem: str = "") -> None:
        closed = self.choice is not None or self._revealed
        self._radio.disabled = closed
        self._button.disabled = self._radio.value is None
        switch(self._button, on=not closed)  # not disabled: it has the focus when it was pressed
        if problem:
            text = problem
        elif self.choice is not None:
            text = f"Locked in: {self.choice}. Go on with the next cell."
        elif self._revealed:
            text = "The outcome is shown below. To predict all the same, run this cell again."
        else:
            text = "Choose, then lock in." if self._radio.value is None else "Not locked in yet."
        self._status.value = f'<span role="status" style="color:{MUTED}">{escape(text)}</span>'
        self._live.update(self._left(), repr(self))

    def _left(self) -> str:
        """The question and what was chosen, as HTML: what is to be seen of it when it is dead."""
        options = "".join(
            f"<div>{'◉' if option == self._radio.value else '○'} {escape(letter)})&nbsp; {escape(option)}</div>"
            for letter, option in zip(_LETTERS, self.options, strict=False)
        )
        state = f"Locked in: {self.choice}." if self.choice is not None else "Not locked in."
        return f"{self._title.value}{options}<div>{escape(state)}</div>"


def predict(id: str, question: str, options: Sequence[str | float]) -> Prediction:
    """Ask for a prediction. Show the question now; call `.reveal(…)` on what it returns once the outcome is known.

    A prediction that is locked in stays, also when the cell runs again; `progress.reset("00")` frees a lesson's predictions.

    Args:
        id: a lesson's id, a dot and a name, such as `"00.after_kill"`.
        question: the question; `code` between backticks.
        options: two to ten different answers, texts or numbers. They are shown in an order of this prediction's own.

    Raises:
        CourseError: the id is no prediction's id.
        InputError: there are too few or too many options, or two are the same.
    """
    asked = Prediction(id, question, options)
    asked.show()
    return asked
