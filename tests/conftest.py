"""What the tests of the package share. The plugin for notebooks is `tests/nbval_gate.py`, given with `-p tests.nbval_gate`."""
