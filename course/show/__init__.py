"""What a notebook displays: boards, charts, diagrams, panels, tables, a questionnaire, the course map. Each has a text twin.

Each is imported on first use: charts and widgets take a while. `predict` is in `quiz.py`, the `%%sql` magic in `sql.py`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course.show.charts import chart
    from course.show.diagrams import board, diagram
    from course.show.map import course_map
    from course.show.panels import panel
    from course.show.questions import questionnaire
    from course.show.tables import table
    from course.waiting import waiting

_HOME_OF = {
    "board": "course.show.diagrams",
    "chart": "course.show.charts",
    "course_map": "course.show.map",
    "diagram": "course.show.diagrams",
    "panel": "course.show.panels",
    "questionnaire": "course.show.questions",
    "table": "course.show.tables",
    "waiting": "course.waiting",
}

__all__ = ["board", "chart", "course_map", "diagram", "panel", "questionnaire", "table", "waiting"]


def __getattr__(name: str) -> object:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'course.show' has no attribute {name!r}. It has: {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return __all__
