"""What notebooks display: each with a text twin, nothing as markup, readable without colour."""

from __future__ import annotations

import ast
import datetime
import decimal
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import numpy as np
import pytest
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from course import manifest, predict, progress, show
from course.errors import CourseError, InputError, ServerError
from course.exercises.note import Note
from course.home import ROOT
from course.show import charts, diagrams, quiz
from course.show.diagrams import MARKDOWN, Board
from course.show.live import is_on
from course.show.mime import WIDGET
from course.show.panels import Panel

Shown = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """What was displayed and updated, in order, as a frontend gets it."""
    shell = InteractiveShell.instance(config=Config(HistoryManager={"hist_file": ":memory:"}))
    assert isinstance(shell.displayhook, DisplayHook)
    publisher = CapturingDisplayPublisher(parent=shell)
    monkeypatch.setattr(shell, "display_pub", publisher)
    return publisher.outputs


# ---- messages


def test_a_message_is_escaped_and_has_a_word_a_sign_and_a_twin() -> None:
    bundle = Note("→", "not yet", "Use `a < b` & <b>.\nThen go on.", "<x>", "next", "00.a")._repr_mimebundle_()
    assert "<strong>→ not yet</strong>" in bundle["text/html"]
    assert ">a &lt; b</code> &amp; &lt;b&gt;.<br>Then" in bundle["text/html"]
    assert "&lt;x&gt;</pre>" in bundle["text/html"]
    assert bundle["text/plain"] == "→ not yet [00.a]: Use `a < b` & <b>.\nThen go on.\n    <x>"


# ---- tables


def test_a_table_shows_ten_rows_and_says_how_many_there_are() -> None:
    table = show.table([(n, n / 7) for n in range(30)], ["n", "seventh"])
    assert len(table.rows) == 10
    lines = repr(table).splitlines()
    assert lines[:3] == ["n  seventh", "-  -------", "0    0.000"]
    assert lines[-1] == "30 rows, the first 10 shown"
    assert table._repr_mimebundle_()["text/html"].count("<tr>") == 11
    assert repr(show.table([(1,)], ["n"], total=300)).endswith("300 rows, the first 1 shown")
    assert repr(show.table([(1,)], ["n"])).endswith("\n1 row")


def test_an_empty_table_says_so() -> None:
    assert repr(show.table([], ["id", "title"])) == "id  title\n--  -----\n0 rows"
    assert repr(show.table([])) == "0 rows"
    assert "0 rows" in show.table([])._repr_mimebundle_()["text/html"]


def test_numbers_stand_right_and_texts_left() -> None:
    table = show.table([("a", 1, 2.5, True), ("bcd", 100, None, False)], ["text", "whole", "part", "yes"])
    assert repr(table).splitlines() == [
        "text  whole   part  yes",
        "----  -----  -----  -----",
        "a         1  2.500  True",
        "bcd     100   NULL  False",
        "2 rows",
    ]
    sides = re.findall(r"<th[^>]*text-align:(\w+)", table._repr_mimebundle_()["text/html"])
    assert sides == ["left", "right", "right", "left"]


def test_html_is_escaped_everywhere() -> None:
    html = show.table([("<script>",)], ["<i>"], title="<b>")._repr_mimebundle_()["text/html"]
    assert not re.search("<(script|i|b)>", html)
    assert html.count("&lt;") == 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (0.12345, "0.123"),
        (np.float32(1.5), "1.500"),
        (np.int64(7), "7"),
        (float("nan"), "nan"),
        (5.0, "5"),
        (-16.0, "-16"),
        (1.0, "1.000"),
        (float("inf"), "inf"),
        (decimal.Decimal("1.00000000"), "1.000"),
        (decimal.Decimal("12"), "12"),
        (decimal.Decimal("NaN"), "NaN"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, 6), "2026-01-02 03:04:05"),
        (-1e-9, "0.000"),
        (decimal.Decimal("-0.0001"), "0.000"),
        (np.full(384, 0.5, dtype=np.float32), "[0.500, 0.500, 0.500, … 384 numbers]"),
        ([0.5] * 384, "[0.500, 0.500, 0.500, … 384 numbers]"),
        ("two\n  lines", "two lines"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
    ],
)
def test_values_are_short(value: object, text: str) -> None:
    assert repr(show.table([(value,)], ["v"])).splitlines()[2] == text


