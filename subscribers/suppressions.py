"""Addresses kept from mail, known only by keyed hashes (`Keyring.address_hashes`: one for each key, newest first).

A reason in FINAL holds against everybody. "erased" and "left" hold against everybody but the address's owner, who comes
back by signing up and confirming; the pages therefore ask `is_final`, operators and imports `why_suppressed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.orm import Session

from subscribers.consent import clean_note, last_deed, log
from subscribers.models import Subscriber, Suppression, SuppressionChange
from subscribers.profiles import settle
from subscribers.sql import slices, table, upsert
from subscribers.types import FINAL

AddressHashes = Callable[[str], Sequence[bytes]]
"""An address -> every keyed hash under which it may have been suppressed."""

SUBSCRIBER, SUPPRESSION, CHANGE = table(Subscriber), table(Suppression), table(SuppressionChange)


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One suppression, as operators see it."""

    address_hash: bytes
    reason: str
    source: str
    note: str
    at: datetime


def suppress(
    session: Session,
    address_hash: bytes,
    *,
    reason: str,
    now: datetime,
    subscriber_id: int | None = None,
    source: str = "",
    note: str = "",
) -> None:
    """Never mail this address again. The reader's row follows when it is named. `source` is who said so.

    A final reason (FINAL) replaces another; whatever is there stays against one that is not final.
    """
    values = {"address_hash": address_hash, "reason": reason[:32], "source": source[:32], "note": note, "at": now}
    upsert(
        session.connection(),
        SUPPRESSION,
        values,
        key=["address_hash"],
        changes=lambda new: {"reason": new.reason, "source": new.source, "note": new.note, "at": new.at},
        only=lambda new: SUPPRESSION.c.reason.not_in(FINAL) & new.reason.in_(FINAL),
    )
    if subscriber_id is not None:
        gone = {"status": "suppressed", "next_due_at": None}
        session.connection().execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(gone))


def why_suppressed(session: Session, hashes: Sequence[bytes]) -> str | None:
    """The reason under one of the hashes of an address, a final one first; None when it is not suppressed."""
    query = select(SUPPRESSION.c.reason).where(SUPPRESSION.c.address_hash.in_(hashes))
    reasons = sorted(session.connection().execute(query).scalars(), key=lambda each: each not in FINAL)
    return reasons[0] if reasons else None


def is_final(session: Session, hashes: Sequence[bytes]) -> bool:
    """Whether not even the address's owner can come back."""
    return why_suppressed(session, hashes) in FINAL


def lift(session: Session, hashes: Sequence[bytes]) -> None:
    """The owner of the address came back: what is not final goes."""
    gone = delete(SUPPRESSION).where(SUPPRESSION.c.address_hash.in_(hashes), SUPPRESSION.c.reason.not_in(FINAL))
    session.connection().execute(gone)


# --- for operators ----------------------------------------------------------------------------------------------------


def find(session: Session, hashes: Sequence[bytes]) -> list[Suppressed]:
    """Those under the hashes of one address: more than one when it was suppressed under several keys."""
    return _rows(session, SUPPRESSION.c.address_hash.in_(hashes))


def listed(session: Session, *, reason: str | None = None, limit: int) -> list[Suppressed]:
    """The newest first, `limit` at most; of one reason only when it is given."""
    return _rows(session, *([SUPPRESSION.c.reason == reason] if reason else []), limit=limit)


def _rows(session: Session, *which: Any, limit: int | None = None) -> list[Suppressed]:
    query = select(SUPPRESSION).where(*which).order_by(SUPPRESSION.c.at.desc(), SUPPRESSION.c.address_hash).limit(limit)
    return [
        Suppressed(row.address_hash, row.reason, row.source, row.note, row.at)
        for row in session.connection().execute(query)
    ]


def addresses(session: Session, hashes_of: AddressHashes) -> Mapping[bytes, str]:
    """Hash -> address, of everybody on the roster who gets no mail: all that can be told of an address from its hash.
    Reads every such row."""
    query = select(SUBSCRIBER.c.address).where(SUBSCRIBER.c.status.in_(("left", "suppressed")))
    return {each: address for address in session.connection().execute(query).scalars() for each in hashes_of(address)}


def add_by_hand(
    session: Session, hashes: Sequence[bytes], row: Row[Any] | None, *, reason: str, note: str, now: datetime
) -> bool:
    """An operator keeps an address out, for `reason`, one of FINAL; False, and nothing done, when it is kept out for
    good already. `row` is the reader's, locked. Logged."""
    if is_final(session, hashes):
        return False
    note = clean_note(note)
    who = None if row is None else row.id
    suppress(session, hashes[0], reason=reason, now=now, subscriber_id=who, source="operator", note=note)
    _write(session, hashes[0], now, "added", reason, note)
    return True


def remove_by_hand(
    session: Session, hashes: Sequence[bytes], row: Row[Any] | None, *, note: str, now: datetime
) -> list[Suppressed]:
    """An operator lets an address in again, for a reason in words; what was there. Logged, in the reader's consents
    too.

    A reader goes on reading whose mail bounced, or whom an operator kept out. Who complained has left, and comes back
    only by signing up; so does everybody whose last word was to leave. `row` is the reader's, locked.
    """
    gone = find(session, hashes)
    session.connection().execute(delete(SUPPRESSION).where(SUPPRESSION.c.address_hash.in_(hashes)))
    note = clean_note(note)
    for each in gone:
        _write(session, each.address_hash, now, "removed", each.reason, note)
    if gone and row is not None and row.status == "suppressed":
        last = last_deed(session, row.id)
        has_left = last is not None and last.action == "left" and not last.topics
        status = "left" if has_left else "pending" if row.confirmed_at is None else "active"
        session.connection().execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == row.id).values(status=status))
        log(session.connection(), row.id, now, "let in", [], form="operator", note=note)
        if status == "active":
            settle(session, row.id, now=now)
    return gone


def readers_by_key(session: Session, keys: Sequence[str]) -> dict[str, int]:
    """Address key -> the reader's number, of those on the roster."""
    found: dict[str, int] = {}
    for portion in slices(sorted(set(keys))):
        query = select(SUBSCRIBER.c.address_key, SUBSCRIBER.c.id).where(SUBSCRIBER.c.address_key.in_(portion))
        found.update({row.address_key: row.id for row in session.connection().execute(query)})
    return found


def _write(session: Session, address_hash: bytes, now: datetime, action: str, reason: str, note: str) -> None:
    values = {"address_hash": address_hash, "at": now, "action": action, "reason": reason, "note": note}
    session.connection().execute(insert(CHANGE).values(values))
