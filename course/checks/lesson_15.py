"""The exercises of lesson 15: Fernhill, migrated. Eight checks of what the learner's own stores hold, in any order.

Each looks at the state that is there, and takes back whatever it tried. The states that are not right yet stand in
`fernhill_moved.py`, `fernhill_asked.py` and `fernhill_kept.py`, one row each; what a check's queries ask, in `fernhill_facts.py`.
"""

from __future__ import annotations

from uuid import UUID

import psycopg
from psycopg import sql

from course.checks import fernhill_asked as asked
from course.checks import fernhill_kept as kept
from course.checks import fernhill_moved as moved
from course.checks.fernhill_backup import add_what_it_restores
from course.checks.fernhill_facts import add, facts, home
from course.exercises.check import exercise
from course.exercises.mistakes import NotYet
from course.exercises.stage import ODD
from course.exercises.states import look
from course.fernhill import Shop, articles, embeddings


@exercise(
    "15.schema",
    hints=[
        "Write down what one entry of ChromaDB has, its type in Python, and whether it may be missing. What of it has "
        "PostgreSQL?",
        "A list of texts is `text[]`, and a vector of n numbers `vector(n)`, which `CREATE EXTENSION` brings.",
        "`ALTER TABLE articles ADD COLUMN …` three times, or `CREATE TABLE … (article_id uuid PRIMARY KEY REFERENCES articles "
        "…)`.",
    ],
    states=moved.SCHEMA,
)
def schema(shop: Shop) -> str:
    """Judge the types of the columns."""
    with facts(shop) as connection:
        look(connection, moved.SCHEMA)
    return "Each type says what may come in. The constraints come later, when there is something that they can hold."


@exercise(
    "15.copied",
    hints=[
        "One `collection.get(include=[…])` gives all there is: ids, embeddings, metadatas and documents, at equal places.",
        '`metadata.get("tags", [])`: an entry without tags has no such key. A text that is missing is `None`, and stays so.',
        '`register_vector(postgres)`, then `cursor.executemany("UPDATE articles SET … WHERE id = %s", rows)` with a list of '
        "rows.",
    ],
    states=moved.COPIED,
)
def copied(shop: Shop) -> str:
    """Judge text, tags and vector of each article that is in both stores."""
    with facts(shop) as connection:
        look(connection, moved.COPIED)
    return "Texts, tags and vectors are those of ChromaDB, each with its own article, bit for bit."


@exercise(
    "15.clean",
    hints=[
        "Three things did not agree before: vectors without an article, articles without a vector, and a status with two values.",
        "Articles that have no vector: `embed(title)` makes one. Vectors that have no article: which store is right about it?",
        "`ALTER TABLE … ALTER embedding SET NOT NULL`; in a table of its own, a primary key, and a foreign key that cascades.",
    ],
    states=moved.CLEAN,
)
def clean(shop: Shop) -> str:
    """Judge what was wrong before, and what keeps it from coming back."""
    with facts(shop) as connection:
        look(connection, moved.CLEAN)
    return "Nothing is left over from before, and what a table can refuse of it, yours refuses."


@exercise(
    "15.verified",
    hints=[
        "PostgreSQL can compare only what it has. Bring ChromaDB's vectors, or a checksum of each, into a table beside the copy.",
        "Vectors can be compared by `<>`, exactly. For whom is there one in both places? A JOIN says so.",
        "`CREATE VIEW differences AS SELECT id FROM articles JOIN … USING (id) WHERE articles.embedding <> …`",
    ],
    states=asked.VERIFIED,
)
def verified(shop: Shop) -> str:
    """Judge the view: as it is, after two vectors were exchanged, and after one was changed a little."""
    with facts(shop) as connection:
        look(connection, asked.COMPARABLE)
        _probe_differences(connection)
        look(connection, asked.PROBED)
    return (
        "It stayed empty, and it named the vectors that this check had spoiled. Both are needed: an alarm must ring, and be "
        "quiet."
    )


_SWAP = """
    WITH two AS (
        SELECT id, rows.embedding FROM judge.rows JOIN judge.start USING (id) WHERE stores = 'both' ORDER BY id LIMIT 2
    )
    UPDATE {home} SET embedding = theirs.embedding FROM two AS mine, two AS theirs
    WHERE {home}.{key} = mine.id AND mine.id <> theirs.id
"""
_NUDGE = """
    UPDATE {home} SET embedding = embedding + (ARRAY[0.000001::real] || array_fill(0::real, ARRAY[383]))::vector
    WHERE {key} = (SELECT id FROM judge.rows JOIN judge.start USING (id) WHERE stores = 'both' ORDER BY id LIMIT 1)
"""
_DIFFERENT = """
    SELECT id FROM judge.rows JOIN judge.start USING (id) WHERE stores = 'both' AND rows.embedding::real[] <> start.embedding
"""


