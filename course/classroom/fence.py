"""The command in front of a learner's server: from root to that learner, into their network, with limits.

Programs of util-linux do it, one after the other in one process, so the whole of it can be read in JupyterHub's log.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from course.classroom.network import Network

SYSTEMD = Path("/run/systemd/system")
"""It is there where systemd runs the machine."""


def as_learner(account: pwd.struct_passwd) -> list[str]:
    """The command that runs another as this user, with nothing of root's."""
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--init-groups", "--inh-caps=-all"]


def fenced(account: pwd.struct_passwd, network: Network, memory: float, processes: int) -> list[str]:
    """The command that runs another as this user, in their network, with limits.

    Where systemd is, the memory is that of all that the learner runs. Where it is not, it is that of each process, and the
    number of processes is the learner's in all. If the machine itself runs out of memory, a learner's process goes first.
    """
    size = int(memory * 1024**3)
    scope = ["systemd-run", "--scope", "--quiet", "--collect", f"--property=MemoryMax={size}", "--property=MemorySwapMax=0"]
    scope += [f"--property=TasksMax={processes}", "--"]
    limits = ["prlimit", f"--data={size}", f"--nproc={processes}", "--core=0", "--"]
    own = ["nsenter", f"--net={network.path}", "--", "choom", "--adjust=500", "--"]
    return [*(scope if SYSTEMD.is_dir() else []), *own, *limits, *as_learner(account), "--"]


def without_network() -> list[str]:
    """The command that runs another where there is no network: for what a learner's own copy of the course may do."""
    return ["unshare", "--net", "--"]


def environment(account: pwd.struct_passwd) -> dict[str, str]:
    """The environment of a program that runs as this user, outside a server of theirs."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "PATH") if name in os.environ}
    return {**kept, "HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name}
