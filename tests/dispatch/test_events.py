"""What events mean: tables and pure rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from digest.dispatch.events import EFFECTS, SEVERITY, SOFT_DAYS, bounced_too_often, gravest
from digest.types import DeliveryState, EventKind

NOW = datetime(2026, 3, 4, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def test_every_kind_has_its_place_and_its_effect() -> None:
    assert set(SEVERITY) == set(EFFECTS) == set(EventKind)
    assert {kind for kind, effect in EFFECTS.items() if effect.suppress} == {
        EventKind.BOUNCED_HARD,
        EventKind.COMPLAINED,
    }
    assert {kind for kind, effect in EFFECTS.items() if effect.settles is DeliveryState.REJECTED} == {
        EventKind.REJECTED
    }


def test_the_gravest_counts_in_whatever_order_it_was_told() -> None:
    for told in permutations([EventKind.DELIVERED, EventKind.COMPLAINED, EventKind.OPENED, EventKind.DEFERRED]):
        assert gravest(told) is EventKind.COMPLAINED
    assert gravest([EventKind.DELIVERED, EventKind.BOUNCED_SOFT]) is EventKind.BOUNCED_SOFT, "it came back later"
    assert gravest([]) is None


@pytest.mark.parametrize(
    ("soft", "delivered", "too_often"),
    [
        ([NOW - n * DAY for n in range(SOFT_DAYS)], [], True),
        ([NOW - n * DAY for n in range(SOFT_DAYS - 1)], [], False),
        ([NOW - timedelta(minutes=n) for n in range(50)], [], False),
        ([NOW - n * DAY for n in range(SOFT_DAYS)], [NOW - 2 * DAY], False),
        ([NOW - n * DAY for n in range(SOFT_DAYS)], [NOW - 30 * DAY], True),
        ([NOW - n * 7 * DAY for n in range(SOFT_DAYS)], [], True),
        ([NOW - n * 30 * DAY for n in range(SOFT_DAYS)], [], False),
    ],
    ids=["five days", "four days", "one bad night", "one arrived", "arrived before", "weekly", "monthly"],
)
def test_soft_bounces_count_by_days(soft: list[datetime], delivered: list[datetime], too_often: bool) -> None:
    assert bounced_too_often(soft, delivered, NOW) is too_often
    assert bounced_too_often(reversed(soft), reversed(delivered), NOW) is too_often
