"""The glossary's page, and what the build says of links to it."""

import re
import tomllib
from pathlib import Path

import pytest

from course.build import main
from course.home import ROOT
from course.manifest import Lesson, Section
from course.pipeline import glossary
from course.pipeline.layout import BuildError, Layout
from course.pipeline.notebook import make
from course.pipeline.source import read

ONLY = Lesson("01", "first", "Try it", "A", "s", written=True)

TERMS = """
[[term]]
name = "recall@k"
says = "A share."
also = ["recall@10"]

[[term]]
name = "dead tuple"
says = "A version of a row."

[[term]]
name = "RAG"
says = "Retrieval first."
source = "https://example.org/rag"

[[term]]
name = "checkpoint (copy)"
says = "How far it has come."

[[term]]
name = "checkpoint (PostgreSQL)"
says = "All pages are written."
"""

PAGE = "../docs/glossary.md"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    for folder in ("course", "solutions"):
        (tmp_path / folder).mkdir()
    (tmp_path / "course" / "glossary.toml").write_text(TERMS, encoding="utf-8")
    return Layout(tmp_path, (ONLY,), (Section("A", "Three"),))


def refused(layout: Layout, prose: str) -> list[str]:
    """What the build says of a lesson, a line for each fault; nothing if it is made."""
    layout.source(ONLY).write_text(prose, encoding="utf-8")
    try:
        make(layout, ONLY)
    except BuildError as error:
        *faults, last = str(error).split("\n")
        assert last.startswith("Nothing was changed.")
        return faults
    return []


def test_the_page_is_sorted_and_each_term_has_its_anchor(layout: Layout) -> None:
    page = glossary.page(glossary.terms(layout))
    assert re.findall('## <a id="(.*)"></a>(.*)', page) == [
        ("checkpoint-copy", "checkpoint (copy)"),
        ("checkpoint-postgresql", "checkpoint (PostgreSQL)"),
        ("dead-tuple", "dead tuple"),
        ("rag", "RAG"),
        ("recall-at-k", "recall@k"),
    ]
    assert "Retrieval first.\n\n*[Read on](https://example.org/rag)*\n" in page
    assert "A share.\n\n*Also: recall@10.*\n" in page


def test_the_build_makes_the_page_and_check_notices_a_stale_one(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    layout.source(ONLY).write_text("## Words\n", encoding="utf-8")
    assert main([], layout) == 0
    assert main(["--check"], layout) == 0
    layout.glossary_source.write_text(TERMS.replace("A share.", "A part."), encoding="utf-8")
    assert main(["--check"], layout) == 1
    assert "docs/glossary.md: it is not what course/glossary.toml gives." in capsys.readouterr().err


@pytest.mark.parametrize(
    "prose",
    [
        f"**[RAG]({PAGE}#rag)** first, then RAG, then a rag of cotton.",
        f"[Dead\ntuples]({PAGE}#dead-tuple) stay, and a dead-tuple count, and dead tuples.",
        f"[recall@10]({PAGE}#recall-at-k) of 0.9",
        f"A [checkpoint]({PAGE}#checkpoint-copy) of the copy, and later a [checkpoint]({PAGE}#checkpoint-postgresql).",
        f"`RAG` and ```` a RAG ```` are code, [RAG]({PAGE}#rag) is not.",
        f"## RAG in a heading\n\n```mermaid\nflowchart TD\n    RAG\n```\n\n```{{code-cell}}\nRAG = 1\n```\n\n[RAG]({PAGE}#rag)",
        f"<!-- BEGIN SOLUTION -->\nRAG.\n<!-- END SOLUTION -->\n\n[RAG]({PAGE}#rag)",
        f"See [this](https://example.org/RAG). [RAG]({PAGE}#rag)",
        f"[Found again]({PAGE}#recall-at-k): any words may be a link.",
    ],
)
def test_a_link_at_the_first_use_is_right(layout: Layout, prose: str) -> None:
    assert refused(layout, prose) == []


@pytest.mark.parametrize(
    ("prose", "line", "says"),
    [
        (f"One.\n\n[raG]({PAGE}#ragged)", 3, "has no term with the anchor 'ragged'"),
        (f"[RAG]({PAGE})", 1, "has no term with the anchor None"),
        ("[RAG](../../docs/glossary.md#rag)", 1, "the glossary is ../docs/glossary.md from here"),
        (f"[RAG]({PAGE}#rag).\n\n[RAG]({PAGE}#rag)", 3, "'rag' is linked at its first use alone, and that is line 1"),
        (f"[RAG]({PAGE}#rag).\n\nDead tuples", 3, f"'Dead tuple' is used here first: write [Dead tuple]({PAGE}#dead-tuple)."),
        (f"RAG.\n\n```{{code-cell}}\n1\n```\n\n[RAG]({PAGE}#rag)", 1, f"'RAG' is used here first: write [RAG]({PAGE}#rag)."),
        (f"[RAG]({PAGE}#rag) and checkpoints", 1, f"[checkpoint]({PAGE}#checkpoint-copy) or [checkpoint]({PAGE}#checkpoint-po"),
    ],
)
def test_a_link_that_is_wrong_or_missing_is_refused_with_its_line(layout: Layout, prose: str, line: int, says: str) -> None:
    faults = refused(layout, prose)
    assert faults[0].startswith(f"solutions/01_first.md:{line}: ")
    assert says in faults[0]


def test_the_courses_own_glossary_has_each_anchor_once_and_is_linked_from_the_readme() -> None:
    course = Layout.of_this_course()
    known = glossary.terms(course)
    assert len({term.anchor for term in known}) == len(known) == len(tomllib.loads(course.glossary_source.read_text())["term"])
    assert all(term.says.endswith(".") and 20 < len(term.says) < 300 for term in known)
    assert "(docs/glossary.md)" in course.readme.read_text(encoding="utf-8")


def test_the_courses_lessons_link_no_term_that_is_not_there() -> None:
    course = Layout.of_this_course()
    for lesson in course.chosen(()):
        name = course.name(course.source(lesson))
        glossary.see_that_terms_are_linked(course, read(course.source(lesson), name), name)


def test_the_page_is_found_from_where_lessons_and_their_sources_lie() -> None:
    for folder in ("lessons", "solutions"):
        assert (ROOT / folder / glossary.PAGE).resolve() == Layout.of_this_course().glossary
