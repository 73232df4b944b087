"""The exercises of lesson 11b: names in an archive, read by eye, and two commands that are really run by a shell."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course.exercises.check import NotYet, exercise, expect
from course.exercises.mistakes import Mistake, Trial

_BEGIN, _LAST = "00000001000000A2000000FB", "00000001000000A300000002"
_THERE = {f"00000001000000A2000000{number:02X}" for number in range(0xF7, 0x100) if number != 0xF9}
_THERE |= {"00000001000000A300000000", _LAST}
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
            "one that is there",
            "That one is in the archive. Look for its 24 digits with nothing after them.",
            code=_read(missing=f'["00000001000000A300000002", "{_HOLE}"]'),
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
            "The segment after that one is there, so the replay goes on. After `…A2000000FF` comes `…A300000000`.",
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
            "no name of a segment",
            "Write the whole name: 24 digits, with large letters.",
            code=_read(end='"A3 00"'),
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
    _judge_missing(lost_segments["missing"], trial)
    _judge_end(lost_segments["replayed up to"], trial)
    return (
        "A hole of one segment, and all that comes after it is lost, although it lies in the archive. Nothing would have failed."
    )


def _names_in(missing: Any, trial: Trial) -> set[str]:
    """The names of segments in an answer, which has nothing else in it."""
    if isinstance(missing, str):
        raise trial.says("a name, and no list")
    if isinstance(missing, int):
        raise trial.says("how many")
    names = set(expect(missing, list | tuple | set | frozenset, "`missing` should be a list of names."))
    if not all(isinstance(name, str) for name in names):
        raise NotYet("`missing` should be a list of names, each a text of 24 digits.")
    if any(name.endswith(".partial") for name in names):
        raise trial.says("the file that is there")
    if any(re.fullmatch("[0-9A-Fa-f]{24}", name) and name != name.upper() for name in names):
        raise trial.says("small letters")
    if not all(re.fullmatch("[0-9A-F]{24}", name) for name in names):
        raise trial.says("the last digits")
    return names


def _judge_missing(missing: Any, trial: Trial) -> None:
    names = _names_in(missing, trial)
    if any(int(name[16:], 16) > 0xFF for name in names):
        raise trial.says("the lower part goes on after FF" if _HOLE in names else "a hole after FF, and no other")
    if names & _THERE:
        raise trial.says("one that is there", f"You name `{min(names & _THERE)}`.")
    if any(name < _BEGIN for name in names):
        raise trial.says("a hole before the base backup" if _HOLE in names else "only the hole before the base backup")
    if any(name > _LAST for name in names):
        raise trial.says("the one after the last")
    if not names:
        raise trial.says("none")


def _judge_end(end: Any, trial: Trial) -> None:
    name = expect(end, str, "`replayed up to` should be one name, a text.")
    about = f"You say `{name}`."
    if name == _END:
        return
    if name.endswith(".partial"):
        raise trial.says("the partial file")
    if not re.fullmatch("[0-9A-F]{24}", name):
        raise trial.says("no name of a segment", about)
    if name > _HOLE:
        raise trial.says("to the last that is there")
    if name == _HOLE:
        raise trial.says("the hole itself")
    if name < _BEGIN:
        raise trial.says("to the hole before the base backup")
    if name == _BEGIN:
        raise trial.says("to the base backup")
    raise trial.says("to the end of the upper part", about)


_SEGMENT, _OTHER = "00000001000000A2000000FD", "00000001000000A2000000FE"
_BYTES = b"Lumen's log " * 20_000
"""A segment's content here: it can be compressed, as most can."""


_NO_FILE = re.compile("no such file|nonexistent|cannot open|cannot create", re.IGNORECASE)