def test_a_table_of_sentences_shows_them_whole_if_asked_to() -> None:
    sentence = "A sentence that is longer than sixty characters, and is wanted whole all the same."
    assert sentence in repr(show.table([(sentence,)], ["because"], characters=100))
    assert sentence in show.table([(sentence,)], ["because"], characters=100)._html()
    assert sentence not in repr(show.table([(sentence,)], ["because"]))


@dataclass
class Pair:
    id: int
    name: str | None


class Row(NamedTuple):
    id: int
    name: str


@pytest.mark.parametrize(
    "rows",
    [
        [{"id": 1, "name": "a"}, {"id": 2}],
        [Row(1, "a"), (2, None)],
        [Pair(1, "a"), Pair(2, None)],
    ],
)
def test_rows_that_know_their_columns(rows: list[Any]) -> None:
    assert repr(show.table(rows)).splitlines() == ["id  name", "--  ----", " 1  a", " 2  NULL", "2 rows"]


def test_other_rows() -> None:
    assert show.table(iter([(1, 2)])).columns == ("column 1", "column 2")
    assert show.table(["a", "b"], ["letter"]).rows == (("a",), ("b",))
    assert show.table([{"b": 1, "a": 2}], ["a"]).rows == ((2,),)


@pytest.mark.parametrize("rows", ["text", {"a": 1}, 5, None])
def test_what_is_no_list_of_rows_is_refused(rows: Any) -> None:
    with pytest.raises(InputError, match="list of rows"):
        show.table(rows)


def test_a_row_that_does_not_fit_its_columns_is_refused() -> None:
    with pytest.raises(InputError, match="3 values, and there are 2 columns"):
        show.table([(1, 2, 3)], ["a", "b"])


# ---- the board


@dataclass(eq=False)
class FakeServer:
    name: str
    role: str
    state: str = "running"
    can_be_killed: bool = True
    problem: str = ""
    tell: Callable[[FakeServer], None] = field(default=lambda server: None)

    def kill(self) -> None:
        self._become("killed")

    def start(self) -> None:
        if self.problem:
            raise ServerError(self.problem)
        self._become("starting")
        self._become("running")

    def _become(self, state: str) -> None:
        self.state = state
        self.tell(self)


class FakeStack:
    def __init__(self, *, can_be_killed: bool = True) -> None:
        roles = {"PostgreSQL": "users, chats, settings", "ChromaDB": "document embeddings", "Redis": "caching, sessions"}
        self.servers = tuple(FakeServer(name, role, can_be_killed=can_be_killed) for name, role in roles.items())
        self.watchers: list[Callable[[FakeServer], None]] = []
        for server in self.servers:
            server.tell = self.tell

    def tell(self, server: FakeServer) -> None:
        for watcher in self.watchers:
            watcher(server)

    def watch(self, watcher: Callable[[FakeServer], None]) -> Callable[[], None]:
        self.watchers.append(watcher)
        return lambda: self.watchers.remove(watcher)


def buttons(board: Board) -> dict[str, Any]:
    return {button.description: button for _, kill, start in board._buttons for button in (kill, start)}


def enabled(board: Board) -> set[str]:
    return {name for name, button in buttons(board).items() if is_on(button)}


def test_the_board_draws_the_servers_with_their_states(shown: Shown) -> None:
    show.board(FakeStack())
    picture = shown[0]["data"]
    assert picture["text/plain"] == (
        "Your FastAPI App\n  → PostgreSQL (users, chats, settings): running\n"
        "  → ChromaDB (document embeddings): running\n  → Redis (caching, sessions): running"
    )
    assert 'S1["ChromaDB<br/>document embeddings<br/><b>running</b>"]' in picture[MARKDOWN]
    assert "style S1 fill:#FFF3E0,stroke:#EF6C00,color:#000" in picture[MARKDOWN]
    assert all("color:#" in line for line in picture[MARKDOWN].splitlines() if "style" in line)
    assert shown[1]["data"]["text/plain"] == "PostgreSQL: running · ChromaDB: running · Redis: running"
    assert set(shown[2]["data"]) == {WIDGET}


