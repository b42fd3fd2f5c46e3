"""The verbs on readers. Every function works inside the caller's transaction: durable when that commits.

Statuses of a reader: pending (never confirmed, or came back and has not confirmed yet), active, left, suppressed.
`next_due_at` is set exactly while a reader is active and has a topic.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from subscribers import consent
from subscribers.cadence import check_minute, next_due, parse, zone
from subscribers.errors import BadAddress, BadChoice, HasLeft, NotConfirmable, UnknownTopic
from subscribers.listing import show_number, topics_of
from subscribers.models import Subscriber, Subscription
from subscribers.profiles import settle
from subscribers.sql import insert_new, slices, table
from subscribers.suppressions import AddressHashes, is_final, lift, why_suppressed
from subscribers.topics import TOPIC, find_topics
from subscribers.types import (
    FINAL,
    FORMATS,
    Asked,
    Confirmed,
    OwnTopic,
    ReaderRow,
    SignUp,
    Standing,
    TopicRow,
    address_key,
    check_address,
    clean_name,
    wire_address,
)

SUBSCRIBER, SUBSCRIPTION = table(Subscriber), table(Subscription)

MAX_STORIES = 12
"""What a new reader gets until they choose otherwise."""


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody on the roster."""

    subscriber_id: int
    address: str
    """As typed."""
    status: str
    locale: str


def sign_up(
    session: Session, asked: SignUp, *, now: datetime, hashes: Sequence[bytes], asked_at: datetime | None = None
) -> Asked:
    """Note what somebody asked for; it takes effect with `confirm`. `hashes` are the Keyring's for this address.

    A reader who is active keeps every choice (anybody can type an address into a form): only the new topics wait for
    confirmation. Who never confirmed gets the newest choices, and all topics asked for wait; who left starts afresh.
    Name and spelling of the address stay those of whoever confirmed once: they may take a leaving back within a day.
    An address that is suppressed for good stays so and nothing is written; nor is it for who has left since `asked_at`,
    where what was asked had to wait for us: the leaving is what they wanted last. Raises RosterError (BadAddress,
    UnknownTopic for private topics too, CadenceError) before anything is written.
    """
    address = check_address(asked.address)
    choices = _choices(asked)
    topics = _wanted(session, asked.topics, public_only=True)
    if is_final(session, hashes):
        return Asked(None)
    connection = session.connection()
    row, is_new = _row_of(session, address, choices, now)
    # Once more, now that the row is ours: on PostgreSQL another transaction may have come in between.
    overtaken = asked_at is not None and row.status == "left" and _left_after(session, row.id, asked_at)
    if row.status == "suppressed" or overtaken or is_final(session, hashes):
        if is_new:
            connection.execute(delete(SUBSCRIBER).where(SUBSCRIBER.c.id == row.id))
        return Asked(None)
    if row.status != "active" and not is_new:
        connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == row.id).values(_afresh(row, address, choices)))
        if row.status == "left":
            connection.execute(delete(SUBSCRIPTION).where(SUBSCRIPTION.c.subscriber_id == row.id))
    _subscribe(session, row.id, topics, "pending")
    consent.log(
        connection,
        row.id,
        now,
        "asked",
        [topic.slug for topic in topics],
        form=asked.form,
        wording=asked.wording,
        source=asked.source,
        network=asked.network,
    )
    return Asked(row.id, tuple(pending_topics(session, row.id)), is_new, row.status == "active")


def _left_after(session: Session, subscriber_id: int, moment: datetime) -> bool:
    last = consent.last_deed(session, subscriber_id)
    return last is not None and last.action == "left" and last.at > moment


def _afresh(row: Row[Any], address: str, choices: dict[str, Any]) -> dict[str, Any]:
    """The columns of somebody who asks again without being active. What a leaving needs to be taken back stays: name
    and address here, a pause until the next confirmation, all else in the profile that the leaving's line names."""
    fresh = {**choices, "address": address, "status": "pending", "next_due_at": None}
    if row.status == "left":
        fresh |= {"own_hours": False, "max_stories": MAX_STORIES, "all_quiet": False, "profile_id": None}
    if row.confirmed_at is not None:
        fresh |= {"name": row.name, "address": row.address}
    return fresh


