"""The exercises of lesson 07: a setting chosen from measurements, what an index serves, and one for a table without rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, NotYet, Parts, Trial
from course.exercises.stage import Stage

COSINE, L2, NEITHER = INDEXES = ("cosine", "L2", "neither")

SOLVED = "min(value for value, recalled, _ in measured if recalled >= 0.98)"


def _value(name: str, says: str, new: str) -> Mistake:
    return Mistake(name, says, old=SOLVED, new=new)


@exercise(
    "07.ef_search",
    hints=[
        "Go down the column *recall@10* to the first that is 0.98 or more.",
        "What is set is the value in the first column of that row.",
    ],
    mistakes=[
        _value(
            "the next below",
            "Its recall is below 0.98, if only by a little. Take the next row.",
            "max(value for value, recalled, _ in measured if recalled < 0.98)",
        ),
        _value(
            "the next above",
            "Its recall is enough, and so is that of a smaller value in the table, which compares fewer vectors.",
            "sorted(value for value, recalled, _ in measured if recalled >= 0.98)[1]",
        ),
        _value(
            "the largest",
            "That misses least, and compares most. The promise is 0.98: which is the smallest value that keeps it?",
            "max(value for value, _, _ in measured)",
        ),
        _value(
            "the fastest",
            "That compares the fewest vectors. Read its recall: the promise comes first, and the time after it.",
            "min(value for value, _, _ in measured)",
        ),
        _value(
            "the default",
            "40 is pgvector's default, for everybody's vectors. Its recall on yours stands in the table.",
            "40",
        ),
        _value(
            "the LIMIT, doubled",
            "Read the recall in that row: to keep a few more than the `LIMIT` is not enough here.",
            "20",
        ),
        _value(
            "the recall",
            "That is a recall. What is set is `hnsw.ef_search`, in the first column of the same row.",
            "next(recalled for value, recalled, _ in measured if recalled >= 0.98)",
        ),
        _value(
            "a time of the table",
            "That is a time from the table. What is set is `hnsw.ef_search`, in the same row.",
            "next(took for value, recalled, took in measured if recalled >= 0.98)",
        ),
        _value(
            "the whole row",
            "That is the whole row. Which of its three numbers is set?",
            "next(row for row in measured if row[1] >= 0.98)",
        ),
        _value(
            "all that keep the promise",
            "Those are all the values that keep the promise. One is set: the smallest of them.",
            "[value for value, recalled, _ in measured if recalled >= 0.98]",
        ),
        _value(
            "its number",
            "That is how many rows come before it. Which value of `hnsw.ef_search` stands in the row?",
            "next(number for number, row in enumerate(measured) if row[1] >= 0.98)",
        ),
        _value(
            "as a text",
            "The value is right, and it is a text. A setting of the server's is written as a number: leave out the quotes.",
            "str(min(value for value, recalled, _ in measured if recalled >= 0.98))",
        ),
        _value(
            "more than there may be",
            "`hnsw.ef_search` ends at 1,000, and you have measured nothing there.",
            "2000",
        ),
    ],
)
def ef_search(chosen: object, measured: Sequence, trial: Trial) -> str:
    """Judge the choice by the learner's own measurements."""

    def observe(chosen: Any, stage: Stage) -> Any:
        return chosen.item() if hasattr(chosen, "item") else chosen

    trial.compare(chosen, observe, _about(chosen, measured), measured=measured)
    return "On other vectors it is another value: keep the measurement, and repeat it when the table has grown."


NOT_MEASURED = "You have not measured {found}. What you have measured stands in the table's first column."


def _about(chosen: object, measured: Sequence) -> str:
    """What is known of the choice, without the right one."""
    if not isinstance(chosen, Real) or isinstance(chosen, bool):
        return "You set {found}. `chosen` should be one number, a value of `hnsw.ef_search`."
    found = next((recalled for value, recalled, _ in measured if value == chosen), None)
    return f"With {chosen}, you measured a recall of {found:.3f}." if found is not None else NOT_MEASURED


