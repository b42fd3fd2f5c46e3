"""Mails to the people who run the house, in the same ledger as mails to readers.

They are no subscribers: in the ledger they have **negative** numbers, made of a keyed hash of their address
(`number_of`), and no row anywhere else. So no number is ever a reader's, none passes to another person when the setting
is written in another order, and no address is stored; it is looked up in the settings when a mail is composed and again
when its attempt opens (`digest.store.sendable`). Who was taken out of the settings by then is "left".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, insert
from sqlmodel import Session

from digest.models import Chunk, Delivery
from subscribers.sql import table

Staff = Mapping[int, str]
"""Number -> address: whom mails of the house may go to."""
NOBODY: Staff = {}

_delivery, _chunk = table(Delivery), table(Chunk)


def number_of(address_hash: bytes) -> int:
    """The number under which an address of the house stands in the ledger: below zero, of 47 bits of its keyed hash, so
    that two of ten addresses share one once in 3,000,000,000,000 houses."""
    return -1 - (int.from_bytes(address_hash[:6], "big") >> 1)


def staff_of(addresses: Sequence[str], address_hashes: Callable[[str], Sequence[bytes]]) -> Staff:
    """Every number of these addresses: one for each signing key, since a mail may have been planned under an older."""
    return {number_of(each): address for address in addresses for each in address_hashes(address)}


def to_readers() -> ColumnElement[bool]:
    """That a delivery is to a reader."""
    return _delivery.c.subscriber_id > 0


def plan_staff(session: Session, edition_id: int, numbers: Sequence[int], profile_id: int, planned_at: datetime) -> int:
    """Write the deliveries of an edition to the house, all in one chunk; how many. The caller has just opened the
    edition in this transaction. Durable when that commits."""
    connection = session.connection()
    chunk = insert(_chunk).values(edition_id=edition_id, state="planned", fence=0, holder="", until=0.0, ready_at=0.0)
    chunk_id = connection.execute(chunk.returning(_chunk.c.id)).scalar_one()
    rows = [
        {
            "edition_id": edition_id,
            "subscriber_id": number,
            "chunk_id": chunk_id,
            "profile_id": profile_id,
            "since": planned_at,
            "state": "planned",
            "alone": False,
            "tries": 0,
        }
        for number in sorted(set(numbers))
    ]
    connection.execute(insert(_delivery), rows)
    return len(rows)
