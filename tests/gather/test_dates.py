"""The dates of real feeds."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from babel import Locale
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
        ("2026-W10-1", "2026-03-02T00:00:00"),
        ("2026W101T083000Z", "2026-03-02T08:30:00"),
        ("2026-W10", "2026-03-02T00:00:00"),
        ("2026-061T08:30:00+01:00", "2026-03-02T07:30:00"),
        ("2026061", "2026-03-02T00:00:00"),
        ("2026-03", "2026-03-01T00:00:00"),
        ("2026-03-02T08Z", "2026-03-02T08:00:00"),
        ("2026-03-02T24:00:00Z", "2026-03-03T00:00:00"),
        ("2026-03-02T08:30:00,5-0500[America/Bogota]", "2026-03-02T13:30:00"),
        ("2026/03/02 15:04:05", "2026-03-02T15:04:05"),
        ("02.03.2026 10:00", "2026-03-02T10:00:00"),
        ("22/3/2026", "2026-03-22T00:00:00"),
        ("3/22/2026 10:00 PM", "2026-03-22T22:00:00"),
        ("Mon, 02 Mar 2026 08:30:00 +0100 (CET)", "2026-03-02T07:30:00"),
        ("Mon, 02 Mar 2026 08:30:00 -0030", "2026-03-02T09:00:00"),
        ("Mon Mar 02 2026 15:04:05 GMT+0100 (CET)", "2026-03-02T14:04:05"),
        ("Monday, March 2nd, 2026 at 3:04pm EST", "2026-03-02T20:04:00"),
        ("Mon, 02 Mar 2026 08:30:00 IST", "2026-03-02T03:00:00"),
        ("02 mars 2026 à 14h30", "2026-03-02T14:30:00"),
        ("2. März 2026, 14.30 Uhr", "2026-03-02T14:30:00"),
        ("lunes, 2 de marzo de 2026 a las 10:00", "2026-03-02T10:00:00"),
        ("2 marca 2026 r. 10:00", "2026-03-02T10:00:00"),
        ("пн, 02 мар 2026 10:00:00 +0300", "2026-03-02T07:00:00"),
        ("2 марта 2026 г. в 10:00", "2026-03-02T10:00:00"),
        ("2. března 2026 10:00", "2026-03-02T10:00:00"),
        ("2 Mart 2026 Pazartesi 10:00", "2026-03-02T10:00:00"),
        ("2. maaliskuuta 2026 klo 10.00", "2026-03-02T10:00:00"),
        ("2026. március 2. 10:00", "2026-03-02T10:00:00"),
        ("2026-március-2T10:00+01:00", "2026-03-02T09:00:00"),
        ("2 Μαρτίου 2026 10:00 μ.μ.", "2026-03-02T22:00:00"),
        ("٢ مارس ٢٠٢٦ 10:00", "2026-03-02T10:00:00"),
        ("2 d’abril de 2026", "2026-04-02T00:00:00"),
        ("2026年3月2日", "2026-03-02T00:00:00"),
        ("2026年03月02日（月） 14時30分", "2026-03-02T14:30:00"),
        ("2026년 3월 2일 오후 3:04", "2026-03-02T15:04:00"),
        ("2026-03-02 오전 12:04:05", "2026-03-02T00:04:05"),
        ("2026-03-02T08:30:00+99:99", "2026-03-02T08:30:00"),
        ("Fri, 02 Mar 2096 08:30:00 GMT", "2096-03-02T08:30:00"),
    ],
)
def test_dates_that_feeds_carry(told: str, meant: str) -> None:
    assert parse(told) == datetime.fromisoformat(meant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "told",
    [
        None, "", "yesterday", "2026", "2026-13-01", "2026-02-30T00:00:00Z", "32 Jan 2026 00:00", "1 Foo 2026 10:00",
        "Thu, 01 Jan 1970 00:00:00 GMT", "0001-01-01T00:00:00Z", "-1", "9999-12-31T23:59:59-14:00",
        "1 Jan 2026 99:99", "2/3/2026", "2026-W54-1", "2026-366",
        "31 Feb 2026", "2026年13月2日", "Mon, 02 Mar 2026 25:30:00 +0000", "1772440200", "1" * 5000,
    ],
)  # fmt: skip
def test_nonsense_is_no_date(told: str | None) -> None:
    assert parse(told) is None


LANGUAGES = (
    "en", "de", "fr", "es", "pt", "it", "nl", "pl", "ru", "uk", "cs", "tr", "sv", "da", "nb", "fi", "ar", "el", "hu",
    "ro",
)  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_months_are_those_of_cldr(language: str) -> None:
    """In every form and width in which CLDR has them."""
    for told in Locale.parse(language).months.values():
        for width in ("wide", "abbreviated"):
            for number, name in told[width].items():
                for written in (name, name.upper(), name.removesuffix(".")):
                    assert parse(f"3 {written} 2026 10:00") == datetime(2026, number, 3, 10, tzinfo=UTC), written


def test_a_run_of_dates_is_read_at_once() -> None:
    started = time.thread_time()
    for told in (
        "1 " * 50,
        "2026-03-02 " * 9,
        "9" * 100,
        "a 1 " * 25,
        "2026年3月2日" + "x" * 90,
        "1.1." * 25,
        " - " * 33,
    ):
        for _ in range(100):
            parse(told)
    assert time.thread_time() - started < 2


@given(
    st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,5} \d+:\d+(:\d+)? [-+A-Z\d]{0,6}")
)
def test_no_text_upsets_the_reader(told: str) -> None:
    moment = parse(told)
    assert moment is None or (moment.utcoffset() is not None and moment >= EARLIEST)
