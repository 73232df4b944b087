"""The exercise of lesson 17b: a role that reads some columns of one firm, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import Stage

OTHER, FIRM = 1041, 2077

ROLES = """
    DO $$ DECLARE role text; BEGIN
        FOREACH role IN ARRAY ARRAY['bench_helper', 'bench_reader', 'bench_other'] LOOP
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I', role);
            END IF;
            EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEROLE NOBYPASSRLS LOGIN PASSWORD %L', role, 'bench');
            EXECUTE format('ALTER ROLE %I RESET ALL', role);
            EXECUTE (SELECT coalesce(string_agg(format('REVOKE %s FROM %I', roleid::regrole, role), ';'), 'SELECT')
                     FROM pg_auth_members WHERE member = role::regrole);
            EXECUTE format('GRANT USAGE ON SCHEMA public, bench TO %I', role);
        END LOOP;
    END $$;
"""
"""Roles are the whole server's, which the checks keep: whatever an answer has made of them ends here."""

NOTES = (
    ROLES
    + """
    CREATE TABLE notes (
        id bigint PRIMARY KEY, tenant_id integer NOT NULL, title text NOT NULL, body text NOT NULL, salary integer
    );
    INSERT INTO notes VALUES (1, 1041, 'a', 'x', 1), (2, 2077, 'b', 'y', 2), (3, 2077, 'c', 'z', 3), (2077, 7, 'd', 'w', 4);
    GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO bench_reader;
    CREATE POLICY firm ON notes USING (tenant_id = nullif(current_setting('app.tenant', true), '')::integer);
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
"""
)

GRANTS = "SELECT has_any_column_privilege('bench_helper', 'notes', 'SELECT WITH GRANT OPTION')"
COLUMNS = ("id", "tenant_id", "title", "body", "salary")
RIGHTS = 'admin.execute("GRANT SELECT (id, title, body) ON notes TO bench_helper")'
OWN = 'admin.execute("CREATE POLICY helper ON notes TO bench_helper USING (tenant_id = 2077)")'
CHANGED = 'admin.execute("ALTER POLICY firm ON notes TO bench_reader")'


