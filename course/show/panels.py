"""The panel: a picture that is drawn anew when the learner moves a slider or presses a button. Shown by `show.panel`.

What is drawn, and what a button does, stands in the lesson.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
from IPython.display import DisplayHandle, display

from course.errors import InputError
from course.show.live import Live, StatusLine, is_on, switch


class Panel:
    """Controls and the picture below them. Made by `panel`; it shows itself as the last value of a cell.

    Attributes:
        values: what the sliders stand at, by name.
    """

    def __init__(
        self,
        draw: Callable[..., object],
        buttons: Mapping[str, Callable[[], object]],
        start: Mapping[str, object],
        choices: Mapping[str, Sequence[object]],
    ) -> None:
        self._draw = draw
        self._drawing = threading.Lock()
        self._handles: list[list[DisplayHandle]] = []
        self._lives: list[Live] = []
        self._status = StatusLine()
        self._sliders = {name: self._slider(name, options, start) for name, options in choices.items()}
        self._buttons = [self._button(word, act) for word, act in buttons.items()]
        self._shown = _parts(draw(**self.values))

    @property
    def values(self) -> dict[str, Any]:
        """What is chosen now, by name."""
        return {name: slider.value for name, slider in self._sliders.items()}

    def refresh(self) -> None:
        """Draw the picture anew. May be called from any thread; what goes wrong is told below the controls."""
        with self._drawing:
            for live in self._lives:
                live.update(self._left(), repr(self))
            try:
                self._shown = _parts(self._draw(**self.values))
                for handles in self._handles:
                    for handle, part in zip(handles, self._shown, strict=True):
                        handle.update(part)
            except Exception as error:  # noqa: BLE001  shown, whatever it is: a slider has no cell to show it in
                self._status.say(f"This could not be drawn: {error}")

    def _ipython_display_(self) -> None:
        rows = [widgets.HBox(list(part), layout=widgets.Layout(flex_flow="row wrap")) for part in self._controls() if part]
        live = Live("panel", *rows, self._status)
        live.show(self._left(), repr(self))
        self._lives.append(live)
        self._handles.append([display(part, display_id=True) for part in self._shown])

    def _left(self) -> str:
        """Where the sliders stand, as HTML: what is to be seen of the controls when they are dead."""
        return "".join(
            f"<div>{escape(f'{_words(name)}: {_label(slider.value)}')}</div>" for name, slider in self._sliders.items()
        )

    def __repr__(self) -> str:
        """The controls in words; the picture below has words of its own."""
        lines = [
            f"{_words(name)}: {_label(slider.value)}, of {_listed(slider.options)}" for name, slider in self._sliders.items()
        ]
        return "\n".join([*lines, *(f"[{button.description}]" for button in self._buttons)])

    def _controls(self) -> tuple[Sequence[widgets.Widget], Sequence[widgets.Widget]]:
        return list(self._sliders.values()), self._buttons

    def _slider(self, name: str, options: Sequence[object], start: Mapping[str, object]) -> widgets.SelectionSlider:
        if isinstance(options, str) or len(options) < 2 or start.get(name, options[0]) not in options:
            raise InputError(
                f"show.panel() takes two values or more for {name!r}, and starts with one of them. Nothing was drawn."
            )
        slider = widgets.SelectionSlider(
            options=[(_label(option), option) for option in options],
            value=start.get(name, options[0]),
            description=_words(name),
            continuous_update=False,
            style={"description_width": "initial"},
            layout=widgets.Layout(width="360px"),
        )
        slider.observe(lambda _: self._moved(), names="value")
        return slider

    def _moved(self) -> None:
        self._status.say("")
        self.refresh()

    def _button(self, word: str, act: Callable[[], object]) -> widgets.Button:
        button = widgets.Button(description=word, layout=widgets.Layout(width="auto"))
        button.on_click(lambda _: self._run(word, act) if is_on(button) else None)
        return button

    def _run(self, word: str, act: Callable[[], object]) -> None:
        """Do what a button says and draw anew; what it returns, if it is a text, stands below the controls."""
        self._status.say(f"{word} …")
        for button in self._buttons:
            switch(button, on=False)
        try:
            said = act()
            self._status.say(said if isinstance(said, str) else "")
        except Exception as error:  # noqa: BLE001  shown, whatever it is: a button has no cell to show it in
            self._status.say(f"{word} did not work: {error}")
        finally:
            for button in self._buttons:
                switch(button, on=True)
        self.refresh()


def panel(
    draw: Callable[..., object],
    *,
    buttons: Mapping[str, Callable[[], object]] | None = None,
    start: Mapping[str, object] | None = None,
    **choices: Sequence[object],
) -> Panel:
    """A picture with sliders and buttons: `show.panel(draw, days=[1, 7, 30], buttons={"Delete Dana": delete})`.

    Args:
        draw: called with one value of each slider, by name; returns what to show: a table, a chart, a diagram, or a tuple of
            such, always as many.
        buttons: what stands on a button, to what it does; after that the picture is drawn anew. A text that it returns is shown.
        start: where a slider stands at first, by its name; by default at its first value.
        choices: a slider's name to its values, in order.

    Raises:
        InputError: a slider has fewer than two values, or does not have the one that it should start with.
    """
    return Panel(draw, buttons or {}, start or {}, choices)


def _parts(drawn: object) -> tuple[object, ...]:
    return drawn if isinstance(drawn, tuple) else (drawn,)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _label(option: object) -> str:
    return f"{option:,}" if isinstance(option, int) else str(option)


def _listed(options: Sequence[tuple[str, object]]) -> str:
    return ", ".join(label for label, _ in options)
