"""A page's bytes -> a tree of bounded size, and what the page says of itself. Pure; opens nothing.

Tags are cut short before libxml2 sees them (`markup.tame`). It nests no deeper than 256 by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from lxml import etree

from digest.errors import FeedError
from digest.gather import clean, identity, tree
from digest.gather.markup import tame
from digest.types import Fetched

MAX_CHARS = 5_000_000
"""Of a page; the door lets 5 MB through, and a file may be longer."""
MAX_HEAD = 500
"""Elements of one kind in a page's head that are read; pages have about 60."""
HEAD = 4_096
"""Bytes in which a page must declare its encoding: 1,024 by the HTML standard, which many pages exceed."""

_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9._:-]+)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that could be read."""

    root: etree._Element
    url: str
    base: str
    """What its relative links are relative to."""
    meta: Mapping[str, str]
    """The first content of each name or property, in lower case ("og:title"); cleaned lines."""
    title: str
    """What the page calls itself: og:title, or else <title>."""
    language: str
    canonical: str
    """rel=canonical when it stays on the same site, else "": another site's word is not ours to follow."""
    site_name: str


def read(fetched: Fetched) -> Page:
    """The page in `fetched`. Raises FeedError, one line, when there is none that can be read."""
    where = host(fetched.url) or fetched.url
    if not fetched.body.strip(b" \t\r\n\0"):
        raise FeedError(f"{where}: the answer is empty")
    root = parse(decode(fetched.body, fetched.content_type))
    if root is None:
        raise FeedError(f"{where}: is not a web page that can be read; `digest sources check` shows what it answers")
    return describe(root, fetched.url)


def decode(body: bytes, content_type: str = "") -> str:
    """The text of a page: as for feeds (`tree.decode`), and the <meta charset> where the header names no charset."""
    if "charset" not in content_type.lower() and (found := _META_CHARSET.search(body[:HEAD])):
        content_type = f"text/html; charset={found[1].decode('ascii')}"
    return tree.decode(body, content_type)


def parse(text: str) -> etree._Element | None:
    """The tree of a page, of bounded size; None when there is no element in it."""
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        root = etree.fromstring(tame(clean.scrub(text[:MAX_CHARS])).encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError):
        return None
    return root if root is not None and isinstance(root.tag, str) else None


def describe(root: etree._Element, url: str) -> Page:
    """What the page from `url` says of itself."""
    base = next(
        (found for node in islice(root.iter("base"), MAX_HEAD) if (found := clean.address(node.get("href"), url))), url
    )
    meta: dict[str, str] = {}
    for node in islice(root.iter("meta"), MAX_HEAD):
        name = (
            node.get("property") or node.get("name") or node.get("itemprop") or node.get("http-equiv") or ""
        ).lower()
        if name and (told := clean.line(node.get("content") or "", 1_000)):
            meta.setdefault(name[:100], told)
    links = (
        node.get("href")
        for node in islice(root.iter("link"), MAX_HEAD)
        if "canonical" in (node.get("rel") or "").lower().split()
    )
    canonical = next((found for told in links if (found := clean.address(told, base))), "")
    heading = next((clean.title(text(node)) for node in root.iter("title")), "")
    language = clean.language(root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang"))
    return Page(
        root=root,
        url=url,
        base=base,
        meta=meta,
        title=clean.title(meta.get("og:title", "")) or heading,
        language=language or clean.language(meta.get("og:locale") or meta.get("content-language")),
        canonical=canonical if identity.same_site(canonical, url) else "",
        site_name=meta.get("og:site_name", "") or meta.get("application-name", ""),
    )


def text(node: etree._Element, limit: int = 4_000) -> str:
    """All text below `node`, at most about `limit` characters, in one line."""
    parts: list[str] = []
    size = 0
    for part in node.itertext():
        parts.append(str(part))
        size += len(parts[-1])
        if size > limit:
            break
    return " ".join("".join(parts)[:limit].split())


def host(url: str) -> str:
    """The host of an address in lower case, or ""."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
