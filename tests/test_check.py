"""The exercise machinery: four outcomes, and the learner is never blamed for what is not theirs."""

from __future__ import annotations

import asyncio
import functools
import linecache
import signal
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis
import sqlalchemy.exc
from psycopg._queries import PostgresQuery
from psycopg.adapt import Transformer

from course import manifest, progress
from course.errors import CourseError, InputError, ServerError
from course.exercises import check
from course.exercises.asynchronous import run
from course.exercises.blanks import is_blank
from course.exercises.check import Exercise, NotYet, Result, exercise, expect

ID = manifest.lesson("00").checks[0]
CELLS = iter(range(1, 10_000))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    return tmp_path


def cell(source: str, **names: Any) -> Any:
    """What a cell of the notebook makes: the last name it binds."""
    source = textwrap.dedent(source).strip()
    filename = f"/tmp/ipykernel_4242/{next(CELLS)}.py"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    space: dict[str, Any] = dict(names)
    exec(compile(source, filename, "exec"), space)
    return list(space.values())[-1]


@pytest.fixture
def double() -> Exercise:
    @exercise(ID, hints=["First.", "Second."])
    def double(double: Callable) -> str:
        found = expect(double(4), int, "Return the number.")
        if found != 8:
            raise NotYet(f"You returned {found}. Twice 4 is more.")
        return "Shifting left does the same."

    return double


def value_check(kind: Any = object) -> Exercise:
    def judge(answer):
        return "Right."

    judge.__annotations__["answer"] = kind
    return exercise(ID)(judge)


STUBS = {
    "dots": """
        def f(x):
            ...
        """,
    "one line": "def f(x): ...",
    "docstring": 'def f(x):\n    """What it does."""',
    "docstring and dots": 'def f(x) -> int:\n    """What it does."""\n    ...  # YOUR CODE HERE',
    "pass": """
        def f(x):
            pass
        """,
    "return": """
        def f(x):
            return
        """,
    "return None": """
        def f(x):
            return None
        """,
    "return dots": """
        def f(x):
            return ...
        """,
    "async": """
        async def f(x):
            ...
        """,
    "async pass": 'async def f(x):\n    """Doc."""\n    pass',
    "under an if": """
        def f(x):
            if x:
                ...
        """,
    "under an else": """
        def f(x):
            if x:
                y = 1
            else:
                ...
            return y
        """,
    "in a for": """
        def f(x):
            for y in x:
                ...
            return y
        """,
    "in a with": """
        def f(x):
            with x as y:
                ...
        """,
    "in an async with": """
        async def f(x):
            async with x as y:
                ...
        """,
    "in a try": """
        def f(x):
            try:
                ...
            finally:
                x.close()
        """,
    "between lines": """
        def f(x):
            y = x + 1
            ...
            return y
        """,
    "assigned": """
        def f(x):
            y = ...
            return y
        """,
    "inner function": """
        def f(x):
            def g():
                ...
            return g
        """,
    "lambda": "f = lambda x: ...",
}
WRITTEN = {
    "answer": """
        def f(x):
            return 0
        """,
    "false": """
        def f(x):
            return False
        """,
    "short call": """
        def f(x):
            x()
        """,
    "short assignment": """
        def f(x):
            x=1
        """,
    "short loop": """
        def f(x):
            for y in x:
                y()
        """,
    "indexing": """
        def f(x):
            return x[..., 0] + x[...]
        """,
    "slice assignment": """
        def f(x):
            x[...] = 0
        """,
    "constant tuple": """
        def f(x):
            return (
                'a',
                100,
            )
        """,
    "default": """
        def f(x, wait=5.0, *, many=100):
            x.wait(wait)
        """,
    "except pass": """
        def f(x):
            try:
                x()
            except KeyError:
                pass
        """,
    "endless": """
        def f(x):
            while True:
                x()
        """,
    "raise": """
        def f(x):
            raise NotImplementedError
        """,
    "async": """
        async def f(x):
            await x
        """,
    "generator": """
        def f(x):
            yield
        """,
}


@pytest.mark.parametrize("source", STUBS.values(), ids=STUBS.keys())
def test_a_stub_is_not_attempted_and_is_not_run(double: Exercise, source: str) -> None:
    result = double(cell(source))
    assert result.outcome == "not attempted", result
    assert "Replace the `...` in `" in result.message
    assert progress.record(ID) == progress.CheckRecord("not attempted")


@pytest.mark.parametrize("source", WRITTEN.values(), ids=WRITTEN.keys())
def test_written_code_is_no_stub(source: str) -> None:
    assert not is_blank(cell(source))


