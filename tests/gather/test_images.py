"""Which picture stands for a story."""

from __future__ import annotations

import pytest

from digest.gather.feed import parse_feed
from digest.gather.pictures import plausible
from digest.types import RawArticle

URL = "https://feeds.example/news/feed.xml"


def rss(inside: str) -> RawArticle:
    namespaces = "xmlns:media='http://search.yahoo.com/mrss/' xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'"
    text = f"<rss version='2.0' {namespaces}><channel><item><title>t</title>{inside}</item></channel></rss>"
    return parse_feed(text.encode(), url=URL).items[0]


def media(name: str, width: str = "", height: str = "", more: str = "") -> str:
    return f"<media:content url='/{name}.jpg' width='{width}' height='{height}' type='image/jpeg' {more}/>"


BODY = "<description>&lt;img src='/body.jpg' alt='Body'&gt; text</description>"


@pytest.mark.parametrize(
    ("inside", "picture"),
    [
        (media("small", "140", "84") + media("fit", "1200", "800") + media("wide", "2400", "1600") + BODY, "fit"),
        (media("wide", "2400", "1600") + media("wider", "4000", "2000"), "wide"),
        (media("unsized") + BODY, "unsized"),
        (media("px", "640px", "360px") + media("odd", "lots", "360"), "px"),
        (media("banner", "728", "90") + BODY, "body"),
        (media("tower", "120", "600") + media("pixel", "1", "1") + media("dot", "40", "") + BODY, "body"),
        ("<media:content url='/f.mp4' type='video/mp4'><media:thumbnail url='/still.jpg'/></media:content>", "still"),
        ("<media:content url='/film.mp4' medium='video'/><media:thumbnail url='/thumb.jpg' width='320'/>", "thumb"),
        ("<media:thumbnail url='/72.jpg' width='72' height='72'/>" + BODY, "body"),
        ("<media:group>" + media("grouped", "300", "200") + "</media:group>", "grouped"),
        ("<media:content url='/guessed.jpg?w=3'/>", "guessed"),
        ("<enclosure url='/s.mp3' type='audio/mpeg'/><enclosure url='/enclosed.jpg' type='image/jpeg'/>", "enclosed"),
        ("<enclosure url='javascript:x' type='image/png'/><itunes:image href='/cover.jpg'/>", "cover"),
        ("<image><url>/own.jpg</url><width>88</width><height>31</height></image>", ""),
        ("<image><url>/own.jpg</url><width>144</width><height>144</height></image>", "own"),
        ("<image>/plain.jpg</image>", "plain"),
        (BODY, "body"),
        ("<description>no picture</description>", ""),
    ],
)  # fmt: skip
def test_the_picture(inside: str, picture: str) -> None:
    told = rss(inside).image_url.partition("?")[0]
    assert told == (f"https://feeds.example/{picture}.jpg" if picture else "")


def test_its_description_comes_from_where_it_is_shown() -> None:
    described = media("a", "600", "400").replace(
        "/>", "><media:description>Ann &amp;amp; Bo</media:description></media:content>"
    )
    assert rss(described).image_alt == "Ann & Bo"
    shown = "<description>&lt;img src='/x.jpg' alt='X'&gt;&lt;img src='/a.jpg' alt='The boat'&gt;</description>"
    assert (rss(media("a") + shown).image_url, rss(media("a") + shown).image_alt) == (
        "https://feeds.example/a.jpg", "The boat",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("size", "fits"),
    [((0, 0), True), ((600, 0), True), ((600, 400), True), ((49, 49), False), ((0, 10), False), ((1200, 250), True),
     ((320, 50), False), ((160, 600), False), ((300, 600), True)],
)  # fmt: skip
def test_sizes(size: tuple[int, int], fits: bool) -> None:
    assert plausible(*size) is fits
