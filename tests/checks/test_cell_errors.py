"""What is said below the traceback of a cell that ran at another time than the lesson has it, on real servers."""

import subprocess

import httpx
import psycopg
import pytest
from IPython.core.interactiveshell import InteractiveShell

from course.apps import three_databases
from course.apps.serve import serve
from course.apps.stores import Addresses
from course.errors import CourseError
from course.exercises.cell_errors import explain_cell_errors, sentence_for
from course.servers.postgres import binary
from course.stack import Stack


def raised(call) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    return caught.value


def test_a_collection_that_was_made_anew_is_told(stack: Stack) -> None:
    client = stack.chroma.client()
    collection = client.create_collection("of_a_cell")
    client.delete_collection("of_a_cell")
    assert "Run the cell that gets it from the client" in sentence_for(raised(collection.count))


def test_a_closed_connection_is_told(stack: Stack) -> None:
    connection = stack.postgres.connect()
    connection.close()
    assert "run the cell that connects again" in sentence_for(raised(lambda: connection.execute("SELECT 1")))


def test_a_lock_that_another_session_holds_is_told(stack: Stack) -> None:
    with stack.postgres.connect() as one, stack.postgres.connect() as other, one.transaction():
        one.execute("LOCK TABLE users")
        other.execute("SET lock_timeout = '50ms'")
        assert "its transaction is still open" in sentence_for(raised(lambda: other.execute("SELECT * FROM users")))


def test_what_an_application_refuses_with_is_told(stack: Stack) -> None:
    served = serve(three_databases.create_app(Addresses.of(stack.environment())))
    try:
        said = sentence_for(raised(httpx.get(f"{served.url}/users/1/similar").raise_for_status))
    finally:
        served.stop()
    assert said.startswith(f"{served.url.removeprefix('http://')} answered 422 Unprocessable")
    assert "q: Field required" in said


def test_an_answer_without_a_detail_is_told_whole(stack: Stack) -> None:
    answer = httpx.get(f"{stack.chroma.url}/api/v2/nowhere")
    said = sentence_for(raised(answer.raise_for_status))
    assert said == f"{stack.chroma.url.removeprefix('http://')} answered 404 Not Found: {answer.text}"


def test_an_answer_that_is_not_read_yet_is_told_too(stack: Stack) -> None:
    with httpx.stream("GET", f"{stack.chroma.url}/api/v2/nowhere") as answer:
        assert "answered 404 Not Found: it was not read" in sentence_for(raised(answer.raise_for_status))


def test_the_last_words_of_a_program_that_failed_are_told(stack: Stack) -> None:
    command = [binary("pg_dump"), stack.postgres.url, "--table=nowhere"]
    text = raised(lambda: subprocess.run(command, capture_output=True, text=True, check=True))
    some_bytes = raised(subprocess.run(command, capture_output=True).check_returncode)
    nobody_kept_it = raised(lambda: subprocess.run(command, stderr=subprocess.DEVNULL, check=True))
    assert "no matching tables were found" in sentence_for(text)
    assert sentence_for(some_bytes) == sentence_for(text)
    assert sentence_for(nobody_kept_it) == ""


@pytest.mark.parametrize("error", [KeyError("x"), CourseError("it says so itself"), psycopg.errors.UniqueViolation()])
def test_any_other_error_is_shown_as_it_is(error: Exception) -> None:
    assert sentence_for(error) == ""


def test_in_a_notebook_it_stands_below_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    shell = InteractiveShell.instance()
    try:
        explain_cell_errors()
        result = shell.run_cell("assert 1 == 2")
    finally:
        InteractiveShell.clear_instance()
    assert isinstance(result.error_in_exec, AssertionError)
    printed = capsys.readouterr().out
    assert printed.index("AssertionError") < printed.index("run its section again")


@pytest.mark.parametrize(("kind", "shown"), [("CourseError", 1), ("ValueError", 2)])
def test_an_error_that_says_what_to_do_is_shown_without_what_it_came_from(
    capsys: pytest.CaptureFixture[str], kind: str, shown: int
) -> None:
    shell = InteractiveShell.instance()
    try:
        explain_cell_errors()
        result = shell.run_cell(f"""
from course.errors import CourseError
try:
    1 / 0
except ZeroDivisionError as error:
    raise {kind}("Divide by something else.") from error
""")
    finally:
        InteractiveShell.clear_instance()
    assert capsys.readouterr().out.count("Traceback (most recent call last)") == shown
    assert result.error_in_exec is not None
    assert isinstance(result.error_in_exec.__cause__, ZeroDivisionError)
