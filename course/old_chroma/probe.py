"""Run under any release of ChromaDB, as a script of its own: does one thing, and says in one line what came of it.

probe.py write FOLDER VECTORS.npy | read FOLDER | create FOLDER | list FOLDER | heartbeat PORT | get PORT
"""

import sys
from collections.abc import Callable

import chromadb
from chromadb.api import ClientAPI
from chromadb.config import Settings

QUIET = Settings(anonymized_telemetry=False)


def on_folder(path: str) -> ClientAPI:
    """A client that opens a folder itself."""
    return chromadb.PersistentClient(path, QUIET)


def on_server(port: str) -> ClientAPI:
    """A client of a server on this machine."""
    return chromadb.HttpClient("127.0.0.1", int(port), settings=QUIET)


def write(path: str, vectors: str) -> str:
    """Write vectors into a collection of a folder."""
    import numpy

    rows = numpy.load(vectors)
    collection = on_folder(path).create_collection("documents", metadata={"hnsw:space": "cosine"}, embedding_function=None)
    numbers = range(1, len(rows) + 1)
    collection.add(ids=[str(id) for id in numbers], embeddings=rows.tolist(), metadatas=[{"id": id} for id in numbers])
    return f"{len(rows)} vectors written"


def read(path: str) -> str:
    """Count what a folder's collection holds."""
    return f"{on_folder(path).get_collection('documents', embedding_function=None).count()} vectors"


def create(path: str) -> str:
    """Make a new collection in a folder."""
    on_folder(path).create_collection("notes", embedding_function=None)
    return "made"


def collections(path: str) -> str:
    """Count a folder's collections."""
    return f"{len(on_folder(path).list_collections())} collections"


def heartbeat(port: str) -> str:
    """Ask a server for a sign of life."""
    return "alive" if on_server(port).heartbeat() > 0 else "dead"


def get(port: str) -> str:
    """Count what a server's collection holds."""
    return f"{on_server(port).get_collection('documents', embedding_function=None).count()} vectors"


MAKING: dict[str, Callable[..., str]] = {"write": write, "create": create}
ASKING: dict[str, Callable[..., str]] = {"read": read, "list": collections, "heartbeat": heartbeat, "get": get}

if __name__ == "__main__":
    _, action, *words = sys.argv
    if action in MAKING:
        print(MAKING[action](*words))
    else:
        try:
            print(ASKING[action](*words))
        except Exception as error:  # noqa: BLE001  what it says is what we came for
            print(f"{type(error).__name__}: {error}")
