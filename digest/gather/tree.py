"""Bytes that claim to be a feed -> text -> an XML tree. Pure.

Documents that are well-formed take the fast path through libxml2; only the others are mended first. Nothing is ever
loaded from the network, and the document type is cut out before parsing, so no entity is ever defined (XXE, "billion
laughs"): https://cheatsheetseries.owasp.org/cheatsheets/XML_External_Entity_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from html.entities import html5

from lxml import etree

_BOMS = (  # the longer ones first: a UTF-32 mark begins like a UTF-16 one
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0?\0", "utf-16-le"),
    (b"\0<\0?", "utf-16-be"),
)
_MARKS = tuple(mark for mark, _ in _BOMS)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]+)""", re.IGNORECASE)
_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf|\s)*+(?:<\?xml\b[^>]*+>)?")
_USUAL = re.compile(rb"""<\?xml version=["']1\.0["'](?: encoding=["'](?i:utf-8)["'])?\s*+\?>""")
"""A declaration that may stay: taking one off copies the document, which costs a poll a twentieth of its time."""
_ELEMENT = re.compile(b"<[A-Za-z]")
_DOCTYPE = re.compile(rb"<!DOCTYPE", re.IGNORECASE)
_DOCTYPE_REST = re.compile(rb"[^\[>]*+(?:\[.*?\]\s*+)?>", re.DOTALL)
_START = re.compile(rb"<\?xml\b|<(?:[\w.-]+:)?(?:rss|feed|rdf|channel)[\s>]", re.IGNORECASE)
_HARMLESS = re.compile(rb"\s*(?:<!DOCTYPE|<!--|<\?)", re.IGNORECASE)
_REFERENCE = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|\]\]>|&(?:#(\d{1,7}|[xX][0-9a-fA-F]{1,6});|([A-Za-z][A-Za-z0-9]*);)?", re.DOTALL
)
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NUMBER = re.compile("&#(?:[xX]([0-9a-fA-F]++)|0*+([0-9]++));")
"""Where libxml2 guesses, it also reads references in what `mend` takes for CDATA or leaves (MAX_MENDED), and makes of
those to no character bytes that no Python string can hold (tests/data/fuzz/feed)."""
_PREDEFINED = frozenset(("amp", "lt", "gt", "quot", "apos"))
MAX_MENDED = 250_000
"""Invalid bytes or references that are mended one by one, which takes a microsecond each; a document with more of them
is read as libxml2 and windows-1252 have it."""
PROLOG = 4_096
"""Bytes in which a document must say what it is."""


def decode(body: bytes, content_type: str = "") -> str:
    """The text of `body`: readable even when the declared encoding is wrong or differs from place to place.

    In this order: byte order mark; UTF-8 if the bytes are valid UTF-8 with anything beyond ASCII in them (those of
    other encodings practically never are); what the XML declaration says; the HTTP charset; UTF-8 with every invalid
    byte read as windows-1252, which also reads all of windows-1252.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body.decode(name, "replace").lstrip("\ufeff")
    ascii_only = body.isascii()
    if not ascii_only:
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            pass
    for name in _declared(body, content_type):
        try:
            return body.decode(name)
        except (UnicodeDecodeError, LookupError, ValueError):
            continue
    if len(body) - len(body.decode("utf-8", "ignore").encode()) > MAX_MENDED:
        return body.decode("cp1252", "replace")
    return body.decode("utf-8", _LENIENT)


def _declared(body: bytes, content_type: str) -> list[str]:
    names = [found[1].decode("ascii") for found in [_DECLARED.match(body[:PROLOG])] if found]
    names += [found[1] for found in [_CHARSET.search(content_type)] if found]
    return [codec for name in names if (codec := _codec(name))]


@lru_cache(maxsize=256)
def _codec(name: str) -> str:
    """How an encoding that a document names is read; "" for one that must not be believed."""
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    # Latin-1 and ASCII mean windows-1252 on the web (WHATWG Encoding, 4.2). UTF-16 without its mark and zero bytes is
    # a wrong label. What is not a text encoding (rot13, zip) is no business of a feed's, nor is UTF-7: it hides markup,
    # and browsers refuse it.
    if codec.name in ("iso8859-1", "ascii"):
        return "cp1252"
    odd = codec.name.startswith(("utf-16", "utf-32", "utf-7", "unicode", "raw"))
    return "" if odd or not getattr(codec, "_is_text_encoding", True) else codec.name


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if error.reason == "unexpected end of data":
        return "", error.end  # the document was cut within a character
    wrong = error.object[error.start : error.end]
    return wrong.decode("cp1252", "replace"), error.end


_LENIENT = "digest-windows-1252"
codecs.register_error(_LENIENT, _as_windows)


@dataclass(frozen=True, slots=True)
class Tree:
    """A document as read."""

    root: etree._Element
    sound: bool
    """Whether it was well-formed, at least after mending; otherwise libxml2 has guessed where elements end."""


def utf8(body: bytes, content_type: str = "") -> bytes:
    """`decode` in UTF-8 again; the very same bytes when they are that already, as most are."""
    if not body.startswith(_MARKS) and not any(_is_escaped(name) for name in _declared(body, content_type)):
        if body.isascii():
            return body
        with suppress(UnicodeDecodeError):
            body.decode("utf-8")
            return body
    return decode(body, content_type).encode("utf-8", "ignore")


def _is_escaped(encoding: str) -> bool:
    """Whether it writes other characters as escapes in ASCII, so that ASCII does not mean itself."""
    return encoding.startswith(("iso2022", "hz"))


def prepare(data: bytes) -> bytes:
    """A document in UTF-8 from its root element on, as far as that can be told: without document type, an XML
    declaration that says anything else, and whatever a publisher's software has put before the feed."""
    begin = 0 if _USUAL.match(data) else _after_declaration(data, 0)
    prolog = data[begin : begin + PROLOG]
    start = _START.search(prolog)
    if start and start.start() and not _HARMLESS.match(prolog[: start.start()]):
        begin = _after_declaration(data, begin + start.start())  # a warning of the publisher's software came first
    return _without_doctype(data[begin:])


