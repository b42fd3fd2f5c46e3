"""Documents too large to be stored, and what is asked of them. A module of its own: another process imports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from digest.gather.feed import parse_feed
from digest.gather.page import read_page
from digest.types import Feed, Fetched
from tests.fuzz import checks
from tests.fuzz.targets import NOW, PAGE, URL

RSS = b"<?xml version='1.0'?><rss version='2.0'><channel><title>The Quay</title>"
END = b"</channel></rss>"
ITEM = b"<item><title>Item %d</title><link>https://quay.example/%d</link></item>"
GOOD = ITEM % (0, 0)


def _many() -> bytes:
    return RSS + b"".join(ITEM % (n, n) for n in range(100_000)) + END


def _many_broken() -> bytes:
    return RSS + b"<br>".join(ITEM % (n, n) for n in range(20_000)) + END


def _many_json() -> bytes:
    return b'{"items":[' + b",".join(b'{"id":"%d","title":"Item"}' % n for n in range(100_000)) + b"]}"


def _in_item(field: bytes) -> bytes:
    return RSS + GOOD + b"<item><title>Long</title>" + field + b"</item>" + END


def _field(text: bytes) -> bytes:
    return b"<description>" + text + b"</description>"


def _many_attributes() -> bytes:
    return RSS + GOOD + b"<item" + b"".join(b" a%d='b'" % n for n in range(200_000)) + b"/>" + END


def _deep(tag: bytes, times: int) -> bytes:
    return (b"<%s>" % tag) * times + b"x" + (b"</%s>" % tag) * times


MB_50 = 50_000_000
DOCUMENTS: Mapping[str, Callable[[], bytes]] = {
    "100,000 items": _many,
    "20,000 items in each other": _many_broken,
    "100,000 items of JSON": _many_json,
    "50 MB in an item": lambda: _in_item(_field(b"word " * (MB_50 // 5))),
    "50 MB of markup in an item": lambda: _in_item(_field(b"&lt;p>word" * (MB_50 // 10))),
    "50 MB in a title": lambda: RSS + GOOD + b"<item><title>" + b"t" * MB_50 + b"</title></item>" + END,
    "50 MB before the root": lambda: b" " * MB_50 + RSS + GOOD + END,
    "50 MB of one tag": lambda: RSS + GOOD + b"<item a='" + b"x" * MB_50 + b"'/>" + END,
    "200,000 attributes": _many_attributes,
    "deep elements": lambda: RSS + GOOD + _deep(b"x", 100_000) + END,
    "deep items": lambda: RSS + GOOD + _deep(b"item", 20_000) + END,
    "deep markup": lambda: _in_item(b"<description><![CDATA[" + _deep(b"div", 50_000) + b"]]></description>"),
    "deep JSON": lambda: b'{"items": [{"title": "t", "x": ' + b"[" * 500_000,
    "deep JSON that is whole": lambda: b'{"items": [{"title": "t", "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}]}",
    "a number of a million digits": lambda: b'{"items": [{"title": "t", "id": ' + b"9" * 1_000_000 + b"}]}",
    "a million ampersands": lambda: RSS + b"<item><title>" + b"&" * 1_000_000 + b"</title></item>" + END,
    "a million marks on one letter": lambda: RSS + b"<item><title>e" + b"\xcc\x81" * 1_000_000,
    "100,000 starts of CDATA": lambda: RSS + GOOD + b"<item><title>" + b"<![CDATA[" * 100_000,
    "100,000 starts of comments": lambda: RSS + GOOD + b"<!-- " * 100_000,
    "100,000 document types": lambda: b"<!DOCTYPE x [" * 100_000 + RSS + GOOD + END,
    "100,000 namespaces": lambda: RSS + GOOD + b"".join(b"<a:b xmlns:a='u%d'/>" % n for n in range(100_000)) + END,
    "a long date": lambda: _in_item(b"<pubDate>" + b"1 Jan " * 100_000 + b"</pubDate>"),
    "100,000 authors": lambda: _in_item(b"<author>a</author>" * 100_000),
    "100,000 enclosures": lambda: _in_item(b"<enclosure url='x.jpg' type='image/jpeg'/>" * 100_000),
}  # fmt: skip


def warm() -> None:
    """Have the program's own lists read, which happens when they are first needed."""
    page = b"<main><h2><a href='/a-ferry-that-is-late'>A ferry that is late again</a></h2></main>" * 3
    read_page(Fetched(url=PAGE, status=200, content_type="text/html", body=page), url=PAGE, now=NOW)


@dataclass(frozen=True, slots=True)
class Summary:
    """Of a feed that may be large."""

    items: int
    first: str


def read(name: str) -> Summary:
    """The document of that name as a feed. Raises FeedError for what is none."""
    return _summary(parse_feed(DOCUMENTS[name](), url=URL))


def read_kept(name: str) -> Summary:
    """The same with its markup kept."""
    return _summary(parse_feed(DOCUMENTS[name](), url=URL, html=True))


def read_as_page(name: str) -> Summary:
    """The same as a page of links. Raises FeedError for what is none."""
    fetched = Fetched(url=PAGE, status=200, content_type="text/html", body=DOCUMENTS[name]())
    return _summary(read_page(fetched, url=PAGE, now=NOW))


def read_file(body: bytes, content_type: str, html: bool) -> Feed:
    """A small document; what is returned has passed every check."""
    found = parse_feed(body, content_type=content_type, url=URL, html=html)
    checks.feed(found)
    return found


def _summary(found: Feed) -> Summary:
    checks.feed(found)
    return Summary(len(found.items), found.items[0].title)
