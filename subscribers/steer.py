"""How a reader steers: every choice, a pause, a topic less, less often. What a link proves is done at once.

Every function works inside the caller's transaction: durable when that commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from sqlalchemy import Connection, Row, Select, bindparam, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from subscribers import consent, roster
from subscribers.cadence import DAYS, check_minute, parse, zone
from subscribers.errors import BadChoice, CadenceError, OldLink, UnknownReader, UnknownTopic
from subscribers.models import Subscriber, Subscription
from subscribers.profiles import settle
from subscribers.sql import table, upsert
from subscribers.topics import TOPIC, find_topics
from subscribers.types import FORMATS, MOST_STORIES, Change, Choices, OwnTopic
from subscribers.votes import VOTE

SUBSCRIBER, SUBSCRIPTION = table(Subscriber), table(Subscription)

STEER_WITHIN = timedelta(days=90)
"""How long the link of a mail or a page steers: somebody who finds an old mail must not find a reader's choices."""

LONGEST_PAUSE = timedelta(days=366)
"""Who wants to be away for longer leaves."""

MOST_TOPICS = 500
"""Topics a reader may have: more than a mail could ever tell of."""


# --- looking ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _everything() -> Select[Any]:
    """One query for the reader and every topic that they have or may have: this page is asked for all day long."""
    mine = SUBSCRIPTION.c.status
    also = SUBSCRIPTION.alias()
    held = select(also.c.topic_id).where(also.c.subscriber_id == bindparam("who"), also.c.status == "active")
    return (
        select(
            # First what makes an OwnTopic, in its order.
            TOPIC.c.slug,
            TOPIC.c.name,
            TOPIC.c.language,
            TOPIC.c.description,
            SUBSCRIPTION.c.cadence.label("own_cadence"),
            SUBSCRIPTION.c.send_minute.label("own_minute"),
            SUBSCRIBER.c.status.label("standing"),
            SUBSCRIBER.c.cadence,
            SUBSCRIBER.c.send_minute,
            SUBSCRIBER.c.timezone,
            SUBSCRIBER.c.locale,
            SUBSCRIBER.c.format,
            SUBSCRIBER.c.max_stories,
            SUBSCRIBER.c.all_quiet,
            SUBSCRIBER.c.paused_until,
            SUBSCRIBER.c.next_due_at,
            SUBSCRIBER.c.links_from,
            mine.label("held"),
            exists().where(VOTE.c.subscriber_id == SUBSCRIBER.c.id).label("voted"),
        )
        .select_from(SUBSCRIBER)
        # The condition stands in the join, not in WHERE: a reader without any topic to see is a reader all the same.
        .outerjoin(TOPIC, or_(TOPIC.c.public, TOPIC.c.id.in_(held)))
        .outerjoin(
            SUBSCRIPTION,
            (SUBSCRIPTION.c.subscriber_id == SUBSCRIBER.c.id) & (SUBSCRIPTION.c.topic_id == TOPIC.c.id),
        )
        .where(SUBSCRIBER.c.id == bindparam("who"))
        .order_by(SUBSCRIPTION.c.position, TOPIC.c.name, TOPIC.c.id)
    )


def choices(connection: Connection, subscriber_id: int, *, now: datetime, issued: datetime | None = None) -> Choices:
    """What an active reader has chosen, in one SELECT.

    `issued` is when their link was made (aware): raises OldLink when that is more than STEER_WITHIN ago or before their
    address changed. Raises UnknownReader for who has left, was suppressed or is gone.
    """
    rows = connection.execute(_everything(), {"who": subscriber_id}).all()
    if not rows:
        raise UnknownReader("this reader is not here any more")
    first = rows[0]
    if issued is not None:
        check_age(issued, now, first.links_from)
    if first.standing != "active":
        raise UnknownReader("this reader has left")
    topics = [row for row in rows if row.slug is not None]
    return Choices(
        subscriber_id=subscriber_id,
        topics=tuple(_own(row) for row in topics if row.held == "active"),
        offered=tuple(_own(row) for row in sorted(topics, key=lambda row: row.name) if row.held != "active"),
        cadence=first.cadence,
        send_minute=first.send_minute,
        timezone=first.timezone,
        locale=first.locale,
        format=first.format,
        max_stories=first.max_stories,
        paused_until=first.paused_until if first.paused_until is not None and first.paused_until > now else None,
        next_due_at=first.next_due_at,
        voted=first.voted,
        all_quiet=first.all_quiet,
    )


