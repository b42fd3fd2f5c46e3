"""A page or its plain text -> blocks: headings, lines of text, pictures, and the edges of <article> elements. Pure.

Two front ends and one form, so that the splitter (`pagesplit`) never asks where its blocks come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto

from lxml import etree

from digest.gather import clean, dates, pagefurniture, pictures
from digest.gather.pagedom import Page

MAX_BLOCKS = 2_500
"""Of a page: one with fifty whole articles has about 1,000."""
MAX_LINE = 20_000
"""Characters of one block; a paragraph of a text has some hundred."""
MAX_APART = 200
"""Characters: only by-lines are read by their parts, and they are shorter."""
_JOINT = "\x1f"
"""Marks where an inline element begins or ends; `clean.line` drops it like every control character."""
_JOINED = frozenset(("a", "span", "i", "time", "em", "small"))
_RUNS_ON = re.compile(rf"(?<=\w){_JOINT}+(?=\w)")
_URL = re.compile(r"https?://\S+")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE_ELEMENTS = (
    "a abbr b bdi bdo big cite code data del dfn em font i img ins kbd label mark picture q rb rt ruby s samp small "
    "source span strike strong sub sup time tt u var wbr"
)
_INLINE = frozenset(_INLINE_ELEMENTS.split())
"""Elements that do not break a line; all others do, also those that nobody knows."""
_SKIPPED_ELEMENTS = (
    "script style noscript template head title iframe object embed svg math button select option textarea input form "
    "audio video canvas nav footer aside dialog menu figcaption meta link base"
)
_SKIPPED = frozenset(_SKIPPED_ELEMENTS.split())
_SKIPPED_ROLES = frozenset(("navigation", "banner", "contentinfo", "complementary", "search", "dialog", "menu"))
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_AUTHOR = frozenset(("author", "byline", "by-line", "byline-name", "author-name", "p-author"))


class Kind(Enum):
    HEADING = auto()
    TEXT = auto()
    IMAGE = auto()
    OPEN = auto()
    """An <article> begins."""
    CLOSE = auto()
    """An <article> ends."""


@dataclass(frozen=True, slots=True)
class Block:
    """A line of a page. Texts are clean lines, addresses absolute."""

    kind: Kind
    text: str = ""
    level: int = 0
    """Of a heading: 1 to 6."""
    link: str = ""
    """The first link in it."""
    image: clean.Image | None = None
    author: str = ""
    """Whom the markup names as author."""
    moment: datetime | None = None
    """What a <time datetime> in it says."""
    apart: str = ""
    """The text with separators where two inline elements run into each other ("Mint" and "2 hours ago"); "" when none
    do."""
    quoted: bool = False
    """Inside a <blockquote> or a list: never a headline."""


def from_text(text: str) -> Iterator[Block]:
    """The lines of a plain text. A line that holds an address is linked to it."""
    for number, told in enumerate(text.splitlines()):
        if number >= MAX_BLOCKS:
            return
        line = clean.line(told, MAX_LINE)
        found = _URL.search(line)
        link = clean.address(found[0].rstrip(".,;)"), "") if found else ""
        bare = clean.line(_URL.sub("", line), MAX_LINE) if link and len(line) <= pagefurniture.SHORT else line
        if bare or link:
            yield Block(Kind.TEXT, bare, link=link)


def from_page(page: Page) -> Iterator[Block]:
    """The blocks of a page in its order, without what the page itself marks as no text (nav, footer, aside, forms)."""
    return _Walker(page).walk(page.root)


def from_part(page: Page, part: etree._Element) -> Iterator[Block]:
    """The blocks of one element of a page."""
    return _Walker(page).walk(part)


_EMPTY = Block(Kind.TEXT)


@dataclass(slots=True)
class _Walker:
    page: Page
    parts: list[str] = field(default_factory=list)
    open: Block = _EMPTY
    """What is known of the line being read."""
    quotes: int = 0
    author: etree._Element | None = None
    author_from: int = 0

    def walk(self, root: etree._Element) -> Iterator[Block]:
        walker = etree.iterwalk(root, events=("start", "end"))
        count = 0
        skipped: etree._Element | None = None
        for event, node in walker:
            if not isinstance(node.tag, str):
                continue
            tag = node.tag.rpartition(":")[2]
            if event == "start" and is_skipped(tag, node):
                walker.skip_subtree()
                skipped = node
            if skipped is not None and node is skipped:
                if tag not in _INLINE:
                    yield from self._flush()
                self.parts.append((node.tail or "") if event == "end" else "")
                continue
            for block in self._start(tag, node) if event == "start" else self._end(tag, node):
                count += 1
                yield block
            if count >= MAX_BLOCKS:
                return
        yield from self._flush()

    def _start(self, tag: str, node: etree._Element) -> Iterator[Block]:
        if tag not in _INLINE:
            yield from self._flush()
            self.quotes += tag in ("blockquote", "ul", "ol")
            if tag in _HEADINGS:
                self.open = replace(self.open, kind=Kind.HEADING, level=_HEADINGS[tag])
            if tag == "article":
                yield Block(Kind.OPEN)
        elif tag == "img":
            if image := picture(node, self.page.base):
                yield Block(Kind.IMAGE, image=image)
        elif tag == "a" and not self.open.link:
            self.open = replace(self.open, link=clean.address(node.get("href"), self.page.base))
        elif tag == "time" and self.open.moment is None:
            self.open = replace(self.open, moment=dates.parse(node.get("datetime")))
        if self.author is None and _is_author(node):
            self.author, self.author_from = node, len(self.parts)
        self.parts.append((_JOINT if tag in _JOINED else "") + (node.text or ""))

    def _end(self, tag: str, node: etree._Element) -> Iterator[Block]:
        if node is self.author:
            name = clean.line("".join(self.parts[self.author_from :]), 200)
            if name and not self.open.author:
                self.open = replace(self.open, author=name)
                # Its place in the line is empty, so that no neighbour is glued to the name.
                self.parts[self.author_from :] = [" · "]
            self.author = None
        if tag not in _INLINE:
            yield from self._flush()
            if tag in ("blockquote", "ul", "ol"):
                self.quotes -= 1
            if tag == "article":
                yield Block(Kind.CLOSE)
        self.parts.append((_JOINT if tag in _JOINED else "") + (node.tail or ""))

    def _flush(self) -> Iterator[Block]:
        if self.author is not None:
            self.author_from = 0
        told = "".join(self.parts)[: 2 * MAX_LINE]
        line = clean.line(told, MAX_LINE).strip("· ") if told and not told.isspace() else ""
        if line or self.open.moment or self.open.author:
            apart = clean.line(_RUNS_ON.sub(" · ", told)) if len(line) <= MAX_APART and _RUNS_ON.search(told) else ""
            yield replace(self.open, text=line, apart=apart, quoted=self.quotes > 0)
        self.parts.clear()
        self.open = _EMPTY


def is_skipped(tag: str, node: etree._Element) -> bool:
    """Whether an element and what is in it are no part of what the page tells: code, navigation, forms, hidden parts,
    and what the rules of furniture know by class or id."""
    if tag in _SKIPPED:
        return True
    attributes = node.attrib
    if not attributes:
        return False
    marked = f"{attributes.get('class', '')} {attributes.get('id', '')}"[:1_000]
    return (
        "hidden" in attributes
        or (attributes.get("aria-hidden") == "true" and tag not in ("img", "a"))
        or attributes.get("role", "") in _SKIPPED_ROLES
        or bool(_HIDDEN.search(attributes.get("style", "")[:500]))
        or (tag not in ("html", "body", "main", "article") and pagefurniture.rules().marks(marked))
    )


def _is_author(node: etree._Element) -> bool:
    told = f"{node.get('rel', '')} {node.get('itemprop', '')} {node.get('class', '')}".lower()[:500]
    return not _AUTHOR.isdisjoint(told.split())


def picture(node: etree._Element, base: str) -> clean.Image | None:
    """The picture that an <img> shows, its address absolute; None for icons, placeholders and tracking pixels."""
    address = clean.address(pictures.source(node), base)
    return clean.Image(address, clean.line(node.get("alt") or "", 300)) if address else None
