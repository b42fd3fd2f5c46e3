"""The town's feeds as bytes: RSS 2.0, Atom and JSON Feed, built with lxml and the standard library's JSON. Pure.

RSS 2.0: https://www.rssboard.org/rss-specification, with the modules content (content:encoded), media (media:content),
dc (dc:creator) and atom (atom:link rel=self). Atom: RFC 4287. JSON Feed: https://www.jsonfeed.org/version/1.1/.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from html import unescape

from lxml import etree, html

from digest.demo.content import Article, Publisher, Topic

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
DC = "http://purl.org/dc/elements/1.1/"
MEDIA = "http://search.yahoo.com/mrss/"
XML = "http://www.w3.org/XML/1998/namespace"

CONTENT_TYPES: Mapping[str, str] = {
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
}
SUFFIXES: Mapping[str, str] = {"rss": "xml", "atom": "xml", "json": "json"}


@dataclass(frozen=True, slots=True)
class Item:
    """An article with everything that depends on where and when it is served."""

    article: Article
    url: str
    at: datetime
    image_url: str
    """Empty when it has no picture."""
    image_bytes: int
    text_html: str
    """The paragraphs as HTML."""
    full_html: str
    """The same with the picture in front."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One feed: a publisher's articles on one topic, the newest first."""

    publisher: Publisher
    topic: Topic
    url: str
    home: str
    updated: datetime
    items: Sequence[Item]

    @property
    def title(self) -> str:
        return f"{self.publisher.name}: {self.topic.name}"


def teaser(article: Article) -> str:
    """The first paragraph as plain text."""
    return unescape(str(html.fragment_fromstring(article.body[0], create_parent="p").text_content()))


def render(channel: Channel) -> bytes:
    """The feed in its publisher's format, UTF-8. The same channel always gives the same bytes."""
    return _FORMATS[channel.publisher.format](channel)


def _rss(channel: Channel) -> bytes:
    root = etree.Element("rss", {"version": "2.0"}, nsmap={"atom": ATOM, "content": CONTENT, "dc": DC, "media": MEDIA})
    head = _add(root, "channel")
    _add(head, "title", channel.title)
    _add(head, "link", channel.home)
    _add(head, "description", channel.publisher.motto)
    _add(head, "language", channel.publisher.language)
    _add(head, "lastBuildDate", format_datetime(channel.updated))
    _add(head, f"{{{ATOM}}}link", rel="self", type=CONTENT_TYPES["rss"], href=channel.url)
    for item in channel.items:
        _rss_item(_add(head, "item"), item, channel.publisher.body == "encoded")
    return _document(root)


def _rss_item(element: etree._Element, item: Item, encoded: bool) -> None:
    article = item.article
    _add(element, "title", article.title)
    _add(element, "link", item.url)
    _add(element, "guid", article.guid, isPermaLink="false")
    _add(element, "pubDate", format_datetime(item.at))
    _add(element, f"{{{DC}}}creator", article.author)
    if not encoded:
        _add(element, "description", item.full_html)
        return
    _add(element, "description", teaser(article))
    _add(element, f"{{{CONTENT}}}encoded").text = etree.CDATA(item.text_html)
    if article.picture:
        media = _add(element, f"{{{MEDIA}}}content", url=item.image_url, type="image/jpeg", medium="image")
        media.attrib.update({"width": "1120", "height": "630"})
        _add(media, f"{{{MEDIA}}}description", article.picture.alt, type="plain")


def _atom(channel: Channel) -> bytes:
    # Parsed, because lxml-stubs does not know that a default namespace is written as None in an nsmap.
    feed = etree.fromstring('<feed xmlns="http://www.w3.org/2005/Atom"/>')
    feed.set(f"{{{XML}}}lang", channel.publisher.language)
    _add(feed, f"{{{ATOM}}}title", channel.title)
    _add(feed, f"{{{ATOM}}}subtitle", channel.publisher.motto)
    _add(feed, f"{{{ATOM}}}id", f"tag:{channel.publisher.slug}.example.org,2026:{channel.topic.slug}")
    _add(feed, f"{{{ATOM}}}updated", channel.updated.isoformat())
    _add(feed, f"{{{ATOM}}}link", rel="self", type=CONTENT_TYPES["atom"], href=channel.url)
    _add(feed, f"{{{ATOM}}}link", rel="alternate", type="text/html", href=channel.home)
    for item in channel.items:
        _atom_entry(_add(feed, f"{{{ATOM}}}entry"), item, channel.publisher.body == "xhtml")
    return _document(feed)


def _atom_entry(entry: etree._Element, item: Item, xhtml: bool) -> None:
    article = item.article
    _add(entry, f"{{{ATOM}}}title", article.title)
    _add(entry, f"{{{ATOM}}}link", rel="alternate", type="text/html", href=item.url)
    _add(entry, f"{{{ATOM}}}id", article.guid)
    _add(entry, f"{{{ATOM}}}published", item.at.isoformat())
    _add(entry, f"{{{ATOM}}}updated", item.at.isoformat())
    _add(_add(entry, f"{{{ATOM}}}author"), f"{{{ATOM}}}name", article.author)
    _add(entry, f"{{{ATOM}}}summary", teaser(article))
    if article.picture:
        size = str(item.image_bytes)
        _add(entry, f"{{{ATOM}}}link", rel="enclosure", type="image/jpeg", length=size, href=item.image_url)
    if not xhtml:
        _add(entry, f"{{{ATOM}}}content", item.full_html, type="html")
        return
    div = html.fragment_fromstring(item.full_html, create_parent="div")
    html.html_to_xhtml(div)
    _add(entry, f"{{{ATOM}}}content", type="xhtml").append(div)


def _json(channel: Channel) -> bytes:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": channel.title,
        "description": channel.publisher.motto,
        "home_page_url": channel.home,
        "feed_url": channel.url,
        "language": channel.publisher.language,
        "items": [_json_item(item) for item in channel.items],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode()


def _json_item(item: Item) -> dict[str, object]:
    article = item.article
    out: dict[str, object] = {
        "id": article.guid,
        "url": item.url,
        "title": article.title,
        "summary": teaser(article),
        "content_html": item.full_html,
        "date_published": item.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "authors": [{"name": article.author}],
        "language": article.language,
    }
    if item.image_url:
        out["image"] = item.image_url
    return out


def _document(root: etree._Element) -> bytes:
    return bytes(etree.tostring(root, xml_declaration=True, encoding="utf-8"))


def _add(parent: etree._Element, tag: str, text: str | None = None, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, tag, attributes)
    element.text = text
    return element


_FORMATS: Mapping[str, Callable[[Channel], bytes]] = {"rss": _rss, "atom": _atom, "json": _json}
