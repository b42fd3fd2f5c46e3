"""What a story says in two or three sentences, and what is new in it, only with whole sentences of its articles.

Two promises. A summary never repeats the title: no sentence that says the same, and nowhere the whole of a title of
four words or more. It never breaks a sentence: where one does not fit, the next that does is taken, or none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass

from digest.stories.folding import fold, is_unspaced, pattern
from digest.stories.terms import language_of, near_equal, words
from digest.types import Telling

_END = re.compile(r"[.!?…؟۔।]+[\"'”’»“)\]]*(?=\s|$)|[。！？｡]+(?![」』”）。！？｡])")
"""Where a sentence may end. Scripts without spaces end one without a following blank. “ closes a German quotation."""
_SHORT = """
mr mrs ms dr prof rev hon sen rep gov gen col lt sgt capt cpl cmdr adm maj pres messrs mme st ste jr sr inc ltd co corp
bros vs v etc no nos vol dept est approx ave blvd rd ft mt mtn pp ed eds al fig op jan feb mar apr jun jul aug sep sept
oct nov dec cf bzw ca usw evtl ggf inkl exkl nr str hl sog vgl zzgl abs art bd geb gest ing mio mrd std tel bspw
bsp dipl د أ م ص sra srta dra exmo exma av pág
"""
_ABBREVIATIONS = frozenset(_SHORT.split())
_MAYBE_LAST = frozenset(("etc", "inc", "ltd", "co", "corp", "bros", "jr", "sr", "ph.d", "usw"))
"""These also end sentences, like dotted letters (U.S., p.m.); they do when one of `_STARTERS` follows."""
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_OPENING = """
the a an this that these those it its he she they we you his her their our there in on at by for from with after before
when while as and but or so if not no now then today yesterday meanwhile however what who why how der die das ein eine
er sie es wir ihr im am an auf bei mit nach vor wenn als aber und doch nun dann heute gestern dort dies diese dieser
"""
_STARTERS = frozenset(_OPENING.split())
"""Words that begin many sentences and few names (the idea of Kiss and Strunk, "Punkt", CL 32(4), 2006, as a fixed
list). Where in doubt two sentences stay one: that is long, and the other way would break one."""
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
_CUT = re.compile(r"(?:\[\s*(?:…|\.{2,})\s*\]|…|\.{2,})[\"'”’»)\]]*\s*$")
"""How feeds mark a text they cut."""
_CLOSED = re.compile(r"[.!?؟۔।。！？｡][\"'”’»“)\]」』）]*$")
_LIST_NUMBER = re.compile(r"[\W\d_]*")
_INVITATION = re.compile(
    r"^(?:read (?:more|the full|on)|continue reading|click here|the post .* appeared first on|weiterlesen|mehr dazu"
    r"|lesen sie (?:mehr|auch)|submitted by|اقرأ (?:المزيد|أيضا))",
    re.IGNORECASE,
)
SENTENCES, SUMMARY_CHARS = 3, 360
"""What a card has room for at most."""
TITLE_WORDS = 4
"""A title of so many words may stand nowhere in a summary; a shorter one ("Weather") may be part of what is said."""
_PARTS = re.compile(r"\s[-–—|·:]\s|:\s")
"""How a title is put together: "Ferry sinks - Harbour Times", "Marlow: ferry sinks"."""
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
            numbers_only = _LIST_NUMBER.fullmatch(paragraph, start, match.end())  # "1." opens what follows
            if not numbers_only and _ends(paragraph, match, language):
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
    next_word = re.split(r"\W", following.casefold(), maxsplit=1)[0]
    if last.isdigit():
        ordinal = language == "de" and len(last) <= 2
        return not (ordinal or next_word in _AFTER_ORDINALS)
    if len(last) == 1 and last.isalpha() and last.isupper():
        return False
    folded = last.casefold()
    if _DOTTED.fullmatch(folded) or folded in _MAYBE_LAST:
        return next_word in _STARTERS
    return folded not in _ABBREVIATIONS


def summarise(
    title: str,
    text: str,
    *,
    language: str = "",
    limit: int = SENTENCES,
    max_chars: int = SUMMARY_CHARS,
    fits: Callable[[str], bool] = lambda told: True,
    closed_only: bool = False,
) -> str:
    """Up to `limit` whole sentences from the beginning of `text`, in order, within `max_chars` characters and as long
    as `fits` says that this much may be shown (`stories.rights.fits`).

    The first sentences of a news text are a summary that is hard to beat (the "lead-3" baseline: Nallapati, Zhai,
    Zhou, AAAI 2017). Left out are sentences that repeat the title, invitations to read on, and what the feed cut off.
    Lines that end with no mark (bylines, headings, captions) are no sentences; where nothing else is there, one is
    taken unless `closed_only`. "" when nothing is left.
    """
    tag = language_of(language, title, text)
    found = [each for each in sentences(text, tag) if not _CUT.search(each) and not _INVITATION.match(each)]
    closed = [each for each in found if _CLOSED.search(each)]
    chosen: list[str] = []
    for sentence in closed if closed or closed_only else found:
        told = " ".join([*chosen, sentence])
        if sentence in chosen or _repeats(sentence, title, tag) or _holds(told, title):
            continue
        if len(told) > max_chars or not fits(told):
            if chosen:
                break
            continue
        chosen.append(sentence)
        if not closed or len(chosen) == limit:
            break
    return " ".join(chosen)


def _repeats(sentence: str, title: str, language: str) -> bool:
    """Whether a sentence says what the title says, or what one of several sentences in it does."""
    told = fold(sentence) or sentence.strip()
    mine = set(words(sentence, language))
    for part in dict.fromkeys((title, *sentences(title, language), *_PARTS.split(title))):
        if told == (fold(part) or part.strip()) or (told.strip() and pattern(told) in fold(part)):
            return True
        theirs = set(words(part, language))
        small, large = sorted((len(mine), len(theirs)))
        if small >= LEAST_SHARE * large and small > 1 and near_equal(tuple(mine), tuple(theirs), TITLE_OVERLAP):
            return True
    return False


def _holds(told: str, title: str) -> bool:
    """Whether all of the title stands somewhere in what is told, word by word."""
    folded = fold(title)
    counted = max(len(folded.split()), sum(len(run) // 2 for run in folded.split() if is_unspaced(run)))
    return counted >= TITLE_WORDS and pattern(folded) in fold(told)


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
