"""Which feeds a page offers, and which of them is wanted."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from digest.gather.discover import MAX_LINKS, Candidate, How, best_first, find_feeds, format_of, guesses, leads
from digest.types import Feed, FeedLink, RawArticle

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


# --- leads ------------------------------------------------------------------------------------------------------------

BODY = """<!doctype html><html><head>
<link rel=alternate type="application/rss+xml" href="/main.xml" title="Main"></head>
<body><a href="/rss#top">RSS</a> <a href="sport.rss">All <b>sport</b></a> <a href="/sitemap.xml">map</a>
<a href="/main.xml">again</a> <a href="/news/feed/">News</a> <a href="/feedback">Write to us</a>
<a href="https://other.example/atom.xml?x=1">Other</a> <a href="mailto:a@b.example">mail</a>
<a href="/news/1.html">story</a></body></html>"""


def test_links_in_the_body_come_after_what_is_declared() -> None:
    found = leads(BODY.encode(), "https://cafe.example/blog/")
    assert [(lead.url, lead.title, lead.how) for lead in found] == [
        ("https://cafe.example/main.xml", "Main", How.DECLARED),
        ("https://cafe.example/rss", "RSS", How.LINK),
        ("https://cafe.example/blog/sport.rss", "All sport", How.LINK),
        ("https://cafe.example/news/feed/", "News", How.LINK),
        ("https://other.example/atom.xml?x=1", "Other", How.LINK),
    ]


def test_only_the_first_links_are_followed() -> None:
    body = "<!doctype html>" + "".join(f'<a href="/{n}.rss">{n}</a>' for n in range(500))
    assert [lead.title for lead in leads(body.encode(), "https://cafe.example/")] == [str(n) for n in range(MAX_LINKS)]
    assert leads(b"", "https://cafe.example/") == ()


def test_a_host_that_is_known_needs_no_page() -> None:
    found = leads(b"", "https://quay.substack.com/p/lamps")
    assert [(lead.url, lead.how) for lead in found] == [("https://quay.substack.com/feed", How.CONVENTION)]


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (b'<?xml version="1.0"?>\n<!-- by hand --><rss version="2.0">', "RSS"),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'>", "Atom"),
        (b"<atom:feed xmlns:atom='http://www.w3.org/2005/Atom'>", "Atom"),
        (b"<rdf:RDF xmlns:rdf='x'>", "RSS 1.0"),
        (b'\xef\xbb\xbf {"version": 1}', "JSON Feed"),
    ],
)
def test_the_format_is_named(start: bytes, told: str) -> None:
    assert format_of(start) == told


# --- which one --------------------------------------------------------------------------------------------------------


def candidate(path: str, how: How = How.DECLARED, *, label: str = "", text: str = "", **told: Any) -> Candidate:
    items = told.get("items") or (RawArticle(guid=path, url=f"https://cafe.example/{path}/1", title=path, text=text),)
    return Candidate(f"https://cafe.example{path}", how, label, "RSS", Feed(told.get("title", ""), "en", "", items))


def order(*found: Candidate, asked: str = "https://cafe.example/") -> list[str]:
    return [each.url.removeprefix("https://cafe.example") for each in best_first(found, asked)]


def test_the_most_wanted_feed_is_first() -> None:
    found = (
        candidate("/comments/feed"),
        candidate("/answers", title="Comments on Lamps"),
        candidate("/guess", How.GUESS),
        candidate("/link", How.LINK),
        candidate("/category/harbour/feed"),
        candidate("/short", text="a teaser"),
        candidate("/whole", text="a long read " * 200),
    )
    wanted = ["/whole", "/short", "/category/harbour/feed", "/link", "/guess", "/comments/feed", "/answers"]
    assert order(*found) == wanted
    assert order(*reversed(found))[:5] == wanted[:5]


def test_a_section_that_is_asked_for_goes_before_the_whole_site() -> None:
    found = (candidate("/feed"), candidate("/tag/lamps/feed"), candidate("/tag/boats/feed"))
    assert order(*found, asked="https://cafe.example/tag/lamps/")[0] == "/tag/lamps/feed"
    assert order(*found, asked="https://cafe.example/blog/")[0] == "/feed"


def test_the_same_articles_are_offered_once() -> None:
    items = tuple(RawArticle(guid=str(n), url=f"https://cafe.example/{n}", title=str(n)) for n in range(3))
    others = tuple(RawArticle(guid=f"tag:{n}", url=f"https://cafe.example/{n}", title=str(n)) for n in range(3))
    one, two = candidate("/rss", items=items), candidate("/atom", items=others)
    (kept,) = best_first((one, two), "https://cafe.example/")
    assert (kept.url, kept.also) == ("https://cafe.example/rss", ("https://cafe.example/atom",))
    assert len(best_first((one, candidate("/less", items=items[:2])), "https://cafe.example/")) == 2


def test_the_latest_headlines_are_the_newest() -> None:
    def item(day: int | None) -> RawArticle:
        moment = datetime(2026, 3, day, tzinfo=UTC) if day else None
        return RawArticle(guid=str(day), url="", title=str(day), published_at=moment)

    def latest(*days: int | None) -> list[str]:
        return [each.title for each in candidate("/f", items=tuple(item(day) for day in days)).latest]

    assert latest(1, 4, 2, 3) == ["4", "3", "2"]
    assert latest(None, 1, 2) == ["2", "1", "None"]
    assert latest(None, None) == ["None", "None"]


def test_a_tag_of_a_hundred_thousand_attributes_hangs_nothing() -> None:
    """libxml2 takes time by the square of their number: 8 s and more for this one."""
    many = " ".join(f"a{number}=1" for number in range(100_000))
    body = f'<html><head {many}><link rel="alternate" type="application/rss+xml" href="/feed"></head></html>'
    started = time.thread_time()
    assert [link.url for link in find_feeds(body.encode(), "https://gull.example/")] == ["https://gull.example/feed"]
    assert time.thread_time() - started < 4, "a guard against hanging, not a measure of speed"
