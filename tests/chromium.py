"""The Chromium that is installed, and what goes wrong in a page of it."""

import shutil
import urllib.parse

from playwright.sync_api import Page, Request

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]


class Seen:
    """What went wrong in a page: console errors, and requests that would leave the machine."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.beyond: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._look)

    def _look(self, request: Request) -> None:
        parts = urllib.parse.urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.beyond.append(request.url)
