"""Readers as an operator sees them. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from subscribers.errors import BadAddress, UnknownReader
from subscribers.models import Subscriber, Subscription
from subscribers.sql import slices, table
from subscribers.topics import TOPIC, get_topic
from subscribers.types import ReaderRow, address_key, check_address

SUBSCRIBER, SUBSCRIPTION = table(Subscriber), table(Subscription)


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


def show_number(session: Session, subscriber_id: int) -> ReaderRow:
    """The reader of that number. Raises UnknownReader."""
    row = session.connection().execute(select(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id)).one_or_none()
    if row is None:
        raise UnknownReader(f"there is no reader {subscriber_id}")
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


def topics_of(ids: Sequence[int], status: str) -> Select[Any]:
    """A query for (subscriber_id, slug, name) of these readers' topics, in each reader's order."""
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
            for each in session.connection().execute(topics_of(portion, status)):
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
