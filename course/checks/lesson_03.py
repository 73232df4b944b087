"""The exercises of lesson 03: a job that packs a folder and must say when that is no backup, and a restore over what is there."""

from __future__ import annotations

import os  # noqa: F401  the answers use it
import subprocess  # noqa: F401
import tarfile  # noqa: F401
from collections.abc import Callable

from course.checks.packing import ALMOST, FOLDER, FULL_DISK, OTHER_FILES, PACKS_NOTHING, bad_night, good_night
from course.checks.restoring import IN_THE_WAY, UNFINISHED, dumped, restored
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, NotYet, Trial

_RUN = 'subprocess.run(["tar", "-czf", archive, "-C", folder, "."], check=True)'
_FILES = "files = [member.name for member in packed if member.isfile()]"
_LOOK = 'if "./chroma.sqlite3" not in files:'
_RAISE = 'raise RuntimeError(f"{archive} holds no ChromaDB: {folder} has no chroma.sqlite3.")'


@exercise(
    "03.back_up",
    hints=[
        "`subprocess.run(…)` does not care how a program ends. With `check=True` it raises an error when the status is not 0.",
        "Status 0 says that tar has packed what there was. Open the archive: `tarfile.open(archive)` goes through its members.",
        "tar's names begin with `./` here. `isfile()` tells files from folders.",
    ],
    mistakes=[
        Mistake(
            "no check of the status",
            "tar failed today, the archive of yesterday was still there, and your job took it for today's. Check tar's status.",
            old=", check=True",
            new="",
        ),
        Mistake(
            "swallows the error",
            "A printed line is not an alarm: nobody reads it at night. Let the error through, so that the job itself fails.",
            old=_RUN,
            new=f"try:\n        {_RUN}\n    except Exception as error:\n        print(error)\n        return None",
        ),
        Mistake(
            "returns 0 where tar fails",
            "A returned 0 is not an alarm: whoever runs the job at night ignores what it returns. Raise an error.",
            old=_RUN,
            new=f"if {_RUN.replace(', check=True', '')}.returncode:\n        return 0",
        ),
        Mistake(
            "returns False where tar fails",
            "A returned `False` is not an alarm: whoever runs the job at night ignores what it returns. Raise an error.",
            old=_RUN,
            new=f"if {_RUN.replace(', check=True', '')}.returncode:\n        return False",
        ),
        Mistake(
            "returns the error",
            "You return what the error says. Whoever runs the job at night ignores what it returns: let the error through.",
            old=_RUN,
            new=f"try:\n        {_RUN}\n    except Exception as error:\n        return str(error)",
        ),
        Mistake(
            "counts, and looks no further",
            "There were files, and no ChromaDB among them. Some file is not enough: look for `chroma.sqlite3` among the names in "
            "the archive, and raise an error if it is not there.",
            old=f"{_LOOK}\n        {_RAISE}",
            new="",
        ),
        Mistake(
            "only the status",
            "tar's status 0 says that it packed what there was, whatever that was. Look into the archive for `chroma.sqlite3`.",
            code=f"""
            def back_up(folder, archive):
                {_RUN}
                return 3
            """,
        ),
        Mistake(
            "returns 0 for no ChromaDB",
            "You have seen that there is none, and return 0. Whoever runs the job at night ignores what it returns: raise.",
            old=_RAISE,
            new="return 0",
        ),
        Mistake(
            "returns None for no ChromaDB",
            "You have seen that there is none, and return nothing. The job ends, and all seems well: raise an error.",
            old=_RAISE,
            new="return None",
        ),
        Mistake(
            "returns False for no ChromaDB",
            "You have seen that there is none, and return `False`. The job ends, and all seems well: raise an error.",
            old=_RAISE,
            new="return False",
        ),
        Mistake(
            "exits without a status",
            "`sys.exit()` without a status means success. Raise an error, or give it a status: `sys.exit(1)`.",
            old=_RAISE,
            new="raise SystemExit",
        ),
        Mistake(
            "a piece of the name",
            "`chroma.sqlite3.bak` and `old-chroma.sqlite3` are not ChromaDB's file. Compare the whole name.",
            old=_LOOK,
            new='if not any("chroma.sqlite3" in name for name in files):',
        ),
        Mistake(
            "looks into the folder",
            "The folder has a ChromaDB, and the archive holds nothing: tar ended with status 0 all the same. You looked into "
            "the folder. Look into what you would restore, the archive.",
            code=f"""
            def back_up(folder, archive):
                from pathlib import Path

                {_RUN}
                if not (Path(folder) / "chroma.sqlite3").exists():
                    raise RuntimeError("no ChromaDB")
                return sum(path.is_file() for path in Path(folder).rglob("*"))
            """,
        ),
        Mistake(
            "nothing is no error",
            "The folder was empty, as the volume of this lesson, and so is the archive. That is the night which must not pass.",
            old=_LOOK,
            new='if files and "./chroma.sqlite3" not in files:',
        ),
        Mistake(
            "counts folders",
            "Folders are members of an archive, too. Count the files with `isfile()`.",
            old=" if member.isfile()",
            new="",
        ),
        Mistake(
            "returns the names",
            "Those are the names. Return how many files the archive holds: a number.",
            old="return len(files)",
            new="return files",
        ),
        Mistake(
            "returns the size",
            "That is the archive's size. Return how many files it holds.",
            old="return len(files)",
            new="return os.path.getsize(archive)",
        ),
        Mistake(
            "returns the archive",
            "That is the archive's path, which the caller knows. Return how many files it holds.",
            old="return len(files)",
            new="return archive",
        ),
        Mistake(
            "returns the status",
            "That is tar's status, 0 for success. Return how many files the archive holds.",
            code="""
            def back_up(folder, archive):
                done = subprocess.run(["tar", "-czf", archive, "-C", folder, "."], check=True)
                with tarfile.open(archive) as packed:
                    if "./chroma.sqlite3" not in packed.getnames():
                        raise RuntimeError("no ChromaDB")
                return done.returncode
            """,
        ),
        Mistake(
            "returns an error for no ChromaDB",
            "You return the error, and whoever runs the job at night ignores what it returns. `raise` it.",
            old=_RAISE,
            new="return RuntimeError('no ChromaDB')",
        ),
        Mistake(
            "counts what the folder lists",
            "A folder's list has folders in it, and not what is in those. Count the files of the archive.",
            old="return len(files)",
            new="return len(os.listdir(folder))",
        ),
        Mistake(
            "returns True",
            "`True` says that all is well, and not how much there is. Return how many files the archive holds.",
            old="return len(files)",
            new="return True",
        ),
        Mistake(
            "the folder's path",
            "Each name in the archive has the folder's whole path before it, and so a restore would make that path again. "
            "`-C folder .` goes into the folder first.",
            code="""
            def back_up(folder, archive):
                subprocess.run(["tar", "-czf", archive, folder], check=True)
                with tarfile.open(archive) as packed:
                    files = [member.name for member in packed if member.isfile()]
                if not any(name.endswith("/chroma.sqlite3") for name in files):
                    raise RuntimeError("no ChromaDB")
                return len(files)
            """,
        ),
        Mistake(
            "no return",
            "The archive is right, and your function returns nothing: how many files does it hold?",
            old="return len(files)",
            new="pass",
        ),
        Mistake(
            "the files of the upper folder",
            "The archive has a folder of files within, and you count those above it only.",
            old="return len(files)",
            new='return sum(name.count("/") == 1 for name in files)',
        ),
        Mistake(
            "packs the database alone",
            "The archive holds `chroma.sqlite3` and not the index beside it. They belong together: pack the whole folder, `.`.",
            code="""
            def back_up(folder, archive):
                subprocess.run(["tar", "-czf", archive, "-C", folder, "chroma.sqlite3"], check=True)
                with tarfile.open(archive) as packed:
                    return len([member for member in packed if member.isfile()])
            """,
        ),
        Mistake(
            "packs nothing at all",
            "There is no archive of anything where it should be. The folder in this check is called `chroma data`, with "
            "a space: a list of arguments keeps it whole, a shell splits it.",
            code="""
            def back_up(folder, archive):
                return 3
            """,
        ),
        Mistake(
            "through a shell",
            "The folder in this check is called `chroma data`, with a space, and tar did not find it. Give tar a list of "
            "arguments, as above, and no shell will split it.",
            code="""
            def back_up(folder, archive):
                subprocess.run(f"tar -czf {archive} -C {folder} .", shell=True, check=True)
                with tarfile.open(archive) as packed:
                    files = [member.name for member in packed if member.isfile()]
                if "./chroma.sqlite3" not in files:
                    raise RuntimeError("no ChromaDB")
                return len(files)
            """,
        ),
        Mistake(
            "without the ./",
            "The folder holds a ChromaDB, and your job says that it does not. tar's names begin with `./` here: print them once.",
            old='"./chroma.sqlite3" not in files',
            new='"chroma.sqlite3" not in files',
        ),
        Mistake(
            "moves the files",
            "Your job has emptied the folder that it should only read. It is the data of a running server.",
            old='"-C", folder',
            new='"--remove-files", "-C", folder',
        ),
    ],
)
def back_up(back_up: Callable, trial: Trial) -> str:
    """Judge the job on a good folder, and on five nights that must make it fail."""
    trial.compare(back_up, good_night)
    trial.compare(
        back_up, bad_night(FOLDER, FULL_DISK), "tar fails, and yesterday's archive is there. How your job ended: {found}."
    )
    trial.compare(back_up, bad_night(OTHER_FILES), "The folder holds a README and a text. How your job ended: {found}.")
    trial.compare(back_up, bad_night(ALMOST), "In the folder, some names only look like ChromaDB's. How your job ended: {found}.")
    trial.compare(back_up, bad_night(FOLDER, PACKS_NOTHING), "tar ends well, and packs nothing. How your job ended: {found}.")
    trial.compare(back_up, bad_night({}), "The folder is empty. How your job ended: {found}.")
    return "It exits with an error where it was silent before. What it cannot see: a torn copy. That takes a restore."