@exercise(
    "17b.admit",
    hints=[
        "Three statements: a right on three columns, a policy for this role, and the old policy, which is for everybody.",
        "Policies are joined by OR. `ALTER POLICY firm ON notes TO …` says for whom the old one is from now on.",
        "`GRANT SELECT (id, title, body) ON notes TO bench_helper`, `CREATE POLICY … TO bench_helper USING (tenant_id = 2077)`.",
    ],
    mistakes=[
        Mistake(
            "the old policy left for everybody",
            "The old policy is for everybody, the helper too, and policies are joined by OR: it sets `app.tenant`, and sees that "
            "firm besides its own. For whom should the old one be?",
            old=CHANGED,
            new="pass",
        ),
        Mistake(
            "restrictive alone",
            "`AS RESTRICTIVE` takes away from what the old policy gives, and that gives nothing until the helper sets the right "
            "firm itself. It needs a policy that gives, and one that nobody else's adds to.",
            code=f"""
            def admit(admin):
                {RIGHTS}
                admin.execute("CREATE POLICY helper ON notes AS RESTRICTIVE TO bench_helper USING (tenant_id = 2077)")
            """,
        ),
        Mistake(
            "no policy for it",
            "The old policy is no longer for the helper, and no other lets it see a row. Give it one of its own.",
            old=OWN,
            new="pass",
        ),
        Mistake(
            "rights alone",
            "Which rows are seen depends on `app.tenant`, and the helper sets that as it likes. Write the firm into a policy for "
            "the role.",
            code=f"""
            def admit(admin):
                {RIGHTS}
            """,
        ),
        Mistake(
            "no right",
            "The policy says which rows. Whether the helper may read the table at all is a right: `GRANT SELECT (…)`.",
            old=RIGHTS,
            new="pass",
        ),
        Mistake(
            "every column",
            "A right on the whole table is for every column, the salary too, and none can be taken out of it. Name those that it "
            "may read: `GRANT SELECT (…) ON notes`.",
            old="SELECT (id, title, body)",
            new="SELECT",
        ),
        Mistake(
            "the salary too",
            "The helper reads the salary, which was not asked for. Three columns: `id`, `title` and `body`.",
            old="(id, title, body)",
            new="(id, title, body, salary)",
        ),
        Mistake(
            "a column missing",
            "The helper cannot read all three columns: `id`, `title` and `body`.",
            old="(id, title, body)",
            new="(id, title)",
        ),
        Mistake(
            "the firm's number too",
            "The helper needs no right on `tenant_id`: a policy may use columns that its reader may not read.",
            old="(id, title, body)",
            new="(id, tenant_id, title, body)",
        ),
        Mistake(
            "all rights",
            "`GRANT ALL` lets the helper write, and read every column. It should read three.",
            old="SELECT (id, title, body)",
            new="ALL",
        ),
        Mistake(
            "writing too",
            "The helper can change notes. It should read, and nothing else: `SELECT` alone.",
            old="GRANT SELECT (id, title, body)",
            new="GRANT SELECT (id, title, body), UPDATE, DELETE",
        ),
        Mistake(
            "rights to hand on",
            "`WITH GRANT OPTION` lets the helper give its rights to others. It should read, and nothing else.",
            old='TO bench_helper")',
            new='TO bench_helper WITH GRANT OPTION")',
        ),
        Mistake(
            "the application's writing lost",
            "The application can no longer write as it did. The old policy stays as it is, for all commands and with its "
            "condition; only for whom it is changes: `ALTER POLICY … TO`.",
            code=f"""
            def admit(admin):
                {RIGHTS}
                {OWN}
                admin.execute("DROP POLICY firm ON notes")
                admin.execute('''CREATE POLICY firm ON notes FOR SELECT TO bench_reader
                    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::integer)''')
            """,
        ),
        Mistake(
            "the old policy dropped",
            "Without the old policy the application sees nothing any more. Keep it, for the application alone.",
            old="ALTER POLICY firm ON notes TO bench_reader",
            new="DROP POLICY firm ON notes",
        ),
        Mistake(
            "the old condition changed",
            "You changed the old policy's condition, which the application needs. Change for whom it is: `ALTER POLICY … TO`.",
            old=CHANGED,
            new='admin.execute("ALTER POLICY firm ON notes USING (tenant_id = 2077)")',
        ),
        Mistake(
            "the old policy for the helper",
            "Now the old policy is for the helper, and the application is left without one. The other way round.",
            old="ALTER POLICY firm ON notes TO bench_reader",
            new="ALTER POLICY firm ON notes TO bench_helper",
        ),
        Mistake(
            "a policy for everybody",
            "Your policy is for everybody, and policies are joined by OR: the application sees firm 2077 besides its own. `TO "
            "bench_helper`.",
            old="ON notes TO bench_helper USING",
            new="ON notes USING",
        ),
        Mistake(
            "every row",
            "`USING (true)` shows the helper every firm's notes.",
            old="(tenant_id = 2077)",
            new="(true)",
        ),
        Mistake(
            "the wrong column",
            "You compare the note's id with the firm. `tenant_id` says whose it is.",
            old="(tenant_id = 2077)",
            new="(id = 2077)",
        ),
        Mistake(
            "set on the role",
            "`ALTER ROLE … SET` is a default for the helper's sessions, and each session may set another firm. A policy for the "
            "role cannot be changed by it.",
            code=f"""
            def admit(admin):
                {RIGHTS}
                admin.execute("ALTER ROLE bench_helper SET app.tenant = '2077'")
            """,
        ),
        Mistake(
            "past every policy",
            "`BYPASSRLS` lets the helper past every policy, so it sees all firms' notes. It needs a policy of its own.",
            code=f"""
            def admit(admin):
                {RIGHTS}
                admin.execute("ALTER ROLE bench_helper BYPASSRLS")
            """,
        ),
        Mistake(
            "the application's rights",
            "You gave the helper the application's role, and with it all that the application may: every column, and writing. "
            "Give it the right on three columns.",
            code=f"""
            def admit(admin):
                admin.execute("GRANT bench_reader TO bench_helper")
                {OWN}
                {CHANGED}
            """,
        ),
        Mistake(
            "a view",
            "The helper can read your view, and not the table `notes`. Give it a right on three columns of the table, and a "
            "policy.",
            code="""
            def admit(admin):
                admin.execute("CREATE VIEW helpers AS SELECT id, title, body FROM notes WHERE tenant_id = 2077")
                admin.execute("GRANT SELECT ON helpers TO bench_helper")
            """,
        ),
        Mistake(
            "switched off",
            "Row-level security is off now, and everybody sees everything.",
            code=f"""
            def admit(admin):
                {RIGHTS}
                admin.execute("ALTER TABLE notes DISABLE ROW LEVEL SECURITY")
            """,
        ),
        Mistake(
            "granted to everybody",
            "You gave the right to `PUBLIC`: every role of this database has it now. `TO bench_helper`.",
            old='ON notes TO bench_helper")',
            new='ON notes TO PUBLIC")',
        ),
        Mistake(
            "a transaction left open",
            "Nothing has changed for anybody else: the transaction was never committed.",
            old=RIGHTS,
            new=f'admin.execute("BEGIN")\n    {RIGHTS}',
        ),
    ],
)
def admit(admit: Callable, trial: Trial) -> str:
    """Judge what three roles may read and write, whatever firm they set."""

    def observe(admit: Callable, stage: Stage) -> Any:
        try:
            admit(stage.database(NOTES))
            return _afterwards(stage)
        finally:
            stage.own.execute(ROLES)

    trial.compare(admit, observe)
    return "Whatever an agent with this role is led to write, it is about these columns of this firm."


