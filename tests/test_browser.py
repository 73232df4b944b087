"""The lessons as a learner sees them: JupyterLab in a real Chromium, every cell run, buttons pressed.

Set COURSE_SCREENSHOTS to a directory to keep the pictures: `COURSE_SCREENSHOTS=docs` makes the README's anew.
"""

import base64
import os
import re
import secrets
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect, sync_playwright

from course.choice import PGVECTOR, QUESTIONS, recommend
from course.home import ROOT
from course.lab import PROGRAM
from course.notebooks import fresh
from course.servers.process import free_port
from tests.accessibility import ALL_CELLS, CONTENT, blockers
from tests.chromium import CHROMIUM, QUIET, Seen
from tests.kernels import until

SECONDS = 120

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed; CI has it")


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs, and the folder that it shows."""

    folder: Path
    url: str
    token: str

    def address(self, path: str) -> str:
        return f"{self.url}/lab/tree/{path}?token={self.token}&reset"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab as `make lab` starts it, on a copy of the lessons: running a cell changes the notebook's file."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("lessons", "solutions"):
        shutil.copytree(ROOT / name, folder / name)
    port, token = free_port(), secrets.token_hex(16)
    command = [*PROGRAM, "--no-browser", "--allow-root", f"--port={port}", f"--ServerApp.root_dir={folder}"]
    command += [f"--IdentityProvider.token={token}", f"--LabApp.app_settings_dir={ROOT / 'overrides'}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    environment = os.environ | {"COURSE_HOME": str(folder / "home"), "JUPYTER_CONFIG_DIR": str(folder / "config")}
    environment |= {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"), "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
    log = folder / "lab.log"
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
    url = f"http://127.0.0.1:{port}"

    def answers():
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{url}/api?token={token}", timeout=5).close()
        except OSError:
            return False
        return True

    until(answers, "JupyterLab to answer", SECONDS)
    yield Lab(folder, url, token)
    server.terminate()
    server.wait(timeout=60)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


STATE = """() => {
  const panel = window.jupyterapp.shell.currentWidget, cells = panel.content.widgets.filter(cell => cell.model.type === 'code')
  const outputs = cell => [...Array(cell.model.outputs.length).keys()].map(i => cell.model.outputs.get(i).toJSON())
  return {
    busy: panel.sessionContext.session?.kernel?.status !== 'idle',
    waiting: cells.filter(cell => cell.model.executionCount === null).length,
    errors: cells.flatMap(cell => outputs(cell).filter(output => output.output_type === 'error').map(output => ({
      told: [cell.model.sharedModel.source, ...output.traceback].join('\\n').replace(/\\x1b\\[[\\d;]*m/g, ''),
      promised: (cell.model.getMetadata('tags') ?? []).includes('raises-exception'),
    }))),
    said: cells.flatMap(outputs).map(output => [output.data?.['text/plain'] ?? output.text ?? ''].flat().join('')).join('\\n'),
  }
}"""


READY = """path => {
  const panel = window.jupyterapp?.shell.currentWidget
  return panel?.context?.path === path && panel.sessionContext.session?.kernel?.status === 'idle'
}"""
OPEN = """async path => {
  const panel = await window.jupyterapp.commands.execute('docmanager:open', {path})
  window.jupyterapp.shell.activateById(panel.id)
}"""
CLOSE_ALL = """async () => {
  for (const panel of [...window.jupyterapp.shell.widgets('main')]) {
    await panel.sessionContext?.shutdown()
    panel.dispose()
  }
}"""


def new_page(browser):
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(SECONDS * 1000)
    return page


def open_lesson(browser, lab, stem):
    """A lesson in a JupyterLab of its own, which stays open beside the others."""
    page = new_page(browser)
    seen = Seen(page)
    page.goto(lab.address(f"lessons/{stem}.ipynb"))
    page.wait_for_function(READY, arg=f"lessons/{stem}.ipynb")
    return page, seen


def new_jupyterlab(browser, lab, workspace):
    """A page with JupyterLab in it: to load one takes as long as all that many a test does then."""
    page = new_page(browser)
    page.goto(f"{lab.url}/lab/workspaces/{workspace}?token={lab.token}&reset")
    page.wait_for_function("window.jupyterapp?.commands.hasCommand('docmanager:open')")
    page.evaluate("window.jupyterapp.restored")
    return page


@pytest.fixture(scope="module")
def jupyterlab(browser, lab):
    page = new_jupyterlab(browser, lab, "tab")
    yield page
    page.close()


@pytest.fixture
def tab(jupyterlab):
    """The same page for one test, in which no notebook is open at the end, and no kernel runs."""
    yield jupyterlab
    jupyterlab.evaluate(CLOSE_ALL)


@pytest.fixture(scope="module")
def beside(browser, lab):
    """A second such page, in which a lesson stays open while tests go on in the first."""
    page = new_jupyterlab(browser, lab, "beside")
    yield page
    page.close()


def open_in(tab, stem, folder="lessons"):
    """Open a notebook in that page."""
    seen, path = Seen(tab), f"{folder}/{stem}.ipynb"
    tab.evaluate(OPEN, path)
    tab.wait_for_function(READY, arg=path)
    return tab, seen


def run_all(page):
    """Run every cell and wait for the last one. Returns what the page then holds."""
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    over = "!state.busy && (state.waiting === 0 || state.errors.some(error => !error.promised))"
    page.wait_for_function(f"() => {{ const state = ({STATE})(); return {over} }}")
    return page.evaluate(STATE)


def find(page, selector):
    """Scroll through the notebook until something shows: JupyterLab draws only what is near the window."""
    count = page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")
    for number in range(count):
        page.evaluate("number => window.jupyterapp.shell.currentWidget.content.scrollToItem(number)", number)
        if page.locator(selector).count():
            page.locator(selector).first.scroll_into_view_if_needed()
            return page.locator(selector).first
    raise AssertionError(f"nothing like {selector} in the notebook")


def svg_of(picture):
    """The source of a drawn mermaid diagram."""
    expect(picture).to_have_attribute("src", re.compile("^data:image/svg"))
    head, _, data = picture.get_attribute("src").partition(",")
    return base64.b64decode(data).decode() if "base64" in head else urllib.parse.unquote(data)


def screenshot(part, name):
    """Keep a picture of a page, or of a part of it, if pictures are wanted."""
    folder = os.environ.get("COURSE_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        part.screenshot(path=f"{folder}/{name}.png")


WITH_A_BOARD = ["00_start_here", "05_failure_modes", "13_the_rebuilt_app"]
LESSONS = [*WITH_A_BOARD, "07_indexes_and_recall", "14_choose"]


@pytest.fixture(scope="module", params=LESSONS)
def lesson(request, beside):
    page, seen = open_in(beside, request.param)
    state = run_all(page)
    yield page, seen, state
    page.evaluate(CLOSE_ALL)


def broken(state):
    """Each cell that ended in an error that it did not promise: its source, and the traceback below it."""
    return [error["told"] for error in state["errors"] if not error["promised"]]


def test_every_cell_runs_and_only_the_promised_errors_come(lesson):
    _, _, state = lesson
    assert not broken(state), "\n\n".join(broken(state))
    assert "not attempted" in state["said"]
    assert "✓ passed" not in state["said"]


FOLDED = """() => window.jupyterapp.shell.currentWidget.content.widgets.filter(cell => cell.model.type === 'code').map(cell => ({
  plumbing: (cell.model.getMetadata('tags') ?? []).includes('plumbing'), folded: cell.inputHidden, silent: cell.outputHidden}))"""


def test_what_is_not_taught_is_folded_and_its_output_is_in_sight(lesson):
    page, _, _ = lesson
    cells = page.evaluate(FOLDED)
    assert any(cell["plumbing"] for cell in cells)
    assert [cell["folded"] for cell in cells] == [cell["plumbing"] for cell in cells]
    assert not any(cell["silent"] for cell in cells)


COLOUR = """word => {
  const drawn = [...document.querySelectorAll('.jp-Notebook .cm-content span')].find(part => part.textContent === word)
  return drawn && getComputedStyle(drawn).color
}"""


@pytest.mark.parametrize("lesson", ["07_indexes_and_recall"], indirect=True)
def test_the_words_of_sql_have_the_colour_of_pythons_keywords(lesson):
    page, _, _ = lesson
    find(page, ".cm-line:has-text('%%sql')")
    page.wait_for_function(f"({COLOUR})('CREATE')")
    sql = page.evaluate(COLOUR, "CREATE")
    find(page, ".cm-line:has-text('import')")
    page.wait_for_function(f"({COLOUR})('import')")
    assert sql == page.evaluate(COLOUR, "import")


def test_shift_and_enter_lead_through_a_whole_lesson(tab, lab):
    shutil.copy(ROOT / "lessons" / "00_start_here.ipynb", lab.folder / "lessons" / "by_keyboard.ipynb")
    page, seen = open_in(tab, "by_keyboard")
    cells = page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")
    page.evaluate("window.jupyterapp.shell.currentWidget.content.activate()")
    for number in range(cells - 1):
        assert page.evaluate(PLACE) == number
        page.keyboard.press("Shift+Enter")
        page.wait_for_function(f"number => {PLACE} === number + 1", arg=number)
    page.wait_for_function(f"() => {{ const state = ({STATE})(); return !state.busy && state.waiting === 0 }}")
    assert broken(page.evaluate(STATE)) == []
    assert [cell["folded"] for cell in page.evaluate(FOLDED)] == [cell["plumbing"] for cell in page.evaluate(FOLDED)]
    assert seen.errors == []


@pytest.mark.parametrize("lesson", WITH_A_BOARD, indirect=True)
def test_the_diagram_is_drawn_and_the_board_turns_when_a_server_is_killed_by_its_button(lesson):
    page, _, _ = lesson
    picture = find(page, ".jp-RenderedMermaid img")
    drawn = svg_of(picture)
    assert "<svg" in drawn
    for words in ("PostgreSQL", "ChromaDB", "Redis", "document embeddings"):
        assert words in drawn
    assert "killed" not in drawn
    assert picture.evaluate("image => image.naturalWidth") > 200
    page.get_by_role("button", name="Kill ChromaDB").click()
    until_drawn(page, "killed")
    screenshot(page.locator(".jp-OutputArea", has=page.locator(".jp-RenderedMermaid")).first, "board")
    page.get_by_role("button", name="Start ChromaDB").click()
    until_drawn(page, "killed", present=False)


def until_drawn(page, word, present=True):
    def drawn():
        picture = page.locator(".jp-RenderedMermaid img").first
        return (word in svg_of(picture)) == present if picture.count() else False

    for _ in range(SECONDS * 10):
        if drawn():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"the board never {'showed' if present else 'lost'} the word {word!r}")


def test_all_cells_run_a_second_time_in_the_same_kernel(lesson):
    page, _, _ = lesson
    state = run_all(page)
    assert not broken(state), "\n\n".join(broken(state))


def run_cell(page, words):
    """Run the first code cell with these words in it, and wait for it."""
    before = page.evaluate(SELECT, words)
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")
    page.wait_for_function(f"count => {{ const state = ({STATE})(); return !state.busy && ({COUNT})() > count }}", arg=before)


COUNT = """() => Math.max(...window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.executionCount ?? 0))"""

SELECT = f"""words => {{
  const notebook = window.jupyterapp.shell.currentWidget.content
  notebook.activeCellIndex = notebook.widgets.findIndex(
    cell => cell.model.type === 'code' && cell.model.sharedModel.source.includes(words))
  return ({COUNT})()
}}"""


def test_a_prediction_is_locked_in_and_compared(lesson):
    page, _, _ = lesson
    run_cell(page, "= predict(")
    find(page, "input[type=radio]:enabled").check()
    page.get_by_role("button", name="Lock in").and_(page.locator(":enabled")).first.click()
    expect(page.get_by_role("status").filter(has_text="Locked in").first).to_be_visible()
    expect(page.locator("input[type=radio]:enabled")).to_have_count(0)
    run_cell(page, ".reveal(")
    assert "You predicted:" in page.evaluate(STATE)["said"]


@pytest.mark.parametrize("lesson", ["00_start_here", "05_failure_modes", "14_choose"], indirect=True)
def test_axe_finds_nothing_serious_in_what_the_course_shows(lesson):
    page, _, _ = lesson
    texts = page.evaluate(ALL_CELLS)
    expect(page.locator(".jp-MarkdownCell .jp-RenderedMarkdown")).to_have_count(texts)
    expect(page.locator(".jp-RenderedMermaid:not(:has(img))")).to_have_count(0)
    assert blockers(page, CONTENT) == []


def test_axe_finds_what_is_wrong(browser):
    page = browser.new_page()
    page.set_content("<main><h1>Title</h1><img src='data:,'><p style='color:#bbb;background:#fff'>pale</p></main>")
    assert [line.split()[0] for line in blockers(page, ["main"])] == ["color-contrast", "image-alt"]
    page.close()


def test_no_console_error_and_no_request_leaves_the_machine(lesson):
    _, seen, _ = lesson
    assert seen.errors == []
    assert seen.beyond == []


MATRIX = """() => {
  const table = [...document.querySelectorAll('.jp-OutputArea table')].find(table => table.innerText.includes('ChromaDB down'))
  const texts = row => [...row.cells].map(cell => cell.innerText.trim())
  return table && {now: table.parentElement.innerText.split('\\n')[0], rows: Object.fromEntries([...table.rows].map(texts).map(
    ([name, ...cells]) => [name, cells]))}
}"""


def test_in_the_failure_lab_pressing_kill_changes_the_matrix(tab, lab):
    page, seen = open_in(tab, "05_failure_modes")
    page.evaluate(SELECT, "clients.on_round")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-above')")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")
    find(page, "button:has-text('Stop the clients')")

    def until_matrix(condition):
        page.wait_for_function(f"() => {{ const matrix = ({MATRIX})(); return matrix && {condition} }}")
        return page.evaluate(MATRIX)["rows"]

    rows = until_matrix("matrix.now === 'Now: all up'")
    column = rows["request"].index("ChromaDB down")
    assert {cells[column] for name, cells in rows.items() if name != "request"} == {"–"}
    page.get_by_role("button", name="Kill ChromaDB").click()
    rows = until_matrix(f"matrix.now === 'Now: ChromaDB down' && matrix.rows['GET health'][{column}] !== '–'")
    assert rows["GET similar (new)"][column].startswith("✗ 503 · ")
    assert rows["GET user"][column].startswith("✓ 200 · ")
    screenshot(page.locator(".jp-Notebook").first, "failure_lab")
    page.get_by_role("button", name="Start ChromaDB").click()
    until_matrix("matrix.now === 'Now: all up'")
    assert seen.errors == []
    assert seen.beyond == []


BOTH = """() => {
  const table = [...document.querySelectorAll('.jp-OutputArea table')].find(
    table => table.parentElement.innerText.startsWith('Now: ') && table.innerText.includes('one database'))
  return table && {now: table.parentElement.innerText.split('\\n')[0], rows: Object.fromEntries([...table.rows].map(
    row => [...row.cells].map(cell => cell.innerText.trim())).map(([name, ...cells]) => [name, cells]))}
}"""


@pytest.mark.parametrize("lesson", ["07_indexes_and_recall"], indirect=True)
def test_a_walk_through_the_graph_goes_on_with_its_slider(lesson):
    page, _, _ = lesson
    slider = find(page, '[role=slider][aria-label="step"]')
    slider.focus()
    for step in ("1", "2"):
        page.keyboard.press("ArrowUp")
        expect(slider).to_have_attribute("aria-valuetext", step)
    page.wait_for_function(f"() => ({STATE})().said.includes('Step 2: ')")
    screenshot(page, "walk")


@pytest.mark.parametrize("lesson", ["14_choose"], indirect=True)
def test_the_questionnaire_is_answered_by_mouse_and_by_keyboard_and_says_what_it_comes_to(lesson):
    page, seen, _ = lesson
    find(page, ".course-live select")
    status = page.get_by_role("status")
    answers = {
        "rows": "there are none",
        "filter": "nothing",
        "commit": "no, a little later will do",
        "size": "up to 5 million",
        "life": "days",
        "servers": "nobody",
        "ranking": "nothing",
    }
    for name, answer in answers.items():
        page.get_by_label(QUESTIONS[name].text).select_option(answer)
    expect(status.filter(has_text="7 of 8 answered.")).to_be_visible()
    last = page.get_by_label(QUESTIONS["load"].text)
    last.focus()
    expect(last).to_have_attribute("data-lm-suppress-shortcuts", "true")
    place = page.evaluate(PLACE)
    page.keyboard.type("less")
    assert page.evaluate(PLACE) == place  # JupyterLab has not taken a key
    page.keyboard.press("Tab")
    expect(status.filter(has_text="Recommended: ChromaDB.")).to_be_visible()
    expect(last.locator("option:checked")).to_have_text("less than the rest")
    recommended = recommend({**answers, "load": "less than the rest"})
    for rule in recommended.reasons:
        expect(page.locator(".course-live").get_by_text(rule.because)).to_be_visible()
    screenshot(page.locator(".jp-Notebook").first, "questionnaire")
    for name, answer in {"rows": "in PostgreSQL", "filter": "columns of several tables", "commit": "yes"}.items():
        page.get_by_label(QUESTIONS[name].text).select_option(answer)
    expect(status.filter(has_text=f"Recommended: {PGVECTOR}.")).to_be_visible()
    assert seen.errors == []
    assert seen.beyond == []


PLACE = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"


@pytest.mark.parametrize("lesson", ["13_the_rebuilt_app"], indirect=True)
def test_a_store_killed_under_both_applications_stops_the_search_of_one_of_them(lesson):
    page, seen, _ = lesson

    def until_both(condition):
        page.wait_for_function(f"() => {{ const both = ({BOTH})(); return both && {condition} }}")
        return page.evaluate(BOTH)["rows"]

    find(page, "button:has-text('Kill ChromaDB')")
    until_both("both.now === 'Now: all up'")
    page.get_by_role("button", name="Kill ChromaDB").click()
    rows = until_both("both.now === 'Now: ChromaDB down' && both.rows['GET premium'].every(cell => cell !== '–')")
    assert rows["request"] == ["three databases", "one database"]
    assert [cell[:5] for cell in rows["GET premium"]] == ["✗ 503", "✓ 200"]
    screenshot(page.locator(".jp-Notebook").first, "both_applications")
    page.get_by_role("button", name="Start ChromaDB").click()
    until_both("both.now === 'Now: all up'")
    assert seen.errors == []
    assert seen.beyond == []


def save(page):
    page.evaluate("window.jupyterapp.shell.currentWidget.context.save()")


def shut_down(page):
    """End the kernel, close the page."""
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()


@pytest.mark.parametrize("folder", ["lessons", "solutions"])
@pytest.mark.parametrize("stem", ["00_start_here", "01_build_three_databases"])
def test_opening_and_saving_a_notebook_leaves_its_bytes_as_they_were(tab, lab, folder, stem):
    path = lab.folder / folder / f"{stem}.ipynb"
    shutil.copy(ROOT / folder / path.name, path)
    before = path.read_bytes()
    page, _ = open_in(tab, stem, folder)
    for number in range(page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")):
        page.evaluate("number => window.jupyterapp.shell.currentWidget.content.scrollToItem(number)", number)
    expect(page.locator(".jp-RenderedMarkdown").last).to_be_visible()
    version = page.evaluate("window.jupyterapp.shell.currentWidget.content.model.getMetadata('language_info').version")
    if f'"version": "{version}"'.encode() in before:
        assert not page.evaluate("window.jupyterapp.shell.currentWidget.context.model.dirty")
    save(page)
    after = path.read_bytes()
    assert re.sub(rb'"version": "3.*?"', b"", after) == re.sub(rb'"version": "3.*?"', b"", before)


ERROR = "Error displaying widget"


def test_a_notebook_that_is_opened_again_without_its_kernel_shows_what_was_left_and_how_to_go_on(tab, browser, lab):
    forget(lab)
    page, _ = open_in(tab, "00_start_here")
    run_all(page)
    expect(find(page, "button:has-text('Kill ChromaDB')")).to_be_visible()
    expect(page.locator(".course-twin:visible")).to_have_count(0)
    page.get_by_role("button", name="Kill ChromaDB").click()
    until_drawn(page, "killed")
    run_cell(page, "= predict(")
    find(page, "input[type=radio]:enabled").check()
    page.get_by_role("button", name="Lock in").and_(page.locator(":enabled")).first.click()
    expect(page.get_by_role("status").filter(has_text="Locked in: both.")).to_be_visible()
    save(page)
    page.evaluate(CLOSE_ALL)

    page, _ = open_lesson(browser, lab, "00_start_here")
    board = find(page, ".course-twin:has-text('ChromaDB: killed')")
    page.wait_for_function("text => document.body.textContent.includes(text)", arg=ERROR)  # it is there, and hidden
    expect(board).to_be_visible()
    expect(board).to_contain_text("This board is as it was left, and dead")
    expect(board).to_contain_text("Run All Above Selected Cell")
    assert "killed" in svg_of(page.locator(".jp-RenderedMermaid img").first)
    assert page.locator(".course-live").count() == 0
    question = find(page, ".course-twin:has-text('Locked in: both.')")
    expect(question).to_be_visible()
    expect(question).to_contain_text("Run All Above Selected Cell")
    assert ERROR not in page.evaluate("document.body.innerText")
    shut_down(page)


def test_after_a_restart_of_the_kernel_the_board_says_that_it_is_dead(browser, lab):
    # In a page of its own: JupyterLab says there, at any later time, that it misses the widgets of a former kernel.
    page, _ = open_lesson(browser, lab, "00_start_here")
    page.evaluate(SELECT, "show.board(")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-above')")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")
    expect(page.get_by_role("button", name="Kill ChromaDB")).to_be_visible()
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(page.locator(".course-twin").first).to_be_visible()
    expect(page.locator(".course-twin").first).to_contain_text("This board is as it was left, and dead")
    expect(page.get_by_role("button", name="Kill ChromaDB")).to_be_hidden()
    shut_down(page)


def forget(lab):
    """As a learner who has locked in nothing yet."""
    (lab.folder / "home" / "progress.json").unlink(missing_ok=True)


DISPLAYS = """
import altair as alt

