"""Pages as sources: one at an address, or one kept as a file on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from digest.errors import FeedError, FetchError, InputError
from digest.gather import page
from digest.gather.discover import Candidate, How, format_of
from digest.gather.feed import is_page, parse_feed
from digest.gather.fetch import MAX_BYTES, Door
from digest.gather.robots import Robots
from digest.gather.tree import decode
from digest.service.finding import with_scheme
from digest.types import Feed, Fetched

FILE = "file:"
"""Before the absolute path, the address of a source that is a file (`models.Source.url`)."""


def look(door: Door, where: str, *, selector: str, now: datetime) -> tuple[str, Feed]:
    """The address under which the page at `where` (an address or a file) is kept as a source, and what it holds now.

    The site's robots.txt is respected. Raises InputError for a file that cannot be read or a selector that is none,
    FetchError for a page that cannot or may not be fetched, FeedError when there is no article on it.
    """
    if is_file(where):
        file = path_of(where)
        feed = read_file(file, selector=selector, now=now)
        return address_of(file), replace(feed, title=feed.title or file.stem)
    address, robots = with_scheme(where), Robots(door.get)
    return address, read_page(door, robots, permitted(door.get, robots)(address), selector=selector, now=now)


def permitted(get: Callable[[str], Fetched], robots: Robots) -> Callable[[str], Fetched]:
    """`get` as far as robots.txt permits, of the site asked and of the one to which it leads; else it raises
    FetchError."""

    def ask(url: str) -> Fetched:
        _check(robots, url)
        fetched = get(url)
        if fetched.url != url:
            _check(robots, fetched.url)
        return fetched

    return ask


def _check(robots: Robots, url: str) -> None:
    if not robots.allowed(url):
        host = urlsplit(url).hostname
        raise FetchError(f"{host}: its robots.txt keeps programs away from {url[:200]}, or cannot be read")


def read_page(door: Door, robots: Robots, fetched: Fetched, *, selector: str, now: datetime) -> Feed:
    """What a fetched page holds or announces; the sitemaps it leads to are fetched as far as robots.txt permits."""
    get, sitemaps = permitted(door.get, robots), robots.sitemaps(fetched.url)
    return page.read_page(fetched, url=fetched.url, now=now, selector=selector, get=get, sitemaps=sitemaps)


def is_file(where: str) -> bool:
    """Whether a file on this machine is meant. Raises InputError for a name that no file can have."""
    if where.startswith(FILE):
        return True
    try:
        return "://" not in where and Path(where).exists()
    except (OSError, ValueError) as error:
        raise _unreadable(where, error) from None


def path_of(where: str) -> Path:
    """The absolute path that a file's name or address means."""
    told = unquote(urlsplit(where).path) if where.startswith(FILE) else where
    return Path(told).expanduser().absolute()


def address_of(file: Path) -> str:
    """The address of a source that is a file: an absolute path with what would end an address percent-encoded."""
    return FILE + quote(str(file))


def read_file(file: Path, *, selector: str, now: datetime) -> Feed:
    """What a page kept as a file holds: a web page or, when it is none, plain text. Raises InputError, FeedError.

    Its ages ("2 hours ago") count back from when the file was written: that is when somebody saved the page.
    """
    fetched = Fetched(address_of(file), 200, body=read_bytes(file))
    saved_at = min(now, datetime.fromtimestamp(file.stat().st_mtime, UTC))
    if is_page(fetched.body):
        return page.read_page(fetched, url=fetched.url, now=saved_at, selector=selector)
    return page.read_text(decode(fetched.body), url=fetched.url, now=saved_at)


def read_feed_file(file: Path) -> Candidate:
    """The feed kept as a file. Raises InputError, FeedError."""
    body = read_bytes(file)
    try:
        return Candidate(address_of(file), How.ITSELF, "", format_of(body), parse_feed(body, url=file.as_uri()))
    except FeedError as error:
        raise FeedError(f"{error}; --kind page reads pages and plain text") from None


def read_bytes(file: Path, limit: int = MAX_BYTES) -> bytes:
    """A file's bytes, at most `limit`. Raises InputError."""
    try:
        with file.open("rb") as opened:
            body = opened.read(limit + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(str(file), error) from None
    if len(body) > limit:
        raise InputError(f"{file.name} is larger than {limit / 1_000_000:g} MB")
    return body


def _unreadable(name: str, error: Exception) -> InputError:
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InputError(f"{name[:80]} cannot be read: {told}")
