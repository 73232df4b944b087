"""What ruff finds in the code of a source is told with the source's line, and formatting keeps the marks."""

import shutil
from pathlib import Path

import pytest

from course.build import main
from course.home import ROOT
from course.manifest import Lesson, Section
from course.pipeline.layout import Layout

ONLY = Lesson("01", "first", "Try it", "A", "s", written=True)

CLEAN = """\
## Words

Some words.

```{code-cell}
%load_ext course
```

```{code-cell}
%%sql
SELECT   1
```

Some more.

```{code-cell}
:tags: [raises-exception]

def double(number):
    # BEGIN SOLUTION
    # STUB: return   ...
    half = number
    return half + number
    # END SOLUTION
```

```{code-cell}
await double(2)
```
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "solutions").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "solutions" / ".ruff.toml", tmp_path / "solutions")
    return Layout(tmp_path, (ONLY,), (Section("A", "Three"),))


def told(layout: Layout, capsys: pytest.CaptureFixture[str], source: str, *options: str) -> tuple[int, str]:
    layout.source(ONLY).write_text(source, encoding="utf-8")
    status = main(list(options), layout)
    said = capsys.readouterr()
    return status, said.err or said.out


@pytest.mark.parametrize("options", [(), ("--check",)])
@pytest.mark.parametrize(
    ("old", "new", "first"),
    [
        ("return half + number", "return half + nothing", "solutions/01_first.md:23: F821 Undefined name `nothing`"),
        ("await double(2)", "import os", "solutions/01_first.md:28: F401 `os` imported but unused"),
        ("return half + number", "return half +", "solutions/01_first.md:23: invalid-syntax "),
        ("half = number", "half=number", "solutions/01_first.md:22: it is not formatted; `make format` writes it so:"),
    ],
)
def test_what_ruff_finds_is_told_with_the_sources_line(
    layout: Layout, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], old: str, new: str, first: str
) -> None:
    status, said = told(layout, capsys, CLEAN.replace(old, new), *options)
    assert status == 1
    assert said.startswith(first)
    assert not layout.solution(ONLY).exists()


def test_the_exact_change_is_told(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    _, said = told(layout, capsys, CLEAN.replace("half = number", "half=number"), "--check")
    assert "    -     half=number\n    +     half = number\n" in said


def test_a_clean_source_is_let_through(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    _, said = told(layout, capsys, CLEAN, "--check")
    assert said.startswith("solutions/01_first.ipynb: it is missing. Run `python -m course.build 01`.\n")
    assert told(layout, capsys, CLEAN, "--format") == (0, "All is formatted.\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("half = number", "half=number"),
        ("    half = number\n", "\n    half = number\n\n\n\n\n"),
        ("await double(2)", "await   double( 2 )"),
        ("return half + number", "return (half\n        + number)"),
        ("double(number):", "double( number ) :"),
    ],
)
def test_formatting_rewrites_code_alone_and_keeps_the_marks(
    layout: Layout, capsys: pytest.CaptureFixture[str], old: str, new: str
) -> None:
    assert told(layout, capsys, CLEAN.replace(old, new), "--format")[0] == 0
    text = layout.source(ONLY).read_text(encoding="utf-8")
    assert [line for line in text.split("\n") if line.strip()] == [line for line in CLEAN.split("\n") if line.strip()]
    assert told(layout, capsys, text, "--format") == (0, "All is formatted.\n")


def test_code_that_is_no_python_is_not_formatted(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    source = CLEAN.replace("half + number", "half +").replace("half = number", "half=number")
    status, said = told(layout, capsys, source, "--format")
    assert status == 1
    assert "Nothing was formatted." in said
    assert layout.source(ONLY).read_text(encoding="utf-8") == source
