"""The web site, built once, served from this machine, and every page of it opened in Chromium."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from course.home import ROOT
from course.manifest import lessons
from course.show import charts
from tests.accessibility import blockers
from tests.chromium import CHROMIUM, QUIET, Seen

WITHOUT = [name for name in ("furo", "mermaidx", "myst_nb", "sphinx", "sphinx_revealjs", "vl_convert") if find_spec(name) is None]
MAY_SKIP = not os.environ.get("COURSE_NOTHING_SKIPPED")

pytestmark = pytest.mark.skipif(
    MAY_SKIP and bool(WITHOUT or not CHROMIUM), reason=f"not installed: {', '.join(WITHOUT) or 'Chromium'}; CI has it"
)

WRITTEN = [lesson for lesson in lessons() if lesson.written]
TEACHING = ["README", "handout", "timetables", "exam", "server", "04"]
"""Of the notes for teachers one: all have its form."""

PLACES = ["index", "try", "docs/glossary", "search", *(f"lessons/{lesson.stem}" for lesson in WRITTEN)]
PLACES += [f"docs/teaching/{name}" for name in TEACHING]

IN_DETAIL = "lessons/00_start_here"
DARK = {"index", "docs/glossary", IN_DETAIL, "lessons/07_indexes_and_recall"}
"""Between the themes only colours differ, and these pages have all of them."""

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
WIDTHS = {"360 px": 360, "200 % of 1280 px": 640}

OPEN_ALL = """async () => {
  document.querySelectorAll('article details').forEach(toggle => { toggle.open = true })
  await Promise.all(document.getAnimations().map(animation => animation.finished))
}"""
"""Open every toggle, and wait until each has faded in."""

WITHOUT_COLOURS = "() => document.querySelectorAll('pre').forEach(code => { code.textContent = code.textContent })"
"""Make code plain text: axe-core takes twice as long where each word of it is an element, also of what it passes over."""

TOO_WIDE = """() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth
  return wide && [...document.querySelectorAll('article *')].filter(part => part.getBoundingClientRect().right > innerWidth)
    .slice(0, 3).map(part => part.outerHTML.slice(0, 120)).concat(`${wide} px too wide`)
}"""
PICTURES = """() => [...document.querySelectorAll('.picture')].map(picture => [...picture.querySelectorAll('img')].filter(
  image => image.checkVisibility() && image.naturalWidth > 20 && image.alt.trim()).length)"""


@dataclass
class Visit:
    """What was seen on a page."""

    errors: list[str]
    beyond: list[str]
    blockers: dict[str, list[str]] = field(default_factory=dict)
    too_wide: dict[str, object] = field(default_factory=dict)
    pictures: dict[str, list[int]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from course.site.__main__ import main

    folder = tmp_path_factory.mktemp("site")
    assert main(["--folder", str(folder)]) == 0
    return folder / "html"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(site)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    port = re.findall(r"port (\d+)", server.stdout.readline())
    yield f"http://127.0.0.1:{port[0]}"
    server.terminate()
    server.communicate(timeout=30)


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser.new_page(viewport=DESKTOP)
        browser.close()


@pytest.fixture(scope="module")
def visits(page: Page, address: str) -> dict[str, Visit]:
    """Every page, opened once: in both themes with all toggles open, and in narrow windows."""
    seen = Seen(page)
    return {place: visit(page, seen, address, place) for place in PLACES}


def visit(page: Page, seen: Seen, address: str, place: str) -> Visit:
    # What stands around the content, and the colours of code, are the same everywhere: axe-core looks at them once.
    include = [] if place in ("index", "search") else ["article"]
    exclude = [] if place == IN_DETAIL else ["pre"]
    seen.errors, seen.beyond = [], []
    found = Visit(seen.errors, seen.beyond)
    page.goto(f"{address}/{place}.html")
    page.evaluate(OPEN_ALL)
    if exclude:
        page.evaluate(WITHOUT_COLOURS)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        if theme == "light" or place in DARK:
            found.blockers[theme] = blockers(page, include, exclude, ["color-contrast"] if theme == "dark" else None)
        found.pictures[theme] = page.evaluate(PICTURES)
    for name, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 800})
        found.too_wide[name] = page.evaluate(TOO_WIDE)
    page.set_viewport_size(DESKTOP)
    return found


def test_no_page_has_a_console_error(visits: dict[str, Visit]) -> None:
    assert {place: visit.errors for place, visit in visits.items() if visit.errors} == {}


def test_no_page_asks_beyond_this_machine(visits: dict[str, Visit]) -> None:
    assert {place: visit.beyond for place, visit in visits.items() if visit.beyond} == {}


def test_axe_finds_nothing_serious_on_any_page(visits: dict[str, Visit]) -> None:
    assert {place: visit.blockers for place, visit in visits.items() if any(visit.blockers.values())} == {}
    assert {place for place, visit in visits.items() if "dark" in visit.blockers} == DARK
    assert all("light" in visit.blockers for visit in visits.values())


@pytest.mark.parametrize("name", WIDTHS)
def test_no_page_scrolls_sideways(visits: dict[str, Visit], name: str) -> None:
    assert {place: visit.too_wide[name] for place, visit in visits.items() if visit.too_wide[name]} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("lesson", WRITTEN, ids=lambda lesson: lesson.id)
def test_every_diagram_and_every_chart_is_drawn_once_with_its_words(visits: dict[str, Visit], lesson, theme: str) -> None:
    cells = nbformat.read(ROOT / "solutions" / f"{lesson.stem}.ipynb", 4).cells
    drawn = [output.data for cell in cells for output in cell.get("outputs", []) if charts.MIME in output.get("data", {})]
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    texts += [output.get("data", {}).get("text/markdown", "") for cell in cells for output in cell.get("outputs", [])]
    count = len(drawn) + sum(text.count("```mermaid") for text in texts)
    assert visits[f"lessons/{lesson.stem}"].pictures[theme] == [1] * count


def test_a_solution_stands_behind_a_toggle_and_its_blank_before_it(page: Page, address: str) -> None:
    page.goto(f"{address}/lessons/04_orphan_vectors.html")
    solution = page.locator("details", has=page.get_by_text("Show a solution")).first
    code = solution.locator("pre", has_text="in_chroma - in_postgres")
    expect(page.locator("pre:visible", has_text="def orphans(")).to_have_count(1)
    expect(code).to_be_hidden()
    solution.locator("summary").press("Enter")
    expect(code).to_be_visible()


def test_a_search_finds_a_lesson_and_the_glossary(page: Page, address: str) -> None:
    page.goto(f"{address}/search.html?q=outbox")
    expect(page.locator("#search-results li a", has_text="Keep two stores in step with an outbox").first).to_be_visible()


def test_a_term_leads_to_the_glossary(page: Page, address: str) -> None:
    page.goto(f"{address}/lessons/04_orphan_vectors.html")
    page.get_by_role("link", name="orphans", exact=True).first.click()
    expect(page).to_have_url(f"{address}/docs/glossary.html#orphan-vector")
    expect(page.locator("#orphan-vector")).to_be_visible()


def test_a_note_for_teachers_leads_to_the_slides_of_its_lesson_and_their_list_to_every_deck(page: Page, address: str) -> None:
    page.goto(f"{address}/docs/teaching/04.html")
    page.get_by_role("link", name="the slides of this lesson").click()
    expect(page).to_have_title("04 · Delete a user and find the orphans")
    page.wait_for_function("window.Reveal?.isReady()")
    page.goto(f"{address}/docs/teaching/README.html")
    page.get_by_role("link", name="the slides of all lessons").click()
    expect(page.locator("li a")).to_have_text([f"{lesson.id} · {lesson.title}" for lesson in WRITTEN])


def test_every_note_for_teachers_has_its_deck_on_the_site(site: Path) -> None:
    for lesson in WRITTEN:
        note = (site / "docs" / "teaching" / f"{lesson.id}.html").read_text(encoding="utf-8")
        assert f'href="../../slides/{lesson.id}.html"' in note
        assert (site / "slides" / f"{lesson.id}.html").is_file()


def test_nothing_of_a_live_kernel_is_left_on_a_page(site: Path) -> None:
    for path in (site / "lessons").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "as it was left, and dead" not in text
        assert "You did not predict" not in text
        assert not re.search(r'href="[^":]*\.ipynb', text)
