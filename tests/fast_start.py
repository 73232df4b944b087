"""Lets pytest start faster. A plugin; give it with `-p tests.fast_start`, so that it comes before nbval.

nbval imports nbformat, that imports jsonschema, and that builds a grammar of international addresses (1.4 s), which no test
asks for. Without the package jsonschema leaves that one format out.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
