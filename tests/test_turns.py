"""Who asks a store waits while others are answered; only silence means that it is dead."""

import asyncio

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from course.apps import contract
from course.apps.asking import AT_ONCE, StoreBusyError, StoreDownError, StoreError, Turns, state

SILENCE = 0.2


class Refused(Exception):
    """What a client raises."""


async def ask(turns: Turns, seconds: float = 0, error: Exception | None = None) -> str:
    async with turns.turn():
        await asyncio.sleep(seconds)
        if error:
            raise error
    return "answered"


async def others(turns: Turns) -> None:
    """Somebody is answered again and again."""
    while True:
        await ask(turns, SILENCE / 10)


async def beside_others(turns: Turns, seconds: float) -> str:
    busy = asyncio.create_task(others(turns))
    try:
        return await ask(turns, seconds)
    finally:
        busy.cancel()


def test_silence_means_that_it_is_dead():
    with pytest.raises(StoreDownError, match="Postgres does not answer"):
        asyncio.run(ask(Turns("Postgres", Refused, silence=SILENCE), 60))


def test_its_clients_failure_means_that_it_is_dead_and_another_error_stays_what_it_is():
    turns = Turns("Redis", Refused)
    with pytest.raises(StoreDownError):
        asyncio.run(ask(turns, error=Refused()))
    with pytest.raises(ZeroDivisionError):
        asyncio.run(ask(turns, error=ZeroDivisionError()))


def test_an_answer_is_waited_for_while_others_are_answered():
    assert asyncio.run(beside_others(Turns("X", silence=SILENCE, patience=60), 4 * SILENCE)) == "answered"


def test_patience_ends_and_the_word_is_another_one():
    with pytest.raises(StoreBusyError, match="X is busy"):
        asyncio.run(beside_others(Turns("X", silence=SILENCE, patience=2 * SILENCE), 60))


def test_so_many_are_asked_at_once_and_all_get_their_turn():
    async def crowd() -> int:
        turns, now, most = Turns("X"), 0, 0

        async def one() -> None:
            nonlocal now, most
            async with turns.turn():
                now += 1
                most = max(most, now)
                await asyncio.sleep(0)
                now -= 1

        await asyncio.gather(*(one() for _ in range(5 * AT_ONCE)))
        return most

    assert asyncio.run(crowd()) == AT_ONCE


def test_who_waits_for_a_turn_at_a_dead_store_is_told_so():
    async def crowd() -> list[object]:
        turns = Turns("X", silence=SILENCE)
        return await asyncio.gather(*(ask(turns, 60) for _ in range(3 * AT_ONCE)), return_exceptions=True)

    assert {type(error) for error in asyncio.run(asyncio.wait_for(crowd(), 20 * SILENCE))} == {StoreDownError}


@pytest.mark.parametrize(("error", "said"), [(None, "up"), (StoreDownError("X"), "down"), (StoreBusyError("X"), "up")])
def test_a_busy_store_is_up(error: StoreError | None, said: str):
    async def ping() -> None:
        if error:
            raise error

    assert asyncio.run(state(ping())) == said


@pytest.mark.parametrize(("error", "again"), [(StoreDownError("X"), None), (StoreBusyError("X"), "1")])
def test_a_busy_store_is_a_503_that_says_when_to_ask_again(error: StoreError, again: str | None):
    app = FastAPI()
    contract.keep_contract(app)

    @app.get("/")
    async def ask() -> None:
        raise error

    answer = TestClient(app).get("/")
    assert (answer.status_code, answer.json()["store"], answer.headers.get("Retry-After")) == (503, "X", again)
