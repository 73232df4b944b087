"""The exercises of lesson 11. They recover a server of their own, put titles back between two tables, and read names."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg.errors import CheckViolation, UndefinedTable
from psycopg.pq import TransactionStatus

from course.checks.recovery import notes_after, spare, tell
from course.exercises.check import NotYet, exercise, expect
from course.stack import Stack

if TYPE_CHECKING:
    from psycopg import Connection


@exercise(
    "11.settings_before",
    hints=[
        "Five settings name a target: `recovery_target`, and `recovery_target_time`, `_name`, `_xid` and `_lsn`. Take one.",
        "A target transaction is recovered as well, unless `recovery_target_inclusive` is off.",
    ],
    solution="""
        def settings_before(archive, xid):
            target = {"recovery_target_xid": xid, "recovery_target_inclusive": "off"}
            return {
                "hot_standby": "off",
                "restore_command": f'cp "{archive}/%f" "%p"',
                "recovery_target_action": "promote",
                **target,
            }
    """,
)
def settings_before(settings_before: Callable, lab: Stack) -> str:
    """Judge the settings by the notes that a server has which recovers with them, for each of two mistakes."""
    with spare(lab) as server:
        story = tell(lab, server)
        for xid, wanted in story.mistakes.items():
            settings = expect(settings_before(story.archive, xid), dict, "Return the settings, a dict.")
            _judge_notes(notes_after(server, story, settings), set(wanted), settings, xid)
    return (
        "You have also kept what another transaction with a higher number had committed in between: "
        "numbers are given when a transaction begins to write, and the log is in the order of the commits."
    )


def _judge_notes(found: set[int], wanted: set[int], settings: Mapping, xid: str) -> None:
    if found == wanted:
        return
    target = [name for name in settings if name.startswith("recovery_target") and not name.endswith(("action", "inclusive"))]
    if 5 in found:
        raise NotYet(
            "The server has replayed the whole log, the mistake too: "
            + ("no setting says where to stop." if not target else f"`{target[0]}` did not stop it.")
        )
    if str(settings.get("recovery_target_xid", xid)) != xid:
        raise NotYet(
            f"You aim at another transaction than {xid}. A lower number need not be an earlier commit: what others had committed "
            "in between is missing. Aim at the transaction itself, and say that it does not belong to it."
        )
    if not found:
        raise NotYet(
            "The notes are gone: the server has recovered the mistake as well, and stopped after it. "
            "A target is included, unless `recovery_target_inclusive` is off."
        )
    raise NotYet(
        f"Just before transaction {xid} the notes {sorted(wanted)} were there. The server recovered to {sorted(found)}. "
        "`recovery_target_xid` names the transaction."
    )


@exercise(
    "11.put_back_titles",
    hints=[
        "What is there already is changed by `UPDATE`. `UPDATE documents SET … FROM lost WHERE …` joins the two tables.",
        "Two conditions: the same id, and `documents.title = 'Untitled'`. What users have written since stays as it is then.",
    ],
    solution="""
        def put_back_titles(source, target):
            with target.transaction():
                bring(source, target)
                return target.execute(
                    \"\"\"UPDATE documents SET title = lost.title FROM lost
                       WHERE lost.id = documents.id AND documents.title = 'Untitled'\"\"\"
                ).rowcount
    """,
)
def put_back_titles(put_back_titles: Callable, lab: Stack) -> str:
    """Judge the documents of two servers, which are temporary tables here: after one run, after a second, after a failure."""
    with lab.postgres.connect() as source, lab.postgres.connect() as target:
        _set_up(source, {id: (f"Title {id}", "text") for id in range(1, 9)})
        _set_up(target, _AFTER_THE_MISTAKE)
        before, count = _documents(source), 5
        try:
            returned = put_back_titles(source, target)
        except UndefinedTable as error:
            if "lost" not in str(error):
                raise
            raise NotYet(
                "The table `lost` is gone already: it lasts as long as the transaction on `target` in which "
                "`bring(source, target)` makes it. Keep the block `with target.transaction():` around both."
            ) from error
        _judge_connections(source, target)
        _judge_titles(_documents(target), returned, count)
        if _documents(source) != before:
            raise NotYet("You have changed the recovered server. It is the only witness: read from it, and write to `target`.")
        again = put_back_titles(source, target)
        _judge_titles(_documents(target), count, count)
        if again != 0:
            raise NotYet(
                f"A second run had nothing to do, and your function returned {again!r}. Look for documents that are still "
                "called `Untitled`, and for those alone."
            )
    _judge_all_or_nothing(put_back_titles, lab)
    return (
        "Run twice, it does no harm, and stopped half-way, it leaves nothing: that is how a repair on a running server should be."
    )


_AFTER_THE_MISTAKE = {
    1: ("Untitled", "text"),
    2: ("Untitled", "text"),
    3: ("A better title", "text"),
    5: ("Untitled", "a new text"),
    6: ("Untitled", "text"),
    8: ("Untitled", "text"),
    9: ("Untitled", "a note that somebody has just begun"),
    10: ("Title of its own", "text"),
}
"""Since then: a title given to 3, a text to 5; 4 and 7 deleted, 9 and 10 added."""

_TABLES = """
    CREATE EXTENSION IF NOT EXISTS vector;
    CREATE TEMPORARY TABLE users (id bigint PRIMARY KEY, name text NOT NULL DEFAULT 'Ada');
    INSERT INTO users VALUES (1), (2);
    CREATE TEMPORARY TABLE documents (
        id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE, title text NOT NULL,
        content text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), embedding vector(2) NOT NULL,
        CHECK (title <> 'poison')
    );
