"""`python -m course.move`: one's own ChromaDB goes into one's own PostgreSQL, nothing is lost, and the proof can fail."""

import json
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from course.home import ROOT, home
from course.move import folder, passes, source, target
from course.move.__main__ import main
from course.move.entries import Entry, Row, entry_of
from course.move.errors import StoppedError, explained
from course.move.plan import plan
from course.move.source import PAGE, SourceCollection
from course.move.survey import Survey, kind_of_id
from course.servers.chroma import ChromaServer
from course.servers.external import chroma_create
from course.servers.postgres import PostgresServer
from course.servers.supervisor_client import SupervisorClient
from course.stack import Stack
from course.waiting import until
from tests.prepared import make_home

LONG = "x" * 5_000
UUID = "550e8400-e29b-41d4-a716-446655440000"
ODD = {
    "7": ("as it should be", {"year": 2020}),
    "007": (None, {"year": "2020"}),
    "1_000": ("", {"year": 2020.0}),
    "１２": ("full-width", None),
    UUID: ("a uuid", {"big": 2**63, "small": -(2**63), "point": 1e-7}),
    LONG: ("a long id", {"tags": ["a", "b"], "numbers": [1, 2], "sure": True}),
    "nul\0": ("in the id", {"flags": [True, False]}),
    "nul␀": ("looks the same", {"big": 1e20}),
    "text": ("be\0tween", {"year": 2021}),
    "meta": ("in the metadata", {"a\0": "b\0", "a␀": "c", "list": ["\0"]}),
}


@dataclass
class Place:
    """A ChromaDB database of a test's own, and a schema for it."""

    stack: Stack
    name: str
    tmp: Path

    @property
    def client(self) -> Any:
        import chromadb

        chroma_create(self.stack.chroma.url, self.name)
        host, port = self.stack.chroma.address.split(":")
        return chromadb.HttpClient(host, int(port), database=self.name)

    def collection(self, name: str = "notes", count: int = 0, size: int = 4, space: str = "l2") -> Any:
        made = self.client.create_collection(name, embedding_function=None, configuration={"hnsw": {"space": space}})
        if count:
            made.add(ids=[f"n{number}" for number in range(count)], embeddings=vectors(count, size))
        return made

    @property
    def folder(self) -> str:
        assert isinstance(self.stack.chroma, ChromaServer)
        return str(self.stack.chroma.directory)

    def arguments(self, given: str, *more: str) -> list[str]:
        report = ["--report", str(self.tmp / "report.json"), "--schema", self.name, "--database", self.name]
        return ["--from", given, "--to", self.stack.postgres.url, *report, *more]

    def move(self, given: str | None = None, *more: str) -> tuple[int, dict[str, Any]]:
        status = main(self.arguments(given or self.stack.chroma.url, *(more or ["--yes"])))
        return status, json.loads((self.tmp / "report.json").read_text())

    def rows(self, query: str, *values: object) -> list[tuple]:
        with self.stack.postgres.connect() as connection:
            connection.execute(f"SET search_path = {self.name}, public")
            return connection.execute(query, values).fetchall()

    def make_a_table_of_mine(self) -> None:
        with self.stack.postgres.connect() as connection:
            connection.execute(f"CREATE SCHEMA {self.name}; CREATE TABLE {self.name}.notes AS SELECT 1 AS mine")

    @property
    def tables(self) -> int:
        return self.rows("SELECT count(*) FROM pg_tables WHERE schemaname = %s", self.name)[0][0]