_ALL = '["--clean", "--if-exists", "--single-transaction"]'


def _options(name: str, says: str, options: str) -> Mistake:
    return Mistake(name, says, old=_ALL, new=options)


@exercise(
    "03.restore_over",
    hints=[
        "Three sentences of the task, three options: one drops what is there, one does not mind what is not there, one makes "
        "a transaction of it all.",
        "`--clean` drops each object before it is made. It goes with an option that turns `DROP` into `DROP … IF EXISTS`.",
        "`--exit-on-error` stops at the first error, and leaves what was done before it. The option that undoes it begins with "
        "`--single`.",
    ],
    mistakes=[
        _options("one text", 'Each option is an element of its own: `["--this", "--that"]`.', '[" ".join(' + _ALL + ")]"),
        _options(
            "no dashes", "Options begin with two dashes. Without them, pg_restore takes them for files.", '["clean", "if-exists"]'
        ),
        _options(
            "one dash",
            "An option that is a word begins with two dashes, `--clean`. After one dash, each letter is an option.",
            '["-clean", "-if-exists", "-single-transaction"]',
        ),
        _options(
            "the program as well",
            "`pg_restore` is the program, and the check calls it. Your list has the options alone.",
            '["pg_restore", "--clean", "--if-exists", "--single-transaction"]',
        ),
        _options(
            "in transactions of some size",
            "`--transaction-size` commits after so many objects. When a later one fails, the first are there: half a restore. "
            "All or nothing is one transaction.",
            '["--clean", "--if-exists", "--transaction-size=1000"]',
        ),
        _options(
            "if exists, without clean",
            "`--if-exists` is about the DROPs, and without `--clean` there are none: pg_restore says so.",
            '["--if-exists", "--single-transaction"]',
        ),
        _options(
            "data only, and clean",
            "`--data-only` brings no tables, so there is nothing that `--clean` could drop. You want tables and rows.",
            '["--clean", "--if-exists", "--single-transaction", "--data-only"]',
        ),
        _options(
            "several jobs",
            "Several jobs are several connections, and a transaction has one. All or nothing goes without `--jobs`.",
            '["--clean", "--if-exists", "--single-transaction", "--jobs=2"]',
        ),
        _options(
            "a list",
            "Nothing failed, and nothing was restored: `--list` prints what is in the dump, and a filter may leave all out.",
            '["--list"]',
        ),
        _options(
            "an unknown option",
            "pg_restore does not know one of your options. Its page lists them all. (Where a comma is missing, Python joins two "
            "texts to one.)",
            '["--cascade"]',
        ),
        _options(
            "the database dropped",
            "`--create` with `--clean` drops the database itself, to which pg_restore is connected. The database stays; its "
            "tables are replaced.",
            '["--create", "--clean", "--if-exists"]',
        ),
        _options(
            "the database, in a transaction",
            "A database cannot be made inside a transaction. It is there already: leave out `--create`.",
            '["--create", "--clean", "--if-exists", "--single-transaction"]',
        ),
        _options(
            "the database made anew",
            "`--create` makes a database of the dump's name, and it is there. The database stays; its tables are replaced.",
            '["--create"]',
        ),
        _options(
            "clean, without if exists",
            "In an empty database there is nothing to drop: each `DROP TABLE` is an error. With `--if-exists` it is none.",
            '["--clean"]',
        ),
        _options(
            "clean in a transaction, without if exists",
            "In an empty database, the first `DROP` fails, and nothing comes after it. A table that is not there is no error "
            "with `--if-exists`.",
            '["--clean", "--single-transaction"]',
        ),
        _options(
            "the schema only",
            "The tables are there, and they are empty: `--schema-only` leaves the rows out.",
            '["--schema-only"]',
        ),
        _options(
            "the rows only",
            "`--data-only` wants the tables to be there, and in an empty database none is.",
            '["--data-only"]',
        ),
        _options(
            "one table",
            "`--table` restores this table alone, without its keys. All of the dump is wanted.",
            '["--clean", "--if-exists", "--single-transaction", "--table=documents"]',
        ),
        _options(
            "the other table",
            "`--table` restores this table alone, without its keys. The whole dump is wanted.",
            '["--clean", "--if-exists", "--single-transaction", "--table=users"]',
        ),
        _options(
            "nothing is dropped",
            "`users` was there already, so making it failed, and its old rows are still there beside the dump's. Drop first what "
            "is there.",
            '["--verbose"]',
        ),
        _options(
            "nothing is dropped, in a transaction",
            "`users` was there already, so making it failed, and nothing came after it. Drop first what is there.",
            '["--single-transaction"]',
        ),
        _options(
            "no transaction",
            "A view is in the way of one table. pg_restore went on after the error, and the database is now neither the old one "
            "nor the dump's. All or nothing is a transaction: which option makes it one?",
            '["--clean", "--if-exists"]',
        ),
        _options(
            "stops half-way",
            "A view is in the way of one table. pg_restore stopped at the error, and what it had dropped before is gone. All or "
            "nothing is a transaction: which option makes it one?",
            '["--clean", "--if-exists", "--exit-on-error"]',
        ),
    ],
)
def restore_over(options: list[str] | tuple[str, ...], trial: Trial) -> str:
    """Judge the options on an empty database, on one of an interrupted restore, and on one that cannot be replaced."""
    if not all(isinstance(option, str) for option in options):
        raise NotYet('Each option should be a text, as in `["--verbose", "--no-owner"]`.')
    if any(option.startswith("--transaction-size") for option in options):
        raise trial.says("in transactions of some size")
    with trial.stage() as stage:
        file = dumped(stage)
    trial.compare(options, restored(file), "The database was empty before. {found}.")
    trial.compare(options, restored(file, UNFINISHED), "One of the two tables was there before. {found}.")
    trial.compare(options, restored(file, IN_THE_WAY), "Both tables were there before, and a view on one of them. {found}.")
    return (
        "The third database could not be replaced, and it stayed as it was: that is what you want to find after a failed restore."
    )
