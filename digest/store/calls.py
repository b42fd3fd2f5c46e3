"""Calls with an idempotency key, and what they were answered: a repeat gets the first answer and stores nothing.

Crash semantics (draft-ietf-httpapi-idempotency-key-header-07, 2.6 and 2.7). `begin` makes a row in a transaction of its
own: the call is in flight. `finish` keeps the answer in the very transaction that stores the articles. So after a crash
there is a row in flight and nothing stored, or everything. A row in flight whose process died is taken over by a repeat
after DEAD_AFTER. The time at which a call began is its fence: a process that was only slow, and whose call was taken
over, finds another time there and stores nothing. Clocks that differ between machines can therefore make a repeat wait
or come early, and nothing worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, tuple_, update
from sqlmodel import Session

from digest.errors import StaleFence
from digest.models import ApiCall
from subscribers.sql import insert_new, table

DEAD_AFTER = timedelta(minutes=2)
"""A call of 1,000 articles and 4.5 MB takes a second (measured on two shared cores: 0.8 s on SQLite, 1.2 s on
PostgreSQL; the first one 1.5 s), and waits for SQLite's lock at most twice before (`db.BUSY_SECONDS`). What takes two
minutes is dead."""
KEPT = timedelta(hours=24)
"""For how long an answer is kept at least, as with Stripe, from whose API the header comes
(https://docs.stripe.com/api/idempotent_requests)."""
PRUNED = 20
"""Rows that one call deletes at most: more than the one it makes, so old ones become fewer, and no call is slow."""

_call = table(ApiCall)


@dataclass(frozen=True, slots=True)
class Begun:
    """The caller's transaction made the call; nobody else has it in hand."""

    key_id: int
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Finished:
    """The call was made before; this is what it was answered."""

    status: int
    response: str


@dataclass(frozen=True, slots=True)
class InFlight:
    """The call is being made, or was until its process died."""

    retry_after: int
    """Seconds until it counts as dead."""


@dataclass(frozen=True, slots=True)
class OtherBody:
    """The idempotency key was used for another body."""


def begin(
    session: Session, key_id: int, name: str, body_hash: str, *, now: datetime
) -> Begun | Finished | InFlight | OtherBody:
    """Begin the call `name` of an API key, or tell what became of it. Durable when the caller's transaction commits."""
    connection = session.connection()
    values = {"key_id": key_id, "name": name, "body_hash": body_hash, "at": now, "status": 0, "response": ""}
    if insert_new(connection, _call, values):
        return Begun(key_id, name, now)
    found = connection.execute(select(_call).where(_call.c.key_id == key_id, _call.c.name == name)).one_or_none()
    if found is None:  # given up or pruned this very moment: a repeat finds the way free
        return InFlight(1)
    if found.body_hash != body_hash:
        return OtherBody()
    if found.status:
        return Finished(found.status, found.response)
    left = found.at + DEAD_AFTER - now
    if left > timedelta(0):
        return InFlight(max(1, round(left.total_seconds())))
    taken = connection.execute(update(_call).where(*_is(Begun(key_id, name, found.at))).values(at=now)).rowcount
    return Begun(key_id, name, now) if taken else InFlight(round(DEAD_AFTER.total_seconds()))


def finish(session: Session, call: Begun, status: int, response: str) -> None:
    """Keep the answer. Raises StaleFence when the call was taken over: the transaction must leave no trace then."""
    kept = session.connection().execute(update(_call).where(*_is(call)).values(status=status, response=response))
    if kept.rowcount != 1:
        raise StaleFence("the call took so long that a repeat of it has taken over; nothing was stored")


def give_up(session: Session, call: Begun) -> None:
    """Forget a call that stored nothing, so that it can be repeated at once; one that was taken over stays."""
    session.connection().execute(delete(_call).where(*_is(call)))


def prune(session: Session, *, now: datetime, most: int = PRUNED) -> int:
    """Delete calls that are older than KEPT, the oldest first; how many."""
    old = select(_call.c.key_id, _call.c.name).where(_call.c.at < now - KEPT).order_by(_call.c.at).limit(most)
    # Skipping what another one has in hand: two who prune at once must not wait for each other.
    rows = session.connection().execute(old.with_for_update(skip_locked=True)).all()
    if not rows:
        return 0
    named = tuple_(_call.c.key_id, _call.c.name).in_([(row.key_id, row.name) for row in rows])
    return session.connection().execute(delete(_call).where(named)).rowcount


def _is(call: Begun) -> tuple[ColumnElement[bool], ...]:
    return (_call.c.key_id == call.key_id, _call.c.name == call.name, _call.c.at == call.at, _call.c.status == 0)
