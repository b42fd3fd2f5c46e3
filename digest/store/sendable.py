"""Who may still be mailed, asked in the transaction that opens an attempt: nothing starts after an unsubscribe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session

from digest.models import Edition
from digest.store.narrow import WELCOME
from digest.store.staff import NOBODY, Staff
from subscribers import consent, roster
from subscribers.models import FreshLink, Subscriber, Suppression
from subscribers.sql import table
from subscribers.types import FINAL, wire_address

AddressHashes = Callable[[str], Sequence[bytes]]
"""An address -> every keyed hash under which it may have been suppressed (one for each signing key)."""

_subscriber, _suppression = table(Subscriber), table(Suppression)
_edition, _link = table(Edition), table(FreshLink)


GOODBYE = "system:goodbye:"
"""How the slots of the mails begin that confirm a leaving."""


def goodbye_slot(subscriber_id: int, mark: int) -> str:
    """The slot of the one mail that confirms the leaving of that mark (`consent.mark`)."""
    return f"{GOODBYE}{subscriber_id}-{mark}"


@dataclass(frozen=True, slots=True)
class Fate:
    reason: str
    """Empty when the reader may be mailed; else "left", "suppressed", "paused", or "cancelled" for what confirms a
    leaving that was taken back."""
    address: str


def sendable(
    session: Session, edition_id: int, readers: Sequence[int], address_hashes: AddressHashes, staff: Staff = NOBODY
) -> dict[int, Fate]:
    """Who of these readers may still get this edition, and at which address; their rows are locked in id order until
    the transaction ends. People of the house are among them by number (`staff`), whatever the edition is.

    A system mail (a confirmation, say; not a welcome) goes to a pending or paused reader too, but not to one who left,
    with one exception: an edition that names an account link of that very reader (`Edition.to_link`). Such a mail is
    planned only for who has left or is kept from digests already, when somebody who types that address asks for it,
    under the caps of everything that can be asked for. Without it nobody who left could see or erase what we hold. So
    nothing that a reader was to get as a reader starts after an unsubscribe; what starts was asked for after it.

    The mail that confirms a leaving is the reverse: it goes only to who has left, and only by the very leaving that its
    slot names, as long as they did nothing after it. There is one for each leaving, where the operator wants any
    (GOODBYE_MAIL).

    Nothing goes to an address suppressed for good (FINAL); other suppressions keep others from bringing an address
    back, not its owner. A pause keeps everything back that was planned before its end, even when it is over by now.
    """
    connection = session.connection()
    edition = _facts(session, edition_id)
    rows = {
        row.id: row
        for row in connection.execute(
            select(_subscriber.c.id, _subscriber.c.address, _subscriber.c.status, _subscriber.c.paused_until)
            .where(_subscriber.c.id.in_(readers))
            .order_by(_subscriber.c.id)
            .with_for_update(key_share=True)
        )
    }
    link = _link_of(session, edition)
    to = (
        {reader: row.address for reader, row in rows.items()} | _elsewhere(edition, link, readers) | _of(staff, readers)
    )
    hashes = {reader: list(address_hashes(address)) for reader, address in to.items() if address}
    suppressed = _suppressed(session, [each for several in hashes.values() for each in several])
    fates: dict[int, Fate] = {}
    for reader in readers:
        row, address = rows.get(reader), to.get(reader, "")
        reason = "" if reader in staff else "left"
        if row is not None and address:
            if edition.slot.startswith(GOODBYE):
                reason = _reason_of_goodbye(session, edition, reader, row.status)
            else:
                account = edition.kind == "system" and link is not None and link.purpose == "account"
                reason = _reason(edition, row.status, row.paused_until, account=account)
        if reason != "left" and not suppressed.isdisjoint(hashes[reader]):
            reason = "suppressed"
        fates[reader] = Fate(reason, wire_address(address))
    return fates


def _reason(edition: Row[Any, Any, Any, Any, Any], status: str, paused_until: datetime | None, *, account: bool) -> str:
    """Why a reader of this status may not be mailed; empty when they may. `account`: the mail brings a link that they
    asked for when they were no reader any more."""
    paused = "paused" if paused_until is not None and paused_until > edition.planned_at else ""
    if edition.slot.startswith(WELCOME):  # a digest in all but its kind
        return paused if status == "active" else "suppressed" if status == "suppressed" else "left"
    if edition.kind == "system":
        if status in ("active", "pending") or account:
            return ""
        return "suppressed" if status == "suppressed" else "left"
    if status != "active":
        return "suppressed" if status == "suppressed" else "left"
    return paused


def _reason_of_goodbye(session: Session, edition: Row[Any, Any, Any, Any, Any], reader: int, status: str) -> str:
    """Why the mail that confirms a leaving may not go to a reader of this status; empty when it may. "pending":
    somebody has typed the address since, who need not be the reader."""
    if status == "suppressed":
        return status
    mark = consent.leaving(session, reader) if status in ("left", "pending") else None
    return "" if mark is not None and edition.slot == goodbye_slot(reader, mark) else "cancelled"


def recipients(
    session: Session, edition_id: int, readers: Sequence[int], staff: Staff = NOBODY
) -> dict[int, tuple[str, str]]:
    """Number -> (address as providers take it, name) for a mail of this edition; any status counts. Staff has no name.

    Whoever is gone is left out, and where the edition goes to a link's address, everybody whose link is gone.
    """
    house = {number: (address, "") for number, address in _of(staff, readers).items()}
    people = roster.recipients(session, [each for each in readers if each > 0]) | house
    edition = _facts(session, edition_id)
    elsewhere = _elsewhere(edition, _link_of(session, edition), readers)
    found = {reader: (wire_address(elsewhere.get(reader, to)), name) for reader, (to, name) in people.items()}
    return {reader: person for reader, person in found.items() if person[0]}


def _of(staff: Staff, readers: Sequence[int]) -> dict[int, str]:
    return {number: staff[number] for number in readers if number in staff}


def _facts(session: Session, edition_id: int) -> Row[Any, Any, Any, Any, Any]:
    columns = (_edition.c.kind, _edition.c.slot, _edition.c.planned_at, _edition.c.to_link, _edition.c.to_former)
    return session.connection().execute(select(*columns).where(_edition.c.id == edition_id)).one()


def _link_of(session: Session, edition: Row[Any, Any, Any, Any, Any]) -> Row[Any] | None:
    """The fresh link that an edition names; None when it names none, or when that is gone."""
    if edition.to_link is None:
        return None
    return session.connection().execute(select(_link).where(_link.c.id == edition.to_link)).one_or_none()


def _elsewhere(edition: Row[Any, Any, Any, Any, Any], link: Row[Any] | None, readers: Sequence[int]) -> dict[int, str]:
    """Where a mail goes that names a link, instead of the reader's own address: to the link's. Empty, so that it goes
    nowhere, for a link that is gone or another's. An account link goes to its reader's own address."""
    if edition.to_link is None:
        return {}
    nowhere = {reader: "" for reader in readers if link is None or link.subscriber_id != reader}
    if link is None or link.purpose == "account":
        return nowhere
    return nowhere | {link.subscriber_id: link.former if edition.to_former else link.address}


def _suppressed(session: Session, hashes: Sequence[bytes]) -> set[bytes]:
    query = select(_suppression.c.address_hash).where(
        _suppression.c.address_hash.in_(hashes), _suppression.c.reason.in_(FINAL)
    )
    return set(session.connection().execute(query).scalars())