def check_sign_up(session: Session, asked: SignUp) -> None:
    """Raises what `sign_up` would raise, whoever the address belongs to. Reads only."""
    check_address(asked.address)
    _choices(asked)
    _wanted(session, asked.topics, public_only=True)


def pending_topics(session: Session, subscriber_id: int) -> list[str]:
    """Names of the topics that a reader was asked to confirm, in order; empty for who has left or does not exist."""
    return [topic.name for topic in waiting(session, subscriber_id)]


def waiting(session: Session, subscriber_id: int) -> list[OwnTopic]:
    """The topics that a reader may confirm, in order; empty for who has left or does not exist. One that turned private
    meanwhile is offered no more."""
    query = (
        topics_of([subscriber_id], "pending")
        .add_columns(TOPIC.c.language)
        .join(SUBSCRIBER, SUBSCRIBER.c.id == SUBSCRIPTION.c.subscriber_id)
        .where(SUBSCRIBER.c.status.in_(("pending", "active")), TOPIC.c.public)
    )
    return [OwnTopic(row.slug, row.name, row.language) for row in session.connection().execute(query)]


def check_issued(session: Session, subscriber_id: int, issued: datetime) -> None:
    """Raises NotConfirmable for a confirmation link (made at `issued`, aware) that went to a former address."""
    query = select(SUBSCRIBER.c.links_from).where(SUBSCRIBER.c.id == subscriber_id)
    since = session.connection().execute(query).scalar_one_or_none()
    if since is not None and issued < since:
        raise NotConfirmable("the address has changed since this link was made; sign up again")


def confirm(
    session: Session,
    subscriber_id: int,
    *,
    now: datetime,
    address_hashes: AddressHashes,
    shown: Sequence[str] | None = None,
    issued: datetime | None = None,
    network: bytes | None = None,
) -> Confirmed:
    """The reader pressed the button: what waits becomes active. Again and again without harm.

    `shown` are the slugs that the page showed: what was asked for since then waits on (`Confirmed.more`). None is all
    that waits. `issued` is when the link was made (aware). Lifts what keeps others from bringing the address back
    ("erased", "left"). Raises NotConfirmable for who has left, was suppressed for good or is gone, for a link older
    than the address, and for who is no reader yet and saw nothing that still waits.
    """
    row = locked(session, subscriber_id)
    if row is None or row.status not in ("pending", "active"):
        raise NotConfirmable("there is nothing to confirm any more; sign up again to come back")
    if issued is not None:
        check_issued(session, subscriber_id, issued)
    there = waiting(session, subscriber_id)
    slugs = [each.slug for each in there if shown is None or each.slug in shown]
    more = tuple(each for each in there if each.slug not in slugs)
    is_first = row.status == "pending"
    if not slugs and is_first:
        raise NotConfirmable("what was asked for is not offered any more; sign up again")
    if not slugs:
        return replace(confirmed(session, subscriber_id, now, changed=False), more=more)
    hashes = address_hashes(row.address)
    if is_final(session, hashes):
        raise NotConfirmable("this address is kept from mail")
    lift(session, hashes)
    connection = session.connection()
    chosen = select(TOPIC.c.id).where(TOPIC.c.slug.in_(slugs))
    mine = update(SUBSCRIPTION).where(SUBSCRIPTION.c.subscriber_id == subscriber_id)
    connection.execute(mine.where(SUBSCRIPTION.c.topic_id.in_(chosen)).values(status="active"))
    values = {"status": "active", "confirmed_at": row.confirmed_at or now}
    if is_first:
        values["paused_until"] = None  # of who came back: a pause of the time before
    connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(values))
    consent.log(connection, subscriber_id, now, "confirmed", slugs, network=network)
    settle(session, subscriber_id, now=now)
    return replace(confirmed(session, subscriber_id, now, changed=True, is_first=is_first), more=more)


