"""Interned reader choices: many readers share one immutable row, and every delivery points to the one it was made with.

The key is the hash of the canonical JSON, so two processes that intern the same choices at once end with one row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, NotRequired, TypedDict

from sqlalchemy import Connection, Row, and_, select, update
from sqlalchemy.orm import Session

from subscribers.cadence import next_of, plain_rhythm
from subscribers.models import Profile, Subscriber, Subscription
from subscribers.sql import insert_new, slices, table
from subscribers.votes import for_selection

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
    format: str
    """ "html" or "text"; rows from before version 0002 lack it and mean "html"."""
    all_quiet: NotRequired[bool]
    """Only for who wants a mail even when there is nothing new, so that everybody else's rows keep their key."""
    own: dict[str, tuple[str, int]]
    """Topics with hours of their own: id as text (JSON's keys are) -> (cadence, send minute). Rows from before version
    0002 lack it and mean none."""
    rhythms: NotRequired[list[tuple[str, int]]]
    """Only in `restricted` choices: every (cadence, send minute) of the reader, also of the topics left out."""
    votes: NotRequired[list[dict[str, Any]]]
    """Only for who voted: what selection needs of their votes (`votes.for_selection`). They stand here because a
    delivery keeps the profile it was planned with: a retry, a replay and an explanation see the votes of that time."""
    reader: NotRequired[int]
    """Set exactly when `votes` is: whose they are, so that no two readers share the row and erasing can blank it."""


def restricted(choices: Choices, topics: Iterable[int]) -> Choices:
    """The same choices with these of their topics only: what is due in one slot, or what is left of it. A mail of them
    can still tell when the reader's next one comes."""
    wanted = set(topics)
    kept = [topic for topic in choices["topics"] if topic in wanted]
    if kept == choices["topics"]:
        return choices
    own = {topic: hours for topic, hours in choices["own"].items() if int(topic) in wanted}
    rhythms = choices.get("rhythms") or sorted(groups_of(choices))
    return Choices(**{**choices, "topics": kept, "own": own, "rhythms": rhythms})


def groups_of(choices: Choices) -> frozenset[tuple[str, int]]:
    """Every (cadence, send minute) by which a topic of theirs comes: the reader's own unless each topic has another."""
    own = choices["own"]
    shared = (choices["cadence"], choices["send_minute"])
    return frozenset(plain_rhythm(*own.get(str(topic), shared)) for topic in choices["topics"])


def due_of(choices: Choices, *, after: datetime, paused_until: datetime | None = None) -> datetime | None:
    """When something of theirs is due: the first time strictly after `after`, and not before a pause is over. UTC.

    None without a topic. Everything that sets `next_due_at` asks here. Raises CadenceError for choices that cannot be
    understood.
    """
    if paused_until is not None and paused_until > after:
        after = paused_until - timedelta(microseconds=1)
    return next_of(groups_of(choices), choices["timezone"], after=after)


def intern(connection: Connection, choices: Choices) -> int:
    """The id of the row that holds these choices, made when there is none; two processes may do so at once."""
    data = json.dumps(choices, sort_keys=True, separators=(",", ":"))
    key = blake2b(data.encode(), digest_size=32).hexdigest()
    find = select(PROFILE.c.id).where(PROFILE.c.key == key)
    found = connection.execute(find).scalar()
    if found is None:
        insert_new(connection, PROFILE, {"key": key, "data": data, "owner": choices.get("reader")})
        # On PostgreSQL a rival's uncommitted row makes the insert wait; a new statement then sees it (read committed).
        found = connection.execute(find).scalar_one()
    return int(found)


def intern_profile(session: Session, subscriber_id: int) -> int:
    """Give a reader the profile of their present choices, their due time untouched. Returns the profile's id."""
    connection = session.connection()
    row = connection.execute(select(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id)).one()
    profile_id = intern(connection, _choices(connection, row))
    connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(profile_id=profile_id))
    return profile_id


def settle(session: Session, subscriber_id: int, *, now: datetime, anew: bool = False) -> datetime | None:
    """After any change of an active reader's choices: the profile and the due time that follow. Returns the due time.

    A due time that is set stays as long as the rhythm does, even when it has come already: the planner may be about to
    act on it. `anew` works it out again all the same, as a changed pause needs.
    """
    connection = session.connection()
    row = connection.execute(select(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id)).one()
    choices = _choices(connection, row)
    due: datetime | None = row.next_due_at
    if due is None or anew or not choices["topics"] or not _same_rhythm(session, row.profile_id, choices):
        due = due_of(choices, after=now, paused_until=row.paused_until)
    profile_id = intern(connection, choices)
    values = {"profile_id": profile_id, "next_due_at": due, "own_hours": bool(choices["own"])}
    connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(values))
    return due


