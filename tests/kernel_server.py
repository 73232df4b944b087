"""A process that imports what most lessons import, and then forks kernels: `tests/forked_kernels.py` starts and asks it."""

import gc
import importlib
import json
import os
import signal
import sys

from ipykernel import kernelapp

IMPORTED = ("course", "chromadb", "psycopg", "pgvector.psycopg", "redis", "altair", "ipywidgets")
"""`course` comes first: it shortens what `import chromadb` takes. Its modules are not here: one that needs another, and does
not import it, fails as ever."""


def arguments() -> list[str]:
    """Fork for each line of standard input, and print the new process's id. Returns in the new one: what its kernel is given."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for these processes, so each vanishes as it ends
    for line in sys.stdin:
        kernel = json.loads(line)
        if pid := os.fork():
            print(pid, flush=True)
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.chdir(kernel["folder"])
        os.environ.clear()
        os.environ.update(kernel["environment"])
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        return [*kernel["arguments"], f"--IPKernelApp.parent_handle={os.getppid()}"]  # with which it ends
    sys.exit()


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file, which lessons do not see
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # so that a kernel's search for garbage does not copy what all have in common
    kernelapp.launch_new_instance(arguments())
