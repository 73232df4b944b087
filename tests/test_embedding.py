"""The embeddings are the right ones, and making them is a matter between this process and its memory."""

import subprocess
import sys

import numpy as np
import pytest

from course import dataset, embedding
from course.embedding import DIMENSIONS, embed
from course.errors import InputError


def test_one_text_and_several():
    one, several = embed("a cat sleeps"), embed(["a cat sleeps", "the server is down"])
    assert (one.shape, one.dtype) == ((DIMENSIONS,), np.float32)
    assert (several.shape, several.dtype) == ((2, DIMENSIONS), np.float32)
    assert np.array_equal(one, several[0])
    assert np.allclose(np.linalg.norm(several, axis=1), 1, atol=1e-5)


def test_no_text_gives_no_vectors():
    assert embed([]).shape == (0, DIMENSIONS)


@pytest.mark.parametrize("text", ["", "  \n\t", ["fine", ""]])
def test_an_empty_text_is_refused(text):
    with pytest.raises(InputError, match="empty text"):
        embed(text)


@pytest.mark.parametrize("text", [None, 7, b"bytes", ["fine", None], {"a": 1}])
def test_what_is_no_text_is_refused_by_its_type(text):
    with pytest.raises(InputError, match=r"got (NoneType|int|bytes|dict)"):
        embed(text)


def test_half_a_character_is_refused():
    with pytest.raises(InputError, match="half a character at position 4"):
        embed("cat \ud800")


def test_only_the_first_256_tokens_of_a_long_text_count():
    assert np.array_equal(embed("word " * 300), embed("word " * 300 + "and a wholly different end"))
    assert not np.array_equal(embed("word " * 100), embed("word " * 100 + "and a wholly different end"))


def test_the_stored_vectors_are_those_of_the_documents():
    documents, vectors = dataset.documents(), dataset.embeddings()
    assert (vectors.shape, vectors.dtype) == ((len(documents), DIMENSIONS), np.float32)
    for row in range(0, len(documents), 23):
        distance = np.abs(embed(documents[row].text) - vectors[row]).max()
        assert distance < 1e-3, f"document {documents[row].id} has changed: run `python -m course.dataset` to embed all anew"


def test_questions_find_their_documents_far_above_chance():
    """Not a figure to tune: only whether these vectors belong to these texts at all."""
    documents, vectors = dataset.documents(), dataset.embeddings()
    questions = embed([question.text for question in dataset.questions()])
    row_of = {document.id: row for row, document in enumerate(documents)}

    wanted = [{row_of[id] for id in question.relevant} for question in dataset.questions()]

    def found(vectors):
        best = (-questions @ vectors.T).argsort(axis=1)[:, :10]
        return np.mean([bool(rows & set(ten)) for rows, ten in zip(wanted, best, strict=True)])

    shuffled = np.random.default_rng(14).permutation(vectors)
    assert found(vectors) > 5 * max(found(shuffled), 0.05)


def test_threads_of_the_model_that_have_nothing_to_do_sleep():
    embed("a cat sleeps")
    options = embedding._model()._session.get_session_options()
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


LOOKS_UP = """
import socket, sys
def refuse(*arguments, **_):
    print("looked up", arguments[0], file=sys.stderr)
    raise OSError("no network in this test")
socket.getaddrinfo = refuse
from course.embedding import embed
embed("does anybody listen")
import os, time
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
"""


def test_embedding_sets_the_switch_before_onnxruntime_is_imported():
    done = subprocess.run([sys.executable, "-c", LOOKS_UP], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
