"""Moving readers on: when they are due next, written in the transaction that plans them or finds nothing for them.

Most readers have one rhythm, and all of a chunk who share one are moved by one statement. Those with topics of their
own hours are looked at by profile and due time, which many of them share too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select, update
from sqlmodel import Session

from digest.errors import StoreError
from digest.models import Article, ArticleTopic, Delivery
from digest.store.editions import LONGEST_WINDOW, OVERLAP, window_start
from subscribers.cadence import AS_IT_HAPPENS
from subscribers.models import Subscriber
from subscribers.sql import slices, table

_delivery, _subscriber = table(Delivery), table(Subscriber)
_article, _article_topic = table(Article), table(ArticleTopic)

ChunkOf = tuple[int, int, int]
"""(edition, first subscriber id exclusive, last inclusive)."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Readers of a chunk who share all choices, some topics with hours of their own, and the time they were due."""

    profile_id: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a slot's readers."""

    slot: Slot
    profile_id: int
    """The choices with only those topics that are due now."""
    next_due_at: datetime
    window: bool
    """Whether the reader's own cadence was due: only then does the window of its topics move."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Readers as it happens, and since when nothing has happened for them."""

    slot: Slot
    since: datetime
    """Readers whose window begins before this are not quiet."""
    next_due_at: datetime


def move_due(
    session: Session,
    chunk_of: ChunkOf,
    tick: datetime,
    planned_at: datetime,
    next_of: Mapping[tuple[str, str, int], datetime],
    planned: int,
) -> None:
    """Move the readers of the chunk just planned to their next slot, by compare-and-set on `next_due_at`.

    `next_of` maps (zone, cadence, minute) to the next due time; readers with topics of their own hours are the business
    of `move_slots` and do not count in `planned`. Raises StoreError, undoing the chunk with the transaction, when
    somebody else moved one of them meanwhile.
    """
    mine = _of_chunk(chunk_of)
    moved = 0
    for (zone, cadence, minute), next_due in next_of.items():
        done = session.connection().execute(
            update(_subscriber)
            .where(
                _subscriber.c.id.in_(mine),
                _subscriber.c.next_due_at <= tick,
                _subscriber.c.timezone == zone,
                _subscriber.c.cadence == cadence,
                _subscriber.c.send_minute == minute,
                _subscriber.c.own_hours.is_(False),
            )
            .values(next_due_at=next_due, window_from=planned_at - OVERLAP)
        )
        moved += done.rowcount
    _all_moved(planned, moved)


def rhythms(session: Session, edition_id: int, low: int, high: int) -> list[tuple[str, str, int]]:
    """The distinct (zone, cadence, minute) of a chunk's readers without topics of their own hours."""
    query = (
        select(_subscriber.c.timezone, _subscriber.c.cadence, _subscriber.c.send_minute)
        .join(_delivery, _delivery.c.subscriber_id == _subscriber.c.id)
        .where(
            _delivery.c.edition_id == edition_id,
            _subscriber.c.id > low,
            _subscriber.c.id <= high,
            _subscriber.c.own_hours.is_(False),
        )
        .distinct()
    )
    return [(zone, cadence, minute) for zone, cadence, minute in session.connection().execute(query)]


def slots(session: Session, edition_id: int, low: int, high: int) -> dict[Slot, int]:
    """The readers of a chunk who have topics of their own hours -> how many."""
    query = (
        select(_delivery.c.profile_id, _delivery.c.due_at, func.count())
        .where(
            _delivery.c.edition_id == edition_id,
            _delivery.c.subscriber_id > low,
            _delivery.c.subscriber_id <= high,
            _delivery.c.due_at.is_not(None),
        )
        .group_by(_delivery.c.profile_id, _delivery.c.due_at)
    )
    return {Slot(profile_id, due_at): count for profile_id, due_at, count in session.connection().execute(query)}


