"""A page as a source: which of its ways of naming articles is taken."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest.errors import FeedError, InputError
from digest.gather.page import read_page
from digest.types import RawArticle
from tests.gather.pages import HOME, NOW, PAGES, STORY, ago, fetched, page, shelf, stored

FRONT = "https://courier.example/"
LINKS = "".join(f"<li><a href='/n/{n}'>Headline of the story number {n}</a></li>" for n in range(4))
TOLD = '{"@type": "NewsArticle", "headline": "Told in JSON-LD", "url": "/json"}'
JSON_LD = f'<script type="application/ld+json">{TOLD}</script>'
SITEMAP = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
xmlns:n="http://www.google.com/schemas/sitemap-news/0.9">
<url><loc>https://tidewire.example/sitemap-story</loc><n:news><n:publication><n:name>Tidewire</n:name>
<n:language>en</n:language></n:publication><n:publication_date>2026-11-25T10:00:00Z</n:publication_date>
<n:title>Told in the sitemap</n:title></n:news></url></urlset>"""


def titles(body: str, **documents: str) -> list[str]:
    get, _ = shelf(**documents)
    return [item.title for item in read_page(fetched(body), url=HOME, now=NOW, get=get).items]


def test_the_order_in_which_ways_are_tried() -> None:
    assert titles(JSON_LD + LINKS, news_sitemap=SITEMAP) == ["Told in the sitemap"]
    assert titles(JSON_LD + LINKS) == ["Told in JSON-LD"]
    assert len(titles(LINKS)) == 4
    whole = (PAGES / "aggregator.html").read_text()
    assert len(titles(whole, news_sitemap=SITEMAP)) == 4  # only the page itself has their texts


def test_nothing_is_fetched_unless_asked() -> None:
    get, asked = shelf()
    assert read_page(fetched(LINKS), url=HOME, now=NOW, get=get, sitemaps=[HOME + "all.xml"]).items
    assert asked == [HOME + name for name in ("news-sitemap.xml", "sitemap-news.xml", "sitemap_news.xml")]


def test_the_links_of_a_front_page() -> None:
    feed = stored("front.html", FRONT)
    assert (feed.title, feed.language, feed.site_url) == ("Isle Courier", "en", FRONT)
    base = FRONT + "2026/"
    assert feed.items == (
        RawArticle(
            guid=base + "pier", url=base + "pier", title="New pier opens to walkers and gulls alike",
            publisher="Isle Courier", language="en", image_url=FRONT + "img/pier.jpg", image_alt="The pier",
            published_at=datetime(2026, 11, 25, 8, 15, tzinfo=UTC),
            summary="After three years of building, the pier of the northern island opens at noon.",
        ),
        RawArticle(
            guid=base + "lamp", url=base + "lamp", title="Island council votes the lamp tax down",
            publisher="Isle Courier", language="en", image_url=FRONT + "img/lamp.jpg", published_at=ago(hours=3),
        ),
        RawArticle(
            guid=base + "ferry", url=base + "ferry", title="Ferry Petrel keeps its winter timetable",
            author="Rafe Lund", publisher="Isle Courier", language="en", published_at=ago(days=1),
        ),
        RawArticle(
            guid=base + "salt", url=base + "salt", title="Museum of salt looks for a new cellar",
            publisher="Isle Courier", language="en",
        ),
    )  # fmt: skip


def test_the_selector_of_the_operator_comes_first() -> None:
    body = JSON_LD + LINKS + "<div id='own'><p class='x y'><a href='/mine'>Mine</a></p><a href='/other'>Other</a></div>"
    assert [item.title for item in page(body, selector="#own .y a").items] == ["Mine"]
    assert [item.title for item in page(body, selector="#own > a, li:first-child").items] == [
        "Headline of the story number 0",
        "Other",
    ]
    assert [item.url for item in page(body, selector="a[href^='/m']").items] == [HOME + "mine"]
    assert [item.title for item in page(body, selector="p + a").items] == ["Other"]
    assert [item.title for item in page(body, selector="#own").items] == ["Mine", "Other"]
    assert [item.title for item in page(body, selector="#own a:not([href='/mine'])").items] == ["Other"]


@pytest.mark.parametrize(
    "selector", ["", " ", "li >", "a:hover", "li:nth-child(2)", "a::before", "((", "x" * 600 + "["]
)
def test_a_selector_that_is_none(selector: str) -> None:
    if not selector:
        assert page(LINKS, selector=selector).items  # not given
        return
    with pytest.raises(InputError, match=r"an example: 'main h2 a'$") as caught:
        page(LINKS, selector=selector)
    assert "\n" not in str(caught.value)


def test_a_selector_that_names_nothing() -> None:
    with pytest.raises(FeedError, match=r"^tidewire\.example: no link on the page is named by the selector 'h9 a'$"):
        page(LINKS, selector="h9 a")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "the answer is empty"),
        (" \n", "the answer is empty"),
        ("<html><body></body></html>", "found no articles"),
        ("<p>Only one sentence.</p><a href='/x'>A link</a>", "found no articles"),
        (
            "".join(f"<nav><a href='/s/{n}'>Section with a long name {n}</a></nav>" for n in range(5)),
            "found no articles",
        ),
        ("".join(f"<p><a href='/s/{n}'>Read the full story</a></p>" for n in range(5)), "found no articles"),
        (
            "".join(f"<p><a href='https://x{n}.example/'>Story of another site {n}</a></p>" for n in range(5)),
            "found no",
        ),
    ],
)
def test_pages_without_articles(body: str, reason: str) -> None:
    with pytest.raises(FeedError) as caught:
        page(body)
    told = str(caught.value)
    assert told.startswith(f"tidewire.example: {reason}")
    assert "\n" not in told


def test_a_single_whole_article_is_better_than_nothing() -> None:
    text = "<p>The crane by the old dock was lifted at noon.</p><p>It had stood there for a hundred years or more.</p>"
    (item,) = page(
        f"<title>Crane lifted from the dock | Tidewire</title><meta property='og:site_name' content='Tidewire'>"
        f"<meta property='article:published_time' content='2026-11-20T08:00:00Z'>"
        f"<h1>Crane lifted from the dock</h1>{text}",
        STORY,
    ).items
    assert (item.title, item.url, item.publisher) == ("Crane lifted from the dock", STORY, "Tidewire")
    assert item.published_at == datetime(2026, 11, 20, 8, tzinfo=UTC)


def test_a_page_in_an_old_encoding() -> None:
    body = f"<html><head><meta charset='windows-1256'><title>x</title></head><body>{LINKS}<ul>" + "".join(
        f"<li><a href='/k/{n}'>افتتاح الجسر القديم في الميناء رقم {n} اليوم بعد الترميم الطويل</a></li>"
        for n in range(4)
    )
    feed = read_page(fetched(body.encode("cp1256"), HOME, "text/html"), url=HOME, now=NOW)
    assert "افتتاح الجسر القديم في الميناء رقم 0 اليوم بعد الترميم الطويل" in [item.title for item in feed.items]
