"""The states of a migrated Fernhill that are not right yet: for each check of lesson 15 its rows, looked through in this order.

What the queries ask stands in `fernhill_facts.py`; the judges, and what each adds to the facts, in `lesson_15.py`. `made` is
told of the source's solution, or of another right one in the tests, `of`.
"""

from __future__ import annotations

from course.checks.fernhill_backup import dump
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


def _nothing(what: str) -> State:
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
    _nothing("There is no vector in PostgreSQL yet. Copy what ChromaDB has: text, tags and vector of each article."),
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
    _nothing("There is no vector in PostgreSQL yet, so nothing can be out of place."),
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

COMPARABLE = [
    State(
        "no view",
        "There is no view `differences` yet. Its rows are the ids of the articles whose vector is not the one that ChromaDB has.",
        sees="SELECT WHERE to_regclass('differences') IS NULL",
        made="DROP VIEW differences",
        attempted=False,
    ),
    UNREADY,
    State(
        "nothing to compare",
        "There is no vector to compare yet. `differences` is looked at when the copy is there.",
        sees="SELECT WHERE NOT EXISTS (SELECT FROM judge.rows WHERE embedding IS NOT NULL)",
        made="ALTER TABLE articles ALTER embedding DROP NOT NULL; UPDATE articles SET embedding = NULL",
    ),
    State(
        "a table",
        "`differences` holds what was true when it was made. A view asks anew each time: `CREATE VIEW differences AS SELECT …`.",
        sees="SELECT FROM pg_class WHERE oid = to_regclass('differences') AND relkind <> 'v'",
        made="""
            CREATE TABLE kept AS TABLE differences;
            DROP VIEW differences;
            ALTER TABLE kept RENAME TO differences
        """,
    ),
    State(
        "no ids",
        "The first column of `differences` is `{0}`, and {1}. How many differ is less than which: let it give their ids.",
        sees="""
            SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
            WHERE attrelid = to_regclass('differences') AND attnum = 1 AND atttypid <> 'uuid'::regtype
        """,
        made="""
            DROP VIEW differences;
            CREATE VIEW differences AS
                SELECT count(*) FROM articles JOIN chroma_vectors c USING (id) WHERE articles.embedding <> c.embedding
        """,
    ),
]
"""What must be so before `differences` can be probed."""

PROBED = [
    State(
        "one store only",
        "`differences` lists `{0}`, which only {1} has. That is another fault, and `check.clean(shop)` is after it. Here, "
        "compare the vectors of those that both have: a JOIN does.",
        sees="""
            SELECT title, CASE stores WHEN 'ChromaDB' THEN 'ChromaDB' ELSE 'PostgreSQL' END
            FROM judge.found JOIN judge.start USING (id) WHERE probe = 'now' AND stores <> 'both' LIMIT 1
        """,
        made="""
            CREATE OR REPLACE VIEW differences AS
                SELECT id FROM articles FULL JOIN chroma_vectors c USING (id)
                WHERE articles.embedding IS DISTINCT FROM c.embedding
        """,
    ),
    State(
        "a false alarm",
        "`differences` lists {0} articles whose vector is ChromaDB's, bit for bit. ChromaDB's client gives eight bytes a number "
        "and a vector has four: compare like with like.",
        sees="""
            SELECT count(*) FROM judge.found WHERE probe = 'now' AND id NOT IN (SELECT id FROM judge.wanted WHERE probe = 'now')
            HAVING count(*) > 0
        """,
        made="""
            CREATE OR REPLACE VIEW differences AS
                SELECT id FROM articles JOIN chroma_vectors c USING (id)
                WHERE md5(articles.embedding::real[]::text) <> md5(c.embedding::real[]::double precision[]::text)
        """,
    ),
    State(
        "what it compares with",
        "The vector of `{0}` is not ChromaDB's, and `differences` does not list it. With what do you compare? A copy of the copy "
        "has the copy's mistakes: take ChromaDB's vectors from ChromaDB.",
        sees="""
            SELECT title FROM judge.wanted JOIN judge.start USING (id)
            WHERE probe = 'now' AND id NOT IN (SELECT id FROM judge.found WHERE probe = 'now') LIMIT 1
        """,
        made="""
            UPDATE articles SET embedding = embedding + embedding WHERE title LIKE 'Toaster%';
            UPDATE chroma_vectors c SET embedding = articles.embedding FROM articles WHERE c.id = articles.id
        """,
    ),
    State(
        "exchanged vectors unseen",
        "This check exchanged the vectors of two articles, looked at `differences`, and took it back: neither was listed. Counts "
        "and sums stay the same then. Compare each vector with its own.",
        sees="""
            SELECT WHERE (SELECT count(*) FROM judge.found JOIN judge.wanted USING (probe, id) WHERE probe = 'swapped')
                       < (SELECT count(*) FROM judge.wanted WHERE probe = 'swapped')
        """,
        made="""
            CREATE OR REPLACE VIEW differences AS
                SELECT id FROM articles
                WHERE (SELECT count(*) FROM chroma_vectors) > 1000
        """,
    ),
    State(
        "a small change unseen",
        "This check changed one number of one vector by a thousandth, looked at `differences`, and took it back: it was not "
        "listed. A copy is the same or it is not: compare exactly.",
        sees="""
            SELECT WHERE EXISTS (SELECT FROM judge.wanted WHERE probe = 'slightly'
                                 AND id NOT IN (SELECT id FROM judge.found WHERE probe = 'slightly'))
        """,
        made="""
            CREATE OR REPLACE VIEW differences AS
                SELECT id FROM articles JOIN chroma_vectors c USING (id) WHERE articles.embedding <=> c.embedding > 0.01
        """,
    ),
    State(
        "all or nothing",
        "This check changed one vector, and `differences` listed {0} articles. Which one is it?",
        sees="""
            SELECT count(*) FROM judge.found WHERE probe = 'slightly'
            HAVING count(*) > (SELECT count(*) FROM judge.wanted WHERE probe = 'slightly')
        """,
        made="""
            CREATE OR REPLACE VIEW differences AS
                SELECT id FROM chroma_vectors WHERE id IN (SELECT id FROM articles) AND EXISTS (
                    SELECT FROM articles JOIN chroma_vectors c USING (id) WHERE articles.embedding <> c.embedding)
        """,
    ),
]

