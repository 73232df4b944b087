"""Answers to the exercises of lesson 13, wrong and right. `test_every_check.py` gives them; what else they promise is here."""

import numpy as np

from course.stack import Stack
from tests.checks.answers import checked, exercise


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises; no answer was given yet."""
    return {"np": np, "stack": stack, "one": stack}


def changed(code: str, *changes: tuple[str, str]) -> str:
    """The usual way, with some things changed."""
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    return code


SUMMARY = """
def summary(milliseconds, seconds):
    p50, p95 = np.percentile(milliseconds, 50), np.percentile(milliseconds, 95)
    return {"p50": p50, "p95": p95, "per_second": len(milliseconds) / seconds}
"""
P50, P95 = "np.percentile(milliseconds, 50)", "np.percentile(milliseconds, 95)"
PER_SECOND = "len(milliseconds) / seconds"

NEEDED = """
def stores_needed(got):
    requests = {request for statuses in got.values() for request in statuses}
    return {
        request: {store for store, statuses in got.items() if not 200 <= statuses[request] < 400} for request in requests
    }
"""
STOPS = "not 200 <= statuses[request] < 400"
BY_STORE = """
def stores_needed(got):
    needed = {}
    for store, statuses in got.items():
        needed[store] = {request for request, status in statuses.items() if not 200 <= status < 400}
    return needed
"""
ONLY_IF_STOPPED = """
def stores_needed(got):
    needed = {}
    for store, statuses in got.items():
        for request, status in statuses.items():
            if not 200 <= status < 400:
                needed.setdefault(request, set()).add(store)
    return needed
"""
THE_LAST_ONE = """
def stores_needed(got):
    needed = {}
    for store, statuses in got.items():
        for request, status in statuses.items():
            needed[request] = set() if 200 <= status < 400 else {store}
    return needed
"""

REMEMBERED = """
def remembered(postgres, key, compute):
    row = postgres.execute("SELECT value FROM cache WHERE key = %s AND expires_at > now()", [key]).fetchone()
    if row is not None:
        return row[0]
    value = compute()
    postgres.execute(
        '''INSERT INTO cache VALUES (%s, %s, now() + INTERVAL '1 minute')
           ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at''',
        [key, value],
    )
    return value
