"""When is a reader due next. Pure: no clock, no database.

A cadence says on which days a reader wants mail, and how often: `daily`, `weekdays`, `weekly:fri`, `days:mon,wed,fri`,
`several:12:00,18:00` (every day at the send time and at these times), `as-it-happens` (every quarter hour, if there is
news). The time of day is a local quarter hour, because slots are quantised to quarter hours (design, section 4). A
cadence together with a send time is a *rhythm*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

from subscribers.errors import CadenceError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Weekdays as cadences name them, in the order of `date.weekday()`."""

SLOT_MINUTES = 15
DAY_MINUTES = 24 * 60


AS_IT_HAPPENS = "as-it-happens"

MOST_A_DAY = 6
"""Mails a day at given times, the send time included: about every other hour of a waking day."""

Rhythm = tuple[str, int]
"""A cadence and a send time (minutes after local midnight)."""

_EVERY_DAY = frozenset(range(7))
_QUARTER = timedelta(minutes=SLOT_MINUTES)


@dataclass(frozen=True, slots=True)
class Cadence:
    """What a cadence says."""

    days: frozenset[int]
    """Weekdays on which mail is wanted; 0 is Monday."""
    times: tuple[int, ...] = ()
    """Further minutes after local midnight, beside the send time."""
    always: bool = False
    """Every quarter hour; days and times say nothing then."""


@lru_cache(maxsize=1024)
def parse(cadence: str) -> Cadence:
    """What a cadence says. Raises CadenceError, naming what is allowed.

    Only one spelling of each is taken (days in the week's order, times in the day's, nothing twice), because equal
    choices share a profile.
    """
    kind, colon, rest = cadence.partition(":")
    if cadence == "daily":
        return Cadence(_EVERY_DAY)
    if cadence == "weekdays":
        return Cadence(frozenset(range(5)))
    if cadence == AS_IT_HAPPENS:
        return Cadence(_EVERY_DAY, always=True)
    if kind == "weekly" and colon and rest in DAYS:
        return Cadence(frozenset({DAYS.index(rest)}))
    if kind == "days" and colon and len(cadence) <= len(f"days:{','.join(DAYS)}"):
        wanted = rest.split(",")
        days = [place for place, day in enumerate(DAYS) if day in wanted]
        if [DAYS[place] for place in days] == wanted:
            return Cadence(frozenset(days))
    if kind == "several" and colon and len(cadence) < len("several:") + MOST_A_DAY * len("00:00,"):
        times = _times(rest.split(","))
        if times:
            return Cadence(_EVERY_DAY, times)
    raise CadenceError(
        f"{cadence[:64]!r} is no cadence; it is daily, weekdays, weekly:fri, days:mon,wed,fri (in the week's order), "
        f"several:12:00,18:00 (in order, at most {MOST_A_DAY - 1} beside the send time) or as-it-happens"
    )


def _times(told: list[str]) -> tuple[int, ...]:
    """Minutes after midnight of quarter hours as `clock` writes them, in order; empty for anything else."""
    known = {clock(minute): minute for minute in range(0, DAY_MINUTES, SLOT_MINUTES)}
    minutes = [known.get(each, -1) for each in told]
    in_order = all(earlier < later for earlier, later in pairwise([-1, *minutes]))
    return tuple(minutes) if in_order and len(minutes) < MOST_A_DAY else ()


def clock(minute: int) -> str:
    """A minute after midnight as cadences and forms write it: "07:45"."""
    return f"{minute // 60:02}:{minute % 60:02}"


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

    Every local date that matches the cadence has exactly one due time, for `several` one for each of its times. A time
    of day that a clock change skips becomes the first instant after the gap, where two that are skipped are one; one
    that comes twice counts the first time. A date that a zone left out altogether (Pacific/Apia, 30 December 2011) has
    no due time. `as-it-happens` is due at every quarter hour of UTC. Raises CadenceError for arguments that cannot be
    understood.
    """
    wanted, minute, place = parse(cadence), check_minute(send_minute), zone(timezone)
    if wanted.always:
        return quarter(after) + _QUARTER
    day = after.astimezone(place).date() - timedelta(days=1)
    # At most one week without a wanted day, one date left out, and the day before that we start from.
    for _ in range(17):
        later = [due for due in _dues(wanted, minute, day, place) if due > after]
        if later:
            return later[0]
        day += timedelta(days=1)
    raise CadenceError(f"no due time for {cadence} in {timezone} within two weeks of {after:%Y-%m-%d}")


def previous_due(cadence: str, send_minute: int, timezone: str, *, before: datetime) -> datetime:
    """The last time a reader was due strictly earlier than `before`: `next_due` backwards, by the same rules."""
    wanted, minute, place = parse(cadence), check_minute(send_minute), zone(timezone)
    if wanted.always:
        begun = quarter(before)
        return begun if begun < before else begun - _QUARTER
    # The next date too: clocks set back over midnight (America/St_Johns until 2011) show a date before it begins again.
    day = before.astimezone(place).date() + timedelta(days=1)
    for _ in range(17):
        earlier = [due for due in _dues(wanted, minute, day, place) if due < before]
        if earlier:
            return earlier[-1]
        day -= timedelta(days=1)
    raise CadenceError(f"no due time for {cadence} in {timezone} within two weeks before {before:%Y-%m-%d}")


def quarter(at: datetime) -> datetime:
    """The quarter hour of UTC that has begun."""
    utc = at.astimezone(UTC)
    return utc.replace(minute=utc.minute - utc.minute % SLOT_MINUTES, second=0, microsecond=0)


def groups(
    topics: Iterable[int], cadence: str, send_minute: int, own: Mapping[int, Rhythm]
) -> dict[Rhythm, tuple[int, ...]]:
    """The rhythms of a reader, each with its topics in the reader's order. A topic that is not in `own` has the
    reader's. The send time means nothing to `as-it-happens`, so that is one rhythm (minute 0)."""
    found: dict[Rhythm, tuple[int, ...]] = {}
    for topic in topics:
        rhythm = plain_rhythm(*own.get(topic, (cadence, send_minute)))
        found[rhythm] = (*found.get(rhythm, ()), topic)
    return found


def plain_rhythm(cadence: str, send_minute: int) -> Rhythm:
    """A rhythm in the one spelling in which equal ones are equal."""
    return (cadence, 0) if cadence == AS_IT_HAPPENS else (cadence, send_minute)


def next_of(rhythms: Iterable[Rhythm], timezone: str, *, after: datetime) -> datetime | None:
    """The first time that any of these rhythms is due strictly later than `after`; None without one."""
    return min((next_due(*rhythm, timezone, after=after) for rhythm in rhythms), default=None)


def _dues(wanted: Cadence, minute: int, day: date, place: ZoneInfo) -> list[datetime]:
    """The due times of one local date, in order; two that a gap moves to its end are one."""
    if day.weekday() not in wanted.days:
        return []
    found = [_instant(day, each, place) for each in sorted({minute, *wanted.times})]
    return sorted({due for due in found if due is not None})


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
    """How far back a first window reaches: a week for one day a week, otherwise one day.

    Later windows begin where the last one ended, so the weekend of a `weekdays` reader is covered on Monday without
    this; a first mail that reached back three days would only be longer than those that follow.
    """
    return timedelta(days=7 if len(parse(cadence).days) == 1 else 1)
