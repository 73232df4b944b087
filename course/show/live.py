"""A widget and its twin: the same in words, for when the widget has no kernel behind it.

A saved notebook holds no widget, only its name: once the kernel has ended, JupyterLab would show an error in its place, and after
a restart buttons that do nothing. The twin is an output of its own, kept up to date and hidden while the widget lives. Its style
hides the dead widget and lets the live one follow the notebook's font size; its script names what ipywidgets leaves unnamed
to those who do not see it, and keeps JupyterLab from taking the arrow keys of options and sliders. What is shown stands in
`diagrams.py`, `panels.py` and `quiz.py`.
"""

from __future__ import annotations

from html import escape

import ipywidgets as widgets
from IPython.display import DisplayHandle, display

from course.exercises.note import LINE, MUTED, TEXT
from course.show.mime import WIDGET

_OFF = "course-off"

_STYLE = """
.jp-OutputArea:has(.course-live:not(.jupyter-widgets-disconnected)) .course-twin,
body:not(:has(.jp-OutputArea)):has(.course-live:not(.jupyter-widgets-disconnected)) .course-twin,
.jp-OutputArea:has(.course-twin) .jp-OutputArea-child:has(> .jp-OutputArea-output.jupyter-widgets),
.jp-OutputArea:has(.course-twin) .course-live.jupyter-widgets-disconnected { display: none !important; }
.jp-OutputArea:has(.course-twin):not(:has(.course-live:not(.jupyter-widgets-disconnected))) .jp-RenderedMermaid { opacity: 0.5; }
.course-twin { animation: course-twin 1s step-end; }
@keyframes course-twin { from { opacity: 0; } }
.course-live {
  --jp-widgets-font-size: var(--jp-content-font-size1);
  --jp-widgets-inline-height: calc(2 * var(--jp-content-font-size1));
  --jp-widgets-radio-item-height: calc(2 * var(--jp-content-font-size1));
}
.course-live .course-off { opacity: 0.4; cursor: default; box-shadow: none; }
""".strip()

_SCRIPT = """
{
  const set = (node, name, value) => { if (node.getAttribute(name) !== value) node.setAttribute(name, value); };
  const name = () => document.querySelectorAll('.course-live').forEach((live) => {
    live.querySelectorAll('.jupyter-button').forEach(
      (button) => set(button, 'aria-disabled', String(button.disabled || button.classList.contains('course-off'))));
    live.querySelectorAll('.widget-radio-box').forEach((box) => {
      set(box, 'role', 'radiogroup');
      set(box, 'aria-label', live.querySelector('.widget-html-content').textContent);
      box.dataset.group ??= window.courseGroups = (window.courseGroups ?? 0) + 1;
      box.querySelectorAll('input').forEach((radio) => {
        radio.name = `course-${box.dataset.group}`;
        set(radio, 'data-lm-suppress-shortcuts', 'true');
      });
    });
    live.querySelectorAll('.widget-slider').forEach((slider) => {
      const handle = slider.querySelector('[role=slider]');
      set(handle, 'data-lm-suppress-shortcuts', 'true');
      set(handle, 'aria-label', slider.querySelector('.widget-label').textContent);
      set(handle, 'aria-valuetext', slider.querySelector('.widget-readout').textContent);
    });
  });
  const changes = { subtree: true, childList: true, characterData: true, attributeFilter: ['class', 'aria-valuetext'] };
  window.courseLive?.disconnect();
  window.courseLive = new MutationObserver(name);
  window.courseLive.observe(document.body, changes);
  name();
}
""".strip()

_HOW_TO_GO_ON = "To go on, select this cell, choose <em>Run → Run All Above Selected Cell</em>, and then run the cell itself."


class Live:
    """A widget in a notebook, and its twin. `show` displays both; `update` tells the twin what the widget shows now."""

    def __init__(self, what: str, *parts: widgets.Widget) -> None:
        """Make it. What is displayed is told to `show`.

        Args:
            what: what it is, in a word, such as `board`.
            parts: what the widget consists of, from top to bottom.
        """
        self.widget = widgets.VBox(list(parts))
        self.widget.add_class("course-live")
        self._what = what
        self._handle: DisplayHandle | None = None
        self._shown = ("", "")

    def show(self, html: str, text: str) -> None:
        """Display the widget, and the twin: what is seen as HTML, and in plain text."""
        self._shown = (html, text)
        self._handle = display(self._twin(html, text), raw=True, display_id=True)
        display({WIDGET: self.widget._repr_mimebundle_()[WIDGET]}, raw=True)

    def update(self, html: str, text: str) -> None:
        """Bring the twin up to date, if it is not. Before the widget is shown there is none."""
        if self._handle is not None and self._shown != (html, text):
            self._shown = (html, text)
            self._handle.update(self._twin(html, text), raw=True)

    def _twin(self, html: str, text: str) -> dict[str, str]:
        dead = f"This {self._what} is as it was left, and dead: the kernel behind it was restarted or has ended."
        return {
            "text/html": (
                f"<style>{_STYLE}</style><script>{_SCRIPT}</script>"
                f'<div class="course-twin" style="color:{TEXT};border-left:4px solid {LINE};padding:4px 12px;line-height:1.5">'
                f'{html}<div style="color:{MUTED}">{dead} {_HOW_TO_GO_ON}</div></div>'
            ),
            "text/plain": text,
        }


class StatusLine(widgets.HTML):
    """A line of text that screen readers say when it changes."""

    def say(self, text: str) -> None:
        """Show a text, line by line, in place of the one before."""
        lines = escape(text).replace("\n", "<br>")
        self.value = f'<div role="status" aria-live="polite" style="color:{TEXT};line-height:1.5">{lines}</div>'


def switch(button: widgets.Button, *, on: bool) -> None:
    """Turn a button on or off. It keeps the keyboard's focus, which a button loses when it is disabled."""
    (button.remove_class if on else button.add_class)(_OFF)


def is_on(button: widgets.Button) -> bool:
    """Whether a button does something when it is pressed."""
    return _OFF not in button._dom_classes
