"""The ledger: chunks under lease. Attempts are in `digest.store.attempts`, story memory in `digest.store.memory`.

The promise (docs/design.md, section 5): for every edition and reader exactly once where the provider offers an
idempotency key, we are inside its lifetime and every recipient of the batch is still sendable; at most once otherwise;
never lost.

The life of a chunk, each arrow one committed transaction, and what a crash right after it leaves behind:

    planned -> leased        the lease runs out, another worker takes the chunk under the next fence; nothing was sent
    leased -> attempt open   the call may or may not have been made. The next holder finds the open attempt: with an
                             idempotency key inside its lifetime it repeats the very same batch under the same key,
                             otherwise the batch becomes `unknown` and is never sent again by itself
    (the provider's call)    not a transaction; its outcome is in doubt until it is settled, which is why the attempt
                             was made durable first
    attempt open -> settled  every reader's outcome is durable; the next holder goes on with the readers that are left
    leased -> planned, done  given back (to rest until `ready_at`), or finished

Rules that keep it so:

- every write of a worker goes through `hold`, which compares the fence and renews the lease in the same statement; a
  stale fence raises StaleFence and the transaction leaves no trace;
- lease times are database time, so that two machines' clocks cannot both be right;
- a delivery's state is written only when an attempt opens or settles, when a reader gives up the last topic of a mail
  that nobody has opened (`digest.store.narrow`), when the provider tells what became of one of which nobody knew
  (`digest.store.events.know`), and when an operator settles such a one or has a mail sent again
  (`digest.store.byhand`);
- no transaction is open while mails are composed or a provider is called;
- an edition is done when every delivery is terminal and their number is the frozen one, not when a cursor has passed.

SQLite and PostgreSQL run the same statements; FOR UPDATE and SKIP LOCKED exist on PostgreSQL only, where writers meet.
"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, or_, select, true, update
from sqlmodel import Session

from digest.errors import StaleFence
from digest.models import Chunk, Delivery, Edition
from digest.store.db import database_time
from digest.store.memory import MEMORY, memory_of
from digest.types import ChunkState, DeliveryState, Due, EditionState, Lease
from subscribers.sql import table

LEASE_SECONDS = 60.0
"""Longer than the slowest call to a provider (30 s, `digest.dispatch.calls`) plus composing one batch."""

TERMINAL = (DeliveryState.ACCEPTED, DeliveryState.REJECTED, DeliveryState.UNKNOWN, DeliveryState.SKIPPED)
"""States that a delivery leaves only by an explicit command or by what a provider tells us later."""

_log = logging.getLogger(__name__)
_chunk = table(Chunk)
_delivery = table(Delivery)
_edition = table(Edition)
_TERMINAL = [str(state) for state in TERMINAL]


def lease_chunk(
    session: Session, holder: str, seconds: float = LEASE_SECONDS, edition_id: int | None = None
) -> Lease | None:
    """Take the most urgent chunk that is ready or whose lease ran out, under the next fence; None when there is none.

    Only chunks of frozen editions that are not stopped (`digest.store.flow.stop`); lower `priority` first, then in
    order of planning; one edition's only when `edition_id` is given. Durable when the caller's transaction commits.
    """
    now = database_time(session)
    ready = and_(_chunk.c.state == ChunkState.PLANNED, _chunk.c.ready_at <= now)
    expired = and_(_chunk.c.state == ChunkState.LEASED, _chunk.c.until < now)
    first = (
        select(_chunk.c.id)
        .join(_edition, _edition.c.id == _chunk.c.edition_id)
        .where(_edition.c.state == EditionState.FROZEN, or_(ready, expired), _only(edition_id))
        .order_by(_edition.c.priority, _chunk.c.id)
        .limit(1)
        .with_for_update(of=_chunk, skip_locked=True)
    )
    row = (
        session.connection()
        .execute(
            update(_chunk)
            .where(_chunk.c.id == first.scalar_subquery())
            .values(state=ChunkState.LEASED, fence=_chunk.c.fence + 1, holder=holder, until=now + seconds)
            .returning(_chunk.c.id, _chunk.c.edition_id, _chunk.c.fence)
        )
        .one_or_none()
    )
    return None if row is None else Lease(row.id, row.edition_id, row.fence)


def _only(edition_id: int | None) -> ColumnElement[bool]:
    """Of one edition, or of any; never of one that was stopped."""
    return and_(_edition.c.stopped_at.is_(None), _edition.c.id == edition_id if edition_id is not None else true())


def overtaken(session: Session, lease: Lease) -> bool:
    """Whether a more urgent edition has a chunk that can be leased now: somebody waits for a confirmation, say.

    Asked from the editions, of which few are frozen, not from their chunks. Reads only.
    """
    mine = select(_edition.c.priority).where(_edition.c.id == lease.edition_id).scalar_subquery()
    ready = and_(_chunk.c.state == ChunkState.PLANNED, _chunk.c.ready_at <= database_time(session))
    urgent = select(_edition.c.id).where(
        _edition.c.state == EditionState.FROZEN,
        _edition.c.priority < mine,
        _edition.c.stopped_at.is_(None),
        select(_chunk.c.id).where(_chunk.c.edition_id == _edition.c.id, ready).exists(),
    )
    return session.connection().execute(urgent.limit(1)).first() is not None


def next_ready(session: Session, edition_id: int | None = None) -> float | None:
    """Seconds until some chunk of a frozen edition can be leased (0 when one can be now); None when all are done."""
    at = case((_chunk.c.state == ChunkState.LEASED, _chunk.c.until), else_=_chunk.c.ready_at)
    query = (
        select(func.min(at))
        .join(_edition, _edition.c.id == _chunk.c.edition_id)
        .where(_edition.c.state == EditionState.FROZEN, _chunk.c.state != ChunkState.DONE, _only(edition_id))
    )
    earliest = session.connection().execute(query).scalar_one()
    return None if earliest is None else max(0.0, float(earliest) - database_time(session))


def hold(session: Session, lease: Lease, seconds: float) -> None:
    """Renew a lease for `seconds`, or raise StaleFence: the first statement of every transaction that writes under it.

    Until the transaction ends nobody else can take the chunk (PostgreSQL: the row is locked; SQLite: one writer).
    """
    held = session.connection().execute(
        update(_chunk)
        .where(_chunk.c.id == lease.chunk_id, _chunk.c.fence == lease.fence, _chunk.c.state == ChunkState.LEASED)
        .values(until=database_time(session) + seconds)
    )
    if held.rowcount != 1:
        raise StaleFence(f"chunk {lease.chunk_id} was taken over by another worker; nothing was written")


def due(session: Session, lease: Lease, limit: int) -> list[Due]:
    """The next readers of the chunk to compose for, with their story memory, at most `limit`; empty when none is ready.

    A delivery marked `alone` comes by itself, after all others. Reads only: whoever opens the attempt checks again.
    """
    connection = session.connection()
    edition = edition_facts(session, lease.edition_id)
    retry = and_(_delivery.c.state == DeliveryState.RETRY, _delivery.c.retry_at <= database_time(session))
    rows = connection.execute(
        select(
            _delivery.c.subscriber_id,
            _delivery.c.profile_id,
            _delivery.c.since,
            _delivery.c.due_at,
            _delivery.c.alone,
            _delivery.c.tries,
        )
        .where(_delivery.c.chunk_id == lease.chunk_id, or_(_delivery.c.state == DeliveryState.PLANNED, retry))
        .order_by(_delivery.c.alone, _delivery.c.subscriber_id)
        .limit(limit)
    ).all()
    together = [row for row in rows if not row.alone] or rows[:1]
    readers = [row.subscriber_id for row in together]
    memory = memory_of(session, readers, since=edition.planned_at - MEMORY, except_edition=lease.edition_id)
    return [
        Due(
            lease.edition_id,
            row.subscriber_id,
            row.profile_id,
            row.since,
            memory=memory.get(row.subscriber_id, {}),
            due_at=row.due_at,
            tries=row.tries,
        )
        for row in together
    ]


def edition_facts(session: Session, edition_id: int) -> Row[Any, Any]:
    """`kind` and `planned_at` of an edition: what an attempt needs to know about it."""
    return (
        session.connection()
        .execute(select(_edition.c.kind, _edition.c.planned_at).where(_edition.c.id == edition_id))
        .one()
    )


def close_chunk(session: Session, lease: Lease, pause: float = 0.0) -> ChunkState:
    """Give the chunk back: done when all its deliveries are terminal, otherwise planned.

    It rests for `pause` seconds, and at least until its earliest retry when nothing else in it is waiting. When it was
    the edition's last chunk and the counts match, the edition is done too. Raises StaleFence. Durable on commit.
    """
    hold(session, lease, 0.0)
    connection = session.connection()
    waiting = connection.execute(
        select(_delivery.c.state, func.count(), func.min(_delivery.c.retry_at))
        .where(_delivery.c.chunk_id == lease.chunk_id, _delivery.c.state.not_in(_TERMINAL))
        .group_by(_delivery.c.state)
    ).all()
    if waiting:
        state, ready_at = ChunkState.PLANNED, database_time(session) + pause if pause > 0 else 0.0
        if all(row[0] == DeliveryState.RETRY for row in waiting):
            ready_at = max(ready_at, min(row[2] or 0.0 for row in waiting))
    else:
        state, ready_at = ChunkState.DONE, 0.0
    connection.execute(
        update(_chunk).where(_chunk.c.id == lease.chunk_id).values(state=state, ready_at=ready_at, holder="", until=0.0)
    )
    if state == ChunkState.DONE:
        finish_edition(session, lease.edition_id)
    return state


def finish_edition(session: Session, edition_id: int) -> bool:
    """Mark a frozen edition done if every chunk is, every delivery is terminal and their number is the frozen one.

    Returns whether it is done now. Counts that do not match are logged and leave the edition frozen, in sight.
    """
    connection = session.connection()
    # Two workers finishing the last two chunks at once would each see the other's unfinished: one after the other.
    edition = connection.execute(
        select(_edition.c.state, _edition.c.frozen_count)
        .where(_edition.c.id == edition_id)
        .with_for_update(key_share=True)
    ).one()
    if edition.state != EditionState.FROZEN:
        return bool(edition.state == EditionState.DONE)
    open_chunks = select(func.count()).where(_chunk.c.edition_id == edition_id, _chunk.c.state != ChunkState.DONE)
    if connection.execute(open_chunks).scalar_one():
        return False
    counts = count_deliveries(session, edition_id)
    terminal = sum(counts.get(state, 0) for state in TERMINAL)
    if terminal != edition.frozen_count or sum(counts.values()) != terminal:
        _log.error(
            "edition %d: %d of %d deliveries are finished; left open", edition_id, terminal, edition.frozen_count
        )
        return False
    connection.execute(update(_edition).where(_edition.c.id == edition_id).values(state=EditionState.DONE))
    return True


def count_deliveries(session: Session, edition_id: int) -> dict[DeliveryState, int]:
    """How many deliveries of an edition are in which state; absent states have none."""
    rows = session.connection().execute(
        select(_delivery.c.state, func.count()).where(_delivery.c.edition_id == edition_id).group_by(_delivery.c.state)
    )
    return {DeliveryState(state): count for state, count in rows}


def unfinished(session: Session, kind: str) -> dict[int, int]:
    """Frozen editions of a kind that have deliveries waiting -> how many, oldest first."""
    rows = session.connection().execute(
        select(_delivery.c.edition_id, func.count())
        .join(_edition, _edition.c.id == _delivery.c.edition_id)
        .where(_edition.c.kind == kind, _edition.c.state == EditionState.FROZEN, _delivery.c.state.not_in(_TERMINAL))
        .group_by(_delivery.c.edition_id)
        .order_by(_delivery.c.edition_id)
    )
    return {row.edition_id: row[1] for row in rows}


def hurry(session: Session, edition_id: int) -> None:
    """Let what rests in an edition be tried again at once: an operator has mended what held it up.

    Chunks under lease and attempts in doubt stay as they are.
    """
    connection = session.connection()
    connection.execute(
        update(_chunk)
        .where(_chunk.c.edition_id == edition_id, _chunk.c.state == ChunkState.PLANNED)
        .values(ready_at=0.0)
    )
    connection.execute(
        update(_delivery)
        .where(_delivery.c.edition_id == edition_id, _delivery.c.state == DeliveryState.RETRY)
        .values(retry_at=0.0)
    )