from course import show


def draw(days):
    numbers = alt.Data(values=[{"day": 1, "found": days}])
    return show.chart(alt.Chart(numbers, title=f"{days:,} days").mark_bar().encode(x="day:O", y="found:Q"))


show.panel(draw, days=[1, 1000, 2000])
"""


@pytest.fixture
def displays(tab, lab):
    """A notebook with a panel and a chart in it, run."""
    metadata = nbformat.read(ROOT / "lessons" / "00_start_here.ipynb", 4).metadata
    diagram = "show.diagram('flowchart LR\\n    APP --> CHROMA[ChromaDB]', 'The application asks ChromaDB.')"
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate([DISPLAYS, diagram])]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), lab.folder / "lessons" / "displays.ipynb")
    page, seen = open_in(tab, "displays")
    assert run_all(page)["errors"] == []
    yield page
    assert seen.errors == []


def test_a_slider_has_a_name_speaks_its_value_and_keeps_the_focus_while_its_chart_is_drawn_anew(displays):
    slider = displays.get_by_role("slider", name="days")
    expect(slider).to_have_attribute("aria-valuetext", "1")
    slider.focus()
    displays.keyboard.press("ArrowUp")
    expect(slider).to_have_attribute("aria-valuetext", "1,000")
    expect(displays.locator(".jp-RenderedVegaCommon5 svg, .jp-RenderedVegaCommon5 canvas")).to_have_count(1)
    displays.wait_for_function(f"() => ({STATE})().said.includes('1,000 days')")
    expect(slider).to_be_focused()
    expect(displays.locator("summary")).to_have_count(0)  # Vega's menu, which has no name


def test_what_is_drawn_is_not_written_into_the_notebook(displays, lab):
    expect(displays.get_by_role("img", name="The application asks ChromaDB.")).to_be_visible()
    expect(displays.locator(".jp-RenderedVegaCommon5 svg, .jp-RenderedVegaCommon5 canvas")).to_have_count(1)
    save(displays)
    saved = nbformat.read(lab.folder / "lessons" / "displays.ipynb", 4)
    shown = [output.data for cell in saved.cells for output in cell.outputs]
    assert any("application/vnd.vegalite.v5+json" in data for data in shown)
    assert not any("image/svg+xml" in data or len(data.get("image/png", "")) > 200 for data in shown)


def test_a_diagram_looks_the_same_in_both_themes(displays):
    picture = displays.get_by_role("img", name="The application asks ChromaDB.")
    before = svg_of(picture)
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        displays.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        run_all(displays)
        colours = re.findall("#[0-9A-Fa-f]{6}", svg_of(picture))
        assert sorted(set(colours)) == sorted(set(re.findall("#[0-9A-Fa-f]{6}", before)))


FOCUS = "document.activeElement.textContent"


def test_by_keyboard_a_button_keeps_the_focus_and_the_options_are_one_group(tab, lab):
    forget(lab)
    page, _ = open_in(tab, "00_start_here")
    page.evaluate(SELECT, "= predict(")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-above')")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")
    group = page.get_by_role("radiogroup", name="Predict. PostgreSQL is killed")
    expect(group).to_be_visible()
    group.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    expect(group.get_by_role("radio").nth(1)).to_be_checked()
    lock = page.get_by_role("button", name="Lock in")
    expect(lock).to_be_enabled()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS) == "Lock in"
    page.keyboard.press("Space")
    expect(lock).to_be_disabled()  # to those who listen, by aria-disabled
    assert page.evaluate(FOCUS) == "Lock in"
    find(page, "button:has-text('Kill Redis')").focus()
    page.keyboard.press("Space")
    until_drawn(page, "killed")
    assert page.evaluate(FOCUS) == "Kill Redis"
    assert page.locator(".jp-RenderedMermaid img").first.get_attribute("alt") == "Your FastAPI App"


def test_in_presentation_mode_buttons_and_questions_are_as_large_as_the_text(tab, lab):
    page, _ = open_in(tab, "00_start_here")
    page.evaluate(SELECT, "= predict(")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-above')")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")
    find(page, ".course-live button")
    size = "node => getComputedStyle(node).fontSize"
    text = page.locator(".jp-RenderedMarkdown p:visible").first
    plain = text.evaluate(size)
    page.evaluate("window.jupyterapp.commands.execute('application:toggle-presentation-mode')")
    page.wait_for_function(f"([node, plain]) => ({size})(node) !== plain", arg=[text.element_handle(), plain])
    for part in (".course-live button", ".course-live .widget-radio-box label", ".course-live [role=status]"):
        assert find(page, part).evaluate(size) == text.evaluate(size)
    page.evaluate("window.jupyterapp.commands.execute('application:toggle-presentation-mode')")


CELLS = """() => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets
  return cells.map(cell => [cell.model.id, cell.model.sharedModel.source])
}"""

ANSWER = """def orphans(collection, postgres) -> set[str]:
    return {"my own answer"}"""


@pytest.fixture(scope="module")
def lesson_04(jupyterlab):
    """Lesson 04, open, with its checks at hand. No test below uses `tab`, which would close it."""
    page, seen = open_in(jupyterlab, "04_orphan_vectors")
    run_cell(page, "import lesson_04 as check")
    yield page
    assert seen.errors == []
    page.evaluate(CLOSE_ALL)


@pytest.fixture
def exercise(lesson_04, lab):
    """Lesson 04 as it came, and the cell of its exercise."""
    shutil.copy(ROOT / "lessons" / "04_orphan_vectors.ipynb", lab.folder / "lessons")
    shutil.rmtree(lab.folder / "home" / "kept", ignore_errors=True)
    lesson_04.evaluate("window.jupyterapp.shell.currentWidget.context.revert()")
    blank = fresh.blank("04.orphans")
    until_cell(lesson_04, blank.id, blank.source)
    return lesson_04, blank


def write_into(page, id, text):
    """Select a cell by its id, write a text into it, and run it."""
    page.evaluate(
        """([id, text]) => {
          const notebook = window.jupyterapp.shell.currentWidget.content
          notebook.activeCellIndex = notebook.widgets.findIndex(cell => cell.model.id === id)
          notebook.activeCell.model.sharedModel.setSource(text)
        }""",
        [id, text],
    )
    before = page.evaluate(COUNT)
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")
    page.wait_for_function(f"count => {{ const state = ({STATE})(); return !state.busy && ({COUNT})() > count }}", arg=before)


def until_cell(page, id, text):
    page.wait_for_function(f"([id, text]) => Object.fromEntries(({CELLS})())[id] === text", arg=[id, text])


def test_an_exercise_is_reset_in_its_own_cell_and_undo_brings_the_answer_back(exercise, lab):
    page, blank = exercise
    ids = [id for id, _ in page.evaluate(CELLS)]
    write_into(page, blank.id, ANSWER)
    write_into(page, blank.id, "check.orphans.reset()")
    until_cell(page, blank.id, blank.source)
    expect(page.get_by_text("This cell is the exercise again, blank.")).to_be_visible()
    screenshot(page, "reset")
    (kept,) = (lab.folder / "home" / "kept").iterdir()
    assert kept.read_text() == ANSWER
    write_into(page, blank.id, "check.orphans.undo_reset()")
    until_cell(page, blank.id, ANSWER)
    assert [id for id, _ in page.evaluate(CELLS)] == ids


def test_a_deleted_exercise_is_restored_in_a_new_cell_at_its_place(exercise):
    page, blank = exercise
    before = page.evaluate(CELLS)
    page.evaluate(SELECT, blank.source.partition("\n")[0])
    page.evaluate("window.jupyterapp.commands.execute('notebook:delete-cell')")
    page.evaluate("window.jupyterapp.commands.execute('notebook:insert-cell-above')")
    id = page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCell.model.id")
    write_into(page, id, "check.orphans.reset()")
    until_cell(page, id, blank.source)
    screenshot(page, "restored")
    assert [source for _, source in page.evaluate(CELLS)] == [source for _, source in before]


def test_after_a_reset_by_command_reload_shows_it_and_saving_before_asks(exercise, lab):
    page, blank = exercise
    write_into(page, blank.id, ANSWER)
    save(page)
    command = [sys.executable, "-m", "course.reset", "04.orphans", "--folder", str(lab.folder / "lessons")]
    said = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"COURSE_HOME": str(lab.folder / "home")}, capture_output=True, text=True, check=True
    ).stdout
    assert "Reload Notebook from Disk" in said
    assert page.evaluate("window.jupyterapp.commands.label('docmanager:reload')") == "Reload Notebook from Disk"
    page.evaluate("() => { window.jupyterapp.commands.execute('docmanager:save') }")
    dialog = page.locator(".jp-Dialog", has_text="has changed on disk")
    expect(dialog).to_be_visible()
    screenshot(page, "changed_on_disk")
    dialog.get_by_role("button", name="Cancel").click()
    page.evaluate("() => { window.jupyterapp.commands.execute('docmanager:reload') }")
    until_cell(page, blank.id, blank.source)
