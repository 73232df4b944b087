"""JupyterHub's configuration for a class. JupyterHub reads this file; `python -m course.classroom` starts JupyterHub."""

import gc
import sys
from pathlib import Path

from course.classroom.accounts import members
from course.classroom.settings import FOLDER, LEARNERS, TEACHERS, handed_on
from course.classroom.spawner import ClassSpawner

settings = handed_on()
state = Path(settings.state)
module = [sys.executable, "-P", "-m"]

c = get_config()  # type: ignore[name-defined]  # noqa: F821  JupyterHub puts it here

# Where it answers: on this machine alone. The web server with HTTPS is in front of the first.
c.JupyterHub.bind_url = f"http://127.0.0.1:{settings.port}"
c.JupyterHub.hub_ip = settings.hub_address
c.JupyterHub.hub_port = settings.hub_port
c.ConfigurableHTTPProxy.command = [str(Path(sys.executable).with_name("configurable-http-proxy"))]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.api_port}"
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")

# What it keeps, for root alone.
c.JupyterHub.db_url = f"sqlite:///{state}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")

# Who may log in: the system's own users, by their own passwords. Logging off stops what one has started.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.open_sessions = False
c.Authenticator.allowed_groups = {LEARNERS}
c.JupyterHub.shutdown_on_logout = True

# What each one gets.
c.JupyterHub.spawner_class = ClassSpawner
c.ClassSpawner.hub_address = settings.hub_address
c.ClassSpawner.memory = settings.memory
c.ClassSpawner.processes = settings.processes
c.ClassSpawner.notebook_dir = f"~/{FOLDER}"
c.ClassSpawner.start_timeout = 120
c.ClassSpawner.http_timeout = 120  # a dozen start at once

c.JupyterHub.services = [
    {
        "name": "class",
        "url": f"http://127.0.0.1:{settings.page_port}",
        "command": [*module, "course.classroom.page"],
        "environment": settings.as_environment(),
        "oauth_no_confirm": True,
    },
    {
        "name": "idle",
        "command": [*module, "jupyterhub_idle_culler", f"--timeout={settings.idle * 60}"],
    },
]
c.JupyterHub.load_groups = {"teachers": {"users": members(TEACHERS)}}
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", "access:services!service=class"]},
    # A teacher sees who is there and may stop a server that hangs; no learner's files and no server of theirs are open to one.
    {"name": "teacher", "groups": ["teachers"], "scopes": ["admin-ui", "list:users", "servers"]},
    {
        "name": "idle",
        "services": ["idle"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    },
]

gc.freeze()  # what is loaded stays to the end: searching it for garbage would only make the end take seconds
