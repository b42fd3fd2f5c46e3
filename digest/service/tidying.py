"""Tidying, once an hour: what is kept for a time is kept no longer, whatever anybody does or does not do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine
from sqlmodel import Session

from digest.store import calls, events, forget, machine
from digest.store.db import reading, writing
from subscribers import account, asks, roster

log = logging.getLogger(__name__)

GIVEN_UP = timedelta(days=1)
"""Who asked has stopped waiting by then."""
UNCONFIRMED_KEPT = timedelta(days=37)
"""What was asked for and never confirmed: the seven days for which a confirmation link works, and thirty more."""
SUMMARIES_KEPT = timedelta(days=40)
"""Longer than any story lives (16 days, `store.stories`) or is told."""
CALLS_AT_ONCE = 1000
"""Answers dropped in an hour besides those that calls themselves drop."""
EVENTS_AT_ONCE = 5000
"""Of what providers told us, in one transaction: a tenth of a second of the write lock."""
SLICE = 100
"""Readers in one transaction: a sign-up waits for no longer than that takes."""


class Desk(Protocol):
    """What tidying needs of the readers' desk."""

    @property
    def engine(self) -> Engine: ...
    @property
    def now(self) -> Callable[[], datetime]: ...


def tidy(desk: Desk) -> None:
    """Drop what no cap counts any more, the inbound API's answers of yesterday, a language model's of last month, asks
    that nobody could work off for a day, fresh links that are 30 days old, what providers told us long ago, and who or
    which topics were not confirmed for long: somebody else may have typed that address.

    In slices, each durable by itself. Raises StoreError.
    """
    now = desk.now()
    with writing(desk.engine) as session:
        asks.prune(session, now=now)
        calls.prune(session, now=now, most=CALLS_AT_ONCE)
        machine.prune(session, before=now - SUMMARIES_KEPT)
        dropped = asks.drop_old(session, before=now - GIVEN_UP)
    for kind in dropped:
        log.error("an ask (%s) could not be worked off for a day; dropped", kind)
    while _links(desk, now) == account.LINKS_SLICE:
        pass
    while _events(desk, now) == EVENTS_AT_ONCE:
        pass
    before = now - UNCONFIRMED_KEPT
    _each(desk, forget.never_confirmed, before, lambda session, who: _drop(session, who, now))
    _each(desk, forget.pending_for_long, before, forget.drop_pending_topics)


def _links(desk: Desk, now: datetime) -> int:
    with writing(desk.engine) as session:
        return account.drop_old_links(session, now=now)


def _events(desk: Desk, now: datetime) -> int:
    with writing(desk.engine) as session:
        return events.prune(session, now=now, most=EVENTS_AT_ONCE)


Find = Callable[..., list[int]]


def _each(desk: Desk, find: Find, before: datetime, act: Callable[[Session, int], object]) -> None:
    """Find who is concerned without the write lock, then look again under each reader's own: they may just confirm."""
    while True:
        with reading(desk.engine) as session:
            found = find(session, before=before, limit=SLICE)
        if not found:
            return
        with writing(desk.engine) as session:
            for who in found:
                roster.locked(session, who)
            still = find(session, before=before, limit=SLICE, among=found)
            for who in still:
                act(session, who)
        if not still:
            return  # every one of them was changed meanwhile; the next hour looks again


def _drop(session: Session, subscriber_id: int, now: datetime) -> None:
    account.drop(session, subscriber_id)
    if forget.forget_reader(session, subscriber_id):
        asks.drop_in(session, asks.ForgetAsk(subscriber_id), now=now)
