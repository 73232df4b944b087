"""Answers to the exercises of lesson 10, wrong and right. `test_every_check.py` gives them; what else they promise is here."""

from contextlib import closing
from types import SimpleNamespace

import psycopg
import pytest
from pgvector.psycopg import register_vector

from course.stack import Stack
from tests.checks.answers import checked

ROW = "INSERT INTO notes (id, user_id, title, content) VALUES (%s, %s, %s, %s)"
VECTOR = "INSERT INTO note_vectors (note_id, embedding) VALUES (%s, %s)"
JOB = "SELECT document_id FROM jobs ORDER BY document_id LIMIT 1 FOR UPDATE SKIP LOCKED"


TAKEN = 'postgres.execute("DELETE FROM jobs WHERE document_id = (" + worker.JOB + ") RETURNING document_id").fetchone()'


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {
        "stack": stack,
        "psycopg": psycopg,
        "closing": closing,
        "register_vector": register_vector,
        "writer": SimpleNamespace(ROW=ROW, VECTOR=VECTOR),
        "worker": SimpleNamespace(JOB=JOB),
    }


def indented(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))


def changed(usual: str, old: str, new: str) -> str:
    """The usual way, with one thing changed."""
    assert old in usual
    return usual.replace(old, new)


def opened(body: str, connect: str = "closing(psycopg.connect(url))", returned: str = "len(known)") -> str:
    """The lesson's `import_notes`, with this in place of the blank."""
    start = """
register_vector(connection)
users = {id for (id,) in connection.execute("SELECT id FROM users")}
known = [note for note in notes if note[1] in users]
"""
    block = f"with {connect} as connection:\n{indented(start)}\n{indented(body)}"
    return f"def import_notes(url, notes):\n{indented(block)}\n    return {returned}"


def submit(body: str) -> str:
    return "def submit(postgres, submission, user_id, title, content, vector):\n" + indented(body)


def embed_next(body: str) -> str:
    return "def embed_next(postgres, embed):\n" + indented(body)


LOOP = """
for *note, vector in known:
    connection.execute(writer.ROW, note)
    connection.execute(writer.VECTOR, [note[0], vector])
"""
COMMITTED = f"{LOOP}connection.commit()"
AUTOCOMMIT = "closing(psycopg.connect(url, autocommit=True))"
BLOCK = f"with connection.transaction():\n{indented(LOOP)}"

FIND = 'postgres.execute("SELECT id FROM notes WHERE submission = %s", [submission]).fetchone()'
INSERT = """postgres.execute(
    "INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s) RETURNING id",
    [submission, user_id, title, content],
).fetchone()"""
ONCE = changed(INSERT, "RETURNING", "ON CONFLICT (submission) DO NOTHING RETURNING")
SAVE = "postgres.execute(writer.VECTOR, [new[0], vector])"
SUBMIT = f"""
with postgres.transaction():
    new = {ONCE}
    if new is None:
        return {FIND}[0]
    {SAVE}
    return new[0]
"""
LOOK_FIRST = f"""
with postgres.transaction():
    found = {FIND}
    if found:
        return found[0]
    new = {INSERT}
    {SAVE}
    return new[0]
"""
UPSERT = "ON CONFLICT (submission) DO UPDATE SET submission = EXCLUDED.submission RETURNING"
VECTOR_ONCE = 'postgres.execute(writer.VECTOR + " ON CONFLICT (note_id) DO NOTHING", [new[0], vector])'
TWO_COMMITS = f"""
new = {ONCE}
if new is None:
    return {FIND}[0]
{SAVE}
return new[0]
"""
CAUGHT_OUTSIDE = f"""
try:
    with postgres.transaction():
        new = {INSERT}
        {SAVE}
        return new[0]
except psycopg.errors.UniqueViolation:
    return {FIND}[0]
"""
CAUGHT_INSIDE = f"""
with postgres.transaction():
    try:
        new = {INSERT}
    except psycopg.errors.UniqueViolation:
        return {FIND}[0]
    {SAVE}
    return new[0]
"""

