"""`python -m course.site [--folder _site]`: builds the web site. `make site` installs what it takes and calls this."""

import argparse
import sys
from pathlib import Path

from course.errors import CourseError
from course.home import ROOT
from course.pipeline.layout import Layout

_NOT_INSTALLED = "The site was not built: {name} is not installed. Nothing was changed. `make site` installs what it takes."


def main(arguments: list[str] | None = None) -> int:
    """Build the site and say where it is. Returns 1 if that failed."""
    parser = argparse.ArgumentParser(prog="python -m course.site", description="Build the course as static pages.")
    parser.add_argument("--folder", type=Path, default=ROOT / "_site", help="where (default: _site)")
    folder = parser.parse_args(arguments).folder.resolve()
    try:
        from course.site import build, ways
    except ModuleNotFoundError as error:
        print(_NOT_INSTALLED.format(name=error.name), file=sys.stderr)
        return 1
    try:
        pages = build.build(Layout.of_this_course(), folder, ways.repository(ROOT))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(list(pages.rglob('*.html')))} pages in {pages}. Look at them: {sys.executable} -m http.server -d {pages}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
