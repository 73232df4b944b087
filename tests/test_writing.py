"""The user who writes while something else happens: what she notes was acknowledged, and she ends with the block."""

import itertools
import threading
from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Response

from course.apps.serve import Served
from course.apps.writing import AROUND, Write, writing
from course.errors import CourseError


class Lumen:
    """An application with two endpoints, whose documents are refused while `status` says so."""

    def __init__(self) -> None:
        self.status = 201
        self.documents: list[dict] = []
        self.refused = threading.Event()
        numbers = itertools.count(1000)
        app = FastAPI(title="for the tests of writing")

        @app.post("/sessions", status_code=201)
        def open_session() -> dict:
            return {"token": f"token {next(numbers)}"}

        @app.post("/documents", status_code=201)
        def add(new: dict, response: Response) -> dict:
            if self.status != 201:
                response.status_code = self.status
                self.refused.set()
                return {}
            self.documents.append(new | {"id": next(numbers)})
            return self.documents[-1]

        self.served = Served(app)


@pytest.fixture
def lumen() -> Iterator[Lumen]:
    lumen = Lumen()
    yield lumen
    lumen.served.stop()


def test_what_she_notes_is_what_the_application_has_acknowledged(lumen: Lumen) -> None:
    with writing(lumen.served.url, 40) as written:
        assert len(written) >= AROUND
        before = len(written)
    assert len(written) >= before + AROUND
    documents = [write for write in written if write.kind == "document"]
    assert [(write.key, write.text) for write in documents] == [
        (document["id"], f"{document['title']}\n{document['content']}") for document in lumen.documents
    ]
    assert {document["user_id"] for document in lumen.documents} == {40}
    assert len({write.text for write in documents}) == len(documents)
    assert all(write.began < write.acknowledged and write.tries == 1 for write in written)
    assert {type(write.key) for write in written if write.kind == "session"} == {str}


def test_she_tries_again_while_she_is_told_to_come_back(lumen: Lumen) -> None:
    with writing(lumen.served.url, 40) as written:
        lumen.status = 503
        assert lumen.refused.wait(30)
        lumen.status = 201
    assert max(write.tries for write in written) > 1


def test_a_block_that_fails_ends_her_work_too_though_she_is_refused(lumen: Lumen) -> None:
    noted: list[list[Write]] = []

    def fails() -> None:
        with writing(lumen.served.url, 40) as written:
            noted.append(written)
            lumen.status = 503
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    count = len(lumen.documents)
    lumen.status = 201
    assert len(lumen.documents) == count == len([write for write in noted[0] if write.kind == "document"])


def test_another_answer_ends_her_work_and_is_told(lumen: Lumen) -> None:
    with pytest.raises(CourseError, match=r"Nobody writes any more: .*500"), writing(lumen.served.url, 40):
        lumen.status = 500