def check_age(issued: datetime, now: datetime, links_from: datetime | None) -> None:
    """Raises OldLink for a link that was made too long ago or before `links_from`."""
    if now - issued > STEER_WITHIN:
        raise OldLink("this link is more than 90 days old; have a fresh one mailed")
    if links_from is not None and issued < links_from:
        raise OldLink("the address has changed since this link was made; have a fresh one mailed")


def _own(row: Row[Any]) -> OwnTopic:
    own: tuple[Any, ...] = row[:6]
    return OwnTopic(*own)


# --- changing ---------------------------------------------------------------------------------------------------------


def change(
    session: Session,
    subscriber_id: int,
    wanted: Change,
    *,
    now: datetime,
    network: bytes | None = None,
    form: str = "preferences",
    private_too: bool = False,
) -> Choices:
    """Set every choice. A topic that is new to the reader is active at once; topics that wait for confirmation wait on
    unless they are among those wanted. A private topic can be kept, and is new only with `private_too` (operators).

    Raises UnknownReader, and RosterError in one line for what is not allowed; then nothing was changed.
    """
    values = _checked(wanted)
    topics = _checked_topics(wanted.topics)
    connection = session.connection()
    _active(session, subscriber_id)
    mine = SUBSCRIPTION.c.subscriber_id == subscriber_id
    held = {
        row.topic_id: row.status
        for row in connection.execute(select(SUBSCRIPTION.c.topic_id, SUBSCRIPTION.c.status).where(mine))
    }
    found = find_topics(session, [each.slug for each in topics])
    for topic in found:
        if not topic.public and not private_too and held.get(topic.id) != "active":
            find_topics(session, [topic.slug], public_only=True)  # raises as for a topic that does not exist
    before = {topic for topic, status in held.items() if status == "active"}
    kept = [topic.id for topic in found]
    connection.execute(delete(SUBSCRIPTION).where(mine, SUBSCRIPTION.c.topic_id.in_(before.difference(kept))))
    connection.execute(update(SUBSCRIPTION).where(mine).values(position=SUBSCRIPTION.c.position + len(kept)))
    upsert(
        connection,
        SUBSCRIPTION,
        [
            {
                "subscriber_id": subscriber_id,
                "topic_id": topic.id,
                "position": position,
                "status": "active",
                "cadence": own.cadence,
                "send_minute": own.send_minute,
            }
            for position, (topic, own) in enumerate(zip(found, topics, strict=True))
        ],
        key=["subscriber_id", "topic_id"],
        changes=lambda new: {name: new[name] for name in ("position", "status", "cadence", "send_minute")},
    )
    connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(values))
    if before != set(kept):
        slugs = [topic.slug for topic in found]
        consent.log(connection, subscriber_id, now, "changed", slugs, form=form, network=network)
    settle(session, subscriber_id, now=now)
    return choices(session.connection(), subscriber_id, now=now)


def _checked(wanted: Change) -> dict[str, Any]:
    parse(wanted.cadence)
    zone(wanted.timezone)
    if wanted.format not in FORMATS:
        raise BadChoice(f"{wanted.format[:20]!r} is no format; it is {' or '.join(FORMATS)}")
    if not 1 <= wanted.max_stories <= MOST_STORIES:
        raise BadChoice(f"a digest has 1 to {MOST_STORIES} stories, not {wanted.max_stories}")
    try:
        Locale.parse(wanted.locale, sep="-" if "-" in wanted.locale else "_")
    except (UnknownLocaleError, ValueError):
        raise BadChoice(f"{wanted.locale[:16]!r} is no language; use a code such as en, de or ar") from None
    return {
        "cadence": wanted.cadence,
        "send_minute": check_minute(wanted.send_minute),
        "timezone": wanted.timezone,
        "locale": wanted.locale[:16],
        "format": wanted.format,
        "max_stories": wanted.max_stories,
        "all_quiet": wanted.all_quiet,
    }


