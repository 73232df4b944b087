"""How well exact vector search and PostgreSQL's full text answer the 60 questions. No figure is aimed at.

The table in data/README.md is what comes out here. Run this file with `-s` to see it.
"""

import re
from collections import defaultdict
from statistics import mean

import numpy as np
import pytest

from course import dataset
from course.embedding import embed
from course.home import DATA
from course.measure import ndcg
from course.stack import Stack

ALL_WORDS = """
SELECT id FROM documents, websearch_to_tsquery('english', %(question)s) AS query
WHERE to_tsvector('english', title || ' ' || content) @@ query
ORDER BY ts_rank_cd(to_tsvector('english', title || ' ' || content), query) DESC, id LIMIT 10
"""
ANY_WORD = """
WITH asked AS (
    SELECT to_tsquery('english', string_agg(quote_literal(lexeme), ' | ')) AS query
    FROM unnest(to_tsvector('english', %(question)s))
)
SELECT id FROM documents, asked
WHERE to_tsvector('english', title || ' ' || content) @@ query
ORDER BY ts_rank_cd(to_tsvector('english', title || ' ' || content), query) DESC, id LIMIT 10
"""
WAYS = ("exact vector search", "full text, any word", "full text, all words")
KINDS = ("words", "exact", "mixed", "all")


@pytest.fixture(scope="module")
def quality(tmp_path_factory):
    """nDCG@10 by way and kind of question."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", str(tmp_path_factory.mktemp("quality")))
        with Stack.start("00", embedded=True) as stack, stack.postgres.connect() as connection:
            dataset.load_postgres(connection)
            return measured(connection)


def measured(connection):
    ids = np.array([document.id for document in dataset.documents()])
    found = defaultdict(list)
    for question in dataset.questions():
        by_vector = ids[np.argsort(-dataset.embeddings() @ embed(question.text), kind="stable")[:10]].tolist()
        by_words = [[row[0] for row in connection.execute(sql, {"question": question.text})] for sql in (ANY_WORD, ALL_WORDS)]
        for way, ranked in zip(WAYS, (by_vector, *by_words), strict=True):
            for kind in (question.kind, "all"):
                found[way, kind].append(ndcg(ranked, question.relevant))
    return {key: mean(values) for key, values in found.items()}


def test_the_readme_says_what_comes_out(quality):
    rows = [f"| {way} | " + " | ".join(f"{quality[way, kind]:.2f}" for kind in KINDS) + " |" for way in WAYS]
    print("", *rows, sep="\n")
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for way in WAYS:
        said = re.search(rf"^\| {way} \|(.*)\|$", readme, re.MULTILINE)
        assert said, f"data/README.md has no row on {way!r}; it should say:\n" + "\n".join(rows)
        figures = [float(figure) for figure in said[1].split("|")]
        assert figures == pytest.approx([quality[way, kind] for kind in KINDS], abs=0.011), "\n".join(rows)


@pytest.mark.parametrize(
    ("ranked", "relevant", "value"),
    [
        ([1, 2], {1: 2, 2: 1}, 1.0),
        ([3, 4], {1: 2}, 0.0),
        ([], {1: 2}, 0.0),
        ([3, 1], {1: 1}, 0.6309),  # 1 / log2(3)
        ([2, 1], {1: 2, 2: 1}, (1 + 3 / 1.58496) / (3 + 1 / 1.58496)),
        ([*range(10, 20), 1], {1: 2}, 0.0),  # the eleventh place does not count
    ],
)
def test_ndcg(ranked, relevant, value):
    assert ndcg(ranked, relevant) == pytest.approx(value, abs=1e-4)
