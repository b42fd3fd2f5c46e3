"""What links and account pages ask of the editions. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlmodel import Session

from digest.models import Article, Delivery, Edition, StoryLeft
from digest.store.memory import unpack
from digest.store.narrow import WELCOME
from digest.types import SENT_STATES, Pick
from subscribers.sql import slices, table

_delivery, _edition, _article, _left = table(Delivery), table(Edition), table(Article), table(StoryLeft)


@dataclass(frozen=True, slots=True)
class Sent:
    """One digest that a reader was sent."""

    edition_id: int
    planned_at: datetime
    blob: str | None
    key_id: int
    profile_id: int
    picks: tuple[Pick, ...] | None
    """None when it is forgotten what the mail held; empty for a welcome without stories, or a quiet day."""


def planned_at(session: Session, edition_id: int) -> datetime | None:
    """When an edition was planned, which is how old its links are; None when there is none. It never changes."""
    query = select(_edition.c.planned_at).where(_edition.c.id == edition_id)
    return session.connection().execute(query).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class Entry:
    """One delivery of a reader, whatever became of it."""

    edition_id: int
    planned_at: datetime
    slot: str
    key_id: int
    state: str
    reason: str
    message_id: str
    picks: tuple[Pick, ...] | None
    """As in `Sent`."""


def everything_to(session: Session, subscriber_id: int) -> list[Entry]:
    """All of a reader's deliveries, system mails too, newest first."""
    query = (
        select(
            _edition.c.id,
            _edition.c.planned_at,
            _edition.c.slot,
            _edition.c.key_id,
            _delivery.c.state,
            func.coalesce(_delivery.c.reason, ""),
            func.coalesce(_delivery.c.provider_message_id, ""),
            _delivery.c.picks,
        )
        .join(_edition, _edition.c.id == _delivery.c.edition_id)
        .where(_delivery.c.subscriber_id == subscriber_id)
        .order_by(_delivery.c.edition_id.desc())
    )
    return [
        Entry(*row[:7], None if row.picks is None else unpack(row.picks)) for row in session.connection().execute(query)
    ]


def titles(session: Session, story_ids: Iterable[int]) -> dict[int, str]:
    """Story id -> the title of its first article, or of the first that it had when it became another story; absent
    where none is kept."""
    found: dict[int, str] = {}
    wanted = sorted(set(story_ids))
    here = select(_article.c.story_id, _article.c.title).order_by(_article.c.id)
    gone = select(_left.c.story_id, _article.c.title).join(_article, _article.c.id == _left.c.article_id)
    ways = ((here, _article.c.story_id), (gone.order_by(_left.c.until, _article.c.id), _left.c.story_id))
    for query, story in ways:
        for portion in slices([each for each in wanted if each not in found]):
            for story_id, title in session.connection().execute(query.where(story.in_(portion))):
                found.setdefault(story_id, title)
    return found


def sent_to(session: Session, subscriber_id: int, limit: int) -> list[Sent]:
    """The last digests and welcome mails of a reader, newest first: those that were sent or may have been."""
    query = (
        select(
            _edition.c.id,
            _edition.c.planned_at,
            _edition.c.blob,
            _edition.c.key_id,
            _delivery.c.profile_id,
            _delivery.c.picks,
        )
        .join(_edition, _edition.c.id == _delivery.c.edition_id)
        .where(
            _delivery.c.subscriber_id == subscriber_id,
            _delivery.c.state.in_([str(state) for state in SENT_STATES]),
            or_(_edition.c.kind != "system", _edition.c.slot.like(f"{WELCOME}%")),
        )
        .order_by(_delivery.c.edition_id.desc())
        .limit(limit)
    )
    return [
        Sent(*row[:5], None if row.picks is None else unpack(row.picks)) for row in session.connection().execute(query)
    ]
