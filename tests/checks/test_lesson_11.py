"""Answers to the exercises of lesson 11, wrong and right. `test_every_check.py` gives them; what else they promise is here."""

import re

import psycopg

from course.stack import Stack
from tests.checks.answers import checked, exercise


def bring(source: psycopg.Connection, target: psycopg.Connection) -> None:
    """The lesson's own: copy the source's documents into a table `lost` that lasts as long as the transaction."""
    target.execute("CREATE TEMPORARY TABLE lost (LIKE documents) ON COMMIT DROP")
    read = source.cursor().copy("COPY documents TO STDOUT (FORMAT binary)")
    write = target.cursor().copy("COPY lost FROM STDIN (FORMAT binary)")
    with read as out, write as into:
        for block in out:
            into.write(block)


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises; no answer was given yet."""
    return {"stack": stack, "lab": stack, "re": re, "psycopg": psycopg, "bring": bring}


def settings(target: str, **changed: str | None) -> str:
    """The settings with this target; a setting that is given as None is left out."""
    every = {"hot_standby": '"off"', "restore_command": RESTORE, "recovery_target_action": '"promote"'} | changed
    lines = "".join(f'        "{name}": {value},\n' for name, value in every.items() if value)
    return f"def settings_before(archive, xid):\n    target = {target}\n    return {{\n{lines}        **target,\n    }}"


def titles(statement: str, *, first: str = "bring(source, target)") -> str:
    """The usual way to put titles back, with this statement."""
    return (
        "def put_back_titles(source, target):\n    with target.transaction():\n"
        f'        {first}\n        return target.execute("""{statement}""").rowcount'
    )


def plain(body: str) -> str:
    return "def put_back_titles(source, target):\n" + _indented(body)


def segments(old: str, new: str) -> str:
    """The usual way to find what is missing, with one thing changed."""
    assert old in SEGMENTS, old
    return named(SEGMENTS.replace(old, new))


def named(body: str) -> str:
    return "def missing_segments(names):\n" + _indented(body)


def _indented(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))


RESTORE = """f'cp "{archive}/%f" "%p"'"""
BEFORE = '{"recovery_target_xid": xid, "recovery_target_inclusive": "off"}'

UPDATE = "UPDATE documents SET title = lost.title FROM lost WHERE lost.id = documents.id AND documents.title = 'Untitled'"
INSERT = "INSERT INTO documents SELECT lost.* FROM lost"
READ = 'rows = source.execute("SELECT id, title FROM documents").fetchall()\n'
ONE = "UPDATE documents SET title = %s WHERE id = %s AND title = 'Untitled'"

SEGMENTS = """
segments = {name for name in names if re.fullmatch("[0-9A-F]{24}", name)}
if not segments:
    return []
