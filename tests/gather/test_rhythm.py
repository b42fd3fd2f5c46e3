"""When to ask a source again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.gather import rhythm
from digest.types import Pace

NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)  # a Monday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def every(gap: timedelta, count: int = 30) -> list[datetime]:
    return [NOW - number * gap for number in range(count)]


@pytest.mark.parametrize(
    ("gap", "wait"),
    [
        (10 * MINUTE, 5 * MINUTE),
        (HOUR, 7.5 * MINUTE),
        (DAY, 3 * HOUR),
        (7 * DAY, 21 * HOUR),
        (30 * DAY, DAY),
    ],
)
def test_a_source_is_asked_eight_times_between_two_articles(gap: timedelta, wait: timedelta) -> None:
    observed = rhythm.observed_gap(every(gap))
    assert observed == gap.total_seconds()
    assert rhythm.interval(gap=observed, newest_at=NOW, now=NOW) == wait


def test_nights_and_imports_do_not_count() -> None:
    day = [NOW.replace(hour=8) - number * 30 * MINUTE for number in range(10)]
    before = [each - DAY for each in day]
    imported = [NOW - 3 * DAY + number * timedelta(seconds=1) for number in range(20)]
    assert rhythm.observed_gap([*day, *before, *imported]) == 1800
    assert rhythm.observed_gap([NOW, NOW - HOUR]) == 0


def test_silence_slows_down() -> None:
    told = [rhythm.interval(gap=600, newest_at=NOW - days * DAY, now=NOW) for days in (0, 1, 2, 8, 80)]
    assert told == [5 * MINUTE, 3 * HOUR, 6 * HOUR, DAY, DAY]
    assert rhythm.interval(gap=0, newest_at=None, now=NOW) == 15 * MINUTE
    assert rhythm.interval(gap=600, newest_at=NOW + HOUR, now=NOW) == 5 * MINUTE


def test_the_publishers_word() -> None:
    def wait(**told: object) -> timedelta:
        return rhythm.next_time(5 * MINUTE, now=NOW, **told) - NOW  # type: ignore[arg-type]

    assert wait() == 5 * MINUTE
    assert wait(pace=Pace(ttl=HOUR)) == HOUR
    assert wait(pace=Pace(ttl=90 * DAY)) == DAY
    assert wait(max_age=20 * MINUTE) == 20 * MINUTE
    assert wait(max_age=365 * DAY) == 3 * HOUR
    assert wait(jitter=0.0) == 5 * MINUTE
    assert rhythm.next_time(HOUR, now=NOW, jitter=0.0) - NOW == 54 * MINUTE


def test_hours_and_days_off() -> None:
    def when(pace: Pace) -> datetime:
        return rhythm.next_time(45 * MINUTE, now=NOW, pace=pace)

    assert when(Pace(skip_hours=frozenset({8, 9}))) == NOW.replace(hour=10, minute=0)
    assert when(Pace(skip_days=frozenset({0, 1}))) == datetime(2026, 3, 4, tzinfo=UTC)
    nights = Pace(skip_hours=frozenset(range(8, 24)), skip_days=frozenset({1}))
    assert when(nights) == datetime(2026, 3, 4, tzinfo=UTC)
    assert when(Pace(skip_hours=frozenset(range(24)))) == NOW + 45 * MINUTE


def test_back_off_doubles_up_to_a_day_and_obeys_retry_after() -> None:
    def wait(failures: int, retry_after: float | None = None) -> timedelta:
        return rhythm.after_failure(failures, now=NOW, retry_after=retry_after) - NOW

    assert [wait(failures) for failures in (1, 2, 3, 7, 8, 1000)] == [
        15 * MINUTE,
        30 * MINUTE,
        HOUR,
        16 * HOUR,
        DAY,
        DAY,
    ]
    assert wait(1, 7200) == 2 * HOUR
    assert wait(3, 60) == HOUR
    assert wait(1, 1e12) == DAY
    assert rhythm.after_failure(1, now=NOW, retry_after=900, jitter=0.0) - NOW == 15 * MINUTE


def test_a_move_is_believed_after_two_days() -> None:
    there = "https://new.example/feed"
    assert rhythm.has_persisted(there, there, NOW - 2 * DAY, NOW)
    assert not rhythm.has_persisted(there, there, NOW - DAY, NOW)
    assert not rhythm.has_persisted(there, "https://other.example/feed", NOW - 9 * DAY, NOW)
    assert not rhythm.has_persisted("", "", NOW - 9 * DAY, NOW)
    assert not rhythm.has_persisted(there, there, None, NOW)


PACES = st.builds(
    Pace,
    ttl=st.none() | st.timedeltas(timedelta(0), timedelta(days=400)),
    skip_hours=st.frozensets(st.integers(0, 23)),
    skip_days=st.frozensets(st.integers(0, 6)),
)


@given(PACES, st.timedeltas(timedelta(0), DAY), st.none() | st.timedeltas(timedelta(0), 9 * DAY), st.floats(0, 0.999))
def test_always_later_and_within_a_week_and_a_day(
    pace: Pace, wait: timedelta, max_age: timedelta | None, jitter: float
) -> None:
    told = rhythm.next_time(wait, now=NOW, pace=pace, max_age=max_age, jitter=jitter)
    assert NOW + 5 * MINUTE <= told <= NOW + 8 * DAY
    some_hour = len(pace.skip_hours) < 24 and len(pace.skip_days) < 7
    assert not some_hour or (told.hour not in pace.skip_hours and told.weekday() not in pace.skip_days)


@given(PACES)
def test_a_pace_is_kept(pace: Pace) -> None:
    kept = rhythm.unpack_pace(rhythm.pack_pace(pace))
    whole = timedelta(seconds=int(pace.ttl.total_seconds())) if pace.ttl else None
    assert kept == Pace(whole or None, pace.skip_hours, pace.skip_days)
    assert rhythm.pack_pace(Pace()) == ""