def test_a_button_kills_and_another_starts_and_the_picture_follows(shown: Shown) -> None:
    board = Board(FakeStack())
    first = shown[0]["transient"]["display_id"]
    assert enabled(board) == {"Kill PostgreSQL", "Kill ChromaDB", "Kill Redis"}
    buttons(board)["Kill ChromaDB"].click()
    assert enabled(board) == {"Kill PostgreSQL", "Start ChromaDB", "Kill Redis"}
    assert (shown[-1]["update"], shown[-1]["transient"]["display_id"]) == (True, first)
    assert "ChromaDB (document embeddings): killed" in shown[-1]["data"]["text/plain"]
    assert "APP -.-> S1" in shown[-1]["data"][MARKDOWN]
    assert "stroke-dasharray" in shown[-1]["data"][MARKDOWN]
    assert "ChromaDB: killed" in board._status.value
    buttons(board)["Start ChromaDB"].click()
    assert any("ChromaDB (document embeddings): starting" in one["data"].get("text/plain", "") for one in shown)
    assert enabled(board) == {"Kill PostgreSQL", "Kill ChromaDB", "Kill Redis"}
    assert "stroke-dasharray" not in shown[-1]["data"][MARKDOWN]


def test_a_change_from_another_thread_is_drawn(shown: Shown) -> None:
    stack = FakeStack()
    board = Board(stack)
    killer = threading.Thread(target=stack.servers[2].kill)
    killer.start()
    killer.join()
    assert "Redis (caching, sessions): killed" in shown[-1]["data"]["text/plain"]
    assert "Start Redis" in enabled(board)


def test_a_start_that_fails_is_told_in_the_status_line(shown: Shown) -> None:
    stack = FakeStack()
    board = Board(stack)
    stack.servers[1].kill()
    stack.servers[1].problem = "The disk is <full>. Free some space."
    buttons(board)["Start ChromaDB"].click()
    assert "Start ChromaDB did not work: The disk is &lt;full&gt;. Free some space." in board._status.value
    assert "Start ChromaDB" in enabled(board)
    stack.servers[1].problem = ""
    buttons(board)["Start ChromaDB"].click()
    assert "did not work" not in board._status.value