def _choices(connection: Connection, row: Row[Any]) -> Choices:
    topics = connection.execute(
        select(SUBSCRIPTION.c.topic_id, SUBSCRIPTION.c.cadence, SUBSCRIPTION.c.send_minute)
        .where(and_(SUBSCRIPTION.c.subscriber_id == row.id, SUBSCRIPTION.c.status == "active"))
        .order_by(SUBSCRIPTION.c.position, SUBSCRIPTION.c.topic_id)
    ).all()
    chosen = Choices(
        topics=[each.topic_id for each in topics],
        language=row.locale,
        timezone=row.timezone,
        cadence=row.cadence,
        send_minute=row.send_minute,
        max_stories=row.max_stories,
        format=row.format,
        own={str(each.topic_id): (each.cadence, each.send_minute) for each in topics if each.cadence is not None},
    )
    if row.all_quiet:
        chosen["all_quiet"] = True
    cast = for_selection(connection, row.id)
    return Choices(**{**chosen, "votes": cast, "reader": row.id}) if cast else chosen


def _same_rhythm(session: Session, profile_id: int | None, choices: Choices) -> bool:
    before = profiles(session, [profile_id]).get(profile_id) if profile_id is not None else None
    return (
        before is not None
        and before["timezone"] == choices["timezone"]
        and groups_of(before) == groups_of(choices)
    )  # fmt: skip


def profiles(session: Session, ids: Iterable[int]) -> dict[int, Choices]:
    """The choices of these profiles; ids that do not exist are left out."""
    found: dict[int, Choices] = {}
    for portion in slices(ids):
        query = select(PROFILE.c.id, PROFILE.c.data).where(PROFILE.c.id.in_(portion))
        found.update({row.id: _read(row.data) for row in session.connection().execute(query)})
    return found


def _read(data: str) -> Choices:
    choices: Choices = json.loads(data)
    choices.setdefault("format", "html")
    choices.setdefault("own", {})
    choices["own"] = {topic: (cadence, minute) for topic, (cadence, minute) in choices["own"].items()}
    return choices


def forget_topic(session: Session, topic_id: int) -> None:
    """Move everybody who has this topic to a profile without it; who has no other is due no more.

    One update for each distinct profile, and for each distinct due time where a topic has hours of its own; not for
    each reader. The old profiles stay: deliveries point to them.
    """
    connection = session.connection()
    held = select(SUBSCRIPTION.c.subscriber_id).where(SUBSCRIPTION.c.topic_id == topic_id)
    used = select(SUBSCRIBER.c.profile_id).where(SUBSCRIBER.c.id.in_(held), SUBSCRIBER.c.profile_id.is_not(None))
    for profile_id, choices in profiles(session, connection.execute(used.distinct()).scalars().all()).items():
        own = {topic: hours for topic, hours in choices["own"].items() if topic != str(topic_id)}
        topics = [each for each in choices["topics"] if each != topic_id]
        rest = Choices(**{**choices, "topics": topics, "own": own})
        values = {"profile_id": intern(connection, rest), "own_hours": bool(own)}
        theirs = update(SUBSCRIBER).where(SUBSCRIBER.c.profile_id == profile_id)
        if groups_of(rest) == groups_of(choices):
            connection.execute(theirs.values(values))
            continue
        due = select(SUBSCRIBER.c.next_due_at).where(SUBSCRIBER.c.profile_id == profile_id).distinct()
        for at in connection.execute(due).scalars().all():
            # The earliest of fewer rhythms is never before the earliest of all: the first at or after it is theirs.
            then = None if at is None else due_of(rest, after=at - timedelta(microseconds=1))
            same = SUBSCRIBER.c.next_due_at == at if at is not None else SUBSCRIBER.c.next_due_at.is_(None)
            connection.execute(theirs.where(same).values(**values, next_due_at=then))


def blank(session: Session, subscriber_id: int, choices: Choices) -> None:
    """Let go of what the rows that are one reader's alone say of them: each says `choices` from then on. For who is
    erased, once no delivery needs them any more; the rows stay, for looking through all deliveries for who points to
    them would take long."""
    data = json.dumps(choices, sort_keys=True, separators=(",", ":"))
    mine = update(PROFILE).where(PROFILE.c.owner == subscriber_id)
    session.connection().execute(mine.values(data=data, owner=None))
