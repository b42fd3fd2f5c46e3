"""RSS and Atom trees -> `Feed`. Pure. Both are read by one table of field names, because feeds mix their elements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from html import unescape

from lxml import etree

from digest.gather import clean, dates, images, pace, simple
from digest.gather.build import MAX_ITEMS, MAX_SUMMARY, Asked, Draft, Feature, Found
from digest.gather.fields import (
    ABOUT,
    LANG,
    Addresses,
    Fields,
    attribute,
    child_text,
    every,
    fields,
    first,
    key_of,
    local,
    markup,
    text,
)

_TITLES = ("title", "atom:title", "dc:title", "media:title", "itunes:title")
_PUBLISHED = (
    "pubdate", "atom:published", "published", "atom:issued", "issued", "dcterms:issued", "dc:date", "dcterms:created",
    "atom:created", "created", "atom:updated", "updated", "dcterms:modified", "atom:modified",
)  # fmt: skip
"""What dates an item, best first. Atom demands `updated` and leaves `published` to the publisher (RFC 4287, 4.2.9)."""
_UPDATED = ("atom:updated", "updated", "dcterms:modified", "atom:modified", "modified", "dc:date")
_BODIES = ("content:encoded", "atom:content", "content", "fullitem", "xhtml:body", "body", "xhtml:div")
_SHORT = (
    "description", "atom:summary", "summary", "dc:description", "itunes:summary", "media:description", "abstract",
    "itunes:subtitle",
)  # fmt: skip
"""A body where there is no other, else the publisher's short text."""
_TEXTS = (*_BODIES, *_SHORT)
_AUTHORS = ("dc:creator", "atom:author", "author", "dc:author", "itunes:author", "media:credit")
_IN_NO_NAME = re.compile("[@<&\"']")
_ATTRIBUTED = frozenset(("", "author", "writer", "reporter"))
"""Roles of media:credit that write; the others made the picture (EBU role codes)."""

_ESCAPED_TWICE = re.compile(r"\s*&amp;lt;(?:!--|(?:p|div|a|ul|span|b|i|em|strong|table)\b)", re.IGNORECASE)
"""A body that begins so was escaped once too often; later in a body it is an example of who writes about markup."""
_SILENT = clean.Read("")


def read_rss(root: etree._Element, addresses: Addresses, asked: Asked) -> Found:
    """An `rss`, `RDF` or bare `channel` root -> the feed and how many items the document holds."""
    channels = [root] if local(root.tag).lower() == "channel" else [each for each in root if _is(each, "channel")]
    about = fields(channels[0]) if channels else {}
    parents = channels if root in channels else [*channels, root]
    items = [node for parent in parents for node in parent if _is(node, "item")]
    found = Found(
        title=clean.title(first(about, "title", "dc:title", "atom:title")),
        language=clean.language(first(about, "language", "dc:language")) or clean.language(root.get(LANG)),
        site_url=_site(about, addresses) or _alternate(about, addresses),
        pace=pace.read(about),
    )
    addresses.outer = found.site_url or asked.url
    return found.take(_drafts(items, addresses, asked), items=len(items))


def read_atom(root: etree._Element, addresses: Addresses, asked: Asked) -> Found:
    """A `feed` root -> the feed and how many entries the document holds."""
    about = fields(root, atom=True)
    found = Found(
        title=clean.title(first(about, "atom:title", "dc:title")),
        language=clean.language(root.get(LANG)) or clean.language(first(about, "dc:language", "atom:language")),
        site_url=_alternate(about, addresses),
        pace=pace.read(about),
    )
    # An entry without an author has the feed's (RFC 4287, 4.2.1).
    entries = [node for node in root if key_of(node.tag) in ("atom:entry", "entry")]
    return found.take(_drafts(entries, addresses, asked), items=len(entries), author=_people(about))


def _site(about: Fields, addresses: Addresses) -> str:
    return next((found for node in about.get("link", ()) if (found := addresses.find(text(node), node))), "")


def _is(node: etree._Element, name: str) -> bool:
    return key_of(node.tag) == name


def _drafts(nodes: list[etree._Element], addresses: Addresses, asked: Asked) -> Iterator[Draft]:
    return (_draft(node, addresses, asked) for node in nodes[:MAX_ITEMS])


def _draft(node: etree._Element, addresses: Addresses, asked: Asked) -> Draft:
    found = fields(node, atom=local(node.tag) == "entry")
    body = _Body(found, addresses, asked)
    image_url, image_alt = images.choose(found, addresses)
    return Draft(
        guid=first(found, "guid", "atom:id", "dc:identifier") or (node.get(ABOUT) or ""),
        url=_link(node, found, addresses),
        title=clean.title(first(found, *_TITLES)),
        text=body.read.text,
        summary=body.summary,
        html=body.read.html,
        author=_people(found),
        language=_language(node, found, body),
        image_url=image_url,
        image_alt=image_alt,
        images=body.images,
        published_at=_moment(found, _PUBLISHED),
        updated_at=_moment(found, _UPDATED),
        publisher=_publisher(found),
    )


