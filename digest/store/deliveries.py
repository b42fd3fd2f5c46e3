"""Deliveries as operators see them: listed one by one, and what is stuck, in groups. Reads only, but for `forget`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, update
from sqlmodel import Session

from digest.errors import InputError
from digest.models import Attempt, Chunk, Delivery, DeliveryChange, Edition, ProviderEvent
from digest.store.db import database_time
from digest.store.report import masked
from digest.types import ChunkState, DeliveryState, EditionState
from subscribers.sql import table

_delivery, _edition, _chunk, _attempt = table(Delivery), table(Edition), table(Chunk), table(Attempt)
_change, _event = table(DeliveryChange), table(ProviderEvent)

LONG_CALL = 600.0
"""Seconds after which a call that nobody settled is stuck, or its repeats fail: ten times a lease."""
LONG_LEASE = 300.0
"""Seconds for which a lease has run out and nobody has taken the chunk over: no worker runs, or none can. One that runs
looks every 15 s (`scheduler.SWEEP_SECONDS`)."""
LONG_WAIT = timedelta(hours=2)
"""For how long a mail may wait to be sent: longer than the back-off of an hour's outage (`dispatch.verdict`)."""
GROUPS = 1000
"""Different reasons that are looked at: some providers quote the address in each."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One delivery."""

    edition_id: int
    subscriber_id: int
    state: DeliveryState
    reason: str
    """As it was told; it may hold an address."""
    provider: str
    message_id: str
    tries: int
    called_at: datetime | None
    """When its last attempt was opened, by the database's clock; aware."""
    by_hand: str
    """The last that an operator did, and why; empty for nothing."""


def listed(
    session: Session,
    *,
    edition_id: int | None = None,
    subscriber_id: int | None = None,
    state: DeliveryState | None = None,
    reason: str = "",
    limit: int,
) -> list[Listed]:
    """Deliveries, those of the newest edition first. `reason` is a part of it, whatever its case. Reads only."""
    wanted = []
    if edition_id is not None:
        wanted.append(_delivery.c.edition_id == edition_id)
    if subscriber_id is not None:
        wanted.append(_delivery.c.subscriber_id == subscriber_id)
    if state is not None:
        wanted.append(_delivery.c.state == str(state))
    if reason:
        wanted.append(_delivery.c.reason.icontains(reason, autoescape=True))
    rows = session.connection().execute(
        select(_delivery, _attempt.c.provider, _attempt.c.opened_at)
        .outerjoin(_attempt, _attempt.c.id == _delivery.c.attempt_id)
        .where(*wanted)
        .order_by(_delivery.c.edition_id.desc(), _delivery.c.subscriber_id)
        .limit(limit)
    )
    found = rows.all()
    by_hand = _by_hand(session, {row.edition_id for row in found})
    return [_listed(row, by_hand.get((row.edition_id, row.subscriber_id), "")) for row in found]


def _listed(row: Row[Any], by_hand: str) -> Listed:
    called = None if row.opened_at is None else datetime.fromtimestamp(row.opened_at, UTC)
    return Listed(
        row.edition_id,
        row.subscriber_id,
        DeliveryState(row.state),
        row.reason or "",
        row.provider or "",
        row.provider_message_id or "",
        row.tries,
        called,
        by_hand,
    )


def _by_hand(session: Session, editions: set[int]) -> dict[tuple[int, int], str]:
    query = select(_change).where(_change.c.edition_id.in_(editions)).order_by(_change.c.id)
    return {(row.edition_id, row.subscriber_id): deed(row) for row in session.connection().execute(query)}


def deed(row: Row[Any]) -> str:
    """What an operator did, in words: "settled as accepted: it is in their log"."""
    done = f"settled as {row.became}" if row.action == "settled" else f"sent again ({row.was})"
    return f"{done}: {row.note}" if row.note else done


def changes_of(session: Session, subscriber_id: int) -> dict[int, list[tuple[datetime, str, str]]]:
    """What operators did to a reader's deliveries: edition -> when, what and why, oldest first. Reads only."""
    found: dict[int, list[tuple[datetime, str, str]]] = {}
    mine = select(_change).where(_change.c.subscriber_id == subscriber_id).order_by(_change.c.id)
    for row in session.connection().execute(mine):
        found.setdefault(row.edition_id, []).append((row.at, row.action, deed(row)))
    return found


def forget(session: Session, subscriber_id: int) -> None:
    """Take the operator's words about a person's mails out of the lines: the person is erased."""
    session.connection().execute(update(_change).where(_change.c.subscriber_id == subscriber_id).values(note=""))


def in_doubt(session: Session, edition_id: int) -> list[int]:
    """The readers of an edition whose mails are unknown, by number. Reads only."""
    mine = (_delivery.c.edition_id == edition_id, _delivery.c.state == DeliveryState.UNKNOWN)
    query = select(_delivery.c.subscriber_id).where(*mine).order_by(_delivery.c.subscriber_id)
    return list(session.connection().execute(query).scalars())


def state_of(session: Session, edition_id: int, subscriber_id: int) -> DeliveryState:
    """The state of one delivery. Raises InputError when there is none. Reads only."""
    mine = (_delivery.c.edition_id == edition_id, _delivery.c.subscriber_id == subscriber_id)
    found = session.connection().execute(select(_delivery.c.state).where(*mine)).scalar_one_or_none()
    if found is None:
        raise InputError(f"edition {edition_id} has no mail for reader {subscriber_id}; see `digest deliveries list`")
    return DeliveryState(found)


