"""`make update`: nothing that a learner made is ever lost, and no notebook is ever merged. On throw-away clones."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from course.home import ROOT
from course.notebooks.repository import UpdateError
from course.update import main, update

A, B, SOLUTION = "lessons/00_start.ipynb", "lessons/01_next.ipynb", "solutions/00_start.ipynb"
MINE = "lessons/00_start.mine.ipynb"
FILES = {A: "a, first\n", B: "b, first\n", SOLUTION: "solution, first\n", "README.md": "read me\n"}
IGNORED = "lessons/*.mine*.ipynb\n"


@dataclass(frozen=True)
class Clone:
    """A clone, and what a test needs to do in it and see of it."""

    root: Path

    def git(self, *arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True).stdout.strip()

    def put(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(exist_ok=True)
        (self.root / name).write_text(text)

    def text(self, name: str) -> str:
        return (self.root / name).read_text()

    def commit(self, message: str = "a change") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def copies(self) -> dict[str, str]:
        return {path.relative_to(self.root).as_posix(): path.read_text() for path in sorted(self.root.glob("*/*.mine*"))}

    def everything(self) -> dict[str, object]:
        """What must be as it was: every file, what is staged, every branch, and where HEAD is."""
        paths = [path for path in self.root.rglob("*") if path.is_file() and ".git" not in path.parts]
        return {
            "files": {path: path.read_bytes() for path in paths},
            "staged": self.git("ls-files", "--stage"),
            "branches": self.git("for-each-ref", "refs/heads"),
            "HEAD": self.git("symbolic-ref", "HEAD"),
        }


@pytest.fixture(autouse=True)
def _own_git_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Dana")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "dana@example.com")


@pytest.fixture
def author(tmp_path: Path) -> Clone:
    """The one who writes the course, with a bare repository beside."""
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", tmp_path / "origin.git"], check=True)
    subprocess.run(["git", "clone", "--quiet", tmp_path / "origin.git", tmp_path / "author"], check=True, capture_output=True)
    clone = Clone(tmp_path / "author")
    for name, text in FILES.items():
        clone.put(name, text)
    clone.put(".gitignore", IGNORED)
    clone.git("checkout", "--quiet", "-B", "main")
    clone.commit("first")
    clone.git("push", "--quiet", "origin", "main")
    return clone


@pytest.fixture
def learner(author: Clone, tmp_path: Path) -> Clone:
    """The one who learns, with a clone of the first version. A second version is there to be had."""
    path = tmp_path / "my course"
    subprocess.run(["git", "clone", "--quiet", tmp_path / "origin.git", path], check=True)
    author.put(A, "a, second\n")
    author.put("README.md", "read me again\n")
    author.put("lessons/02_more.ipynb", "c, first\n")
    author.commit("second")
    author.git("push", "--quiet")
    return Clone(path)


def is_second(learner: Clone, author: Clone) -> bool:
    """The newest version is in place: HEAD, index and files."""
    at = learner.git("rev-parse", "HEAD") == author.git("rev-parse", "HEAD")
    return at and learner.git("status", "--porcelain") == "" and learner.text(A) == "a, second\n"


def refused(learner: Clone) -> str:
    """The message of an update that fails and leaves everything as it was."""
    before = learner.everything()
    with pytest.raises(UpdateError) as caught:
        update(learner.root)
    assert learner.everything() == before
    return str(caught.value)


def test_without_changes_the_newest_course_comes(learner: Clone, author: Clone) -> None:
    done = update(learner.root)
    assert is_second(learner, author)
    assert learner.copies() == {}
    assert done.after[:7] in str(done)


def test_with_nothing_new_nothing_happens(learner: Clone) -> None:
    update(learner.root)
    learner.put(A, "my answer\n")
    before = learner.everything()
    assert "already have the newest" in str(update(learner.root))
    assert learner.everything() == before


def test_an_edited_notebook_is_kept_beside_the_new_one(learner: Clone, author: Clone) -> None:
    learner.put(A, "my answer\n")
    done = update(learner.root)
    assert is_second(learner, author)
    assert learner.copies() == {MINE: "my answer\n"}
    assert f"{A} -> {MINE}" in str(done)


def test_a_notebook_that_the_new_course_did_not_touch_is_kept_too(learner: Clone, author: Clone) -> None:
    learner.put(B, "my answer\n")
    update(learner.root)
    assert is_second(learner, author)
    assert learner.text(B) == FILES[B]
    assert learner.copies() == {"lessons/01_next.mine.ipynb": "my answer\n"}


def test_a_staged_notebook_is_kept(learner: Clone, author: Clone) -> None:
    learner.put(A, "staged\n")
    learner.git("add", A)
    update(learner.root)
    assert is_second(learner, author)
    assert learner.copies() == {MINE: "staged\n"}


def test_what_was_staged_and_then_edited_is_kept_twice(learner: Clone, author: Clone) -> None:
    learner.put(A, "staged\n")
    learner.git("add", A)
    learner.put(A, "edited\n")
    update(learner.root)
    assert is_second(learner, author)
    assert learner.copies() == {MINE: "edited\n", "lessons/00_start.mine-2.ipynb": "staged\n"}


def test_a_committed_notebook_is_kept_and_so_is_the_commit(learner: Clone, author: Clone) -> None:
    learner.put(A, "committed\n")
    learner.commit("my answers")
    mine = learner.git("rev-parse", "HEAD")
    done = update(learner.root)
    assert is_second(learner, author)
    assert learner.copies() == {MINE: "committed\n"}
    assert learner.git("rev-parse", "mine") == mine
    assert "branch mine" in str(done)


def test_commits_of_a_later_update_get_a_branch_of_their_own(learner: Clone, author: Clone) -> None:
    learner.git("branch", "mine")
    learner.put(A, "committed\n")
    learner.commit("my answers")
    assert update(learner.root).branch == "mine-2"
    assert is_second(learner, author)


def test_a_copy_that_is_there_already_is_left_alone(learner: Clone, author: Clone) -> None:
    learner.put(MINE, "of last month\n")
    learner.put(A, "of today\n")
    update(learner.root)
    assert is_second(learner, author)
    assert learner.copies() == {MINE: "of last month\n", "lessons/00_start.mine-2.ipynb": "of today\n"}


def test_a_deleted_notebook_comes_back_new(learner: Clone, author: Clone) -> None:
    (learner.root / A).unlink()
    update(learner.root)
    assert is_second(learner, author)
    assert learner.copies() == {}


def test_a_notebook_that_the_new_course_removed_is_kept(learner: Clone, author: Clone) -> None:
    author.git("rm", "--quiet", B)
    author.commit("remove it")
    author.git("push", "--quiet")
    learner.put(B, "my answer\n")
    update(learner.root)
    assert is_second(learner, author)
    assert not (learner.root / B).exists()
    assert learner.copies() == {"lessons/01_next.mine.ipynb": "my answer\n"}


def test_a_solution_that_was_run_is_kept_among_the_lessons(learner: Clone, author: Clone) -> None:
    learner.put(SOLUTION, "run\n")
    update(learner.root)
    assert is_second(learner, author)
    assert learner.copies() == {"lessons/00_start.solution.mine.ipynb": "run\n"}


def test_files_that_git_does_not_know_stay(learner: Clone) -> None:
    learner.put("lessons/notes.txt", "remember\n")
    update(learner.root)
    assert learner.text("lessons/notes.txt") == "remember\n"


def test_it_works_from_a_folder_inside_and_under_a_git_hook(
    learner: Clone, author: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(learner.root / "lessons")
    monkeypatch.setenv("GIT_DIR", str(author.root / ".git"))
    learner.put(A, "my answer\n")
    update(learner.root)
    monkeypatch.delenv("GIT_DIR")
    assert is_second(learner, author)


@pytest.mark.parametrize("staged", [False, True])
def test_another_changed_file_is_refused_by_name(learner: Clone, staged: bool) -> None:
    learner.put(A, "my answer\n")
    learner.put("README.md", "mine\n")
    if staged:
        learner.git("add", "--all")
    assert "committed: README.md" in refused(learner)


def test_a_new_file_that_is_staged_is_refused_by_name(learner: Clone) -> None:
    learner.put("lessons/99_own.ipynb", "own\n")
    learner.git("add", "lessons/99_own.ipynb")
    assert "lessons/99_own.ipynb" in refused(learner)


def test_commits_to_other_files_are_refused(learner: Clone) -> None:
    learner.put(A, "my answer\n")
    learner.put("README.md", "mine\n")
    learner.commit()
    learner.put(B, "another\n")
    assert "committed: README.md" in refused(learner)


def test_without_a_network_nothing_changes(learner: Clone) -> None:
    learner.put(A, "my answer\n")
    learner.git("remote", "set-url", "origin", str(learner.root / "gone.git"))
    assert "could not be fetched" in refused(learner)


def test_without_a_branch_to_follow_nothing_changes(learner: Clone) -> None:
    learner.put(A, "my answer\n")
    learner.git("remote", "remove", "origin")
    assert "follows no branch" in refused(learner)


def test_outside_git_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="is not a git clone"):
        update(tmp_path)


def test_during_a_merge_nothing_changes(learner: Clone) -> None:
    (learner.root / ".git" / "MERGE_HEAD").write_text(learner.git("rev-parse", "HEAD") + "\n")
    assert "Finish or abort it" in refused(learner)


@pytest.mark.parametrize("committed", [False, True])
def test_a_file_in_the_way_of_a_new_one_undoes_all(learner: Clone, committed: bool) -> None:
    learner.put(A, "staged\n")
    learner.git("add", A)
    if committed:
        learner.commit()
    learner.put(A, "edited\n")
    (learner.root / B).unlink()
    learner.put("lessons/02_more.ipynb", "my own file of that name\n")
    message = refused(learner)
    assert "02_more.ipynb" in message
    assert "All is as it was" in message


def test_while_git_is_at_work_elsewhere_nothing_changes(learner: Clone) -> None:
    learner.put(A, "my answer\n")
    (learner.root / ".git" / "index.lock").touch()
    assert "All is as it was" in refused(learner)


def test_a_pull_that_stops_half_way_is_undone(learner: Clone, author: Clone) -> None:
    author.put(".gitattributes", "*.late filter=fails\n")
    author.put("lessons/00_before.txt", "comes first\n")
    author.put("lessons/03_last.late", "cannot be written\n")
    author.commit("a file that this machine cannot write")
    author.git("push", "--quiet")
    learner.git("config", "filter.fails.smudge", "false")
    learner.git("config", "filter.fails.required", "true")
    learner.put(A, "my answer\n")
    assert "03_last.late" in refused(learner)
    learner.git("config", "filter.fails.smudge", "cat")
    update(learner.root)
    assert learner.copies() == {MINE: "my answer\n"}
    assert learner.text("lessons/03_last.late") == "cannot be written\n"


def slow_checkout(learner: Clone, author: Clone, tmp_path: Path) -> tuple[Path, Path]:
    """Make writing one new file wait: it says that it waits by the first path, and goes on once the second exists."""
    waits, go_on = tmp_path / "waits", tmp_path / "go on"
    script = tmp_path / "slow"
    script.write_text(f"#!/bin/sh\ntouch '{waits}'\nuntil test -e '{go_on}'; do sleep 0.05; done\ncat\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    author.put(".gitattributes", "*.slow filter=slow\n")
    author.put("lessons/03.slow", "slowly\n")
    author.commit("a file that takes its time")
    author.git("push", "--quiet")
    learner.git("config", "filter.slow.smudge", str(script))
    learner.git("config", "filter.slow.clean", "cat")
    learner.git("config", "filter.slow.required", "true")
    return waits, go_on


def start_update(learner: Clone) -> subprocess.Popen:
    code = "import sys; from pathlib import Path; from course.update import update; print(update(Path(sys.argv[1])))"
    command = [sys.executable, "-c", code, str(learner.root)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def until(condition: Path, process: subprocess.Popen) -> None:
    while not condition.exists():
        assert process.poll() is None, process.communicate()


def kill(process: subprocess.Popen) -> None:
    """End an update and all that writes for it, with no word to any of them."""
    updating = psutil.Process(process.pid)
    for writing in [updating, *updating.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # a short one may have ended by itself
            writing.kill()
    process.communicate(timeout=60)


def test_an_interrupt_half_way_does_not_stop_it(learner: Clone, author: Clone, tmp_path: Path) -> None:
    waits, go_on = slow_checkout(learner, author, tmp_path)
    learner.put(A, "my answer\n")
    process = start_update(learner)
    until(waits, process)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to Python, to git, to everyone
    os.killpg(process.pid, signal.SIGHUP)
    go_on.touch()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert is_second(learner, author)
    assert learner.copies() == {MINE: "my answer\n"}


def test_even_killed_half_way_no_work_is_lost(learner: Clone, author: Clone, tmp_path: Path) -> None:
    waits, _ = slow_checkout(learner, author, tmp_path)
    learner.put(A, "my answer\n")
    process = start_update(learner)
    until(waits, process)
    kill(process)
    assert learner.copies() == {MINE: "my answer\n"}


def notebook(*cells: tuple[str, str], **metadata: object) -> str:
    """A notebook as a file: its code cells, each a source and what it printed."""
    made = [
        {
            "cell_type": "code",
            "source": source,
            "outputs": [{"output_type": "stream", "text": text}] if text else [],
            "metadata": {},
        }
        for source, text in cells
    ]
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def publish(author: Clone, learner: Clone) -> None:
    """Bring both clones to a version with a real notebook, and publish one that is newer."""
    author.put(A, notebook(("1 + 1", "")))
    author.commit("a real notebook")
    author.git("push", "--quiet")
    learner.git("pull", "--quiet")
    author.put(A, notebook(("1 + 2", "")))
    author.commit("a newer one")
    author.git("push", "--quiet")


def bytes_kept(learner: Clone) -> list[str]:
    """What a learner may have made, wherever it is now."""
    return [path.read_text() for path in sorted((learner.root / "lessons").glob("*.ipynb"))]


def test_outputs_that_a_filter_hides_from_git_are_kept(learner: Clone, author: Clone, tmp_path: Path) -> None:
    publish(author, learner)
    strip = tmp_path / "strip.py"
    strip.write_text(
        "import json, sys\n"
        "book = json.load(sys.stdin)\n"
        "[cell.update(outputs=[]) for cell in book['cells']]\n"
        "json.dump(book, sys.stdout)\n"
    )
    (learner.root / ".git" / "info" / "attributes").write_text("*.ipynb filter=strip\n")
    learner.git("config", "filter.strip.clean", f"{sys.executable} {strip}")
    mine = notebook(("1 + 1", "2"))
    learner.put(A, mine)
    learner.git("add", A)
    assert learner.git("status", "--porcelain") == "", "git sees no change"
    update(learner.root)
    assert learner.copies() == {MINE: mine}
    assert learner.text(A) == author.text(A)


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
@pytest.mark.parametrize("name", [A, B])
def test_what_git_was_told_not_to_look_at_is_kept(learner: Clone, author: Clone, flag: str, name: str) -> None:
    learner.git("update-index", flag, name)
    learner.put(name, "my answer\n")
    assert learner.git("status", "--porcelain") == "", "git sees no change"
    update(learner.root)
    assert is_second(learner, author)
    assert list(learner.copies().values()) == ["my answer\n"]


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_an_update_that_fails_leaves_also_that_as_it_was(learner: Clone, author: Clone, flag: str) -> None:
    learner.git("update-index", flag, A)
    learner.put(A, "my answer\n")
    learner.put("lessons/02_more.ipynb", "my own file of that name\n")
    assert "02_more.ipynb is in the way" in refused(learner)


@pytest.mark.parametrize("ignored", [True, False])
def test_a_file_with_the_name_of_a_new_one_is_refused_also_if_git_ignores_it(learner: Clone, ignored: bool) -> None:
    if ignored:
        (learner.root / ".git" / "info" / "exclude").write_text("02_more.ipynb\n")
    learner.put("lessons/02_more.ipynb", "my own file of that name\n")
    assert "02_more.ipynb is in the way" in refused(learner)


def test_a_file_in_the_place_of_a_new_folder_is_refused(learner: Clone, author: Clone) -> None:
    (author.root / "docs").mkdir()
    author.put("docs/glossary.md", "terms\n")
    author.commit("a folder")
    author.git("push", "--quiet")
    (learner.root / "docs").write_text("my notes on the documents\n")
    learner.put(A, "my answer\n")
    assert "docs is in the way of the new docs/glossary.md" in refused(learner)


def test_a_folder_in_the_place_of_a_file_is_refused(learner: Clone) -> None:
    (learner.root / B).unlink()
    (learner.root / B).mkdir()
    (learner.root / B / "mine.txt").write_text("mine\n")
    assert "Rename it" in refused(learner)


def test_a_changed_mode_and_a_byte_order_mark_do_not_stop_it(learner: Clone, author: Clone) -> None:
    publish(author, learner)
    (learner.root / "README.md").chmod(0o755)
    (learner.root / B).chmod(0o755)
    (learner.root / A).write_bytes(b"\xef\xbb\xbf" + (learner.root / A).read_bytes())
    update(learner.root)
    assert learner.copies() == {}, "a mark is no work"
    assert learner.text(A) == author.text(A)


def test_what_jupyterlab_adds_when_it_saves_is_no_work_and_an_output_is(learner: Clone, author: Clone) -> None:
    publish(author, learner)
    learner.put(A, notebook(("1 + 1", ""), language_info={"name": "python", "version": "3.13.1"}))
    update(learner.root)
    assert learner.copies() == {}
    learner.put(A, notebook(("1 + 2", "3")))
    author.put(A, notebook(("1 + 3", "")))
    author.commit()
    author.git("push", "--quiet")
    update(learner.root)
    assert learner.copies() == {MINE: notebook(("1 + 2", "3"))}


def test_two_updates_at_once_do_not_meet(learner: Clone, author: Clone, tmp_path: Path) -> None:
    waits, go_on = slow_checkout(learner, author, tmp_path)
    learner.put(A, "my answer\n")
    first = start_update(learner)
    until(waits, first)
    with pytest.raises(UpdateError, match="Another `make update` is at work"):
        update(learner.root)
    go_on.touch()
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 0, errors
    assert is_second(learner, author)
    assert learner.copies() == {MINE: "my answer\n"}


def test_after_one_that_was_killed_the_next_goes_on(learner: Clone, author: Clone, tmp_path: Path) -> None:
    author.put("course.py", "code, second\n")
    waits, go_on = slow_checkout(learner, author, tmp_path)
    learner.put(A, "my answer\n")
    process = start_update(learner)
    until(waits, process)
    kill(process)
    assert learner.copies() == {MINE: "my answer\n"}
    go_on.touch()
    (learner.root / ".git" / "index.lock").unlink(missing_ok=True)
    (learner.root / "lessons" / "03.slow").unlink(missing_ok=True)
    update(learner.root)
    assert is_second(learner, author)
    assert "my answer\n" in bytes_kept(learner)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("a disk of our own can be made by root only")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("free", [2_000, 60_000])
def test_a_disk_that_is_full_in_the_middle_loses_nothing(learner: Clone, author: Clone, small_disk: Path, free: int) -> None:
    author.put("lessons/02_more.ipynb", "x" * 200_000)
    author.commit("a large one")
    author.git("push", "--quiet")
    path = small_disk / "course"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", author.root.parent / "origin.git", path], check=True)
    clone = Clone(path)
    clone.git("reset", "--quiet", "--hard", "HEAD~2")
    clone.put(A, "my answer\n" * 1_000)
    statistics = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(b"x" * max(0, statistics.f_bavail * statistics.f_frsize - free))
    with pytest.raises(UpdateError):
        update(path)
    assert "my answer\n" * 1_000 in bytes_kept(clone)
    (small_disk / "filler").unlink()
    update(path)
    assert "my answer\n" * 1_000 in clone.copies().values()
    assert clone.text(A) == author.text(A)


def test_the_command_says_what_is_wrong_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("course.update.ROOT", tmp_path)
    assert main() == 1
    assert "is not a git clone" in capsys.readouterr().err
