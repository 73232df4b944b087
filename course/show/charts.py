"""Altair charts that JupyterLab draws offline. What a chart shows stands in the lesson.

Altair's own renderers either load Vega from the internet, or emit a version of Vega-Lite that JupyterLab does not know.
JupyterLab carries Vega-Lite 5 itself: ours emits that.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from course.errors import InputError

if TYPE_CHECKING:
    import altair

MIME = "application/vnd.vegalite.v5+json"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""A name that tells the version. Nothing is loaded from there."""


_NO_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNgYAAAAAMAASsJTYQAAAAASUVORK5CYII="
"""One clear pixel. To a chart without an `image/png`, JupyterLab adds one of 70 kB when it draws it: a notebook then changes by
being opened, and what stands beside the chart is drawn anew. Who cannot draw the chart takes the words, which come before it."""


class Chart:
    """A chart that shows itself, with a sentence for those who do not see it."""

    def __init__(self, spec: dict[str, Any], text: str) -> None:
        self.spec = spec
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return _bundle(self.spec, self.text)


def chart(chart: altair.TopLevelMixin, text: str | None = None) -> Chart:
    """Show an Altair chart, drawn without the internet. Charts shown without this function are drawn so as well from now on.

    Args:
        chart: any Altair chart.
        text: what it shows, in a sentence, for those who read text; without it, the chart's title.

    Raises:
        InputError: it is no Altair chart, or has neither a text nor a title.
    """
    import altair

    if not isinstance(chart, altair.TopLevelMixin):
        raise InputError(f"show.chart() takes an Altair chart, and got {type(chart).__name__}. Make one with alt.Chart(…) first.")
    enable()
    spec = chart.to_dict()
    said = text or _title(spec)
    if not said:
        raise InputError("The chart has no title. Give it one that says what it shows, or pass text='…'. Nothing was drawn.")
    return Chart(_offline(spec), said)


def enable() -> None:
    """Make every Altair chart of this notebook draw offline, shown by itself or through `chart`."""
    import altair

    altair.renderers.register("course", _renderer)
    altair.renderers.enable("course")


def _renderer(spec: dict[str, Any], **_: object) -> dict[str, Any]:
    return _bundle(_offline(spec), _title(spec) or "A chart without a title.")


def _bundle(spec: dict[str, Any], text: str) -> dict[str, Any]:
    return {MIME: spec, "text/markdown": escape(text), "image/png": _NO_PICTURE, "text/plain": text}


def _offline(spec: dict[str, Any]) -> dict[str, Any]:
    """The chart for JupyterLab's own Vega, without a menu: it has no name, and leads to pages on the internet."""
    return spec | {"$schema": SCHEMA, "usermeta": {"embedOptions": {"actions": False}}}


def _title(spec: dict[str, Any]) -> str:
    title = spec.get("title", "")
    text = title.get("text", "") if isinstance(title, dict) else title
    return " ".join(text) if isinstance(text, list) else text