class _Data:
    """A server's folder, as its commands see it, with an archive beside it. A segment is complete there."""

    def __init__(self, folder: Path, archive: str = "the archive") -> None:
        self.wal, self.archive = folder / "data" / "pg_wal", folder / archive
        self.wal.mkdir(parents=True)
        self.archive.mkdir()
        self.own, self.back = self.wal / _SEGMENT, self.wal / "RECOVERYXLOG"
        self.own.write_bytes(_BYTES)

    def run(self, command: str, file: str, path: str) -> tuple[bool, str]:
        """Run a command as PostgreSQL does: in its own folder, by a shell, `%f` and `%p` filled in.

        Returns:
            Whether its status is 0, and what the shell said.

        Raises:
            NotYet: it does not end.
        """
        filled = re.sub("%[fp%]", lambda found: {"%f": file, "%p": f"pg_wal/{path}", "%%": "%"}[found[0]], command)
        how: dict[str, Any] = {"cwd": self.wal.parent, "capture_output": True, "text": True, "errors": "replace"}
        try:
            done = subprocess.run(["sh", "-c", filled], stdin=subprocess.DEVNULL, timeout=10, **how)
        except subprocess.TimeoutExpired as error:
            raise NotYet(f"After ten seconds `{filled}` is still running. Does it wait for input?") from error
        return done.returncode == 0, " ".join(done.stderr.split())

    def put(self, command: str) -> tuple[bool, str]:
        """Archive the segment."""
        return self.run(command, _SEGMENT, _SEGMENT)

    def get(self, command: str, segment: str = "") -> tuple[bool, str]:
        """Restore a segment, or this one, under the name that a recovery gives it."""
        return self.run(command, segment or _SEGMENT, self.back.name)

    def restored(self) -> bool:
        """Whether the server has the segment's bytes."""
        return self.back.is_file() and self.back.read_bytes() == _BYTES


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
            "`%p` is the path of the server's own file, from the directory that it runs in: leave that with no "
            "`cd`. `%f` is the name alone, and the archive's files are named after it.",
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
            "The server's own segment is gone: `gzip` with a file's name replaces that file, and `rm` removes it. "
            "It is the server that removes it. Read it with `<`, and write with `>`.",
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
            "asks for another name",
            "`restore_command` asks the archive for a file that it does not have. There it is called `%f.gz`.",
            old=_GET,
            new='gunzip < "{archive}/%f" > "%p"',
        ),
        Mistake(
            "takes the archive's file",
            "What was restored is no longer in the archive: `gunzip` with a file's name replaces that file, and "
            "`rm` removes it. The next recovery finds a hole. Read it with `<`.",
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
    """Judge both commands by what a shell makes of them: there and back, and in five ways to fail."""
    with trial.stage() as stage:

        def commands(name: str, archive: str = "the archive") -> tuple[_Data, str, str]:
            data = _Data(stage.folder / name, archive)
            settings = expect(stage.watched(archive_settings)(data.archive), dict, "Return the settings, a dict.")
            for key in ("archive_command", "restore_command"):
                expect(settings.get(key), str, f"`{key}` should be a text: a line for a shell.")
            return data, settings["archive_command"], settings["restore_command"]

        _judge_put(*commands("one", "archive"), trial)
        _judge_get(*commands("two", "archive"), trial)
        _judge_spaces(*commands("three"), trial)
        _judge_there_already(*commands("four"), trial)
        _judge_failures(*commands("five"), trial)
        if stage.manners:
            raise NotYet(str(stage.manners[0]))
    return (
        "Five things went wrong, and each time the status told. At work add what a crash leaves: compress under another name, "
        "flush it to disk, and rename it."
    )


def _judge_put(data: _Data, put: str, get: str, trial: Trial) -> None:
    """A segment goes to the archive, and nothing else happens."""
    if str(data.archive) not in put or str(data.archive) not in get:
        raise trial.says("braces that nobody fills in")
    done, said = data.put(put)
    if not done and _NO_FILE.search(said):
        raise trial.says("path and name swapped", f"The shell says: `{said}`.")
    if not done:
        raise NotYet(f"`archive_command` failed. The shell says: `{said}`.") if said else trial.says("the wrong way round")
    if not data.own.exists():
        raise trial.says("takes the server's own file")
    if len(list(data.wal.iterdir())) > 1:
        raise trial.says("beside the server's own file")
    there = data.archive / f"{_SEGMENT}.gz"
    if not any(data.archive.iterdir()):
        raise trial.says("or in place of and")
    if not there.is_file():
        raise trial.says("under its own name")
    if there.stat().st_size > len(_BYTES) / 2:
        raise trial.says("copied, not compressed")


def _judge_get(data: _Data, put: str, get: str, trial: Trial) -> None:
    """It comes back."""
    data.put(put)
    done, said = data.get(get)
    if not done and _NO_FILE.search(said):
        raise trial.says("asks for another name", f"The shell says: `{said}`.")
    if not done:
        raise NotYet(f"`restore_command` failed. The shell says: `{said}`.")
    if not any(data.archive.glob("*.gz")):
        raise trial.says("takes the archive's file")
    if not data.back.exists():
        raise trial.says("not written to the server")
    if not data.restored():
        raise trial.says("restored as it lies there")


def _judge_spaces(data: _Data, put: str, get: str, trial: Trial) -> None:
    """The folder's name holds a space."""
    if not data.put(put)[0]:
        raise trial.says("no quotes")
    if not data.get(get)[0] or not data.restored():
        raise trial.says("no quotes when restoring")


def _judge_there_already(data: _Data, put: str, get: str, trial: Trial) -> None:
    """Another segment of that name is in the archive."""
    data.put(put)
    data.own.write_bytes(_BYTES[::-1])
    done, _ = data.put(put)
    data.get(get)
    if not data.restored():
        raise trial.says("overwrites")
    if done:
        raise trial.says("there already, and all is well")


def _judge_failures(data: _Data, put: str, get: str, trial: Trial) -> None:
    """A segment that the archive does not have, a folder that is not there, a segment that cannot be read."""
    if data.get(get, _OTHER)[0]:
        raise trial.says("restores what is not there")
    data.archive.rmdir()
    done, _ = data.put(put)
    if data.archive.exists():
        raise trial.says("makes the folder itself")
    if done:
        raise trial.says("never mind")
    data.archive.mkdir()
    data.own.unlink()
    if data.put(put)[0]:
        raise trial.says("a pipe")