def move_slots(session: Session, chunk_of: ChunkOf, planned_at: datetime, moves: Sequence[Move], planned: int) -> None:
    """Move the readers of these slots, and leave in their deliveries only the topics that are due.

    Raises StoreError, undoing the chunk with the transaction, when somebody else moved one of them meanwhile.
    """
    edition_id, low, high = chunk_of
    moved = 0
    for move in moves:
        here = and_(
            _delivery.c.edition_id == edition_id,
            _delivery.c.subscriber_id > low,
            _delivery.c.subscriber_id <= high,
            _delivery.c.profile_id == move.slot.profile_id,
            _delivery.c.due_at == move.slot.due_at,
        )
        values = {"next_due_at": move.next_due_at} | ({"window_from": planned_at - OVERLAP} if move.window else {})
        done = session.connection().execute(
            update(_subscriber)
            .where(
                _subscriber.c.id.in_(select(_delivery.c.subscriber_id).where(here)),
                _subscriber.c.next_due_at == move.slot.due_at,
            )
            .values(values)
        )
        moved += done.rowcount
        if move.profile_id != move.slot.profile_id:
            session.connection().execute(update(_delivery).where(here).values(profile_id=move.profile_id))
    _all_moved(planned, moved)


def as_it_happens(session: Session, due: Select[tuple[int]]) -> list[Slot]:
    """The distinct slots of due readers who, with a topic at least, may want mail every quarter hour. Reads only."""
    query = due.with_only_columns(_subscriber.c.profile_id, _subscriber.c.next_due_at).where(
        or_(_subscriber.c.cadence == AS_IT_HAPPENS, _subscriber.c.own_hours)
    )
    return [Slot(profile_id, due_at) for profile_id, due_at in session.connection().execute(query.distinct())]


def latest_news(session: Session, topics: Sequence[int], until: datetime) -> dict[int, datetime]:
    """Topic -> when its last article became news, of those in a story and in the longest window that ends `until`."""
    found: dict[int, datetime] = {}
    for portion in slices(topics):
        query = (
            select(_article_topic.c.topic_id, func.max(_article.c.news_at))
            .join(_article, _article.c.id == _article_topic.c.article_id)
            .where(
                _article_topic.c.topic_id.in_(portion),
                _article.c.news_at > until - LONGEST_WINDOW,
                _article.c.news_at <= until,
                _article.c.story_id.is_not(None),
            )
            .group_by(_article_topic.c.topic_id)
        )
        found.update({row[0]: row[1] for row in session.connection().execute(query)})
    return found


def pass_over(session: Session, quiet: Sequence[Quiet], planned_at: datetime) -> int:
    """Move readers as it happens for whom nothing has happened to their next quarter, without a delivery.

    One statement, carried out for each distinct slot. Returns how many were moved; the others stay due. Their windows
    stay where they are.
    """
    if not quiet:
        return 0
    window: ColumnElement[datetime] = window_start(planned_at)
    statement = (
        update(_subscriber)
        .where(
            _subscriber.c.status == "active",
            _subscriber.c.profile_id == bindparam("profile"),
            _subscriber.c.next_due_at == bindparam("due"),
            window >= bindparam("news", type_=_subscriber.c.window_from.type),
        )
        .values(next_due_at=bindparam("then"))
    )
    rows = [
        {"profile": each.slot.profile_id, "due": each.slot.due_at, "news": each.since, "then": each.next_due_at}
        for each in quiet
    ]
    return session.connection().execute(statement, rows).rowcount


def _of_chunk(chunk_of: ChunkOf) -> Select[tuple[int]]:
    edition_id, low, high = chunk_of
    return select(_delivery.c.subscriber_id).where(
        _delivery.c.edition_id == edition_id, _delivery.c.subscriber_id > low, _delivery.c.subscriber_id <= high
    )


def _all_moved(planned: int, moved: int) -> None:
    if moved != planned:
        raise StoreError(
            f"planned {planned} readers but could move {moved}: another clock was at work; nothing was changed"
        )