TEXT = "postgres.execute(\"SELECT title || E'\\\\n' || content FROM documents WHERE id = %s\", job).fetchone()[0]"
STORE = 'postgres.execute("UPDATE documents SET embedding = %s WHERE id = %s", [vector, *job])'
REMOVE = 'postgres.execute("DELETE FROM jobs WHERE document_id = %s", job)'
STEPS = f"""
job = postgres.execute(worker.JOB).fetchone()
if job is None:
    return False
vector = embed({TEXT})
{STORE}
{REMOVE}
return True
"""
WORKER = f"with postgres.transaction():\n{indented(STEPS)}"
EMBED = f"vector = embed({TEXT})"
ALL_JOBS = f"""
with postgres.transaction():
    jobs = postgres.execute(worker.JOB.replace("LIMIT 1", "")).fetchall()
    for job in jobs:
        {EMBED}
        {STORE}
        {REMOVE}
    return bool(jobs)
"""
RESTORED = f"""
job = {TAKEN}
if job is None:
    return False
try:
    {EMBED}
except Exception:
    postgres.execute("INSERT INTO jobs VALUES (%s)", job)
    raise
{STORE}
return True
"""

WRONG = {
    "10.import_notes": [
        ("a block after the SELECT", opened(BLOCK), "is only a savepoint"),
        ("no commit", opened(LOOP), "nothing was committed"),
        ("autocommit and no transaction", opened(LOOP, AUTOCOMMIT), "each statement was committed by itself"),
        (
            "a transaction for each note",
            opened(
                "for *note, vector in known:\n    with connection.transaction():\n        connection.execute(writer.ROW, note)\n"
                "        connection.execute(writer.VECTOR, [note[0], vector])",
                AUTOCOMMIT,
            ),
            "you commit note by note",
        ),
        ("a commit in the loop", opened(f"{LOOP}    connection.commit()"), "you commit note by note"),
        (
            "the bad one left out",
            opened(
                "for *note, vector in known:\n    try:\n        with connection.transaction():\n"
                "            connection.execute(writer.ROW, note)\n"
                "            connection.execute(writer.VECTOR, [note[0], vector])\n"
                "    except psycopg.Error:\n        pass",
                AUTOCOMMIT,
            ),
            "you left out the one that failed",
        ),
        (
            "the error swallowed",
            opened(f"try:\n{indented(BLOCK)}\nexcept psycopg.Error:\n    pass", AUTOCOMMIT),
            "as if all were well",
        ),
        ("everybody's", opened(changed(COMMITTED, "in known", "in notes")), "user 999, who does not exist"),
        (
            "rows only",
            opened(changed(COMMITTED, "    connection.execute(writer.VECTOR, [note[0], vector])\n", "")),
            "the vectors []",
        ),
        ("all counted", opened(COMMITTED, returned="len(notes)"), "Three notes were stored, and you return 4"),
        ("no answer", opened(COMMITTED, returned="None"), "Return how many notes were stored"),
        ("the last only", opened(changed(COMMITTED, "in known", "in known[-1:]")), "the rows [14]"),
        ("rolled back", opened(f"{LOOP}connection.rollback()"), "nothing was committed"),
    ],
    "10.submit": [
        ("look, then insert", submit(LOOK_FIRST), "you looked, found nothing"),
        (
            "the stub's own way, without a transaction",
            submit(LOOK_FIRST.replace("with postgres.transaction():", "if True:")),
            "two commits",
        ),
        (
            "insert only",
            submit(f"with postgres.transaction():\n    new = {INSERT}\n    {SAVE}\n    return new[0]"),
            "It should return the first id",
        ),
        (
            "RETURNING taken for granted",
            submit(f"with postgres.transaction():\n    new = {ONCE}\n    {SAVE}\n    return new[0]"),
            "returns no row then",
        ),
        ("None the second time", submit(changed(SUBMIT, f"return {FIND}[0]", "return None")), "the second time None"),
        ("two commits", submit(TWO_COMMITS), "its row is there: two commits"),
        (
            "the last one wins",
            submit(
                changed(
                    changed(SUBMIT, "DO NOTHING RETURNING", "DO UPDATE SET title = EXCLUDED.title RETURNING"), SAVE, VECTOR_ONCE
                )
            ),
            "The first one wins",
        ),
        (
            "the last vector wins",
            submit(
                changed(
                    changed(SUBMIT, "ON CONFLICT (submission) DO NOTHING RETURNING", UPSERT),
                    SAVE,
                    'postgres.execute(writer.VECTOR + " ON CONFLICT (note_id) DO UPDATE SET embedding = EXCLUDED.embedding", '
                    "[new[0], vector])",
                )
            ),
            "overwrites the first text or its vector",
        ),
        (
            "compares the text",
            submit(
                'same = postgres.execute("SELECT id FROM notes WHERE content = %s", [content]).fetchone()\n'
                f"if same:\n    return same[0]\n{SUBMIT}"
            ),
            "Compare the submission's id",
        ),
        ("caught inside the transaction", submit(CAUGHT_INSIDE), "Your code stopped with `InFailedSqlTransaction`"),
        ("the error swallowed", submit(f"try:\n{indented(SUBMIT)}\nexcept psycopg.Error:\n    return -1"), "as if all were well"),
        (
            "SERIALIZABLE, and no second try",
            submit(f"postgres.isolation_level = psycopg.IsolationLevel.SERIALIZABLE\n{SUBMIT}"),
            "It keeps one row only if somebody tries again",
        ),
        (
            "a transaction left open",
            submit(f'postgres.execute("BEGIN")\n{LOOK_FIRST.replace("with postgres.transaction():", "if True:")}'),
            "A transaction is still open",
        ),
        ("closes the connection", submit(f"with postgres:\n{indented(SUBMIT)}"), "closed the connection"),
        ("no return", submit(SUBMIT.replace("return new[0]", "pass")), "Return the note's id"),
        ("rows only", submit(changed(SUBMIT, SAVE, "pass")), "the vectors []"),
        (
            "an advisory lock",
            submit(changed(LOOK_FIRST, "    found =", '    postgres.execute("SELECT pg_advisory_xact_lock(10)")\n    found =')),
            "you looked, found nothing",
        ),
    ],
    "10.embed_next": [
        ("no transaction", embed_next(STEPS), "in autocommit mode that is at once"),
        ("no lock", embed_next(changed(WORKER, "worker.JOB", 'worker.JOB.replace("FOR UPDATE SKIP LOCKED", "")')), "also yours"),
        (
            "no SKIP LOCKED",
            embed_next(changed(WORKER, "worker.JOB", 'worker.JOB.replace("SKIP LOCKED", "")')),
            "your worker waits for him",
        ),
        (
            "NOWAIT",
            embed_next(changed(WORKER, "worker.JOB", 'worker.JOB.replace("SKIP LOCKED", "NOWAIT")')),
            "yours stops with an error",
        ),
        (
            "taken away first",
            embed_next(f"job = {TAKEN}\nif job is None:\n    return False\n{EMBED}\n{STORE}\nreturn True"),
            "never be embedded",
        ),
        ("taken away, and put back after an error", embed_next(RESTORED), "Killed in between, nobody ever embeds it"),
        ("all at once", embed_next(ALL_JOBS), "Lock one job, not all"),
        ("the job stays", embed_next(changed(WORKER, REMOVE, "pass")), "Its own job should be gone"),
        (
            "all jobs removed",
            embed_next(changed(WORKER, REMOVE, 'postgres.execute("DELETE FROM jobs")')),
            "Its own job should be gone",
        ),
        (
            "every document",
            embed_next(changed(WORKER, STORE, 'postgres.execute("UPDATE documents SET embedding = %s", [vector])')),
            "for 202 only",
        ),
        ("nothing stored", embed_next(changed(WORKER, STORE, "pass")), "the documents [] have a vector"),
        ("the content only", embed_next(changed(WORKER, "title || E'\\\\n' || content", "content")), "It should be the title"),
        ("a space for the line break", embed_next(changed(WORKER, "E'\\\\n'", "' '")), "a line break"),
        ("None for nothing", embed_next(changed(WORKER, "return False", "return None")), "The queue is empty: return `False`"),
        ("the id returned", embed_next(changed(WORKER, "return True", "return job[0]")), "Return `True`"),
        (
            "an empty queue forgotten",
            embed_next(changed(WORKER, "    if job is None:\n        return False\n", "")),
            "Your code stopped with",
        ),
        (
            "the error swallowed",
            embed_next(f"try:\n{indented(WORKER)}\nexcept Exception:\n    return False"),
            "as if all were well",
        ),
        (
            "zeros when the service is down",
            embed_next(
                changed(
                    WORKER, f"    {EMBED}", f"    try:\n        {EMBED}\n    except Exception:\n        vector = str([1.0] * 384)"
                )
            ),
            "of the jobs 202, 203 and 204",
        ),
        ("a transaction left open", embed_next(f'postgres.execute("BEGIN")\n{STEPS}'), "A transaction is still open"),
    ],
}
RIGHT = {
    "10.import_notes": [
        ("autocommit, and a block", opened(BLOCK, AUTOCOMMIT)),
        ("a block, then a commit", opened(f"{BLOCK}\nconnection.commit()")),
        ("psycopg's own with", opened(LOOP, "psycopg.connect(url)")),
        ("the SELECT's transaction ended first", opened(f"connection.rollback()\n{BLOCK}")),
        ("rows first, then vectors", opened("""
with connection.cursor() as cursor:
    cursor.executemany(writer.ROW, [note[:4] for note in known])
    cursor.executemany(writer.VECTOR, [(note[0], note[4]) for note in known])
connection.commit()
""")),
    ],
    "10.submit": [
        ("caught outside the transaction", submit(CAUGHT_OUTSIDE)),
        ("an update that changes nothing", submit(
            changed(changed(SUBMIT, "ON CONFLICT (submission) DO NOTHING RETURNING", UPSERT), SAVE, VECTOR_ONCE)
        )),
        ("the table locked", submit(
            changed(LOOK_FIRST, "    found =", '    postgres.execute("LOCK TABLE notes IN EXCLUSIVE MODE")\n    found =')
        )),
        ("looked first, and ON CONFLICT all the same", submit(f"found = {FIND}\nif found:\n    return found[0]\n{SUBMIT}")),
        ("one statement", submit('''
postgres.execute("""WITH new AS (
    INSERT INTO notes (submission, user_id, title, content) VALUES (%s, %s, %s, %s)
    ON CONFLICT (submission) DO NOTHING RETURNING id)
    INSERT INTO note_vectors SELECT id, %s FROM new""", [submission, user_id, title, content, vector])
return postgres.execute("SELECT id FROM notes WHERE submission = %s", [submission]).fetchone()[0]
''')),
    ],
    "10.embed_next": [
        ("taken away in the same transaction", embed_next(f"""
with postgres.transaction():
    job = {TAKEN}
    if job is None:
        return False
    {EMBED}
    {STORE}
    return True
""")),
        ("joined", embed_next('''
with postgres.transaction():
    job = postgres.execute("""SELECT id, title, content FROM jobs JOIN documents ON id = document_id
        ORDER BY id LIMIT 1 FOR UPDATE OF jobs SKIP LOCKED""").fetchone()
    if not job:
        return False
    id, title, content = job
    postgres.execute("UPDATE documents SET embedding = %s WHERE id = %s", [embed(f"{title}\\n{content}"), id])
    postgres.execute("DELETE FROM jobs WHERE document_id = %s", [id])
return True
''')),
        ("BEGIN, COMMIT and ROLLBACK by hand", embed_next(
            'postgres.execute("BEGIN")\ntry:\n'
            + indented(STEPS.replace("return True", "")).replace("return False", 'postgres.rollback()\n        return False')
            + '\nexcept Exception:\n    postgres.execute("ROLLBACK")\n    raise\npostgres.execute("COMMIT")\nreturn True'
        )),
    ],
}  # fmt: skip
NEEDS = {"10.import_notes": ("postgres",), "10.submit": ("postgres",), "10.embed_next": ("postgres",)}


