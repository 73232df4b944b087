"""The exercises of lesson 11b: names in an archive, read by eye, and two commands that are really run by a shell."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from course.exercises.check import NotYet, exercise, expect
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import Stage

_END, _HOLE = "00000001000000A300000000", "00000001000000A300000001"
_MISSING = f'["{_HOLE}"]'


def _read(end: str = f'"{_END}"', missing: str = _MISSING) -> str:
    """An answer that has read these names."""
    return f'lost_segments = {{"replayed up to": {end}, "missing": {missing}}}'


@exercise(
    "11b.lost_segments",
    hints=[
        "The file that ends in `.backup` begins with the name of the first segment that is needed. What is before it, is not.",
        "Write down the last two digits in order, from FB on. After FF of `A2` comes 00 of `A3`.",
        "A file with something after the 24 digits is no segment, whatever its name begins with.",
    ],
    mistakes=[
        Mistake(
            "a hole before the base backup",
            "`…A2000000F9` is missing indeed, and nobody needs it: the base backup begins in `…FB`, as its `.backup` file says.",
            code=_read(missing=f'["00000001000000A2000000F9", "{_HOLE}"]'),
        ),
        Mistake(
            "only the hole before the base backup",
            "`…A2000000F9` is missing, and nobody needs it: the base backup begins in `…FB`, as its `.backup` file says. Look "
            "further on.",
            code=_read(missing='["00000001000000A2000000F9"]'),
        ),
        Mistake(
            "the lower part goes on after FF",
            "After `…A2000000FF` comes `…A300000000`: the last eight digits end at `000000FF`, and then the eight before them "
            "grow by one. There is no hole between the two.",
            code=_read(missing=f'["00000001000000A200000100", "{_HOLE}"]'),
        ),
        Mistake(
            "a hole after FF, and no other",
            "After `…A2000000FF` comes `…A300000000`, which is there. Look one further.",
            code=_read(missing='["00000001000000A200000100"]'),
        ),
        Mistake(
            "none",
            "One is missing. A file that ends in `.partial` carries a segment's name and is not the segment: nothing asks for it "
            "under that name.",
            code=_read(missing="[]"),
        ),
        Mistake(
            "the one after the last",
            "The archive does not tell whether `…A300000003` was ever written. Between the first that is needed and the last "
            "that is there, it is not.",
            code=_read(missing=f'["{_HOLE}", "00000001000000A300000003"]'),
        ),
        Mistake(
            "the file that is there",
            "That is the file that is there, with its ending. The name of the segment has 24 digits.",
            code=_read(missing=f'["{_HOLE}.partial"]'),
        ),
        Mistake(
            "a name, and no list",
            "That is the one. Give it as a list of names, as there could be more.",
            code=_read(missing=f'"{_HOLE}"'),
        ),
        Mistake(
            "small letters",
            "That is the one, in small letters. PostgreSQL asks for the file with large ones, and most file systems tell them "
            "apart.",
            code=_read(missing=f'["{_HOLE.lower()}"]'),
        ),
        Mistake(
            "the last digits",
            "Write the whole name, all 24 digits of it: the server asks for a file of that name.",
            code=_read(missing='["01"]'),
        ),
        Mistake(
            "how many",
            "That is how many. Which ones? Give a list of names.",
            code=_read(missing="1"),
        ),
        Mistake(
            "to the last that is there",
            "`…A300000002` is behind the hole, and a log is replayed in order. The server ends before the hole, and says "
            "nothing.",
            code=_read(end='"00000001000000A300000002"'),
        ),
        Mistake(
            "the hole itself",
            "That one cannot be had: it is where the replay ends. The last that is replayed comes before it.",
            code=_read(end=f'"{_HOLE}"'),
        ),
        Mistake(
            "to the end of the upper part",
            "`…A2000000FF` is followed by `…A300000000`, which is there: the replay goes on.",
            code=_read(end='"00000001000000A2000000FF"'),
        ),
        Mistake(
            "to the hole before the base backup",
            "The replay does not begin with the oldest file: it begins where the base backup began, in `…FB`.",
            code=_read(end='"00000001000000A2000000F8"'),
        ),
        Mistake(
            "to the base backup",
            "There the replay begins. It goes on with each segment that follows, as long as there is one.",
            code=_read(end='"00000001000000A2000000FB"'),
        ),
        Mistake(
            "the partial file",
            "The server asks for a name of 24 digits. `.partial` is not what it asks for, so it ends before that one.",
            code=_read(end=f'"{_HOLE}.partial"'),
        ),
    ],
)
def lost_segments(lost_segments: dict, trial: Trial) -> str:
    """Judge the two answers one after the other: first what is missing, then how far the replay comes."""
    for key in ("replayed up to", "missing"):
        if key not in lost_segments:
            raise NotYet(
                f'Keep the two names of the cell: "replayed up to" and "missing". Yours has {sorted(map(str, lost_segments))}.'
            )
    trial.compare(lost_segments, lambda answer, stage: _plain(answer["missing"]), "You name {found} as missing.")
    trial.compare(lost_segments, lambda answer, stage: answer["replayed up to"], "You say: replayed up to {found}.")
    return (
        "A hole of one segment, and all that comes after it is lost, although it lies in the archive. Nothing would have failed."
    )


def _plain(missing: Any) -> Any:
    return sorted(missing) if isinstance(missing, set | frozenset) and all(isinstance(name, str) for name in missing) else missing


_SEGMENT, _OTHER = "00000001000000A2000000FD", "00000001000000A2000000FE"
_BYTES = b"Lumen's log " * 20_000
"""A segment's content here: it can be compressed, as most can."""


