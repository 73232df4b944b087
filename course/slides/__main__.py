"""`python -m course.slides [NN …] [--folder build/slides]`: a deck of slides for each lesson, and the handout.

Made from the executed solutions and the notes for teachers: nothing is run. Open `build/slides/index.html`.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from course.errors import CourseError
from course.pipeline.layout import Layout

NEEDED = ("markdown_it", "mermaidx", "sphinx_revealjs", "vl_convert")
"""What the extra `slides` installs."""


def main(arguments: Sequence[str] | None = None, layout: Layout | None = None) -> int:
    """The command. Returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m course.slides", description="Make slides for those who teach.")
    parser.add_argument("ids", nargs="*", metavar="NN", help="ids of lessons, such as 01; without, every written lesson")
    parser.add_argument("--folder", type=Path, default=Path("build/slides"), help="where to (default: build/slides)")
    options = parser.parse_args(arguments)
    layout = layout or Layout.of_this_course()
    folder = layout.root / options.folder
    try:
        missing = [name for name in NEEDED if not find_spec(name)]
        if missing:
            raise CourseError(f"Slides need {missing[0]}, which is not installed. Nothing was written. Run `make slides`.")
        from course.slides import page

        decks = page.write(layout, layout.chosen(options.ids), folder)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(decks)} {'deck' if len(decks) == 1 else 'decks'}: open {folder / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