"""
FRESH = " AND expires_at > now()"
CONFLICT = "ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at"
DELETE = 'postgres.execute("DELETE FROM cache WHERE key = %s", [key])'

WRONG = {
    "13.summary": [
        ("the mean for the median", changed(SUMMARY, (P50, "np.mean(milliseconds)")), "That is the mean"),
        (
            "the middle of the range",
            changed(SUMMARY, (P50, "(min(milliseconds) + max(milliseconds)) / 2")),
            "the middle between the quickest and the slowest",
        ),
        (
            "the middle of an unsorted list",
            changed(SUMMARY, (P50, "milliseconds[len(milliseconds) // 2]")),
            "in the middle of the list as it came",
        ),
        ("seconds for milliseconds", changed(SUMMARY, (P50, f"{P50} / 1000")), "Those are seconds"),
        ("the slowest as p95", changed(SUMMARY, (P95, "max(milliseconds)")), "That is the slowest of all"),
        ("95 % of the slowest", changed(SUMMARY, (P95, "0.95 * max(milliseconds)")), "That is 95 % of the slowest time"),
        (
            "the mean of the quickest 95",
            changed(SUMMARY, (P95, "np.mean(sorted(milliseconds)[: int(0.95 * len(milliseconds)) or 1])")),
            "the mean of the quickest 95",
        ),
        (
            "the 95th to come",
            changed(SUMMARY, (P95, "milliseconds[int(0.95 * len(milliseconds))]")),
            "That is the 95th answer to come",
        ),
        ("the other end", changed(SUMMARY, (P95, "np.percentile(milliseconds, 5)")), "That is the other end"),
        ("p95 in seconds", changed(SUMMARY, (P95, f"{P95} / 1000")), "`p95` is 0.405. Those are seconds"),
        ("a percentile as a share", changed(SUMMARY, (P95, "np.percentile(milliseconds, 0.95)")), "That is the other end"),
        ("the 90th", changed(SUMMARY, (P95, "np.percentile(milliseconds, 90)")), "95 are 400 ms or less"),
        (
            "divided by all waits",
            changed(SUMMARY, (PER_SECOND, "1000 * len(milliseconds) / sum(milliseconds)")),
            "The clients waited at the same time",
        ),
        ("one over the median", changed(SUMMARY, (PER_SECOND, "1000 / p50")), "what one client alone would get"),
        ("seconds per answer", changed(SUMMARY, (PER_SECOND, "seconds / len(milliseconds)")), "Turn it round"),
        ("the number of answers", changed(SUMMARY, (PER_SECOND, "len(milliseconds)")), "how many came in all"),
        ("a tuple", "def summary(milliseconds, seconds):\n    return 1.0, 2.0, 3.0", "Return a dict"),
        ("no rate", "def summary(milliseconds, seconds):\n    return {'p50': 59.5, 'p95': 400.0}", "has no `per_second`"),
        (
            "for a hundred answers alone",
            changed(SUMMARY, (PER_SECOND, "100 / seconds")),
            "For a single answer of 7 ms",
        ),
    ],
    "13.stores_needed": [
        ("by store", BY_STORE, "Your keys are the stores"),
        ("only 503", changed(NEEDED, (STOPS, "statuses[request] == 503")), "Status 500 with Solr down: the application stopped"),
        ("from 500 up", changed(NEEDED, (STOPS, "statuses[request] >= 500")), "the client got no answer at all"),
        (
            "0 or from 500 up",
            changed(NEEDED, (STOPS, "not 0 < statuses[request] < 500")),
            "Status 404 with Oracle down: it is no success",
        ),
        (
            "200 alone is an answer",
            changed(NEEDED, (STOPS, "statuses[request] != 200")),
            "is a success: from 200 on, and not 200 alone",
        ),
        ("all below 300", changed(NEEDED, (STOPS, "not 200 <= statuses[request] < 300")), "is an answer: up to 399 all is well"),
        (
            "requests in place of stores",
            changed(NEEDED, ("{store for store, statuses", "{request for store, statuses")),
            "Put the keys of `got` into the set",
        ),
        (
            "the survivors",
            changed(NEEDED, (STOPS, "200 <= statuses[request] < 400")),
            "Those are the stores that it can do without",
        ),
        ("requests that need none are left out", ONLY_IF_STOPPED, "needs no store, and is not in your dict"),
        ("the last store alone", THE_LAST_ONE, "Status 503 with Oracle down: it was refused"),
        (
            "how many",
            changed(NEEDED, ("{store for store, statuses in got.items() if " + STOPS + "}", "len(got)")),
            "Which stores are they?",
        ),
        (
            "lists",
            changed(NEEDED, ("{store for store, statuses in got.items() if " + STOPS + "}", "list(got)")),
            "Return a set of stores",
        ),
        ("pairs", "def stores_needed(got):\n    return [(store, by) for store, by in got.items()]", "Return a dict of sets"),
        (
            "the lesson's stores only",
            changed(NEEDED, ("in got.items() if", "in got.items() if store in ('PostgreSQL', 'ChromaDB', 'Redis') and")),
            "Take the stores from `got`",
        ),
    ],
    "13.remembered": [
        ("expiry is not asked for", changed(REMEMBERED, (FRESH, "")), "expired yesterday"),
        ("a plain INSERT", changed(REMEMBERED, (CONFLICT, "")), "a table does not forget by itself"),
        ("DO NOTHING", changed(REMEMBERED, (CONFLICT, "ON CONFLICT DO NOTHING")), "`DO NOTHING` leaves it as it is"),
        (
            "the time is not renewed",
            changed(REMEMBERED, (", expires_at = EXCLUDED.expires_at", "")),
            "`DO UPDATE` must set both columns",
        ),
        (
            "deleted first",
            changed(REMEMBERED, (CONFLICT, ""), ("value = compute()", f"{DELETE}\n    value = compute()")),
            "another program kept the same key",
        ),
        (
            "everything deleted first",
            changed(REMEMBERED, ("value = compute()", 'postgres.execute("DELETE FROM cache")\n    value = compute()')),
            "Another key's row has changed",
        ),
        ("an hour", changed(REMEMBERED, ("1 minute", "1 hour")), "expires in 3,600 seconds. It should be 60"),
        ("milliseconds", changed(REMEMBERED, ("1 minute", "60 milliseconds")), "expires in 0 seconds. It should be 60"),
        ("never kept", "def remembered(postgres, key, compute):\n    return compute()", "no row with the key"),
        (
            "never read",
            changed(REMEMBERED, ("if row is not None:\n        return row[0]\n    ", "")),
            "it was computed again",
        ),
        ("the row", changed(REMEMBERED, ("return row[0]", "return row")), "`fetchone()` gives a tuple"),
        (
            "an empty text is no value",
            changed(REMEMBERED, ("if row is not None:", "if row and row[0]:")),
            "An empty text was computed again",
        ),
        (
            "a hit renews",
            changed(
                REMEMBERED,
                (
                    "return row[0]",
                    "postgres.execute(\"UPDATE cache SET expires_at = now() + INTERVAL '1 minute' WHERE key = %s\", [key])"
                    "\n        return row[0]",
                ),
            ),
            "A hit has renewed the 60 seconds",
        ),
        ("computed twice", changed(REMEMBERED, ("[key, value],", "[key, compute()],")), "was called 2 times"),
        ("nothing returned", changed(REMEMBERED, ("    return value\n", "")), "Return the value, a text"),
        (
            "a transaction left open",
            changed(REMEMBERED, ("    value = compute()", '    postgres.execute("BEGIN")\n    value = compute()')),
            "its transaction is still open",
        ),
        (
            "the connection closed",
            changed(REMEMBERED, ("    return value\n", "    postgres.close()\n    return value\n")),
            "The connection is closed",
        ),
    ],
}

RIGHT = {
    "13.summary": [
        (
            "by hand",
            """
