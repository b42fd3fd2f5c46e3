"""Lists of feeds as feed readers exchange them (OPML 2.0, http://opml.org/spec2.opml). Pure: bytes <-> values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from lxml import etree

from digest.errors import FeedError
from digest.gather import clean, tree

MAX_BYTES = 10_000_000
"""About 50,000 feeds with all that readers write about them."""
MAX_FEEDS = 20_000
"""Outlines of a list, feeds counted once for each of their folders: twenty times the longest list that a person keeps,
and half a second of work."""
MAX_FOLDERS = 50
"""Folders of one feed that are read from its `category`."""
MAX_NAME = 200
"""Characters of a title, as of a source's name."""

_FEED_SCHEMES = re.compile(r"^feed:(?://)?(?=https?://)|^feed(?=://)", re.IGNORECASE)
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may hold (XML 1.0, production 2)."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed of a list."""

    url: str
    title: str = ""
    site_url: str = ""
    folder: str = ""
    """The name of the folder it lies in, the innermost one; "" for none."""
    line: int = 0
    """Where it stands in the document; 0 when it was not read from one."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An outline that cannot be used."""

    line: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outlines:
    """A list as read: each feed once for each of its folders, in the document's order."""

    title: str
    feeds: tuple[Outline, ...]
    problems: tuple[Problem, ...] = ()
    sound: bool = True
    """Whether it was well-formed; otherwise something may be missing."""


def read_opml(body: bytes) -> Outlines:
    """Read a list of feeds. An outline with an xmlUrl is a feed, one that holds others is a folder.

    Without folders, `category` ("/Boston/Weather,/Sports") gives them. Document types are cut out, so no entity is ever
    defined, and nothing is loaded. Raises FeedError, one line, for what is no such list, or is
    larger than `MAX_BYTES` or `MAX_FEEDS`.
    """
    if len(body) > MAX_BYTES:
        raise FeedError(f"the list is larger than {MAX_BYTES / 1_000_000:g} MB")
    data = tree.utf8(body)
    if b"<" not in data[: 4 * tree.PROLOG]:
        raise FeedError("this is no list of feeds (OPML), but plain text or binary data")
    prepared = tree.prepare(data)
    before = data.count(b"\n") - prepared.count(b"\n")
    read = tree.parse(prepared, "")
    if read is None:
        raise FeedError("this is no list of feeds (OPML): nothing of it can be read as XML")
    root = read.root
    if _name(root) != "opml":
        raise FeedError(f"this is no list of feeds (OPML): its root is <{_name(root)[:40]}>")
    title = next((clean.line(node.text or "", MAX_NAME) for node in root.iter() if _name(node) == "title"), "")
    feeds, problems = _collect(root, before)
    if not feeds and not read.sound:
        # libxml2 stops at 256 elements within each other.
        raise FeedError("the list cannot be read: it is not well-formed XML, or nested too deeply")
    return Outlines(title, feeds, problems, read.sound)


def write_opml(title: str, feeds: Iterable[Outline], *, now: datetime) -> bytes:
    """A list as OPML 2.0, folders in the order of their first feed, feeds in no folder first.

    `now` becomes dateCreated (RFC 822). Characters that XML cannot hold are left out.
    """
    root = etree.Element("opml", version="2.0")
    head, body = etree.SubElement(root, "head"), etree.SubElement(root, "body")
    etree.SubElement(head, "title").text = _fit(title)
    etree.SubElement(head, "dateCreated").text = format_datetime(now)
    folders: dict[str, list[Outline]] = {"": []}
    for feed in feeds:
        folders.setdefault(feed.folder, []).append(feed)
    for name, inside in folders.items():
        parent = etree.SubElement(body, "outline", text=_fit(name), title=_fit(name)) if name else body
        for feed in inside:
            told = _fit(feed.title or feed.url)
            attributes = {"type": "rss", "text": told, "title": told, "xmlUrl": _fit(feed.url)}
            etree.SubElement(
                parent, "outline", attributes | ({"htmlUrl": _fit(feed.site_url)} if feed.site_url else {})
            )
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _collect(root: etree._Element, before: int) -> tuple[tuple[Outline, ...], tuple[Problem, ...]]:
    """The feeds and the problems under `root`; `before` lines of the document came before what was parsed."""
    feeds: dict[tuple[str, str], Outline] = {}
    problems: list[Problem] = []
    folders: list[str] = []
    held = 0
    # Walked, not recursed into: the depth of a stranger's document is no business of our stack.
    for event, node in etree.iterwalk(root, events=("start", "end")):
        if _name(node) != "outline":
            continue
        told = {key.lower(): value for key, value in node.attrib.items() if isinstance(key, str)}
        feed = _is_feed(told)
        if event == "end":
            if not feed:
                folders.pop()
            continue
        category = "" if folders else told.get("category", "")
        held += 1 + min(category.count(","), MAX_FOLDERS)
        if held > MAX_FEEDS:
            raise FeedError(f"the list holds more than {MAX_FEEDS:,} feeds and folders; split it and import the parts")
        name = clean.line(told.get("title") or told.get("text") or "", MAX_NAME)
        line = _line(node, before)
        url = _address(told.get("xmlurl", "")) if feed else ""
        if not feed:
            folders.append(name or (folders[-1] if folders else ""))
        if not url:
            if reason := _reason(told, feed=feed, empty=not len(node)):
                problems.append(Problem(line, name, reason))
            continue
        site_url = clean.address(told.get("htmlurl"), "")
        for folder in _folders(folders, category):
            feeds.setdefault((url, folder), Outline(url, _title(name, url), site_url, folder, line))
    return tuple(feeds.values()), tuple(problems)


def _reason(told: dict[str, str], *, feed: bool, empty: bool) -> str:
    """Why an outline without an address cannot be used; "" for a folder."""
    if feed:
        return f"{clean.line(told['xmlurl'], 60)!r} is no web address" if "xmlurl" in told else "no xmlUrl"
    kind = told.get("type", "").lower() if empty else ""
    return {"link": "is a link, not a feed", "include": "is another list; import it too"}.get(kind, "")


def _title(name: str, url: str) -> str:
    """A feed without a title is often written with its address as one."""
    return "" if name == clean.line(url, MAX_NAME) else name


def _is_feed(told: dict[str, str]) -> bool:
    return "xmlurl" in told or told.get("type", "").lower() in ("rss", "atom")


def _folders(inside: list[str], category: str) -> list[str]:
    if inside:
        return [inside[-1]]
    parts = category.split(",", MAX_FOLDERS)[:MAX_FOLDERS]
    paths = (clean.line(part.rstrip("/").rpartition("/")[2], MAX_NAME) for part in parts)
    return list(dict.fromkeys(path for path in paths if path)) or [""]


def _address(told: str) -> str:
    return clean.address(
        _FEED_SCHEMES.sub(lambda found: "" if found[0].lower() != "feed" else "http", told.strip()), ""
    )


def _name(node: etree._Element) -> str:
    return str(node.tag).rpartition("}")[2].lower()


def _line(node: etree._Element, before: int) -> int:
    told = node.sourceline
    return (told if isinstance(told, int) else 0) + before


def _fit(text: str) -> str:
    return _UNFIT.sub("", text)
