"""Where a reader can try the course: the buttons of a page. What each way installs stands in `.devcontainer/` and `.binder/`."""

import os
import re
import subprocess
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

_ON_GITHUB = re.compile(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


@dataclass(frozen=True)
class Way:
    """One way to try the course: what its button says, the heading in `try.md` that tells of it, and its address.

    The address has `{repository}`, such as `jane/course`, and `{path}`, a notebook's. Without one, the button
    leads to the heading.
    """

    name: str
    heading: str
    address: str = ""

    def link(self, repository: str, path: str, page: str) -> str:
        """Where its button leads: to the way itself where the repository is known, else to the `page` that tells of it."""
        if not self.address or not repository:
            return f"{page}#{self.heading}"
        return self.address.format(repository=repository, path=quote(path))


WAYS = (
    Way("on your machine", "on-your-machine"),
    Way("in Codespaces", "in-codespaces", "https://codespaces.new/{repository}"),
    Way("on Binder", "on-binder", "https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/{path}"),
)


def repository(root: Path) -> str:
    """The repository's owner and name on GitHub, from a workflow's environment or from git's `origin`; "" where there is none."""
    said = os.environ.get("GITHUB_REPOSITORY", "")
    if said:
        return said
    origin = subprocess.run(["git", "remote", "get-url", "origin"], cwd=root, capture_output=True, text=True)
    found = _ON_GITHUB.search(origin.stdout.strip())
    return found[1] if found else ""


def buttons(repository: str, path: str, page: str) -> str:
    """The row of buttons of a page, as HTML.

    Args:
        repository: owner and name on GitHub, or "".
        path: the notebook that they open.
        page: the page that tells of the ways, seen from the one that the buttons stand on.
    """
    links = " ".join(f'<a href="{escape(way.link(repository, path, page))}">{way.name}</a>' for way in WAYS)
    return f'<p class="try">Try it: {links}</p>'
