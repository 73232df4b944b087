"""Right answers to the exercises of lesson 17. The wrong ones stand with its checks; `test_every_check.py` gives them all."""

import functools

import psycopg

from course.checks.lesson_17 import NEAREST_NOTES
from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "psycopg": psycopg, "functools": functools, "NEAREST_NOTES": NEAREST_NOTES}


RIGHT = {
    "17.protect": [
        (
            "a setting that may be missing, and both conditions written out",
            """
            def protect(owner):
                firm = "tenant_id = nullif(current_setting('app.tenant', true), '')::int"
                with owner.transaction():
                    owner.execute("ALTER TABLE notes ENABLE ROW LEVEL SECURITY")
                    owner.execute("ALTER TABLE notes FORCE ROW LEVEL SECURITY")
                    owner.execute(f"CREATE POLICY p ON notes FOR ALL TO PUBLIC USING ({firm}) WITH CHECK ({firm})")
            """,
        ),
        (
            "a policy for each command, in one string",
            '''
            def protect(owner):
                owner.execute("""
                    ALTER TABLE notes FORCE ROW LEVEL SECURITY;
                    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
                    CREATE POLICY seen ON notes FOR SELECT USING (tenant_id::text = current_setting('app.tenant'));
                    CREATE POLICY added ON notes FOR INSERT WITH CHECK (tenant_id::text = current_setting('app.tenant'));
                    CREATE POLICY changed ON notes FOR UPDATE USING (tenant_id::text = current_setting('app.tenant'));
                    CREATE POLICY gone ON notes FOR DELETE USING (tenant_id::text = current_setting('app.tenant'));
                """)
            ''',
        ),
        (
            "everything to everybody, restricted",
            """
            class Protect:
                steps = (
                    "CREATE POLICY everybody ON notes USING (true)",
                    "CREATE POLICY firm ON notes AS RESTRICTIVE USING (tenant_id = current_setting('app.tenant')::bigint)",
                    "ALTER TABLE notes ENABLE ROW LEVEL SECURITY",
                    "ALTER TABLE notes FORCE ROW LEVEL SECURITY",
                )

                def __call__(self, owner):
                    for step in self.steps:
                        owner.execute(step)

            protect = Protect()
            """,
        ),
        (
            "the setting read by a subquery",
            '''
            def protect(owner):
                owner.execute("""CREATE POLICY firm ON notes
                                 USING (tenant_id = (SELECT current_setting('app.tenant')::integer))""")
                owner.execute("ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
            ''',
        ),
    ],
    "17.nearest": [
        (
            "set for the session, and reset in any case",
            """
            def nearest(connection, firm, question):
                connection.execute("SELECT set_config('app.tenant', %s, false)", [str(firm)])
                try:
                    return [row[0] for row in connection.execute(NEAREST_NOTES, [question]).fetchall()]
                finally:
                    connection.execute("RESET app.tenant")
            """,
        ),
        (
            "with a cursor, and a WHERE besides",
            """
            def nearest(connection, firm, question):
                with connection.transaction(), connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('app.tenant', %(firm)s::text, true)", {"firm": firm})
                    query = "SELECT id FROM notes WHERE tenant_id = %s ORDER BY embedding <=> %s LIMIT 3"
                    cursor.execute(query, [firm, question])
                    return list(map(lambda row: row[0], cursor))
            """,
        ),
        (
            "SET LOCAL, quoted by psycopg",
            """
            from psycopg import sql

            def nearest(connection, firm, question):
                with connection.transaction():
                    connection.execute(sql.SQL("SET LOCAL app.tenant = {}").format(sql.Literal(str(firm))))
                    found = connection.execute(NEAREST_NOTES, [question]).fetchall()
                return [id for (id,) in found]
            """,
        ),
        (
            "rolled back, and partly given",
            """
            def search(statement, connection, firm, question):
                with connection.transaction(force_rollback=True):
                    connection.execute("SELECT set_config('app.tenant', %s, true)", (f"{firm}",))
                    return [id for (id,) in connection.execute(statement, (question,))]

            nearest = functools.partial(search, NEAREST_NOTES)
            """,
        ),
    ],
}
