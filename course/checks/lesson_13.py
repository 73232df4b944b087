"""The exercises of lesson 13. They sum up loads with a long tail, read matrices of failures, and use a cache in a table."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isclose
from typing import TYPE_CHECKING

from psycopg import sql
from psycopg.errors import UniqueViolation
from psycopg.pq import TransactionStatus

from course.exercises.check import NotYet, exercise, expect
from course.exercises.kinds import describe
from course.stack import Stack

if TYPE_CHECKING:
    from psycopg import Connection

SECONDS = 60
FIGURES = ("p50", "p95", "per_second")


@exercise(
    "13.summary",
    hints=[
        "`np.percentile(milliseconds, 50)` is the median. It does not mind the order in which the times came.",
        "How many answers were there, and how long did the whole load take? Their quotient is what came per second.",
    ],
    solution="""
        def summary(milliseconds, seconds):
            p50, p95 = np.percentile(milliseconds, [50, 95])
            return {"p50": p50, "p95": p95, "per_second": len(milliseconds) / seconds}
    """,
)
def summary(summary: Callable) -> str:
    """Judge the figures of a load of which most answers were quick and some took very long, in no order."""
    taken = [float(10 + number) for number in range(94)] + [400.0, 500.0, 600.0, 700.0, 800.0, 3000.0]
    taken = taken[::2] + taken[1::2][::-1]  # 100 times: the median lies from 59 to 60, 95 of 100 below something from 400 to 500
    given = expect(summary(list(taken), 2.5), dict, 'Return a dict with "p50", "p95" and "per_second".')
    missing = [name for name in FIGURES if name not in given]
    if missing:
        raise NotYet(f"Your dict has no `{missing[0]}`. It needs " + ", ".join(f"`{name}`" for name in FIGURES) + ".")
    p50, p95, per_second = (expect(given[name], float | int, f"`{name}` should be a number.") for name in FIGURES)
    _judge_p50(p50, taken)
    _judge_p95(p95, taken)
    _judge_per_second(per_second, taken, 2.5)
    one = summary([7.0], 0.5)
    if not (isclose(one["p50"], 7) and isclose(one["p95"], 7) and isclose(one["per_second"], 2)):
        raise NotYet(
            f"For a single answer of 7 ms in half a second you return {one}. Both percentiles are 7, and it is 2 a second."
        )
    return "The median is what most users wait, and p95 what one in twenty does. A mean of the two kinds is nobody's."


def _judge_p50(p50: float, taken: list[float]) -> None:
    if 59 <= p50 <= 60:
        return
    about = f"`p50` is {p50:.4g}."
    if isclose(p50, sum(taken) / len(taken)):
        raise NotYet(
            f"{about} That is the mean: six slow answers of a hundred pull it up. Half of the times lie below the median."
        )
    if isclose(p50, (min(taken) + max(taken)) / 2):
        raise NotYet(
            f"{about} That is the middle between the quickest and the slowest. Half of the *answers* lie below the median."
        )
    if p50 in (taken[49], taken[50], (taken[49] + taken[50]) / 2):
        raise NotYet(
            f"{about} That stands in the middle of the list as it came. The median is in the middle of the sorted times."
        )
    if 0.059 <= p50 <= 0.06:
        raise NotYet(f"{about} Those are seconds. The times come in milliseconds, and so does `p50`.")
    raise NotYet(f"{about} Of these 100 times, 50 are 59 ms or less and 50 are 60 ms or more: the median lies between.")


def _judge_p95(p95: float, taken: list[float]) -> None:
    if 400 <= p95 <= 500:
        return
    about = f"`p95` is {p95:.4g}."
    ordered = sorted(taken)
    if isclose(p95, max(taken)):
        raise NotYet(f"{about} That is the slowest of all, one answer in a hundred. 95 of 100 lie below p95, and five above.")
    if isclose(p95, 0.95 * max(taken)):
        raise NotYet(f"{about} That is 95 % of the slowest time. It is the *answers* that are counted: 95 of 100 lie below.")
    if isclose(p95, sum(ordered[:95]) / 95):
        raise NotYet(f"{about} That is the mean of the quickest 95. Asked for is the time that they stay below.")
    if p95 in (taken[94], taken[95]):
        raise NotYet(f"{about} That is the 95th answer to come. Sort the times first.")
    if 0.4 <= p95 <= 0.5:
        raise NotYet(f"{about} Those are seconds. The times come in milliseconds, and so does `p95`.")
    if p95 <= ordered[6]:
        raise NotYet(f"{about} That is the other end: five of 100 are that *quick*. 95 of 100 stay below p95.")
    raise NotYet(f"{about} Of these 100 times, 95 are 400 ms or less and five are 500 ms or more: p95 lies between.")


def _judge_per_second(per_second: float, taken: list[float], seconds: float) -> None:
    if isclose(per_second, len(taken) / seconds):
        return
    about = f"`per_second` is {per_second:.4g}, for {len(taken)} answers in {seconds} seconds."
    if isclose(per_second, 1000 * len(taken) / sum(taken)):
        raise NotYet(
            f"{about} You divide by the sum of all waits. The clients waited at the same time: divide by how long the load took."
        )
    if 1000 / 60 <= per_second <= 1000 / 59:
        raise NotYet(
            f"{about} That is 1000 / p50, what one client alone would get. Count the answers, and divide by the seconds."
        )
    if isclose(per_second, seconds / len(taken)):
        raise NotYet(f"{about} That is seconds per answer. Turn it round.")
    if isclose(per_second, len(taken)):
        raise NotYet(f"{about} That is how many came in all. How many came in each second?")
    raise NotYet(f"{about} It should be {len(taken) / seconds:g}: the answers, divided by the seconds.")


@exercise(
    "13.stores_needed",
    hints=[
        "Go through `got` as before. For each request, `needed.setdefault(request, set())` gives its set, or a new one.",
        "Make the set for every request, also for one that is always answered. Then add the store if the status says so.",
        "`200 <= status < 400` is an answer. 0, 404, 500 and 503 are none.",
    ],
    solution="""
        def stores_needed(got):
            needed = {}
            for store, statuses in got.items():
                for request, status in statuses.items():
                    stores = needed.setdefault(request, set())
                    if not 200 <= status < 400:
                        stores.add(store)
            return needed
    """,
)
def stores_needed(stores_needed: Callable) -> str:
    """Judge a matrix with every kind of status, other stores than the lesson's, and one with a single store."""
    got = {
        "Oracle": {"read": 503, "write": 0, "log in": 404, "look": 304, "ping": 204},
        "Kafka": {"read": 200, "write": 503, "log in": 200, "look": 307, "ping": 200},
        "Solr": {"read": 500, "write": 201, "log in": 201, "look": 200, "ping": 204},
    }
    right = {"read": {"Oracle", "Solr"}, "write": {"Oracle", "Kafka"}, "log in": {"Oracle"}, "look": set(), "ping": set()}
    given = expect(stores_needed({store: dict(by) for store, by in got.items()}), dict, "Return a dict of sets.")
    if set(given) & set(got):
        raise NotYet("Your keys are the stores. Turn it round: for each request, which stores must be up?")
    for request in right:
        if request not in given:
            if not right[request]:
                raise NotYet(f"`{request}` needs no store, and is not in your dict. It belongs there with an empty set.")
            raise NotYet(f"`{request}` is not in your dict. There should be every request.")
    if not any(given.values()):
        raise NotYet("You say that no request needs any store. Take the stores from `got`: here they are " + ", ".join(got) + ".")
    for request in right:
        _judge_stores(request, given[request], right[request], {store: by[request] for store, by in got.items()})
    if stores_needed({"Oracle": {"read": 503}}) != {"read": {"Oracle"}}:
        raise NotYet("With a single store in `got`, whose failure stops `read`, the result should be {'read': {'Oracle'}}.")
    return "That is the failure matrix in one column. A store that is in no set may go down without anybody noticing."


