"""What a story says in two or three sentences, and what is new in it, only with sentences of its articles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from digest.stories.terms import language_of, near_equal, words
from digest.types import Telling

_END = re.compile(r"[.!?…؟۔]+[\"'”’»“)\]]*(?=\s|$)|[。！？｡]+(?![」』”）。！？｡])")
"""Where a sentence may end. Scripts without spaces end one without a following blank. “ closes a German quotation."""
_SHORT = """
mr mrs ms dr prof rev hon sen rep gov gen col lt sgt capt st jr sr inc ltd co corp vs etc no nos vol dept est
approx jan feb mar apr jun jul aug sep sept oct nov dec mt ft u.s u.k u.n e.g i.e a.m p.m cf al fig op bzw ca
z.b d.h u.a o.ä usw evtl ggf inkl exkl nr str hl sog vgl zzgl abs art bd geb gest ing mio mrd std tel u.s.w د أ
م ص ق.م
"""
_ABBREVIATIONS = frozenset(_SHORT.split())
_MAYBE_LAST = frozenset(("etc", "inc", "ltd", "co", "corp", "jr", "sr", "a.m", "p.m", "usw", "u.s", "u.k", "u.n"))
"""These also end sentences; they do when a capital or a quotation follows."""
_AFTER_ORDINALS = frozenset(
    (
        "januar",
        "jänner",
        "februar",
        "märz",
        "april",
        "mai",
        "juni",
        "juli",
        "august",
        "september",
        "oktober",
        "november",
        "dezember",
        "jahrhundert",
    )
)
_SIGHT = 40
"""Characters looked at on either side of a mark: a word and its quotation marks, so that long texts stay linear."""
_CUT = re.compile(r"(?:\[\s*(?:…|\.{3})\s*\]|…|\.{3})\s*$")
"""How feeds mark a text they cut."""
_INVITATION = re.compile(
    r"^(?:read (?:more|the full|on)|continue reading|click here|the post .* appeared first on|weiterlesen|mehr dazu"
    r"|lesen sie (?:mehr|auch)|اقرأ (?:المزيد|أيضا))",
    re.IGNORECASE,
)
_ELLIPSIS = "…"
TITLE_OVERLAP = 0.8
LEAST_SHARE = 0.6
"""Below this a sentence of the same words as the title says so much else that it is no repetition."""
SAME_OVERLAP = 0.6
"""Share of a sentence's terms found in one earlier sentence from which on it says nothing new."""
KNOWN_OVERLAP = 0.8
"""The same against everything told before."""
LEAST_TERMS = 4
"""A sentence with fewer terms is no news by itself ("More follows.")."""


def sentences(text: str, language: str = "") -> list[str]:
    """The sentences of `text` in order, trimmed, inner blanks folded. A newline always ends a sentence.

    Dots of abbreviations, initials, decimals and German ordinals ("3. März") end none, nor does a mark inside a
    quotation that goes on in lower case.
    """
    out = []
    for paragraph in text.splitlines():
        paragraph = " ".join(paragraph.split())
        start = 0
        for match in _END.finditer(paragraph):
            if _ends(paragraph, match, language):
                out.append(paragraph[start : match.end()].strip())
                start = match.end()
        if paragraph[start:].strip():
            out.append(paragraph[start:].strip())
    return out


def _ends(paragraph: str, match: re.Match[str], language: str) -> bool:
    following = paragraph[match.end() : match.end() + _SIGHT].lstrip().lstrip("\"'“„«»‘(")
    if not following:
        return True
    if following[0].islower():
        return False
    if not match.group().startswith(".") or match.group().startswith(".."):
        return True
    before = paragraph[max(0, match.start() - _SIGHT) : match.start()].rsplit(maxsplit=1)
    last = before[-1].lstrip("\"'“„«»‘(") if before else ""
    if last.isdigit():
        next_word = re.split(r"\W", following.casefold(), maxsplit=1)[0]
        ordinal = language == "de" and len(last) <= 2
        return not (ordinal or next_word in _AFTER_ORDINALS)
    if len(last) == 1 and last.isalpha() and last.isupper():
        return False
    folded = last.casefold()
    return folded not in _ABBREVIATIONS or folded in _MAYBE_LAST


