"""Slides for teachers: what is in a deck, what its speaker reads, and how it opens and prints in a real Chromium, offline."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from course import manifest
from course.pipeline.layout import Layout
from course.slides.__main__ import NEEDED, main
from course.teaching.note import read
from course.teaching.outline import outline
from tests.test_browser import CHROMIUM, QUIET, Seen

COURSE = Layout.of_this_course()
LESSON, WITH_A_CHART = manifest.lesson("04"), manifest.lesson("06")
HEIGHT, WIDTH = 720, 1280

needs_the_extra = pytest.mark.skipif(
    any(find_spec(name) is None for name in NEEDED), reason="what slides need is not installed; `make .venv/.slides` does it"
)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed; CI has it")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two decks, as the command writes them."""
    folder = tmp_path_factory.mktemp("slides")
    assert main(["04", "06", "--folder", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    yield page
    page.context.close()


def open_deck(page: Page, folder: Path, lesson: manifest.Lesson, query: str = "") -> None:
    page.goto(f"{(folder / lesson.id).as_uri()}.html{query}")
    page.wait_for_function("window.Reveal?.isReady()")


def kinds(folder: Path, lesson: manifest.Lesson) -> list[str]:
    return re.findall(r'<section class="(\w+)', (folder / f"{lesson.id}.html").read_text(encoding="utf-8"))


@needs_the_extra
def test_a_deck_has_what_the_lesson_has_in_the_order_of_the_lesson(folder: Path) -> None:
    found = kinds(folder, LESSON)
    assert found[:3] == ["title", "problem", "section"]
    assert found[-3:] == ["insight", "takeaways", "questions"]
    assert found.count("prediction") == found.count("reveal") == len(outline(COURSE, LESSON).predictions)
    assert found.count("table") == 2
    assert found.count("diagram") == 1
    assert kinds(folder, WITH_A_CHART).count("chart") == 2


@needs_the_extra
@pytest.mark.parametrize("lesson", [LESSON, WITH_A_CHART], ids=lambda lesson: lesson.id)
def test_each_section_and_each_exercise_begins_once(folder: Path, lesson: manifest.Lesson) -> None:
    shown = [section for section in outline(COURSE, lesson).sections if section.is_shown]
    assert kinds(folder, lesson).count("section") == len(shown) - 1  # one is the problem
    assert kinds(folder, lesson).count("exercise") == len(lesson.checks)


@needs_the_extra
def test_the_outcome_of_a_prediction_is_on_the_next_slide_and_not_before(folder: Path) -> None:
    text = (folder / "04.html").read_text(encoding="utf-8")
    sections = re.findall(r'<section class="(\w+).*?</section>', text, re.DOTALL)
    assert [sections[place + 1] for place, kind in enumerate(sections) if kind == "prediction"] == ["reveal"] * 4
    asked, told = re.findall(r'<section class="(?:prediction|reveal).*?</section>', text, re.DOTALL)[:2]
    assert "<li>c) all 9</li>" in asked
    assert "ends where PostgreSQL ends" not in asked
    assert "<strong>✓ c) all 9</strong>" in told
    assert "ends where PostgreSQL ends" in told


@needs_the_extra
@needs_chromium
def test_a_deck_opens_from_disk_turns_its_pages_and_loads_nothing_from_elsewhere(page: Page, folder: Path) -> None:
    seen = Seen(page)
    open_deck(page, folder, LESSON)
    assert page.locator("section.present h1").inner_text() == LESSON.title
    page.keyboard.press("ArrowRight")
    page.wait_for_function("Reveal.getIndices().h === 1")
    assert page.locator("section.present h2").inner_text() == "The problem"
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert (seen.errors, seen.beyond) == ([], [])


@needs_the_extra
@needs_chromium
def test_the_speakers_window_shows_what_the_note_says_to_the_slide(page: Page, folder: Path) -> None:
    open_deck(page, folder, LESSON)
    page.evaluate("Reveal.slide([...document.querySelectorAll('.slides section')].findIndex(s => s.matches('.reveal')))")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes .value")
    notes.get_by_role("listitem").first.wait_for()
    first = read(COURSE.note(LESSON)).predictions["04.left"].splitlines()[0]
    assert plain(notes.inner_text()).startswith(plain(first))


def plain(markdown: str) -> str:
    return re.sub(r"^- |[*`]", "", markdown).strip()


@needs_the_extra
@needs_chromium
@pytest.mark.parametrize("lesson", [WITH_A_CHART, LESSON], ids=lambda lesson: lesson.id)
def test_every_slide_fits_its_page(page: Page, folder: Path, lesson: manifest.Lesson) -> None:
    open_deck(page, folder, lesson)
    sizes = page.evaluate("Reveal.getSlides().map((slide, at) => (Reveal.slide(at), [slide.scrollWidth, slide.scrollHeight]))")
    assert len(sizes) == len(kinds(folder, lesson))
    assert [size for size in sizes if size[0] > WIDTH or size[1] > HEIGHT] == []


@needs_the_extra
@needs_chromium
def test_a_deck_prints_a_page_for_each_slide_and_the_handout_prints_one(page: Page, folder: Path) -> None:
    open_deck(page, folder, LESSON, "?print-pdf")
    page.wait_for_function(f"document.querySelectorAll('.pdf-page').length === {len(kinds(folder, LESSON))}")
    assert pages(page.pdf(prefer_css_page_size=True)) == len(kinds(folder, LESSON))
    page.goto((folder / "handout.html").as_uri())
    assert pages(page.pdf(prefer_css_page_size=True)) == 1


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_without_what_slides_need_the_command_says_so_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("course.slides.__main__.NEEDED", ("no_such_module",))
    assert main(["04", "--folder", str(tmp_path / "slides")]) == 1
    assert capsys.readouterr().err == (
        "Slides need no_such_module, which is not installed. Nothing was written. Run `make slides`.\n"
    )
    assert not (tmp_path / "slides").exists()