numbers = sorted(int(name[8:16], 16) * 256 + int(name[16:], 16) for name in segments)
timeline = min(segments)[:8]
every = range(min(numbers), max(numbers) + 1)
expected = [f"{timeline}{number // 256:08X}{number % 256:08X}" for number in every]
return [name for name in expected if name not in segments]
"""
RETURN = "return [name for name in expected if name not in segments]"
ONLY_SEGMENTS = 'if re.fullmatch("[0-9A-F]{24}", name)'

WRONG = {
    "11.settings_before": [
        ("the transaction is included", settings('{"recovery_target_xid": xid}'), "has recovered the mistake as well"),
        ("included aloud", settings(BEFORE.replace('"off"', '"on"')), "A target is included, unless"),
        ("no target", settings("{}"), "no setting says where to stop"),
        ("exclusive, and no target", settings('{"recovery_target_inclusive": "off"}'), "no setting says where to stop"),
        ("one less", settings('{"recovery_target_xid": str(int(xid) - 1)}'), "A lower number need not be an earlier commit"),
        ("the number as a name", settings('{"recovery_target_name": xid}'), "did not meet your target"),
        ("the number as a time", settings('{"recovery_target_time": xid}'), "The value of `recovery_target_time`"),
        ("the base backup's end", settings('{"recovery_target": "immediate"}'), "The server recovered to [0]"),
        ("two targets", settings(BEFORE[:-1] + ', "recovery_target": "immediate"}'), "You name more than one target"),
        ("misspelled", settings(BEFORE.replace("_xid", "_transaction")), "knows no setting `recovery_target_transaction`"),
        ("no boolean", settings(BEFORE.replace('"off"', '"before"')), "requires a Boolean value"),
        ("nothing to fetch with", settings(BEFORE, restore_command=None), "There is no `restore_command`"),
        ("no quotes", settings(BEFORE, restore_command="f'cp {archive}/%f %p'"), "so it needs quotes"),
        ("path and name swapped", settings(BEFORE, restore_command="""f'cp "{archive}/%p" "%f"'"""), "brought no segment"),
        ("paused, and deaf", settings(BEFORE, recovery_target_action=None), "The server arrived, and shut down"),
        (
            "paused",
            settings(BEFORE, recovery_target_action=None, hot_standby=None),
            "waits there, read-only",
        ),
        ("shut down", settings(BEFORE, recovery_target_action='"shutdown"'), "should be `promote`"),
        ("the target alone", f"def settings_before(archive, xid):\n    return {BEFORE}", "There is no `restore_command`"),
        (
            "the first mistake for all",
            "seen = []\n" + settings(f"{BEFORE}; seen.append(xid); target['recovery_target_xid'] = seen[0]"),
            "You aim at another transaction",
        ),
        ("lines of a file", "def settings_before(archive, xid):\n    return f'{archive} {xid}'", "Return the settings, a dict"),
    ],
    "11.put_back_titles": [
        ("inserts what is missing", titles(f"{INSERT} ON CONFLICT (id) DO NOTHING"), "you brought them back"),
        (
            "inserts, and overwrites",
            titles(f"{INSERT} ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title"),
            "had given document 3 a new title since",
        ),
        (
            "inserts, and overwrites what is untitled",
            titles(f"{INSERT} ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title WHERE documents.title = 'Untitled'"),
            "Documents 4 and 7 were deleted",
        ),
        (
            "all titles",
            titles("UPDATE documents SET title = lost.title FROM lost WHERE lost.id = documents.id"),
            "Change only what is still",
        ),
        (
            "all that differ",
            titles(UPDATE.replace("documents.title = 'Untitled'", "lost.title <> documents.title")),
            "had given document 3 a new title since",
        ),
        (
            "text and all",
            titles(UPDATE.replace("title = lost.title", "title = lost.title, content = lost.content", 1)),
            "The text of document 5 was changed since",
        ),
        (
            "deletes, then inserts",
            titles(INSERT, first="target.execute('DELETE FROM documents'); bring(source, target)"),
            "had given document 3 a new title since",
        ),
        (
            "deletes what is untitled, then inserts",
            titles(
                f"{INSERT} ON CONFLICT (id) DO NOTHING",
                first="target.execute(\"DELETE FROM documents WHERE title = 'Untitled'\"); bring(source, target)",
            ),
            "Documents 4 and 7 were deleted",
        ),
        ("no condition", titles("UPDATE documents SET title = lost.title FROM lost"), "had given document 3 a new title since"),
        (
            "not joined",
            titles("UPDATE documents SET title = lost.title FROM lost WHERE documents.title = 'Untitled'"),
            "Documents 9 and 10 came after the mistake",
        ),
        (
            "joined by the owner",
            titles(
                "UPDATE documents SET title = lost.title FROM lost WHERE lost.user_id = documents.user_id "
                "AND documents.title = 'Untitled' AND documents.id < 9"
            ),
            "Join the two tables by `id`",
        ),
        ("looks for the mistake in `lost`", titles(UPDATE.replace("documents.title =", "lost.title =")), "are still called"),
        (
            "the wrong way round",
            titles(UPDATE, first="bring(target, source)").replace("return target", "return source"),
            "The table `lost` is gone already",
        ),
        ("returns nothing", titles(UPDATE).replace("return ", ""), "is a `return` missing?"),
        (
            "counts all",
            titles(UPDATE).replace(".rowcount", "\n        return 8").replace("return target", "target"),
            "and you return 8",
        ),
        (
            "no transaction",
            plain(
                f'{READ}changed = 0\nfor id, title in rows:\n    changed += target.execute("{ONE}", [title, id]).rowcount\n'
                "return changed"
            ),
            "Keep it in one transaction",
        ),
        (
            "swallows the refusal",
            plain(
                f"{READ}changed = 0\nwith target.transaction():\n    for id, title in rows:\n        try:\n"
                "            with target.transaction():\n"
                f'                changed += target.execute("{ONE}", [title, id]).rowcount\n'
                "        except psycopg.Error:\n            pass\nreturn changed"
            ),
            "ended as if all were well",
        ),
        (
            "leaves a transaction open",
            plain(
                f'{READ}target.execute("BEGIN")\nchanged = 0\nfor id, title in rows:\n'
                f'    changed += target.execute("{ONE}", [title, id]).rowcount\nreturn changed'
            ),
            "is still open",
        ),
        (
            "closes the connection",
            titles(UPDATE).replace("return target", "n = target") + "\n    target.close()\n    return n",
            "closed a connection",
        ),
        ("no transaction around", titles(UPDATE).replace("target.transaction()", "target"), "The table `lost` is gone already"),
        (
            "counts what it looks at",
            plain(
                f'{READ}with target.transaction():\n    for id, title in rows:\n        target.execute("{ONE}", [title, id])\n'
                "return 5"
            ),
            "A second run had nothing to do",
        ),
        (
            "empties the witness",
            titles(UPDATE).replace("        return", "        source.execute('DELETE FROM documents')\n        return"),
            "It is the only witness",
        ),
    ],
    "11.missing_segments": [
        ("decimal numbers", segments("int(name[8:16], 16) * 256 + int(name[16:], 16)", "int(name)"), "`int(…, 16)` reads a part"),
        (
            "the lower part goes on after FF",
            segments("{number // 256:08X}{number % 256:08X}", "{number:016X}"),
            "a lower part above FF does not exist",
        ),
        (
            "the number is the whole name",
            named(
                f"numbers = sorted(int(name, 16) for name in names {ONLY_SEGMENTS})\n"
                "return [f'{n:024X}' for a, b in zip(numbers, numbers[1:]) for n in range(a + 1, b)]"
            ),
            "four billion lie in between",
        ),
        (
            "decimal digits written",
            segments("08X}{number % 256:08X", "08d}{number % 256:08d"),
            "You write the numbers in decimal ones",
        ),
        ("small letters", segments("08X}{number % 256:08X", "08x}{number % 256:08x"), "You write the digits in small letters"),
        (
            "without the timeline",
            segments('f"{timeline}{', 'f"{').replace("if name not in", "if timeline + name not in"),
            "is no segment's name. It has 24 digits",
        ),
        ("timeline 1", segments("timeline = min(segments)[:8]", 'timeline = "00000001"'), "With timeline 26"),
        (
            "the first 24 letters of any name",
            segments("name for name in names if re.fullmatch", "name[:24] for name in names if re.match"),
            "With a `.backup` file whose segment is missing",
        ),
        ("every file", segments(ONLY_SEGMENTS, ""), "Your code stopped with `ValueError`"),
        (
            "one for each hole",
            segments(RETURN, f"{RETURN}[:1]"),
            "With a hole of three, 3 are missing, and you report 1",
        ),
        (
            "neighbours as they come",
            named(
                f"segments = [name for name in names {ONLY_SEGMENTS}]\n"
                "numbers = [int(name[8:16], 16) * 256 + int(name[16:], 16) for name in segments]\nmissing = []\n"
                "for a, b in zip(numbers, numbers[1:]):\n    missing += range(a + 1, b)\n"
                "return [f'{segments[0][:8]}{n // 256:08X}{n % 256:08X}' for n in missing]"
            ),
            "is in the archive, and you report it as missing",
        ),
        ("the next one, too", segments("max(numbers) + 1", "max(numbers) + 2"), "between the first and the last"),
        ("from zero", segments("range(min(numbers), ", "range(0, "), "between the first and the last"),
        ("those that are there", segments("if name not in", "if name in"), "is in the archive"),
        ("a set", segments(RETURN, "return set(expected) - segments"), "a set has no order"),
        ("numbers", segments(RETURN, "return sorted({*every} - {*numbers})"), "Those are numbers"),
        ("how many", segments(RETURN, "return len(expected) - len(segments)"), "Return a list of names"),
        (
            "backwards",
            segments(RETURN, RETURN.replace("in expected", "in reversed(expected)")),
            "and not in order",
        ),
        ("always whole", named("return [] if names else []"), "With nine segments, one missing"),
        ("nothing in an empty archive", segments("if not segments:\n    return []\n", ""), "Your code stopped with `ValueError`"),
    ],
}  # fmt: skip
RIGHT = {
    "11.settings_before": [
        ("a number, and False", settings('{"recovery_target_xid": int(xid), "recovery_target_inclusive": False}')),
        ("answers while it recovers", settings(BEFORE, hot_standby='"on"')),
        ("in another order", settings(BEFORE, restore_command="""f"cp '{archive}/%f' '%p'\"""")),
        ("with more said", settings(BEFORE[:-1] + ', "recovery_target_timeline": "current"}')),
    ],
    "11.put_back_titles": [
        ("IN, and a subquery", titles(
            "UPDATE documents SET title = (SELECT title FROM lost WHERE lost.id = documents.id) "
            "WHERE title = 'Untitled' AND id IN (SELECT id FROM lost)"
        )),
        ("MERGE", titles(
            "MERGE INTO documents USING lost ON lost.id = documents.id "
            "WHEN MATCHED AND documents.title = 'Untitled' THEN UPDATE SET title = lost.title"
        )),
        ("row by row", plain(
            f'{READ}changed = 0\nwith target.transaction():\n    for id, title in rows:\n'
            f'        changed += target.execute("{ONE}", [title, id]).rowcount\nreturn changed'
        )),
        ("two arrays", plain(
            f"{READ}ids, old = zip(*rows)\nreturn target.execute(\"UPDATE documents SET title = t FROM unnest(%s::bigint[], "
            "%s::text[]) AS lost (id, t) WHERE lost.id = documents.id AND title = 'Untitled'\", [list(ids), list(old)]).rowcount"
        )),
    ],
    "11.missing_segments": [
        ("a tuple", segments(RETURN, "return tuple(name for name in expected if name not in segments)")),
        ("shifted", segments("int(name[8:16], 16) * 256 + int(name[16:], 16)", "int(name[8:16], 16) << 8 | int(name[22:], 16)")),
        ("sorted at the end", segments(RETURN, "return sorted(set(expected) - segments)")),
        ("by divmod", segments('[f"{timeline}{number // 256:08X}{number % 256:08X}" for number in every]',
                               '["{}{:08X}{:08X}".format(timeline, *divmod(number, 256)) for number in every]')),
        ("step by step", named(
            "segments = sorted(name for name in names if len(name) == 24)\nmissing = []\n"
            "for name, following in zip(segments, segments[1:]):\n"
            "    while True:\n"
            "        upper, lower = int(name[8:16], 16), int(name[16:], 16) + 1\n"
            "        if lower == 256:\n            upper, lower = upper + 1, 0\n"
            "        name = f'{name[:8]}{upper:08X}{lower:08X}'\n"
            "        if name == following:\n            break\n"
            "        missing.append(name)\n"
            "return missing"
        )),
    ],
}  # fmt: skip
NEEDS = {"11.settings_before": (), "11.put_back_titles": ("postgres",), "11.missing_segments": ()}