def by_message(session: Session, message_id: str) -> list[tuple[int, int]]:
    """Edition and reader of each delivery that a provider's message id may be about: those that bear it; else the one
    that an event with it named; else those in doubt of the reader whom such an event is about. Reads only."""
    connection = session.connection()
    keys = (_delivery.c.edition_id, _delivery.c.subscriber_id)
    rows = connection.execute(select(*keys).where(_delivery.c.provider_message_id == message_id)).all()
    if not rows:
        told = select(_event.c.edition_id, _event.c.subscriber_id).where(
            _event.c.message_id == message_id, _event.c.subscriber_id.is_not(None)
        )
        about = connection.execute(told.distinct()).all()
        rows = [row for row in about if row.edition_id is not None]
        if not rows:
            readers = [row.subscriber_id for row in about]
            doubt = (_delivery.c.state == DeliveryState.UNKNOWN, _delivery.c.subscriber_id.in_(readers))
            rows = list(connection.execute(select(*keys).where(*doubt)).all())
    return sorted((row.edition_id, row.subscriber_id) for row in rows)


@dataclass(frozen=True, slots=True)
class Stuck:
    """Mails of one edition that do not move, for one reason."""

    what: str
    """unknown, attempting, waiting or leased."""
    edition_id: int
    mails: int
    since: datetime | None
    """Of the oldest; aware, by the database's clock where it is a call or a lease. None for a lease never renewed."""
    reason: str
    """Without addresses."""


def stuck(session: Session, now: datetime) -> list[Stuck]:
    """What does not move: in doubt, in a call for long, waiting for hours, or under a lease that ran out and that
    nobody takes over. Reads only."""
    clock = database_time(session)
    return [
        *_unknown(session),
        *_attempting(session, clock - LONG_CALL),
        *_waiting(session, now - LONG_WAIT),
        *_leased(session, clock - LONG_LEASE),
    ]


def _unknown(session: Session) -> Iterator[Stuck]:
    of_call = _attempt.c.id == _delivery.c.attempt_id
    query = (
        select(_delivery.c.edition_id, _delivery.c.reason, func.count(), func.min(_attempt.c.opened_at))
        .outerjoin(_attempt, of_call)
        .where(_delivery.c.state == DeliveryState.UNKNOWN)
    )
    yield from _grouped(session, "unknown", query, _delivery.c.reason)


def _attempting(session: Session, before: float) -> Iterator[Stuck]:
    query = (
        select(_delivery.c.edition_id, _attempt.c.problem, func.count(), func.min(_attempt.c.opened_at))
        .join(_attempt, _attempt.c.id == _delivery.c.attempt_id)
        .join(_edition, _edition.c.id == _delivery.c.edition_id)
        .where(_edition.c.state == EditionState.FROZEN, _delivery.c.state == DeliveryState.ATTEMPTING)
        .where(_attempt.c.opened_at < before)
    )
    yield from _grouped(session, "attempting", query, _attempt.c.problem)


def _waiting(session: Session, before: datetime) -> Iterator[Stuck]:
    """A mail that is sent again by hand waits since then, whenever its edition was frozen."""
    resent = (
        select(func.max(_change.c.at))
        .where(
            _change.c.edition_id == _delivery.c.edition_id,
            _change.c.subscriber_id == _delivery.c.subscriber_id,
            _change.c.action == "resent",
        )
        .scalar_subquery()
    )
    query = (
        select(_delivery.c.edition_id, _delivery.c.reason, func.count(), func.min(_edition.c.frozen_at))
        .join(_edition, _edition.c.id == _delivery.c.edition_id)
        .where(_edition.c.state == EditionState.FROZEN, _edition.c.frozen_at < before)
        .where(_delivery.c.state.in_([str(DeliveryState.PLANNED), str(DeliveryState.RETRY)]))
        .where(or_(resent.is_(None), resent < before))
    )
    yield from _grouped(session, "waiting", query, _delivery.c.reason)


def _leased(session: Session, before: float) -> Iterator[Stuck]:
    query = (
        select(_chunk.c.edition_id, _chunk.c.holder, func.count(), func.min(_chunk.c.until))
        .join(_edition, _edition.c.id == _chunk.c.edition_id)
        .join(_delivery, _delivery.c.chunk_id == _chunk.c.id)
        .where(_edition.c.state == EditionState.FROZEN, _chunk.c.state == ChunkState.LEASED, _chunk.c.until < before)
    )
    for each in _grouped(session, "leased", query, _chunk.c.holder):
        yield Stuck(each.what, each.edition_id, each.mails, each.since, f"the lease of {each.reason} ran out")


def _grouped(session: Session, what: str, query: Any, why: ColumnElement[Any]) -> Iterator[Stuck]:
    """Groups of edition and reason; reasons that differ by an address only are one."""
    edition = query.selected_columns[0]
    rows = session.connection().execute(query.group_by(edition, why).order_by(edition, why).limit(GROUPS))
    mails: Counter[tuple[int, str]] = Counter()
    since: dict[tuple[int, str], datetime] = {}
    for edition_id, reason, count, first in rows:
        group = (edition_id, masked(reason or ""))
        mails[group] += count
        at = datetime.fromtimestamp(first, UTC) if isinstance(first, float) else first
        if at is not None and at < since.get(group, datetime.max.replace(tzinfo=UTC)):
            since[group] = at
    for group, count in mails.items():
        yield Stuck(what, group[0], count, since.get(group), group[1])
