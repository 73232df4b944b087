"""How a short message to the learner looks: as HTML that follows JupyterLab's theme, and as plain text.

What a message says stands where it is made: `check.py`, `progress/` and `show/`.
"""

import re
from dataclasses import dataclass
from html import escape

TEXT = "var(--jp-content-font-color1, inherit)"
"""CSS colour of text, readable in the light and in the dark theme."""

MUTED = "var(--jp-content-font-color2, inherit)"
"""CSS colour of text that matters less."""

LINE = "var(--jp-border-color1, #9e9e9e)"
"""CSS colour of rules and borders."""

MONO = "var(--jp-code-font-family, monospace)"
"""CSS font of code."""

_EDGES = {
    "good": "var(--jp-success-color1, #388e3c)",
    "next": "var(--jp-warn-color1, #e65100)",
    "bad": "var(--jp-error-color1, #d32f2f)",
    "info": "var(--jp-info-color1, #0288d1)",
    "quiet": LINE,
}


@dataclass(frozen=True, repr=False)
class Note:
    """A message: a sign and a word for what it is, a text, and perhaps lines of code below it.

    Attributes:
        sign: one character that tells the kind without colour, such as `✓`.
        word: what the message is, such as `passed`.
        text: the message; `code` between backticks.
        detail: lines shown as they are, such as a traceback.
        kind: colour of the edge: good, next, bad, info or quiet.
        source: where it comes from, shown small, such as a check's id.
    """

    sign: str
    word: str
    text: str
    detail: str = ""
    kind: str = "info"
    source: str = ""

    def __repr__(self) -> str:
        source = f" [{self.source}]" if self.source else ""
        lines = [f"{self.sign} {self.word}{source}: {self.text}"]
        lines += [f"    {line}" for line in self.detail.splitlines()]
        return "\n".join(lines)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        source = f' <span style="color:{MUTED};font-size:85%">{escape(self.source)}</span>' if self.source else ""
        detail = (
            f'<pre style="margin:6px 0 0 0;padding:0;color:{TEXT};background:transparent;white-space:pre-wrap">'
            f"{escape(self.detail)}</pre>"
            if self.detail
            else ""
        )
        html = (
            f'<div style="border-left:4px solid {_EDGES[self.kind]};padding:4px 12px;margin:4px 0;color:{TEXT}">'
            f"<strong>{escape(self.sign)} {escape(self.word)}</strong>{source}<br>{inline(self.text)}{detail}</div>"
        )
        return {"text/html": html, "text/plain": repr(self)}


def inline(text: str) -> str:
    """A text as HTML: escaped, with `code` between backticks as code, and line breaks kept."""
    code = f'<code style="color:{TEXT};background:transparent;padding:0;font-family:{MONO}">\\1</code>'
    return re.sub(r"`([^`]+)`", code, escape(text, quote=False)).replace("\n", "<br>")
