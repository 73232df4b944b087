"""The states of a migrated Fernhill that are not right yet, first part: its schema, the copy, and what was wrong before.

Each check has its rows, looked through in this order. What the queries ask stands in `fernhill_facts.py`. `made` is told of the
source's solution, or of another right state in the tests, `of`. The other parts are `fernhill_asked.py` and `fernhill_kept.py`.
"""

from __future__ import annotations

from course.exercises.states import State
from course.fernhill import Shop, articles

OWN = "a table of its own"
"""The right state of the tests in which the vectors stand in a table `passages` beside the articles."""

SCHEMA = [
    State(
        "nothing made",
        "PostgreSQL has no column `body`, `tags` or `embedding` yet. Make them in `articles`, or in a table of your own.",
        sees="SELECT WHERE NOT EXISTS (SELECT FROM judge.home)",
        made="ALTER TABLE articles DROP COLUMN body, DROP COLUMN tags, DROP COLUMN embedding CASCADE; DROP TABLE chroma_vectors",
        attempted=False,
    ),
    State(
        "two places",
        "`{0}` and `{1}` both have the columns, and neither is `articles` or leads to it. Which one do you mean? Drop the other, "
        "or give yours a foreign key.",
        sees="SELECT min(name), max(name) FROM judge.homes WHERE place = 1 HAVING count(*) > 1",
        made="""
            ALTER TABLE passages DROP CONSTRAINT passages_article_id_fkey;
            CREATE TABLE passages_again AS TABLE passages
        """,
        of=OWN,
    ),
    State(
        "whose is it",
        "`{0}` has no column `article_id`: whose text and vector is a row of it?",
        sees="SELECT name FROM judge.home WHERE NOT EXISTS (SELECT FROM judge.key)",
        made="ALTER TABLE passages RENAME article_id TO belongs_to",
        of=OWN,
    ),
    State(
        "the id as text",
        "`{0}` is {1}, and an article's id is a uuid. Text takes three times the bytes, tells `A1…` from `a1…`, and cannot be a "
        "foreign key to `articles`. psycopg takes ChromaDB's ids as text and PostgreSQL makes uuids of them.",
        sees="SELECT name, type FROM judge.key WHERE type <> 'uuid'",
        made="""
            DROP VIEW differences;
            ALTER TABLE passages DROP CONSTRAINT passages_article_id_fkey, ALTER article_id TYPE text
        """,
        of=OWN,
    ),
    State(
        "a column missing",
        "`{1}` has no column `{0}` yet. ChromaDB holds three things for each article that PostgreSQL has not: text, tags, "
        "vector.",
        sees="""
            SELECT wanted, home.name FROM judge.home, unnest(ARRAY['body', 'tags', 'embedding']) AS wanted
            WHERE wanted NOT IN (SELECT name FROM judge.columns) LIMIT 1
        """,
        made="ALTER TABLE articles DROP COLUMN body CASCADE",
    ),
    State(
        "halfvec",
        "`embedding` is {0}: two bytes a number. ChromaDB has four, so no vector would arrive as it was. First move, then "
        "decide.",
        sees="SELECT type FROM judge.columns WHERE name = 'embedding' AND type LIKE 'halfvec%'",
        made="""
            DROP VIEW differences;
            DROP INDEX articles_embedding;
            ALTER TABLE articles ALTER embedding TYPE halfvec(384)
        """,
    ),
    State(
        "any length",
        "`embedding` is `vector` without a number: it takes vectors of any length side by side, and no index. "
        "How long is one of ChromaDB's?",
        sees="SELECT type FROM judge.columns WHERE name = 'embedding' AND type = 'vector'",
        made="DROP VIEW differences; DROP INDEX articles_embedding; ALTER TABLE articles ALTER embedding TYPE vector",
    ),
    State(
        "another length",
        "`embedding` is {0}. Count the numbers of one of ChromaDB's vectors: `len(…)`.",
        sees="SELECT type FROM judge.columns WHERE name = 'embedding' AND type LIKE 'vector(%' AND type <> 'vector(384)'",
        made="ALTER TABLE articles DROP COLUMN embedding CASCADE, ADD COLUMN embedding vector(768)",
    ),
    State(
        "no vector type",
        "`embedding` is {0}. It holds the numbers, and PostgreSQL can neither compare nor index them. pgvector's type does both.",
        sees="SELECT type FROM judge.columns WHERE name = 'embedding' AND type <> 'vector(384)'",
        made="ALTER TABLE articles DROP COLUMN embedding CASCADE, ADD COLUMN embedding real[]",
    ),
    State(
        "tags in one text",
        "`tags` is one {0}. A search for `bike` in it finds `e-bike` too. A list of texts, `text[]`, keeps each tag whole.",
        sees="SELECT type FROM judge.columns WHERE name = 'tags' AND type IN ('text', 'character varying')",
        made="DROP FUNCTION search; ALTER TABLE articles ALTER tags DROP DEFAULT, ALTER tags TYPE text",
    ),
    State(
        "tags as something else",
        "`tags` is {0}. That can be asked too; the rest of Fernhill expects a list of texts, `text[]`, and `= ANY (tags)`.",
        sees="SELECT type FROM judge.columns WHERE name = 'tags' AND type NOT IN ('text[]', 'character varying[]')",
        made="ALTER TABLE articles DROP COLUMN tags CASCADE, ADD COLUMN tags jsonb",
    ),
    State(
        "a body required",
        "`body` is NOT NULL, and some entries in ChromaDB have no text: scans and drawings. An empty text would say that "
        "somebody wrote nothing. Let it be NULL.",
        sees="SELECT FROM judge.columns WHERE name = 'body' AND required",
        made="UPDATE articles SET body = '' WHERE body IS NULL; ALTER TABLE articles ALTER body SET NOT NULL",
    ),
    State(
        "a body of another type",
        "`body` is {0}, and it holds a text: `text`.",
        sees="SELECT type FROM judge.columns WHERE name = 'body' AND type NOT IN ('text', 'character varying')",
        made="ALTER TABLE articles DROP COLUMN body, ADD COLUMN body bytea",
    ),
]

