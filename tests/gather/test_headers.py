"""What the headers of an answer tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.gather.headers import fresh_for, readable, retry_after, status_told

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
DATE = "Mon, 02 Mar 2026 06:00:00 GMT"
LATER = "Mon, 02 Mar 2026 08:00:00 GMT"
YEAR = "Tue, 02 Mar 2027 08:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": "public, MAX-AGE = 600"}, 600),
        ({"cache-control": 'max-age="600"'}, 600),
        ({"cache-control": "max-age=600, max-age=5"}, 600),
        ({"cache-control": "s-maxage=600"}, None),
        ({"cache-control": "private"}, None),
        ({"cache-control": "max-age=600, no-cache"}, None),
        ({"cache-control": "no-store, max-age=600"}, None),
        ({"cache-control": "no-cache", "expires": LATER, "date": DATE}, None),
        ({"cache-control": "max-age=soon"}, 0),
        ({"cache-control": "max-age=-5"}, 0),
        ({"cache-control": "max-age=0"}, 0),
        ({"cache-control": "max-age=31536000"}, 86_400),
        ({"cache-control": "max-age=" + "9" * 5000}, 86_400),
        ({"cache-control": "max-age=600", "age": "590"}, 10),
        ({"cache-control": "max-age=600", "age": "700"}, 0),
        ({"cache-control": "max-age=600", "age": "odd"}, 600),
        ({"cache-control": "max-age=600", "expires": LATER, "date": DATE}, 600),
        ({"expires": LATER, "date": DATE}, 7200),
        ({"expires": LATER, "date": DATE, "age": "200"}, 7000),
        ({"expires": LATER}, 3600),
        ({"expires": LATER, "date": "nonsense"}, 3600),
        ({"expires": DATE, "date": LATER}, 0),
        ({"expires": YEAR, "date": DATE}, 86_400),
        ({"expires": "0"}, 0),
        ({"expires": "-1"}, 0),
        ({"expires": "Mon, 01 Jan 0001 00:00:00 +2300"}, 0),
    ],
)
def test_for_how_long_an_answer_is_fresh(headers: dict[str, str], seconds: float | None) -> None:
    assert fresh_for(headers, NOW) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("", None), ("120", 120), (" 120 ", 120), (LATER, 3600), (DATE, 0), ("soon", None), ("-5", None), ("1.5", None)],
)
def test_when_to_come_back(told: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": told}, NOW) == seconds


@given(st.text(max_size=60))
def test_whatever_stands_there_is_read_without_breaking(told: str) -> None:
    for name in ("cache-control", "expires", "date", "age", "retry-after"):
        fresh = fresh_for({"expires": LATER, "cache-control": "public", name: told}, NOW)
        assert fresh is None or timedelta() <= fresh <= timedelta(days=1)
    pause = retry_after({"retry-after": told}, NOW)
    assert pause is None or pause >= 0


def test_lines_of_one_name_are_joined_where_they_may_be() -> None:
    raw = [
        *((b"Cache-Control", b"public"), (b"cache-control", b"max-age=5"), (b"ETag", b'"a"'), (b"ETAG", b'"b"')),
        *((b"Location", "/café".encode()), (b"X-Old", "caf\xe9".encode("latin-1"))),
    ]
    assert readable(raw) == {
        "cache-control": "public, max-age=5", "etag": '"a"', "location": "/café", "x-old": "café",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (404, "answers 404 Not Found: there is nothing (any more) at this address"),
        (500, "answers 500 Internal Server Error"),
        (599, "answers 599"),
    ],
)
def test_a_status_in_words(status: int, told: str) -> None:
    assert status_told(status) == told