"""


def _set_up(connection: Connection, documents: Mapping[int, tuple[str, str]]) -> None:
    connection.execute(_TABLES)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO documents (id, user_id, title, content, embedding) VALUES (%s, %s, %s, %s, '[1, 2]')",
            [(id, 1 + id % 2, title, content) for id, (title, content) in documents.items()],
        )


def _documents(connection: Connection) -> dict[int, tuple[str, str]]:
    query = "SELECT id, title, content FROM documents"
    return {id: (title, content) for id, title, content in connection.execute(query)}


def _judge_connections(*connections: Connection) -> None:
    if any(connection.closed for connection in connections):
        raise NotYet("Your function closed a connection that it was given. The caller still needs it.")
    if any(connection.info.transaction_status != TransactionStatus.IDLE for connection in connections):
        raise NotYet("A transaction that you began is still open, and nobody else sees what you repaired. Commit it.")


def _judge_titles(found: dict[int, tuple[str, str]], returned: object, count: int) -> None:
    if found.get(3, ("",))[0] != "A better title":
        raise NotYet("A user had given document 3 a new title since, and it is lost. Change only what is still `Untitled`.")
    if {4, 7} & found.keys():
        raise NotYet(
            "Documents 4 and 7 were deleted by their users after the mistake, and you brought them back. "
            "An `UPDATE` changes what is there, and inserts nothing."
        )
    if not {9, 10} <= found.keys() or found[9] != _AFTER_THE_MISTAKE[9] or found[10] != _AFTER_THE_MISTAKE[10]:
        raise NotYet(
            "Documents 9 and 10 came after the mistake: the recovered server does not know them. Leave them as they are."
        )
    if found[5][1] != "a new text":
        raise NotYet("The text of document 5 was changed since, and you have put the old one back. Only the title was lost.")
    left = [id for id in (1, 2, 5, 6, 8) if found[id][0] == "Untitled"]
    if left:
        raise NotYet(f"Documents {left} are still called `Untitled`, and the recovered server has their titles.")
    if found != _AFTER_THE_MISTAKE | {id: (f"Title {id}", _AFTER_THE_MISTAKE[id][1]) for id in (1, 2, 5, 6, 8)}:
        raise NotYet("Some document has the title or the text of another. Join the two tables by `id`.")
    number = expect(returned, int, "The titles are back. Return how many.")
    if number != count:
        raise NotYet(f"{count} titles were put back, and you return {number}. `execute(…).rowcount` counts what was changed.")


def _judge_all_or_nothing(put_back_titles: Callable, lab: Stack) -> None:
    with lab.postgres.connect() as source, lab.postgres.connect() as target:
        _set_up(source, {id: (f"Title {id}", "text") for id in range(1, 5)})
        source.execute("ALTER TABLE documents DROP CONSTRAINT documents_title_check")
        source.execute("UPDATE documents SET title = 'poison' WHERE id = 4")
        _set_up(target, dict.fromkeys(range(1, 5), ("Untitled", "text")))
        try:
            put_back_titles(source, target)
        except CheckViolation:
            pass  # the table refuses the last title: the repair failed, as it should
        else:
            raise NotYet(
                "The table refused one of the titles, and your function ended as if all were well. Let the error through."
            )
        _judge_connections(source, target)
        if any(title != "Untitled" for title, _ in _documents(target).values()):
            raise NotYet(
                "The repair failed at one document and left the others changed. Keep it in one transaction, so that it is done "
                "or not done."
            )


@exercise(
    "11.missing_segments",
    hints=[
        '`re.fullmatch("[0-9A-F]{24}", name)` tells a segment from the other files.',
        "Make one number of the two parts: `upper * 256 + lower`, each read with `int(…, 16)`. Then go through all of them.",
        '`f"{number // 256:08X}{number % 256:08X}"` makes 16 digits of a number again. The timeline goes before.',
    ],
    solution="""
        def missing_segments(names):
            segments = {name for name in names if re.fullmatch("[0-9A-F]{24}", name)}
            if not segments:
                return []
            numbers = [int(name[8:16], 16) * 256 + int(name[16:], 16) for name in segments]
            timeline = min(segments)[:8]
            every = range(min(numbers), max(numbers) + 1)
            expected = [f"{timeline}{number // 256:08X}{number % 256:08X}" for number in every]
            return [name for name in expected if name not in segments]
    """,
)
def missing_segments(missing_segments: Callable) -> str:
    """Judge the names on archives with and without holes."""
    for about, timeline, numbers, missing, others in _ARCHIVES:
        names = [_name(timeline, number) for number in numbers if number not in missing] + list(others)
        names = names[1::2] + names[::2]  # in no order
        with _soon_done(about):
            answer = missing_segments(list(names))
        _judge_missing(answer, [_name(timeline, number) for number in missing], names, about)
    return "It sees a hole, and not the end: whether the newest segment has arrived, only the server knows (`pg_stat_archiver`)."


@contextmanager
def _soon_done(about: str) -> Iterator[None]:
    """Stop the learner's code after a second of work: who reads a name as one number counts through four billion at FF."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only there can it be stopped
        return

    def stop(*_: object) -> None:
        raise NotYet(
            f"With {about}, your function was stopped: after a second it was still at work. After `…000000FF` comes "
            "`…00000000` with an upper part that is one higher. Read as one number, four billion lie in between."
        )

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _name(timeline: int, number: int) -> str:
    return f"{timeline:08X}{number // 256:08X}{number % 256:08X}"


