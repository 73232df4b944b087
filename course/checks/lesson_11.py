"""The exercises of lesson 11. One recovers a server of the check's own, the other puts titles back between two databases."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from course.checks.recovery import Ending, recovered, told
from course.exercises.bench import spare_postgres
from course.exercises.check import NotYet, exercise, expect
from course.exercises.mistakes import Mistake, Trial
from course.exercises.stage import ODD, Stage

_TARGET = '{"recovery_target_xid": xid, "recovery_target_inclusive": "off"}'


@exercise(
    "11.settings_before",
    hints=[
        "Five settings name a target: `recovery_target`, and `recovery_target_time`, `_name`, `_xid` and `_lsn`. Take one.",
        "A target transaction is recovered as well, unless `recovery_target_inclusive` is off.",
    ],
    mistakes=[
        Mistake(
            "the transaction is included",
            "The notes are gone: the server has recovered the mistake as well, and stopped after it. A target is included, "
            "unless `recovery_target_inclusive` is off.",
            old=', "recovery_target_inclusive": "off"',
            new="",
        ),
        Mistake(
            "no target",
            "The server has replayed the whole log, the mistake too: no setting says where to stop.",
            old='"recovery_target_xid": xid, ',
            new="",
        ),
        Mistake(
            "another transaction",
            "You aim at another transaction than the one you were given. A lower number need not be an earlier commit: what "
            "others had committed in between is missing. Aim at the transaction itself, and say that it does not belong to it.",
            old="xid, ",
            new="str(int(xid) - 1), ",
        ),
        Mistake(
            "the base backup's end",
            "`recovery_target` takes `immediate` alone: the server stops as soon as its files agree, at the end of the base "
            "backup. The transaction's number goes into `recovery_target_xid`.",
            old=_TARGET,
            new='{"recovery_target": "immediate"}',
        ),
        Mistake(
            "the number as a name",
            "The server replayed the whole log and did not meet your target. The task gives a transaction's number, for "
            "`recovery_target_xid`.",
            old=_TARGET,
            new='{"recovery_target_name": xid}',
        ),
        Mistake(
            "two targets",
            "You name more than one target. The server takes one: the transaction's number.",
            old='"off"}',
            new='"off", "recovery_target_name": xid}',
        ),
        Mistake(
            "a value that is none",
            "A setting takes values of its kind: a time, a position in the log, a number, on or off. The task gives a "
            "transaction's number.",
            old=_TARGET,
            new='{"recovery_target_time": xid}',
        ),
        Mistake(
            "neither on nor off",
            "`recovery_target_inclusive` is a Boolean: on means that the target belongs to what is recovered, off that it does "
            "not.",
            old='"off"}',
            new='"before"}',
        ),
        Mistake(
            "misspelled",
            "PostgreSQL knows no setting of that name. Compare it with the page that is linked in the task.",
            old="recovery_target_xid",
            new="recovery_target_transaction",
        ),
        Mistake(
            "nothing to fetch with",
            "There is no `restore_command`: the server does not know how to fetch a segment. Keep the lines that were given.",
            code=f"""
            def settings_before(archive, xid):
                return {_TARGET}
            """,
        ),
        Mistake(
            "no segment came",
            "`restore_command` brought no segment. It copies from `archive/%f` to `%p`. The folder's name has a space in this "
            "check, so it needs quotes.",
            old='cp "{archive}/%f" "%p"',
            new="cp {archive}/%f %p",
        ),
        Mistake(
            "paused",
            "The server has arrived and waits there, read-only: `recovery_target_action` is `pause` unless you say otherwise. "
            "Let it `promote`.",
            code=f"""
            def settings_before(archive, xid):
                return {{"restore_command": f'cp "{{archive}}/%f" "%p"', **{_TARGET}}}
            """,
        ),
        Mistake(
            "shut down",
            "The server arrived, and shut down. `recovery_target_action` should be `promote`: a server that pauses without "
            "`hot_standby` shuts down too, as nobody could tell it to go on.",
            old='"promote"',
            new='"shutdown"',
        ),
    ],
)
def settings_before(settings_before: Callable, trial: Trial) -> str:
    """Judge the settings by the notes that a server has which recovers with them, for each of two mistakes."""
    with trial.stage() as stage:
        story = told().copied(stage.folder)
        for xid, wanted in story.mistakes.items():
            given = stage.watched(settings_before)(story.archive, xid)
            settings = expect(given, dict, "Return the settings, a dict.")
            with spare_postgres() as server:
                ending = recovered(server, story, settings)
            if ending.notes != wanted or ending.paused:
                raise _told(ending, settings, xid, wanted, trial)
        if stage.manners:
            raise NotYet(str(stage.manners[0]))
    return (
        "You have also kept what another transaction with a higher number had committed in between: "
        "numbers are given when a transaction begins to write, and the log is in the order of the commits."
    )


_SAID = {
    r'must specify "restore_command"': "nothing to fetch with",
    r"multiple recovery targets": "two targets",
    r"unrecognized configuration parameter": "misspelled",
    r"requires a Boolean value": "neither on nor off",
    r"invalid value for parameter|invalid input syntax": "a value that is none",
    r"could not locate required checkpoint": "no segment came",
    r"recovery ended before configured recovery target": "the number as a name",
}
"""What the log says, and which mistake that is."""


def _told(ending: Ending, settings: Mapping, xid: str, wanted: frozenset[int], trial: Trial) -> NotYet:
    """What to say of a recovery that ended otherwise."""
    if ending.paused:
        return trial.says("paused")
    if ending.notes is None:
        fatal = "".join(f"PostgreSQL says: `{said.strip()}`." for said in re.findall("FATAL: +(.*)", ending.log)[-1:])
        for pattern, name in _SAID.items():
            if re.search(pattern, ending.log):
                return trial.says(name, fatal)
        return NotYet(f"The server did not start. {fatal}") if fatal else trial.says("shut down")
    if not any(re.fullmatch("recovery_target(_time|_name|_xid|_lsn)?", name) for name in settings):
        return trial.says("no target")
    if "recovery_target" in settings:
        return trial.says("the base backup's end")
    if str(settings.get("recovery_target_xid", xid)) != xid:
        return trial.says("another transaction")
    if not ending.notes:
        return trial.says("the transaction is included")
    return NotYet(
        f"Just before transaction {xid} the notes {sorted(wanted)} were there. The server recovered to {sorted(ending.notes)}. "
        "`recovery_target_xid` names the transaction."
    )


def bring(source: psycopg.Connection, target: psycopg.Connection) -> None:
    """The lesson's own: copy the source's documents into a table `lost` that lasts as long as the transaction."""
    target.execute("CREATE TEMPORARY TABLE lost (LIKE documents) ON COMMIT DROP")
    read = source.cursor().copy("COPY documents TO STDOUT (FORMAT binary)")
    write = target.cursor().copy("COPY lost FROM STDIN (FORMAT binary)")
    with read as out, write as into:
        for block in out:
            into.write(block)


_TABLES = """
    CREATE TABLE users (id bigint PRIMARY KEY);
    INSERT INTO users VALUES (1), (2);
    CREATE TABLE documents (
        id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE, title text NOT NULL,
        content text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), embedding vector(2) NOT NULL DEFAULT '[1, 2]'
    );
