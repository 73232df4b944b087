"""The learners' own notebooks: what they came as, what has changed in them, what is kept of them, and the clone they lie in.

The commands that write them are `course/update.py` and `course/reset.py`.
"""
