"""Diagrams and charts as files, drawn while the site is built: a page needs no script and no network to show them.

Mermaid itself draws the diagrams, in an engine that its wheel carries; Vega does the charts, once for each theme, as pixels:
their places are measured with a font that a reader may not have. The words of a picture become its alternative text.
"""

import hashlib
import json
import re
from html import escape
from pathlib import Path
from typing import Any, Literal

import vl_convert

from course.pictures import drawn, size, words_in

DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A diagram in a text, its source as the group."""

FOLDER = "pictures"
_SCALE = 2
_THEMES: tuple[tuple[str, Literal["dark"] | None], ...] = (("only-light", None), ("only-dark", "dark"))
"""How Furo calls what is shown in one theme alone, and Vega's name of that theme."""


class Pictures:
    """The pictures of a site: files in its folder `_static/pictures`. Each is drawn once.

    Args:
        site: the folder of the site's sources.
        depth: how many folders deep the pages lie that show them.
    """

    def __init__(self, site: Path, depth: int = 1) -> None:
        self._folder = site / "_static" / FOLDER
        self._address = f"{'../' * depth}_static/{FOLDER}"
        self._folder.mkdir(parents=True, exist_ok=True)

    def diagram(self, source: str, words: str = "") -> str:
        """A mermaid diagram, as HTML. Without `words`, it takes those that it holds itself."""
        path = self._path(source, "svg")
        if not path.exists():
            path.write_text(drawn(source), encoding="utf-8")
        return _figure(self._image(path, words or words_in(source)))

    def diagrams(self, markdown: str) -> str:
        """A text in which pictures stand in the place of its diagrams."""
        return DIAGRAM.sub(lambda found: self.diagram(found[1]), markdown)

    def chart(self, spec: dict[str, Any], words: str) -> str:
        """A Vega-Lite chart, as HTML: a picture for the light theme, and one for the dark."""
        clear = spec | {"config": spec.get("config", {}) | {"background": "transparent"}}
        text = json.dumps(clear, sort_keys=True)
        images = []
        for shown, theme in _THEMES:
            path = self._path(f"{shown} {text}", "png")
            if not path.exists():
                path.write_bytes(vl_convert.vegalite_to_png(clear, theme=theme, scale=_SCALE))
            images.append(self._image(path, words, _SCALE, shown))
        return _figure("".join(images))

    def _image(self, path: Path, words: str, scale: int = 1, shown: str = "") -> str:
        kind = f'class="{shown}" ' if shown else ""
        width, height = size(path.read_bytes())
        return (
            f'<img {kind}src="{self._address}/{path.name}" alt="{escape(" ".join(words.split()))}" '
            f'width="{round(width / scale)}" height="{round(height / scale)}">'
        )

    def _path(self, what: str, kind: str) -> Path:
        return self._folder / f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.{kind}"


def _figure(images: str) -> str:
    return f'<div class="picture">{images}</div>'