VERIFIED = [*COMPARABLE, *PROBED]

ANSWER = """
    CREATE OR REPLACE FUNCTION search(question vector, wanted text)
    RETURNS TABLE (id uuid, title text, distance double precision) LANGUAGE sql STABLE AS $$
        SELECT a.id, a.title, (a.embedding <-> question) ^ 2 FROM articles a
        WHERE a.status = 'published' AND wanted = ANY (a.tags)
        ORDER BY a.embedding <-> question LIMIT 5
    $$
"""
"""The source's search, from which the wrong ones depart."""


def _departs(old: str, new: str) -> str:
    assert old in ANSWER
    return ANSWER.replace(old, new)


FINDABLE = [
    State(
        "no function",
        "There is no function `search` yet: `CREATE FUNCTION search(question vector, wanted text) RETURNS TABLE (id uuid, "
        "title text, distance double precision)`.",
        sees="""
            SELECT WHERE NOT EXISTS (SELECT FROM pg_proc WHERE proname = 'search' AND pronamespace::regnamespace::text !~ '^pg_')
        """,
        made="DROP FUNCTION search",
        attempted=False,
    ),
    UNREADY,
    State(
        "nothing to find",
        "There is no vector to find yet. `search` is looked at when the copy is there.",
        sees="SELECT WHERE NOT EXISTS (SELECT FROM judge.rows WHERE embedding IS NOT NULL)",
        made="ALTER TABLE articles ALTER embedding DROP NOT NULL; UPDATE articles SET embedding = NULL",
    ),
]
"""What must be so before `search` can be asked."""

