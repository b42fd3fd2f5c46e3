"""The elements of a feed by short names, whatever prefixes and namespaces its document uses. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from lxml import etree

from digest.gather import clean

_SPACES = {
    "http://purl.org/rss/1.0": "",
    "http://my.netscape.com/rdf/simple/0.9": "",
    "http://channel.netscape.com/rdf/simple/0.9": "",
    "http://purl.org/net/rss1.1": "",
    "http://purl.org/rss/1.0/modules/rss091": "",
    "http://backend.userland.com/rss": "",
    "http://backend.userland.com/rss2": "",
    "http://backend.userland.com/rss091": "",
    "http://backend.userland.com/rss092": "",
    "http://blogs.law.harvard.edu/tech/rss": "",
    "http://cyber.law.harvard.edu/rss": "",
    "http://www.w3.org/2005/atom": "atom:",
    "http://purl.org/atom/ns": "atom:",
    "http://purl.org/dc/elements/1.1": "dc:",
    "http://purl.org/dc/elements/1.0": "dc:",
    "http://purl.org/dc/terms": "dcterms:",
    "http://purl.org/rss/1.0/modules/content": "content:",
    "http://purl.org/rss/1.0/modules/syndication": "sy:",
    "http://search.yahoo.com/mrss": "media:",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes:",
    "http://www.w3.org/1999/xhtml": "xhtml:",
    "http://purl.oclc.org/net/rss_2.0/enc": "enc:",
}
"""Lower case, http, without what ends them: publishers write all variants of these names."""
_GROUPS = frozenset(("media:group", "atom:media:group"))
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_SAFE = r"[\w./~%+,=&:@!$'()*-]"
_ABSOLUTE = re.compile(
    rf"https?://[A-Za-z0-9][A-Za-z0-9.-]*+(?::[1-9]\d{{0,3}})?/{_SAFE}*+(?:\?{_SAFE}++)?(?:#{_SAFE}++)?", re.A
)

MAX_ALIKE = 50
"""Elements of one name that are looked at in an item: real ones have a dozen media:content."""

Fields = dict[str, list[etree._Element]]


class Addresses:
    """What relative addresses in a document are relative to (xml:base, RFC 4287 section 2)."""

    def __init__(self, url: str, *, based: bool) -> None:
        """`based`: whether the document has any xml:base. Hardly one has, and looking the base of each element up costs
        more than reading the rest of an item."""
        self.outer = url
        """Outside of any xml:base: the document's own address, or that of the site which an RSS feed names."""
        self._document = url
        self._based = based

    def base(self, node: etree._Element) -> str:
        """The absolute address to which those at `node` are relative."""
        if not self._based:
            return self.outer
        told = node.base
        return self.outer if not told or told == self._document else clean.address(told, self.outer) or self.outer

    def find(self, told: str | None, node: etree._Element) -> str:
        """The absolute address for what `node` says, or ""."""
        if not told:
            return ""
        # What most feeds hold; clean.address would return it as it is, after twenty times the work.
        if _ABSOLUTE.fullmatch(told) and len(told) <= clean.MAX_URL:
            return told
        return clean.address(told, self.base(node))


def fields(node: etree._Element, *, atom: bool = False) -> Fields:
    """The first MAX_ALIKE children of each key. In a `feed` without a namespace the bare names are Atom's."""
    found: Fields = {}
    for child in node:
        key = key_of(child.tag)
        if key in _GROUPS:
            for inner in child:
                found.setdefault(key_of(inner.tag), []).append(inner)
        if atom and key and ":" not in key:
            key = "atom:" + key
        if key not in found:
            found[key] = [child]
        elif len(found[key]) < MAX_ALIKE:
            found[key].append(child)
    return found


def every(found: Fields, *names: str) -> Iterable[etree._Element]:
    """The elements of these names, in the order of the names."""
    for name in names:
        yield from found.get(name, ())


def first(found: Fields, *names: str) -> str:
    """The first non-empty text among the named fields."""
    for name in names:
        if name in found:
            for node in found[name]:
                told = text(node)
                if told and not told.isspace():
                    return told
    return ""


def text(node: etree._Element) -> str:
    """All text in an element, markup within left out."""
    return (node.text or "") if not len(node) else "".join(part for part in node.itertext() if isinstance(part, str))


def child_text(node: etree._Element, name: str) -> str | None:
    """The text of the first child of that local name; None when there is none."""
    if not len(node):
        return None
    return next((child.text or "" for child in node if local(child.tag).lower() == name), None)


def markup(node: etree._Element) -> str:
    """What an element holds, as markup: escaped, in CDATA or, against the rules of RSS, as elements; of these not much
    more than is read for an article."""
    if not len(node):
        return node.text or ""
    parts = [(node.text or "").replace("&", "&amp;").replace("<", "&lt;")]
    length = 0
    for child in node:
        parts.append(etree.tostring(child, encoding="unicode", with_tail=True))
        length += len(parts[-1])
        if length > clean.MAX_HTML:
            break
    return "".join(parts)


def attribute(node: etree._Element, *spellings: str) -> str:
    """An attribute under the first of these names that the element has; "" when it has none. Looking through all its
    attributes would take time by the square of their number (400,000 in 5 MB)."""
    return next((told for name in spellings if (told := node.get(name)) is not None), "")


def local(tag: object) -> str:
    """The name of an element without namespace or prefix; "" for what is no element."""
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


@lru_cache(maxsize=4_096)
def key_of(tag: object) -> str:
    """`dc:creator` for an element of Dublin Core whatever prefix the document chose, declared or not."""
    if not isinstance(tag, str):
        return ""
    space, _, name = tag.rpartition("}")
    if not space:
        prefix, _, bare = name.rpartition(":")
        return f"{prefix.lower()}:{bare.lower()}" if prefix else name.lower()
    plain = space[1:].strip().lower().rstrip("/#").replace("https://", "http://", 1)
    return _SPACES.get(plain, "?:") + name.lower()
