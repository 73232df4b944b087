"""What the learner has done, and what is made of it.

`store` keeps it in `.course/progress.json`; the checks and the predictions call the names below. `resume` says where the
learner stopped, `report` makes a file for a teacher, `classroom` reads many of them, and `python -m course.progress` shows
them all. What a check judges stands in `checks/`. Nothing here sends anything anywhere.
"""

from course.progress.store import (
    CheckRecord,
    checks,
    last_used,
    lock_prediction,
    prediction,
    predictions,
    record,
    record_hint,
    record_outcome,
    record_solution,
    reset,
    undo_reset,
    valid_check,
    valid_prediction,
)

__all__ = [
    "CheckRecord",
    "checks",
    "last_used",
    "lock_prediction",
    "prediction",
    "predictions",
    "record",
    "record_hint",
    "record_outcome",
    "record_solution",
    "reset",
    "undo_reset",
    "valid_check",
    "valid_prediction",
]
