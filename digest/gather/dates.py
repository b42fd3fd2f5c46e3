"""The dates of real feeds -> aware UTC datetimes. Pure.

RSS asks for RFC 822 and Atom for RFC 3339, but feeds carry weekday and month names in their own language, two-digit
years, missing seconds, named zones, dates without a time, and whatever else ISO 8601 allows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone

from digest.gather import calendars

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Before the web: a date of 1970 or 0001 is a missing value that somebody formatted."""
MAX_DATE = 100
"""Characters of a date that are looked at."""

_SHIFT = r"(?P<shift>[+-]\d{1,2}(?::?\d{2})?)"
_ISO_CLOCK = (
    r"(?:[T\s]+(?P<hour>\d{1,2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,]\d+)?)?)?\s*"
    rf"(?:(?P<zone>[A-Z]{{1,5}})|{_SHIFT})?(?:\[[^\]]*\])?)?\s*$"
)
_HALF = r"[AP]\.?M\b\.?|오[전후]|[上下]午|午[前後]|[صم]\b|[πμ]\.?μ\b\.?"
_CLOCK = (
    rf"(?:(?P<early>{_HALF})\s*)?(?P<hour>\d{{1,2}})\s?[:.h時时点點시]\s?(?P<minute>\d{{2}})"
    r"(?:\s?[:.m分분]\s?(?P<second>\d{2})(?:[.,]\d+)?)?[s秒초분分]?\s*(?:hrs?\b|uhr\b)?\s*"
    rf"(?P<half>{_HALF})?\s*(?:\(?(?P<zone>[A-Z]{{1,5}}\b)?\)?\s*{_SHIFT}?)"
)
# A word or two may stand between the day and the hour: "at", "um", "a las", "Pazartesi".
_TIME = rf"(?:[,\sT–-]+(?:[^\W\d_]{{1,12}}\.?\s+){{0,2}}?{_CLOCK})?"
_SECONDS = r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})"
_EASTERN = r"(?P<year>\d{4})\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일]"
_TH, _OF, _YEARS = r"(?:st|nd|rd|th|er|º|ª)?", r"(?:del?\s+|of\s+|d[’'])?", r"(?:\s?[гр]\.?(?!\w))?"
_NAME = r"(?P<name>[^\W\d_]+)"

_RFC_822 = re.compile(
    r"(?:[A-Z][a-z]{2}, )?(\d\d?) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:([+-])(\d\d)(\d\d)|GMT)", re.ASCII
)
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"^(?P<year>\d{{4}})-?(?P<month>\d{{2}})-?(?P<day>\d{{2}}){_ISO_CLOCK}",
        rf"^(?P<year>\d{{4}})-?W(?P<week>\d{{2}})(?:-?(?P<weekday>[1-7]))?{_ISO_CLOCK}",
        rf"^(?P<year>\d{{4}})-?(?P<ordinal>\d{{3}}){_ISO_CLOCK}",
        r"^(?P<year>\d{4})-(?P<month>\d{2})\s*$",
        # asctime
        rf"{_NAME}\s+(?P<day>\d{{1,2}})\s+{_SECONDS}\s+(?:(?P<zone>[A-Z]{{1,5}})\s+)?{_SHIFT}?\s*(?P<year>\d{{4}})$",
        # Chinese, Japanese, Korean
        rf"^{_EASTERN}\D{{0,8}}?(?:{_CLOCK})?\s*$",
        # RFC 822 and its relatives: 2 Mar 2026, 2nd of March 2026, 2. März 2026, 2 de marzo de 2026, 2 марта 2026 г.
        rf"(?P<day>\d{{1,2}}){_TH}[\s./-]+{_OF}{_NAME}[\s./,-]+{_OF}(?P<year>\d{{4}}|\d{{2}})\b{_YEARS}{_TIME}",
        rf"{_NAME}\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})\b{_TIME}",
        # Hungarian
        rf"(?P<year>\d{{4}})[.\s-]+{_NAME}[.\s-]+(?P<day>\d{{1,2}})(?!\d)\.?{_TIME}",
        # In figures the year says which end is which; a day before or after its month is only known by points.
        rf"^\D{{0,12}}(?P<year>\d{{4}})[./-]\s?(?P<month>\d{{1,2}})[./-]\s?(?P<day>\d{{1,2}})(?!\d)\.?{_TIME}",
        rf"^\D{{0,12}}(?P<day>\d{{1,2}})[.-]\s?(?P<month>\d{{1,2}})[.-]\s?(?P<year>\d{{4}})\b{_TIME}",
        rf"^\D{{0,12}}(?P<day>1[3-9]|2\d|3[01])/(?P<month>\d{{1,2}})/(?P<year>\d{{4}})\b{_TIME}",
        rf"^\D{{0,12}}(?P<month>\d{{1,2}})/(?P<day>1[3-9]|2\d|3[01])/(?P<year>\d{{4}})\b{_TIME}",
    )
)
"""The first form that fits a date, and whose word is a month, decides."""


