"""parse(render(articles)) == articles, for every format and every field of an article that it can carry.

The renderers are as plain as a publisher's: each writes its format by its specification, knowing nothing of the reader.
How it writes (CDATA or escapes, which prefixes, which form of a date) is drawn like the articles themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from html import escape
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.gather import clean
from digest.gather.feed import parse_feed
from digest.types import RawArticle

URL = "https://feeds.example/news/feed"
SITE = "https://quay.example/"
PUBLISHER = "The Quay & Crane"

# --- articles ---------------------------------------------------------------------------------------------------------

_LETTERS = st.characters(codec="utf-8", categories=("L", "N", "P", "S"))
_TRAPS = (
    "<b>",
    "]]>",
    "&amp;",
    "<!--",
    "-->",
    "AT&T",
    "a<b",
    "&lt;p&gt;",
    "<![CDATA[",
    "<?php",
    "\u00e9",
    "\u6e2f",
    "\u05de",
)
_words = st.text(_LETTERS, min_size=1, max_size=8) | st.sampled_from(_TRAPS)


def _is_as_it_stands(text: str) -> bool:
    """Whether cleaning leaves it as it is: NFC, and nothing that a headline's writer may have meant as markup."""
    return clean.title(text) == text == clean.line(text) and clean.person(text) == text


lines = st.lists(_words, min_size=1, max_size=6).map(" ".join).filter(_is_as_it_stands)
bodies = st.lists(lines, min_size=2, max_size=4).map("\n".join)
paths = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
moments = st.integers(0, 78 * 365 * 86_400).map(
    lambda seconds: datetime(1990, 1, 2, tzinfo=UTC) + timedelta(seconds=seconds)
)


@st.composite
def articles(draw: st.DrawFn) -> RawArticle:
    """As a reader should find it."""
    body = draw(bodies)
    updated = draw(moments)
    return RawArticle(
        guid=draw(paths.map("urn:quay:{}".format)),
        url=SITE + draw(paths),
        title=draw(lines),
        text=body,
        author=draw(lines),
        publisher=PUBLISHER,
        language=draw(st.sampled_from(("en", "de", "pt", "fil"))),
        image_url=SITE + "a-" + draw(paths) + ".jpg",  # /lazy.jpg stands in for a picture (data/pictures.txt)
        image_alt=draw(lines),
        published_at=draw(moments),
        updated_at=updated,
        summary=draw(st.sampled_from((body.partition("\n")[0], ""))),
    )


# --- how it is written ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hand:
    """What a publisher's software is free to choose."""

    body: Literal["cdata", "escaped", "xhtml"]
    prefix: str
    """Before the names of namespaces: content -> <prefix>content."""
    zone: int
    """Hours that clocks go before UTC."""
    loose: bool
    """Blanks and line breaks around everything."""
    spelling: Literal["named", "decimal", "hexadecimal"]

    def text(self, told: str) -> str:
        """Character data, a CDATA section or references."""
        if self.body == "cdata":
            inside = "<![CDATA[" + told.replace("]]>", "]]]]><![CDATA[>") + "]]>"
        elif self.spelling == "named":
            inside = escape(told)
        else:
            form = "&#{};" if self.spelling == "decimal" else "&#x{:X};"
            inside = "".join(each if each.isascii() and each.isalnum() else form.format(ord(each)) for each in told)
        return f"\n   {inside}\n  " if self.loose else inside

    def markup(self, told: str) -> str:
        """Paragraphs as HTML, then as text of an element."""
        return self.text("".join(f"<p>{escape(part)}</p>" for part in told.split("\n")))

    def local(self, moment: datetime | None) -> datetime:
        assert moment is not None
        return moment.astimezone(timezone(timedelta(hours=self.zone)))

    def rfc_822(self, moment: datetime | None) -> str:
        local = self.local(moment)
        return format_datetime(local) if self.zone else local.strftime("%a, %d %b %Y %H:%M:%S GMT")

    def iso_8601(self, moment: datetime | None) -> str:
        told = self.local(moment).isoformat()
        return told.replace("+00:00", "Z")


