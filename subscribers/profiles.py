"""Interned reader choices: many readers share one immutable row, and every delivery points to the one it was made with.

The key is the hash of the canonical JSON, so two processes that intern the same choices at once end with one row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b
from typing import TypedDict

from sqlalchemy import Connection, and_, select, update
from sqlalchemy.orm import Session

from subscribers.models import Profile, Subscriber, Subscription
from subscribers.sql import insert_new, slices, table

PROFILE, SUBSCRIBER, SUBSCRIPTION = table(Profile), table(Subscriber), table(Subscription)


class Choices(TypedDict):
    """What a profile holds."""

    topics: list[int]
    """Ids of the active topics in the reader's order."""
    language: str
    timezone: str
    cadence: str
    send_minute: int
    max_stories: int


def intern(connection: Connection, choices: Choices) -> int:
    """The id of the row that holds these choices, made when there is none; two processes may do so at once."""
    data = json.dumps(choices, sort_keys=True, separators=(",", ":"))
    key = blake2b(data.encode(), digest_size=32).hexdigest()
    find = select(PROFILE.c.id).where(PROFILE.c.key == key)
    found = connection.execute(find).scalar()
    if found is None:
        insert_new(connection, PROFILE, {"key": key, "data": data})
        # On PostgreSQL a rival's uncommitted row makes the insert wait; a new statement then sees it (read committed).
        found = connection.execute(find).scalar_one()
    return int(found)


def intern_profile(session: Session, subscriber_id: int) -> int:
    """Give a reader the profile of their present choices; call it after every change. Returns the profile's id."""
    connection = session.connection()
    row = connection.execute(select(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id)).one()
    topics = connection.execute(
        select(SUBSCRIPTION.c.topic_id)
        .where(and_(SUBSCRIPTION.c.subscriber_id == subscriber_id, SUBSCRIPTION.c.status == "active"))
        .order_by(SUBSCRIPTION.c.position, SUBSCRIPTION.c.topic_id)
    ).scalars()
    profile_id = intern(
        connection,
        Choices(
            topics=list(topics),
            language=row.locale,
            timezone=row.timezone,
            cadence=row.cadence,
            send_minute=row.send_minute,
            max_stories=row.max_stories,
        ),
    )
    connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(profile_id=profile_id))
    return profile_id


def profiles(session: Session, ids: Iterable[int]) -> dict[int, Choices]:
    """The choices of these profiles; ids that do not exist are left out."""
    found: dict[int, Choices] = {}
    for portion in slices(ids):
        query = select(PROFILE.c.id, PROFILE.c.data).where(PROFILE.c.id.in_(portion))
        found.update({row.id: json.loads(row.data) for row in session.connection().execute(query)})
    return found


def forget_topic(session: Session, topic_id: int) -> None:
    """Move everybody who has this topic to a profile without it; who has no other is due no more.

    One update for each distinct profile, not for each reader. The old profiles stay: deliveries point to them.
    """
    connection = session.connection()
    held = select(SUBSCRIPTION.c.subscriber_id).where(SUBSCRIPTION.c.topic_id == topic_id)
    used = select(SUBSCRIBER.c.profile_id).where(SUBSCRIBER.c.id.in_(held), SUBSCRIBER.c.profile_id.is_not(None))
    for profile_id, choices in profiles(session, connection.execute(used.distinct()).scalars().all()).items():
        rest = Choices(**{**choices, "topics": [each for each in choices["topics"] if each != topic_id]})
        values: dict[str, int | None] = {"profile_id": intern(connection, rest)}
        if not rest["topics"]:
            values["next_due_at"] = None
        connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.profile_id == profile_id).values(values))
