"""The home directory of the user, which libraries look for when they are imported. The course's own stands in `home.py`."""

import os

from course.home import home


def see_to_a_user_home() -> None:
    """Let libraries take COURSE_HOME for the user's home directory if there is no other.

    A user id without a name, as in a container, has none unless HOME says so; chromadb, altair, the embedding's library and
    JupyterLab fail at their import then. Child processes inherit it.
    """
    if os.path.expanduser("~") == "~":
        os.environ["HOME"] = str(home())
