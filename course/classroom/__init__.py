"""A class on one server: JupyterHub, a system user for each learner, and a wall between them.

`accounts` makes users, their own copy of the course and their passwords; `network` gives each a network of their own, which is
the wall around servers that ask for no password; `fence` sets what else holds a learner's processes; `spawner` starts them
inside. `hub_config` is JupyterHub's configuration. `page` and `board` are the page where learners agree to share their progress
and the teacher sees it. `python -m course.classroom` runs it all.

It needs root, Linux, the programs `ip`, `nsenter`, `setpriv` and `useradd` of any Debian, and what the extra `class` installs.
No Docker, no systemd. Nothing else of the course imports from here.
"""
