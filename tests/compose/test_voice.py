"""Dates, clock times and cuts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.compose.theme import shorten
from digest.compose.voice import Voice
from tests.compose.edition import theme

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

NOW = datetime(2026, 3, 4, 6, 0, tzinfo=UTC)  # a Wednesday


def voice(language: str = "en", zone: str = "Europe/Berlin") -> Voice:
    return Voice(theme(), language, zone, NOW)


def test_the_date_is_the_readers_own() -> None:
    assert voice().date() == "Wednesday, March 4, 2026"
    assert voice("de").date() == "Mittwoch, 4. März 2026"
    assert voice("en", "America/Los_Angeles").date() == "Tuesday, March 3, 2026"
    assert voice("xx").date() == "Wednesday, March 4, 2026"


def test_clock_times_are_local_and_name_the_day() -> None:
    assert voice().clock(NOW) == "Wed 07:00"
    assert voice("en", "Asia/Kathmandu").clock(NOW) == "Wed 11:45"
    assert voice("de").clock(NOW - timedelta(days=1)) == "Di. 07:00"
    assert voice().clock(NOW - timedelta(days=40)) == "23 Jan 2026"
    assert voice().clock(NOW + timedelta(days=40)) == "13 Apr 2026"


def test_a_clock_time_does_not_depend_on_the_moment_of_composing() -> None:
    at = NOW - timedelta(days=5, hours=23, minutes=59)
    assert voice().clock(at) == Voice(theme(), "en", "Europe/Berlin", NOW).clock(at) == "Thu 07:01"


@pytest.mark.parametrize(
    ("due", "told"),
    [
        (NOW + timedelta(hours=2), "today 09:00"),
        (NOW + timedelta(days=1), "tomorrow 07:00"),
        (NOW + timedelta(days=5), "Monday 07:00"),
    ],
)
def test_next_is_said_as_people_say_it(due: datetime, told: str) -> None:
    assert voice().next(due) == told


def test_next_counts_local_days() -> None:
    late = datetime(2026, 3, 4, 22, 30, tzinfo=UTC)
    assert voice().next(late) == "today 23:30"
    assert voice().next(late + timedelta(hours=1)) == "tomorrow 00:30"
    told = voice("de").next(NOW + timedelta(days=1))
    assert "morgen" in told
    assert "07:00" in told


def test_stats_count_and_never_take_no_time() -> None:
    assert voice().stats(1, 0) == "1 story, 1 min"
    assert voice().stats(12, 880) == "12 stories, 4 min"


def test_names_are_a_list() -> None:
    assert voice().names(["Town", "Sea"]) == "Town and Sea"
    assert voice("de").names(["Stadt", "Meer", "Wind"]) == "Stadt, Meer und Wind"
    assert voice().names([]) == ""


@CALM
@given(st.text(max_size=300), st.integers(1, 120))
def test_shortened_text_is_never_longer_than_asked(text: str, most: int) -> None:
    short = shorten(text, most)
    assert len(short) <= most
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


def test_shorten_cuts_between_words() -> None:
    told = "Retired teacher discovers a comet from Tallow Hill in the early morning hours"
    assert shorten(told) == "Retired teacher discovers a comet from Tallow Hill in the…"
    assert shorten("Donaudampfschifffahrtsgesellschaft", 10) == "Donaudamp…"
