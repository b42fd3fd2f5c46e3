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
_BLOCKS = "p|div|li|ul|h[1-6]|blockquote|figure|ol|section|article|header|footer"
_INLINES = "a|strong|em|b|i|span|code|u|abbr|bdi|big|cite|font|kbd|mark|q|s|small|strike|sub|sup|time|tt|var"
"""Both the frequent ones first: names are tried one by one, and half of the time for links went by on the others."""
_BLOCK = re.compile(rf"<(?:/?(?:{_BLOCKS}){_REST}|(?:br|hr){_REST}/?)>")
_INLINE = re.compile(rf"<(?:/?(?:{_INLINES}){_REST}|img{_REST}/?)>")
_LONGEST = 31
_NAME = re.compile("[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{1,6}|#[xX][0-9A-Fa-f]{1,5}")
_REFERENCE = re.compile(f"&(?:{_NAME.pattern});")
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
            if url and url not in seen and pictures.has_shape(node):
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
    # Every reference ends before the next tag, so none comes about by leaving tags out.
    whole = _dereferenced(text) if "&" in text else text
    return None if whole is None else Simple(plain.cut(_folded(whole), limit), markup)


def _dereferenced(text: str) -> str | None:
    """`text` with its references as characters; None when one is incomplete, which browsers read in odd ways, or is
    that of a _BREAK. A pattern and a function for what it finds take twice the time."""
    before, *others = text.split("&")
    parts = [before]
    for other in others:
        name, end, behind = other.partition(";")
        told = _one(name) if end and len(name) <= _LONGEST else ""
        if not told or told == _BREAK:
            return None
        parts.append(told)
        parts.append(behind)
    return "".join(parts)


@lru_cache(maxsize=4_096)
def _one(name: str) -> str:
    """What "&name;" stands for, which may be itself; "" when it is no complete reference."""
    if not _NAME.fullmatch(name):
        return ""
    return unescape(f"&{name};") if name[0] == "#" else html5.get(f"{name};", f"&{name};")


def _in_value(found: re.Match[str]) -> str:
    """In an address "&notit;" is no reference, although it begins with one (HTML, 13.2.5.73)."""
    told = _one(found[0][1:-1])
    return found[0] if not told or (len(told) > 1 and told.endswith(";")) else told


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
    folded = data.replace(b"  ", b" ")
    while len(folded) < len(data):  # looking for two blanks takes as long as replacing them
        data, folded = folded, folded.replace(b"  ", b" ")
    return b"\n".join(filter(None, map(bytes.strip, folded.split(b"\t")))).decode()