_ARCHIVES: list[tuple[str, int, Collection[int], list[int], Collection[str]]] = [
    ("five segments and no hole", 1, range(3, 8), [], []),
    ("nine segments, one missing", 1, range(4, 14), [10], []),
    ("a hole of three", 1, range(20, 31), [24, 25, 26], []),
    ("two holes", 1, range(40, 61), [42, 58], []),
    ("a step from FF to 00, and no hole", 1, range(253, 260), [], []),
    ("a hole across the step from FF to 00", 1, range(250, 262), [255, 256], []),
    ("other files", 1, range(8, 14), [], ["00000002.history", "README", f"{_name(1, 9)}.00000028.backup"]),
    ("a `.backup` file whose segment is missing", 1, range(16, 24), [18], [f"{_name(1, 18)}.00000028.backup"]),
    ("a `.partial` file in place of a segment", 1, range(32, 40), [35], [f"{_name(1, 35)}.partial"]),
    ("timeline 26", 26, range(700, 720), [703, 718], ["0000001A.history"]),
    ("one segment", 1, [77], [], []),
    ("no segment at all", 1, [], [], ["README"]),
]


def _judge_missing(answer: object, missing: list[str], names: list[str], about: str) -> None:
    if isinstance(answer, set | frozenset):
        raise NotYet("That is a set, and a set has no order. Return a list, the first missing segment first.")
    found = list(expect(answer, list | tuple, "Return a list of names."))
    if found == missing:
        return
    if any(isinstance(item, int) for item in found):
        raise NotYet("Those are numbers. A restore asks for files: return the names of the segments.")
    if not all(isinstance(item, str) for item in found):
        raise NotYet("Return a list of names, each a text of 24 digits.")
    if any(name != name.upper() for name in found):
        raise NotYet(
            "You write the digits in small letters. PostgreSQL writes large ones, and a file's name is as it is written."
        )
    if any(len(name) != 24 for name in found):
        wrong = next(name for name in found if len(name) != 24)
        raise NotYet(
            f"`{wrong}` is no segment's name. It has 24 digits: 8 each for timeline, upper part and lower part. "
            "They are hexadecimal: `int(…, 16)` reads a part, and `:08X` writes it."
        )
    if set(found) & {f"{name[:8]}{int(name[8:16], 16):08d}{int(name[16:], 16):08d}" for name in missing} - set(missing):
        raise NotYet("After `…09` comes `…0A`: the digits are hexadecimal. You write the numbers in decimal ones; use `:08X`.")
    if any(int(name[16:], 16) > 255 for name in found if re.fullmatch("[0-9A-Fa-f]{24}", name)):
        raise NotYet(
            "After `…000000FF` comes `…00000000` with an upper part that is one higher: a lower part above FF does not exist. "
            f"You report {len(found)} segments as missing."
        )
    if set(found) & set(names):
        raise NotYet(f"`{sorted(set(found) & set(names))[0]}` is in the archive, and you report it as missing.")
    if sorted(found) == missing:
        raise NotYet("All the missing ones, and not in order. Return the first one first: recovery needs it first.")
    extra = [name for name in found if name not in missing]
    if extra and names:
        raise NotYet(f"With {about}, you report `{extra[0]}`. Only what lacks between the first and the last counts.")
    lacking = [name for name in missing if name not in found]
    if "`.backup`" in about or "`.partial`" in about:
        raise NotYet(
            f"With {about}, you do not report it. Such a file carries the segment's name and is not the segment: "
            "a name of 24 digits, and nothing after them."
        )
    raise NotYet(f"With {about}, {len(missing)} are missing, and you report {len(found)}. You do not report `{lacking[0]}`.")
