"""The pure decisions about pace, breaker and stop, by properties."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.dispatch import flow
from digest.dispatch.flow import FAILURES, FIRST_REST, LONGEST_ASKED, LONGEST_NAP, PROBE, RECOVERY, SLOWEST
from digest.dispatch.verdict import LONGEST_WAIT
from digest.types import Flow, ProviderPace

NOW = 1_800_000_000.0
JITTER = 1e-4
"""Seconds to which times of that size can be trusted in a float, many times over."""

asks = st.lists(st.tuples(st.floats(0, 3), st.integers(1, 100)), min_size=1, max_size=60)


def granted(row: Flow, wanted: list[tuple[float, int]], limit: float) -> list[tuple[float, int]]:
    """When calls began, and their mails: whoever is refused comes again with the next."""
    now, calls = NOW, []
    for pause, mails in wanted:
        now += pause
        row, permit = flow.ask(row, now, mails, limit)
        assert permit.wait >= 0
        if permit.granted:
            assert permit.wait <= LONGEST_NAP
            calls.append((now + permit.wait, mails))
    return calls


@given(wanted=asks, limit=st.floats(0.1, 1000))
def test_no_span_of_time_holds_more_mails_than_the_rate_and_one_batch(
    wanted: list[tuple[float, int]], limit: float
) -> None:
    calls = granted(Flow(), wanted, limit)
    for first in range(len(calls)):
        for last in range(first, len(calls)):
            span = calls[last][0] - calls[first][0] + JITTER
            before_last = sum(mails for _, mails in calls[first:last])
            assert before_last <= span * limit, "all but the last batch fit into the time before it"


@given(wanted=asks, rate=st.floats(SLOWEST, 50))
def test_no_span_of_time_holds_more_calls_than_the_learned_rate_and_one(
    wanted: list[tuple[float, int]], rate: float
) -> None:
    calls = granted(Flow(rate=rate, rate_at=NOW), wanted, 0)
    for (one, _), (other, _) in pairwise(calls):
        grown = flow.rate_now(Flow(rate=rate, rate_at=NOW), one)
        assert other - one >= 1 / grown - JITTER if grown else True


@given(limit=st.floats(0.1, 1000), mails=st.integers(1, 100), idle=st.floats(0, 1e6))
def test_the_first_call_after_a_rest_goes_at_once_and_rest_saves_nothing_up(
    limit: float, mails: int, idle: float
) -> None:
    row, first = flow.ask(Flow(), NOW, mails, limit)
    assert first == flow.Permit(0.0, granted=True)
    later = row.mails_at + idle
    row, second = flow.ask(row, later, mails, limit)
    assert second.granted
    assert second.wait <= JITTER
    _, third = flow.ask(row, later, mails, limit)
    assert third.wait == pytest.approx(mails / limit, abs=1e-3)


def test_a_long_wait_is_not_taken_up() -> None:
    row, _ = flow.ask(Flow(), NOW, 100, 1.0)
    after, permit = flow.ask(row, NOW, 100, 1.0)
    assert (after, permit.granted, permit.wait) == (row, False, 100.0)


@pytest.mark.parametrize(
    ("largest", "limit", "mails"), [(100, 0, 100), (100, 1000, 100), (100, 14.9, 14), (100, 0.2, 1), (1, 50, 1)]
)
def test_a_batch_is_what_one_second_allows(largest: int, limit: float, mails: int) -> None:
    assert flow.batch(largest, limit) == mails


def test_where_there_is_nothing_to_mind_nobody_writes() -> None:
    assert flow.free(Flow(), NOW, 0)
    assert flow.free(Flow(failures=3, calls_at=NOW + 9), NOW, 0)
    assert not flow.free(Flow(), NOW, 5.0)
    assert not flow.free(Flow(until=NOW + 1), NOW, 0)
    assert not flow.free(Flow(open_until=NOW - 1), NOW, 0), "half open: one batch only"
    assert not flow.free(Flow(rate=1.0, rate_at=NOW), NOW, 0)


# --- learning ---------------------------------------------------------------------------------------------------------


@given(asked=st.floats(0, 1e9), pace=st.just(0.0) | st.floats(0.01, 500))
def test_a_provider_that_finds_us_too_fast_is_left_alone_and_then_called_at_half_the_pace(
    asked: float, pace: float
) -> None:
    row = flow.too_fast(Flow(failures=4), NOW, asked, pace)
    assert row.until == NOW + min(asked, LONGEST_ASKED)
    assert row.failures == 0, "it is there"
    rate = flow.rate_now(row, NOW)
    assert rate == (max(pace / 2, SLOWEST) if pace > 0 else 0.0)
    _, permit = flow.ask(row, NOW, 1, 0)
    assert permit.wait == pytest.approx(min(asked, LONGEST_ASKED), abs=JITTER)


def test_a_learned_rate_is_halved_again_and_doubles_every_minute_until_it_says_nothing() -> None:
    row = flow.too_fast(flow.too_fast(Flow(), NOW, 1.0, 8.0), NOW, 1.0, 0.0)
    assert [flow.rate_now(row, NOW + minutes * RECOVERY) for minutes in (0, 1, 2, 3, 11)] == [2.0, 2.0, 4.0, 8.0, 0.0]
    assert flow.free(row, NOW + 11 * RECOVERY, 0)


def test_headers_hold_at_once_and_a_known_rate_is_not_written_again() -> None:
    row = flow.told(Flow(), NOW, ProviderPace(rate=2.0, remaining=1, reset=0.5))
    assert (row.rate, row.rate_at, row.until) == (2.0, NOW, 0.0)
    assert flow.told(row, NOW + 5, ProviderPace(rate=2.0, remaining=1, reset=0.5)) == row
    assert flow.told(row, NOW + RECOVERY, ProviderPace(rate=2.0)).rate_at == NOW + RECOVERY
    assert flow.told(row, NOW + 5, ProviderPace(rate=1.0)).rate == 1.0
    slower = flow.too_fast(row, NOW + 6, 0.0, 0.0)
    assert flow.told(slower, NOW + 7, ProviderPace(rate=2.0)).rate == 1.0, "what it refused counts more for a while"
    assert flow.told(row, NOW + 5, ProviderPace(remaining=0, reset=0.5)).until == NOW + 5.5
    assert flow.told(row, NOW, ProviderPace(remaining=0, reset=1e9)).until == NOW + LONGEST_ASKED
    assert flow.told(row, NOW, ProviderPace(remaining=0, reset=-4.0)) == replace(row, until=NOW)
    assert flow.told(row, NOW, ProviderPace()) == row


# --- breaker ----------------------------------------------------------------------------------------------------------


def broken() -> Flow:
    row = Flow()
    for number in range(FAILURES):
        row, opened = flow.failed(row, NOW)
        assert opened == (number == FAILURES - 1)
    return row


def test_the_breaker_opens_lets_one_through_and_closes() -> None:
    row = broken()
    assert flow.ask(row, NOW, 1, 0)[1] == flow.Permit(FIRST_REST, granted=False)
    later = NOW + FIRST_REST
    half, permit = flow.ask(row, later, 1, 0)
    assert permit.granted
    assert flow.ask(half, later + 1, 1, 0)[1] == flow.Permit(PROBE - 1, granted=False), "one at a time"
    assert flow.ask(half, later + PROBE, 1, 0)[1].granted, "whoever had it is dead"
    assert flow.free(flow.worked(half), later, 0)
    assert flow.worked(half) == Flow()


def test_a_breaker_that_fails_again_rests_twice_as_long_and_is_not_told_of_again() -> None:
    row, rests, now = broken(), [], NOW
    for _ in range(12):
        rests.append(row.open_until - now)
        now = row.open_until
        row, _ = flow.ask(row, now, 1, 0)
        row, opened = flow.failed(row, now)
        assert not opened
    assert rests[:5] == [30.0, 60.0, 120.0, 240.0, 480.0]
    assert max(rests) == LONGEST_WAIT


def test_calls_that_began_before_it_opened_do_not_open_it_again() -> None:
    row = broken()
    assert flow.failed(row, NOW + 1) == (row, False)


@given(st.lists(st.booleans(), max_size=40))
def test_only_failures_in_a_row_open_it(results: list[bool]) -> None:
    row, in_a_row, ever = Flow(), 0, False
    for good in results:
        if good:
            row, in_a_row = flow.worked(row), 0
        else:
            row, opened = flow.failed(row, NOW)
            in_a_row += 1
            ever = ever or opened
        assert (row.open_until > 0) == (in_a_row >= FAILURES)
    assert ever == ("F" * FAILURES in "".join("T" if good else "F" for good in results))


# --- stop -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "bad", "stops"), [(99, 99, False), (100, 4, False), (100, 5, True), (1000, 49, False), (1000, 50, True)]
)
def test_an_edition_stops_at_five_in_a_hundred_of_at_least_a_hundred(sent: int, bad: int, stops: bool) -> None:
    assert flow.too_many(sent, bad, percent=5, least=100) == stops
    assert not flow.too_many(sent, bad, percent=0, least=100)