def _afterwards(stage: Stage) -> Parts:
    """What fresh sessions of three roles meet."""
    three = "SELECT id, title, body FROM notes ORDER BY id"
    writes = (
        "INSERT INTO notes VALUES (90, 2077, 'e', 'v', 5)",
        "UPDATE notes SET title = 'x'",
        "DELETE FROM notes",
        "TRUNCATE notes",
    )
    return Parts(
        the_helper_reads=_read(stage, "bench_helper", None, three),
        having_set_firm_1041_it_reads=_read(stage, "bench_helper", OTHER, three),
        having_set_firm_2077_it_reads=_read(stage, "bench_helper", FIRM, three),
        columns_the_helper_may_read=[name for name in COLUMNS if _may(stage, "bench_helper", f"SELECT {name} FROM notes")],
        the_helper_writes=any(_may(stage, "bench_helper", write) for write in writes),
        the_application_reads_for_firm_1041=_read(stage, "bench_reader", OTHER, three),
        rows_the_application_adds_changes_and_deletes=[_rows(stage, write) for write in writes[:3]],
        rows_it_adds_to_another_firm=_rows(stage, writes[0].replace("2077", "1041")),
        another_role_reads=_may(stage, "bench_other", "SELECT id FROM notes"),
        the_helper_is_past_every_policy=stage.rows("SELECT rolbypassrls FROM pg_roles WHERE rolname = 'bench_helper'"),
        the_helper_may_hand_its_rights_on=stage.rows(GRANTS),
        views_there_are=len(stage.rows("SELECT FROM pg_views WHERE schemaname = 'public'")),
    )


def _session(stage: Stage, role: str, firm: int | None) -> psycopg.Connection:
    connection = psycopg.connect(stage.url, user=role, password="bench", autocommit=True, prepare_threshold=None)
    if firm is not None:
        connection.execute("SELECT set_config('app.tenant', %s, false)", [str(firm)])
    return connection


def _read(stage: Stage, role: str, firm: int | None, query: str) -> object:
    """The ids of the notes that a role reads, or the error."""
    with _session(stage, role, firm) as connection:
        try:
            return [row[0] for row in connection.execute(query)]
        except psycopg.Error as error:
            return f"an error: {str(error).splitlines()[0]}"


def _rows(stage: Stage, statement: str) -> int:
    """How many rows the application writes by this for its firm; 0 if it is refused. It is rolled back."""
    with _session(stage, "bench_reader", FIRM) as connection:
        try:
            with connection.transaction(force_rollback=True):
                return connection.execute(statement).rowcount
        except psycopg.Error:
            return 0


def _may(stage: Stage, role: str, statement: str, firm: int = FIRM) -> bool:
    """Whether a role may do this. What it wrote is rolled back."""
    with _session(stage, role, firm) as connection:
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(statement)
            return True
        except psycopg.Error:
            return False
