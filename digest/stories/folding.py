"""Texts as topic rules compare them: words in small letters between single spaces. Pure.

What does not count is taken away from both sides, from the article's text and from the rule's words:

- capitals, and the forms of one letter that only look different: NFKD, then full case folding, as Unicode's
  compatibility caseless matching does (The Unicode Standard, 3.13, D146), so "Straße" is "strasse" and "ﬁ" is "fi";
- accents of Latin, Greek and Cyrillic letters, vowel points of Hebrew, vowel signs and the kashida of Arabic, and the
  spellings of alef, yeh and teh marbuta that Arabic writers interchange (the orthographic normalisation of Larkey,
  Ballesteros and Connell, SIGIR 2002, "light8"). Marks of other scripts are letters and stay;
- what cannot be seen (Unicode category Cf: soft hyphens, direction marks, joiners), and variation selectors;
- every other sign: it separates words. "wind-farm" is two words, "U.S." as well.

Where a run of a script that is written without spaces begins or ends, a word begins or ends.
"""

from __future__ import annotations

import re
import unicodedata

LOOKED_AT = 100_000
"""Characters of a field that are looked at, before and after folding (one letter may become eighteen: U+FDFA). Some
16,000 English words: what is longer should never have been one article."""

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003fffd"
)
"""Thai, Lao, Burmese, Khmer, kana and Han. Hangul has spaces."""
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]+")
_MARKS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"  # Latin, Greek, Cyrillic, signs
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]"  # Arabic
)
_SAME = {"ٱ": "ا", "ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك"}
"""Behind NFKD, which has already taken alef, waw and yeh apart from their hamza and madda."""
_REMEMBERED = 20_000
"""Characters whose fate is kept; a hostile text may hold a million different ones."""


class _Fates(dict[int, "int | str | None"]):
    """What becomes of a character, as `str.translate` wants it; found out when it is first met."""

    def __missing__(self, code: int) -> int | str | None:
        fate = _fate(chr(code), code)
        if len(self) < _REMEMBERED:
            self[code] = fate
        return fate


def _fate(char: str, code: int) -> int | str | None:
    category = unicodedata.category(char)
    if category == "Cf" or _MARKS.match(char):
        return None
    return _SAME.get(char) or (code if char.isalnum() or category[0] == "M" else " ")


_FATES = _Fates()


def fold(text: str) -> str:
    """The words of `text`, each between single spaces: " the night ferry "; "" when it has none. Never raises.

    Folding what has been folded changes nothing.
    """
    text = text[:LOOKED_AT]
    if text.isascii():
        text = text.lower().translate(_FATES)
    else:
        text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        # Composed again: a kana must not be found in the same kana with a voicing mark behind it.
        text = unicodedata.normalize("NFC", text[:LOOKED_AT].translate(_FATES))
        text = _UNSPACED_RUN.sub(r" \g<0> ", text)
    words = " ".join(text.split())
    return f" {words} " if words else ""


def is_unspaced(word: str) -> bool:
    """Whether a folded word is a run of a script that is written without spaces, and so more than one word."""
    return bool(_UNSPACED_RUN.match(word))


def pattern(words: str, *, prefix: bool = False) -> str:
    """What must stand in a folded text for these folded words to be found in it; with `prefix`, the last one may go on.

    A border that lies in a script without spaces is none: there, words are found inside of longer runs.
    """
    inner = words.strip()
    before = "" if _UNSPACED_RUN.match(inner) else " "
    behind = "" if prefix or _UNSPACED_RUN.match(inner[-1:]) else " "
    return f"{before}{inner}{behind}" if inner else ""
