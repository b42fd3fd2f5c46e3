"""What a reader's next delivery would be made from, looked up before anybody plans it. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from digest.store.editions import window_start
from subscribers.due import due
from subscribers.models import Subscriber, Subscription
from subscribers.sql import table

_subscriber, _subscription = table(Subscriber), table(Subscription)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """As `editions.plan_chunk` would write it into a delivery."""

    profile_id: int
    since: datetime
    own_hours: bool
    """Whether topics of theirs have hours of their own."""


def upcoming(session: Session, subscriber_id: int, planned_at: datetime) -> Upcoming | None:
    """The delivery that a reader would get of an edition planned then; None for who has no topic."""
    query = select(_subscriber.c.profile_id, _subscriber.c.own_hours, window_start(planned_at).label("since")).where(
        _subscriber.c.id == subscriber_id, _subscriber.c.profile_id.is_not(None)
    )
    row = session.connection().execute(query).one_or_none()
    return Upcoming(row.profile_id, row.since, row.own_hours) if row is not None else None


def topics_due(session: Session, tick: datetime) -> list[int]:
    """The topics of everybody who is due at `tick`, by id: an edition ranks its stories among those of all its readers.
    A topic with hours of its own counts whenever one of its readers is due."""
    query = (
        select(_subscription.c.topic_id)
        .where(_subscription.c.status == "active", _subscription.c.subscriber_id.in_(due(tick)))
        .distinct()
    )
    return sorted(session.connection().execute(query).scalars())
