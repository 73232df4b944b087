"""The exercises of lesson 17: a table that is closed to other firms, and a search on a connection that is lent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import psycopg

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import Stage
from course.exercises.traces import LentConnection

FIRM, OTHER = 1041, 2077

ROLES = """
    DO $$ DECLARE role text; BEGIN
        FOREACH role IN ARRAY ARRAY['bench_owner', 'bench_reader'] LOOP
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L', role, 'bench');
            END IF;
            EXECUTE format('GRANT USAGE ON SCHEMA bench TO %I', role);
            EXECUTE format('GRANT USAGE, CREATE ON SCHEMA public TO %I', role);
        END LOOP;
    END $$;
"""
"""Two roles that may log in and are bound by a policy; the checks' own server keeps them."""

NOTES = (
    ROLES
    + """
    CREATE TABLE notes (id bigint PRIMARY KEY, tenant_id integer NOT NULL, body text NOT NULL);
    INSERT INTO notes VALUES (1, 1041, 'ours'), (2, 1041, 'ours too'), (3, 2077, 'theirs'), (1041, 2077, 'theirs'), (5, 1, 'x');
    ALTER TABLE notes OWNER TO bench_owner;
    GRANT SELECT ON notes TO bench_reader;
"""
)

POLICIES = """
    SELECT relrowsecurity, relforcerowsecurity, count(policyname), count(*) FILTER (WHERE permissive = 'PERMISSIVE'),
           coalesce(bool_or(qual ~ 'current_setting'), false)
    FROM pg_class LEFT JOIN pg_policies ON tablename = relname WHERE oid = 'notes'::regclass GROUP BY 1, 2
"""
USING = "USING (tenant_id = current_setting('app.tenant')::integer)"
ALTER = 'owner.execute("ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")'


