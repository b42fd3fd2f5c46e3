"""How often a feed's publisher wants to be asked, from the feed's own fields. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import islice

from digest.gather.fields import Fields, every, first, text
from digest.types import Pace

_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
"""https://web.resource.org/rss/1.0/modules/syndication/"""
_DAYS = {
    name: number
    for number, name in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
}
_TOLD = frozenset(("ttl", "skiphours", "skipdays", "sy:updateperiod"))
MAX_TTL = timedelta(days=365)
MAX_HINTS = 64
"""Elements of skipHours or skipDays that are looked at: a day has 24 hours."""


def read(about: Fields) -> Pace:
    """`about`: the fields of a channel or feed (RSS 2.0: ttl in minutes, skipHours in GMT; sy: one reading in a period,
    or several)."""
    if about.keys().isdisjoint(_TOLD):
        return Pace()
    told = [each for each in (_ttl(about), _period(about)) if each is not None]
    # The hours of RSS 0.91 went from 1 to 24, where 24 is midnight.
    hours = (int(hour) % 24 for hour in _inside(about, "skiphours") if _is_number(hour) and int(hour) <= 24)
    days = (_DAYS[day.lower()] for day in _inside(about, "skipdays") if day.lower() in _DAYS)
    return Pace(min(told, default=None), frozenset(hours), frozenset(days))


def _ttl(about: Fields) -> timedelta | None:
    told = first(about, "ttl").strip()
    return min(timedelta(minutes=int(told)), MAX_TTL) if _is_number(told) and int(told) else None


def _period(about: Fields) -> timedelta | None:
    period = _PERIODS.get(first(about, "sy:updateperiod").strip().lower())
    if period is None:
        return None
    often = first(about, "sy:updatefrequency").strip()
    return period / (int(often) if _is_number(often) and int(often) else 1)


def _inside(about: Fields, name: str) -> Iterable[str]:
    for holder in every(about, name):
        for node in islice(holder, MAX_HINTS):
            yield text(node).strip()


def _is_number(told: str) -> bool:
    return told.isascii() and told.isdecimal() and len(told) <= 6
