"""Moves a Chroma folder or server that is yours into your own PostgreSQL: `python -m course.move --from … --to … [--dry-run]`.

- `folder.py` makes a sound copy of a folder; the folder itself is never opened by ChromaDB.
- `source.py` reads a server page by page; `entries.py` says what an entry is, and how a row holds it without losing anything.
- `survey.py` says what is there, and `plan.py` what becomes of it.
- `target.py` is the PostgreSQL that gets it; `passes.py` brings one collection there until nothing is left to do.
- `nearest.py` asks both stores for the nearest ten; `mover.py` puts all of it in order, and `__main__.py` is the command.

Nothing here talks to anybody but the two stores. How the move of a whole application is planned, written to both sides and cut
over is no matter of this package: lessons 08 and 08b show it.
"""