ANSWERS = [
    State(
        "it stops",
        "`search(question, {1!r})` stopped: {0}",
        sees="SELECT message, tag FROM judge.failure WHERE kind = 'call'",
        made="""
            DROP FUNCTION search;
            CREATE FUNCTION search(question text, wanted text, n int)
            RETURNS TABLE (id uuid, title text, distance float) LANGUAGE sql AS
            $$ SELECT id, title, 0.0::float FROM articles LIMIT n $$
        """,
    ),
    State(
        "other columns",
        "`search` gives the columns {0}. The page shows `id`, `title` and `distance`, in this order.",
        sees="SELECT message FROM judge.failure WHERE kind = 'columns'",
        made="""
            DROP FUNCTION search;
            CREATE FUNCTION search(question vector, wanted text) RETURNS TABLE (title text, id uuid) LANGUAGE sql AS
            $$ SELECT title, id FROM articles LIMIT 5 $$
        """,
    ),
    State(
        "withdrawn",
        "It finds `{0}`, which the workshop has withdrawn: somebody may get hurt. Which column says so, and which of its two "
        "copies?",
        sees="SELECT title FROM judge.answers JOIN judge.start USING (id, title) WHERE status = 'withdrawn' LIMIT 1",
        made=_departs("a.status = 'published' AND ", "a.status <> 'draft' AND "),
    ),
    State(
        "drafts",
        "It finds `{0}`, which is a draft. Only what is published is for the counter.",
        sees="SELECT title FROM judge.answers JOIN judge.start USING (id, title) WHERE status = 'draft' LIMIT 1",
        made=_departs("a.status = 'published' AND ", "a.status <> 'withdrawn' AND "),
    ),
    State(
        "a part of a tag",
        "Asked for the tag `{1}`, it finds `{0}`, whose tags are {2}. `LIKE` finds a word in a word; a tag is in the list or "
        "not: `= ANY (tags)`.",
        sees="""
            SELECT answers.title, probes.tag, start.tags FROM judge.answers JOIN judge.probes USING (probe)
            JOIN judge.start USING (id) WHERE NOT probes.tag = ANY (start.tags)
            AND array_to_string(start.tags, ',') LIKE '%' || probes.tag || '%'
            AND NOT EXISTS (SELECT FROM judge.answers a JOIN judge.probes p USING (probe) JOIN judge.start s USING (id)
                            WHERE array_to_string(s.tags, ',') NOT LIKE '%' || p.tag || '%') LIMIT 1
        """,
        made=_departs("wanted = ANY (a.tags)", "array_to_string(a.tags, ',') LIKE '%' || wanted || '%'"),
    ),
    State(
        "without its tag",
        "Asked for the tag `{1}`, it finds `{0}`, which has not got it.",
        sees="""
            SELECT answers.title, probes.tag FROM judge.answers JOIN judge.probes USING (probe)
            JOIN judge.start USING (id) WHERE NOT probes.tag = ANY (start.tags) LIMIT 1
        """,
        made=_departs(" AND wanted = ANY (a.tags)", ""),
    ),
    State(
        "more than five",
        "It gives {0} articles for one question. The page has room for five.",
        sees="SELECT count(*) FROM judge.answers GROUP BY probe HAVING count(*) > 5 LIMIT 1",
        made=_departs(" LIMIT 5", ""),
    ),
    State(
        "fewer than five",
        "Asked for the tag `{0}` it gives {1} articles, and {2} qualify. Is the LIMIT inside the filter? Five of all, and then "
        "those that qualify, are fewer.",
        sees="""
            SELECT tag, count(DISTINCT answers.id), count(DISTINCT right_answers.id) FROM judge.probes
            JOIN judge.right_answers USING (probe) LEFT JOIN judge.answers USING (probe)
            GROUP BY probe, tag HAVING count(DISTINCT answers.id) < count(DISTINCT right_answers.id) LIMIT 1
        """,
        made="""
            CREATE OR REPLACE FUNCTION search(question vector, wanted text)
            RETURNS TABLE (id uuid, title text, distance double precision) LANGUAGE sql STABLE AS $$
                SELECT a.id, a.title, (a.embedding <-> question) ^ 2
                FROM (SELECT * FROM articles ORDER BY embedding <-> question LIMIT 5) a
                WHERE a.status = 'published' AND wanted = ANY (a.tags)
                ORDER BY a.embedding <-> question
            $$
        """,
    ),
    State(
        "others are nearer",
        "Asked for the tag `{0}` it gives five that qualify, and `{1}` is nearer. Order by distance, the smallest first.",
        sees="""
            SELECT tag, start.title FROM judge.right_answers JOIN judge.probes USING (probe) JOIN judge.start USING (id)
            WHERE NOT EXISTS (SELECT FROM judge.answers a WHERE a.probe = right_answers.probe AND a.id = right_answers.id)
            LIMIT 1
        """,
        made=_departs("ORDER BY a.embedding <-> question", "ORDER BY a.embedding <-> question DESC"),
    ),
    State(
        "out of order",
        "It gives the right five, and not the nearest first. Rows have no order of their own: the last ORDER BY gives them one.",
        sees="SELECT FROM judge.answers JOIN judge.right_answers USING (probe, id) WHERE answers.place <> right_answers.place",
        made="""
            CREATE OR REPLACE FUNCTION search(question vector, wanted text)
            RETURNS TABLE (id uuid, title text, distance double precision) LANGUAGE sql STABLE AS $$
                SELECT * FROM (
                    SELECT a.id, a.title, (a.embedding <-> question) ^ 2 FROM articles a
                    WHERE a.status = 'published' AND wanted = ANY (a.tags)
                    ORDER BY a.embedding <-> question LIMIT 5) five
                ORDER BY title
            $$
        """,
    ),
    State(
        "the root",
        "Its distance of `{0}` is {1:.3f}, and ChromaDB's page shows {2:.3f}. ChromaDB's `l2` is the square of what `<->` gives.",
        sees="""
            SELECT title, answers.distance, right_answers.distance FROM judge.answers JOIN judge.right_answers USING (probe, id)
            WHERE right_answers.distance > 0.01 AND abs(answers.distance ^ 2 - right_answers.distance) < 0.0001 LIMIT 1
        """,
        made=_departs("(a.embedding <-> question) ^ 2", "a.embedding <-> question"),
    ),
    State(
        "the cosine distance",
        "Its distance of `{0}` is {1:.3f}, and ChromaDB's page shows {2:.3f}. `<=>` ranks these vectors alike, and counts by "
        "half: the collection has ChromaDB's default space, `l2`.",
        sees="""
            SELECT title, answers.distance, right_answers.distance FROM judge.answers JOIN judge.right_answers USING (probe, id)
            WHERE right_answers.distance > 0.01 AND abs(answers.distance * 2 - right_answers.distance) < 0.0001 LIMIT 1
        """,
        made=_departs("(a.embedding <-> question) ^ 2", "a.embedding <=> question"),
    ),
    State(
        "another distance",
        "Its distance of `{0}` is {1:.3f}, and ChromaDB's page shows {2:.3f}. Ask ChromaDB the same question and compare.",
        sees="""
            SELECT title, answers.distance, right_answers.distance FROM judge.answers JOIN judge.right_answers USING (probe, id)
            WHERE NOT coalesce(abs(answers.distance - right_answers.distance) < 0.0001, false) LIMIT 1
        """,
        made=_departs("(a.embedding <-> question) ^ 2", "a.embedding <#> question"),
    ),
]

