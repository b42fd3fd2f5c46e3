"""What only the holder of a mailbox may do: see what we hold, take it out, change the address, be erased.

The way in is a fresh link, mailed to the address on file: it works once, within 30 minutes, and the page it opens works
for 30 minutes more. A move needs a second one, mailed to the new address. Everything works inside the caller's
transaction: durable when that commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, exc, func, insert, literal, select, update
from sqlalchemy.orm import Session

from subscribers import asks, consent, roster
from subscribers.errors import AddressTaken, LinkUsed, UnknownReader
from subscribers.models import Consent, FreshLink, Subscriber, Subscription, Vote
from subscribers.sql import slices, table
from subscribers.suppressions import AddressHashes, is_final, lift, suppress
from subscribers.topics import TOPIC
from subscribers.types import (
    Account,
    Confirmed,
    ConsentRow,
    Mailing,
    Stoppable,
    address_key,
    check_address,
    clean_name,
)

LINK, SUBSCRIBER = table(FreshLink), table(Subscriber)

FRESH_WITHIN = timedelta(minutes=30)
"""How long an account link waits to be opened, and how long the page that it opens works."""
MOVE_WITHIN = timedelta(hours=24)
"""How long a move waits for the new address: somebody may have to walk to another machine."""
LINKS_KEPT = timedelta(days=30)
"""What was mailed and when is of use for a while, to whoever asks what happened to their address."""


@dataclass(frozen=True, slots=True)
class Move:
    """A change of address that waits to be confirmed."""

    link_id: int
    address: str
    """The new one, as typed."""
    former: str
    """The one on file; its holder is told and may stop the move."""
    mail_new: bool
    """Whether the new address may be mailed: it is nobody else's and not suppressed for good."""


# --- fresh links ------------------------------------------------------------------------------------------------------


def make_fresh(session: Session, subscriber_id: int, *, now: datetime) -> int:
    """The number of a new account link, to be mailed to the address on file."""
    return _make(session, subscriber_id, "account", now)


def _make(session: Session, subscriber_id: int, purpose: str, now: datetime, **more: str) -> int:
    connection = session.connection()
    old = delete(LINK).where(LINK.c.subscriber_id == subscriber_id, LINK.c.at < now - LINKS_KEPT)
    connection.execute(old)
    values = {"subscriber_id": subscriber_id, "purpose": purpose, "at": now, "address": "", "former": "", **more}
    return int(connection.execute(insert(LINK).values(values).returning(LINK.c.id)).scalar_one())


def is_fresh(session: Session, subscriber_id: int, link_id: int, *, now: datetime) -> bool:
    """Whether an account link still waits to be opened. Reads only."""
    since = now - FRESH_WITHIN
    waits = _waits(session, subscriber_id, link_id, "account", since)
    return waits and not _opened_after(session, subscriber_id, link_id)


def open_fresh(session: Session, subscriber_id: int, link_id: int, *, now: datetime) -> None:
    """Use an account link up; with it every older one is void, and so is every page that an older one opened. Raises
    LinkUsed when it was used, is void or older than 30 minutes, or was never made."""
    if _opened_after(session, subscriber_id, link_id):
        raise LinkUsed("a newer link was opened since; have a fresh one mailed")
    _use(session, subscriber_id, link_id, "account", now, FRESH_WITHIN)


def check_opened(session: Session, subscriber_id: int, link_id: int, *, now: datetime) -> None:
    """Raises LinkUsed unless this account link was opened within 30 minutes, and no newer one was. Reads only."""
    link = _link(session, subscriber_id, link_id, "account")
    if link is None or link.used_at is None or now - link.used_at > FRESH_WITHIN:
        raise LinkUsed("this page was open for more than 30 minutes; have a fresh link mailed")
    if _opened_after(session, subscriber_id, link_id):
        raise LinkUsed("a newer link was opened since; have a fresh one mailed")


