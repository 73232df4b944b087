"""`python -m course.reset`: makes an exercise, a lesson or all of them blank again, and brings back cells that are gone.

    python -m course.reset 04.orphans          the cell of one exercise
    python -m course.reset 04                  a whole notebook
    python -m course.reset all                 every notebook
    python -m course.reset 04 --restore        only the lesson's own cells, where one is broken or gone
    python -m course.reset 04 --undo           what the last of these replaced is back

In a notebook, `%run -m course.reset 04` does the same. Whatever is replaced is kept before; see `notebooks/kept.py`. Progress
stays: `progress.reset("04")` forgets it. A notebook that is open in JupyterLab is not changed there by this, and has to be loaded
anew; how an exercise is reset inside an open one stands in `exercises/again.py`.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from course import manifest
from course.errors import CourseError
from course.files import write_whole
from course.home import ROOT
from course.manifest import Lesson
from course.notebooks import kept
from course.notebooks.changes import work_of
from course.notebooks.fresh import as_notebook, blank, cell_of, exercises, fresh_notebook
from course.pipeline.notebook import as_text
from course.progress import valid_check

LESSONS = ROOT / "lessons"
RELOAD = (
    "If the notebook is open in JupyterLab, choose *Reload Notebook from Disk* in its menu *File* now. "
    "If JupyterLab asks about a file that has changed, answer *Revert*."
)


@dataclass(frozen=True)
class Done:
    """What was done, in words, and whether a notebook has changed."""

    said: str
    changed: bool = True


def reset_exercise(check: str, folder: Path = LESSONS) -> Done:
    """Make an exercise's cell blank, or put it back if it is gone.

    Raises:
        CourseError: there is no such check, or the notebook cannot be read or written. Nothing was changed. So do all of these.
    """
    path, notebook = _read(valid_check(check), folder)
    new, lesson = blank(check), manifest.lesson(manifest.parts(check)[0])
    cell = cell_of(new, notebook, lesson)
    if cell is None:
        _insert(notebook, new, lesson)
        _save(path, notebook)
        return Done(f"The cell of {check} was gone. It is back in {_shown(path)}, blank.")
    if cell.source == new.source:
        return Done(f"{check} is blank already. Nothing was changed.", changed=False)
    where = kept.keep(check, ".py", cell.source.encode())
    _replace(cell, new.source)
    _save(path, notebook)
    return Done(f"{check} is blank again in {_shown(path)}. {_is_kept('What stood there', where, check)}")


def reset_lesson(lesson: Lesson, folder: Path = LESSONS) -> Done:
    """Make a notebook as it came, also one that is damaged or gone."""
    path, fresh = folder / f"{lesson.stem}.ipynb", fresh_notebook(lesson)
    before = _on_disk(path)
    if before is None:
        _save(path, fresh)
        return Done(f"{_shown(path)} was gone. It is back.")
    if _is_fresh(before, lesson):
        return Done(f"{_shown(path)} is as it came. Nothing was changed.", changed=False)
    where = kept.keep(lesson.stem, ".ipynb", before)
    _save(path, fresh)
    return Done(f"{_shown(path)} is as it came again. {_is_kept('Yours', where, lesson.id)}")


def restore_cells(lesson: Lesson, folder: Path = LESSONS) -> Done:
    """Bring back the lesson's own cells that were changed or deleted. Exercises, where they are there, and other cells stay."""
    path, notebook = _read(lesson.id, folder)
    before = path.read_bytes()
    changed = gone = 0
    for new in fresh_notebook(lesson).cells:
        cell = cell_of(new, notebook, lesson)
        if cell is None:
            _insert(notebook, new, lesson)
            gone += 1
        elif new.id not in exercises(lesson).values() and cell.source != new.source:
            _replace(cell, new.source)
            changed += 1
    if not changed + gone:
        return Done(f"No cell of {_shown(path)} is broken or gone. Nothing was changed.", changed=False)
    where = kept.keep(lesson.stem, ".ipynb", before)
    _save(path, notebook)
    return Done(
        f"{_shown(path)}: cells that had been deleted and are back: {gone}. Cells that had been changed and are as they came: "
        f"{changed}. Your exercises and cells of your own are untouched. "
        f"{_is_kept('The notebook as it was', where, lesson.id)}"
    )


def undo_exercise(check: str, folder: Path = LESSONS) -> Done:
    """Put back the text of an exercise that was kept last. What stands there now is kept too."""
    path, notebook = _read(valid_check(check), folder)
    new, lesson = blank(check), manifest.lesson(manifest.parts(check)[0])
    back = _newest(check, ".py")
    text = back.read_text(encoding="utf-8")
    cell = cell_of(new, notebook, lesson) or _insert(notebook, new, lesson)
    if cell.source not in (new.source, text):
        kept.keep(check, ".py", cell.source.encode())
    _replace(cell, text)
    _save(path, notebook)
    return Done(f"What you had written in {check} is back in {_shown(path)}, from {kept.shown(back)}.")


