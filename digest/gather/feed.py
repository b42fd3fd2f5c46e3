"""A feed's bytes -> `Feed`. Pure. RSS 0.9x and 2.0, RSS 1.0, Atom 0.3 and 1.0, JSON Feed 1.x.

An own reader on lxml, because a general one costs many times as much per feed (docs/design.md, section 6). What
real feeds do beyond their specifications is kept as files in tests/data/feeds.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from lxml import etree

from digest.errors import FeedError
from digest.gather import fallback, jsonfeed, recover, slices, tree, xmlfeed
from digest.gather.build import Asked, Found
from digest.gather.fields import Addresses, local
from digest.types import Feed

# Atomic groups: a plain repetition of comments would be tried in exponentially many ways.
_PROLOG = r"\s*+(?:<\?xml[^>]*+>\s*+)?(?:(?><!--.*?-->)\s*+)*+"
_TAGS = r"<(?:!doctype\s+html|html|head|body|title|div|p|h1|table|meta|script)\b"
_PAGE = re.compile(_PROLOG + _TAGS, re.IGNORECASE | re.DOTALL)
_BLANK = b" \t\r\n\0"
_TEXTS = ("<", "{", "[")
"""How feeds begin; no picture, archive or program does."""
_OTHER = {
    "opml": "a list of feeds (OPML), not a feed; add the feeds in it one by one",
    "urlset": "a sitemap, not a feed",
    "sitemapindex": "a sitemap, not a feed",
}


def parse_feed(body: bytes, *, content_type: str = "", url: str, known: bytes = b"", html: bool = False) -> Feed:
    """Read the document that came from `url` (its absolute address; relative links are resolved against it).

    `content_type` is the HTTP header's value; only its charset is used, since feeds come under every type. `known` is
    `Feed.slices` of the reading before: items whose bytes are among them are passed over, and may be all of them. With
    `html` the bodies are kept as markup too. Items are in the document's order. What our own reader cannot read,
    feedparser is asked for (`Feed.fallback`). Raises FeedError, one line that names the host and says what the document
    is instead, when there is no article to be had.
    """
    try:
        return _parse(body, content_type, Asked(url, known=slices.Known(known), html=html))
    except FeedError as error:
        raise FeedError(f"{urlsplit(url).hostname or url}: {error}") from None


def is_page(body: bytes, content_type: str = "") -> bool:
    """Whether the document is a web page, which may name its feeds (`discover`)."""
    return bool(_PAGE.match(tree.decode(body[: 4 * tree.PROLOG], content_type)))


def _parse(body: bytes, content_type: str, asked: Asked) -> Feed:
    data = tree.utf8(body, content_type)
    start = data[: tree.PROLOG].decode("utf-8", "ignore").lstrip()
    if not start.strip("\0") and not data.strip(_BLANK):
        raise FeedError("the answer is empty")
    if b"\0" in data and start.startswith(_TEXTS):
        data = data.replace(b"\0", b"")  # a database's padding
    elif "\0" in start or body.startswith((b"\x1f\x8b", b"PK\x03\x04", b"%PDF")):
        raise FeedError("the answer is binary data, not a feed")
    if start.startswith(("{", "[")):
        return _with_items(jsonfeed.read(data, asked))
    if _PAGE.match(start):
        raise FeedError(_page(asked.url))
    return _xml(data, asked)


class _Unread(FeedError):
    """It may be a feed that another reader can read."""


def _with_items(found: Found) -> Feed:
    if not found.items and not found.passed_over:
        raise _Unread("the feed holds no items")
    if not found.articles and not found.passed_over:
        raise _Unread(f"none of the feed's {found.items} items has a title or a link")
    return found.feed()


def _xml(data: bytes, asked: Asked) -> Feed:
    if b"<" not in data:
        raise FeedError("the answer is plain text, not a feed")
    data = tree.prepare(data)
    cut = slices.cut(data, asked.known)
    if isinstance(cut, slices.Cut) and asked.known:
        feed = _new_items(cut, asked)
        if feed is not None:
            return feed
    try:
        return _whole(data, cut, asked)
    except _Unread as problem:
        if cut is slices.Doubt.NO_ITEM:
            raise
        return _by_feedparser(data, asked, problem)


def _by_feedparser(data: bytes, asked: Asked, problem: _Unread) -> Feed:
    try:
        found = fallback.read(data, asked)
    except FeedError as error:
        raise FeedError(f"{problem}; {error}") from error
    if not found.articles:
        raise problem
    return found.feed()


def _whole(data: bytes, cut: slices.Cut | slices.Doubt, asked: Asked) -> Feed:
    root = tree.parse_sound(asked.shelf.lift(data), asked.url) if isinstance(cut, slices.Cut) else None
    sound = root is not None
    if root is None:
        whole = tree.parse(data, asked.url)
        if whole is None:
            raise _Unread("is neither XML nor JSON, so not a feed")
        root, sound = whole.root, whole.sound
    if not sound:
        recover.lift(root)
    found = _tree(root, data, asked)
    if isinstance(cut, slices.Cut) and sound and found.items == cut.total:
        found.slices = slices.pack(cut.names)
    return _with_items(found)


def _new_items(cut: slices.Cut, asked: Asked) -> Feed | None:
    """The feed without the items that are known; None when the whole document has to be read."""
    fresh = asked.known.without(cut.names)
    passed_over = len(cut.names) - len(fresh)
    if not passed_over:
        return None
    # When all are known the first one stays, for the reader to prove that it still finds items in such a document.
    small = asked.shelf.lift(cut.small(fresh or (0,)))
    root = tree.parse_sound(small, asked.url)
    found = None if root is None else _tree(root, small, asked)
    if found is None or found.items != max(1, len(fresh)):
        return None
    if not fresh:
        found.articles = ()
    found.slices, found.passed_over = slices.pack(cut.names), passed_over
    return found.feed()


def _tree(root: etree._Element, data: bytes, asked: Asked) -> Found:
    addresses = Addresses(asked.url, based=b"xml:base" in data)
    kind = local(root.tag).lower()
    if kind in ("rss", "rdf", "channel"):
        return xmlfeed.read_rss(root, addresses, asked)
    if kind == "feed":
        return xmlfeed.read_atom(root, addresses, asked)
    if kind in ("html", "head", "body", "div", "p", "br", "b"):
        raise FeedError(_page(asked.url))
    if kind in _OTHER:
        raise FeedError("is " + _OTHER[kind])
    raise _Unread(f"is XML but not a feed (its root is <{kind[:40]}>)")


def _page(url: str) -> str:
    parts = urlsplit(url)
    return (
        "is a web page, not a feed; `digest sources add` with the site's address "
        f"({parts.scheme}://{parts.netloc}/) looks for the feeds it links to"
    )
