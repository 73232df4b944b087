"""The pipeline from a source to its two notebooks, on small courses in a temporary directory.

nbval's part, running the built notebooks again, stands in test_gates.py.
"""

import json
import os
import re
import shutil
from pathlib import Path

import nbconvert
import nbformat
import psutil
import pytest

from course.build import build, main
from course.manifest import Lesson, Section
from course.pipeline import regions
from course.pipeline.kernel_home import KernelHome
from course.pipeline.layout import BuildError, Layout
from course.pipeline.notebook import Notebooks, make
from course.pipeline.readme import BEGIN, END
from tests.kernels import gone_pid

FIRST = Lesson(
    "01", "first", "Try it", "A", "s", "Try one thing.", ("what it is", "what it costs"), ("nothing",), ("01.double",), True
)
SECOND = Lesson("02", "second", "Go on", "A", "s", written=True)
LATER = Lesson("03", "later", "Rest", "B", "s")

SOURCE = """\
---
kernelspec:
  display_name: Python 3
  name: python3
---

## 🎯 The problem

```mermaid
flowchart TD
    A --> B
```

```{code-cell}
import os

from types import SimpleNamespace

check = SimpleNamespace(double=lambda double: print("right" if double(2) == 4 else "not attempted"))
print(os.environ["COURSE_HOME"], os.getcwd())
```

```{code-cell}
:tags: [raises-exception]

1 / 0
```

We write a function.

```{code-cell}
def double(number):
    # BEGIN SOLUTION
    return 2 * number
    # END SOLUTION
```

```{code-cell}
check.double(double)
```

```{code-cell}
:tags: [solution-only]

"another way"
```

+++ {"tags": ["answer"]}

Why?

<!-- BEGIN SOLUTION -->
Because.
<!-- END SOLUTION -->

```{code-cell}
import ipywidgets

ipywidgets.HTML("drawn")
```
"""


def course(root: Path, first: str = SOURCE, second: str = "## Go on\n") -> Layout:
    (root / "solutions").mkdir(parents=True)
    (root / "solutions" / "01_first.md").write_text(first, encoding="utf-8")
    (root / "solutions" / "02_second.md").write_text(second, encoding="utf-8")
    return Layout(root, (FIRST, SECOND, LATER), (Section("A", "Three"), Section("B", "One")))


def cells(text: str) -> str:
    """A source of code cells, one for each paragraph, and the check that lesson 01 promises."""
    paragraphs = [*text.strip("\n").split("\n\n"), "if 0:\n    check.double(0)"]
    return "\n\n".join(f"```{{code-cell}}\n{paragraph}\n```" for paragraph in paragraphs)


def made(root: Path, source: str) -> Notebooks:
    return make(course(root, source), FIRST)


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("built") / "course"
    assert main([], course(root)) == 0
    return root


@pytest.fixture
def built(built_once: Path, tmp_path: Path) -> Layout:
    """A course whose two written lessons are built: a copy, to be spoiled at will."""
    shutil.copytree(built_once, tmp_path / "course")
    return Layout(tmp_path / "course", (FIRST, SECOND, LATER), (Section("A", "Three"), Section("B", "One")))


def read(path: Path) -> nbformat.NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


# What is built


def test_the_solution_is_executed_and_the_lesson_is_blank(built: Layout) -> None:
    solution, lesson = read(built.solution(FIRST)), read(built.lesson(FIRST))
    ran = [cell for cell in solution.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in ran] == [1, 2, 3, 4, 5, 6]
    assert [cell.source for cell in ran][2] == "def double(number):\n    return 2 * number"
    assert ran[3].outputs[0].text == "right\n"
    blank = [cell for cell in lesson.cells if cell.cell_type == "code"]
    assert [(cell.execution_count, cell.outputs) for cell in blank] == [(None, [])] * 5
    assert [cell.source for cell in blank][2] == "def double(number):\n    ...  # YOUR CODE HERE"
    assert "another way" not in built.lesson(FIRST).read_text()
    answers = [
        next(cell.source for cell in notebook.cells if cell.metadata.get("tags") == ["answer"]) for notebook in (solution, lesson)
    ]
    assert answers == ["Why?\n\nBecause.", "Why?\n\n*Write your answer here.*"]


