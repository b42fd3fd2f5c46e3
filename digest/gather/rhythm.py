"""When to ask a source again. Pure: what was observed and what its publisher said in, a time out.

A source is asked about eight times between two of its articles, so an article waits an eighth of that time at most; one
that has fallen silent is asked ever more rarely, for nobody knows when it speaks again. All between five minutes and a
day (`ASAP` and `RARELY`), and never against the publisher's own word: ttl, Cache-Control, Retry-After, skipHours,
skipDays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from digest.types import Pace

ASAP = timedelta(minutes=5)
RARELY = timedelta(hours=24)
UNKNOWN = timedelta(minutes=15)
"""As long as nothing is known of a source: the quarter hour in which readers' send times are counted."""
SHARE = 8
LOOK_BACK = 20
"""Articles whose distances make the rhythm: a newspaper's morning, a blog's half year."""
LONGEST_FRESH = timedelta(hours=3)
"""Cache-Control is obeyed up to this: many servers give every file the same days or weeks, feeds among them."""
LONGEST_TTL = timedelta(hours=24)
JITTER = 0.1
"""Share of the interval by which a time is moved, so that a thousand sources added in one minute spread out."""
BACK_OFF = timedelta(minutes=15)
PERSISTED = timedelta(days=2)
"""A permanent redirect seen for so long is believed: a site that is being rebuilt takes some of them back."""
ANY = Pace()
"""A publisher that says nothing."""


def observed_gap(times: Iterable[datetime]) -> int:
    """Seconds between two articles: the median distance of the newest LOOK_BACK; 0 with fewer than three times.

    The median, because nights, weekends and bulk imports make long and empty distances. Articles of one minute count as
    one: publishers put out several at once.
    """
    newest = sorted({time.replace(second=0, microsecond=0) for time in times}, reverse=True)[: LOOK_BACK + 1]
    if len(newest) < 3:
        return 0
    return int(median((one - two).total_seconds() for one, two in pairwise(newest)))


def interval(*, gap: int, newest_at: datetime | None, now: datetime) -> timedelta:
    """How long to wait after a gather, from the observed gap (seconds) and the silence since the newest article."""
    silence = now - newest_at if newest_at is not None else timedelta(0)
    usual = timedelta(seconds=gap) / SHARE if gap else UNKNOWN
    return min(RARELY, max(ASAP, usual, silence / SHARE))


def next_time(
    wait: timedelta, *, now: datetime, pace: Pace = ANY, max_age: timedelta | None = None, jitter: float = 0.5
) -> datetime:
    """The time of the next gather: after `wait`, not before the publisher wants it, and not in its hours off.

    `jitter` in [0, 1) is drawn by the caller; 0.5 moves nothing.
    """
    floor = max(min(pace.ttl or timedelta(0), LONGEST_TTL), min(max_age or timedelta(0), LONGEST_FRESH))
    moved = wait * (1 + JITTER * (2 * jitter - 1))
    return _awake(now + min(RARELY, max(ASAP, moved, floor)), pace)


def after_failure(failures: int, *, now: datetime, retry_after: float | None = None, jitter: float = 0.5) -> datetime:
    """When to try a failing source again: a quarter hour, doubled with every failure in a row, at most a day.

    `retry_after` (seconds, as the publisher asked) lengthens that within the same bound, and is never undercut.
    """
    wait = min(RARELY, BACK_OFF * (1 << min(max(failures, 1) - 1, 10)))
    asked = timedelta(seconds=min(retry_after or 0.0, RARELY.total_seconds()))
    return now + min(RARELY, max(wait * (1 + JITTER * (2 * jitter - 1)), asked))


def has_persisted(moved_to: str, told_before: str, since: datetime | None, now: datetime) -> bool:
    """Whether a permanent redirect has led to the same address for long enough to be believed."""
    return bool(moved_to) and moved_to == told_before and since is not None and now - since >= PERSISTED


def _awake(moment: datetime, pace: Pace) -> datetime:
    """The first moment from `moment` on that is in none of the hours and days off (UTC); as it was when there is none
    within a week: a feed that skips every hour means none of them."""
    for hours in range(7 * 24 + 1):
        start = moment if hours == 0 else moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)
        if start.hour not in pace.skip_hours and start.weekday() not in pace.skip_days:
            return start
    return moment


def pack_pace(pace: Pace) -> str:
    """A pace as one short text, "" for a publisher that says nothing."""
    parts = {
        "ttl": str(int(pace.ttl.total_seconds())) if pace.ttl else "",
        "hours": ",".join(map(str, sorted(pace.skip_hours))),
        "days": ",".join(map(str, sorted(pace.skip_days))),
    }
    return " ".join(f"{name}={told}" for name, told in parts.items() if told)


def unpack_pace(packed: str) -> Pace:
    """What `pack_pace` packed."""
    told = dict(part.split("=", 1) for part in packed.split())
    numbers = {name: [int(number) for number in text.split(",")] for name, text in told.items()}
    ttl = timedelta(seconds=numbers["ttl"][0]) if "ttl" in numbers else None
    return Pace(ttl, frozenset(numbers.get("hours", ())), frozenset(numbers.get("days", ())))


def newest(times: Sequence[datetime], before: datetime | None, now: datetime) -> datetime | None:
    """The newest of `times` and `before` that is not in the future."""
    return max((time for time in (*times, *([before] if before else [])) if time <= now), default=None)
