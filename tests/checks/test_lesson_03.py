"""Answers to the exercises of lesson 03, wrong and right. `test_every_check.py` gives them; what else they promise is here."""

import os
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from course.stack import Stack
from tests.checks.answers import checked


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises; no answer was given yet."""
    return {"stack": stack, "lab": stack, "subprocess": subprocess, "tarfile": tarfile, "time": time, "Path": Path}


def apart(body: str) -> str:
    return "def disagreements(postgres, collection):\n" + _indented(f"{BOTH}\n{body}")


def job(old: str, new: str) -> str:
    """The usual way to pack a folder, with one thing changed."""
    assert old in JOB
    return "def back_up(folder, archive):\n" + _indented(JOB.replace(old, new))


def packed(body: str) -> str:
    return "def back_up(folder, archive):\n" + _indented(body)


def quiet(body: str) -> str:
    return "def quiet_backup(pause, resume, jobs):\n" + _indented(body)


def _indented(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))


BOTH = """
in_postgres = {id for (id,) in postgres.execute("SELECT id FROM documents")}
in_chroma = {int(id) for id in collection.get(include=[])["ids"]}
"""

PAIR = "return in_postgres - in_chroma, in_chroma - in_postgres"

RUN = 'subprocess.run(["tar", "-czf", archive, "-C", folder, "."], check=True)'
MISSING = 'if "./chroma.sqlite3" not in files:\n'
LOOK = f'{MISSING}    raise RuntimeError("no ChromaDB in there")'
FILES = "files = [member.name for member in packed if member.isfile()]"
JOB = f"{RUN}\nwith tarfile.open(archive) as packed:\n    {FILES}\n{LOOK}\nreturn len(files)"

LOOP = "for job in jobs:\n    job()"
TIMED = "pause()\nbegan = time.perf_counter()\ntry:\n    for job in jobs:\n        job()\n"
SECONDS = "return time.perf_counter() - began"

WRONG = {
    "03.disagreements": [
        ("swapped", apart("return in_chroma - in_postgres, in_postgres - in_chroma"), "The two are swapped"),
        ("one set of both", apart("return in_postgres ^ in_chroma"), "`^` mixes the two up"),
        ("one direction", apart("return in_chroma - in_postgres"), "That is one set. Return two"),
        (
            "one direction, twice",
            apart("return in_postgres - in_chroma, in_postgres - in_chroma"),
            "The vectors without a row are",
        ),
        ("both mixed, twice", apart("return in_postgres ^ in_chroma, in_postgres ^ in_chroma"), "Read every id of both stores"),
        ("counts", apart("return len(in_postgres - in_chroma), len(in_chroma - in_postgres)"), "Those are counts"),
        (
            "compares the sizes",
            apart(f"if len(in_postgres) == len(in_chroma):\n    return set(), set()\n{PAIR}"),
            "Two stores of the same size need not have the same ids",
        ),
        (
            "text and numbers",
            apart('in_chroma = set(collection.get(include=[])["ids"])\nreturn in_postgres - in_chroma, in_chroma - in_postgres'),
            "Some of your ids are text",
        ),
        (
            "all as text",
            apart(
                'in_postgres, in_chroma = {str(id) for id in in_postgres}, set(collection.get(include=[])["ids"])\n'
                "return in_postgres - in_chroma, in_chroma - in_postgres"
            ),
            "Some of your ids are text",
        ),
        (
            "rows in place of ids",
            apart(
                'in_postgres = set(postgres.execute("SELECT id FROM documents"))\n'
                "return in_postgres - in_chroma, in_chroma - in_postgres"
            ),
            "Some of your ids are rows",
        ),
        ("everything", apart("return in_postgres, in_chroma"), "also those that both stores have"),
        (
            "only the first ten",
            apart('in_chroma = {int(id) for id in collection.peek()["ids"]}\n' + PAIR),
            "Read every id of both stores",
        ),
        (
            "sorted lists",
            apart("return sorted(in_postgres - in_chroma), sorted(in_chroma - in_postgres)"),
            "should be sets of ids",
        ),
        ("nothing returned", apart("in_postgres - in_chroma, in_chroma - in_postgres"), "is a `return` missing?"),
        (
            "three values",
            apart("return in_postgres - in_chroma, in_chroma - in_postgres, in_postgres & in_chroma"),
            "You return 3",
        ),
        (
            "repairs at once",
            apart(
                "orphans = in_chroma - in_postgres\nif orphans:\n    collection.delete(ids=[str(id) for id in orphans])\n"
                "return in_postgres - in_chroma, orphans"
            ),
            "Your function has changed a store",
        ),
        (
            "the lab's own table",
            apart(
                'in_postgres = {id for (id,) in lab.postgres.connect().execute("SELECT id FROM documents")}\n'
                "return in_postgres - in_chroma, in_chroma - in_postgres"
            ),
            "also those that both stores have",
        ),
    ],
    "03.back_up": [
        ("no check of the status", job(", check=True", ""), "took it for today's"),
        ("only the status", packed(f"{RUN}\nreturn 3"), "The folder was empty"),
        ("counts, and looks no further", job(LOOK, ""), "The folder was empty"),
        ("any file will do", job(LOOK, "if not files:\n    raise RuntimeError('empty')"), "Some file is not enough"),
        (
            "the archive's size",
            packed(f"{RUN}\nif archive.stat().st_size == 0:\n    raise RuntimeError('empty')\nreturn 3"),
            "tar's status 0 says that it packed",
        ),
        (
            "the archive exists",
            packed(f"{RUN}\nif not archive.exists():\n    raise RuntimeError('no archive')\nreturn 3"),
            "Look into the archive",
        ),
        (
            "yesterday's archive",
            job(", check=True", "").replace(
                "with tarfile", "if not archive.exists():\n        raise RuntimeError('none')\n    with tarfile"
            ),
            "took it for today's",
        ),
        ("returns 0 for an error", job(LOOK, f"{MISSING}    return 0"), "A returned value is not an alarm"),
        ("returns None for an error", job(LOOK, f"{MISSING}    return None"), "is not an alarm"),
        ("prints a warning", job(LOOK, f'{MISSING}    print("empty")'), "The folder was empty"),
        (
            "swallows the error",
            packed(f"try:\n{_indented(JOB)}\nexcept Exception as error:\n    print(error)"),
            "A returned value is not an alarm",
        ),
        ("sys.exit without a status", job(LOOK, f"{MISSING}    raise SystemExit"), "means success"),
        ("counts folders", job(" if member.isfile()", ""), "folders are members too"),
        ("returns the names", job("return len(files)", "return files"), "Return how many files"),
        ("returns the size", job("return len(files)", "return archive.stat().st_size"), "holds 3 files"),
        ("returns nothing", job("return len(files)", "pass"), "is a `return` missing?"),
        (
            "packs the database alone",
            job('folder, "."]', 'folder, "chroma.sqlite3"]').replace('"./chroma', '"chroma'),
            "It holds 1",
        ),
        (
            "through a shell",
            job(RUN, 'subprocess.run(f"tar -czf {archive} -C {folder} .", shell=True)'),
            "Your code stopped with",
        ),
        (
            "through a shell, looking nowhere",
            packed('subprocess.run(f"tar -czf {archive} -C {folder} .", shell=True)\nreturn 3'),
            "with a space: give tar a list",
        ),
        ("packs nothing at all", packed("return 3"), "There is no archive where it should be"),
        ("moves the files", job('"-C", folder', '"--remove-files", "-C", folder'), "has changed the folder"),
    ],
    "03.quiet_backup": [
        (
            "no finally",
            quiet(f"pause()\nbegan = time.perf_counter()\n{LOOP}\nresume()\n{SECONDS}"),
            "the users stay locked out",
        ),
        (
            "except Exception",
            quiet(f"{TIMED}except Exception:\n    resume()\n    raise\nresume()\n{SECONDS}"),
            "`except Exception` does not see an interrupt",
        ),
        (
            "return in finally",
            quiet(f"{TIMED}finally:\n    resume()\n    {SECONDS}"),
            "no `return` in `finally`, which swallows it",
        ),
        (
            "swallows the error",
            quiet(f"{TIMED}except Exception as error:\n    print(error)\nfinally:\n    resume()\n{SECONDS}"),
            "your function ended as if all were well",
        ),
        (
            "a pause for each job",
            quiet(
                "began = time.perf_counter()\nfor job in jobs:\n    pause()\n    try:\n        job()\n"
                f"    finally:\n        resume()\n{SECONDS}"
            ),
            "Then each backup has a moment of its own again",
        ),
        ("jobs first", quiet(f"{LOOP}\npause()\nbegan = time.perf_counter()\nresume()\n{SECONDS}"), "with the door open"),
        ("resumes too early", quiet(f"pause()\nbegan = time.perf_counter()\nresume()\n{LOOP}\n{SECONDS}"), "with the door open"),
        ("never pauses", quiet(f"began = time.perf_counter()\n{LOOP}\n{SECONDS}"), "Nobody was stopped"),
        ("forgets the brackets", quiet(f"pause\nbegan = time.perf_counter()\n{LOOP}\nresume\n{SECONDS}"), "with brackets"),
        ("never resumes", quiet(f"pause()\nbegan = time.perf_counter()\n{LOOP}\n{SECONDS}"), "`resume()` was not called"),
        (
            "resumes only after an error",
            quiet(f"{TIMED}except BaseException:\n    resume()\n    raise\n{SECONDS}"),
            "`resume()` was not",
        ),
        ("the jobs are not called", quiet(TIMED.replace("job()", "job") + f"finally:\n    resume()\n{SECONDS}"), "No job ran"),
        (
            "the first job only",
            quiet(TIMED.replace("in jobs", "in jobs[:1]") + f"finally:\n    resume()\n{SECONDS}"),
            "There are 3 jobs",
        ),
        (
            "each job twice",
            quiet(TIMED.replace("in jobs", "in jobs * 2") + f"finally:\n    resume()\n{SECONDS}"),
            "each should run once",
        ),
        (
            "milliseconds",
            quiet(f"{TIMED}finally:\n    resume()\nreturn (time.perf_counter() - began) * 1000"),
            "Return seconds, of this",
        ),
        ("the moment", quiet(f"{TIMED}finally:\n    resume()\nreturn time.time()"), "Return seconds, of this call"),
        ("returns nothing", quiet(f"{TIMED}finally:\n    resume()"), "is a `return` missing?"),
        (
            "the last job's time",
            quiet(
                "pause()\ntry:\n    for job in jobs:\n        began = time.perf_counter()\n        job()\n"
                f"finally:\n    resume()\n{SECONDS}"
            ),
            "Take the time right after `pause()`",
        ),
        (
            "resumes, and resumes again",
            quiet(f"{TIMED}except Exception:\n    resume()\n    raise\nfinally:\n    resume()\n{SECONDS}"),
            "Resume once, after the last job",
        ),
    ],
}
RIGHT = {
    "03.disagreements": [
        ("frozen sets", apart("return frozenset(in_postgres - in_chroma), frozenset(in_chroma - in_postgres)")),
        ("a list of two sets", apart("return [in_postgres - in_chroma, in_chroma - in_postgres]")),
        (
            "by the metadata",
            apart(
                'in_chroma = {entry["id"] for entry in collection.get(include=["metadatas"])["metadatas"]}\n'
                "return in_postgres - in_chroma, in_chroma - in_postgres"
            ),
        ),
        (
            "in SQL",
            apart(
                "ids = list(in_chroma)\n"
                'rows = postgres.execute("SELECT id FROM documents WHERE NOT id = ANY(%s::bigint[])", [ids])\n'
                'vectors = postgres.execute("SELECT unnest(%s::bigint[]) EXCEPT SELECT id FROM documents", [ids])\n'
                "return {id for (id,) in rows}, {id for (id,) in vectors}"
            ),
        ),
    ],
    "03.back_up": [
        (
            "the status by hand",
            job(RUN, f"if {RUN.replace(', check=True', '')}.returncode != 0:\n    raise OSError('tar failed')"),
        ),
        ("sys.exit with a status", job(LOOK, f"{MISSING}    raise SystemExit(1)")),
        ("an assert", job(LOOK, 'assert "./chroma.sqlite3" in files')),
        (
            "the last part of the name",
            job(LOOK, "if not any(Path(name).name == 'chroma.sqlite3' for name in files):\n    raise OSError"),
        ),
        ("getmember", job(LOOK, 'with tarfile.open(archive) as packed:\n    packed.getmember("./chroma.sqlite3")')),
        (
            "tar lists it",
            packed(
                f"{RUN}\nlisting = subprocess.run(['tar', '-tzf', archive], check=True, capture_output=True, text=True)\n"
                "listed = listing.stdout.split('\\n')\n"
                "if './chroma.sqlite3' not in listed:\n    raise OSError('no ChromaDB')\n"
                "return len([name for name in listed if name and not name.endswith('/')])"
            ),
        ),
        (
            "Python's tarfile",
            packed(
                "if not (folder / 'chroma.sqlite3').exists():\n    raise FileNotFoundError(folder)\n"
                "with tarfile.open(archive, 'w:gz') as packed:\n    packed.add(folder, arcname='.')\n"
                "    return len([member for member in packed.getmembers() if member.isfile()])"
            ),
        ),
    ],
    "03.quiet_backup": [
        ("a return in the try", quiet(f"{TIMED}    {SECONDS}\nfinally:\n    resume()")),
        ("monotonic", quiet(f"{TIMED}finally:\n    resume()\n{SECONDS}".replace("perf_counter", "monotonic"))),
        ("except BaseException", quiet(f"{TIMED}except BaseException:\n    resume()\n    raise\nresume()\n{SECONDS}")),
        (
            "an exit stack",
            quiet(
                "from contextlib import ExitStack\npause()\nbegan = time.perf_counter()\n"
                f"with ExitStack() as after:\n    after.callback(resume)\n{_indented(LOOP)}\n{SECONDS}"
            ),
        ),
        (
            "all at once",
            quiet(
                "from concurrent.futures import ThreadPoolExecutor\npause()\nbegan = time.perf_counter()\n"
                "try:\n    with ThreadPoolExecutor() as together:\n        list(together.map(lambda job: job(), jobs))\n"
                f"finally:\n    resume()\n{SECONDS}"
            ),
        ),
        (
            "an error of its own",
            quiet(
                f"{TIMED}except Exception as error:\n    raise RuntimeError('The backup failed') from error\n"
                f"finally:\n    resume()\n{SECONDS}"
            ),
        ),
        (
            "the other jobs all the same",
            quiet(
                "errors = []\npause()\nbegan = time.perf_counter()\ntry:\n    for job in jobs:\n        try:\n            job()\n"
                "        except Exception as error:\n            errors.append(error)\nfinally:\n    resume()\n"
                f"if errors:\n    raise ExceptionGroup('jobs failed', errors)\n{SECONDS}"
            ),
        ),
    ],
}
NEEDS = {"03.disagreements": ("postgres", "chroma"), "03.back_up": (), "03.quiet_backup": ()}


def kept(stack: Stack) -> tuple[set, list[str]]:
    """Everything that the two stores have, and what is called how."""
    with stack.postgres.connect() as postgres:
        rows = set(postgres.execute("SELECT id FROM documents").fetchall())
    return rows, sorted(collection.name for collection in stack.chroma.client().list_collections())


def test_a_check_of_the_stores_leaves_them_as_they_were_whatever_the_answer(stack: Stack) -> None:
    before = kept(stack)
    for name, code, _ in WRONG["03.disagreements"]:
        checked("03.disagreements", code, stack)
        assert kept(stack) == before, name


def test_what_tar_complains_about_does_not_reach_the_notebook(capfd: pytest.CaptureFixture, stack: Stack) -> None:
    assert checked("03.back_up", RIGHT["03.back_up"][0][1], stack).passed
    os.write(2, b"standard error works again")
    assert capfd.readouterr().err == "standard error works again"
