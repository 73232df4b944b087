"""What the tests of the package share. The plugin for notebooks is `tests/nbval_gate.py`, given with `-p tests.nbval_gate`."""

import gc


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: each later search for garbage would look through it, for a third of a second."""
    gc.collect()
    gc.freeze()
