"""Diagrams and charts as images that stand inside a page. Mermaid and Vega draw them here, once, without a browser."""

import base64
from html import escape
from typing import Any

import vl_convert

from course.pictures import drawn, size, words_in

_WIDEST, _HIGHEST = 1160, 480
_LARGER = 2
"""A small picture is drawn so many times as large as it says, for the last row; a chart has so many times as many pixels."""


def diagram(source: str, words: str = "") -> str:
    """A mermaid diagram as an image. Without `words` for those who do not see it, it takes those that it holds itself."""
    return _image("svg+xml", drawn(source).encode(), words or words_in(source))


def chart(spec: dict[str, Any], words: str) -> str:
    """A Vega-Lite chart as an image."""
    return _image("png", vl_convert.vegalite_to_png(spec, scale=_LARGER), words, _LARGER)


def _image(kind: str, content: bytes, words: str, larger: int = 1) -> str:
    width, height = (length / larger for length in size(content))
    scale = min(_WIDEST / width, _HIGHEST / height, _LARGER)
    return (
        f'<img src="data:image/{kind};base64,{base64.b64encode(content).decode()}" alt="{escape(" ".join(words.split()))}" '
        f'width="{round(width * scale)}" height="{round(height * scale)}">'
    )
