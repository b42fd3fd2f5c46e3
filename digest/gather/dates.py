"""The dates of real feeds -> aware UTC datetimes. Pure.

RSS asks for RFC 822 and Atom for RFC 3339, but feeds carry weekday and month names in their own language, two-digit
years, missing seconds, named zones and dates without a time.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Before the web: a date of 1970 or 0001 is a missing value that somebody formatted."""

_ISO = re.compile(
    r"(\d{4})-?(\d{2})-?(\d{2})"
    r"(?:[T\s]+(\d{1,2}):?(\d{2})(?::?(\d{2})(?:[.,]\d+)?)?\s*(Z|[A-Z]{2,5}|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?\s*$",
    re.IGNORECASE,
)
_TIME = r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:\.\d+)?)?\s*([AP]M)?\s*(?:\(?([A-Z]{1,5}\b)?\)?\s*([+-]\d{1,2}:?\d{2})?)"
_DAY_FIRST = re.compile(
    rf"(\d{{1,2}})[\s./-]+(?:de\s+)?([^\W\d_]+)[\s./-]+(?:de\s+)?(\d{{4}}|\d{{2}})\b(?:[,\sT]+{_TIME})?", re.I
)
_MONTH_FIRST = re.compile(rf"([^\W\d_]+)\.?\s+(\d{{1,2}}),?\s+(\d{{4}})\b(?:[,\s]+(?:at\s+)?{_TIME})?", re.I)
_ASCTIME = re.compile(r"([^\W\d_]{3})\s+(\d{1,2})\s+(\d{1,2}):(\d{2}):(\d{2})\s+(?:([A-Z]{1,5})\s+)?(\d{4})$", re.I)

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan ene gen january januar janvier enero janeiro gennaio januari",
            "feb fev february februar fevrier febrero fevereiro febbraio februari",
            "mar mrz mrt maerz march marz mars marzo marco maart",
            "apr abr avr avril april abril aprile",
            "may mai mag maj mei mayo maio maggio",
            "jun giu june juni juin junio junho giugno",
            "jul lug july juli juillet julio julho luglio juil",
            "aug ago aou august augusti aout agosto augustus",
            "sep set sept september septembre septiembre setembro settembre",
            "oct okt out ott october oktober octobre octubre outubro ottobre",
            "nov november novembre noviembre novembro",
            "dec dez dic des december dezember decembre diciembre dezembro dicembre",
        ),
        start=1,
    )
    for name in names.split()
}
_ZONES = {
    "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "WET": 0, "BST": 1, "WEST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2,
    "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
    "BRT": -3, "EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8,
}  # fmt: skip


def parse(told: str | None) -> datetime | None:
    """The moment that a feed's date names, in UTC; None when there is none or it is nonsense (before 1990).

    Without a zone, or with an unknown one, it is taken as UTC (RFC 5322, 4.3: unknown zones mean -0000).
    """
    text = " ".join((told or "")[:100].split())
    try:
        moment = _read(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment is not None and moment >= EARLIEST else None


def _read(text: str) -> datetime | None:
    if found := _ISO.match(text):
        year, month, day, hour, minute, second, zone = found.groups()
        return _moment(int(year), int(month), int(day), (hour, minute, second, None), zone)
    if found := _ASCTIME.search(text):
        name, day, hour, minute, second, zone, year = found.groups()
        return _moment(int(year), _month(name), int(day), (hour, minute, second, None), zone)
    if found := _DAY_FIRST.search(text):
        day, name, year, hour, minute, second, half, zone, shift = found.groups()
        return _moment(_year(year), _month(name), int(day), (hour, minute, second, half), shift or zone)
    if found := _MONTH_FIRST.search(text):
        name, day, year, hour, minute, second, half, zone, shift = found.groups()
        return _moment(int(year), _month(name), int(day), (hour, minute, second, half), shift or zone)
    return None


Clock = tuple[str | None, str | None, str | None, str | None]


def _moment(year: int, month: int, day: int, clock: Clock, zone: str | None) -> datetime:
    hour, minute, second = (int(part or 0) for part in clock[:3])
    if clock[3]:
        hour = hour % 12 + (12 if clock[3].upper() == "PM" else 0)
    extra = timedelta(days=1) if hour == 24 else timedelta(0)
    local = datetime(year, month, day, hour % 24 if hour == 24 else hour, minute, min(second, 59), tzinfo=_zone(zone))
    return (local + extra).astimezone(UTC)


def _zone(told: str | None) -> timezone:
    if not told:
        return UTC
    if told[0] in "+-":
        digits = told[1:].replace(":", "")
        hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
        shift = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-shift if told[0] == "-" else shift)
    return timezone(timedelta(hours=_ZONES.get(told.upper(), 0)))


def _year(told: str) -> int:
    year = int(told)
    if len(told) == 4:
        return year
    return year + (2000 if year < 69 else 1900)  # POSIX's pivot for %y


def _month(name: str) -> int:
    plain = "".join(c for c in unicodedata.normalize("NFD", name.lower()) if not unicodedata.combining(c))
    number = _MONTHS.get(plain) or _MONTHS.get(plain[:3])
    if number is None:
        raise ValueError(name)
    return number
