"""Addresses kept from mail, known only by keyed hashes (`Keyring.address_hashes`: one for each key, newest first).

A reason in FINAL holds against everybody. "erased" and "left" hold against everybody but the address's owner, who comes
back by signing up and confirming; the pages therefore ask `is_final`, operators and imports `why_suppressed`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from subscribers.models import Subscriber, Suppression
from subscribers.sql import table, upsert
from subscribers.types import FINAL

AddressHashes = Callable[[str], Sequence[bytes]]
"""An address -> every keyed hash under which it may have been suppressed."""

SUBSCRIBER, SUPPRESSION = table(Subscriber), table(Suppression)


def suppress(
    session: Session, address_hash: bytes, *, reason: str, now: datetime, subscriber_id: int | None = None
) -> None:
    """Never mail this address again. The reader's row follows when it is named.

    A final reason ("bounced", "complained") replaces another; whatever is there stays against one that is not final.
    """
    upsert(
        session.connection(),
        SUPPRESSION,
        {"address_hash": address_hash, "reason": reason[:32], "at": now},
        key=["address_hash"],
        changes=lambda new: {"reason": new.reason, "at": new.at},
        only=lambda new: SUPPRESSION.c.reason.not_in(FINAL) & new.reason.in_(FINAL),
    )
    if subscriber_id is not None:
        values = {"status": "suppressed", "next_due_at": None}
        session.connection().execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(values))


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
