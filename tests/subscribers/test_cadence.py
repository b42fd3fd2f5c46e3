"""When is a reader due next: every zone, 1970 to 2040, and the awkward days by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from subscribers.cadence import (
    DAYS,
    Cadence,
    groups,
    minute_of,
    next_due,
    next_of,
    parse,
    period,
    previous_due,
    zone,
)
from subscribers.errors import CadenceError

ZONES = sorted(available_timezones() - {"localtime", "Factory", "posixrules"})
ONCE_A_DAY = ("daily", "weekdays", *(f"weekly:{day}" for day in DAYS), "days:mon,wed,fri", "days:sat,sun", "days:tue")
SEVERAL = ("several:12:00,18:00", "several:00:00,02:15,02:30,03:00,23:45")
CADENCES = (*ONCE_A_DAY, *SEVERAL, "as-it-happens")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@settings(max_examples=600, deadline=None)
@given(
    cadence=st.sampled_from(ONCE_A_DAY),
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
    assert [period(each).days for each in ("daily", "weekdays", "days:mon,tue", "several:12:00")] == [1, 1, 1, 1]
    assert [period(each).days for each in ("weekly:sun", "days:sun", "as-it-happens")] == [7, 7, 1]


WRONG = [
    "", "hourly", "weekly", "weekly:", "weekly:xyz", "weekly:mon:tue", "Daily", "days", "days:", "days:fri,mon",
    "days:mon,mon", "days:mon, wed", "days:mon,", "days:monday", "several", "several:", "several:12:10", "several:7:00",
    "several:18:00,12:00", "several:12:00,12:00", "several:24:00", "several:06:00,08:00,10:00,12:00,14:00,16:00",
    "as-it-happens:", "as it happens", "days:" + "mon," * 5000, "several:" + "12:00," * 5000,
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_cadence_that_is_none(wrong: str) -> None:
    with pytest.raises(CadenceError, match="is no cadence; it is daily, weekdays, weekly:fri, days:") as caught:
        parse(wrong)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_what_a_cadence_says() -> None:
    assert parse("days:mon,wed,fri") == Cadence(frozenset({0, 2, 4}))
    assert parse("days:sun").days == parse("weekly:sun").days
    assert parse("several:12:00,18:30") == Cadence(frozenset(range(7)), (720, 1110))
    assert parse("as-it-happens").always
    assert all(len(each) <= 64 for each in CADENCES), "the column has 64 characters"


def test_chosen_days_and_several_times() -> None:
    monday = utc("2026-01-05T08:00")
    assert next_due("days:mon,thu", 420, "UTC", after=monday) == utc("2026-01-08T07:00")
    told = [monday]
    for _ in range(4):
        told.append(next_due("several:12:00,18:00", 420, "UTC", after=told[-1]))
    assert told[1:] == [utc(f"2026-01-0{day}") for day in ("5T12:00", "5T18:00", "6T07:00", "6T12:00")]


def test_two_times_that_a_gap_swallows_are_one() -> None:
    """In Berlin the clocks go from 02:00 to 03:00 on 29 March 2026."""
    due = next_due("several:02:30,03:00", 135, "Europe/Berlin", after=utc("2026-03-28T12:00"))
    assert due == utc("2026-03-29T01:00")
    assert next_due("several:02:30,03:00", 135, "Europe/Berlin", after=due) == utc("2026-03-30T00:15")


def test_as_it_happens_is_every_quarter_hour() -> None:
    assert next_due("as-it-happens", 420, "Asia/Kathmandu", after=utc("2026-01-05T08:00")) == utc("2026-01-05T08:15")
    assert next_due("as-it-happens", 0, "UTC", after=utc("2026-01-05T08:14:59")) == utc("2026-01-05T08:15")
    assert previous_due("as-it-happens", 0, "UTC", before=utc("2026-01-05T08:00")) == utc("2026-01-05T07:45")
    assert previous_due("as-it-happens", 0, "UTC", before=utc("2026-01-05T08:00:01")) == utc("2026-01-05T08:00")
    with pytest.raises(CadenceError, match="no time zone"):
        next_due("as-it-happens", 0, "Mars/Olympus", after=utc("2026-01-05T08:00"))


@settings(max_examples=300, deadline=None)
@given(
    cadence=st.sampled_from(CADENCES),
    minute=st.integers(0, 95).map(lambda quarter: quarter * 15),
    timezone=st.sampled_from(ZONES),
    before=st.datetimes(datetime(1970, 2, 3), datetime(2040, 12, 20)),  # noqa: DTZ001
)
@example("daily", 0, "America/St_Johns", datetime(2010, 11, 7, 3, 0))  # noqa: DTZ001  (00:01 goes back to 23:01)
@example("several:00:00,23:45", 1410, "America/Nuuk", datetime(2024, 3, 31, 1, 0))  # noqa: DTZ001
@example("daily", 420, "Pacific/Apia", datetime(2011, 12, 30, 17, 0))  # noqa: DTZ001
def test_backwards_and_forwards_are_the_same_times(cadence: str, minute: int, timezone: str, before: datetime) -> None:
    """From any time: what came last before it, and then strictly onwards, leads past it without a time in between."""
    moment = before.replace(tzinfo=UTC)
    last = previous_due(cadence, minute, timezone, before=moment)
    assert last < moment
    following = next_due(cadence, minute, timezone, after=last)
    assert following >= moment
    assert previous_due(cadence, minute, timezone, before=following) == last
    assert next_due(cadence, minute, timezone, after=last - timedelta(microseconds=1)) == last


def test_topics_fall_into_groups_by_rhythm() -> None:
    own = {2: ("weekly:fri", 1080), 3: ("as-it-happens", 1080), 4: ("daily", 420), 5: ("as-it-happens", 15)}
    assert groups((1, 2, 3, 4, 5), "daily", 420, own) == {
        ("daily", 420): (1, 4),
        ("weekly:fri", 1080): (2,),
        ("as-it-happens", 0): (3, 5),
    }
    assert groups((), "daily", 420, {}) == {}


def test_the_next_of_several_rhythms_is_the_earliest() -> None:
    friday = utc("2026-01-09T08:00")
    assert next_of([("daily", 420), ("weekly:fri", 1080)], "UTC", after=friday) == utc("2026-01-09T18:00")
    assert next_of([("daily", 420)], "UTC", after=friday) == utc("2026-01-10T07:00")
    assert next_of([], "UTC", after=friday) is None


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
