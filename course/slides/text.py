"""Markdown of lessons and notes as HTML: diagrams are drawn, and links to files of the course become plain text."""

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from course.slides import pictures

_TO_A_FILE = re.compile(r"\[([^\]]*)\]\((?!https?:)[^)]*\)")
_FENCE = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def html(markdown: str) -> str:
    """A text as HTML."""
    return _MARKDOWN.render(_TO_A_FILE.sub(r"\1", markdown))


def inline(markdown: str) -> str:
    """A line as HTML, without a paragraph around it."""
    return _MARKDOWN.renderInline(_TO_A_FILE.sub(r"\1", markdown))


def diagrams(markdown: str) -> list[str]:
    """The mermaid sources in a text."""
    return _FENCE.findall(markdown)


def without_diagrams(markdown: str) -> str:
    """The text, and no diagram of it."""
    return _FENCE.sub("", markdown).strip()


def _fence(renderer: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: EnvType) -> str:
    if tokens[place].info == "mermaid":
        return f"<p>{pictures.diagram(tokens[place].content)}</p>"
    return RendererHTML.fence(renderer, tokens, place, options, env)


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_MARKDOWN.add_render_rule("fence", _fence)
