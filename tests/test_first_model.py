"""Lumen's first model, which lesson 16 replaces: its vectors fit the same column, and mean something else."""

import numpy as np

from course import dataset, embed, first_model


def test_the_stored_vectors_are_those_of_the_contents():
    documents, vectors = dataset.documents(), first_model.embeddings()
    assert (vectors.shape, vectors.dtype) == (dataset.embeddings().shape, np.float32)
    for row in range(0, len(documents), 37):
        distance = np.abs(first_model.embed(documents[row].content) - vectors[row]).max()
        assert distance < 1e-3, f"document {documents[row].id} has changed: run `python -m course.first_model` to embed all anew"


def test_both_models_agree_with_themselves_and_not_with_each_other():
    texts = ["The cat sleeps on the sofa.", "A cat is asleep on the couch."]
    old, new = first_model.embed(texts), embed(texts)
    assert np.allclose(np.linalg.norm(old, axis=1), 1, atol=1e-5)
    assert old[0] @ old[1] > 0.7
    assert new[0] @ new[1] > 0.7
    assert abs(old[0] @ new[0]) < 0.5
