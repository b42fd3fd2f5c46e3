"""What providers told us: kept first, applied afterwards, to the delivery and the reader it is about.

    remember      durable before the provider is told that we have it; what is known already is left alone
    whose, take   one event that nobody has applied, locked until the transaction ends; its reader is locked before
    find_mail     the delivery that it is about
    know          a delivery of which nobody knew what became of it is settled
    applied       the event is done; in the same transaction as everything it did

A crash between keeping and applying leaves the event waiting, and the sweep takes it (`waiting`). Applying is one
transaction for each event: it happens wholly or not at all, and of two processes that take one event, the second finds
it applied.

How a delivery is found: by what we sent along (`Event.mark`); else among the deliveries of whoever has the address, by
the provider's message id; else, for a delivery whose message id nobody learnt, by the address alone, when exactly one
is in question and its call was made at about that time. An account with a provider may carry other mails to the same
address, so a guess between two is not made: the delivery stays unknown, in the operator's sight. Looking for a message
id among all deliveries would want an index of a hundred bytes for each mail ever sent, and would find no more: who has
another address by now has no delivery in doubt that this could settle, or we sent a mark along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, case, delete, func, select, update
from sqlmodel import Session

from digest.models import Attempt, Delivery, ProviderEvent
from digest.types import DeliveryState, EventKind
from subscribers.sql import insert_new, slices, table

_event, _delivery, _attempt = table(ProviderEvent), table(Delivery), table(Attempt)

CALL_LASTS = timedelta(hours=1)
"""A mail in doubt was given to the provider within this time of its attempt's opening; repeats under a key come later,
but settle themselves."""
CLOCKS = timedelta(minutes=5)
"""By how much the provider's clock and the database's may differ."""
LIGHT_KEPT = timedelta(days=35)
"""For how long arrivals, opens and the like are kept: a row for each mail. Longer than any provider repeats a call (a
day), so that nothing is applied twice."""
GRAVE_KEPT = timedelta(days=400)
"""For how long bounces and complaints are kept: a year's worth to look back on. The suppression stays."""
GRAVE = (
    EventKind.BOUNCED_SOFT,
    EventKind.REJECTED,
    EventKind.BOUNCED_HARD,
    EventKind.UNSUBSCRIBED,
    EventKind.COMPLAINED,
)


@dataclass(frozen=True, slots=True)
class Mail:
    """The delivery that an event is about."""

    edition_id: int
    subscriber_id: int
    state: DeliveryState
    sure: bool
    """By what we sent along or by the message id; not by the address alone."""