def vectors(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(count * size).normal(size=(count, size)).astype(np.float32)


def files(directory: Path) -> dict[Path, tuple[bytes, int]]:
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def stack():
    directory = Path(tempfile.mkdtemp(prefix="lumen"))
    with pytest.MonkeyPatch.context() as patch:
        make_home(directory / "home", patch)
        with Stack.start("scratch", embedded=True) as stack:
            yield stack
    shutil.rmtree(directory)


@pytest.fixture
def place(stack: Stack, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    return Place(stack, f"t{abs(hash(request.node.name)) % 10**9}", tmp_path)


@pytest.fixture(scope="module")
def moved(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, int, dict[str, Any]]:
    """All that is odd, moved once from the folder."""
    place = Place(stack, "odd", tmp_path_factory.mktemp("odd"))
    odd = place.collection()
    odd.add(
        ids=list(ODD),
        embeddings=vectors(len(ODD), 4),
        documents=[document for document, _ in ODD.values()],
        metadatas=[metadata for _, metadata in ODD.values()],
    )
    for space in ("l2", "cosine", "ip"):
        many = place.collection(f"by.{space}", 300, 16, space)
        many.add(ids=["zero"], embeddings=[np.zeros(16, dtype=np.float32)])
    for size in (2_001, 4_001, 16_001):
        place.collection(f"size{size}", 3, size)
    place.client.create_collection("empty")
    before = files(Path(place.folder))
    status, report = place.move(place.folder)
    assert files(Path(place.folder)) == before
    return place, status, report


def of(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in report["collections"] if one["collection"] == name)


def test_everything_is_there_and_proven(moved):
    _, status, report = moved
    assert (status, report["refused"], len(report["collections"])) == (0, [], 8)
    for one in report["collections"]:
        assert one["proven"], one["collection"]
        assert one["passes"][-1]["source"] == one["passes"][-1]["target"]
        assert one["passes"][-1]["same"] == one["entries"] == one["passes"][-1]["rows"]


def test_what_is_read_back_is_what_was_there(moved):
    place, *_ = moved
    with target.opened(place.stack.postgres.url, place.name) as to:
        to.prepare([])
        (notes,) = [one for one in plan([Survey("notes", "", 4, "l2", "")]) if one.table == "notes"]
        keys = [key for (key,) in place.rows("SELECT key FROM notes")]
        read = {one.id: one for one in to.entries(notes, keys).values()}
    assert {id: (one.document, one.metadata) for id, one in read.items()} == {
        **ODD,
        UUID: ("a uuid", {"big": float(2**63), "small": -(2**63), "point": 1e-7}),
    }
    assert json.dumps(read["1_000"].metadata) == '{"year": 2020.0}'
    assert json.dumps(read[UUID].metadata).startswith('{"big": 9.22')
    assert np.array_equal([read[id].vector for id in ODD], vectors(len(ODD), 4))


def test_a_nul_is_kept_in_original_and_shown_as_a_sign(moved):
    place, _, report = moved
    rows = place.rows("SELECT id, document, metadata::text FROM notes WHERE original IS NOT NULL ORDER BY id")
    assert [row[:2] for row in rows] == [("meta", "in the metadata"), ("nul␀", "in the id"), ("text", "be␀tween")]
    assert (of(report, "notes")["with_nul"], of(report, "notes")["nul_in_id"]) == (3, 1)


def test_no_document_and_no_metadata_are_null(moved):
    place, _, report = moved
    assert place.rows("SELECT id FROM notes WHERE document IS NULL") == [("007",)]
    assert place.rows("SELECT id FROM notes WHERE metadata IS NULL") == [("１２",)]
    assert place.rows("SELECT id FROM notes WHERE document = ''") == [("1_000",)]
    assert (of(report, "notes")["without_document"], of(report, "notes")["without_metadata"]) == (1, 1)


def test_ids_stay_the_texts_that_they_are(moved):
    place, _, report = moved
    assert {id for (id,) in place.rows("SELECT id FROM notes")} == {*ODD} - {"nul\0"}
    assert of(report, "notes")["ids"] == {"integer": 1, "read as a number": 3, "uuid": 1, "text": 5}
    assert of(report, "notes")["longest_id"] == 5_000


def test_one_key_keeps_the_type_of_each_value_and_the_conflict_is_told(moved):
    place, _, report = moved
    query = "SELECT jsonb_typeof(metadata -> 'year'), metadata ->> 'year' FROM notes WHERE metadata ? 'year' ORDER BY 1, 2"
    assert place.rows(query) == [("number", "2020"), ("number", "2020.0"), ("number", "2021"), ("string", "2020")]
    assert of(report, "notes")["keys"]["year"] == {"int": 2, "str": 1, "float": 1}
    assert any("'year' has values of several types" in note for note in of(report, "notes")["notes"])


def test_lists_booleans_and_huge_numbers_are_told(moved):
    notes = of(moved[2], "notes")
    assert (notes["lists"], notes["huge_numbers"]) == (3, 2)
    assert notes["keys"]["tags"] == {"list of str": 1}
    assert notes["keys"]["sure"] == {"bool": 1}


@pytest.mark.parametrize(
    ("space", "operators"), [("l2", "vector_l2_ops"), ("cosine", "vector_cosine_ops"), ("ip", "vector_ip_ops")]
)
def test_both_answer_alike_in_the_space_of_the_collection(moved, space, operators):
    place, _, report = moved
    near = of(report, f"by.{space}")["nearest"]
    assert near["probes"] == 20
    assert near["wrong"] == 0
    assert near["same"] + near["tied"] + near["farther"] + near["without_distance"] == near["entries"] == 200
    assert near["same"] > 150
    ((index,),) = place.rows("SELECT indexdef FROM pg_indexes WHERE tablename = %s AND indexdef LIKE '%%hnsw%%'", f"by_{space}")
    assert operators in index


def test_a_zero_vector_is_kept_and_told(moved):
    place, _, report = moved
    assert place.rows("SELECT id FROM by_cosine WHERE vector_norm(embedding) = 0") == [("zero",)]
    assert any("under cosine they have no distance" in note for note in of(report, "by.cosine")["notes"])
    assert not any("under cosine" in note for note in of(report, "by.l2")["notes"])


@pytest.mark.parametrize(
    ("size", "type", "index"),
    [(2_001, "vector(2001)", "hnsw on halfvec(2001)"), (4_001, "vector(4001)", "no index"), (16_001, "real[]", "no index")],
)
def test_long_vectors_are_whole_and_indexed_as_far_as_it_goes(moved, size, type, index):
    place, _, report = moved
    one = of(report, f"size{size}")
    assert one["type"] == type
    assert one["index"].startswith(index)
    assert one["why"]
    assert len(place.rows(f"SELECT id FROM size{size}")) == 3


def test_an_empty_collection_becomes_an_empty_table(moved):
    place, _, report = moved
    assert place.rows("SELECT count(*) FROM empty") == [(0,)]
    assert of(report, "empty")["type"] == "vector"
    assert of(report, "empty")["model"] == "default"


def test_short_ids_get_a_unique_index_and_others_a_hash(moved):
    place, *_ = moved
    of_ids = dict(place.rows("SELECT tablename, indexdef FROM pg_indexes WHERE indexdef LIKE '%%(id)'"))
    assert "UNIQUE" in of_ids["by_l2"]
    assert "hash" in of_ids["notes"]


def test_nothing_is_left_of_the_copy(moved):
    assert moved[1] == 0
    assert list((home() / "stacks").glob("move-*")) == []


def test_the_report_shows_no_password(moved):
    place, _, report = moved
    password = place.stack.postgres.url.split("@")[0].rpartition(":")[2]
    assert len(password) > 8
    assert password not in json.dumps(report)
    assert report["from"] == place.folder


def test_a_finished_move_is_only_proven_again_and_what_is_yours_stays(place, capsys):
    place.collection(count=10)
    assert place.move()[0] == 0
    capsys.readouterr()
    status, report = place.move(None, "--yes", "--quiet")
    assert (status, report["collections"][0]["state"]) == (0, "done")
    assert capsys.readouterr().out.startswith("\nThe proof:")
    place.rows("INSERT INTO notes (key, id, embedding) VALUES ('mine', 'mine', '[1,2,3,4]') RETURNING id")
    status, report = place.move()
    assert (status, report["collections"][0]["proven"]) == (1, False)
    assert place.rows("SELECT count(*) FROM notes") == [(11,)]


def test_the_proof_sees_one_wrong_vector(place):
    place.collection(count=10)
    place.move()
    place.rows("UPDATE notes SET embedding = embedding + '[9,9,9,9]' WHERE id = 'n3' RETURNING id")
    status, report = place.move()
    (one,) = report["collections"]
    assert (status, one["passes"][0]["different"]) == (1, 1)
    assert one["nearest"]["wrong"] > 0
    assert one["passes"][0]["source"] != one["passes"][0]["target"]


def test_what_chromadb_names_otherwise_is_explained_and_is_no_fault_of_the_copy(place, monkeypatch):
    few = place.collection("few", 5, space="cosine")
    few.add(ids=["zero"], embeddings=[[0.0] * 4])
    place.collection("many", 300, 16)
    whole = SourceCollection.nearest

    def misses_the_nearest(self, vector, count):
        found = whole(self, vector, count + 1)
        return source.Nearest(found.ids[1:], found.distances[1:])

    monkeypatch.setattr(SourceCollection, "nearest", misses_the_nearest)
    status, report = place.move()
    near = of(report, "many")["nearest"]
    assert (status, near["same"], near["tied"] + near["farther"], near["wrong"]) == (0, 180, 20, 0)
    assert near["farther"] > 10
    assert of(report, "few")["nearest"]["without_distance"] > 0


def test_a_dry_run_changes_nothing(place, capsys):
    place.collection(count=3)
    before = files(Path(place.folder))
    assert place.move(place.folder, "--dry-run")[0] == 0
    assert place.tables == 0
    assert files(Path(place.folder)) == before
    assert "notes -> notes: vector(4), hnsw on vector(4) by <->" in capsys.readouterr().out
    assert main(["--from", place.folder, "--dry-run"]) == 0


def test_without_a_yes_nothing_changes(place, monkeypatch, capsys):
    place.collection(count=3)
    assert place.move(None, "--page", "100")[0] == 2
    assert "Add --yes" in capsys.readouterr().err
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda asked: "no")
    assert place.move(None, "--page", "100")[0] == 2
    assert place.tables == 0
    monkeypatch.setattr("builtins.input", lambda asked: "yes")
    assert place.move(None, "--page", "100")[0] == 0


def test_a_table_that_is_there_already_is_refused_and_stays(place):
    place.collection(count=3)
    place.make_a_table_of_mine()
    status, report = place.move()
    assert status == 2
    assert f"the table {place.name}.notes is there already, with 1 rows" in report["error"]
    assert place.rows("SELECT mine FROM notes") == [(1,)]
    assert place.tables == 1


def test_a_database_that_cannot_hold_every_text_is_refused(place, capsys):
    place.collection(count=1)
    with place.stack.postgres.connect() as connection:
        connection.execute("CREATE DATABASE latin ENCODING latin1 LOCALE 'C' TEMPLATE template0")
    url = place.stack.postgres.url.rpartition("/")[0] + "/latin"
    assert main(["--from", place.stack.chroma.url, "--to", url, "--yes", "--database", place.name]) == 2
    assert "its encoding is LATIN1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("_EXTENSION", "not_installed", "it has no pgvector"), ("_OLDEST_VECTOR", (99, 0), "is too old: it takes")],
)
def test_without_a_pgvector_that_can_do_it_nothing_begins(place, monkeypatch, name, value, said):
    place.collection(count=1)
    monkeypatch.setattr(target, name, value)
    status, report = place.move()
    assert (status, place.tables) == (2, 0)
    assert said in report["error"]


