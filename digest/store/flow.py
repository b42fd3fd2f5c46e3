"""One row for each provider, by which all workers share its pace and its breaker; and the stop of an edition.

`change` is one short transaction of the caller's: the row is locked, decided upon by a pure function
(`digest.dispatch.flow`) with the database's time, and written when it changed. Nothing in the ledger depends on it: a
worker that dies after it has taken up some time of the provider's, or has let one batch through that never went, and
others wait that long. Where there is no row and nothing to mind, nobody writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import func, select, update
from sqlmodel import Session

from digest.models import Attempt, Delivery, Edition, ProviderEvent, ProviderFlow
from digest.store.db import database_time
from digest.types import DeliveryState, EditionState, EventKind, Flow
from subscribers.sql import insert_new, table

T = TypeVar("T")

PACE_OF = 20
"""Calls from whose times the pace of all workers is reckoned."""
BAD = (EventKind.BOUNCED_SOFT, EventKind.BOUNCED_HARD, EventKind.REJECTED, EventKind.COMPLAINED)
"""What counts against an edition."""

_flow, _attempt, _edition = table(ProviderFlow), table(Attempt), table(Edition)
_delivery, _event = table(Delivery), table(ProviderEvent)


def look(session: Session, provider: str) -> tuple[Flow, float]:
    """The provider's row and the database's time. Reads only."""
    row = session.connection().execute(select(_flow).where(_flow.c.provider == provider)).one_or_none()
    return _read(row), database_time(session)


def change(session: Session, provider: str, decide: Callable[[Flow, float], tuple[Flow, T]]) -> T:
    """Let `decide` (row, database time) change the row; what else it says. Durable when the caller's transaction
    commits; nobody else changes the row until then."""
    connection = session.connection()
    mine = _flow.c.provider == provider
    row = connection.execute(select(_flow).where(mine).with_for_update()).one_or_none()
    if row is None:
        insert_new(connection, _flow, {"provider": provider})
        row = connection.execute(select(_flow).where(mine).with_for_update()).one()
    before = _read(row)
    after, said = decide(before, database_time(session))
    if after != before:
        connection.execute(update(_flow).where(mine).values(**asdict(after)))
    return said


def _read(row: object) -> Flow:
    return Flow() if row is None else Flow(**{name: getattr(row, name) for name in Flow.__slots__})


def pace(session: Session, provider: str) -> float:
    """How many calls a second all workers have made of late; 0 when too few were made. Reads only."""
    query = select(_attempt.c.opened_at).where(_attempt.c.provider == provider).order_by(_attempt.c.id.desc())
    times = list(session.connection().execute(query.limit(PACE_OF)).scalars())
    span = max(times) - min(times) if len(times) > 1 else 0.0
    return (len(times) - 1) / span if span > 0 else 0.0


# --- the stop of an edition -------------------------------------------------------------------------------------------


def size(session: Session, edition_id: int) -> int:
    """How many mails an edition was frozen with. Reads only."""
    query = select(_edition.c.frozen_count).where(_edition.c.id == edition_id)
    return int(session.connection().execute(query).scalar_one())


def answered(session: Session, edition_id: int) -> tuple[int, int]:
    """How many mails of an edition a provider has answered for since it was last gone on with, and how many of those
    were rejected or bounced. Reads only."""
    connection = session.connection()
    states = select(_delivery.c.state, func.count()).where(_delivery.c.edition_id == edition_id)
    counts: dict[str, int] = {row[0]: row[1] for row in connection.execute(states.group_by(_delivery.c.state))}
    accepted, rejected = counts.get(DeliveryState.ACCEPTED, 0), counts.get(DeliveryState.REJECTED, 0)
    bounced = (
        select(func.count(func.distinct(_event.c.subscriber_id)))
        .join(
            _delivery,
            (_delivery.c.edition_id == _event.c.edition_id) & (_delivery.c.subscriber_id == _event.c.subscriber_id),
        )
        .where(_event.c.edition_id == edition_id, _event.c.kind.in_([str(each) for each in BAD]))
        .where(_delivery.c.state == DeliveryState.ACCEPTED)
    )
    bad = rejected + int(connection.execute(bounced).scalar_one())
    spared = select(_edition.c.spared_sent, _edition.c.spared_bad).where(_edition.c.id == edition_id)
    sent_before, bad_before = connection.execute(spared).one()
    return accepted + rejected - sent_before, bad - bad_before


def stop(session: Session, edition_id: int, why: str) -> bool:
    """Let an edition's chunks rest until an operator goes on with it; whether this call stopped it. Calls under way end
    as they do. Durable when the caller's transaction commits."""
    mine = (_edition.c.id == edition_id, _edition.c.state == EditionState.FROZEN, _edition.c.stopped_at.is_(None))
    now = datetime.fromtimestamp(database_time(session), UTC)
    done = session.connection().execute(update(_edition).where(*mine).values(stopped_at=now, stopped_why=why))
    return done.rowcount == 1


def go_on(session: Session, edition_id: int) -> bool:
    """Let a stopped edition go on; whether it was stopped. What counted against it until now counts no more. Durable
    when the caller's transaction commits."""
    sent, bad = answered(session, edition_id)
    mine = (_edition.c.id == edition_id, _edition.c.stopped_at.is_not(None))
    spared = {"spared_sent": _edition.c.spared_sent + sent, "spared_bad": _edition.c.spared_bad + bad}
    opened = update(_edition).where(*mine).values(stopped_at=None, stopped_why=None, **spared)
    return session.connection().execute(opened).rowcount == 1


def is_stopped(session: Session, edition_id: int) -> bool:
    """Whether an edition rests until an operator goes on with it. Reads only."""
    query = select(_edition.c.stopped_at).where(_edition.c.id == edition_id)
    return session.connection().execute(query).scalar_one_or_none() is not None