@pytest.mark.parametrize("value", [..., "", "-- YOUR CODE HERE", " \n# write here\n...", [1, ...], (...,), {"a": ...}, {..., 2}])
def test_a_blank_value_is_not_attempted(value: object) -> None:
    assert value_check()(value).outcome == "not attempted"


@pytest.mark.parametrize("value", [0, False, [], {}, set(), "SELECT 1 -- ...", "--clean", "a", len, print, object(), int])
def test_an_empty_answer_is_an_answer(value: object) -> None:
    assert value_check()(value).outcome == "passed"


def test_a_stub_is_seen_through_decorators_and_partials() -> None:
    stub = cell(STUBS["dots"])

    @functools.wraps(stub)
    def wrapper(*values: object) -> object:
        return stub(*values)

    assert is_blank(wrapper)
    assert is_blank(functools.partial(stub, 1))


def test_a_right_answer_passes_and_stays_passed(double: Exercise) -> None:
    result = double(
        cell("""
        def double(x):
            return x + x
        """)
    )
    assert (result.outcome, result.message, result.passed) == ("passed", "Shifting left does the same.", True)
    double(
        cell("""
        def double(x):
            return x
        """)
    )
    assert progress.record(ID) == progress.CheckRecord("passed", 2)


def test_a_wrong_answer_is_told_what_to_look_at_and_a_hint_after_the_second(double: Exercise) -> None:
    wrong = cell("""
        def double(x):
            return x
        """)
    assert double(wrong).message == "You returned 4. Twice 4 is more."
    assert double(wrong).message.endswith(f"`check.{double.name}.hint()`.")
    double(
        cell("""
        def double(x):
            return 2 * x
        """)
    )
    assert "hint" not in double(wrong).message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return [x]", "Return the number. Yours is a list of 1."),
        ("x * 2", "Yours is `None`: is a `return` missing?"),
        ("return 'eight'", "Yours is the text `'eight'`."),
        ("return 8.0", "Yours is the number `8.0`."),
        ("return True", "Yours is `True`."),
    ],
)
def test_a_returned_value_of_the_wrong_type_is_named(double: Exercise, body: str, said: str) -> None:
    result = double(cell(f"def double(x):\n    {body}"))
    assert result.outcome == "not yet"
    assert said in result.message


@pytest.mark.filterwarnings("error")
def test_a_forgotten_await_is_named(double: Exercise) -> None:
    assert (
        "is an `await` missing?"
        in double(
            cell("""
        async def double(x):
            return 8
        """)
        ).message
    )


def test_a_value_in_place_of_the_function_is_named(double: Exercise) -> None:
    result = double(8)
    assert result.outcome == "not yet"
    assert result.message == "`double` should be a function (its name, without brackets after it). Yours is the number `8`."


@pytest.mark.parametrize(
    ("kind", "fitting", "other"),
    [(int, 3, True), (float, 3, "3"), (set[str], {"a"}, ["a"]), (int | None, None, 2.5), (dict, {}, [])],
)
def test_annotations_of_the_judge_are_kept(kind: Any, fitting: object, other: object) -> None:
    assert value_check(kind)(fitting).passed
    assert value_check(kind)(other).outcome == "not yet"


def test_numbers_of_numpy_are_numbers() -> None:
    import numpy as np

    assert value_check(int)(np.int64(3)).passed
    assert value_check(float)(np.float32(3)).passed


def test_the_learners_error_is_shown_with_their_lines_only(double: Exercise) -> None:
    helper = cell("""
        def third(items):
            return items[3]

        """)
    result = double(
        cell(
            """
        def double(x):
            y = [x]
            return third(y)

        """,
            third=helper,
        )
    )
    assert result.outcome == "not yet"
    assert (
        result.message
        == "Your code stopped with `IndexError`. The list or row is shorter than the code expects; it may be empty."
    )
    assert result.detail.splitlines() == [
        "In double, line 3:",
        "    return third(y)",
        "In third, line 2:",
        "    return items[3]",
        "IndexError: list index out of range",
    ]


def test_an_error_deep_in_a_library_is_the_learners_call(double: Exercise) -> None:
    result = double(
        cell("""
        def double(x):
            import json
            return json.loads('{')
        """)
    )
    assert result.outcome == "not yet"
    assert "return json.loads" in result.detail
    assert "decoder.py" not in result.detail


def test_a_function_in_a_file_is_the_learners_too() -> None:
    judge = exercise(ID)(
        cell("""
        def judge(function):
            return function()
        """)
    )

    def fails() -> None:
        raise KeyError("17")

    result = judge(fails)
    assert result.outcome == "not yet"
    assert "different keys" in result.message
    assert "judge" not in result.detail