def test_the_kernel_runs_in_the_lessons_folder_with_a_home_of_its_own_and_no_path_of_this_machine_is_kept(built: Layout) -> None:
    assert read(built.solution(FIRST)).cells[2].outputs[0].text == "COURSE_HOME ./lessons\n"


def test_widgets_keep_their_text_only(built: Layout) -> None:
    solution = read(built.solution(FIRST))
    assert solution.cells[-2].outputs[0].data == {"text/plain": "HTML(value='drawn')"}
    assert set(solution.metadata) == {"kernelspec", "language_info"}


WIDGET_ALONE = """
display({"application/vnd.jupyter.widget-view+json": {}}, raw=True)
print("words")
"""


def test_a_widget_whose_words_stand_in_another_output_leaves_nothing(tmp_path: Path) -> None:
    layout = course(tmp_path, cells(WIDGET_ALONE))
    assert main(["01"], layout) == 0
    assert [output.output_type for output in read(layout.solution(FIRST)).cells[1].outputs] == ["stream"]


def test_head_and_navigation_come_from_the_manifest(built: Layout) -> None:
    first, second = read(built.lesson(FIRST)), read(built.lesson(SECOND))
    head = first.cells[0].source
    assert head.startswith("# Lesson 01: Try it\n\n> **Duration**: 1 min | **Section**: A - Three\n")
    for words in ("**What you'll do**\n\nTry one thing.", "- what it is\n- what it costs", "**What you'll need**\n\n- nothing"):
        assert words in head
    assert "What you'll" not in second.cells[0].source
    assert first.cells[-1].source == "---\n\n**Next** →: [Lesson 02: Go on](02_second.ipynb) | [Course map](../README.md)"
    assert "[Lesson 01: Try it](01_first.ipynb) | **Next** →: Lesson 03: Rest (to come) |" in second.cells[-1].source
    assert [cell.id for cell in (first.cells[0], first.cells[-1])] == ["head", "navigation"]


def test_building_again_gives_the_same_bytes(built: Layout) -> None:
    files = [path for lesson in (FIRST, SECOND) for path in (built.solution(lesson), built.lesson(lesson))]
    before = [path.read_bytes() for path in files]
    assert main([], built) == 0
    assert [path.read_bytes() for path in files] == before


def test_progress_and_a_finishing_line_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["02"], course(tmp_path)) == 0
    said = [line.split(" in ")[0] for line in capsys.readouterr().out.splitlines()]
    assert said[0].split()[:4] == ["lesson", "minutes", "code", "cells"]
    assert said[1].split() == ["02", "1", "0", "0", "0", "2", "0%"]
    assert said[2:] == ["02_second …", "02_second: 0 cells"]


def test_a_written_lesson_without_a_source_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = course(tmp_path)
    layout.source(SECOND).unlink()
    assert main([], layout) == 1
    assert "solutions/02_second.md is missing" in capsys.readouterr().err
    assert not layout.lessons_folder.exists(), "nothing was built before the source was missed"


def test_an_unknown_id_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["99"], course(tmp_path)) == 1
    assert "no lesson '99'" in capsys.readouterr().err


# Ids


def test_inserting_a_cell_changes_no_other_id(tmp_path: Path) -> None:
    before = made(tmp_path / "before", cells("a = 1\n\nb = 2\n\nb = 2")).solution.cells
    after = made(tmp_path / "after", cells("new = 0\n\na = 1\n\nb = 2\n\nnew = 1\n\nb = 2")).solution.cells
    kept = {cell.id: cell.source for cell in after if not cell.source.startswith("new")}
    assert kept == {cell.id: cell.source for cell in before}
    assert len({cell.id for cell in after}) == len(after)