@exercise(
    "17.protect",
    hints=[
        "Two things are needed: a policy, and that the table asks it. And one more, since the application owns the table.",
        "`ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`",
        "`CREATE POLICY firm ON notes USING (…)`: the condition of the lesson. Without a `WITH CHECK` it holds for new rows too.",
    ],
    mistakes=[
        Mistake(
            "not enabled",
            "There is a policy, and the table does not ask it: `ENABLE ROW LEVEL SECURITY` is missing.",
            old=ALTER,
            new="pass",
        ),
        Mistake(
            "FORCE alone",
            "`FORCE` says for whom the policies hold once they are enabled. It does not enable them.",
            old="ENABLE ROW LEVEL SECURITY, FORCE",
            new="FORCE",
        ),
        Mistake(
            "not forced",
            "Others are bound, and the owner is not: the application is the owner here. `FORCE ROW LEVEL SECURITY` binds it.",
            old=", FORCE ROW LEVEL SECURITY",
            new="",
        ),
        Mistake(
            "no policy",
            "Row-level security is enabled, and without a policy nobody sees anything. Which rows are allowed?",
            code=f"""
            def protect(owner):
                {ALTER}
            """,
        ),
        Mistake(
            "restrictive",
            "A restrictive policy only takes away from what a permissive one gives, and there is none. Drop `AS RESTRICTIVE`.",
            old="CREATE POLICY firm ON notes",
            new="CREATE POLICY firm ON notes AS RESTRICTIVE",
        ),
        Mistake(
            "true",
            "`USING (true)` allows every row to everybody. Compare the row's firm with the session's.",
            old=USING,
            new="USING (true)",
        ),
        Mistake(
            "reading alone",
            "A policy `FOR SELECT` allows reading and nothing else: the firm cannot add a note of its own. Without `FOR` "
            "it is for all four.",
            old="CREATE POLICY firm ON notes",
            new="CREATE POLICY firm ON notes FOR SELECT",
        ),
        Mistake(
            "any new row",
            "A firm may write notes into another's: something allows every new row. Policies are joined by OR, and without a "
            "`WITH CHECK` the condition of `USING` holds for new rows as well.",
            old=USING,
            new=USING + " WITH CHECK (true)",
        ),
        Mistake(
            "any row deleted",
            "A `DELETE` of all notes takes other firms' with it: its policy allows every row. Each command needs the condition, "
            "and a policy without `FOR` has it for all four.",
            code=f"""
            def protect(owner):
                {ALTER}
                owner.execute('''CREATE POLICY seen ON notes FOR SELECT {USING}''')
                owner.execute('''CREATE POLICY added ON notes FOR INSERT {USING.replace("USING", "WITH CHECK")}''')
                owner.execute('''CREATE POLICY changed ON notes FOR UPDATE {USING}''')
                owner.execute("CREATE POLICY gone ON notes FOR DELETE USING (true)")
            """,
        ),
        Mistake(
            "no changes",
            "A firm reads and adds, and cannot change a note of its own: there is no policy for `UPDATE`. Without `FOR`, one is "
            "for all four commands.",
            code=f"""
            def protect(owner):
                {ALTER}
                owner.execute('''CREATE POLICY seen ON notes FOR SELECT {USING}''')
                owner.execute('''CREATE POLICY added ON notes FOR INSERT {USING.replace("USING", "WITH CHECK")}''')
            """,
        ),
        Mistake(
            "open when unset",
            "Where no firm is set, everything is seen. Whoever forgets it should see nothing: let it fail.",
            old=USING,
            new="USING (coalesce(tenant_id = nullif(current_setting('app.tenant', true), '')::integer, true))",
        ),
        Mistake(
            "open when unset, by OR",
            "Where no firm was ever set, everything is seen: `current_setting('app.tenant', true)` is NULL then. Let it fail.",
            old=USING,
            new="USING (current_setting('app.tenant', true) IS NULL OR tenant_id = current_setting('app.tenant', true)::integer)",
        ),
        Mistake(
            "another column",
            "You compare the note's id with the firm. Which column says whose the note is?",
            old="(tenant_id =",
            new="(id =",
        ),
        Mistake(
            "the wrong way round",
            "That shows the notes of all other firms, and hides one's own. A policy says what is allowed.",
            old="(tenant_id =",
            new="(tenant_id <>",
        ),
        Mistake(
            "another setting",
            "No session sets that name. The firm stands in `app.tenant`.",
            old="'app.tenant'",
            new="'app.tenant_id'",
        ),
        Mistake(
            "another setting, which may be missing",
            "No session sets that name, and since you let it be missing, nobody is told. The firm stands in `app.tenant`.",
            old="current_setting('app.tenant')",
            new="current_setting('app.firm', true)",
        ),
        Mistake(
            "one firm",
            "You wrote a firm into the policy. It should compare with the session's: `current_setting('app.tenant')`.",
            old="current_setting('app.tenant')::integer",
            new="3",
        ),
        Mistake(
            "a firm where none is set",
            "Where no firm is set, you take one for it, and its notes are seen. Whoever forgets it should see none: let it fail.",
            old="current_setting('app.tenant')",
            new="coalesce(nullif(current_setting('app.tenant', true), ''), '1')",
        ),
        Mistake(
            "a setting of the owner's",
            "You set a firm on the connection that you were given, and whoever uses it next acts for that firm. The policy reads "
            "the setting; each request makes its own.",
            old="    owner.execute(",
            new="    owner.execute(\"SET app.tenant = '1041'\")\n    owner.execute(",
        ),
        Mistake(
            "a wider policy beside it",
            "Policies are joined by OR, and one of yours allows every row. Keep the one with the condition alone.",
            old=USING,
            new=USING + "; CREATE POLICY readers ON notes FOR SELECT USING (true)",
        ),
        Mistake(
            "new owners of changed rows",
            "Your policy for `UPDATE` allows every new row, so a firm hands its notes over to another. `WITH CHECK` needs the "
            "condition too, and has it where you leave it out.",
            code=f"""
            def protect(owner):
                {ALTER}
                owner.execute('''CREATE POLICY seen ON notes FOR SELECT {USING}''')
                owner.execute('''CREATE POLICY added ON notes FOR INSERT {USING.replace("USING", "WITH CHECK")}''')
                owner.execute('''CREATE POLICY changed ON notes FOR UPDATE {USING} WITH CHECK (true)''')
                owner.execute('''CREATE POLICY gone ON notes FOR DELETE {USING}''')
            """,
        ),
        Mistake(
            "for the owner alone",
            "The policy is for one role, and the others that may read the table see nothing. Without `TO` it is for all.",
            old="ON notes\n        USING",
            new="ON notes TO CURRENT_USER\n        USING",
        ),
        Mistake(
            "a right taken away",
            "That takes rights on the whole table. A policy chooses rows, and leaves the rights as they are.",
            code="""
            def protect(owner):
                owner.execute("REVOKE ALL ON notes FROM bench_reader")
            """,
        ),
        Mistake(
            "a view",
            "A view with a filter is beside the table: whoever uses the table itself still sees everything. Put a policy on it.",
            code="""
            def protect(owner):
                owner.execute('''CREATE VIEW mine AS SELECT * FROM notes
                                 WHERE tenant_id = current_setting('app.tenant')::integer''')
            """,
        ),
        Mistake(
            "the others' deleted",
            "You deleted notes. Protecting them from other firms means that they are still there.",
            code="""
            def protect(owner):
                owner.execute("DELETE FROM notes WHERE tenant_id <> 1041")
            """,
        ),
        Mistake(
            "a transaction left open",
            "Nothing has changed for anybody else: the transaction was never committed.",
            old="    owner.execute(",
            new='    owner.execute("BEGIN") if owner.info.transaction_status == 0 else None\n    owner.execute(',
        ),
    ],
)
def protect(protect: Callable, trial: Trial) -> str:
    """Judge what two roles see and may write, for a firm, and where none is set."""

    def observe(protect: Callable, stage: Stage) -> Any:
        stage.database(NOTES)
        owner = stage.connect(user="bench_owner", password="bench")
        protect(owner)
        return Parts(**_afterwards(stage), the_firm_set_on_your_connection_afterwards=_left(owner))

    trial.compare(protect, observe)
    return "Whatever statement comes next, with or without its `WHERE`, the table answers for one firm."


