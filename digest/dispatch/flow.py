"""How fast, whether at all, and when an edition has to stop. Pure: the row is `digest.types.Flow`, kept by
`digest.store.flow`.

Rate. A call takes up the time that its mails need at SEND_RATE, and the time that one call needs at the rate the
provider was found to take; the next one begins after that (a bucket that holds one batch, as the generic cell rate
algorithm reckons it: ITU-T I.371, annex A). So in any span of time no more mails begin than the rate allows in it and
one batch, whatever workers do; idle time saves nothing up. Whoever asks is told how long to wait, and the time is taken
up in the same transaction: a worker that dies then has wasted it, and nothing else.

Learning. What a provider says in headers (`ProviderPace`) holds at once. When it refuses a call for being too fast
(429), nobody calls for as long as it asked, and afterwards at half the pace that was too fast. That rate holds for a
minute, and then doubles every minute until it is so high that it says nothing.

Breaker. FAILURES failed calls in a row, whoever made them, open it: nobody calls. After a while one batch is let
through; its success closes the breaker, its failure opens it for twice as long. When the worker with that batch dies,
another one may try after PROBE.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from digest.dispatch.verdict import LONGEST_WAIT
from digest.types import Flow, ProviderPace

LONGEST_NAP = 10.0
"""Seconds that a worker waits for its turn; a longer wait is not reserved, and its chunk goes back. Far below a lease
(60 s), which must outlast the wait and the call."""
FAILURES = 5
"""As many as end one worker's drain (`digest.dispatch.sender`)."""
FIRST_REST = 30.0
"""Seconds that the breaker is open at first; twice as long each time, at most LONGEST_WAIT."""
PROBE = 60.0
"""Seconds: a lease. Whoever let a batch through has an answer by then, or is dead."""
RECOVERY = 60.0
"""Seconds for which a learned rate holds, and in which it then doubles: from one call a second to a thousand in eleven
minutes."""
SLOWEST, FASTEST = 0.2, 1000.0
"""Calls a second: no slower than one in five seconds; above a thousand a rate says nothing."""
LONGEST_ASKED = 3600.0
"""Seconds for which a provider can keep everybody away; a header that asks for a year is a mistake."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator allows."""

    rate: float = 0.0
    """SEND_RATE: mails a second at most; 0 for none."""
    percent: float = 0.0
    """STOP_PERCENT: an edition stops when so many of its mails are rejected or bounce; 0 for never."""
    least: int = 100
    """STOP_AFTER: of at least so many that a provider answered for."""
    redirect_to: str = ""
    """MAIL_REDIRECT_TO: where every mail goes instead of to its reader; empty for none."""


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Permit:
    """The answer to who wants to call."""

    wait: float
    """Seconds to wait first; when it is not granted, until it is worth asking again."""
    granted: bool


# --- may I call? ------------------------------------------------------------------------------------------------------


def batch(largest: int, limit: float) -> int:
    """How many mails one call may carry under SEND_RATE: what is sent in a second, at least one."""
    return largest if limit <= 0 else max(1, min(largest, int(limit)))


def free(flow: Flow, now: float, limit: float) -> bool:
    """Whether there is nothing to mind, so that nobody need write down that they call."""
    return limit <= 0 and flow.open_until <= 0 and flow.until <= now and rate_now(flow, now) <= 0


def rate_now(flow: Flow, now: float) -> float:
    """The learned rate by now, in calls a second; 0 for none."""
    if flow.rate <= 0:
        return 0.0
    grown = flow.rate * 2 ** min(max((now - flow.rate_at) / RECOVERY - 1, 0.0), 60.0)
    return grown if grown < FASTEST else 0.0


def ask(flow: Flow, now: float, mails: int, limit: float) -> tuple[Flow, Permit]:
    """Whether and when a call with so many mails may begin, and the row with its time taken up. `limit` is SEND_RATE,
    mails a second, 0 for none."""
    probing = flow.open_until > 0
    if probing and max(flow.open_until, flow.probe_until) > now:
        return flow, Permit(max(flow.open_until, flow.probe_until) - now, granted=False)
    rate = rate_now(flow, now)
    start = max(now, flow.until, flow.mails_at if limit > 0 else 0.0, flow.calls_at if rate > 0 else 0.0)
    if start - now > LONGEST_NAP:
        return flow, Permit(start - now, granted=False)
    taken = replace(
        flow,
        mails_at=start + mails / limit if limit > 0 else flow.mails_at,
        calls_at=start + 1 / rate if rate > 0 else flow.calls_at,
        probe_until=start + PROBE if probing else 0.0,
    )
    return taken, Permit(start - now, granted=True)


# --- what came of it --------------------------------------------------------------------------------------------------


def worked(flow: Flow) -> Flow:
    """The provider answered: whatever it said, it is there."""
    return replace(flow, failures=0, opened=0, open_until=0.0, probe_until=0.0)


def failed(flow: Flow, now: float) -> tuple[Flow, bool]:
    """A call failed for the provider's sake; and whether that has just opened the breaker, which was closed."""
    if flow.open_until > now:
        return flow, False  # it began before the breaker opened: counted once is enough
    failures, half_open = flow.failures + 1, flow.open_until > 0
    if not half_open and failures < FAILURES:
        return replace(flow, failures=failures), False
    opened = flow.opened + 1
    rest = min(FIRST_REST * 2.0 ** min(opened - 1, 10), LONGEST_WAIT)
    return (
        replace(flow, failures=failures, opened=opened, open_until=now + rest, probe_until=0.0),
        not half_open,
    )


def too_fast(flow: Flow, now: float, asked: float, pace: float) -> Flow:
    """The provider refused a call for being too fast and asked for so many seconds. `pace` is how many calls a second
    all workers have made lately; 0 when nobody can tell."""
    known = [each for each in (pace, rate_now(flow, now)) if each > 0]
    slower = min(known) / 2 if known else 0.0
    return replace(
        worked(flow),
        until=max(flow.until, now + min(asked, LONGEST_ASKED)),
        rate=min(max(slower, SLOWEST), FASTEST / 2) if slower > 0 else flow.rate,
        rate_at=now if slower > 0 else flow.rate_at,
    )


def told(flow: Flow, now: float, pace: ProviderPace) -> Flow:
    """The row after what a provider said in the headers of an answer. The very row where that changes nothing that
    matters: a rate as it is known, learned within half of RECOVERY."""
    until, rate, rate_at = flow.until, flow.rate, flow.rate_at
    if pace.remaining is not None and pace.remaining <= 0 and pace.reset is not None:
        until = max(until, now + min(max(pace.reset, 0.0), LONGEST_ASKED))
    known = 0 < rate <= (pace.rate or 0.0) and now - rate_at < RECOVERY / 2
    if pace.rate is not None and pace.rate > 0 and not known:
        rate, rate_at = min(max(pace.rate, SLOWEST), FASTEST / 2), now
    return replace(flow, until=until, rate=rate, rate_at=rate_at)


# --- when an edition has to stop --------------------------------------------------------------------------------------


def too_many(sent: int, bad: int, *, percent: float, least: int) -> bool:
    """Whether an edition has to stop: at least `percent` of its mails were rejected or bounced, of at least `least`
    that a provider answered for. 0 percent: never."""
    return percent > 0 and sent >= least and bad * 100 >= sent * percent
