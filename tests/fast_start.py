"""Lets tests take less of the processor. A plugin; give it with `-p tests.fast_start`, so that it comes before nbval.

nbval imports nbformat, and that imports jsonschema: `course` makes the import short, if it comes first. NumPy has a thread for
each core; those that have nothing to do spin for a while, and what runs beside wants that core.
"""

import os

import course  # noqa: F401

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
