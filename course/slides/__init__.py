"""Slides for those who teach: a deck for each lesson, made from its executed solution and its note. `python -m course.slides`.

`deck` says what the slides of a lesson are, `text` and `pictures` turn Markdown, diagrams and charts into HTML, and `page` writes
the files. The slides move by reveal.js, which comes in a wheel: a deck opens from disk, and nothing is loaded from elsewhere.
"""