def close_opened(session: Session, subscriber_id: int, link_id: int) -> None:
    """End the page of an account link. Older ones go with it, which must not come back to life. No error when it is
    gone."""
    mine = (LINK.c.subscriber_id == subscriber_id, LINK.c.purpose == "account", LINK.c.id <= link_id)
    session.connection().execute(delete(LINK).where(*mine))


def _opened_after(session: Session, subscriber_id: int, link_id: int) -> bool:
    """Whether a newer account link of this reader was opened: of two pages the newest link's counts, whichever was
    opened last, so that nobody who took an old mail holds a page beside the reader's own."""
    mine = (LINK.c.subscriber_id == subscriber_id, LINK.c.purpose == "account", LINK.c.used_at.is_not(None))
    query = select(LINK.c.id).where(*mine, LINK.c.id > link_id).limit(1)
    return session.connection().execute(query).first() is not None


def _waits(session: Session, subscriber_id: int, link_id: int, purpose: str, since: datetime) -> bool:
    link = _link(session, subscriber_id, link_id, purpose)
    return link is not None and link.used_at is None and link.at >= since


def _use(
    session: Session, subscriber_id: int, link_id: int, purpose: str, now: datetime, within: timedelta
) -> Row[Any]:  # fmt: skip
    """Compare and set: of two who press at once, one is served."""
    used = (
        update(LINK)
        .where(LINK.c.id == link_id, LINK.c.subscriber_id == subscriber_id, LINK.c.purpose == purpose)
        .where(LINK.c.used_at.is_(None), LINK.c.at >= now - within)
        .values(used_at=now)
        .returning(LINK.c.id, LINK.c.address, LINK.c.former)
    )
    row = session.connection().execute(used).one_or_none()
    if row is None:
        raise LinkUsed("this link was used before, or it is too old; have a fresh one mailed")
    return row


def _link(session: Session, subscriber_id: int, link_id: int, purpose: str) -> Row[Any] | None:
    query = select(LINK).where(LINK.c.id == link_id, LINK.c.subscriber_id == subscriber_id, LINK.c.purpose == purpose)
    return session.connection().execute(query).one_or_none()


# --- what the page shows ----------------------------------------------------------------------------------------------


def account(session: Session, subscriber_id: int, history: tuple[Mailing, ...], *, now: datetime) -> Account:
    """The account page. Raises LinkUsed for who is gone: the page was opened by somebody who was here."""
    row = session.connection().execute(select(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id)).one_or_none()
    if row is None:
        raise LinkUsed("this reader is not here any more")
    waiting = (
        select(LINK.c.address)
        .where(LINK.c.subscriber_id == subscriber_id, LINK.c.purpose == "move", LINK.c.used_at.is_(None))
        .where(LINK.c.at >= now - MOVE_WITHIN)
        .order_by(LINK.c.id.desc())
        .limit(1)
    )
    return Account(
        subscriber_id=subscriber_id,
        address=row.address,
        name=row.name,
        status=row.status,
        locale=row.locale,
        timezone=row.timezone,
        history=history,
        consents=_named(session, consent.consents(session, subscriber_id)),
        moving_to=session.connection().execute(waiting).scalar() or "",
    )


def _named(session: Session, lines: Sequence[ConsentRow]) -> tuple[ConsentRow, ...]:
    """The lines with each topic by its name; a topic that is gone keeps the slug that was logged."""
    names: dict[str, str] = {}
    for portion in slices(sorted({slug for line in lines for slug in line.topics})):
        query = select(TOPIC.c.slug, TOPIC.c.name).where(TOPIC.c.slug.in_(portion))
        names.update((row.slug, row.name) for row in session.connection().execute(query))
    return tuple(replace(line, topics=tuple(names.get(slug, slug) for slug in line.topics)) for line in lines)


