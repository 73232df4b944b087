"""What other people's machines are told: the dev container, Binder, and the workflows beside CI. None of them runs here."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml

from course.home import ROOT
from course.site import ways


def test_the_dev_container_installs_by_make() -> None:
    text = re.sub(r"^//.*$", "", (ROOT / ".devcontainer/devcontainer.json").read_text(), flags=re.MULTILINE)
    container = json.loads(text)
    target = container["onCreateCommand"].removeprefix("make ")
    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for name in container["customizations"]["codespaces"]["openFiles"]:
        assert (ROOT / name).is_file()


def test_binder_installs_the_lock_and_starts_with_the_courses_settings() -> None:
    for name in ("postBuild", "start"):
        assert os.access(ROOT / ".binder" / name, os.X_OK)
    assert "-r requirements.txt" in (ROOT / ".binder/postBuild").read_text()
    assert "overrides" in (ROOT / ".binder/start").read_text()
    assert (ROOT / "overrides").is_dir()


def test_a_button_leads_to_its_way_or_to_the_page_that_tells_of_it() -> None:
    known = ways.buttons("jane/course", "lessons/04b_outbox.ipynb", "../try.html")
    assert 'href="https://mybinder.org/v2/gh/jane/course/HEAD?urlpath=lab/tree/lessons/04b_outbox.ipynb"' in known
    assert 'href="https://codespaces.new/jane/course"' in known
    unknown = ways.buttons("", "lessons/04b_outbox.ipynb", "../try.html")
    headings = re.findall(r'href="\.\./try\.html#([\w-]+)"', unknown)
    told = re.findall(r"^## (.+)$", (ROOT / "docs/site/try.md").read_text(), re.MULTILINE)
    assert headings == [heading.lower().replace(" ", "-") for heading in told]


def test_each_week_the_newest_versions_are_tried_and_a_failure_is_told() -> None:
    job = yaml.safe_load((ROOT / ".github/workflows/newest.yml").read_text())["jobs"]["newest"]
    said = [step.get("run", "") for step in job["steps"]]
    assert "make lock UPGRADE=1" in said
    assert any(line.startswith(".ci/run") for line in said)
    (tell,) = [step for step in job["steps"] if step.get("run", "").startswith(".ci/tell")]
    assert tell["if"] == "failure()"
    assert job["env"]["PYTHON"] == "python3"  # the one that was set up, and not the system's own
    assert job["permissions"]["issues"] == "write"


def test_a_failure_is_told_once_and_then_added_to(tmp_path: Path) -> None:
    said = tmp_path / "said.txt"
    said.write_text("....\nFAILED solutions/04_orphan_vectors.ipynb::Cell 9\nmore\n")
    shutil.copy(ROOT / ".ci" / "tell", tmp_path)
    gh = tmp_path / "gh"
    gh.write_text(
        """#!/bin/sh
[ "$2" = list ] && { printf '%s' "$OPEN"; exit; }
echo "$1 $2 $3"
while [ "$1" != --body-file ]; do shift; done
cat "$2"
"""
    )
    gh.chmod(0o755)
    for number, does in (("", "issue create --title"), ("7", "issue comment 7")):
        environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "OPEN": number}
        done = subprocess.run(
            [str(tmp_path / "tell"), str(said)], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.startswith(does)
        assert "FAILED solutions/04_orphan_vectors.ipynb" in done.stdout
        assert "more" not in done.stdout