hands = st.builds(
    Hand,
    body=st.sampled_from(("cdata", "escaped", "xhtml")),
    prefix=st.sampled_from(("", "x", "ns1-")),
    zone=st.sampled_from((0, 1, -8, 13)),
    loose=st.booleans(),
    spelling=st.sampled_from(("named", "decimal", "hexadecimal")),
)


def _spaces(hand: Hand, **names: str) -> str:
    return " ".join(f'xmlns:{hand.prefix}{name}="{space}"' for name, space in names.items())


_CONTENT = "http://purl.org/rss/1.0/modules/content/"
_DC = "http://purl.org/dc/elements/1.1/"
_DCTERMS = "http://purl.org/dc/terms/"
_MEDIA = "http://search.yahoo.com/mrss/"


def rss_2(told: list[RawArticle], hand: Hand) -> str:
    """https://www.rssboard.org/rss-specification with the modules content, dc, dcterms and media."""
    p = hand.prefix
    items = "".join(
        f"""<item>
  <guid isPermaLink="false">{hand.text(each.guid)}</guid>
  <title>{hand.text(escape(each.title))}</title>
  <link>{hand.text(each.url)}</link>
  <description>{hand.markup(each.summary)}</description>
  <{p}content:encoded>{hand.markup(each.text)}</{p}content:encoded>
  <{p}dc:creator>{hand.text(each.author)}</{p}dc:creator>
  <{p}dc:language>{hand.text(each.language)}</{p}dc:language>
  <pubDate>{hand.text(hand.rfc_822(each.published_at))}</pubDate>
  <{p}dcterms:modified>{hand.iso_8601(each.updated_at)}</{p}dcterms:modified>
  <{p}media:content url="{each.image_url}" medium="image">
    <{p}media:description type="plain">{hand.text(escape(each.image_alt))}</{p}media:description></{p}media:content>
</item>"""
        for each in told
    )
    spaces = _spaces(hand, content=_CONTENT, dc=_DC, dcterms=_DCTERMS, media=_MEDIA)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" {spaces}><channel>'
        f"<title>{hand.text(escape(PUBLISHER))}</title><link>{SITE}</link>{items}</channel></rss>"
    )


def rss_1(told: list[RawArticle], hand: Hand) -> str:
    """https://web.resource.org/rss/1.0/spec: items stand beside the channel, and are named by rdf:about."""
    p = hand.prefix
    items = "".join(
        f"""<item rdf:about="{each.guid}"><title>{hand.text(escape(each.title))}</title>
  <link>{hand.text(each.url)}</link>
  <description>{hand.markup(each.summary)}</description>
  <{p}content:encoded>{hand.markup(each.text)}</{p}content:encoded>
  <{p}dc:creator>{hand.text(each.author)}</{p}dc:creator><{p}dc:language>{each.language}</{p}dc:language>
  <{p}dcterms:issued>{hand.iso_8601(each.published_at)}</{p}dcterms:issued>
  <{p}dcterms:modified>{hand.iso_8601(each.updated_at)}</{p}dcterms:modified>
  <{p}media:thumbnail url="{each.image_url}"><{p}media:title>{hand.text(escape(each.image_alt))}</{p}media:title>
  </{p}media:thumbnail></item>"""
        for each in told
    )
    places = "".join(f'<rdf:li rdf:resource="{each.url}"/>' for each in told)
    spaces = _spaces(hand, content=_CONTENT, dc=_DC, dcterms=_DCTERMS, media=_MEDIA)
    return (
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" {spaces}>'
        f'<channel rdf:about="{URL}"><title>{hand.text(escape(PUBLISHER))}</title><link>{SITE}</link>'
        f"<items><rdf:Seq>{places}</rdf:Seq></items></channel>{items}</rdf:RDF>"
    )


