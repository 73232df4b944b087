"""From source to lesson: what `python -m course.build` is made of. Nothing here is needed to run a lesson.

`layout` names the files, `source` reads one, `regions` knows the marks around a solution, `frame` writes head and
navigation, `notebook` makes solution and lesson, `lint` has ruff look at
the sources, `glossary` has the terms that they link, `execute` runs the solution, `freshness` proves both up to date,
and `kernel_home` gives a kernel a directory of its own and sees that no process outlives it.
"""
