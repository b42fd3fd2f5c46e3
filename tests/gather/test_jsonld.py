"""Articles in JSON-LD."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from digest.gather import jsonld, pagedom
from digest.types import RawArticle
from tests.gather.pages import HOME, fetched

CRANE = {
    "@context": "https://schema.org",
    "@type": ["NewsArticle", "Thing"],
    "headline": "Crane &amp; dock",
    "url": "/crane",
    "datePublished": "2026-11-25T08:00:00Z",
    "dateModified": "2026-11-25T09:00:00Z",
    "author": [{"@type": "Person", "name": "Ines Okafor"}, {"@type": "Person", "name": "Rafe Lund"}],
    "publisher": {"@type": "Organization", "name": "Harbour Lantern", "logo": {"url": "/logo.png"}},
    "image": [{"@type": "ImageObject", "url": "/dot.gif", "width": 1, "height": 1}, "/crane.jpg"],
    "description": "The crane has <b>gone</b>.",
    "articleBody": "The crane was lifted.\n\nIt weighed much.",
    "inLanguage": "en-GB",
}


def read(*documents: object) -> list[RawArticle]:
    scripts = "".join(
        f'<script type="application/ld+json">{each if isinstance(each, str) else json.dumps(each)}</script>'
        for each in documents
    )
    return jsonld.read(pagedom.read(fetched(f"<html><head>{scripts}</head><body>x</body></html>")))


def test_every_field() -> None:
    assert read(CRANE) == [
        RawArticle(
            guid=HOME + "crane", url=HOME + "crane", title="Crane & dock", author="Ines Okafor, Rafe Lund",
            text="The crane was lifted.\nIt weighed much.", publisher="Harbour Lantern", language="en",
            image_url=HOME + "crane.jpg", published_at=datetime(2026, 11, 25, 8, tzinfo=UTC),
            updated_at=datetime(2026, 11, 25, 9, tzinfo=UTC), summary="The crane has gone.",
        )
    ]  # fmt: skip


SMALL = {"@type": "BlogPosting", "name": "A post of the day", "url": "/post"}
LIVE = {"@type": "http://schema.org/LiveBlogPosting", "headline": "Live from the dock", "@id": HOME + "live"}


@pytest.mark.parametrize(
    "document",
    [
        {"@graph": [{"@type": "WebSite", "name": "x"}, SMALL, LIVE]},
        {"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "item": SMALL}, {"item": LIVE}]},
        {"@type": "CollectionPage", "mainEntity": {"@type": "ItemList", "itemListElement": [SMALL, LIVE]}},
        {"@type": "Blog", "blogPost": [SMALL, LIVE]},
        [[SMALL], [{"@graph": [LIVE]}]],
    ],
)
def test_where_articles_stand(document: object) -> None:
    assert [(item.title, item.url) for item in read(document)] == [
        ("A post of the day", HOME + "post"),
        ("Live from the dock", HOME + "live"),
    ]


def test_what_is_no_article() -> None:
    update = {**LIVE, "liveBlogUpdate": [{"@type": "BlogPosting", "headline": "An update", "url": "/live#1"}]}
    assert [item.title for item in read(update)] == ["Live from the dock"]
    for thing in (
        {"@type": "Product", "name": "A lamp", "url": "/lamp"},
        {"@type": "NewsArticle", "url": "/x"},
        {"@type": "NewsArticle", "headline": "Nowhere and never"},
        {"@type": "NewsArticle", "headline": {"a": 1}, "url": "javascript:alert(1)", "author": 5, "image": True},
        {"@type": "BreadcrumbList", "itemListElement": [{"name": "Home", "item": "https://tidewire.example/"}]},
        "not json at all {",
        "[" * 100_000,
        '{"a": ' + "9" * 10_000 + "}",
        5,
        None,
    ):
        assert read(thing) == []


def test_a_broken_script_does_not_hide_the_next() -> None:
    assert [item.title for item in read("{", "<!-- " + json.dumps(SMALL) + " -->")] == ["A post of the day"]


def test_one_address_is_one_article() -> None:
    bare = {key: value for key, value in CRANE.items() if key != "articleBody"}
    (item,) = read(bare, CRANE, bare)
    assert item.text.startswith("The crane was lifted.")
