"""The clock's lease, on both databases."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import Engine

from digest.errors import StaleFence
from digest.store.clock import keep_clock, release_clock, take_clock
from digest.store.db import writing


def take(engine: Engine, holder: str, seconds: float = 10.0) -> int | None:
    with writing(engine) as session:
        return take_clock(session, holder, seconds)


def check(engine: Engine, holder: str, fence: int) -> None:
    with writing(engine) as session:
        keep_clock(session, holder, fence)


def test_one_holds_it_and_renews_under_the_same_fence(database: Engine) -> None:
    first = take(database, "a")
    assert first is not None
    assert take(database, "b") is None
    assert take(database, "a") == first
    check(database, "a", first)
    with pytest.raises(StaleFence):
        check(database, "b", first)


def test_after_expiry_another_takes_over_and_the_old_holder_is_stale(database: Engine) -> None:
    old = take(database, "a", seconds=0.05)
    assert old is not None
    time.sleep(0.1)
    with pytest.raises(StaleFence):
        check(database, "a", old)
    new = take(database, "b")
    assert new == old + 1
    assert take(database, "a") is None
    with pytest.raises(StaleFence):
        check(database, "a", old)
    check(database, "b", new)


def test_coming_back_late_is_a_change_of_hands(database: Engine) -> None:
    old = take(database, "a", seconds=0.05)
    assert old is not None
    time.sleep(0.1)
    assert take(database, "a") == old + 1


def test_giving_it_back_lets_the_next_in_at_once_and_only_the_holder_can(database: Engine) -> None:
    first = take(database, "a")
    assert first is not None
    with writing(database) as session:
        release_clock(session, "b", first)
    assert take(database, "b") is None
    with writing(database) as session:
        release_clock(session, "a", first)
    assert take(database, "b") == first + 1