def remember(session: Session, provider: str, rows: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Keep events (columns of `ProviderEvent`); number and kind of those among them that nobody has applied, kept now
    or before. Durable when the caller's transaction commits."""
    if not rows:
        return {}
    connection = session.connection()
    # In one order, so that two processes with the same events wait for each other and never in a circle.
    for portion in slices(sorted(rows, key=lambda row: row["event_id"])):
        insert_new(connection, _event, portion)
    found: dict[int, str] = {}
    for portion in slices([row["event_id"] for row in rows]):
        mine = (_event.c.provider == provider, _event.c.event_id.in_(portion), _event.c.applied_at.is_(None))
        query = select(_event.c.id, _event.c.kind).where(*mine)
        found.update({row.id: row.kind for row in connection.execute(query)})
    return found


def waiting(session: Session, *, after_id: int, limit: int) -> list[int]:
    """Events that nobody has applied, by number, after the one given. Reads only."""
    query = select(_event.c.id).where(_event.c.applied_at.is_(None), _event.c.id > after_id)
    return list(session.connection().execute(query.order_by(_event.c.id).limit(limit)).scalars())


def whose(session: Session, event_id: int) -> int | None:
    """The reader that an event is about, to be locked before it is taken; None when there is none. Reads only."""
    query = select(_event.c.subscriber_id).where(_event.c.id == event_id)
    return session.connection().execute(query).scalar_one_or_none()


def take(session: Session, event_id: int) -> Row[Any] | None:
    """The event, if nobody has applied it; nobody else does until the transaction ends."""
    query = select(_event).where(_event.c.id == event_id, _event.c.applied_at.is_(None)).with_for_update()
    return session.connection().execute(query).one_or_none()


def find_mail(session: Session, event: Row[Any]) -> Mail | None:
    """The delivery that an event is about; None when there is none, or when nobody can tell which. Whose it is must be
    locked by then (`roster.locked`), so that it does not change."""
    if event.subscriber_id is None:
        return None
    connection = session.connection()
    theirs = select(_delivery).where(_delivery.c.subscriber_id == event.subscriber_id)
    sure: list[ColumnElement[bool]] = []
    if event.edition_id is not None:
        sure.append(_delivery.c.edition_id == event.edition_id)
    if event.message_id:
        sure.append(_delivery.c.provider_message_id == event.message_id)
    for each in sure:
        row = connection.execute(theirs.where(each).order_by(_delivery.c.edition_id.desc()).limit(1)).one_or_none()
        if row is not None:
            return Mail(row.edition_id, row.subscriber_id, DeliveryState(row.state), sure=True)
    if event.sent_at is None:
        return None
    sent, early, late = event.sent_at.timestamp(), CLOCKS.total_seconds(), (CALL_LASTS + CLOCKS).total_seconds()
    in_doubt = (
        theirs.join(_attempt, _attempt.c.id == _delivery.c.attempt_id)
        .where(_delivery.c.state.in_([str(DeliveryState.UNKNOWN), str(DeliveryState.ATTEMPTING)]))
        .where(_delivery.c.provider_message_id.is_(None), _attempt.c.provider == event.provider)
        .where(_attempt.c.opened_at.between(sent - late, sent + early))
        .limit(2)
    )
    rows = connection.execute(in_doubt).all()
    if len(rows) != 1:
        return None
    return Mail(rows[0].edition_id, rows[0].subscriber_id, DeliveryState(rows[0].state), sure=False)


def know(session: Session, mail: Mail, to: DeliveryState, *, message_id: str, reason: str) -> bool:
    """Settle a delivery of which nobody knew; whether it was one. Compare-and-set, so that what a sender has settled
    meanwhile stays.

    A mail that waits to be tried again, and of which we are sure that the provider has it, is not tried again.
    """
    states = [str(DeliveryState.UNKNOWN)]
    if mail.sure and to is DeliveryState.ACCEPTED:
        states.append(str(DeliveryState.RETRY))
    done = session.connection().execute(
        update(_delivery)
        .where(
            _delivery.c.edition_id == mail.edition_id,
            _delivery.c.subscriber_id == mail.subscriber_id,
            _delivery.c.state.in_(states),
        )
        .values(
            state=str(to),
            provider_message_id=func.coalesce(_delivery.c.provider_message_id, message_id or None),
            reason=reason or None,
            retry_at=None,
        )
    )
    return done.rowcount == 1


def applied(session: Session, event_id: int, mail: Mail | None, *, now: datetime) -> None:
    """Mark an event as done, with the edition of the mail that it was found to be about."""
    values: dict[str, Any] = {"applied_at": now}
    if mail is not None:
        values["edition_id"] = mail.edition_id
    session.connection().execute(update(_event).where(_event.c.id == event_id).values(values))


def bounces(
    session: Session, subscriber_id: int, hashes: Sequence[bytes], since: datetime
) -> tuple[list[datetime], list[datetime]]:
    """When mails to a reader at this address bounced softly since then, and when mails arrived."""
    kinds = (EventKind.BOUNCED_SOFT, EventKind.DELIVERED)
    rows = session.connection().execute(
        select(_event.c.kind, _event.c.at).where(
            _event.c.subscriber_id == subscriber_id,
            _event.c.address_hash.in_(hashes),
            _event.c.kind.in_([str(each) for each in kinds]),
            _event.c.at > since,
        )
    )
    found: dict[str, list[datetime]] = {str(each): [] for each in kinds}
    for row in rows:
        found[row.kind].append(row.at)
    return found[kinds[0]], found[kinds[1]]


def told_of(session: Session, subscriber_id: int) -> dict[int, list[tuple[datetime, str, str]]]:
    """What was told of a reader's mails: edition -> when, what and in which words, oldest first. Reads only."""
    columns = (_event.c.edition_id, _event.c.at, _event.c.kind, _event.c.detail)
    mine = (_event.c.subscriber_id == subscriber_id, _event.c.edition_id.is_not(None))
    found: dict[int, list[tuple[datetime, str, str]]] = {}
    for row in session.connection().execute(select(*columns).where(*mine).order_by(_event.c.at, _event.c.id)):
        found.setdefault(row.edition_id, []).append((row.at, row.kind, row.detail))
    return found


def forget(session: Session, subscriber_id: int) -> None:
    """Take out of the events what points to a person who is erased."""
    blank = {"subscriber_id": None, "address_hash": None, "message_id": "", "detail": ""}
    session.connection().execute(update(_event).where(_event.c.subscriber_id == subscriber_id).values(blank))


def prune(session: Session, *, now: datetime, most: int) -> int:
    """Drop what is kept no longer, `most` rows at most; how many went."""
    grave = _event.c.kind.in_([str(each) for each in GRAVE])
    old = (_event.c.received_at < now - GRAVE_KEPT) | (~grave & (_event.c.received_at < now - LIGHT_KEPT))
    some = select(_event.c.id).where(old).order_by(_event.c.id).limit(most)
    return session.connection().execute(delete(_event).where(_event.c.id.in_(some))).rowcount


# --- for the operator -------------------------------------------------------------------------------------------------


def last_heard(session: Session, provider: str | None = None) -> datetime | None:
    """When that provider, or any, told us something for the last time. Reads only."""
    query = select(_event.c.received_at).where(*([_event.c.provider == provider] if provider else []))
    return session.connection().execute(query.order_by(_event.c.id.desc()).limit(1)).scalar_one_or_none()


def first_call(session: Session, provider: str, since: float) -> float | None:
    """When we called the provider for the first time after that instant; both database time. Reads only."""
    query = select(func.min(_attempt.c.opened_at)).where(_attempt.c.provider == provider, _attempt.c.opened_at > since)
    return session.connection().execute(query).scalar_one_or_none()


def count_waiting(session: Session) -> int:
    """How many events nobody has applied. Reads only."""
    return session.connection().execute(select(func.count()).where(_event.c.applied_at.is_(None))).scalar_one()


def fates(session: Session, severity: Sequence[EventKind], *, since: datetime) -> dict[EventKind, int]:
    """What became of the mails that events came for since then: kind -> mails, each counted once, by the gravest that
    was said about it in that time. `severity` goes from the least grave to the gravest. Reads only."""
    rank = case({str(each): place for place, each in enumerate(severity)}, value=_event.c.kind)
    mails = (
        select(func.max(rank).label("rank"))
        .where(_event.c.received_at >= since, _event.c.edition_id.is_not(None), _event.c.subscriber_id.is_not(None))
        .group_by(_event.c.edition_id, _event.c.subscriber_id)
        .subquery()
    )
    rows = session.connection().execute(select(mails.c.rank, func.count()).group_by(mails.c.rank))
    return {severity[row[0]]: row[1] for row in rows}