SEARCH = [*FINDABLE, *ANSWERS]

INDEX = [
    State(
        "no index",
        "There is no index on `embedding` yet. With 152 articles nobody needs one; next year's manuals will.",
        sees="SELECT WHERE NOT EXISTS (SELECT FROM judge.indexes)",
        made="DROP INDEX articles_embedding",
        attempted=False,
    ),
    State(
        "IVFFlat",
        "`{0}` is an IVFFlat index: its lists are chosen from the rows that are there when it is built, and the manuals are "
        "still to come. HNSW grows along.",
        sees="SELECT name FROM judge.indexes WHERE NOT EXISTS (SELECT FROM judge.indexes WHERE method = 'hnsw')",
        made="""
            DROP INDEX articles_embedding;
            CREATE INDEX articles_embedding ON articles USING ivfflat (embedding vector_l2_ops) WITH (lists = 10)
        """,
    ),
    State(
        "not valid",
        "`{0}` is not valid: a `CREATE INDEX CONCURRENTLY` did not end. Drop it, and build it again.",
        sees="SELECT name FROM judge.indexes WHERE method = 'hnsw' AND NOT valid",
        made="UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'articles_embedding'::regclass",
    ),
    State(
        "another distance",
        "`{0}` is built for another distance, {1}. ChromaDB's space is `l2`: `vector_l2_ops`, or the class of the operator that "
        "your `search` orders by.",
        sees="""
            SELECT name, class FROM judge.indexes WHERE NOT EXISTS (
                SELECT FROM judge.indexes WHERE class IN ('vector_l2_ops', 'vector_cosine_ops', 'vector_ip_ops'))
        """,
        made="""
            DROP INDEX articles_embedding;
            CREATE INDEX articles_embedding ON articles USING hnsw (embedding vector_l1_ops)
        """,
    ),
    State(
        "another class than the search",
        "`search` orders by `{2}`, and `{0}` is built for {1}. An index serves the operator of its class, and no other.",
        sees="""
            SELECT name, class, operator FROM judge.indexes, judge.unused WHERE operator <> '' AND class <> operators_class
            AND NOT EXISTS (SELECT FROM judge.indexes WHERE class = operators_class) LIMIT 1
        """,
        made="""
            DROP INDEX articles_embedding;
            CREATE INDEX articles_embedding ON articles USING hnsw (embedding vector_cosine_ops)
        """,
    ),
    State(
        "nothing that it serves",
        "The planner was kept from reading the whole table and from sorting, and `search` still does not use `{0}`. An index "
        "serves `ORDER BY embedding <-> question`, ascending and with nothing around it. A square, a minus or a MATERIALIZED "
        "part keeps it away.",
        sees="SELECT name FROM judge.indexes, judge.unused",
        made=_departs("ORDER BY a.embedding <-> question", "ORDER BY (a.embedding <-> question) ^ 2"),
    ),
]

