"""Texts -> weighted terms: what clustering and summaries compare.

A term is a normalised word, or a pair of neighbouring title words joined by one space. Nothing here needs a model or a
dictionary: the scripts are told apart by Unicode block, the languages by declaration or by their commonest words.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from digest.stories.stopwords import COMMON, FORMATS

LEAD_WORDS = 60
"""News texts say who, what and where first (the inverted pyramid); the rest is background that stories share."""
MAX_TITLE_WORDS = 60
"""A title of 10 kB is a body in the wrong field: no real headline is that long, and the time must stay bounded."""
MAX_CHARS = 4000
"""Characters of title or text that are looked at; 60 long words fit several times over."""

TITLE_WEIGHT = 2.0
PAIR_WEIGHT = 0.5
"""A pair repeats evidence that its two words already gave, so it weighs less than they."""

GRAM = 4
"""Letters of a piece. On the shared headlines 3, 4 and 5, and all of them together, came out the same."""
MAX_GRAMS = 60
"""Letters of a word that are cut into pieces."""

_WORD = re.compile(r"\w+(?:['’]\w+)?(?:[.,]\d+)*")
_MARKS = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640]")
"""Arabic vowel signs, Koranic marks and the tatweel (kashida): written or left out at will."""
_ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Scripts written without spaces: kana and Han. Hangul has spaces."""
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+")
"""The same with Thai, Lao, Burmese and Khmer."""
_ALEF = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ؤ": "و", "ئ": "ي"})
"""The usual orthographic normalisation before Arabic retrieval (Larkey, Ballesteros, Connell: SIGIR 2002, "light8")."""

_GUESS_HITS = 2
"""So many common words must be seen before a language is believed: one ("die", "in", "an") exists in several."""


@dataclass(frozen=True, slots=True)
class Terms:
    """One article as terms. Weights are raw counts times position weight; idf comes later, from the corpus."""

    title: tuple[str, ...]
    """Words of the title in order, normalised, no stop words, no format words."""
    weights: Mapping[str, float]
    """Term -> weight, of the title and of the lead."""
    names: frozenset[str]
    """Normalised words that look like names or numbers: capitalised inside a sentence, or holding a digit."""
    starred: bool
    """False when nothing is left of the title once format words are taken away: it cannot make a story by itself."""


def script(text: str) -> str:
    """ "arabic", "unspaced" (Han, kana) or "" by the majority of the letters of `text`."""
    sample = text[:400]
    letters = sum(c.isalpha() for c in sample)
    if letters and 2 * len(_ARABIC.findall(sample)) > letters:
        return "arabic"
    if letters and 2 * len(_CJK.findall(sample)) > letters:
        return "unspaced"
    return ""


def language_of(declared: str, title: str, text: str) -> str:
    """The primary language subtag to compare under; empty when nothing tells.

    The script overrules a declaration it contradicts (feeds often leave their system's default "en" standing). Without
    a declaration the commonest words of the languages we know decide, if they speak clearly.
    """
    sample = title[:MAX_CHARS] + " " + text[:600]
    found = script(sample)
    tag = re.split(r"[-_]", declared.strip().casefold(), maxsplit=1)[0]
    if found == "arabic":
        return tag if tag in ("ar", "fa", "ur", "ps", "ckb", "sd", "ug") else "ar"
    if found == "unspaced":
        return tag if tag in ("zh", "ja", "yue", "ko") else "zh"
    if tag and tag not in ("ar", "fa", "ur", "zh", "ja", "und", "mul"):
        return tag
    seen = {word.casefold() for word in _WORD.findall(sample)[: LEAD_WORDS + 40]}
    hits = sorted(((len(seen & COMMON[name]), name) for name in ("en", "de")), reverse=True)
    return hits[0][1] if hits[0][0] >= _GUESS_HITS and hits[0][0] > 1.5 * hits[1][0] else ""


def words(text: str, language: str = "") -> list[str]:
    """The normalised words of `text` in order, no stop words. Numbers are kept; unspaced scripts become bigrams."""
    return [term for _, term in _tokens(text, language)]


def terms_of(title: str, text: str, language: str = "") -> Terms:
    """Title and lead as terms. Never raises; the work is bounded whatever the lengths."""
    head = _tokens(title, language)[:MAX_TITLE_WORDS]
    kept = [(surface, term) for surface, term in head if surface.casefold() not in FORMATS]
    lead = _tokens(text, language)[:LEAD_WORDS]
    # Each repetition in the lead tells less than the one before it.
    weights = {term: 1.0 + math.log(count) for term, count in Counter(term for _, term in lead).items()}
    title_terms = [term for _, term in kept]
    for term in dict.fromkeys(title_terms):
        weights[term] = TITLE_WEIGHT + (weights[term] - 0.5 if term in weights else 0.0)
    for first, second in pairwise(title_terms):
        if first != second:
            weights[f"{first} {second}"] = TITLE_WEIGHT * PAIR_WEIGHT
    dated = all(any(c.isdigit() for c in term) for term in title_terms)
    return Terms(tuple(title_terms), weights, _names(text, language) | _numbers(title_terms), not dated)


