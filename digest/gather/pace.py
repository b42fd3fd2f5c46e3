"""How often a feed's publisher wants to be asked, from the feed's own fields. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
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
MAX_HINT = 40
"""Characters of a hint that are looked at (and remembered)."""
MAX_HINTS = 64
"""Elements of skipHours or skipDays that are looked at: a day has 24 hours."""


def read(about: Fields) -> Pace:
    """`about`: the fields of a channel or feed (RSS 2.0: ttl in minutes, skipHours in GMT; sy: one reading in a period,
    or several)."""
    if about.keys().isdisjoint(_TOLD):
        return Pace()
    ttl = _ttl(*(first(about, name).strip()[:MAX_HINT] for name in ("ttl", "sy:updateperiod", "sy:updatefrequency")))
    # The hours of RSS 0.91 went from 1 to 24, where 24 is midnight.
    hours = (int(hour) % 24 for hour in _inside(about, "skiphours") if _is_number(hour) and int(hour) <= 24)
    days = (_DAYS[day.lower()] for day in _inside(about, "skipdays") if day.lower() in _DAYS)
    return Pace(ttl, frozenset(hours), frozenset(days))


@lru_cache(maxsize=256)
def _ttl(minutes: str, period: str, often: str) -> timedelta | None:
    """The shorter of what both ways say; few feeds say anything that others do not."""
    told = []
    if _number(minutes):
        told.append(min(timedelta(minutes=_number(minutes)), MAX_TTL))
    if each := _PERIODS.get(period.lower()):
        told.append(each / (_number(often) or 1))
    return min(told, default=None)


def _inside(about: Fields, name: str) -> Iterable[str]:
    for holder in every(about, name):
        for node in islice(holder, MAX_HINTS):
            yield text(node).strip()


def _number(told: str) -> int:
    """0 when it is none that makes sense."""
    return int(told) if _is_number(told) else 0


def _is_number(told: str) -> bool:
    return told.isascii() and told.isdecimal() and len(told) <= 6
