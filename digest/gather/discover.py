"""Which feeds a web page offers. Pure."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit, urlunsplit

from lxml import etree

from digest.gather import clean, tree
from digest.types import FeedLink

_FEED_TYPES = (
    "application/rss+xml application/atom+xml application/feed+json application/rdf+xml application/x.atom+xml "
    "application/x-atom+xml application/rss application/atom text/rss text/rss+xml text/atom+xml"
)
FEED_TYPES = frozenset(_FEED_TYPES.split())
GUESSES = ("feed", "rss", "feed.xml", "rss.xml", "atom.xml", "index.xml", "feed.json", "feed/")
"""Where the common publishing systems put a feed: WordPress and Ghost, Jekyll, Hugo, Eleventy, and hand-made sites."""


def find_feeds(body: bytes, url: str, *, content_type: str = "") -> tuple[FeedLink, ...]:
    """The feeds that the page from `url` declares with <link rel="alternate">, in its order, feeds of comments last.

    Nothing declared, or nothing that can be read: an empty tuple. Raises nothing.
    """
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    text = clean.scrub(tree.decode(body, content_type))
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError):
        return ()
    if root is None:
        return ()
    base = next((found for node in root.iter("base") if (found := clean.address(node.get("href"), url))), url)
    links: dict[str, FeedLink] = {}
    for node in root.iter("link"):
        kind = (node.get("type") or "").partition(";")[0].strip().lower()
        rel = (node.get("rel") or "").lower().split()
        wanted = ("alternate" in rel and (kind in FEED_TYPES or _json_feed(node, kind))) or "feed" in rel
        found = clean.address(node.get("href"), base) if wanted else ""
        if found:
            links.setdefault(found, FeedLink(found, clean.line(node.get("title") or "", 200)))
    return tuple(sorted(links.values(), key=_is_comments))


def guesses(url: str) -> tuple[str, ...]:
    """Addresses worth trying when a site declares no feed: under its path first, then under its root."""
    parts = urlsplit(url)
    root = urlunsplit((parts.scheme, parts.netloc, "/", "", ""))
    folder = parts.path if parts.path.endswith("/") else parts.path.rpartition("/")[0] + "/"
    here = urlunsplit((parts.scheme, parts.netloc, folder, "", ""))
    found = [urljoin(start, name) for start in dict.fromkeys((here, root)) for name in GUESSES]
    return tuple(address for address in dict.fromkeys(found) if address != url)


def _json_feed(node: etree._Element, kind: str) -> bool:
    """JSON Feed 1.0 used the bare type, which WordPress's API link has too."""
    return kind == "application/json" and "wp-json" not in (node.get("href") or "")


def _is_comments(link: FeedLink) -> bool:
    return "comment" in link.url.lower() or "comment" in link.title.lower()
