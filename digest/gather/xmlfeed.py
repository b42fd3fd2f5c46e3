"""RSS and Atom trees -> `Feed`. Pure. Both are read by one table of field names, because feeds mix their elements."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from lxml import etree

from digest.gather import clean, dates
from digest.gather.build import MAX_ITEMS, Draft, finish
from digest.types import Feed, RawArticle

_PREFIXES = {
    "http://purl.org/rss/1.0/": "",
    "http://my.netscape.com/rdf/simple/0.9/": "",
    "http://channel.netscape.com/rdf/simple/0.9/": "",
    "http://backend.userland.com/rss2": "",
    "http://blogs.law.harvard.edu/tech/rss": "",
    "http://www.w3.org/2005/atom": "atom:",
    "http://purl.org/atom/ns#": "atom:",
    "http://purl.org/dc/elements/1.1/": "dc:",
    "http://purl.org/dc/elements/1.0/": "dc:",
    "http://purl.org/dc/terms/": "dcterms:",
    "http://purl.org/rss/1.0/modules/content/": "content:",
    "http://search.yahoo.com/mrss/": "media:",
    "http://search.yahoo.com/mrss": "media:",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes:",
    "http://www.w3.org/1999/xhtml": "xhtml:",
    "http://purl.oclc.org/net/rss_2.0/enc#": "enc:",
}
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_DATES = (
    "pubdate", "atom:published", "atom:issued", "dc:date", "dcterms:issued", "dcterms:created", "atom:created",
    "atom:updated", "dcterms:modified", "atom:modified",
)  # fmt: skip
_BODIES = (
    "content:encoded", "atom:content", "xhtml:body", "xhtml:div", "description", "atom:summary", "dc:description",
    "itunes:summary", "media:description",
)  # fmt: skip
WIDEST = 1_200
"""Pixels: twice the width of a mail, for sharp screens; wider pictures only cost the reader bytes."""

Fields = dict[str, list[etree._Element]]


def read_rss(root: etree._Element, url: str) -> tuple[Feed, int]:
    """An `rss`, `RDF` or bare `channel` root -> the feed and how many items the document holds."""
    channels = [root] if local(root.tag) == "channel" else [node for node in root if _key(node.tag) == "channel"]
    about = _fields(channels[0]) if channels else {}
    items = [node for parent in (*channels, root) for node in parent if _key(node.tag) == "item"]
    if channels and channels[0] is root:
        items = [node for node in root if _key(node.tag) == "item"]
    title = clean.title(_first(about, "title", "dc:title", "atom:title"))
    language = clean.language(_first(about, "language", "dc:language")) or clean.language(root.get(_LANG))
    site = clean.address(_first(about, "link"), url) or _alternate(about, url)
    return _collect(items, title, language, site, site or url, "")


def read_atom(root: etree._Element, url: str) -> tuple[Feed, int]:
    """A `feed` root -> the feed and how many entries the document holds."""
    about = _fields(root, atom=True)
    title = clean.title(_first(about, "atom:title", "dc:title"))
    language = clean.language(root.get(_LANG)) or clean.language(_first(about, "dc:language", "atom:language"))
    # An entry without an author has the feed's (RFC 4287, 4.2.1).
    return _collect(about.get("atom:entry", []), title, language, _alternate(about, url), url, _people(about))


def _collect(
    nodes: list[etree._Element], title: str, language: str, site: str, base: str, author: str
) -> tuple[Feed, int]:
    nodes = nodes[:MAX_ITEMS]
    articles: list[RawArticle] = []
    for node in nodes:
        article = finish(_draft(node, base), publisher=title, language=language, author=author)
        if article is not None:
            articles.append(article)
    return Feed(title, language, site, tuple(articles), len(nodes) - len(articles)), len(nodes)


def _draft(node: etree._Element, base: str) -> Draft:
    atom = local(node.tag) == "entry"
    fields = _fields(node, atom=atom)
    text, images, inner = _body(fields, base)
    link = _link(fields, base)
    image_url, image_alt = _image(fields, base)
    return Draft(
        guid=_first(fields, "guid", "atom:id", "dc:identifier") or (node.get(_ABOUT) or ""),
        url=link,
        title=clean.title(_first(fields, "title", "atom:title", "dc:title", "media:title", "itunes:title")),
        text=text,
        author=_people(fields),
        language=clean.language(node.get(_LANG)) or clean.language(_first(fields, "dc:language", "language")),
        image_url=image_url,
        image_alt=image_alt,
        images=images,
        base=inner,
        published_at=next(
            (day for name in _DATES for node in fields.get(name, []) if (day := dates.parse(_text(node)))), None
        ),
        publisher=_publisher(fields),
    )


def _body(fields: Fields, base: str) -> tuple[str, tuple[clean.Image, ...], str]:
    """The first body that says anything, with the pictures of all bodies up to it and the base of their addresses."""
    images: list[clean.Image] = []
    inner = base
    for name in _BODIES:
        for node in fields.get(name, []):
            kind = (node.get("type") or "").lower()
            if name.startswith("atom:") and (node.get("src") or _is_no_text(kind)):
                continue  # elsewhere, or not text (RFC 4287, 4.1.3)
            plain = (
                kind in ("text", "text/plain") if name.startswith("atom:") else name[:6] == "media:" and kind != "html"
            )
            told = _markup(node)
            read = clean.Read(clean.paragraphs(told)) if plain else clean.html(told)
            images.extend(read.images)
            inner = _base(node, base)
            if read.text:
                return read.text, tuple(images), inner
    return "", tuple(images), inner


def _is_no_text(kind: str) -> bool:
    return "/" in kind and not kind.startswith("text/") and "xhtml" not in kind


def _link(fields: Fields, base: str) -> str:
    for node in fields.get("link", []):
        if found := clean.address(_text(node) or node.get("href"), _base(node, base)):
            return found
    if found := _alternate(fields, base):
        return found
    for node in (*fields.get("guid", []), *fields.get("atom:id", [])):
        told = _text(node).strip()
        if (node.get("ispermalink") or node.get("isPermaLink") or "true").lower() != "false" and told.startswith(
            "http"
        ):
            return clean.address(told, base)
    for node in (*fields.get("atom:content", []), *fields.get("enclosure", [])):
        if found := clean.address(node.get("src") or node.get("url"), _base(node, base)):
            return found
    return ""


def _alternate(fields: Fields, base: str) -> str:
    """The first alternate link, one to a page before others."""
    links = [node for node in fields.get("atom:link", []) if (node.get("rel") or "alternate").lower() == "alternate"]
    links.sort(key=lambda node: "html" not in (node.get("type") or "html"))
    return next((found for node in links if (found := clean.address(node.get("href"), _base(node, base)))), "")


def _image(fields: Fields, base: str) -> tuple[str, str]:
    candidates: list[tuple[int, str, str]] = []
    for node in fields.get("media:content", []):
        declared = (node.get("medium") or node.get("type") or "").lower()
        path = (node.get("url") or "").partition("?")[0].lower()
        if declared.startswith("image") or (not declared and path.endswith((".jpg", ".jpeg", ".png", ".gif", ".webp"))):
            candidates.extend(_candidate(node, node.get("url"), base))
    if not candidates:
        for node in fields.get("media:thumbnail", []):
            candidates.extend(_candidate(node, node.get("url"), base))
    if candidates:
        fitting = [found for found in candidates if found[0] <= WIDEST]
        best = max(fitting, key=lambda found: found[0]) if fitting else min(candidates, key=lambda found: found[0])
        return best[1], best[2]
    enclosures = [(node, node.get("url")) for node in fields.get("enclosure", [])]
    enclosures += [(node, node.get("resource")) for node in fields.get("enc:enclosure", [])]
    enclosures += [(node, node.get("href")) for node in fields.get("atom:link", []) if node.get("rel") == "enclosure"]
    for node, told in enclosures:
        if (node.get("type") or "").lower().startswith("image/") and (found := clean.address(told, _base(node, base))):
            return found, ""
    for node in (*fields.get("itunes:image", []), *fields.get("image", [])):
        inside = next((child.text for child in node if local(child.tag) == "url"), None)
        if found := clean.address(node.get("href") or inside or _text(node), _base(node, base)):
            return found, ""
    return "", ""


def _candidate(node: etree._Element, told: str | None, base: str) -> list[tuple[int, str, str]]:
    width = node.get("width") or ""
    found = clean.address(told, _base(node, base))
    if not found or clean.too_small(width, node.get("height")):
        return []
    alt = next((_text(child) for child in node if _key(child.tag) in ("media:description", "media:title")), "")
    return [
        (
            int(width[:6]) if width.isdecimal() and width.isascii() else 0,
            found,
            clean.html(alt, 300).text.replace("\n", " "),
        )
    ]


def _people(fields: Fields) -> str:
    for name in ("dc:creator", "atom:author", "author", "itunes:author", "media:credit"):
        told = []
        for node in fields.get(name, [])[:3]:
            inside = next((child.text or "" for child in node if local(child.tag) == "name"), None)
            told.append(clean.person(inside if inside is not None else _text(node)))
        if names := ", ".join(dict.fromkeys(person for person in told if person)):
            return names
    return ""


def _publisher(fields: Fields) -> str:
    for node in (*fields.get("source", []), *fields.get("atom:source", [])):
        inside = next((child.text or "" for child in node if local(child.tag) == "title"), None)
        if name := clean.line(inside if inside is not None else (node.text or ""), 200):
            return name
    return clean.person(_first(fields, "dc:publisher"))


def _fields(node: etree._Element, *, atom: bool = False) -> Fields:
    """The children by key. In a `feed` without a namespace the bare names are Atom's."""
    fields: Fields = {}
    for child in node:
        key = _key(child.tag)
        if key in ("media:group", "atom:media:group"):
            for inner in child:
                fields.setdefault(_key(inner.tag), []).append(inner)
        if atom and key and ":" not in key:
            key = "atom:" + key
        fields.setdefault(key, []).append(child)
    return fields