def _judge_stores(request: str, stores: object, right: set[str], statuses: dict[str, int]) -> None:
    if isinstance(stores, int):
        raise NotYet(f"For `{request}` you return the number {stores}. Which stores are they? Return the set of their names.")
    if not isinstance(stores, set):
        raise NotYet(f"For `{request}` you return {describe(stores)}. Return a set of stores, `set()` if it needs none.")
    if stores == right:
        return
    said = " and ".join(sorted(map(str, stores))) or "no store"
    about = f"With these statuses when a store was down, {statuses}, you return {said} for `{request}`."
    if not stores <= set(statuses):
        raise NotYet(f"{about} Those are no stores. Put the keys of `got` into the set.")
    if stores == set(statuses) - right:
        raise NotYet(f"{about} Those are the stores that it can do without. Which ones stop it?")
    for store in sorted(right - stores):
        status = statuses[store]
        what = {0: "the client got no answer at all", 404: "it is no success", 500: "the application stopped with an error"}
        raise NotYet(f"{about} Status {status} with {store} down: {what.get(status, 'it was refused')}, so {store} is needed.")
    store = min(stores - right)
    if statuses[store] >= 300:
        raise NotYet(f"{about} Status {statuses[store]} with {store} down is an answer: up to 399 all is well.")
    raise NotYet(f"{about} Status {statuses[store]} with {store} down is a success: from 200 on, and not 200 alone.")


