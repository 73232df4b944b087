"""The board of a million documents: it runs, on few of them. What it finds is for people to read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
import pytest

from course import dataset
from course.stack import Stack
from tests import million
from tests.prepared import make_home


def test_every_index_is_built_and_searched_at_its_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(million, "ROUNDS", 2)
    monkeypatch.setattr(million, "PASSES", 1)
    million.main("3000")
    text = capsys.readouterr().out
    halved = "IVFFlat, halfvec, twice the lists"
    short = "IVFFlat, halfvec of 128 principal components, twice the lists, 40 candidates reranked"
    for name in ("HNSW", "HNSW, halfvec", "IVFFlat", halved, short):
        assert f"\n{name}: built in" in text
    assert text.count("hnsw.ef_search = ") == 8
    assert text.count("ivfflat.probes = ") == 9
    lines = [line.split() for line in text.splitlines() if line.startswith(("hnsw.ef_search", "ivfflat.probes"))]
    of_questions, of_documents = ([float(line[column]) for line in lines] for column in (-3, -1))
    assert of_questions[2] > 0.9
    assert of_documents[2] > 0.9
    assert all(0 < recall <= 1 for recall in of_questions + of_documents)


def test_an_index_that_cannot_be_built_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_home(tmp_path / "home", monkeypatch)
    index = replace(million.indexes(1000, np.eye(384))[0], made="documents USING nothing (embedding)")
    with Stack.start("00") as stack:
        with stack.postgres.connect() as connection:
            dataset.load_pgvector(connection, dataset.documents(), dataset.embeddings())
        with pytest.raises(psycopg.errors.UndefinedObject, match="nothing"):
            million.build(stack, index, 1000)