def _afterwards(stage: Stage) -> Parts:
    """What the owner and another role meet, by fresh connections."""
    with _as(stage, "bench_owner", FIRM) as owner, _as(stage, "bench_reader", FIRM) as reader:
        return Parts(
            the_owner_sees_for_firm_1041=_ids(stage, owner),
            another_role_sees_for_firm_1041=_ids(stage, reader),
            seen_where_no_firm_is_set=_unset(stage, None),
            seen_where_the_firm_is_empty=_unset(stage, ""),
            adds_a_note_of_its_own=_writes(owner, "INSERT INTO notes VALUES (90, 1041, 'x') RETURNING id"),
            adds_a_note_of_another_firm=_writes(owner, "INSERT INTO notes VALUES (90, 2077, 'x')"),
            moves_its_notes_to_another_firm=_writes(owner, "UPDATE notes SET tenant_id = 2077"),
            notes_that_an_update_of_all_changes=_writes(owner, "UPDATE notes SET body = 'x'"),
            notes_that_a_delete_of_all_removes=_writes(owner, "DELETE FROM notes"),
            notes_there_are=len(stage.rows("SELECT FROM notes")),
        )


def _as(stage: Stage, role: str, firm: int | str | None) -> psycopg.Connection:
    connection = psycopg.connect(stage.url, user=role, password="bench", autocommit=True, prepare_threshold=None)
    if firm is not None:
        connection.execute("SELECT set_config('app.tenant', %s, false)", [str(firm)])
    return connection


def _ids(stage: Stage, connection: psycopg.Connection) -> object:
    """The ids that are seen; where that is all or nothing, with what may be the reason."""
    try:
        found = [id for (id,) in connection.execute("SELECT id FROM notes ORDER BY id")]
    except psycopg.Error as error:
        return f"an error: {str(error).splitlines()[0]}"
    if 0 < len(found) < len(stage.rows("SELECT FROM notes")):
        return found
    ((enabled, forced, policies, permissive, setting),) = stage.rows(POLICIES)
    return (
        f"{'all' if found else 'nothing'}: enabled {enabled}, forced {forced}, policies {policies}, of them permissive "
        f"{permissive}, one reads a setting {setting}"
    )


def _unset(stage: Stage, firm: str | None) -> int:
    """How many notes a session sees that names no firm. An error shows none."""
    with _as(stage, "bench_owner", firm) as connection:
        try:
            return len(connection.execute("SELECT FROM notes").fetchall())
        except psycopg.Error:
            return 0


def _writes(connection: psycopg.Connection, statement: str) -> int:
    """How many rows a statement changes; 0 if it is refused. What it changed is rolled back."""
    try:
        with connection.transaction(force_rollback=True):
            return connection.execute(statement).rowcount
    except psycopg.Error:
        return 0


