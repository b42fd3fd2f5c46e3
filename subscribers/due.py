"""Who gets a mail: queries for subscriber ids, which the planner narrows down and turns into deliveries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, and_, or_, select

from subscribers.cadence import AS_IT_HAPPENS
from subscribers.models import Subscriber, Subscription
from subscribers.sql import table

SUBSCRIBER, SUBSCRIPTION = table(Subscriber), table(Subscription)


def due(tick: datetime) -> Select[tuple[int]]:
    """Readers whose hour has come at `tick` (aware, UTC), but for who pauses."""
    return audience(None, None, awake_at=tick).where(SUBSCRIBER.c.next_due_at <= tick)


def audience(
    topic_id: int | None, subscriber_id: int | None, *, any_status: bool = False, awake_at: datetime | None = None
) -> Select[tuple[int]]:
    """Everybody who is active, one topic's readers, or one reader. `any_status` includes who has not confirmed;
    `awake_at` (aware) leaves out who pauses at that time."""
    query = select(SUBSCRIBER.c.id).where(SUBSCRIBER.c.profile_id.is_not(None))
    if not any_status:
        query = query.where(SUBSCRIBER.c.status == "active")
    if awake_at is not None:
        query = query.where(or_(SUBSCRIBER.c.paused_until.is_(None), SUBSCRIBER.c.paused_until <= awake_at))
    if subscriber_id is not None:
        query = query.where(SUBSCRIBER.c.id == subscriber_id)
    if topic_id is not None:
        mine = select(SUBSCRIPTION.c.subscriber_id).where(
            SUBSCRIPTION.c.topic_id == topic_id, SUBSCRIPTION.c.status == "active"
        )
        query = query.where(SUBSCRIBER.c.id.in_(mine))
    return query


def at_once(topic_id: int, awake_at: datetime) -> Select[tuple[int]]:
    """Readers who want news of a topic as it happens, by the topic's own cadence or else by theirs, but for who pauses
    at `awake_at` (aware)."""
    theirs = and_(SUBSCRIPTION.c.cadence.is_(None), SUBSCRIBER.c.cadence == AS_IT_HAPPENS)
    mine = select(SUBSCRIPTION.c.subscriber_id).where(
        SUBSCRIPTION.c.subscriber_id == SUBSCRIBER.c.id,
        SUBSCRIPTION.c.topic_id == topic_id,
        SUBSCRIPTION.c.status == "active",
        or_(SUBSCRIPTION.c.cadence == AS_IT_HAPPENS, theirs),
    )
    return audience(None, None, awake_at=awake_at).where(mine.exists())
