"""Clients that ask the application again and again, and keep what they really got. What that teaches stands in a lesson.

A round makes each of the `REQUESTS` once, all at the same time. It is kept under the state that the stores were in, and
only if they were still in it at its end.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import httpx
import psutil

from course import dataset
from course.errors import CourseError
from course.waiting import waiting

if TYPE_CHECKING:
    from course.apps.apart import Apart
    from course.apps.serve import Served
    from course.servers.protocol import AnyServer
    from course.stack import Stack

ALL_UP = "all up"
REQUESTS = (
    "GET user",
    "GET settings",
    "GET chats",
    "POST session",
    "GET session",
    "POST document",
    "GET similar (new)",
    "GET similar (again)",
    "GET premium",
    "GET health",
)
"""What is asked. `(again)` repeats the question that was last answered as `(new)`, of the same user."""

PAUSE_SECONDS = 2.0
"""Between two rounds while nobody waits for them."""
QUICK_SECONDS = 0.1
CLIENT_SECONDS = 60
PATIENCE_SECONDS = 5
"""How long a cell waits for a state to come about. A round may take longer."""
KEPT = 20
"""How many answers are kept for each request in each state."""


@dataclass(frozen=True)
class Answer:
    """What one request got.

    Attributes:
        status: of HTTP; 0 if there was no answer at all.
        ms: milliseconds, as the client felt them.
        store: the store that a 503 names, or `""`.
        cache: the header X-Cache, or `""`.
    """

    status: int
    ms: float
    store: str = ""
    cache: str = ""

    @property
    def good(self) -> bool:
        """Whether it is what a user hopes for."""
        return 200 <= self.status < 400


class LoadGenerator:
    """The clients, in a thread of their own. They end with `stop()`, or with the kernel. Made by `start`.

    Attributes:
        on_round: called from that thread after each round that was kept.
    """

    def __init__(self, url: str, stack: Stack) -> None:
        self.on_round: Callable[[], None] = lambda: None
        self._url = url
        self._stack = stack
        self._seen: dict[str, dict[str, deque[Answer]]] = {}
        self._rounds: Counter[str] = Counter()
        self._waiting = 0
        self._kept = threading.Condition()
        self._wake = threading.Event()
        self._stopping = False
        self._token = "-" * 43
        self._answered = (dataset.users()[0].id, dataset.questions()[0].text)
        self._end_watch = stack.watch(lambda server: self._wake.set())  # ask at once when something changes
        self._thread = threading.Thread(target=lambda: asyncio.run(self._ask()), daemon=True)
        self._thread.start()

    @property
    def now(self) -> str:
        """The present state of the stores, in the words of `states`."""
        return present_state(self._stack)

    @property
    def states(self) -> list[str]:
        """All up, each store down, and any other state that was seen."""
        usual = [ALL_UP, *(f"{server.name} down" for server in self._stack.servers)]
        with self._kept:
            return usual + [state for state in self._seen if state not in usual]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The matrix: a row for each request, with its name, and in words what it got in each of the `states`."""
        states = self.states
        with self._kept:
            return [(name, *(_words(state, self._seen.get(state, {}).get(name)) for state in states)) for name in REQUESTS]

    @property
    def present(self) -> dict[str, str]:
        """What each request got when the stores were last as they are now, in words."""
        state = self.now
        with self._kept:
            return {name: _words(state, self._seen.get(state, {}).get(name)) for name in REQUESTS}

    def answers(self, state: str) -> dict[str, Answer]:
        """The last answer to each request in this state.

        Raises:
            CourseError: nobody asked in this state.
        """
        with self._kept:
            if state not in self._seen:
                raise CourseError(
                    f"Nobody has asked yet while the state was {state!r}. Seen so far: {', '.join(self._seen) or 'nothing'}. "
                    "Run the cell that brings this state about, then this one again."
                )
            return {name: given[-1] for name, given in self._seen[state].items()}

    def wait(self, state: str = ALL_UP, rounds: int = 2) -> dict[str, Answer]:
        """Wait until each request was made so many more times in this state. Returns the last answer to each.

        Raises:
            CourseError: the stores are in another state, or the clients were stopped.
        """
        with self._kept:
            self._waiting += 1
        self._wake.set()
        try:
            # The bar of a single round could only show that it is over
            for _ in waiting(range(rounds), f"the clients ask: {state}") if rounds > 1 else range(rounds):
                self._wait_for_a_round(state)
        finally:
            with self._kept:
                self._waiting -= 1
        return self.answers(state)

    def stop(self) -> None:
        """Ask no more, and wait for the last answers."""
        if not self._stopping:
            self._end_watch()
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _wait_for_a_round(self, state: str) -> None:
        with self._kept:
            before, seen_at = self._rounds[state], time.monotonic()
            while self._rounds[state] == before:
                self._kept.wait(0.2)
                now = present_state(self._stack)
                seen_at = time.monotonic() if now == state else seen_at
                if not self._thread.is_alive():
                    raise CourseError(
                        "The clients have stopped. What they got is kept. Run the cell that starts them, and those after it."
                    )
                if time.monotonic() - seen_at > PATIENCE_SECONDS:
                    raise CourseError(
                        f"This cell waits for answers in the state {state!r}, and the state is {now!r}. What the clients got is "
                        "kept. Start on the board what is down, then run the cells of this step again."
                    )

    async def _ask(self) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=CLIENT_SECONDS, trust_env=False) as http:
            number = 0
            while not self._stopping:
                state = present_state(self._stack)
                answers = await self._round(http, number)
                number += 1
                if present_state(self._stack) == state and "starting" not in state and not self._stopping:
                    self._keep(state, answers)
                self._wake.wait(QUICK_SECONDS if self._waiting else PAUSE_SECONDS)
                self._wake.clear()

    async def _round(self, http: httpx.AsyncClient, number: int) -> dict[str, Answer]:
        """Make each request once. The two that build on another's answer come after it."""
        users, questions = dataset.users(), dataset.questions()
        premium = [user.id for user in users if user.subscription == "premium"]
        # In words that were never asked before, by other clients of the last minute either: no cache has the answer.
        user, question = users[number % len(users)].id, f"{questions[number % len(questions)].text} ({secrets.token_hex(4)})"
        # A new document makes the app forget what it keeps for its owner. So it is somebody else's than who asks now.
        owner = users[(number + len(users) // 2) % len(users)].id
        document = {"user_id": owner, "title": f"Shopping list {number}", "content": "Lentils, lemons, and a new bicycle bell."}
        about = {"q": question, "user_id": premium[number % len(premium)]}
        answers: dict[str, Answer] = {}

        async def ask(name: str, method: str, path: str, **parts: Any) -> httpx.Response | None:
            answers[name], response = await _timed(http.request(method, path, **parts))
            return response

        opened, similar, *_ = await asyncio.gather(
            ask("POST session", "POST", "/sessions", json={"user_id": user}),
            ask("GET similar (new)", "GET", f"/users/{user}/similar", params={"q": question}),
            ask("GET user", "GET", f"/users/{user}"),
            ask("GET settings", "GET", f"/users/{user}/settings"),
            ask("GET chats", "GET", f"/users/{user}/chats"),
            ask("POST document", "POST", "/documents", json=document),
            ask("GET premium", "GET", "/premium/similar", params=about),
            ask("GET health", "GET", "/health"),
        )
        if opened is not None and opened.status_code == 201:
            self._token = opened.json()["token"]
        if similar is not None and similar.status_code == 200:
            self._answered = user, question
        user, question = self._answered
        await asyncio.gather(
            ask("GET session", "GET", f"/sessions/{self._token}"),
            ask("GET similar (again)", "GET", f"/users/{user}/similar", params={"q": question}),
        )
        return answers

    def _keep(self, state: str, answers: dict[str, Answer]) -> None:
        with self._kept:
            seen = self._seen.setdefault(state, {name: deque(maxlen=KEPT) for name in REQUESTS})
            for name, answer in answers.items():
                seen[name].append(answer)
            self._rounds[state] += 1
            self._kept.notify_all()
        self.on_round()


def present_state(stack: Stack) -> str:
    """The state of the stores in words: `all up`, or which of them are down, starting or frozen."""
    words = [f"{server.name} {word}" for server in stack.servers if (word := _trouble(server))]
    return " and ".join(words) or ALL_UP


def _trouble(server: AnyServer) -> str:
    state, pid = server.state, server.pid
    if state == "starting":
        return "starting"
    if state != "running" or pid is None:
        return "down"
    try:
        return "frozen" if _frozen(psutil.Process(pid)) else ""
    except psutil.NoSuchProcess:
        return "down"


def _frozen(process: psutil.Process) -> bool:
    """Whether a process is stopped and stays so. One that strace looks at is stopped for a moment, again and again."""
    for _ in range(5):
        if process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP):
            return False
        time.sleep(0.01)
    return True


async def _timed(request: Awaitable[httpx.Response]) -> tuple[Answer, httpx.Response | None]:
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        response = await request
    except httpx.TransportError:
        return Answer(0, (clock() - began) * 1000), None
    ms = (clock() - began) * 1000
    problem = response.json() if response.status_code == 503 else {}
    return Answer(response.status_code, ms, problem.get("store") or "", response.headers.get("X-Cache", "")), response


def _words(state: str, given: deque[Answer] | None) -> str:
    """The last answer's status, the store that it names if the state does not, the cache's part, and the median time."""
    if not given:
        return "–"
    last = given[-1]
    ms = median(answer.ms for answer in given if answer.status == last.status)
    parts = [f"{'✓' if last.good else '✗'} {last.status or 'no answer'}", f"{ms / 1000:.1f} s" if ms >= 1000 else f"{ms:.0f} ms"]
    if last.store and (" and " in state or not state.startswith(f"{last.store} ")):
        parts[0] = f"{parts[0]} {last.store}"
    if last.cache in ("hit", "off"):
        parts.insert(1, "cache" if last.cache == "hit" else "no cache")
    return " · ".join(parts)


_running: list[LoadGenerator] = []
"""The clients of this kernel: a cell that runs again must not leave two crowds of them."""


def start(served: Served | Apart, stack: Stack, *, alongside: bool = False) -> LoadGenerator:
    """Let clients ask this application, which stands on this stack, until they are stopped. Former ones end.

    Args:
        alongside: let the former ones go on.
    """
    if not alongside:
        stop()
    load_generator = LoadGenerator(served.url, stack)
    _running.append(load_generator)
    return load_generator


def stop() -> None:
    """Stop the clients that run in this kernel, if there are any."""
    while _running:
        _running.pop().stop()
