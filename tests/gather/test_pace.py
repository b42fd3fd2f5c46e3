"""How often publishers want to be asked, as their feeds say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digest.gather.feed import parse_feed
from digest.types import Pace

URL = "https://feeds.example/news/feed.xml"


def pace(about: str) -> Pace:
    space = "xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'"
    body = f"<rss version='2.0' {space}><channel>{about}<item><title>t</title></item></channel></rss>"
    return parse_feed(body.encode(), url=URL).pace


@pytest.mark.parametrize(
    ("about", "ttl"),
    [
        ("", None),
        ("<ttl>60</ttl>", timedelta(hours=1)),
        ("<ttl> 5 </ttl>", timedelta(minutes=5)),
        ("<ttl>0</ttl>", None),
        ("<ttl>-5</ttl><ttl>soon</ttl>", None),
        ("<ttl>999999</ttl>", timedelta(days=365)),
        ("<ttl>99999999999999999999</ttl>", None),
        ("<sy:updatePeriod>daily</sy:updatePeriod>", timedelta(days=1)),
        (
            "<sy:updatePeriod> Hourly </sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>",
            timedelta(minutes=15),
        ),
        ("<sy:updatePeriod>weekly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", timedelta(days=7)),
        ("<sy:updatePeriod>often</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", None),
        ("<ttl>600</ttl><sy:updatePeriod>hourly</sy:updatePeriod>", timedelta(hours=1)),
    ],
)
def test_ttl(about: str, ttl: timedelta | None) -> None:
    assert pace(about) == Pace(ttl)


def test_hours_and_days_to_skip() -> None:
    told = pace(
        "<skipHours><hour>0</hour><hour>24</hour><hour> 3</hour><hour>25</hour><hour>x</hour></skipHours>"
        "<skipDays><day>Sunday</day><day>saturday</day><day>Someday</day></skipDays>"
    )
    assert told == Pace(None, frozenset({0, 3}), frozenset({5, 6}))
