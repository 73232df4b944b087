"""One module per lesson: what is right for each of its exercises. The machinery is in `course/exercises/check.py`."""
