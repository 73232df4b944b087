"""The states of a migrated Fernhill that are not right yet, second part: its proof, and its search.

What is asked of `differences` and `search`, and what is right, the judges in `lesson_15.py` add to the facts.
"""

from __future__ import annotations

from course.checks.fernhill_moved import UNREADY
from course.exercises.states import State

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
        "This check exchanged the vectors of two articles, looked at `differences`, and took it back: it did not list both. "
        "Counts and sums stay the same then. Compare each vector with its own.",
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
        "This check changed one number of one vector by a millionth, looked at `differences`, and took it back: it was not "
        "listed. A copy is the same or it is not: compare exactly.",
        sees="""
            SELECT WHERE EXISTS (SELECT FROM judge.wanted WHERE probe = 'slightly'
                                 AND id NOT IN (SELECT id FROM judge.found WHERE probe = 'slightly'))
        """,
        made="""
            CREATE OR REPLACE VIEW differences AS
                SELECT id FROM articles JOIN chroma_vectors c USING (id)
                WHERE articles.embedding::halfvec(384) <> c.embedding::halfvec(384)
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


def departs(old: str, new: str) -> str:
    """The source's search, with something else in place of a part."""
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
        "`search` gives the columns {0}. The page takes `id uuid`, `title text` and `distance float8`, in this order.",
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
        made=departs("a.status = 'published' AND ", "a.status <> 'draft' AND "),
    ),
    State(
        "drafts",
        "It finds `{0}`, which is a draft. Only what is published is for the counter.",
        sees="SELECT title FROM judge.answers JOIN judge.start USING (id, title) WHERE status = 'draft' LIMIT 1",
        made=departs("a.status = 'published' AND ", "a.status <> 'withdrawn' AND "),
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
        made=departs("wanted = ANY (a.tags)", "array_to_string(a.tags, ',') LIKE '%' || wanted || '%'"),
    ),
    State(
        "without its tag",
        "Asked for the tag `{1}`, it finds `{0}`, which has not got it.",
        sees="""
            SELECT answers.title, probes.tag FROM judge.answers JOIN judge.probes USING (probe)
            JOIN judge.start USING (id) WHERE NOT probes.tag = ANY (start.tags) LIMIT 1
        """,
        made=departs(" AND wanted = ANY (a.tags)", ""),
    ),
    State(
        "more than five",
        "It gives {0} articles for one question. The page has room for five.",
        sees="SELECT count(*) FROM judge.answers GROUP BY probe HAVING count(*) > 5 LIMIT 1",
        made=departs(" LIMIT 5", ""),
    ),
    State(
        "fewer than five",
        "Asked for the tag `{0}` it gives {1} articles, and {2} qualify. A tag may stand anywhere in the list, and the LIMIT "
        "comes after the filter: five of all, and then those that qualify, are fewer.",
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
        made=departs("ORDER BY a.embedding <-> question", "ORDER BY a.embedding <-> question DESC"),
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
        "no distance",
        "It gives no distance for `{0}`. The page shows one for each.",
        sees="SELECT title FROM judge.answers WHERE distance IS NULL LIMIT 1",
        made=departs("(a.embedding <-> question) ^ 2", "NULL::float8"),
    ),
    State(
        "the root",
        "Its distance of `{0}` is {1:.3f}, and ChromaDB's page shows {2:.3f}. ChromaDB's `l2` is the square of what `<->` gives.",
        sees="""
            SELECT title, answers.distance, right_answers.distance FROM judge.answers JOIN judge.right_answers USING (probe, id)
            WHERE right_answers.distance > 0.01 AND abs(answers.distance ^ 2 - right_answers.distance) < 0.0001 LIMIT 1
        """,
        made=departs("(a.embedding <-> question) ^ 2", "a.embedding <-> question"),
    ),
    State(
        "the cosine distance",
        "Its distance of `{0}` is {1:.3f}, and ChromaDB's page shows {2:.3f}. `<=>` ranks these vectors alike, and counts by "
        "half: the collection has ChromaDB's default space, `l2`.",
        sees="""
            SELECT title, answers.distance, right_answers.distance FROM judge.answers JOIN judge.right_answers USING (probe, id)
            WHERE right_answers.distance > 0.01 AND abs(answers.distance * 2 - right_answers.distance) < 0.0001 LIMIT 1
        """,
        made=departs("(a.embedding <-> question) ^ 2", "a.embedding <=> question"),
    ),
    State(
        "another distance",
        "Its distance of `{0}` is {1:.3f}, and ChromaDB's page shows {2:.3f}. Ask ChromaDB the same question and compare.",
        sees="""
            SELECT title, answers.distance, right_answers.distance FROM judge.answers JOIN judge.right_answers USING (probe, id)
            WHERE NOT coalesce(abs(answers.distance - right_answers.distance) < 0.0001, false) LIMIT 1
        """,
        made=departs("(a.embedding <-> question) ^ 2", "a.embedding <#> question"),
    ),
]

SEARCH = [*FINDABLE, *ANSWERS]