def summarise(title: str, text: str, *, language: str = "", limit: int = 3, max_chars: int = 360) -> str:
    """Up to `limit` whole sentences from the beginning of `text`, in order, within `max_chars` characters.

    The first sentences of a news text are a summary that is hard to beat (the "lead-3" baseline: Nallapati, Zhai,
    Zhou, AAAI 2017). Sentences that repeat the title and invitations to read on are left out, and so is a last sentence
    that the feed cut off, if there is another. Only a first sentence that is too long by itself is shortened, between
    two words, with an ellipsis. Empty when nothing is left.
    """
    tag = language_of(language, title, text)
    chosen: list[str] = []
    length = 0
    for sentence in _without_cut(sentences(text, tag)):
        if _INVITATION.match(sentence) or _repeats(sentence, title, tag) or sentence in chosen:
            continue
        more = len(sentence) + bool(chosen)
        if length + more > max_chars:
            return " ".join(chosen) if chosen else _shorten(sentence, max_chars)
        chosen.append(sentence)
        length += more
        if len(chosen) == limit:
            break
    return " ".join(chosen)


def _without_cut(found: list[str]) -> list[str]:
    return found[:-1] if len(found) > 1 and _CUT.search(found[-1]) else found


def _repeats(sentence: str, title: str, language: str) -> bool:
    one, two = set(words(sentence, language)), set(words(title, language))
    if not one or not two:
        return " ".join(sentence.casefold().split()).strip(" .!?…") == " ".join(title.casefold().split()).strip(" .!?…")
    small, large = sorted((len(one), len(two)))
    return small >= LEAST_SHARE * large and near_equal(tuple(one), tuple(two), TITLE_OVERLAP)


def _shorten(sentence: str, max_chars: int) -> str:
    head = sentence[: max(1, max_chars - len(_ELLIPSIS)) + 1]
    cut = head.rsplit(" ", 1)[0] if " " in head.strip() else head[: max(1, max_chars - len(_ELLIPSIS))]
    return cut.rstrip(" ,;:–—-") + _ELLIPSIS


@dataclass(frozen=True, slots=True)
class _Said:
    text: str
    article_id: int
    order: int
    terms: frozenset[str]
    worth: float


def news_since(before: Sequence[Telling], after: Sequence[Telling], *, limit: int = 2) -> list[tuple[str, int]]:
    """(sentence, article id) of what `after` tells and `before` did not: the `limit` most informative, told in order.

    [] when there is nothing new.
    """
    heard = Heard()
    heard.hear(before)
    return heard.news(after, limit=limit)


class Heard:
    """What was told so far. It grows, so that a story of many versions is read once and not once for each version.

    A sentence is old when most of its terms stand in one title or sentence that was heard, or nearly all of them
    anywhere there. Informative is what brings many new terms; names cannot be told from other words in every script, so
    numbers alone count double.
    """

    def __init__(self) -> None:
        self._told: list[frozenset[str]] = []
        self._everything: set[str] = set()

    def hear(self, tellings: Sequence[Telling]) -> None:
        """Titles and texts that are known from now on."""
        said = [frozenset(words(text, tag)) for telling in tellings for text, tag in _texts(telling)]
        self._told += said
        self._everything.update(*said)

    def news(self, after: Sequence[Telling], *, limit: int = 2) -> list[tuple[str, int]]:
        """As `news_since`, of what was not heard; it is not heard by this."""
        fresh: list[_Said] = []
        for telling in after:
            for said, tag in _body(telling):
                terms = frozenset(words(said, tag))
                if (
                    len(terms) < LEAST_TERMS
                    or _INVITATION.match(said)
                    or _CUT.search(said)
                    or _old(terms, self._told, self._everything)
                ):
                    continue
                worth = sum(2.0 if term[0].isdigit() else 1.0 for term in terms - self._everything)
                fresh.append(_Said(said, telling.id, len(fresh), terms, worth))
        chosen: list[_Said] = []
        for candidate in sorted(fresh, key=lambda s: (-s.worth, s.order)):
            if len(chosen) < limit and not _old(candidate.terms, [c.terms for c in chosen], frozenset()):
                chosen.append(candidate)
        return [(one.text, one.article_id) for one in sorted(chosen, key=lambda s: s.order)]


def _old(terms: frozenset[str], told: Sequence[frozenset[str]], everything: Set[str]) -> bool:
    if len(terms & everything) >= KNOWN_OVERLAP * len(terms):
        return True
    return any(len(terms & earlier) >= SAME_OVERLAP * len(terms) for earlier in told)


def _texts(telling: Telling) -> Iterator[tuple[str, str]]:
    yield telling.title, language_of(telling.language, telling.title, telling.text)
    yield from _body(telling)


def _body(telling: Telling) -> Iterator[tuple[str, str]]:
    tag = language_of(telling.language, telling.title, telling.text)
    for sentence in sentences(telling.text, tag):
        yield sentence, tag