def test_a_cell_of_the_lesson_has_the_id_of_its_solution(built: Layout) -> None:
    solution, lesson = read(built.solution(FIRST)), read(built.lesson(FIRST))
    left_out = [cell.id for cell in solution.cells if "solution-only" in cell.metadata.get("tags", [])]
    assert len(left_out) == 1
    assert [cell.id for cell in lesson.cells] == [cell.id for cell in solution.cells if cell.id not in left_out]


# Solutions and stubs


@pytest.mark.parametrize(
    ("kind", "text", "solved", "blank"),
    [
        ("code", "# BEGIN SOLUTION\na = 1\n# END SOLUTION", "a = 1", "...  # YOUR CODE HERE"),
        (
            "code",
            "if x:\n    # BEGIN SOLUTION\n    # STUB: rows = ...  # YOUR CODE HERE\n    # STUB: for row in rows:\n"
            "    # STUB:     ...\n    rows = 1\n    # END SOLUTION\nrows",
            "if x:\n    rows = 1\nrows",
            "if x:\n    rows = ...  # YOUR CODE HERE\n    for row in rows:\n        ...\nrows",
        ),
        (
            "code",
            "# BEGIN SOLUTION\na = 1\n# END SOLUTION\nb = 2\n# BEGIN SOLUTION\n# STUB:\nc = 3\n# END SOLUTION",
            "a = 1\nb = 2\nc = 3",
            "...  # YOUR CODE HERE\nb = 2\n",
        ),
        (
            "code",
            "%%sql\nSELECT 1\n-- BEGIN SOLUTION\nLIMIT 1\n-- END SOLUTION",
            "%%sql\nSELECT 1\nLIMIT 1",
            "%%sql\nSELECT 1\n-- YOUR SQL HERE",
        ),
        (
            "code",
            "%%sql\n-- BEGIN SOLUTION\n-- STUB: SELECT NULL -- YOUR SQL HERE\nSELECT 1\n-- END SOLUTION",
            "%%sql\nSELECT 1",
            "%%sql\nSELECT NULL -- YOUR SQL HERE",
        ),
        ("markdown", "<!-- BEGIN SOLUTION -->\nYes.\n<!-- END SOLUTION -->", "Yes.", "*Write your answer here.*"),
        ("markdown", "<!-- BEGIN SOLUTION -->\n<!-- STUB: | ? | -->\n| 1 |\n<!-- END SOLUTION -->", "| 1 |", "| ? |"),
    ],
)
def test_solution_and_stub_take_each_others_place(kind: regions.Kind, text: str, solved: str, blank: str) -> None:
    assert regions.solved(text, kind) == solved
    assert regions.blank(text, kind) == blank


@pytest.mark.parametrize(
    ("cell", "line", "message"),
    [
        ("a = 1\n# BEGIN SOLUTION\nb = 2", 3, "without a `# END SOLUTION`"),
        ("# BEGIN SOLUTION\n# BEGIN SOLUTION\na = 1\n# END SOLUTION", 3, "inside another solution"),
        ("a = 1\n# END SOLUTION", 3, "without a `# BEGIN SOLUTION`"),
        ("# BEGIN SOLUTION\n# END SOLUTION", 2, "without a line of its own"),
        ("a = 1  # BEGIN SOLUTION\n# END SOLUTION", 2, "must be the whole line"),
        ("%%sql\n# BEGIN SOLUTION\nSELECT 1\n# END SOLUTION", 3, "here it is `-- BEGIN SOLUTION`"),
        ("# STUB: a = ...", 2, "may only follow"),
        ("# BEGIN SOLUTION\na = 1\n# STUB: a = ...\n# END SOLUTION", 4, "may only follow"),
        (
            "if True:\n    # BEGIN SOLUTION\n    # STUB:\n    a = 1\n    # END SOLUTION",
            2,
            "not Python: expected an indented block",
        ),
        ("# BEGIN SOLUTION\n# STUB: return\na = 1\n# END SOLUTION", 2, "not Python: 'return' outside function"),
    ],
)
def test_a_mark_out_of_place_is_refused_with_file_and_line(tmp_path: Path, cell: str, line: int, message: str) -> None:
    with pytest.raises(BuildError) as refused:
        made(tmp_path, cells(cell))
    assert str(refused.value).startswith(f"solutions/01_first.md:{line}: ")
    assert message in str(refused.value)