"""
_BEFORE = {id: (f"Title {id}", "text") for id in (*range(1001, 1009), 1011, 1012)} | {1002: (ODD, "text")}
_AFTER = {
    **dict.fromkeys((1001, 1002, 1006, 1008), ("Untitled", "text")),
    1003: ("untitled", "text"),
    1005: ("Untitled", "a new text"),
    1009: ("Untitled", "a note that somebody has just begun"),
    1010: ("Title of its own", "text"),
    1011: ("Untitled poems", "text"),
    1012: ("A better title", "text"),
}
"""Since the mistake: titles given to 1003, 1011 and 1012, a text to 1005; 1004 and 1007 deleted, 1009 and 1010 added."""

_SINCE = (
    "Since the mistake, users have given 1003 the title `untitled`, 1011 `Untitled poems`, 1012 a better one, and 1005 a new "
    "text; deleted 1004 and 1007, and added 1009 and 1010. 1009 is a new note that is called `Untitled`."
)
Documents = Mapping[int, tuple[str, str]]


def _put_back(what: str, after: Documents, *, runs: int = 1, refused: str = "") -> Callable[[Callable, Stage], Any]:
    """How to observe what a function returns, or what it changes in these documents; the target may refuse one title."""
    before = _BEFORE

    def observe(put_back_titles: Callable, stage: Stage) -> Any:
        target = stage.database(_TABLES)
        source = stage.database(_TABLES, name="source")
        witness = stage.connect(name="source")
        for connection, documents in ((stage.own, after), (witness, before)):
            rows = [(id, 1 + id % 2, *words) for id, words in documents.items()]
            insert = "INSERT INTO documents (id, user_id, title, content) VALUES (%s, %s, %s, %s)"
            connection.cursor().executemany(insert, rows)
        besides = _besides(stage.own)
        if refused:
            stage.own.execute(f"ALTER TABLE documents ADD CHECK (title <> '{refused}')")
        returned = _called(lambda: [put_back_titles(source, target) for _ in range(runs)][-1])
        if isinstance(returned, _Stopped):
            return returned.why
        if what == "returned":
            return "a cursor" if isinstance(returned, psycopg.Cursor) else returned
        if _documents(witness) != before:
            return "the recovered server"
        return _changes(stage.own, after, besides)

    return observe


@dataclass(frozen=True)
class _Stopped:
    """A call that PostgreSQL has ended, and why, in words."""

    why: str


def _called(call: Callable[[], Any]) -> Any:
    """What a call returns, or what it stopped with."""
    try:
        return call()
    except psycopg.errors.CheckViolation:
        return "the error"
    except psycopg.errors.NotNullViolation as error:
        return _Stopped(f"NULL for {error.diag.column_name}, which is refused")
    except psycopg.errors.UndefinedTable as error:
        return _Stopped("FROM is missing" if "missing FROM-clause" in str(error) else "there is no table lost")


def _changes(own: psycopg.Connection, after: Documents, besides: Mapping[int, tuple]) -> dict[int, Any]:
    """The documents that are not what they were; whether anything besides title and content is another, is said too."""
    now: dict[int, tuple[str, ...]] = dict(_documents(own))
    for id, rest in _besides(own).items():
        if rest != besides.get(id, rest):
            now[id] = (*now[id], "and not only these")
    return {id: now.get(id, "deleted") for id in sorted({*now, *after}) if now.get(id) != after.get(id)}


def _besides(connection: psycopg.Connection) -> dict[int, tuple]:
    """What else stands in each document's row."""
    rows = connection.execute("SELECT id, user_id, created_at, embedding::text FROM documents").fetchall()
    return {id: tuple(rest) for id, *rest in rows}


