"""Help for the lessons of *From three databases to one*: servers, checks and display. Never the subject matter.

A notebook needs few names: `Stack`, `embed`, `predict` and `show`. They are imported on first use, so that a child
process which needs one of them does not pay for the others.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course import show
    from course.embedding import embed
    from course.show.quiz import predict
    from course.stack import Stack

_HOME_OF = {"Stack": "course.stack", "embed": "course.embedding", "predict": "course.show.quiz"}

__all__ = ["Stack", "embed", "predict", "show"]

# What `import chromadb` loads and nothing here asks for: three formats of jsonschema's, two of which need a grammar of
# international addresses that takes longer to build than any other part, and httpx's command line. Both do without.
for _unused in ("rfc3987_syntax", "isoduration", "httpx._main"):
    sys.modules.setdefault(_unused, None)  # type: ignore[arg-type]


def __getattr__(name: str) -> object:
    if name in __all__:  # a notebook asks for one of them before it imports chromadb or altair
        import_module("course.user_home").see_to_a_user_home()
    if name == "show":
        return import_module("course.show")
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'course' has no attribute {name!r}")
