"""A feed's bytes -> `Feed`. Pure. RSS 0.9x and 2.0, RSS 1.0, Atom 0.3 and 1.0, JSON Feed 1.x.

An own reader on lxml, because a general one costs many times as much per feed (docs/design.md, section 6). What
real feeds do beyond their specifications is kept as files in tests/data/feeds.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from digest.errors import FeedError
from digest.gather import jsonfeed, tree, xmlfeed
from digest.types import Feed

# Atomic groups: a plain repetition of comments would be tried in exponentially many ways.
_PROLOG = r"\s*+(?:<\?xml[^>]*+>\s*+)?(?:(?><!--.*?-->)\s*+)*+"
_TAGS = r"<(?:!doctype\s+html|html|head|body|title|div|p|h1|table|meta|script)\b"
_PAGE = re.compile(_PROLOG + _TAGS, re.IGNORECASE | re.DOTALL)
_OTHER = {
    "opml": "a list of feeds (OPML), not a feed; add the feeds in it one by one",
    "urlset": "a sitemap, not a feed",
    "sitemapindex": "a sitemap, not a feed",
}


def parse_feed(body: bytes, *, content_type: str = "", url: str) -> Feed:
    """Read the document that came from `url` (its absolute address; relative links are resolved against it).

    `content_type` is the HTTP header's value; only its charset is used, since feeds come under every type. Items are in
    the document's order. Raises FeedError, one line that names the host and says what the document is instead, when
    there is no article to be had.
    """
    where = urlsplit(url).hostname or url
    try:
        return _parse(body, content_type, url)
    except FeedError as error:
        raise FeedError(f"{where}: {error}") from None


def is_page(body: bytes, content_type: str = "") -> bool:
    """Whether the document is a web page, which may name its feeds (`discover`)."""
    return bool(_PAGE.match(tree.decode(body[: 4 * tree.PROLOG], content_type)))


def _parse(body: bytes, content_type: str, url: str) -> Feed:
    if not body.strip(b" \t\r\n\0"):
        raise FeedError("the answer is empty")
    text = tree.decode(body, content_type)
    start = text[: tree.PROLOG].lstrip()
    if "\0" in start or body.startswith((b"\x1f\x8b", b"PK\x03\x04", b"%PDF")):
        raise FeedError("the answer is binary data, not a feed")
    if start.startswith(("{", "[")):
        feed, found = jsonfeed.read(text, url)
    elif _PAGE.match(start):
        raise FeedError(_page(url))
    else:
        feed, found = _xml(text, url)
    if not found:
        raise FeedError("the feed holds no items")
    if not feed.items:
        raise FeedError(f"none of the feed's {found} items has a title or a link")
    return feed


def _xml(text: str, url: str) -> tuple[Feed, int]:
    if "<" not in text:
        raise FeedError("the answer is plain text, not a feed")
    root = tree.parse(text, url)
    kind = xmlfeed.local(root.tag).lower()
    if kind in ("rss", "rdf", "channel"):
        return xmlfeed.read_rss(root, url)
    if kind == "feed":
        return xmlfeed.read_atom(root, url)
    if kind in ("html", "head", "body", "div", "p", "br", "b"):
        raise FeedError(_page(url))
    raise FeedError("is " + _OTHER.get(kind, f"XML but not a feed (its root is <{kind[:40]}>)"))


def _page(url: str) -> str:
    parts = urlsplit(url)
    return (
        "is a web page, not a feed; `digest sources add` with the site's address "
        f"({parts.scheme}://{parts.netloc}/) looks for the feeds it links to"
    )