STATEMENTS = {
    "A": "SELECT id FROM notes ORDER BY embedding <-> %s LIMIT 10",
    "B": "SELECT id FROM notes ORDER BY 1 - (embedding <=> %s) DESC LIMIT 10",
    "C": "SELECT id FROM notes WHERE embedding <-> %s < 0.9",
    "D": "SELECT id FROM notes ORDER BY embedding <=> (SELECT embedding FROM notes WHERE id = %s) LIMIT 10",
    "E": "SELECT id FROM notes ORDER BY embedding <#> %s LIMIT 10",
}
"""What the second exercise asks about."""

SERVED = {"A": L2, "B": NEITHER, "C": NEITHER, "D": COSINE, "E": NEITHER}
"""Which index each of them can be answered by."""

MISREAD = {
    ("A", COSINE): "It sorts by `<->`. An index knows the order of one operator: which one's class has it in its name?",
    (
        "A",
        NEITHER,
    ): "`<->` is the L2 distance, it is sorted ascending, and there is a `LIMIT`. Which index has this operator's class?",
    (
        "B",
        COSINE,
    ): "The operator is right, and it is not what is sorted by: `1 - …` is a number that was computed, as `round(…)` was.",
    ("B", L2): "`<=>` is no L2 distance. And look at what is sorted by: a number that was computed, as `round(…)` was.",
    (
        "C",
        L2,
    ): "The operator is its own, and nothing is ordered. An index hands out rows in order, nearest first; a `WHERE` alone "
    "does not ask for one.",
    ("C", COSINE): "Its operator is `<->`. And is there an `ORDER BY`? An index hands out rows in order, and nothing else.",
    ("D", L2): "It sorts by `<=>`. An index knows the order of one operator: which one's class has it in its name?",
    (
        "D",
        NEITHER,
    ): "The inner `SELECT` is run first, and gives one value. So what is sorted by is a column, an operator and a value.",
    (
        "E",
        COSINE,
    ): "`<#>` is the negative inner product. It may rank alike, where all vectors have length 1, and the planner does not "
    "know that they have.",
    ("E", L2): "`<#>` is the negative inner product, and that index was made for `<->`. It would need a third, `vector_ip_ops`.",
}
"""What is said when a statement is given to another index."""


@exercise(
    "07.served_by",
    hints=[
        "Take each statement's `ORDER BY`: is it a column, an operator and a value, ascending?",
        "Then the operator: `<=>` is the cosine distance, `<->` is L2, `<#>` is the negative inner product.",
        "`EXPLAIN` tells you afterwards: make both indexes on a table of your own and try.",
    ],
    mistakes=[
        Mistake(f"{letter} by {taken}", said, old=f'"{letter}": "{SERVED[letter]}"', new=f'"{letter}": "{taken}"')
        for (letter, taken), said in MISREAD.items()
    ],
)
def served_by(served_by: dict, trial: Trial) -> str:
    """Judge one statement after the other."""
    for letter in SERVED:

        def observe(served_by: dict, stage: Stage, letter: str = letter) -> Any:
            one_of = f"one of {', '.join(map(repr, INDEXES))}"
            if letter not in served_by:
                raise NotYet(f"`served_by` has no {letter!r}. Under each letter, A to E, stands {one_of}.")
            found = served_by[letter]
            called = {name.casefold(): name for name in INDEXES}
            if not isinstance(found, str) or found.strip().casefold() not in called:
                raise NotYet(f"`served_by[{letter!r}]` should be {one_of}. There stands {found!r}.")
            return called[found.strip().casefold()]

        trial.compare(served_by, observe, f"Statement {letter}, you say: {{found}}.")
    return "B, C and E return what they ask for: they only compare every vector for it. No error tells you that an index is idle."