UNREADY = State(
    "the columns first",
    "The columns are not as they should be yet, so their content cannot be looked at. `check.schema(shop)` says which, and how.",
    sees="SELECT FROM judge.home WHERE NOT EXISTS (SELECT FROM judge.ready)",
    made="ALTER TABLE articles DROP COLUMN tags CASCADE",
)


def nothing_copied(what: str) -> State:
    """The state in which no vector is there yet."""
    return State(
        "no vector yet",
        what,
        sees="SELECT WHERE NOT EXISTS (SELECT FROM judge.rows WHERE embedding IS NOT NULL)",
        made="ALTER TABLE articles ALTER embedding DROP NOT NULL; UPDATE articles SET embedding = NULL",
        attempted=False,
    )


COPIED = [
    UNREADY,
    nothing_copied("There is no vector in PostgreSQL yet. Copy what ChromaDB has: text, tags and vector of each article."),
    State(
        "some missing",
        "{0} articles that are in both stores have no vector in PostgreSQL, `{1}` for one. Did a batch end early, or one fail?",
        sees="""
            SELECT count(*), min(title) FROM judge.start WHERE stores = 'both' AND id IN (SELECT id FROM articles)
            AND id NOT IN (SELECT id FROM judge.rows WHERE embedding IS NOT NULL) HAVING count(*) > 0
        """,
        made="""
            ALTER TABLE articles ALTER embedding DROP NOT NULL;
            UPDATE articles SET embedding = NULL WHERE title LIKE 'Dryer%'
        """,
    ),
    State(
        "twice",
        "{0} articles have more than one vector: the copy ran again and added. A primary key on `article_id` with "
        "`ON CONFLICT … DO UPDATE` makes the second run harmless.",
        sees="""
            SELECT count(*) FROM (SELECT id FROM judge.rows GROUP BY id HAVING count(*) > 1) AS twice HAVING count(*) > 0
        """,
        made="""
            ALTER TABLE passages DROP CONSTRAINT passages_pkey;
            INSERT INTO passages SELECT * FROM passages
        """,
        of=OWN,
    ),
    State(
        "somebody else's vector",
        "`{0}` has the vector of `{1}`. `get(ids=…)` answers in an order of its own, whatever the order in which you ask. "
        "Pair each vector with the id that it came with.",
        sees="""
            SELECT mine.title, theirs.title FROM judge.rows JOIN judge.start AS mine USING (id)
            JOIN judge.start AS theirs ON rows.embedding::real[] = theirs.embedding
            WHERE mine.stores = 'both' AND theirs.id <> mine.id AND theirs.embedding <> mine.embedding LIMIT 1
        """,
        made="""
            UPDATE articles SET embedding = other.embedding FROM articles AS other
            WHERE articles.title LIKE 'Dryer drum%' AND other.title LIKE 'Blender%'
        """,
    ),
    State(
        "rounded",
        "The vectors are nearly ChromaDB's, `{0}`'s for one: they were rounded on their way, by a text or by a smaller type. "
        "`register_vector` sends each number as it is.",
        sees="""
            SELECT title FROM judge.rows JOIN judge.start USING (id)
            WHERE stores = 'both' AND rows.embedding::real[] <> start.embedding
              AND rows.embedding <-> start.embedding::vector < 0.02 LIMIT 1
        """,
        made="UPDATE articles SET embedding = embedding::halfvec(384)::vector(384)",
    ),
    State(
        "other vectors",
        "The vector of `{0}` is not the one that ChromaDB has. Was it made anew, of another text? Copy it.",
        sees="""
            SELECT title FROM judge.rows JOIN judge.start USING (id)
            WHERE stores = 'both' AND rows.embedding::real[] <> start.embedding LIMIT 1
        """,
        made="UPDATE articles SET embedding = embedding + embedding WHERE title LIKE 'Toaster%'",
    ),
    State(
        "somebody else's text",
        "`{0}` has the text of `{1}`. The lists that `get` gives belong together place by place: `zip` pairs them, and none may "
        "be sorted or filtered before.",
        sees="""
            SELECT mine.title, theirs.title FROM judge.rows JOIN judge.start AS mine USING (id)
            JOIN judge.start AS theirs ON rows.body = theirs.body WHERE theirs.id <> mine.id LIMIT 1
        """,
        made="""
            UPDATE articles SET body = other.body FROM articles AS other
            WHERE articles.title LIKE 'Dryer drum%' AND other.title LIKE 'Blender%'
        """,
    ),
    State(
        "the word None",
        "`{0}` has the text `None`: Python's word for nothing, made into a text on its way. Give psycopg the value itself.",
        sees="SELECT title FROM judge.rows JOIN judge.start USING (id) WHERE rows.body IN ('None', 'nan', 'null') LIMIT 1",
        made="UPDATE articles SET body = 'None' WHERE body IS NULL",
    ),
    State(
        "an empty text",
        "`{0}` has a text of no letters where ChromaDB has none. NULL says that there is none.",
        sees="""
            SELECT title FROM judge.rows JOIN judge.start USING (id)
            WHERE start.body IS NULL AND trim(rows.body) = '' LIMIT 1
        """,
        made="UPDATE articles SET body = '' WHERE body IS NULL",
    ),
    State(
        "texts missing",
        '{0} articles have a text in ChromaDB and none here, `{1}` for one. It comes with `include=["documents", …]`.',
        sees="""
            SELECT count(*), min(title) FROM judge.rows JOIN judge.start USING (id)
            WHERE stores = 'both' AND start.body IS NOT NULL AND rows.body IS NULL HAVING count(*) > 0
        """,
        made="UPDATE articles SET body = NULL",
    ),
    State(
        "another text",
        "The text of `{0}` is not ChromaDB's. Yours begins `{1}`.",
        sees="""
            SELECT title, left(rows.body, 40) FROM judge.rows JOIN judge.start USING (id)
            WHERE stores = 'both' AND rows.body IS DISTINCT FROM start.body LIMIT 1
        """,
        made="UPDATE articles SET body = title || chr(10) || body",
    ),
    State(
        "no tags is not NULL",
        "`{0}` has NULL for its tags. ChromaDB leaves the key out where a list would be empty: the article has no tags, and that "
        "is known. An empty list says so, and every question that is asked of it gets an answer.",
        sees="""
            SELECT title FROM judge.rows JOIN judge.start USING (id)
            WHERE stores = 'both' AND cardinality(start.tags) = 0 AND rows.tags IS NULL LIMIT 1
        """,
        made="ALTER TABLE articles ALTER tags DROP NOT NULL; UPDATE articles SET tags = NULL WHERE tags = '{}'",
    ),
    State(
        "tags in one piece",
        "`{0}` has one tag, `{1}`: the whole list, made into a text. psycopg takes a Python list for `text[]` as it is.",
        sees="""
            SELECT title, rows.tags[1] FROM judge.rows JOIN judge.start USING (id)
            WHERE cardinality(rows.tags) = 1 AND rows.tags[1] ~ '[][,{}]' LIMIT 1
        """,
        made="UPDATE articles SET tags = ARRAY[array_to_string(tags, ',')] WHERE cardinality(tags) > 1",
    ),
    State(
        "other tags",
        "`{0}` has the tags {1}, and in ChromaDB {2}.",
        sees="""
            SELECT title, rows.tags, start.tags FROM judge.rows JOIN judge.start USING (id)
            WHERE stores = 'both' AND NOT (coalesce(rows.tags, '{}') @> start.tags AND start.tags @> coalesce(rows.tags, '{}'))
            LIMIT 1
        """,
        made="UPDATE articles SET tags = tags[1:1]",
    ),
]

