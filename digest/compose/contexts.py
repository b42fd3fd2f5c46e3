"""Where in a mail a personal value stands: what is written there must be right for that place.

In text and in quoted attributes a value is escaped when the mail is joined. In the address of a link or picture it is
percent-encoded as well (RFC 3986, section 2.1), and may only stand behind the host: a value there must not decide where
a link leads. Nowhere else can it be written safely: not in a tag, an unquoted attribute, a style, a script, a comment.

The text part travels as format=flowed (RFC 3676): `theme.wrapped` ends the lines that go on with a space, and what
begins with a space or a mark of quoting gets one space more here, which mail programs take away again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from digest.compose.fragments import MARK, MARKER, PART_END, hole, is_border, is_of_part, unhex
from digest.errors import TemplateError

IN_URL = "url:"
"""Before the name of a hole whose value is percent-encoded."""

_TAG = r"</?[A-Za-z](?:[^>\"']|\"[^\"]*\"|'[^']*')*>"
_TOKEN = re.compile(rf"<!--.*?-->|{_TAG}", re.DOTALL)
_ATTRIBUTE = re.compile(r"([^\s=>\"'/]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)")
_ADDRESSES = frozenset(("href", "src", "action", "background", "cite"))
_CLOSED_TO_VALUES = re.compile(r"style|class|id|on.*|srcdoc|srcset", re.IGNORECASE)
"""Attributes that are read as something else than text or an address. Inlining reads class and id, and a mail is
inlined before anybody's values are known."""
_RAW = frozenset(("style", "script"))
_HOST = re.compile(r"https?://[^/?#\s]+[/?#]|mailto:[^?]+\?|[/?#](?!/)", re.IGNORECASE)
"""The beginning of an address that says already where it leads."""
_TEXT_URL = re.compile(r"https?://\S*", re.IGNORECASE)
_INDENTED = re.compile(rf"^((?:{MARK}x[0-9a-f]+x)*)( |>|From )", re.MULTILINE)
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
"""Elements without an end (HTML, section 13.1.2)."""


def in_url(value: str) -> str:
    """A value as it is written in an address: nothing is left that HTML, a mail program or a server reads as a sign."""
    return quote(value, safe="")


def unbalanced(markup: str) -> str:
    """What is wrong when the markup does not close what it opens, for one line; empty when all is well."""
    left: list[str] = []
    for found in _TOKEN.finditer(markup):
        name = _NAME.match(found[0])
        if name is None or name[1].lower() in _VOID:
            continue
        if not found[0].startswith("</"):
            left.append(name[1].lower())
        elif not left or left.pop() != name[1].lower():
            return f"{found[0]} closes what is not open"
    if left:
        return f"<{left[-1]}> is not closed"
    rest = _TOKEN.sub("", markup)
    return "a tag is cut in two" if "<" in rest else ""


@dataclass(frozen=True, slots=True)
class _Spot:
    """A stretch of rendered HTML. `tag` and `attribute` are its tag's and attribute's places, -1 in text."""

    text: str
    tag: int = -1
    attribute: int = -1
    name: str = ""
    """Of the attribute."""
    refused: str = ""
    """Why no value can stand here."""


def _spots(rendered: str) -> Iterator[_Spot]:
    """The whole text, stretch by stretch."""
    at, raw = 0, ""
    for found in _TOKEN.finditer(rendered):
        yield _Spot(rendered[at : found.start()], refused=f"in <{raw}>" if raw else "")
        at = found.end()
        if found[0].startswith("<!--"):
            yield _Spot(found[0], refused="in a comment")
            continue
        name = _NAME.match(found[0])
        element = name[1].lower() if name else ""
        if raw and not (element == raw and found[0].startswith("</")):
            yield _Spot(found[0], refused=f"in <{raw}>")
            continue
        raw = element if element in _RAW and not found[0].startswith("</") else ""
        yield from _attributes(found[0], found.start())
    yield _Spot(rendered[at:], refused=f"in <{raw}>" if raw else "")


def _attributes(tag: str, start: int) -> Iterator[_Spot]:
    at, outside = 0, "in a tag, outside of a quoted attribute"
    for found in _ATTRIBUTE.finditer(tag):
        yield _Spot(tag[at : found.start(2)], refused=outside)
        name = found[1].lower()
        closed = f"in the attribute {name}" if _CLOSED_TO_VALUES.fullmatch(name) else ""
        yield _Spot(found[2], start, found.start(), name, closed)
        at = found.end()
    yield _Spot(tag[at:], refused=outside)


def placed(rendered: str, verbatim: frozenset[str], *, is_html: bool) -> str:
    """The rendered text, its lines stuffed if it is plain, with the holes in addresses renamed (IN_URL), but for the
    `verbatim`: tokens, which are letters and digits of addresses anyhow. Raises TemplateError, without the file's name,
    for a value where none can be written, and for a {% personal %} part whose ways do not end where they began."""
    if not is_html:
        return _TEXT_URL.sub(lambda found: _renamed(found[0], verbatim), _INDENTED.sub(_stuffed, rendered))
    written: list[str] = []
    opened: tuple[int, int] | None = None
    for spot in _spots(rendered):
        names = [unhex(found) for found in MARKER.findall(spot.text)]
        if names and spot.refused:
            raise TemplateError(f"{_called(names[0])} stands {spot.refused}, where it cannot be written safely")
        for name in names:
            opened = _within(opened, name, (spot.tag, spot.attribute))
        is_address = bool(names) and spot.name in _ADDRESSES
        written.append(_renamed(spot.text[1:-1], verbatim, spot.text[0]) if is_address else spot.text)
    return "".join(written)


def _stuffed(line: re.Match[str]) -> str:
    """The beginning of a line with one space more (RFC 3676, section 4.4). Holes before it count for nothing if they
    are borders; a value there is the line's beginning itself."""
    values = [name for found in MARKER.findall(line[1]) if not is_border(name := unhex(found))]
    return line[0] if values else f"{line[1]} {line[2]}"


def _within(opened: tuple[int, int] | None, name: str, here: tuple[int, int]) -> tuple[int, int] | None:
    """The place of the part that is open after this hole."""
    if not is_of_part(name):
        return opened
    if opened is not None and opened != here:
        raise TemplateError("a {% personal %} part begins in one attribute or text and ends in another")
    return here if name != PART_END else None


def _renamed(url: str, verbatim: frozenset[str], quoted: str = "") -> str:
    """An address with its holes renamed, in its quotes again."""
    start = 0
    written: list[str] = []
    for found in MARKER.finditer(url):
        name = unhex(found[1])
        written.append(url[start : found.start()])
        start = found.end()
        if not is_of_part(name) and not _HOST.match(MARKER.sub("", url[: found.start()])):
            raise TemplateError(f"p.{name} stands where an address says its host; it may stand behind that")
        is_token = is_of_part(name) or name in verbatim or name.startswith(IN_URL)
        written.append(found[0] if is_token else hole(IN_URL + name))
    return f"{quoted}{''.join(written)}{url[start:]}{quoted}"


def _called(name: str) -> str:
    """A hole as its template's author knows it."""
    return "a {% personal %} part" if is_of_part(name) else f"p.{name}"
