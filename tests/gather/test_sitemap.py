"""News sitemaps."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

from digest.gather import sitemap
from digest.types import Fetched, RawArticle
from tests.gather.pages import HOME, shelf

HEAD = (
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1" '
    'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">'
)


def entry(path: str, title: str = "Crane lifted from the dock", date: str = "2026-11-25", more: str = "") -> str:
    dated = f"<news:publication_date>{date}</news:publication_date>" if date else ""
    return (
        f"<url><loc>{path}</loc><news:news><news:publication><news:name>Tidewire</news:name><news:language>en"
        f"</news:language></news:publication>{dated}<news:title>{title}</news:title></news:news>{more}</url>"
    )


def urlset(*entries: str) -> str:
    return HEAD + "".join(entries) + "</urlset>"


def index(*places: str) -> str:
    inner = "".join(f"<sitemap><loc>{place}</loc></sitemap>" for place in places)
    return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inner}</sitemapindex>'


def test_every_field() -> None:
    image = "<image:image><image:loc>https://tidewire.example/crane.jpg</image:loc></image:image>"
    get, asked = shelf(
        news_sitemap=urlset(entry(HOME + "crane", "Crane &amp; dock", "2026-11-25T08:00:00+02:00", image))
    )
    feed = sitemap.find(HOME, get=get)
    assert feed is not None
    assert (feed.title, feed.language, feed.site_url) == ("Tidewire", "en", HOME)
    assert feed.items == (
        RawArticle(
            guid=HOME + "crane", url=HOME + "crane", title="Crane & dock", publisher="Tidewire", language="en",
            image_url=HOME + "crane.jpg", published_at=datetime(2026, 11, 25, 6, tzinfo=UTC),
        ),
    )  # fmt: skip
    assert asked == [HOME + "news-sitemap.xml"]


def test_only_dated_news_of_the_same_site() -> None:
    plain = "<url><loc>https://tidewire.example/about</loc><lastmod>2026-11-25</lastmod></url>"
    get, _ = shelf(
        news_sitemap=urlset(
            plain, entry(HOME + "a", date=""), entry("https://other.example/b"), entry(HOME + "c"), entry(HOME + "c")
        )
    )
    feed = sitemap.find(HOME, get=get)
    assert feed is not None
    assert [item.url for item in feed.items] == [HOME + "c"]


def test_a_section_gets_what_lies_below_it() -> None:
    get, _ = shelf(news_sitemap=urlset(entry(HOME + "sport/a"), entry(HOME + "coast/b")))
    feed = sitemap.find(HOME + "sport/index.html", get=get)
    assert feed is not None
    assert [item.url for item in feed.items] == [HOME + "sport/a"]
    assert sitemap.find(HOME + "isles", get=get) is None


def test_an_index_is_followed_one_level_deep_and_news_first() -> None:
    get, asked = shelf(
        sitemap=index(HOME + "pages.xml", HOME + "latest-news.xml", "https://other.example/news.xml"),
        latest_news=urlset(entry(HOME + "a")),
    )
    feed = sitemap.find(HOME, get=get, sitemaps=[HOME + "news/sitemap.xml"])
    assert feed is not None
    assert asked == [HOME + "news/sitemap.xml", HOME + "latest-news.xml"]

    get, asked = shelf(sitemap=index(HOME + "news-inner.xml"), news_inner=index(HOME + "news-deep.xml"))
    assert sitemap.find(HOME, get=get, sitemaps=[HOME + "news/sitemap.xml"]) is None
    assert HOME + "news-deep.xml" not in asked


def test_never_more_than_three_are_fetched() -> None:
    get, asked = shelf()
    assert sitemap.find(HOME, get=get, sitemaps=[f"{HOME}news-{n}.xml" for n in range(9)]) is None
    assert asked == [f"{HOME}news-{n}.xml" for n in range(3)]


def test_packed_broken_and_hostile_documents() -> None:
    good = urlset(entry(HOME + "a")).encode()
    bomb = b"<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]>" + good
    for body, found in [
        (good, True), (gzip.compress(good), True), (good[:-20], True), (bomb, False), (b"", False), (b"\0\xff", False),
        (gzip.compress(good)[:30] + b"broken", False), (gzip.compress(b" " * 50_000_000), False), (b"<html>", False),
        (b"<urlset>" * 10_000, False),
    ]:  # fmt: skip
        feed = sitemap.find(HOME, get=lambda url, body=body: Fetched(url, 200, "", body))  # type: ignore[misc]
        assert (feed is not None) is found, body[:40]