def atom(told: list[RawArticle], hand: Hand) -> str:
    """RFC 4287; text constructs of all three types, and Atom itself under a prefix where there is one."""
    p = f"{hand.prefix}a:" if hand.prefix else ""
    own = f"xmlns:{p[:-1]}" if p else "xmlns"

    def construct(name: str, told: str) -> str:
        if hand.body == "xhtml":
            inside = "".join(f"<h:p>{escape(part)}</h:p>" for part in told.split("\n"))
            div = f'<h:div xmlns:h="http://www.w3.org/1999/xhtml">{inside}</h:div>'
            return f'<{p}{name} type="xhtml">{div}</{p}{name}>'
        return f'<{p}{name} type="html">{hand.markup(told)}</{p}{name}>'

    entries = "".join(
        f"""<{p}entry xml:lang="{each.language}"><{p}id>{hand.text(each.guid)}</{p}id>
  <{p}title type="html">{hand.text(escape(each.title))}</{p}title>
  <{p}link rel="self" href="{URL}"/><{p}link rel="alternate" type="text/html" href="{each.url}"/>
  <{p}author><{p}name>{hand.text(each.author)}</{p}name></{p}author>
  <{p}published>{hand.iso_8601(each.published_at)}</{p}published>
  <{p}updated>{hand.iso_8601(each.updated_at)}</{p}updated>
  {construct("summary", each.summary) if each.summary else ""}{construct("content", each.text)}
  <m:content xmlns:m="{_MEDIA}" url="{each.image_url}" type="image/jpeg">
    <m:title>{hand.text(escape(each.image_alt))}</m:title></m:content>
</{p}entry>"""
        for each in told
    )
    return (
        f'<?xml version="1.0"?><{p}feed {own}="http://www.w3.org/2005/Atom"><{p}title>{escape(PUBLISHER)}</{p}title>'
        f'<{p}link href="{SITE}"/>{entries}</{p}feed>'
    )


def json_feed(told: list[RawArticle], hand: Hand) -> str:
    """https://www.jsonfeed.org/version/1.1/; the picture's description is in the markup that shows it."""

    def body(each: RawArticle) -> dict[str, str]:
        if hand.body == "cdata":
            return {"content_text": each.text.replace("\n", "\n\n")}
        paragraphs = "".join(f"<p>{escape(part)}</p>" for part in each.text.split("\n"))
        return {"content_html": f'{paragraphs}<img src="{each.image_url}" alt="{escape(each.image_alt)}">'}

    items = [
        {
            "id": each.guid,
            "url": each.url,
            "title": escape(each.title, quote=False) if "&" in each.title else each.title,
            **body(each),
            "summary": escape(each.summary),
            **({"authors": [{"name": each.author}]} if hand.loose else {"author": {"name": each.author}}),
            "language": each.language,
            "image": each.image_url,
            "date_published": hand.iso_8601(each.published_at),
            "date_modified": hand.iso_8601(each.updated_at),
        }
        for each in told
    ]
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": PUBLISHER,
        "home_page_url": SITE,
        "items": items,
    }
    return json.dumps(feed, ensure_ascii=hand.spelling != "named", indent=2 if hand.loose else None)


# --- and back ---------------------------------------------------------------------------------------------------------

FORMATS: dict[str, Callable[[list[RawArticle], Hand], str]] = {
    "RSS 2.0": rss_2,
    "RSS 1.0": rss_1,
    "Atom": atom,
    "JSON Feed": json_feed,
}


def expected(told: list[RawArticle], name: str, hand: Hand) -> list[RawArticle]:
    """What of the articles the format can carry."""
    if name == "JSON Feed" and hand.body == "cdata":
        return [replace(each, image_alt="") for each in told]  # no field describes a picture, and here no markup does
    return told


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(told=st.lists(articles(), min_size=1, max_size=4, unique_by=lambda each: each.guid), hand=hands)
def test_what_was_rendered_is_read(name: str, told: list[RawArticle], hand: Hand) -> None:
    document = FORMATS[name](told, hand).encode()
    found = parse_feed(document, url=URL)
    assert (found.title, found.site_url, found.dropped, found.fallback) == (PUBLISHER, SITE, 0, False)
    assert list(found.items) == expected(told, name, hand)
    # The next poll, which has seen all but the last, reads that one alone.
    width = len(found.slices) // len(told)
    later = parse_feed(document, url=URL, known=found.slices[:-width])
    assert (later.items, later.passed_over) == (found.items[-1:], len(told) - 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(told=st.lists(articles(), min_size=1, max_size=2, unique_by=lambda each: each.guid), hand=hands)
def test_in_every_encoding_of_unicode(encoding: str, told: list[RawArticle], hand: Hand) -> None:
    document = rss_2(told, hand).replace("UTF-8", encoding.removesuffix("-sig"))
    assert list(parse_feed(document.encode(encoding), url=URL).items) == told
