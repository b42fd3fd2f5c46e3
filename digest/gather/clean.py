"""Anything a publisher may send -> plain text and web addresses that are safe to store and to show. Pure.

Texts leave this module in NFC, without markup, control characters or bidirectional overrides (which can make a headline
read as something else, https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing), with whitespace folded.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from html import unescape
from urllib.parse import urljoin, urlsplit

from lxml import etree

MAX_TITLE = 500
MAX_TEXT = 10_000
MAX_URL = 2_000
"""Longer addresses are not followed by all browsers and mail programs; a feed that sends one is broken."""
MAX_HTML = 200_000
"""Characters of markup that are read for one article: its first 10,000 characters of text lie well within."""
MIN_IMAGE = 50
"""Pixels. Declared smaller in either direction, a picture is an avatar, an icon or a tracking pixel."""

_SKIPPED_ELEMENTS = (
    "script style noscript template head title iframe object embed svg math button select textarea audio video canvas "
    # A caption explains a picture that the text does not show beside it; as a first sentence it misleads.
    "figcaption"
)
_BLOCK_ELEMENTS = (
    "address article aside blockquote body br center dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 "
    "h6 header hr html li main nav ol p pre section summary table tbody tfoot thead tr ul"
)
_SKIPPED = frozenset(_SKIPPED_ELEMENTS.split())
_BLOCKS = frozenset(_BLOCK_ELEMENTS.split())
_CELLS = frozenset(("td", "th"))
_FORMATTING = "a|abbr|b|big|bdi|cite|code|del|em|font|i|ins|kbd|mark|q|s|small|span|strike|strong|sub|sup|tt|u|var"
_PAIR = re.compile(rf"<({_FORMATTING})(?:\s[^<>]*)?>([^<>]*)</\1\s*>", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|wbr|hr)\s*/?>", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_TRACKERS = re.compile(
    r"feedburner\.com/~|//pixel\.|/pixel\.gif|doubleclick\.net|s\.w\.org/images/core/emoji|//stats\."
)
_SPACE = re.compile(r"\s+")
_GAP = re.compile(r"\n[^\S\n]*\n\s*")


def _table() -> dict[int, str | None]:
    table: dict[int, str | None] = {}
    for code in (*range(0x20), 0x7F):
        table[code] = None
    table.update({0x09: "\t", 0x0A: "\n", 0x0B: " ", 0x0C: " ", 0x0D: "\n", 0x2028: "\n", 0x2029: "\n"})
    # &#146; means a curly apostrophe to every browser (HTML, numeric character reference end state).
    for code in range(0x80, 0xA0):
        table[code] = bytes([code]).decode("cp1252", "ignore") or None
    overrides = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
    invisible = (0x00AD, 0x200B, 0x2060, 0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB, 0xFFFE, 0xFFFF, *range(0xD800, 0xE000))
    return table | dict.fromkeys((*overrides, *invisible))


_TABLE = _table()
_UNWANTED = re.compile("[" + "".join(re.escape(chr(code)) for code in _TABLE if code not in (0x09, 0x0A)) + "]")


@dataclass(frozen=True, slots=True)
class Image:
    """A picture found in markup; `url` as written."""

    url: str
    alt: str


@dataclass(frozen=True, slots=True)
class Read:
    """What a person sees of a piece of markup."""

    text: str
    images: tuple[Image, ...] = ()


_MARK = (
    r"[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff"
    r"\u20d0-\u20ff\ufe20-\ufe2f]"
)
_MARKS = re.compile(rf"({_MARK}{{8}}){_MARK}+")
"""More than eight combining marks on one letter: no language needs them, and normalising a run of them takes time by
the square of its length, with every other thread waiting (80,000 marks: 5 s)."""


def scrub(text: str) -> str:
    """`text` in NFC without characters that nobody should see; whitespace as it was."""
    # Looking first is several times cheaper than translating every character of a text beyond ASCII.
    seen = text.translate(_TABLE) if _UNWANTED.search(text) else text
    return unicodedata.normalize("NFC", _MARKS.sub(r"\1", seen))


def line(text: str, limit: int = MAX_TITLE) -> str:
    """One line of plain text, at most `limit` characters; a cut is marked with an ellipsis."""
    return _cut(" ".join(scrub(text).split()), limit)


def paragraphs(text: str, limit: int = MAX_TEXT) -> str:
    """Plain text whose blank lines separate paragraphs -> paragraphs separated by one newline."""
    parts = (" ".join(part.split()) for part in _GAP.split(scrub(text)))
    return _cut("\n".join(part for part in parts if part), limit)


def title(text: str) -> str:
    """A headline as people read it.

    Some publishers escape titles once, some twice, and some mean the very characters ("How the <video> element works").
    So entities are read once more, closed pairs of formatting elements lose their tags, any other `<...>` stays text.
    """
    text = text[: MAX_TITLE * 8]
    if "<" in text:
        text = _BREAK.sub(" ", text)
        for _ in range(4):
            text, count = _PAIR.subn(r"\2", text)
            if not count:
                break
    if "&" in text:
        text = unescape(text)
    return line(text)


def html(markup: str, limit: int = MAX_TEXT) -> Read:
    """Read markup (or text that only may be markup) as a person would: text by paragraphs, and its pictures."""
    if "<" not in markup:
        return Read(paragraphs(unescape(markup) if "&" in markup else markup, limit))
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    data = scrub(markup[:MAX_HTML]).encode("utf-8", "replace")
    try:
        root = etree.fromstring(data, parser)
    except etree.LxmlError:
        root = None
    if root is None:
        return Read(paragraphs(re.sub(r"<[^>]*>", " ", markup), limit))
    parts, images = _walk(root)
    lines = (" ".join(part.split()) for part in "".join(parts).split("\n"))
    return Read(_cut(scrub("\n".join(part for part in lines if part)), limit), tuple(images))


def _walk(root: etree._Element) -> tuple[list[str], list[Image]]:
    parts: list[str] = []
    images: list[Image] = []
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, node in walker:
        # Namespaced xhtml reaches the HTML parser as <xhtml:p>.
        tag = str(node.tag).rpartition(":")[2].lower()
        if event == "end":
            parts.append("\n" if tag in _BLOCKS else " " if tag in _CELLS else "")
            parts.append(_SPACE.sub(" ", node.tail or ""))
        elif tag in _SKIPPED or node.get("hidden") is not None or _HIDDEN.search(node.get("style") or ""):
            walker.skip_subtree()
        else:
            parts.append("\n" if tag in _BLOCKS else "")
            parts.append(_SPACE.sub(" ", node.text or ""))
            if tag in ("img", "image"):
                images.extend(_image(node))
    return parts, images


def _image(node: etree._Element) -> list[Image]:
    source = node.get("src") or ""
    if not source or source.startswith("data:"):
        source = node.get("data-src") or ""  # lazy loading keeps the address there
    small = too_small(node.get("width"), node.get("height"))
    if not source or small or _TRACKERS.search(source):
        return []
    return [Image(source, line(node.get("alt") or "", 300))]


def too_small(width: str | None, height: str | None) -> bool:
    """Whether a declared size (in pixels, as written) rules a picture out; no declaration does not."""
    for told in (width, height):
        digits = re.match(r"\s*(\d+)(?:px)?\s*$", told or "")
        if digits and int(digits[1][:6]) < MIN_IMAGE:
            return True
    return False


def address(told: str | None, base: str) -> str:
    """An absolute http(s) address for what a document calls a link, or "" when it is none."""
    text = "".join(scrub(told or "").split("\n")).strip()
    if not text or len(text) > MAX_URL:
        return ""
    try:
        text = urljoin(base, text)
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or (parts.port or 1) < 1:
            return ""
    except ValueError:
        return ""
    # A raw space or quote would end the address in a mail; percent-encode what RFC 3986 never allows.
    return re.sub(r"[\s<>\"\\^`{|}]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)


def person(told: str) -> str:
    """The name in an RSS `author` ("mail@host (Name)", "Name <mail@host>") or ""; a bare address is nobody's name."""
    text = line(unescape(told), 200)
    if found := re.match(r"\S+@\S+\s*\((.+)\)$", text):
        return found[1].strip()
    text = re.sub(r"\s*<[^<>\s]+@[^<>\s]+>$", "", text).strip(" \"'")
    return "" if re.fullmatch(r"\S+@\S+", text) else text


def language(told: str | None) -> str:
    """The primary language subtag in lower case (BCP 47), or ""."""
    found = re.match(r"\s*([A-Za-z]{2,3})(?:[-_].*)?\s*$", told or "", re.DOTALL)
    return found[1].lower() if found else ""


def first_words(text: str, limit: int = 90) -> str:
    """A headline for an item that has none."""
    return _cut(text.partition("\n")[0], limit)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    room = text[: limit - 1]
    head = room.rstrip() if text[limit - 1].isspace() else (room.rpartition(" ")[0] or room)
    return (head if len(head) > limit // 2 else room).rstrip() + "…"
