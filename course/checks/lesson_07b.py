"""The exercises of lesson 07b: candidates chosen by bits and reranked, and the index that a search of wide vectors can use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import psycopg

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import ODD, Stage
from course.servers.rows import only

DOCUMENTS = "CREATE TABLE documents (id bigint PRIMARY KEY, title text NOT NULL, embedding vector(384) NOT NULL)"
BY_BITS = """
    CREATE INDEX documents_bits ON documents USING hnsw ((binary_quantize(embedding)::bit(384)) bit_hamming_ops)
"""
SETTINGS = "-c hnsw.ef_search=1000 -c enable_seqscan=off"
SCANS = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'documents_bits'"

ROWS = 300
SMALL = np.full(ROWS, 0.01)
EVEN = np.concatenate([SMALL, np.ones(84)])
HEAVY = np.concatenate([SMALL, np.ones(83), [300.0]])
"""Two questions of the same bits, to which other documents are near."""


@cache
def planted() -> list[tuple[int, str]]:
    """Ids and vectors, these as text: the n-th differs from both questions in n bits. Lengths, and what is near by cosine, are
    random."""
    random = np.random.default_rng(2)
    vectors = np.tile(EVEN, (ROWS, 1))
    for bits, vector in enumerate(vectors):
        vector[:bits] *= -1
    vectors[:, -1] += random.permutation(ROWS) / 10
    vectors *= 1 + random.permutation(ROWS)[:, None] / 100
    ids = 1_000 + random.permutation(ROWS)
    return sorted(zip(ids.tolist(), map(str, vectors.tolist()), strict=True))


RERANKED = "ORDER BY embedding <=> %(q)s LIMIT %(k)s"
VALUES = '{"q": vector, "k": k, "candidates": candidates}'


@exercise(
    "07b.rerank",
    hints=[
        "Two steps, each with an `ORDER BY` and a `LIMIT` of its own: a `SELECT` in brackets after `FROM`, and one around it.",
        "The inner one sorts by the very expression that `documents_bits` holds, as `BY_BITS` does, and hands on `id` and "
        "`embedding`.",
        "The outer one sorts what it gets by `embedding <=> %(q)s`, and keeps `k`.",
    ],
    mistakes=[
        Mistake(
            "no rerank",
            "That is the order of the bits. They only choose the candidates: sort these by `embedding <=> …`.",
            old=RERANKED,
            new="LIMIT %(k)s",
        ),
        Mistake(
            "reranked by the bits",
            "The outer `ORDER BY` compares the bits once more. It should compare the whole vectors, by `<=>`.",
            old=RERANKED,
            new="ORDER BY binary_quantize(embedding) <~> binary_quantize(%(q)s) DESC LIMIT %(k)s",
        ),
        Mistake(
            "k candidates",
            "You take `k` by their bits and sort those: no better one can come in. `candidates` belongs in the inner `LIMIT`.",
            old="LIMIT %(candidates)s",
            new="LIMIT %(k)s",
        ),
        Mistake(
            "exact, over all",
            "You compare the whole vectors of all documents: exact, and as slow as without an index. First choose the candidates "
            "by their bits.",
            code="""
            def rerank(postgres, vector, k, candidates):
                query = "SELECT id FROM documents ORDER BY embedding <=> %s LIMIT %s"
                return [id for (id,) in postgres.execute(query, [vector, k])]
            """,
        ),
        Mistake(
            "the steps swapped",
            "You choose by the whole vectors, and judge by the bits. The index has the bits: they choose.",
            code="""
            def rerank(postgres, vector, k, candidates):
                query = '''SELECT id FROM (SELECT id, embedding FROM documents ORDER BY embedding <=> %(q)s LIMIT %(n)s) AS c
                           ORDER BY binary_quantize(embedding)::bit(384) <~> binary_quantize(%(q)s) LIMIT %(k)s'''
                rows = postgres.execute(query, {"q": vector, "n": candidates, "k": k})
                return [id for (id,) in rows]
            """,
        ),
        Mistake(
            "any candidates",
            "Nothing says which candidates: a `LIMIT` without an `ORDER BY` takes any. Order them by their bits.",
            old="ORDER BY binary_quantize(embedding)::bit(384) <~> binary_quantize(%(q)s)",
            new="",
        ),
        Mistake(
            "no candidates' LIMIT",
            "Without a `LIMIT` inside, all documents are candidates. So many as `candidates` says are to be judged.",
            old="LIMIT %(candidates)s",
            new="",
        ),
        Mistake(
            "always two hundred",
            "You take the same number of candidates whatever `candidates` says. It belongs in the inner `LIMIT`.",
            old="LIMIT %(candidates)s",
            new="LIMIT 200",
        ),
        Mistake(
            "twenty for each",
            "You compute the number of candidates from `k`. The caller has given it: `candidates`.",
            old="LIMIT %(candidates)s",
            new="LIMIT 20 * %(k)s",
        ),
        Mistake(
            "all candidates",
            "Those are all candidates, in order. The outer `LIMIT` keeps `k` of them.",
            old=" LIMIT %(k)s",
            new="",
        ),
        Mistake(
            "always ten",
            "You return ten, or as many as there are, and `k` is another number. It belongs in the outer `LIMIT`.",
            old="LIMIT %(k)s",
            new="LIMIT 10",
        ),
        Mistake(
            "not to the letter",
            "The ids are right, and the index was not read. It serves `<~>` on the expression that it holds, to the letter: has "
            "yours the cast to `bit(384)`?",
            old="::bit(384)",
            new="",
        ),
        Mistake(
            "the farthest candidates",
            "Your candidates are those with the most bits that differ. A smaller distance is nearer: order ascending.",
            old="binary_quantize(%(q)s)\n",
            new="binary_quantize(%(q)s) DESC\n",
        ),
        Mistake(
            "the farthest of them",
            "The candidates are right, and you keep the farthest by cosine. A smaller distance is nearer: order ascending.",
            old="<=> %(q)s LIMIT",
            new="<=> %(q)s DESC LIMIT",
        ),
        Mistake(
            "by L2",
            "You judge the candidates by `<->`, and these vectors differ in length. The task says cosine, `<=>`.",
            old="<=>",
            new="<->",
        ),
        Mistake(
            "by the inner product",
            "You judge the candidates by `<#>`, for which a long vector is near. The task says cosine, `<=>`.",
            old="<=>",
            new="<#>",
        ),
        Mistake(
            "by the id",
            "Those are candidates in the order of their ids. Sort them by `embedding <=> …`.",
            old=RERANKED,
            new="ORDER BY id LIMIT %(k)s",
        ),
        Mistake(
            "the right ones by id",
            "Those are the right ones, in the order of their ids. Return the nearest first.",
            old="return [id for (id,) in rows]",
            new="return sorted(id for (id,) in rows)",
        ),
        Mistake(
            "a set",
            "Those are the right ones, as a set. It has no order: return a list, the nearest first.",
            old="return [id for (id,) in rows]",
            new="return {id for (id,) in rows}",
        ),
        Mistake(
            "rows",
            "Those are rows, each with the id in it. Return the ids: `[id for (id,) in rows]`.",
            old="return [id for (id,) in rows]",
            new="return rows.fetchall()",
        ),
        Mistake(
            "distances as well",
            "Those are rows with the distance in them. Asked for are the ids alone, in a list.",
            code="""
            def rerank(postgres, vector, k, candidates):
                query = '''SELECT id, embedding <=> %(q)s FROM (
                    SELECT id, embedding FROM documents
                    ORDER BY binary_quantize(embedding)::bit(384) <~> binary_quantize(%(q)s) LIMIT %(n)s
                ) AS c ORDER BY 2 LIMIT %(k)s'''
                return postgres.execute(query, {"q": vector, "n": candidates, "k": k}).fetchall()
            """,
        ),
        Mistake(
            "the cursor",
            "That is a cursor, from which the rows are still to be fetched. Return the list of ids.",
            old="return [id for (id,) in rows]",
            new="return rows",
        ),
        Mistake(
            "no return",
            "Your function finds them and keeps them for itself: `return` is missing.",
            old="return [id",
            new="[id",
        ),
        Mistake(
            "a vector of its own",
            "Right for the first question. For another one you still answer the first: use the `vector` that you are given.",
            old=VALUES,
            new=VALUES.replace("vector", "EVEN"),
        ),
        Mistake(
            "a setting left changed",
            "Your function leaves `hnsw.ef_search` changed for whoever uses the connection next. It is large enough here; "
            "elsewhere, use `SET LOCAL` in a transaction.",
            old="    rows = postgres",
            new='    postgres.execute("SET hnsw.ef_search = 500")\n    rows = postgres',
        ),
        Mistake(
            "the vector pasted",
            "The answer is right, and the vector's numbers stand in the text of the SQL. Bind it: an array travels as a "
            "parameter.",
            code="""
            def rerank(postgres, vector, k, candidates):
                query = f'''SELECT id FROM (
                    SELECT id, embedding FROM documents
                    ORDER BY binary_quantize(embedding)::bit(384) <~> binary_quantize('{vector.tolist()}'::vector) LIMIT %s
                ) AS c ORDER BY embedding <=> '{vector.tolist()}' LIMIT %s'''
                return [id for (id,) in postgres.execute(query, [candidates, k])]
            """,
        ),
        Mistake(
            "numbers pasted",
            "The answer is right, and the numbers stand in the text of the SQL. The task says: bind all values.",
            old="LIMIT %(candidates)s",
            new="LIMIT ' + str(candidates) + '",
        ),
    ],
)
def rerank(rerank: Callable, trial: Trial) -> str:
    """Judge what is returned for two questions, and whether the index on the bits was read for it."""

    def observe(vector: np.ndarray, k: int, candidates: int, what: str = "") -> Callable[[Callable, Stage], Any]:
        case = f"for {what}k = {k} and {candidates} candidates,"

        def observed(rerank: Callable, stage: Stage) -> Any:
            postgres = stage.database(DOCUMENTS, options=SETTINGS)
            with stage.own.cursor() as cursor:
                with cursor.copy("COPY documents FROM STDIN") as rows:
                    for id, numbers in planted():
                        rows.write_row((id, ODD, numbers))
                cursor.execute(BY_BITS)
            answer = rerank(postgres, vector.copy(), k, candidates)
            if not postgres.closed:
                postgres.rollback()
                postgres.execute("SELECT pg_stat_force_next_flush()")
            return Parts(**{
                f"{case} you return": "a cursor" if isinstance(answer, psycopg.Cursor) else answer,
                f"{case} the index on the bits is read": only(stage.own.execute(SCANS)) > 0,
            })  # fmt: skip

        return observed

    for k, candidates in ((3, 40), (10, 200), (10, 4), (5, 1_000)):
        trial.compare(rerank, observe(EVEN, k, candidates))
    trial.compare(rerank, observe(HEAVY, 5, 60, "another question, "))
    return "The index is small, and the table is right. Of its vectors, only so many are read as there are candidates."


PAGES = """
    CREATE TABLE pages (id bigint PRIMARY KEY, title text NOT NULL, embedding vector(3072) NOT NULL);
    INSERT INTO pages SELECT 1000 + n, 'Page', (SELECT array_agg(sin(n * i)) FROM generate_series(1, 3072) AS i)::vector
        FROM generate_series(1, 30) AS n;
    ANALYZE pages;
