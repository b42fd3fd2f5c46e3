"""Planning: who gets a mail in this slot, written down once whatever crashes or runs twice.

Crash semantics. An edition row comes first, then a chunk of deliveries per transaction, in which the same readers'
`next_due_at` moves by compare-and-set; then the content is frozen in one transaction, and only then may anybody lease a
chunk. Killed anywhere between, the next `plan` finds the edition unfrozen and freezes what it has; readers it does not
have are still due and get the next slot's edition. Nobody is planned twice: a reader whose due time moved is no longer
due, and a delivery is unique per edition and reader.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select

from digest.service.freezing import Guard, Workshop, freeze_digest
from digest.store import editions
from digest.store.db import reading, writing
from digest.types import EditionState
from subscribers.cadence import SLOT_MINUTES, next_due
from subscribers.due import due
from subscribers.errors import CadenceError

log = logging.getLogger(__name__)

ABANDONED = timedelta(minutes=10)
"""An edition by hand that is still not frozen after this long was interrupted: nothing of it was sent, it is
withdrawn."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An edition that is ready to be sent."""

    edition_id: int
    deliveries: int


def quarter(now: datetime) -> datetime:
    """The quarter hour that has begun, UTC: send times are quantised, so that one edition serves everybody of it."""
    return now.replace(minute=now.minute - now.minute % SLOT_MINUTES, second=0, microsecond=0)


def plan_tick(shop: Workshop, *, now: datetime, key_id: int, guard: Guard) -> list[Planned]:
    """Plan and freeze what is due at this quarter hour, after finishing what a crash left behind.

    Durable when this returns. Raises StaleFence when the clock was lost on the way and StoreError; what was committed
    until then holds, and the next plan goes on from there.
    """

    def freeze(edition_id: int) -> Planned:
        return Planned(edition_id, freeze_digest(shop, edition_id, now=now, guard=guard))

    planned = [freeze(edition_id) for edition_id in _left_behind(shop, now, guard)]
    tick = quarter(now)
    with reading(shop.engine) as session:
        if not editions.count(session, due(tick).limit(1)):
            return [done for done in planned if done.deliveries]
    with writing(shop.engine) as session:
        guard(session)
        slot = f"tick:{tick:%Y-%m-%dT%H:%MZ}"
        edition_id, planned_at, _ = editions.open_edition(session, "tick", slot, planned_at=now, key_id=key_id)
        if editions.get_edition(session, edition_id).state != EditionState.PLANNING:
            log.info("readers became due after %s was frozen; they get the next slot", slot)
            return [done for done in planned if done.deliveries]
    last: int | None = 0
    while last is not None:
        last = plan_next_chunk(shop, edition_id, planned_at, tick, last, guard)
    planned.append(freeze(edition_id))
    return [done for done in planned if done.deliveries]


def plan_next_chunk(
    shop: Workshop, edition_id: int, planned_at: datetime, tick: datetime, after_id: int, guard: Guard
) -> int | None:
    """Write one chunk of a tick's deliveries and move its readers, in one transaction; the last id, None when done."""
    with writing(shop.engine) as session:
        guard(session)
        written = editions.plan_chunk(session, edition_id, due(tick), after_id=after_id, planned_at=planned_at)
        if written is None:
            return None
        last, number = written
        next_of = {
            (zone, cadence, minute): _next(cadence, minute, zone, max(tick, planned_at))
            for zone, cadence, minute in editions.rhythms(session, edition_id, after_id, last)
        }
        editions.move_due(session, (edition_id, after_id, last), tick, planned_at, next_of, number)
        return last


def _next(cadence: str, minute: int, zone: str, after: datetime) -> datetime:
    """One reader's unreadable choice (a zone that the tz database dropped) must not stop everybody's morning."""
    try:
        return next_due(cadence, minute, zone, after=after)
    except CadenceError as error:
        log.error("%s; counted in UTC until it is changed", error)
        return next_due("daily", minute, "UTC", after=after)


def _left_behind(shop: Workshop, now: datetime, guard: Guard) -> list[int]:
    """Unfrozen tick editions. Unfrozen editions by hand are withdrawn once they are surely abandoned."""
    with writing(shop.engine) as session:
        guard(session)
        kept = []
        for edition_id in editions.unfrozen(session):
            edition = editions.get_edition(session, edition_id)
            if edition.kind == "tick":
                kept.append(edition_id)
            elif now - edition.planned_at > ABANDONED:
                log.warning(
                    "edition %s (%s) was interrupted before it was frozen; withdrawn, nothing was sent",
                    edition_id,
                    edition.slot,
                )
                session.delete(edition)
        return kept


def plan_by_hand(
    shop: Workshop,
    readers: Select[tuple[int]],
    *,
    now: datetime,
    key_id: int,
    key: str,
    topic_id: int | None,
    since: datetime | None = None,
) -> Planned | None:
    """Plan and freeze a send by hand; None when this key was planned before. Due times stay as they are."""
    with writing(shop.engine) as session:
        edition_id, planned_at, made = editions.open_edition(
            session, "manual", f"manual:{key}", planned_at=now, key_id=key_id, topic_id=topic_id
        )
        if not made and editions.get_edition(session, edition_id).state != EditionState.PLANNING:
            return None
    last, more = 0, True
    while more:
        with writing(shop.engine) as session:
            written = editions.plan_chunk(
                session, edition_id, readers, after_id=last, planned_at=planned_at, since=since
            )
        last, more = (written[0], True) if written else (last, False)
    return Planned(edition_id, freeze_digest(shop, edition_id, now=now))
