"""What axe-core finds wrong in a page that is open in Chromium. It comes in a wheel, and is loaded from nowhere else."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

BLOCKERS = ("serious", "critical")

CONTENT = [".jp-RenderedMarkdown", ".jp-OutputArea-output"]
"""What the course itself shows in a notebook: its text, and what its cells print and draw. The rest is JupyterLab's."""

ALL_CELLS = """async () => {
  const notebook = window.jupyterapp.shell.currentWidget.content
  notebook.notebookConfig = { ...notebook.notebookConfig, windowingMode: 'none' }
  await Promise.all(notebook.widgets.map(cell => cell.ready))
  return notebook.widgets.filter(cell => cell.model.type === 'markdown').length
}"""
"""Draw every cell of the open notebook, and not only those near the window. Returns how many hold text."""


def blockers(
    page: Page, include: list[str] | None = None, exclude: list[str] | None = None, rules: list[str] | None = None
) -> list[str]:
    """A line for each violation that axe-core calls serious or critical: its rule, the element, and what is wrong with it.

    Args:
        page: it is looked at as it is now.
        include: selectors of the parts to look at; without them, the whole page.
        exclude: selectors of parts in them to pass over.
        rules: those to try; without them, all.
    """
    options: dict[str, object] = {"resultTypes": ["violations"], "elementRef": False}
    if rules:
        options["runOnly"] = rules
    found = Axe().run(page, {"include": include or ["html"], "exclude": exclude or []}, options).response["violations"]
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:200]}\n    {node['failureSummary']}"
        for violation in found
        if violation["impact"] in BLOCKERS
        for node in violation["nodes"]
    ]