def test_a_second_click_on_a_button_that_is_off_does_nothing(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = FakeStack()
    board = Board(stack)
    buttons(board)["Kill Redis"].click()
    monkeypatch.setattr(stack.servers[2], "kill", lambda: pytest.fail("killed twice"))
    buttons(board)["Kill Redis"].click()
    assert "did not work" not in board._status.value


def test_a_new_board_ends_the_former_one_of_the_same_stack(shown: Shown) -> None:
    stack, other = FakeStack(), FakeStack()
    show.board(other)
    show.board(stack)
    former = diagrams._open[-1]
    show.board(stack)
    assert (len(stack.watchers), len(other.watchers)) == (1, 1)
    assert enabled(former) == set()
    assert "This board has ended" in former._status.value
    before = len(shown)
    stack.servers[0].kill()
    assert len(shown) == before + 2, "one picture and its twin"
    former.close()
    former.refresh()
    assert (len(shown), len(stack.watchers)) == (before + 2, 1)


def test_servers_of_others_have_no_buttons(shown: Shown) -> None:
    stack = FakeStack(can_be_killed=False)
    stack.servers[0].state = "not answering"
    board = Board(stack)
    assert buttons(board) == {}
    assert "may serve others" in board._status.value
    assert "PostgreSQL (users, chats, settings): not answering" in shown[0]["data"]["text/plain"]


# ---- predictions

QUESTION = ("00.guess", "What is left after `DELETE`?", ["0 < 9", "9", "it depends"])


def choose(guess: quiz.Prediction, option: str) -> None:
    guess._radio.value = option
    guess._button.click()


def test_a_question_has_lettered_options_and_no_choice_made_for_you(shown: Shown) -> None:
    guess = predict(*QUESTION)
    assert shown[0]["data"]["text/plain"].splitlines() == [
        "Predict. What is left after `DELETE`?",
        "  ( ) a  it depends",
        "  ( ) b  9",
        "  ( ) c  0 < 9",
    ]
    assert set(shown[1]["data"]) == {WIDGET}
    assert guess._radio.value is None
    assert guess._button.disabled
    guess._button.click()
    assert guess.choice is None


def test_a_locked_prediction_cannot_be_changed_and_survives_a_second_run(shown: Shown) -> None:
    guess = predict(*QUESTION)
    choose(guess, "9")
    assert (guess.choice, guess._radio.disabled, is_on(guess._button)) == ("9", True, False)
    assert not guess._button.disabled, "a disabled button loses the keyboard's focus"
    choose(guess, "0 < 9")
    again = predict(*QUESTION)
    assert (again.choice, again._radio.value, again._radio.disabled) == ("9", "9", True)
    assert "  (x) b  9" in shown[-2]["data"]["text/plain"]
    assert progress.prediction("00.guess") == "9"


def test_two_open_questions_agree_on_the_first_that_was_locked(shown: Shown) -> None:
    one, two = predict(*QUESTION), predict(*QUESTION)
    choose(one, "9")
    choose(two, "it depends")
    assert (two.choice, two._radio.value) == ("9", "9")


@pytest.mark.parametrize(
    ("choice", "word", "said"),
    [
        ("9", "✓ as you predicted", "You predicted: 9. What happened: 9."),
        ("it depends", "≠ not as you predicted", "You predicted: it depends. What happened: 9."),
        (None, "○ no prediction", "You did not predict. What happened: 9."),
    ],
)
def test_the_reveal_compares(shown: Shown, choice: str | None, word: str, said: str) -> None:
    guess = predict(*QUESTION)
    if choice:
        choose(guess, choice)
    guess.reveal(9, because="ChromaDB was never told.")
    assert shown[-1]["data"]["text/plain"] == f"{word}: {said}\nChromaDB was never told."
    assert "ChromaDB was never told." in shown[-1]["data"]["text/html"]


def test_after_the_reveal_it_is_too_late_until_the_cell_runs_again(shown: Shown) -> None:
    guess = predict(*QUESTION)
    guess._radio.value = "9"
    guess.reveal("9", because="So.")
    guess._button.click()
    assert (guess.choice, progress.prediction("00.guess")) == (None, None)
    choose(predict(*QUESTION), "9")
    assert progress.prediction("00.guess") == "9"


def test_an_outcome_that_is_no_option_is_an_error(shown: Shown) -> None:
    guess = predict(*QUESTION)
    with pytest.raises(InputError, match="none of the options"):
        guess.reveal("8", because="")
    assert [set(output["data"]) for output in shown] == [{"text/html", "text/plain"}, {WIDGET}]


def test_the_question_does_not_carry_markup(shown: Shown) -> None:
    guess = quiz.Prediction("00.guess", "Is <b> `a < b`?", ["yes", "no"])
    assert "Is &lt;b&gt; <code" in guess._title.value
    assert ">a &lt; b</code>?" in guess._title.value


def test_changed_options_ask_again(shown: Shown) -> None:
    choose(predict(*QUESTION), "9")
    assert predict("00.guess", "Which?", ["10", "11"]).choice is None


@pytest.mark.parametrize(
    "options", [[], ["one"], "ab", ["a", "a"], ["a", None], [1, "1"], [True, False], ["a", ""], [str(n) for n in range(11)]]
)
def test_options_must_be_different_texts(shown: Shown, options: Any) -> None:
    with pytest.raises(InputError, match="two to ten different texts or numbers"):
        predict("00.guess", "Which?", options)
    assert shown == []


def test_a_prediction_of_no_lesson_is_refused(shown: Shown) -> None:
    with pytest.raises(CourseError, match="no lesson"):
        predict("99.guess", "Which?", ["a", "b"])


def test_a_prediction_that_cannot_be_kept_says_so(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    guess = predict(*QUESTION)
    monkeypatch.setenv("COURSE_HOME", "/proc/nowhere")
    choose(guess, "9")
    assert guess.choice is None
    assert "cannot keep its files" in guess._status.value


# ---- what is left of a widget when its kernel has ended


def left(shown: Shown) -> str:
    """What the last twin shows, without its style and script."""
    twins = [output["data"]["text/html"] for output in shown if "course-twin" in output["data"].get("text/html", "")]
    return re.sub("<(style|script)>.*?</\\1>|<[^>]+>", " ", twins[-1], flags=re.DOTALL)


def test_a_dead_board_shows_its_last_state_says_that_it_is_dead_and_how_to_go_on(shown: Shown) -> None:
    stack = FakeStack()
    show.board(stack)
    stack.servers[1].kill()
    assert "PostgreSQL: running · ChromaDB: killed · Redis: running" in left(shown)
    assert "This board is as it was left, and dead" in left(shown)
    assert "Run → Run All Above Selected Cell" in left(shown)


def test_the_words_are_not_sent_again_while_they_are_the_same(shown: Shown) -> None:
    board = Board(FakeStack())
    before = len(shown)
    board.refresh()
    assert [set(output["data"]) for output in shown[before:]] == [{MARKDOWN, "text/plain"}], "the picture alone"


def test_a_dead_prediction_shows_what_was_chosen(shown: Shown) -> None:
    guess = predict(*QUESTION)
    letters = dict(zip(guess.options, "abc", strict=True))
    assert f"○ {letters['0 < 9']})&nbsp; 0 &lt; 9" in left(shown)
    assert "Not locked in." in left(shown)
    choose(guess, "9")
    assert f"○ {letters['0 < 9']})&nbsp; 0 &lt; 9" in left(shown)
    assert f"◉ {letters['9']})&nbsp; 9" in left(shown)
    assert "Locked in: 9." in left(shown)


def test_a_dead_panel_shows_where_its_sliders_stood(shown: Shown) -> None:
    panel = show.panel(drawn, days=[1, 1000], plan=["<free>", "premium"])
    panel._ipython_display_()
    slide(panel, "days", 1000)
    assert "days: 1,000" in left(shown)
    assert "plan: &lt;free&gt;" in left(shown)


# ---- charts


def chart(**more: Any) -> Any:
    import altair as alt

    data = alt.Data(values=[{"n": 1, "ms": 2.5}, {"n": 2, "ms": 3}])
    return alt.Chart(data, **more).mark_line().encode(x="n:Q", y="ms:Q")


def test_a_chart_is_what_jupyterlab_draws_by_itself() -> None:
    bundle = show.chart(chart(title="It grows"))._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.vegalite.v5+json", "text/markdown", "image/png", "text/plain"}
    spec = json.loads(json.dumps(bundle["application/vnd.vegalite.v5+json"]))
    assert spec["$schema"] == "https://vega.github.io/schema/vega-lite/v5.json"
    assert spec["encoding"]["x"]["field"] == "n"
    assert bundle["text/plain"] == "It grows"
    assert spec["usermeta"]["embedOptions"] == {"actions": False}, "a menu without a name, that leads to the internet"


def test_a_charts_text_can_be_given_and_must_not_be_missing() -> None:
    assert repr(show.chart(chart(), text="Twice as slow.")) == "Twice as slow."
    assert repr(show.chart(chart(title={"text": ["Two", "lines"]}))) == "Two lines"
    with pytest.raises(InputError, match="no title"):
        show.chart(chart())
    no_chart: Any = {"mark": "bar"}
    with pytest.raises(InputError, match="Altair chart"):
        show.chart(no_chart, text="x")


def test_a_bare_chart_is_drawn_offline_too() -> None:
    charts.enable()
    bundle = chart(title="It grows")._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert set(data) == {"application/vnd.vegalite.v5+json", "text/markdown", "image/png", "text/plain"}


# ---- the course map


def test_the_map_has_every_lesson_and_the_learners_progress() -> None:
    first = manifest.lesson("00")
    progress.record_outcome(first.checks[0], "passed")
    progress.record_outcome(first.checks[1], "not yet")
    bundle = show.course_map()._repr_mimebundle_()
    text = bundle["text/plain"]
    assert f"00  {first.title}: {manifest.minutes()['00']} min · ◐ 1 of {len(first.checks)} checks passed" in text
    for section in manifest.sections():
        assert f"{section.id}. {section.title}" in text
    for lesson in manifest.lessons():
        assert lesson.title in text
        assert (f'href="{lesson.stem}.ipynb"' in bundle["text/html"]) == lesson.written
    for check in first.checks:
        progress.record_outcome(check, "passed")
    assert f"✓ {len(first.checks)} of {len(first.checks)} checks passed" in repr(show.course_map())


def test_the_map_marks_what_is_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    lessons = (
        manifest.Lesson("00", "a", "A <first>", "A", "", written=True),
        manifest.Lesson("01", "b", "B", "A", ""),
    )
    monkeypatch.setattr("course.show.map.lessons", lambda: lessons)
    monkeypatch.setattr("course.show.map.minutes", lambda: {"00": 7})
    bundle = show.course_map()._repr_mimebundle_()
    assert "00  A <first>: 7 min · no checks" in bundle["text/plain"]
    assert "01  B: to come" in bundle["text/plain"]
    assert "A &lt;first&gt;" in bundle["text/html"]
    assert "01_b.ipynb" not in bundle["text/html"]


def test_an_unknown_display_is_named() -> None:
    with pytest.raises(AttributeError, match="It has: board, chart, course_map, diagram, panel, questionnaire, table, waiting"):
        _ = show.nothing


# ---- diagrams and panels


def test_a_diagram_has_words_and_the_stores_colours() -> None:
    shown = show.diagram("flowchart LR\n    APP --> CHROMA[ChromaDB]", "The application asks ChromaDB.")
    assert repr(shown) == "The application asks ChromaDB."
    source = shown._repr_mimebundle_()[MARKDOWN]
    assert "style CHROMA fill:#FFF3E0" in source
    assert "color:#000" in source
    assert source.startswith("```mermaid\n")
    assert "accTitle: The application asks ChromaDB.\n" in source
    assert "style PG" not in source


def test_a_diagrams_words_do_not_break_it() -> None:
    source = show.diagram("flowchart LR\n    A --> B", "A asks {B}: 100 %% of it.\nB answers.")._repr_mimebundle_()[MARKDOWN]
    assert "accTitle: A asks (B): 100 % of it.\n" in source
    assert "accDescr {\nA asks (B): 100 % of it.\nB answers.\n    }\n    A --> B\n```" in source


@pytest.mark.parametrize("source", sorted((ROOT / "solutions").glob("*.md")), ids=lambda source: source.stem)
def test_a_diagram_in_a_lessons_text_has_a_title_and_words(source: Path) -> None:
    for diagram in re.findall(r"^```mermaid$(.*?)^```$", source.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        assert re.search(r"^ +accTitle: \w", diagram, re.MULTILINE)
        assert re.search(r"^ +accDescr: \w", diagram, re.MULTILINE)


@pytest.mark.parametrize("solution", sorted((ROOT / "solutions").glob("*.ipynb")), ids=lambda solution: solution.stem)
def test_what_a_cell_shows_is_its_last_expression_else_nobody_would_see_it(solution: Path) -> None:
    cells = [cell for cell in nbformat.read(solution, 4).cells if cell.cell_type == "code" and not cell.source.startswith("%%")]
    lost = [
        ast.unparse(line.value)
        for cell in cells
        for line in ast.parse(TransformerManager().transform_cell(cell.source)).body[:-1]
        if isinstance(line, ast.Expr) and ast.unparse(line.value).startswith("show.")
    ]
    assert lost == []


def test_a_diagram_without_words_is_refused() -> None:
    with pytest.raises(InputError, match="words as well"):
        show.diagram("flowchart LR", " ")


def drawn(days: int, plan: str) -> Note:
    return Note("i", "drawn", f"{plan} for {days:,} days")


def slide(panel: Panel, name: str, value: object) -> None:
    panel._sliders[name].value = value


def status(panel: Panel) -> str:
    return panel._status.value


def test_a_panel_has_words_and_draws_anew_when_a_slider_moves(shown: Shown) -> None:
    panel = show.panel(drawn, days=[1, 1000], plan=["free", "premium"], start={"days": 1000})
    panel._ipython_display_()
    controls, live, picture = shown
    assert controls["data"]["text/plain"] == "days: 1,000, of 1, 1,000\nplan: free, of free, premium"
    assert set(live["data"]) == {WIDGET}
    assert "free for 1,000 days" in picture["data"]["text/plain"]
    slide(panel, "plan", "premium")
    assert "premium for 1,000 days" in shown[-1]["data"]["text/plain"]
    assert shown[-1]["transient"] == picture["transient"]
    assert len(shown) == 5


def test_a_panel_draws_several_pictures_each_in_its_place(shown: Shown) -> None:
    panel = show.panel(lambda days: (drawn(days, "free"), drawn(days, "premium")), days=[1, 7])
    panel._ipython_display_()
    slide(panel, "days", 7)
    _, _, *pictures, _, free, premium = shown
    assert "free for 7 days" in free["data"]["text/plain"]
    assert "premium for 7 days" in premium["data"]["text/plain"]
    assert [free["transient"], premium["transient"]] == [picture["transient"] for picture in pictures]


def test_a_panels_button_acts_then_draws_and_says_what_it_did(shown: Shown) -> None:
    days = [7]

    def more() -> str:
        days[0] += 1
        return "one <more>"

    panel = show.panel(lambda: drawn(days[0], "free"), buttons={"More": more})
    panel._ipython_display_()
    panel._buttons[0].click()
    assert "free for 8 days" in shown[-1]["data"]["text/plain"]
    assert "one &lt;more&gt;" in status(panel)
    assert "[More]" in repr(panel)


def test_what_goes_wrong_in_a_panel_is_told_and_the_panel_lives_on(shown: Shown) -> None:
    def per_day(days: int) -> Note:
        return drawn(100 // days, "free")

    panel = show.panel(per_day, days=[5, 0], buttons={"Break": lambda: 1 // 0})
    panel._ipython_display_()
    slide(panel, "days", 0)
    assert "could not be drawn: integer division" in status(panel)
    panel._buttons[0].click()
    assert not panel._buttons[0].disabled
    slide(panel, "days", 5)
    assert "division" not in status(panel)
    panel._buttons[0].click()
    assert "Break did not work: integer division" in status(panel)


def test_a_panel_is_refreshed_from_another_thread(shown: Shown) -> None:
    days = [1]
    panel = show.panel(lambda: drawn(days[0], "free"))
    panel._ipython_display_()
    days[0] = 2
    other = threading.Thread(target=panel.refresh)
    other.start()
    other.join()
    assert "free for 2 days" in shown[-1]["data"]["text/plain"]


@pytest.mark.parametrize("options", [[1], "ab", []])
def test_a_slider_needs_values_to_choose_from(options: Any) -> None:
    with pytest.raises(InputError, match="two values or more"):
        show.panel(drawn, days=options, plan=["free", "premium"])


def test_waiting_shows_on_standard_output_and_goes_away(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    assert list(show.waiting([1, 2], "counting", after=0)) == [1, 2]
    said = capsys.readouterr()
    assert "counting" in said.out
    assert said.err == ""
    assert list(show.waiting([1, 2], "counting")) == [1, 2]
    assert capsys.readouterr().out == ""