@pytest.mark.parametrize("parameters", ["", "x, y", "*, x"])
def test_a_changed_signature_is_named(double: Exercise, parameters: str) -> None:
    result = double(cell(f"def double({parameters}):\n    return 8"))
    assert result.outcome == "not yet"
    assert "`double` was called with the arguments that the task names" in result.message


def test_sql_with_places_that_have_no_name_is_told_of_names() -> None:
    @exercise(ID)
    def judge(query: str) -> None:
        PostgresQuery(Transformer()).convert(query, {"question": 1})  # what a cursor does with a statement and its values

    result = judge("SELECT %s")
    assert result.outcome == "not yet"
    assert "`%(name)s`" in result.message


REQUEST = httpx.Request("GET", "http://127.0.0.1:1/")
DOWN = {
    "ours": ServerError("ChromaDB does not answer at 127.0.0.1:8000. Start it on the board above."),
    "postgres": psycopg.OperationalError('connection to server at "127.0.0.1", port 1 failed: Connection refused'),
    "postgres shutting down": psycopg.errors.AdminShutdown("terminating connection"),
    "postgres starting": psycopg.OperationalError("FATAL:  the database system is starting up"),
    "redis": redis.ConnectionError("Error 111 connecting to 127.0.0.1:1. Connection refused."),
    "http": httpx.ConnectError("[Errno 111] Connection refused", request=REQUEST),
    "socket": ConnectionRefusedError(111, "Connection refused"),
    "sqlalchemy": sqlalchemy.exc.OperationalError("SELECT 1", {}, psycopg.OperationalError("connection refused")),
    "group": ExceptionGroup("tasks", [ServerError("PostgreSQL does not answer.")]),
}


@pytest.mark.parametrize("error", DOWN.values(), ids=DOWN.keys())
def test_a_server_that_is_down_is_not_the_learners_fault(double: Exercise, error: Exception) -> None:
    result = double(_raiser(error))
    assert result.outcome == "could not check"
    assert "Your work is untouched" in result.message
    assert "does not answer" in result.message
    assert progress.record(ID) == progress.CheckRecord()


def test_a_closed_connection_is_named_as_such(double: Exercise) -> None:
    result = double(_raiser(psycopg.OperationalError("the connection is closed")))
    assert result.outcome == "could not check"
    assert "run the cell that connects again" in result.message


def test_a_real_client_without_its_server_could_not_be_checked(double: Exercise) -> None:
    source = """
        def double(x):
            import redis
            return redis.Redis(port=1).get('x')
        """
    assert double(cell(source)).message.startswith("Redis does not answer (Error")
    source = """
        def double(x):
            import psycopg
            return psycopg.connect('host=127.0.0.1 port=1')
        """
    assert double(cell(source)).message.startswith("PostgreSQL does not answer (")
    source = """
        def double(x):
            import chromadb
            return chromadb.HttpClient(port=1)
        """
    assert double(cell(source)).message.startswith("ChromaDB does not answer (")


NOT_DOWN = {
    "password": psycopg.OperationalError("FATAL:  password authentication failed"),
    "cancelled": psycopg.errors.QueryCanceled("canceling statement due to statement timeout"),
    "too many": psycopg.errors.TooManyConnections("sorry, too many clients already"),
    "redis password": redis.AuthenticationError("invalid password"),
    "course": InputError("embed() got an empty text."),
}


@pytest.mark.parametrize("error", NOT_DOWN.values(), ids=NOT_DOWN.keys())
def test_a_server_that_answers_no_is_the_learners_to_solve(double: Exercise, error: Exception) -> None:
    result = double(_raiser(error))
    assert result.outcome == "not yet"
    assert str(error) in result.detail


def test_a_mistake_while_handling_a_dead_server_is_the_learners(double: Exercise) -> None:
    source = """
        def double(x):
            try:
                raise error
            except Exception:
                return misspelled
        """
    assert double(cell(source, error=DOWN["redis"])).message.startswith("Your code stopped with `NameError`.")


def test_a_mistake_of_the_judge_is_not_the_learners() -> None:
    @exercise(ID)
    def broken(answer: int) -> str:
        nothing: dict[str, str] = {}
        return nothing["nothing"]

    result = broken(1)
    assert result.outcome == "could not check"
    assert "The check itself has a mistake" in result.message
    assert result.detail == "KeyError: 'nothing'"
    assert progress.record(ID) == progress.CheckRecord()