SETTING = [
    State(
        "nothing set",
        "A new connection finds nothing set. `SET` reaches its own connection alone; what must hold for all is set on the "
        "database.",
        sees="SELECT WHERE NOT EXISTS (SELECT FROM judge.settings)",
        made="ALTER DATABASE fernhill RESET ALL",
        attempted=False,
    ),
    State(
        "another database",
        "It is set on the database `{0}`. Fernhill's is called `fernhill`.",
        sees="SELECT place FROM judge.settings WHERE kind = 'another database' AND name LIKE 'hnsw.%'",
        made="ALTER DATABASE fernhill RESET ALL; ALTER DATABASE lumen SET hnsw.iterative_scan = 'strict_order'",
    ),
    State(
        "a role",
        "It is set for the role `{0}`: the application connects as another some day. Set it on the database, and "
        "`ALTER ROLE … RESET ALL` takes this back.",
        sees="SELECT place FROM judge.settings WHERE kind = 'role' AND name LIKE 'hnsw.%'",
        made="ALTER DATABASE fernhill RESET ALL; ALTER ROLE CURRENT_USER SET hnsw.iterative_scan = 'strict_order'",
    ),
    State(
        "the server",
        "It is set for the whole server, each database on it. `ALTER SYSTEM RESET …` takes it back; set it on this database.",
        sees="SELECT FROM judge.settings WHERE kind = 'server' AND name LIKE 'hnsw.%'",
        made=lambda shop: _alone(shop, "ALTER SYSTEM SET hnsw.iterative_scan = 'strict_order'"),
    ),
    State(
        "no such value",
        "`hnsw.iterative_scan` has no value `{0}`: each new connection warns, and goes on without. There are `off`, "
        "`strict_order` and `relaxed_order`.",
        sees="""
            SELECT value FROM judge.settings WHERE kind = 'database' AND name = 'hnsw.iterative_scan'
            AND lower(value) NOT IN ('off', 'strict_order', 'relaxed_order')
        """,
        made=lambda shop: _alone(shop, "ALTER DATABASE fernhill SET hnsw.iterative_scan = 'on'"),
    ),
    State(
        "relaxed order",
        "`relaxed_order` may give rows out of order, and the page shows the nearest first.",
        sees="SELECT FROM judge.settings WHERE kind = 'database' AND name = 'hnsw.iterative_scan' AND value = 'relaxed_order'",
        made="ALTER DATABASE fernhill SET hnsw.iterative_scan = 'relaxed_order'",
    ),
    State(
        "more in advance",
        "`{0}` only moves the edge: a tag that few articles have lies beyond it. Let the index go on until enough rows have "
        "passed the filter.",
        sees="""
            SELECT name FROM judge.settings WHERE name IN ('hnsw.ef_search', 'hnsw.max_scan_tuples')
            AND NOT EXISTS (SELECT FROM judge.settings WHERE name = 'hnsw.iterative_scan' AND value = 'strict_order') LIMIT 1
        """,
        made="ALTER DATABASE fernhill RESET ALL; ALTER DATABASE fernhill SET hnsw.ef_search = 400",
    ),
    State(
        "no index at all",
        "`{0}` keeps the planner from the index: complete, and each search reads everything. Keep the index, and let it go on.",
        sees="SELECT name FROM judge.settings WHERE name LIKE 'enable\\_%' AND value = 'off' LIMIT 1",
        made="ALTER DATABASE fernhill RESET ALL; ALTER DATABASE fernhill SET enable_indexscan = off",
    ),
    State(
        "another setting",
        "`{0}` is set, and a search through the index may still end too early. Which setting lets it go on until five have "
        "passed the filter?",
        sees="""
            SELECT name FROM judge.settings WHERE NOT EXISTS (SELECT FROM judge.settings WHERE kind = 'database'
            AND name = 'hnsw.iterative_scan' AND value = 'strict_order') LIMIT 1
        """,
        made="ALTER DATABASE fernhill RESET ALL; ALTER DATABASE fernhill SET plan_cache_mode = 'force_custom_plan'",
    ),
]

