"""The verbs on readers. Every function works inside the caller's transaction: durable when that commits.

Statuses of a reader: pending (never confirmed, or came back and has not confirmed yet), active, left, suppressed.
`next_due_at` is set exactly while a reader is active and has a topic.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.orm import Session

from subscribers.cadence import check_minute, next_due, parse, zone
from subscribers.errors import BadAddress, HasLeft, NotConfirmable, UnknownReader, UnknownTopic
from subscribers.models import Consent, Subscriber, Subscription, Suppression
from subscribers.profiles import intern_profile
from subscribers.sql import insert_new, slices, table
from subscribers.topics import TOPIC, find_topics, get_topic
from subscribers.types import (
    Asked,
    Confirmed,
    ConsentRow,
    ReaderRow,
    SignUp,
    TopicRow,
    address_key,
    check_address,
    clean_name,
    wire_address,
)

SUBSCRIBER, SUBSCRIPTION = table(Subscriber), table(Subscription)
CONSENT, SUPPRESSION = table(Consent), table(Suppression)

UNDO_WITHIN = timedelta(days=1)
"""How long the goodbye page's undo works. A link that is found in a forwarded mail later brings nobody back."""


def sign_up(session: Session, asked: SignUp, *, now: datetime, hashes: Sequence[bytes]) -> Asked:
    """Note what somebody asked for; it takes effect with `confirm`. `hashes` are the Keyring's for this address.

    A reader who is active keeps every choice (anybody can type an address into a form): only the new topics wait for
    confirmation. Who left or never confirmed starts afresh. A suppressed address stays so and nothing is written.
    Raises RosterError (BadAddress, UnknownTopic, CadenceError) before anything is written.
    """
    address = check_address(asked.address)
    choices = _choices(asked)
    topics = _wanted(session, asked.topics)
    if is_suppressed(session, hashes):
        return Asked(None)
    connection = session.connection()
    key = address_key(address)
    values = {"address": address, "address_key": key, "created_at": now, "status": "pending", "max_stories": 12}
    is_new = insert_new(connection, SUBSCRIBER, {**values, **choices}) == 1
    # The row's lock makes parallel sign-ups of one address queue up on PostgreSQL; SQLite has one writer anyway.
    row = connection.execute(select(SUBSCRIBER).where(SUBSCRIBER.c.address_key == key).with_for_update()).one()
    if row.status == "suppressed":
        return Asked(None)
    if row.status != "active" and not is_new:
        fresh = {**choices, "address": address, "status": "pending", "next_due_at": None}
        connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == row.id).values(fresh))
        connection.execute(delete(SUBSCRIPTION).where(SUBSCRIPTION.c.subscriber_id == row.id))
    _subscribe(session, row.id, topics, "pending")
    _log(session, row.id, now, "asked", [topic.slug for topic in topics], form=asked.form, network=asked.network)
    return Asked(row.id, tuple(pending_topics(session, row.id)), is_new)


def pending_topics(session: Session, subscriber_id: int) -> list[str]:
    """Names of the topics that a reader was asked to confirm, in order; empty for who has left or does not exist."""
    query = (
        _topics_of([subscriber_id], "pending")
        .join(SUBSCRIBER, SUBSCRIBER.c.id == SUBSCRIPTION.c.subscriber_id)
        .where(SUBSCRIBER.c.status.in_(("pending", "active")))
    )
    return [row.name for row in session.connection().execute(query)]


def confirm(session: Session, subscriber_id: int, *, now: datetime, network: bytes | None = None) -> Confirmed:
    """The reader pressed the button: pending becomes active. Again and again without harm.

    Raises NotConfirmable for who has left, was suppressed or is gone: they must ask again first.
    """
    row = _locked(session, subscriber_id)
    if row is None or row.status not in ("pending", "active"):
        raise NotConfirmable("there is nothing to confirm any more; sign up again to come back")
    connection = session.connection()
    slugs = [each.slug for each in connection.execute(_topics_of([subscriber_id], "pending"))]
    changed = row.status == "pending" or bool(slugs)
    if changed:
        mine = SUBSCRIPTION.c.subscriber_id == subscriber_id
        connection.execute(update(SUBSCRIPTION).where(mine).values(status="active"))
        values = {"status": "active", "confirmed_at": row.confirmed_at or now}
        connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(values))
        _log(session, subscriber_id, now, "confirmed", slugs, network=network)
        _settle(session, subscriber_id, now)
    return _confirmed(session, subscriber_id, now, changed)


def unsubscribe(session: Session, subscriber_id: int, *, now: datetime, reason: str = "") -> bool:
    """The reader leaves; True when that changed something. `reason` is a short word for the log ("one-click").

    No error for who is gone or left before: leaving must always seem to work, because it has.
    """
    row = _locked(session, subscriber_id)
    if row is None or row.status not in ("pending", "active"):
        return False
    values = {"status": "left", "next_due_at": None}
    session.connection().execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(values))
    _log(session, subscriber_id, now, "left", [], form=reason[:64])
    return True