def parse(told: str | None) -> datetime | None:
    """The moment that a feed's date names, in UTC; None when there is none or it is nonsense (before 1990).

    Without a zone, or with an unknown one, it is taken as UTC (RFC 5322, 4.3: unknown zones mean -0000). A date in the
    future stays as told. A year and month alone mean its first day, a week its Monday.
    """
    if not told:
        return None
    try:
        moment = _usual(told) or _read(" ".join(told[:MAX_DATE].split()))
    except (ValueError, OverflowError):
        return None
    return moment if moment is not None and moment >= EARLIEST else None


def _usual(told: str) -> datetime | None:
    """RFC 822 as nearly all RSS feeds write it, several times as fast as by the forms."""
    found = _RFC_822.fullmatch(told)
    month = _ENGLISH.get(found[2]) if found else None
    if found is None or month is None or found[6] == "60" or found[4] == "24" or (found[8] or "") > "23":
        return None
    local = datetime(int(found[3]), month, int(found[1]), int(found[4]), int(found[5]), int(found[6]), tzinfo=UTC)
    if found[7] is None or found[8] == found[9] == "00":
        return local
    shift = timedelta(hours=int(found[8]), minutes=int(found[9]))
    return local - shift if found[7] == "+" else local + shift


_ENGLISH = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
    )
}


def _read(text: str) -> datetime | None:
    if not text.isascii():  # an accent that has no letter of its own would end a name
        composed = unicodedata.normalize("NFC", text)
        text = "".join(each for each in composed if not unicodedata.combining(each))
    for form in _FORMS:
        if found := form.search(text):
            parts = {name: part for name, part in found.groupdict().items() if part}
            if "name" not in parts or calendars.month(parts["name"]):
                return _moment(parts)
    return None


def _moment(parts: Mapping[str, str]) -> datetime:
    day = _day(parts)
    hour, minute, second = (int(parts.get(name, 0)) for name in ("hour", "minute", "second"))
    half = calendars.half(parts.get("early", "") or parts.get("half", ""))
    if half is not None:
        hour = hour % 12 + half
    extra = timedelta(days=1) if hour == 24 else timedelta(0)
    clock = time(hour % 24 if hour == 24 else hour, minute, min(second, 59), tzinfo=_zone(parts))
    return (datetime.combine(day, clock) + extra).astimezone(UTC)


def _day(parts: Mapping[str, str]) -> date:
    year = _year(parts["year"])
    if "week" in parts:
        return date.fromisocalendar(year, int(parts["week"]), int(parts.get("weekday", 1)))
    if "ordinal" in parts:
        day = date(year, 1, 1) + timedelta(days=int(parts["ordinal"]) - 1)
        if day.year != year:
            raise ValueError(parts["ordinal"])
        return day
    month = calendars.month(parts["name"]) if "name" in parts else int(parts["month"])
    return date(year, month or 0, int(parts.get("day", 1)))


def _zone(parts: Mapping[str, str]) -> timezone:
    if shift := parts.get("shift"):
        digits = shift[1:].replace(":", "")
        hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
        delta = timedelta(hours=int(hours), minutes=int(minutes))
        if delta >= timedelta(days=1):
            return UTC  # "+9999" is no zone
        return timezone(-delta if shift[0] == "-" else delta)
    return timezone(timedelta(hours=calendars.offset(parts.get("zone", ""))))


def _year(told: str) -> int:
    year = int(told)
    if len(told) == 4:
        return year
    return year + (2000 if year < 69 else 1900)  # POSIX's pivot for %y
