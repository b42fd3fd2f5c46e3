"""The dates of real feeds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.gather.dates import EARLIEST, parse


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("Mon, 09 Apr 2018 18:55:38 GMT", "2018-04-09T18:55:38"),
        ("Mon, 9 Apr 2018 18:55 +0200", "2018-04-09T16:55:00"),
        ("09 Apr 18 18:55:38 EST", "2018-04-09T23:55:38"),
        ("9 Apr 2018", "2018-04-09T00:00:00"),
        ("Tue, 01 Oct 2019 14:30:00 PST", "2019-10-01T22:30:00"),
        ("Fri, 20 Feb 2015 09:51:15 UTC", "2015-02-20T09:51:15"),
        ("Thu, 21 Jan 2021 18:58:00 +1100", "2021-01-21T07:58:00"),
        ("Seg, 24 Set 2018 19:42:40 -0300", "2018-09-24T22:42:40"),
        ("lun., 02 févr. 2026 08:00:00 +0100", "2026-02-02T07:00:00"),
        ("Mo, 2 März 2026 08:00:00 MEZ", "2026-03-02T07:00:00"),
        ("2. Dezember 2026 08:00", "2026-12-02T08:00:00"),
        ("5 de agosto de 2026 10:00:00 GMT", "2026-08-05T10:00:00"),
        ("March 2, 2026 3:04 PM", "2026-03-02T15:04:00"),
        ("Mon Mar  2 15:04:05 2026", "2026-03-02T15:04:05"),
        ("Mon Mar  2 15:04:05 CET 2026", "2026-03-02T14:04:05"),
        ("Sat, 07-Mar-26 23:59:60 GMT", "2026-03-07T23:59:59"),
        ("Sat, 07 Mar 2026 24:00:00 GMT", "2026-03-08T00:00:00"),
        ("Sat, 07 Mar 2026 10:00:00 XYZ", "2026-03-07T10:00:00"),
        ("Sat, 07 Mar 2026 10:00:00 GMT+0200", "2026-03-07T08:00:00"),
        ("2026-03-02T08:30:00Z", "2026-03-02T08:30:00"),
        ("2026-03-02T08:30:00.123456+05:30", "2026-03-02T03:00:00"),
        ("2026-03-02 08:30:00", "2026-03-02T08:30:00"),
        ("2026-03-02T08:30-0800", "2026-03-02T16:30:00"),
        ("20260302T083000Z", "2026-03-02T08:30:00"),
        ("2026-03-02", "2026-03-02T00:00:00"),
        ("  2026-03-02T08:30:00+00:00 \n", "2026-03-02T08:30:00"),
    ],
)
def test_dates_that_feeds_carry(told: str, meant: str) -> None:
    assert parse(told) == datetime.fromisoformat(meant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "told",
    [
        None, "", "yesterday", "2026", "2026-13-01", "2026-02-30T00:00:00Z", "32 Jan 2026 00:00", "1 Foo 2026 10:00",
        "Thu, 01 Jan 1970 00:00:00 GMT", "0001-01-01T00:00:00Z", "-1", "9999-12-31T23:59:59-14:00",
        "1 Jan 2026 99:99", "2026-03-02T08:30:00+99:99", "1" * 5000,
    ],
)  # fmt: skip
def test_nonsense_is_no_date(told: str | None) -> None:
    assert parse(told) is None


@given(
    st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,5} \d+:\d+(:\d+)? [-+A-Z\d]{0,6}")
)
def test_no_text_upsets_the_reader(told: str) -> None:
    moment = parse(told)
    assert moment is None or (moment.utcoffset() is not None and moment >= EARLIEST)
