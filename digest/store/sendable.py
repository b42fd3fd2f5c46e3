"""Who may still be mailed, asked in the transaction that opens an attempt: nothing starts after an unsubscribe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session

from subscribers.models import Subscriber, Suppression
from subscribers.sql import table
from subscribers.types import wire_address

AddressHashes = Callable[[str], Sequence[bytes]]
"""An address -> every keyed hash under which it may have been suppressed (one for each signing key)."""

_subscriber = table(Subscriber)
_suppression = table(Suppression)


@dataclass(frozen=True, slots=True)
class Fate:
    reason: str
    """Empty when the reader may be mailed; else "left" or "suppressed"."""
    address: str


def sendable(session: Session, readers: Sequence[int], kind: str, address_hashes: AddressHashes) -> dict[int, Fate]:
    """Who of these readers may still be mailed, their rows locked in id order until the transaction ends.

    A system mail (a confirmation, say) goes to a pending reader too, but never to one who left or is suppressed.
    """
    connection = session.connection()
    allowed = ("active", "pending") if kind == "system" else ("active",)
    rows = {
        row.id: row
        for row in connection.execute(
            select(_subscriber.c.id, _subscriber.c.address, _subscriber.c.status)
            .where(_subscriber.c.id.in_(readers))
            .order_by(_subscriber.c.id)
            .with_for_update(key_share=True)
        )
    }
    hashes = {reader: list(address_hashes(row.address)) for reader, row in rows.items()}
    asked = [each for several in hashes.values() for each in several]
    suppressed = set(
        connection.execute(select(_suppression.c.address_hash).where(_suppression.c.address_hash.in_(asked))).scalars()
    )
    fates: dict[int, Fate] = {}
    for reader in readers:
        row = rows.get(reader)
        if row is None:
            fates[reader] = Fate("left", "")
        elif row.status == "suppressed" or not suppressed.isdisjoint(hashes[reader]):
            fates[reader] = Fate("suppressed", wire_address(row.address))
        else:
            fates[reader] = Fate("" if row.status in allowed else "left", wire_address(row.address))
    return fates
