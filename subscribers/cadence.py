"""When is a reader due next. Pure: no clock, no database.

A cadence is the set of weekdays on which a reader wants mail: `daily`, `weekdays`, `weekly:mon` ... `weekly:sun`. The
time of day is a local quarter hour, because slots are quantised to quarter hours (design, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from subscribers.errors import CadenceError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Weekdays as cadences name them, in the order of `date.weekday()`."""

SLOT_MINUTES = 15
DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Cadence:
    """On which weekdays (0 is Monday) a reader wants mail."""

    days: frozenset[int]


@lru_cache(maxsize=64)
def parse(cadence: str) -> Cadence:
    """The weekdays of a cadence. Raises CadenceError, naming what is allowed."""
    kind, colon, day = cadence.partition(":")
    if cadence == "daily":
        return Cadence(frozenset(range(7)))
    if cadence == "weekdays":
        return Cadence(frozenset(range(5)))
    if kind == "weekly" and colon and day in DAYS:
        return Cadence(frozenset({DAYS.index(day)}))
    raise CadenceError(f"{cadence!r} is no cadence; it is daily, weekdays or weekly:mon to weekly:sun")


def check_minute(send_minute: int) -> int:
    """`send_minute` (minutes after local midnight) if it is a quarter hour of a day; raises CadenceError otherwise."""
    if not 0 <= send_minute < DAY_MINUTES or send_minute % SLOT_MINUTES:
        raise CadenceError(f"{send_minute} is no send time; it is a quarter hour between 00:00 and 23:45, in minutes")
    return send_minute


def minute_of(time: str) -> int:
    """Minutes after midnight of a quarter hour such as "07:45". Raises CadenceError, naming what is allowed.

    Seconds, as some browsers send them, must be zero.
    """
    hour, _, rest = time.partition(":")
    minute, _, second = rest.partition(":")
    digits = time.isascii() and hour.isdigit() and minute.isdigit() and second in ("", "00", "00.000")
    if not digits or int(hour) > 23 or int(minute) not in range(0, 60, SLOT_MINUTES):
        raise CadenceError(f"{time[:20]!r} is no quarter hour; use a time such as 07:00 or 18:45")
    return int(hour) * 60 + int(minute)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


@lru_cache(maxsize=1024)
def zone(timezone: str) -> ZoneInfo:
    """The zone of that name in the tz database. Raises CadenceError when there is none.

    Only names that the package tzdata has: this machine's own files may hold more (`posix/...`, `localtime`), which
    another machine of ours would not know or would read differently.
    """
    try:
        if timezone not in _names():
            raise KeyError(timezone)
        return ZoneInfo(timezone)
    except (OSError, ValueError, KeyError):
        raise CadenceError(f"{timezone[:64]!r} is no time zone; use a name such as Europe/Berlin") from None


def next_due(cadence: str, send_minute: int, timezone: str, *, after: datetime) -> datetime:
    """The first time a reader is due strictly later than `after` (aware); the answer is aware and in UTC.

    Every local date that matches the cadence has exactly one due time. A time of day that a clock change skips becomes
    the first instant after the gap; one that comes twice counts the first time. A date that a zone left out altogether
    (Pacific/Apia, 30 December 2011) has no due time. Raises CadenceError for arguments that cannot be understood.
    """
    wanted, minute, place = parse(cadence), check_minute(send_minute), zone(timezone)
    day = after.astimezone(place).date() - timedelta(days=1)
    # At most one week without a wanted day, one date left out, and the day before that we start from.
    for _ in range(17):
        if day.weekday() in wanted.days:
            due = _instant(day, minute, place)
            if due is not None and due > after:
                return due
        day += timedelta(days=1)
    raise CadenceError(f"no due time for {cadence} in {timezone} within two weeks of {after:%Y-%m-%d}")


def _instant(day: date, minute: int, place: ZoneInfo) -> datetime | None:
    """The instant of a local date and time in UTC; None when the whole date does not exist there."""
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=place)
    instant = local.astimezone(UTC)
    if instant.astimezone(place).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    if minute and _instant(day, 0, place) is None:
        return None
    # In a gap, fold=0 reads the clock by the offset before the change and so lands behind it, fold=1 by the offset
    # after and so lands before it (PEP 495): the change lies between the two.
    early, late = local.replace(fold=1).astimezone(UTC), instant
    offset = early.astimezone(place).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        if middle.astimezone(place).utcoffset() == offset:
            early = middle
        else:
            late = middle
    ends_on = late.astimezone(place).date()
    # Nuuk's gap runs from 23:00 to midnight: the due time of that day falls on the first instant of the next, which
    # is right. Only when midnight itself is swallowed up to the next date does the day not exist.
    return None if minute == 0 and ends_on > day else late


def period(cadence: str) -> timedelta:
    """How far back a reader's first window reaches: a week for weekly readers, otherwise one day.

    Later windows begin where the last one ended, so the weekend of a `weekdays` reader is covered on Monday without
    this; a first mail that reached back three days would only be longer than those that follow.
    """
    return timedelta(days=7 if len(parse(cadence).days) == 1 else 1)
