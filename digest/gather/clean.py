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

__all__ = [
    "MAX_HTML",
    "MAX_TEXT",
    "MAX_TITLE",
    "MAX_URL",
    "MIN_IMAGE",
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


def html(told: str, limit: int = MAX_TEXT, *, base: str = "", keep: bool = False) -> Read:
    """Read markup (or text that only may be markup) as a person would: text by paragraphs, and its pictures.

    With `keep` also the markup that may be stored and shown, its addresses made absolute with `base`; the text is then
    that of what is kept, at most `limit` characters of it.
    """
    if not keep:
        return markup.read(told, limit)
    shown = kept.keep(told, base)
    read = markup.read(shown, limit)
    return Read(read.text, read.images, shown)
