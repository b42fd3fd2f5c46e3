"""By-lines: "By Jane Doe | The Lantern | 2 hours ago", "Mint2 hours ago", "بقلم ..." -> who, for whom, when. Pure.

A line is a by-line only as a whole. "Two years ago the ferry sank" tells an age too, so what remains of the line must
be empty or look like names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from digest.gather import clean, dates
from digest.gather.pageage import find_age, read_age, split_age
from digest.gather.pagefurniture import Furniture

MAX_LINE = 160
MAX_STOPPED = 60
"""Characters of a by-line that ends with a full stop ("vor 5 Min."); longer ones are sentences."""
MAX_NAME = 80
MAX_WORDS = 8
"""Of a name, which also is an institute's or a newspaper's."""

_APART = re.compile(r"\s*[|·•●∙⋅¦‧/]\s*|\s+[-–—]\s+|\s*,\s+(?=\D)|\s*;\s*")
_BY = re.compile(
    r"^(?:(?:story|written|reported|text|words)\s+)?(?:by|von|par|por|di|door|av|af)\s+(?=\S)|^(?:بقلم|كتب|كتبت)\s*:?\s+",
    re.IGNORECASE,
)
_VIA = re.compile(r"\s+(?:via|über|عبر|نقلا عن)\s+", re.IGNORECASE)
_LABEL = re.compile(
    r"^(?P<updated>(?:last\s+)?updated(?:\s+(?:on|at))?|modified|aktualisiert(?:\s+am)?|mis à jour(?:\s+le)?|"
    r"actualizado|"
    r"آخر تحديث|تم التحديث|تحديث)?(?:(?:first\s+)?published(?:\s+(?:on|at|by))?|posted(?:\s+(?:on|by))?|source|"
    r"veröffentlicht(?:\s+am)?|quelle|stand|publié(?:\s+le)?|publicado|نشر(?:\s+في)?|المصدر)?\s*[:：]?\s*",
    re.IGNORECASE,
)
_READING_TIME = re.compile(
    r"\d+\s*-?\s*(?:min(?:ute)?s?\.?\s+read|min\.?\s+lesezeit|minuten\s+lesezeit|min de lecture)", re.I
)
_DATED = re.compile(r"\d{4}|\d{1,2}[./]\d{1,2}[./]\d{2}\b")
_GLUED = re.compile(r"([^\W\d_][^\d,]{0,60}[^\W\d_])(?=\d)")
"""A name that runs into a date ("The Lantern24 March 2026"); weekdays and months stand apart from their numbers."""
_SMALL_WORDS = (
    "of the and a an at in for on via und der die das von über van den de la le les du des et del y e da do di al el "
    "bin ibn"
)
_SMALL = frozenset(_SMALL_WORDS.split())
_STOPS = (".", "!", "?", "…", ":", ";", "؟", "۔", "।", "。", ",")


@dataclass(frozen=True, slots=True)
class Byline:
    """What a by-line tells; whatever it does not tell is empty."""

    publisher: str = ""
    credit: str = ""
    """The agency in "Reuters via Mint"."""
    author: str = ""
    published_at: datetime | None = None
    updated_at: datetime | None = None


def read_byline(line: str, now: datetime, furniture: Furniture) -> Byline | None:
    """What `line` tells when all of it is a by-line; ages count back from `now`. None when it is something else."""
    if not line or len(line) > MAX_LINE or (len(line) > MAX_STOPPED and line.endswith(".")):
        return None
    line = _READING_TIME.sub("", line).strip(" ·|•–—-")
    published = updated = None
    rest: list[str] = []
    loose = False
    for part in _parts(line):
        bare = furniture.without_icon(part)
        label = _LABEL.match(bare)
        said = bare[label.end() :] if label else bare
        moment, names = _moment(said, now)
        if moment is None:
            rest.append(said if label and label[0].endswith((":", " ")) and not label["updated"] else bare)
            continue
        if label and label["updated"]:
            updated = updated or moment
        else:
            published = published or moment
        names = furniture.without_icon(names)
        loose = loose or (bool(names) and said[len(names) : len(names) + 1].isspace())
        rest.append(names)
    dated = published is not None or updated is not None
    return _credits([part for part in rest if part], published, updated, dated=dated, loose=loose)


def is_name(words: str) -> bool:
    """Whether a line looks like the name of a person or a paper: few words, none of them an ordinary lower-case one.

    Names that begin in lower case ("heise online") are names as long as all their words do. Scripts without case can
    only be judged by length.
    """
    if not words or len(words) > MAX_NAME or words.endswith(_STOPS) or "://" in words:
        return False
    told = words.split()
    if len(told) > MAX_WORDS or not any(char.isalpha() for char in words):
        return False
    lower = [word[0].islower() and word.casefold() not in _SMALL for word in told]
    if not any(char.isupper() or char.islower() for char in words):
        return len(told) <= 5
    return not any(lower) or (len(told) <= 2 and all(lower))


def _parts(line: str) -> list[str]:
    """The parts between separators; a date keeps its comma ("24 March 2026, 10:00", "March 24, 2026")."""
    return [part for part in _APART.split(line) if part]


def _moment(part: str, now: datetime) -> tuple[datetime | None, str]:
    """The moment that a part tells, and the words before or after it."""
    if (moment := read_age(part, now)) is not None:
        return moment, ""
    if age := find_age(part, now):
        before, after = part[: age.start].strip(" ,("), part[age.end :].strip(" ,)")
        return (age.moment, before or after) if not (before and after) else (None, part)
    if named := split_age(part, now):
        return named
    if _DATED.search(part) and (day := dates.parse(part)) is not None:
        glued = _GLUED.match(part)
        return day, glued[1] if glued and dates.parse(part[glued.end() :]) is not None else ""
    return None, part


def _credits(
    rest: list[str], published: datetime | None, updated: datetime | None, *, dated: bool, loose: bool
) -> Byline | None:
    authors: list[str] = []
    publishers: list[str] = []
    signed = any(_BY.match(part) for part in rest)
    for part in rest:
        by = _BY.match(part)
        name = part[by.end() :] if by else part
        # Only a date or an author says that a bare name is a credit; a name that runs into an age has few words.
        if not is_name(name) or not (signed or dated) or (loose and not by and len(name.split()) > 5):
            return None
        (authors if by else publishers).append(clean.line(name, MAX_NAME))
    if not dated and not authors:
        return None
    publisher, credit = publishers[0] if publishers else "", ""
    if found := _VIA.search(publisher):
        credit, publisher = publisher[: found.start()], publisher[found.end() :]
    return Byline(publisher, credit, ", ".join(authors), published, updated)
