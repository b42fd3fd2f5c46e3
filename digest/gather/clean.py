"""Everything from a publisher is cleaned once, at the door; this is what the other modules call. Pure.

`plain` has texts, names and addresses, `markup` reads markup as a person would, `pictures` finds its pictures and
`kept` makes markup that may be shown.
"""

from __future__ import annotations

from digest.gather import kept, markup
from digest.gather.markup import MAX_HTML, Read
from digest.gather.pictures import MIN_IMAGE, Image, too_small
from digest.gather.plain import (
    MAX_TEXT,
    MAX_TITLE,
    MAX_URL,
    address,
    first_words,
    language,
    line,
    paragraphs,
    person,
    scrub,
    title,
)

MAX_READ = 5_000_000
"""Characters of all bodies of a document that are read by their trees: as much as the door lets through. The worst that
was found (links that are never closed) takes 0.4 s."""
MAX_WORK = 400_000
"""Microseconds, about, that keeping markup may take: 4 for a tag, 24 for an attribute with a value (an address is made
absolute, in every round), and 1 for 20 characters, as measured on pictures, links and line breaks. A feed of 120 KB
with links and pictures takes 31,000, so one of 1.5 MB is kept as it is."""

__all__ = [
    "MAX_HTML",
    "MAX_TEXT",
    "MAX_TITLE",
    "MAX_URL",
    "MIN_IMAGE",
    "Budget",
    "Image",
    "Read",
    "address",
    "first_words",
    "html",
    "language",
    "line",
    "paragraphs",
    "person",
    "scrub",
    "title",
    "too_small",
]


class Budget:
    """What may be spent on the markup of one document, so that none takes a second. Each body takes its share."""

    __slots__ = ("_kept", "_read")

    def __init__(self, read: int = MAX_READ, kept: int = MAX_WORK) -> None:
        self._read = read
        self._kept = kept

    def reads(self, told: str) -> bool:
        """Whether a body may be read by its tree."""
        self._read -= min(len(told), MAX_HTML)
        return self._read >= 0

    def keeps(self, told: str) -> bool:
        """Whether the markup of a body may be kept. One that is too much does not spoil it for those behind it."""
        told = told[:MAX_HTML]
        work = len(told) // 20 + 4 * told.count("<") + 24 * told.count("=")
        if work > self._kept:
            return False
        self._kept -= work
        return True


def html(told: str, limit: int = MAX_TEXT, *, base: str = "", keep: bool = False, budget: Budget | None = None) -> Read:
    """Read markup (or text that only may be markup) as a person would: text by paragraphs, and its pictures.

    With `keep` also the markup that may be stored and shown, its addresses made absolute with `base`; the text is then
    that of what is kept, at most `limit` characters of it. `budget` is that of the document: when it is used up, of
    markup only paragraphs are kept, and of what is beyond that only the words are read.
    """
    read = markup.read if budget is None or budget.reads(told) else markup.bare
    if not keep:
        return read(told, limit)
    if budget is None or budget.keeps(told):
        shown = kept.keep(told, base)
        found = markup.read(shown, limit)
        return Read(found.text, found.images, shown)
    found = read(told, limit)
    shown = kept.paragraphs(found.text)
    return Read(markup.read(shown, limit).text, found.images, shown)
