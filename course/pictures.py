"""Mermaid diagrams drawn without a browser, for the web site and the slides, and what a drawn picture says of itself."""

import re
import struct
from functools import cache

import mermaidx

_SIZE = re.compile(rb'<svg[^>]*viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"')
_WORDS = re.compile(r"^ +accDescr(?:: *([^\n]+)| *\{\n(.*?)\n *\})$", re.MULTILINE | re.DOTALL)
_PNG = b"\x89PNG\r\n\x1a\n"


@cache
def drawn(diagram: str) -> str:
    """A mermaid diagram as SVG. Pages and slides have many in common: each is drawn once."""
    return mermaidx.render(diagram).svg()


def words_in(diagram: str) -> str:
    """The words that a mermaid diagram holds for those who do not see it; "" if it holds none."""
    described = _WORDS.search(diagram)
    return (described[1] or described[2]) if described else ""


def size(picture: bytes) -> tuple[float, float]:
    """Width and height of an SVG or PNG picture, in its own units or pixels.

    Raises:
        ValueError: it is neither.
    """
    if picture.startswith(_PNG):
        width, height = struct.unpack(">II", picture[16:24])
        return width, height
    found = _SIZE.search(picture)
    if not found:
        raise ValueError("This picture is neither a PNG nor an SVG with a viewBox.")
    return float(found[1]), float(found[2])
