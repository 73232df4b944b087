"""Right answers to the exercise of lesson 10 that are not its solution. `test_every_check.py` gives them."""

from contextlib import closing

import psycopg
from pgvector.psycopg import register_vector

from course.checks.notes import writer
from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercise."""
    return {"stack": stack, "psycopg": psycopg, "closing": closing, "register_vector": register_vector, "writer": writer}


RIGHT = {
    "10.import_notes": [
        (
            "autocommit, and a block",
            """
            def import_notes(url, notes):
                with closing(psycopg.connect(url, autocommit=True)) as connection:
                    register_vector(connection)
                    users = {id for (id,) in connection.execute("SELECT id FROM users")}
                    known = [note for note in notes if note[1] in users]
                    with connection.transaction():
                        for *note, vector in known:
                            connection.execute(writer.ROW, note)
                            connection.execute(writer.VECTOR, [note[0], vector])
                return len(known)
            """,
        ),
        (
            "a block, then a commit",
            """
            def import_notes(url, notes):
                with closing(psycopg.connect(url)) as connection:
                    register_vector(connection)
                    users = {id for (id,) in connection.execute("SELECT id FROM users")}
                    known = [note for note in notes if note[1] in users]
                    with connection.transaction():
                        for id, user, title, content, vector in known:
                            connection.execute(writer.ROW, (id, user, title, content))
                            connection.execute(writer.VECTOR, (id, vector))
                    connection.commit()
                return len(known)
            """,
        ),
        (
            "psycopg's own with, which commits, and dict rows",
            """
            from psycopg.rows import dict_row

            def import_notes(url, notes):
                stored = 0
                with psycopg.connect(url, row_factory=dict_row) as connection:
                    register_vector(connection)
                    users = {row["id"] for row in connection.execute("SELECT id FROM users")}
                    for *note, vector in notes:
                        if note[1] in users:
                            connection.execute(writer.ROW, note)
                            connection.execute(writer.VECTOR, [note[0], vector])
                            stored += 1
                return stored
            """,
        ),
        (
            "the SELECT's transaction ended first",
            """
            import functools

            def store(connection, known):
                with connection.transaction():
                    for *note, vector in known:
                        connection.execute(writer.ROW, note)
                        connection.execute(writer.VECTOR, [note[0], vector])

            def stored(url, notes, store):
                with closing(psycopg.connect(url)) as connection:
                    register_vector(connection)
                    users = {id for (id,) in connection.execute("SELECT id FROM users")}
                    connection.rollback()
                    known = [note for note in notes if note[1] in users]
                    store(connection, known)
                return len(known)

            import_notes = functools.partial(stored, store=store)
            """,
        ),
        (
            "rows first, then vectors, in one commit",
            """
            class Import:
                def __call__(self, url, notes):
                    with closing(psycopg.connect(url)) as connection:
                        register_vector(connection)
                        cursor = connection.cursor()
                        users = [id for (id,) in cursor.execute("SELECT id FROM users").fetchall()]
                        known = [note for note in notes if note[1] in users]
                        cursor.executemany(writer.ROW, [note[:4] for note in known])
                        cursor.executemany(writer.VECTOR, [(note[0], note[4]) for note in known])
                        connection.commit()
                    return len(known)

            import_notes = Import()
            """,
        ),
        (
            "BEGIN and COMMIT by hand, and one statement a note",
            '''
            def import_notes(url, notes):
                both = """WITH new AS (INSERT INTO notes (id, user_id, title, content) VALUES (%s, %s, %s, %s) RETURNING id)
                          INSERT INTO note_vectors SELECT id, %s FROM new"""
                with closing(psycopg.connect(url, autocommit=True)) as connection:
                    register_vector(connection)
                    ids = [note[1] for note in notes]
                    found = connection.execute("SELECT id FROM users WHERE id = ANY(%s)", [ids]).fetchall()
                    known = [note for note in notes if (note[1],) in found]
                    connection.execute("BEGIN")
                    for note in known:
                        connection.execute(both, note)
                    connection.execute("COMMIT")
                return len(known)
            ''',
        ),
    ],
}
