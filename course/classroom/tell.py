"""Prints the report of the learner as whom it runs: `python -m course.classroom.tell NAME`. `board.py` runs it."""

import sys

from course.progress.report import as_json, report_now

if __name__ == "__main__":
    sys.stdout.write(as_json(report_now(sys.argv[1])))
