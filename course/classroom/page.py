"""The page of the class, a service of JupyterHub: a learner agrees there to share, a teacher sees what is shared.

Nothing of a learner's is shown, or read, before they agree; they may withdraw it at any time. Each sees their own switch; the
table is for those in the system's group of teachers.
"""

from __future__ import annotations

import asyncio
import os
from html import escape
from pathlib import Path
from typing import Any

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated
from tornado.web import Application, HTTPError, RequestHandler, authenticated

from course.classroom.accounts import members
from course.classroom.board import Board
from course.classroom.settings import LEARNERS, TEACHERS, handed_on
from course.progress.classroom import SIGNS, Classroom, standing

AGAIN_SECONDS = 15
"""How often the teacher's page loads itself anew."""

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70em; margin: 1em auto; padding: 0 1em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid #888; padding: 2px 10px 2px 0; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
button { font: inherit; padding: 0.3em 1em; }
"""
_WORDS = {"passed": "passed", "after the solution": "passed, solution seen", "not yet": "tried, not passed", "": "not tried"}


class Page(HubOAuthenticated, RequestHandler):
    """The page itself, and the switch on it."""

    def initialize(self, board: Board) -> None:
        """Know the board."""
        self.board = board

    @authenticated
    async def get(self) -> None:
        """Show the switch, and to a teacher the table."""
        name = self._name()
        parts = [_switch(name in self.board.sharing(), self.xsrf_token.decode())]
        teaches = name in members(TEACHERS)
        if teaches:
            parts.append(_table(await asyncio.to_thread(self.board.look), len(members(LEARNERS)) - len(members(TEACHERS))))
        self.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
        self.set_header("Cache-Control", "no-store")
        self.finish(_whole("\n".join(parts), again=teaches))

    @authenticated
    def post(self) -> None:
        """Turn the switch."""
        self.board.share(self._name(), agreed=self.get_body_argument("share") == "yes")
        self.redirect(self.request.path)

    def _name(self) -> str:
        user: Any = self.current_user
        return user["name"]


class Csv(Page):
    """The table as a file for a spreadsheet."""

    @authenticated
    async def get(self) -> None:
        """Give it to a teacher."""
        if self._name() not in members(TEACHERS):
            raise HTTPError(403)
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="class.csv"')
        self.finish((await asyncio.to_thread(self.board.look)).as_csv().encode("utf-8-sig"))


def _whole(body: str, *, again: bool) -> str:
    refresh = f'<meta http-equiv="refresh" content="{AGAIN_SECONDS}">' if again else ""
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">{refresh}<title>The class</title>
<style>{_STYLE}</style></head>
<body><h1>The class</h1>
{body}
<p><a href="/hub/home">Back to your server</a></p></body>
</html>
"""


def _switch(shares: bool, token: str) -> str:
    says, turn, word = (
        ("You share your progress with your teacher.", "no", "Share no longer")
        if shares
        else ("Your teacher sees nothing of what you do here.", "yes", "Share my progress")
    )
    return f"""<p>{says} What is shared: your login, and of each check its outcome, the number of attempts, the hints and
solutions you read, and the days. Never a notebook, an answer or a file.</p>
<form method="post"><input type="hidden" name="_xsrf" value="{escape(token)}">
<button name="share" value="{turn}">{word}</button></form>"""


def _table(classroom: Classroom, learners: int) -> str:
    reports = classroom.reports.values()
    heads = "".join(f'<th scope="col">{escape(report.name)}<br>{report.passed} passed</th>' for report in reports)
    rows = "".join(_row(classroom, id) for id in classroom.hardest)
    said = "".join(f"<li>{escape(line)}</li>" for line in classroom.said)
    legend = ", ".join(f"{SIGNS[key]} {word}" for key, word in _WORDS.items())
    return f"""<h2>What the class has done</h2>
<p>{len(classroom.reports)} share their progress; the class has {learners} learners. The checks on which most are stuck come
first. {legend}. <a href="class.csv">As a file for a spreadsheet</a></p>
<div class="wide"><table><thead><tr><th scope="col">check</th><th scope="col">stuck</th>{heads}</tr></thead>
<tbody>{rows}</tbody></table></div><ul>{said}</ul>"""


def _row(classroom: Classroom, id: str) -> str:
    stands = [standing(report.checks.get(id)) for report in classroom.reports.values()]
    cells = "".join(f'<td title="{_WORDS[key]}">{SIGNS[key]}<span hidden> {_WORDS[key]}</span></td>' for key in stands)
    return f'<tr><th scope="row">{escape(id)}</th><td class="number">{classroom.stuck(id)}</td>{cells}</tr>'


async def main() -> None:
    """Answer until JupyterHub ends it."""
    settings = handed_on()
    prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
    board = {"board": Board(Path(settings.state))}
    routes: list[Any] = [(prefix, Page, board), (f"{prefix}class.csv", Csv, board)]
    routes.append((f"{prefix}oauth_callback", HubOAuthCallbackHandler))
    Application(routes, cookie_secret=os.urandom(32), xsrf_cookies=True).listen(settings.page_port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