@exercise(
    "13.remembered",
    hints=[
        "`SELECT value FROM cache WHERE key = %s AND expires_at > now()`, then `.fetchone()`: a row, or None.",
        "`INSERT … VALUES (%s, %s, now() + INTERVAL '60 seconds')` meets a row that has expired, or somebody else's.",
        "`ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at` renews that row.",
    ],
    solution="""
        def remembered(postgres, key, compute):
            kept = postgres.execute("SELECT value FROM cache WHERE key = %s AND expires_at > now()", [key]).fetchone()
            if kept:
                return kept[0]
            value = compute()
            postgres.execute(
                \"\"\"INSERT INTO cache VALUES (%s, %s, now() + INTERVAL '60 seconds')
                   ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at\"\"\",
                [key, value],
            )
            return value
    """,
)
def remembered(remembered: Callable, one: Stack) -> str:
    """Judge the cache on a table of the judge's own: empty, with a living row, an expired one, and another writer."""
    with _empty_cache(one) as (postgres, look):
        _judge_miss_and_hit(remembered, postgres, look)
        _judge_expired(remembered, postgres, look)
        _judge_empty_text(remembered, postgres)
        _judge_race(remembered, postgres, look)
        if look.execute("SELECT value FROM cache WHERE key = 'bystander'").fetchone() != ("untouched",):
            raise NotYet("Another key's row has changed or is gone. Name the `key` in each statement that writes.")
    return "Redis does this with `GET` and `SET … EX 60`. What the table lacks is somebody who removes what has expired."


@contextmanager
def _empty_cache(stack: Stack) -> Iterator[tuple[Connection, Connection]]:
    """The learner's connection and the judge's, which both find a table `cache` with one row, in a schema of its own."""
    schema = sql.Identifier(f"check_{secrets.token_hex(6)}")
    with stack.postgres.connect() as postgres, stack.postgres.connect() as look:
        look.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        try:
            for connection in (look, postgres):
                connection.execute(sql.SQL("SET search_path = {}").format(schema))
            columns = "key text PRIMARY KEY, value text NOT NULL, expires_at timestamptz NOT NULL"
            look.execute(f"CREATE UNLOGGED TABLE cache ({columns})")
            look.execute("INSERT INTO cache VALUES ('bystander', 'untouched', now() + INTERVAL '1 day')")
            yield postgres, look
        finally:
            postgres.close()  # it may hold a lock, if the learner's transaction is open
            look.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))


