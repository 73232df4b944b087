"""A solved notebook as a page: nothing is run, what was shown is kept, and what only a live notebook can do is told in words.

Solutions, what checks say of them, and code that is not taught stand behind toggles. How a page looks stands in `docs/site/`.
"""

import re
from collections.abc import Iterator

from nbformat import NotebookNode, v4

from course.show import charts
from course.site.pictures import DIAGRAM, Pictures

_OTHER_FILE = re.compile(r"\[([^\]]+)\]\(\.\./(?!docs/|README)[^)]*\)")
_CHECK = re.compile(r"^(await )?check\.\w+\(", re.MULTILINE)
_FOR_THE_LIVE = re.compile(r"<style>\s*\.jp-OutputArea.*?</style>|<script>.*?</script>", re.DOTALL)
_DEAD = re.compile(r"<div[^<>]*>This (\w+) is as it was left, and dead: .*?</div>", re.DOTALL)
_NOT_GUESSED = re.compile(r"<strong>○ no prediction</strong><br>You did not predict\. What happened:")

_IN_THE_NOTEBOOK = {
    "board": "In the notebook, buttons kill and start each server.",
    "question": "In the notebook, you choose before you run on.",
    "panel": "In the notebook, you move on from here.",
    "questionnaire": "In the notebook, you answer, and it says what that comes to.",
}


def page(solution: NotebookNode, lesson: NotebookNode, pictures: Pictures, buttons: str) -> NotebookNode:
    """A lesson's page, as a notebook for Sphinx.

    Args:
        solution: the executed notebook.
        lesson: the same with blanks in place of solutions.
        pictures: where its diagrams and charts are drawn.
        buttons: HTML that stands below the title.
    """
    cells: list[NotebookNode] = []
    pairs = list(zip(solution.cells, lesson.cells, strict=True))
    for solved, blank in pairs[:-1]:  # the last is the navigation, which a page has of its own
        if solved.cell_type == "markdown":
            cells.append(v4.new_markdown_cell(_text(solved.source, pictures)))
        else:
            if solved.source != blank.source:
                cells.append(v4.new_markdown_cell(f"```python\n{blank.source}\n```"))
            cells.append(_code(solved, pictures, is_solution=solved.source != blank.source))
    title, _, rest = cells[0].source.partition("\n")
    cells[0].source = f"{title}\n\n{buttons}\n{rest}"
    return v4.new_notebook(cells=cells, metadata=solution.metadata)


def _text(source: str, pictures: Pictures) -> str:
    return _OTHER_FILE.sub(r"\1", pictures.diagrams(source)).replace("](../README.md", "](../index.md")


def _code(cell: NotebookNode, pictures: Pictures, *, is_solution: bool) -> NotebookNode:
    tags, prompt = [], "Show the code"
    if is_solution:
        tags, prompt = ["hide-input"], "Show a solution"
    elif "plumbing" in cell.metadata.get("tags", []):
        tags = ["hide-input"]
    elif _CHECK.search(cell.source):
        tags, prompt = ["hide-output"], "Show what the check says of the solution"
    shown = {"code_prompt_show": prompt, "code_prompt_hide": prompt.replace("Show", "Hide", 1)}
    outputs = [_output(output, pictures) for output in cell.outputs]
    return v4.new_code_cell(cell.source, outputs=outputs, metadata={"tags": tags, "mystnb": shown})


def _output(output: NotebookNode, pictures: Pictures) -> NotebookNode:
    data = output.get("data", {})
    words = data.get("text/plain", "")
    if charts.MIME in data:
        return _html(pictures.chart(data[charts.MIME], words), words)
    if "text/markdown" in data:
        return _html("".join(pictures.diagram(source, words) for source in _diagrams(data["text/markdown"])), words)
    if "text/html" in data:
        return _html(_static(data["text/html"]), words)
    return output


def _diagrams(markdown: str) -> Iterator[str]:
    return (found[1] for found in DIAGRAM.finditer(markdown))


def _html(html: str, words: str) -> NotebookNode:
    return v4.new_output("display_data", {"text/html": html, "text/plain": words})


def _static(html: str) -> str:
    """What a widget's twin or a table says, without what belongs to a live kernel."""
    html = _FOR_THE_LIVE.sub("", html)
    html = _DEAD.sub(lambda found: f'<div class="live">{_IN_THE_NOTEBOOK[found[1]]}</div>', html)
    html = html.replace("<div>Not locked in.</div>", "")
    html = _NOT_GUESSED.sub("<strong>What happened:</strong>", html)
    return re.sub(r'(href="[^":]+)\.ipynb"', r'\1.html"', html)
