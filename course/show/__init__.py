"""What a notebook displays: `show.board`, `show.table`, `show.chart`, `show.course_map`. Each has a text/plain twin.

Each is imported on first use: charts and widgets take a while. `predict` is in `quiz.py`, the `%%sql` magic in `sql.py`.
"""

from importlib import import_module

_HOME_OF = {
    "board": "course.show.diagram",
    "chart": "course.show.charts",
    "course_map": "course.show.map",
    "table": "course.show.tables",
}

__all__ = ["board", "chart", "course_map", "table"]


def __getattr__(name: str) -> object:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'course.show' has no attribute {name!r}. It has: {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return __all__
