"""When is a reader due next: every zone, 1970 to 2040, and the awkward days by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from subscribers.cadence import DAYS, minute_of, next_due, parse, period, zone
from subscribers.errors import CadenceError

ZONES = sorted(available_timezones() - {"localtime", "Factory", "posixrules"})
CADENCES = ("daily", "weekdays", *(f"weekly:{day}" for day in DAYS))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@settings(max_examples=600, deadline=None)
@given(
    cadence=st.sampled_from(CADENCES),
    minute=st.integers(0, 95).map(lambda quarter: quarter * 15),
    timezone=st.sampled_from(ZONES),
    after=st.datetimes(datetime(1970, 1, 3), datetime(2040, 12, 20)),  # noqa: DTZ001
)
@example("daily", 165, "Australia/Lord_Howe", datetime(2024, 10, 5))  # noqa: DTZ001  (half an hour of summer time)
@example("daily", 30, "Africa/Monrovia", datetime(1972, 1, 6))  # noqa: DTZ001  (a gap of 44 minutes and 30 seconds)
@example("daily", 420, "Pacific/Apia", datetime(2011, 12, 29))  # noqa: DTZ001  (30 December 2011 does not exist)
@example("daily", 1395, "America/Nuuk", datetime(2024, 3, 30))  # noqa: DTZ001  (a gap that ends at midnight)
@example("daily", 0, "Pacific/Kwajalein", datetime(1993, 8, 20))  # noqa: DTZ001
def test_ten_days_of_any_reader(cadence: str, minute: int, timezone: str, after: datetime) -> None:
    place = ZoneInfo(timezone)
    moment = after.replace(tzinfo=UTC)
    told = []
    for _ in range(10):
        due = next_due(cadence, minute, timezone, after=moment)
        assert due > moment
        assert due.tzinfo is UTC
        told.append(due)
        moment = due
    locals_ = [due.astimezone(place) for due in told]
    for due, local in zip(told, locals_, strict=True):
        on_time = local.hour * 60 + local.minute == minute and local.second == 0
        if on_time:
            assert local.weekday() in parse(cadence).days
            assert local.fold == 0, "a doubled time counts the first time"
        else:
            before = (due - timedelta(seconds=1)).astimezone(place)
            skipped = local.replace(tzinfo=None) - before.replace(tzinfo=None)
            assert skipped > timedelta(seconds=1), "only a gap moves a due time"
            # In hours of the day before the gap, the wanted time lies inside it.
            wanted = before.replace(hour=minute // 60, minute=minute % 60, second=0, tzinfo=None)
            inside = [wanted, wanted + timedelta(days=1)]
            assert any(before.replace(tzinfo=None) < each < local.replace(tzinfo=None) for each in inside)
    # The local dates meant: a due time that a gap pushed over midnight belongs to the day before.
    dates = [
        (local - timedelta(hours=2)).date() if local.hour == 0 and minute >= 22 * 60 else local.date()
        for local in locals_
    ]
    assert len(set(dates)) == len(dates), "two due times on one local day"
    missing = {
        day
        for earlier, later in pairwise(dates)
        for day in (earlier + timedelta(days=n) for n in range(1, (later - earlier).days))
        if day.weekday() in parse(cadence).days
    }
    for day in missing:
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=place)
        assert noon.astimezone(UTC).astimezone(place).date() != day, f"{day} exists and was left out"


@pytest.mark.parametrize(
    ("timezone", "minute", "after", "due"),
    [
        ("Europe/Berlin", 420, "2026-01-05T05:00", "2026-01-05T06:00"),
        ("Europe/Berlin", 420, "2026-01-05T06:00", "2026-01-06T06:00"),  # strictly later
        ("Europe/Berlin", 150, "2026-03-28T12:00", "2026-03-29T01:00"),  # 02:30 is skipped: 03:00 summer time
        ("Europe/Berlin", 150, "2026-10-24T12:00", "2026-10-25T00:30"),  # 02:30 comes twice: the first
        ("Europe/Berlin", 150, "2026-10-25T00:30", "2026-10-26T01:30"),  # and not the second
        ("America/Nuuk", 1395, "2024-03-30T12:00", "2024-03-31T01:00"),  # 23:15 is skipped up to midnight
        ("America/Nuuk", 1395, "2024-03-31T01:00", "2024-04-01T00:15"),
        ("Pacific/Apia", 420, "2011-12-29T17:00", "2011-12-30T17:00"),  # from the 29th to the 31st
        ("Asia/Kathmandu", 15, "2026-01-05T00:00", "2026-01-05T18:30"),
    ],
)
def test_awkward_days(timezone: str, minute: int, after: str, due: str) -> None:
    assert next_due("daily", minute, timezone, after=utc(after)) == utc(due)


def test_weekdays_skip_the_weekend_and_weekly_waits_for_its_day() -> None:
    friday = utc("2026-01-09T08:00")
    assert next_due("weekdays", 420, "UTC", after=friday) == utc("2026-01-12T07:00")
    assert next_due("weekly:fri", 420, "UTC", after=friday) == utc("2026-01-16T07:00")
    assert next_due("weekly:sat", 420, "UTC", after=friday) == utc("2026-01-10T07:00")


def test_first_windows() -> None:
    assert [period(each).days for each in ("daily", "weekdays", "weekly:sun")] == [1, 1, 7]


@pytest.mark.parametrize("wrong", ["", "hourly", "weekly", "weekly:", "weekly:xyz", "weekly:mon:tue", "Daily"])
def test_a_cadence_that_is_none(wrong: str) -> None:
    with pytest.raises(CadenceError, match="daily, weekdays or weekly:mon") as caught:
        parse(wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["", "Europe", "Europe/Berln", "../../etc/passwd", "/etc/passwd", "a\0b", "x" * 5000])
def test_a_zone_that_is_none(wrong: str) -> None:
    with pytest.raises(CadenceError, match="no time zone"):
        next_due("daily", 420, wrong, after=utc("2026-01-01T00:00"))


@pytest.mark.parametrize("wrong", [-15, 1, 1440, 1455])
def test_a_send_time_that_is_none(wrong: int) -> None:
    with pytest.raises(CadenceError, match="quarter hour"):
        next_due("daily", wrong, "UTC", after=utc("2026-01-01T00:00"))


def test_a_quarter_hour_is_told_in_minutes() -> None:
    told = {"00:00": 0, "7:15": 435, "23:45": 1425, "07:30:00": 450, "07:45:00.000": 465}
    assert {time: minute_of(time) for time in told} == told


@pytest.mark.parametrize("time", ["", "7", "07:10", "24:00", "-1:00", "07:٠٠", "07:00:01", "07:0x", "07:00 ", "٧:00"])
def test_anything_else_is_no_quarter_hour(time: str) -> None:
    with pytest.raises(CadenceError, match="quarter hour"):
        minute_of(time)


@pytest.mark.parametrize("name", ["posix/Europe/Berlin", "right/UTC", "localtime", "Factory/..", "../etc/passwd", ""])
def test_a_zone_of_one_machine_only_is_none(name: str) -> None:
    with pytest.raises(CadenceError, match="time zone"):
        zone(name)