MEMOS = "CREATE TABLE memos (id bigserial PRIMARY KEY, title text NOT NULL, embedding vector(3));"
FILL = """
    INSERT INTO memos (title, embedding)
    SELECT 'memo ' || n, ARRAY[cos(n / 40.0), sin(n / 40.0), n / 200.0]::vector FROM generate_series(1, 200) AS n
"""
MADE = """
    SELECT c.relfilenode, a.amname, opcname, pg_get_indexdef(c.oid), indpred IS NOT NULL
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
        JOIN pg_opclass o ON o.oid = i.indclass[0]
    WHERE i.indrelid = 'memos'::regclass AND NOT i.indisprimary ORDER BY c.oid
"""
TABLE = "SELECT to_regclass('memos')::oid"
SEARCH = "SELECT id, title FROM memos ORDER BY embedding <-> '[1,0,0]' LIMIT 10"
STATEMENT = '''"""CREATE INDEX IF NOT EXISTS memos_embedding
           ON memos USING hnsw (embedding vector_l2_ops)"""'''


def _statement(name: str, says: str, new: str) -> Mistake:
    return Mistake(name, says, old=STATEMENT, new=f'"{new}"')


IDLE = "CREATE INDEX IF NOT EXISTS memos_embedding ON memos USING "


@exercise(
    "07.index_memos",
    may={"tables"},
    hints=[
        "Which of the two kinds needs no rows when it is made?",
        "`<->` is the L2 distance; the operator class has that in its name.",
        "`CREATE INDEX IF NOT EXISTS name ON …`: with a name, a second call finds the first one's index.",
    ],
    mistakes=[
        _statement(
            "cosine",
            "`vector_cosine_ops` serves `<=>`, and this search sorts by `<->`: it never uses your index.",
            IDLE + "hnsw (embedding vector_cosine_ops)",
        ),
        _statement(
            "inner product",
            "`vector_ip_ops` serves `<#>`, and this search sorts by `<->`: it never uses your index.",
            IDLE + "hnsw (embedding vector_ip_ops)",
        ),
        _statement(
            "L1",
            "`vector_l1_ops` serves `<+>`, the way along the streets. `<->` is L2: it never uses your index.",
            IDLE + "hnsw (embedding vector_l1_ops)",
        ),
        _statement(
            "IVFFlat",
            "IVFFlat takes its centres from the rows that are there when it is made: there are none. Which kind needs no rows?",
            IDLE + "ivfflat (embedding vector_l2_ops)",
        ),
        _statement(
            "no operator class",
            "No operator class is the default there: say `USING hnsw`, and which operator it serves, as "
            "`vector_cosine_ops` does for `<=>`.",
            IDLE + "hnsw (embedding)",
        ),
        _statement(
            "a B-tree",
            "That is a B-tree: it finds equal vectors, and knows nothing of distances. `USING` names the kind of index.",
            "CREATE INDEX IF NOT EXISTS memos_embedding ON memos (embedding)",
        ),
        _statement(
            "on the title",
            "That is an index on the titles, and the search sorts by `embedding`. A B-tree could not help it either.",
            "CREATE INDEX IF NOT EXISTS memos_title ON memos (title)",
        ),
        _statement(
            "on the id",
            "That is an index on the ids, and the search sorts by `embedding`. The primary key has one of its own already.",
            "CREATE INDEX IF NOT EXISTS memos_id ON memos (id)",
        ),
        _statement(
            "without a name",
            "The second call makes a second index like the first, and writes pay for both. Give it a name, and `IF NOT EXISTS`.",
            "CREATE INDEX ON memos USING hnsw (embedding vector_l2_ops)",
        ),
        _statement(
            "an error at the second call",
            "The second call stops with an error: an index of this name is there. `IF NOT EXISTS` makes it a harmless one.",
            "CREATE INDEX memos_embedding ON memos USING hnsw (embedding vector_l2_ops)",
        ),
        _statement(
            "made anew each time",
            "It builds the index again at each start of the application, and the more rows there are, the longer that takes. "
            "`IF NOT EXISTS` leaves it as it is.",
            "DROP INDEX IF EXISTS memos_embedding; CREATE INDEX memos_embedding ON memos USING hnsw (embedding vector_l2_ops)",
        ),
        _statement(
            "only rows with a vector",
            "A partial index serves only statements that repeat its `WHERE`, and this search has none. Rows without a vector are "
            "left out anyway.",
            IDLE + "hnsw (embedding vector_l2_ops) WHERE embedding IS NOT NULL",
        ),
        _statement(
            "halfvec",
            "That is an index on `embedding::halfvec`, another expression than the search sorts by: it never uses your index.",
            IDLE + "hnsw ((embedding::halfvec(3)) halfvec_l2_ops)",
        ),
        Mistake(
            "one for each operator",
            "One of them serves the search. The others only cost: each row that is written goes into all of them.",
            code="""
            def index_memos(postgres):
                for operator in ("l2", "cosine", "ip"):
                    postgres.execute(
                        f"CREATE INDEX IF NOT EXISTS memos_{operator} ON memos USING hnsw (embedding vector_{operator}_ops)"
                    )
            """,
        ),
        Mistake(
            "one for cosine as well",
            "One of them serves the search. The other, for `<=>`, only costs: each row that is written goes into both.",
            code="""
            def index_memos(postgres):
                for operator in ("l2", "cosine"):
                    postgres.execute(
                        f"CREATE INDEX IF NOT EXISTS memos_{operator} ON memos USING hnsw (embedding vector_{operator}_ops)"
                    )
            """,
        ),
        Mistake(
            "the table made anew",
            "You drop the table and make it anew. It was there, with columns and soon with rows: make the index on it as it is.",
            code="""
            def index_memos(postgres):
                postgres.execute("DROP TABLE IF EXISTS memos")
                postgres.execute("CREATE TABLE memos (id bigserial PRIMARY KEY, title text NOT NULL, embedding vector(384))")
                postgres.execute("CREATE INDEX memos_embedding ON memos USING hnsw (embedding vector_l2_ops)")
            """,
        ),
        Mistake(
            "waits for rows",
            "After your calls there is no index. Is the statement executed, whatever the table holds? It is IVFFlat that needs "
            "rows; an HNSW index may be made on an empty table. And `IF NOT EXISTS` makes nothing if anything is called so, such "
            "as the table itself.",
            code="""
            def index_memos(postgres):
                if postgres.execute("SELECT count(*) FROM memos").fetchone()[0] > 0:
                    postgres.execute(
                        "CREATE INDEX IF NOT EXISTS memos_embedding ON memos USING hnsw (embedding vector_l2_ops)"
                    )
            """,
        ),
        Mistake(
            "a transaction left open",
            "The transaction is never committed: the index is gone with the connection, and until then the table is locked.",
            old="    postgres.execute(",
            new='    postgres.execute("BEGIN")\n    postgres.execute(',
        ),
    ],
)
def index_memos(index_memos: Callable, trial: Trial) -> str:
    """Judge what is there after two calls, and whether the search reads it once the rows have come."""

    def observe(index_memos: Callable, stage: Stage) -> Any:
        first, second = stage.database(MEMOS), stage.connect()
        table = stage.rows(TABLE)
        index_memos(first)
        if not first.closed:
            first.rollback()  # else the second call waits for the first one's lock
        before = [file for file, *_ in stage.rows(MADE)]
        index_memos(second)
        if not second.closed:
            second.rollback()
        if stage.rows(TABLE) != table:
            return Parts(the_table_is_the_one_that_was_there=False)
        made = stage.rows(MADE)
        stage.own.execute(FILL)
        stage.own.execute("SET enable_seqscan = off; SET enable_sort = off")
        plan = str(stage.rows("EXPLAIN " + SEARCH))
        return Parts(
            indexes_after_two_calls=len(made),
            kind_of_index=[kind for _, kind, *_ in made],
            operator_class=[operators for _, _, operators, *_ in made],
            of_some_rows_only=any(partial for *_, partial in made),
            used_by_the_search=any(f"using {definition.split()[2]} " in plan for *_, definition, _ in made),
            left_alone_by_the_second_call=before == [file for file, *_ in made],
        )

    trial.compare(index_memos, observe)
    return (
        "It is there before the first row, and each row that comes is linked as it is written: that is what HNSW's inserts cost."
    )
