"""Ages as pages print them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digest.gather.pageage import find_age, read_age, split_age
from tests.gather.pages import NOW, ago


@pytest.mark.parametrize(
    ("line", "hours", "before"),
    [
        ("an hour ago", 1, ""),
        ("timean hour ago", 1, "time"),
        ("Mint Quay2 hours ago", 2, "Mint Quay"),
        ("Isle Courier · 11 hrs ago", 11, "Isle Courier · "),
        ("3 days ago", 72, ""),
        ("two weeks ago", 14 * 24, ""),
        ("8 months ago", 240 * 24, ""),
        ("vor 3 Stunden", 3, ""),
        ("Hafenbotevor einer Stunde", 1, "Hafenbote"),
        ("vor 2 Tagen", 48, ""),
        ("il y a 2 heures", 2, ""),
        ("Le Phare il y a une heure", 1, "Le Phare "),
        ("hace 2 horas", 2, ""),
        ("há 3 dias", 72, ""),
        ("un'ora fa", 1, ""),
        ("2 uur geleden", 2, ""),
        ("منذ ساعة", 1, ""),
        ("منذ ساعتين", 2, ""),
        ("الفنار منذ ٣ ساعات", 3, "الفنار "),
        ("قبل 11 ساعة", 11, ""),
        ("منذ يومين", 48, ""),
        ("قبل أسبوع", 7 * 24, ""),
    ],
)
def test_ages_in_a_line(line: str, hours: int, before: str) -> None:
    age = find_age(line, NOW)
    assert age is not None
    assert (NOW - age.moment, line[: age.start]) == (timedelta(hours=hours), before)


@pytest.mark.parametrize(
    "line",
    ["", "ago", "The port closed long ago", "vor dem Hafen", "1234 hours ago", "aday ago", "Chicago 5 days", "fa"],
)
def test_what_is_no_age(line: str) -> None:
    assert find_age(line, NOW) is None


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("2h", ago(hours=2)),
        ("· 3 d", ago(days=3)),
        ("8mo", ago(days=240)),
        ("5 min", ago(minutes=5)),
        ("just now", NOW),
        ("Yesterday", ago(days=1)),
        ("gestern", ago(days=1)),
        ("hier", ago(days=1)),
        ("أمس", ago(days=1)),
        ("vorgestern", ago(days=2)),
        ("2 hours ago", ago(hours=2)),
        ("Quay 2 hours ago", None),
        ("2 ferries", None),
        ("", None),
    ],
)
def test_a_part_that_is_an_age_as_a_whole(part: str, told: object) -> None:
    assert read_age(part, NOW) == told


def test_a_word_at_the_end() -> None:
    assert split_age("Mint Quayyesterday", NOW) == (ago(days=1), "Mint Quay")
    assert split_age("Mint Quay hier", NOW) is None
    assert split_age("Harbour Closed Yesterday", NOW) is None