class _Compute:
    """Gives another text at each call, and counts the calls."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.calls = 0
        self._then = then

    def __call__(self) -> str:
        self.calls += 1
        self._then()
        return f"answer {self.calls} of {id(self)}"


def _row(look: Connection, key: str) -> tuple[str, float] | None:
    """The value that is kept, and the seconds that it has left."""
    query = "SELECT value, EXTRACT(epoch FROM expires_at - now())::float8 FROM cache WHERE key = %s"
    return look.execute(query, [key]).fetchone()


def _judge_miss_and_hit(remembered: Callable, postgres: Connection, look: Connection) -> None:
    key, compute = 'it\'s 100 % "new"', _Compute()
    first = expect(remembered(postgres, key, compute), str, "Return the value, a text.")
    if compute.calls != 1:
        raise NotYet(f"Nothing was kept under the key, and `compute()` was called {compute.calls} times. Call it once.")
    if postgres.closed or postgres.info.transaction_status != TransactionStatus.IDLE:
        raise NotYet(
            "The connection is closed, or its transaction is still open. The caller goes on with it: leave it as it came."
        )
    kept = _row(look, key)
    if kept is None:
        raise NotYet("After the first call, the table has no row with the key. Keep the value before you return it.")
    value, seconds = kept
    if value != first or not first.startswith("answer 1 "):
        raise NotYet(f"`compute()` gave a text, you return {first!r}, and kept is {value!r}. All three should be the same.")
    if not SECONDS - 20 < seconds <= SECONDS:
        raise NotYet(f"The row expires in {seconds:,.0f} seconds. It should be {SECONDS}: `now() + INTERVAL '60 seconds'`.")
    look.execute("UPDATE cache SET expires_at = now() + INTERVAL '20 seconds' WHERE key = %s", [key])
    again = remembered(postgres, key, compute)
    if compute.calls != 1:
        raise NotYet("The value was kept and has not expired, and it was computed again. Look into the table first.")
    if again != first:
        raise NotYet(
            f"Kept is the text {first!r}, and you return {again!r}. `fetchone()` gives a tuple, its first element is it."
        )
    if _row(look, key)[1] > 20:
        raise NotYet("A hit has renewed the 60 seconds. An entry that is asked for often would then never be computed anew.")


def _judge_expired(remembered: Callable, postgres: Connection, look: Connection) -> None:
    key, compute = "expired", _Compute()
    look.execute("INSERT INTO cache VALUES (%s, 'of yesterday', now() - INTERVAL '1 day')", [key])
    try:
        value = remembered(postgres, key, compute)
    except UniqueViolation as error:
        raise NotYet(
            "The row has expired and is still there: a table does not forget by itself. Your `INSERT` meets it and stops with "
            "`UniqueViolation`. Say what to do `ON CONFLICT (key)`."
        ) from error
    if value == "of yesterday":
        raise NotYet("You returned a value that had expired yesterday. A table keeps it: ask for `expires_at > now()` as well.")
    kept = _row(look, key)
    if kept is None or kept[0] != value or kept[1] <= SECONDS - 20:
        raise NotYet(
            "The new value of an expired key was computed and not kept: after your call the row still has the old value or time. "
            "`DO NOTHING` leaves it as it is; `DO UPDATE` must set both columns."
        )
    if remembered(postgres, key, compute) != value or compute.calls != 1:
        raise NotYet("An expired value was renewed, and the next call computed it once more.")


def _judge_empty_text(remembered: Callable, postgres: Connection) -> None:
    calls: list[str] = []
    for _ in range(2):
        remembered(postgres, "empty", lambda: calls.append("called") or "")
    if len(calls) != 1:
        raise NotYet("An empty text was computed again. It is a value too. Ask whether there is a row, not whether the text is.")


def _judge_race(remembered: Callable, postgres: Connection, look: Connection) -> None:
    key = "wanted by two"

    def another_program() -> None:
        look.execute("SET lock_timeout = '2s'")  # the learner may hold the table
        look.execute("INSERT INTO cache VALUES (%s, 'of the other', now() + INTERVAL '60 seconds')", [key])

    try:
        remembered(postgres, key, _Compute(another_program))
    except UniqueViolation as error:
        raise NotYet(
            "While you computed, another program kept the same key, and your `INSERT` stopped with `UniqueViolation`. To look "
            "first, or to delete first, does not prevent that: say what to do `ON CONFLICT (key)`."
        ) from error
