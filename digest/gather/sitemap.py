"""News sitemaps -> `Feed`: what a publisher tells search engines of its last two days.

https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap and https://www.sitemaps.org/protocol.html.
The caller's `get` fetches; nothing here opens a connection.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lxml import etree

from digest.errors import FetchError
from digest.gather import clean, dates, tree
from digest.gather.build import MAX_ITEMS
from digest.gather.identity import same_site
from digest.gather.pagearticle import finished
from digest.gather.pagesplit import Piece
from digest.types import Feed, Fetched, RawArticle

Get = Callable[[str], Fetched]

PLACES = ("/news-sitemap.xml", "/sitemap-news.xml", "/sitemap_news.xml")
"""Where the common systems put it: Yoast for WordPress, and the names that publishers choose themselves."""
MAX_FETCHES = 3
"""For one reading of a page: sitemaps are asked for on suspicion."""
MAX_BYTES = 5_000_000
HEAD = 4_096
"""Bytes in which a document type stands, before the root."""
_NEWS = re.compile(r"news|nachricht|actualit|noticia|notizie|nieuws|akhbar", re.IGNORECASE)
_FILE = re.compile(r"/[^/]*\.[a-z]{3,5}$", re.IGNORECASE)


@dataclass(slots=True)
class _Budget:
    get: Get
    left: int = MAX_FETCHES

    def fetch(self, url: str) -> etree._Element | None:
        """The root of the document there; None when there is none, which for a guess is the usual answer."""
        if self.left <= 0:
            return None
        self.left -= 1
        try:
            fetched = self.get(url)
        except FetchError:
            return None
        return _root(_unpacked(fetched.body))


def find(page_url: str, *, get: Get, sitemaps: Sequence[str] = ()) -> Feed | None:
    """What the news sitemap of the page's site holds; None when there is none or it says nothing of this page.

    `sitemaps` are those that robots.txt names. Those called after news are asked first, then the common places, then
    the others; an index is followed one level deep; never more than MAX_FETCHES in all. A page that is a section
    ("/sport/") gets the articles below its own path, and a sitemap without any says nothing of it.
    """
    budget = _Budget(get)
    named = [found for told in sitemaps if (found := clean.address(told, page_url))]
    places = [urljoin(page_url, place) for place in PLACES]
    order = [*filter(_NEWS.search, named), *places, *(url for url in named if not _NEWS.search(url))]
    for url in dict.fromkeys(order):
        root = budget.fetch(url)
        if root is None:
            continue
        items = _items(root, page_url)
        for inner in _inner(root, url) if not items else ():
            child = budget.fetch(inner)
            items = _items(child, page_url) if child is not None else []
            if items:
                break
        if items:
            title = next((item.publisher for item in items if item.publisher), "")
            language = items[0].language
            return Feed(title, language, urljoin(page_url, "/"), tuple(items))
    return None


def _inner(root: etree._Element, url: str) -> list[str]:
    """The sitemaps that an index names on its own site, those of news first and then the latest."""
    if _name(root) != "sitemapindex":
        return []
    told = []
    for node in _children(root, "sitemap"):
        found = clean.address(_say(node, "loc"), url)
        if found and same_site(found, url):
            told.append((not _NEWS.search(urlsplit(found).path), _say(node, "lastmod"), found))
    told.sort(key=lambda each: each[1], reverse=True)
    told.sort(key=lambda each: each[0])
    return [found for _, _, found in told[:MAX_FETCHES]]


def _items(root: etree._Element, page_url: str) -> list[RawArticle]:
    if _name(root) != "urlset":
        return []
    found: dict[str, RawArticle] = {}
    for node in _children(root, "url"):
        if len(found) >= MAX_ITEMS:
            break
        article = _article(node, page_url)
        if article is not None:
            found.setdefault(article.url, article)
    folder = _folder(page_url)
    return [article for article in found.values() if urlsplit(article.url).path.startswith(folder)]


def _article(node: etree._Element, page_url: str) -> RawArticle | None:
    news = next(_children(node, "news"), None)
    url = clean.address(_say(node, "loc"), page_url)
    if news is None or not url or not same_site(url, page_url):
        return None
    title = clean.title(_say(news, "title"))
    published = dates.parse(_say(news, "publication_date"))
    # The date is required, and what has none is not news: a sitemap of all pages looks like this.
    if not title or published is None:
        return None
    publication = next(_children(news, "publication"), None)
    image = next(_children(node, "image"), None)
    picture = clean.address(_say(image, "loc"), url) if image is not None else ""
    piece = Piece(
        title=title,
        publisher=clean.line(_say(publication, "name"), 200) if publication is not None else "",
        published_at=published,
        link=url,
        image=clean.Image(picture, "") if picture else None,
    )
    return finished(piece, language=clean.language(_say(publication, "language")) if publication is not None else "")


def _folder(page_url: str) -> str:
    """The path below which a page's articles lie: that of the page without a file's name."""
    path = _FILE.sub("/", urlsplit(page_url).path or "/")
    return path if path.endswith("/") else path + "/"


def _root(body: bytes) -> etree._Element | None:
    """The root of a sitemap, which is UTF-8 (sitemaps.org); None when it is no XML. A document type, which no sitemap
    needs and which may define entities, makes it none."""
    if b"<!DOCTYPE" in body[:HEAD] or b"<!ENTITY" in body[:HEAD]:
        return None
    # As feeds are read: libxml2 alone makes names of "&#55296;" that no Python string can hold.
    found = tree.parse(tree.prepare(tree.utf8(body)), "")
    return None if found is None else found.root


def _unpacked(body: bytes) -> bytes:
    """A sitemap may be a gzip file (sitemaps.org); unpacked no further than the door unpacks an answer."""
    if not body.startswith(b"\x1f\x8b"):
        return body[:MAX_BYTES]
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, MAX_BYTES)
    except zlib.error:
        return b""  # a broken file says nothing


def _children(node: etree._Element, name: str) -> Iterator[etree._Element]:
    return (child for child in node if _name(child) == name)


def _say(node: etree._Element, name: str) -> str:
    return next((" ".join((child.text or "").split()) for child in _children(node, name)), "")


def _name(node: etree._Element) -> str:
    """An element's name without its namespace: publishers write all of them, also http and https ones."""
    return node.tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(node.tag, str) else ""
