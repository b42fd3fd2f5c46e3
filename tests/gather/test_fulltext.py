"""The full text of an article's page."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest

from digest.errors import FeedError
from digest.gather.fulltext import Extracted, full_text
from tests.gather.pages import PAGES, STORY, fetched

SENTENCES = [
    f"Sentence number {n} says what happened at the old dock when the crane was lifted at noon." for n in range(9)
]
BODY = "".join(f"<p>{line}</p>" for line in SENTENCES)
HEAD = """<html lang="en-GB"><head><title>Crane lifted from the dock - Tidewire</title>
<meta property="og:title" content="Crane lifted from the dock - Tidewire">
<meta property="og:site_name" content="Tidewire">
<meta property="og:image" content="/img/crane.jpg"><meta property="og:image:alt" content="The crane">
<meta property="article:published_time" content="2026-03-24T09:30:00+01:00"><meta name="author" content="Ines Okafor">
<meta property="article:modified_time" content="2026-03-25T10:00:00Z"><meta name="description" content="It is gone.">
<link rel="canonical" href="https://tidewire.example/crane"></head>"""
PAGE = (
    f"{HEAD}<body><nav><a href='/'>Home</a></nav><main><h1>Crane lifted from the dock</h1>"
    f"<p>Crane lifted from the dock</p>{BODY}<p>Must Watch</p>"
    "<p>Also read: Gulls again</p></main>"
    "<aside><h3>Related</h3><p>Gulls gather at the pier, two hours ago, as if they could read the timetable.</p>"
    "</aside>"
    "<section class='comments'><p>A reader says that the crane should have stayed where it was for ever.</p></section>"
    "</body></html>"
)


def test_every_field() -> None:
    assert full_text(fetched(PAGE, "https://tidewire.example/crane?utm_source=x")) == Extracted(
        text="\n".join(SENTENCES),
        title="Crane lifted from the dock",
        author="Ines Okafor",
        publisher="Tidewire",
        published_at=datetime(2026, 3, 24, 8, 30, tzinfo=UTC),
        updated_at=datetime(2026, 3, 25, 10, tzinfo=UTC),
        image_url="https://tidewire.example/img/crane.jpg",
        image_alt="The crane",
        language="en",
        summary="It is gone.",
        canonical="https://tidewire.example/crane",
    )


def test_of_several_articles_only_the_pages_own() -> None:
    found = full_text(fetched((PAGES / "aggregator.html").read_bytes(), STORY))
    assert found.text.startswith("The old bridge across the harbour")
    assert found.text.endswith("nine thousand crossings a day.")
    assert found.published_at == datetime(2026, 3, 24, 9, 30, tzinfo=UTC)


def test_the_canonical_address_of_another_site_is_not_believed() -> None:
    found = full_text(fetched(PAGE.replace("https://tidewire.example/crane", "https://other.example/crane"), STORY))
    assert found.canonical == STORY


def test_dates_of_others_do_not_date_it() -> None:
    related = '{"@type": "NewsArticle", "headline": "Gulls", "url": "/gulls", "datePublished": "2026-11-25"}'
    body = PAGE.replace("article:published_time", "x").replace("article:modified_time", "y")
    body = body.replace("</head>", f'<script type="application/ld+json">{related}</script></head>')
    found = full_text(fetched(body.replace("<h1>", "<time datetime='2026-11-24'>yesterday</time><h1>"), STORY))
    assert (found.published_at, found.updated_at) == (None, None)


def test_the_body_in_its_json_ld_is_a_last_resort() -> None:
    own = f'{{"@type": "NewsArticle", "headline": "Crane", "url": "{STORY}", "articleBody": "{" ".join(SENTENCES)}"}}'
    found = full_text(
        fetched(f'<html><head><script type="application/ld+json">{own}</script></head><body>x</body>', STORY)
    )
    assert found.text == " ".join(SENTENCES)


@pytest.mark.parametrize("body", ["", "<html></html>", "<p>Short.</p>", "\0\xff", "<html><body><script>x</script>"])
def test_pages_without_text(body: str) -> None:
    with pytest.raises(FeedError, match=r"^tidewire\.example: [^\n]+$"):
        full_text(fetched(body, STORY))


def test_neither_a_connection_nor_a_file_is_opened() -> None:
    full_text(fetched(PAGE, STORY))  # loads rules and lists that come with the packages
    seen: list[str] = []
    watching = True

    def listen(event: str, args: tuple[object, ...]) -> None:
        if watching and event.startswith(("open", "socket", "urllib", "subprocess", "os.")):
            seen.append(f"{event} {args[:1]}")

    sys.addaudithook(listen)
    hostile = PAGE.replace(
        "<body>", "<body><iframe src='http://127.0.0.1:9/'></iframe><img src='http://127.0.0.1:9/x.jpg'>"
    ).replace("<html", "<!DOCTYPE html SYSTEM 'http://127.0.0.1:9/x.dtd'><html")
    try:
        found = full_text(fetched(hostile, STORY))
    finally:
        watching = False
    assert found.text == "\n".join(SENTENCES)
    assert seen == []