def test_magics_and_top_level_await_are_python_enough(tmp_path: Path) -> None:
    lesson = made(
        tmp_path, cells("%load_ext course\n\n%%sql rows\nSELECT nonsense FROM\n\nout = !ls\n\nawait something()")
    ).lesson
    assert lesson.cells[2].source == "%%sql rows\nSELECT nonsense FROM"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("# A title\n\n" + cells("a = 1"), "solutions/01_first.md:1: the title is made from course/manifest.toml"),
        (cells("a = 1").replace("a = 1\n", ""), "solutions/01_first.md:2: an empty cell"),
        ("```{code-cell}\n:tags: some\n\ncheck.double(1)\n```", "solutions/01_first.md: it is not a MyST notebook: 'some'"),
        ("## No check\n", "never calls `check.double(…)`"),
        (cells("a = 1\n\nb = check.triple(3)"), "solutions/01_first.md:6: the check '01.triple' is not in course/manifest.toml"),
    ],
)
def test_a_source_that_breaks_the_rules_is_refused(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(BuildError, match="Nothing was changed") as refused:
        made(tmp_path, source)
    assert message in str(refused.value)


# Folded cells


FOLDED = """\
We start a reader.

```{code-cell}
:tags: [plumbing, nbval-ignore-output]

# Start a reader, and let it print
print("read")
```

```{code-cell}
check.double(1)
```
"""


def test_a_cell_tagged_plumbing_is_folded_in_both_notebooks_and_only_it(tmp_path: Path) -> None:
    notebooks = made(tmp_path, FOLDED)
    for notebook in (notebooks.solution, notebooks.lesson):
        folded, plain = (cell.metadata for cell in notebook.cells if cell.cell_type == "code")
        assert folded == {"tags": ["plumbing", "nbval-ignore-output"], "jupyter": {"source_hidden": True}}
        assert plain == {}


def test_a_folded_cell_is_left_out_of_the_time_model(tmp_path: Path) -> None:
    folded = made(tmp_path / "folded", FOLDED).figures
    seen = made(tmp_path / "seen", FOLDED.replace("plumbing, ", "")).figures
    assert (folded.lines, seen.lines) == ((1,), (2, 1))
    assert seen.seconds - folded.seconds == pytest.approx(5)
    assert folded.code_cells == seen.code_cells == 2


def test_a_folded_cell_is_executed_and_its_output_is_kept(tmp_path: Path) -> None:
    layout = course(tmp_path, FOLDED.replace("check.double(1)", "if 0:\n    check.double(1)"))
    build(layout, FIRST)
    solution = read(layout.solution(FIRST))
    assert [cell.outputs[0].text for cell in solution.cells if cell.metadata.get("jupyter")] == ["read\n"]
    assert "source_hidden" in layout.lesson(FIRST).read_text()


def test_other_programs_show_a_folded_cell_and_its_output(tmp_path: Path) -> None:
    layout = course(tmp_path, FOLDED.replace("check.double(1)", "if 0:\n    check.double(1)"))
    build(layout, FIRST)
    page, _ = nbconvert.HTMLExporter().from_notebook_node(read(layout.solution(FIRST)))
    assert "# Start a reader, and let it print" in page
    assert "<pre>read\n</pre>" in page


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# Start a reader, and let it print\n", "", "its first line says in a comment what it does"),
        ("# Start a reader, and let it print\n", "#\n", "its first line says in a comment what it does"),
        ("# Start a reader, and let it print\n", "%%sql\n", "its first line says in a comment what it does"),
        ('print("read")', "# BEGIN SOLUTION\na = 1\n# END SOLUTION", "a learner would not see what is theirs to write"),
    ],
)
def test_a_folded_cell_that_may_not_be_folded_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(BuildError, match=message) as refused:
        made(tmp_path, FOLDED.replace(old, new))
    assert str(refused.value).startswith("solutions/01_first.md:6: a cell tagged `plumbing`")


# Errors while executing


