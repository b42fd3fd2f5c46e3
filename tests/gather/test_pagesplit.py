"""Whole articles on one page: split, credited and dated each from its own part."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import FeedError
from digest.gather.page import read_text
from digest.gather.pagefurniture import Verdict, rules
from digest.types import Feed, RawArticle
from tests.gather.pages import NOW, STORY, ago, page, stored

BRIDGE = (
    "The old bridge across the harbour carries traffic again, eight years after it was closed for repairs.\n"
    "Engineers replaced every one of its 412 cables.\n"
    "“We counted each of them twice,” said the chief engineer, Tomas Reyl.\n"
    "The city expects nine thousand crossings a day."
)
GULLS = (
    "Gulls in the northern harbour gather at the pier four minutes before each ferry, biologists report.\n"
    "The birds ignored the boats that carry no passengers, and therefore no bread.\n"
    "The study followed sixty birds through one winter."
)
LAMPS = (
    "The council of the outer islands rejected a tax on street lamps by eleven votes to four.\n"
    "Supporters wanted to pay for the new pier with it."
)
SALT = (
    "For the first time the museum shows the cellar in which three centuries of salt were kept.\n"
    "Tickets cost four crowns and the walk takes an hour, its director says."
)
IMAGES = "https://tidewire.example/img/"


def test_an_aggregator_with_four_whole_articles_by_three_publishers() -> None:
    feed = stored("aggregator.html")
    assert (feed.title, feed.language, feed.site_url) == ("Tidewire", "en", STORY)
    assert feed.items == (
        RawArticle(
            guid="https://lantern.example/2026/03/bridge",
            url="https://lantern.example/2026/03/bridge",
            title="Harbour bridge reopens after eight years of repairs",
            text=BRIDGE,
            author="Ines Okafor",
            publisher="Harbour Lantern",
            language="en",
            image_url=IMAGES + "bridge.jpg",
            image_alt="The bridge at dawn",
            # The exact date of its own JSON-LD, not the "8 months ago" above its text, nor the age of any other.
            published_at=datetime(2026, 3, 24, 9, 30, tzinfo=UTC),
        ),
        RawArticle(
            guid="https://mintquay.example/gulls",
            url="https://mintquay.example/gulls",
            title="Gulls have learned the ferry timetable, a study finds",
            text=GULLS,
            publisher="Mint Quay",
            language="en",
            published_at=ago(hours=2),
        ),
        RawArticle(
            guid="https://courier.example/lamps",
            url="https://courier.example/lamps",
            title="Lamp tax voted down in the island council",
            text=LAMPS,
            author="Rafe Lund",
            publisher="Isle Courier",
            language="en",
            image_url=IMAGES + "lamps.jpg",
            image_alt="Lamps on the quay",
            published_at=ago(hours=1),
        ),
        RawArticle(
            guid="https://tidewire.example/news/salt-museum",
            url="https://tidewire.example/news/salt-museum",
            title="Salt museum opens its cellar to visitors",
            text=SALT,
            publisher="Mint Quay",
            language="en",
            published_at=ago(days=1),
        ),
    )


def test_the_plain_text_of_that_page() -> None:
    told = [
        (item.title, item.publisher, item.author, item.url, item.published_at, item.text)
        for item in stored("aggregator.txt").items
    ]
    assert told == [
        (
            "Harbour bridge reopens after eight years of repairs", "Harbour Lantern", "",
            "https://lantern.example/2026/03/bridge", ago(days=240), BRIDGE,
        ),
        ("Gulls have learned the ferry timetable, a study finds", "Mint Quay", "", "", ago(hours=2), GULLS),
        ("Lamp tax voted down in the island council", "Isle Courier", "Rafe Lund", "", ago(hours=1), LAMPS),
        ("Salt museum opens its cellar to visitors", "Mint Quay", "", "", ago(days=1), SALT),
    ]  # fmt: skip


def test_articles_of_a_text_are_known_again_by_publisher_and_headline() -> None:
    first, second = stored("aggregator.txt"), stored("aggregator.txt")
    assert [item.guid for item in first.items] == [item.guid for item in second.items]
    assert first.items[1].guid.startswith("hash:")
    assert len({item.guid for item in first.items}) == 4


def test_german() -> None:
    told = [(i.title, i.publisher, i.author, i.url, i.published_at) for i in stored("aggregator-de.html").items]
    assert told == [
        (
            "Fähre Sturmvogel nimmt den Betrieb wieder auf", "Hafenbote", "",
            "https://hafenbote.example/sturmvogel", ago(hours=3),
        ),
        ("Möwenzählung ergibt einen neuen Höchststand", "Inselkurier", "Anna Feld", "", ago(days=1)),
    ]  # fmt: skip


def test_arabic() -> None:
    told = [(i.title, i.publisher, i.url, i.published_at) for i in stored("aggregator-ar.html").items]
    assert told == [
        (
            "إعادة افتتاح جسر الميناء القديم بعد سنوات من الترميم",
            "الفنار",
            "https://fanar.example/bridge",
            ago(hours=2),
        ),
        ("متحف الملح يفتح قبوه للزوار للمرة الأولى", "بريد الجزر", "", ago(days=3)),
    ]


@pytest.mark.parametrize("name", ["aggregator.html", "aggregator.txt", "aggregator-de.html", "aggregator-ar.html"])
def test_no_text_holds_furniture(name: str) -> None:
    feed = stored(name)
    lines = [line for item in feed.items for line in item.text.split("\n")]
    assert len(lines) >= 2 * len(feed.items)
    assert [line for line in lines if rules().judge(line) != (Verdict.TEXT, line)] == []
    phrases = ("swipe left", "must watch", "try our app", "no comments", "also read", "lesen sie auch", "newsletter")
    text = "\n".join(lines).casefold()
    assert [phrase for phrase in phrases if phrase in text] == []
    assert [item.title for item in feed.items if item.title in item.text] == []


BODY = (
    "<p>The crane by the old dock was lifted at noon today.</p><p>It had stood there for a hundred years or more.</p>"
)


def test_an_article_is_never_dated_by_another() -> None:
    feed = page(
        f"<html><head><title>Crane lifted from the dock</title></head><body><h1>Crane lifted from the dock</h1>{BODY}"
        f"<article><h2>Ferry delayed by fog again</h2><p>Mint Quay · 2 hours ago</p>{BODY}</article>"
        f"<article><h2>Fog delayed by ferry at last</h2>{BODY}</article></body></html>"
    )
    told = [(item.title, item.published_at, item.publisher) for item in feed.items]
    assert told == [
        ("Crane lifted from the dock", None, "tidewire.example"),
        ("Ferry delayed by fog again", ago(hours=2), "Mint Quay"),
        ("Fog delayed by ferry at last", None, "tidewire.example"),
    ]


def test_an_article_around_another_goes_on_after_it() -> None:
    inner = f"<article><h3>Ferry delayed by fog again</h3><p>Mint Quay2 hours ago</p>{BODY}</article>"
    after = "<p>The dock will be a park for everybody from next spring on.</p>"
    feed = page(
        f"<body><article><h2>Crane lifted from the dock</h2><p>By Ines Okafor | 3 March 2026</p>{BODY}{inner}{after}"
        "</article></body>"
    )
    crane, ferry = feed.items
    assert crane.text.endswith("The dock will be a park for everybody from next spring on.")
    assert (crane.author, crane.published_at) == ("Ines Okafor", datetime(2026, 3, 3, tzinfo=UTC))
    assert (ferry.publisher, ferry.published_at) == ("Mint Quay", ago(hours=2))


def test_an_age_in_a_sentence_is_no_byline() -> None:
    text = (
        "Crane lifted from the old dock\nMint Quay\n3 hours ago\n"
        "The crane came to the town a hundred years ago\nIt was lifted at noon.\nPetrel sank two years ago\n"
    )
    (item,) = read_text(text, url="crane.txt", now=NOW).items
    assert item.published_at == ago(hours=3)
    assert item.text == (
        "The crane came to the town a hundred years ago\nIt was lifted at noon.\nPetrel sank two years ago"
    )


@pytest.mark.parametrize(
    "head",
    [
        "Mint\n2 hours ago\n{}\n",
        "Mint2 hours ago\n{}\n",
        "{}\nMint\ntime2 hours ago\n",
        "{}\n{}\nSource: Mint | 2h | 3 min read\n",
        "Menu\nTidewire\n{}\nMint · 25 November 2026, 10:00 UTC\n",
        "{}\nBy Ines Okafor, Mint\nPublished 2 hours ago\n",
        "{}\nPublished 2 hours ago\nMint\n",
    ],
)
def test_heads_in_any_order(head: str) -> None:
    body = "The crane was lifted at noon by two ships.\nIt had stood there for a hundred years.\n"
    titles = ("Crane lifted from the old dock", "Ferry delayed by fog again")
    text = "".join(head.replace("{}", title) + body for title in titles)
    told = [(i.title, i.publisher, i.published_at, i.text) for i in read_text(text, url="x", now=NOW).items]
    assert told == [(title, "Mint", ago(hours=2), body.strip()) for title in titles]


def test_an_update_does_not_date() -> None:
    (item,) = read_text(
        "Crane lifted from the old dock\nMint Quay | Updated 5 minutes ago\nIt was lifted.", url="x", now=NOW
    ).items
    assert (item.publisher, item.published_at, item.updated_at) == ("Mint Quay", None, ago(minutes=5))


def test_wire_copy_is_credited() -> None:
    (item,) = read_text("Crane lifted from the dock\nCoastpress via Mint Quay · 3h\nIt was.", url="x", now=NOW).items
    assert (item.publisher, item.credit, item.published_at) == ("Mint Quay", "Coastpress", ago(hours=3))


@pytest.mark.parametrize("text", ["", "One sentence.", "A line\nAnother line\nA third line"])
def test_a_text_without_an_article(text: str) -> None:
    with pytest.raises(
        FeedError, match=r"^notes\.txt: found no article in the text; each begins with a headline[^\n]*$"
    ):
        read_text(text, url="notes.txt", now=NOW)


TOWN = "harbour crane ferry island council lamp museum winter bridge captain signal market"
WORDS = st.sampled_from(TOWN.split())
TITLES = st.lists(WORDS, min_size=4, max_size=9).map(lambda words: " ".join(words).capitalize())
SENTENCES = st.lists(WORDS, min_size=8, max_size=20).map(lambda words: "Then the " + " ".join(words) + ".")
PUBLISHERS = st.sampled_from(["Mint", "Harbour Lantern", "Isle Courier", "The Tide & Quay", "Le Phare", "Hafenbote"])
AGES = st.one_of(
    st.integers(2, 59).map(lambda n: (f"{n} minutes ago", timedelta(minutes=n))),
    st.integers(2, 23).map(lambda n: (f"{n} hours ago", timedelta(hours=n))),
    st.integers(2, 23).map(lambda n: (f"vor {n} Stunden", timedelta(hours=n))),
    st.integers(2, 9).map(lambda n: (f"il y a {n} jours", timedelta(days=n))),
    st.just(("an hour ago", timedelta(hours=1))),
)
FURNITURE = st.sampled_from(["Must Watch", "Try our app", "Facebook X Copy link", "Also read: Gulls", "Advertisement"])
ARTICLE = st.tuples(TITLES, PUBLISHERS, AGES, st.lists(SENTENCES, min_size=2, max_size=5), FURNITURE, st.booleans())
ARTICLES = st.lists(ARTICLE, min_size=2, max_size=6, unique_by=lambda article: article[0])
Told = list[tuple[str, str, tuple[str, timedelta], list[str], str, bool]]


def expected(articles: Told) -> list[tuple[str, str, timedelta, str]]:
    return [(title, by, age[1], "\n".join(text)) for title, by, age, text, _, _ in articles]


def split_back(feed: Feed) -> list[tuple[str, str, timedelta | None, str]]:
    return [(i.title, i.publisher, NOW - i.published_at if i.published_at else None, i.text) for i in feed.items]


@settings(deadline=None, max_examples=60)
@given(ARTICLES)
def test_articles_joined_into_a_page_come_back(articles: Told) -> None:
    cards = [
        f"<div class='card'><h2>{title}</h2><div><span>{by.replace('&', '&amp;')}</span><span>{age[0]}</span></div>"
        + "".join(f"<p>{line}</p>" for line in [text[0], furniture, *text[1:]])
        + ("<p>No comments yet</p><p>Be kind to all the others here.</p>" if ended else "")
        + "</div>"
        for title, by, age, text, furniture, ended in articles
    ]
    assert split_back(page(f"<html><body>{''.join(cards)}</body></html>")) == expected(articles)


@settings(deadline=None, max_examples=60)
@given(ARTICLES)
def test_articles_joined_into_a_text_come_back(articles: Told) -> None:
    parts = []
    for title, by, age, text, furniture, ended in articles:
        parts += [title, by + age[0], text[0], furniture, *text[1:], *(["No comments yet"] if ended else []), ""]
    assert split_back(read_text("\n".join(parts), url="page.txt", now=NOW)) == expected(articles)