def _documents(connection: psycopg.Connection) -> dict[int, tuple[str, str]]:
    query = "SELECT id, title, content FROM documents"
    return {id: (title, content) for id, title, content in connection.execute(query)}


_JOIN = "lost.id = documents.id"
_WHERE = f"WHERE {_JOIN} AND documents.title = 'Untitled'"
_UPDATE = f"UPDATE documents SET title = lost.title FROM lost\n               {_WHERE}"
_INSERT = "INSERT INTO documents SELECT lost.* FROM lost"
_ONE = "UPDATE documents SET title = %s WHERE id = %s AND title = 'Untitled'"


@exercise(
    "11.put_back_titles",
    hints=[
        "What is there already is changed by `UPDATE`. `UPDATE documents SET … FROM lost WHERE …` joins the two tables.",
        "Two conditions: the same id, and `documents.title = 'Untitled'`. What users have written since stays as it is then.",
    ],
    may={"postgres"},
    mistakes=[
        Mistake(
            "inserts what is missing",
            "Documents that their users had deleted are back, and no title is. An `UPDATE` changes what is there, and inserts "
            "nothing.",
            old=_UPDATE,
            new=f"{_INSERT} ON CONFLICT (id) DO NOTHING",
        ),
        Mistake(
            "inserts, and overwrites",
            "Documents 1004 and 1007 are back, and the new titles of 1003 and 1011 are lost. An `UPDATE` inserts nothing, and "
            "its `WHERE` can ask for what is still `Untitled`.",
            old=_UPDATE,
            new=f"{_INSERT} ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title",
        ),
        Mistake(
            "inserts, and overwrites what is untitled",
            "The titles are right. But 1004 and 1007 were deleted by their users after the mistake, and you brought them back. "
            "An `UPDATE` inserts nothing.",
            old=_UPDATE,
            new=f"{_INSERT} ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title WHERE documents.title = 'Untitled'",
        ),
        Mistake(
            "all titles",
            "Users had given documents such as 1012 a new title since, and it is lost. Change only what is still `Untitled`.",
            old=_WHERE,
            new=f"WHERE {_JOIN}",
        ),
        Mistake(
            "whatever the case",
            "1003 is called `untitled`, by its user. Look for documents that are called `Untitled`, exactly.",
            old="documents.title = 'Untitled'",
            new="lower(documents.title) = 'untitled'",
        ),
        Mistake(
            "all that begin so",
            "1011 is called `Untitled poems`, by its user. Look for documents that are called `Untitled`, exactly.",
            old="documents.title = 'Untitled'",
            new="documents.title LIKE 'Untitled%'",
        ),
        Mistake(
            "all that begin so, whatever the case",
            "1003 is called `untitled` and 1011 `Untitled poems`, by their users. Look for documents that are called `Untitled`, "
            "exactly.",
            old="documents.title = 'Untitled'",
            new="documents.title ILIKE 'untitled%'",
        ),
        Mistake(
            "another column as well",
            "The titles are back, and another column of the same documents is not what it was. Nothing else is to be touched.",
            old="title = lost.title FROM",
            new="title = lost.title, created_at = now() + interval '1 minute' FROM",
        ),
        Mistake(
            "a title written over itself",
            "The titles are back, and you count 1009 as well: it was written anew with the title that it had. It "
            "was not among the lost ones: leave out what `lost` does not have.",
            old=_UPDATE,
            new="UPDATE documents SET title = coalesce((SELECT title FROM lost WHERE lost.id = documents.id), title) "
            "WHERE title = 'Untitled'",
        ),
        Mistake(
            "text and all",
            "The text of document 1005 was changed since, and you have put the old one back. Only the title was lost.",
            old="title = lost.title FROM",
            new="title = lost.title, content = lost.content FROM",
        ),
        Mistake(
            "deletes, then inserts",
            "What users have done since is gone: titles, texts, and new documents. Delete nothing: an `UPDATE` changes a title "
            "where it stands.",
            old=f'return target.execute(\n            """{_UPDATE}"""',
            new=f'target.execute("DELETE FROM documents")\n        return target.execute(\n            """{_INSERT}"""',
        ),
        Mistake(
            "deletes what is untitled, then inserts",
            "The new text of 1005 and the note 1009 are gone with what you deleted, and 1004 and 1007 are back. Delete and "
            "insert nothing.",
            old=f'return target.execute(\n            """{_UPDATE}"""',
            new="target.execute(\"DELETE FROM documents WHERE title = 'Untitled'\")\n"
            f'        return target.execute(\n            """{_INSERT} ON CONFLICT (id) DO NOTHING"""',
        ),
        Mistake(
            "no condition",
            "Every document has the title of one of the others: nothing says which row of `lost` belongs to which. Join by `id`, "
            "and ask for what is still `Untitled`.",
            old=f"\n               {_WHERE}",
            new="",
        ),
        Mistake(
            "not joined",
            "Documents have the titles of others, and 1009, which came after the mistake, has one too: nothing says which row of "
            "`lost` belongs to which document. Join by `id`.",
            old=f"{_JOIN} AND ",
            new="",
        ),
        Mistake(
            "joined by the owner",
            "Documents have the titles of others of the same owner. Join the two tables by `id`.",
            old=_JOIN,
            new="lost.user_id = documents.user_id",
        ),
        Mistake(
            "a subquery for all that is untitled",
            "1009 came after the mistake, so the subquery finds no title for it, and NULL is refused. Leave out what `lost` does "
            "not have.",
            old=_UPDATE,
            new="UPDATE documents SET title = (SELECT title FROM lost WHERE lost.id = documents.id) WHERE title = 'Untitled'",
        ),
        Mistake(
            "inserts id and title alone",
            "An `INSERT` makes whole rows, and these lack what every document must have. What is there already is changed by "
            "`UPDATE`.",
            old=_UPDATE,
            new="INSERT INTO documents (id, title) SELECT id, title FROM lost "
            "ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title",
        ),
        Mistake(
            "no FROM",
            "The statement names `lost` in its `WHERE` and nowhere before: `UPDATE documents SET … FROM lost WHERE …` joins it.",
            old=" FROM lost\n",
            new="\n",
        ),
        Mistake(
            "only where the text is the same",
            "1005 is still called `Untitled`: its text was changed since, and its title was lost all the same.",
            old=_JOIN,
            new=f"{_JOIN} AND lost.content = documents.content",
        ),
        Mistake(
            "never committed",
            "Your function begins a transaction and does not end it: nobody else sees what it repaired. `with "
            "target.transaction():` commits at its end.",
            old="with target.transaction():\n        bring(source, target)",
            new='if target.execute("BEGIN"):\n        bring(source, target)',
        ),
        Mistake(
            "looks for the mistake in lost",
            "No title is back. `lost` holds what was there before the mistake, so nothing is `Untitled` there: ask "
            "`documents.title`. And the new value is `lost.title`.",
            old="documents.title = 'Untitled'",
            new="lost.title = 'Untitled'",
        ),
        Mistake(
            "the table is gone",
            "The table `lost` is gone already, or is on the other server: it lasts as long as the transaction on `target` in "
            "which `bring(source, target)` makes it. Keep the block `with target.transaction():` around both.",
            code=f"""
            def put_back_titles(source, target):
                bring(source, target)
                return target.execute('''{_UPDATE} ''').rowcount
            """,
        ),
        Mistake(
            "returns nothing",
            "The titles are back. How many? `execute(…).rowcount` counts what was changed: return it.",
            old="return target",
            new="target",
        ),
        Mistake(
            "returns the cursor",
            "The titles are back, and you return the cursor. Its `.rowcount` says how many rows were changed.",
            old=".rowcount",
            new="",
        ),
        Mistake(
            "the rows",
            "The titles are back, and you return rows. How many are they?",
            old='documents.title = \'Untitled\'"""\n        ).rowcount',
            new='documents.title = \'Untitled\' RETURNING documents.id"""\n        ).fetchall()',
        ),
        Mistake(
            "counts what is in lost",
            "Five titles were put back, and you return how many documents `lost` has. `execute(…).rowcount` of the `UPDATE` "
            "counts what was changed.",
            old="        ).rowcount",
            new='        ) and target.execute("SELECT count(*) FROM lost").fetchone()[0]',
        ),
        Mistake(
            "empties the witness",
            "You have changed the recovered server. It is the only witness: read from it, and write to `target`.",
            old="        return target",
            new='        source.execute("DELETE FROM documents")\n        return target',
        ),
        Mistake(
            "counts what it looks at",
            "A second run had nothing to do, and still counts. Add up what each `UPDATE` has changed: its `.rowcount`.",
            code=f"""
            def put_back_titles(source, target):
                rows = source.execute("SELECT id, title FROM documents").fetchall()
                with target.transaction():
                    for id, title in rows:
                        target.execute("{_ONE}", [title, id])
                return 5
            """,
        ),
        Mistake(
            "titles in the text of the SQL",
            "One of the titles holds an apostrophe and a %, and breaks the statement that it is pasted into. Bound parameters "
            "keep them apart, and `lost` needs none.",
            code="""
            def put_back_titles(source, target):
                changed = 0
                with target.transaction():
                    for id, title in source.execute("SELECT id, title FROM documents").fetchall():
                        update = f"UPDATE documents SET title = '{title}' WHERE id = {id} AND title = 'Untitled'"
                        changed += target.execute(update).rowcount
                return changed
            """,
        ),
        Mistake(
            "one by one, each its own commit",
            "The table refused one of the titles, and the others are changed: half a repair. Keep it in one transaction, so that "
            "it is done or not done.",
            code=f"""
            def put_back_titles(source, target):
                changed = 0
                for id, title in source.execute("SELECT id, title FROM documents ORDER BY id").fetchall():
                    changed += target.execute("{_ONE}", [title, id]).rowcount
                return changed
            """,
        ),
        Mistake(
            "swallows the refusal",
            "The table refused one of the titles, and your function ends as if all were well. Let the error through.",
            code=f"""
            def put_back_titles(source, target):
                try:
                    with target.transaction():
                        bring(source, target)
                        return target.execute('''{_UPDATE} ''').rowcount
                except psycopg.Error:
                    return 0
            """,
        ),
        Mistake(
            "leaves out what is refused",
            "The table refused one of the titles. You left it out, changed the others, and told nobody. Let the error through: "
            "whoever calls decides.",
            code=f"""
            def put_back_titles(source, target):
                changed = 0
                with target.transaction():
                    for id, title in source.execute("SELECT id, title FROM documents ORDER BY id").fetchall():
                        try:
                            with target.transaction():
                                changed += target.execute("{_ONE}", [title, id]).rowcount
                        except psycopg.Error:
                            pass
                return changed
            """,
        ),
    ],
)
def put_back_titles(put_back_titles: Callable, trial: Trial) -> str:
    """Judge the documents of two databases: after one run, after a second, and after a title that is refused."""
    untitled = dict.fromkeys(_BEFORE, ("Untitled", "text"))
    refused = _put_back("changed", untitled, refused="Title 1006")
    told = _put_back("returned", untitled, refused="Title 1006")
    trial.compare(put_back_titles, _put_back("changed", _AFTER), f"{_SINCE} What your function changes: {{found}}.")
    trial.compare(put_back_titles, _put_back("returned", _AFTER), "The titles are right. You return {found}, not {wanted}.")
    trial.compare(put_back_titles, _put_back("returned", _AFTER, runs=2), "Run a second time, it returns {found}.")
    trial.compare(put_back_titles, refused, "The table refuses the title of 1006. What your function changes: {found}.")
    trial.compare(put_back_titles, told, "The table refuses the title of 1006.")
    return (
        "Run twice, it does no harm, and stopped half-way, it leaves nothing: that is how a repair on a running server should be."
    )
