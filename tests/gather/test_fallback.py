"""feedparser reads what our own reader cannot, through the same cleaning, and touches neither network nor files."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.errors import FeedError
from digest.gather import fallback
from digest.gather.build import Asked
from digest.gather.feed import parse_feed
from digest.types import Feed, RawArticle
from tests.gather.site import FEEDS

URL = "https://feeds.example/news/feed.xml"


def read(name: str) -> Feed:
    return parse_feed((FEEDS / name).read_bytes(), url=URL)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_rss_in_a_namespace_of_its_own() -> None:
    feed = read("own-namespace.xml")
    assert (feed.title, feed.language, feed.site_url) == ("The Quay & Crane", "en", "https://quay.example/")
    assert (feed.fallback, feed.slices, feed.dropped) == (True, b"", 0)
    crane, ferry = feed.items
    assert crane == RawArticle(
        guid="quay-1",
        url="https://quay.example/2026/crane",
        title="Crane two back at work",
        text="It lifts again.",
        author="Ada Holm",
        publisher="The Quay & Crane",
        language="en",
        image_url="https://feeds.example/img/crane.jpg",
        image_alt="The crane",
        published_at=at(2026, 3, 2, 8),
    )
    assert (ferry.url, ferry.published_at) == ("https://feeds.example/2026/ferry", None)


def test_items_in_a_wrapper() -> None:
    feed = read("wrapped-items.xml")
    assert (feed.fallback, [item.title for item in feed.items]) == (True, ["Bins on Tuesday", "The mill opens"])
    assert feed.items[0].published_at == at(2026, 3, 3, 5, 30)


def test_an_entry_without_a_feed() -> None:
    (entry,) = read("single-entry.atom").items
    assert (entry.guid, entry.language, entry.author) == ("urn:turm:7", "de", "Lena Voss")
    assert entry.text == "Ab heute.\nBis Ostern."
    assert (entry.published_at, entry.updated_at) == (at(2026, 3, 2, 8), at(2026, 3, 2, 9))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<opml version='2.0'><body><item title='x'/></body></opml>", "a list of feeds (OPML)"),
        (b"<html><body><item><title>x</title></item></body></html>", "is a web page"),
        (b"<note><to>you</to></note>", "its root is <note>"),
        (b"<note><item></item></note>", "its root is <note>"),
        (b"<rss><channel><title>x</title></channel></rss>", "the feed holds no items"),
        (b"<rss><channel><item><pubDate>x</pubDate></item></channel></rss>", "none of the feed's 1 items"),
    ],
)
def test_what_neither_can_read_keeps_our_reason(body: bytes, told: str) -> None:
    with pytest.raises(FeedError, match=r"^feeds\.example: ") as caught:
        parse_feed(body, url=URL)
    assert told in str(caught.value)


def test_nothing_is_opened_and_nothing_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the-secret")
    entities = f"<!ENTITY f SYSTEM '{secret.as_uri()}'><!ENTITY a 'lol'>" + "".join(
        f"<!ENTITY a{n} '{f'&a{n - 1 or str()};' * 10}'>" for n in range(1, 9)
    )
    opened: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in ("open", "socket.connect", "socket.getaddrinfo", "urllib.Request"):
            opened.append(f"{event} {arguments[0]}")

    fallback.read(b"<x/>", Asked(URL))  # what is imported at first need opens files
    sys.addaudithook(watch)
    for place in ("", "<x/>" * 50_000):
        body = (
            f"<rss xmlns='urn:own'>{place}<!DOCTYPE rss [{entities}]><channel><item><title>t &f; &a8;</title>"
            f"<link rel='{secret.as_uri()}' href='http://127.0.0.1:9/'/></item></channel></rss>"
        )
        found = fallback.read(body.encode(), Asked(URL))
        assert all("the-secret" not in item.title and len(item.title) < 60 for item in found.articles)
    for name in (str(secret), secret.as_uri(), "http://127.0.0.1:9/feed"):
        assert fallback.read(name.encode(), Asked(URL)).items == 0
    watching = False
    assert opened == []


def test_long_documents_are_cut_behind_an_item() -> None:
    items = "".join(f"<item><title>Number {n}</title><link>https://x.example/{n}</link></item>" for n in range(5_000))
    feed = parse_feed(f"<rss xmlns='urn:own'><channel>{items}</channel></rss>".encode(), url=URL)
    assert feed.fallback
    assert 500 < len(feed.items) < 1_500
    last = feed.items[-1]
    assert last.title == f"Number {len(feed.items) - 1}"
    assert last.url == f"https://x.example/{len(feed.items) - 1}"


@pytest.mark.parametrize(
    "part",
    [b"<br/>", b"<a>", b"<a ", b"<item>", b"<item><title>x", b"<category>x</category>", b"&", b"<![CDATA[", b"<div>",
     b"<!x ", b"<a b='", b'<a b="c" ', b"<content type='xhtml'>", b"<author>a@b</author>"],
)  # fmt: skip
def test_it_ends_within_a_second_whatever_comes(part: bytes) -> None:
    body = b"<rss xmlns='urn:own'><channel><item>" + part * (5_000_000 // len(part))
    started = time.thread_time()
    fallback.read(body, Asked(URL))
    assert time.thread_time() - started < 1.5  # half a second at most when nothing else runs
