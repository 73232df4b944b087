"""Diagrams and charts as files, drawn while the site is built: a page needs no script and no network to show them.

Mermaid itself draws the diagrams, in an engine that its wheel carries; Vega does the charts, once for each theme, as pixels:
their places are measured with a font that a reader may not have. The words of a picture become its alternative text.
"""

import hashlib
import json
import re
import struct
from html import escape
from pathlib import Path
from typing import Any, Literal

import mermaidx
import vl_convert

FOLDER = "pictures"
_SCALE = 2
_THEMES: tuple[tuple[str, Literal["dark"] | None], ...] = (("only-light", None), ("only-dark", "dark"))
"""How Furo calls what is shown in one theme alone, and Vega's name of that theme."""

_SIZE = re.compile(r'<svg[^>]*viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"')
_WORDS = re.compile(r"^ +accDescr(?:: *([^\n]+)| *\{\n(.*?)\n *\})$", re.MULTILINE | re.DOTALL)


class Pictures:
    """The pictures of a site: files in its folder `_static/pictures`. Each is drawn once."""

    def __init__(self, site: Path) -> None:
        self._folder = site / "_static" / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)

    def diagram(self, source: str, words: str = "") -> str:
        """A mermaid diagram, as HTML for a page one folder deep. Without `words`, it takes those that it holds itself."""
        described = _WORDS.search(source)
        if not words and described:
            words = described[1] or described[2]
        path = self._path(source, "svg")
        if not path.exists():
            path.write_text(mermaidx.render(source).svg(), encoding="utf-8")
        [(width, height)] = _SIZE.findall(path.read_text(encoding="utf-8"))
        return _figure(_image(path, words, float(width), float(height)))

    def chart(self, spec: dict[str, Any], words: str) -> str:
        """A Vega-Lite chart, as HTML for a page one folder deep: a picture for the light theme, and one for the dark."""
        clear = spec | {"config": spec.get("config", {}) | {"background": "transparent"}}
        text = json.dumps(clear, sort_keys=True)
        images = []
        for shown, theme in _THEMES:
            path = self._path(f"{shown} {text}", "png")
            if not path.exists():
                path.write_bytes(vl_convert.vegalite_to_png(clear, theme=theme, scale=_SCALE))
            width, height = struct.unpack(">II", path.read_bytes()[16:24])
            images.append(_image(path, words, width / _SCALE, height / _SCALE, shown))
        return _figure("".join(images))

    def _path(self, what: str, kind: str) -> Path:
        return self._folder / f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.{kind}"


def _image(path: Path, words: str, width: float, height: float, shown: str = "") -> str:
    kind = f'class="{shown}" ' if shown else ""
    return (
        f'<img {kind}src="../_static/{FOLDER}/{path.name}" alt="{escape(" ".join(words.split()))}" '
        f'width="{round(width)}" height="{round(height)}">'
    )


def _figure(images: str) -> str:
    return f'<div class="picture">{images}</div>'