_LEAVING = (
    update(SUBSCRIBER)
    .where(SUBSCRIBER.c.id == bindparam("who"), SUBSCRIBER.c.status.in_(("pending", "active")))
    .values(status="left", next_due_at=None)
    .returning(SUBSCRIBER.c.profile_id)
)
"""Made once: putting a statement together takes as long as running it, and this one is asked for by the thousand."""


def unsubscribe(
    connection: Connection,
    subscriber_id: int,
    *,
    now: datetime,
    reason: str = "",
    note: str = "",
    network: bytes | None = None,
) -> int | None:
    """The reader leaves. The mark of the log's line, by which this very leaving can be taken back; None when nothing
    changed. `reason` is a short word for the log ("one-click").

    No error for who is gone or left before: leaving must always seem to work, because it has. Two statements, as the
    mailbox providers' POST must never wait.
    """
    gone = connection.execute(_LEAVING, {"who": subscriber_id}).one_or_none()
    if gone is None:
        return None
    return consent.log(
        connection, subscriber_id, now, "left", [], form=reason, note=note, network=network, profile_id=gone.profile_id
    )


def add(session: Session, asked: SignUp, *, now: datetime, hashes: Sequence[bytes]) -> ReaderRow:
    """An operator adds a reader, active at once; consent is logged as "added". An active reader only gains topics.

    Raises RosterError for bad values, and HasLeft for who left or is suppressed: an operator brings nobody back.
    """
    address = check_address(asked.address)
    choices = _choices(asked)
    topics = _wanted(session, asked.topics)
    _check_kept_out(session, address, hashes)
    row, _ = _row_of(session, address, choices, now)
    # Once more, now that the row is ours: on PostgreSQL an erasure may have come in between.
    _check_kept_out(session, address, hashes)
    if row.status in ("left", "suppressed") or (row.status == "pending" and row.confirmed_at is not None):
        # Pending and confirmed once: they left, and somebody typed their address since, perhaps not themselves.
        raise HasLeft(f"{address} has left; only the reader can come back, by signing up again")
    if row.status == "pending":
        fresh = {**choices, "status": "active", "confirmed_at": now}
        session.connection().execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == row.id).values(fresh))
    _subscribe(session, row.id, topics, "active")
    slugs = [topic.slug for topic in topics]
    consent.log(session.connection(), row.id, now, "added", slugs, form=asked.form, source=asked.source)
    settle(session, row.id, now=now)
    return show_number(session, row.id)


def _check_kept_out(session: Session, address: str, hashes: Sequence[bytes]) -> None:
    why = why_suppressed(session, hashes)
    if why in FINAL:
        raise HasLeft(f"{address} is suppressed ({why}) and must not be mailed again")
    if why is not None:
        raise HasLeft(f"{address} is kept out ({why}); only the reader can come back, by signing up again")


def look_up(session: Session, address: str) -> Known | None:
    """Whoever has this address, whatever its case; None for nobody and for what is no address."""
    try:
        key = address_key(check_address(address))
    except BadAddress:
        return None
    return _known(session, SUBSCRIBER.c.address_key == key)


def known(session: Session, subscriber_id: int) -> Known | None:
    """Whoever has this number."""
    return _known(session, SUBSCRIBER.c.id == subscriber_id)


def standing(session: Session, subscriber_id: int) -> Standing:
    """Whether a reader gets digests, has yet to confirm, or gets none any more. Reads only."""
    found = known(session, subscriber_id)
    if found is None or found.status not in ("active", "pending"):
        return Standing("gone")
    return Standing("active" if found.status == "active" else "pending", found.locale)


def _known(session: Session, whose: Any) -> Known | None:
    columns = (SUBSCRIBER.c.id, SUBSCRIBER.c.address, SUBSCRIBER.c.status, SUBSCRIBER.c.locale)
    row = session.connection().execute(select(*columns).where(whose)).one_or_none()
    return None if row is None else Known(*row)


