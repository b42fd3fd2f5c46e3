"""Markup as nearly all feeds have it, read without a tree: the same text and pictures in a third of the time. Pure.

Paragraphs, headings, lists, links, emphasis and pictures can be told apart by their tags alone: a block begins or ends
where one of its tags stands, whether they are nested rightly or not (an end without a beginning breaks the line, as
</p> does in browsers). Whatever else a body holds (comments, tables, elements whose content is not shown, hidden ones,
attributes written in odd ways) is left to `gather.markup`; the tests hold both against each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html import unescape
from html.entities import html5

from lxml import etree

from digest.gather import pictures, plain
from digest.gather.markup import MAX_HTML

_BREAK = "\t"
"""Where a block begins or ends; tabs in the text become spaces before."""
_VALUE = r"""(?:=(?:"[^"<>]*+"|'[^'<>]*+'))?+"""
_REST = rf"(?:\s++(?!hidden|style=[^<>=]*(?i:display))[a-z][a-z0-9_-]*+{_VALUE})*+\s*+"
"""Attributes that all browsers understand alike, and that hide nothing."""
_BLOCKS = "p|div|h[1-6]|blockquote|ul|ol|li|section|article|header|footer|figure"
_INLINES = "a|abbr|b|bdi|big|cite|code|em|font|i|kbd|mark|q|s|small|span|strike|strong|sub|sup|time|tt|u|var"
_BLOCK = re.compile(rf"<(?:/?(?:{_BLOCKS}){_REST}|(?:br|hr){_REST}/?)>")
_INLINE = re.compile(rf"<(?:/?(?:{_INLINES}){_REST}|img{_REST}/?)>")
_COMPLETE = "(?:[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{1,6}|#[xX][0-9A-Fa-f]{1,5});"
_REFERENCE = re.compile("&" + _COMPLETE)
_LOOSE = re.compile(f"&(?!{_COMPLETE})")
_IMAGE = re.compile(r"<img\s([^<>]*)>")
_ATTRIBUTE = re.compile(r"""([a-z][a-z0-9_-]*+)(?:=(?:"([^"]*+)"|'([^']*+)'))?+""")
_PLAIN = b"\t\n" + bytes(range(0x20, 0x7F))
_BLANK = "\xa0".encode()
_PRIVATE = "\ue000"
"""What `gather.markup` marks blocks with; it takes it out of what it reads."""


class Simple:
    """What a person sees of simple markup; its pictures are only looked for when somebody asks."""

    __slots__ = ("_markup", "html", "text")

    def __init__(self, text: str, markup: str) -> None:
        self.text = text
        self.html = ""
        self._markup = markup

    @property
    def images(self) -> Iterator[pictures.Image]:
        """As `markup.Read.images`."""
        seen = set()
        for attributes in _IMAGE.findall(self._markup):
            found = reversed(_ATTRIBUTE.findall(attributes))  # of two with one name the first counts
            told = {name: _REFERENCE.sub(_in_value, double or single) for name, double, single in found}
            node = etree.Element("img", told)
            url = pictures.source(node)
            if url and url not in seen:
                seen.add(url)
                yield pictures.Image(url, plain.line(node.get("alt") or "", 300))


def read(markup: str, limit: int) -> Simple | None:
    """Read simple markup as `markup.read` would; None when it is not simple, or no markup at all."""
    if "<" not in markup:
        return None
    text = markup.replace(_BREAK, " ") if _BREAK in markup else markup
    text = _INLINE.sub("", _BLOCK.sub(_BREAK, text))
    if "<" in text or len(markup) > MAX_HTML or "\0" in text or _PRIVATE in text:
        return None
    if "&" in text:
        if _LOOSE.search(text):
            return None
        blocks = text.count(_BREAK)
        # Every reference ends before the next tag, so none comes about by leaving tags out.
        text = _REFERENCE.sub(_character, text)
        if text.count(_BREAK) != blocks:
            return None
    return Simple(plain.cut(_folded(text), limit), markup)


@lru_cache(maxsize=4_096)
def _one(reference: str) -> str:
    return unescape(reference) if reference[1] == "#" else html5.get(reference[1:], reference)


def _character(found: re.Match[str]) -> str:
    return _one(found[0])


def _in_value(found: re.Match[str]) -> str:
    """In an address "&notit;" is no reference, although it begins with one (HTML, 13.2.5.73)."""
    told = _one(found[0])
    return found[0] if len(told) > 1 and told.endswith(";") else told


def _folded(text: str) -> str:
    """Blocks as lines, without blank ones, and every run of white space in them as one space."""
    # As bytes, because one character beyond Latin-1 doubles the time of everything that is done to a string. Most of a
    # text is ASCII, and a table of bytes takes that out faster than a codec looks at it.
    data = text.encode("utf-8", "surrogatepass")
    rest = data.translate(None, _PLAIN)
    if rest and not plain.western(rest.decode("utf-8", "surrogatepass")):
        return "\n".join(filter(None, (" ".join(line.split()) for line in plain.scrub(text).split(_BREAK))))
    # Replacing is several times as fast as splitting into words; the blanks of windows-1252 are these.
    data = data.replace(b"\n", b" ")
    if _BLANK in rest:
        data = data.replace(_BLANK, b" ")
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return b"\n".join(filter(None, map(bytes.strip, data.split(b"\t")))).decode()
