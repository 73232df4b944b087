"""A learner's table and report, and the table of a class: what is odd in a file is told in a sentence."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from course import manifest, progress
from course.errors import CourseError
from course.progress import __main__ as command
from course.progress import report
from course.progress.classroom import read_class

EASY, HARD, OPEN = "00.survivor", "04.orphans", "00.major_version"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reports").mkdir()
    return tmp_path / "reports"


@pytest.fixture
def learner(home: Path, folder: Path) -> Callable[..., Path]:
    """Do these things as a new learner, and write a report into the folder."""

    def work(name: str, *outcomes: tuple[str, str], file: str = "") -> Path:
        (home / "progress.json").unlink(missing_ok=True)
        for check, outcome in outcomes:
            progress.record_outcome(check, outcome)
        path = folder / f"{file or name.lower()}.json"
        assert command.main(["--report", str(path), "--name", name]) == 0
        return path

    return work


def said(capsys: pytest.CaptureFixture, *arguments: str | Path) -> str:
    capsys.readouterr()
    assert command.main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture, *arguments: str | Path) -> str:
    capsys.readouterr()
    assert command.main([str(argument) for argument in arguments]) == 1
    return capsys.readouterr().err


def change(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_who_has_done_nothing_is_told_where_to_begin(capsys: pytest.CaptureFixture) -> None:
    assert said(capsys) == "Nothing was done yet. Open lesson 00 with `make lab`.\n"


def test_the_table_has_a_line_for_each_lesson_begun_and_names_what_is_open(capsys: pytest.CaptureFixture) -> None:
    progress.record_outcome(EASY, "passed")
    progress.record_outcome(HARD, "not yet")
    progress.record_hint(HARD, 2)
    progress.record_solution(HARD)
    progress.lock_prediction("04.guess", "a", ("a", "b"))
    table = said(capsys)
    lines = {line.split()[0]: line.split() for line in table.splitlines()[1:3]}
    day = progress.record(HARD).used
    assert lines["00"][-8:] == ["1", "of", "2", "1", "0", "0", day, "major_version"]
    assert lines["04"][-8:] == ["0", "of", "1", "1", "2", "1", day, "orphans"]
    assert "checks passed. Predictions locked in: 1." in table
    assert "You stopped in lesson 04" in table


def test_a_prediction_alone_is_something_done(capsys: pytest.CaptureFixture) -> None:
    progress.lock_prediction("02.guess", "a", ("a", "b"))
    assert "You stopped in lesson 02" in said(capsys)


def test_a_broken_progress_file_is_told_and_kept(capsys: pytest.CaptureFixture, home: Path) -> None:
    home.mkdir()
    (home / "progress.json").write_text("garbage")
    assert command.main([]) == 0
    output = capsys.readouterr()
    assert output.err.startswith("Your progress file could not be understood")
    assert "progress.damaged-1.json" in output.err
    assert "Nothing was done yet" in output.out


def test_a_report_says_who_when_what_and_with_which_course(learner: Callable[..., Path]) -> None:
    path = learner("Jane Doe", (EASY, "passed"), (HARD, "not yet"), file="jane")
    content = json.loads(path.read_text())
    day = progress.record(EASY).used
    assert (content["name"], content["first_day"], content["last_day"]) == ("Jane Doe", day, day)
    assert content["course"] == report.course_version()
    assert content["checks"][EASY]["passed_on"] == day
    assert set(content["checks"]) == {EASY, HARD}
    read = report.read(path)
    assert (read.name, read.passed, read.edited) == ("Jane Doe", 1, False)
    assert read.checks[HARD] == progress.CheckRecord("not yet", 1)


def test_the_version_is_that_of_the_course_and_of_its_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(\+[0-9a-f]{7,})?", report.course_version())
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "7.1"\n')
    monkeypatch.setattr(report, "ROOT", tmp_path)
    assert report.course_version() == "7.1", "a download has no commit"
    (tmp_path / ".git").write_text("no repository")
    assert report.course_version() == "7.1"


def test_the_page_to_print_needs_nothing_else_and_shows_a_name_as_text(learner: Callable[..., Path]) -> None:
    path = learner("<b>Jane</b> & Co", (EASY, "passed"), file="jane")
    page = path.with_suffix(".html").read_text()
    assert "&lt;b&gt;Jane&lt;/b&gt; &amp; Co" in page
    assert "<b>Jane" not in page
    assert EASY in page
    assert json.loads(path.read_text())["checksum"][7:19] in page
    assert "http" not in page
    assert "src=" not in page


def test_a_report_is_made_anew_over_an_older_one_and_over_nothing_else(
    learner: Callable[..., Path], folder: Path, capsys: pytest.CaptureFixture
) -> None:
    path = learner("Jane", (EASY, "passed"))
    learner("Jane", (EASY, "passed"), (HARD, "passed"))
    assert report.read(path).passed == 2
    (folder / "mine.json").write_text('{"my": "notes"}')
    (folder / "page.html").write_text("my page")
    assert "is there and is no report" in refused(capsys, "--report", folder / "mine.json")
    assert "is there and is no report's page" in refused(capsys, "--report", folder / "page.json")
    assert (folder / "mine.json").read_text() == '{"my": "notes"}'
    assert not (folder / "page.json").exists()
    assert "ends in .json" in refused(capsys, "--report", folder / "jane.txt")
    assert "could not be written" in refused(capsys, "--report", folder / "mine.json" / "jane.json", "--name", "Jane")


def test_a_report_needs_a_name(monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert "needs a name" in refused(capsys, "--report", folder / "x.json", "--name", "  ")
    monkeypatch.setattr(command.getpass, "getuser", lambda: "jdoe")
    assert "the name 'jdoe'" in said(capsys, "--report", folder / "x.json")

    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(command.getpass, "getuser", nameless)
    assert "needs a name" in refused(capsys, "--report", folder / "y.json")


def test_a_class_shows_where_most_are_stuck_first(
    learner: Callable[..., Path], folder: Path, capsys: pytest.CaptureFixture
) -> None:
    learner("Zoë", (EASY, "passed"), (HARD, "not yet"))
    learner("Ana", (EASY, "passed"), (HARD, "not yet"), (OPEN, "not yet"))
    learner("Ben", (EASY, "not attempted"), (HARD, "passed"))
    classroom = read_class(folder)
    assert classroom.hardest == [HARD, OPEN, EASY]
    lines = said(capsys, "--class", folder).splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["1  Ana", "2  Ben", "3  Zoë"]
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("0")}
    assert rows == {
        HARD: ["2", "1", "0", "0", "→", "✓", "→"],
        OPEN: ["1", "0", "0", "0", "→", "·", "·"],
        EASY: ["0", "2", "0", "0", "✓", "·", "✓"],
    }
    count = sum(len(lesson.checks) for lesson in manifest.lessons())
    assert f"Checks that nobody has tried: {count - 3}." in lines[-1]


def test_what_passed_after_the_solution_was_seen_has_a_sign_of_its_own(learner: Callable[..., Path], folder: Path) -> None:
    learner("Ana", (HARD, "passed"))
    progress.record_solution(HARD)
    assert command.main(["--report", str(folder / "ana.json"), "--name", "Ana"]) == 0
    assert "◐" in str(read_class(folder)).splitlines()[3]


def test_a_class_as_csv_has_a_line_for_each_learner_and_check_and_no_formula(
    learner: Callable[..., Path], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    learner("=SUM(A1)", (EASY, "passed"), (HARD, "not yet"), file="a")
    learner("Ben", (EASY, "passed"), file="b")
    to = tmp_path / "class.csv"
    assert f"Written: {to}" in said(capsys, "--class", folder, "--csv", to)
    rows = list(csv.DictReader(io.StringIO(to.read_text(encoding="utf-8-sig"))))
    assert [(row["learner"], row["check"], row["outcome"], row["edited"]) for row in rows] == [
        ("'=SUM(A1)", EASY, "passed", "0"),
        ("'=SUM(A1)", HARD, "not yet", "0"),
        ("Ben", EASY, "passed", "0"),
    ]
    assert "could not be written" in refused(capsys, "--class", folder, "--csv", to / "x.csv")


def test_an_edited_report_is_told_and_stays_in_the_table(learner: Callable[..., Path], folder: Path) -> None:
    path = learner("Ana", (HARD, "not yet"))
    content = json.loads(path.read_text())
    content["checks"][HARD]["outcome"] = "passed"
    change(path, checks=content["checks"])
    classroom = read_class(folder)
    assert classroom.reports["ana.json"].edited
    assert "ana.json, of Ana, was changed after it was made" in classroom.said[0]
    change(path, checks={HARD: content["checks"][HARD] | {"outcome": "not yet"}})
    assert not read_class(folder).said, "laid out in another way, and the same again"


@pytest.mark.parametrize("field", ["name", "made", "predictions", "course", "first_day", "last_day"])
def test_no_field_can_be_changed_unseen(learner: Callable[..., Path], folder: Path, field: str) -> None:
    path = learner("Ana", (HARD, "passed"))
    change(path, **{field: 99 if field == "predictions" else "2020-01-01"})
    assert any("was changed after it was made" in sentence for sentence in read_class(folder).said)


def test_a_checksum_that_was_taken_away_counts_as_edited(learner: Callable[..., Path]) -> None:
    path = learner("Ana", (HARD, "passed"))
    content = json.loads(path.read_text())
    del content["checksum"]
    path.write_text(json.dumps(content))
    assert report.read(path).edited


NO_REPORTS = {
    "not JSON": (b"hello", "is no report: it is not JSON"),
    "not text": (b"\xff\xfe\x00", "is no report: it is not JSON"),
    "too deep": (b"[" * 100_000, "is no report: it is not JSON"),
    "a list": (b"[]", "is no report of this course"),
    "another thing": (b'{"name": "x"}', "is no report of this course"),
    "too large": (b" " * 1_000_001, "is too large"),
}


@pytest.mark.parametrize("kind", NO_REPORTS)
def test_a_file_that_is_no_report_is_named_and_left_out(learner: Callable[..., Path], folder: Path, kind: str) -> None:
    content, sentence = NO_REPORTS[kind]
    learner("Ana", (HARD, "passed"))
    (folder / "other.json").write_bytes(content)
    classroom = read_class(folder)
    assert list(classroom.reports) == ["ana.json"]
    assert classroom.said[0].startswith(f"Left out: other.json {sentence}")


@pytest.mark.parametrize(
    "damage",
    [
        {"checks": {HARD: {"outcome": "perfect"}}},
        {"checks": {HARD: {"attempts": "many"}}},
        {"checks": {HARD: {"colour": "red"}}},
        {"checks": {HARD: {"used": "yesterday"}}},
        {"checks": []},
        {"name": 5},
        {"made": "lately"},
        {"predictions": None},
    ],
)
def test_a_report_that_cannot_be_understood_is_named_and_left_out(
    learner: Callable[..., Path], folder: Path, damage: dict
) -> None:
    change(learner("Ana", (HARD, "passed")), **damage)
    classroom = read_class(folder)
    assert not classroom.reports
    assert "ana.json is a report that cannot be understood" in classroom.said[0]
    assert "Ask its learner for a new one" in classroom.said[0]


def test_a_report_of_a_newer_kind_asks_for_an_update(learner: Callable[..., Path], folder: Path) -> None:
    change(learner("Ana", (HARD, "passed")), format="three-databases-to-one progress report 2")
    assert "made by a newer course than yours. Run `make update`" in read_class(folder).said[0]


def test_other_files_are_named_and_pages_are_not(learner: Callable[..., Path], folder: Path) -> None:
    learner("Ana", (HARD, "passed"))
    (folder / "notes.txt").write_text("hello")
    (folder / "old.csv").write_text("a,b")
    (folder / "a folder").mkdir()
    assert read_class(folder).said == ("Not looked at, because a report ends in .json: notes.txt.",)


def test_of_two_reports_of_one_learner_the_newer_counts(learner: Callable[..., Path], folder: Path) -> None:
    new = learner("Ana", (HARD, "passed"), file="a-new")
    old = learner("ana", (HARD, "not yet"), file="z-old")
    change(old, made="2020-01-01T10:00:00")
    classroom = read_class(folder)
    assert list(classroom.reports) == [new.name]
    assert "Two reports of Ana: a-new.json is newer than z-old.json and counts alone" in classroom.said[0]
    assert "another --name" in classroom.said[0]


def test_another_version_of_the_course_is_told_and_what_ours_has_not_is_in_the_csv(
    learner: Callable[..., Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = learner("Ana", (HARD, "passed"))
    content = json.loads(path.read_text())
    checks = content["checks"] | {"77.gone": {"outcome": "passed"}, "01.cached": {"outcome": "passed"}}
    change(path, course="0.0.9", checks=checks)
    monkeypatch.setattr(manifest, "old_ids", lambda: {"01.cached": EASY})
    classroom = read_class(folder)
    assert "Made with another version of the course than yours" in classroom.said[1]
    assert "ana.json (0.0.9)" in classroom.said[1]
    assert "not are in the CSV only: 77.gone." in classroom.said[2]
    assert set(classroom.hardest) == {EASY, HARD}
    assert "77.gone" in classroom.as_csv()
    assert "77.gone" not in str(classroom).partition("Checks that your course")[0]


def test_a_name_cannot_write_on_the_teachers_terminal(learner: Callable[..., Path], folder: Path) -> None:
    change(learner("Ana", (HARD, "passed")), name="An\x1b[2Ja\n\n  of   " + "m" * 200)
    (name,) = [found.name for found in read_class(folder).reports.values()]
    assert name.startswith("An[2Ja of mmm")
    assert len(name) == 80


def test_a_folder_without_reports_and_no_folder_are_told(folder: Path, capsys: pytest.CaptureFixture) -> None:
    (folder / "notes.json").write_text("{}")
    why = refused(capsys, "--class", folder)
    assert "There is no report in" in why
    assert "notes.json is no report of this course" in why
    assert "--report FILE" in why
    assert "cannot be read: No such file" in refused(capsys, "--class", folder / "nowhere")


@pytest.mark.parametrize("arguments", [["--csv", "x.csv"], ["--name", "Jane"], ["--class", ".", "--report", "x.json"]])
def test_options_that_do_not_belong_together_are_refused(arguments: list[str], capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert "usage: python -m course.progress" in capsys.readouterr().err


def test_a_report_cannot_be_read_where_it_is_gone(folder: Path) -> None:
    with pytest.raises(CourseError, match=r"gone\.json cannot be read: No such file"):
        report.read(folder / "gone.json")