def _first(fields: Fields, *names: str) -> str:
    """The first non-empty text among the named fields."""
    return next((told for name in names for node in fields.get(name, []) if (told := _text(node).strip())), "")


def _text(node: etree._Element) -> str:
    return (node.text or "") if not len(node) else "".join(part for part in node.itertext() if isinstance(part, str))


def _markup(node: etree._Element) -> str:
    """What an element holds, as markup: escaped, in CDATA or, against the rules of RSS, as elements."""
    if not len(node):
        return node.text or ""
    return "".join(_parts(node))


def _parts(node: etree._Element) -> Iterable[str]:
    yield (node.text or "").replace("&", "&amp;").replace("<", "&lt;")
    for child in node:
        yield etree.tostring(child, encoding="unicode", with_tail=True)


def _base(node: etree._Element, base: str) -> str:
    """The address that relative ones at `node` are relative to (xml:base, RFC 4287 section 2)."""
    document = node.getroottree().docinfo.URL
    told = node.base
    return base if not told or told == document else clean.address(told, base) or base


def local(tag: object) -> str:
    """The name of an element without namespace or prefix; "" for what is no element."""
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


@lru_cache(maxsize=4_096)
def _key(tag: object) -> str:
    """`dc:creator` for an element of Dublin Core whatever prefix the document chose, declared or not."""
    if not isinstance(tag, str):
        return ""
    space, _, name = tag.rpartition("}")
    if not space:
        prefix, _, bare = name.rpartition(":")
        return f"{prefix.lower()}:{bare.lower()}" if prefix else name.lower()
    prefix = _PREFIXES.get(space[1:].lower(), _PREFIXES.get(space[1:], "?:"))
    return prefix + name.lower()