def _checked_topics(wanted: Sequence[OwnTopic]) -> list[OwnTopic]:
    """Each once, where it stands first, with hours of its own that can be understood or none."""
    topics = list({each.slug: each for each in reversed(wanted)}.values())[::-1]
    if not topics:
        raise UnknownTopic("no topic was named; at least one is needed")
    if len(topics) > MOST_TOPICS:
        raise UnknownTopic(f"{len(topics)} topics are too many; {MOST_TOPICS} at most")
    for each in topics:
        if (each.cadence is None) != (each.send_minute is None):
            raise CadenceError(f"the topic {each.slug[:64]} has days or a time of its own, but not both")
        if each.cadence is not None and each.send_minute is not None:
            parse(each.cadence)
            check_minute(each.send_minute)
    return topics


def pause(session: Session, subscriber_id: int, until: date | None, *, now: datetime) -> Choices:
    """No digest before the local midnight that begins `until`; None ends a pause.

    Raises UnknownReader, and CadenceError for a day that has begun or is more than a year away.
    """
    row = _active(session, subscriber_id)
    values = {"paused_until": None if until is None else _midnight(until, row.timezone, now)}
    session.connection().execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(values))
    settle(session, subscriber_id, now=now, anew=until is not None or row.paused_until is not None)
    return choices(session.connection(), subscriber_id, now=now)


def _midnight(day: date, timezone: str, now: datetime) -> datetime:
    place = zone(timezone)
    today = now.astimezone(place).date()
    if day <= today:
        raise CadenceError(f"{day:%Y-%m-%d} has begun; a pause ends on a day to come")
    if day > today + LONGEST_PAUSE:
        raise CadenceError(f"{day:%Y-%m-%d} is more than a year away; a pause lasts a year at most")
    # Where a clock change skips midnight, fold=0 reads it as the first instant of the day (PEP 495).
    return datetime.combine(day, time(0), place).astimezone(UTC)


def less_often(
    session: Session, subscriber_id: int, *, now: datetime, note: str = "", network: bytes | None = None
) -> Choices | None:  # fmt: skip
    """Weekly instead, on today's local weekday at the same time, for every topic. None for who has left."""
    row = roster.locked(session, subscriber_id)
    if row is None or row.status != "active":
        return None
    connection = session.connection()
    today = now.astimezone(zone(row.timezone)).weekday()
    mine = update(SUBSCRIPTION).where(SUBSCRIPTION.c.subscriber_id == subscriber_id)
    connection.execute(mine.values(cadence=None, send_minute=None))
    weekly = {"cadence": f"weekly:{DAYS[today]}"}
    connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id).values(weekly))
    consent.log(connection, subscriber_id, now, "changed", [], form="less-often", note=note, network=network)
    settle(session, subscriber_id, now=now)
    return choices(session.connection(), subscriber_id, now=now)


def leave_topics(
    session: Session,
    subscriber_id: int,
    slugs: Sequence[str],
    *,
    now: datetime,
    note: str = "",
    network: bytes | None = None,
) -> int | None:
    """Leave these topics, everything when none is left. The mark by which it can be taken back, None when nothing
    changed. Slugs that the reader does not have are passed over. No error for who is gone."""
    row = roster.locked(session, subscriber_id)
    if row is None or row.status not in ("pending", "active"):
        return None
    connection = session.connection()
    held = connection.execute(
        select(SUBSCRIPTION.c.topic_id, SUBSCRIPTION.c.status, TOPIC.c.slug)
        .join(TOPIC, TOPIC.c.id == SUBSCRIPTION.c.topic_id)
        .where(SUBSCRIPTION.c.subscriber_id == subscriber_id)
        .order_by(SUBSCRIPTION.c.position)
    ).all()
    leaving = [each for each in held if each.slug in slugs]
    if not leaving:
        return None
    if all(each in leaving for each in held if each.status == row.status):
        return roster.unsubscribe(connection, subscriber_id, now=now, reason="page", note=note, network=network)
    ids = [each.topic_id for each in leaving]
    gone = delete(SUBSCRIPTION).where(SUBSCRIPTION.c.subscriber_id == subscriber_id, SUBSCRIPTION.c.topic_id.in_(ids))
    connection.execute(gone)
    left = [each.slug for each in leaving]
    before = row.profile_id
    mark = consent.log(
        connection, subscriber_id, now, "left", left, form="page", note=note, network=network, profile_id=before
    )
    if row.status == "active":
        settle(session, subscriber_id, now=now)
    return mark


def _active(session: Session, subscriber_id: int) -> Row[Any]:
    row = roster.locked(session, subscriber_id)
    if row is None or row.status != "active":
        raise UnknownReader("this reader has left or is not here any more")
    return row
