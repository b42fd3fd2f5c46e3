"""Which feeds a page offers."""

from __future__ import annotations

from digest.gather.discover import find_feeds, guesses
from digest.types import FeedLink

PAGE = """<!doctype html><html><head><base href="/blog/"><title>Caf\u00e9</title>
<link rel="alternate" type="application/rss+xml" title="Caf\u00e9 &raquo; Comments" href="comments/feed">
<link rel="stylesheet alternate" href="x.css" type="text/css">
<LINK REL="Alternate" TYPE="application/atom+xml; charset=utf-8" HREF="atom.xml" TITLE="All">
<link rel="alternate" type="application/rss+xml" href="atom.xml">
<link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/1">
<link rel="alternate" type="application/json" href="feed.json">
<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
<link rel="alternate" hreflang="de" href="/de/"></head><body>x</body></html>"""


def test_declared_feeds_in_order_comments_last() -> None:
    assert find_feeds(PAGE.encode(), "https://cafe.example/start") == (
        FeedLink("https://cafe.example/blog/atom.xml", "All"),
        FeedLink("https://cafe.example/blog/feed.json", ""),
        FeedLink("https://cafe.example/blog/comments/feed", "Caf\u00e9 » Comments"),
    )


def test_pages_without_feeds() -> None:
    for body in (b"", b"<html></html>", b"\xff\xfe\0", b"{}", b"<link rel=alternate type=application/rss+xml>"):
        assert find_feeds(body, "https://cafe.example/") == ()


def test_guesses_begin_where_the_reader_was() -> None:
    found = guesses("https://cafe.example/blog/post.html?x=1")
    assert found[0] == "https://cafe.example/blog/feed"
    assert "https://cafe.example/rss.xml" in found
    assert len(set(found)) == len(found) == 16
    assert guesses("https://cafe.example")[0] == "https://cafe.example/feed"
    assert "https://cafe.example/feed" not in guesses("https://cafe.example/feed")
