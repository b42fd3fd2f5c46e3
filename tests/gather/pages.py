"""The fictional pages of tests/data/pages, and what the tests of page sources share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from digest.errors import FetchError
from digest.gather.page import read_page, read_text
from digest.types import Feed, Fetched
from tests.parts import ROOT

PAGES = ROOT / "tests" / "data" / "pages"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOME = "https://tidewire.example/"
STORY = "https://tidewire.example/news/harbour-bridge-reopens"


def ago(**parts: int) -> datetime:
    return NOW - timedelta(**parts)


def fetched(body: str | bytes, url: str = HOME, content_type: str = "text/html; charset=utf-8") -> Fetched:
    return Fetched(url, 200, content_type, body.encode() if isinstance(body, str) else body)


def page(body: str | bytes, url: str = HOME, selector: str = "") -> Feed:
    return read_page(fetched(body, url), url=url, now=NOW, selector=selector)


def stored(name: str, url: str = STORY) -> Feed:
    """A page of tests/data/pages, read as the page at `url`; a .txt as a plain text."""
    body = (PAGES / name).read_bytes()
    return read_text(body.decode(), url=name, now=NOW) if name.endswith(".txt") else page(body, url)


def shelf(**documents: str) -> tuple[Callable[[str], Fetched], list[str]]:
    """A `get` that knows these documents by the last part of their address, and the list of what it was asked for."""
    asked: list[str] = []

    def get(url: str) -> Fetched:
        asked.append(url)
        name = url.rpartition("/")[2].partition(".")[0].replace("-", "_")
        if name not in documents:
            raise FetchError(f"{url}: 404 Not Found")
        return Fetched(url, 200, "application/xml", documents[name].encode())

    return get, asked
