"""`python -m course.old_chroma`: makes `data/old_chroma/` anew."""

import sys

from course.errors import CourseError
from course.old_chroma import RECORD, record

if __name__ == "__main__":
    try:
        record()
    except CourseError as error:
        sys.exit(str(error))
    print(f"Wrote {RECORD}.")