_NO_FILE = re.compile("no such file|nonexistent|cannot open|cannot create", re.IGNORECASE)


class _Data:
    """A server's folder, as its commands see it, with an archive beside it."""

    def __init__(self, folder: Path, archive: str) -> None:
        self.wal, self.archive = folder / "data" / "pg_wal", folder / archive
        self.wal.mkdir(parents=True)
        self.archive.mkdir()

    def run(self, command: str, file: str, path: str) -> str:
        """Run a command as PostgreSQL does: in its own folder, by a shell, `%f` and `%p` filled in. Returns what it said.

        Raises:
            NotYet: it does not end.
        """
        filled = re.sub("%[fp%]", lambda found: {"%f": file, "%p": f"pg_wal/{path}", "%%": "%"}[found[0]], command)
        try:
            done = subprocess.run(
                ["sh", "-c", filled], cwd=self.wal.parent, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired as error:
            raise NotYet(f"After ten seconds `{filled}` is still running. Does it wait for input?") from error
        if done.returncode == 0:
            return "status 0"
        return f"failed: {'no such file' if _NO_FILE.search(done.stderr) else 'the shell tells no path'}"

    def files(self) -> list[str]:
        """What lies in the server's folder and in the archive."""
        root = self.archive.parent
        return sorted(os.path.join(path, name)[len(str(root)) + 1 :] for path, _, names in os.walk(root) for name in names)


def _commands(archive_settings: Callable, stage: Stage, archive: str = "the archive") -> tuple[_Data, str, str]:
    data = _Data(stage.folder, archive)
    settings = expect(archive_settings(data.archive), Mapping, "Return the settings, a dict.")
    for name in ("archive_command", "restore_command"):
        expect(settings.get(name), str, f"`{name}` should be a text: a line for a shell.")
    return data, settings["archive_command"], settings["restore_command"]


def _there_and_back(archive: str) -> Callable[[Callable, Stage], Parts]:
    """How to observe a segment that goes to an archive of this name, and comes back."""

    def observe(archive_settings: Callable, stage: Stage) -> Parts:
        data, put, get = _commands(archive_settings, stage, archive)
        (data.wal / _SEGMENT).write_bytes(_BYTES)
        archived = data.run(put, _SEGMENT, _SEGMENT)
        lies = data.archive / f"{_SEGMENT}.gz"
        small = lies.is_file() and lies.stat().st_size < len(_BYTES) / 2
        files = data.files()
        restored = data.run(get, _SEGMENT, "RECOVERYXLOG")
        back = data.wal / "RECOVERYXLOG"
        return Parts(
            the_folder_is_named=str(data.archive) in put and str(data.archive) in get,
            archive_command=archived,
            files_after_it=files,
            compressed=small,
            restore_command=restored,
            the_same_bytes=back.is_file() and back.read_bytes() == _BYTES,
            files_after_all=data.files(),
        )

    return observe


def _there_already(archive_settings: Callable, stage: Stage) -> Parts:
    data, put, get = _commands(archive_settings, stage)
    (data.wal / _SEGMENT).write_bytes(_BYTES)
    data.run(put, _SEGMENT, _SEGMENT)
    (data.wal / _SEGMENT).write_bytes(_BYTES[::-1])
    second = data.run(put, _SEGMENT, _SEGMENT)
    data.run(get, _SEGMENT, "RECOVERYXLOG")
    back = data.wal / "RECOVERYXLOG"
    return Parts(archive_command=_in_short(second), the_first_is_kept=back.is_file() and back.read_bytes() == _BYTES)


def _nowhere_to_write(archive_settings: Callable, stage: Stage) -> Parts:
    data, put, _ = _commands(archive_settings, stage)
    (data.wal / _SEGMENT).write_bytes(_BYTES)
    data.archive.rmdir()
    return Parts(archive_command=_in_short(data.run(put, _SEGMENT, _SEGMENT)), folder_made=data.archive.exists())


def _nothing_to_read(archive_settings: Callable, stage: Stage) -> Parts:
    data, put, _ = _commands(archive_settings, stage)
    return Parts(archive_command=_in_short(data.run(put, _SEGMENT, _SEGMENT)))


def _not_in_the_archive(archive_settings: Callable, stage: Stage) -> Parts:
    data, put, get = _commands(archive_settings, stage)
    (data.wal / _SEGMENT).write_bytes(_BYTES)
    data.run(put, _SEGMENT, _SEGMENT)
    return Parts(restore_command=_in_short(data.run(get, _OTHER, "RECOVERYXLOG")))


def _in_short(status: str) -> str:
    """The status without its reason."""
    return status.partition(":")[0]


_PUT = 'test ! -f "{archive}/%f.gz" && gzip < "%p" > "{archive}/%f.gz"'
_GET = 'gunzip < "{archive}/%f.gz" > "%p"'
_ZIP = 'gzip < "%p" > "{archive}/%f.gz"'


@exercise(
    "11b.archive_settings",
    hints=[
        'Begin with the command of a plain archive: `test ! -f "DIR/%f" && cp "%p" "DIR/%f"`. What stands in place of `cp`?',
        "`a && b` runs b if a went well, and its status is that of the last that ran. `a ; b` runs b in any case.",
        "The status of `a | b` is that of b: what a could not read, nobody is told.",
    ],
    mistakes=[
        Mistake(
            "copied, not compressed",
            "The segment lies in the archive as large as it was. `gzip < one > other` in place of the copy.",
            code="""
            def archive_settings(archive):
                return {
                    "archive_command": f'test ! -f "{archive}/%f.gz" && cp "%p" "{archive}/%f.gz"',
                    "restore_command": f'cp "{archive}/%f.gz" "%p"',
                }
            """,
        ),
        Mistake(
            "under its own name",
            "There is no file `%f.gz` in the archive: the task wants that name. `{archive}/%f.gz`, in both commands.",
            old="%f.gz",
            new="%f",
        ),
        Mistake(
            "no quotes",
            "The folder's name holds a space, and a shell takes that for the end of a word. Put quotes around every path.",
            code="""
            def archive_settings(archive):
                return {
                    "archive_command": f"test ! -f {archive}/%f.gz && gzip < %p > {archive}/%f.gz",
                    "restore_command": f"gunzip < {archive}/%f.gz > %p",
                }
            """,
        ),
        Mistake(
            "no quotes when restoring",
            "`restore_command` failed: the folder's name holds a space, so its path needs quotes there as well.",
            old=_GET,
            new="gunzip < {archive}/%f.gz > %p",
        ),
        Mistake(
            "path and name swapped",
            "`%p` is the path of the server's own file, and `%f` the name alone: the archive's files are named after `%f`.",
            code="""
            def archive_settings(archive):
                return {
                    "archive_command": f'test ! -f "{archive}/%p.gz" && gzip < "%f" > "{archive}/%p.gz"',
                    "restore_command": f'gunzip < "{archive}/%p.gz" > "%f"',
                }
            """,
        ),
        Mistake(
            "braces that nobody fills in",
            "The folder's name is not in your commands. An f-string fills `{archive}` in: the f stands before the quotes.",
            code=f"""
            def archive_settings(archive):
                return {{"archive_command": '{_PUT}', "restore_command": '{_GET}'}}
            """,
        ),
        Mistake(
            "the wrong way round",
            "`test -f` holds when the file is there already: nothing is ever archived. `test ! -f` holds when it is not.",
            old="test ! -f",
            new="test -f",
        ),
        Mistake(
            "or in place of and",
            "Nothing was archived, and the status is 0: `||` runs what follows only if the test fails. `&&` runs it if the test "
            "holds.",
            old="&& gzip",
            new="|| gzip",
        ),
        Mistake(
            "takes the server's own file",
            "The server's own segment is gone: `gzip` with a file's name replaces that file. It is the server that removes it. "
            "Read it with `<`, and write with `>`.",
            old=_ZIP,
            new='gzip "%p" && mv "%p.gz" "{archive}/%f.gz"',
        ),
        Mistake(
            "beside the server's own file",
            "A compressed copy lies in the server's `pg_wal`. Write to the archive, and leave nothing there.",
            old=_ZIP,
            new='gzip -k "%p" && cp "%p.gz" "{archive}/%f.gz"',
        ),
        Mistake(
            "takes the archive's file",
            "What was restored is no longer in the archive: `gunzip` with a file's name replaces that file. The next recovery "
            "finds a hole. Read it with `<`.",
            old=_GET,
            new='gunzip "{archive}/%f.gz" && mv "{archive}/%f" "%p"',
        ),
        Mistake(
            "not written to the server",
            'The segment was unpacked, and `%p` is not there: say where the output goes, `> "%p"`.',
            old=' > "%p"',
            new="",
        ),
        Mistake(
            "restored as it lies there",
            "The server got the compressed file. `gunzip < one > other` undoes `gzip`.",
            old=_GET,
            new='cp "{archive}/%f.gz" "%p"',
        ),
        Mistake(
            "overwrites",
            "A segment of the same name was in the archive, and is overwritten. It may be that of another server. `test ! -f … "
            "&&` before it refuses; after a `;` the next command would run all the same.",
            old='test ! -f "{archive}/%f.gz" && ',
            new="",
        ),
        Mistake(
            "there already, and all is well",
            "Another segment of that name is there, yours was not archived, and the status is 0: PostgreSQL now reuses it. It "
            "has to be told.",
            old=_PUT,
            new='test -f "{archive}/%f.gz" || gzip < "%p" > "{archive}/%f.gz"',
        ),
        Mistake(
            "never mind",
            "Nothing could be archived, and the status is 0, so PostgreSQL takes the segment for safe. Leave out "
            "what hides the failure: `|| true`, `; true`, `exit 0`.",
            old=_ZIP,
            new=f"({_ZIP} || true)",
        ),
        Mistake(
            "makes the folder itself",
            "The archive's folder was not there, as when a disk is not mounted, and you made one: the segments now lie where "
            "nobody looks for them. Let it fail.",
            old="test ! -f",
            new='mkdir -p "{archive}" && test ! -f',
        ),
        Mistake(
            "a pipe",
            "There was nothing to read, and the status is 0: it is that of the last command in a pipe, and `gzip` is content "
            "with nothing. Let `gzip` itself read the file.",
            old='gzip < "%p"',
            new='cat "%p" | gzip',
        ),
        Mistake(
            "restores what is not there",
            "The archive does not have that segment, and `restore_command` says 0: the server takes for the segment whatever it "
            "finds. Another status tells it that there is none.",
            old=' > "%p"\'',
            new=' > "%p" || true\'',
        ),
    ],
)
def archive_settings(archive_settings: Callable, trial: Trial) -> str:
    """Judge both commands by what a shell makes of them: there and back, and in four ways to fail."""
    trial.compare(archive_settings, _there_and_back("archive"))
    trial.compare(archive_settings, _there_and_back("the archive"), "The archive's folder is called `the archive` now.")
    trial.compare(archive_settings, _there_already, "Then a segment of the same name came, with another content.")
    trial.compare(archive_settings, _nowhere_to_write, "The archive's folder was not there.")
    trial.compare(archive_settings, _nothing_to_read, "The segment could not be read.")
    trial.compare(archive_settings, _not_in_the_archive, "A segment was asked for that the archive does not have.")
    return (
        "Four things went wrong, and each time the status told. At work add what a crash leaves: compress under another name, "
        "flush it to disk, and rename it."
    )