NEAREST_NOTES = "SELECT id FROM notes ORDER BY embedding <=> %s LIMIT 3"
SEARCHED = (
    ROLES
    + """
    CREATE TABLE notes (id bigint PRIMARY KEY, tenant_id integer NOT NULL, embedding vector(3) NOT NULL);
    INSERT INTO notes
        SELECT 5000 + n, (ARRAY[1041, 2077, 7])[n % 3 + 1],
            ARRAY[cos(n / 9.0) * (n % 5 + 1), sin(n / 9.0) * (n % 5 + 1), n / 50.0 * (n % 5 + 1)]::vector
        FROM generate_series(1, 24) AS n;
    GRANT SELECT ON notes TO bench_reader;
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY firm ON notes USING (tenant_id = current_setting('app.tenant')::integer);
"""
)
QUESTIONS = {"a question": [1.0, 0.2, 0.1], "another question": [0.1, 1.0, 0.3]}
FIRMS = [(FIRM, "a question"), (OTHER, "another question"), (9999, "a question")]
SET_FIRM = "connection.execute(\"SELECT set_config('app.tenant', %s, true)\", [str(firm)])"
ASK = "return [id for (id,) in connection.execute(NEAREST_NOTES, [question])]"


@exercise(
    "17.nearest",
    hints=[
        "The setting should end by itself, whether the search succeeds or fails. What ends it, if the third argument is `true`?",
        "`with connection.transaction():` around both statements; in autocommit mode each is a transaction of its own.",
        "`connection.execute(\"SELECT set_config('app.tenant', %s, true)\", [str(firm)])`, and then the search.",
    ],
    mistakes=[
        Mistake(
            "for the session",
            "The search is right, and the connection goes back with the firm still set: the next request is this firm. The third "
            "argument of `set_config` ends it with the transaction.",
            old=", true)",
            new=", false)",
        ),
        Mistake(
            "no transaction",
            "In autocommit mode each statement is a transaction of its own: the setting has ended before the search begins. One "
            "`with connection.transaction():` around both.",
            code=f"""
            def nearest(connection, firm, question):
                {SET_FIRM}
                {ASK}
            """,
        ),
        Mistake(
            "SET with a placeholder",
            "`SET` takes no bound values. `set_config` is `SET` as a function, and does.",
            old="SELECT set_config('app.tenant', %s, true)",
            new="SET LOCAL app.tenant = %s",
        ),
        Mistake(
            "the firm as a number",
            "`set_config` takes texts: there is none for a number. `str(firm)`.",
            old="str(firm)",
            new="firm",
        ),
        Mistake(
            "pasted",
            "You write the firm into the SQL's text. `set_config` takes it as a bound value, so that nothing in it can be SQL.",
            old=SET_FIRM,
            new="connection.execute(f\"SET LOCAL app.tenant = '{firm}'\")",
        ),
        Mistake(
            "reset only if all goes well",
            "If the search fails, `RESET` never runs, and the next request is this firm. A setting that is local to a "
            "transaction ends in any case.",
            code=f"""
            def nearest(connection, firm, question):
                {SET_FIRM.replace("true", "false")}
                found = [id for (id,) in connection.execute(NEAREST_NOTES, [question])]
                connection.execute("RESET app.tenant")
                return found
            """,
        ),
        Mistake(
            "a WHERE in its place",
            "The policy still asks for whom, and was not told. Set `app.tenant`; the statement needs no `WHERE`.",
            code="""
            def nearest(connection, firm, question):
                query = "SELECT id FROM notes WHERE tenant_id = %s ORDER BY embedding <=> %s LIMIT 3"
                return [id for (id,) in connection.execute(query, [firm, question])]
            """,
        ),
        Mistake(
            "another setting",
            "The policy reads `app.tenant`, and you set another name.",
            old="'app.tenant'",
            new="'app.firm'",
        ),
        Mistake(
            "one firm",
            "You set the same firm for everybody. Which one is asked for stands in `firm`.",
            old="str(firm)",
            new='"1041"',
        ),
        Mistake(
            "an open transaction",
            "You begin a transaction and do not end it: the setting stays, and the connection goes back with it. `with "
            "connection.transaction():` ends it in any case.",
            code=f"""
            def nearest(connection, firm, question):
                connection.execute("BEGIN")
                {SET_FIRM}
                {ASK}
            """,
        ),
        Mistake(
            "rows",
            "You return rows. Return the ids themselves: each row has one.",
            old="[id for (id,) in connection.execute(NEAREST_NOTES, [question])]",
            new="connection.execute(NEAREST_NOTES, [question]).fetchall()",
        ),
        Mistake(
            "one",
            "That is the closest one. Return the three closest, as a list.",
            old="[id for (id,) in connection.execute(NEAREST_NOTES, [question])]",
            new="list(connection.execute(NEAREST_NOTES, [question]).fetchone() or [])",
        ),
        Mistake(
            "all",
            "You return all notes of the firm. `NEAREST_NOTES` has a `LIMIT`.",
            old="NEAREST_NOTES, ",
            new='NEAREST_NOTES.partition("LIMIT")[0], ',
        ),
        Mistake(
            "swallowed",
            "The search failed, and you return as if nothing were found. Let the error go to the caller: the transaction ends "
            "all the same.",
            code=f"""
            def nearest(connection, firm, question):
                try:
                    with connection.transaction():
                        {SET_FIRM}
                        {ASK}
                except psycopg.Error:
                    return []
            """,
        ),
        Mistake(
            "set too late",
            "You search first, and say for whom afterwards. The policy needs to know before.",
            code=f"""
            def nearest(connection, firm, question):
                with connection.transaction():
                    found = [id for (id,) in connection.execute(NEAREST_NOTES, [question])]
                    {SET_FIRM}
                    return found
            """,
        ),
        Mistake(
            "the straight line",
            "Those are the closest by `<->`, the straight line. The notes are compared by `<=>`: `NEAREST_NOTES` has it.",
            old="NEAREST_NOTES, ",
            new='NEAREST_NOTES.replace("<=>", "<->"), ',
        ),
        Mistake(
            "one firm, whichever is asked for",
            "You set the same firm for every call. It is an argument: `str(firm)`.",
            old="[str(firm)]",
            new="['3']",
        ),
        Mistake(
            "a set",
            "A set has no order. Return a list, the closest first.",
            old="return [id for (id,) in connection.execute(NEAREST_NOTES, [question])]",
            new="return {id for (id,) in connection.execute(NEAREST_NOTES, [question])}",
        ),
        Mistake(
            "the farthest",
            "Those are the three farthest. The smallest distance comes first without `DESC`.",
            old="NEAREST_NOTES, ",
            new='NEAREST_NOTES.replace("LIMIT", "DESC LIMIT"), ',
        ),
    ],
)
def nearest(nearest: Callable, trial: Trial) -> str:
    """Judge searches for three firms on one connection, one that fails, and what the connection is left with."""

    def observe(nearest: Callable, stage: Stage) -> Any:
        connection = _lent(stage)
        try:
            found = {firm: nearest(connection, firm, np.array(QUESTIONS[name])) for firm, name in FIRMS}
        except psycopg.errors.UndefinedObject as error:
            return _untold(connection, error)
        return Parts(returned=found, the_firm_set_afterwards=_left(connection))

    def fails(nearest: Callable, stage: Stage) -> Any:
        connection = _lent(stage)
        try:
            nearest(connection, FIRM, np.array([1.0, 0.5]))
            outcome = "no error"
        except psycopg.errors.DataException:
            outcome = "an error"
        return Parts(a_search_that_fails_gives=outcome, the_firm_set_afterwards=_left(connection))

    trial.compare(nearest, observe)
    trial.compare(nearest, fails, "The question of the next search has two numbers in place of three, and PostgreSQL refuses it.")
    return "The pool may lend this connection to anybody: what was set has ended with the transaction that needed it."


def _untold(connection: LentConnection, error: psycopg.Error) -> Parts:
    """The policy was not told for whom: what was executed before it said so."""
    said = " ".join(connection.statements)
    return Parts(
        returned=f"an error: {str(error).splitlines()[0]}",
        statements=len(connection.statements),
        names_the_setting="app.tenant" in said,
        names_the_firm="WHERE" in said,
        the_firm_set_afterwards="none",
    )


def _lent(stage: Stage) -> LentConnection:
    """A connection as a pool lends it: in autocommit mode, by a role that the policy binds."""
    stage.database(SEARCHED)
    return stage.connect(user="bench_reader", password="bench")


def _left(connection: psycopg.Connection) -> str:
    """The firm that the next request finds."""
    if connection.info.transaction_status.name == "INERROR":
        return "an aborted transaction"
    with psycopg.Cursor(connection) as cursor:
        ((firm,),) = cursor.execute("SELECT coalesce(current_setting('app.tenant', true), '')").fetchall()
    return firm or "none"