def undo_unsubscribe(session: Session, subscriber_id: int, *, now: datetime) -> Confirmed | None:
    """Take leaving back, within a day. None when that is not possible any more.

    Who had never confirmed cannot come back this way, for that would be a confirmation.
    """
    row = _locked(session, subscriber_id)
    if row is not None and row.status == "active":
        return _confirmed(session, subscriber_id, now, changed=False)
    if row is None or row.status != "left" or row.confirmed_at is None:
        return None
    last = select(func.max(CONSENT.c.at)).where(CONSENT.c.subscriber_id == subscriber_id, CONSENT.c.action == "left")
    left_at = session.connection().execute(last).scalar()
    if left_at is None or now - left_at > UNDO_WITHIN:
        return None
    session.connection().execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(status="active"))
    _log(session, subscriber_id, now, "returned", [])
    _settle(session, subscriber_id, now)
    return _confirmed(session, subscriber_id, now, changed=True)


def add(session: Session, asked: SignUp, *, now: datetime, hashes: Sequence[bytes]) -> ReaderRow:
    """An operator adds a reader, active at once; consent is logged as "added". An active reader only gains topics.

    Raises RosterError for bad values, and HasLeft for who left or is suppressed: an operator brings nobody back.
    """
    address = check_address(asked.address)
    choices = _choices(asked)
    topics = _wanted(session, asked.topics)
    if is_suppressed(session, hashes):
        raise HasLeft(f"{address} is suppressed (bounced or complained) and must not be mailed again")
    connection = session.connection()
    key = address_key(address)
    values = {"address": address, "address_key": key, "created_at": now, "status": "pending", "max_stories": 12}
    insert_new(connection, SUBSCRIBER, {**values, **choices})
    row = connection.execute(select(SUBSCRIBER).where(SUBSCRIBER.c.address_key == key).with_for_update()).one()
    if row.status in ("left", "suppressed"):
        raise HasLeft(f"{address} has left; only the reader can come back, by signing up again")
    if row.status == "pending":
        fresh = {**choices, "status": "active", "confirmed_at": now}
        connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == row.id).values(fresh))
    _subscribe(session, row.id, topics, "active")
    _log(session, row.id, now, "added", [topic.slug for topic in topics], form=asked.form)
    _settle(session, row.id, now)
    return show(session, address)


def remove(session: Session, address: str) -> None:
    """Erase a person: the row, the subscriptions and the consent log. A suppression stays, for it holds only a hash.

    Raises UnknownReader.
    """
    reader = show(session, address)
    for each in (SUBSCRIPTION, CONSENT):
        session.connection().execute(delete(each).where(each.c.subscriber_id == reader.id))
    session.connection().execute(delete(SUBSCRIBER).where(SUBSCRIBER.c.id == reader.id))


def show(session: Session, address: str) -> ReaderRow:
    """The reader of that address, whatever its case. Raises UnknownReader."""
    try:
        key = address_key(check_address(address))
    except BadAddress as error:
        raise UnknownReader(str(error)) from None
    row = session.connection().execute(select(SUBSCRIBER).where(SUBSCRIBER.c.address_key == key)).one_or_none()
    if row is None:
        raise UnknownReader(f"nobody on the roster has the address {address.strip()}; see `digest subscribers list`")
    return _readers(session, [row])[0]


def list_subscribers(
    session: Session, *, topic: str | None = None, limit: int = 100, after_id: int = 0
) -> list[ReaderRow]:
    """Readers in the order of their ids, those after `after_id`: the next page begins at the last one's id.

    With `topic` (a slug), those who have it or asked for it. Raises UnknownTopic.
    """
    query = select(SUBSCRIBER).where(SUBSCRIBER.c.id > after_id).order_by(SUBSCRIBER.c.id).limit(limit)
    if topic is not None:
        held = SUBSCRIPTION.c.subscriber_id == SUBSCRIBER.c.id
        query = query.join(SUBSCRIPTION, held).where(SUBSCRIPTION.c.topic_id == get_topic(session, topic).id)
    return _readers(session, session.connection().execute(query).all())


def consents(session: Session, subscriber_id: int) -> list[ConsentRow]:
    """The consent log of a reader, oldest first."""
    query = select(CONSENT).where(CONSENT.c.subscriber_id == subscriber_id).order_by(CONSENT.c.id)
    rows = session.connection().execute(query)
    return [ConsentRow(row.at, row.action, tuple(row.topics.split()), row.form) for row in rows]