def rename(session: Session, subscriber_id: int, name: str) -> None:
    """Set the name that greets, cleaned; empty takes it away. Raises UnknownReader."""
    changed = update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(name=clean_name(name))
    if session.connection().execute(changed).rowcount != 1:
        raise UnknownReader("this reader is not here any more")


# --- moving to another address ----------------------------------------------------------------------------------------


def make_move(
    session: Session, subscriber_id: int, address: str, *, now: datetime, address_hashes: AddressHashes
) -> Move | None:
    """Note that an active reader wants the digest at another address; an earlier move that waits is over. None for
    everybody else, and for the address that they have already.

    The address is mailed only if `mail_new`. The former one is told in any case: a reader who asked to move to somebody
    else's address would otherwise learn from its silence that they read too. Raises BadAddress.
    """
    new = check_address(address)
    row = roster.locked(session, subscriber_id)
    if row is None or row.status != "active" or row.address == new:
        return None
    _stop(session, subscriber_id, row.address, now)
    link_id = _make(session, subscriber_id, "move", now, address=new, former=row.address)
    other = roster.look_up(session, new)
    free = other is None or other.subscriber_id == subscriber_id or other.status in ("pending", "left")
    return Move(link_id, new, row.address, free and not is_final(session, address_hashes(new)))


def is_moving(session: Session, subscriber_id: int, link_id: int, *, now: datetime) -> bool:
    """Whether a move still waits to be confirmed. Reads only."""
    return _waits(session, subscriber_id, link_id, "move", now - MOVE_WITHIN)


def move(
    session: Session,
    subscriber_id: int,
    link_id: int,
    *,
    now: datetime,
    address_hashes: AddressHashes,
    network: bytes | None = None,
) -> Confirmed:
    """The new address proved itself: it is the reader's from now on, and every older link that steers is void.

    Somebody who asked for the digest at that address and never confirmed, or who left, was the holder of the same
    mailbox: that row goes. Raises LinkUsed, and AddressTaken for an active reader's address or one suppressed for good;
    the caller's transaction must then leave no trace.
    """
    waiting = _link(session, subscriber_id, link_id, "move")
    there = roster.look_up(session, waiting.address) if waiting is not None else None
    # In the order of their numbers, as the sender locks the readers of a batch: nobody waits for the other.
    rows = {each: roster.locked(session, each) for each in sorted({subscriber_id, there.subscriber_id if there else 0})}
    row = rows[subscriber_id]
    if row is None or row.status != "active":
        raise LinkUsed("this reader has left or is not here any more")
    link = _use(session, subscriber_id, link_id, "move", now, MOVE_WITHIN)
    hashes = address_hashes(link.address)
    if is_final(session, hashes):
        raise AddressTaken("this address is kept from mail")
    lift(session, hashes)
    other = roster.look_up(session, link.address)
    if other is not None and other.subscriber_id != subscriber_id:
        if other.status not in ("pending", "left"):
            raise AddressTaken("this address belongs to another reader by now")
        _delete(session, other.subscriber_id)
        asks.drop_in(session, asks.ForgetAsk(other.subscriber_id), now=now)
    values = {"address": link.address, "address_key": address_key(link.address), "links_from": now}
    try:
        session.connection().execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(values))
    except exc.IntegrityError:  # a sign-up of that address came in between
        raise AddressTaken("this address belongs to another reader by now") from None
    # Whoever held the old address may still have an account page open.
    session.connection().execute(delete(LINK).where(LINK.c.subscriber_id == subscriber_id, LINK.c.purpose == "account"))
    consent.log(session.connection(), subscriber_id, now, "moved", [], form="move", network=network)
    return roster.confirmed(session, subscriber_id, now, changed=True)