def broken(layout: Layout, *code: str) -> None:
    """Put cells before the first of lesson 01."""
    source = layout.source(FIRST)
    more = "".join(f"```{{code-cell}}\n{text}\n```\n\n" for text in code)
    source.write_text(source.read_text().replace("```{code-cell}\nimport os", more + "```{code-cell}\nimport os", 1))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("rows = []\nrows[0]", "raised IndexError: list index out of range\n\n    rows = []\n    rows[0]\n\n"),
        ("%nosuch", "raised UsageError"),
        ("!false", "raised CalledProcessError"),
        (":tags: [raises-exception]\n\n1 + 1", "is tagged `raises-exception` and did not raise"),
        ("import time\ntime.sleep(60)", "ran for more than 3 seconds"),
        ("import os\nos._exit(1)", "ended the kernel"),
    ],
)
def test_an_error_names_the_cell_and_leaves_the_built_notebooks_alone(built: Layout, code: str, message: str) -> None:
    broken(built, "zero = 0", code)
    before = {path: path.read_bytes() for path in (built.solution(FIRST), built.lesson(FIRST))}
    with pytest.raises(BuildError) as refused:
        build(built, FIRST, cell_seconds=3)
    assert message in str(refused.value)
    assert str(refused.value).startswith(f"solutions/01_first.md:{19 + code.count(':tags') * 2}: code cell 2 of 8 ")
    assert "No built notebook was changed" in str(refused.value)
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(path.name for path in built.lessons_folder.iterdir()) == ["01_first.ipynb", "02_second.ipynb"]


