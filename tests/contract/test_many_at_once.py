"""A crowd is no dead store: both applications let it wait, and answer everybody."""

import asyncio
from collections import Counter

import httpx

from tests.contract.applications import DANA

CROWD = 200


async def ask_at_once(url: str, questions: list[str]) -> list[httpx.Response]:
    """Every question over a connection of its own.

    Threads that share a client would lose one now and then: it closes connections that it has just given away
    (https://github.com/encode/httpcore/issues/1110).
    """
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=120, trust_env=False) as client:
        return await asyncio.gather(*(client.get(f"/users/{DANA}/similar", params={"q": q}) for q in questions))


def test_two_hundred_questions_at_once_are_all_answered(reader):
    answers = asyncio.run(ask_at_once(str(reader.base_url), [f"kettle number {number}" for number in range(CROWD)]))
    refused = [answer.text for answer in answers if answer.status_code != 200]
    assert not refused
    assert Counter(answer.headers["X-Cache"] for answer in answers) == {"miss": CROWD}
