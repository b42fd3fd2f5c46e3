"""How much of an article may be shown, and who is named for it. Pure.

The rights are those of the article's source (`digest.types.Rights`): nothing, at most sixty words, or all of its text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from digest.stories.summary import sentences
from digest.types import Rights

EXCERPT = 60
"""Words of an excerpt at most."""
LATE = 25
"""Words from which on an excerpt may end with a sentence: ending sooner would say too little where more is allowed."""
SIGHT = 4_000
"""Characters looked at for an excerpt: sixty of the longest words fit several times over."""

_JOINED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_WORD = re.compile(rf"[{_JOINED}]{{1,2}}|[^\s{_JOINED}]+")
"""A word as it is counted: what stands between blanks, and in scripts without blanks two characters, as long as most
Chinese words are. That is our choice, and on the side of those whose text it is."""


def shown(text: str, rights: str, language: str = "") -> str:
    """As much of `text` (plain, from its beginning) as `rights` allow: a value of `Rights`; `language` its subtag.

    An excerpt ends with a sentence when one ends late enough, else between two words with an ellipsis. Raises
    ValueError for any other rights.
    """
    return _SHOWN[Rights(rights)](text, language)


def fits(text: str, rights: str, language: str = "") -> bool:
    """Whether all of `text` may be shown as it is."""
    return shown(text, rights, language) == text


def words(text: str) -> int:
    """How many words of an excerpt `text` is."""
    return sum(1 for _ in _WORD.finditer(text))


def credited(publisher: str, credit: str = "") -> str:
    """Who is named for an article: "Reuters via Mint" for a wire copy, else the publisher."""
    if not credit or credit.casefold() == publisher.casefold():
        return publisher
    return f"{credit} via {publisher}" if publisher else credit


def _excerpt(text: str, language: str) -> str:
    text = text.strip()
    head = text[:SIGHT]
    if len(text) <= SIGHT and words(text) <= EXCERPT:
        return text
    chosen: list[str] = []
    for sentence in sentences(head, language):
        if words(" ".join((*chosen, sentence))) > EXCERPT:
            break
        chosen.append(sentence)
    told = " ".join(chosen)
    if words(told) >= LATE and not told[-1].isalnum():
        return told
    found = list(_WORD.finditer(head))[:EXCERPT]
    end = found[-1].end() if found else 0
    return head[:end].rstrip(" ,;:–—-.…") + "…" if end else ""


def _nothing(text: str, language: str) -> str:
    return ""


def _everything(text: str, language: str) -> str:
    return text


_SHOWN: Mapping[Rights, Callable[[str, str], str]] = {
    Rights.TITLE: _nothing,
    Rights.EXCERPT: _excerpt,
    Rights.FULL: _everything,
}
