"""The last step at the door, the same for an article of a feed, of a page and of the push interface. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from math import ceil
from urllib.parse import urlsplit

from digest.gather import credit, identity
from digest.gather.endings import without_endings
from digest.gather.language import detect
from digest.types import RawArticle

WORDS_A_MINUTE = 238
"""Adults reading English non-fiction silently (Brysbaert, Journal of Memory and Language 109, 2019: 190 studies)."""
SIGNS_A_MINUTE = 500
"""Characters of Chinese, Japanese and Korean, as Medium counts them (help.medium.com, "Read time")."""

_SIGN = re.compile(
    r"[\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff]"
)
_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff]")
_DIVIDER = re.compile(r"\s+(?:[-–—|•·»:]|::|\|\|)\s+(?=\S)")
_BY = {
    "": r"by|بقلم",
    "de": r"von",
    "fr": r"par",
    "es": r"por",
    "pt": r"por",
    "it": r"di",
    "nl": r"door",
    "sv": r"av",
    "no": r"av",
    "da": r"af",
}
"""What stands before a name in a byline, by language: "Von" and "Di" are also parts of names."""
_TRIMMED = " \t\n.:;,!?…-–—|\"'“”„«»‘’"


def refine(raw: RawArticle, *, site_url: str = "") -> RawArticle:
    """`raw` as it is kept: `site_url` is the address of its source's site, "" when unknown.

    The address loses its trackers, headline and authors what surrounds them, the texts their endings and a repeated
    headline; an agency is credited, and a language that nobody declared is told from the text, when that is sure.
    """
    title = without_publisher(raw.title, raw.publisher, site_url)
    text = without_headline(without_endings(raw.text), title, raw.title)
    summary = without_headline(without_endings(raw.summary), title, raw.title)
    language = raw.language or detect(title, text or summary)
    author = without_by(raw.author, language)
    return replace(
        raw,
        url=identity.canonical_url(raw.url),
        title=title,
        text=text,
        summary="" if _same(summary, title) else summary,
        author=author,
        language=language,
        credit=raw.credit or credit.find(author, text or summary, raw.publisher),
    )


def without_publisher(title: str, publisher: str, site_url: str = "") -> str:
    """A headline without the publisher's name, or its host, behind the last divider ("Crane goes - Harbour Post")."""
    dividers = list(_DIVIDER.finditer(title))
    if not dividers:
        return title
    last = dividers[-1]
    told = _name(title[last.end() :])
    head = title[: last.start()].rstrip()
    return head if head and told in (_name(publisher), _host(site_url)) else title


def without_headline(text: str, *titles: str) -> str:
    """`text` without first lines that are one of `titles`; of a text that is nothing else the last line stays."""
    first, _, rest = text.partition("\n")
    while rest and any(_same(first, title) for title in titles):
        text = rest
        first, _, rest = text.partition("\n")
    return text


def without_by(author: str, language: str) -> str:
    """Who wrote it, without the "By" of a byline."""
    told = author.strip()
    for tag in {"", language}:
        if tag in _BY and (found := _by(tag).match(told)):
            return told[found.end() :].strip() or told
    return told


def words(text: str, language: str = "") -> int:
    """How many English words take as long to read as `text`.

    Words are what stands between blanks. A character of a script without blanks counts by its own rate, and so do those
    of Korean, which has blanks between whole phrases, when `language` is "ko".
    """
    signs, rest = _SIGN.subn(" ", text) if not text.isascii() else (text, 0)
    if language == "ko":
        signs, more = _HANGUL.subn(" ", signs)
        rest += more
    return len(signs.split()) + ceil(rest * WORDS_A_MINUTE / SIGNS_A_MINUTE)


def reading_minutes(words: int) -> int:
    """Minutes that so many words take, rounded; at least one, and none for no words."""
    return max(1, round(words / WORDS_A_MINUTE)) if words > 0 else 0


@lru_cache(maxsize=32)
def _by(tag: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{_BY[tag]})(?:\s*:\s*|\s+)(?=\S)", re.IGNORECASE)


def _same(one: str, other: str) -> bool:
    return len(one) <= 2 * len(other) + 8 and _folded(one) == _folded(other)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).strip(_TRIMMED)


@lru_cache(maxsize=4_096)
def _name(publisher: str) -> str:
    """A name to compare: "The Harbour Post" is also "Harbour Post"."""
    return _folded(publisher).removeprefix("the ") or "\0"


@lru_cache(maxsize=4_096)
def _host(site_url: str) -> str:
    try:
        return (urlsplit(site_url).hostname or "\0").removeprefix("www.")
    except ValueError:
        return "\0"