import statistics

def summary(milliseconds, seconds):
    ordered = sorted(milliseconds)
    p95 = ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]
    return {"p50": statistics.median(ordered), "p95": p95, "per_second": len(ordered) / seconds}
""",
        ),
        (
            "with more than was asked for",
            changed(
                SUMMARY,
                ('{"p50"', '{"slowest": max(milliseconds), "p50"'),
                ("np.percentile(milliseconds, 95)", "np.quantile(milliseconds, 0.95)"),
            ),
        ),
    ],
    "13.stores_needed": [
        ("a set for each request", NEEDED),
        (
            "a defaultdict",
            """
from collections import defaultdict

def stores_needed(got):
    needed = defaultdict(set)
    for store, statuses in got.items():
        for request, status in statuses.items():
            needed[request] |= {store} if status < 200 or status > 399 else set()
    return needed
""",
        ),
    ],
    "13.remembered": [
        ("another name for a minute", REMEMBERED),
        (
            "in one transaction with MERGE's elder brother, and the database's clock",
            """
def remembered(postgres, key, compute):
    with postgres.cursor() as cursor:
        cursor.execute("SELECT value FROM cache WHERE key = %s AND now() < expires_at", (key,))
        for (value,) in cursor:
            return value
        value = compute()
        cursor.execute(
            "INSERT INTO cache AS c (value, key, expires_at) VALUES (%s, %s, clock_timestamp() + %s * INTERVAL '1 second') "
            "ON CONFLICT (key) DO UPDATE SET (value, expires_at) = (EXCLUDED.value, EXCLUDED.expires_at)",
            (value, key, 60),
        )
        return value
""",
        ),
        (
            "a committed transaction around both",
            changed(
                REMEMBERED,
                ("    value = compute()\n", "    value = compute()\n    postgres.execute('BEGIN')\n"),
                ("    return value\n", "    postgres.execute('COMMIT')\n    return value\n"),
            ),
        ),
    ],
}

NEEDS = {"13.summary": [], "13.stores_needed": [], "13.remembered": ["postgres"]}


def test_a_check_of_the_cache_leaves_nothing_behind_in_the_lessons_database(stack: Stack) -> None:
    def schemas() -> list[tuple]:
        with stack.postgres.connect() as postgres:
            return postgres.execute("SELECT nspname FROM pg_namespace ORDER BY 1").fetchall()

    checked("13.remembered", "", stack)
    before = schemas()
    for code in (exercise("13.remembered").solution().code, changed(REMEMBERED, (CONFLICT, ""))):
        checked("13.remembered", code, stack)
        assert schemas() == before


def test_a_compute_that_fails_is_the_learners_own_error_to_see(stack: Stack) -> None:
    code = changed(REMEMBERED, ("    value = compute()", "    value = compute(key)"))
    result = checked("13.remembered", code, stack)
    assert result.outcome == "not yet"
    assert "TypeError" in result.message
