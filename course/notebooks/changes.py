"""What a learner has changed in a checkout, told by the bytes on disk. What an update does with it stands in `course.update`."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from course.notebooks.repository import Git, UpdateError

_MARK = b"\xef\xbb\xbf"
"""The byte-order mark that some editors put before a text."""


@dataclass
class Found:
    """What is in the checkout before an update.

    Attributes:
        work: the learner's notebooks: name and content, once for each version.
        restore: files that are not as git would write them, and become so first.
        touched: files that the update writes or removes.
        arriving: those of them that are new.
    """

    work: list[tuple[str, bytes]]
    restore: set[str]
    touched: set[str]
    arriving: set[str]


def look(git: Git, base: str, new: str) -> Found:
    """Compare the bytes of every file of the course with what git would write.

    Raises:
        UpdateError: something besides notebooks was changed, or is in the way.
    """
    tracked, after, staged, head = git.tree(base), git.tree(new), git.index(), git.tree("HEAD")
    usual = git.contents(tracked)
    found = Found([], set(), {name for name in tracked.keys() | after.keys() if tracked.get(name) != after.get(name)}, set())
    found.arriving = found.touched - tracked.keys()
    others = (staged.keys() | head.keys()) - tracked.keys()
    for name in tracked:
        versions = [content] if (content := on_disk(git.root / name)) is not None else []
        if staged.get(name, tracked[name]) != tracked[name]:
            versions.append(git.blob(staged[name]))
        if head.get(name, tracked[name]) != tracked[name]:
            versions.append(git.blob(head[name]))
        versions = [content for content in dict.fromkeys(versions) if not _says_the_same(content, usual[name], name)]
        if name in after and versions and after[name] != tracked[name]:
            written = _as_written(git, name, after[name])
            versions = [content for content in versions if content != written]  # an update that was killed has got that far
        if versions and not _is_notebook(name):
            others.add(name)
        found.work += [(name, content) for content in versions]
        if content != usual[name] or staged.get(name) != tracked[name] or head.get(name) != tracked[name]:
            found.restore.add(name)
    if others:
        raise UpdateError(
            f"Besides the course's notebooks you have changed, added or committed: {', '.join(sorted(others))}. Nothing was "
            "changed. Keep them on a branch of your own and come back to this one without them, then run `make update` again."
        )
    _refuse_what_is_in_the_way(git, {name: after[name] for name in found.arriving})
    return found


def on_disk(path: Path) -> bytes | None:
    """The bytes of a file, or None where there is none. A folder in its place is in the way."""
    if path.is_dir():
        raise UpdateError(
            f"A folder stands in the place of the course's file {path}. Nothing was changed. Rename it, then run "
            "`make update` again."
        )
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _says_the_same(content: bytes, usual: bytes, name: str) -> bool:
    """Whether nothing that a learner makes differs: in a notebook, cells and outputs; else everything but a byte-order mark."""
    if content.removeprefix(_MARK) == usual.removeprefix(_MARK):
        return True
    return _is_notebook(name) and (work := work_of(content)) is not None and work == work_of(usual)


def work_of(content: bytes) -> list[tuple[str, str, list]] | None:
    """The cells of a notebook, or None where it is none. What JupyterLab adds when it saves is left out."""
    try:
        cells = json.loads(content.removeprefix(_MARK))["cells"]
        return [(cell["cell_type"], "".join(cell["source"]), cell.get("outputs", [])) for cell in cells]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _as_written(git: Git, name: str, id: str) -> bytes | None:
    """What the update will write for a file, or None where its filter does not work here."""
    try:
        return git.contents({name: id})[name]
    except UpdateError:
        return None


def _refuse_what_is_in_the_way(git: Git, arriving: dict[str, str]) -> None:
    """Raise where something of the learner's, also if git ignores it, has the name of a new file or of its folder."""
    for name, id in sorted(arriving.items()):
        path = git.root / name
        folder = next((parent for parent in path.parents if parent != git.root and os.path.lexists(parent)), git.root)
        blocked = folder if not folder.is_dir() else path if os.path.lexists(path) else None
        if blocked is None or (blocked.is_file() and blocked.read_bytes() == _as_written(git, name, id)):
            continue
        raise UpdateError(
            f"{blocked.relative_to(git.root)} is in the way of the new {name}. All is as it was. Rename it, then run "
            "`make update` again."
        )


def _is_notebook(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".ipynb" and path.parent.as_posix() in ("lessons", "solutions")
