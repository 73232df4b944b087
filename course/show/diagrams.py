"""Diagrams, and the board: which servers the application stands on, drawn live, with buttons to kill and to start them.

What killing and starting do stands in `servers/`; which servers there are, in `stack.py`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from html import escape
from typing import Protocol

import ipywidgets as widgets
from IPython.display import display

from course.errors import InputError
from course.show.live import Live, StatusLine, is_on, switch

MARKDOWN = "text/markdown"
"""A diagram is shown as mermaid in Markdown. JupyterLab draws mermaid's own type as well, but then writes its picture into the
notebook, which so changes by being opened, and draws all that stands beside it anew, which takes the focus off a button."""

_THEME = """%%{init: {"theme": "base", "themeVariables": {"primaryColor": "#ECEFF1", "primaryTextColor": "#000",
"primaryBorderColor": "#546E7A", "lineColor": "#808080", "edgeLabelBackground": "#ECEFF1"}}}%%"""
"""One look for the light and the dark theme: JupyterLab does not draw a diagram anew when its theme changes."""

_COLOURS = {
    "PostgreSQL": "fill:#336791,stroke:#1A4971,color:#fff",
    "ChromaDB": "fill:#FFF3E0,stroke:#EF6C00,color:#000",
    "Redis": "fill:#DC382D,stroke:#A41E11,color:#fff",
}
_OTHER = "fill:#ECEFF1,stroke:#546E7A,color:#000"
_DOWN = "fill:#E0E0E0,stroke:#757575,stroke-width:3px,color:#000,stroke-dasharray:6 4"


_NODES = {"PG": "PostgreSQL", "CHROMA": "ChromaDB", "REDIS": "Redis"}
"""Nodes of these names are drawn in their store's colour."""


class Diagram:
    """A mermaid diagram that shows itself, with words for those who do not see it. Made by `diagram`."""

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {MARKDOWN: drawn(self.source, self.text), "text/plain": self.text}


def diagram(source: str, text: str) -> Diagram:
    """Show a mermaid diagram. Its nodes `PG`, `CHROMA` and `REDIS` get the colours that these stores have everywhere.

    Args:
        source: mermaid's own language. Write the state of a thing into its box; a colour alone tells nobody anything.
        text: the same in words.

    Raises:
        InputError: there are no words.
    """
    if not text.strip():
        raise InputError("show.diagram() takes the diagram's words as well: text='…' says what it shows. Nothing was drawn.")
    styles = [f"    style {node} {_COLOURS[store]}" for node, store in _NODES.items() if re.search(rf"\b{node}\b", source)]
    return Diagram("\n".join([source.strip("\n"), *styles]), text)


class BoardServer(Protocol):
    """What the board needs of a server."""

    name: str
    role: str
    can_be_killed: bool

    @property
    def state(self) -> str:
        """What it does now, in a word."""

    def kill(self) -> None:
        """Kill it."""

    def start(self) -> None:
        """Start it."""


class BoardStack(Protocol):
    """What the board needs of a stack."""

    @property
    def servers(self) -> tuple[BoardServer, ...]:
        """The servers to draw."""

    def watch(self, watcher: Callable[[BoardServer], None]) -> Callable[[], None]:
        """Call this at each change. Returns how to end it."""


