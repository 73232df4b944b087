"""Right answers to the exercise of lesson 17b. The wrong ones stand with its checks; `test_every_check.py` gives them all."""

import functools

import psycopg

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercise."""
    return {"stack": stack, "psycopg": psycopg, "functools": functools}


RIGHT = {
    "17b.admit": [
        (
            "a policy that gives and one that takes away, in one string",
            '''
            def admit(admin):
                admin.execute("""
                    CREATE POLICY own ON notes FOR SELECT TO bench_helper USING (tenant_id = 2077);
                    CREATE POLICY no_other ON notes AS RESTRICTIVE TO bench_helper USING (tenant_id = 2077);
                    GRANT SELECT (body, title, id) ON notes TO bench_helper;
                """)
            ''',
        ),
        (
            "the old policy made anew, in a transaction",
            """
            def admit(admin):
                firm = "tenant_id = nullif(current_setting('app.tenant', true), '')::integer"
                with admin.transaction():
                    admin.execute("DROP POLICY firm ON notes")
                    admin.execute(f"CREATE POLICY firm ON notes TO bench_reader USING ({firm})")
                    admin.execute("CREATE POLICY helper ON notes FOR SELECT TO bench_helper USING (2077 = tenant_id)")
                    for column in ("id", "title", "body"):
                        admin.execute(f"GRANT SELECT ({column}) ON notes TO bench_helper")
            """,
        ),
        (
            "the old condition leaves the helper out",
            '''
            class Admit:
                def __init__(self, *steps):
                    self.steps = steps

                def __call__(self, admin):
                    for step in self.steps:
                        admin.execute(step)

            admit = Admit(
                """ALTER POLICY firm ON notes USING (current_user <> 'bench_helper'
                   AND tenant_id = nullif(current_setting('app.tenant', true), '')::integer)""",
                "CREATE POLICY helper ON notes TO bench_helper USING (tenant_id = 2077)",
                "GRANT SELECT (id, title, body) ON notes TO bench_helper",
            )
            ''',
        ),
        (
            "forced, too",
            """
            def admit(admin):
                admin.execute("ALTER TABLE notes FORCE ROW LEVEL SECURITY")
                admin.execute("ALTER POLICY firm ON notes TO bench_reader")
                admin.execute("REVOKE ALL ON notes FROM bench_helper")
                admin.execute("GRANT SELECT (id, title, body) ON notes TO bench_helper")
                admin.execute("CREATE POLICY helper ON notes TO bench_helper USING (tenant_id IN (2077))")
            """,
        ),
    ],
}
