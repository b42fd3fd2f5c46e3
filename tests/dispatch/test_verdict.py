"""What a provider's failure means."""

from __future__ import annotations

import pytest

from digest.dispatch.sender import usable_seconds
from digest.dispatch.verdict import LONGEST_WAIT, Verdict, backoff, judge
from digest.errors import BadBatch, NotSent, ProviderError, Refused, Unclear, Unknowable
from digest.store.attempts import Retry, Unknown
from digest.types import RejectedItem


def verdict(error: ProviderError, *, readers: int = 3, key_usable: bool = True, tries: int = 1) -> Verdict:
    return judge(error, readers=readers, key_usable=key_usable, tries=tries, key="k")


def test_a_first_call_that_was_certainly_not_accepted_is_tried_again() -> None:
    wait = backoff(1, "k")
    assert verdict(NotSent("busy")) == Verdict(Retry(wait, "busy"), wait)
    assert verdict(NotSent("busy", 60.0)) == Verdict(Retry(60.0, "busy"), 60.0, nap=60.0)
    assert verdict(NotSent("busy", 1.0)) == Verdict(Retry(1.0, "busy"), 1.0, nap=1.0)


def test_a_refused_batch_is_tried_one_by_one_and_a_single_mail_rejected() -> None:
    assert verdict(BadBatch("no")) == Verdict(Retry(0.0, "no", alone=True))
    assert verdict(BadBatch("no"), readers=1) == Verdict(RejectedItem("no"))


def test_doubt_is_repeated_under_a_key_and_unknown_without_one() -> None:
    assert verdict(Unclear("?")).outcome is None
    assert verdict(Unclear("?")).pause > 0
    assert verdict(Unclear("?"), key_usable=False) == Verdict(Unknown("?"))
    assert verdict(Unknowable("?")) == Verdict(Unknown("?"))


@pytest.mark.parametrize("error", [NotSent("x"), NotSent("x", 1.0), Unclear("x"), BadBatch("x"), Refused("x")])
@pytest.mark.parametrize("readers", [1, 3])
def test_nothing_but_a_result_settles_a_repeat(error: ProviderError, readers: int) -> None:
    found = verdict(error, readers=readers, tries=2)
    assert found.outcome is None
    assert found.pause > 0


def test_a_refusal_ends_the_drain_and_blames_no_reader() -> None:
    found = verdict(Refused("the key is unknown"))
    assert found.stop
    assert found.outcome == Retry(300.0, "the key is unknown")


def test_back_off_doubles_is_capped_and_spread() -> None:
    waits = [backoff(tries, "k") for tries in range(1, 40)]
    assert waits == sorted(waits)
    assert 3.75 <= waits[0] <= 5.0
    assert 0.75 * LONGEST_WAIT <= waits[-1] <= LONGEST_WAIT
    assert len({backoff(3, str(number)) for number in range(20)}) > 10


def test_a_key_is_trusted_for_less_than_its_lifetime() -> None:
    assert usable_seconds(86400.0) == 82800.0
    assert usable_seconds(1800.0) == 1620.0
