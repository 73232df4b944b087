"""Fernhill's two stores: taken up where the learner left them, or put back to the known start. No migration is done here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from course import manifest, progress
from course.exercises.note import Note
from course.fernhill.records import FOLDER, Article, articles, embeddings, mechanics
from course.servers.postgres import binary
from course.servers.rows import only

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

    from course.stack import Stack

DATABASE = "fernhill"
"""The PostgreSQL database. All that a learner makes in PostgreSQL lies in it, so dropping it takes everything back."""

COLLECTION = "articles"
"""The name of the ChromaDB collection."""

_LOADED = "Fernhill at its known start, or what was made of it"
"""The comment on a database that was loaded to its end."""


class Shop:
    """Fernhill's knowledge base in a stack. Get it with `take_up(stack)`; it shows itself.

    Attributes:
        dump: where the backup belongs.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.dump: Path = stack.directory / "fernhill.dump"

    @property
    def url(self) -> str:
        """The address of Fernhill's database."""
        return self.address_of(DATABASE)

    def address_of(self, database: str) -> str:
        """The address of another database on the same server."""
        return urlsplit(self._stack.postgres.url)._replace(path=f"/{database}").geturl()

    def connect(self) -> psycopg.Connection:
        """A new connection to Fernhill's database, in autocommit mode."""
        return psycopg.connect(self.url, autocommit=True)

    def login(self, database: str = DATABASE) -> dict[str, str]:
        """The environment in which PostgreSQL's programs, such as `pg_dump`, find this server and one of its databases."""
        to = conninfo_to_dict(self.url)
        names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password"}
        path = f"{Path(binary('pg_dump')).parent}{os.pathsep}{os.environ['PATH']}"
        return os.environ | {name: str(to[key]) for name, key in names.items()} | {"PGDATABASE": database, "PATH": path}

    def collection(self) -> Collection:
        """The ChromaDB collection, made anew if it is gone."""
        client = self._stack.chroma.client()
        if COLLECTION not in [collection.name for collection in client.list_collections()]:
            _load_chroma(client.create_collection(COLLECTION, embedding_function=None))
        return client.get_collection(COLLECTION, embedding_function=None)

    def reset(self, *, vectors: bool = True) -> Note:
        """Bring the known start back, whatever state the stores are in. Says what it has removed.

        Args:
            vectors: also those in ChromaDB, which a migration leaves alone.
        """
        if vectors:
            client = self._stack.chroma.client()
            if COLLECTION in [collection.name for collection in client.list_collections()]:
                client.delete_collection(COLLECTION)
            self.collection()
        self._load_postgres()
        if self.dump.is_dir():
            shutil.rmtree(self.dump)
        self.dump.unlink(missing_ok=True)
        return Note(
            "↺",
            "reset",
            f"Fernhill is at its known start. Removed: the database `{DATABASE}` with all that you made in it, what you set for "
            f"it, for a role or for the server, the collection's changes, and `{self.dump.name}`. Your cells and your progress "
            "are as they were. Run the first cell of the part that you are in: it connects again.",
        )

    @property
    def is_loaded(self) -> bool:
        """Whether the database is there: at the known start, or further."""
        with self._stack.postgres.connect() as admin:
            query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
            return admin.execute(query, [DATABASE]).fetchall() == [(_LOADED,)]

    def _load_postgres(self) -> None:
        database = sql.Identifier(DATABASE)
        with self._stack.postgres.connect() as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
            for setting in ("ALTER ROLE CURRENT_USER RESET ALL", "ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()"):
                admin.execute(setting)
            admin.execute(sql.SQL("ALTER DATABASE {} RESET ALL").format(sql.Identifier(admin.info.dbname)))
            admin.execute(sql.SQL("CREATE DATABASE {}").format(database))
            with self.connect() as connection:
                _fill(connection)
            admin.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(_LOADED)))

    @property
    def note(self) -> Note:
        """Where things stand: what is in the stores, and which checks were passed so far."""
        with self.connect() as connection:
            rows = only(connection.execute("SELECT count(*) FROM articles"))
        checks, known = manifest.lesson("15").checks, progress.checks()
        passed = [f"`{id}`" for id in checks if id in known and known[id].outcome == "passed"]
        so_far = f"Passed so far, {len(passed)} of {len(checks)}: {', '.join(passed)}." if passed else "No check is passed yet."
        text = f"{rows} articles in PostgreSQL, {self.collection().count()} entries in ChromaDB. {so_far}"
        return Note("→", "Fernhill", text)

    def __repr__(self) -> str:
        return repr(self.note)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.note._repr_mimebundle_()


def take_up(stack: Stack) -> Shop:
    """Fernhill in this stack: as it was left, or loaded if it is not there yet."""
    shop = Shop(stack)
    if not shop.is_loaded:
        shop.reset()
    return shop


def _fill(connection: psycopg.Connection) -> None:
    connection.execute((FOLDER / "schema.sql").read_text(encoding="utf-8"))
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO mechanics VALUES (%s, %s)", [(one.id, one.name) for one in mechanics()])
        rows = [(a.id, a.mechanic_id, a.title, a.status) for a in articles() if a.stores != "ChromaDB"]
        cursor.executemany("INSERT INTO articles VALUES (%s, %s, %s, %s)", rows)


def _load_chroma(collection: Collection) -> None:
    kept = [(article, vector) for article, vector in zip(articles(), embeddings(), strict=True) if article.stores != "PostgreSQL"]
    texts: Any = [article.body for article, _ in kept]  # some have none
    collection.add(
        ids=[str(article.id) for article, _ in kept],
        embeddings=[vector for _, vector in kept],
        metadatas=[_metadata(article) for article, _ in kept],
        documents=texts,
    )


def _metadata(article: Article) -> dict[str, Any]:
    """What stands beside the vector. ChromaDB takes no empty list, so an article without tags has no such key."""
    tags = {"tags": list(article.tags)} if article.tags else {}
    return {"status": article.copied_status, **tags}