CLEAN = [
    UNREADY,
    nothing_copied("There is no vector in PostgreSQL yet, so nothing can be out of place."),
    State(
        "orphans adopted",
        "{0} articles are back that were deleted, `{1}` for one, when Hollis Pike left. A foreign key asks for an article of "
        "each vector. It does not ask you to invent one: the vector has to go.",
        sees="""
            SELECT count(*), min(start.title) FROM articles JOIN judge.start USING (id)
            WHERE stores = 'ChromaDB' HAVING count(*) > 0
        """,
        made=lambda shop: _adopt(shop),
    ),
    State(
        "articles gone",
        "{0} articles are gone that were there at the start, `{1}` for one. What has no vector is to be repaired, not deleted. "
        "`shop.reset()` brings the start back.",
        sees="""
            SELECT count(*), min(title) FROM judge.start
            WHERE stores <> 'ChromaDB' AND id NOT IN (SELECT id FROM articles) HAVING count(*) > 0
        """,
        made="DELETE FROM articles WHERE title LIKE 'Zip foot%'",
    ),
    State(
        "orphans along",
        "{0} vectors belong to no article. Their articles were deleted in PostgreSQL, and ChromaDB was never told: they would "
        "answer here too. Delete them, and let a foreign key refuse the next.",
        sees="SELECT count(*) FROM judge.rows WHERE id NOT IN (SELECT id FROM articles) HAVING count(*) > 0",
        made="""
            ALTER TABLE passages DROP CONSTRAINT passages_article_id_fkey;
            INSERT INTO passages (article_id, tags, embedding) SELECT gen_random_uuid(), tags, embedding FROM passages LIMIT 7
        """,
        of=OWN,
    ),
    State(
        "status overwritten",
        "`{0}` is {1} in `articles`, and was {2}. ChromaDB's `status` is a copy, and nobody has kept it up. The workshop changes "
        "PostgreSQL's, so that one is right.",
        sees="""
            SELECT start.title, articles.status, start.status FROM articles JOIN judge.start USING (id)
            WHERE articles.status <> start.status LIMIT 1
        """,
        made="UPDATE articles SET status = 'published' WHERE title LIKE 'Baking%'",
    ),
    State(
        "status copied again",
        "`{0}.{1}` is one more copy of the status, and as soon as an article is withdrawn it is wrong. `articles` has it, and a "
        "JOIN or the row itself brings it along.",
        sees="""
            SELECT home.name, columns.name FROM judge.home, judge.columns
            WHERE columns.name ~ 'status' AND NOT (is_articles AND columns.name = 'status') LIMIT 1
        """,
        made="ALTER TABLE passages ADD COLUMN status text",
        of=OWN,
    ),
    State(
        "found by nobody",
        "{0} articles have no vector, `{1}` for one, so no search finds them. ChromaDB never had one of them. What is embedded "
        "is the title, and the text below it if there is one: here the title is all there is.",
        sees="""
            SELECT count(*), min(title) FROM articles
            WHERE id NOT IN (SELECT id FROM judge.rows WHERE embedding IS NOT NULL) HAVING count(*) > 0
        """,
        made="""
            ALTER TABLE articles ALTER embedding DROP NOT NULL;
            UPDATE articles SET embedding = NULL WHERE title LIKE 'Zip foot%'
        """,
    ),
    State(
        "a vector that means nothing",
        "`{0}` has a vector that is not its title's: NOT NULL is content, and a search is not. Embed the title.",
        sees="""
            SELECT start.title FROM judge.rows JOIN judge.start USING (id)
            WHERE stores = 'PostgreSQL' AND NOT coalesce(rows.embedding <=> start.embedding::vector < 0.05, false) LIMIT 1
        """,
        made="UPDATE articles SET embedding = array_fill(0, ARRAY[384])::vector WHERE title LIKE 'Zip foot%'",
    ),
    State(
        "NULL allowed",
        "All is in place, and nothing keeps it so: the next article may be without its vector. `embedding` can be NOT NULL now.",
        sees="SELECT FROM judge.columns WHERE name = 'embedding' AND NOT required",
        made="ALTER TABLE articles ALTER embedding DROP NOT NULL",
    ),
    State(
        "two vectors allowed",
        "All is in place, and nothing keeps it so: `{0}` may hold two vectors of one article. Make `{1}` its primary key.",
        sees="""
            SELECT home.name, key.name FROM judge.home, judge.key WHERE NOT EXISTS (
                SELECT FROM pg_index WHERE indrelid = home.oid AND indisunique AND indkey::text = key.number::text)
        """,
        made="ALTER TABLE passages DROP CONSTRAINT passages_pkey",
        of=OWN,
    ),
    State(
        "no foreign key",
        "All is in place, and nothing keeps it so: delete an article, and its vector stays in `{0}`. A foreign key says whose it "
        "is.",
        sees="SELECT name FROM judge.home WHERE NOT is_articles AND NOT linked",
        made="ALTER TABLE passages DROP CONSTRAINT passages_article_id_fkey",
        of=OWN,
    ),
    State(
        "no cascade",
        "The foreign key of `{0}` keeps an article from being deleted while its vector is there. The vector belongs to it and "
        "should go along: `ON DELETE CASCADE`.",
        sees="""
            SELECT name FROM judge.home JOIN pg_constraint ON conrelid = home.oid
            WHERE NOT is_articles AND contype = 'f' AND confrelid = to_regclass('articles') AND confdeltype <> 'c'
        """,
        made="""
            ALTER TABLE passages DROP CONSTRAINT passages_article_id_fkey,
                ADD FOREIGN KEY (article_id) REFERENCES articles
        """,
        of=OWN,
    ),
]


def _adopt(shop: Shop) -> None:
    """Give the vectors whose articles were deleted an article each."""
    with shop.connect() as connection, connection.cursor() as cursor:
        insert = """
            INSERT INTO articles (id, mechanic_id, title, embedding)
            SELECT %s, mechanic_id, %s, embedding FROM articles LIMIT 1
        """
        cursor.executemany(insert, [(one.id, one.title) for one in articles() if one.stores == "ChromaDB"])
