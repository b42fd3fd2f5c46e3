"""What operators do to deliveries by hand: settle what nobody knew, send again what is wanted once more.

Each is one transaction of the caller's for each delivery: a crash in between leaves those that are done done, and the
same command takes the others. With each goes a line that says what was done and why (`digest.models.DeliveryChange`).

Both are compare-and-set on the state that the operator saw. When a webhook, a sender or another operator was faster,
ByThen is raised and nothing is written. The order of locks is chunk, reader, edition, delivery: that of the sender
(`attempts.open_attempt`), of webhooks and of erasing, who each take some of them.

Sending again is the ledger's own way: the delivery waits once more in its chunk, forgets its stories, as after any call
that sent nothing, and goes under a new attempt and a new key. So whoever has left or is kept from mail by then is left
out; stories that another mail told meanwhile are not told again; topics given up since are taken out. Where nobody knew
or the provider had refused, it waits as a retry: a provider that tells us before it goes that the first one arrived
still settles it (`events.know`). A mail that was accepted waits as if it had never been opened, since news of the first
one must not stop the second.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import case, func, insert, select, update
from sqlmodel import Session

from digest.errors import InputError
from digest.models import Chunk, Delivery, DeliveryChange, Edition
from digest.store.deliveries import state_of
from digest.store.narrow import narrow
from digest.store.sendable import AddressHashes, sendable
from digest.store.staff import NOBODY, Staff
from digest.types import ChunkState, DeliveryState, EditionState
from subscribers import consent, roster
from subscribers.sql import table

_delivery, _edition, _chunk, _change = table(Delivery), table(Edition), table(Chunk), table(DeliveryChange)

VERDICTS = (DeliveryState.ACCEPTED, DeliveryState.REJECTED)
"""What an operator may settle a delivery as."""
AGAIN = (DeliveryState.UNKNOWN, DeliveryState.REJECTED, DeliveryState.ACCEPTED)
"""States from which a mail may be sent again."""
REFUSALS = {
    "left": "has left",
    "suppressed": "is kept from mail; `digest suppressions list --address ADDRESS` says why",
    "paused": "pauses",
    "cancelled": "took back what this mail confirms",
}
"""Why a mail may not start (`sendable`), in words."""


class ByThen(InputError):
    """The delivery is not what it was when the operator looked."""


def settle(
    session: Session,
    edition_id: int,
    subscriber_id: int,
    to: DeliveryState,
    *,
    why: str,
    now: datetime,
    message_id: str = "",
) -> None:
    """Say what became of a mail of which nobody knew. Story memory follows: what is settled as rejected was not told.

    `message_id` is the provider's, where it is known and the delivery bears none. Durable when the caller's transaction
    commits. Raises InputError without such a delivery and ByThen when it is not unknown (any more).
    """
    roster.locked(session, subscriber_id)
    values: dict[str, Any] = {"state": str(to), "reason": None}
    if to is DeliveryState.REJECTED:
        values["reason"] = f"settled by the operator: {consent.clean_note(why)}"
    elif message_id:
        values["provider_message_id"] = func.coalesce(_delivery.c.provider_message_id, message_id)
    if not _moved(session, edition_id, subscriber_id, DeliveryState.UNKNOWN, values):
        found = state_of(session, edition_id, subscriber_id)
        under_way = found is DeliveryState.ATTEMPTING
        why_not = "its call is under way or will be repeated" if under_way else "only what is unknown can be settled"
        raise ByThen(f"the mail to reader {subscriber_id} in edition {edition_id} is {found}: {why_not}")
    _log(session, edition_id, subscriber_id, "settled", DeliveryState.UNKNOWN, to, why, now)


def send_again(
    session: Session,
    edition_id: int,
    subscriber_id: int,
    was: DeliveryState,
    *,
    why: str,
    now: datetime,
    address_hashes: AddressHashes,
    staff: Staff = NOBODY,
) -> None:
    """Let a mail wait to be sent once more. `was` is the state in which the operator saw it.

    Durable when the caller's transaction commits; whoever drains then sends it. Raises ByThen when it is in another
    state by now, and InputError when it may not be sent: in no state of AGAIN, to who has left, is kept from mail or
    pauses, of an edition that is not frozen, whose words are gone, or of which the reader has no topic left.
    """
    whose = f"the mail to reader {subscriber_id} in edition {edition_id}"
    if was not in AGAIN:
        raise InputError(f"{whose} is {was}: only what is unknown, rejected or accepted can be sent again")
    _open_chunk(session, edition_id, subscriber_id)
    fate = sendable(session, edition_id, [subscriber_id], address_hashes, staff)[subscriber_id]
    if fate.reason:
        raise InputError(f"{whose} is not sent again: the reader {REFUSALS[fate.reason]}")
    there = (_edition.c.id == edition_id, _edition.c.state != EditionState.PLANNING, _edition.c.blob.is_not(None))
    opened = update(_edition).where(*there).values(state=str(EditionState.FROZEN))
    if session.connection().execute(opened).rowcount != 1:
        raise InputError(f"{whose} cannot be sent again: what it said is not kept any more, or not written yet")
    waits = DeliveryState.PLANNED if was is DeliveryState.ACCEPTED else DeliveryState.RETRY
    values = {
        "state": str(waits),
        "retry_at": 0.0 if waits is DeliveryState.RETRY else None,
        "picks": None,
        "reason": None,
        "provider_message_id": None,
        # What was refused may harm a batch that it travels in.
        "alone": was is DeliveryState.REJECTED,
    }
    if not _moved(session, edition_id, subscriber_id, was, values):
        by_then = state_of(session, edition_id, subscriber_id)
        raise ByThen(f"{whose} is {by_then} by now, not {was}; nothing was done")
    narrow(session, subscriber_id)
    if state_of(session, edition_id, subscriber_id) is DeliveryState.SKIPPED:
        raise InputError(f"{whose} is not sent again: the reader has given up every topic of it")
    _log(session, edition_id, subscriber_id, "resent", was, waits, why, now)


def _open_chunk(session: Session, edition_id: int, subscriber_id: int) -> None:
    """Let the delivery's chunk be leased again, or stay leased. It is locked then: of us and the worker who closes it,
    the second sees what the first has done. Raises InputError when there is no such delivery."""
    state_of(session, edition_id, subscriber_id)
    mine = (_delivery.c.edition_id == edition_id, _delivery.c.subscriber_id == subscriber_id)
    chunk_id = select(_delivery.c.chunk_id).where(*mine).scalar_subquery()
    stays = case((_chunk.c.state == ChunkState.LEASED, _chunk.c.state), else_=str(ChunkState.PLANNED))
    session.connection().execute(update(_chunk).where(_chunk.c.id == chunk_id).values(state=stays, ready_at=0.0))


def _moved(session: Session, edition_id: int, subscriber_id: int, was: DeliveryState, values: dict[str, Any]) -> bool:
    done = session.connection().execute(
        update(_delivery)
        .where(
            _delivery.c.edition_id == edition_id,
            _delivery.c.subscriber_id == subscriber_id,
            _delivery.c.state == str(was),
        )
        .values(**values)
    )
    return done.rowcount == 1


def _log(
    session: Session,
    edition_id: int,
    subscriber_id: int,
    action: str,
    was: DeliveryState,
    became: DeliveryState,
    why: str,
    now: datetime,
) -> None:
    line = {
        "edition_id": edition_id,
        "subscriber_id": subscriber_id,
        "at": now,
        "action": action,
        "was": str(was),
        "became": str(became),
        "note": consent.clean_note(why),
    }
    session.connection().execute(insert(_change).values(line))