BACKUP = [
    State(
        "not an archive",
        "`{1}` is no archive that `pg_restore` can read: {0} `pg_dump --format=custom` writes one.",
        sees="SELECT message, file FROM judge.restore WHERE kind = 'not an archive'",
        made=lambda shop: shop.dump.write_bytes(b""),
    ),
    State(
        "plain text",
        "`{0}` is a script for `psql`: no part of it can be looked at or restored alone, and `pg_restore` refuses it. "
        "`pg_dump --format=custom` writes an archive.",
        sees="SELECT file FROM judge.restore WHERE kind = 'plain'",
        made=lambda shop: shop.dump.write_text("--\n-- PostgreSQL database dump\n--\n"),
    ),
    State(
        "it does not restore",
        "Restored into an empty database, the dump stops: {0} A backup holds tables and rows, and all that they need.",
        sees="SELECT message FROM judge.restore WHERE kind = 'failed'",
        made=lambda shop: dump(shop, "--data-only"),
    ),
    State(
        "a table missing",
        "Restored, it has no table `{0}`. `--table` dumps what it names and nothing else; without it, everything is in.",
        sees="""
            SELECT relation FROM judge.now WHERE kind = 'table' AND relation NOT IN (SELECT relation FROM judge.restored) LIMIT 1
        """,
        made=lambda shop: dump(shop, "--table=articles", "--table=mechanics"),
    ),
    State(
        "no vectors in it",
        "Restored, it has no vectors, and neither has the database: there is a backup of what was there before. Copy first, then "
        "dump once more.",
        sees="SELECT WHERE NOT EXISTS (SELECT FROM judge.rows WHERE embedding IS NOT NULL)",
        made=lambda shop: _without_vectors(shop),
    ),
    State(
        "a schema without rows",
        "Restored, `{0}` is empty. `--schema-only` keeps the tables and leaves their rows behind.",
        sees="""
            SELECT relation FROM judge.now JOIN judge.restored USING (kind, relation)
            WHERE kind = 'table' AND now.rows > 0 AND restored.rows = 0 LIMIT 1
        """,
        made=lambda shop: dump(shop, "--schema-only"),
    ),
    State(
        "older than the database",
        "Restored, `{0}` is not what it is now: the dump is older. Dump once more.",
        sees="""
            SELECT relation FROM judge.now LEFT JOIN judge.restored USING (kind, relation)
            WHERE now.sum IS DISTINCT FROM restored.sum LIMIT 1
        """,
        made="UPDATE articles SET body = 'Rewritten since.' WHERE title LIKE 'Toaster%'",
    ),
]


def _alone(shop: Shop, *statements: str) -> None:
    """Run statements one by one, as no transaction may hold some of them, after what was set on the database is taken back."""
    with shop.connect() as connection:
        for statement in ("ALTER DATABASE fernhill RESET ALL", *statements, "SELECT pg_reload_conf()"):
            connection.execute(statement.encode())


def _adopt(shop: Shop) -> None:
    """Give the vectors whose articles were deleted an article each."""
    with shop.connect() as connection, connection.cursor() as cursor:
        insert = """
            INSERT INTO articles (id, mechanic_id, title, embedding)
            SELECT %s, mechanic_id, %s, embedding FROM articles LIMIT 1
        """
        cursor.executemany(insert, [(one.id, one.title) for one in articles() if one.stores == "ChromaDB"])


def _without_vectors(shop: Shop) -> None:
    """Take the vectors away, and dump what is left."""
    _alone(shop, "ALTER TABLE articles DROP COLUMN embedding CASCADE", "DROP TABLE chroma_vectors")
    dump(shop)