def test_who_may_not_make_a_schema_is_told_before_anything_begins(place, capsys):
    place.collection(count=1)
    with place.stack.postgres.connect() as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    host = place.stack.postgres.url.rpartition("@")[2]
    to = f"postgresql://guest:guest@{host}"
    assert main(["--from", place.stack.chroma.url, "--to", to, "--yes", "--database", place.name]) == 2
    assert "guest may not make a schema in it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("/nowhere/at all", "is no folder of ChromaDB"),
        ("http://127.0.0.1:1", "does not answer"),
        ("http://", "is no server's address"),
    ],
)
def test_what_cannot_be_read_is_refused(place, given, said, capsys):
    assert place.move(given)[0] == 2
    assert said in capsys.readouterr().err


def test_a_postgresql_that_does_not_answer_is_refused_without_its_password(place, capsys):
    assert main(["--from", place.folder, "--to", "postgresql://dana:secret@127.0.0.1:1/x", "--yes"]) == 2
    assert "secret" not in capsys.readouterr().err


def test_to_is_needed_but_for_a_dry_run(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--from", "somewhere"])
    assert caught.value.code == 2
    assert "--to" in capsys.readouterr().err


def test_an_interrupt_says_that_the_same_command_goes_on(place, monkeypatch, capsys):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    place.collection(count=1)
    monkeypatch.setattr("course.move.__main__.look", interrupted)
    assert place.move()[0] == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_killed_half_way_and_given_again_it_ends_with_everything_once(place):
    place.collection(count=300)
    command = [sys.executable, "-m", "course.move", *place.arguments(place.folder, "--yes", "--page", "20")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as mover, place.stack.postgres.connect() as holder:
        until(lambda: place.tables == 2 and place.rows("SELECT count(*) FROM notes")[0][0])
        with holder.transaction():
            holder.execute(f"LOCK TABLE {place.name}.notes IN SHARE MODE")  # no further page gets in
            (at,) = holder.execute(f"SELECT count(*) FROM {place.name}.notes").fetchone()
            mover.send_signal(signal.SIGKILL)
            mover.wait(60)
    assert 0 < at < 300
    assert at % 20 == 0
    status, report = place.move(place.folder)
    (one,) = report["collections"]
    assert (status, one["state"], one["passes"][-1]["rows"]) == (0, "begun", 300)
    assert at <= one["passes"][0]["same"] < 300
    assert list((home() / "stacks").glob("move-*")) == []


class Generated(SourceCollection):
    """A collection that is made as it is read, and knows how much of it is in memory."""

    space = "l2"  # nobody has to be asked

    def __init__(self, name: str, entries_there: int, size: int, page: int = PAGE) -> None:
        self.name, self.id = name, "generated"
        self.entries_there, self.dimension, self.size, self.page = entries_there, size, size, page
        self.alive: weakref.WeakSet[Entry] = weakref.WeakSet()
        self.most = self.largest_page = 0

    def count(self) -> int:
        return self.entries_there

    def ids(self):
        for first in range(0, self.entries_there, self.page):
            yield [str(number) for number in range(first, min(first + self.page, self.entries_there))]

    def entries(self, ids):
        made = [Entry(id, np.full(self.size, float(id), dtype=np.float32), None, None, None) for id in ids]
        self.alive.update(made)
        self.largest_page = max(self.largest_page, len(ids))
        self.most = max(self.most, len(self.alive))
        return made


def planned(collection: SourceCollection) -> Any:
    seen = Survey(collection.name, collection.id, collection.dimension, collection.space, "", longest_id=9)
    return plan([seen])[0]


def test_however_many_there_are_two_pages_are_in_memory(place):
    many = Generated("many", 20_000, 3)
    with target.opened(place.stack.postgres.url, place.name) as to:
        to.prepare([planned(many)])
        done = passes.run(many, to, planned(many), write=True, progress=lambda count: None)
    assert (done.lacking, done.rows) == (20_000, 20_000)
    assert many.largest_page == PAGE
    assert many.most <= 2 * PAGE


def test_long_vectors_make_a_page_shorter(place):
    place.collection("long", 1, 4_000)
    place.collection("short", 1, 4)
    pages = {
        name: SourceCollection(place.client.get_collection(name, embedding_function=None)).page for name in ("long", "short")
    }
    assert pages == {"long": 100, "short": PAGE}


@contextmanager
def postgres_alone(directory: Path, largest_file: int = resource.RLIM_INFINITY) -> Iterator[str]:
    """A PostgreSQL none of whose files may grow past so many bytes: for whoever writes there, the disk is full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, before[1]))
    supervisor = SupervisorClient(directory)
    try:
        server = PostgresServer(directory, supervisor, "a" * 32)
        server.start()
        yield server.url
    finally:
        supervisor.close()
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_stops_it_and_with_space_again_it_goes_on(stack, tmp_path):
    """17 MB are more than a file of the write-ahead log has, and less than all the vectors take."""
    many = Generated("many", 1_400, 3_900, page=100)
    steps = planned(many)
    with postgres_alone(tmp_path, 17 * 1024**2) as url, target.opened(url, "full") as to:
        to.prepare([steps])
        with pytest.raises(StoppedError, match=r"PostgreSQL stopped the move: .*same command again"), explained():
            passes.until_proven(many, to, steps, lambda count: None)
        kept = to.rows(steps)
    assert 0 < kept < 1_400
    assert kept % 100 == 0
    with postgres_alone(tmp_path) as url, target.opened(url, "full") as to:
        to.prepare([steps])
        ran = passes.until_proven(many, to, steps, lambda count: None)
    assert (ran[0].same, ran[0].lacking) == (kept, 1_400 - kept)
    assert ran[-1].is_proof


def test_what_is_added_changed_and_deleted_meanwhile_is_caught_up_with(place):
    made = place.collection(count=200)
    read = SourceCollection(made, page=50)

    def meddle(count: int, turns: list[int] = []) -> None:  # noqa: B006  it counts its calls
        turns.append(count)
        if len(turns) == 2:
            made.delete(ids=[f"n{number}" for number in range(0, 60, 2)])
            made.upsert(ids=["n1", "new"], embeddings=vectors(2, 4), documents=["changed", "new"])

    with target.opened(place.stack.postgres.url, place.name) as to:
        to.prepare([planned(read)])
        ran = passes.until_proven(read, to, planned(read), meddle)
    assert ran[-1].is_proof
    assert sum(one.gone for one in ran) == 30
    assert sum(one.different for one in ran) == 1
    ids = {id for (id,) in place.rows("SELECT id FROM notes")}
    assert ids == set(made.get(include=[])["ids"])
    assert place.rows("SELECT document FROM notes WHERE id IN ('n1', 'new') ORDER BY id") == [("changed",), ("new",)]


def test_who_writes_all_the_time_is_told_and_nothing_is_called_proven(place, monkeypatch):
    made = place.collection(count=20)
    whole_run = passes.run

    def and_one_more(*given: Any, **named: Any) -> passes.Pass:
        done = whole_run(*given, **named)
        made.add(ids=[f"more{made.count()}"], embeddings=vectors(1, 4))
        return done

    monkeypatch.setattr(passes, "run", and_one_more)
    status, report = place.move()
    assert (status, len(report["collections"][0]["passes"])) == (1, passes.MOST_PASSES)
    assert not report["collections"][0]["proven"]
    monkeypatch.undo()
    assert place.move()[0] == 0


def test_a_second_move_at_the_same_time_is_refused(place, monkeypatch, capsys):
    place.collection(count=1)
    monkeypatch.setattr(target, "_LOCK_SECONDS", 1)
    with target.opened(place.stack.postgres.url, place.name) as first, first.alone():
        assert place.move()[0] == 2
    assert "Another move" in capsys.readouterr().err
    assert place.tables == 0


def test_a_table_that_somebody_makes_meanwhile_is_left_alone(place, monkeypatch):
    place.collection(count=1)

    def confirm(yes: bool) -> None:
        place.make_a_table_of_mine()

    monkeypatch.setattr("course.move.__main__._confirm", confirm)
    status, report = place.move()
    assert (status, place.tables) == (2, 1)
    assert report["error"].startswith("Meanwhile")


def test_a_folder_of_an_old_release_is_moved_and_stays_old(place, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(ROOT / "data" / "old_chroma" / "folder", old)
    before = files(old)
    report = tmp_path / "report.json"
    to = ["--to", place.stack.postgres.url, "--yes", "--schema", place.name, "--report", str(report)]
    status = main(["--from", str(old), *to])
    assert (status, files(old)) == (0, before)
    assert place.tables == 2
    (documents,) = json.loads(report.read_text())["collections"]
    assert (documents["says_space"], documents["space"]) == ("l2", "cosine")  # the new release says one, and does the other
    assert "vector_cosine_ops" in documents["index"]


@pytest.fixture
def small(place: Place, tmp_path: Path) -> Path:
    """A folder of its own that a test may spoil."""
    copy = tmp_path / "small"
    shutil.copytree(ROOT / "data" / "old_chroma" / "folder", copy)
    return copy


def test_while_the_copy_is_made_nobody_writes(small, monkeypatch):
    tried = []
    real = shutil.copytree

    def watched(*given: Any, **more: Any) -> None:
        with (
            closing(sqlite3.connect(small / folder.DATABASE, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError) as said,
        ):
            other.execute("BEGIN IMMEDIATE")
        tried.append(str(said.value))
        real(*given, **more)

    monkeypatch.setattr(folder.shutil, "copytree", watched)
    folder.copy(small, small.parent / "copy")
    assert set(tried) == {"database is locked"}
    with closing(sqlite3.connect(small / folder.DATABASE, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")  # the lock has ended


def test_a_folder_that_changes_while_it_is_copied_is_copied_again(small, monkeypatch):
    turns: list[tuple] = []
    real = shutil.copytree

    def touched(*given: Any, **more: Any) -> None:
        real(*given, **more)
        if given[0] == small:  # it calls itself for the folders inside
            turns.append(given)
        if given[0] == small and len(turns) in touch:
            (small / "index").write_text("x" * len(turns))

    monkeypatch.setattr(folder.shutil, "copytree", touched)
    touch = {1}
    folder.copy(small, small.parent / "copy")
    assert len(turns) == 2
    assert files(small).keys() == {small / path.relative_to(small.parent / "copy") for path in files(small.parent / "copy")}
    touch = set(range(100))
    with pytest.raises(folder.RefusedError, match=r"writes to .* all the time"):
        folder.copy(small, small.parent / "copy")


def test_a_folder_whose_lock_somebody_holds_is_refused(small, monkeypatch):
    monkeypatch.setattr(folder, "_HOLD", folder._HOLD.replace("timeout=30", "timeout=0.1"))
    with closing(sqlite3.connect(small / folder.DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(folder.RefusedError, match="database is locked"):
            folder.copy(small, small.parent / "copy")


@pytest.mark.parametrize("at", [0, 4096])
def test_a_damaged_folder_is_refused(small, at):
    with open(small / folder.DATABASE, "r+b") as file:
        file.seek(at)
        file.write(b"\xff" * 8192)
    with pytest.raises(folder.RefusedError, match="is damaged"):
        folder.copy(small, small.parent / "copy")


def test_without_space_for_the_copy_nothing_begins(small, monkeypatch):
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1024})())
    with pytest.raises(folder.RefusedError, match="Free some space"):
        folder.copy(small, small.parent / "copy")


def test_a_copy_that_cannot_be_written_is_refused(small):
    (small.parent / "file").touch()
    with pytest.raises(folder.RefusedError, match="could not be copied"):
        folder.copy(small, small.parent / "file" / "copy")


def test_collections_whose_names_are_alike_get_tables_of_their_own():
    names = ["a.b", "a-b", "A_B", "7", "move_ledger", "x" * 300, "x" * 301]
    tables = [one.table for one in plan([Survey(name, name, 3, "l2", "") for name in names])]
    assert len(set(tables)) == len(names)
    assert tables[0] == "a_b"
    assert tables[3] == "c_7"
    assert "move_ledger" not in tables
    assert max(map(len, tables)) < 64
    known = {"a-b": tables[1]}
    assert plan([Survey("a-b", "a-b", 3, "l2", "")], known)[0].table == tables[1]


def test_a_space_that_pgvector_has_not_is_refused(place, monkeypatch, capsys):
    place.collection(count=1)
    monkeypatch.setattr(source.SourceCollection, "space", "warped", raising=False)
    monkeypatch.setattr("course.move.mover.OPERATORS", {})
    assert place.move()[0] == 2
    assert "which pgvector has not" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("id", "kind"),
    [
        ("7", "integer"),
        ("-7", "integer"),
        ("007", "read as a number"),
        (" 7", "read as a number"),
        (str(2**63), "read as a number"),
    ],
)
def test_an_id_is_an_integer_only_as_postgresql_writes_it(id, kind):
    assert kind_of_id(id) == kind


@pytest.mark.parametrize("number", [1e16, 1e300, 5e-324, 0.1, -2.5, 2.0**63, 3])
def test_numbers_come_back_from_jsonb_as_they_were(place, number):
    entry = Entry("1", vectors(1, 3)[0], None, {"number": number}, "file:///a")
    (((read,),),) = [place.rows("SELECT %s::jsonb", Row.of(entry).metadata)]
    back = entry_of("1", None, read, "file:///a", entry.vector, None)
    assert back.digest == entry.digest
    assert type(read["number"]) is type(number)


def test_an_index_that_postgresql_refuses_ends_nothing(place):
    """A half-precision number ends at 65,504."""
    made = place.client.create_collection("large", embedding_function=None)
    made.add(ids=["1"], embeddings=[[1e6] * 2_001])
    status, report = place.move()
    assert status == 0
    assert report["collections"][0]["index"].startswith("no index: ")


def test_many_keys_are_counted_and_not_all_named(place, capsys):
    made = place.client.create_collection("keys", embedding_function=None)
    made.add(ids=["1"], embeddings=vectors(1, 3), metadatas=[{f"key{number}": number for number in range(120)}])
    _, report = place.move(None, "--dry-run")
    assert (len(report["collections"][0]["keys"]), report["collections"][0]["more_keys"]) == (100, 20)
    assert "and more keys" in capsys.readouterr().out


def test_other_databases_are_named_as_left_out(place, capsys):
    place.collection(count=1)
    chroma_create(place.stack.chroma.url, "other")
    _, report = place.move(None, "--dry-run")
    assert "other" in report["other_databases"]
    assert "name one with --database" in capsys.readouterr().out


def test_a_store_that_fails_says_which_one():
    import httpx

    with pytest.raises(StoppedError, match="ChromaDB stopped the move: gone"), explained():
        raise httpx.ReadError("gone")
    with pytest.raises(StoppedError, match="PostgreSQL stopped the move: gone"), explained():
        raise psycopg.OperationalError("gone")
