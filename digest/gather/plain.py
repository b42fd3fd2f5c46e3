"""Texts, names and addresses as a publisher may send them -> what is safe to store and to show. Pure.

Texts leave this module in NFC, without markup, control characters or bidirectional overrides (which can make a headline
read as something else, https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing), with whitespace folded.
"""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from urllib.parse import urljoin, urlsplit

MAX_TITLE = 500
MAX_TEXT = 10_000
MAX_URL = 2_000
"""Longer addresses are not followed by all browsers and mail programs; a feed that sends one is broken."""

_FORMATTING = "a|abbr|b|big|bdi|cite|code|del|em|font|i|ins|kbd|mark|q|s|small|span|strike|strong|sub|sup|tt|u|var"
_PAIR = re.compile(rf"<({_FORMATTING})(?:\s[^<>]*)?>([^<>]*)</\1\s*>", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|wbr|hr)\s*/?>", re.IGNORECASE)
_GAP = re.compile(r"\n[^\S\n]*\n\s*")


_TAGS = range(0xE0000, 0xE0080)


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
    # Fillers of Hangul, the Mongolian vowel separator and tags (Default_Ignorable_Code_Point, UAX 44) show nothing, and
    # tags hide whole sentences. A flag of a region (UTS 51, emoji tag sequence) becomes the black flag that it begins.
    unseen = (0x115F, 0x1160, 0x180E, 0x3164, 0xFFA0, *_TAGS)
    return table | dict.fromkeys((*overrides, *invisible, *unseen))


_TABLE = _table()
_FEW = "".join(re.escape(chr(code)) for code in _TABLE if code not in (0x09, 0x0A, *_TAGS))
_UNWANTED = re.compile(f"[{_FEW}{chr(_TAGS[0])}-{chr(_TAGS[-1])}]")  # the tags as one range: they are tried one by one
_UNWANTED_BYTES = bytes(
    code for code in _TABLE if code < 0x100 and code not in range(0x80, 0xA0) and code not in b"\t\n"
)
"""What `_UNWANTED` finds among the characters of windows-1252, in that encoding."""

_MARK = (
    r"[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff"
    r"\u20d0-\u20ff\ufe20-\ufe2f]"
)
_NEVER_IN_URLS = re.compile(rf"[\s<>\"\\^`{{|}}]{_MARK}*+")
"""What RFC 3986 never allows; with the marks behind it, for as it is encoded they would combine with a digit."""
_MARKS = re.compile(rf"({_MARK}{{8}}){_MARK}+")
"""More than eight combining marks on one letter: no language needs them, and normalising a run of them takes time by
the square of its length, with every other thread waiting (80,000 marks: 5 s)."""


def western(text: str) -> bool:
    """Whether `text` has only characters of windows-1252 and none that `scrub` would change.

    They are all in NFC by themselves (UAX 15: no character of windows-1252 has NFC_Quick_Check other than Yes). Most
    texts are such, and asking the codec costs a quarter of the searches that it spares.
    """
    if text.isascii() and text.isprintable():
        return True
    try:
        data = text.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return len(data.translate(None, _UNWANTED_BYTES)) == len(data)


def scrub(text: str) -> str:
    """`text` in NFC without characters that nobody should see; whitespace as it was."""
    if western(text):
        return text
    # Looking first is several times cheaper than translating every character of a text.
    seen = text.translate(_TABLE) if _UNWANTED.search(text) else text
    few = _MARKS.sub(r"\1", seen)
    return few if unicodedata.is_normalized("NFC", few) else unicodedata.normalize("NFC", few)


def line(text: str, limit: int = MAX_TITLE) -> str:
    """One line of plain text, at most `limit` characters; a cut is marked with an ellipsis."""
    return cut(" ".join(scrub(text).split()), limit)


def paragraphs(text: str, limit: int = MAX_TEXT) -> str:
    """Plain text whose blank lines separate paragraphs -> paragraphs separated by one newline."""
    parts = (" ".join(part.split()) for part in _GAP.split(scrub(text)))
    return cut("\n".join(part for part in parts if part), limit)


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


def address(told: str | None, base: str) -> str:
    """An absolute http(s) address for what a document calls a link, or "" when it is none."""
    text = scrub(told or "").strip()
    if "\n" in text or "\t" in text:
        # As browsers do (URL standard, 4.4), and only then is what stood around them put together in NFC.
        text = scrub(text.translate({9: None, 10: None}))
    if not text or len(text) > MAX_URL:
        return ""
    try:
        text = urljoin(base, text)
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or (parts.port or 1) < 1:
            return ""
    except ValueError:
        return ""
    text = parts.scheme + text[len(parts.scheme) :]  # in lower case: others look whether it begins with "https:"
    # A raw space or quote would end the address in a mail.
    text = _NEVER_IN_URLS.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)
    return text if len(text) <= MAX_URL else ""


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
    return cut(text.partition("\n")[0], limit)


def cut(text: str, limit: int) -> str:
    """`text` when it has at most `limit` characters, else its beginning up to a word, with an ellipsis."""
    if len(text) <= limit:
        return text
    room = text[: limit - 1]
    head = room.rstrip() if text[limit - 1].isspace() else (room.rpartition(" ")[0] or room)
    return (head if len(head) > limit // 2 else room).rstrip() + "…"
