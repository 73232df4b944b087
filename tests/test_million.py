"""The board of a million documents: it runs, on few of them. What it finds is for people to read."""

import pytest

from tests import million


def test_every_index_is_built_and_searched_at_its_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(million, "ROUNDS", 2)
    million.main("3000")
    text = capsys.readouterr().out
    for name in ("HNSW", "HNSW, halfvec", "IVFFlat", "IVFFlat, halfvec, twice the lists"):
        assert f"\n{name}: built in" in text
    assert text.count("hnsw.ef_search = ") == 8
    assert text.count("ivfflat.probes = ") == 6
    lines = [line.split() for line in text.splitlines() if line.startswith(("hnsw.ef_search", "ivfflat.probes"))]
    of_questions, of_documents = ([float(line[column]) for line in lines] for column in (-3, -1))
    assert of_questions[2] > 0.9
    assert of_documents[2] > 0.9
    assert all(0 < recall <= 1 for recall in of_questions + of_documents)
