"""Diagrams and charts as images that stand inside a page. Mermaid and Vega draw them here, once, without a browser."""

import base64
import re
import struct
from html import escape
from typing import Any

import mermaidx
import vl_convert

_WIDEST, _HIGHEST = 1160, 480
_LARGER = 2
"""A small picture is drawn so many times as large as it says, for the last row; a chart has so many times as many pixels."""

_SIZE = re.compile(r'<svg[^>]*viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"')
_WORDS = re.compile(r"^ +accDescr(?:: *([^\n]+)| *\{\n(.*?)\n *\})$", re.MULTILINE | re.DOTALL)


def diagram(source: str, words: str = "") -> str:
    """A mermaid diagram as an image. Without `words` for those who do not see it, it takes those that it holds itself."""
    described = _WORDS.search(source)
    if not words and described:
        words = described[1] or described[2]
    svg = mermaidx.render(source).svg()
    [(width, height)] = _SIZE.findall(svg)
    return _image("svg+xml", svg.encode(), words, float(width), float(height))


def chart(spec: dict[str, Any], words: str) -> str:
    """A Vega-Lite chart as an image."""
    png = vl_convert.vegalite_to_png(spec, scale=_LARGER)
    width, height = struct.unpack(">II", png[16:24])
    return _image("png", png, words, width / _LARGER, height / _LARGER)


def _image(kind: str, content: bytes, words: str, width: float, height: float) -> str:
    scale = min(_WIDEST / width, _HIGHEST / height, _LARGER)
    return (
        f'<img src="data:image/{kind};base64,{base64.b64encode(content).decode()}" alt="{escape(" ".join(words.split()))}" '
        f'width="{round(width * scale)}" height="{round(height * scale)}">'
    )
