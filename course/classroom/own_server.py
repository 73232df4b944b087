"""A learner's own server, run as the learner: JupyterLab as `make lab` sets it, opened where they stopped."""

from __future__ import annotations

import os
import sys

from course.lab import SETTINGS, where_to_begin


def main() -> None:
    """Become JupyterHub's server for one user."""
    from jupyterhub.singleuser import main as serve

    stem, _ = where_to_begin()
    os.environ["JUPYTERHUB_DEFAULT_URL"] = f"/lab/tree/lessons/{stem}.ipynb"
    sys.argv += [f"--{name}={value}" for name, value in SETTINGS.items()]
    serve()


if __name__ == "__main__":
    main()