def _moment(found: Fields, names: Iterable[str]) -> datetime | None:
    for name in names:
        for node in found.get(name, ()):
            if day := dates.parse(text(node)):
                return day
    return None


def _language(node: etree._Element, found: Fields, body: _Body) -> str:
    told = (node.get(LANG), first(found, "dc:language", "language"), None if body.node is None else body.node.get(LANG))
    return next((name for each in told if each and (name := clean.language(each))), "")


class _Body:
    """The first body that says anything, the short text beside it, and the pictures of what was read."""

    def __init__(self, found: Fields, addresses: Addresses, asked: Asked) -> None:
        self._pictured: list[tuple[clean.Read | simple.Simple, str]] = []
        self.read: clean.Read | simple.Simple = _SILENT
        self.node: etree._Element | None = None
        self.summary = ""
        self._addresses = addresses
        self._budget = asked.budget
        told = ""
        for node, name in _told(found):
            content = asked.shelf.content(markup(node))
            if self.node is None:
                read = self._read(node, name, content, clean.MAX_TEXT, keep=asked.html)
                if read.text:
                    self.node, self.read, told = node, read, content
            elif name in _SHORT and not self.summary and content != told:
                short = self._read(node, name, content, MAX_SUMMARY, keep=False).text
                self.summary = short if len(short) < len(self.read.text) else ""

    @property
    def images(self) -> Iterator[Feature]:
        """The pictures of all that was read. Most items name their picture beside the text, so nobody asks."""
        return (Feature(image, base) for read, base in self._pictured for image in read.images)

    def _read(
        self, node: etree._Element, name: str, content: str, limit: int, *, keep: bool
    ) -> clean.Read | simple.Simple:
        if _is_plain(node, name):
            return clean.Read(clean.paragraphs(content, limit))
        if _ESCAPED_TWICE.match(content):
            content = unescape(content)
        base = self._addresses.base(node)
        read = (None if keep else simple.read(content, limit)) or clean.html(
            content, limit, base=base, keep=keep, budget=self._budget
        )
        self._pictured.append((read, base))
        return read


def _told(found: Fields) -> list[tuple[etree._Element, str]]:
    nodes = []
    for name in (name for name in _TEXTS if name in found):
        for node in found[name]:
            # Elsewhere, or not text (RFC 4287, 4.1.3)
            if not (name[:5] == "atom:" and (node.get("src") or _is_no_text((node.get("type") or "").lower()))):
                nodes.append((node, name))
    return nodes


def _is_plain(node: etree._Element, name: str) -> bool:
    if name[:5] == "atom:":
        return (node.get("type") or "").lower() in ("text", "text/plain")
    return name[:6] == "media:" and (node.get("type") or "").lower() != "html"


def _is_no_text(kind: str) -> bool:
    return "/" in kind and not kind.startswith("text/") and "xhtml" not in kind


def _link(item: etree._Element, found: Fields, addresses: Addresses) -> str:
    for node in found.get("link", []):
        if link := addresses.find(text(node) or attribute(node, "href", "HREF"), node):
            return link
    if link := _alternate(found, addresses):
        return link
    for node in every(found, "guid", "atom:id"):
        told = text(node).strip()
        if attribute(node, "isPermaLink", "ispermalink", "isPermalink").lower() != "false" and told.startswith("http"):
            return clean.address(told, addresses.base(node))
    for node in every(found, "atom:content", "enclosure"):
        if link := addresses.find(node.get("src") or node.get("url"), node):
            return link
    return addresses.find(attribute(item, "href", "HREF"), item)  # Channel Definition Format


def _alternate(found: Fields, addresses: Addresses) -> str:
    """The first alternate link, one to a page before others."""
    links = [node for node in found.get("atom:link", []) if (node.get("rel") or "alternate").lower() == "alternate"]
    links.sort(key=lambda node: "html" not in (node.get("type") or "html"))
    return next((link for node in links if (link := addresses.find(node.get("href"), node))), "")


def _people(found: Fields) -> str:
    for name in _AUTHORS:
        told = []
        for node in found.get(name, [])[:3]:
            if name != "media:credit" or (node.get("role") or "").lower() in _ATTRIBUTED:
                inside = child_text(node, "name")
                told.append(_name(inside if inside is not None else text(node)))
        if names := ", ".join(dict.fromkeys(person for person in told if person)):
            return names
    return ""


def _name(told: str) -> str:
    # A name without any of these is the same after clean.person, which costs as much as reading a date.
    return clean.person(told) if _IN_NO_NAME.search(told) else clean.line(told, 200)


def _publisher(found: Fields) -> str:
    for node in every(found, "source", "atom:source"):
        inside = child_text(node, "title")
        if name := clean.line(inside if inside is not None else (node.text or ""), 200):
            return name
    told = first(found, "dc:publisher")
    return clean.person(told) if told else ""