def _probe_differences(connection: psycopg.Connection) -> None:
    """Add what `differences` lists, and what it should: as things are, and after two changes that are taken back."""
    (column,) = connection.execute("SELECT attname FROM pg_attribute WHERE attrelid = 'differences'::regclass AND attnum = 1")
    listed = sql.SQL("SELECT {} FROM differences").format(sql.Identifier(*column))
    found, wanted = [], []
    for probe, change in (("now", "SELECT"), ("swapped", _SWAP), ("slightly", _NUDGE)):
        with connection.transaction(force_rollback=True):
            connection.execute(_on_the_home(connection, change))
            found += [(probe, id) for (id,) in _listed(connection, listed)]
            wanted += [(probe, id) for (id,) in connection.execute(_DIFFERENT)]
    add(connection, "found", "probe text, id uuid", found)
    add(connection, "wanted", "probe text, id uuid", wanted)


def _listed(connection: psycopg.Connection, query: sql.Composed) -> list[tuple[UUID]]:
    """What the learner's view gives.

    Raises:
        NotYet: it stops with an error.
    """
    try:
        return connection.execute(query).fetchall()
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error as error:
        raise NotYet(f"Your view `differences` stopped when it was asked: {error.diag.message_primary or error}.") from error


def _on_the_home(connection: psycopg.Connection, statement: str) -> sql.Composed:
    """A statement about the learner's table, with the names of it and of its key filled in."""
    table, key = home(connection) or (sql.SQL(""), sql.SQL(""))
    return sql.SQL(statement).format(home=table, key=key)


PROBES = [
    ("Wake a sleeping e-bike pack with the bench supply", "battery"),
    ("E-bike motor hums but the wheel does not turn", "bike"),
    ("Mounting the Corvane child seat on oval tubes", "bike"),
    ("Milk system of bean-to-cup machines", "coffee"),
    ("Bridging the oven's thermal cut-out for a test", "electrical"),
    ("Pram wheel falls off its axle", "pram"),
    ("Pram wheel falls off its axle", ODD),
]
"""What `search` is asked: with the vector of this article, for this tag. Three are withdrawn, one is a draft."""


@exercise(
    "15.search",
    hints=[
        "Three conditions choose, one order ranks, one number ends it. Which table has the status that is kept up?",
        "`wanted = ANY (tags)`. The distance that ChromaDB shows for its default space is the square of what `<->` gives.",
        "`… ORDER BY embedding <-> question LIMIT 5`, and `(embedding <-> question) ^ 2` among what is selected.",
    ],
    states=asked.SEARCH,
)
def search(shop: Shop) -> str:
    """Judge what `search` answers to seven questions."""
    with facts(shop) as connection:
        look(connection, asked.FINDABLE)
        _ask(connection)
        look(connection, asked.ANSWERS)
    return "Nothing that was withdrawn, whole tags, and the numbers that the page has always shown. All in one statement."


_RIGHT_ANSWERS = """
    CREATE TABLE judge.right_answers AS
    SELECT probe, row_number() OVER (PARTITION BY probe ORDER BY distance) AS place, id, distance
    FROM judge.probes CROSS JOIN LATERAL (
        SELECT id, (rows.embedding <-> question::vector) ^ 2 AS distance FROM judge.rows JOIN articles USING (id)
        WHERE articles.status = 'published' AND tag = ANY (rows.tags) ORDER BY distance LIMIT 5
    ) AS five
"""


_COLUMNS = [["id uuid", f"title {text}", f"distance {number}"] for text in ("text", "varchar") for number in ("float8", "float4")]


def _ask(connection: psycopg.Connection) -> None:
    """Add the probes, what `search` answers to each, and what is right."""
    vector_of = {article.title: vector.tolist() for article, vector in zip(articles(), embeddings(), strict=True)}
    probes = [(number, vector_of[title], tag) for number, (title, tag) in enumerate(PROBES)]
    answers: list[tuple[object, ...]] = []
    failures: list[tuple[str, str, str]] = []
    for number, question, tag in probes:
        try:
            with connection.transaction(force_rollback=True):
                found = connection.execute("SELECT * FROM search(%s::vector, %s::text)", [str(question), tag])
                columns = [f"{column.name} {column.type_display}" for column in found.description or []]
                rows = found.fetchall()
        except psycopg.errors.LockNotAvailable:
            raise
        except psycopg.Error as error:
            failures.append(("call", f"{error.diag.message_primary or error}.", tag))
            break
        if columns not in _COLUMNS:
            failures.append(("columns", ", ".join(f"`{column}`" for column in columns), tag))
            break
        answers += [(number, place, *row) for place, row in enumerate(rows, start=1)]
    add(connection, "probes", "probe int, question real[], tag text", probes)
    add(connection, "answers", "probe int, place int, id uuid, title text, distance float8", answers)
    add(connection, "failure", "kind text, message text, tag text", failures)
    connection.execute(_RIGHT_ANSWERS)


