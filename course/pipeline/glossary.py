"""The glossary: its page, made from course/glossary.toml, and the rule that a lesson links each term at its first use.

A link is a plain one, `[recall@k](../docs/glossary.md#recall-at-k)`, which works on GitHub and in JupyterLab. What counts is
a lesson's prose: headings, code, quoted words, and answers that the lesson leaves blank are passed over.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from course.pipeline.layout import BuildError, Layout
from course.pipeline.source import Cell

PAGE = "../docs/glossary.md"
"""The page, as seen from a lesson and from its source."""

_LINK = re.compile(r"\[(?P<text>[^][]*)\]\((?P<page>[^)\s#]*glossary\.md)(?:#(?P<anchor>[^)\s]*))?\)")
_NO_PROSE = re.compile(
    r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)`*~*$"
    r"|<!-- BEGIN SOLUTION -->.*?<!-- END SOLUTION -->|<!--.*?-->|<[a-zA-Z/][^>\n]*>"
    r"|(?P<ticks>`+).+?(?P=ticks)|^#{1,6} [^\n]*|\]\([^)\n]*\)",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Term:
    """A word of the field: how it is called, what it is, other words for it, and where to read on."""

    name: str
    says: str
    also: tuple[str, ...] = ()
    source: str = ""

    @property
    def anchor(self) -> str:
        """Its place on the page: `recall-at-k` for recall@k."""
        return anchor(self.name)

    @property
    def words(self) -> tuple[str, ...]:
        """All that it is called in prose, without a sense in parentheses."""
        return (re.sub(r" \(.*\)$", "", self.name), *self.also)


@dataclass(frozen=True)
class _Use:
    """A term in a lesson's prose: the terms that its word may mean, and the one that is linked."""

    line: int
    """In the source; while a cell is looked through, the place in its text."""
    word: str
    meant: frozenset[str]
    linked: str | None


def terms(layout: Layout) -> tuple[Term, ...]:
    """The glossary's terms, sorted as on the page. A course without a glossary has none."""
    if not layout.glossary_source.is_file():
        return ()
    entries = tomllib.loads(layout.glossary_source.read_text(encoding="utf-8"))["term"]
    found = [Term(**entry | {"also": tuple(entry.get("also", ()))}) for entry in entries]
    return tuple(sorted(found, key=lambda term: term.anchor))


def anchor(name: str) -> str:
    """The place of a term, or of any heading, on its page."""
    return "-".join(re.findall(r"[a-z0-9]+", name.lower().replace("@", " at ")))


def page(terms: Sequence[Term]) -> str:
    """The page of the glossary."""
    entries = [f'## <a id="{term.anchor}"></a>{term.name}\n\n{term.says}{_more(term)}' for term in terms]
    head = (
        "<!-- Made from course/glossary.toml by `python -m course.build`: edit that. -->\n\n# Glossary\n\n"
        "Each lesson links a term where it first uses it. [Course map](../README.md#course-map)"
    )
    return "\n\n".join([head, *entries]) + "\n"


def _more(term: Term) -> str:
    also = f"Also: {', '.join(term.also)}." if term.also else ""
    source = f"[Read on]({term.source})" if term.source else ""
    more = " · ".join(part for part in (also, source) if part)
    return f"\n\n*{more}*" if more else ""


def see_that_terms_are_linked(layout: Layout, cells: Sequence[Cell], name: str) -> None:
    """Refuse links to no term, and a term that is not linked where it is first used.

    Raises:
        BuildError: with a line for each.
    """
    known = terms(layout)
    found = _dead_links(cells, name, known)
    if not found:
        found = [f"{name}:{line}: {what}" for line, what in _faults(cells, known)]
    if found:
        raise BuildError("\n".join([*found, "Nothing was changed. Correct it there; docs/glossary.md has all terms."]))


def _dead_links(cells: Sequence[Cell], name: str, known: Sequence[Term]) -> list[str]:
    anchors = {term.anchor for term in known}
    found = []
    for cell in cells:
        for link in _LINK.finditer(cell.text) if cell.kind == "markdown" else ():
            place = f"{name}:{cell.line + cell.text.count(chr(10), 0, link.start())}"
            if link["page"] != PAGE:
                found.append(f"{place}: the glossary is {PAGE} from here, not {link['page']}.")
            elif link["anchor"] not in anchors:
                found.append(f"{place}: course/glossary.toml has no term with the anchor {link['anchor']!r}.")
    return found


def _faults(cells: Sequence[Cell], known: Sequence[Term]) -> Iterator[tuple[int, str]]:
    """Each term that is not linked at its first use, and each that is linked again, with its line."""
    settled: dict[str, int] = {}
    for use in _uses(cells, known):
        if use.linked in settled:
            yield use.line, f"{use.linked!r} is linked at its first use alone, and that is line {settled[use.linked]}."
        elif use.linked:
            settled[use.linked] = use.line
        elif not use.meant & set(settled):
            links = " or ".join(f"[{use.word}]({PAGE}#{anchor})" for anchor in sorted(use.meant))
            yield use.line, f"{use.word!r} is used here first: write {links}."
            settled |= dict.fromkeys(use.meant, use.line)


def _uses(cells: Sequence[Cell], known: Sequence[Term]) -> Iterator[_Use]:
    meaning: dict[str, set[str]] = {}
    for term in known:
        for word in term.words:
            meaning.setdefault(word.lower(), set()).add(term.anchor)
    pattern = _pattern(known)
    for cell in cells:
        if cell.kind != "markdown":
            continue
        links = list(_LINK.finditer(cell.text))
        prose = _NO_PROSE.sub(lambda part: re.sub(r"[^\n]", " ", part[0]), cell.text)
        found = [_Use(link.start(), link["text"], frozenset(), link["anchor"]) for link in links]
        for match in pattern.finditer(prose):
            if not any(link.start() < match.start() < link.end() for link in links):
                word = " ".join(next(text for text in match.groups() if text).split())
                found.append(_Use(match.start(), word, frozenset(meaning[_known_as(word, meaning)]), None))
        for use in sorted(found, key=lambda use: use.line):
            yield _Use(cell.line + cell.text.count("\n", 0, use.line), use.word, use.meant, use.linked)


def _pattern(known: Sequence[Term]) -> re.Pattern:
    """Any word of any term, the longest first; written in small letters alone, it may begin or be written in capitals."""
    words = sorted({word for term in known for word in term.words}, key=lambda word: (-len(word), word))
    found = []
    for word in words:
        spelled = r"[\s-]+".join(map(re.escape, re.split(r"[\s-]", word)))
        found.append(f"((?i:{spelled}))" if word == word.lower() else f"({spelled})")
    return re.compile(rf"(?<![\w./@-])(?:{'|'.join(found) or '(?!)'})(?:e?s)?(?![\w@])")


def _known_as(word: str, meaning: dict[str, set[str]]) -> str:
    return min((name for name in meaning if _plain(name) == _plain(word)), default=word.lower())


def _plain(word: str) -> str:
    return re.sub(r"[\s-]+", " ", word.lower())
