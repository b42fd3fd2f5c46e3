"""Which feeds a web page offers, and which of them is the one that is wanted. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from urllib.parse import urljoin, urlsplit, urlunsplit

from lxml import etree

from digest.gather import clean, conventions, tree
from digest.gather.markup import tame
from digest.types import Feed, FeedLink, RawArticle

_FEED_TYPES = (
    "application/rss+xml application/atom+xml application/feed+json application/rdf+xml application/x.atom+xml "
    "application/x-atom+xml application/rss application/atom text/rss text/rss+xml text/atom+xml"
)
FEED_TYPES = frozenset(_FEED_TYPES.split())
GUESSES = ("feed", "rss", "feed.xml", "rss.xml", "atom.xml", "index.xml", "feed.json", "feed/")
"""Where the common publishing systems put a feed: WordPress and Ghost, Jekyll, Hugo, Eleventy, and hand-made sites."""
MAX_DECLARED = 500
"""Elements of a page that may name a feed and are looked at: the longest lists of a paper's sections have about 200."""
MAX_LINKS = 8
"""Links of a page's body that are tried: a paper's list of all its sections is longer, with the main ones first."""
FULL_TEXT = 1_200
"""Characters of text, in the middle article, from which a feed is said to give full texts. Of the real feeds that the
tests read, those of teasers have at most 542 there, those of full texts at least 1,435."""
LATEST = 3
"""Headlines by which a person recognises a feed."""

_FEEDLIKE = re.compile(
    r"(?:^|/)(?:feeds?|rss|atom|rdf)/?$|\.(?:rss|atom|rdf)$|(?:^|/)feed\.json$|\.xml$", re.IGNORECASE
)
_NOT_FEEDS = re.compile(r"sitemap|opensearch|browserconfig|manifest|osd\.xml|crossdomain", re.IGNORECASE)
_SECTION = re.compile(
    r"/(?:category|categories|tags?|author|topics?|labels?|sections?|archives?)(?:/|$)", re.IGNORECASE
)
_ROOT = re.compile(r"<(?:[\w.-]{1,40}:)?(rss|feed|rdf|channel)\b", re.IGNORECASE)
_FORMATS = {"rss": "RSS", "channel": "RSS", "rdf": "RSS 1.0", "feed": "Atom"}


class How(IntEnum):
    """How we came by an address; a smaller number is the better authority."""

    ITSELF = 0
    DECLARED = 1
    CONVENTION = 2
    LINK = 3
    GUESS = 4

    @property
    def told(self) -> str:
        """In a few words, for a person."""
        return _TOLD[self]


_TOLD = {
    How.ITSELF: "the address itself",
    How.DECLARED: "declared by the page",
    How.CONVENTION: "the usual place of this site",
    How.LINK: "linked from the page",
    How.GUESS: "a common place",
}


@dataclass(frozen=True, slots=True)
class Lead:
    """An address where a feed may be."""

    url: str
    title: str
    how: How