def grams(word: str) -> tuple[str, ...]:
    """The runs of four letters in a word, its ends marked; a shorter word as it is: "<fer", "ferr", "erry", "rry>".

    What two spellings and two forms share ("bankrupcy", "bankruptcies") that no stemmer is needed for.
    """
    marked = f"<{word[:MAX_GRAMS]}>"
    return tuple(dict.fromkeys(marked[at : at + GRAM] for at in range(max(1, len(marked) - GRAM + 1))))


def near_equal(a: Sequence[str], b: Sequence[str], threshold: float = 0.75) -> bool:
    """Whether the smaller set of terms lies in the larger by at least `threshold`, and the sizes are comparable."""
    one, two = set(a), set(b)
    if not one or not two:
        return False
    small, large = sorted((len(one), len(two)))
    return len(one & two) >= threshold * small and small >= 0.4 * large


def _numbers(found: Iterable[str]) -> frozenset[str]:
    return frozenset(term for term in found if term[0].isdigit())


def _names(text: str, language: str) -> frozenset[str]:
    """Capitalised words inside sentences: people, places, bodies (in German all nouns, which does no harm)."""
    found: set[str] = set()
    start = True
    text = text[:MAX_CHARS]
    for match in islice(_WORD.finditer(text), 2 * LEAD_WORDS):
        word = match.group()
        if word[0].isupper() and not start:
            found.update(term for _, term in _tokens(word, language))
        following = text[match.end() : match.end() + 2]
        start = bool(following) and following[0] in '.!?:\n"“„»'
    return frozenset(found)


def _tokens(text: str, language: str) -> list[tuple[str, str]]:
    """(surface, term) of the words that are no stop words, surfaces NFKC and case-folded."""
    text = unicodedata.normalize("NFKC", text[:MAX_CHARS]).casefold().replace("’", "'")
    arabic = bool(_ARABIC.search(text))
    if arabic:
        text = _MARKS.sub("", text)
    stop = _STOP.get(language, frozenset())
    out: list[tuple[str, str]] = []
    for match in _WORD.finditer(text):
        word = match.group().strip("_")
        if not word:
            continue
        if _UNSPACED.search(word):
            out.extend((gram, gram) for gram in _unspaced(word))
            continue
        if word in stop:
            continue
        term = _normal(word, language)
        if term in stop or (len(term) < 2 and not term.isdigit()):
            continue
        out.append((word, term))
    return out


def _unspaced(word: str) -> list[str]:
    """Bigrams of each run of an unspaced script; what stands between the runs (Latin, digits) stays whole."""
    out = []
    last = 0
    for match in _UNSPACED.finditer(word):
        if match.start() > last:
            out.append(word[last : match.start()])
        run = match.group()
        out.extend([run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)])
        last = match.end()
    if last < len(word):
        out.append(word[last:])
    return out


def _normal(word: str, language: str) -> str:
    if word[0].isdigit():
        return word.replace(",", "")
    if _ARABIC.match(word):
        return _arabic(word)
    word = word.removesuffix("'s")
    if "'" in word:
        # French and Italian elisions (l'eau) carry the word behind, English contractions (don't) the word before.
        before, _, after = word.partition("'")
        word = after if len(after) > len(before) else before
    if language == "de":
        return _german(word)
    if language in ("en", ""):
        return _english(word)
    return word


def _english(word: str) -> str:
    """Plurals only (the "S stemmer" of Harman 1991): anything stronger merges words that tell events apart."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("xes", "ches", "shes", "sses", "zes")):
        return word[:-2]
    return word[:-1]


def _german(word: str) -> str:
    """Case and plural endings, umlauts folded (after Savoy's light stemmer for German, 2006)."""
    word = word.replace("ä", "a").replace("ö", "o").replace("ü", "u")
    for ending, least in (("ern", 7), ("en", 6), ("em", 6), ("er", 6), ("es", 6), ("e", 5), ("n", 5), ("s", 5)):
        if word.endswith(ending) and len(word) >= least:
            return word[: -len(ending)]
    return word


def _arabic(word: str) -> str:
    """One conjunction or preposition before the article, and the article; endings stay (cf. "light8", Larkey 2002)."""
    word = word.translate(_ALEF)
    for prefix in ("وال", "بال", "فال", "كال", "لل", "ال"):
        if word.startswith(prefix) and len(word) - len(prefix) >= 3:
            return word[len(prefix) :]
    if word[0] == "و" and len(word) >= 5:
        return word[1:]
    return word


_STOP = {**COMMON, "ar": COMMON["ar"] | {_normal(word, "ar") for word in COMMON["ar"]}}
