"""Right answers to the exercises of lesson 12b that are not its solutions. `test_every_check.py` gives them."""

import psycopg

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack, "psycopg": psycopg}


RIGHT = {
    "12b.update_vectors": [
        (
            "a class, autocommit, and each asked what it has",
            """
            from psycopg.rows import dict_row

            class UpdateVectors:
                NAMES = "SELECT datname AS name FROM pg_database WHERE datallowconn ORDER BY datname COLLATE \\"C\\""
                VERSIONS = "SELECT * FROM pg_available_extensions WHERE name = 'vector'"

                def __call__(self, url):
                    with psycopg.connect(url, row_factory=dict_row) as first:
                        names = [row["name"] for row in first.execute(self.NAMES)]
                    return [name for name in names if self.update(url, name)]

                def update(self, url, name):
                    with psycopg.connect(url, dbname=name, autocommit=True, row_factory=dict_row) as postgres:
                        versions = postgres.execute(self.VERSIONS).fetchone()
                        older = versions["installed_version"] not in (None, versions["default_version"])
                        if older:
                            postgres.execute("ALTER EXTENSION vector UPDATE")
                        return older

            update_vectors = UpdateVectors()
            """,
        ),
        (
            "updates wherever it is, and looks whether the version has changed",
            """
            from psycopg.conninfo import make_conninfo

            def update_vectors(url):
                version = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
                with psycopg.connect(url, autocommit=True) as first:
                    names = {name for name, in first.execute("SELECT datname FROM pg_database")}
                changed = set()
                for name in names - {"template0"}:
                    with psycopg.connect(make_conninfo(url, dbname=name), autocommit=True) as postgres:
                        before = postgres.execute(version).fetchone()
                        if before:
                            postgres.execute("ALTER EXTENSION vector UPDATE")
                            if postgres.execute(version).fetchone() != before:
                                changed.add(name)
                return sorted(changed)
            """,
        ),
        (
            "the version that is offered is asked once, and bound",
            """
            import functools

            def update(of, url):
                with psycopg.connect(url) as first:
                    (newest,) = first.execute(
                        "SELECT default_version FROM pg_available_extensions WHERE name = %s", [of]
                    ).fetchone()
                    names = first.execute("SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1").fetchall()
                done = []
                for name, in names:
                    postgres = psycopg.connect(url, dbname=name)
                    try:
                        has = postgres.execute(
                            "SELECT count(*) FROM pg_extension WHERE extname = %s AND extversion <> %s", [of, newest]
                        )
                        if has.fetchone()[0]:
                            postgres.execute(f"ALTER EXTENSION {of} UPDATE TO '{newest}'")
                            postgres.commit()
                            done += [name]
                    finally:
                        postgres.close()
                return sorted(done)

            update_vectors = functools.partial(update, "vector")
            """,
        ),
        (
            "who takes no connections is heard of by trying",
            """
            def update_vectors(url):
                with psycopg.connect(url) as first:
                    names = [name for name, in first.execute("SELECT datname FROM pg_database")]
                older = "SELECT installed_version <> default_version FROM pg_available_extensions WHERE name = 'vector'"
                updated = []
                for name in names:
                    try:
                        postgres = psycopg.connect(url, dbname=name)
                    except psycopg.OperationalError:
                        continue
                    with postgres:
                        if postgres.execute(older).fetchone()[0]:
                            postgres.execute("ALTER EXTENSION vector UPDATE")
                            updated.append(name)
                updated.sort()
                return updated
            """,
        ),
    ],
    "12b.order": [
        ("the settings after the upgrade", 'order = "PICSUFNAVOD"'),
        ("statistics first", 'order = ["P", "I", "C", "F", "S", "U", "N", "V", "A", "O", "D"]'),
        ("a tuple, the settings while people work", 'order = tuple("PICFSUNVAOD")'),
        ("with arrows", 'order = "p → i → c → s → f → u → n → a → v → o → d"'),
    ],
}
