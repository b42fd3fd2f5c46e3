"""Relative ages as pages print them ("an hour ago", "vor 3 Stunden", "منذ ساعتين") -> moments. Pure.

They are counted from the time of fetching, the only clock that a page without dates is bound to. A month is 30 days and
a year 365: no page means it more exactly. Plurals are those of CLDR's relative times
(https://cldr.unicode.org/translation/date-time/relative-date-time); numbers may be glued to the word before them
("Mint2 hours ago", "timean hour ago"), which is how a page reads when its spans have no space between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_SECOND, _MINUTE, _HOUR, _DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_WEEK, _MONTH, _YEAR = timedelta(days=7), timedelta(days=30), timedelta(days=365)
_SIZES = (_SECOND, _MINUTE, _HOUR, _DAY, _WEEK, _MONTH, _YEAR)
MAX_NUMBER = 999
"""No page counts further; more digits are another number that is glued to the age."""


@dataclass(frozen=True, slots=True)
class Age:
    """An age found in a line, and where it stands."""

    moment: datetime
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Tongue:
    """How one language says it: the words around number and unit, numbers as words, and the units by size."""

    before: str
    after: str
    numbers: dict[str, int]
    units: tuple[str, ...]
    """One pattern for each of second, minute, hour, day, week, month, year."""
    duals: dict[str, timedelta]
    """Whole words that hold number and unit."""


def _words(text: str) -> dict[str, int]:
    return {word: number for number, group in enumerate(text.split(), start=1) for word in group.split("|")}


_TONGUES = (
    _Tongue(
        "", r"\s+ago\b", _words("an|a|one two three four five six seven eight nine ten"),
        ("sec(?:ond)?s?", "min(?:ute)?s?", "h(?:ou)?rs?", "days?", "w(?:ee)?ks?", "mon(?:th)?s?", "y(?:ea)?rs?"),
        {},
    ),
    _Tongue(
        r"vor\s+(?:etwa\s+|rund\s+)?", "",
        _words("einer|einem|einen|eine|1 zwei drei vier fünf sechs sieben acht neun zehn"),
        ("sek(?:unden?|\\.)", "min(?:uten?|\\.)", "(?:stunden?|std\\.)", "tag(?:en?)?", "wochen?", "monat(?:en?)?",
         "jahr(?:en?)?"),
        {},
    ),
    _Tongue(
        r"il\s+y\s+a\s+(?:environ\s+)?", "", _words("une|un deux trois quatre cinq six sept huit neuf dix"),
        ("sec(?:ondes?|\\.)?", "min(?:utes?|\\.)?", "h(?:eures?)?", "j(?:ours?)?", "semaines?", "mois", "ans?"),
        {},
    ),
    _Tongue(
        r"hace\s+", "", _words("una|un dos tres cuatro cinco seis siete ocho nueve diez"),
        ("seg(?:undos?)?", "min(?:utos?)?", "h(?:oras?)?", "d[ií]as?", "semanas?", "mes(?:es)?", "años?"),
        {},
    ),
    _Tongue(
        r"há\s+", "", _words("uma|um dois|duas três quatro cinco seis sete oito nove dez"),
        ("segundos?", "min(?:utos?)?", "h(?:oras?)?", "dias?", "semanas?", "m[eê]s(?:es)?", "anos?"),
        {},
    ),
    _Tongue(
        "", r"\s+fa\b", _words("un'|una|un due tre quattro cinque sei sette otto nove dieci"),
        ("second[oi]", "minut[oi]", "or[ae]", "giorn[oi]", "settiman[ae]", "mes[ei]", "ann[oi]"),
        {},
    ),
    _Tongue(
        "", r"\s+geleden\b", _words("een|één twee drie vier vijf zes zeven acht negen tien"),
        ("seconden?", "minu(?:ut|ten)", "u(?:ur|ren)", "dag(?:en)?", "we(?:ek|ken)", "maand(?:en)?", "ja(?:ar|ren)"),
        {},
    ),
    _Tongue(
        r"(?:منذ|قبل)\s+(?:حوالي\s+)?", "",
        _words("واحدة|واحد اثنتين|اثنين ثلاث|ثلاثة أربع|أربعة خمس|خمسة ست|ستة سبع|سبعة ثماني|ثمانية تسع|تسعة عشر|عشرة"),
        ("(?:ثانية|ثوان[يٍ]?)", "(?:دقيقة|دقائق)", "(?:ساعة|ساعات)", "(?:يوم[اًا]*|أيام)", "(?:أسبوع[اًا]*|أسابيع)",
         "(?:شهر[اًا]*|أشهر|شهور)", "(?:سنة|سنوات|عام[اًا]*|أعوام)"),
        {
            "ثانيتين": 2 * _SECOND, "دقيقتين": 2 * _MINUTE, "ساعتين": 2 * _HOUR, "يومين": 2 * _DAY,
            "أسبوعين": 2 * _WEEK, "شهرين": 2 * _MONTH, "سنتين": 2 * _YEAR, "عامين": 2 * _YEAR,
            # A unit alone is one of it.
            "ثانية": _SECOND, "دقيقة": _MINUTE, "ساعة": _HOUR, "يوم": _DAY, "أسبوع": _WEEK, "شهر": _MONTH,
            "سنة": _YEAR, "عام": _YEAR,
        },
    ),
)  # fmt: skip

_NAMED = {
    timedelta(0): "just now|moments ago|gerade eben|soeben|à l'instant|à l’instant|ahora mismo|agora mesmo|الآن",
    _DAY: "yesterday|gestern|hier|ayer|ontem|ieri|gisteren|أمس",
    2 * _DAY: "vorgestern|avant-hier|anteayer|anteontem|l'altro ieri|eergisteren|أول أمس",
}
"""Words that say it all. They count only as a whole line or between separators: "hier" is German for here."""

_COMPACT = re.compile(r"(\d{1,3})\s?(s|sec|m|min|mins|h|hr|hrs|d|w|wk|mo|mos|y|yr|yrs)\.?", re.IGNORECASE)
_COMPACT_SIZES = {
    "s": _SECOND, "sec": _SECOND, "m": _MINUTE, "min": _MINUTE, "mins": _MINUTE, "h": _HOUR, "hr": _HOUR, "hrs": _HOUR,
    "d": _DAY, "w": _WEEK, "wk": _WEEK, "mo": _MONTH, "mos": _MONTH, "y": _YEAR, "yr": _YEAR, "yrs": _YEAR,
}  # fmt: skip
_NAMED_AGES = {word: age for age, words in _NAMED.items() for word in words.split("|")}

_LAST_WORD = re.compile("(?:" + "|".join(sorted((w for w in _NAMED_AGES if len(w) > 5), key=len, reverse=True)) + ")$")
"""As by-lines write it: "Yesterday" ends a headline. Shorter words end other words."""


def _pattern(tongue: _Tongue) -> re.Pattern[str]:
    numbers = "|".join(sorted(map(re.escape, tongue.numbers), key=len, reverse=True))
    units = "|".join(f"(?P<u{place}>{unit})" for place, unit in enumerate(tongue.units))
    told = rf"(?:(?P<digits>(?<!\d)\d{{1,3}})(?!\d)\s*|(?P<word>{numbers})(?:\s+|(?<=')))(?:{units})(?!\w)"
    if tongue.duals:
        duals = "|".join(sorted(map(re.escape, tongue.duals), key=len, reverse=True))
        told = rf"(?:{told}|(?P<dual>{duals})(?!\w))"
    return re.compile(tongue.before + told + tongue.after, re.IGNORECASE)


_PATTERNS = tuple((tongue, _pattern(tongue)) for tongue in _TONGUES)
_HINT = re.compile("ago|vor|il y a|hace|há|fa|geleden|منذ|قبل", re.IGNORECASE)
MAX_LINE = 300
"""Characters of a line in which an age is looked for: a by-line is shorter."""


def find_age(line: str, now: datetime) -> Age | None:
    """The first age that `line` tells in any of the languages, counted back from `now`; None when it tells none."""
    line = line[:MAX_LINE]
    if not _HINT.search(line):
        return None
    found = ((pattern.search(line), tongue) for tongue, pattern in _PATTERNS)
    ages = [_age(match, tongue, now) for match, tongue in found if match]
    return min(ages, key=lambda age: age.start, default=None)


def read_age(part: str, now: datetime) -> datetime | None:
    """The moment when `part` as a whole is an age, also a short one ("2h", "3 d") or a word ("yesterday")."""
    bare = part.strip(" .·•|-–—()")
    if (named := _NAMED_AGES.get(bare.casefold())) is not None:
        return now - named
    if compact := _COMPACT.fullmatch(bare):
        return now - int(compact[1]) * _COMPACT_SIZES[compact[2].lower()]
    age = find_age(bare, now)
    return age.moment if age and age.start == 0 and age.end == len(bare) else None


def split_age(part: str, now: datetime) -> tuple[datetime, str] | None:
    """The moment of a word that says it all at the end of `part` ("Mintyesterday"), and what stands before it."""
    found = _LAST_WORD.search(part)
    return (now - _NAMED_AGES[found[0]], part[: found.start()].rstrip()) if found else None


def _age(match: re.Match[str], tongue: _Tongue, now: datetime) -> Age:
    groups = match.groupdict()
    if groups.get("dual"):
        return Age(now - tongue.duals[groups["dual"]], match.start(), match.end())
    number = int(groups["digits"]) if groups["digits"] else tongue.numbers[groups["word"].lower()]
    size = next(size for place, size in enumerate(_SIZES) if groups[f"u{place}"])
    return Age(now - number * size, match.start(), match.end())
