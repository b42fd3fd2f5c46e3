"""The clock's lease: of all processes that could plan, one does.

Crash semantics. The lease is a row with a holder, a fence that grows with every change of hands, and an end in
database time. A holder that dies is followed by another as soon as the lease has run out. A holder that was frozen past
its lease and wakes up still believes that it holds the clock; `keep_clock` in the same transaction as its planning
proves it wrong before anything is written. An advisory lock would survive a frozen holder and break under PgBouncer's
transaction mode (docs/design.md, section 5).
"""

from __future__ import annotations

from sqlalchemy import case, or_, text, update
from sqlmodel import Session

from digest.errors import StaleFence
from digest.models import ClockLease
from digest.store.db import database_time
from subscribers.sql import table

CLOCK = "clock"
LEASE_SECONDS = 10.0

_lease = table(ClockLease)


def take_clock(session: Session, holder: str, seconds: float = LEASE_SECONDS) -> int | None:
    """Take or renew the clock for `seconds`; the fence when `holder` has it, None while somebody else does.

    Renewing in time keeps the fence; coming back after the lease ran out counts as a change of hands. `holder` must be
    unique among living processes. Durable when the caller's transaction commits.
    """
    now = database_time(session)
    connection = session.connection()
    first = "INSERT INTO clock_lease (name, holder, fence, until) VALUES (:name, '', 0, 0) ON CONFLICT DO NOTHING"
    connection.execute(text(first), {"name": CLOCK})
    renewed = (_lease.c.holder == holder) & (_lease.c.until >= now)
    taken = connection.execute(
        update(_lease)
        .where(_lease.c.name == CLOCK, or_(_lease.c.until < now, _lease.c.holder == holder))
        .values(fence=case((renewed, _lease.c.fence), else_=_lease.c.fence + 1), holder=holder, until=now + seconds)
        .returning(_lease.c.fence)
    ).scalar_one_or_none()
    return None if taken is None else int(taken)


def keep_clock(session: Session, holder: str, fence: int, seconds: float = LEASE_SECONDS) -> None:
    """Renew the clock for `seconds` within a planning transaction, or raise StaleFence when it was lost meanwhile.

    On PostgreSQL the row stays locked until the caller's transaction ends, so the clock cannot change hands in between;
    on SQLite a writing transaction is alone anyway. Planning a million readers takes many transactions: each renews.
    """
    now = database_time(session)
    kept = session.connection().execute(
        update(_lease)
        .where(_lease.c.name == CLOCK, _lease.c.holder == holder, _lease.c.fence == fence, _lease.c.until >= now)
        .values(until=now + seconds)
    )
    if kept.rowcount != 1:
        raise StaleFence("another process holds the clock by now; nothing was planned")


def release_clock(session: Session, holder: str, fence: int) -> None:
    """Give the clock back before its time, so that a restart need not wait. Does nothing when it was lost already."""
    session.connection().execute(
        update(_lease)
        .where(_lease.c.name == CLOCK, _lease.c.holder == holder, _lease.c.fence == fence)
        .values(holder="", until=0.0)
    )