"""
SEARCH = """
    EXPLAIN SELECT id FROM pages ORDER BY subvector(embedding, 1, 1024)::halfvec(1024) <=> %s LIMIT 100
"""
MADE = """
    SELECT a.amname, pg_get_indexdef(c.oid, 1, true), o.opcname, indpred IS NOT NULL
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
        JOIN pg_opclass o ON o.oid = i.indclass[0]
    WHERE i.indrelid = 'pages'::regclass AND NOT i.indisprimary ORDER BY c.oid
"""
COLUMN = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'pages'::regclass AND attname = 'embedding'"
COLUMNS = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'pages'::regclass AND attnum > 0 AND NOT attisdropped"

REFUSED = (
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.DatatypeMismatch,
    psycopg.errors.UndefinedObject,
    psycopg.errors.DataException,
    psycopg.errors.SyntaxError,
)
EXPRESSION = "(subvector(embedding, 1, 1024)::halfvec(1024)) halfvec_cosine_ops"


def _index(name: str, says: str, new: str) -> Mistake:
    return Mistake(name, says, old=EXPRESSION, new=new)


@exercise(
    "07b.index_pages",
    may={"tables"},
    hints=[
        "An expression index serves the expression that it holds, to the letter. Which one does the search sort by?",
        "The expression is a halfvec, and the operator `<=>`: its operator class has both in its name.",
        "`CREATE INDEX ON pages USING hnsw ((expression) class)`: an expression stands in brackets of its own.",
    ],
    mistakes=[
        _index(
            "the whole column",
            "The column has more numbers than an index takes. Index what the search sorts by, which has 1,024.",
            "embedding vector_cosine_ops",
        ),
        Mistake(
            "IVFFlat on the whole column",
            "The limit is the same for an IVFFlat index. Index what the search sorts by, which has 1,024 numbers.",
            old="hnsw\n           (" + EXPRESSION,
            new="ivfflat\n           (embedding vector_cosine_ops",
        ),
        _index(
            "the whole column, halved",
            "That is a right index, for another search: it holds 3,072 halved numbers, and this one sorts by the first 1,024.",
            "(embedding::halfvec(3072)) halfvec_cosine_ops",
        ),
        _index(
            "the first numbers, whole",
            "The first 1,024 numbers are right, and yours are not halved: another expression. Add the cast that the search has.",
            "(subvector(embedding, 1, 1024)::vector(1024)) vector_cosine_ops",
        ),
        _index(
            "bits",
            "That index serves `binary_quantize(…) <~> …`. This search has another expression and another operator.",
            "(binary_quantize(embedding)::bit(3072)) bit_hamming_ops",
        ),
        _index(
            "without the length",
            "An index must know how many numbers there are. `halfvec(1024)` says so, `halfvec` alone does not.",
            "(subvector(embedding, 1, 1024)::halfvec) halfvec_cosine_ops",
        ),
        _index(
            "by L2",
            "`halfvec_l2_ops` serves `<->`. This search sorts by `<=>`.",
            "(subvector(embedding, 1, 1024)::halfvec(1024)) halfvec_l2_ops",
        ),
        _index(
            "by the inner product",
            "`halfvec_ip_ops` serves `<#>`. This search sorts by `<=>`.",
            "(subvector(embedding, 1, 1024)::halfvec(1024)) halfvec_ip_ops",
        ),
        _index(
            "the class of vector",
            "`vector_cosine_ops` is for the type `vector`, and your expression is a `halfvec`. The class has its type in its "
            "name.",
            "(subvector(embedding, 1, 1024)::halfvec(1024)) vector_cosine_ops",
        ),
        _index(
            "no operator class",
            "No operator class is the default there: say which operator the index serves.",
            "(subvector(embedding, 1, 1024)::halfvec(1024))",
        ),
        _index(
            "halved first",
            "You halve all numbers and then take the first. The values are the same, and the expression is not: the search takes "
            "the first and then halves them.",
            "(subvector(embedding::halfvec(3072), 1, 1024)::halfvec(1024)) halfvec_cosine_ops",
        ),
        _index(
            "other numbers",
            "PostgreSQL counts from 1, and the search takes the numbers from the first on. Yours begin elsewhere.",
            "(subvector(embedding, 0, 1024)::halfvec(1024)) halfvec_cosine_ops",
        ),
        _index(
            "too many numbers",
            "You take another number of values than the cast says: both are 1,024 in the search.",
            "(subvector(embedding, 1, 1536)::halfvec(1024)) halfvec_cosine_ops",
        ),
        _index(
            "more numbers",
            "Your index holds more of the numbers than the search sorts by: another expression.",
            "(subvector(embedding, 1, 1536)::halfvec(1536)) halfvec_cosine_ops",
        ),
        _index(
            "the vector itself cast",
            "A cast to `halfvec(1024)` does not shorten a vector of 3,072 numbers: it is refused. `subvector` takes the first.",
            "(embedding::halfvec(1024)) halfvec_cosine_ops",
        ),
        _index(
            "one pair of brackets",
            "That is a syntax error for PostgreSQL: an expression stands in brackets of its own, inside those of the index.",
            "subvector(embedding, 1, 1024)::halfvec(1024) halfvec_cosine_ops",
        ),
        Mistake(
            "a B-tree",
            "Without `USING hnsw` it is a B-tree, which knows nothing of distances and cannot hold values as long as these.",
            old="USING hnsw\n           (" + EXPRESSION,
            new="((subvector(embedding, 1, 1024)::halfvec(1024))",
        ),
        Mistake(
            "some rows only",
            "A partial index serves only statements that repeat its `WHERE`, and this search has none.",
            old='halfvec_cosine_ops)"',
            new='halfvec_cosine_ops) WHERE id > 0"',
        ),
        Mistake(
            "the column changed",
            "The search walks no index: the column is shorter now, and so is every vector in it. It should stay as it is.",
            code="""
            def index_pages(postgres):
                postgres.execute("ALTER TABLE pages ALTER embedding TYPE vector(1024) USING subvector(embedding, 1, 1024)")
                postgres.execute("CREATE INDEX ON pages USING hnsw (embedding vector_cosine_ops)")
            """,
        ),
        Mistake(
            "the column halved",
            "The column has lost half of each number, for every search there is. It should stay as it is: the index casts.",
            code="""
            def index_pages(postgres):
                postgres.execute("ALTER TABLE pages ALTER embedding TYPE halfvec(3072)")
                postgres.execute(
                    "CREATE INDEX ON pages USING hnsw ((subvector(embedding, 1, 1024)::halfvec(1024)) halfvec_cosine_ops)"
                )
            """,
        ),
        Mistake(
            "on the title",
            "The search does not look at the titles. Index what its `ORDER BY` computes.",
            old="USING hnsw\n           (" + EXPRESSION,
            new="(title",
        ),
        Mistake(
            "a column of its own",
            "The search, as it is, does not know your new column. An index can hold the expression itself.",
            code="""
            def index_pages(postgres):
                postgres.execute(
                    "ALTER TABLE pages ADD short halfvec(1024) "
                    "GENERATED ALWAYS AS (subvector(embedding, 1, 1024)::halfvec(1024)) STORED"
                )
                postgres.execute("CREATE INDEX ON pages USING hnsw (short halfvec_cosine_ops)")
            """,
        ),
        Mistake(
            "one for each operator",
            "One of them serves the search. The others only cost: each vector that is written goes into all of them.",
            code="""
            def index_pages(postgres):
                for operator in ("cosine", "l2", "ip"):
                    postgres.execute(
                        "CREATE INDEX ON pages USING hnsw ((subvector(embedding, 1, 1024)::halfvec(1024)) "
                        f"halfvec_{operator}_ops)"
                    )
            """,
        ),
        Mistake(
            "not committed",
            "Others see no index: your function began a transaction, and nothing has committed it.",
            old="    postgres.execute(",
            new='    postgres.execute("BEGIN")\n    postgres.execute(',
        ),
        Mistake(
            "a setting",
            "You changed a setting, and there is no index yet that holds what the search sorts by. Make one.",
            code="""
            def index_pages(postgres):
                postgres.execute("SET enable_seqscan = off")
            """,
        ),
    ],
)
def index_pages(index_pages: Callable, trial: Trial) -> str:
    """Judge whether the search walks an index afterwards, on a connection of its own, and what else has changed."""

    def observe(index_pages: Callable, stage: Stage) -> Any:
        postgres = stage.database(PAGES)
        try:
            index_pages(postgres)
        except REFUSED as error:
            return Parts(your_statement_stops_with=str(error).partition("\n")[0])
        if not postgres.closed:
            postgres.rollback()
        made, walks = stage.rows(MADE), _walks(stage)
        return Parts(
            your_statement_stops_with=None,
            the_search_walks_an_index=walks,
            new_indexes=len(made) if walks is True else made,
            the_column_is_still_a=only(stage.own.execute(COLUMN)),
            columns_of_pages=only(stage.own.execute(COLUMNS)),
        )

    trial.compare(index_pages, observe)
    return "A third of the numbers, and half of each. Such an index chooses the candidates; the whole vectors should judge them."


def _walks(stage: Stage) -> bool | str:
    """Whether the search walks an index where one can be taken; or what it stops with."""
    with psycopg.connect(stage.url, autocommit=True) as fresh:
        fresh.execute("SET enable_seqscan = off")
        try:
            plan = str(fresh.execute(SEARCH, [str([1.0] * 1024)]).fetchall())
        except psycopg.Error as error:
            return str(error).partition("\n")[0]
    return "Index Scan using" in plan