@pytest.mark.parametrize("verdict", [None, "", True, 1])
def test_a_judge_without_a_sentence_passes_nobody(verdict: object) -> None:
    result = exercise(ID)(lambda answer: verdict)(1)
    assert result.outcome == "could not check"
    assert progress.record(ID).outcome == ""


def test_an_assert_of_the_judge_is_a_mistake_of_the_judge() -> None:
    @exercise(ID)
    def broken(answer: int) -> str:
        raise AssertionError("the stage is not set")

    assert broken(1).outcome == "could not check"


def test_an_interrupt_goes_through(double: Exercise) -> None:
    with pytest.raises(KeyboardInterrupt):
        double(
            cell(
                """
            def double(x):
                return signal.raise_signal(signal.SIGINT)
            """,
                signal=signal,
            )
        )


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), RecursionError("deep")])
def test_whatever_the_learners_code_raises_gets_an_answer(double: Exercise, error: BaseException) -> None:
    result = double(_raiser(error))
    assert result.outcome == "not yet"
    assert result.message.startswith(f"Your code stopped with `{type(error).__name__}`.")
    assert "    raise error" in result.detail


def test_a_call_with_too_few_values_says_how_to_call(double: Exercise) -> None:
    result = double()
    assert result.outcome == "could not check"
    assert f"`check.{double.name}(double)`" in result.message


def test_only_checks_of_the_manifest_can_be_made() -> None:
    with pytest.raises(CourseError, match="manifest"):
        exercise("00.nothing_like_it")(lambda answer: "")


def test_hints_come_one_after_the_other(double: Exercise) -> None:
    assert [(note.word, note.text) for note in (double.hint(), double.hint(), double.hint())] == [
        ("hint 1 of 2", "First."),
        ("hint 2 of 2", "Second."),
        ("hint 1 of 2", "First."),
    ]
    assert progress.record(ID).hints == 2
    assert "solution()" in value_check().hint().text


def test_the_solution_is_shown_as_code_and_noted(double: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    solution = textwrap.dedent("""
        def double(x):
            return 2 * x
    """).strip()
    monkeypatch.setattr(check, "solution_of", lambda id: solution)
    bundle = double.solution()._repr_mimebundle_()
    assert f"```python\n{solution}\n```" in bundle["text/markdown"]
    assert "Reading it is fine" in bundle["text/plain"]
    assert solution in bundle["text/plain"]
    assert progress.record(ID).solution_seen
    monkeypatch.setattr(check, "solution_of", lambda id: "SELECT 1")
    assert "```sql" in double.solution()._repr_mimebundle_()["text/markdown"]


def test_the_outcome_is_a_word_and_a_sign_and_nothing_is_markup(double: Exercise) -> None:
    bundle = double(
        cell("""
        def double(x):
            return '<script>'
        """)
    )._repr_mimebundle_()
    assert "<strong>→ not yet</strong>" in bundle["text/html"]
    assert "&lt;script&gt;" in bundle["text/html"]
    assert "<script>" not in bundle["text/html"]
    assert bundle["text/plain"].startswith(f"→ not yet [{ID}]: Return the number.")


def test_a_judge_that_runs_a_coroutine_works_inside_a_running_loop() -> None:
    @exercise(ID)
    def doubled(double: Callable) -> str:
        return "Right." if run(double(4)) == 8 else ""

    async def notebook() -> Result:
        return doubled(
            cell("""
            import asyncio
            async def double(x):
                await asyncio.sleep(0)
                return 2 * x
            """)
        )

    assert asyncio.run(notebook()).passed


def test_an_interrupt_cancels_the_coroutine() -> None:
    cancelled = threading.Event()
    main = threading.main_thread().ident
    assert main is not None

    async def endless() -> None:
        signal.pthread_kill(main, signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(KeyboardInterrupt):
        run(endless())
    assert cancelled.wait(timeout=30)


def test_an_error_in_a_coroutine_keeps_the_learners_lines() -> None:
    judge = exercise(ID)(
        cell(
            """
        def judge(double):
            return run(double(4))
        """,
            run=run,
        )
    )
    result = judge(
        cell("""
        async def double(x):
            return x / 0
        """)
    )
    assert result.outcome == "not yet"
    assert "    return x / 0" in result.detail


def test_progress_that_cannot_be_kept_does_not_hide_the_answer(double: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_HOME", "/proc/nowhere")
    result = double(
        cell("""
        def double(x):
            return 8
        """)
    )
    assert result.passed
    assert "not in your progress" in result.message


def _raiser(error: BaseException) -> Callable:
    return cell(
        """
        def double(x):
            raise error
        """,
        error=error,
    )
