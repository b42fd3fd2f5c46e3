"""Bytes that claim to be a feed -> text -> an XML tree. Pure.

Documents that are well-formed take the fast path through libxml2; only the others are mended first. Nothing is ever
loaded from the network, and the document type is cut out before parsing, so no entity is ever defined (XXE, "billion
laughs"): https://cheatsheetseries.owasp.org/cheatsheets/XML_External_Entity_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import codecs
import re
from html.entities import html5

from lxml import etree

from digest.errors import FeedError

_BOMS = (  # the longer ones first: a UTF-32 mark begins like a UTF-16 one
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0?\0", "utf-16-le"),
    (b"\0<\0?", "utf-16-be"),
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]+)""", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml\b[^>]*\?>")
_DOCTYPE = re.compile(r"<!DOCTYPE", re.IGNORECASE)
_DOCTYPE_REST = re.compile(r"[^\[>]*+(?:\[.*?\]\s*+)?>", re.DOTALL)
_START = re.compile(r"<\?xml\b|<rss[\s>]|<feed[\s>]|<rdf:RDF[\s>]")
_REFERENCE = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|&(?:#(\d{1,7}|[xX][0-9a-fA-F]{1,6});|([A-Za-z][A-Za-z0-9]*);)?", re.DOTALL
)
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PREDEFINED = frozenset(("amp", "lt", "gt", "quot", "apos"))
PROLOG = 4_096
"""Characters in which a document must say what it is."""


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
    return body.decode("utf-8", _LENIENT)


def _declared(body: bytes, content_type: str) -> list[str]:
    names = [found[1].decode("ascii") for found in [_DECLARED.match(body[:PROLOG])] if found]
    names += [found[1] for found in [_CHARSET.search(content_type)] if found]
    fit = []
    for name in names:
        try:
            codec = codecs.lookup(name)
        except (LookupError, ValueError):
            continue
        # Latin-1 and ASCII mean windows-1252 on the web (WHATWG Encoding, 4.2). UTF-16 without its mark and zero bytes
        # is a wrong label. What is not a text encoding (rot13, zip) is no business of a feed's.
        if codec.name in ("iso8859-1", "ascii"):
            fit.append("cp1252")
        elif getattr(codec, "_is_text_encoding", True) and not codec.name.startswith(
            ("utf-16", "utf-32", "unicode", "raw")
        ):
            fit.append(name)
    return fit


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return wrong.decode("cp1252", "replace"), error.end


_LENIENT = "digest-windows-1252"
codecs.register_error(_LENIENT, _as_windows)


def parse(text: str, url: str) -> etree._Element:
    """The root of the document. Raises FeedError when nothing of it can be read."""
    text = _DECLARATION.sub("", text.lstrip("\ufeff \t\r\n"))
    start = _START.search(text[:PROLOG])
    if start and start.start() and not re.match(r"\s*(?:<!DOCTYPE|<!--|<\?)", text[: start.start()], re.IGNORECASE):
        text = _DECLARATION.sub("", text[start.start() :])  # a warning of the publisher's software came first
    text = _without_doctype(text)
    try:
        return etree.fromstring(text.encode(), _parser(recover=False), base_url=url)
    except (etree.XMLSyntaxError, UnicodeEncodeError, ValueError):
        pass
    try:
        root = etree.fromstring(mend(text).encode("utf-8", "ignore"), _parser(recover=True), base_url=url)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        raise FeedError("is neither XML nor JSON, so not a feed")
    return root


def mend(text: str) -> str:
    """Well-formed XML writes HTML's named entities as characters, a bare & as &amp;, and has no control characters."""

    def fix(found: re.Match[str]) -> str:
        whole, number, name = found[0], found[1], found[2]
        if whole.startswith("<"):
            return whole
        if number:
            code = int(number[1:], 16) if number[0] in "xX" else int(number)
            return (
                whole
                if code in (9, 10, 13)
                or 0x20 <= code < 0xD800
                or 0xE000 <= code < 0xFFFE
                or 0x10000 <= code <= 0x10FFFF
                else " "
            )
        if name:
            return whole if name in _PREDEFINED else html5.get(name + ";", "&amp;" + name + ";")
        return "&amp;"

    return _UNFIT.sub("", _REFERENCE.sub(fix, text))


def _without_doctype(text: str) -> str:
    head = text[: 16 * PROLOG]
    found = _DOCTYPE.search(head)
    # Only in the prolog: inside an item it is somebody's example in CDATA.
    if found is None or re.search(r"<[A-Za-z]", head[: found.start()]):
        return text
    rest = _DOCTYPE_REST.match(head, found.end())
    return head[: found.start()] + text[rest.end() :] if rest else text


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8", recover=recover, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
