"""Coming back: a leaving is taken back within a day, and everything is as it was.

Works inside the caller's transaction: durable when that commits.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.orm import Session

from subscribers import consent, roster
from subscribers.models import Subscriber, Subscription
from subscribers.profiles import Choices, profiles, settle
from subscribers.sql import insert_new, table
from subscribers.topics import TOPIC
from subscribers.types import Confirmed

SUBSCRIBER, SUBSCRIPTION = table(Subscriber), table(Subscription)

UNDO_WITHIN = timedelta(days=1)
"""How long the goodbye page's undo works. A link that is found in a forwarded mail later brings nobody back."""


def undo_leave(
    session: Session, subscriber_id: int, mark: int, *, now: datetime, network: bytes | None = None
) -> Confirmed | None:
    """Take the leaving of that mark back, within a day: of everything, or of some topics. None when there is nothing to
    take back: another mark, too late, or something was done since.

    Everything is as it was before. What somebody asked for meanwhile does not count, for anybody may type an address:
    if it made them pending again, it is dropped. Who had never confirmed cannot come back this way, for that would be a
    confirmation; nor who was only asked to when they left, for their line names no topics.
    """
    row = roster.locked(session, subscriber_id)
    found = _left_behind(session, row, mark, now)
    if row is None or found is None:
        return None
    last, before = found
    connection = session.connection()
    if row.status == "pending":
        connection.execute(delete(SUBSCRIPTION).where(SUBSCRIPTION.c.subscriber_id == subscriber_id))
    _bring_back(session, subscriber_id, before)
    values: dict[str, Any] = {"status": "active"}
    if row.status != "active":
        values |= {
            "locale": before["language"],
            "timezone": before["timezone"],
            "cadence": before["cadence"],
            "send_minute": before["send_minute"],
            "max_stories": before["max_stories"],
            "format": before["format"],
            "all_quiet": before.get("all_quiet", False),
        }
    connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(values))
    consent.log(session.connection(), subscriber_id, now, "returned", last.topics.split(), network=network)
    settle(session, subscriber_id, now=now)
    return roster.confirmed(session, subscriber_id, now, changed=True)


def may_return(session: Session, subscriber_id: int, mark: int, *, now: datetime) -> bool:
    """Whether `undo_leave` would take the leaving of that mark back. Reads only."""
    row = session.connection().execute(select(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id)).one_or_none()
    return _left_behind(session, row, mark, now) is not None


def _left_behind(session: Session, row: Row[Any] | None, mark: int, now: datetime) -> tuple[Row[Any], Choices] | None:
    """The line of a leaving that can be taken back, and the choices until then; None when it cannot."""
    if row is None or row.confirmed_at is None or row.status not in ("active", "left", "pending"):
        return None
    last = consent.last_deed(session, row.id)
    if last is None or last.action != "left" or consent.mark(last.id) != mark or now - last.at > UNDO_WITHIN:
        return None
    before = profiles(session, [last.profile_id]).get(last.profile_id) if last.profile_id is not None else None
    return (last, before) if before is not None and before["topics"] else None


def _bring_back(session: Session, subscriber_id: int, before: Choices) -> None:
    """The topics of a profile in their order and with their hours, those still there; what came since stays behind."""
    connection = session.connection()
    there = set(connection.execute(select(TOPIC.c.id).where(TOPIC.c.id.in_(before["topics"]))).scalars())
    mine = SUBSCRIPTION.c.subscriber_id == subscriber_id
    moved = SUBSCRIPTION.c.position + len(before["topics"])
    connection.execute(update(SUBSCRIPTION).where(mine).values(position=moved))
    for position, topic_id in enumerate(each for each in before["topics"] if each in there):
        cadence, minute = before["own"].get(str(topic_id), (None, None))
        values = {"position": position, "status": "active", "cadence": cadence, "send_minute": minute}
        key = {"subscriber_id": subscriber_id, "topic_id": topic_id}
        if not insert_new(connection, SUBSCRIPTION, {**key, **values}):
            connection.execute(update(SUBSCRIPTION).where(mine, SUBSCRIPTION.c.topic_id == topic_id).values(values))