@exercise(
    "15.index",
    hints=[
        "`CREATE INDEX … USING hnsw (embedding …)`: what stands after the column says for which distance.",
        "Which operator stands in the ORDER BY of your `search`? Each has a class: `vector_l2_ops`, `vector_cosine_ops`, …",
        "If `search` does not use it: an index serves the bare operator, ascending. `ORDER BY distance` may mean its square.",
    ],
    states=kept.INDEX,
)
def index(shop: Shop) -> str:
    """Judge the index, and whether `search` can use it, if there is a `search`."""
    with facts(shop) as connection:
        _use_the_index(connection)
        look(connection, kept.INDEX)
    return "It is there before it is needed, and what is asked is what it can answer. When it will be used, the planner decides."


_INDEXES = """
    CREATE TABLE judge.indexes AS
    SELECT i.oid, i.relname::text AS name, amname AS method, opcname AS class, indisvalid AS valid
    FROM judge.home JOIN pg_index ON indrelid = home.oid JOIN pg_class i ON i.oid = indexrelid JOIN pg_am ON pg_am.oid = relam
    JOIN pg_opclass ON pg_opclass.oid = indclass[0]
    WHERE amname IN ('hnsw', 'ivfflat');
    CREATE TABLE judge.used (used bool);
    CREATE TABLE judge.unused (operator text, operators_class text)
"""
_CLASSES = {"<->": "vector_l2_ops", "<=>": "vector_cosine_ops", "<#>": "vector_ip_ops"}


def _use_the_index(connection: psycopg.Connection) -> None:
    """Add the indexes on vectors, and if `search` uses none of them where it can, the operator that it orders by."""
    connection.execute(_INDEXES)
    source = connection.execute("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'search'").fetchall()
    if not source or connection.execute("SELECT FROM judge.indexes").fetchone() is None:
        return
    vector = str(embeddings()[0].tolist())
    scans = "SELECT coalesce(sum(pg_stat_get_xact_numscans(oid)), 0) FROM judge.indexes"
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
            connection.execute("SELECT * FROM search(%s::vector, 'bike')", [vector])
            used = connection.execute(scans).fetchall() != [(0,)]
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error:
        return  # it is no search yet, and `check.search(shop)` says why
    if used:
        connection.execute("INSERT INTO judge.used VALUES (true)")
    else:
        operators = [operator for operator in _CLASSES if operator in source[0][0]]
        only = operators[0] if len(operators) == 1 else ""
        connection.execute("INSERT INTO judge.unused VALUES (%s, %s)", [only, _CLASSES.get(only, "")])


@exercise(
    "15.setting",
    hints=[
        "A filter comes after the index. What makes the index go on until enough rows have passed?",
        "It has a strict value and a relaxed one. And it is to hold for every new connection to `fernhill`.",
        "`ALTER DATABASE … SET hnsw.iterative_scan = '…'`",
    ],
    states=kept.SETTING,
)
def setting(shop: Shop) -> str:
    """Judge what is set for new connections, and where."""
    with facts(shop) as connection:
        connection.execute(_SETTINGS)
        look(connection, kept.SETTING)
    return "Whoever connects to `fernhill` from now on has it. A database restored elsewhere has it if the restore is told so."


_SETTINGS = """
    CREATE TABLE judge.settings AS
    SELECT CASE WHEN setrole <> 0 THEN 'role' WHEN datname = current_database() THEN 'database' ELSE 'another database' END
               AS kind,
           CASE WHEN setrole <> 0 THEN setrole::regrole::text ELSE datname END AS place,
           split_part(one, '=', 1) AS name, lower(substr(one, strpos(one, '=') + 1)) AS value
    FROM pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase, unnest(setconfig) AS one
    UNION ALL
    SELECT 'server', '', name, setting FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'
"""


@exercise(
    "15.backup",
    hints=[
        "One program writes rows, vectors, view, function and index into one file, as they were at one moment.",
        "`subprocess.run([…], env=shop.login(), check=True)`, with `--format=custom` and `--file=…`.",
        "If something was changed since, dump once more: a backup is of the moment when it began.",
    ],
    states=kept.BACKUP,
)
def backup(shop: Shop) -> str:
    """Judge the dump by restoring it."""
    with facts(shop) as connection:
        add_what_it_restores(connection, shop)
        look(connection, kept.BACKUP)
    return (
        "Restored into an empty database, it is what you have, row by row. What `ALTER DATABASE` has set is in the file too, and "
        "`pg_restore` leaves it out unless it gets `--create`."
    )
