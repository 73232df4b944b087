"""`python -m course.move --from … --to … [--dry-run]`: moves your own ChromaDB into your own PostgreSQL, and proves it.

Exit status: 0 all is there and proven, or a dry run found nothing in the way · 1 moved, and the proof found what differs ·
2 refused, nothing was changed · 3 stopped half-way, the same command goes on · 130 interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from course.errors import CourseError
from course.move import passes, source, target
from course.move.errors import MoveError, RefusedError
from course.move.mover import Moving, look, move
from course.move.words import planned, proof, seen
from course.servers.addresses import shown as without_password
from course.servers.environment import set_aside

VERSION = 1
"""Of the report. A field that is added does not change it."""


@contextmanager
def _shown(what: str, total: int) -> Iterator[passes.Progress]:
    with tqdm(desc=what, total=total, delay=1, leave=False, file=sys.stderr) as bar:
        yield lambda count: bar.update(count) and None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m course.move",
        description="Move every collection of a ChromaDB into tables of a PostgreSQL with pgvector, and prove it. A folder is "
        "copied first, and only the copy is opened. Given again, it goes on where it stopped. It talks to the two stores alone.",
        epilog="Exit status: 0 proven, or nothing in the way of a dry run; 1 the proof found what differs; 2 refused, nothing "
        "changed; 3 stopped, give the command again.",
    )
    add = parser.add_argument
    add(
        "--from", dest="source", required=True, metavar="WHERE", help="a Chroma folder, or a server such as http://127.0.0.1:8000"
    )
    add("--to", metavar="URL", help="postgresql://user:password@host:5432/database; a dry run can do without")
    add("--dry-run", action="store_true", help="say what is there and what would become of it, and change nothing")
    add("--yes", action="store_true", help="carry the plan out without asking")
    add("--quiet", action="store_true", help="say nothing of what is there and planned, only the proof")
    add("--schema", default="moved", help="the schema that gets the tables; `moved` by default")
    add("--database", help="which of ChromaDB's databases; `default_database` by default")
    add("--page", type=int, default=source.PAGE, help=f"how many entries are in memory at once; {source.PAGE} by default")
    add("--report", type=Path, metavar="FILE", help="write all that was found and done there, as JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.to and not options.dry_run:
        parser.error("--to says where to; only a --dry-run can do without")
    set_aside()
    report: dict[str, Any] = {"version": VERSION, "from": options.source, "schema": options.schema, "dry_run": options.dry_run}
    report["to"] = without_password(options.to) if options.to else None
    moving: list[Moving] = []
    try:
        status = _run(options, report, moving)
    except KeyboardInterrupt:
        print("Interrupted. What was committed stays; the same command goes on.", file=sys.stderr)
        status = 130
    except CourseError as error:
        print(error, file=sys.stderr)
        report["error"] = str(error)
        status = error.status if isinstance(error, MoveError) else 2
    report["status"] = status
    report["collections"] = [one.told() for one in moving]
    if options.report:
        options.report.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return status


def _run(options: argparse.Namespace, report: dict[str, Any], moving: list[Moving]) -> int:
    with ExitStack() as stack:
        to = stack.enter_context(target.opened(options.to, options.schema)) if options.to else None
        given = stack.enter_context(source.opened(options.source, options.database, max(1, options.page)))
        found, refused = look(given, to, _shown)
        moving += found
        report["other_databases"], report["refused"] = list(given.others), refused
        if not (options.quiet and options.yes):  # who is asked sees what about
            print(seen(given, moving))
            print(planned(options.schema, moving))
        if refused:
            raise RefusedError(f"It cannot be moved: {'; '.join(refused)}. Nothing was changed.")
        if options.dry_run or to is None:
            print("This was a dry run: nothing was changed.")
            return 0
        _confirm(options.yes)
        move(moving, to, _shown)
        print(proof(moving))
        return 0 if all(one.proven for one in moving) else 1


def _confirm(yes: bool) -> None:
    """Ask whether the plan is to be carried out.

    Raises:
        RefusedError: it is not, or there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise RefusedError("There is nobody to ask whether this plan is right. Nothing was changed. Add --yes to carry it out.")
    if input("Carry it out? Type yes: ").strip().lower() != "yes":
        raise RefusedError("Nothing was changed.")


if __name__ == "__main__":
    sys.exit(main())
