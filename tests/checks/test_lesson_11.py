"""Right answers to the exercises of lesson 11 that are not its solutions. `test_every_check.py` gives them."""

import psycopg

from course.checks.lesson_11 import bring
from course.exercises.bench import bench
from course.stack import Stack
from tests.checks.answers import checked


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "psycopg": psycopg, "bring": bring}


RIGHT = {
    "11.settings_before": [
        (
            "a number, and False",
            """
            def settings_before(archive, xid):
                return {
                    "hot_standby": False,
                    "restore_command": f'cp "{archive}/%f" "%p"',
                    "recovery_target_action": "promote",
                    "recovery_target_xid": int(xid),
                    "recovery_target_inclusive": False,
                }
            """,
        ),
        (
            "answers while it recovers, other quotes, another order",
            """
            class SettingsBefore:
                def __call__(self, archive, xid):
                    target = dict(recovery_target_inclusive="no", recovery_target_xid=xid)
                    restore = f"cp '{archive}/%f' '%p'"
                    return target | {"restore_command": restore, "hot_standby": "on", "recovery_target_action": "promote"}

            settings_before = SettingsBefore()
            """,
        ),
        (
            "with more said",
            """
            def settings_before(archive, xid):
                settings = {"restore_command": f'test -f "{archive}/%f" && cp "{archive}/%f" "%p"', "hot_standby": "off"}
                settings["recovery_target_action"] = "promote"
                settings["recovery_target_timeline"] = "current"
                settings["recovery_target_xid"] = f"{xid}"
                settings["recovery_target_inclusive"] = "false"
                return settings
            """,
        ),
    ],
    "11.put_back_titles": [
        (
            "IN, and a subquery",
            """
            def put_back_titles(source, target):
                with target.transaction():
                    bring(source, target)
                    return target.execute(
                        '''UPDATE documents SET title = (SELECT title FROM lost WHERE lost.id = documents.id)
                           WHERE title = 'Untitled' AND id IN (SELECT id FROM lost)'''
                    ).rowcount
            """,
        ),
        (
            "MERGE",
            """
            def put_back_titles(source, target):
                with target.transaction():
                    bring(source, target)
                    return target.execute(
                        '''MERGE INTO documents USING lost ON lost.id = documents.id
                           WHEN MATCHED AND documents.title = 'Untitled' THEN UPDATE SET title = lost.title'''
                    ).rowcount
            """,
        ),
        (
            "RETURNING, and counted",
            """
            def put_back_titles(source, target):
                with target.transaction():
                    bring(source, target)
                    changed = target.execute(
                        '''UPDATE documents AS d SET title = l.title FROM lost AS l
                           WHERE d.title = %s AND d.id = l.id RETURNING d.id''',
                        ["Untitled"],
                    ).fetchall()
                return len(changed)
            """,
        ),
        (
            "row by row",
            """
            def put_back_titles(source, target):
                changed = 0
                with target.transaction():
                    for id, title in source.execute("SELECT id, title FROM documents").fetchall():
                        update = "UPDATE documents SET title = %s WHERE id = %s AND title = 'Untitled'"
                        changed += target.execute(update, [title, id]).rowcount
                return changed
            """,
        ),
        (
            "two arrays, and no table",
            """
            from psycopg.rows import dict_row

            def put_back_titles(source, target):
                rows = source.cursor(row_factory=dict_row).execute("SELECT id, title FROM documents").fetchall()
                old = [[row["id"] for row in rows], [row["title"] for row in rows]]
                return target.execute(
                    '''UPDATE documents SET title = old.title FROM unnest(%s::bigint[], %s::text[]) AS old (id, title)
                       WHERE old.id = documents.id AND documents.title = 'Untitled' ''',
                    old,
                ).rowcount
            """,
        ),
    ],
}


def test_an_answer_that_removes_the_archive_does_not_break_the_next(stack: Stack) -> None:
    removes = """
        import shutil

        def settings_before(archive, xid):
            shutil.rmtree(archive)
            return {"hot_standby": "off", "restore_command": f'cp "{archive}/%f" "%p"', "recovery_target_action": "promote"}
    """
    assert "brought no segment" in checked("11.settings_before", removes, stack).message
    assert checked("11.settings_before", RIGHT["11.settings_before"][0][1], stack).passed


def test_a_check_that_recovers_stops_no_server_and_leaves_none(stack: Stack) -> None:
    bench().database("bench")
    pids = [server.pid for server in stack.servers], bench().pid
    assert checked("11.settings_before", RIGHT["11.settings_before"][0][1], stack).passed
    assert ([server.pid for server in stack.servers], bench().pid) == pids