class Board:
    """A diagram and its buttons. Made, and shown, by `board`. Call `close()` to end it; another board of the same stack does."""

    def __init__(self, stack: BoardStack) -> None:
        self.stack = stack
        self._drawing = threading.Lock()
        self._busy = ""
        self._problem = ""
        self._status = StatusLine()
        self._buttons: list[tuple[BoardServer, widgets.Button, widgets.Button]] = []
        for server in stack.servers:
            if server.can_be_killed:
                kill = self._button("Kill", server, server.kill, "SIGKILL, as in a crash")
                start = self._button("Start", server, server.start, "Start it with the data it has")
                self._buttons.append((server, kill, start))
        with self._drawing:  # a change that comes meanwhile waits, and is drawn after this
            self._end_watch: Callable[[], None] | None = stack.watch(lambda server: self.refresh())
            states = self._states()
            self._arrange(states)
            self._handle = display(self._bundle(states), raw=True, display_id=True)
            self._live = Live("board", *self._controls())
            self._live.show(_lines(_status_text(states)), _status_text(states))

    def refresh(self) -> None:
        """Draw the servers' states as they are now. May be called from any thread."""
        with self._drawing:
            if self._end_watch is None:
                return
            states = self._states()
            self._arrange(states)
            self._live.update(_lines(_status_text(states)), _status_text(states))
            self._handle.update(self._bundle(states), raw=True)

    def close(self) -> None:
        """Leave the picture as it is, without working buttons."""
        with self._drawing:
            if self._end_watch is None:
                return
            self._end_watch()
            self._end_watch = None
            for _, kill, start in self._buttons:
                switch(kill, on=False)
                switch(start, on=False)
            self._status.say("This board has ended: a newer one shows the servers.")

    def _button(self, word: str, server: BoardServer, act: Callable[[], None], tooltip: str) -> widgets.Button:
        button = widgets.Button(description=f"{word} {server.name}", tooltip=tooltip, layout=widgets.Layout(width="auto"))
        button.on_click(lambda _: self._run(button.description, act) if is_on(button) else None)
        return button

    def _run(self, what: str, act: Callable[[], None]) -> None:
        """Do what a button says; what goes wrong goes to the status line, as a button has no cell to show it in."""
        self._busy, self._problem = what, ""
        self.refresh()
        try:
            act()
        except Exception as error:  # noqa: BLE001  shown, whatever it is
            self._problem = f"{what} did not work: {error}"
        finally:
            self._busy = ""
            self.refresh()

    def _states(self) -> list[tuple[BoardServer, str]]:
        return [(server, server.state) for server in self.stack.servers]

    def _arrange(self, states: list[tuple[BoardServer, str]]) -> None:
        state_of = {server.name: state for server, state in states}
        for server, kill, start in self._buttons:
            switch(kill, on=not self._busy and state_of[server.name] == "running")
            switch(start, on=not self._busy and state_of[server.name] not in ("running", "starting"))
        about = f"{self._busy} …" if self._busy else self._problem
        self._status.say(f"{_status_text(states)}\n{about}".strip())

    def _controls(self) -> tuple[widgets.Widget, ...]:
        columns = [widgets.VBox([kill, start]) for _, kill, start in self._buttons]
        return widgets.HBox(columns, layout=widgets.Layout(flex_flow="row wrap")), self._status

    def _bundle(self, states: list[tuple[BoardServer, str]]) -> dict[str, str]:
        lines = "".join(f"\n  → {server.name} ({server.role}): {state}" for server, state in states)
        text = f"Your FastAPI App{lines}"
        return {MARKDOWN: drawn(picture(states), text), "text/plain": text}


def board(stack: BoardStack) -> None:
    """Show the servers of a stack, each with its state, and buttons to kill and to start those that are this notebook's own.

    The picture follows every change, whoever makes it. A former board of the same stack ends.
    """
    for old in [old for old in _open if old.stack is stack]:
        old.close()
        _open.remove(old)
    _open.append(Board(stack))


_open: list[Board] = []
"""Boards that still follow their stack: a cell that runs again must not leave two of them."""


def picture(states: list[tuple[BoardServer, str]]) -> str:
    """The mermaid source of the board's picture, from each server and its state."""
    lines = ["flowchart TD", '    APP["Your FastAPI App"]']
    for number, (server, state) in enumerate(states):
        label = "<br/>".join(_label(text) for text in (server.name, server.role)) + f"<br/><b>{_label(state)}</b>"
        running = state == "running"
        colour = _COLOURS.get(server.name.split()[0], _OTHER) if running else _DOWN
        lines += [f'    APP {"-->" if running else "-.->"} S{number}["{label}"]', f"    style S{number} {colour}"]
    return "\n".join(lines)


def drawn(source: str, text: str) -> str:
    """Mermaid's source as Markdown, in the course's colours and with its words for those who do not see it."""
    words = text.translate(str.maketrans("{}", "()")).replace("%%", "%")
    kind, _, rest = source.partition("\n")
    title = re.split(r"(?<=[.?!]) |\n", words, maxsplit=1)[0]
    return f"```mermaid\n{_THEME}\n{kind}\n    accTitle: {title}\n    accDescr {{\n{words}\n    }}\n{rest}\n```"


def _label(text: str) -> str:
    return escape(text, quote=False).replace('"', "#quot;")


def _status_text(states: list[tuple[BoardServer, str]]) -> str:
    text = " · ".join(f"{server.name}: {state}" for server, state in states)
    if any(not server.can_be_killed for server, _ in states):
        text += "\nServers that were given by their address may serve others: they have no buttons here."
    return text


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")