def undo_lesson(lesson: Lesson, folder: Path = LESSONS) -> Done:
    """Put back the notebook that was kept last. What is there now is kept too."""
    path = folder / f"{lesson.stem}.ipynb"
    back, before = _newest(lesson.stem, ".ipynb"), _on_disk(path)
    content = back.read_bytes()
    if before is not None and before != content and not _is_fresh(before, lesson):
        kept.keep(lesson.stem, ".ipynb", before)
    _save(path, content)
    return Done(f"Your notebook is back in {_shown(path)}, from {kept.shown(back)}.")


def _read(id: str, folder: Path) -> tuple[Path, NotebookNode]:
    """The notebook of a check's or a lesson's id, and its path."""
    lesson = manifest.lesson(id.partition(".")[0])
    path = folder / f"{lesson.stem}.ipynb"
    fresh_notebook(lesson)  # says in words if there is none
    content = _on_disk(path)
    if content is not None and (notebook := as_notebook(content)):
        return path, notebook
    raise CourseError(
        f"{_shown(path)} {'is gone' if content is None else 'cannot be read as a notebook'}. Nothing was changed. "
        f"`python -m course.reset {lesson.id}` makes it as it came, and keeps what is there now."
    )


def _is_fresh(content: bytes, lesson: Lesson) -> bool:
    return work_of(content) == work_of(as_text(fresh_notebook(lesson)).encode())


def _insert(notebook: NotebookNode, new: NotebookNode, lesson: Lesson) -> NotebookNode:
    """Put a cell behind the one that it follows in the lesson: the nearest before it that is there."""
    ids = [cell.id for cell in fresh_notebook(lesson).cells]
    before = set(ids[: ids.index(new.id)])
    at = max((number for number, cell in enumerate(notebook.cells, 1) if cell.get("id") in before), default=0)
    made = copy.deepcopy(new)
    notebook.cells.insert(at, made)
    return made


def _replace(cell: NotebookNode, source: str) -> None:
    cell.source = source
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None


def _on_disk(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CourseError(
            f"{path} cannot be read: {error.strerror}. Nothing was changed. See that it is a file of yours, then try again."
        ) from error


def _save(path: Path, content: bytes | NotebookNode) -> None:
    try:
        write_whole(path, content if isinstance(content, bytes) else as_text(content))
    except OSError as error:
        raise CourseError(
            f"{path} could not be written: {error.strerror}. It is as it was. See that the disk has space and that the folder is "
            "yours, then try again."
        ) from error


def _newest(name: str, suffix: str) -> Path:
    found = kept.newest(name, suffix)
    if found is None:
        raise CourseError(f"Nothing of {name} was ever replaced, so there is nothing to bring back. Nothing was changed.")
    return found


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def _is_kept(what: str, where: Path, target: str) -> str:
    return f"{what} is kept in {kept.shown(where)}; `python -m course.reset {target} --undo` brings it back."


def _each(target: str, on_exercise: Callable, on_lesson: Callable, folder: Path) -> Iterator[Done]:
    """Do it to an exercise, to a lesson or to all, one after the other."""
    if target == "all":
        yield from (on_lesson(lesson, folder) for lesson in manifest.lessons() if lesson.written)
    elif "." in target:
        yield on_exercise(target, folder)
    else:
        yield on_lesson(manifest.lesson(target), folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit status: 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m course.reset",
        description="Make an exercise, a lesson or all of them blank again. What is replaced is kept in .course/kept/. "
        "Save a notebook that is open in JupyterLab before.",
    )
    parser.add_argument("target", metavar="WHAT", help="a check such as 04.orphans, a lesson such as 04, or: all")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--restore", action="store_true", help="only bring back cells of the lesson that were changed or deleted")
    way.add_argument("--undo", action="store_true", help="bring back what the last reset or restore of this replaced")
    parser.add_argument("--folder", type=Path, default=LESSONS, help="where the notebooks are; lessons/ of the course by default")
    options = parser.parse_args(arguments)
    on_exercise, on_lesson = (undo_exercise, undo_lesson) if options.undo else (reset_exercise, reset_lesson)
    on_lesson = restore_cells if options.restore else on_lesson
    try:
        if options.target == "all" and options.undo:
            raise CourseError("What was replaced comes back one lesson at a time: name one, such as 04. Nothing was changed.")
        changed = False
        for done in _each(options.target, on_exercise, on_lesson, options.folder):
            print(done.said)
            changed |= done.changed
        if changed:
            print(RELOAD)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