@dataclass(frozen=True, slots=True)
class Candidate:
    """A feed that was found, fetched and read."""

    url: str
    how: How
    label: str
    """What the page calls it; "" when it says nothing."""
    format: str
    """RSS, RSS 1.0, Atom or JSON Feed."""
    feed: Feed
    also: tuple[str, ...] = ()
    """Other addresses where the same articles are, in another format for example."""

    @property
    def title(self) -> str:
        """What the feed calls itself, or else what the page calls it."""
        return self.feed.title or self.label

    @property
    def latest(self) -> tuple[RawArticle, ...]:
        """The newest articles, by which a person recognises the feed; in the feed's order where they have no dates."""
        items = self.feed.items
        dates = [(item.published_at, -place, item) for place, item in enumerate(items) if item.published_at]
        dated = [item for _, _, item in sorted(dates, key=lambda each: each[:2], reverse=True)]
        return tuple((*dated, *(item for item in items if not item.published_at))[:LATEST])

    @property
    def full_text(self) -> bool:
        """Whether its articles seem to be whole."""
        sizes = sorted(len(item.text) for item in self.feed.items)
        return bool(sizes) and sizes[len(sizes) // 2] >= FULL_TEXT


def leads(body: bytes, url: str, *, content_type: str = "") -> tuple[Lead, ...]:
    """Where the feeds of the page from `url` may be, by what it says and by what is known of its host.

    The page's <link> elements first, then the host's conventions, then links in its body, each address once. Raises
    nothing; nothing that can be read gives an empty tuple, or the host's conventions.
    """
    text = clean.scrub(tree.decode(body, content_type))
    root = _root(text)
    found = [Lead(link.url, link.title, How.DECLARED) for link in _declared(root, url)]
    # A page may be reached under a name (/@somebody) and tell its number only as its canonical address.
    addresses = dict.fromkeys((url, *_canonical(root, url)))
    known = [link for address in addresses for link in conventions.by_host(address)]
    known += conventions.named_in(url, text)
    found += [Lead(link.url, link.title, How.CONVENTION) for link in known]
    found += [Lead(link.url, link.title, How.LINK) for link in _links(root, url)[:MAX_LINKS]]
    return _once(found, url)


def find_feeds(body: bytes, url: str, *, content_type: str = "") -> tuple[FeedLink, ...]:
    """The feeds that the page from `url` declares with <link rel="alternate">, in its order, feeds of comments last.

    Nothing declared, or nothing that can be read: an empty tuple. Raises nothing.
    """
    return _declared(_root(clean.scrub(tree.decode(body, content_type))), url)


def guesses(url: str) -> tuple[str, ...]:
    """Addresses worth trying when a site names no feed: those of the system that its path looks like, then under its
    path, then under its root."""
    parts = urlsplit(url)
    root = urlunsplit((parts.scheme, parts.netloc, "/", "", ""))
    folder = parts.path if parts.path.endswith("/") else parts.path.rpartition("/")[0] + "/"
    here = urlunsplit((parts.scheme, parts.netloc, folder, "", ""))
    found = [link.url for link in conventions.by_path(url)]
    found += [urljoin(start, name) for start in dict.fromkeys((here, root)) for name in GUESSES]
    return tuple(address for address in dict.fromkeys(found) if address != url)


def format_of(body: bytes, content_type: str = "") -> str:
    """What a feed that could be read is written in: "RSS", "RSS 1.0", "Atom" or "JSON Feed"."""
    start = tree.decode(body[: 16 * tree.PROLOG], content_type).lstrip("\ufeff \t\r\n")
    if start.startswith(("{", "[")):
        return "JSON Feed"
    found = _ROOT.search(start)
    return _FORMATS[found[1].lower()] if found else "XML"


def best_first(candidates: Iterable[Candidate], asked: str) -> tuple[Candidate, ...]:
    """The candidates of the page `asked`, the most wanted first and each set of articles once.

    Feeds of comments are last. Before them: who says so (`How`), then the feed of what was asked for (of a section if
    the page is one, otherwise of the whole site), then full texts before teasers, then the page's own order.
    """
    ordered = sorted(candidates, key=lambda candidate: _rank(candidate, asked))
    kept: dict[tuple[str, ...], Candidate] = {}
    for candidate in ordered:
        items = candidate.feed.items
        # By address: the twins of a system (RSS and Atom, say) differ in guids. By guid where there are no addresses.
        articles = tuple(sorted({item.url or item.guid for item in items})) if items else (candidate.url,)
        first = kept.get(articles)
        if first is None:
            kept[articles] = candidate
        elif candidate.url != first.url:
            also = (*first.also, candidate.url)
            kept[articles] = Candidate(first.url, first.how, first.label, first.format, first.feed, also)
    return tuple(kept.values())


def _rank(candidate: Candidate, asked: str) -> tuple[bool, int, bool, bool]:
    comments = _is_comments(FeedLink(candidate.url, f"{candidate.label} {candidate.feed.title}"))
    return comments, candidate.how, _is_elsewhere(candidate.url, asked), not candidate.full_text


def _is_elsewhere(url: str, asked: str) -> bool:
    """Whether the feed is of another part of the site than the page that was asked for."""
    wanted, there = urlsplit(asked).path.rstrip("/"), urlsplit(url).path
    if _SECTION.search(wanted + "/"):
        return not there.startswith(wanted)
    return bool(_SECTION.search(there))


def _once(found: Iterable[Lead], asked: str) -> tuple[Lead, ...]:
    once: dict[str, Lead] = {}
    for lead in found:
        if lead.url != asked:
            once.setdefault(lead.url, lead)
    return tuple(once.values())


def _root(text: str) -> etree._Element | None:
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        return etree.fromstring(tame(text).encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError):
        return None


def _base(root: etree._Element, url: str) -> str:
    nodes = islice(root.iter("base"), MAX_DECLARED)
    return next((found for node in nodes if (found := clean.address(node.get("href"), url))), url)


def _declared(root: etree._Element | None, url: str) -> tuple[FeedLink, ...]:
    if root is None:
        return ()
    base = _base(root, url)
    links: dict[str, FeedLink] = {}
    looked = 0
    for node in root.iter("link"):
        kind = (node.get("type") or "").partition(";")[0].strip().lower()
        rel = (node.get("rel") or "").lower().split()
        wanted = ("alternate" in rel and (kind in FEED_TYPES or _json_feed(node, kind))) or "feed" in rel
        if not wanted:
            continue
        looked += 1
        if looked > MAX_DECLARED:
            break
        if found := clean.address(node.get("href"), base):
            links.setdefault(found, FeedLink(found, clean.line(node.get("title") or "", 200)))
    return tuple(sorted(links.values(), key=_is_comments))


def _canonical(root: etree._Element | None, url: str) -> tuple[str, ...]:
    """The page's own name for itself, when it is on the same host."""
    if root is None:
        return ()
    told = (node.get("href") for node in root.iter("link") if "canonical" in (node.get("rel") or "").lower().split())
    found = (clean.address(href, url) for href in islice(told, MAX_DECLARED))
    mine = (address for address in found if address and urlsplit(address).hostname == urlsplit(url).hostname)
    return tuple(islice(mine, 1))


def _links(root: etree._Element | None, url: str) -> tuple[FeedLink, ...]:
    if root is None:
        return ()
    base = _base(root, url)
    links: dict[str, FeedLink] = {}
    looked = 0
    for node in root.iter("a"):
        path = (node.get("href") or "").partition("#")[0].partition("?")[0].strip()
        if not _FEEDLIKE.search(path) or _NOT_FEEDS.search(path):
            continue
        looked += 1
        if looked > MAX_DECLARED:
            break
        if found := clean.address((node.get("href") or "").partition("#")[0], base):
            links.setdefault(found, FeedLink(found, clean.line("".join(str(part) for part in node.itertext()), 200)))
    return tuple(sorted(links.values(), key=_is_comments))


def _json_feed(node: etree._Element, kind: str) -> bool:
    """JSON Feed 1.0 used the bare type, which WordPress's API link has too."""
    return kind == "application/json" and "wp-json" not in (node.get("href") or "")


def _is_comments(link: FeedLink) -> bool:
    return "comment" in link.url.lower() or "comment" in link.title.lower()