def recipients(session: Session, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Subscriber id -> (address as providers take it, name). Whoever is gone is left out; any status counts."""
    found: dict[int, tuple[str, str]] = {}
    for portion in slices(ids):
        query = select(SUBSCRIBER.c.id, SUBSCRIBER.c.address, SUBSCRIBER.c.name).where(SUBSCRIBER.c.id.in_(portion))
        for row in session.connection().execute(query):
            found[row.id] = (wire_address(row.address), row.name)
    return found


def locked(session: Session, subscriber_id: int) -> Row[tuple[Any, ...]] | None:
    """A reader's row, nobody else's to change until the transaction ends; None when there is none."""
    query = select(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).with_for_update()
    return session.connection().execute(query).one_or_none()


def _choices(asked: SignUp) -> dict[str, Any]:
    """The columns a SignUp decides, checked. Raises CadenceError, BadChoice."""
    parse(asked.cadence)
    zone(asked.timezone)
    if asked.format not in FORMATS:
        raise BadChoice(f"{asked.format[:20]!r} is no format; it is {' or '.join(FORMATS)}")
    return {
        "name": clean_name(asked.name),
        "locale": asked.locale[:16],
        "timezone": asked.timezone,
        "cadence": asked.cadence,
        "send_minute": check_minute(asked.send_minute),
        "format": asked.format,
    }


def _wanted(session: Session, slugs: Sequence[str], *, public_only: bool = False) -> list[TopicRow]:
    if not slugs:
        raise UnknownTopic("no topic was named; at least one is needed")
    return find_topics(session, slugs, public_only=public_only)


def _row_of(session: Session, address: str, choices: dict[str, Any], now: datetime) -> tuple[Row[Any], bool]:
    """The row of an address, made when there is none, locked; and whether it is new.

    The lock makes parallel sign-ups of one address queue up on PostgreSQL; SQLite has one writer anyway. Somebody who
    was there when we inserted may be erased before the lock is ours: then the address is free, and we insert again.
    """
    connection = session.connection()
    key = address_key(address)
    values = {"address": address, "address_key": key, "created_at": now, "status": "pending"}
    found = select(SUBSCRIBER).where(SUBSCRIBER.c.address_key == key).with_for_update()
    while True:
        is_new = insert_new(connection, SUBSCRIBER, {**values, "max_stories": MAX_STORIES, **choices}) == 1
        row = connection.execute(found).one_or_none()
        if row is not None:
            return row, is_new


def _subscribe(session: Session, subscriber_id: int, topics: Sequence[TopicRow], status: str) -> None:
    """Append topics to a reader's order. What the reader has already keeps its place; "active" also settles pending."""
    connection = session.connection()
    mine = SUBSCRIPTION.c.subscriber_id == subscriber_id
    last = connection.execute(select(func.max(SUBSCRIPTION.c.position)).where(mine)).scalar()
    start = -1 if last is None else last
    rows = [
        {"subscriber_id": subscriber_id, "topic_id": topic.id, "position": start + step, "status": status}
        for step, topic in enumerate(topics, 1)
    ]
    insert_new(connection, SUBSCRIPTION, rows)
    if status == "active":
        ids = [topic.id for topic in topics]
        connection.execute(update(SUBSCRIPTION).where(mine, SUBSCRIPTION.c.topic_id.in_(ids)).values(status=status))


def confirmed(
    session: Session, subscriber_id: int, now: datetime, *, changed: bool, is_first: bool = False
) -> Confirmed:
    """A reader as a page tells it. Without a topic, the time named is when one would come."""
    connection = session.connection()
    row = connection.execute(select(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id)).one()
    names = tuple(each.name for each in connection.execute(topics_of([subscriber_id], "active")))
    due = row.next_due_at or next_due(row.cadence, row.send_minute, row.timezone, after=now)
    return Confirmed(subscriber_id, names, due, row.timezone, row.locale, changed, is_first)
