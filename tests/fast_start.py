"""Lets pytest start faster. A plugin; give it with `-p tests.fast_start`, so that it comes before nbval.

nbval imports nbformat, and that imports jsonschema: `course` makes the import short, if it comes first.
"""

import course  # noqa: F401
