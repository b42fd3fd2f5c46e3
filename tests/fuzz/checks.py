"""What must hold of everything that a parser makes of strangers' bytes."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from html.parser import HTMLParser

from digest.gather import clean, kept
from digest.gather.dates import EARLIEST
from digest.gather.refine import refine
from digest.types import Feed, RawArticle

_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the direction of what follows ("gpj.exe" for "exe.jpg")."""
_NEVER_WORDS = """
    script style iframe object embed form input button textarea select svg math link meta base frame frameset
    """
_NEVER = frozenset(_NEVER_WORDS.split())


class BrokenRule(AssertionError):
    """An invariant that does not hold, with what was found."""


def require(holds: bool, *told: object) -> None:
    """Unlike `assert` it also works under -O."""
    if not holds:
        raise BrokenRule(" ".join(repr(each)[:400] for each in told))


def feed(found: Feed) -> None:
    """The feed's own fields, and every article of it."""
    line(found.title, "feed.title")
    address(found.site_url, "feed.site_url")
    language(found.language)
    require(bool(found.items) or found.passed_over > 0, "a feed without an item is no feed")
    for item in found.items:
        article(item)


def article(raw: RawArticle) -> None:
    """A `RawArticle` as any reader gives it."""
    require(bool(raw.title) and bool(raw.guid), "no title or guid", raw)
    for name in ("title", "author", "publisher", "image_alt", "guid", "credit"):
        line(getattr(raw, name), name)
    for name in ("text", "summary"):
        paragraphs(getattr(raw, name), name)
    address(raw.url, "url")
    address(raw.image_url, "image_url")
    language(raw.language)
    moment(raw.published_at)
    moment(raw.updated_at)
    require(len(raw.title) <= clean.MAX_TITLE, "title too long", len(raw.title))
    require(len(raw.text) <= clean.MAX_TEXT, "text too long", len(raw.text))
    require(len(raw.guid) <= 1_000, "guid too long", len(raw.guid))
    markup(raw.html)


def refined(raw: RawArticle) -> None:
    """The last step at the door changes nothing when it is taken again, and breaks no rule."""
    once = refine(raw, site_url="https://site.example/")
    article(once)
    again = refine(once, site_url="https://site.example/")
    require(again == once, "refined twice is not refined once", once, again)


def line(told: str, name: str) -> None:
    """One line of plain text."""
    _plain(told, name)
    require("\n" not in told and told == told.strip(), name, told)


def paragraphs(told: str, name: str) -> None:
    """Plain text by lines, none of them blank."""
    _plain(told, name)
    require(not told or all(part and part == part.strip() for part in told.split("\n")), name, "blank lines", told)


def _plain(told: str, name: str) -> None:
    wrong = [each for each in told if unicodedata.category(each) in ("Cc", "Cs") and each != "\n"]
    require(not wrong, name, "control characters", wrong, told)
    require(not _OVERRIDES.intersection(told), name, "overrides of direction", told)
    require(unicodedata.is_normalized("NFC", told), name, "not NFC", told)


def address(told: str, name: str) -> None:
    """An http(s) address that can stand in a mail, or nothing."""
    _plain(told, name)
    require(not told or told.startswith(("http://", "https://")), name, "scheme", told)
    require(not set(told) & set(' \t\n"<>'), name, "raw characters", told)
    require(len(told) <= clean.MAX_URL, name, "too long", len(told))


def language(told: str) -> None:
    """A primary subtag, or nothing."""
    require(
        told == "" or (told.isalpha() and told.isascii() and told == told.lower() and len(told) <= 3), "language", told
    )


def moment(told: datetime | None) -> None:
    """An aware moment in UTC, in the time of the web."""
    require(told is None or (told.tzinfo is UTC and told >= EARLIEST), "moment", told)


def markup(told: str) -> None:
    """Markup that may be shown, read by another parser than those that cleaned it."""
    reader = _Reader()
    reader.feed(told)
    reader.close()


def markup_again(told: str) -> None:
    """Cleaning twice is cleaning once."""
    again = kept.keep(told)
    require(again == told, "cleaned twice is not cleaned once", told, again)


class _Reader(HTMLParser):
    """Raises at the first thing that must not be there."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        require(tag not in _NEVER, "element", tag)
        for name, value in attrs:
            require(
                not name.startswith("on") and name not in ("style", "srcset", "class", "id"), "attribute", tag, name
            )
            if name in ("href", "src"):
                address(value or "", f"{tag} {name}")
                require(bool(value), tag, name, "is empty")

    def handle_comment(self, data: str) -> None:
        require(False, "a comment", data)

    def handle_decl(self, decl: str) -> None:
        require(False, "a declaration", decl)

    def handle_pi(self, data: str) -> None:
        require(False, "a processing instruction", data)

    def unknown_decl(self, data: str) -> None:
        require(False, "a section", data)