def _after_declaration(data: bytes, begin: int) -> int:
    found = _DECLARATION.match(data, begin)
    return found.end() if found else begin


def parse(data: bytes, url: str) -> Tree | None:
    """The tree of a prepared document; None when nothing of it can be read."""
    root = parse_sound(data, url)
    if root is not None:
        return Tree(root, sound=True)
    text = _NUMBER.sub(_character_or_space, _UNFIT.sub(_instead, mend(data.decode())))
    root = _read(text.encode(), url, recover=True)
    return None if root is None else Tree(root, sound=False)


def parse_sound(data: bytes, url: str) -> etree._Element | None:
    """The root of a prepared document that is well-formed, or is so once `mend` has been through it; None otherwise."""
    root = _read(data, url)
    if root is not None or not (b"&" in data or b"]]>" in data):
        return root
    return _read(mend(data.decode()).encode(), url)


def _read(data: bytes, url: str, *, recover: bool = False) -> etree._Element | None:
    try:
        return etree.fromstring(data, _parser(recover=recover), base_url=url)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _instead(found: re.Match[str]) -> str:
    return " " if found[0] in "\v\f" else ""  # word processors break lines with them


def mend(text: str) -> str:
    """HTML's named entities as characters, a bare & as &amp;, references to no character as a space; the end of CDATA
    that ends none as text."""
    return _REFERENCE.sub(_mended, text) if text.count("&") <= MAX_MENDED else text


def _mended(found: re.Match[str]) -> str:
    whole, number, name = found[0], found[1], found[2]
    if whole.startswith("<"):
        return whole
    if whole.startswith("]"):
        return "]]&gt;"
    if number:
        return whole if _is_character(int(number[1:], 16) if number[0] in "xX" else int(number)) else " "
    if name:
        return whole if name in _PREDEFINED else html5.get(name + ";", "&amp;" + name + ";")
    return "&amp;"


def _character_or_space(found: re.Match[str]) -> str:
    code = int(found[1], 16) if found[1] else int(found[2]) if len(found[2]) < 8 else 0
    return found[0] if _is_character(code) else " "


def _is_character(code: int) -> bool:
    """XML 1.0, production 2."""
    return code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code <= 0x10FFFF


def _without_doctype(data: bytes) -> bytes:
    # Only in the prolog: inside an item it is somebody's example in CDATA.
    root = _ELEMENT.search(data, 0, 16 * PROLOG)
    found = _DOCTYPE.search(data, 0, root.start() if root else 16 * PROLOG)
    if found is None:
        return data
    rest = _DOCTYPE_REST.match(data[: 16 * PROLOG], found.end())
    return data[: found.start()] + data[rest.end() :] if rest else data


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8", recover=recover, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True, collect_ids=False,
    )  # fmt: skip