def suppress(
    session: Session, address_hash: bytes, *, reason: str, now: datetime, subscriber_id: int | None = None
) -> None:
    """Never mail this address again (`reason`: "bounced", "complained"). The reader's row follows when it is named."""
    insert_new(session.connection(), SUPPRESSION, {"address_hash": address_hash, "reason": reason[:32], "at": now})
    if subscriber_id is not None:
        values = {"status": "suppressed", "next_due_at": None}
        session.connection().execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(values))


def is_suppressed(session: Session, hashes: Sequence[bytes]) -> bool:
    """Whether one of the hashes of an address is in the suppression list."""
    query = select(SUPPRESSION.c.reason).where(SUPPRESSION.c.address_hash.in_(hashes)).limit(1)
    return session.connection().execute(query).first() is not None


def recipients(session: Session, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Subscriber id -> (address as providers take it, name). Whoever is gone is left out; any status counts."""
    found: dict[int, tuple[str, str]] = {}
    for portion in slices(ids):
        query = select(SUBSCRIBER.c.id, SUBSCRIBER.c.address, SUBSCRIBER.c.name).where(SUBSCRIBER.c.id.in_(portion))
        for row in session.connection().execute(query):
            found[row.id] = (wire_address(row.address), row.name)
    return found


def _choices(asked: SignUp) -> dict[str, Any]:
    """The columns a SignUp decides, checked. Raises CadenceError."""
    parse(asked.cadence)
    zone(asked.timezone)
    return {
        "name": clean_name(asked.name),
        "locale": asked.locale[:16],
        "timezone": asked.timezone,
        "cadence": asked.cadence,
        "send_minute": check_minute(asked.send_minute),
    }


def _wanted(session: Session, slugs: Sequence[str]) -> list[TopicRow]:
    if not slugs:
        raise UnknownTopic("no topic was named; at least one is needed")
    return find_topics(session, slugs)


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


def _settle(session: Session, subscriber_id: int, now: datetime) -> None:
    """After a change: the profile of the present choices, and a due time if there is a topic and none is set."""
    intern_profile(session, subscriber_id)
    connection = session.connection()
    row = connection.execute(select(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id)).one()
    has_topic = connection.execute(_topics_of([subscriber_id], "active").limit(1)).first() is not None
    due = row.next_due_at or next_due(row.cadence, row.send_minute, row.timezone, after=now)
    values = {"next_due_at": due if has_topic else None}
    connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(values))


def _confirmed(session: Session, subscriber_id: int, now: datetime, changed: bool) -> Confirmed:
    connection = session.connection()
    row = connection.execute(select(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id)).one()
    names = tuple(each.name for each in connection.execute(_topics_of([subscriber_id], "active")))
    due = row.next_due_at or next_due(row.cadence, row.send_minute, row.timezone, after=now)
    return Confirmed(subscriber_id, names, due, row.timezone, row.locale, changed)


def _locked(session: Session, subscriber_id: int) -> Row[tuple[Any, ...]] | None:
    query = select(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).with_for_update()
    return session.connection().execute(query).one_or_none()


def _topics_of(ids: Sequence[int], status: str) -> Select[Any]:
    return (
        select(SUBSCRIPTION.c.subscriber_id, TOPIC.c.slug, TOPIC.c.name)
        .select_from(SUBSCRIPTION)
        .join(TOPIC, TOPIC.c.id == SUBSCRIPTION.c.topic_id)
        .where(SUBSCRIPTION.c.subscriber_id.in_(ids), SUBSCRIPTION.c.status == status)
        .order_by(SUBSCRIPTION.c.subscriber_id, SUBSCRIPTION.c.position, SUBSCRIPTION.c.topic_id)
    )


def _readers(session: Session, rows: Sequence[Row[tuple[Any, ...]]]) -> list[ReaderRow]:
    slugs: dict[str, dict[int, list[str]]] = {"active": {}, "pending": {}}
    for status, held in slugs.items():
        for portion in slices(row.id for row in rows):
            for each in session.connection().execute(_topics_of(portion, status)):
                held.setdefault(each.subscriber_id, []).append(each.slug)
    names = [name for name in ReaderRow.__dataclass_fields__ if name not in ("topics", "pending")]
    return [
        ReaderRow(
            **{name: getattr(row, name) for name in names},
            topics=tuple(slugs["active"].get(row.id, ())),
            pending=tuple(slugs["pending"].get(row.id, ())),
        )
        for row in rows
    ]


def _log(
    session: Session,
    subscriber_id: int,
    at: datetime,
    action: str,
    slugs: Sequence[str],
    *,
    form: str = "",
    network: bytes | None = None,
) -> None:
    values = {"subscriber_id": subscriber_id, "at": at, "action": action, "topics": " ".join(slugs)}
    session.connection().execute(insert(CONSENT).values(**values, form=form[:64], network=network))
