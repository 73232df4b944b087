"""Children that a lesson kills."""

import os
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path

import pytest

from course.children import Children


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module of the notebook's."""
    module = """
        import os


        def work(number, line):
            line.send((number, os.getpid()))
            line.recv()
    """
    (tmp_path / "a_childs_work.py").write_text(textwrap.dedent(module))
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_a_child_works_in_a_process_of_its_own_and_can_be_killed(folder: Path) -> None:
    children = Children(folder, preload=["json"])
    a_childs_work = import_module("a_childs_work")

    child, line = children.start(a_childs_work.work, 17)
    assert line.poll(60)
    number, pid = line.recv()
    assert number == 17
    assert pid == child.pid != os.getpid()
    child.kill()
    child.join(60)
    assert child.exitcode == -9


def test_children_of_an_earlier_run_are_killed(folder: Path) -> None:
    import_from = Children(folder, preload=["json"])
    a_childs_work = import_module("a_childs_work")

    child, line = import_from.start(a_childs_work.work, 1)
    assert line.poll(60)
    Children(folder, preload=["json"])
    child.join(60)
    assert child.exitcode == -9


def test_a_child_has_chromadb_without_the_grammar_that_takes_longest_to_import(tmp_path: Path) -> None:
    (tmp_path / "another_childs_work.py").write_text(
        "import sys\n\n\ndef work(line):\n    line.send(('chromadb' in sys.modules, sys.modules.get('rfc3987_syntax')))\n"
    )
    program = """
        import sys
        from pathlib import Path

        from course.children import Children

        children = Children(Path(sys.argv[1]), preload=["chromadb"])  # a fork server of this process alone
        import another_childs_work

        child, line = children.start(another_childs_work.work)
        print(line.recv())
        child.join()
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout == "(True, None)\n", done.stderr
