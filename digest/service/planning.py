"""Planning: who gets a mail in this slot, written down once whatever crashes or runs twice.

Crash semantics. An edition row comes first, then a chunk of deliveries per transaction, in which the same readers'
`next_due_at` moves by compare-and-set; then the content is frozen in one transaction, and only then may anybody lease a
chunk. Killed anywhere between, the next `plan` finds the edition unfrozen and freezes what it has; readers it does not
have are still due and get the next slot's edition. Nobody is planned twice: a reader whose due time moved is no longer
due, and a delivery is unique per edition and reader.

Readers with topics of their own hours are planned in the same chunks; their deliveries then hold only the topics that
are due (`digest.service.hours`), and they move to the earliest time at which any topic is due again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select
from sqlmodel import Session

from digest.service.freezing import WELCOMING, Guard, Workshop, freeze_digest
from digest.service.hours import due_groups, next_slot, own_rhythm, silent_since
from digest.service.profiles import profiles_of
from digest.store import editions, moving
from digest.store.breaking import KIND as BREAKING
from digest.store.db import reading, writing
from digest.store.narrow import WELCOME
from digest.types import EditionState
from subscribers.cadence import next_due, quarter
from subscribers.due import due
from subscribers.errors import CadenceError
from subscribers.profiles import intern, profiles, restricted

log = logging.getLogger(__name__)

ABANDONED = timedelta(minutes=10)
"""An edition by hand that is still not frozen after this long was interrupted: nothing of it was sent, it is
withdrawn."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An edition that is ready to be sent."""

    edition_id: int
    deliveries: int


def plan_tick(shop: Workshop, *, now: datetime, key_id: int, guard: Guard) -> list[Planned]:
    """Plan and freeze what is due at this quarter hour, after finishing what a crash left behind.

    Durable when this returns. Raises StaleFence when the clock was lost on the way and StoreError; what was committed
    until then holds, and the next plan goes on from there.
    """

    def freeze(edition_id: int, values: Mapping[str, str] | None = None) -> Planned:
        return Planned(edition_id, freeze_digest(shop, edition_id, now=now, guard=guard, values=values))

    planned = [freeze(edition_id, values) for edition_id, values in _left_behind(shop, now, guard)]
    tick = quarter(now)
    _pass_over(shop, tick, now, guard)
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
        written = editions.plan_chunk(
            session, edition_id, due(tick), after_id=after_id, planned_at=planned_at, tick=True
        )
        if written is None:
            return None
        last, number = written
        chunk_of = (edition_id, after_id, last)
        slots = moving.slots(session, *chunk_of)
        if slots:
            moves = _moves(session, list(slots), tick, planned_at)
            moving.move_slots(session, chunk_of, planned_at, moves, sum(slots.values()))
        next_of = {
            (zone, cadence, minute): _next(cadence, minute, zone, max(tick, planned_at))
            for zone, cadence, minute in moving.rhythms(session, *chunk_of)
        }
        moving.move_due(session, chunk_of, tick, planned_at, next_of, number - sum(slots.values()))
        return last


def _moves(session: Session, slots: Sequence[moving.Slot], tick: datetime, planned_at: datetime) -> list[moving.Move]:
    """What becomes of readers with topics of their own hours: which topics are due now, and when any is due next."""
    ids = sorted({slot.profile_id for slot in slots})
    found, raw = profiles_of(session, ids), profiles(session, ids)
    moves = []
    for slot in slots:
        profile = found[slot.profile_id]
        due_now = due_groups(profile, slot.due_at, tick)
        rest = restricted(raw[slot.profile_id], [topic for topics in due_now.values() for topic in topics])
        moves.append(
            moving.Move(
                slot=slot,
                profile_id=intern(session.connection(), rest),
                next_due_at=next_slot(profile, max(tick, planned_at)),
                window=own_rhythm(profile) in due_now,
            )
        )
    return moves


def _pass_over(shop: Workshop, tick: datetime, now: datetime, guard: Guard) -> None:
    """Move readers as it happens for whom nothing has happened to the next quarter, so that their day is not full of
    empty mails that nobody sends."""
    with reading(shop.engine) as session:
        slots = moving.as_it_happens(session, due(tick))
        found = profiles_of(session, sorted({slot.profile_id for slot in slots}))
        topics = sorted({topic for profile in found.values() for topic in profile.topics})
        news = moving.latest_news(session, topics, now) if slots else {}
    quiet = []
    for slot in slots:
        profile = found[slot.profile_id]
        since = silent_since(profile, slot.due_at, tick, now, news)
        if since is not None:
            quiet.append(moving.Quiet(slot, since, next_slot(profile, max(tick, now))))
    if quiet:
        with writing(shop.engine) as session:
            guard(session)
            moving.pass_over(session, quiet, now)


def _next(cadence: str, minute: int, zone: str, after: datetime) -> datetime:
    """One reader's unreadable choice (a zone that the tz database dropped) must not stop everybody's morning."""
    try:
        return next_due(cadence, minute, zone, after=after)
    except CadenceError as error:
        log.error("%s; counted in UTC until it is changed", error)
        return next_due("daily", minute, "UTC", after=after)


def _left_behind(shop: Workshop, now: datetime, guard: Guard) -> list[tuple[int, Mapping[str, str]]]:
    """Unfrozen editions of the clock's and abandoned welcome mails, with what freezing them needs. Unfrozen editions by
    hand are withdrawn once they are surely abandoned."""
    with writing(shop.engine) as session:
        guard(session)
        kept: list[tuple[int, Mapping[str, str]]] = []
        for edition_id in editions.unfrozen(session):
            edition = editions.get_edition(session, edition_id)
            abandoned = now - edition.planned_at > ABANDONED
            if edition.kind == BREAKING:
                continue  # the next plan of breaking news goes on with it
            if edition.kind == "tick":
                kept.append((edition_id, {}))
            elif abandoned and edition.slot.startswith(WELCOME):
                kept.append((edition_id, WELCOMING))
            elif abandoned:
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
    private: bool = False,
) -> Planned | None:
    """Plan and freeze a send by hand; None when this key was planned before. Due times stay as they are. What is
    `private`, for one reader alone, does not come into a topic's archive."""
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
    return Planned(edition_id, freeze_digest(shop, edition_id, now=now, private=private))
