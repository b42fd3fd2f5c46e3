"""What a provider's failure means for the readers of a batch. Pure: decided here, carried out by the sender."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from digest.errors import BadBatch, NotSent, ProviderError, Refused, Unclear, Unknowable
from digest.store.attempts import Outcome, Retry, Unknown
from digest.types import ItemResult, NotSentItem, RejectedItem, UnknownItem

FIRST_WAIT, LONGEST_WAIT = 5.0, 900.0
"""Seconds. Doubling from 5 s reaches 15 minutes with the ninth try: an outage of an hour costs a quarter of an hour."""
OPERATOR_WAIT = 300.0
"""Seconds until a provider that refuses us altogether is asked again: by then an operator may have acted."""

FIRST_DEFERRAL, LONGEST_DEFERRAL = 900.0, 7200.0
"""Seconds. A mailbox that asks one mail to come back later (greylisting, a full mailbox) lets it in after minutes to an
hour; RFC 5321 (section 4.5.4.1) asks for two tries in the first hour and then one every two or three hours."""
DEFERRALS = 8
"""After so many tries, some ten hours, a mail that is put off for a reason of its own is rejected: by then it is news
of yesterday, and an edition must end. RFC 5321's four days are for letters."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to the batch after a call that failed."""

    outcome: Outcome | None
    """For every reader of the batch; None leaves the attempt open, to be repeated under its key."""
    pause: float = 0.0
    """Seconds that the chunk rests; 0 goes on with it at once."""
    stop: bool = False
    """Whether the whole drain ends: the next call would fare no better."""
    nap: float = 0.0
    """Seconds for which this worker calls nobody: the provider asked for it."""


def weigh(
    results: Sequence[ItemResult | None],
    cause: ProviderError | None,
    tries_of: Sequence[int],
    *,
    key_usable: bool,
    tries: int,
    key: str,
) -> tuple[list[Outcome], Verdict | None]:
    """What becomes of each mail of a call, and of its batch.

    `results` are the provider's, None where `cause` is to be judged instead (`judge`, which explains `tries`); without
    a cause there is none that is None.
    `tries_of` says how often each mail was put off before. No outcomes at all: the attempt stays open, results or not,
    because the whole call will be repeated under its key, which brings the same results again.
    """
    verdict, rest = None, None
    if cause is not None:
        left = sum(result is None for result in results)
        verdict = judge(cause, readers=left, key_usable=key_usable, tries=tries, key=key)
        rest = verdict.outcome
        if rest is None:
            return [], verdict
    return [_outcome(result, before + 1, rest) for result, before in zip(results, tries_of, strict=True)], verdict


def _outcome(result: ItemResult | None, tries: int, rest: Outcome | None) -> Outcome:
    if isinstance(result, NotSentItem):
        if tries >= DEFERRALS:
            return RejectedItem(f"{result.reason}; given up after {tries} tries")
        return Retry(min(LONGEST_DEFERRAL, FIRST_DEFERRAL * 2 ** (tries - 1)), result.reason, own=True)
    if isinstance(result, UnknownItem):
        return Unknown(result.reason)
    return result or rest or Unknown("the provider did not say what became of this mail")


def judge(error: ProviderError, *, readers: int, key_usable: bool, tries: int, key: str) -> Verdict:
    """The verdict on a call that raised `error`.

    `tries` counts this call: 1 for the first under this key. After a first call that was in doubt, no later answer but
    the provider's own stored one proves anything about it: a 429 or a lost connection on the repeat says only that the
    repeat was not accepted. So a repeat is settled by a result or left open until the key has run out, and never
    becomes a retry under a new key, which could reach the readers twice.
    """
    wait = backoff(tries, key)
    if isinstance(error, Unknowable):
        return Verdict(Unknown(str(error)))
    if isinstance(error, Refused):
        outcome = Retry(OPERATOR_WAIT, str(error)) if tries == 1 else None
        return Verdict(outcome, OPERATOR_WAIT, stop=True)
    if isinstance(error, NotSent):
        asked = error.retry_after or 0.0
        wait = max(asked, 0.0 if 0 < asked < FIRST_WAIT else wait)
        return Verdict(Retry(wait, str(error)) if tries == 1 else None, wait, nap=asked)
    if isinstance(error, Unclear) or tries > 1:
        return Verdict(None, wait) if key_usable else Verdict(Unknown(str(error)))
    if isinstance(error, BadBatch) and readers > 1:
        return Verdict(Retry(0.0, str(error), alone=True))
    return Verdict(RejectedItem(str(error)))


def backoff(tries: int, key: str) -> float:
    """Seconds to wait after the `tries`-th try: doubling, capped, and spread by a fraction drawn from the key.

    The spread keeps workers that failed together from coming back together; drawn from the key it needs no randomness.
    """
    fraction = hashlib.blake2b(key.encode(), digest_size=1).digest()[0] / 255
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** (min(tries, 20) - 1)) * (0.75 + fraction / 4))