def test_a_lesson_that_leaves_a_process_behind_is_refused_and_the_process_ended(built: Layout, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    broken(
        built,
        "import pathlib, subprocess\nchild = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        f"number = pathlib.Path('{note}').write_text(str(child.pid))",
    )
    with pytest.raises(BuildError, match="left processes behind") as refused:
        build(built, FIRST, seconds_to_end=1)
    pid = int(note.read_text())
    assert f"process {pid}: sleep 600" in str(refused.value)
    assert gone_pid(pid)


def test_a_home_waits_for_its_processes_to_end() -> None:
    home = KernelHome()
    environment = home.environment()
    child = psutil.Popen(["sleep", "1"], env=environment)
    assert [process.pid for process in home.processes()] == [child.pid]
    assert home.close() == [], "nothing had to be killed"
    assert not home.path.exists()


def test_external_servers_of_the_author_do_not_reach_a_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_POSTGRES_URL", "postgresql://elsewhere")
    home = KernelHome()
    assert "COURSE_POSTGRES_URL" not in home.environment(keep_servers=False)
    assert home.environment()["COURSE_POSTGRES_URL"] == "postgresql://elsewhere"
    home.close()
    assert "COURSE_HOME" not in os.environ or os.environ["COURSE_HOME"] != str(home.path / "home")


# Freshness


def check(layout: Layout, capsys: pytest.CaptureFixture[str], *ids: str) -> tuple[int, str]:
    capsys.readouterr()
    status = main(["--check", *ids], layout)
    said = capsys.readouterr()
    return status, said.err or said.out


def spoil(path: Path, change: str) -> None:
    notebook = json.loads(path.read_text())
    exec(change, {"cells": notebook["cells"], "notebook": notebook})
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def test_what_was_just_built_is_fresh(built: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    (built.lessons_folder / "01_first.mine.ipynb").write_text("a learner's own")
    (built.lessons_folder / ".ipynb_checkpoints").mkdir()
    assert check(built, capsys) == (0, "Fresh: 01, 02\n")


def test_a_changed_source_is_noticed(built: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    built.source(FIRST).write_text(SOURCE.replace("1 / 0", "2 / 0"))
    status, said = check(built, capsys)
    assert status == 1
    assert said.startswith("solutions/01_first.ipynb: cell 4 (")
    assert "its source is not what the source gives. Run `python -m course.build 01`." in said


def test_a_changed_manifest_is_noticed(built: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    changed = Layout(built.root, (FIRST, Lesson("02", "second", "Go further", "A", "s", written=True)), built.sections)
    status, said = check(changed, capsys)
    assert status == 1
    assert said.count("Run `python -m course.build") == 2, "the second's head, and the first's way to it"


@pytest.mark.parametrize(
    ("folder", "change", "message"),
    [
        ("solutions", "cells[3]['execution_count'] = None", "code cell 2 (.*) has the execution count None"),
        ("solutions", "cells[3]['execution_count'] = 7", "code cell 2 (.*) has the execution count 7"),
        ("solutions", "cells[3]['id'] = cells[2]['id']", "the cell id '.*' is there more than once"),
        ("solutions", "cells[3]['metadata'] = {}", "cell 4 (.*): its metadata is not"),
        ("solutions", "cells[3]['id'] = 'other'", "cell 4 (.*): its id is not"),
        ("solutions", "cells.pop()", "it has 10 cells, and the source gives 11"),
        ("solutions", "notebook['metadata']['widgets'] = {}", "metadata are not the build's"),
        ("solutions", "del cells[3]['id']", "it is not a notebook with cell ids"),
        ("lessons", "cells[2]['outputs'] = [{'output_type': 'stream', 'name': 'stdout', 'text': ['x']}]", "has an output"),
        ("lessons", "cells[2]['execution_count'] = 1", "has an output or an execution count"),
        ("lessons", "cells[4]['source'] = ['solved = True']", "cell 5 (.*): its source is not"),
        ("lessons", "notebook['extra'] = 1", "not written as the build writes it"),
    ],
)  # fmt: skip
def test_a_notebook_edited_by_hand_is_noticed(
    built: Layout, capsys: pytest.CaptureFixture[str], folder: str, change: str, message: str
) -> None:
    path = built.root / folder / "01_first.ipynb"
    spoil(path, "")
    assert check(built, capsys, "01")[0] == 0, "writing the same again is no change"
    spoil(path, change)
    status, said = check(built, capsys, "01")
    assert status == 1
    assert said.startswith(f"{folder}/01_first.ipynb: ")
    assert re.search(message, said)


@pytest.mark.parametrize("folder", ["lessons", "solutions"])
def test_a_notebook_that_another_python_saved_is_fresh(built: Layout, capsys: pytest.CaptureFixture[str], folder: str) -> None:
    spoil(built.root / folder / "01_first.ipynb", "notebook['metadata']['language_info']['version'] = '3.99.0'")
    assert check(built, capsys, "01")[0] == 0


@pytest.mark.parametrize(
    "stray", ["lessons/old.ipynb", "lessons/notes.txt", "solutions/03_later.md", "solutions/01_first.mine.ipynb"]
)
def test_a_stray_file_is_noticed(built: Layout, capsys: pytest.CaptureFixture[str], stray: str) -> None:
    (built.root / stray).write_text("stray")
    status, said = check(built, capsys)
    assert status == 1
    assert said.startswith(f"{stray}: no written lesson of course/manifest.toml has this file.")


def test_the_course_map_of_the_readme_comes_from_the_manifest(built: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    built.readme.write_text(f"# A course\n\n{BEGIN}\nold\n{END}\n\nThe end\n", encoding="utf-8")
    status, said = check(built, capsys)
    assert (status, said[:35]) == (1, "README.md: its course map is not wh")
    assert main([built.lessons[0].id], built) == 0
    text = built.readme.read_text(encoding="utf-8")
    for lesson in built.lessons:
        assert lesson.title in text
        assert (f"(lessons/{lesson.stem}.ipynb)" in text) == lesson.written
    assert f"{BEGIN}\nold" not in text
    assert text.endswith("The end\n")


@pytest.mark.parametrize("missing", ["lessons/01_first.ipynb", "solutions/01_first.ipynb"])
def test_a_missing_notebook_is_noticed(built: Layout, capsys: pytest.CaptureFixture[str], missing: str) -> None:
    (built.root / missing).unlink()
    status, said = check(built, capsys)
    assert status == 1
    assert said == f"{missing}: it is missing. Run `python -m course.build 01`.\n"