def stoppable(session: Session, subscriber_id: int, link_id: int, *, now: datetime) -> Stoppable:
    """What became of the move of this link, seen from the address that it leaves. Reads only."""
    link = _link(session, subscriber_id, link_id, "move")
    reader = roster.known(session, subscriber_id)
    if link is None or reader is None or not link.former:
        return "unknown"
    if address_key(reader.address) != address_key(link.former):
        return "moved"
    # A newer move away from the same address made this one void, and is stopped by its link as well (`stop_moves`).
    mine = (LINK.c.subscriber_id == subscriber_id, LINK.c.purpose == "move", LINK.c.former == link.former)
    query = select(LINK.c.id).where(*mine, LINK.c.used_at.is_(None), LINK.c.at >= now - MOVE_WITHIN).limit(1)
    return "stopped" if session.connection().execute(query).first() is None else "waits"


def stop_moves(session: Session, subscriber_id: int, link_id: int, *, now: datetime) -> None:
    """The holder of the old address does not want to move: every move away from it that waits is over, and so are the
    account pages through which it was asked. No error when it is too late or over."""
    if roster.locked(session, subscriber_id) is None:
        return
    link = _link(session, subscriber_id, link_id, "move")
    if link is None or not _stop(session, subscriber_id, link.former, now):
        return
    session.connection().execute(delete(LINK).where(LINK.c.subscriber_id == subscriber_id, LINK.c.purpose == "account"))


def _stop(session: Session, subscriber_id: int, former: str, now: datetime) -> bool:
    over = update(LINK).where(
        LINK.c.subscriber_id == subscriber_id,
        LINK.c.purpose == "move",
        LINK.c.former == former,
        LINK.c.used_at.is_(None),
    )
    return session.connection().execute(over.values(used_at=now)).rowcount > 0


# --- erasing ----------------------------------------------------------------------------------------------------------


def erase(session: Session, subscriber_id: int, *, now: datetime, address_hashes: AddressHashes) -> bool:
    """Delete everything about a reader: choices, topics, consent, links, what waits in the intake, and their address
    where another reader's move names it. A keyed hash stays, so that nobody but themselves brings the address back.
    False for who is gone."""
    found = roster.known(session, subscriber_id)
    if found is None:
        return False
    asks.forget(session, subscriber_id, found.address)
    row = roster.locked(session, subscriber_id)
    if row is None:
        return False
    suppress(session, address_hashes(row.address)[0], reason="erased", now=now)
    drop(session, subscriber_id)
    _blank(session, row.address_key, now)
    return True


def _blank(session: Session, key: str, now: datetime) -> None:
    """Take an address out of everybody's links. A move that still waits for it is over: there is nowhere to go."""
    connection = session.connection()
    moves = select(LINK.c.id, LINK.c.address, LINK.c.former).where((LINK.c.address != "") | (LINK.c.former != ""))
    for row in connection.execute(moves).all():
        named = {
            each: "" for each in ("address", "former") if (typed := row._mapping[each]) and address_key(typed) == key
        }
        if named:
            over = func.coalesce(LINK.c.used_at, literal(now, LINK.c.used_at.type))
            connection.execute(update(LINK).where(LINK.c.id == row.id).values(**named, used_at=over))


LINKS_SLICE = 500
"""Links deleted in one transaction."""


def drop_old_links(session: Session, *, now: datetime) -> int:
    """Delete links that are older than LINKS_KEPT, LINKS_SLICE at most; how many."""
    old = select(LINK.c.id).where(LINK.c.at < now - LINKS_KEPT).limit(LINKS_SLICE)
    gone = delete(LINK).where(LINK.c.id.in_(old)).execution_options(preserve_rowcount=True)
    return session.connection().execute(gone).rowcount


def drop(session: Session, subscriber_id: int) -> None:
    """Delete a reader's rows, and keep no hash: of who never confirmed nobody knows whether they ever asked."""
    _delete(session, subscriber_id)


def _delete(session: Session, subscriber_id: int) -> None:
    for model in (Subscription, Vote, Consent, FreshLink):
        each = table(model)
        session.connection().execute(delete(each).where(each.c.subscriber_id == subscriber_id))
    session.connection().execute(delete(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id))