def tables_of(stack: Stack) -> list[tuple]:
    """The tables of the stack's database, and how many documents there are."""
    with stack.postgres.connect() as postgres:
        query = "SELECT oid, relname FROM pg_class WHERE relkind = 'r' AND relpersistence = 'p' ORDER BY oid"
        return [*postgres.execute(query).fetchall(), postgres.execute("SELECT count(*) FROM documents").fetchone()]


def test_a_check_of_titles_leaves_the_lessons_own_documents_as_they_were(stack: Stack) -> None:
    with stack.postgres.connect() as postgres:
        postgres.execute("CREATE EXTENSION IF NOT EXISTS vector")
    before = tables_of(stack)
    for name, code, _ in WRONG["11.put_back_titles"]:
        checked("11.put_back_titles", code, stack)
        assert tables_of(stack) == before, name


def test_a_check_that_recovers_leaves_no_server_behind_and_stops_none(stack: Stack) -> None:
    pids = [server.pid for server in stack.servers]
    for wanted, code in (("passed", settings(BEFORE, hot_standby='"on"')), ("not yet", settings("{}"))):
        assert checked("11.settings_before", code, stack).outcome == wanted
        assert {server.state for server in stack._beside["spare"].servers} == {"stopped"}
        assert [server.pid for server in stack.servers] == pids


def test_the_names_given_to_the_learner_are_theirs_to_change() -> None:
    space = {"re": re}
    exec(named("names.sort()\n" + SEGMENTS.strip()), space)
    assert exercise("11.missing_segments")(space["missing_segments"]).passed
