"""What an operator is told of a day: the first line says whether all is well, and nothing says who reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from digest.compose.fragments import MARK, hole
from digest.compose.report import Told, tell
from digest.types import Day, FailingSource, QuietTopic
from tests.compose.morning import theme

UNTIL = datetime(2026, 3, 4, 5, 0, tzinfo=UTC)
FINE = Day(
    UNTIL - timedelta(days=1),
    UNTIL,
    mails={"accepted": 1204},
    new=3,
    database_bytes=2 * 10**9,
    disk_free=100 * 10**9,
    disk_total=500 * 10**9,
)


def told(language: str = "en", **changed: Any) -> Told:
    return tell(replace(FINE, **changed), theme(), language, "Europe/Berlin")


def source(**failing: float) -> FailingSource:
    return FailingSource(1, "Quayside Wire", "503", UNTIL - timedelta(**failing))


def topic(**quiet: float) -> QuietTopic:
    return QuietTopic("chess", "Chess", UNTIL - timedelta(**quiet), UNTIL - timedelta(days=300))


def lines(of: Told) -> dict[str, str]:
    """Label -> figure, or note where there is none."""
    return {line.label: line.figure or line.note for section in of.sections for line in section.lines}


def test_a_good_day_says_so_at_once() -> None:
    assert told().subject == "All well: 1,204 mails, 3 new readers"
    assert told(mails={"accepted": 1}, new=1).subject == "All well: 1 mail, 1 new reader"
    assert told(mails={}, new=0).subject == "All well: 0 mails, 0 new readers"
    assert told("de").subject == "Alles gut: 1.204 E-Mails, 3 neue Anmeldungen"
    assert told("ar").subject.startswith("كل شيء على ما يرام")
    assert (told().well, told().alarms) == (True, ())
    assert told().span == "Wednesday, March 4, 2026 · From Tue 06:00 to Wed 06:00"


@pytest.mark.parametrize(
    ("changed", "subject"),
    [
        ({"unknown": 12}, "Look: 12 mails are unknown"),
        ({"unknown": 1}, "Look: 1 mail is unknown"),
        ({"mails": {"accepted": 990, "rejected": 10}}, "Look: 10 mails were rejected"),
        ({"mails": {"rejected": 1}}, "Look: 1 mail was rejected"),
        ({"mails": {"accepted": 991, "rejected": 9}}, ""),
        ({"waiting_since": UNTIL - timedelta(minutes=61), "waiting": 5}, "Look: 5 mails wait for long"),
        ({"waiting_since": UNTIL - timedelta(minutes=60), "waiting": 5}, ""),
        ({"disk_free": 2 * 10**9 - 1}, "Look: 2 GB left on the disk"),
        ({"disk_free": 2 * 10**9}, ""),
        ({"disk_free": 10**9, "database_bytes": 1}, "Look: 1 GB left on the disk"),
        ({"disk_free": 0, "disk_total": 0}, ""),
        ({"failing": (source(days=3),)}, "Look: 1 source needs a look"),
        ({"failing": (source(days=2, hours=23),)}, ""),
        ({"retired": (source(hours=1),), "failing": (source(days=4), source(hours=1))}, "Look: 2 sources need a look"),
        ({"quiet": (topic(days=7),)}, "Look: 1 topic has been without news for a week"),
        ({"quiet": (topic(days=6),)}, ""),
        ({"quiet": (QuietTopic("new", "New", None, UNTIL - timedelta(days=1)),)}, ""),
        ({"quiet": (QuietTopic("old", "Old", None, UNTIL - timedelta(days=9)),)}, "Look: 1 topic has been without"),
        ({"unknown": 2, "quiet": (topic(days=9),), "failing": (source(days=9),)}, "unknown (+2)"),
    ],
)
def test_what_needs_a_look(changed: dict[str, Any], subject: str) -> None:
    found = told(**changed)
    assert subject in found.subject
    assert found.well == (not subject) == found.subject.startswith("All well")
    assert all(alarm.note for alarm in found.alarms), "each says what to do"


def test_the_gravest_stands_first() -> None:
    worst: dict[str, Any] = {
        "waiting_since": UNTIL - timedelta(hours=5),
        "waiting": 3,
        "unknown": 1,
        "mails": {"rejected": 1},
    }
    found = told(**worst, disk_free=1, failing=(source(days=5),), quiet=(topic(days=30),))
    assert [alarm.label.split()[1] for alarm in found.alarms] == ["mails", "mail", "mail", "byte", "source", "topic"]
    assert found.subject == "Look: 3 mails wait for long (+5)"


def test_every_outcome_has_its_line() -> None:
    found = lines(
        told(
            mails={"accepted": 5, "skipped": 9, "rejected": 2, "attempting": 1, "planned": 2, "retry": 4},
            skipped={"empty": 4, "left": 3, "suppressed": 1, "late": 1},
            rejected={"No such domain": 2},
            suppressed={"bounced": 6, "complained": 7},
        )
    )
    expected = {
        "Accepted by the provider": "5",
        "Not sent, nothing new for them": "4",
        "Not sent, had left": "3",
        "Not sent, kept from mail": "1",
        "late": "1",
        "Rejected": "2",
        "“No such domain”": "2",
        "Unknown, since the day before": "0",
        "Under way": "3",
        "To be tried again": "4",
        "Kept from mail, bounced": "6",
        "Kept from mail, complained": "7",
    }
    assert {label: found.get(label) for label in expected} == expected


def test_long_lists_are_cut_and_counted() -> None:
    many = tuple(FailingSource(n, f"Paper {n}", "503", UNTIL - timedelta(hours=n)) for n in range(1, 31))
    found = lines(told(failing=many, quiet=tuple(topic(days=1 + n / 10) for n in range(3))))
    assert "and 20 more" in found
    assert "Paper 10" in found
    assert "Paper 11" not in found


def test_names_of_others_cannot_break_it() -> None:
    wild = f"A\u202e <b>{hole('confirm')}</b>\r\nBcc: eve@example.org {MARK}" + "x" * 900
    found = told(
        failing=(FailingSource(1, wild, wild, UNTIL),), quiet=(QuietTopic("a", wild, None, UNTIL),), rejected={wild: 1}
    )
    everything = "".join(f"{line.label}{line.figure}{line.note}" for each in found.sections for line in each.lines)
    assert MARK not in everything.lower()
    assert "\n" not in everything
    assert "\u202e" not in everything
    assert all(len(line.label) < 220 for each in found.sections for line in each.lines)


def test_what_runs_the_other_way_is_kept_apart() -> None:
    found = told("ar", failing=(FailingSource(1, "Quayside Wire", "timed out", UNTIL),))
    assert "\u2068Quayside Wire\u2069" in lines(found)