def kept(stack: Stack) -> tuple:
    """Every table and every document of the lesson's server."""
    with stack.postgres.connect() as postgres:
        tables = postgres.execute("SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2").fetchall()
        rows = postgres.execute("SELECT * FROM documents ORDER BY id").fetchall()
    return tables, rows


@pytest.mark.parametrize("id", WRONG)
def test_a_check_leaves_the_database_as_it_was_whatever_the_answer(id: str, stack: Stack) -> None:
    before = kept(stack)
    for _, code, *_ in [*WRONG[id], *RIGHT[id]]:
        checked(id, code, stack)
    assert kept(stack) == before


def test_a_session_that_was_left_open_does_not_hold_the_check_up(stack: Stack) -> None:
    left_open = opened(f"kept.append(connection)\n{LOOP}", "psycopg.connect(url)", "None").replace(
        "with psycopg.connect(url) as connection:", "connection = psycopg.connect(url)\n    if True:"
    )
    result = checked("10.import_notes", f"kept = []\n{left_open}", stack)
    assert result.outcome == "not yet", result
    assert "nothing was committed" in result.message


def test_a_check_after_one_that_was_interrupted_begins_anew(stack: Stack) -> None:
    with stack.postgres.connect() as postgres:
        postgres.execute("CREATE SCHEMA check_10 CREATE TABLE users (id int)")
    assert checked("10.embed_next", RIGHT["10.embed_next"][0][1], stack).passed
